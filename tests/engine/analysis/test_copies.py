"""Telemetry that lies below the opened paths twice counts once; what only looks like it counts fully."""

from __future__ import annotations

import csv
import gzip
import json
import os
import random
import shutil
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stormlog.query
from stormlog.compaction import compact_sink
from stormlog.engine import engine, selective
from stormlog.engine.analysis import copies
from stormlog.query import EventFilter
from stormlog.query.remembered.verification import verify
from tests.query.sinks import SECOND, START_NS, busy_session, write_lines, write_sink
from tests.soak import few_or_many
from tests.telemetry.factories import record

Events = list[dict[str, Any]]


def events_of(session_id: str = "s", count: int = 70) -> Events:
    return busy_session(session_id, count)


def entry(session_id: str) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "status": "completed",
        "started_at_ns": START_NS,
        "ended_at_ns": START_NS + 100 * SECOND,
        "host": "h",
        "pid": 7,
        "source": "test",
    }


def make_sink(directory: Path, events: Events | None = None, **manifest: Any) -> Path:
    events = events_of() if events is None else events
    files = {"segment-000001.jsonl": events[:40], "segment-000002.jsonl": events[40:]}
    return write_sink(directory, files, **{"sessions": [entry(events[0]["session_id"])], **manifest})


def lines_of(sink: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(sink.glob("segment-*.jsonl")))


def answers(*paths: Path | str, **options: Any) -> dict[str, Any]:
    """Return all answers but the notes, without numbers of files and sources."""
    with stormlog.query.open(paths, **{"cache": False, **options}) as store:
        return answers_of(store)


def answers_of(store: stormlog.query.QueryStore) -> dict[str, Any]:
    return {
        "issues": [issue.as_dict() for issue in store.list_issues()],
        "gaps": store.sql("SELECT * EXCLUDE (source_id) FROM memory_gaps ORDER BY finding_number").rows,
        "rejects": [astuple(reject) for reject in store.rejects()],
        "sessions": [row.as_dict() for row in store.list_sessions()],
        "events": [row.as_dict() for row in store.query_events()],
        "rejects_of_events": [astuple(reject) for reject in store.rejects()],
    }


def notes(path: Path, **options: Any) -> list[tuple[str, str]]:
    """Return path and code of what is told, below the folder."""
    with stormlog.query.open(path, **{"cache": False, **options}) as store:
        store.list_issues()
        return notes_of(store, path)


def notes_of(store: stormlog.query.QueryStore, folder: Path) -> list[tuple[str, str]]:
    root = f"{folder}{os.sep}"
    assert all(warning.is_note for warning in store.catalog.warnings)
    return [
        (warning.path.removeprefix(root), warning.code.replace(root, ""))
        for warning in store.catalog.warnings
    ]


def hits(*paths: Path, **options: Any) -> int:
    with stormlog.query.open(paths, **{"cache": False, **options}) as store:
        return sum(issue.hit_count for issue in store.list_issues())


# ---- layouts -----------------------------------------------------------------------------------------------


def compacted(sink: Path) -> None:
    compact_sink(sink, None)


def copied(sink: Path) -> None:
    shutil.copytree(sink, sink.parent / "zcopy" / sink.name)


def packed_segments(sink: Path) -> None:
    for path in sorted(sink.glob("segment-*.jsonl")):
        target = sink.parent / f"{path.name}.gz"
        target.write_bytes(gzip.compress(path.read_bytes()))


def one_file(sink: Path) -> None:
    (sink.parent / "whole.jsonl").write_bytes(lines_of(sink))


def one_packed_file(sink: Path) -> None:
    content = pyarrow.compress(lines_of(sink), "zstd", asbytes=True)
    (sink.parent / "whole.jsonl.zst").write_bytes(content)


def document(sink: Path) -> None:
    events = [json.loads(line) for line in lines_of(sink).splitlines()]
    (sink.parent / "tracking.json").write_text(json.dumps(events, indent=2))


