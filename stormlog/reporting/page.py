"""A report as one page of HTML: it refers to nothing outside itself, holds no script, and is bounded in size."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import accumulate

from stormlog.presenting import human_count
from stormlog.presenting.markup import markup_text
from stormlog.presenting.svg_style import PICTURE_STYLE
from stormlog.presenting.texts import shortened
from stormlog.presenting.why_headline import headline
from stormlog.reporting.collecting import MOST_PICTURES
from stormlog.reporting.models import Report
from stormlog.reporting.page_issues import issue_sections, issue_table
from stormlog.reporting.page_parts import Cell, commands, paragraph, table
from stormlog.reporting.page_style import PAGE_STYLE
from stormlog.reporting.page_why import why_part
from stormlog.reporting.pictures import run_picture
from stormlog.reporting.wording import ask_again, issue_counts, report_title, span_of_time

__all__ = ["report_page"]

#: Most bytes of the sections of issues, so that the page stays below a million.
_MOST_BYTES = 600_000
_SKIPPED = 50
_TEXT_WIDTH = 200

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"


def report_page(report: Report) -> str:
    """Return a report as a page; equal reports give equal bytes.

    Source: docs/report.md.
    """
    return "".join(_page(report))


def _page(report: Report) -> Iterator[str]:
    title = markup_text(report_title(report), 200)
    kind = "findings" if report.has_findings else "pass"
    yield (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        '<meta name="referrer" content="no-referrer">\n'
        f'<meta name="generator" content="Stormlog {markup_text(report.version)}">\n'
        f"<title>{title}</title>\n<style>{PAGE_STYLE}{PICTURE_STYLE}</style>\n</head>\n<body>\n"
        '<a class="skip" href="#verdict">To the verdict</a>\n<header>'
        f'<div class="verdict {kind}" id="verdict"><p class="kicker">{title}</p>'
        f"<h1>{markup_text(headline(report.explanation))}</h1>"
        f"{paragraph(issue_counts(report))}{paragraph(span_of_time(report), 'soft small')}</div>\n"
    )
    parts = [("why", "Why the run failed" if report.has_failure else "The run"), ("issues", "Issues")]
    parts += [("skipped", "What was skipped")] if report.skipped else []
    parts += [("again", "Commands and versions")]
    links = "".join(f'<li><a href="#{name}">{text}</a></li>' for name, text in parts)
    yield f'<nav aria-label="Parts of this page"><ul>{links}</ul></nav></header>\n<main>\n'
    headings = dict(parts)
    yield f'<section id="why"><h2>{headings["why"]}</h2><div class="card">'
    yield f"{why_part(report.explanation, run_picture(report.explanation, report.history))}</div></section>\n"
    sections, pictures = _sections(report)
    yield f'<section id="issues"><h2>Issues</h2><div class="card">{issue_table(report, len(sections))}</div>\n'
    yield from sections
    yield f"{_left_out(report, len(sections), pictures)}</section>\n"
    if report.skipped:
        yield f'<section id="skipped"><h2>What was skipped</h2><div class="card">{_skipped(report)}</div></section>\n'
    yield f'<section id="again"><h2>Commands and versions</h2><div class="card">{_again(report)}</div></section>\n'
    yield "</main>\n<footer><p>This page is complete in itself: it loads nothing and runs no script.</p></footer>\n"
    yield "</body>\n</html>\n"


def _sections(report: Report) -> tuple[list[str], int]:
    """Return the sections of issues, and how many of them have a large picture, as far as the size allows."""
    pictures = min(MOST_PICTURES, len(report.accounts))
    sections = list(issue_sections(report, pictures))
    while pictures and sum(len(section.encode()) for section in sections) > _MOST_BYTES:
        pictures //= 2
        sections = list(issue_sections(report, pictures))
    sizes = accumulate(len(section.encode()) for section in sections)
    return [section for section, size in zip(sections, sizes, strict=True) if size <= _MOST_BYTES], pictures


def _left_out(report: Report, sections: int, pictures: int) -> str:
    """Return what is said of sections and pictures that would have made the page too large."""
    sentences = []
    if sections > pictures:
        sentences.append(
            f"The memory of the first {pictures} issues is drawn large, that of the others small."
        )
    if sections < len(report.accounts):
        sentences.append(
            f"The sections of {len(report.accounts) - sections} issues with long texts are left out."
        )
    return paragraph(" ".join(sentences), "soft small") if sentences else ""


def _skipped(report: Report) -> str:
    lines, files = report.skipped_line_count, sum(found.line_count is None for found in report.skipped)
    counts = f"Lines: {human_count(lines)}. Whole files and notes: {human_count(files)}."
    rows = [
        [
            Cell(shortened(found.path, _TEXT_WIDTH), "title"),
            Cell("-" if found.line_count is None else human_count(found.line_count), "number"),
            Cell("-" if found.line_number is None else str(found.line_number), "number"),
            Cell(f"{'Note: ' if found.is_note else ''}{shortened(found.message, _TEXT_WIDTH)}", "title"),
        ]
        for found in report.skipped[:_SKIPPED]
    ]
    header = [("Path", "title"), ("Lines", "number"), ("First at line", "number"), ("Why", "title")]
    hidden = len(report.skipped) - len(rows)
    more = (
        paragraph(f"{human_count(hidden)} more are not shown here; the commands below list them.")
        if hidden
        else ""
    )
    return paragraph(counts) + table("Lines and files that were not read", header, rows) + more


def _again(report: Report) -> str:
    parts = []
    for name, command in ask_again(report).items():
        parts.append(f"<h3>{markup_text(name)}</h3>{commands([command])}")
    versions = {
        "Stormlog": report.version,
        "Code of the explained run": report.explanation.run.code_version or "not known",
        "Tracker": report.tracker or "none",
    }
    rows = [[Cell(name), Cell(text)] for name, text in versions.items()]
    return (
        "".join(parts) + "<h3>Versions</h3>" + table("Versions and tracker", [("Of", ""), ("Is", "")], rows)
    )
