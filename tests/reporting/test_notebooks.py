"""Answers show themselves in notebooks: bounded, safe, in the colours of the notebook, and without asking anything."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.issues import IssueEvidenceLink, IssueFingerprint, StormlogIssue
from stormlog.query import EventFilter, IssueList, QueryStore, RowList, SqlResult
from stormlog.reporting.notebook_style import NOTEBOOK_STYLE
from tests.captures import capture_path
from tests.reporting import captures
from tests.reporting.strict_html import StrictPage
from tests.reporting.test_page import ELEMENTS

#: What can be shown of a store, by name.
SHOWN: dict[str, Callable[[QueryStore], Any]] = {
    "store": lambda store: store,
    "issues": lambda store: store.list_issues(),
    "issue": lambda store: store.list_issues()[0],
    "account": lambda store: store.issue_account(store.list_issues()[0].fingerprint_id),
    "explanation": lambda store: store.explain(),
    "sessions": lambda store: store.list_sessions(),
    "runs": lambda store: store.list_runs(),
    "events": lambda store: store.query_events(EventFilter(limit=60)),
    "result": lambda store: store.sql("SELECT * FROM issue_evidence"),
}


@pytest.fixture(scope="module")
def job() -> Iterator[QueryStore]:
    with stormlog.query.open("examples/job") as store:
        yield store


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    with stormlog.query.open(str(captures.hostile(tmp_path_factory.mktemp("hostile")))) as store:
        yield store


def read(html: str) -> StrictPage:
    """Read what a notebook shows, and refuse everything that could do something."""
    page = StrictPage(f"<!DOCTYPE html>\n{html}")
    assert page.names() <= ELEMENTS
    for name, attributes in page.elements:
        harmful = [key for key in attributes if key.startswith("on") or key in ("href", "src", "srcset")]
        assert not harmful, (name, harmful)
    assert "url(" not in html and "@import" not in html
    assert "".join(html.split("\n")).isprintable()
    html.encode()
    [around] = [attributes for name, attributes in page.elements if "sl-note" in attributes.get("class", "")]
    assert {"tex2jax_ignore", "mathjax_ignore"} <= set(around["class"].split())
    return page


def words(html: str) -> str:
    """Return the text that is shown, with blanks between what stands in different elements."""
    read(html)
    return " ".join(unescape(re.sub(r"<style>.*?</style>|<[^>]+>", " ", html, flags=re.DOTALL)).split())


def issue(title: str = "Out of memory", number: int = 0, **changes: Any) -> StormlogIssue:
    fields: dict[str, Any] = {
        "severity": "critical",
        "hit_count": 1,
        "first_seen_ns": 1_795_167_934_000_000_000,
        "last_seen_ns": None,
        "affected_sessions": ["s"],
        "representative_evidence": IssueEvidenceLink(source_path="a.jsonl"),
        "evidence": (IssueEvidenceLink(),),
        **changes,
    }
    fingerprint = IssueFingerprint("oom", {"backend": "cuda", "reason": f"{title[:200]} {number}"})
    return StormlogIssue(fingerprint, title, **fields)


# ---- what is shown -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("store", "examples/job Sources sink: 24 Files 24, 1.19 MiB OOM bundles 2 Run envelopes 3"),
        ("store", "store.list_issues() store.explain()"),
        ("issues", "2 issues"),
        ("issues", "OOM captured by flight recorder torch.cuda.outofmemoryerror, cuda critical"),
        ("issues", 'store.issue_account("issue:63b1d655")'),
        ("issue", "4 hits and 2 sessions First seen 2026-11-03 09:15:09 UTC"),
        ("account", "Memory of rank 5, device 1 around the first evidence"),
        ("account", "examples/job/1.4.1/ranks/rank5/segment-000001.jsonl:63"),
        ("account", "Ask next stormlog why examples/job --issue issue:63b1d6557bebb97a5d630e5b"),
        ("explanation", "Rank 5 of 8 ran out of memory; no other failure was recorded."),
        ("explanation", "Memory of rank 5, device 1 around 2026-11-17 22:50:00 UTC"),
        ("explanation", "Allocated memory grew by 21.6 GiB, steadily."),
        ("sessions", "24 rows"),
        ("sessions", "2026-11-17 22:47:31"),
        ("events", "60 rows, the first 50 are shown"),
        ("events", "10 more are not shown: the list holds them, and [50:60] shows the next."),
        ("result", "12 rows"),
    ],
)
def test_answer_is_shown(name: str, says: str, job: QueryStore) -> None:
    assert says in words(SHOWN[name](job)._repr_html_())


@pytest.mark.parametrize("name", SHOWN)
def test_text_of_telemetry_stays_text(name: str, hostile: QueryStore) -> None:
    html = SHOWN[name](hostile)._repr_html_()
    read(html)
    assert len(html) < 300_000


def test_memory_is_drawn_and_pictures_have_names_of_their_own(job: QueryStore) -> None:
    issues = job.list_issues()
    pages = [
        job.explain()._repr_html_(),
        *(job.issue_account(found.fingerprint_id)._repr_html_() for found in issues),
    ]
    names = [svg["aria-labelledby"] for page in pages for svg in read(page).all("svg")]
    assert len(names) == len(set(names)) == 3


@pytest.mark.parametrize(
    "title",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "</style></div><iframe>",
        "\x1b[2J\x07\x00 \u202e gnp.exe",
        "\ud800 alone",
        "$$\\href{javascript:alert(1)}{x}$$",
        "&amp;&#60;script&#62;",
        "x" * 1_000_000,
        "<" * 1_000_000,
    ],
    ids=lambda title: ascii(title[:20]),
)
def test_hostile_titles_and_words(title: str) -> None:
    found = issue(title, severity=title, affected_sessions=[title], details={"reason": title})
    for shown in (IssueList([found]), found, RowList([found]), SqlResult([title], [(title,)])):
        html = shown._repr_html_()
        page = read(html)
        assert len(html) < 40_000
        if title.startswith("<script"):
            assert "<script>alert(1)</script>" in page.text


@pytest.mark.parametrize(
    ("shown", "says"),
    [
        (IssueList(), "No issue was found."),
        (RowList(), "No rows."),
        (SqlResult([], []), "No rows."),
        (SqlResult(["kind"], []), "0 rows kind"),
    ],
)
def test_nothing_is_said_to_be_nothing(shown: Any, says: str) -> None:
    assert words(shown._repr_html_()) == says


def test_ten_thousand_issues_are_a_short_page() -> None:
    issues = IssueList([issue(number=number) for number in range(10_000)])
    html = issues._repr_html_()
    page = read(html)
    assert len(page.all("tr")) == 1 + 50
    assert "9,950 more are not shown: the list holds them, and [50:100] shows the next." in page.text
    assert len(html) < 60_000
    assert len(read(issues[9_990:]._repr_html_()).all("tr")) == 1 + 10


def test_wide_results_are_bounded() -> None:
    values = ["x" * 10_000, b"\x00" * 1_000_000, ["y" * 10_000] * 1_000, {"z": "<" * 10_000}] * 500
    result = SqlResult([f"c{number}" for number in range(2_000)], [tuple(values)] * 200)
    html = result._repr_html_()
    assert "1,970 more columns are not shown." in words(html)
    assert "150 more rows are not shown: .rows has all of them" in words(html)
    assert len(html) < 400_000


def test_values_of_statements_are_shown_as_they_are(job: QueryStore) -> None:
    result = job.sql("SELECT NULL AS a, [1, 2] AS b, 1794955800406500000 AS c_ns, 5 AS d_bytes, true AS e")
    assert words(result._repr_html_()) == "1 row a b c_ns d_bytes e NULL [1, 2] 1794955800406500000 5 True"


# ---- what it costs -----------------------------------------------------------------------------------------


def test_a_store_shows_itself_without_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    with stormlog.query.open("examples/job", cache=False) as store:
        asked: list[str] = []
        monkeypatch.setattr(store, "_ask", lambda *_: asked.append("statement"))
        store.on_start = lambda: asked.append("database")
        assert "sink: 24" in words(store._repr_html_())
        assert "24" in repr(store)
        assert asked == []


def test_a_store_shows_what_was_skipped_so_far() -> None:
    with stormlog.query.open(capture_path("torn-tail")) as store:
        assert "Skipped lines" not in words(store._repr_html_())
        store.list_issues()
        shown = words(store._repr_html_())
    assert re.search(r"Skipped lines \d+ in \d+ file", shown) and "store.rejects()" in shown


def test_a_store_shows_warnings_of_its_files() -> None:
    with stormlog.query.open(capture_path("edge-cases")) as store:
        shown = words(store._repr_html_())
    assert "attachment 3 is not an object; skipped" in shown
    assert re.search(r"Warnings \d+", shown) and "and 3 more" in shown and "store.catalog.warnings" in shown


def test_a_closed_store_says_so() -> None:
    with stormlog.query.open("examples/job", cache=False) as store:
        store.list_issues()
    assert "the store is closed" in words(store._repr_html_())


def test_many_paths_are_counted(tmp_path: Path) -> None:
    with stormlog.query.open(
        ["examples/job", *(str(tmp_path / str(number)) for number in range(20))]
    ) as store:
        assert "and 16 more" in words(store._repr_html_())


# ---- how it looks ------------------------------------------------------------------------------------------


def test_style_touches_nothing_else_and_follows_the_notebook() -> None:
    own = NOTEBOOK_STYLE.partition(".sl-note{")[2]
    selectors = [text for rule in re.findall(r"([^{}]+)\{", own) for text in rule.split(",")]
    assert len(selectors) > 40
    assert all(selector.strip().startswith(".sl-note.sl-note ") for selector in selectors)
    # Themes of notebooks are not those of the system.
    assert "prefers-color-scheme" not in own
    pictures = NOTEBOOK_STYLE.partition(".sl-note{")[0]
    named = set(re.findall(r"(--sl-[a-z0-9]+):", pictures)) - {f"--sl-p{number}" for number in range(1, 7)}
    assert named <= set(re.findall(r"(--sl-[a-z0-9]+):", own))
