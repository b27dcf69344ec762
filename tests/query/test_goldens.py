"""Captures give the answers that stormlog 0.3.9 and 0.4.3 gave, but for the differences that
``tests/golden/differences.toml`` names."""

from __future__ import annotations

import json
import tomllib
from collections import Counter
from collections.abc import Callable
from functools import cache, reduce
from hashlib import sha256
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.artifacts import ArtifactCatalog
from stormlog.query import SUMMARY_GROUPS, SUMMARY_METRICS
from stormlog.query.filters import CorrelationFilter, EventFilter
from tests.captures import capture_path, golden, has_golden, replace_prefix, scenarios, unlike

DIFFERENCES = Path(__file__).parents[1] / "golden" / "differences.toml"
EVENT_LIMIT = 60
CATALOG_PARTS = ("paths", "sources", "oom_bundles", "attachments", "run_envelopes")


def issue_rows(store: Any) -> list[dict[str, Any]]:
    rows = [issue.as_dict() for issue in store.list_issues()]
    for row in rows:
        row["details"].pop("description", None)
    return rows


def event_digest(store: Any) -> dict[str, Any]:
    rows = [row.as_dict() for row in store.query_events()]
    return {
        "count": len(rows),
        "by_event_type": dict(Counter(row["event_type"] for row in rows)),
        "by_session": dict(Counter(row["session_id"] for row in rows)),
        "by_source_kind": dict(Counter(row["source_kind"] for row in rows)),
    }


def hash_of_rows(scenario: str) -> str:
    """Hash all event rows as the digests do: only sinks were opened by a relative path."""
    digest = sha256()
    for event in opened(scenario).query_events():
        row = replace_prefix(event.as_dict(), scenarios()[scenario].cwd)
        if row["source_kind"] != "sink":
            row["source_path"] = f"<CWD>/{row['source_path']}"
        digest.update(json.dumps(row, sort_keys=True).encode() + b"\n")
    return digest.hexdigest()


def summaries(store: Any) -> dict[str, dict[str, list[dict[str, Any]]]]:
    groups = {"default": None, **{group: group for group in SUMMARY_GROUPS}}
    return {
        metric: {
            name: [row.as_dict() for row in store.summarize(metric, group_by=group)]
            for name, group in groups.items()
        }
        for metric in SUMMARY_METRICS
    }


def correlations(store: Any, scenario: str) -> list[dict[str, Any]]:
    """Ask what was asked of the other implementation, as its command line spells it."""
    answers = []
    for question in golden(scenario, "correlate"):
        given = question["args"]
        options: dict[str, Any] = {"kinds": ()}
        for name, value in zip(given[::2], given[1::2], strict=True):
            name = {"kind": "kinds"}.get(name[2:], name[2:].replace("-", "_"))
            options[name] = (*options["kinds"], value) if name == "kinds" else value
        numbers = {"at_ns", "window_ns", "limit"} & options.keys()
        filters = CorrelationFilter(**options | {name: int(options[name]) for name in numbers})
        try:
            answers.append(store.correlate(filters).as_dict())
        except ValueError:
            answers.append(None)
    return [None if answer is None else without_places(answer) for answer in answers]


def without_places(answer: dict[str, Any]) -> dict[str, Any]:
    """Drop what depends on how a path is spelled, and texts of warnings."""
    for item in answer["evidence"]:
        if item["kind"] in ("oom_bundle", "diagnose_bundle", "attachment"):
            del item["evidence_id"]
    return {"anchor": answer["anchor"], "evidence": answer["evidence"]}


QUERIES: dict[str, Callable[[Any], Any]] = {
    "issues": issue_rows,
    "sessions": lambda store: [row.as_dict() for row in store.list_sessions()],
    "events": lambda store: [row.as_dict() for row in store.query_events(EventFilter(limit=EVENT_LIMIT))],
    "events_digest": event_digest,
    "runs": lambda store: [row.as_dict() for row in store.list_runs()],
    "attachments": lambda store: [row.as_dict() for row in store.list_run_attachments()],
    "summary": summaries,
    "ooms": lambda store: [row.as_dict() for row in store.list_oom_bundles()],
}


@cache
def opened(scenario: str) -> Any:
    return stormlog.query.open([capture_path(scenario)], cache=False)


def answer(scenario: str, query: str) -> Any:
    return replace_prefix(QUERIES[query](opened(scenario)), scenarios()[scenario].cwd)


