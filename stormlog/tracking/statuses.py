"""Statuses of tracked issues, the moves between them, and the states that derived issues show."""

from __future__ import annotations

from typing import Final, Literal

from stormlog.errors import LifecycleError
from stormlog.issues.state import STATE_OF_STATUS, STATUS_PRECEDENCE

__all__ = [
    "LIVE",
    "STATE_OF",
    "STATUSES",
    "STATUS_ORDER",
    "Status",
    "require_move",
    "require_status",
]

Status = Literal["new", "in_progress", "resolved", "silenced", "regressed"]

STATUSES: Final[tuple[Status, ...]] = ("new", "in_progress", "resolved", "silenced", "regressed")

#: Which status speaks for a fingerprint that several issues own: the first of these.
STATUS_ORDER: Final[tuple[Status, ...]] = STATUS_PRECEDENCE

#: Statuses of issues that somebody has to look at.
LIVE: Final = ("new", "in_progress", "regressed")

#: What a derived issue shows.
STATE_OF: Final[dict[str, str]] = dict(STATE_OF_STATUS)

#: What people and agents may ask for. Only a scan makes an issue regressed.
_MOVES: Final[dict[str, tuple[Status, ...]]] = {
    "new": ("in_progress", "resolved", "silenced"),
    "in_progress": ("new", "resolved", "silenced"),
    "resolved": ("new", "silenced"),
    "regressed": ("in_progress", "resolved", "silenced"),
    "silenced": ("new", "in_progress", "resolved"),
}

_HINTS: Final = {
    ("regressed", "new"): "; claim it instead",
    ("resolved", "resolved"): "; amend changes its fix version",
}


def require_status(word: str) -> Status:
    """Return a status.

    Raises:
        ValueError: it is none.
    """
    for status in STATUSES:
        if word == status:
            return status
    raise ValueError(f"unknown status {word!r}: choose from {', '.join(STATUSES)}")


def require_move(issue_id: str, before: str, after: Status) -> None:
    """Refuse a move that is not allowed.

    Raises:
        LifecycleError: code ``illegal_transition``; details name the issue, both statuses and what is allowed.
    """
    allowed = _MOVES[before]
    if after in allowed:
        return
    hint = _HINTS.get((before, after), "")
    raise LifecycleError(
        f"issue {issue_id} is {before} and cannot become {after}; it may become {', '.join(allowed)}{hint}",
        code="illegal_transition",
        details={"issue_id": issue_id, "from": before, "to": after, "allowed": list(allowed)},
    )
