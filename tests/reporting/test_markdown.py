"""Markdown of a report fits into a comment of GitHub, and is text whatever is in it."""

from __future__ import annotations

import re

from stormlog.reporting import report_markdown
from stormlog.reporting.markdown import MOST_CHARACTERS
from tests.reporting.conftest import Reported


def test_verdict_table_first_rank_and_folded_details(of_job: Reported, of_job_again: Reported) -> None:
    text = report_markdown(of_job.report)
    assert text.startswith("## Rank 5 of 8 ran out of memory; no other failure was recorded.\n")
    assert "- **First failure:** 2026-11-17 22:50:00 UTC, 2 min 29 s into the run; host gpu-node-02" in text
    assert "| Issue | What | Severity | State | Hits | Sessions | Last seen (UTC) |" in text
    assert text.count("<details>") == text.count("</details>") == 3
    assert text == report_markdown(of_job_again.report)


def test_hostile_texts_are_escaped(of_hostile: Reported) -> None:
    text = report_markdown(of_hostile.report)
    # Lines of code blocks are shown as they are.
    prose = "\n".join(line for line in text.splitlines() if not line.startswith("    "))
    tags = set(re.findall(r"<[^>\n]*>?", prose))
    assert tags <= {"<details>", "</details>", "<summary>", "</summary>"}
    assert "@user" not in prose and "![x](" not in prose and "http://evil" not in prose
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", text)
    # Every row of the table has its seven cells.
    rows = [line for line in prose.splitlines() if line.startswith("| ")]
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows if "warning" in row and "UTC" not in row} <= {
        8
    }


def test_report_of_many_issues_fits_and_says_what_it_leaves_out(of_500_issues: Reported) -> None:
    text = report_markdown(of_500_issues.report)
    assert len(text) <= MOST_CHARACTERS < 65_536
    assert re.search(r"And \d+ more issues: see the commands below\.", text)
    assert re.search(r"\d+ more issues are left out\.", text)
