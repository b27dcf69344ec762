"""Pages of issues made by hand: one of each kind that there is."""

from __future__ import annotations

from typing import Any

from stormlog.explaining import (
    EvidencePlace,
    IssueAccount,
    IssueException,
    IssueRun,
    MemoryTimeline,
    PhaseBand,
    TimelineMark,
    TimelinePoint,
    TimelineSeries,
    TrendBucket,
    ValueCount,
    ValueSpread,
    VersionRange,
    rule_of,
)
from stormlog.presenting import ShownIssue
from tests.presenting.samples import CUDA_MESSAGE, FAILED, GIB, S, first_failure

DAY = 86400 * S
FINGERPRINT = "issue:63b1d6557bebb97a5d630e5b"
ISSUE_ID = "01a22a5c-9f17-78dd-888a-79c8f7c7247d"
SESSION = "5f2c1f0e-77aa-4d0e-9d53-8f2f3a0c8f11"
EVIL = "\x1b[2J\x1b]0;owned\x07 `rm -rf` <script>alert(1)</script> [red]x[/red] [x](http://evil) \u202e|\n# heading\r\n"


def timeline(**changes: Any) -> MemoryTimeline:
    """Memory that grows from 20 to 78 GiB in ten minutes, with a peak that lasts one sample."""
    start = FAILED - 600 * S
    points = []
    for number in range(60):
        level = 20 * GIB + number * GIB
        most = 75 * GIB if number == 10 else level
        points.append(
            TimelinePoint(
                start + number * 10 * S, start + (number + 1) * 10 * S, level, level, level, most, 10
            )
        )
    fields: dict[str, Any] = {
        "session_id": SESSION,
        "rank": 3,
        "device_id": 3,
        "timestamp_ns": FAILED,
        "start_ns": start,
        "end_ns": FAILED,
        "total_bytes": 80 * GIB,
        "bucket_count": 60,
        "series": (TimelineSeries("used", tuple(points)),),
        "phases": (
            PhaseBand("train / forward", start, start + 300 * S),
            PhaseBand("evaluate", start + 300 * S, start + 350 * S),
            PhaseBand("train / backward", start + 350 * S, FAILED + 1),
        ),
        "marks": (
            TimelineMark("alert", FAILED - 60 * S, 4),
            TimelineMark("collector_degradation", FAILED - 400 * S, 1),
            TimelineMark("failure", FAILED, 1),
        ),
    }
    return MemoryTimeline(**{**fields, **changes})


def account(**changes: Any) -> IssueAccount:
    fields: dict[str, Any] = {
        "fingerprint_id": FINGERPRINT,
        "fingerprint_ids": (FINGERPRINT,),
        "kind": "oom",
        "severity": "critical",
        "title": "OOM captured by flight recorder",
        "what": "torch.cuda.outofmemoryerror, cuda",
        "dimensions": {"backend": "cuda", "reason": "torch.cuda.outofmemoryerror"},
        "details": {"backend": "cuda"},
        "state": "open",
        "hit_count": 17,
        "session_count": 9,
        "run_count": 2,
        "first_ns": FAILED - 14 * DAY,
        "last_ns": FAILED,
        "exception": IssueException("OutOfMemoryError", CUDA_MESSAGE, 2 * GIB, 1_299_227_607),
        "latest_run": IssueRun(
            "llm-pretrain", 2, "1.4.1", 16, FAILED, FAILED + 4 * S, first_failure(), True, True
        ),
        "spread": (
            ValueSpread("rank", (ValueCount("3", 16, 16 / 17), ValueCount("5", 1, 1 / 17)), 2, 0),
            ValueSpread("host", (ValueCount("node-a", 10, 10 / 17), ValueCount(None, 5, 5 / 17)), 9, 2),
            ValueSpread("phase", (ValueCount(None, 17, 1.0),), 0, 0),
        ),
        "trend": tuple(
            TrendBucket(
                FAILED - (24 - n) * 14 * DAY // 24,
                FAILED - (23 - n) * 14 * DAY // 24 + 1,
                {0: 1, 20: 3, 23: 13}.get(n, 0),
            )
            for n in range(24)
        ),
        "timeline": timeline(),
        "evidence": (
            EvidencePlace("runs/old/rank-3/segment-000001.jsonl", 63, FAILED - 14 * DAY, 3, SESSION, "error"),
            EvidencePlace("runs/llm-pretrain/rank-3/segment-000004.jsonl", 812, FAILED, 3, SESSION, "error"),
            EvidencePlace("runs/llm-pretrain/oom_dumps/oom_dump_1", None, FAILED, None, SESSION, None),
        ),
        "bundle_path": "runs/llm-pretrain/oom_dumps/oom_dump_1",
        "versions": VersionRange("1.2.9", "1.3.0", "1.4.1", "1.4.0", "1.4.1"),
        "next": (f"stormlog why runs --issue {FINGERPRINT}",),
    }
    return IssueAccount(**{**fields, **changes})


