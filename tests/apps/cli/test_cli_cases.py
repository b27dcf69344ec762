"""The recorded command lines: status, kind of complaint, and what they print."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.apps.cli.runner import stormlog
from tests.apps.cli.shared_stores import shared_stores
from tests.vectors.harness import Case, load_cases, write_files

CASES = load_cases("cli")


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """One folder for all cases of the same files, which commands only read, and with one store."""
    found = {}
    for case in CASES:
        files = json.dumps(case.input["files"])
        if files not in found:
            found[files] = tmp_path_factory.mktemp("case").resolve()
            write_files(case.input["files"], found[files])
    with shared_stores():
        yield found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_command_lines_answer_as_recorded(case: Case, roots: dict[str, Path]) -> None:
    root = roots[json.dumps(case.input["files"])]
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
