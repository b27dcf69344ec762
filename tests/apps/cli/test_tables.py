"""Tables are the same on terminals and in pipes, say when and what in words of people, and tell rows apart."""

from __future__ import annotations

import io
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stormlog.apps.cli.options.targets import ISSUES, OOMS, SESSIONS, Column
from stormlog.apps.cli.printing.cells import human_cell
from stormlog.apps.cli.printing.formats import Answer, markdown_lines, plain_table_lines
from stormlog.apps.cli.printing.terminal import print_terminal_table
from stormlog.issues import IssueEvidenceLink, IssueFingerprint, StormlogIssue
from stormlog.presenting import Moments, moments_in, short_ranges
from stormlog.presenting.issue_rows import issue_rows
from tests.apps.cli.runner import on_terminal, stormlog, without_styles
from tests.apps.cli.samples import START_NS, capture, event, write_lines
from tests.soak import few_or_many

pytestmark = pytest.mark.usefixtures("one_store_for_all_commands")

LISTS = ("issues", "sessions", "events")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return capture(tmp_path_factory.mktemp("runs")).parent


def header_of(text: str) -> list[str]:
    return re.split(r" {2,}", text.splitlines()[0].strip())


@pytest.mark.parametrize("name", LISTS)
def test_a_pipe_gets_the_table_of_a_wide_terminal(name: str, runs: Path) -> None:
    shown = without_styles(on_terminal("query", name, runs, "-q", width=400)[1])
    assert stormlog("query", name, runs, "-q").stdout == shown


@pytest.mark.parametrize("name", LISTS)
def test_no_cell_of_a_pipe_is_nanoseconds_or_json(name: str, runs: Path) -> None:
    text = stormlog("query", name, runs).stdout
    assert not re.search(r"[0-9]{12}|[{}\[\]]", text.replace(str(runs), ""))
    assert " Ns" not in text


@pytest.mark.parametrize("width", [None, 100])
def test_the_names_of_a_statement_stay_as_they_are(width: int | None, runs: Path) -> None:
    sql = "SELECT count(*) AS n_events, 1 AS \"Last_seen_ns\", max(metadata ->> 'backend') FROM events"
    arguments = ("query", "events", runs, "-q", "--sql", sql)
    text = (
        stormlog(*arguments).stdout
        if width is None
        else without_styles(on_terminal(*arguments, width=width)[1])
    )
    assert header_of(text) == ["n_events", "Last_seen_ns", "max((metadata ->> 'backend'))"]


# ---- times -------------------------------------------------------------------------------------------------


def test_times_are_those_of_a_zone_which_the_header_names(runs: Path) -> None:
    text = stormlog("query", "sessions", runs, "--tz", "Asia/Kathmandu").stdout
    assert "Started (Asia/Kathmandu)" in text
    assert "2026-01-02 08:49:07" in text
    assert "Started (UTC)" in stormlog("query", "sessions", runs, "--tz", "utc").stdout


