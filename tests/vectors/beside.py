"""Puts cases of stores beside each other, so that one store answers many of them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tests.vectors.harness import Case

__all__ = ["CATALOG_CALLS", "can_lie_beside_others", "each_text", "grouped", "with_own_sessions"]

#: Calls that the tests of the catalog ask; `warnings` asks for reading as well.
CATALOG_CALLS = ("sources", "catalog_oom_bundles", "list_attachments")
#: Calls of which each row names a file that it is about.
_LOCATED_CALLS = {"list_issues", "list_sessions", "query_events", "warnings"}
_SESSION_ID = re.compile(r"\b[sd]-\d\b")
_SHARED_ID = re.compile(r"""(?:session|fingerprint)_id\\*": \\*"([^"<\\]+)""")


def can_lie_beside_others(case: Case) -> bool:
    """Whether the rows of a case can be told from those of other cases, and no call depends on an earlier one."""
    calls = [call["call"] for call in case.input["calls"] if call["call"] not in CATALOG_CALLS]
    return (
        0 < len(calls) == len({*calls}) == len({*calls} & _LOCATED_CALLS)
        and not any(call.get("filters") for call in case.input["calls"])
        and case.input["paths"] == [path for path in case.input["paths"] if exists(path, case)]
    )


def exists(path: str, case: Case) -> bool:
    return any(f"{file}/".startswith(f"{path}/" if path else "") for file in case.input["files"])


def with_own_sessions(case: Case) -> Case:
    """Put the name of a case before the session ids that many cases have."""

    def named(text: str) -> str:
        return _SESSION_ID.sub(lambda match: f"{case.name}-{match[0]}", text)

    return replace(case, input=each_text(case.input, named), expected=each_text(case.expected, named))


def shared_ids(case: Case) -> set[str]:
    return {*_SHARED_ID.findall(json.dumps([case.input["files"], case.expected]))}


def grouped(cases: list[Case]) -> list[tuple[Case, ...]]:
    """Put cases beside each other that ask for the same kind of rows, and have no session or issue in common."""
    groups: list[list[Case]] = []
    for case in cases:
        for group in groups:
            if all(asks_for_issues(case) == asks_for_issues(one) for one in group) and not any(
                shared_ids(case) & shared_ids(one) for one in group
            ):
                group.append(case)
                break
        else:
            groups.append([case])
    return [tuple(group) for group in groups]


def asks_for_issues(case: Case) -> bool:
    return "list_issues" in {call["call"] for call in case.input["calls"]}


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """Return a value with each text in it changed, but for the names of fields."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, list):
        return [each_text(item, change) for item in value]
    if isinstance(value, dict):
        return {key: each_text(item, change) for key, item in value.items()}
    return value
