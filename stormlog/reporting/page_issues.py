"""The part of the page about issues: the table of all that are shown, and a section for each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import stormlog.presenting.why_sentences as sentences
from stormlog.explaining import IssueAccount, ValueSpread
from stormlog.presenting import human_bytes, human_count, human_time
from stormlog.presenting.markup import markup_text
from stormlog.presenting.svg_memory import describe, memory_svg
from stormlog.presenting.svg_sparks import hits_svg, memory_spark_svg
from stormlog.reporting.models import IssueLine, Report, TrackedIssue
from stormlog.reporting.page_parts import (
    Cell,
    Markup,
    chip,
    commands,
    facts,
    paragraph,
    state_word,
    table,
    time_text,
)
from stormlog.reporting.pictures import issue_picture
from stormlog.reporting.wording import (
    KIND_WORDS,
    ask_again,
    hidden_issues,
    issue_command,
    issue_name,
    state_of,
)

__all__ = ["issue_sections", "issue_table"]

_TREND_PARTS = 24
_VALUES = 4


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
    yield _facts(report, issue, account)
    yield from _picture(account, number, is_large=is_large)
    yield _spread(account)
    yield _evidence(account)
    tracked = report.tracked.get(issue.fingerprint_id)
    if tracked is not None:
        yield _history(tracked)
    yield "<h4>The same on the command line</h4>"
    yield commands([issue_command(report, issue.fingerprint_id)])
    yield "</section>"


def _facts(report: Report, issue: IssueLine, account: IssueAccount) -> str:
    tracked = report.tracked.get(issue.fingerprint_id)
    run = account.latest_run
    failure = None if run is None or not run.is_of_issue else run.first_failure
    pairs: list[tuple[str, str | None]] = [
        ("Severity", Markup(f"{chip(issue.severity)} {markup_text(KIND_WORDS.get(issue.kind, issue.kind))}")),
        ("State", Markup(f"{state_word(state_of(report, issue))}{markup_text(_assigned(tracked))}")),
        ("Told apart by", issue.what),
        ("Seen", _seen(account)),
        ("Message", account.exception.message),
        ("Exception", account.exception.exception_type),
        ("Asked for", _asked(account)),
        ("Latest run", None if run is None else _run(account)),
        ("First rank", None if failure is None else sentences.where(failure)),
        ("Phase", None if failure is None else sentences.phase(failure)),
        ("Versions", _versions(account)),
        ("Fingerprint", issue.fingerprint_id),
        ("Dimensions", _dimensions(account.dimensions)),
    ]
    return facts(pairs)


def _assigned(tracked: TrackedIssue | None) -> str:
    if tracked is None:
        return ""
    parts = [
        f", assigned to {tracked.assignee}" if tracked.assignee else "",
        f", fixed in {tracked.fix_version}" if tracked.fix_version else "",
    ]
    return "".join(parts)


def _seen(account: IssueAccount) -> str:
    hits = f"{human_count(account.hit_count)} {'hit' if account.hit_count == 1 else 'hits'}"
    runs = f"{human_count(account.run_count)} {'run' if account.run_count == 1 else 'runs'}"
    sessions = (
        f"{human_count(account.session_count)} {'session' if account.session_count == 1 else 'sessions'}"
    )
    text = f"{hits}, {runs}, {sessions}"
    if account.first_ns is None or account.last_ns is None:
        return text
    if account.first_ns == account.last_ns:
        return f"{text}; {human_time(account.first_ns)} UTC"
    return f"{text}; {human_time(account.first_ns)} to {human_time(account.last_ns)} UTC"


def _asked(account: IssueAccount) -> str | None:
    asked, free = account.exception.requested_bytes, account.exception.free_bytes
    if asked is None:
        return None
    return human_bytes(asked) if free is None else f"{human_bytes(asked)}, while {human_bytes(free)} was free"


def _run(account: IssueAccount) -> str:
    run = account.latest_run
    assert run is not None
    version = "" if run.code_version is None else f", version {run.code_version}"
    first = ", its first failure" if run.is_first else ""
    return f"{run.run_id}{'' if run.attempt == 1 else f', attempt {run.attempt}'}{version}{first}"


def _versions(account: IssueAccount) -> str | None:
    versions = account.versions
    if versions.first_with is None:
        return None
    text = f"first seen in {versions.first_with}"
    if versions.last_without is not None:
        text += f", not in {versions.last_without} before it"
    if versions.latest_with not in (None, versions.first_with):
        text += f", last seen in {versions.latest_with}"
    return text


def _dimensions(dimensions: Mapping[str, Any]) -> str:
    parts = (
        f"{key}={json.dumps(value, ensure_ascii=False, default=str)}" for key, value in dimensions.items()
    )
    return ", ".join(parts)


def _picture(account: IssueAccount, number: int, *, is_large: bool) -> Iterator[str]:
    picture = issue_picture(account)
    if picture is None:
        return
    caption = markup_text(f"{picture.title}. {describe(picture)}")
    if is_large:
        drawn = memory_svg(picture, f"issue-{number}")
    else:
        line = picture.lines[0]
        drawn = memory_spark_svg(line.points, f"{picture.title}: {line.label}")
    yield f'<figure class="scroll" tabindex="0">{drawn}<figcaption>{caption}</figcaption></figure>'


def _spread(account: IssueAccount) -> str:
    rows = [
        [Cell(spread.field, "field"), Cell(_values(spread))]
        for spread in account.spread
        # One value that is not known says nothing.
        if any(value.value is not None for value in spread.values)
    ]
    if not rows:
        return ""
    shown = table("Where its hits are", [("Field", "field"), ("Hits by value", "")], rows)
    return f"<h4>How the hits spread</h4>{shown}"


def _values(spread: ValueSpread) -> Markup:
    parts = [
        f'<span class="value"><span class="meter" style="--share:{round(100 * value.share)}%"></span>'
        f"{markup_text('not known' if value.value is None else value.value, 80)} "
        f'<span class="soft">{human_count(value.hit_count)}</span></span>'
        for value in spread.values[:_VALUES]
    ]
    hidden = spread.value_count - len(parts)
    if hidden > 0:
        parts.append(f'<span class="soft">{human_count(hidden)} more values</span>')
    return Markup(" ".join(parts))


def _evidence(account: IssueAccount) -> str:
    rows = []
    for place in account.evidence:
        where = place.path if place.line_number is None else f"{place.path}:{place.line_number}"
        code = Markup(f"<code>{markup_text(where, 600)}</code>")
        rank = "-" if place.rank is None else str(place.rank)
        rows.append([Cell(code, "title"), Cell(time_text(place.timestamp_ns), "time"), Cell(rank, "number")])
    if account.bundle_path is not None:
        bundle = Markup(f"<code>{markup_text(account.bundle_path, 600)}</code> (bundle)")
        if all(place.path != account.bundle_path for place in account.evidence):
            rows.append([Cell(bundle, "title"), Cell("-", "time"), Cell("-", "number")])
    if not rows:
        return ""
    header = [("File and line", "title"), ("Time (UTC)", ""), ("Rank", "number")]
    shown = f"{human_count(len(account.evidence))} of {human_count(account.hit_count)} pieces of evidence"
    return f"<h4>Evidence</h4>{table(shown, header, rows)}"


def _history(tracked: TrackedIssue) -> str:
    if not tracked.history:
        return ""
    rows = [
        [Cell(f"{human_time(change.at_ns)} UTC", "time"), Cell(change.sentence, "title")]
        for change in tracked.history
    ]
    header = [("When", ""), ("What", "title")]
    return f"<h4>History in the tracker</h4>{table('The latest changes first', header, rows)}"
