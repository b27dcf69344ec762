"""Telemetry that lies below the opened paths twice counts once; what only looks like it counts fully."""

from __future__ import annotations

import gzip
import json
import os
import random
import shutil
from collections import Counter
from collections.abc import Callable
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
    readings_of,
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


def test_a_note_names_both(sink: Path) -> None:
    compacted(sink)
    beginning(sink)
    with stormlog.query.open(sink.parent, cache=False) as store:
        readings_of(store)
        codes = notes_of(store, sink.parent)
        said = [warning.message.replace(f"{sink.parent}{os.sep}", "") for warning in store.catalog.warnings]
    assert codes == [("job-compact", "copy_of:job"), ("early.jsonl", "copy_of:job")]
    assert said == [
        "holds the same telemetry as job, which counts instead",
        "holds only the beginning of the telemetry in job, which counts instead",
    ]


def test_the_copy_counts_when_the_original_is_gone(sink: Path) -> None:
    compacted(sink)
    shutil.rmtree(sink)
    with stormlog.query.open(sink.parent, cache=False) as store:
        assert readings_of(store) == 70
        assert notes_of(store, sink.parent) == []


def test_a_bundle_that_holds_its_own_sink_counts_once_without_the_original(sink: Path) -> None:
    bundle(sink)
    shutil.rmtree(sink)
    with stormlog.query.open(sink.parent, cache=False) as store:
        assert readings_of(store) == 70
        assert len(store.list_sessions()) == 1


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


def test_what_two_sinks_both_hold_counts_once_and_the_rest_too(tmp_path: Path) -> None:
    """A copy that was made before old segments were deleted."""
    events = events_of(count=90)
    parts = {f"segment-00000{number}.jsonl": events[number * 30 - 30 : number * 30] for number in (1, 2, 3)}
    write_sink(tmp_path / "a", {name: parts[name] for name in list(parts)[:2]})
    write_sink(tmp_path / "b", {name: parts[name] for name in list(parts)[1:]})
    with stormlog.query.open(tmp_path, cache=False) as store:
        assert [row.as_dict()["timestamp_ns"] for row in store.query_events()] == [
            event["timestamp_ns"] for event in events
        ]


def test_one_session_of_a_file_may_be_a_copy_and_the_other_none(tmp_path: Path) -> None:
    first, second = events_of("one"), events_of("two")
    write_lines(tmp_path / "a.jsonl", first)
    write_lines(tmp_path / "both.jsonl", first + second)
    with stormlog.query.open(tmp_path, cache=False) as store:
        assert len(store.query_events()) == len(first) + len(second)
        assert sorted((row.session_id, row.source_path) for row in store.list_sessions()) == [
            ("one", str(tmp_path / "a.jsonl")),
            ("two", str(tmp_path / "both.jsonl")),
        ]


# ---- skipped lines -----------------------------------------------------------------------------------------


def test_a_skipped_line_of_both_is_told_once(sink: Path) -> None:
    with (sink / "segment-000001.jsonl").open("a") as stream:
        stream.write('{"broken\n{"broken\n')
    copied(sink)
    one_packed_file(sink)
    with stormlog.query.open(sink.parent, cache=False) as store:
        for ask in (readings_of, lambda store: len(store.query_events())):
            assert ask(store) == 70
            assert [(reject.path, reject.line_number, reject.reason) for reject in store.rejects()] == [
                (str(sink / "segment-000001.jsonl"), number, "malformed_json") for number in (41, 42)
            ]


def test_a_line_that_only_the_copy_lacks_is_told(sink: Path) -> None:
    path = sink.parent / "copy.jsonl"
    path.write_bytes(lines_of(sink)[:-20])
    with stormlog.query.open(sink.parent, cache=False) as store:
        assert len(store.query_events()) == 70
        assert [(reject.path, reject.reason) for reject in store.rejects()] == [(str(path), "torn_line")]


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


@pytest.mark.parametrize("name", ["manifest.json", "metadata.json", "events.json"])
def test_bundles_that_differ_in_one_file_count_both(name: str, tmp_path: Path) -> None:
    first = oom_bundle(tmp_path / "a" / "oom_dump_1")
    other = tmp_path / "b" / "oom_dump_1"
    shutil.copytree(first, other)
    (other / name).write_text((other / name).read_text().replace("}", " }", 1))
    with stormlog.query.open(tmp_path, cache=False) as store:
        assert len(store.list_oom_bundles()) == 2 and not store.catalog.warnings


# ---- any mixture -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(1, 1 + few_or_many(1, 100)))
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
