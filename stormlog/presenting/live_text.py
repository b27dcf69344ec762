"""Live runs as a screen of text, which is drawn anew with every look.

Promise: no line is longer than the screen is wide, and no screen higher than asked for. What needs attention first is
shown first, and ranks that there is no room for are counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter

from stormlog.presenting.live_table import LiveTable, cut_end, percent, unit_of
from stormlog.presenting.quantities import counted, human_ago, human_duration, human_time
from stormlog.presenting.texts import short_ranges, wrapped
from stormlog.presenting.why_text import Line, Piece, Style
from stormlog.query import LiveFailure, LiveLook, LiveRank, LiveRun, LiveWarning

__all__ = ["live_screen"]

#: Lines of messages, and of what is said at the end of a run.
_MOST_MESSAGES = 5
_ENDING_LINES = 4
#: Lower screens show the totals and ranks, and nothing else.
_LOW = 8
_STATES = ("failed", "silent", "lost", "running", "ended")
_SEVERITY_STYLES: dict[str, Style] = {"critical": "failure", "error": "failure", "warning": "warning"}
_EMPTY: Line = ()

#: A line, and the rank that it shows.
_Shown = tuple[Line, LiveRank | None]


def live_screen(
    look: LiveLook,
    *,
    width: int,
    height: int | None = None,
    ascii_only: bool = False,
    endings: Mapping[str, str] | None = None,
    footer: str = "",
) -> list[Line]:
    """Return the lines of a screen.

    Args:
        look: What the runs do.
        width: Columns of the screen, at least 1.
        height: Most lines, at least 1; None shows everything.
        ascii_only: Whether sparklines and the ellipsis are drawn in ASCII.
        endings: Run -> what is said of it, now that it has ended.
        footer: What stands below, where there is room.
    """
    page = _Page(look, width, "..." if ascii_only else "…", {} if endings is None else endings)
    table = LiveTable(look.ranks, width=width, ascii_only=ascii_only)
    head = [page.line(page.totals(), "heading")]
    if height is not None and height < _LOW:
        rows: list[_Shown] = [(table.row(rank), rank) for rank in look.ranks]
        return [*head, *page.fitting(rows, height - 1)][:height]
    if look.ranks:
        head.append(table.header)
    body: list[_Shown] = []
    for run, (_, group) in zip(look.runs, groupby(look.ranks, key=attrgetter("run_id")), strict=True):
        ranks = list(group)
        body += [(line, None) for line in page.about(run, ranks)]
        body += [(table.row(rank), rank) for rank in ranks]
    messages = page.messages()
    foot = [page.line(text, "faint") for text in (*page.notes(), footer) if text]
    if height is None:
        return [*head, *(line for line, _ in body), *messages, *foot]
    room = height - len(head) - len(foot)
    # Messages leave two thirds to the ranks; below a blank line and a title there is one of them at least.
    most = max(room - len(body), room // 3)
    messages = messages[:most] if most >= 3 else []
    return [*head, *page.fitting(body, room - len(messages)), *messages, *foot][:height]


class _Page:
    """Makes the lines of a screen that are no table."""

    def __init__(self, look: LiveLook, width: int, ellipsis: str, endings: Mapping[str, str]) -> None:
        self._look = look
        self._width = width
        self._ellipsis = ellipsis
        self._endings = endings

    def line(self, text: str, style: Style = "plain") -> Line:
        """Return a line, cut to the width."""
        return (Piece(cut_end(text, self._width, self._ellipsis), style),)

    def fitting(self, lines: Sequence[_Shown], room: int) -> list[Line]:
        """Return lines as far as there is room; the last one counts the ranks that are left out."""
        if len(lines) <= room:
            return [line for line, _ in lines]
        shown = [line for line, _ in lines[: max(room - 1, 0)]]
        left = [rank for _, rank in lines[max(room - 1, 0) :] if rank is not None]
        if room > 0 and left:
            shown.append(
                self.line(f"{self._ellipsis} {counted(len(left), 'more rank')}: {_counts(left)}", "faint")
            )
        return shown

    def totals(self) -> str:
        """Return the first line."""
        ranks = self._look.ranks
        looked = f"{human_time(self._look.looked_ns)[11:]} UTC"
        if not ranks:
            return f"{looked}; nothing is recorded there"
        parts = [f"{counted(len(ranks), 'rank')}: {_counts(ranks)}"]
        full = [rank for rank in ranks if rank.used_ratio is not None]
        if full and len(ranks) > 1:
            fullest = max(full, key=lambda rank: rank.used_ratio or 0)
            parts.append(f"fullest {percent(fullest)}")
        alerts = sum(rank.alert_count for rank in ranks)
        if alerts:
            parts.append(counted(alerts, "alert"))
        return "; ".join([looked, *parts])

    def about(self, run: LiveRun, ranks: Sequence[LiveRank]) -> Iterator[Line]:
        """Yield what is said of a run above its ranks."""
        attempt = f", attempt {run.attempt}" if run.attempt > 1 else ""
        version = f", version {run.code_version}" if run.code_version is not None else ""
        is_missing = run.world_size is not None and run.world_size > run.rank_count
        parts = [f"{run.rank_count} of {run.world_size} ranks" if is_missing else counted(len(ranks), "rank")]
        hosts = {rank.host for rank in ranks}
        if len(hosts) == 1 and ranks[0].host is not None:
            parts[0] += f" on {ranks[0].host}"
        if run.start_ns is not None:
            parts.append(f"began {human_ago(self._look.looked_ns - run.start_ns)}")
        if run.has_ended and run.last_ns is not None:
            parts.append(f"ended {human_ago(self._look.looked_ns - run.last_ns)}")
        yield self.line(f"Run {run.run_id}{attempt}{version}: {', '.join(parts)}", "heading")
        ending = self._endings.get(run.run_id)
        if ending is not None:
            is_bad = bool(run.state_counts.keys() & {"failed", "lost"})
            for text in wrapped(
                f"Ended. {ending}", max(self._width, 10), at_most=_ENDING_LINES, ellipsis=self._ellipsis
            ):
                yield self.line(text, "failure" if is_bad else "note")

    def messages(self) -> list[Line]:
        """Return the latest warnings and failures, below a blank line and a title; nothing without any."""
        found: list[LiveWarning | LiveFailure] = [*self._look.warnings, *self._look.failures]
        if not found:
            return []
        found.sort(key=lambda message: message.timestamp_ns or 0, reverse=True)
        lines = [_EMPTY, self.line("Latest warnings and failures", "heading")]
        return lines + [self._message(message) for message in found[:_MOST_MESSAGES]]

    def _message(self, message: LiveWarning | LiveFailure) -> Line:
        if isinstance(message, LiveFailure):
            what = ("OOM" if message.kind == "oom" else "error") + (", survived" if message.survived else "")
            style: Style = "warning" if message.survived else "failure"
        else:
            what = "collector" if message.kind == "collector_degradation" else message.severity
            style = _SEVERITY_STYLES.get(message.severity, "plain")
        whose = "rank not known" if message.rank is None else f"rank {message.rank}"
        text = "" if message.message is None else f": {message.message}"
        return self.line(f"{self._moment(message.timestamp_ns)} {whose}, {what}{text}", style)

    def _moment(self, time_ns: int | None) -> str:
        if time_ns is None:
            return "time not known"
        time, looked = human_time(time_ns), human_time(self._look.looked_ns)
        return time[11:] if time[:11] == looked[:11] else time

    def notes(self) -> Iterator[str]:
        """Yield what has to be known to read the table."""
        look = self._look
        for counter in ("reserved", "allocated"):
            shown = {rank.rank for rank in look.ranks if rank.counter == counter}
            ranks = short_ranges(sorted(rank for rank in shown if rank is not None))
            if ranks:
                yield f"Of rank {ranks}, what its allocator has {counter} is shown: what is used is not known"
        if any(rank.counter is not None for rank in look.ranks):
            longest = max(rank.history_ns or 0 for rank in look.ranks)
            since = human_duration(longest)
            yield f"Memory in {unit_of(look.ranks)}; Change, History: the last {since}; - is not known"
        if look.older_run_count:
            runs = counted(look.older_run_count, "older run")
            yield f"{runs} not shown: --since names an earlier time"


def _counts(ranks: Sequence[LiveRank]) -> str:
    states = [rank.state for rank in ranks]
    return ", ".join(f"{states.count(state)} {state}" for state in _STATES if state in states)
