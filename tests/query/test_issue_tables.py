"""Long lists of issues: the same issues in the same order as `list_issues`, and where their hits are recorded."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stormlog import query
from stormlog.errors import QueryError, SourceError
from stormlog.issues.what import what_of
from stormlog.query import IssueFilter, QueryStore
from tests.apps.tui.driver import alert
from tests.captures import CHECKOUT


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = CHECKOUT / "examples" / "captures" / "v4-cuda-sim"
    return Path(shutil.copytree(source, tmp_path_factory.mktemp("lists") / "runs"))


@pytest.fixture(scope="module")
def store(runs: Path) -> Iterator[QueryStore]:
    with query.open([runs], cache=False) as opened:
        yield opened


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"kind": "oom"},
        {"severity": ["critical"], "sort": "first_seen"},
        {"sort": "hits"},
        {"search": "fragmentation"},
        {"rank": 0, "sort": "sessions"},
        {"state": "resolved"},
        {"limit": 3, "page": 2},
    ],
    ids=str,
)
def test_a_list_has_the_issues_of_list_issues_in_their_order(
    store: QueryStore, fields: dict[str, Any]
) -> None:
    expected = store.list_issues(IssueFilter(**fields))
    found = store.issue_table(IssueFilter(**fields))
    rows = found.rows(0, len(found))
    assert [row.fingerprint_id for row in rows] == [issue.fingerprint_id for issue in expected]
    for row, issue in zip(rows, expected, strict=True):
        assert (row.kind, row.state, row.severity, row.title) == (
            issue.kind,
            issue.state,
            issue.severity,
            issue.title,
        )
        assert (row.hit_count, row.session_count) == (issue.hit_count, len(issue.affected_sessions))
        assert (row.first_seen_ns, row.last_seen_ns) == (issue.first_seen_ns, issue.last_seen_ns)
        assert row.what == what_of(
            issue.kind, issue.fingerprint.dimensions, issue.details, issue.fingerprint_id
        )


def test_places_and_pages_fit_together(store: QueryStore) -> None:
    whole = store.issue_table()
    ooms = store.issue_table(IssueFilter(kind="oom"))
    keys = whole.keys(0, len(whole))
    assert whole.keys(3, 5) == keys[3:5] and whole.rows(len(whole), len(whole) + 5) == []
    assert [whole.place_of(key) for key in keys] == list(range(len(keys)))
    assert whole.place_of(keys[4][:14]) == 4
    assert whole.place_of("issue:nothing") is None
    assert [keys[place] for place in whole.places_of(ooms)] == ooms.keys(0, len(ooms))
    assert [row.key for row in whole.rows_of([keys[7], "gone", keys[2]])] == [keys[2], keys[7]]
    facets = whole.facets()
    assert dict(facets["kind"])["oom"] == len(ooms)
    assert sum(count for _, count in facets["severity"]) == len(whole)


def test_what_is_asked_again_of_the_same_files_is_remembered(runs: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(runs, tmp_path / "runs"))
    with query.open([copy], cache=False) as store:
        first = store.issue_table()
        assert store.issue_table() is first
        assert store.issue_table(IssueFilter(kind="oom")) is not first
        keys = first.keys(0, 99)
        assert store.fingerprint_ids() == sorted(keys)
        before = store.issue_page_facts(keys)
        with next(copy.rglob("*.jsonl")).open("a") as stream:
            stream.write(json.dumps(alert("new one", 99)) + "\n")
        store.refresh()
        assert len(store.issue_table()) == len(first) + 1
        assert store.issue_page_facts(keys) != before
    with pytest.raises(QueryError, match="closed"):
        store.issue_table()


def test_what_a_page_shows_besides_is_that_of_the_views(store: QueryStore) -> None:
    whole = store.issue_table()
    facts = store.issue_page_facts(whole.keys(0, len(whole)))
    counts = store.issue_counts()
    for row in whole.rows(0, len(whole)):
        found = facts[row.fingerprint_id]
        assert (found.failure_count, found.run_count) == counts[row.fingerprint_id][:2]
        assert sum(found.trend) == row.hit_count and len(found.trend) == 24
        assert not found.is_dev


def test_rows_stand_for_the_issues_of_a_tracker(store: QueryStore) -> None:
    whole = store.issue_table()
    one, two, three, *_ = whole.keys(0, len(whole))
    merged = [
        (one, "A", True),
        (two, "A", True),
        (three, "B", True),
        (three, "C", False),
        ("elsewhere", "D", True),
    ]
    found = whole.tracked(merged, shows_untracked=True)
    assert found.keys(0, 3) == ["A", "B", whole.keys(3, 4)[0]]
    assert len(found) == len(whole) - 1
    first, second, third = found.rows(0, 3)
    assert (first.fingerprint_id, first.issue_id, first.is_exact) == (one, "A", False)
    assert (second.fingerprint_id, second.issue_id, second.is_exact) == (three, "B", False)
    assert (third.issue_id, third.is_exact) == (None, True)
    assert whole.tracked(merged, shows_untracked=False).keys(0, 9) == ["A", "B"]
    assert len(whole.tracked([], shows_untracked=True)) == len(whole)
    assert whole.tracked([(two, "B", True)], shows_untracked=False).rows(0, 1)[0].is_exact


def test_a_hit_is_shown_as_it_is_recorded(store: QueryStore, runs: Path, tmp_path: Path) -> None:
    issue = store.list_issues(IssueFilter(kind="alert"))[0]
    places = store.evidence_places([issue.fingerprint_id])
    assert len(places) == issue.hit_count
    assert len(store.evidence_places([issue.fingerprint_id], limit=1)) == 1
    times = [place.timestamp_ns or 0 for place in places]
    assert times == sorted(times, reverse=True)
    [place] = places[:1]
    assert place.line_number is not None
    line = Path(place.path).read_text().splitlines()[place.line_number - 1]
    assert store.recorded_text(place) == line
    bundle = store.evidence_places([store.list_issues(IssueFilter(kind="oom"))[-1].fingerprint_id])[-1]
    assert '"reason"' in store.recorded_text(bundle)

    packed = tmp_path / "packed.jsonl.gz"
    packed.write_bytes(gzip.compress(Path(place.path).read_bytes()))
    with query.open([packed], cache=False) as other:
        [found] = other.evidence_places([issue.fingerprint_id], limit=1)
        assert json.loads(other.recorded_text(found))["timestamp_ns"] == found.timestamp_ns


def test_a_hit_that_is_gone_is_said(runs: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(runs, tmp_path / "runs"))
    with query.open([copy], cache=False) as store:
        issue = store.list_issues(IssueFilter(kind="alert"))[0]
        [place] = store.evidence_places([issue.fingerprint_id], limit=1)
        Path(place.path).write_text("short\n")
        with pytest.raises(SourceError, match="no such line any more"):
            store.recorded_text(place)
        Path(place.path).unlink()
        Path(place.path).symlink_to("/etc/passwd")
        with pytest.raises(SourceError, match="cannot be read"):
            store.recorded_text(place)
        shutil.rmtree(copy)
        with pytest.raises(SourceError, match="cannot be read"):
            store.recorded_text(place)
