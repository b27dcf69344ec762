"""Messages and answers at their bounds: how many notices, equal names, characters that steer, words of --fail-on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from stormlog.presenting.quantities import human_time
from tests.apps.cli.runner import stormlog
from tests.apps.cli.samples import capture, event, write_lines
from tests.apps.cli.shared_stores import shared_stores
from tests.query.sinks import busy_session


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Files that commands read through one store."""
    folder = capture(tmp_path_factory.mktemp("runs")).parent
    with shared_stores(folder):
        yield folder


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Folders of so many damaged files as their names say, and one with a name that steers terminals."""
    top = tmp_path_factory.mktemp("many")
    for name in ("9", "10", "11", "30", "steering"):
        (top / name / "runs").mkdir(parents=True)
        (top / name / "empty.json").write_text('{"format": "stormlog-issues", "version": 1, "issues": []}')
    for count in (9, 10, 11, 30):
        for number in range(count):
            write_lines(
                top / str(count) / "runs" / f"{number:02}.jsonl", event(session_id=f"s{number}"), "{broken"
            )
    write_lines(top / "steering" / "runs" / "a\x1b[31m\x07b.jsonl", event(), "{broken")
    with shared_stores(top):
        yield top


@pytest.mark.parametrize(
    ("command", "count", "named", "last"),
    [
        ("query events", 9, 9, None),
        ("query issues", 10, 10, None),
        ("query issues", 11, 9, 2),
        ("query events", 30, 9, 21),
        ("scan", 10, 10, None),
        ("scan", 11, 9, 2),
        ("gate --baseline empty.json", 10, 10, None),
        ("gate --baseline empty.json", 11, 9, 2),
    ],
)
def test_ten_notices_are_shown_and_of_more_nine(
    many: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    count: int,
    named: int,
    last: int | None,
) -> None:
    monkeypatch.chdir(many / str(count))
    monkeypatch.setenv("STORMLOG_DB", str(tmp_path / "tracker.db"))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    lines = stormlog(*command.split(), "runs").stderr.splitlines()

    assert len([line for line in lines if line.startswith("Warning: runs/")]) == named
    assert [line for line in lines if "more;" in line] == (
        [] if last is None else [line for line in lines if line.startswith(f"... and {last} more;")]
    )
    assert len(lines) == named + (last is not None)


@pytest.mark.parametrize("command", ["query events", "scan", "gate --baseline empty.json"])
def test_control_characters_of_paths_do_not_reach_a_terminal(
    many: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(many / "steering")
    monkeypatch.setenv("STORMLOG_DB", str(tmp_path / "tracker.db"))
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)

    outcome = stormlog(*command.split(), "runs")

    assert "a\\x1b[31m\\x07b.jsonl" in outcome.stderr
    assert not set("\x1b\x07") & set(outcome.stdout + outcome.stderr)


def test_a_value_with_a_lone_return_is_one_field(tmp_path: Path) -> None:
    texts = ["a\rb", "a\nb", "a,b", 'a"b', "\r", "a\r\nb"]
    write_lines(tmp_path / "e.jsonl", *(event(timestamp_ns=n, context=text) for n, text in enumerate(texts)))

    outcome = stormlog("query", "events", tmp_path, "--csv")

    rows = list(csv.DictReader(io.StringIO(outcome.stdout, newline="")))
    assert [row["context"] for row in rows] == texts


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        ("1 AS a, 2 AS a", ["a", "a_2"]),
        ("1 AS a, 2 AS a, 3 AS a", ["a", "a_2", "a_3"]),
        ("1 AS a, 2 AS a, 3 AS a, 4 AS a", ["a", "a_2", "a_3", "a_4"]),
        ("1 AS a, 2 AS a_2, 3 AS a", ["a", "a_2", "a_3"]),
        ("1 AS a_2, 2 AS a, 3 AS a", ["a_2", "a", "a_3"]),
    ],
)
@pytest.mark.parametrize("name", ["json", "jsonl", "csv"])
def test_columns_of_one_name_are_all_there(runs: Path, columns: str, keys: list[str], name: str) -> None:
    text = stormlog("query", "issues", runs, "--sql", f"SELECT {columns}", "--format", name).stdout

    if name == "csv":
        (row,) = csv.DictReader(io.StringIO(text))
    else:
        row = json.loads(text)[0] if name == "json" else json.loads(text)
    assert {key: int(value) for key, value in row.items()} == {
        key: number for number, key in enumerate(keys, 1)
    }


#: What a scan finds, and the words that fail on that.
FOUND = {
    "nothing": set(),
    "a new issue": {"new", " any , new "},
    "a regression": {"regressed", " any , new "},
}


@pytest.mark.parametrize("found", FOUND)
@pytest.mark.usefixtures("one_store_for_all_commands")
def test_the_words_of_fail_on(tmp_path: Path, found: str) -> None:
    path, db = tmp_path / "a.jsonl", tmp_path / "tracker.db"
    write_lines(path, *busy_session("s1", 40))
    assert stormlog("scan", path, "--db", db, "--code-version", "1.0", "--settle", "0s").status == 0
    assert (
        stormlog("issues", "resolve", "--where", "kind = 'oom'", "--version", "1.1", "--db", db).status == 0
    )
    version = "1.2" if found == "a regression" else "1.0"
    if found == "a new issue":
        write_lines(path, *busy_session("s1", 40), event(event_type="warning", context="Disk is low"))
    elif found == "a regression":
        write_lines(path, *busy_session("s2", 40))
    before = db.read_bytes()
    for word in ("new", "regressed", " any , new "):
        db.write_bytes(before)
        outcome = stormlog(
            "scan", path, "--db", db, "--code-version", version, "--settle", "0s", "--fail-on", word
        )
        assert outcome.status == (10 if word in FOUND[found] else 0), (word, outcome)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (-1, "-1"),
        (0, "1970-01-01 00:00:00"),
        (253_402_300_799 * 10**9, "9999-12-31 23:59:59"),
        (253_402_300_799 * 10**9 + 999_999_999, "9999-12-31 23:59:59"),
        (253_402_300_800 * 10**9, "253402300800000000000"),
    ],
)
def test_the_first_and_last_second_that_have_a_date(value: int, text: str) -> None:
    assert human_time(value) == text
