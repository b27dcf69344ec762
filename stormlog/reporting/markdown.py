"""A report in Markdown, for a pull request, an issue or a job summary."""

from __future__ import annotations

from collections.abc import Iterator

import stormlog.presenting.why_sentences as sentences
from stormlog._markdown import markdown_text
from stormlog.explaining import IssueAccount
from stormlog.presenting import counted, human_count, human_time, markdown, printable
from stormlog.presenting.texts import ranges, shortened
from stormlog.presenting.why_headline import headline
from stormlog.reporting.models import IssueLine, Report
from stormlog.reporting.wording import (
    ask_again,
    issue_counts,
    issue_name,
    opened_paths,
    report_title,
    span_of_time,
    state_of,
)

__all__ = ["MOST_CHARACTERS", "report_markdown"]

#: GitHub refuses comments of more than 65,536 characters.
MOST_CHARACTERS = 65_000
_ROWS = 20
#: Most skipped files that are listed: the first number that leaves room for the rest.
_SKIPPED = (20, 5, 0)
#: Room for sentences about what is left out.
_MARGIN = 300
_TEXT_WIDTH = 300


def report_markdown(report: Report) -> str:
    """Return a report in Markdown of at most 65,000 characters; details are folded.

    Details of issues that do not fit are left out, and how many is said.

    Source: docs/report.md#markdown.
    """
    head = "\n".join(_head(report))
    why = _folded("Why the run failed" if report.has_failure else "The run", _why(report))
    for most_skipped in _SKIPPED:
        tail = "\n".join([*_skipped(report, most_skipped), *_commands(report)])
        if len(head) + len(tail) + _MARGIN <= MOST_CHARACTERS:
            break
    room = MOST_CHARACTERS - len(head) - len(tail) - _MARGIN
    if len(why) > room:
        why = "\nThe account of the run is too long for a comment: see the commands below.\n"
    details = _issues(report, room - len(why))
    return f"{head}\n{why}{details}{tail}\n"


def _text(text: str, width: int = _TEXT_WIDTH) -> str:
    return markdown_text(shortened(text, width))


def _folded(title: str, body: str) -> str:
    return f"\n<details><summary>{_text(title)}</summary>\n\n{body}\n\n</details>\n"


def _head(report: Report) -> Iterator[str]:
    yield f"## {_text(headline(report.explanation))}"
    yield ""
    yield f"{_text(issue_counts(report))} {_text(report_title(report))} ({_text(span_of_time(report))})."
    failure = report.explanation.first_failure
    if failure is not None:
        facts = {
            "First failure": f"{sentences.when(report.explanation, failure)}; {sentences.where(failure)}",
            "Phase": sentences.phase(failure),
            "Error": sentences.error(failure),
        }
        memory = report.explanation.memory
        grown = None if memory is None else sentences.growth(report.explanation, memory)
        yield ""
        yield from (f"- **{name}:** {_text(text)}" for name, text in facts.items())
        if grown is not None:
            yield f"- **Memory:** {_text(grown)}"
    if not report.issues:
        return
    yield ""
    yield "| Issue | What | Severity | State | Hits | Sessions | Last seen (UTC) |"
    yield "|---|---|---|---|---:|---:|---|"
    for issue in report.issues[:_ROWS]:
        cells = [
            f"{_text(issue_name(report, issue))} {_text(issue.title, 120)}",
            _text(issue.what, 120),
            _text(issue.severity, 40),
            _text(state_of(report, issue), 40),
            human_count(issue.hit_count),
            human_count(issue.session_count),
            "-" if issue.last_ns is None else human_time(issue.last_ns),
        ]
        yield f"| {' | '.join(cells)} |"
    hidden = len(report.issues) - _ROWS
    if hidden > 0:
        yield ""
        yield f"And {human_count(hidden)} more issues: see the commands below."


def _why(report: Report) -> str:
    # Its first line is the heading that stands above already.
    return markdown(report.explanation).partition("\n")[2].strip("\n")


def _issues(report: Report, room: int) -> str:
    """Return the details of issues, as many as fit into so many characters."""
    parts: list[str] = []
    for issue, account in report.shown:
        part = "\n".join(_issue(report, issue, account))
        room -= len(part) + 1
        if room < 0:
            break
        parts.append(part)
    if not parts:
        return ""
    hidden = len(report.issues) - len(parts)
    if hidden:
        parts.append(f"{counted(hidden, 'more issue')} {'is' if hidden == 1 else 'are'} left out.")
    return _folded(f"Details of {counted(len(parts) - bool(hidden), 'issue')}", "\n".join(parts))


def _issue(report: Report, issue: IssueLine, account: IssueAccount) -> Iterator[str]:
    yield f"**{_text(issue_name(report, issue))} {_text(issue.title, 200)}**"
    yield ""
    yield f"- {_text(issue.what)}" if issue.what else f"- {_text(issue.kind)}"
    yield f"- `{issue.fingerprint_id}`, {counted(account.hit_count, 'hit')} in {counted(account.run_count, 'run')}"
    if account.exception.message is not None:
        yield f"- {_text(account.exception.message)}"
    run = account.latest_run
    if run is not None:
        version = "" if run.code_version is None else f", version {run.code_version}"
        yield f"- Latest run: {_text(f'{run.run_id}{version}')}"
    ranks = [v.value for s in account.spread if s.field == "rank" for v in s.values if v.value is not None]
    numbers = sorted(int(rank) for rank in ranks if rank.isdecimal())
    if numbers:
        yield f"- Ranks: {ranges(numbers)}"
    for place in account.evidence:
        where = place.path if place.line_number is None else f"{place.path}:{place.line_number}"
        yield f"- Evidence: {_text(where)}"
    yield ""


def _skipped(report: Report, at_most: int) -> Iterator[str]:
    if not report.skipped:
        return
    counts = [
        "" if found.line_count is None else f"{counted(found.line_count, 'line')}, "
        for found in report.skipped
    ]
    lines = [
        f"- {_text(found.path)}: {count}"
        f"{'' if found.line_number is None else f'the first at line {found.line_number}: '}{_text(found.message)}"
        for found, count in list(zip(report.skipped, counts, strict=True))[:at_most]
    ]
    hidden = len(report.skipped) - len(lines)
    if hidden:
        lines.append(f"- and {human_count(hidden)} more")
    yield _folded(f"What was skipped ({human_count(len(report.skipped))})", "\n".join(lines))


def _commands(report: Report) -> Iterator[str]:
    opened = opened_paths(report)
    lines = [*ask_again(report).values(), f"stormlog report {opened} -o report.html"]
    # An indented block has no sign that a command could end it with.
    body = "\n".join(f"    {printable(line[:1000])}" for line in lines)
    yield _folded("Commands that say the same", f"{body}\n\nStormlog {_text(report.version)}")
