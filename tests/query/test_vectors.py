"""Recorded answers of a store: issues, sessions, events and bundles, call after call on one store."""

from __future__ import annotations

import re
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
from tests.vectors.harness import Case, load_cases, write_files

_STABLE_ID = re.compile("<STABLE:(.*?)::(.*?)>")
#: Calls that the tests of the catalog ask; `warnings` asks for reading as well.
_CATALOG_CALLS = ("sources", "catalog_oom_bundles", "list_attachments")
CASES = [*load_cases("issues"), *load_cases("catalog"), *load_cases("query")]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_store_answers_as_recorded(case: Case, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    write_files(case.input["files"], root)
    paths = [root / path for path in case.input["paths"]]
    if not any(path.exists() for path in paths):
        with pytest.raises(SourceError):
            stormlog.query.open(paths)
        return
    with stormlog.query.open(paths) as store:
        for call, recorded in zip(case.input["calls"], case.expected, strict=True):
            if call["call"] in _CATALOG_CALLS:
                continue
            expected = with_ids(recorded, root)
            if isinstance(expected, dict) and "error" in expected:
                with pytest.raises(ValueError):
                    answer(store, call, str(root))
                continue
            actual = answer(store, call, str(root))
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
                names = ("fingerprint_id", "kind", "state", "severity", "hit_count")
                rows = [{name: row[name] for name in names} for row in rows]
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


def reason_of(warning: CatalogWarning) -> str:
    # A syntax error has no code of its own in the records.
    return warning.code.replace("json_malformed", "native")


def with_root(value: Any, root: str) -> Any:
    if isinstance(value, str):
        return value.replace(root, "<ROOT>")
    if isinstance(value, list):
        return [with_root(item, root) for item in value]
    if isinstance(value, dict):
        return {key: with_root(item, root) for key, item in value.items()}
    return value


def with_ids(value: Any, root: Path) -> Any:
    """Fill in the session ids that are made of paths; other ids that are made of them are not compared."""
    if isinstance(value, str):
        if value == "<PATH-DEPENDENT>":
            return value.lower()
        return _STABLE_ID.sub(lambda match: stable_legacy_session_id(root / match[1], match[2]), value)
    if isinstance(value, list):
        return [with_ids(item, root) for item in value]
    if isinstance(value, dict):
        return {key: with_ids(item, root) for key, item in value.items()}
    return value
