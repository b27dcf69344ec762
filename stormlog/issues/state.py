"""The states an issue can be in."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

IssueState: TypeAlias = Literal["open", "resolved", "ignored", "regressed"]

ISSUE_STATE_OPEN: Final = "open"
ISSUE_STATE_RESOLVED: Final = "resolved"
ISSUE_STATE_IGNORED: Final = "ignored"
ISSUE_STATE_REGRESSED: Final = "regressed"
ISSUE_STATES: Final[tuple[IssueState, ...]] = ("open", "resolved", "ignored", "regressed")

#: Status of a tracked issue -> the state that it shows.
STATE_OF_STATUS: Final[dict[str, IssueState]] = {
    "new": "open",
    "in_progress": "open",
    "resolved": "resolved",
    "silenced": "ignored",
    "regressed": "regressed",
}

#: Which status speaks for a fingerprint that several tracked issues own: the first of these.
STATUS_PRECEDENCE: Final[tuple[Literal["regressed", "new", "in_progress", "resolved", "silenced"], ...]] = (
    "regressed",
    "new",
    "in_progress",
    "resolved",
    "silenced",
)


def normalize_issue_state(state: str) -> IssueState:
    """Return a state in its canonical spelling; surrounding blanks and case do not matter.

    Raises:
        ValueError: not text, or not one of `ISSUE_STATES`.
    """
    text = state.strip().lower() if isinstance(state, str) else None
    if text not in ISSUE_STATES:
        raise ValueError(f"unsupported issue state {state!r}: choose from {', '.join(ISSUE_STATES)}")
    return text