def table(sink: Path) -> None:
    events = [json.loads(line) for line in lines_of(sink).splitlines()]
    with (sink.parent / "track.csv").open("w", newline="") as stream:
        writer = csv.DictWriter(stream, list(events[0]))
        writer.writeheader()
        for event in events:
            writer.writerow({**event, "metadata": json.dumps(event["metadata"])})


def beginning(sink: Path) -> None:
    (sink.parent / "early.jsonl").write_bytes(b"".join(lines_of(sink).splitlines(keepends=True)[:50]))


def hard_links(sink: Path) -> None:
    (sink.parent / "links").mkdir()
    for path in sink.glob("segment-*.jsonl"):
        os.link(path, sink.parent / "links" / path.name)


def other_spelling(sink: Path) -> None:
    lines = [json.loads(line) for line in lines_of(sink).splitlines()]
    text = "".join(json.dumps(dict(reversed(line.items())), separators=(",", ":")) + "\r\n" for line in lines)
    (sink.parent / "respelled.jsonl").write_text(text, newline="")


def bundle(sink: Path) -> None:
    """A diagnose bundle that holds the sink and an export of it."""
    folder = sink.parent / "stormlog-diagnose-1"
    shutil.copytree(sink, folder / "telemetry")
    shutil.copy(sink.parent / "tracking.json", folder) if (sink.parent / "tracking.json").exists() else None
    document(folder / "telemetry")
    manifest = {
        "command_line": "diagnose",
        "files": ["telemetry/manifest.json", "tracking.json"],
        "risk_detected": False,
        "session_id": None,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


LAYOUTS = [
    *(compacted, copied, packed_segments, one_file, one_packed_file, document, table, beginning, hard_links),
    *(other_spelling, bundle),
]


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    return make_sink(tmp_path / "runs" / "job")


def as_text(found: dict[str, Any], runs: Path) -> str:
    """Return answers as JSON, without the folder in which the files lie."""
    return json.dumps(found, default=str).replace(json.dumps(str(runs))[1:-1], "<RUNS>")


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The answers about such a sink alone."""
    runs = make_sink(tmp_path_factory.mktemp("wanted") / "runs" / "job").parent
    return as_text(answers(runs), runs)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_answers_with_a_copy_are_those_without(
    layout: Callable[[Path], None], sink: Path, wanted: str
) -> None:
    runs = sink.parent
    layout(sink)
    with stormlog.query.open(runs, cache=False) as store:
        store.list_issues()
        told = notes_of(store, runs)
        assert as_text(answers_of(store), runs) == wanted
    assert told and all(code.startswith("copy_of:job") for _, code in told)


def test_a_note_names_both(sink: Path) -> None:
    compacted(sink)
    beginning(sink)
    assert notes(sink.parent) == [("job-compact", "copy_of:job"), ("early.jsonl", "copy_of:job")]
    with stormlog.query.open(sink.parent, cache=False) as store:
        store.list_issues()
        said = [warning.message.replace(f"{sink.parent}{os.sep}", "") for warning in store.catalog.warnings]
    assert said == [
        "holds the same telemetry as job, which counts instead",
        "holds only the beginning of the telemetry in job, which counts instead",
    ]


def test_strict_stores_do_not_mind_copies(sink: Path) -> None:
    wanted = hits(sink)
    compacted(sink)
    assert hits(sink.parent, strict=True) == wanted


@pytest.mark.parametrize("layout", [compacted, one_file, bundle])
def test_what_counts_does_not_depend_on_the_order_of_paths(
    layout: Callable[[Path], None], sink: Path
) -> None:
    layout(sink)
    paths = sorted(sink.parent.iterdir())
    wanted = answers(*paths)
    assert answers(*reversed(paths)) == wanted


def test_the_copy_counts_when_the_original_is_gone(sink: Path) -> None:
    wanted = hits(sink)
    compacted(sink)
    shutil.rmtree(sink)
    assert hits(sink.parent) == wanted
    assert notes(sink.parent) == []


def test_a_bundle_that_holds_its_own_sink_counts_once_without_the_original(sink: Path) -> None:
    wanted = hits(sink)
    bundle(sink)
    shutil.rmtree(sink)
    assert hits(sink.parent) == wanted
    with stormlog.query.open(sink.parent, cache=False) as store:
        assert len(store.list_sessions()) == 1


@pytest.mark.parametrize("name", ["x.jsonl", "x.jsonl.gz"])
def test_records_without_a_session_count_once(name: str, tmp_path: Path) -> None:
    events = [{**event, "schema_version": 2} for event in events_of()]
    for event in events:
        del event["session_id"]
    write_lines(tmp_path / "x.jsonl", events)
    wanted = answers(tmp_path)
    content = (tmp_path / "x.jsonl").read_bytes()
    (tmp_path / "y").mkdir()
    (tmp_path / "y" / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert answers(tmp_path) == wanted
    # Another process that wrote at the same time.
    write_lines(tmp_path / "y" / "other.jsonl", [{**event, "pid": 8} for event in events])
    assert hits(tmp_path) == 2 * sum(issue["hit_count"] for issue in wanted["issues"])


# ---- what is no copy ---------------------------------------------------------------------------------------

CHANGES: list[Callable[[Events], Events]] = [
    lambda events: [*events[:30], {**events[30], "pid": 8}, *events[31:]],
    lambda events: [*events[:-1], {**events[-1], "metadata": {**events[-1]["metadata"], "step": 1}}],
    lambda events: [{**events[0], "host": "other"}, *events[1:]],
    lambda events: [events[1], events[0], *events[2:]],
    lambda events: events[1:],
    lambda events: [*events[:30], *events[31:]],
    lambda events: [*events[:60], record(session_id="s", timestamp_ns=START_NS + 61 * SECOND)],
    lambda events: [{**event, "rank": 1, "world_size": 2} for event in events],
    lambda events: [{**event, "session_id": "other"} for event in events],
]


@pytest.mark.parametrize("change", CHANGES)
def test_other_records_of_the_session_count_fully(change: Callable[[Events], Events], tmp_path: Path) -> None:
    events = events_of()
    write_lines(tmp_path / "a.jsonl", events)
    write_lines(tmp_path / "b.jsonl", change(events))
    with stormlog.query.open(tmp_path, cache=False) as store:
        assert len(store.query_events()) == len(events) + len(change(events))
        assert not store.catalog.warnings


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
    wanted = answers(sink.parent)
    assert len(wanted["rejects"]) == 2
    copied(sink)
    one_packed_file(sink)
    assert answers(sink.parent) == wanted


def test_a_line_that_only_the_copy_lacks_is_told(sink: Path) -> None:
    path = sink.parent / "copy.jsonl"
    path.write_bytes(lines_of(sink)[:-20])
    with stormlog.query.open(sink.parent, cache=False) as store:
        assert len(store.query_events()) == 70
        assert [(reject.path, reject.reason) for reject in store.rejects()] == [(str(path), "torn_line")]


# ---- growth and memory -------------------------------------------------------------------------------------


def append(path: Path, events: Events) -> None:
    with path.open("a") as stream:
        stream.writelines(json.dumps(event, sort_keys=True) + "\n" for event in events)


@pytest.mark.parametrize("cache", [False, True])
def test_the_longer_one_counts_after_growth(cache: bool, tmp_path: Path) -> None:
    root, events = tmp_path / "runs", events_of(count=100)
    root.mkdir()
    options = {"cache": str(tmp_path / "cache") if cache else False}
    original = write_lines(root / "a.jsonl", events[:30])
    copy = write_lines(root / "b.jsonl", events[:20])
    with stormlog.query.open(root, **options) as store:
        for path, start, end, told in (
            (original, 30, 40, "b.jsonl"),
            (copy, 20, 40, "b.jsonl"),
            (copy, 40, 60, "a.jsonl"),
            (original, 40, 60, "b.jsonl"),
        ):
            append(path, events[start:end])
            store.refresh()
            wanted = write_lines(tmp_path / "wanted.jsonl", events[:end])
            assert sum(issue.hit_count for issue in store.list_issues()) == hits(wanted)
            assert [Path(warning.path).name for warning in store.catalog.warnings] == [told]
            # Another process begins with what this one has kept.
            assert hits(root, **options) == hits(wanted)
        append(copy, [{**events[60], "pid": 8}])
        append(original, events[60:70])
        store.refresh()
        assert len(store.query_events()) == 70 + 61


def test_a_warm_answer_computes_no_digest(
    sink: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compacted(sink)
    options = {"cache": str(tmp_path / "cache")}
    wanted = hits(sink.parent, **options)
    monkeypatch.setattr(engine, "digests", None)
    monkeypatch.setattr(engine, "_ComparingEngine", None)
    assert hits(sink.parent, **options) == wanted
    # Other files may change meanwhile.
    write_lines(sink.parent / "other.jsonl", events_of("other"))
    assert hits(sink.parent, **options) == wanted + hits(sink.parent / "other.jsonl")


def test_kept_rows_of_copies_are_verified(sink: Path, tmp_path: Path) -> None:
    compacted(sink)
    hits(sink.parent, cache=str(tmp_path / "cache"))
    (folder,) = (tmp_path / "cache").glob("v*/*")
    assert verify(str(folder), [str(sink.parent)]).differences == []


def test_files_without_a_likely_copy_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        make_sink(tmp_path / f"job{number}", events_of(f"s{number}"))
    # Ranks that share a session write at other times, or other things.
    events = events_of("shared")
    write_lines(tmp_path / "rank0.jsonl", events)
    write_lines(tmp_path / "rank1.jsonl", [{**event, "rank": 1, "world_size": 2} for event in events])
    later = [{**event, "timestamp_ns": event["timestamp_ns"] + 3600 * SECOND} for event in events]
    write_lines(tmp_path / "later.jsonl", later)
    asked: list[Any] = []
    real = copies.first_events

    def noted(database: Any, units: Any) -> Any:
        asked.append({unit.session_id for unit in units})
        return real(database, units)

    monkeypatch.setattr(copies, "first_events", noted)
    monkeypatch.setattr(engine, "digests", None)
    monkeypatch.setattr(engine, "_ComparingEngine", None)
    wanted = 5 * hits(tmp_path / "job0") + 3 * hits(tmp_path / "later.jsonl")
    asked.clear()
    assert hits(tmp_path) == wanted
    # The first events of two ranks decide.
    assert asked == [{"shared"}, {"shared"}]


@pytest.mark.parametrize("threads", [1, 4])
def test_the_number_of_threads_does_not_matter(threads: int, tmp_path: Path) -> None:
    events = events_of(count=3000)
    write_lines(tmp_path / "a.jsonl", events)
    write_lines(tmp_path / "b.jsonl", events[:2500])
    with stormlog.query.open(tmp_path, cache=False, threads=threads) as store:
        assert len(store.query_events()) == 3000


# ---- questions that read little ----------------------------------------------------------------------------


def test_sessions_of_ledgers_are_listed_once_without_reading_others(
    sink: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = answers(sink.parent)["sessions"]
    compacted(sink)
    with stormlog.query.open(sink.parent, cache=False) as store:
        assert [row.as_dict() for row in store.list_sessions()] == wanted
    shutil.rmtree(sink.parent / "job-compact")
    make_sink(sink.parent / "other", events_of("other"))
    monkeypatch.setattr(engine.Engine, "_read", None)
    with stormlog.query.open(sink.parent, cache=False) as store:
        assert [row.session_id for row in store.list_sessions()] == ["s", "other"]


def test_sessions_are_listed_again_when_a_copy_is_gone(sink: Path) -> None:
    other = make_sink(sink.parent / "a", events_of("other"))
    compact_sink(other, sink.parent / "b")
    with stormlog.query.open(sink.parent, cache=False) as store:
        assert [row.session_id for row in store.list_sessions()] == ["s", "other"]
        shutil.rmtree(sink.parent / "b")
        store.refresh()
        # Now the sink that counts has the number that the copy had.
        assert [row.session_id for row in store.list_sessions()] == ["s", "other"]


def test_a_ledger_of_a_copy_adds_no_sessions_whose_segments_are_gone(sink: Path) -> None:
    make_sink(sink, sessions=[entry("s"), entry("gone")])
    wanted = answers(sink.parent)["sessions"]
    assert len(wanted) == 2
    compacted(sink)
    assert answers(sink.parent)["sessions"] == wanted


@pytest.mark.parametrize("pruned", [True, False])
def test_some_events_are_those_among_all(
    pruned: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selective, "LEAST_SHARE_LEFT_OUT", 0 if pruned else 2)
    events = events_of(count=90)
    files = {f"segment-00000{n}.jsonl": events[n * 30 - 30 : n * 30] for n in (1, 2, 3)}
    # Equal in the time that is asked for, other before: no copies.
    other = {**files, "segment-000001.jsonl": [{**event, "pid": 8} for event in events[:30]]}
    (tmp_path / "runs").mkdir()
    for name, parts in (("a", files), ("b", other), ("c", files)):
        sink = write_sink(tmp_path / "lines" / name, parts)
        compact_sink(sink, tmp_path / "runs" / name)
    wanted = EventFilter(session_id="s", time_start_ns=events[10]["timestamp_ns"])
    with stormlog.query.open(tmp_path / "runs", cache=False) as store:
        found = [row.as_dict() for row in store.query_events(wanted)]
        everything = [row.as_dict() for row in store.query_events()]
    assert found == [row for row in everything if row["timestamp_ns"] >= events[10]["timestamp_ns"]]
    # Whole segments are equal, in whatever sinks they lie.
    assert len(everything) == 90 + 30


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


@settings(
    max_examples=few_or_many(2, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_any_copies_of_any_sources_change_no_answer(seed: int, tmp_path_factory: Any) -> None:
    rng = random.Random(seed)
    runs = tmp_path_factory.mktemp("mixture") / "runs"
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
    kept = rng.sample(LAYOUTS, rng.randint(1, 4))
    for layout in kept:
        layout(rng.choice(sinks))
    assert answers(runs) == wanted, [layout.__name__ for layout in kept]


# ---- many that begin alike ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(few_or_many(2, 50)))
def test_what_begins_alike_is_a_copy_only_if_it_is_all_of_a_beginning(seed: int, tmp_path: Path) -> None:
    """Files that part ways at some record, cut at any length, some of them twice."""
    chance = random.Random(seed)
    events = events_of(count=30)
    forks = [events]
    for pid in (8, 9, 10):
        at, fork = chance.randrange(1, 30), chance.choice(forks)
        forks.append([*fork[:at], *({**event, "pid": pid} for event in fork[at:])])
    files = [chance.choice(forks)[: chance.choice([1, 5, 12, 30, 30])] for _ in range(14)]
    for number, content in enumerate(files):
        write_lines(tmp_path / f"{number:02}.jsonl", content)
    wanted = 0
    for number, content in enumerate(files):
        others = [other for place, other in enumerate(files) if len(other) > len(content) or place < number]
        wanted += 0 if any(other[: len(content)] == content for other in others) else len(content)
    with stormlog.query.open(tmp_path, cache=False) as store:
        assert len(store.query_events()) == wanted


@pytest.mark.parametrize("pids", [[7] * 30, range(30)])
def test_work_grows_with_the_files_that_begin_alike_not_with_their_pairs(
    pids: list[int], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    compare = copies.CopyFinder._digests

    def counting(self: copies.CopyFinder, extents: Any) -> Any:
        asked.append(len(extents))
        return compare(self, extents)

    monkeypatch.setattr(copies.CopyFinder, "_digests", counting)
    events = events_of(count=50)
    for number, pid in enumerate(pids):
        changed = [{**event, "pid": pid} for event in events[: 20 + number]]
        write_lines(tmp_path / f"{number:02}.jsonl", changed)
    with stormlog.query.open(tmp_path, cache=False) as store:
        store.list_issues()
    assert 0 < sum(asked) <= 2 * 3 * len(pids)


def test_of_equal_sinks_the_one_with_the_shorter_path_counts(tmp_path: Path) -> None:
    for name in ("job-compact", "job"):
        make_sink(tmp_path / name)
    assert notes(tmp_path) == [("job-compact", "copy_of:job")]
