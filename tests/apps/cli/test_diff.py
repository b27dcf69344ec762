"""``stormlog diff``: how runs are named, and the formats of the answer."""

from __future__ import annotations

import csv
import io
import json
import os
from pathlib import Path

import pytest

from tests.apps.cli.runner import Outcome, stormlog
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.explaining.test_peaks import boundary


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two files with a run each, and an alert in the second."""
    folder = tmp_path_factory.mktemp("runs")
    start = event(session_id="s-1", event_type="start", metadata={"backend": "cuda", "app_version": "1.0"})
    write_lines(folder / "a.jsonl", start, event(session_id="s-1"))
    write_lines(
        folder / "b.jsonl",
        boundary("enter", ["load"], 1, 1, 1, session_id="s-2", timestamp_ns=START_NS - 1),
        event(session_id="s-2", device_used_bytes=1 << 31),
        event(
            session_id="s-2", event_type="warning", context="Disk \x1b[1mis low", timestamp_ns=START_NS + 1
        ),
    )
    return folder


def diff(*arguments: str | Path) -> Outcome:
    return stormlog("diff", *arguments)


def test_runs_are_named_in_three_ways(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(runs)
    by_path = json.loads(diff("a.jsonl", "b.jsonl", "--json").stdout)
    for arguments in (
        (".::s-1", ".::session:s-2"),
        ("a.jsonl", "s-2", "--path", "."),
    ):
        found = json.loads(diff(*arguments, "--json").stdout)
        for side in ("before", "after"):
            found[side]["paths"] = by_path[side]["paths"]
        assert found == by_path, arguments
    assert by_path["issue_counts"] == {"new": 1, "gone": 0, "same": 0}


def test_the_configuration_says_where_runs_lie(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "stormlog.toml").write_text(f'paths = ["{runs}"]\n')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STORMLOG_CONFIG")
    assert json.loads(diff("s-1", "s-2", "--json").stdout)["after"]["run_id"] == "session:s-2"


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (("s-1", "s-2"), 2, "'s-1' is no file or directory, and nothing says where"),
        (("nowhere::s-1", "b.jsonl"), 2, "there is no file or directory 'nowhere'"),
        (("::s-1", "b.jsonl"), 2, "the path is missing"),
        (("a.jsonl", ""), 2, "Invalid value for 'AFTER': it is empty"),
        (
            (".", "b.jsonl"),
            4,
            ". holds 2 runs: session:s-1, session:s-2; name one of them, as in .::session:s-1",
        ),
        ((".::s-9", "b.jsonl"), 4, "no run 's-9' in .; there are session:s-1, session:s-2"),
        (("a.jsonl", "b.jsonl", "--attempts", "1", "2"), 4, "run 'session:s-2' has no attempt 2; it has 1"),
        (("a.jsonl", "b.jsonl", "--attempts", "0", "2"), 2, "--attempts"),
        (("a.jsonl", "b.jsonl", "--json", "--csv"), 2, "Choose one format"),
        (("a.jsonl",), 2, "Missing argument 'AFTER'"),
    ],
)
def test_wrong_names_are_explained(
    arguments: tuple[str, ...], status: int, said: str, runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(runs)
    outcome = diff(*arguments)
    assert (outcome.status, outcome.stdout) == (status, "")
    assert said in outcome.stderr


def test_a_path_without_telemetry_holds_no_run(runs: Path, tmp_path: Path) -> None:
    outcome = diff(runs / "a.jsonl", tmp_path)
    assert outcome.status == 3 and f"{tmp_path}: no telemetry found" in outcome.stderr


def test_tables_say_what_is_known_and_what_is_not(runs: Path) -> None:
    outcome = diff(runs / "a.jsonl", runs / "b.jsonl")
    assert sorted(os.listdir(runs)) == ["a.jsonl", "b.jsonl"]
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = [" ".join(line.split()) for line in outcome.stdout.splitlines()]
    assert "Version 1.0 not known" in lines
    assert "Issues: 1 new, 0 gone, 0 same" in lines
    assert "* peak_used 1.50 GiB 2.00 GiB +512 MiB +33.3 % 0 0" in lines
    assert "load peak_used no such phase 2.00 GiB - - - 0" in lines
    assert "\x1b" not in outcome.stdout and "Disk" in outcome.stdout.title()


def test_a_phase_of_one_run_only_is_no_zero_of_the_other(runs: Path) -> None:
    found = json.loads(diff(runs / "a.jsonl", runs / "b.jsonl", "--json").stdout)["peaks"]
    of_phase = [row for row in found if row["phase"] == "load"]
    assert len(of_phase) == 4 and len(found) == 8
    for row in of_phase:
        assert (row["before"], row["difference_bytes"], row["difference_percent"]) == (None, None, None)
        assert row["after"]["peak_bytes"] is not None


def test_csv_and_json_lines_are_rows_of_one_shape(runs: Path) -> None:
    names = [
        "section",
        "name",
        "metric",
        "change",
        "before",
        "after",
        "difference",
        "difference_percent",
        "title",
    ]
    text = diff(runs / "a.jsonl", runs / "b.jsonl", "--csv", "-q").stdout
    header, *rows = csv.reader(io.StringIO(text))
    assert header == names
    assert ["peak", "*", "peak_used", "", str(3 << 29), str(1 << 31), str(1 << 29), "33.33", ""] in rows
    lines = [
        json.loads(line) for line in diff(runs / "a.jsonl", runs / "b.jsonl", "--jsonl").stdout.splitlines()
    ]
    assert len(lines) == len(rows) and {tuple(sorted(line)) for line in lines} == {tuple(sorted(names))}
    [issue] = [line for line in lines if line["section"] == "issue"]
    assert (issue["change"], issue["before"], issue["after"]) == ("new", 0, 1)


def test_markdown_escapes_what_telemetry_says(tmp_path: Path, runs: Path) -> None:
    write_lines(tmp_path / "x.jsonl", event(session_id="[a](http://b)|@c"))
    outcome = diff(runs / "a.jsonl", tmp_path, "--markdown")
    assert "### Runs" in outcome.stdout and "[a]" not in outcome.stdout and "@c" not in outcome.stdout


def test_the_same_run_twice_is_noted(runs: Path) -> None:
    outcome = diff(runs / "a.jsonl", runs / "a.jsonl")
    assert outcome.stderr == "Note: both are the same run\n"


def test_what_was_skipped_is_told_of_both_sides(tmp_path: Path) -> None:
    paths = [write_lines(tmp_path / f"{name}.jsonl", event(session_id=name), "{broken") for name in "ab"]
    outcome = diff(*paths)
    assert outcome.status == 0 and outcome.stderr.count("1 line skipped") == 2
    assert diff(*paths, "--strict").status == 3
