"""What is in a digest, in which order, and that hostile telemetry cannot break out of it."""

from __future__ import annotations

import re
from dataclasses import replace
from email import message_from_bytes
from email.policy import default
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stormlog.tracking.digest import Digest, DigestIssue, NotifySettings, notify
from stormlog.tracking.digest.content import MOST_RECURRING, MOST_ROWS, one_line
from stormlog.tracking.digest.rendering import as_html, as_json, as_slack, as_text, subject
from stormlog.tracking.digest.smtp import mail_of
from tests.tracking.digest.digests import Clock, change, open_tracker
from tests.tracking.evidence import see

ISSUE = DigestIssue(
    issue_id="0190",
    status="new",
    severity="warning",
    title="Out of memory",
    kind="oom",
    app="train",
    run_count=1,
    occurrence_count=3,
    unique_user_count=0,
    recurred_count=0,
    fix_version=None,
    first_seen_version="1.2",
    last_seen_version="1.3",
    first_seen_ns=0,
    last_seen_ns=10**9,
    command="stormlog issues show 0190",
)
DIGEST = Digest(
    project="p",
    digest_ns=1,
    new_count=1,
    regressed_count=0,
    recurring_count=0,
    issues=(ISSUE,),
    more_count=0,
    recurring=(),
    more_recurring_count=0,
)


def digest_of(tracker: Any) -> Digest | None:
    [found] = notify(tracker, projects=None, settings=NotifySettings(), force=True, dry_run=True).projects
    return found.digest


def test_new_and_regressed_issues_of_production_are_listed(tmp_path: Path) -> None:
    with open_tracker(tmp_path, Clock()) as tracker:
        for name, status in (
            ("A", "new"),
            ("B", "in_progress"),
            ("C", "silenced"),
            ("D", "resolved"),
            ("E", "regressed"),
        ):
            see(tracker, name)
            change(tracker, name, status=status)
        see(tracker, "F", is_dev=True)
        digest = digest_of(tracker)
    assert digest is not None
    assert [issue.title for issue in digest.issues] == ["Alert: E", "Alert: A"]
    assert (digest.new_count, digest.regressed_count, digest.recurring_count) == (1, 1, 0)
    assert subject(digest) == "[stormlog] 2 issues in default: 1 new, 1 regressed"


def test_order_is_regressed_then_severity_then_runs_then_last_seen(tmp_path: Path) -> None:
    with open_tracker(tmp_path, Clock()) as tracker:
        see(tracker, "old", at=10)
        see(tracker, "young", at=20)
        for run in ("r1", "r2"):
            see(tracker, "often", session=run, at=5)
        see(tracker, "odd", severity="strange", at=90)
        see(tracker, "grave", severity="critical", at=1)
        see(tracker, "back", severity="info", at=1)
        change(tracker, "back", status="regressed")
        digest = digest_of(tracker)
    assert digest is not None
    titles = [issue.title.removeprefix("Alert: ") for issue in digest.issues]
    assert titles == ["back", "grave", "often", "young", "old", "odd"]


def test_issues_that_recur_while_resolved_have_a_list_of_their_own(tmp_path: Path) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker:
        see(tracker, "F1", version="1.0")
        change(tracker, status="resolved", fix_version="1.1", resolved_ns=clock())
        clock.pass_by(1)
        see(tracker, "F1", session="s2", version=None)
        digest = digest_of(tracker)
    assert digest is not None
    assert (digest.issue_count, digest.issues, digest.recurring_count) == (0, (), 1)
    [issue] = digest.recurring
    assert (issue.recurred_count, issue.fix_version) == (1, "1.1")
    assert subject(digest) == (
        "[stormlog] 0 issues in default: 0 new, 0 regressed, 1 recurring while resolved"
    )
    assert "Recurring while resolved:" in as_text(digest)
    assert "1 since resolved" in as_text(digest)
    assert "versions 1.0, fixed in 1.1" in as_text(digest)
    assert "<h3>Recurring while resolved</h3>" in as_html(digest)
    assert "*Recurring while resolved*" in as_slack(digest)["text"]


def test_long_lists_end_in_a_number(tmp_path: Path) -> None:
    with open_tracker(tmp_path, Clock()) as tracker:
        for number in range(MOST_ROWS + 3):
            see(tracker, f"F{number}")
        for number in range(MOST_RECURRING + 2):
            see(tracker, f"R{number}")
            change(tracker, f"R{number}", status="resolved", recurred_count=1)
        digest = digest_of(tracker)
    assert digest is not None
    assert (len(digest.issues), digest.more_count, digest.new_count) == (50, 3, 53)
    assert (len(digest.recurring), digest.more_recurring_count) == (10, 2)
    for text in (as_text(digest), as_html(digest), as_slack(digest)["text"]):
        assert "and 3 more" in text and "and 2 more" in text


def test_nothing_new_is_no_digest(tmp_path: Path) -> None:
    with open_tracker(tmp_path, Clock()) as tracker:
        see(tracker, is_dev=True)
        assert digest_of(tracker) is None


