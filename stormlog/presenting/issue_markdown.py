"""The page of an issue in Markdown, for other trackers, chats and agents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from stormlog._markdown import markdown_text
from stormlog._printable_text import printable
from stormlog.presenting import issue_sentences as sentences
from stormlog.presenting.issue_history import activity_sentence
from stormlog.presenting.issue_page import ShownIssue
from stormlog.presenting.plots import sparkline
from stormlog.presenting.quantities import human_count, human_time
from stormlog.presenting.texts import ranges, shortened
from stormlog.presenting.timeline_plot import timeline_plot

__all__ = ["issue_page_markdown"]

_TEXT_WIDTH = 2000
_PLOT_WIDTH = 80
_SESSIONS = 20
_COMMENTS = 20
_COMMENT_LINES = 100
_CHANGES = 20


def issue_page_markdown(shown: ShownIssue) -> str:
    """Return everything that the screen says, with longer lists and whole messages."""
    return "\n".join(_lines(shown)) + "\n"


def _lines(shown: ShownIssue) -> Iterator[str]:
    yield f"## {_text(sentences.title(shown)) or 'Issue'}"
    told_apart = sentences.what(shown)
    if told_apart:
        yield from ("", _text(told_apart))
    yield from ("", ", ".join(map(_text, sentences.issue_names(shown))))
    absent = sentences.absent_account(shown)
    if absent is not None:
        yield from ("", _text(absent))
    yield ""
    yield from (f"- **{label}:** {_text(text)}" for label, text in sentences.facts(shown))
    yield from _account(shown)
    if shown.tracked is not None:
        yield from _sessions(shown.tracked)
        yield from _comments(shown.tracked["comments"])
        yield from _history(shown)
    yield from _rule(shown)
    if shown.next:
        yield from ("", "### Next", "", *map(_code_line, shown.next))


def _text(text: str) -> str:
    return markdown_text(shortened(text, _TEXT_WIDTH))


def _code_line(line: str) -> str:
    # An indented block has no sign that a line could end it with.
    return f"    {printable(line)}".rstrip()


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield ""
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---' for _ in header)} |"
    for row in rows:
        yield f"| {' | '.join(map(_text, row))} |"


def _account(shown: ShownIssue) -> Iterator[str]:
    account = shown.account
    if account is None:
        return
    for found in account.spread:
        text = sentences.spread(found, account.hit_count)
        if text is not None:
            yield f"- **Hits by {found.field}:** {_text(text)}"
    if account.hit_count > 1 and account.trend and account.trend[0].start_ns < account.trend[-1].start_ns:
        time = sentences.span(account.trend[0].start_ns, account.trend[-1].end_ns - 1)
        yield f"- **Trend:** `{sparkline([bucket.hit_count for bucket in account.trend])}` {time}"
    if account.timeline is not None:
        plot = timeline_plot(account.timeline, width=_PLOT_WIDTH)
        if plot:
            yield from ("", f"### {_text(sentences.timeline_title(account))}", "", *map(_code_line, plot))
    if account.evidence or account.bundle_path is not None:
        yield from ("", "### Evidence", "")
        yield from (f"- {_text(sentences.place(found))}" for found in account.evidence)
        if account.bundle_path is not None:
            yield f"- Bundle: {_text(account.bundle_path)}"
        if account.allocator_snapshot_path is not None:
            yield f"- Allocator snapshot: {_text(account.allocator_snapshot_path)}"


def _sessions(tracked: Mapping[str, Any]) -> Iterator[str]:
    occurrences = tracked["occurrences"][:_SESSIONS]
    if not occurrences:
        return
    yield from ("", f"### Sessions: {human_count(tracked['issue']['occurrence_count'])}")
    rows = [
        (
            found["session_id"],
            found["run_id"],
            found["host"] or "-",
            found["code_version"] or "-",
            ranges(found["ranks"]) or "-",
            human_count(found["hit_count"]),
            "-" if found["last_ns"] is None else f"{human_time(found['last_ns'])} UTC",
        )
        for found in occurrences
    ]
    yield from _table(("Session", "Run", "Host", "Version", "Ranks", "Hits", "Last seen"), rows)


def _comments(comments: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not comments:
        return
    yield from ("", f"### Comments: {human_count(len(comments))}")
    for comment in comments[-_COMMENTS:]:
        author = f"{comment['author_name']} ({comment['author_type']})"
        yield from ("", f"{_text(author)}, {human_time(comment['created_ns'])} UTC:", "")
        # A quotation: what somebody wrote stays text.
        yield from (f"> {_text(line)}".rstrip() for line in comment["body"].splitlines()[:_COMMENT_LINES])


def _history(shown: ShownIssue) -> Iterator[str]:
    if not shown.history:
        return
    yield from ("", "### History", "")
    for entry in shown.history[:_CHANGES]:
        yield f"- {human_time(entry['at_ns'])} UTC: {_text(activity_sentence(entry))}"


def _rule(shown: ShownIssue) -> Iterator[str]:
    rule = shown.rule
    if rule is None:
        return
    yield from ("", f"### Rule {_text(rule.name)}, version {rule.version}", "")
    yield from (f"- **Hit:** {_text(rule.hits)}", f"- **Same issue:** {_text(rule.grouping)}")
    for statement in rule.sql:
        yield from ("", _text(statement.name), "", *map(_code_line, statement.text.splitlines()))
