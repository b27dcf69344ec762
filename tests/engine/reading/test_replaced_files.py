"""Files that are replaced by others while they are read: an answer is about one file, never about a mix."""

from __future__ import annotations

import os
from collections import defaultdict
from itertools import product
from pathlib import Path
from typing import IO, Any

import pytest

import stormlog.query
from stormlog.engine.reading import line_chunks, line_files
from stormlog.engine.reading.temporary_files import TemporaryFiles
from tests.query.sinks import busy_session, write_lines

COUNTS = "SELECT count(*), count(DISTINCT session_id), (SELECT count(*) FROM rejects) FROM events"


def counts_of(store: stormlog.query.QueryStore) -> dict[str, tuple[int, int, int]]:
    """Return by name how many events, sessions and skipped lines a file has."""
    found = store.sql(
        "SELECT segment_path, count(*), count(DISTINCT session_id) FROM events GROUP BY ALL"
    ).rows
    rejects = dict(store.rejects_summary())
    return {Path(path).name: (events, sessions, rejects.pop(path, 0)) for path, events, sessions in found} | {
        Path(path).name: (0, 0, count) for path, count in rejects.items()
    }


def events_of(session_id: str, count: int, *, padding: str = "") -> list[dict[str, Any]]:
    """Return events of one session, in lines that are longer with a padding."""
    events = busy_session(session_id, count)
    return [{**event, "metadata": {**event["metadata"], "padding": padding}} for event in events]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "opened").mkdir()
    return tmp_path / "opened"


class Replacing:
    """Puts other files in the place of some, one after the other, before their bytes are read."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, others: dict[Path, list[Path]]) -> None:
        opened = TemporaryFiles.open

        def open_replaced(temporary_files: TemporaryFiles, name: str) -> IO[bytes]:
            stream = opened(temporary_files, name)
            if not others.get(Path(name)):
                return stream
            stream.close()
            os.replace(others[Path(name)].pop(0), name)
            return opened(temporary_files, name)

        monkeypatch.setattr(TemporaryFiles, "open", open_replaced)


#: How many events the file holds that comes in the place of one with 40, and how much longer its lines are.
REPLACEMENTS = {
    "fewer": (30, ""),
    "more": (60, ""),
    "fewer, longer": (30, "x" * 50),
    "half, much longer": (20, "x" * 200),
}


@pytest.mark.parametrize("size", ["in a copy", "in place"])
def test_only_the_new_files_count(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: str
) -> None:
    """Each is replaced once or three times."""
    if size == "in place":
        monkeypatch.setattr(line_chunks, "_COPIED_BYTES", 0)
    others: dict[Path, list[Path]] = {}
    wanted = {}
    for (name, (count, padding)), times in product(REPLACEMENTS.items(), (1, 3)):
        own = f"{name} {times}"
        path = write_lines(folder / f"{own}.jsonl", events_of(f"{own} before", 40))
        others[path] = [
            write_lines(tmp_path / f"{own}-{number}", events_of(f"{own} {number}", count, padding=padding))
            for number in range(times)
        ]
        wanted[path.name] = (count, 1, 0)
    Replacing(monkeypatch, others)
    with stormlog.query.open([folder], cache=tmp_path / "cache") as store:
        found = counts_of(store)
        if size == "in a copy":
            assert found == wanted
        store.refresh()
        assert counts_of(store) == wanted
        assert not any(others.values())
    with stormlog.query.open([folder], cache=tmp_path / "cache") as store:
        assert counts_of(store) == wanted


def test_what_was_read_of_the_file_before_does_not_stay(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_lines(folder / "events.jsonl", events_of("before", 40))
    with stormlog.query.open([path.parent], cache=tmp_path / "cache") as store:
        assert store.sql(COUNTS).rows == [(40, 1, 0)]
        with open(path, "ab") as target:
            target.write(write_lines(tmp_path / "more.jsonl", events_of("more", 5)).read_bytes())
        Replacing(monkeypatch, {path: [write_lines(tmp_path / "other.jsonl", events_of("after", 60))]})
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
    Replacing(monkeypatch, {path: [other]})
    with stormlog.query.open([folder], cache=False) as store:
        assert store.sql(COUNTS).rows == [(284, 71, 0)]


def sessions_of(store: stormlog.query.QueryStore) -> dict[str, set[str]]:
    """Return by name whose events a file has."""
    found: dict[str, set[str]] = defaultdict(set)
    for path, session in store.sql("SELECT DISTINCT segment_path, session_id FROM events").rows:
        found[Path(path).name].add(session)
    return found


@pytest.mark.parametrize("growth", [0, 5])
def test_files_that_are_written_anew_are_no_growth(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, growth: int
) -> None:
    """Their numbers stay, as that of a file does which takes the place of one that was removed."""
    anew, more, wanted = {}, {}, {}
    for count, when in product((5, 39, 41, 90), ("before", "after")):
        name = f"{count} {when} its copy"
        path = write_lines(folder / f"{name}.jsonl", events_of(f"{name} old", 40))
        anew[str(path)] = write_lines(tmp_path / "other.jsonl", events_of(f"{name} anew", count)).read_bytes()
        more[path] = write_lines(tmp_path / "more.jsonl", events_of(f"{name} more", 20)).read_bytes()
        wanted[path.name] = (count, 1, 0)
    copy_range = TemporaryFiles.copy_range
    waiting = dict(anew)

    def copied(owner: TemporaryFiles, source: IO[bytes], *rest: Any) -> str:
        name = source.name
        is_written = is_armed and name in waiting
        if is_written and "before" in name:
            Path(name).write_bytes(waiting.pop(name))
        copy = copy_range(owner, source, *rest)
        if is_written and "after" in name:
            Path(name).write_bytes(waiting.pop(name))
        return copy

    is_armed = growth == 0
    monkeypatch.setattr(TemporaryFiles, "copy_range", copied)
    with stormlog.query.open([folder], cache=tmp_path / "cache") as store:
        found = sessions_of(store)
        if growth:
            assert found == {path.name: {f"{path.stem} old"} for path in more}
            is_armed = True
            for path, content in more.items():
                path.write_bytes(path.read_bytes() + content)
            store.refresh()
            found = sessions_of(store)
        old = {"old", "more"} if growth else {"old"}
        for path in more:
            assert found[path.name] in ({f"{path.stem} anew"}, {f"{path.stem} {word}" for word in old})
        assert not waiting
        for _ in range(2):
            store.refresh()
            assert counts_of(store) == wanted
    with stormlog.query.open([folder], cache=tmp_path / "cache") as store:
        assert counts_of(store) == wanted


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
