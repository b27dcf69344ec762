"""Headers say what a file selects from, calls and needs; the loader believes them, so they have to be true."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.engine.database.sql_files import SqlFile, load_sql_files
from stormlog.engine.database.tables import TABLES
from stormlog.engine.view_needs import view_names
from stormlog.query import QueryStore
from tests.sql.dependencies import calls_of, ctes_of, reads_of, with_header

CAPTURES = Path(__file__).parents[2] / "examples" / "captures"
#: Captures of which every view shows something; views of each set of needs are asked of a store of their own.
FEW_CAPTURES = [CAPTURES / "run-envelope", CAPTURES / "edge-cases" / "damaged"]
FILES = {file.name: file for file in load_sql_files()}
VIEWS = {file.table_name: file for file in FILES.values() if file.kind == "VIEW"}
OFFERED = {name: file for name, file in VIEWS.items() if file.path.parent.name in ("public", "tracking")}

#: What fills the tables behind the views. Views of kept rows (`Parts`) are filled by reading.
FILLED_BY = {
    **dict.fromkeys(("raw.sources", "raw.ledger_sessions", "raw.oom_bundles", "raw.row_groups"), "catalog"),
    **dict.fromkeys(("raw.run_envelopes", "raw.envelope_sessions"), "catalog"),
    **dict.fromkeys(("raw.files", "raw.pieces", "raw.warnings"), "files"),
    **dict.fromkeys(("raw.kept_records", "raw.kept_rejects", "stage.session_parts"), "files"),
    **dict.fromkeys(("stage.known_session_parts", "raw.copied_sessions"), "files"),
    **dict.fromkeys(("stage.gap_findings", "stage.gap_details", "stage.gap_cutoffs"), "issues"),
    **dict.fromkeys(("stage.fingerprints", "stage.event_hits", "stage.gap_scope"), "issues"),
    **dict.fromkeys(("stage.replayed_spans", "stage.replay_scope"), "phases"),
    "raw.issue_states": "tracking",
    **dict.fromkeys(("raw.attachments", "raw.envelope_attachments"), "attachments"),
    **dict.fromkeys(("raw.sink_segments", "raw.rollup_paths"), "attachments"),
    **dict.fromkeys(
        ("raw.rollup_files", "raw.rollup_sessions", "raw.rollup_ranks", "raw.rollup_windows"), "rollups"
    ),
}
#: Views without rows in the captures.
EMPTY = {"run_conflicts"}

#: What is filled before something else is.
INCLUDED = {
    "catalog": {"catalog"},
    "files": {"catalog", "files"},
    "texts": {"catalog", "files", "texts"},
    "issues": {"catalog", "files", "issues"},
    "phases": {"catalog", "files", "phases"},
    # What ledgers leave open is known for each store only.
    "sessions": {"catalog", "files", "texts"},
    "runs": {"catalog", "files", "texts"},
    "failures": {"catalog", "files", "issues", "texts"},
    "tracking": {"tracking"},
    "attachments": {"attachments", "catalog"},
    "rollups": {"catalog", "rollups"},
}


def tables_behind(name: str) -> set[str]:
    """Return the tables that a view rests on, through all views between."""
    file = VIEWS.get(name)
    return {name} if file is None else {table for read in file.reads for table in tables_behind(read)}


@pytest.mark.parametrize("file", FILES.values(), ids=FILES)
def test_header_says_what_the_sql_selects_from_and_calls(file: SqlFile) -> None:
    assert (sorted(file.reads), list(file.calls)) == (reads_of(file), calls_of(file)), (
        "run python tests/sql/dependencies.py"
    )
    assert with_header(file) == file.path.read_text(encoding="utf-8")


@pytest.mark.parametrize("file", VIEWS.values(), ids=VIEWS)
def test_cte_is_named_after_its_rows(file: SqlFile) -> None:
    """A noun of its own or with others, never what was done to the rows."""
    participles = {"cut", "found", "known", "named", "read", "said", "seen", "shown", "split", "told"}
    for name in ctes_of(file):
        assert re.fullmatch("[a-z]+(?:_[a-z]+)*s", name)
        assert not name.endswith("ed") and name not in participles


def test_everything_that_is_read_and_called_is_known() -> None:
    tables = {read for file in FILES.values() for read in file.reads} - VIEWS.keys()
    assert tables <= TABLES.keys() | FILLED_BY.keys() | {"raw.lines", "raw.chunks"}
    called = {name for file in FILES.values() for name in file.calls if "." in name}
    assert called <= FILES.keys()


def test_nothing_rests_on_itself() -> None:
    below: dict[str, set[str]] = {}

    def everything_below(name: str, path: tuple[str, ...]) -> set[str]:
        assert name not in path, f"circle: {(*path, name)}"
        file = VIEWS.get(name) or FILES.get(name)
        used = () if file is None else (*file.reads, *file.calls)
        if name not in below:
            below[name] = {
                name,
                *(deeper for use in used for deeper in everything_below(use, (*path, name))),
            }
        return below[name]

    for name in (*VIEWS, *FILES):
        everything_below(name, ())


def test_exactly_the_views_that_users_name_say_what_they_need() -> None:
    assert {name for name, file in VIEWS.items() if file.needs} == OFFERED.keys()
    assert all(need in INCLUDED for file in OFFERED.values() for need in file.needs)


@pytest.mark.parametrize("name", OFFERED)
def test_view_needs_what_fills_the_tables_behind_it(name: str) -> None:
    filled = {done for need in OFFERED[name].needs for done in INCLUDED[need]}
    assert {FILLED_BY[table] for table in tables_behind(name)} <= filled


def filled_for(name: str) -> frozenset[str]:
    """Return all that is filled for a view, and what it is filled for."""
    return frozenset(done for need in OFFERED[name].needs for done in (need, *INCLUDED[need]))


def lines_of_needs() -> list[list[str]]:
    """Put views behind each other of which each needs all that the one before it needs."""
    lines: list[list[str]] = []
    for name in sorted(view_names(), key=lambda name: (len(filled_for(name)), name)):
        fitting = (line for line in lines if filled_for(line[-1]) <= filled_for(name))
        line = max(fitting, key=lambda line: len(filled_for(line[-1])), default=None)
        if line is None:
            lines.append([name])
        else:
            line.append(name)
    return lines


@pytest.fixture(scope="module")
def rows_of() -> Callable[[str], list[tuple[Any, ...]]]:
    """Give the rows of a view from a store that was asked for nothing that the view does not need."""
    answers: dict[str, list[tuple[Any, ...]]] = {}

    def of_view(name: str) -> list[tuple[Any, ...]]:
        if name not in answers:
            (line,) = (line for line in lines_of_needs() if name in line)
            with stormlog.query.open(FEW_CAPTURES, cache=False) as store:
                answers.update({view: store.sql(f"SELECT * FROM {view} ORDER BY ALL").rows for view in line})
        return answers[name]

    return of_view


@pytest.fixture(scope="module")
def asked_store() -> Iterator[QueryStore]:
    """A store that was asked for everything that views need before."""
    with stormlog.query.open(FEW_CAPTURES, cache=False) as store:
        for line in lines_of_needs():
            store.sql(f"SELECT count(*) FROM {line[-1]}")
        yield store


@pytest.mark.parametrize("name", view_names())
def test_view_answers_a_store_that_was_asked_for_no_other_needs(
    asked_store: QueryStore, rows_of: Callable[[str], list[tuple[Any, ...]]], name: str
) -> None:
    """What a header forgets is an answer from empty tables."""
    rows = rows_of(name)
    assert rows or name in EMPTY
    assert rows == asked_store.sql(f"SELECT * FROM {name} ORDER BY ALL").rows
