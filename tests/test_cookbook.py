"""Every question of the cookbook has the answer that is printed below it, in the shell and with ``stormlog sql``.

``python -m tests.test_cookbook`` writes the answers anew; read the difference.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

import stormlog.query
from stormlog.apps.cli.printing import output
from stormlog.apps.cli.shell.completion import is_complete
from stormlog.apps.cli.shell.session import ShellSession
from stormlog.query import QueryStore
from tests.apps.cli.runner import stormlog as run_stormlog
from tests.test_docs import CHECKOUT, DOCS, blocks

PAGE = DOCS / "cookbook.md"
NODES = "examples/nodes.csv"

#: A question: its heading, its statement, and the answer below.
_QUESTION = re.compile(
    r"^### (?P<title>[^\n]+)\n(?:(?!^#)[^\n]*\n)*?<!-- run: cookbook -->\n```sql\n(?P<sql>.*?)^```\n"
    r"(?:\n```text\n(?P<answer>.*?)^```\n)?",
    re.MULTILINE | re.DOTALL,
)
QUESTIONS = list(_QUESTION.finditer(PAGE.read_text(encoding="utf-8")))


def paths() -> list[str]:
    """Return the captures that the page names."""
    [line] = re.findall(r"^\$ stormlog shell (.+)$", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return shlex.split(line)


def answer(store: QueryStore, statement: str) -> str:
    """Return what the shell prints of a statement that was pasted."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        assert ShellSession(store, quiet=True).handle(f"{statement.rstrip()};")
        output.flush()
    return "".join(f"{line.rstrip()}\n" for line in printed.getvalue().splitlines())


@pytest.fixture(scope="module")
def store() -> Iterator[QueryStore]:
    with stormlog.query.open(paths()) as found:
        found.attach("nodes", NODES)
        yield found


def test_all_of_the_page_is_asked() -> None:
    assert len(QUESTIONS) >= 25
    assert len(QUESTIONS) == sum(block.page == PAGE for block in blocks("sql"))
    titles = [question["title"] for question in QUESTIONS]
    assert len(set(titles)) == len(titles)


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: question["title"])
def test_answer_is_the_one_that_is_printed(question: re.Match[str], store: QueryStore) -> None:
    assert is_complete(f"{question['sql']};") and not is_complete(question["sql"])
    found = answer(store, question["sql"])
    assert len(found.splitlines()) > 2, "no rows"
    assert found == question["answer"]


def test_the_command_prints_the_same(store: QueryStore, tmp_path: Path) -> None:
    [question] = [question for question in QUESTIONS if "FROM nodes" in question["sql"]]
    file = tmp_path / "question.sql"
    file.write_text(question["sql"], encoding="utf-8")
    done = run_stormlog("sql", *paths(), "-f", file, "--attach", f"nodes={NODES}", "-q")
    assert (done.status, done.stdout) == (0, answer(store, question["sql"]))


if __name__ == "__main__":
    os.chdir(CHECKOUT)

    def with_answer(question: re.Match[str]) -> str:
        begin = question[0][: question.end("sql") - question.start()]
        return f"{begin}```\n\n```text\n{answer(opened, question['sql'])}```\n"

    with stormlog.query.open(paths()) as opened:
        opened.attach("nodes", NODES)
        PAGE.write_text(_QUESTION.sub(with_answer, PAGE.read_text(encoding="utf-8")), encoding="utf-8")
