"""The columns of the list of issues, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from stormlog.apps.tui.board import BoardRow
from stormlog.apps.tui.lazy_table import Cell, TableColumn
from stormlog.issues.kinds import SHORT_KINDS
from stormlog.presenting import human_count
from stormlog.presenting.issue_rows import short_id
from stormlog.presenting.plots import sparkline
from stormlog.presenting.quantities import human_ago

__all__ = ["issue_cells", "issue_columns"]

_STATE: Final = TableColumn("state", "State", 11, 3)
_COLUMNS: Final = (
    TableColumn("severity", "Severity", 8, 1),
    TableColumn("kind", "Kind", 9, 5),
    TableColumn("what", "What", 12, 0, is_text=True),
    TableColumn("trend", "Trend", 8, 4),
    TableColumn("failures", "Failures", 8, 7, is_amount=True),
    TableColumn("runs", "Runs", 5, 8, is_amount=True),
    TableColumn("last_seen", "Last seen", 10, 6, is_amount=True),
)
_OF_TRACKER: Final = (TableColumn("app", "App", 12, 10), TableColumn("assignee", "Whose", 8, 9))
#: Kinds whose titles are long for all but say nothing of the one; the kind stands beside it.
_TITLED_BY_KIND: Final = frozenset({"oom", "collector_degradation", "hidden_memory_anomaly"})
#: Parts of the trend that one character stands for.
_PARTS: Final = 3

_SEVERITIES: Final = {"critical": "failure", "error": "failure", "warning": "warning", "info": "note"}
_STATES: Final = {"regressed": "failure", "new": "warning", "in_progress": "note", "resolved": "good"}
_STATES_OF_TELEMETRY: Final = {"open": "", "resolved": "good", "regressed": "failure", "ignored": "faint"}


def issue_columns(*, is_tracked: bool, has_states: bool) -> tuple[TableColumn, ...]:
    """Return the columns.

    Args:
        is_tracked: Whether issues have numbers.
        has_states: Whether any of them is something else than open.
    """
    # A number is how people name an issue; a fingerprint stands in the detail as well.
    first = TableColumn("id", "#", 6, 2) if is_tracked else TableColumn("id", "Fingerprint", 12, 11)
    states = (_STATE,) if is_tracked or has_states else ()
    return (first, *states, *_COLUMNS, *(_OF_TRACKER if is_tracked else ()))


def issue_cells(row: BoardRow, *, now_ns: int, ascii_only: bool) -> Mapping[str, Cell]:
    """Return the cells of an issue.

    Args:
        now_ns: Time by the clock.
        ascii_only: Whether the trend is drawn in ASCII.
    """
    found, facts, tracked = row.row, row.facts, row.tracked
    badge = f"{'[dev] ' if row.is_dev else ''}{'' if found.has_evidence else '[tracker] '}"
    failures, runs, seen = row.counts
    return {
        "id": Cell(short_id(found.fingerprint_id) if tracked is None else f"#{tracked.number}"),
        "state": _state(row),
        "severity": Cell(found.severity, _SEVERITIES.get(found.severity, "")),
        "kind": Cell(SHORT_KINDS.get(found.kind, found.kind)),
        "what": Cell(f"{badge}{_what(row)}", "badge" if badge else ""),
        "app": Cell("" if tracked is None else tracked.app),
        "assignee": Cell("" if tracked is None else tracked.assignee or ""),
        "trend": Cell("" if facts is None else _trend(facts.trend, ascii_only=ascii_only), "note"),
        "failures": Cell(_count(failures)),
        "runs": Cell(_count(runs)),
        "last_seen": Cell("-" if seen is None else human_ago(now_ns - seen)),
    }


def _state(row: BoardRow) -> Cell:
    if row.tracked is None:
        return Cell(row.row.state, _STATES_OF_TELEMETRY.get(row.row.state, ""))
    # The words are those of the tracker.
    from stormlog.tracking.statuses import shown_status

    shown = shown_status(row.tracked.status)
    return Cell(shown, _STATES.get(shown, "faint"))


def _what(row: BoardRow) -> str:
    """Return what tells an issue from all others, as short as it can be said beside its kind."""
    found = row.row
    if found.what and found.kind in _TITLED_BY_KIND:
        return found.what
    title = found.title.removeprefix("Alert: ")
    return f"{title} ({found.what})" if found.what else title


def _trend(hit_counts: Sequence[int], *, ascii_only: bool) -> str:
    counts = [sum(hit_counts[start : start + _PARTS]) for start in range(0, len(hit_counts), _PARTS)]
    return sparkline(counts, ascii_only=ascii_only)


def _count(value: int | None) -> str:
    return "-" if value is None else human_count(value)
