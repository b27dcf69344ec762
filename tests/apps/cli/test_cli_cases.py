"""The recorded command lines: status, kind of complaint, and what they print."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.apps.cli.runner import stormlog
from tests.vectors.harness import Case, load_cases, write_files

CASES = load_cases("cli")


@pytest.mark.parametrize("case", CASES, ids=str)
def test_command_lines_answer_as_recorded(case: Case, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    write_files(case.input["files"], root)
    before = [] if case.input.get("entry") == "stormlog" else ["query"]
    outcome = stormlog(*before, *(argument.replace("<ROOT>", str(root)) for argument in case.input["argv"]))
    expected = case.expected
    assert outcome.status == expected["exit_code"], outcome.stderr
    if expected["stderr_kind"] is None:
        assert "Error:" not in outcome.stderr
    else:
        assert re.fullmatch(r'(Error: |{"error": {"code": ")[^\n]+\n', outcome.stderr)
    stdout = outcome.stdout.replace(str(root), "<ROOT>")
    if "stdout" in expected:
        assert stdout == expected["stdout"]
    if "stdout_table_normalised" in expected:
        assert_same_table(stdout, expected["stdout_table_normalised"])


def assert_same_table(stdout: str, expected: str) -> None:
    """Compare rows; trailing columns that hold long nested values may be missing."""
    lines = re.sub(r"-{2,}", "--", re.sub(r" {2,}", "  ", stdout)).splitlines()
    expected_lines = expected.splitlines()
    assert len(lines) == len(expected_lines)
    for line, expected_line in zip(lines, expected_lines, strict=True):
        assert expected_line == line or expected_line.startswith(line + "  ")
