"""Files that are replaced by others while they are read: an answer is about one file, never about a mix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, Any

import pytest

import stormlog.query
from stormlog.engine.reading import line_chunks, line_files
from stormlog.engine.reading.temporary_files import TemporaryFiles
from tests.query.sinks import busy_session, write_lines

COUNTS = "SELECT count(*), count(DISTINCT session_id), (SELECT count(*) FROM rejects) FROM events"


def events_of(session_id: str, count: int, *, padding: str = "") -> list[dict[str, Any]]:
    """Return events of one session, in lines that are longer with a padding."""
    events = busy_session(session_id, count)
    return [{**event, "metadata": {**event["metadata"], "padding": padding}} for event in events]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "opened").mkdir()
    return tmp_path / "opened"


class Replacing:
    """Puts other files in the place of one, before its bytes are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, path: Path, others: list[Path]) -> None:
        self.path, self.others = path, others
        opened, monkey = TemporaryFiles.open, monkeypatch

        def open_replaced(temporary_files: TemporaryFiles, name: str) -> IO[bytes]:
            stream = opened(temporary_files, name)
            if Path(name) != self.path or not self.others:
                return stream
            stream.close()
            os.replace(self.others.pop(0), self.path)
            return opened(temporary_files, name)

        monkey.setattr(TemporaryFiles, "open", open_replaced)


@pytest.mark.parametrize("size", ["in a copy", "in place"])
@pytest.mark.parametrize(("count", "padding"), [(30, ""), (60, ""), (30, "x" * 50), (20, "x" * 200)])
@pytest.mark.parametrize("times", [1, 3])
def test_only_the_new_file_counts(
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    size: str,
    count: int,
    padding: str,
    times: int,
) -> None:
    if size == "in place":
        monkeypatch.setattr(line_chunks, "_COPIED_BYTES", 0)
    path = write_lines(folder / "events.jsonl", events_of("before", 40))
    others = [
        write_lines(tmp_path / f"other-{number}.jsonl", events_of(f"after-{number}", count, padding=padding))
        for number in range(times)
    ]
    Replacing(monkeypatch, path, others)
    with stormlog.query.open([path.parent], cache=tmp_path / "cache") as store:
        found = store.sql(COUNTS).rows[0]
        if size == "in a copy":
            assert found == (count, 1, 0)
        store.refresh()
        assert store.sql(COUNTS).rows == [(count, 1, 0)]
    with stormlog.query.open([path.parent], cache=tmp_path / "cache") as store:
        assert store.sql(COUNTS).rows == [(count, 1, 0)]


def test_what_was_read_of_the_file_before_does_not_stay(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lines(folder / "events.jsonl", events_of("before", 40))
    with stormlog.query.open([path.parent], cache=tmp_path / "cache") as store:
        assert store.sql(COUNTS).rows == [(40, 1, 0)]
        with open(path, "ab") as target:
            target.write(write_lines(tmp_path / "more.jsonl", events_of("more", 5)).read_bytes())
        Replacing(monkeypatch, path, [write_lines(tmp_path / "other.jsonl", events_of("after", 60))])
        store.refresh()
        assert store.sql(COUNTS).rows == [(60, 1, 0)]
        store.refresh()
        assert store.sql(COUNTS).rows == [(60, 1, 0)]


def test_one_of_many_small_files(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(70):
        write_lines(folder / f"events-{number:02}.jsonl", events_of(f"session-{number}", 4))
    other = tmp_path / "other.jsonl"
    path = folder / "events-07.jsonl"
    first = path.read_bytes()
    # It begins with the whole lines that are expected there.
    other.write_bytes(first + first.replace(b"session-7", b"session-X"))
    Replacing(monkeypatch, path, [other])
    with stormlog.query.open([folder], cache=False) as store:
        assert store.sql(COUNTS).rows == [(284, 71, 0)]


SESSIONS = "SELECT DISTINCT session_id FROM events ORDER BY 1"


@pytest.mark.parametrize("count", [5, 39, 41, 90])
@pytest.mark.parametrize("when", ["before it is copied", "after it was copied"])
@pytest.mark.parametrize("growth", [0, 5])
def test_a_file_that_is_written_anew_is_no_growth(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, when: str, growth: int
) -> None:
    """Its number stays, as that of a file does which takes the place of one that was removed."""
    path = write_lines(folder / "events.jsonl", events_of("before", 40))
    anew = write_lines(tmp_path / "other.jsonl", events_of("after", count)).read_bytes()
    more = write_lines(tmp_path / "more.jsonl", events_of("more", 20)).read_bytes()
    copy_range = TemporaryFiles.copy_range
    written = []

    def copied(owner: TemporaryFiles, source: IO[bytes], *rest: Any) -> str:
        if is_armed and when == "before it is copied" and not written:
            written.append(path.write_bytes(anew))
        copy = copy_range(owner, source, *rest)
        if is_armed and when == "after it was copied" and not written:
            written.append(path.write_bytes(anew))
        return copy

    is_armed = growth == 0
    monkeypatch.setattr(TemporaryFiles, "copy_range", copied)
    with stormlog.query.open([folder], cache=tmp_path / "cache") as store:
        first = store.sql(SESSIONS).rows
        if growth:
            assert first == [("before",)]
            is_armed = True
            path.write_bytes(path.read_bytes() + more)
            store.refresh()
            assert store.sql(SESSIONS).rows in ([("after",)], [("before",), ("more",)])
        else:
            assert first in ([("after",)], [("before",)])
        assert written
        for _ in range(2):
            store.refresh()
            assert store.sql(COUNTS).rows == [(count, 1, 0)]
    with stormlog.query.open([folder], cache=tmp_path / "cache") as store:
        assert store.sql(COUNTS).rows == [(count, 1, 0)]


def test_a_large_file_that_is_written_anew_after_its_scan(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line_chunks, "_COPIED_BYTES", 0)
    path = write_lines(folder / "events.jsonl", events_of("before", 40))
    anew = write_lines(tmp_path / "other.jsonl", events_of("after", 60)).read_bytes()
    sample_of, written = line_files.sample_of, []

    def sampled(name: str, length: int) -> str:
        if not written:
            written.append(path.write_bytes(anew))
        return sample_of(name, length)

    monkeypatch.setattr(line_files, "sample_of", sampled)
    with stormlog.query.open([folder], cache=tmp_path / "cache") as store:
        store.sql(COUNTS)
        assert written
        store.refresh()
        assert store.sql(COUNTS).rows == [(60, 1, 0)]
