"""How the hits of issues spread over values and time, and in which phase each was."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from random import Random
from typing import Any

import pytest

import stormlog.query
from stormlog.phases import PhaseReplayIndex, summarize_phase_attribution
from stormlog.query import QueryStore
from tests.artifacts.factories import make_oom_bundle, write_json
from tests.query.sinks import SECOND, START_NS, busy_session, write_lines
from tests.telemetry.factories import record

CAPTURES = Path(__file__).parents[2] / "examples" / "captures"


def event(session_id: str, at_ns: int, event_type: str = "warning", **overrides: Any) -> dict[str, Any]:
    values = {"session_id": session_id, "timestamp_ns": START_NS + at_ns, "event_type": event_type}
    return record(**{"context": "memory usage at 95%", **values, **overrides})


def spread(store: QueryStore, kind: str = "alert") -> dict[str, dict[str | None, tuple[int, float]]]:
    """Return field -> value -> hits and share, over the one issue of a kind."""
    text = """
        SELECT v.field, v.value, v.hit_count, v.share
        FROM issue_values AS v INNER JOIN issues AS i USING (fingerprint_id) WHERE i.kind = $kind
    """
    rows = store.sql(text, {"kind": kind}).rows
    found: dict[str, dict[str | None, tuple[int, float]]] = {}
    for field, value, hits, share in rows:
        found.setdefault(field, {})[value] = hits, share
    assert sum(map(len, found.values())) == len(rows)
    return found


# ---- values ------------------------------------------------------------------------------------------------


def test_hits_spread_over_ranks_hosts_devices_versions_and_jobs(tmp_path: Path) -> None:
    first = {"host": "n1", "job_id": "j1", "world_size": 2}
    events = [
        event("a", 0, "start", **first, metadata={"app_version": "1.4.0"}),
        *(event("a", at, **first, device_id=at % 2) for at in (1, 2, 3)),
        # The record itself is asked for the version before its session is.
        event("a", 4, **first, metadata={"git_sha": "f00"}),
        event("b", 0, "start", host="unknown"),
        *(
            event("b", at, host="unknown", device_id=-1, rank=1, local_rank=1, world_size=2)
            for at in (1, 2, 3, 4)
        ),
    ]
    write_lines(tmp_path / "e.jsonl", events)
    with stormlog.query.open([tmp_path], cache=False) as store:
        found = spread(store)
    assert found == {
        "rank": {"0": (4, 0.5), "1": (4, 0.5)},
        "host": {"n1": (4, 0.5), None: (4, 0.5)},
        "device": {"0": (2, 0.25), "1": (2, 0.25), "-1": (4, 0.5)},
        "version": {"1.4.0": (3, 0.375), "f00": (1, 0.125), None: (4, 0.5)},
        "job": {"j1": (4, 0.5), None: (4, 0.5)},
        "phase": {None: (8, 1.0)},
    }


def test_bundles_spread_by_what_they_say_and_by_their_session(tmp_path: Path) -> None:
    for number, metadata in enumerate(
        [
            {"session": {"rank": 3, "host": "n1", "job_id": "j1"}},
            {"session_id": "a"},
            {},
        ]
    ):
        folder = make_oom_bundle(tmp_path / f"oom_dump_{number}", session_id="a" if number == 1 else None)
        write_json(folder / "metadata.json", metadata)
    start = event("a", 0, "start", host="n2", job_id="j2", metadata={"app_version": "1.4.1"})
    write_lines(tmp_path / "e.jsonl", [start])
    with stormlog.query.open([tmp_path], cache=False) as store:
        found = spread(store, "oom")
    third = 1 / 3
    assert found == {
        "rank": {"3": (1, third), None: (2, 2 / 3)},
        "host": {"n1": (1, third), "n2": (1, third), None: (1, third)},
        "job": {"j1": (1, third), "j2": (1, third), None: (1, third)},
        "version": {"1.4.1": (1, third), None: (2, 2 / 3)},
        "device": {None: (3, 1.0)},
        "phase": {None: (3, 1.0)},
    }


def test_a_finding_spreads_by_the_sample_that_shows_it(tmp_path: Path) -> None:
    events = busy_session("s1", 60, rank=1)
    for number, one in enumerate(events):
        one["device_id"] = 5
        if number == 0:
            one["event_type"], one["metadata"] = "start", {"backend": "cuda", "git_sha": "f00"}
    write_lines(tmp_path / "e.jsonl", events)
    with stormlog.query.open([tmp_path], cache=False) as store:
        text = """
            SELECT DISTINCT v.field, v.value, v.hit_count, v.share
            FROM issue_values AS v INNER JOIN issues AS i USING (fingerprint_id)
            WHERE i.kind = 'hidden_memory_anomaly' AND field <> 'phase'
        """
        values = {"rank": "1", "device": "5", "host": "h", "version": "f00", "job": None}
        assert set(store.sql(text).rows) == {(field, value, 1, 1.0) for field, value in values.items()}


def test_every_hit_of_the_captures_counts_once_in_each_field() -> None:
    text = """
        SELECT fingerprint_id, field, CAST(sum(hit_count) AS BIGINT), sum(share), count(*), count(DISTINCT value)
        FROM issue_values GROUP BY ALL
    """
    with stormlog.query.open([CAPTURES], cache=False) as store:
        hits = {issue.fingerprint_id: issue.hit_count for issue in store.list_issues()}
        rows = store.sql(text).rows
        phases = store.sql(
            """
            SELECT DISTINCT v.value FROM issue_values AS v
            WHERE v.field = 'phase' AND v.value IN (SELECT phase FROM memory_gaps)
            """
        ).rows
    assert {(fingerprint, field) for fingerprint, field, *_ in rows} == {
        (fingerprint, field)
        for fingerprint in hits
        for field in ("rank", "host", "device", "phase", "version", "job")
    }
    for fingerprint, _, count, share, values, distinct in rows:
        assert count == hits[fingerprint]
        assert share == pytest.approx(1)
        assert values - distinct in (0, 1)
    assert phases


# ---- phases ------------------------------------------------------------------------------------------------


def boundaries(rng: Random, session_id: str, rank: int) -> list[dict[str, Any]]:
    """Return phases of some threads, with lost enters and exits, equal times and equal labels."""
    events: list[dict[str, Any]] = []
    stacks: dict[int, list[tuple[str, list[str]]]] = {}
    at = 0
    for sequence in range(1, rng.choice((0, 3, 30))):
        at += rng.choice((0, 0, 1, 7))
        thread = rng.choice((1, 1, 1, 2, 3))
        stack = stacks.setdefault(thread, [])
        if stack and rng.random() < 0.45:
            action, (scope_id, path) = "exit", stack.pop()
        else:
            action = "enter"
            scope_id, path = f"s:{sequence}", [*(stack[-1][1] if stack else []), rng.choice(("a", "b"))]
            stack.append((scope_id, path))
        if rng.random() < 0.1:
            continue
        scope = {
            "action": action,
            "name": path[-1],
            "path": path,
            "depth": len(path),
            "scope_id": scope_id,
            "parent_scope_id": None,
            "thread_id": thread,
            "thread_name": f"t{thread}",
            "sequence": sequence,
            "attributes": {},
        }
        of_rank = {"rank": rank, "local_rank": rank, "world_size": 2, "metadata": {"phase_scope": scope}}
        events.append(event(session_id, at, f"phase_{action}", context=None, **of_rank))
    return events


def hits_in_phases(rng: Random, name: str) -> list[dict[str, Any]]:
    """Return the events of two sessions with an issue of their own, and phases around its hits."""
    events = []
    for session_id in (f"{name}-1", f"{name}-2"):
        for rank in (0, 1):
            phases = boundaries(rng, session_id, rank)
            last = max((one["timestamp_ns"] for one in phases), default=START_NS) - START_NS
            scopes = [one["metadata"]["phase_scope"]["scope_id"] for one in phases] or ["s:1"]
            for number in range(12):
                metadata: dict[str, Any] = {"hit": number}
                if rng.random() < 0.3:
                    metadata["origin_thread_id"] = rng.choice((0, 1, 2, 3, 9, "1", 1.0, True, None, 2**70))
                if rng.random() < 0.3:
                    metadata["origin_phase_scope_id"] = rng.choice([*scopes, *scopes, "", "s:99", 5, None])
                of_rank = {"rank": rank, "local_rank": rank, "world_size": 2}
                at = rng.choice(
                    [*(one["timestamp_ns"] - START_NS for one in phases), rng.randrange(last + 2), 0]
                )
                phases.append(event(session_id, at, **of_rank, context=f"loss of {name}", metadata=metadata))
            events += phases
    events.sort(key=lambda one: one["timestamp_ns"])
    return events


RANDOM_HITS = {name: hits_in_phases(Random(seed), name) for seed, name in enumerate("abcdefghijkl")}


@pytest.fixture(scope="module")
def in_phases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    folder = tmp_path_factory.mktemp("phases")
    for name, events in RANDOM_HITS.items():
        write_lines(folder / f"{name}.jsonl", events)
    with stormlog.query.open([folder], cache=False) as store:
        yield store


@pytest.fixture(scope="module")
def issue_of(in_phases: QueryStore) -> dict[str, str]:
    """Session -> its issue."""
    return {
        session: issue.fingerprint_id
        for issue in in_phases.list_issues()
        for session in issue.affected_sessions
    }


@pytest.mark.parametrize("name", RANDOM_HITS)
def test_the_phase_of_a_hit_is_that_of_the_replay(
    in_phases: QueryStore, issue_of: dict[str, str], name: str
) -> None:
    events = RANDOM_HITS[name]
    index = PhaseReplayIndex.from_events(events)
    expected: Counter[str | None] = Counter()
    context: Counter[tuple[int, str, int, str | None]] = Counter()
    for one in events:
        text = summarize_phase_attribution(index.resolve_for_event(one))
        context[one["timestamp_ns"], one["session_id"], one["rank"], text] += 1
        if one["event_type"] == "warning":
            expected[text] += 1
    issue = {"issue": issue_of[f"{name}-1"]}
    text = "SELECT value, hit_count FROM issue_values WHERE field = 'phase' AND fingerprint_id = $issue"
    assert sorted(in_phases.sql(text, issue).rows, key=str) == sorted(expected.items(), key=str)
    # The last hit decides which session is shown: all events are taken that are in the window.
    text = "SELECT timestamp_ns, session_id, rank, phase FROM evidence_context($issue, 1000000)"
    rows = in_phases.sql(text, issue).rows
    shown = {row[1] for row in rows}
    assert shown
    assert Counter(rows) == Counter({key: n for key, n in context.items() if key[1] in shown})


# ---- time --------------------------------------------------------------------------------------------------


def test_hits_of_each_issue_are_counted_in_24_parts_of_the_time_of_all(tmp_path: Path) -> None:
    events = [event("a", at) for at in (0, 0, 1, 12, 23)]
    events += [event("a", at, "critical", context="device almost full") for at in (5, 23)]
    write_lines(tmp_path / "e.jsonl", events)
    text = """
        SELECT i.severity, t.bucket_start_ns - $start, t.bucket_end_ns - $start, t.hit_count
        FROM issue_trend AS t INNER JOIN issues AS i USING (fingerprint_id) ORDER BY ALL
    """
    with stormlog.query.open([tmp_path], cache=False) as store:
        rows = store.sql(text, {"start": START_NS}).rows
    hits = {"critical": {5: 1, 23: 1}, "warning": {0: 2, 1: 1, 12: 1, 23: 1}}
    assert rows == [
        (severity, part, part + 1, hits[severity].get(part, 0))
        for severity in ("critical", "warning")
        for part in range(24)
    ]


@pytest.mark.parametrize("times", [(0,), (5, 5), (0, 2**62), (1, 2**63 - 10), (0, 1, 2)])
def test_any_times_have_24_parts_without_a_gap(tmp_path: Path, times: tuple[int, ...]) -> None:
    events = [event("a", 0, timestamp_ns=at) for at in times]
    write_lines(tmp_path / "e.jsonl", events)
    with stormlog.query.open([tmp_path], cache=False) as store:
        rows = store.sql(
            "SELECT bucket_start_ns, bucket_end_ns, hit_count FROM issue_trend ORDER BY ALL"
        ).rows
    assert len(rows) == 24
    assert (rows[0][0], rows[-1][1]) == (min(times), max(times) + 1)
    assert all(before[1] == after[0] for before, after in pairwise(rows))
    for start, end, count in rows:
        assert count == sum(start <= at < end for at in times)


def test_hits_without_a_time_have_no_trend(tmp_path: Path) -> None:
    make_oom_bundle(tmp_path / "oom_dump_1")
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert len(store.list_issues()) == 1
        assert store.sql("SELECT * FROM issue_trend").rows == []
        assert spread(store, "oom")["rank"] == {None: (1, 1.0)}


def test_nothing_has_neither_values_nor_a_trend(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", [event("a", 0, "sample", context=None)])
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert store.sql("SELECT * FROM issue_values").rows == []
        assert store.sql("SELECT * FROM issue_trend").rows == []


def test_sessions_of_years_have_values_and_phases(tmp_path: Path) -> None:
    """Numbers of nanoseconds are near the end of 64 bits; what they are multiplied with must not pass it."""
    scope = {
        "name": "train",
        "path": ["train"],
        "depth": 1,
        "scope_id": "s:1",
        "parent_scope_id": None,
        "thread_id": 1,
        "thread_name": "t",
        "attributes": {},
    }
    events = [
        event(
            "a",
            0,
            "phase_enter",
            timestamp_ns=1,
            metadata={"phase_scope": {**scope, "action": "enter", "sequence": 1}},
        ),
        event("a", 0, timestamp_ns=2**62),
        event(
            "a",
            0,
            "phase_exit",
            timestamp_ns=2**63 - 9,
            metadata={"phase_scope": {**scope, "action": "exit", "sequence": 2}},
        ),
    ]
    write_lines(tmp_path / "e.jsonl", events)
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert spread(store)["phase"] == {"train": (1, 1.0)}
        text = "SELECT count(*), count(phase) FROM evidence_context((SELECT fingerprint_id FROM issues), $window)"
        assert store.sql(text, {"window": 2**63 - 1}).rows == [(3, 3)]
        assert store.sql(text, {"window": 0}).rows == [(1, 1)]


# ---- context -----------------------------------------------------------------------------------------------


def test_the_context_of_the_last_hit_shows_all_ranks_of_its_job(tmp_path: Path) -> None:
    of_job = {"job_id": "j1", "world_size": 2}
    events = [
        event("a", -9 * SECOND, "error", **of_job, context="boom"),
        event("a", 0, "error", **of_job, context="boom", device_used_bytes=70),
        event("a", 2 * SECOND, "sample", **of_job, context=None),
        event("b", -SECOND, "sample", **of_job, rank=1, local_rank=1, host="n2", context=None),
        event("b", SECOND, "warning", **of_job, rank=1, local_rank=1, host="n2"),
        event("other", 0, "sample", context=None),
        event("other", 1, "warning"),
    ]
    write_lines(tmp_path / "e.jsonl", sorted(events, key=lambda one: one["timestamp_ns"]))
    text = """
        SELECT seconds, session_id, rank, host, event_type, used_bytes, is_evidence
        FROM evidence_context((SELECT fingerprint_id FROM issues WHERE severity = 'critical'), 1000000000)
        ORDER BY seconds
    """
    with stormlog.query.open([tmp_path], cache=False) as store:
        rows = store.sql(text).rows
    assert rows == [
        (-1.0, "b", 1, "n2", "sample", 30, False),
        (0.0, "a", 0, "h", "error", 70, True),
        (1.0, "b", 1, "n2", "warning", 30, False),
    ]


def test_the_context_of_a_bundle_is_that_of_its_job(tmp_path: Path) -> None:
    folder = make_oom_bundle(tmp_path / "oom_dump_1", created_at_utc="2023-11-14T22:13:20Z")
    write_json(folder / "metadata.json", {"session": {"job_id": "j1", "rank": 0}})
    write_lines(tmp_path / "e.jsonl", [event("a", 5, "start", job_id="j1"), event("a", 2 * SECOND, "sample")])
    text = "SELECT seconds, session_id, is_evidence FROM evidence_context((SELECT fingerprint_id FROM issues), $window)"
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert store.sql(text, {"window": SECOND}).rows == [(5e-9, "a", False)]
        assert store.sql(text, {"window": 1}).rows == []


@pytest.mark.parametrize("fingerprint", ["issue:none", "", None])
def test_an_unknown_issue_has_no_context(in_phases: QueryStore, fingerprint: str | None) -> None:
    assert in_phases.sql("SELECT * FROM evidence_context($id, 5)", {"id": fingerprint}).rows == []


def test_a_finding_and_a_hit_of_the_captures_have_a_context() -> None:
    text = "SELECT min(abs(seconds)), bool_or(is_evidence) FROM evidence_context($id, 60000000000)"
    issues: dict[str, list[str]] = {}
    with stormlog.query.open([CAPTURES / "v4-cuda-sim"], cache=False) as store:
        for issue in store.list_issues():
            issues.setdefault(issue.kind, []).append(issue.fingerprint_id)
        found = {
            kind: [row for fingerprint_id in ids[:2] for row in store.sql(text, {"id": fingerprint_id}).rows]
            for kind, ids in issues.items()
        }
    assert found == {
        "alert": [(0, True)] * 2,
        "collector_degradation": [(0, True)] * 2,
        "hidden_memory_anomaly": [(0, False)] * 2,
        "oom": [(0, True)] * 2,
    }
