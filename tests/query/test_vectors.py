"""Recorded answers of a store: issues, sessions, events and bundles, call after call on one store."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.artifacts import CatalogWarning
from stormlog.errors import SourceError
from stormlog.query.filters import (
    CorrelationFilter,
    EventFilter,
    IssueFilter,
    OOMBundleFilter,
    RunAttachmentFilter,
    RunFilter,
    SessionFilter,
)
from stormlog.telemetry.session import stable_legacy_session_id
from tests.captures import unlike
from tests.vectors.beside import CATALOG_CALLS, can_lie_beside_others, each_text, grouped, with_own_sessions
from tests.vectors.harness import Case, load_cases, write_files

_STABLE_ID = re.compile("<STABLE:(.*?)::(.*?)>")
CASES = [*load_cases("issues"), *load_cases("catalog"), *load_cases("query")]

AnswersOf = Callable[[int], tuple[Path, dict[str, Any]]]

#: Cases that one store reads, each with sessions and issues of its own.
GROUPS = grouped([with_own_sessions(case) for case in CASES if can_lie_beside_others(case)])
BESIDE_OTHERS = [(number, case) for number, group in enumerate(GROUPS) for case in group if len(group) > 1]
ALONE = [case for case in CASES if case.name not in {beside.name for _, beside in BESIDE_OTHERS}]


@pytest.fixture(scope="module")
def answers_of(tmp_path_factory: pytest.TempPathFactory) -> AnswersOf:
    """Give the folder of a group, with one folder for each case, and the answers of the store that reads them all."""

    @cache
    def of_group(number: int) -> tuple[Path, dict[str, Any]]:
        group = GROUPS[number]
        root = tmp_path_factory.mktemp("beside").resolve()
        for case in group:
            write_files(case.input["files"], root / case.name)
        asked = (call for case in group for call in case.input["calls"] if call["call"] not in CATALOG_CALLS)
        calls = {repr(located(call)): located(call) for call in asked}
        paths = [root / case.name / path for case in group for path in case.input["paths"]]
        with stormlog.query.open(paths, cache=False) as store:
            answers = {key: answer(store, call, str(root)) for key, call in calls.items()}
        names = {case.name for case in group}
        assert all(case_of(row) in names for rows in answers.values() for row in rows)
        return root, answers

    return of_group


@pytest.mark.parametrize(("number", "case"), BESIDE_OTHERS, ids=[case.name for _, case in BESIDE_OTHERS])
def test_store_answers_as_recorded_of_each_case(answers_of: AnswersOf, number: int, case: Case) -> None:
    root, answers = answers_of(number)
    for call, recorded in zip(case.input["calls"], case.expected, strict=True):
        if call["call"] in CATALOG_CALLS:
            continue
        actual = [row for row in answers[repr(located(call))] if case_of(row) == case.name]
        actual = each_text(actual, lambda text: text.replace(f"<ROOT>/{case.name}", "<ROOT>"))
        if call["call"] == "list_issues" and call.get("compact"):
            actual = compact_issues(actual)
        assert_as_recorded(call, actual, with_ids(recorded, root / case.name))


def located(call: dict[str, Any]) -> dict[str, Any]:
    """Return the call whose rows name their files: compact issues do not."""
    return {**call, "compact": False} if call["call"] == "list_issues" else call


def case_of(row: dict[str, Any]) -> str:
    """Return the case that all paths in a row are of."""
    (name,) = {*re.findall('<ROOT>/([^/"]+)', json.dumps(row))}
    return name


@pytest.mark.parametrize("case", ALONE, ids=str)
def test_store_answers_as_recorded(case: Case, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    write_files(case.input["files"], root)
    paths = [root / path for path in case.input["paths"]]
    if not any(path.exists() for path in paths):
        with pytest.raises(SourceError):
            stormlog.query.open(paths)
        return
    with stormlog.query.open(paths, cache=False) as store:
        for call, recorded in zip(case.input["calls"], case.expected, strict=True):
            if call["call"] in CATALOG_CALLS:
                continue
            expected = with_ids(recorded, root)
            if isinstance(expected, dict) and "error" in expected:
                with pytest.raises(ValueError):
                    answer(store, call, str(root))
                continue
            assert_as_recorded(call, answer(store, call, str(root)), expected)


def assert_as_recorded(call: dict[str, Any], actual: Any, expected: Any) -> None:
    if call["call"] == "warnings":
        actual, expected = sorted(actual, key=by_path), sorted(expected, key=by_path)
    assert not unlike(actual, expected), call


def by_path(row: dict[str, Any]) -> tuple[str, str]:
    return row["path"], row["reason"]


def answer(store: Any, call: dict[str, Any], root: str) -> Any:
    filters = call.get("filters", {})
    match call["call"]:
        case "list_issues":
            issues = store.list_issues(IssueFilter(**filters), state_overrides=call.get("state_overrides"))
            rows = [issue.as_dict() for issue in issues]
            if call.get("compact"):
                rows = compact_issues(rows)
            for row in rows:
                row.get("details", {}).pop("description", None)
        case "list_sessions":
            rows = [row.as_dict() for row in store.list_sessions(SessionFilter(**filters))]
        case "query_events":
            rows = [row.as_dict() for row in store.query_events(EventFilter(**filters))]
            if call.get("compact", True):
                names = ("timestamp_ns", "session_id", "event_type", "rank", "collector")
                names += ("source_path", "source_kind", "session_status")
                rows = [{name: row[name] for name in names} for row in rows]
        case "list_oom_bundles":
            rows = [row.as_dict() for row in store.list_oom_bundles(OOMBundleFilter(**filters))]
        case "list_runs":
            rows = [row.as_dict() for row in store.list_runs(RunFilter(**filters))]
        case "list_run_attachments":
            attached = store.list_run_attachments(RunAttachmentFilter(**filters))
            rows = [row.as_dict() for row in attached]
        case "summarize":
            found = store.summarize(call["metric"], group_by=call.get("group_by"))
            rows = [row.as_dict() for row in found]
        case "correlate":
            kinds = tuple(filters.get("kinds", ()))
            result = store.correlate(CorrelationFilter(**{**filters, "kinds": kinds})).as_dict()
            for item in result["evidence"] if call.get("compact", True) else ():
                del item["metadata"]
            result["warnings"] = [reason_of(warning) for warning in store.catalog.warnings]
            return with_root(result, root)
        case "warnings":
            # What was a warning about a whole file is a reject of one line here.
            rows = [{"path": one.path, "reason": reason_of(one)} for one in store.catalog.warnings]
            rows += [{"path": one.path, "reason": f"load_failed:{one.reason}"} for one in store.rejects()]
        case _:
            raise AssertionError(call)
    return [with_root(row, root) for row in rows]


def compact_issues(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    names = ("fingerprint_id", "kind", "state", "severity", "hit_count")
    return [{name: row[name] for name in names} for row in rows]


def reason_of(warning: CatalogWarning) -> str:
    # A syntax error has no code of its own in the records.
    return warning.code.replace("json_malformed", "native")


def with_root(value: Any, root: str) -> Any:
    return each_text(value, lambda text: text.replace(root, "<ROOT>"))


def with_ids(value: Any, root: Path) -> Any:
    """Fill in the session ids that are made of paths; other ids that are made of them are not compared."""

    def filled(text: str) -> str:
        if text == "<PATH-DEPENDENT>":
            return text.lower()
        return _STABLE_ID.sub(lambda match: stable_legacy_session_id(root / match[1], match[2]), text)

    return each_text(value, filled)
