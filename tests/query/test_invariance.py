"""What must not matter does not: order, splitting, spelling, packing, ids, times, sizes, threads."""

from __future__ import annotations

import gzip
import json
import random
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import stormlog.query
from tests.engine.reading.oracle import FIELDS
from tests.engine.reading.test_parquet_rows import sink_of, table
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink
from tests.soak import few_or_many
from tests.telemetry.factories import record

Events = list[dict[str, Any]]


def issues(*paths: Path, **options: Any) -> dict[str, tuple[Any, ...]]:
    """Return what is seen of each issue, by fingerprint."""
    with stormlog.query.open(paths, cache=False, **options) as store:
        return {
            one.fingerprint.fingerprint_id: (
                one.kind,
                one.severity,
                one.title,
                one.hit_count,
                one.affected_sessions,
            )
            for one in store.list_issues()
        }


def counts(*paths: Path) -> dict[str, int]:
    return {name: row[3] for name, row in issues(*paths).items()}


@pytest.fixture(scope="module")
def events() -> Events:
    """Two sessions; no two events of one session at the same time."""
    return busy_session("a", 60) + busy_session("b", 80, start_ns=START_NS + 5, rank=1)


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory, events: Events) -> dict[str, tuple[Any, ...]]:
    found = issues(write_lines(tmp_path_factory.mktemp("wanted") / "events.jsonl", events))
    assert {row[0] for row in found.values()} == {
        "oom",
        "collector_degradation",
        "alert",
        "hidden_memory_anomaly",
    }
    return found


