"""Failures, runs and sessions of issues: a bundle and the event that it tells of are one failure."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import stormlog.query
from tests.artifacts.factories import make_oom_bundle, write_json
from tests.query.sinks import SECOND, START_NS, write_lines
from tests.telemetry.factories import record

CAPTURES = Path(__file__).parents[2] / "examples" / "captures"
REASON = "message_pattern:out of memory"


def oom(session_id: str, at_s: float, **overrides: Any) -> dict[str, Any]:
    values = {
        "session_id": session_id,
        "timestamp_ns": START_NS + round(at_s * SECOND),
        "event_type": "error",
    }
    return record(**{"metadata": {"backend": "cuda", "oom_reason": REASON}, **values, **overrides})


def bundle(
    folder: Path, number: int, at_s: int, session_id: str | None = "a", rank: int | None = None
) -> None:
    created = datetime.fromtimestamp(START_NS // SECOND + at_s, UTC).isoformat()
    made = make_oom_bundle(
        folder / f"oom_dump_{number}",
        session_id=session_id,
        reason=REASON,
        backend="cuda",
        created_at_utc=created,
    )
    if rank is not None:
        write_json(made / "metadata.json", {"session_id": session_id, "session": {"rank": rank}})


def counts(folder: Path) -> list[tuple[int, int, int]]:
    """Return failures, runs and sessions of the OOM issues."""
    with stormlog.query.open([folder], cache=False) as store:
        ooms = {issue.fingerprint_id for issue in store.list_issues() if issue.kind == "oom"}
        return [tuple(count) for name, count in store.issue_counts().items() if name in ooms]


def test_a_bundle_and_its_event_are_one_failure(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", [oom("a", 10.4)])
    bundle(tmp_path, 1, 10)
    assert counts(tmp_path) == [(1, 1, 1)]


def test_a_bundle_beyond_a_minute_is_a_failure_of_its_own(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", [oom("a", 0)])
    bundle(tmp_path, 1, 60)
    bundle(tmp_path, 2, 61)
    assert counts(tmp_path) == [(2, 1, 1)]


def test_every_event_is_a_failure_and_each_takes_its_bundle(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", [oom("a", 10.1), oom("a", 10.9)])
    bundle(tmp_path, 1, 10)
    bundle(tmp_path, 2, 10)
    assert counts(tmp_path) == [(2, 1, 1)]


def test_a_bundle_of_another_session_tells_of_another_failure(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", [oom("a", 10), oom("b", 4000)])
    bundle(tmp_path, 1, 10, session_id="b")
    bundle(tmp_path, 2, 10, session_id=None)
    assert counts(tmp_path) == [(4, 3, 2)]


def test_of_a_session_of_several_ranks_a_bundle_tells_of_its_own(tmp_path: Path) -> None:
    ranks = {"world_size": 2, "local_rank": 0}
    other = record(session_id="a", timestamp_ns=START_NS, rank=1, **ranks)
    write_lines(tmp_path / "e.jsonl", [other, oom("a", 10, rank=0, **ranks)])
    bundle(tmp_path, 1, 10, rank=1)
    assert counts(tmp_path) == [(2, 1, 1)]
    bundle(tmp_path, 2, 10, rank=0)
    assert counts(tmp_path) == [(2, 1, 1)]


def test_of_a_session_of_one_rank_a_bundle_tells_of_it_whatever_it_says(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", [oom("a", 10, rank=0)])
    bundle(tmp_path, 1, 10, rank=1)
    assert counts(tmp_path) == [(1, 1, 1)]


def test_eight_ranks_of_a_job_are_eight_failures_of_one_run(tmp_path: Path) -> None:
    ranks = [{"job_id": "j", "rank": rank, "local_rank": rank, "world_size": 8} for rank in range(8)]
    write_lines(tmp_path / "e.jsonl", [oom(f"s{number}", 10, **rank) for number, rank in enumerate(ranks)])
    for number in range(8):
        bundle(tmp_path, number, 10, session_id=f"s{number}")
    assert counts(tmp_path) == [(8, 1, 8)]


def test_runs_and_sessions_of_captures_are_those_of_their_views() -> None:
    names = ("v4-cuda-sim", "sink-retention", "run-envelope", "edge-cases")
    with stormlog.query.open([CAPTURES / name for name in names], cache=False) as store:
        expected = store.sql(
            """
            SELECT i.fingerprint_id, count(DISTINCT r.run_id)
            FROM issue_evidence AS i
            INNER JOIN run_sessions AS r ON coalesce(i.session_id, concat('bundle:', i.bundle_path)) = r.session_id
            GROUP BY i.fingerprint_id
            """
        ).rows
        found = store.issue_counts()
        of_two = store.issue_counts([*sorted(found)[:2], "issue:none"])
        issues = store.list_issues()
    assert of_two == {name: found[name] for name in sorted(found)[:2]}
    assert {name: count.run_count for name, count in found.items()} == dict(expected)
    for issue in issues:
        assert found[issue.fingerprint_id].session_count == len(issue.affected_sessions)
        assert 1 <= found[issue.fingerprint_id].failure_count <= issue.hit_count


def test_nothing_has_no_counts(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", [record()])
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert store.issue_counts() == {}
