"""Lists look as they did when somebody last looked at them.

``python -m tests.apps.cli.test_table_snapshots`` writes the files anew: look at every difference before a commit.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from stormlog.apps.cli.options.targets import INDEXES
from stormlog.apps.cli.printing import output
from stormlog.apps.cli.printing.formats import Answer, markdown_lines, plain_table_lines
from stormlog.apps.cli.printing.terminal import print_terminal_table
from stormlog.tracking import Actor, Tracker
from tests.apps.cli.runner import stormlog
from tests.apps.cli.shared_stores import shared_stores

CAPTURES = Path(__file__).resolve().parents[3] / "examples" / "captures"
SNAPSHOTS = Path(__file__).parent / "snapshots"
WIDTHS = (80, 120)

#: 2026-02-01T12:00:00Z.
NOW_NS = 1_769_947_200 * 10**9
DB = "--db=TRACKER"

STATEMENT = "SELECT kind, count(*) AS n_issues, max(details) FROM issues GROUP BY kind ORDER BY kind"

COMMANDS = {
    "query-issues": ("query", "issues", "v4-cuda-sim", "--severity", "critical"),
    "query-sessions": ("query", "sessions", "v4-cuda-sim"),
    "query-events": ("query", "events", "v4-cuda-sim/oom_sink", "--limit", "8"),
    "query-ooms": ("query", "ooms", "v4-cuda-sim", "oom-bundles"),
    "query-sql": (
        "query",
        "issues",
        "v4-cuda-sim",
        "--sql",
        "SELECT kind, count(*) AS n_hits FROM issues GROUP BY 1 ORDER BY 1",
    ),
    "issues-list": ("issues", "list", "--limit", "10", DB),
    "issues-history": ("issues", "history", "1", DB),
    "projects-list": ("projects", "list", DB),
}

#: What `cache list` shows: sizes and times of real ones vary.
_INDEX_ROWS = (
    {
        "paths": "/data/runs/llm-pretrain-0412",
        "size_bytes": 8_700_000,
        "file_count": 64,
        "answer_count": 3,
        "last_used_ns": NOW_NS,
        "folder": "/home/ada/.cache/stormlog/5f0c3f0e7a1b4c1d9e8f",
    },
    {
        "paths": "/data/runs/llm-pretrain-0412/rank-0, /data/runs/llm-pretrain-0412/rank-1",
        "size_bytes": 512,
        "file_count": 2,
        "answer_count": 0,
        "last_used_ns": NOW_NS - 86400 * 10**9,
        "folder": "/home/ada/.cache/stormlog/0d9b",
    },
)


def _answer_of(arguments: tuple[str, ...]) -> Answer:
    """Return the rows that a command prints as a table."""
    found: list[Answer] = []
    with mock.patch.object(output, "print_answer", lambda answer, *_, **__: found.append(answer)):
        outcome = stormlog(*arguments)
    assert outcome.status == 0, outcome.stderr
    (answer,) = found
    return answer


def _text_of(answer: Answer) -> str:
    parts = []
    for width in WIDTHS:
        file = io.StringIO()
        print_terminal_table(answer, file, width=width, colour=False)
        parts.append(f"{width} columns\n\n{file.getvalue()}")
    parts.append("in a pipe\n\n" + "".join(plain_table_lines(answer)))
    parts.append("Markdown\n\n" + "".join(markdown_lines(answer)))
    return "\n".join(parts)


@contextlib.contextmanager
def _tracker() -> Iterator[str]:
    """Make a tracker with issues that people worked on."""
    times = iter(range(NOW_NS, NOW_NS + 10**15, 60 * 10**9))
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/tracker.db"
        with Tracker(path, actor=Actor("user", "ada", "Ada"), clock=lambda: next(times)) as tracker:
            tracker.scan(["v4-cuda-sim"])
            tracker.resolve("1", version="1.4.0")
            tracker.ignore("1", until_ns=NOW_NS + 30 * 86400 * 10**9, reason="until the new allocator")
            tracker.create_project("vision", recipients=["ada@example.org", "bob@example.org"])
        yield path


def shown() -> dict[str, str]:
    """Return what every list looks like, by the name of its file."""
    before = os.getcwd()
    os.chdir(CAPTURES)
    try:
        with (
            shared_stores(),
            _tracker() as path,
            mock.patch.dict(os.environ, {"STORMLOG_CACHE": "off"}),
        ):
            texts = {
                f"{name}.txt": _text_of(
                    _answer_of(tuple(word.replace("TRACKER", path) for word in arguments))
                )
                for name, arguments in COMMANDS.items()
            }
    finally:
        os.chdir(before)
    return {**texts, "cache-list.txt": _text_of(Answer(_INDEX_ROWS, INDEXES))}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    return shown()


@pytest.mark.parametrize("name", [*(f"{name}.txt" for name in COMMANDS), "cache-list.txt"])
def test_a_list_looks_as_before(name: str, texts: dict[str, str]) -> None:
    assert texts[name] == (SNAPSHOTS / name).read_text(encoding="utf-8")


def test_every_snapshot_is_of_a_list(texts: dict[str, str]) -> None:
    assert {path.name for path in SNAPSHOTS.iterdir()} == set(texts)


if __name__ == "__main__":
    SNAPSHOTS.mkdir(exist_ok=True)
    for name, text in shown().items():
        (SNAPSHOTS / name).write_text(text, encoding="utf-8")
