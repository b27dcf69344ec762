"""Telemetry that lies below the opened paths twice counts once; what only looks like it counts fully."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import stormlog.query
from tests.engine.analysis.copied_sinks import (
    LAYOUTS,
    Events,
    answers,
    answers_of,
    beginning,
    bundle,
    compacted,
    copied,
    events_of,
    lines_of,
    make_sink,
    notes_of,
    one_packed_file,
    readings,
)
from tests.query.sinks import SECOND, START_NS, busy_session, write_lines, write_sink
from tests.soak import few_or_many
from tests.telemetry.factories import record


class SideBySide(NamedTuple):
    """One folder for each layout, with a sink of a session of its own called ``job`` and the copies of it.

    Attributes:
        folder: Holds the folders.
        before: The answers about all of them before the copies were made.
        after: The same afterwards.
        told: Layout -> the notes about its copies.
    """

    folder: Path
    before: dict[str, Any]
    after: dict[str, Any]
    told: dict[str, list[tuple[str, str]]]


@pytest.fixture(scope="module")
def side_by_side(tmp_path_factory: pytest.TempPathFactory) -> SideBySide:
    folder = tmp_path_factory.mktemp("layouts") / "runs"
    sinks = [
        make_sink(folder / name / "job", events_of(name, start_ns=START_NS + number * 1000 * SECOND))
        for number, name in enumerate(LAYOUTS)
    ]
    before = answers(folder)
    for layout, sink in zip(LAYOUTS.values(), sinks, strict=True):
        layout(sink)
    with stormlog.query.open(folder, cache=False) as store:
        store.list_issues()
        notes = notes_of(store, folder)
        after = answers_of(store)
    told = {
        name: [
            (path, code.replace(f"{name}{os.sep}", ""))
            for path, code in notes
            if path.startswith(name + os.sep)
        ]
        for name in LAYOUTS
    }
    return SideBySide(folder, before, after, told)


def of_session(found: dict[str, Any], session_id: str) -> dict[str, Any]:
    """Return what answers say of one session."""
    return {
        name: [row for row in rows if f"'{session_id}'" in str(row)]
        for name, rows in found.items()
        if name in ("events", "gaps", "sessions")
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_copy_changes_nothing_about_its_session(layout: str, side_by_side: SideBySide) -> None:
    wanted = of_session(side_by_side.before, layout)
    assert len(wanted["events"]) == 70 and wanted["gaps"] and len(wanted["sessions"]) == 1
    assert of_session(side_by_side.after, layout) == wanted
    told = side_by_side.told[layout]
    assert told and all(code.startswith("copy_of:job") for _, code in told)


def test_answers_with_copies_are_those_without(side_by_side: SideBySide) -> None:
    assert side_by_side.after == side_by_side.before


def test_what_counts_does_not_depend_on_the_order_of_paths(side_by_side: SideBySide) -> None:
    folders = sorted(side_by_side.folder.iterdir())
    backwards = [path for folder in folders for path in sorted(folder.iterdir(), reverse=True)]
    assert answers(*backwards) == side_by_side.after


def test_strict_stores_do_not_mind_copies(side_by_side: SideBySide) -> None:
    assert readings(side_by_side.folder, strict=True) == len(LAYOUTS) * 70


def test_records_without_a_session_count_once(tmp_path: Path) -> None:
    files = {}
    for host in ("plain", "packed"):
        events = [{**event, "schema_version": 2, "host": host} for event in events_of()]
        for event in events:
            del event["session_id"]
        (tmp_path / host / "y").mkdir(parents=True)
        files[write_lines(tmp_path / host / "x.jsonl", events)] = events
    wanted = answers(tmp_path)
    assert len(wanted["events"]) == 2 * 70
    for path in files:
        content = path.read_bytes()
        if path.parent.name == "plain":
            (path.parent / "y" / "x.jsonl").write_bytes(content)
        else:
            (path.parent / "y" / "x.jsonl.gz").write_bytes(gzip.compress(content))
    assert answers(tmp_path) == wanted
    # Other processes that wrote at the same time.
    for path, events in files.items():
        write_lines(path.parent / "y" / "other.jsonl", [{**event, "pid": 8} for event in events])
    assert readings(tmp_path) == 2 * len(wanted["events"])


# ---- what is no copy ---------------------------------------------------------------------------------------

CHANGES: dict[str, Callable[[Events], Events]] = {
    "pid of one": lambda events: [*events[:30], {**events[30], "pid": 8}, *events[31:]],
    "metadata of the last": lambda events: [
        *events[:-1],
        {**events[-1], "metadata": {**events[-1]["metadata"], "step": 1}},
    ],
    "host of the first": lambda events: [{**events[0], "host": "other"}, *events[1:]],
    "order of two": lambda events: [events[1], events[0], *events[2:]],
    "without the first": lambda events: events[1:],
    "without one in the middle": lambda events: [*events[:30], *events[31:]],
    "other end": lambda events: [
        *events[:60],
        record(session_id=events[0]["session_id"], timestamp_ns=START_NS + 61 * SECOND),
    ],
    "rank of all": lambda events: [{**event, "rank": 1, "world_size": 2} for event in events],
    "session of all": lambda events: [{**event, "session_id": "other"} for event in events],
}


@pytest.fixture(scope="module")
def changed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Counter[str], list[str]]:
    """How many events of each file count, and the paths of all warnings; each change lies beside what was changed."""
    folder = tmp_path_factory.mktemp("changed")
    for name, change in CHANGES.items():
        (folder / name).mkdir()
        write_lines(folder / name / "all.jsonl", events_of(name))
        write_lines(folder / name / "changed.jsonl", change(events_of(name)))
    with stormlog.query.open(folder, cache=False) as store:
        files = Counter(
            str(Path(row.as_dict()["source_path"]).relative_to(folder)) for row in store.query_events()
        )
        return files, [warning.path for warning in store.catalog.warnings]


@pytest.mark.parametrize("name", CHANGES)
def test_other_records_of_the_session_count_fully(name: str, changed: tuple[Counter[str], list[str]]) -> None:
    files, warned = changed
    assert files[f"{name}/all.jsonl"] == 70
    assert files[f"{name}/changed.jsonl"] == len(CHANGES[name](events_of()))
    assert warned == []


# ---- bundles -----------------------------------------------------------------------------------------------


def oom_bundle(folder: Path, **fields: Any) -> Path:
    folder.mkdir(parents=True)
    manifest = {
        "bundle_name": "oom_dump_1",
        "reason": "out of memory",
        "backend": "cuda",
        "event_count": 1,
        "created_at_utc": "2026-01-01T00:00:00Z",
        "session_id": "s",
        **fields,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "metadata.json").write_text(json.dumps({"exception_type": "E"}))
    (folder / "events.json").write_text(json.dumps([record()]))
    return folder


def test_copies_of_oom_bundles_count_once(tmp_path: Path) -> None:
    first = oom_bundle(tmp_path / "a" / "oom_dump_1")
    shutil.copytree(first, tmp_path / "a" / "backup" / "renamed")
    for order in (["a"], ["a/backup", "a"]):
        with stormlog.query.open([tmp_path / name for name in order], cache=False) as store:
            assert [row.bundle_path for row in store.list_oom_bundles()] == [str(first)]
            assert [issue.hit_count for issue in store.list_issues()] == [1]
            (warning,) = store.catalog.warnings
            assert warning.is_note and warning.path.endswith("renamed")
            assert len(store.catalog.oom_bundles) == 2


# ---- small cases beside each other -------------------------------------------------------------------------

#: Case -> what writes it into a folder of its name, into sessions that are called like it.
SMALL: dict[str, Callable[[Path], None]] = {}


def small(case: Callable[[Path], None]) -> Callable[[Path], None]:
    SMALL[case.__name__] = case
    return case


def sink_in(folder: Path) -> Path:
    return make_sink(folder / "job", events_of(folder.name))


class SmallCase(NamedTuple):
    """What one store of all small cases says of one.

    Attributes:
        folder: Holds its files.
        readings: How many readings count.
        rejects: Path below the folder, number and reason of skipped lines: before events were asked for, and after.
        notes: Path below the folder and message of all warnings, which are notes.
        events: Those that count.
        sessions: Ids and paths of sessions, the latter below the folder.
        bundles: How many bundles of an OOM count.
    """

    folder: Path
    readings: int
    rejects: tuple[list[tuple[str, int, str]], list[tuple[str, int, str]]]
    notes: list[tuple[str, str]]
    events: list[dict[str, Any]]
    sessions: list[tuple[str, str]]
    bundles: int


@pytest.fixture(scope="module")
def small_cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, SmallCase]:
    root = tmp_path_factory.mktemp("small")
    for name, write in SMALL.items():
        (root / name).mkdir()
        write(root / name)

    def rejects_of(store: stormlog.query.QueryStore) -> list[tuple[str, int, str]]:
        return [(one.path, one.line_number, one.reason) for one in store.rejects()]

    with stormlog.query.open(root, cache=False) as store:
        counted = dict(store.sql("SELECT session_id, count(*) FROM memory_readings GROUP BY 1").rows)
        rejects, warnings = rejects_of(store), store.catalog.warnings
        events = [row.as_dict() for row in store.query_events()]
        all_rejects = rejects_of(store)
        assert store.catalog.warnings == warnings
        sessions = [(row.source_path, row.session_id) for row in store.list_sessions()]
        bundles = [row.bundle_path for row in store.list_oom_bundles()]
    assert all(warning.is_note for warning in warnings)

    def of_case(name: str) -> SmallCase:
        prefix = f"{root / name}{os.sep}"

        def below(rows: list[Any]) -> list[Any]:
            return [(row[0].removeprefix(prefix), *row[1:]) for row in rows if row[0].startswith(prefix)]

        return SmallCase(
            root / name,
            counted.get(name, 0),
            (below(rejects), below(all_rejects)),
            below([(warning.path, warning.message.replace(prefix, "")) for warning in warnings]),
            [row for row in events if row["source_path"].startswith(prefix)],
            sorted((session, path) for path, session in below(sessions)),
            sum(path.startswith(prefix) for path in bundles),
        )

    return {name: of_case(name) for name in SMALL}


@small
def compacted_and_its_beginning(folder: Path) -> None:
    sink = sink_in(folder)
    compacted(sink)
    beginning(sink)


def test_a_note_names_both(small_cases: dict[str, SmallCase]) -> None:
    assert small_cases["compacted_and_its_beginning"].notes == [
        ("job-compact", "holds the same telemetry as job, which counts instead"),
        ("early.jsonl", "holds only the beginning of the telemetry in job, which counts instead"),
    ]


@small
def compacted_without_the_original(folder: Path) -> None:
    sink = sink_in(folder)
    compacted(sink)
    shutil.rmtree(sink)


def test_the_copy_counts_when_the_original_is_gone(small_cases: dict[str, SmallCase]) -> None:
    found = small_cases["compacted_without_the_original"]
    assert (found.readings, found.notes) == (70, [])


@small
def bundle_without_the_original(folder: Path) -> None:
    sink = sink_in(folder)
    bundle(sink)
    shutil.rmtree(sink)


def test_a_bundle_that_holds_its_own_sink_counts_once_without_the_original(
    small_cases: dict[str, SmallCase],
) -> None:
    found = small_cases["bundle_without_the_original"]
    assert (found.readings, len(found.sessions)) == (70, 1)


@small
def copied_before_old_segments_were_deleted(folder: Path) -> None:
    events = events_of(folder.name, count=90)
    parts = {f"segment-00000{number}.jsonl": events[number * 30 - 30 : number * 30] for number in (1, 2, 3)}
    write_sink(folder / "a", {name: parts[name] for name in list(parts)[:2]})
    write_sink(folder / "b", {name: parts[name] for name in list(parts)[1:]})


def test_what_two_sinks_both_hold_counts_once_and_the_rest_too(small_cases: dict[str, SmallCase]) -> None:
    found = small_cases["copied_before_old_segments_were_deleted"]
    assert [event["timestamp_ns"] for event in found.events] == [
        event["timestamp_ns"] for event in events_of(count=90)
    ]


@small
def file_of_two_sessions(folder: Path) -> None:
    first, second = events_of(f"{folder.name} one"), events_of(f"{folder.name} two")
    write_lines(folder / "a.jsonl", first)
    write_lines(folder / "both.jsonl", first + second)


def test_one_session_of_a_file_may_be_a_copy_and_the_other_none(small_cases: dict[str, SmallCase]) -> None:
    found = small_cases["file_of_two_sessions"]
    assert len(found.events) == 2 * 70
    assert found.sessions == [
        ("file_of_two_sessions one", "a.jsonl"),
        ("file_of_two_sessions two", "both.jsonl"),
    ]


@small
def skipped_lines_of_both(folder: Path) -> None:
    sink = sink_in(folder)
    with (sink / "segment-000001.jsonl").open("a") as stream:
        stream.write('{"broken\n{"broken\n')
    copied(sink)
    one_packed_file(sink)


def test_a_skipped_line_of_both_is_told_once(small_cases: dict[str, SmallCase]) -> None:
    found = small_cases["skipped_lines_of_both"]
    assert (found.readings, len(found.events)) == (70, 70)
    told = [("job/segment-000001.jsonl", number, "malformed_json") for number in (41, 42)]
    assert found.rejects == (told, told)


@small
def torn_copy(folder: Path) -> None:
    (folder / "copy.jsonl").write_bytes(lines_of(sink_in(folder))[:-20])


def test_a_line_that_only_the_copy_lacks_is_told(small_cases: dict[str, SmallCase]) -> None:
    found = small_cases["torn_copy"]
    assert len(found.events) == 70
    assert [(path, reason) for path, _, reason in found.rejects[1]] == [("copy.jsonl", "torn_line")]


def bundles_that_differ_in(name: str, folder: Path) -> None:
    first, other = (
        oom_bundle(folder / "a" / "oom_dump_1", session_id=folder.name),
        folder / "b" / "oom_dump_1",
    )
    shutil.copytree(first, other)
    (other / name).write_text((other / name).read_text().replace("}", " }", 1))


FILES_OF_A_BUNDLE = ["manifest.json", "metadata.json", "events.json"]
SMALL.update({f"other {name}": partial(bundles_that_differ_in, name) for name in FILES_OF_A_BUNDLE})


@pytest.mark.parametrize("name", FILES_OF_A_BUNDLE)
def test_bundles_that_differ_in_one_file_count_both(name: str, small_cases: dict[str, SmallCase]) -> None:
    found = small_cases[f"other {name}"]
    assert (found.bundles, found.notes) == (2, [])


# ---- any mixture -------------------------------------------------------------------------------------------


# The first has three sinks that share a session.
@pytest.mark.parametrize("seed", range(20, 20 + few_or_many(1, 100)))
def test_any_copies_of_any_sources_change_no_answer(seed: int, tmp_path: Path) -> None:
    rng = random.Random(seed)
    runs = tmp_path / "runs"
    sinks = []
    for number in range(rng.randint(1, 3)):
        # Some sinks share a session but for its rank.
        session = rng.choice(["shared", f"s{number}"])
        events = [
            {**event, "rank": number, "world_size": 4}
            for event in busy_session(session, rng.randint(20, 90), start_ns=START_NS + rng.randint(0, 50))
        ]
        sinks.append(make_sink(runs / f"job{number}" / "sink", events))
    wanted = answers(runs)
    kept = rng.sample(list(LAYOUTS.values()), rng.randint(1, 4))
    for layout in kept:
        layout(rng.choice(sinks))
    assert answers(runs) == wanted, [layout.__name__ for layout in kept]
