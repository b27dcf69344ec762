"""A page of a report is complete in itself, says the verdict first, is bounded, and stays text whatever is in it."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest

import stormlog.query
from stormlog.query import QueryStore
from stormlog.reporting import Report, collect_report, report_markdown, report_page
from stormlog.reporting.page_style import PAGE_STYLE
from tests.apps.cli.samples import event, write_lines
from tests.reporting import captures
from tests.reporting.conftest import Reported
from tests.reporting.strict_html import StrictPage

#: Everything that a page may consist of.
ELEMENTS = {
    *("html", "head", "meta", "title", "style", "body", "header", "main", "footer", "nav", "section", "div"),
    *("h1", "h2", "h3", "h4", "p", "a", "ul", "li", "dl", "dt", "dd", "span", "br", "code", "pre", "figure"),
    *("figcaption", "table", "caption", "thead", "tbody", "tr", "th", "td", "svg", "desc", "path", "text"),
}


def open_store(path: Path | str) -> QueryStore:
    return stormlog.query.open(str(path))


def report_of(path: Path | str, **options: int) -> Report:
    with open_store(path) as store:
        return collect_report(store, **options)


@pytest.fixture(scope="module")
def page_of_job(of_job: Reported) -> str:
    return report_page(of_job.report)


@pytest.fixture(scope="module")
def hostile_page(of_hostile: Reported) -> str:
    return report_page(of_hostile.report)


def test_verdict_comes_first(page_of_job: str) -> None:
    text = " ".join(StrictPage(page_of_job).text.split())
    verdict = text.index("Rank 5 of 8 ran out of memory; no other failure was recorded.")
    parts = ["Why the run failed", "Memory over time", "OOM captured by flight recorder", "Versions"]
    assert [verdict, *(text.index(part, verdict) for part in parts)] == sorted(
        [verdict, *(text.index(part, verdict) for part in parts)]
    )


@pytest.mark.parametrize("page", ["page_of_job", "hostile_page"])
def test_page_loads_nothing_and_runs_nothing(page: str, request: pytest.FixtureRequest) -> None:
    found = StrictPage(request.getfixturevalue(page))
    assert found.names() <= ELEMENTS
    [policy] = [meta for meta in found.all("meta") if "http-equiv" in meta]
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert policy["content"].startswith("default-src 'none'; style-src 'unsafe-inline'; img-src data:")
    for name, attributes in found.elements:
        assert not any(attribute.startswith("on") for attribute in attributes), (name, attributes)
        assert not set(attributes) & {"src", "srcset", "action", "formaction", "data", "poster", "background"}
        assert attributes.get("href", "#").startswith("#")
        assert attributes.get("style", "--share:0%").startswith("--share:")
    assert not re.search(r"url\(|@import|@font-face|expression\(", PAGE_STYLE)


def test_hostile_texts_are_shown_as_text(hostile_page: str) -> None:
    found = StrictPage(hostile_page)
    assert "<script>alert(" in found.text and "![x](http://evil.example/x) @user" in found.text
    assert "<script" not in hostile_page
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", hostile_page)
    hostile_page.encode("utf-8")
    # A title of a megabyte is shortened.
    assert len(hostile_page) < 300_000


def test_page_has_landmarks_headings_and_tables_for_those_who_listen(page_of_job: str) -> None:
    found = StrictPage(page_of_job)
    assert found.all("html") == [{"lang": "en"}]
    assert len(found.all("h1")) == len(found.all("main")) == 1
    assert {"header", "nav", "footer"} <= found.names()
    assert all(header.get("scope") in ("col", "row") for header in found.all("th"))
    assert len(found.all("caption")) == len(found.all("table"))
    assert all(svg["role"] == "img" for svg in found.all("svg"))
    # What scrolls can be reached by the keyboard.
    for name, attributes in found.elements:
        if "scroll" in attributes.get("class", "") or name == "pre":
            assert attributes.get("tabindex") == "0", name
    levels = [int(name[1]) for name, _ in found.elements if re.fullmatch("h[1-6]", name)]
    assert all(later - level <= 1 for level, later in pairwise(levels))


def test_page_is_for_light_dark_phones_and_paper(page_of_job: str) -> None:
    for query in ("prefers-color-scheme:dark", "max-width", "@media print"):
        assert query in page_of_job
    assert 'name="viewport"' in page_of_job


def test_equal_input_gives_equal_bytes(page_of_job: str, of_job_again: Reported) -> None:
    assert report_page(of_job_again.report) == page_of_job


def test_page_of_50_issues_with_20_pictures_is_below_a_megabyte(tmp_path: Path) -> None:
    report = report_of(captures.many_issues(tmp_path / "e.jsonl", 50))
    page = report_page(report)
    assert len(report.accounts) >= 50 and len(page.encode()) < 1_000_000
    found = StrictPage(page)
    assert sum(a.get("id", "").startswith("issue-") for a in found.all("section")) == 50
    assert len([svg for svg in found.all("svg") if svg.get("aria-labelledby", "").startswith("issue-")]) == 20
    assert "The memory of the first 20 issues is drawn large, that of the others small." in found.text


def test_page_of_500_issues_is_no_larger_and_says_what_it_leaves_out(of_500_issues: Reported) -> None:
    report = of_500_issues.report
    page = report_page(report)
    assert len(report.issues) >= 500 and len(report.accounts) == 50
    assert len(page.encode()) < 1_000_000
    text = StrictPage(page).text
    hidden = len(report.issues) - 50
    assert f"{hidden} more issues are not shown here; the worst and latest are. All of them:" in text
    assert f"stormlog query issues {of_500_issues.path}" in text


def test_page_of_long_hostile_texts_is_below_a_megabyte(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    common = {"event_type": "warning", "host": '"' * 3000, "job_id": "'" * 3000}
    records = [
        event(
            **common,
            session_id="'" * 3000,
            timestamp_ns=captures.START_NS + number,
            context='"<&' * 10_000 + captures.WORDS[number],
            metadata={"backend": '"' * 900 + captures.WORDS[number]},
        )
        for number in range(60)
    ]
    write_lines(path, *records)
    report = report_of(path)
    page = report_page(report)
    assert len(report.accounts) == 50 and len(page.encode()) < 1_000_000
    assert re.search(r"The sections of \d+ issues with long texts are left out\.", StrictPage(page).text)
    assert len(report_markdown(report)) <= 65_000


def test_commands_can_be_copied(tmp_path: Path) -> None:
    folder = tmp_path / "two  blanks & more"
    folder.mkdir()
    write_lines(folder / "e.jsonl", event())
    assert f"stormlog query issues '{folder}'" in StrictPage(report_page(report_of(folder))).text


def test_number_of_issues_in_full_can_be_chosen(tmp_path: Path) -> None:
    path = captures.many_issues(tmp_path / "e.jsonl", 9)
    assert len(report_of(path, most_issues=3).accounts) == 3
    with pytest.raises(ValueError, match="most_issues must not be negative: -1"):
        report_of(path, most_issues=-1)


def test_skipped_lines_are_counted_and_located(hostile_page: str) -> None:
    text = StrictPage(hostile_page).text
    assert "What was skipped" in text and "Lines: 1." in text and "SELECT * FROM rejects" in text