def test_text_shows_everything_about_an_issue() -> None:
    assert as_text(DIGEST) == (
        "[stormlog] 1 issue in p: 1 new, 0 regressed\n\n"
        "new (warning): Out of memory\n"
        "  oom in train: 1 run, 3 occurrences, 0 users\n"
        "  versions 1.2 to 1.3; seen 1970-01-01 00:00:00 to 1970-01-01 00:00:01 UTC\n"
        "  stormlog issues show 0190\n"
    )
    bare = replace(
        ISSUE, first_seen_version=None, last_seen_version=None, first_seen_ns=None, last_seen_ns=None
    )
    assert "versions -; seen - UTC" in as_text(replace(DIGEST, issues=(bare,)))
    far = replace(ISSUE, first_seen_ns=10**30, last_seen_ns=10**30)
    assert f"seen {10**30} UTC" in as_text(replace(DIGEST, issues=(far,)))


def test_text_and_html_have_the_same_rows() -> None:
    html = as_html(DIGEST)
    cells = [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", html)]
    assert cells == [
        "new",
        "Out of memory (warning)",
        "oom",
        "train",
        "1",
        "3",
        "0",
        "1.2 to 1.3",
        "1970-01-01 00:00:00 to 1970-01-01 00:00:01",
        "stormlog issues show 0190",
    ]


def test_every_form_tells_issues_of_one_title_apart() -> None:
    issues = tuple(replace(ISSUE, what=what) for what in ("killed, cuda", "<killed>, rocm"))
    digest = replace(DIGEST, issues=issues, recurring=(ISSUE,))
    assert "new (warning): Out of memory\n  <killed>, rocm\n  oom in train: " in as_text(digest)
    html = as_html(digest)
    assert re.findall(r"<th[^>]*>(What)</th>", html) == ["What"]
    cells = [unescape(cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", html)]
    assert (cells[2], cells[13]) == ("killed, cuda", "<killed>, rocm")
    assert "Out of memory: &lt;killed&gt;, rocm: train, 1 run" in as_slack(digest)["text"]
    assert [issue["what"] for issue in as_json(digest)["issues"]] == ["killed, cuda", "<killed>, rocm"]


def test_a_digest_of_an_earlier_version_is_sent_too() -> None:
    values = DIGEST.as_dict()
    for issue in values["issues"]:
        del issue["what"]
    assert Digest.from_dict(values) == DIGEST


def test_a_digest_survives_being_stored() -> None:
    digest = replace(DIGEST, recurring=(ISSUE,))
    assert Digest.from_dict(digest.as_dict()) == digest
    assert as_json(digest)["issues"][0]["issue_id"] == "0190"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nBcc: x", "a Bcc: x"),
        ("a\x00\x1b[31mb", "a [31mb"),
        ("  a\u2028b\x85c\t d ", "a b c d"),
        ("abc\u202edef\u2066", "abcdef"),
        ("x\ud800", "x\ufffd"),
        ("x" * 80, "x" * 80),
        ("x" * 81, "x" * 79 + "…"),
        ("x" * 10**6, "x" * 79 + "…"),
        ("", ""),
    ],
)
def test_one_line(text: str, expected: str) -> None:
    assert one_line(text) == expected


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes.update(name for name, _ in attrs)


HOSTILE = st.one_of(
    st.text(st.characters(exclude_categories=()), max_size=200),
    st.lists(
        st.sampled_from(
            ["<script>", "</td>", "&amp;", '"', "'", "\r\n", "\n.\n", "Bcc: a@b", "<!channel>", "=?utf-8?q?x?=", "\x00",
             "\ud800", "\u202e", "é", "x" * 90, " ", "😀", "<https://x|y>", "{0}", "%s"]
        ),
        max_size=12,
    ).map("".join),
)  # fmt: skip


@example(title="", app="", project="0000¡¡¡¡𐀀𐀀𐀀 ¡ ¡")
@given(title=HOSTILE, app=HOSTILE, project=HOSTILE)
def test_hostile_text_stays_text(title: str, app: str, project: str) -> None:
    issue = replace(ISSUE, title=one_line(title), app=one_line(app))
    digest = replace(DIGEST, project=project, issues=(issue,), recurring=(issue,), recurring_count=1)

    line = subject(digest)
    assert len(line) < 200
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", line)

    tags = _Tags()
    tags.feed(as_html(digest))
    assert tags.seen == {"html", "head", "meta", "body", "h2", "h3", "table", "tr", "th", "td"}
    assert tags.attributes == {"charset", "style"}

    slack = as_slack(digest)["text"]
    assert "<" not in slack and ">" not in slack
    assert len(as_text(digest).splitlines()) == 1 + 1 + 4 + 1 + 1 + 1 + 4

    raw = mail_of(digest, dedupe_key="k", sender="a@example.org", recipient="b@example.org").as_bytes()
    mail = message_from_bytes(raw, policy=default)
    assert sorted(mail.keys()) == sorted(
        [
            "From", "To", "Subject", "Date", "Message-ID", "List-Id", "Auto-Submitted", "MIME-Version", "Content-Type",
        ]
    )  # fmt: skip
    assert mail["Subject"].split() == line.replace("=?", "= ?").split()
    plain = mail.get_body(("plain",))
    assert plain is not None
    assert plain.get_content().split() == as_text(digest).split()
    assert all(len(part) < 999 for part in raw.split(b"\r\n"))
