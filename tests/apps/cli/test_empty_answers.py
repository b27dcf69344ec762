"""An answer without rows says why, unless that is what was asked."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from stormlog.compaction import compact_sink
from stormlog.errors import SourceError
from stormlog.query import EventFilter
from stormlog.query import open as open_store
from stormlog.telemetry import load_telemetry_sessions
from stormlog.tracking import Tracker
from stormlog.tracking.scanning.options import ScanOptions
from tests.apps.cli.runner import stormlog
from tests.apps.cli.samples import capture, event, write_lines
from tests.apps.cli.shared_stores import shared_stores


@pytest.fixture
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs").mkdir()
    capture(tmp_path / "runs")
    return Path("runs")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Such runs, which commands read through one store."""
    folder = capture(tmp_path_factory.mktemp("shared")).parent
    with shared_stores(folder):
        yield folder


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracker that knows such runs."""
    folder = tmp_path_factory.mktemp("recorded")
    assert stormlog("scan", capture(folder), "--db", folder / "t.db", "-q").status == 0
    return folder / "t.db"


@pytest.fixture
def tracked(recorded: Path, runs: Path) -> Path:
    """The runs, and a tracker ``t.db`` beside them."""
    shutil.copy(recorded, "t.db")
    return runs


@pytest.mark.parametrize(
    "arguments",
    [
        ("query", "issues", ""),
        ("query", "issues", "runs", ""),
        ("query", "issues", "runs", "--tracker", ""),
        ("query", "issues", "runs", "--cache-dir", ""),
        ("query", "issues", "runs", "--spill-dir", ""),
        ("scan", "", "--db", "t.db"),
        ("scan", "runs", "--db", ""),
        ("gate", "", "--db", "t.db"),
        ("gate", "runs", "--baseline", ""),
        ("gate", "runs", "--db", "t.db", "--summary", ""),
        ("compact", ""),
        ("compact", "runs", "--output", ""),
        ("cache", "info", ""),
        ("cache", "clear", ""),
        ("cache", "verify", ""),
        ("cache", "list", "--cache-dir", ""),
        ("issues", "list", "--db", ""),
        ("issues", "export", "", "--db", "t.db"),
        ("issues", "import", "", "--db", "t.db"),
        ("db", "backup", "", "--db", "t.db"),
        ("db", "status", "--db", ""),
    ],
    ids=" ".join,
)
def test_an_empty_path_is_refused(arguments: tuple[str, ...], tracked: Path) -> None:
    before = sorted(os.listdir())
    outcome = stormlog(*arguments)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "the path is empty" in outcome.stderr
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    "call",
    [
        lambda: open_store(""),
        lambda: open_store([""]),
        lambda: open_store(["runs", ""]),
        lambda: open_store(b"runs"),
        lambda: open_store([None]),
        lambda: open_store("runs", tracker=""),
        lambda: compact_sink(""),
        lambda: compact_sink("runs", ""),
        lambda: load_telemetry_sessions(""),
        lambda: Tracker(""),
        lambda: ScanOptions(min_severity="bad"),
    ],
)
def test_python_refuses_them_too(call: object, runs: Path) -> None:
    with pytest.raises(ValueError):
        call()  # type: ignore[operator]


@pytest.mark.parametrize("word", ["", " ", "q.sql", "@q.sql", "-", "selected", "no-such-file.sql"])
@pytest.mark.parametrize("joined", [False, True])
def test_what_is_no_statement_is_refused(word: str, joined: bool, runs: Path) -> None:
    Path("q.sql").write_text("SELECT 1", encoding="utf-8")
    option = (f"--sql={word}",) if joined else ("--sql", word)
    outcome = stormlog("query", "issues", runs, *option)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "--sql" in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("sessions", "--status", "done"), "choose from completed"),
        (("events", "--status", "done"), "choose from completed"),
        (("sessions", "--source-kind", "files"), "choose from sink"),
        (("ooms", "--created-after", "garbage"), "'garbage' is no time"),
        (("ooms", "--created-before", "2026-13-45"), "'2026-13-45' is no time"),
        (("ooms", "--created-after", "2030-01-01x"), "'2030-01-01x' is no time"),
        (("events", "--limit", "99999999999999999999"), "limit must be an integer of 64 bits"),
    ],
)
def test_words_of_a_fixed_list_and_dates_are_refused(
    arguments: tuple[str, ...], words: str, shared: Path
) -> None:
    outcome = stormlog("query", arguments[0], shared, *arguments[1:])
    assert (outcome.status, outcome.stdout) == (2, "")
    assert words in outcome.stderr


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        (("events", "--event-type", "smaple"), "no event has event_type 'smaple'; there are error, sample, warning"),
        (("events", "--collector", "x"), "no event has collector 'x'; there is stormlog.cuda_tracker"),
        (("events", "--rank", "7"), "no event has rank '7'; there is 0"),
        (("events", "--backend", "rocm"), "no event has backend 'rocm'; there is cuda"),
        (("events", "--session", "x"), "no event has session_id 'x'; there are s-1, s-2"),
        (("issues", "--severity", "warn"), "no issue has severity 'warn'; there are critical, warning"),
        (("issues", "--session", "x"), "no issue has session_id 'x'; there are s-1, s-2"),
        (("sessions", "--job-id", "x"), "no session has job_id 'x'; none has any"),
        (("ooms", "--reason", "x"), "no OOM bundle has reason 'x'; none has any"),
    ],
)  # fmt: skip
def test_a_word_that_nothing_has_is_told_with_those_there_are(
    arguments: tuple[str, ...], note: str, shared: Path
) -> None:
    command = ("query", arguments[0], shared, *arguments[1:])
    outcome = stormlog(*command, "--json")
    assert (outcome.status, outcome.stdout, outcome.stderr) == (0, "[]\n", f"Note: {note}\n")
    # The answer is kept by now.
    assert stormlog(*command, "--threads", "2").stderr == f"Note: {note}\n"
    assert stormlog(*command, "-q").stderr == ""


def test_filters_that_no_row_fits_together_say_how_many_rows_there_are(shared: Path) -> None:
    for arguments, note in (
        (("issues", "--kind", "hidden_memory_anomaly"), "0 of 2 issues fit"),
        (("issues", "--state", "resolved"), "0 of 2 issues fit"),
        (("issues", "--severity", "critical", "--session", "s-1"), "0 of 2 issues fit"),
        (("sessions", "--status", "running"), "0 of 2 sessions fit"),
    ):
        assert stormlog("query", arguments[0], shared, *arguments[1:]).stderr == f"Note: {note}\n"


def test_an_answer_without_rows_where_there_are_none_is_silent(shared: Path) -> None:
    assert stormlog("query", "ooms", shared, "--prod").stderr == ""
    assert stormlog("query", "ooms", shared).stderr == ""


def test_of_many_known_words_some_are_named(tmp_path: Path) -> None:
    write_lines(tmp_path / "e.jsonl", *(event(event_type=f"kind-{n:02}", timestamp_ns=n) for n in range(20)))
    with open_store(tmp_path) as store:
        (found,) = store.unmatched_filters(EventFilter(event_type="x", rank=0))
    assert (found.field, found.value, len(found.known), found.known_count) == ("event_type", "x", 8, 20)
    assert str(found).endswith("kind-07 and 12 more")


def test_tracked_issues_say_which_apps_runs_and_versions_there_are(runs: Path) -> None:
    stormlog("scan", runs, "--db", "t.db", "--settle", "0s", "--code-version", "1.2", "--app", "train")
    listed = ("issues", "list", "--db", "t.db")
    assert "no issue has app 'trian'; there is train" in stormlog(*listed, "--app", "trian").stderr
    assert "no issue has session 'x'; there are s-1, s-2" in stormlog(*listed, "--session", "x").stderr
    assert "no issue has version '2'; there is 1.2" in stormlog(*listed, "--version", "2").stderr
    assert "no issue has run 'x'; there are" in stormlog(*listed, "--run", "x").stderr
    assert stormlog(*listed, "--app", "train", "--status", "silenced").stderr == "Note: 0 of 2 issues fit\n"
    assert "no issue has host 'x'; there is h" in stormlog(*listed, "--host", "x").stderr
    assert "no issue has rank '7'; there is 0" in stormlog(*listed, "--rank", "7").stderr
    assert stormlog(*listed, "--app", "train").stderr == ""


@pytest.mark.parametrize("name", ["empty", "other", "notes.txt", "e.jsonl.1", "no-suffix"])
def test_paths_without_telemetry_are_told(name: str, tracked: Path) -> None:
    Path("empty").mkdir()
    Path("other").mkdir()
    Path("other/config.json").write_text("{}", encoding="utf-8")
    for file in ("notes.txt", "e.jsonl.1", "no-suffix"):
        write_lines(Path(file), event())
    outcome = stormlog("query", "issues", name)
    assert outcome.status == 0
    assert outcome.stderr.startswith(f"Warning: {name}: ")
    assert stormlog("query", "sessions", tracked, name).stderr.startswith(f"Warning: {name}: ")
    assert name in stormlog("scan", name, "--db", "t.db").stderr
    for command in (
        ("query", "issues", name),
        ("scan", name, "--db", "t.db"),
        ("gate", name, "--db", "t.db"),
    ):
        assert stormlog(*command, "--strict").status == 3


def test_a_path_that_is_read_by_another_name_is_not_told(runs: Path) -> None:
    assert stormlog("query", "issues", "runs", "runs/events.jsonl", "./runs", "runs").stderr == ""


@pytest.mark.parametrize("content", ["", "{torn\n", None])
def test_a_gate_that_saw_nothing_fails(content: str | None, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    if content is not None:
        (tmp_path / "runs" / "e.jsonl").write_text(content, encoding="utf-8")
    (tmp_path / "issues.json").write_text(
        json.dumps({"format": "stormlog.issue_states", "schema_version": 1, "issues": []}), encoding="utf-8"
    )
    Tracker(tmp_path / "t.db").close()
    outcome = stormlog("gate", tmp_path / "runs", "--db", tmp_path / "t.db", "--fail-on", "none")
    assert outcome.status == 3
    assert "no session and no issue to judge" in outcome.stderr


def test_a_cache_of_no_use_is_told_and_the_answer_comes(runs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("file").write_text("", encoding="utf-8")
    expected = stormlog("query", "issues", runs, "--json", "--no-cache").stdout
    monkeypatch.setenv("STORMLOG_CACHE", str(Path("file").resolve()))
    outcome = stormlog("query", "issues", runs, "--json", "--strict")
    assert (outcome.status, outcome.stdout, outcome.stderr.count("\n")) == (0, expected, 1)
    assert "nothing can be kept there" in outcome.stderr
    assert stormlog("query", "issues", runs, "-q").stderr == ""
    with open_store(runs) as store:
        assert store.list_issues()
        assert store.cache_warning is not None and store.cache_warning.code == "cache_unusable"


def test_the_catalog_warns_with_a_code(runs: Path) -> None:
    Path("empty").mkdir()
    write_lines(Path("e.jsonl.1"), event())
    with open_store(["runs", "empty", "e.jsonl.1"]) as store:
        assert [(w.path, w.code) for w in store.catalog.warnings] == [
            ("empty", "no_telemetry"),
            ("e.jsonl.1", "unknown_suffix:e.jsonl.1"),
        ]
    with pytest.raises(SourceError):
        open_store(["runs", "empty"], strict=True)


def test_an_error_names_its_path_once(tmp_path: Path) -> None:
    path = tmp_path / "events.json"
    path.write_text('{"telemetry_events": {}}', encoding="utf-8")
    outcome = stormlog("query", "issues", path, "--strict")
    assert (outcome.status, outcome.stderr.count(str(path))) == (3, 1)
