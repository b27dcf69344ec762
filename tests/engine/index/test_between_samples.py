"""A file that is changed where no sample is taken of it gives the new answer, if anything else tells of the change."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

import stormlog.query
from stormlog.artifacts.file_state import sample_of
from tests.engine.index.mixes import line_of
from tests.query.sinks import SECOND, START_NS
from tests.telemetry.factories import record

OLD, NEW = b"Disk is low", b"Disk is out"


def lines(count: int = 400) -> bytes:
    """Return samples, and an alert a quarter of the way."""
    events = [
        record(session_id="s", timestamp_ns=START_NS + number * SECOND, device_total_bytes=None)
        for number in range(count)
    ]
    events[count // 4] |= {"event_type": "warning", "context": OLD.decode()}
    return b"".join(map(line_of, events))


def titles(store: stormlog.query.QueryStore) -> list[str]:
    return [issue.title for issue in store.list_issues()]


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
    by_another_file(path, data + line_of(record(session_id="s", timestamp_ns=START_NS + 500 * SECOND)))


@pytest.mark.parametrize("change", [in_place, in_place_at_the_same_time, by_another_file, by_a_longer_file])
def test_a_change_between_samples_is_seen(tmp_path: Path, change: Callable[[Path, bytes], None]) -> None:
    path, data = tmp_path / "events.jsonl", lines()
    path.write_bytes(data)
    os.utime(path, ns=(START_NS, START_NS))
    before = path.stat()
    sample = sample_of(str(path), len(data))
    options = {"cache": tmp_path / "cache"}

    with stormlog.query.open([path], **options) as store:
        assert titles(store) == ["Alert: disk is low"]
        change(path, data.replace(OLD, NEW))
        # Nothing but the change itself and the state of the file is another one.
        assert sample_of(str(path), len(data)) == sample
        assert (path.stat().st_ino == before.st_ino) == change.__name__.startswith("in_place")
        store.refresh()
        refreshed = titles(store)
    with stormlog.query.open([path], **options) as store:
        opened = titles(store)

    assert refreshed == opened == ["Alert: disk is out"]
