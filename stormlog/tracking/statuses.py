"""Statuses of tracked issues and the moves between them; `stormlog.issues.state` says what derived issues show."""

from __future__ import annotations

from typing import Final, Literal

from stormlog.errors import LifecycleError

__all__ = [
    "LIVE",
    "SHOWN_STATUSES",
    "STATUSES",
    "Status",
    "require_move",
    "require_status",
    "shown_status",
]

Status = Literal["new", "in_progress", "resolved", "silenced", "regressed"]

STATUSES: Final[tuple[Status, ...]] = ("new", "in_progress", "resolved", "silenced", "regressed")

#: Statuses of issues that somebody has to look at.
LIVE: Final = ("new", "in_progress", "regressed")

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
    ("resolved", "resolved"): "; --amend (amend=True) changes its fix version",
}


def require_status(word: str) -> Status:
    """Return a status.

    Raises:
        ValueError: it is none.
    """
    for status in STATUSES:
        if word in (status, shown_status(status)):
            return status
    raise ValueError(f"unknown status {word!r}: choose from {', '.join(SHOWN_STATUSES)}")


def shown_status(status: str) -> str:
    """Return the word that people see for a status: what `ignore` makes is ``ignored``, as in answers of queries."""
    return "ignored" if status == "silenced" else status


def require_move(issue_id: str, before: str, after: Status, *, name: str | None = None) -> None:
    """Refuse a move that is not allowed.

    Args:
        name: What messages call the issue; its id by default.

    Raises:
        LifecycleError: code ``illegal_transition``; details name the issue, both statuses and what is allowed.
    """
    allowed = _MOVES[before]
    if after in allowed:
        return
    hint = _HINTS.get((before, after), "")
    raise LifecycleError(
        f"issue {name or issue_id} is {shown_status(before)} and cannot become {shown_status(after)}; "
        f"it may become {', '.join(map(shown_status, allowed))}{hint}",
        code="illegal_transition",
        details={"issue_id": issue_id, "from": before, "to": after, "allowed": list(allowed)},
    )


#: The same words as people see them.
SHOWN_STATUSES: Final = tuple(map(shown_status, STATUSES))
