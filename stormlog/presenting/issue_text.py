"""The page of an issue as a screen of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stormlog._printable_text import printable
from stormlog._values import frozen_class
from stormlog.presenting import issue_sentences as sentences
from stormlog.presenting.issue_history import activity_sentence
from stormlog.presenting.issue_page import ShownIssue
from stormlog.presenting.plots import sparkline
from stormlog.presenting.quantities import counted, human_count, human_time
from stormlog.presenting.texts import cell_width, ranges, shortened, wrapped
from stormlog.presenting.timeline_plot import timeline_plot
from stormlog.presenting.why_text import Line, Piece, Style

__all__ = ["issue_screen", "issue_text"]

#: Labels are as wide as the longest one, with two blanks behind them.
_LABEL_WIDTH = 13
#: Narrower screens break lines themselves.
_SMALLEST_WIDTH = 48
#: Most lines of one fact, and of a message of an exception.
_FACT_LINES = 3
_MESSAGE_LINES = 6
_SESSIONS = 5
_COMMENTS = 10
_COMMENT_LINES = 20
_LARGEST_INDENT = 12
_CHANGES = 8
_FINGERPRINTS = 5
_STATUS_STYLES: dict[str, Style] = {"regressed": "failure", "new": "warning", "in_progress": "note"}


@frozen_class
class _Layout:
    width: int
    ascii_only: bool

    @property
    def ellipsis(self) -> str:
        return "..." if self.ascii_only else "…"


def issue_screen(shown: ShownIssue, *, width: int = 80, ascii_only: bool = False) -> list[Line]:
    """Return the lines of the page of an issue, as a person reads it.

    Args:
        shown: What is known.
        width: Columns of the screen, at least 48. Commands and paths may be longer: they are there to be copied.
        ascii_only: Whether plots and the ellipsis are drawn in ASCII; text of telemetry stays as it is.
    """
    layout = _Layout(max(width, _SMALLEST_WIDTH), ascii_only)
    lines: list[Line] = []
    for block in _blocks(shown, layout):
        if block and lines:
            lines.append(())
        lines += block
    return lines


def issue_text(shown: ShownIssue, *, width: int = 80, ascii_only: bool = False) -> str:
    """Return the page without styles, every line ended; see `issue_screen`."""
    lines = issue_screen(shown, width=width, ascii_only=ascii_only)
    return "".join("".join(piece.text for piece in line).rstrip() + "\n" for line in lines)


def _blocks(shown: ShownIssue, layout: _Layout) -> Iterator[list[Line]]:
    yield _heading(shown, layout)
    yield list(_facts(shown, layout))
    yield list(_spread(shown, layout))
    yield list(_timeline(shown, layout))
    yield list(_evidence(shown, layout))
    if shown.tracked is not None:
        yield list(_sessions(shown.tracked, layout))
        yield list(_comments(shown.tracked["comments"], layout))
        yield list(_history(shown, layout))
    yield list(_rule(shown, layout))
    if shown.next:
        yield _listed("Next", shown.next)


def _sentence(
    text: str, layout: _Layout, *, style: Style = "plain", at_most: int = _FACT_LINES
) -> list[Line]:
    return [
        (Piece(line, style),)
        for line in wrapped(text, layout.width, at_most=at_most, ellipsis=layout.ellipsis)
    ]


def _listed(title: str, lines: Sequence[str]) -> list[Line]:
    """Return lines that are not broken, so that they can be copied."""
    return [(Piece(title, "heading"),), *((Piece(f"  {printable(line)}"),) for line in lines)]


def _heading(shown: ShownIssue, layout: _Layout) -> list[Line]:
    status = None if shown.tracked is None else shown.tracked["issue"]["status"]
    lines = _sentence(
        sentences.title(shown), layout, style=_STATUS_STYLES.get(status or "", "heading"), at_most=2
    )
    told_apart = sentences.what(shown)
    if told_apart:
        lines += _sentence(told_apart, layout, at_most=2)
    names = sentences.issue_names(shown)
    hidden = len(names) - _FINGERPRINTS
    if hidden > 0:
        names = [*names[:_FINGERPRINTS], f"and {human_count(hidden)} more"]
    lines += _sentence(", ".join(names), layout, style="faint")
    absent = sentences.absent_account(shown)
    return lines if absent is None else [*lines, *_sentence(absent, layout, style="warning")]


def _facts(shown: ShownIssue, layout: _Layout) -> Iterator[Line]:
    for label, text in sentences.facts(shown):
        at_most = _MESSAGE_LINES if label in ("Error", "Message") else _FACT_LINES
        if label == "Changes":
            # A command is there to be copied.
            yield Piece(f"{label:<{_LABEL_WIDTH}}", "heading"), Piece(printable(text))
            continue
        yield from _fact(label, text, layout, at_most=at_most)


def _fact(label: str, text: str, layout: _Layout, *, at_most: int = _FACT_LINES) -> Iterator[Line]:
    lines = wrapped(text, layout.width - _LABEL_WIDTH, at_most=at_most, ellipsis=layout.ellipsis)
    for number, line in enumerate(lines):
        yield Piece(f"{'' if number else label:<{_LABEL_WIDTH}}", "heading"), Piece(line)


def _spread(shown: ShownIssue, layout: _Layout) -> Iterator[Line]:
    account = shown.account
    if account is None:
        return
    label = "Hits"
    for found in account.spread:
        text = sentences.spread(found, account.hit_count)
        if text is not None:
            yield from _fact(label, text, layout, at_most=2)
            label = ""
    if account.hit_count > 1 and account.trend and account.trend[0].start_ns < account.trend[-1].start_ns:
        line = sparkline([bucket.hit_count for bucket in account.trend], ascii_only=layout.ascii_only)
        time = sentences.span(account.trend[0].start_ns, account.trend[-1].end_ns - 1)
        yield Piece(f"{'Trend':<{_LABEL_WIDTH}}", "heading"), Piece(line)
        for part in wrapped(time, layout.width - _LABEL_WIDTH, at_most=2, ellipsis=layout.ellipsis):
            yield Piece(" " * _LABEL_WIDTH), Piece(part, "faint")


def _timeline(shown: ShownIssue, layout: _Layout) -> Iterator[Line]:
    account = shown.account
    if account is None or account.timeline is None:
        return
    plot = timeline_plot(account.timeline, width=layout.width, ascii_only=layout.ascii_only)
    if plot:
        yield from _sentence(sentences.timeline_title(account), layout, style="heading")
        yield from ((Piece(line),) for line in plot)


def _evidence(shown: ShownIssue, layout: _Layout) -> Iterator[Line]:
    account = shown.account
    if account is None:
        yield from _tracked_evidence(shown, layout)
        return
    # Not broken, so that paths can be copied.
    most = 4 * layout.width
    places = [shortened(sentences.place(found), most, layout.ellipsis) for found in account.evidence]
    if places:
        yield from _listed("Evidence", places)
    if account.bundle_path is not None:
        bundle = shortened(account.bundle_path, most, layout.ellipsis)
        yield Piece(f"{'Bundle':<{_LABEL_WIDTH}}", "heading"), Piece(bundle)
    if account.allocator_snapshot_path is not None:
        snapshot = shortened(account.allocator_snapshot_path, most, layout.ellipsis)
        yield Piece(f"{'Snapshot':<{_LABEL_WIDTH}}", "heading"), Piece(snapshot)


def _tracked_evidence(shown: ShownIssue, layout: _Layout) -> Iterator[Line]:
    """Yield where evidence was when it was recorded."""
    paths: dict[str, None] = {}
    for evidence in () if shown.tracked is None else shown.tracked["evidence"]:
        if evidence["source_path"] is not None:
            paths.setdefault(evidence["source_path"])
    shown_paths = [shortened(path, 4 * layout.width, layout.ellipsis) for path in list(paths)[:3]]
    if shown_paths:
        yield from _listed("Evidence was recorded in", shown_paths)


def _sessions(tracked: Mapping[str, Any], layout: _Layout) -> Iterator[Line]:
    occurrences = tracked["occurrences"][:_SESSIONS]
    if not occurrences:
        return
    count = tracked["issue"]["occurrence_count"]
    latest = f", the latest {len(occurrences)}" if len(occurrences) < count else ""
    yield Piece("Sessions", "heading"), Piece(f": {human_count(count)}{latest}")
    for found in occurrences:
        time = "-" if found["last_ns"] is None else human_time(found["last_ns"])
        parts = [
            counted(found["hit_count"], "hit"),
            f"{'rank' if len(found['ranks']) == 1 else 'ranks'} {ranges(found['ranks'], at_most=3)}"
            if found["ranks"]
            else None,
            None if found["code_version"] is None else f"version {found['code_version']}",
            None if found["host"] is None else f"host {found['host']}",
            None if found["run_id"] == found["session_id"] else f"run {found['run_id']}",
            f"session {found['session_id']}",
        ]
        text = ", ".join(part for part in parts if part is not None)
        start = f"  {time:<19}  "
        room = layout.width - cell_width(start)
        yield Piece(start, "faint"), Piece(shortened(text, room, layout.ellipsis))


def _comments(comments: Sequence[Mapping[str, Any]], layout: _Layout) -> Iterator[Line]:
    if not comments:
        return
    shown = comments[-_COMMENTS:]
    latest = f", the latest {len(shown)}" if len(shown) < len(comments) else ""
    yield Piece("Comments", "heading"), Piece(f": {human_count(len(comments))}{latest}")
    for comment in shown:
        author = f"{comment['author_name']} ({comment['author_type']})"
        about = f"{author}, {human_time(comment['created_ns'])} UTC, comment {comment['comment_id']}"
        yield from _sentence(about, layout, style="faint", at_most=2)
        lines = comment["body"].splitlines()
        for line in lines[:_COMMENT_LINES]:
            # Indented lines are code or lists.
            indent = " " * (2 + min(len(line) - len(line.lstrip(" ")), _LARGEST_INDENT))
            room = layout.width - len(indent)
            for part in wrapped(line, room, at_most=_MESSAGE_LINES, ellipsis=layout.ellipsis):
                yield (Piece(f"{indent}{part}"),)
        if len(lines) > _COMMENT_LINES:
            yield (
                Piece(f"  {layout.ellipsis} {human_count(len(lines) - _COMMENT_LINES)} more lines", "faint"),
            )


def _history(shown: ShownIssue, layout: _Layout) -> Iterator[Line]:
    entries = shown.history[:_CHANGES]
    if not entries:
        return
    is_cut = shown.has_more_history or len(entries) < len(shown.history)
    yield Piece("History", "heading"), Piece(f", the latest {len(entries)} changes" if is_cut else "")
    for entry in entries:
        start = f"  {human_time(entry['at_ns']):<19}  "
        lines = wrapped(
            activity_sentence(entry),
            layout.width - cell_width(start),
            at_most=_FACT_LINES,
            ellipsis=layout.ellipsis,
        )
        for number, line in enumerate(lines):
            yield Piece(" " * cell_width(start) if number else start, "faint"), Piece(line)


def _rule(shown: ShownIssue, layout: _Layout) -> Iterator[Line]:
    rule = shown.rule
    if rule is None:
        return
    yield Piece("Rule", "heading"), Piece(f" {rule.name}, version {rule.version}")
    yield from _sentence(f"Hit: {rule.hits}", layout)
    yield from _sentence(f"Same issue: {rule.grouping}", layout)
    for statement in rule.sql:
        yield ()
        yield (Piece(statement.name, "heading"),)
        yield from ((Piece(f"  {printable(line)}"),) for line in statement.text.splitlines())
