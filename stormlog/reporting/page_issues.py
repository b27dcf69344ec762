"""The part of the page about issues: the table of all that are shown, and a section for each."""

from __future__ import annotations

from collections.abc import Iterator

from stormlog.explaining import IssueAccount
from stormlog.presenting import human_count, human_time
from stormlog.presenting.markup import markup_text
from stormlog.presenting.svg_sparks import hits_svg
from stormlog.reporting.models import IssueLine, Report, TrackedIssue
from stormlog.reporting.page_account import account_part
from stormlog.reporting.page_parts import (
    Cell,
    Markup,
    chip,
    commands,
    paragraph,
    state_word,
    table,
    time_text,
)
from stormlog.reporting.wording import (
    ask_again,
    hidden_issues,
    issue_command,
    issue_name,
    state_of,
)

__all__ = ["issue_sections", "issue_table"]

_TREND_PARTS = 24


def issue_table(report: Report, section_count: int) -> str:
    """Return the table of the issues that are shown, and how to see the others.

    Args:
        report: What is known.
        section_count: How many of them have a section, to which the table leads.
    """
    if not report.issues:
        return paragraph("No issue was found.")
    first_ns = min((issue.first_ns for issue in report.issues if issue.first_ns is not None), default=None)
    rows = [
        [
            Cell(_name(report, issue, number if number <= section_count else None), "title"),
            Cell(chip(issue.severity)),
            Cell(state_word(state_of(report, issue))),
            Cell(human_count(issue.hit_count), "number"),
            Cell(human_count(account.run_count), "number"),
            Cell(human_count(issue.session_count), "number"),
            Cell(time_text(issue.last_ns), "time"),
            Cell(_trend(account, first_ns)),
        ]
        for number, (issue, account) in enumerate(report.shown, 1)
    ]
    header = [
        ("Issue", "title"),
        ("Severity", ""),
        ("State", ""),
        ("Hits", "number"),
        ("Runs", "number"),
        ("Sessions", "number"),
        ("Last seen (UTC)", ""),
        ("Hits over time", ""),
    ]
    shown = table("The worst and latest issues first", header, rows, has_cards=True) if rows else ""
    hidden = hidden_issues(report)
    rest = "" if hidden is None else paragraph(hidden) + commands([ask_again(report)["All issues"]])
    return shown + rest


def _name(report: Report, issue: IssueLine, section: int | None) -> Markup:
    title = markup_text(issue.title, 160)
    if section is not None:
        title = f'<a href="#issue-{section}">{title}</a>'
    what = f'<br><span class="soft small">{markup_text(issue.what, 200)}</span>' if issue.what else ""
    return Markup(f'<span class="soft">{markup_text(issue_name(report, issue))}</span> {title}{what}')


def _trend(account: IssueAccount, first_ns: int | None) -> Markup:
    """Return the hits in 24 parts of the time in which issues were seen, which begins at ``first_ns``."""
    if not account.trend or first_ns is None:
        return Markup("-")
    length = max(account.trend[0].end_ns - account.trend[0].start_ns, 1)
    hits = [
        (min((bucket.start_ns - first_ns + length // 2) // length, _TREND_PARTS - 1), bucket.hit_count)
        for bucket in account.trend
        if bucket.hit_count
    ]
    most = max((count for _, count in hits), default=0)
    return Markup(hits_svg(hits, _TREND_PARTS, f"Hits over time, at most {human_count(most)} in a part"))


def issue_sections(report: Report, most_pictures: int) -> Iterator[str]:
    """Yield a section for each issue that is shown in full.

    Args:
        report: What is known.
        most_pictures: Issues whose memory is drawn large; that of the others is drawn small.
    """
    for number, (issue, account) in enumerate(report.shown, 1):
        yield "".join(_section(report, issue, account, number, is_large=number <= most_pictures))


def _section(
    report: Report, issue: IssueLine, account: IssueAccount, number: int, *, is_large: bool
) -> Iterator[str]:
    yield f'<section class="card" id="issue-{number}">'
    yield f"<h3>{markup_text(issue_name(report, issue))} {markup_text(issue.title, 400)}</h3>"
    tracked = report.tracked.get(issue.fingerprint_id)
    yield account_part(
        account,
        state=state_of(report, issue),
        note=_assigned(tracked),
        name=f"issue-{number}",
        is_large=is_large,
    )
    if tracked is not None:
        yield _history(tracked)
    yield "<h4>The same on the command line</h4>"
    yield commands([issue_command(report, issue.fingerprint_id)])
    yield "</section>"


def _assigned(tracked: TrackedIssue | None) -> str:
    if tracked is None:
        return ""
    parts = [
        f", assigned to {tracked.assignee}" if tracked.assignee else "",
        f", fixed in {tracked.fix_version}" if tracked.fix_version else "",
    ]
    return "".join(parts)


def _history(tracked: TrackedIssue) -> str:
    if not tracked.history:
        return ""
    rows = [
        [Cell(f"{human_time(change.at_ns)} UTC", "time"), Cell(change.sentence, "title")]
        for change in tracked.history
    ]
    header = [("When", ""), ("What", "title")]
    return f"<h4>History in the tracker</h4>{table('The latest changes first', header, rows)}"
