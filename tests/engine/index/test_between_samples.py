"""A file that is changed where no sample is taken of it gives the new answer, if anything else tells of the change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import stormlog.query
from stormlog.artifacts.file_state import sample_of
from tests.engine.index.mixes import line_of
from tests.query.sinks import SECOND, START_NS
from tests.telemetry.factories import record

OLD, NEW = b"Disk is low", b"Disk is out"


def lines(session_id: str, count: int = 400) -> bytes:
    """Return samples, and an alert a quarter of the way."""
    events = [
        record(session_id=session_id, timestamp_ns=START_NS + number * SECOND, device_total_bytes=None)
        for number in range(count)
    ]
    events[count // 4] |= {"event_type": "warning", "context": OLD.decode()}
    return b"".join(map(line_of, events))


def titles(store: stormlog.query.QueryStore) -> dict[str, str]:
    """Return the title of the issue that each file is evidence of."""
    return {Path(str(link.source_path)).stem: i.title for i in store.list_issues() for link in i.evidence}


def in_place(path: Path, data: bytes) -> None:
    """Write other bytes into the same file; its time is a new one."""
    with path.open("r+b") as stream:
        stream.write(data)
    os.utime(path, ns=(START_NS + SECOND, START_NS + SECOND))


def in_place_at_the_same_time(path: Path, data: bytes) -> None:
    """Write other bytes into the same file, and set its time back: that of its inode tells."""
    with path.open("r+b") as stream:
        stream.write(data)
    os.utime(path, ns=(START_NS, START_NS))


def by_another_file(path: Path, data: bytes) -> None:
    """Put another file of the same time in the place."""
    new = path.with_name("new")
    new.write_bytes(data)
    os.utime(new, ns=(START_NS, START_NS))
    new.replace(path)


def by_a_longer_file(path: Path, data: bytes) -> None:
    """Put a file in the place that begins with these bytes and goes on."""
    by_another_file(path, data + line_of(record(session_id=path.stem, timestamp_ns=START_NS + 500 * SECOND)))


CHANGES = {
    change.__name__: change
    for change in (in_place, in_place_at_the_same_time, by_another_file, by_a_longer_file)
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """What is told of files that change between samples: before, by the store that looks again, and by a new one."""
    folder = tmp_path_factory.mktemp("between")
    files, cache = folder / "files", folder / "cache"
    files.mkdir()
    for name in CHANGES:
        (files / f"{name}.jsonl").write_bytes(lines(name))
        os.utime(files / f"{name}.jsonl", ns=(START_NS, START_NS))
    with stormlog.query.open([files], cache=cache) as store:
        before = titles(store)
        for name, change in CHANGES.items():
            path, data = files / f"{name}.jsonl", lines(name)
            inode, sample = path.stat().st_ino, sample_of(str(path), len(data))
            change(path, data.replace(OLD, NEW))
            # Nothing but the change itself and the state of the file is another one.
            assert sample_of(str(path), len(data)) == sample
            assert (path.stat().st_ino == inode) == name.startswith("in_place")
        store.refresh()
        refreshed = titles(store)
    with stormlog.query.open([files], cache=cache) as store:
        return [before, refreshed, titles(store)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_between_samples_is_seen(told: list[dict[str, str]], change: str) -> None:
    low, out = "Alert: disk is low", "Alert: disk is out"
    assert [titles.get(change) for titles in told] == [low, out, out]
