"""Keys of sessions and records in stories of several scans.

A story writes files, and gives back control whenever it wants a scan: then it is told what the tracker holds of its
host. All stories are told at the same time, and each scan is one for all of them: a store of many files costs hardly
more than one of few.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import stormlog.query
from stormlog.artifacts.event_files import path_session_id
from stormlog.compaction import compact_sink
from stormlog.tracking import Tracker
from tests.query.sinks import write_lines, write_sink
from tests.tracking.people import STANDING_NS, with_tables
from tests.tracking.sessionless import alert, drift, start
from tests.tracking.shared_stores import one_store_of


class Held(NamedTuple):
    """What a tracker holds.

    Attributes:
        evidence: Keys of the evidence of a host.
        sessions: Key -> hits of the sessions of the host.
        titles: Titles of the issues of all hosts.
    """

    evidence: set[tuple[str, str]]
    sessions: dict[str, int]
    titles: set[str]

    @classmethod
    def by(cls, tracker: Tracker, host: str) -> Held:
        with tracker.reading() as connection:
            rows = connection.execute(
                "SELECT o.session_id, k.evidence_id FROM issue_occurrences AS o "
                "INNER JOIN issue_evidence_keys AS k ON k.occurrence_id = o.occurrence_id WHERE o.host = ?",
                [host],
            ).fetchall()
            hits = connection.execute(
                "SELECT session_id, sum(hit_count) FROM issue_occurrences WHERE host = ? GROUP BY 1", [host]
            ).fetchall()
            titles = connection.execute("SELECT title FROM issues").fetchall()
        return cls(
            {(row[0], row[1]) for row in rows}, {row[0]: row[1] for row in hits}, {row[0] for row in titles}
        )


class Scanned(NamedTuple):
    """What a story is told after a scan.

    Attributes:
        new_count: How much evidence is new.
        held: What the tracker holds now.
        once: What a tracker holds that never saw the files before.
    """

    new_count: int
    held: Held
    once: Held


Story = Callable[[Path], Generator[None, Scanned, None]]


def a_session_keeps_its_key_while_its_file_grows(folder: Path) -> Generator[None, Scanned, None]:
    """A record that is older than all others comes last; so the file is known again by either."""
    older, newer = alert(5, host=folder.name), alert(10, host=folder.name)
    path = write_lines(folder / "events.jsonl", [newer])
    yield
    write_lines(path, [newer, older])
    scanned = yield
    assert (scanned.new_count, len(scanned.held.sessions)) == (1, 1)
    path.rename(folder / "other.jsonl")
    (folder / "copy").mkdir()
    shutil.copy(folder / "other.jsonl", folder / "copy" / "events.jsonl")
    assert (yield).new_count == 0


def a_session_keeps_its_key_when_its_oldest_records_are_gone(folder: Path) -> Generator[None, Scanned, None]:
    segments = {
        f"segment-00000{n}.jsonl": [alert(100 * n + m, host=folder.name) for m in range(5)]
        for n in range(1, 4)
    }
    write_sink(folder / "sink", segments)
    events = [alert(n, pid=8, host=folder.name) for n in range(10)]
    flat = write_lines(folder / "events.jsonl", events)
    assert (yield).new_count == 25
    del segments["segment-000001.jsonl"]
    (folder / "sink" / "segment-000001.jsonl").unlink()
    write_sink(folder / "sink", segments)
    (folder / "sink").rename(folder / "moved")
    write_lines(flat, events[5:])
    scanned = yield
    assert (scanned.new_count, len(scanned.held.sessions)) == (0, 2)


def two_processes_are_two_sessions(folder: Path) -> Generator[None, Scanned, None]:
    for pid in (1, 2):
        write_lines(folder / f"{pid}.jsonl", [alert(10, pid=pid, host=folder.name)])
    assert len((yield).held.sessions) == 2


def an_id_that_was_recorded_is_a_key_whatever_it_looks_like(folder: Path) -> Generator[None, Scanned, None]:
    """This one is what would be made of the path of the very file."""
    path = folder / "runs" / "events.jsonl"
    path.parent.mkdir()
    named = path_session_id(str(path), "telemetry_jsonl")
    write_lines(path, [with_session(named, alert(10, host=folder.name))])
    assert (yield).held.sessions == {named: 1}
    path.parent.rename(folder / "archive")
    assert (yield).new_count == 0


def a_session_that_only_the_manifest_names_is_known_without_it(
    folder: Path,
) -> Generator[None, Scanned, None]:
    events = [alert(at, host=folder.name) for at in (10, 20)]
    sink = write_sink(folder / "sink", {"segment-000001.jsonl": events})
    manifest = json.loads((sink / "manifest.json").read_text())
    manifest["segments"][0]["session_id"] = "named"
    (sink / "manifest.json").write_text(json.dumps(manifest))
    assert (yield).held.sessions == {"named": 2}
    (folder / "flat").mkdir()
    shutil.copy(sink / "segment-000001.jsonl", folder / "flat" / "events.jsonl")
    assert (yield).new_count == 0
    (sink / "manifest.json").unlink()
    for _ in ("by what changed", "by everything"):
        scanned = yield
        assert (scanned.new_count, scanned.held.sessions) == (0, {"named": 2})


def the_query_shows_the_session_that_the_path_gives(folder: Path) -> Generator[None, Scanned, None]:
    path = write_lines(folder / "events.jsonl", [alert(10, host=folder.name)])
    (key,) = (yield).held.sessions
    with stormlog.query.open([path], cache=False) as store:
        ((shown,),) = store.sql("SELECT session_id FROM sessions").rows
    assert shown == path_session_id(str(path), "telemetry_jsonl")
    assert key.startswith("session-") and key != shown


def a_finding_that_changes_after_its_file_was_moved_is_replaced(
    folder: Path,
) -> Generator[None, Scanned, None]:
    # A start describes the session, so that no scan opens another store to find who does.
    events = [start(-1, host=folder.name), *drift(0, 400, host=folder.name)]
    (folder / "runs").mkdir()
    path = write_lines(folder / "runs" / "events.jsonl", events[:9])
    assert (yield).new_count
    path = path.parent.rename(folder / "archive") / path.name
    write_lines(path, events)
    scanned = yield
    assert scanned.held == scanned.once


def a_record_that_stands_twice_is_two_pieces_of_evidence(folder: Path) -> Generator[None, Scanned, None]:
    """Of a session that has a name, and of one that has none."""
    event = alert(10, host=folder.name)
    events = {"named": with_session("s1", event), "sessionless": event}
    for name, event in events.items():
        write_lines(folder / f"{name}.jsonl", [event, event])
    scanned = yield
    assert (scanned.new_count, [*scanned.held.sessions.values()]) == (4, [2, 2])
    for name in events:
        shutil.copy(folder / f"{name}.jsonl", folder / f"copy_of_{name}.jsonl")
    scanned = yield
    assert scanned.new_count == 0
    assert (len(scanned.once.evidence), [*scanned.once.sessions.values()]) == (4, [2, 2])
    for name, event in events.items():
        write_lines(folder / f"{name}.jsonl", [event, event, event])
    scanned = yield
    assert (scanned.new_count, [*scanned.held.sessions.values()]) == (2, [3, 3])


def equal_records_are_counted_over_the_segments_of_a_sink(folder: Path) -> Generator[None, Scanned, None]:
    events = [with_session("s2", alert(at, host=folder.name)) for at in (10, 20)]
    sink = write_sink(folder / "sink", {"segment-000001.jsonl": events, "segment-000002.jsonl": events[1:]})
    assert (yield).new_count == 3
    compact_sink(sink, output=folder / "compacted")
    shutil.rmtree(sink)
    scanned = yield
    assert (scanned.new_count, scanned.held.sessions) == (0, {"s2": 3})


def with_session(session_id: str, event: dict[str, Any]) -> dict[str, Any]:
    return event | {"schema_version": 3, "session_id": session_id}


STORIES: list[Story] = [
    a_session_keeps_its_key_while_its_file_grows,
    a_session_keeps_its_key_when_its_oldest_records_are_gone,
    two_processes_are_two_sessions,
    an_id_that_was_recorded_is_a_key_whatever_it_looks_like,
    a_session_that_only_the_manifest_names_is_known_without_it,
    the_query_shows_the_session_that_the_path_gives,
    a_finding_that_changes_after_its_file_was_moved_is_replaced,
    a_record_that_stands_twice_is_two_pieces_of_evidence,
    equal_records_are_counted_over_the_segments_of_a_sink,
]
#: The last one looks at everything again.
SCAN_COUNT = 4


@pytest.fixture(scope="module")
def endings(tmp_path_factory: pytest.TempPathFactory) -> dict[Story, Exception | None]:
    """How each story ended: with an error, or well; one that wants more scans than there are is missing."""
    below = tmp_path_factory.mktemp("stories")
    told: dict[Story, Generator[None, Scanned, None]] = {}
    held: dict[Story, Held] = {}
    endings: dict[Story, Exception | None] = {}

    def go_on(story: Story, scanned: Scanned | None) -> None:
        try:
            told[story].send(scanned)  # type: ignore[arg-type]
        except StopIteration:
            endings[story] = None
        except Exception as error:
            endings[story] = error

    with new_tracker(below / "tracker.db") as tracker:
        for story in STORIES:
            folder = below / "files" / story.__name__
            folder.mkdir(parents=True)
            told[story] = story(folder)
            held[story] = Held(set(), {}, set())
            go_on(story, None)
        for number in range(1, 1 + SCAN_COUNT):
            scanned: dict[Story, Scanned] = {}
            with one_store_of(below / "files"), new_tracker(below / f"once{number}.db") as once:
                tracker.scan([below / "files"], settle_ns=0, full=number == SCAN_COUNT)
                once.scan([below / "files"], settle_ns=0)
                for story in [story for story in STORIES if story not in endings]:
                    before = held[story].evidence
                    held[story] = now = Held.by(tracker, story.__name__)
                    scanned[story] = Scanned(len(now.evidence - before), now, Held.by(once, story.__name__))
            for story, told_of in scanned.items():
                go_on(story, told_of)
    return endings


def new_tracker(path: Path) -> Tracker:
    return Tracker(with_tables(path), clock=lambda: STANDING_NS)


@pytest.mark.parametrize("story", STORIES, ids=lambda story: story.__name__)
def test_stories(endings: dict[Story, Exception | None], story: Story) -> None:
    error = endings[story]
    if error is not None:
        raise error