def expected_answer(scenario: str, query: str) -> Any:
    expected = golden(scenario, query)
    if query == "events_digest":
        expected.pop("sha256_rows")
    if query == "issues":
        for row in expected:
            row["details"].pop("description", None)
    for difference in differences():
        if (difference["scenario"], difference["query"]) == (scenario, query):
            for change in difference.get("changes", []):
                *path, last = change["where"]
                holder = reduce(getitem, path, expected)
                assert is_still(holder[last], change["was"]), f"{scenario}, {query}: {change} fits no longer"
                if "is" in change:
                    holder[last] = change["is"]
                else:
                    del holder[last]
            if dropped := set(difference.get("dropped", [])):
                assert dropped <= {row["source_path"] for row in expected}
                expected = [row for row in expected if row["source_path"] not in dropped]
    return expected


def is_still(value: Any, was: Any) -> bool:
    """Tell whether a value is what a change says; of a row it says some fields."""
    return was.items() <= value.items() if isinstance(was, dict) else bool(value == was)


def by_text(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows in an order that does not depend on ids made from paths, which are others in each place."""
    return sorted(rows, key=lambda row: str(sorted(row.items(), key=str)))


@cache
def differences() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = tomllib.loads(DIFFERENCES.read_text(encoding="utf-8"))["difference"]
    return rows


def is_changed(scenario: str, query: str) -> bool:
    return any((row["scenario"], row["query"]) == (scenario, query) for row in differences())


def cases() -> list[tuple[str, str]]:
    return [
        (scenario, query)
        for scenario in scenarios()
        for query in QUERIES
        # Counts are known only for relative paths, where the events of bundles were counted twice.
        if not (query == "events_digest" and has_golden(scenario, "issues.abs"))
    ]


@pytest.mark.parametrize(("scenario", "query"), cases(), ids=str)
def test_capture_gives_the_known_answer(scenario: str, query: str) -> None:
    actual, expected = answer(scenario, query), expected_answer(scenario, query)
    if query == "attachments":
        actual, expected = by_text(actual), by_text(expected)
    if query == "summary":
        for metric, groups in expected.items():
            for group, rows in groups.items():
                # A list, unless the other implementation failed on unknown counters.
                actual[metric][group] = by_text(actual[metric][group]) if isinstance(rows, list) else rows
                groups[group] = by_text(rows) if isinstance(rows, list) else rows
    if query == "events" and is_changed(scenario, query):
        # Other rows follow where some of the first ones were dropped.
        actual = actual[: len(expected)]
    assert not unlike(actual, expected)


def is_counted_twice(scenario: str) -> bool:
    """Tell whether the known answer holds events of a scenario twice: then they stand around a moment twice."""
    dropped = [row for row in differences() if row["query"] == "events" and row.get("dropped")]
    return has_golden(scenario, "issues.abs") or any(row["scenario"] == scenario for row in dropped)


CORRELATED = [name for name in scenarios() if not is_counted_twice(name)]


@pytest.mark.parametrize("scenario", CORRELATED)
def test_capture_gives_the_known_correlations(scenario: str) -> None:
    expected = [
        None if question["result"] is None else without_places(question["result"])
        for question in golden(scenario, "correlate")
    ]
    found = replace_prefix(correlations(opened(scenario), scenario), scenarios()[scenario].cwd)
    assert not unlike(found, expected)


@pytest.mark.parametrize("scenario", [scenario for scenario, query in cases() if query == "events_digest"])
def test_every_event_row_is_the_known_one(scenario: str) -> None:
    known = golden(scenario, "events_digest")
    if any(is_changed(scenario, query) for query in QUERIES):
        # More lines are read on purpose, or fewer.
        assert len(opened(scenario).query_events()) == expected_answer(scenario, "events_digest")["count"]
    elif any(session.startswith("legacy-") for session in known["by_session"]):
        # Ids made from paths are others here, so the hash is too; all rows are compared one by one.
        assert known["count"] <= EVENT_LIMIT
    else:
        assert hash_of_rows(scenario) == known["sha256_rows"]


@pytest.mark.parametrize("scenario", scenarios())
def test_capture_gives_the_known_catalog(scenario: str) -> None:
    catalog = replace_prefix(ArtifactCatalog([capture_path(scenario)]).as_dict(), scenarios()[scenario].cwd)
    expected = golden(scenario, "catalog")
    bundles = tuple(f"{bundle['bundle_path']}/" for bundle in expected["oom_bundles"])
    # Only a relative path made the events of bundles a source of their own.
    expected["sources"] = [row for row in expected["sources"] if not row["path"].startswith(bundles or "\0")]
    assert not unlike(
        {part: catalog[part] for part in CATALOG_PARTS}, {part: expected[part] for part in CATALOG_PARTS}
    )


def test_differences_name_known_questions_and_say_why() -> None:
    for difference in differences():
        assert difference["query"] in QUERIES
        assert difference["reason"].strip()
        assert difference.get("changes") or difference.get("dropped")
