"""What rows look like in each format."""

from __future__ import annotations

import csv
import datetime
import io
import json
from decimal import Decimal
from pathlib import Path

import pytest

from stormlog.apps.cli.printing.formats import (
    FORMATS,
    Answer,
    csv_lines,
    json_chunks,
    markdown_lines,
    plain_table_lines,
)
from stormlog.apps.cli.printing.human import cell_text
from tests.apps.cli.runner import stormlog
from tests.apps.cli.samples import capture, event, write_lines

pytestmark = pytest.mark.usefixtures("one_store_for_all_commands")

COMMANDS = ("issues", "sessions", "events", "ooms")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return capture(tmp_path_factory.mktemp("runs")).parent


@pytest.fixture(scope="module")
def nothing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("nothing")


def answer(*rows: dict[str, object]) -> Answer:
    return Answer(rows, names=list(rows[0]))


@pytest.mark.parametrize("command", COMMANDS)
def test_json_and_json_lines_hold_the_same_rows(command: str, runs: Path) -> None:
    whole = json.loads(stormlog("query", command, runs, "--json").stdout)
    lines = stormlog("query", command, runs, "--jsonl").stdout.splitlines()
    assert [json.loads(line) for line in lines] == whole
    assert all(list(row) == sorted(row) for row in map(json.loads, lines))


@pytest.mark.parametrize("command", COMMANDS)
def test_csv_has_a_header_and_a_record_per_row(command: str, runs: Path) -> None:
    rows = json.loads(stormlog("query", command, runs, "--json").stdout)
    text = stormlog("query", command, runs, "--csv").stdout
    header, *records = csv.reader(io.StringIO(text, newline=""))
    assert len(records) == len(rows)
    assert set(header) >= set().union(*rows)
    assert text.endswith("\r\n")


def test_csv_of_issues_keeps_all_evidence(runs: Path) -> None:
    rows = json.loads(stormlog("query", "issues", runs, "--json").stdout)
    records = list(csv.DictReader(io.StringIO(stormlog("query", "issues", runs, "--csv").stdout, newline="")))
    assert [json.loads(record["evidence"]) for record in records] == [row["evidence"] for row in rows]
    assert list(records[0])[:4] == ["fingerprint_id", "kind", "state", "severity"]


@pytest.mark.parametrize(
    ("name", "stdout"),
    [("json", "[]\n"), ("jsonl", ""), ("table", "No rows.\n"), ("markdown", "No rows.\n")],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_no_rows_are_valid_in_every_format(command: str, name: str, stdout: str, nothing: Path) -> None:
    outcome = stormlog("query", command, nothing, "--format", name)
    assert (outcome.status, outcome.stdout) == (0, stdout)


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_has_a_short_flag(name: str, runs: Path) -> None:
    long = stormlog("query", "sessions", runs, "--format", name)
    short = stormlog("query", "sessions", runs, f"--{name}")
    assert (short.status, short.stdout) == (0, long.stdout)


def test_table_is_the_default(runs: Path) -> None:
    assert stormlog("query", "events", runs).stdout == stormlog("query", "events", runs, "--table").stdout


@pytest.mark.parametrize(
    "flags", [("--json", "--csv"), ("--format", "csv", "--json"), ("--table", "--markdown")]
)
def test_formats_exclude_each_other(flags: tuple[str, ...], tmp_path: Path) -> None:
    outcome = stormlog("query", "sessions", tmp_path, *flags)
    assert (outcome.status, outcome.stdout) == (2, "")


def test_one_row_is_one_line_of_a_table_whatever_its_text(tmp_path: Path) -> None:
    write_lines(tmp_path / "events.jsonl", event(context="one\ntwo\x1b[31m\u2028three"))
    table = stormlog("query", "events", tmp_path).stdout
    assert len(table.splitlines()) == 3
    assert "one\\ntwo\\x1b[31m\\u2028three" in table
    assert len(stormlog("query", "events", tmp_path, "--markdown").stdout.splitlines()) == 3


def test_lone_surrogates_do_not_stop_a_table(tmp_path: Path) -> None:
    write_lines(tmp_path / "events.jsonl", event(context="a\ud800b"))
    for name in FORMATS:
        assert stormlog("query", "events", tmp_path, "--format", name).status == 0


def test_markdown_shows_what_people_read_and_escapes_its_own_signs(tmp_path: Path) -> None:
    write_lines(tmp_path / "events.jsonl", event(context="a|b <c>"))
    header, dashes, row = stormlog("query", "events", tmp_path, "--markdown").stdout.splitlines()
    assert header.startswith("| Time (UTC) | Session |")
    assert dashes.count("|") == header.count("|")
    assert row.startswith("| 2026-01-02 03:04:05.000 | s-1 | 0 | sample | 1.00 MiB | 1.50 GiB | 1.50 GiB |")
    assert "a\\|b &lt;c&gt;" in row


def test_json_is_valid_for_values_json_has_no_words_for() -> None:
    row = {
        "nan": float("nan"),
        "infinite": float("inf"),
        "blob": b"\x00\xff",
        "amount": Decimal("1.50"),
        "day": datetime.date(2026, 1, 2),
        "pairs": {1: "a", "b": [float("nan")]},
    }
    assert json.loads("".join(json_chunks(answer(row)))) == [
        {
            "nan": None,
            "infinite": None,
            "blob": "00ff",
            "amount": "1.50",
            "day": "2026-01-02",
            "pairs": {"1": "a", "b": [None]},
        }
    ]


def test_json_is_laid_out_with_two_blanks_and_ascii_escapes() -> None:
    assert "".join(json_chunks(answer({"b": "é\n", "a": [1]}, {"b": None, "a": []}))) == (
        '[\n  {\n    "a": [\n      1\n    ],\n    "b": "\\u00e9\\n"\n  },\n'
        '  {\n    "a": [],\n    "b": null\n  }\n]\n'
    )


def test_csv_quotes_only_where_needed() -> None:
    rows = answer({"a": 'x"y', "b": None, "c": [1, {"k": "v"}], "d": True, "e": "two\nlines"})
    assert "".join(csv_lines(rows)) == 'a,b,c,d,e\r\n"x""y",,"[1, {""k"": ""v""}]",True,"two\nlines"\r\n'
    assert "".join(csv_lines(answer({"a": None}))) == 'a\r\n""\r\n'


def test_plain_tables_align_and_strip_blanks() -> None:
    assert "".join(
        plain_table_lines(answer({"first_name": "a", "b": None}, {"first_name": "long enough", "b": 1}))
    ) == ("first_name   b\n-----------  -\na            -\nlong enough  1\n")


def test_markdown_of_free_rows_aligns_numbers() -> None:
    assert (
        "".join(markdown_lines(answer({"kind": "oom", "n": 12})))
        == "| kind | n |\n| --- | ---: |\n| oom | 12 |\n"
    )


def test_cells_of_nested_values_are_json_on_one_line() -> None:
    assert cell_text({"b": [1, None], "a": "é"}) == '{"a": "\\u00e9", "b": [1, null]}'
    assert cell_text(None) == "-"
