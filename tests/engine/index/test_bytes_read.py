"""What did not change is not read again: bytes are counted, not time.

Files are made to lie: another content is put into them while the file system seems to say that nothing happened.
Whoever reads them notices; whoever does not read them gives the answer of before.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest

import stormlog.query
from stormlog.artifacts import snapshot
from stormlog.artifacts.file_state import FileState, file_states, sample_of, sample_of_open, state_of
from stormlog.engine.reading import line_chunks, read_plan
from stormlog.engine.reading import line_files as line_reading
from stormlog.engine.reading import reader as reading
from stormlog.engine.reading.temporary_files import TemporaryFiles
from tests.engine.index.answers import forget_answers, issues_of, warm_answer
from tests.engine.index.changes import text_of
from tests.engine.index.mixes import append
from tests.engine.reading.test_parquet_rows import sink_of, table
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink

#: Head, tail and six blocks between them.
SAMPLE_BYTES = 8 * 4096


class Reads:
    """Counts what is sampled and copied, and lets files look as they once did."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.frozen: dict[str, FileState | None] = {}
        self.sampled: list[str] = []
        self.copied: list[tuple[str, int, int]] = []
        for module in (reading, line_reading):
            monkeypatch.setattr(module, "state_of", self._state_of)
        monkeypatch.setattr(
            snapshot, "file_states", lambda paths: {path: self._state_of(path) for path in paths}
        )
        for module in (read_plan, line_reading):
            monkeypatch.setattr(module, "sample_of", self._sample_of)
        monkeypatch.setattr(line_chunks, "sample_of_open", self._sample_of_open)
        copy_range = TemporaryFiles.copy_range

        def counted(owner: TemporaryFiles, source: IO[bytes], start: int, end: int, name: str) -> str:
            self.copied.append((Path(source.name).name, start, end))
            return copy_range(owner, source, start, end, name)

        monkeypatch.setattr(TemporaryFiles, "copy_range", counted)

    def let_lie(self, path: Path, data: bytes) -> None:
        """Put another content into a file that seems not to change."""
        self.frozen[str(path)] = state_of(str(path))
        path.write_bytes(data)

    def begin(self) -> None:
        self.sampled.clear()
        self.copied.clear()

    def _state_of(self, path: str) -> FileState | None:
        return self.frozen[path] if path in self.frozen else state_of(path)

    def _sample_of(self, path: str, length: int) -> str:
        self.sampled.append(Path(path).name)
        return sample_of(path, length)

    def _sample_of_open(self, stream: IO[bytes], length: int) -> str:
        # Samples of copies read nothing of the files.
        if "-from-" not in Path(stream.name).name:
            self.sampled.append(Path(stream.name).name)
        return sample_of_open(stream, length)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Iterator[Reads]:
    assert file_states is snapshot.file_states
    yield Reads(monkeypatch)


def answer(files: Path, cache: Path) -> str:
    """Answer from the index; answers that were kept are forgotten first."""
    forget_answers(cache)
    return issues_of(files, cache)


def test_lies_are_noticed_by_those_who_read(tmp_path: Path, reads: Reads) -> None:
    """The tests below rest on this one."""
    path = write_lines(tmp_path / "a.jsonl", busy_session("a", 40))
    wanted = answer(path, tmp_path / "cache")
    reads.let_lie(path, text_of("liar"))

    assert answer(path, tmp_path / "other cache") != wanted


def test_nothing_is_read_of_what_did_not_change(tmp_path: Path, reads: Reads) -> None:
    files = tmp_path / "files"
    write_sink(files / "sink", {f"segment-{n:06d}.jsonl": busy_session(f"s{n}", 40) for n in range(1, 4)})
    sink_of(files / "columns", table(busy_session("columns", 40)))
    write_lines(files / "flat.jsonl", busy_session("flat", 40))
    (files / "torn.jsonl").write_bytes(text_of("torn"))
    (files / "events.json").write_bytes(b"[" + b",".join(text_of("document").splitlines()) + b"]")
    wanted = warm_answer(files, tmp_path / "cache", with_events=False)
    forget_answers(tmp_path / "cache")
    for path in sorted(files.rglob("*.jsonl")) + sorted(files.rglob("*.parquet")) + [files / "events.json"]:
        reads.let_lie(path, b"garbage")
    reads.begin()

    assert warm_answer(files, tmp_path / "cache", with_events=False) == wanted
    assert reads.sampled == reads.copied == []


def test_of_a_grown_file_samples_and_the_new_bytes_are_read(tmp_path: Path, reads: Reads) -> None:
    files = tmp_path / "files"
    files.mkdir()
    path = write_lines(files / "a.jsonl", busy_session("a", 900))
    answer(files, tmp_path / "cache")
    length = path.stat().st_size
    assert length > 10 * SAMPLE_BYTES
    # Between the blocks of the sample there is garbage now: nobody looks.
    with path.open("r+b") as stream:
        stream.seek(4096)
        stream.write(b"x" * 20_000)
    append(path, busy_session("b", 20))
    reads.begin()
    got = answer(files, tmp_path / "cache")

    assert reads.copied == [("a.jsonl", length, path.stat().st_size)]
    # Twice to see that what was read is still there, before and after the rest is copied; once for the next time.
    assert reads.sampled == ["a.jsonl"] * 3
    path.write_bytes(text_of("a", 900) + text_of("b", 20))
    assert got == answer(files, tmp_path / "cold")


def test_closed_segments_are_left_alone_when_another_grows(tmp_path: Path, reads: Reads) -> None:
    sink = write_sink(
        tmp_path / "sink", {f"segment-{n:06d}.jsonl": busy_session("s", 40) for n in range(1, 5)}
    )
    active = sink / "segment-000005.jsonl"
    active.write_bytes(text_of("s", 30, start_ns=START_NS + 10**12))
    answer(sink, tmp_path / "cache")
    originals = {}
    for path in sorted(sink.glob("*.jsonl"))[:-1]:
        originals[path] = path.read_bytes()
        reads.let_lie(path, text_of("liar"))
    length = active.stat().st_size
    append(active, busy_session("s", 20, start_ns=START_NS + 10**13))
    reads.begin()
    got = answer(sink, tmp_path / "cache")

    assert [name for name, *_ in reads.copied] == [active.name]
    assert reads.copied[0][1] == length
    assert set(reads.sampled) == {active.name}
    for path, data in originals.items():
        path.write_bytes(data)
    assert got == answer(sink, tmp_path / "cold")


def test_an_unfinished_line_is_read_again_and_nothing_before_it(tmp_path: Path, reads: Reads) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "a.jsonl").write_bytes(text_of("a", 40) + b'{"torn')
    wanted = answer(files, tmp_path / "cache")
    reads.begin()

    assert answer(files, tmp_path / "cache") == wanted
    size = (files / "a.jsonl").stat().st_size
    assert reads.copied == [("a.jsonl", size - 6, size)]


def test_a_sample_is_small_however_long_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a"
    with path.open("wb") as stream:
        stream.truncate(1 << 40)
    assert sample_of(str(path), 1 << 40) != sample_of(str(path), (1 << 40) - 1)


def test_a_kept_answer_is_given_without_a_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_lines(tmp_path / "a.jsonl", busy_session("a", 40))

    def issues() -> list[str]:
        with stormlog.query.open(path, cache=tmp_path / "cache") as store:
            return [issue.title for issue in store.list_issues()]

    wanted = issues()
    monkeypatch.setattr("stormlog.engine.engine.connect", None)
    assert issues() == wanted
