"""Events as they come: each is told once, whatever happens to the files that hold it."""

from __future__ import annotations

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import pytest

import stormlog.query
from stormlog.compaction import compact_sink
from stormlog.query import EventFilter, EventRow
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.apps.cli.test_follow import Writer
from tests.query.sinks import write_sink
from tests.soak import few_or_many

STEADY = Path(__file__).parents[2] / "examples" / "captures" / "sink-retention" / "steady"


def texts(rows: Iterable[EventRow]) -> Counter[str]:
    """Return events without their places, and how often there is each."""
    return Counter(
        json.dumps({**row.as_dict(), "source_path": 0, "source_kind": 0, "session_status": 0}) for row in rows
    )


SOME = ["s-1", "s-2"]
#: What is followed: everything, and some of it.
FOLLOWED = {"all": None, "some": EventFilter(event_type="sample", session_id=SOME)}


def cold(path: Path) -> dict[str, Counter[str]]:
    """Return the events that are there, as a store that was never asked before has them."""
    with stormlog.query.open(path, cache=False) as store:
        rows = store.query_events()
    some = [row for row in rows if row.event.event_type == "sample" and row.event.session_id in SOME]
    return {"all": texts(rows), "some": texts(some)}


def test_each_event_is_told_as_often_as_it_was_there_at_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    writer = Writer(runs, 1)
    writer.append()
    told, most = ({name: Counter[str]() for name in FOLLOWED} for _ in range(2))
    with stormlog.query.open(runs, cache=False) as store:
        followers = {name: store.follow_events(filters) for name, filters in FOLLOWED.items()}
        for _ in range(few_or_many(12, 600)):
            there = cold(runs)
            for name, follower in followers.items():
                told[name].update(texts(follower.look().events))
                most[name] |= there[name]
            assert told == most
            writer.step()
            store.refresh(may_be_gone=True)
    assert told["all"].total() > told["some"].total() > 30


def test_new_events_come_in_the_order_of_time(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", event())
    with stormlog.query.open(tmp_path, cache=False) as store:
        follower = store.follow_events()
        assert [row.event.timestamp_ns for row in follower.look().events] == [START_NS]
        with path.open("a") as stream:
            for after in (5, 3):
                stream.write(json.dumps(event(timestamp_ns=START_NS + after)) + "\n")
        write_lines(tmp_path / "b.jsonl", event(timestamp_ns=START_NS + 4))
        store.refresh()
        assert [row.event.timestamp_ns - START_NS for row in follower.look().events] == [3, 4, 5]
        assert list(follower.look().events) == []


def test_an_unfinished_line_comes_once_it_is_finished(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", event())
    line = json.dumps(event(timestamp_ns=START_NS + 1))
    with stormlog.query.open(tmp_path, cache=False) as store:
        follower = store.follow_events()
        told = [len(list(follower.look().events))]
        # Cut in two, then without its line break, then whole.
        for piece in (line[:100], line[100:], "\n"):
            with path.open("a") as stream:
                stream.write(piece)
            store.refresh()
            told.append(len(list(follower.look().events)))
    assert told == [1, 0, 1, 0]


def test_compaction_and_moving_tell_nothing_again(tmp_path: Path) -> None:
    sink, compacted = tmp_path / "runs" / "steady", tmp_path / "compacted"
    shutil.copytree(STEADY, sink)
    with stormlog.query.open(tmp_path / "runs", cache=False) as store:
        follower = store.follow_events()
        assert len(list(follower.look().events)) == 178
        compact_sink(str(sink), str(compacted))
        # Somebody looks just when the one is gone and the other not there yet.
        for change in (lambda: shutil.rmtree(sink), lambda: shutil.move(compacted, sink)):
            change()
            assert store.refresh(may_be_gone=True)
            arrivals = follower.look()
            assert list(arrivals.events) == [] and arrivals.missing == []
        assert not follower.is_in_doubt and list(sink.glob("*.parquet"))


def test_what_is_gone_is_counted_with_its_file_once(tmp_path: Path) -> None:
    lines = [event(timestamp_ns=START_NS + number) for number in range(5)]
    path = write_lines(tmp_path / "a.jsonl", *lines)
    other = write_lines(tmp_path / "b.jsonl", event(session_id="s-2"))
    with stormlog.query.open(tmp_path, cache=False) as store:
        follower = store.follow_events()
        assert len(list(follower.look().events)) == 6
        # Cut to two of five lines, then written on with another one.
        write_lines(path, *lines[:2], event(timestamp_ns=START_NS + 9))
        store.refresh()
        arrivals = follower.look()
        assert [row.event.timestamp_ns - START_NS for row in arrivals.events] == [9]
        assert arrivals.missing == [] and follower.is_in_doubt
        assert follower.look().missing == [(str(path), 3)]
        other.unlink()
        store.refresh()
        assert follower.look().missing == []
        assert follower.look().missing == [(str(other), 1)]
        # What comes back was told.
        write_lines(path, *lines, event(timestamp_ns=START_NS + 9))
        store.refresh()
        arrivals = follower.look()
        assert list(arrivals.events) == [] and arrivals.missing == []
        assert follower.look().missing == []
        # What is gone is told of the look that missed it.
        for changed in (
            [*lines, event(timestamp_ns=START_NS + 9), event(timestamp_ns=START_NS + 10)],
            lines[:1],
        ):
            write_lines(path, *changed)
            store.refresh()
            assert follower.look().missing == []
        assert follower.look().missing == [(str(path), 6)]


def test_the_same_line_twice_is_told_twice(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", event(), event())
    with stormlog.query.open(tmp_path, cache=False) as store:
        follower = store.follow_events()
        assert len(list(follower.look().events)) == 2
        os.replace(write_lines(tmp_path / "new", event(), event(), event()), path)
        store.refresh()
        assert len(list(follower.look().events)) == 1


def test_segments_that_roll_over_are_followed(tmp_path: Path) -> None:
    sink = tmp_path / "sink"
    lines = [event(timestamp_ns=START_NS + number) for number in range(9)]
    write_sink(sink, {"segment-000001.jsonl": lines[:3]})
    told = []
    with stormlog.query.open(tmp_path, cache=False) as store:
        follower = store.follow_events()
        for segments in ([lines[:3]], [lines[:3], lines[3:5]], [lines[:3], lines[3:6], lines[6:]]):
            write_sink(
                sink, {f"segment-{number:06}.jsonl": part for number, part in enumerate(segments, start=1)}
            )
            store.refresh()
            told.append([row.event.timestamp_ns - START_NS for row in follower.look().events])
    assert told == [[0, 1, 2], [3, 4], [5, 6, 7, 8]]


def test_a_filter_with_an_order_or_a_page_is_refused(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", event())
    with stormlog.query.open(tmp_path, cache=False) as store:
        for given in ({"limit": 3}, {"sort": "newest"}, {"limit": 3, "page": 2}):
            with pytest.raises(ValueError, match="leave out sort, limit and page"):
                store.follow_events(EventFilter(**given))