def test_local_times_are_those_of_the_system(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    try:
        text = stormlog("query", "events", runs, "--tz", "local").stdout
    finally:
        monkeypatch.undo()
        time.tzset()
    assert text.startswith("Time (CET/CEST) ")
    assert "2026-01-02 04:04:05.000" in text


@pytest.mark.parametrize(
    "zone", ["", "Mars", "../etc/passwd", "/etc/localtime", "Europe", "x" * 5000, "utc+1"]
)
@pytest.mark.parametrize("name", ["issues", "ooms"])
def test_a_zone_that_is_none_is_status_2(zone: str, name: str, runs: Path) -> None:
    outcome = stormlog("query", name, runs, "--tz", zone)
    assert outcome.status == 2
    assert "--tz" in outcome.stderr and "Europe/Berlin" in outcome.stderr


@pytest.mark.parametrize(
    ("ago_s", "text"),
    [
        (0, "now"),
        (1.9, "now"),
        (2, "2 s ago"),
        (119, "119 s ago"),
        (120, "2 min ago"),
        (3 * 3600, "3 h ago"),
        (47 * 3600, "47 h ago"),
        (12.6 * 86400, "13 d ago"),
        (-7200, "in 2 h"),
        (400_000 * 86400, "400,000 d ago"),
    ],
)
def test_relative_times_are_one_number(ago_s: float, text: str) -> None:
    moments = Moments(now_ns=START_NS)
    assert moments.text(START_NS - round(ago_s * 1e9)) == text
    assert moments.header("Last seen") == "Last seen"


def test_relative_times_are_shown_in_tables_and_markdown(tmp_path: Path) -> None:
    now = time.time_ns()
    write_lines(
        tmp_path / "e.jsonl", event(timestamp_ns=now - 3 * 3600 * 10**9 - 60 * 10**9, event_type="warning")
    )
    for name in ("issues", "sessions", "events"):
        for form in ("--table", "--markdown"):
            text = stormlog("query", name, tmp_path, "--relative", form).stdout
            assert "3 h ago" in text and "UTC" not in text
    assert "ago" not in stormlog("query", "issues", tmp_path, "--relative", "--json").stdout


def test_a_time_beyond_the_calendar_stays_a_number() -> None:
    for moments in (Moments(), moments_in("local"), moments_in("Pacific/Kiritimati")):
        assert moments.text(2**63 - 1).startswith("2262-04-1")
        assert moments.text(-1) == "-1"
        assert moments.text(253_402_300_799 * 10**9 + 10**9) == "253402300800000000000"
    assert moments.text(253_402_300_799 * 10**9) == "253402300799000000000"


# ---- names that can be typed -------------------------------------------------------------------------------


def test_the_digits_of_a_table_name_the_issue(runs: Path) -> None:
    rows = stormlog("query", "issues", runs).stdout.splitlines()[2:]
    assert len(rows) == 2
    for row in rows:
        digits = row.split()[0]
        assert re.fullmatch("[0-9a-f]{12,}", digits)
        for name in (digits, digits[:6], f"issue:{digits}"):
            assert stormlog("query", "issues", runs, "--fingerprint-id", name).stdout.splitlines()[2].split()[
                0
            ] == (digits)
        assert stormlog("query", "issues", runs, "--fingerprint-id", digits[:5]).stdout == "No rows.\n"
        assert stormlog("query", "issues", runs, "--fingerprint-id", digits[1:8]).stdout == "No rows.\n"


def test_the_digits_of_a_table_name_the_issue_of_a_tracker(tmp_path: Path) -> None:
    capture(tmp_path)
    db = tmp_path / "tracker.db"
    assert stormlog("scan", tmp_path, "--db", db).status == 0
    for row in stormlog("query", "issues", tmp_path).stdout.splitlines()[2:]:
        digits = row.split()[0]
        for name in (digits, digits[:6] if not digits[:6].isdecimal() else digits, f"issue:{digits}"):
            outcome = stormlog("issues", "history", name, "--db", db)
            assert outcome.status == 0, outcome.stderr
    assert stormlog("issues", "history", "issue:abcde", "--db", db).status == 4


def test_digits_of_a_table_are_never_a_number() -> None:
    row = _row("oom", {"backend": "cuda", "reason": "r"}, fingerprint_id="issue:1234567890123456a8901234")
    assert row["short_id"] == "1234567890123456a"


@pytest.mark.parametrize(
    ("word", "kind"), [("oom", "oom"), ("alert", "alert"), ("collector", ""), ("hidden", "")]
)
def test_kinds_are_named_by_the_words_of_tables(word: str, kind: str, runs: Path) -> None:
    outcome = stormlog("query", "issues", runs, "--kind", word)
    assert outcome.status == 0
    assert [row.split()[2] for row in outcome.stdout.splitlines()[2:]] == ([kind] if kind else [])


# ---- cells -------------------------------------------------------------------------------------------------


def test_ranks_are_shown_not_counted() -> None:
    column = Column("ranks", "Ranks", "ranks")
    for ranks, text in (([], "-"), ([3], "3"), (range(8), "0-7"), ([0, 1, 2, 5], "0-2,5")):
        assert human_cell(column, tuple(ranks), Moments()) == text
    assert short_ranges(range(0, 100, 2)) == "0,2,4,6,8,10,… 44 more"


def test_a_date_that_is_none_is_shown_as_it_is() -> None:
    column = next(column for column in OOMS.readable if column.key == "created_at_utc")
    assert human_cell(column, "2026-01-02T03:04:05Z", moments_in("Asia/Kathmandu")) == "2026-01-02 08:49:05"
    assert human_cell(column, "not\x1b known", Moments()) == "not\\x1b known"


def test_a_megabyte_of_text_does_not_make_every_row_as_wide(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "e.jsonl",
        event(context="x" * 1_000_000, event_type="warning"),
        event(event_type="warning"),
    )
    for name in ("issues", "events"):
        assert max(map(len, stormlog("query", name, tmp_path).stdout.splitlines())) < 1000


@pytest.mark.parametrize("width", [2, 12, 40, 80])
def test_wide_letters_fit_a_terminal(width: int) -> None:
    rows = [{"session_id": "会話" * 30, "status": "running", "host": "主機" * 9, "started_at_ns": START_NS}]
    file = io.StringIO()
    print_terminal_table(Answer(rows, SESSIONS), file, width=width, colour=False)
    from stormlog.presenting import cell_width

    assert max(map(cell_width, file.getvalue().splitlines())) <= width


# ---- rows that can be told apart ---------------------------------------------------------------------------


def _row(kind: str, dimensions: dict[str, object], *, fingerprint_id: str | None = None) -> dict[str, object]:
    fingerprint = IssueFingerprint(kind, dimensions)  # type: ignore[arg-type]
    if fingerprint_id is not None:
        fingerprint = IssueFingerprint.of_known(fingerprint_id, fingerprint.kind, fingerprint.dimensions)
    link = IssueEvidenceLink(
        session_id="s", timestamp_ns=1, rank=0, source_path="p", source_kind="sink", event_type="error"
    )
    titles = {"oom": "OOM telemetry event", "collector_degradation": "Collector degradation"}
    title = titles.get(kind) or f"Alert: {str(fingerprint.dimensions['category']).replace('_', ' ')}"
    issue = StormlogIssue(fingerprint, title, "critical", 1, 1, 1, ("s",), link, (link,))
    return next(iter(issue_rows([issue], {})))


_TEXTS = st.one_of(
    st.sampled_from(
        ["", "None", "unknown", "a, b", "a,b", "A", "a", "x" * 200, "x" * 201, "y" + "x" * 200, "a_b", "a b"]
    ),
    st.text(st.sampled_from('ab ,"\\\x1b\u202e\u05d0é[|<*_1'), max_size=80),
    st.text(max_size=12),
)
_FIELDS = st.lists(_TEXTS, max_size=9)
_DIMENSIONS = st.one_of(
    st.tuples(
        st.just("oom"), st.fixed_dictionaries({"backend": st.none() | _TEXTS, "reason": st.none() | _TEXTS})
    ),
    st.tuples(
        st.just("collector_degradation"),
        st.fixed_dictionaries(
            {
                "backend": _TEXTS,
                "collector": _TEXTS,
                "error_stem": _TEXTS,
                "health_status": _TEXTS,
                "partial_fields": _FIELDS,
            }
        ),
    ),
    st.tuples(
        st.just("alert"),
        st.fixed_dictionaries(
            {
                "backend": _TEXTS,
                "category": _TEXTS,
                "collector": _TEXTS,
                "event_type": _TEXTS,
                "severity": _TEXTS,
            }
        ),
    ),
)


@settings(max_examples=few_or_many(50, 500), deadline=None)
@given(st.lists(_DIMENSIONS, min_size=2, max_size=25))
def test_no_two_rows_look_alike_unless_their_dimensions_are_equal(
    found: list[tuple[str, dict[str, object]]],
) -> None:
    issues = {
        IssueFingerprint(kind, dimensions).canonical_text(): (kind, dimensions) for kind, dimensions in found
    }  # type: ignore[arg-type]
    # People compare words: the digits of the fingerprint and all amounts are equal here.
    rows = [{**_row(*issue), "short_id": "0"} for issue in issues.values()]
    answer = Answer(rows, ISSUES)
    pipe = list(plain_table_lines(answer))[2:]
    assert len(set(pipe)) == len(rows)
    assert len(set(list(markdown_lines(answer))[2:])) == len(rows)
    for width in (40, 80, 120):
        file = io.StringIO()
        print_terminal_table(answer, file, width=width, colour=False)
        header = file.getvalue().splitlines()[0]
        assert "Title" in header and "What" in header