def issue(**changes: Any) -> dict[str, Any]:
    """Return what a tracker says of an issue."""
    fields: dict[str, Any] = {
        "issue_id": ISSUE_ID,
        "number": 12,
        "project": "default",
        "app": "llm",
        "is_dev": False,
        "kind": "oom",
        "status": "new",
        "state": "open",
        "title": "OOM captured by flight recorder",
        "severity": "critical",
        "fix_version": None,
        "resolved_ns": None,
        "ignore_until": None,
        "assignee": None,
        "occurrence_count": 9,
        "hit_count": 17,
        "run_count": 2,
        "unique_user_count": 0,
        "recurred_count": 0,
        "recurred_last_ns": None,
        "first_seen_ns": FAILED - 14 * DAY,
        "last_seen_ns": FAILED,
        "first_seen_version": "1.3.0",
        "last_seen_version": "1.4.1",
        "revision": 4,
        "fingerprint_ids": [FINGERPRINT],
        "merged_from": None,
    }
    return {**fields, **changes}


def detail(comments: int = 0, **changes: Any) -> dict[str, Any]:
    """Return what a tracker says of an issue, with what belongs to it."""
    shown = issue(**changes)
    return {
        "issue": shown,
        "fingerprints": [
            {"fingerprint_id": FINGERPRINT, "kind": "oom", "dimensions": account().dimensions},
        ],
        "occurrences": [
            {
                "session_id": SESSION,
                "run_id": "llm-pretrain",
                "host": "node-a",
                "code_version": "1.4.1",
                "ranks": [3, 4, 5],
                "last_ns": FAILED,
                "hit_count": 2,
            }
        ],
        "evidence": [{"source_path": "/data/runs/llm-pretrain/rank-3/segment-000004.jsonl"}],
        "comments": [
            {
                "comment_id": f"c{number}",
                "author_type": "user",
                "author_name": "alice",
                "created_ns": FAILED + number * DAY,
                "body": "The batch of step 4711 is twice as long.\n\n  loader = Loader(bucket=None)",
            }
            for number in range(comments)
        ],
        "merged_into": None,
    }


def activity(action: str, day: int, before: Any = None, after: Any = None, **changes: Any) -> dict[str, Any]:
    """Return a change of an issue, so many days after the failure."""
    fields: dict[str, Any] = {
        "activity_id": day,
        "issue_id": ISSUE_ID,
        "at_ns": FAILED + day * DAY,
        "actor_type": "user",
        "actor_id": "alice",
        "action": action,
        "before": before,
        "after": after,
        "scan_id": None,
    }
    return {**fields, **changes}


CREATED = activity("create", 0, after={"status": "new"}, actor_type="scan", actor_id="0d6f")
RESOLVED = activity(
    "resolve",
    2,
    {"status": "new", "fix_version": None},
    {"status": "resolved", "fix_version": "1.4.0"},
)
REGRESSED = activity(
    "regress",
    5,
    {"status": "resolved", "fix_version": "1.4.0"},
    {"status": "regressed", "code_version": "1.4.1", "basis": "pep440"},
    actor_type="scan",
    actor_id="77aa",
)


def regressed() -> ShownIssue:
    """An issue that came back, with comments, its history, and the changes of the code."""
    return ShownIssue(
        detail(2, status="regressed", assignee="bob"),
        account(),
        history=(
            REGRESSED,
            activity("assign", 3, {"assignee": None}, {"assignee": "bob"}),
            RESOLVED,
            CREATED,
        ),
        git_command="git log v1.4.0..v1.4.1",
        next=("stormlog issues claim 12", "stormlog issues resolve 12 --version VERSION"),
    )


