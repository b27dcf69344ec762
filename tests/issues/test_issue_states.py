"""States have one spelling; severities have one order."""

from __future__ import annotations

import pytest

from stormlog.issues import normalize_issue_state, severity_rank
from tests.vectors.harness import Case, load_cases


@pytest.mark.parametrize("case", load_cases("issue_states"), ids=str)
def test_state_cases(case: Case) -> None:
    if isinstance(case.expected, dict):
        assert case.expected["error"] == "ValueError"
        reason, _, value = case.expected["reason"].partition(":")
        assert reason == "unsupported_state"
        with pytest.raises(ValueError, match=f"unsupported issue state '?{value}'?:"):
            normalize_issue_state(case.input["state"])
        return
    assert normalize_issue_state(case.input["state"]) == case.expected


@pytest.mark.parametrize(
    ("severity", "rank"),
    [("critical", 0), ("error", 0), ("warning", 1), ("info", 2), ("fatal", 9), ("Critical", 9), (None, 9)],
)
def test_severity_ranks(severity: str | None, rank: int) -> None:
    assert severity_rank(severity) == rank