SHARED = settings(
    max_examples=few_or_many(2, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@SHARED
@given(seed=st.integers(0, 2**32))
def test_order_of_events_within_a_file(
    tmp_path: Path, events: Events, wanted: dict[str, tuple[Any, ...]], seed: int
) -> None:
    shuffled = random.Random(seed).sample(events, len(events))

    assert issues(write_lines(tmp_path / "shuffled.jsonl", shuffled)) == wanted


@SHARED
@given(cuts=st.lists(st.integers(0, 140), max_size=6), seed=st.integers(0, 2**32))
def test_splitting_into_segments(
    tmp_path: Path, events: Events, wanted: dict[str, tuple[Any, ...]], cuts: list[int], seed: int
) -> None:
    places = [0, *sorted(cuts), len(events)]
    parts = [events[first:last] for first, last in pairwise(places)]
    folder = tmp_path / f"{seed}-{'-'.join(map(str, cuts))}"
    random.Random(seed).shuffle(parts)

    sink = write_sink(folder, {f"segment-{number:06d}.jsonl": part for number, part in enumerate(parts)})

    assert issues(sink) == wanted


def test_order_of_arguments_and_unrelated_sessions(
    tmp_path: Path, events: Events, wanted: dict[str, tuple[Any, ...]]
) -> None:
    paths = [
        write_lines(tmp_path / "one.jsonl", events[:60]),
        write_lines(tmp_path / "two.jsonl", events[60:]),
        write_lines(
            tmp_path / "other.jsonl", [record(session_id="c"), record(session_id="d", event_type="stop")]
        ),
    ]

    assert issues(*paths) == issues(*reversed(paths)) == wanted


@pytest.fixture(scope="module")
def plain_counts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    return counts(write_lines(tmp_path_factory.mktemp("plain") / "plain.jsonl", busy_session("a", 60)))


@SHARED
@given(
    shift=st.integers(-START_NS + 1, 2**62),
    rename=st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    numbers=st.integers(1, 10**9),
)
def test_ids_times_and_magnitudes(
    tmp_path: Path, plain_counts: dict[str, int], shift: int, rename: str, numbers: int
) -> None:
    changed = busy_session(f"x{rename}", 60, start_ns=START_NS + shift)
    for event in changed:
        event.update(pid=numbers, host=f"h{numbers}", job_id=f"job-{numbers}", sampling_interval_ms=numbers)
        if event["event_type"] == "warning":
            event["context"] = f"High memory usage {numbers} MB"
        if "collector_last_error" in event["metadata"]:
            event["metadata"]["collector_last_error"] = f"NVML error {numbers} at 0x{numbers:x}"
        for name in (
            "allocator_allocated_bytes",
            "allocator_reserved_bytes",
            "device_used_bytes",
            "device_total_bytes",
        ):
            event[name] *= 1024

    assert counts(write_lines(tmp_path / "new.jsonl", changed)) == plain_counts


def test_one_source_in_several_spellings_counts_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: Events, wanted: dict[str, tuple[Any, ...]]
) -> None:
    sink = write_sink(tmp_path / "sink", {"segment-000001.jsonl": events})
    (tmp_path / "link").symlink_to(sink)
    monkeypatch.chdir(tmp_path)
    once = {name: row[3] for name, row in wanted.items()}

    assert (
        counts(sink, sink, tmp_path / "link", Path("sink"), Path("./sink/../sink"), sink / "manifest.json")
        == once
    )
    assert counts(tmp_path, sink) == once


def test_packing(tmp_path: Path, events: Events, wanted: dict[str, tuple[Any, ...]]) -> None:
    plain = write_lines(tmp_path / "plain.jsonl", events)
    packed = tmp_path / "gzip.jsonl.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    squeezed = tmp_path / "zstd.jsonl.zst"
    squeezed.write_bytes(pyarrow.compress(plain.read_bytes(), "zstd", asbytes=True))
    document = tmp_path / "events.json"
    document.write_text(json.dumps(events))
    columns = sink_of(tmp_path / "columns", table(events))

    for path in (packed, squeezed, document, columns):
        assert issues(path) == wanted, path.name


def answers(path: Path, threads: int) -> str:
    with stormlog.query.open([path], cache=False, threads=threads) as store:
        return json.dumps(
            {
                "issues": [issue.as_dict() for issue in store.list_issues()],
                "sessions": [row.as_dict() for row in store.list_sessions()],
                "events": [row.as_dict() for row in store.query_events()],
            }
        )


def test_threads(tmp_path: Path) -> None:
    segments = {
        f"segment-{number:06d}.jsonl": busy_session(
            f"s{number % 3}", 100, start_ns=START_NS + number // 3 * 10**13
        )
        for number in range(12)
    }
    sink = write_sink(tmp_path / "sink", segments)
    with (sink / "segment-000005.jsonl").open("a") as stream:
        stream.write('{"torn')

    assert answers(sink, 1) == answers(sink, 2) == answers(sink, 4)


def test_every_event_says_truly_where_it_is(tmp_path: Path) -> None:
    rng = random.Random(5)
    folder = tmp_path / "sink"
    sessions = [busy_session(f"s{number}", 40 + number) for number in range(4)]
    write_sink(folder, {f"segment-{number:06d}.jsonl": events for number, events in enumerate(sessions)})
    for path in sorted(folder.glob("*.jsonl")):
        lines = path.read_text().split("\n")
        for _ in range(5):
            lines.insert(rng.randrange(len(lines)), rng.choice(("", "{", "  ", "null", '{"a": 1,}')))
        path.write_text(rng.choice(("\n", "\r\n")).join(lines))
    with stormlog.query.open([folder]) as store:
        rows = store.sql(
            f"SELECT segment_path, line_number, source_path, {', '.join(FIELDS)} FROM events"
        ).rows
        hits = store.sql("SELECT segment_path, sort_line, timestamp_ns, session_id FROM issue_evidence").rows
    assert len(rows) == sum(map(len, sessions))
    for segment_path, number, source_path, *values in rows:
        event = json.loads(line_of(segment_path, number))
        found = dict(zip(FIELDS, values, strict=True))
        found["metadata"] = json.loads(found["metadata"])
        assert found == event
        # A session begins in one file here.
        assert source_path == segment_path
    for segment_path, number, timestamp_ns, session_id in hits:
        if number:
            event = json.loads(line_of(segment_path, number))
            assert (event["timestamp_ns"], event["session_id"]) == (timestamp_ns, session_id)


def line_of(path: str, number: int) -> str:
    return Path(path).read_text().splitlines()[number - 1]