def ignored() -> ShownIssue:
    """An issue that is not looked at any more, whose telemetry is gone."""
    until = {"runs": 3, "from_runs": 2, "reason": "waits for the new loader"}
    ignoring = activity(
        "ignore",
        3,
        {"status": "resolved", "ignore_until": None},
        {"status": "silenced", "ignore_until": until},
        actor_type="agent",
        actor_id="triage",
    )
    return ShownIssue(
        detail(status="silenced", fix_version="1.4.0", ignore_until=until),
        None,
        history=(ignoring, RESOLVED, CREATED),
        gone=("/data/runs/llm-pretrain/rank-3",),
        account_problem="its telemetry is not there any more (1 source, such as /data/runs/llm-pretrain/rank-3)",
        next=("stormlog issues reopen 12",),
    )


def untracked() -> ShownIssue:
    """An alert that no tracker knows, in a run that failed of something else, with its rule."""
    shown = account(
        kind="alert",
        severity="warning",
        title="Alert: high memory usage: <num>",
        what="warning, cuda",
        dimensions={
            "backend": "cuda",
            "category": "high memory usage: <num>",
            "collector": "stormlog.cuda_tracker",
            "event_type": "warning",
            "severity": "warning",
        },
        exception=IssueException(None, "High memory usage: 93.8%", None, None),
        latest_run=IssueRun("llm-pretrain", 1, None, 16, FAILED, FAILED, first_failure(certain=False)),
        bundle_path=None,
        evidence=account().evidence[:1],
        versions=VersionRange(),
        timeline=timeline(total_bytes=None, phases=(), marks=()),
    )
    return ShownIssue(None, shown, rule=rule_of("collector_degradation"), next=shown.next)


def little_known() -> ShownIssue:
    """An issue of one bundle: no run, no samples, no times."""
    shown = account(
        hit_count=1,
        session_count=0,
        run_count=0,
        first_ns=None,
        last_ns=None,
        what="",
        exception=IssueException(None, None, None, None),
        latest_run=None,
        spread=(),
        trend=(),
        timeline=None,
        evidence=account().evidence[2:],
        versions=VersionRange(),
        next=(),
    )
    return ShownIssue(None, shown)


def several_first() -> ShownIssue:
    """An issue where several ranks may have failed first."""
    failure = first_failure(
        rank=None,
        host=None,
        session_id=None,
        candidates=(1, 2, 5),
        certain=False,
        phase=None,
        time_source="bundle",
    )
    run = IssueRun("llm-pretrain", 1, "1.4.1", 3, FAILED, FAILED, failure, True, False)
    return ShownIssue(None, account(latest_run=run, timeline=None))


def hostile() -> ShownIssue:
    """Texts that would steer a terminal, break lines, become markup, or never end."""
    long = EVIL + "x" * 1_000_000
    shown = account(
        title=long,
        what=EVIL,
        dimensions={EVIL: long, "list": [EVIL] * 1000},
        exception=IssueException(EVIL, long, 1, None),
        latest_run=IssueRun(
            long, 1, EVIL, 1, FAILED, FAILED, first_failure(host=long, phase=long), True, True
        ),
        spread=(ValueSpread("host", (ValueCount(long, 17, 1.0),), 1, 0),),
        timeline=timeline(phases=(PhaseBand(long, FAILED - 600 * S, FAILED),)),
        evidence=(EvidencePlace(long, 1, FAILED, 3, EVIL, "error"),),
        bundle_path=EVIL,
        versions=VersionRange(long, EVIL, EVIL),
    )
    tracked = detail(1, title=long, status="regressed", assignee=long, app=EVIL)
    tracked["comments"][0] |= {"author_name": EVIL, "body": long}
    tracked["occurrences"][0] |= {"session_id": long, "host": EVIL, "run_id": EVIL}
    history = (activity(EVIL, 5, {"x": long}, {"x": EVIL, EVIL: [long]}, actor_id=long), REGRESSED)
    return ShownIssue(tracked, shown, history=history, gone=(EVIL,), next=("stormlog why 'a\tb'",))


SAMPLES = {
    sample.__name__: sample
    for sample in (regressed, ignored, untracked, little_known, several_first, hostile)
}
