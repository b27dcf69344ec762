"""Lists of rows are lists, and what a prompt shows of an answer is short, whatever telemetry holds."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from typing import Any

import pytest

import stormlog.query
from stormlog.issues import IssueEvidenceLink, IssueFingerprint, LazyEvidence, StormlogIssue
from stormlog.query import CorrelationFilter, IssueList, QueryStore, Reject, RowList
from stormlog.tracking.models import IssuePage

TITLE = "\x1b[2J\ud800\u202e" + "x" * 1_000_000


@pytest.fixture(scope="module")
def store() -> Iterator[QueryStore]:
    with stormlog.query.open("examples/job") as found:
        yield found


def issue(**changes: Any) -> StormlogIssue:
    fields: dict[str, Any] = {
        "title": TITLE,
        "severity": "critical",
        "hit_count": 1,
        "first_seen_ns": 0,
        "last_seen_ns": 0,
        "affected_sessions": ["s"],
        "representative_evidence": IssueEvidenceLink(),
        "evidence": (),
        **changes,
    }
    return StormlogIssue(IssueFingerprint("oom", {"reason": "r"}), **fields)


# ---- lists -------------------------------------------------------------------------------------------------


def test_answers_are_lists(store: QueryStore) -> None:
    for rows in (
        store.list_issues(),
        store.list_sessions(),
        store.query_events(),
        store.list_oom_bundles(),
        store.list_runs(),
        store.list_run_attachments(),
        store.summarize("alert_count"),
        store.list_timeline_markers(),
        store.list_derived_fields(),
    ):
        assert isinstance(rows, list) and rows
        plain = list(rows)
        assert rows == plain and plain == rows
        assert type(rows[:2]) is type(rows) and rows[:2] == plain[:2]
        assert rows[-1] == plain[-1]
        assert pickle.loads(pickle.dumps(rows)) == rows
        assert type(copy.copy(rows)) is type(rows)
    assert type(store.list_issues()) is IssueList
    assert sorted(store.list_issues(), key=lambda found: found.hit_count)[-1].kind == "alert"


# ---- what a prompt shows -----------------------------------------------------------------------------------


def test_store_says_what_it_opened_also_when_closed() -> None:
    with stormlog.query.open("examples/job", cache=False) as opened:
        assert repr(opened) == ("<QueryStore of ['examples/job'], sources: 24, OOM bundles: 2, warnings: 0>")
    assert repr(opened) == "<QueryStore of ['examples/job'], closed>"


def test_store_of_many_paths_is_short() -> None:
    with stormlog.query.open(["examples/job", *(f"nowhere/{number}" for number in range(500))]) as opened:
        assert len(repr(opened)) < 600


def test_issue_says_what_it_is(store: QueryStore) -> None:
    issues = store.list_issues()
    assert repr(issues[0]) == (
        "<StormlogIssue issue:63b1d6557bebb97a5d630e5b open critical oom 4 hits: 'OOM captured by flight recorder'>"
    )
    account = repr(store.issue_account(issues[0].fingerprint_id))
    assert account == repr(issues[0]).replace("StormlogIssue", "IssueAccount")


def test_explanation_says_why_on_one_line(store: QueryStore) -> None:
    shown = repr(store.explain())
    assert shown.startswith(
        "<Explanation: Run lm-pretrain-1.4.1, version 1.4.1, job slurm-50132: rank 5 of 8 ran"
    )
    assert "\n" not in shown and len(shown) < 2_000


def test_lists_show_their_first_rows(store: QueryStore) -> None:
    assert repr(RowList()) == repr(IssueList()) == "[]"
    assert repr(RowList([1, 2])) == "[1,\n 2]"
    assert repr(RowList(range(6))) == "[0,\n 1,\n 2,\n 3,\n 4,\n 5]"
    assert repr(RowList(range(10_000))) == "[0,\n 1,\n 2,\n 3,\n 4,\n ... 9,995 more]"
    assert repr(store.query_events()).count("\n") == 5


@pytest.mark.parametrize(
    "value",
    [
        issue(),
        issue(severity=TITLE),
        IssueList([issue()] * 10_000),
        RowList([Reject(TITLE, 1, TITLE, TITLE, TITLE)] * 100),
        IssueEvidenceLink(session_id=TITLE, metadata={str(number): TITLE for number in range(1000)}),
        IssueFingerprint("oom", {"reason": ["long " * 200] * 20}),
        LazyEvidence(10**6, list),
        IssuePage([issue()] * 200, TITLE, True),  # type: ignore[list-item]
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_shown_is_short_and_printable(value: object) -> None:
    shown = repr(value)
    assert 2 < len(shown) < 5_000
    assert shown.replace("\n", "").isprintable()


def test_long_answers_are_short(store: QueryStore) -> None:
    failure = store.explain().first_failure
    assert failure is not None
    around = store.correlate(CorrelationFilter(at_ns=failure.timestamp_ns))
    history = store.memory_history("lm-pretrain-1.4.1")
    for value in (around, history, store.list_sessions()[0], failure):
        assert repr(value).startswith(f"{type(value).__name__}(")
        assert len(repr(value)) < 5_000


def test_evidence_says_how_much_there_is_without_reading_it(store: QueryStore) -> None:
    evidence = store.list_issues()[0].evidence
    assert repr(evidence) == "<4 pieces of evidence, not loaded>"
    assert len(list(evidence)) == 4
    assert repr(evidence).count("IssueEvidenceLink(session_id=") == 4
