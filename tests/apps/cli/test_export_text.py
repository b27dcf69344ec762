"""``stormlog export --format``: metrics and log lines on stdout or in a file, and what is refused."""

from __future__ import annotations

import json
import os
import stat
import subprocess
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.apps.cli.runner import COMMAND, on_terminal, stormlog
from tests.apps.cli.samples import event, write_lines


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with two events and a line that is none."""
    path = tmp_path_factory.mktemp("runs") / "events.jsonl"
    write_lines(path, event(timestamp_ns=1_000), event(timestamp_ns=3_000, context="é\x9b\u2028"), "{broken")
    return path


def value_of(text: str, name: str) -> float:
    (found,) = (family for family in text_string_to_metric_families(text) if family.name == name)
    return sum(sample.value for sample in found.samples)


def test_metrics_go_to_stdout_and_notices_to_stderr(runs: Path) -> None:
    outcome = stormlog("export", runs, "--format", "openmetrics")
    assert outcome.status == 0 and "1 line skipped" in outcome.stderr
    assert value_of(outcome.stdout, "stormlog_skipped_lines") == 1
    quiet = stormlog("export", runs, "--format", "openmetrics", "-o", "-", "-q")
    assert (quiet.stdout, quiet.stderr) == (outcome.stdout, "")


def test_log_lines_go_to_stdout_in_utf_8_and_begin_at_a_time(runs: Path) -> None:
    outcome = stormlog("export", runs, "--format", "otlp-jsonl", "-q")
    records = [json.loads(line) for line in outcome.stdout.split("\n")[:-1]]
    assert len(records) == 2 and "é\x9b\u2028" in outcome.stdout
    later = stormlog("export", runs, "--format", "otlp-jsonl", "-q", "--since", "1970-01-01T00:00:00.000002Z")
    assert [json.loads(line) for line in later.stdout.split("\n")[:-1]] == records[1:]


def test_what_a_terminal_shows_is_escaped(runs: Path) -> None:
    status, shown = on_terminal("export", str(runs), "--format", "otlp-jsonl", "-q")
    assert status == 0 and "\\x9b" in shown and "\x9b" not in shown


@pytest.mark.parametrize("format_name", ["openmetrics", "otlp-jsonl"])
def test_a_file_appears_whole_and_is_replaced_only_if_that_is_wanted(
    runs: Path, tmp_path: Path, format_name: str
) -> None:
    target = tmp_path / "stormlog.prom"
    command = ("export", runs, "--format", format_name, "-o", target, "-q")
    first = stormlog(*command)
    assert (first.status, first.stdout, first.stderr) == (0, "", "")
    printed = stormlog("export", runs, "--format", format_name, "-q").stdout
    assert target.read_text(encoding="utf-8") == printed
    # Whoever collects metrics is another user.
    assert stat.S_IMODE(target.stat().st_mode) == 0o666 & ~umask()
    target.write_text("mine")
    refused = stormlog(*command)
    assert refused.status == 2 and "exists already; --force replaces it" in refused.stderr
    assert target.read_text() == "mine"
    assert stormlog(*command, "--force").status == 0
    assert target.read_text(encoding="utf-8") == printed
    assert os.listdir(tmp_path) == [target.name]


def umask() -> int:
    found = os.umask(0o022)
    os.umask(found)
    return found


def test_a_file_that_cannot_be_made_leaves_what_was_there(runs: Path, tmp_path: Path) -> None:
    target = tmp_path / "stormlog.prom"
    target.write_text("mine")
    # Files may have no more than 512 bytes, as on a disk that is full.
    limited = ["sh", "-c", 'ulimit -f 1; exec "$@"', "sh", *COMMAND]
    answer = subprocess.run(
        [*limited, "export", runs, "--format", "openmetrics", "-o", target, "--force", "--no-cache"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert answer.returncode == 1 and "cannot be written, and nothing was: File too large" in answer.stderr
    assert target.read_text() == "mine" and os.listdir(tmp_path) == [target.name]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format", "openmetrics", "--views", "issues"], "--views is of exports of views"),
        (["--format", "otlp-jsonl", "--json"], "--json is of exports of views"),
        (["--format", "openmetrics", "--force"], "--force needs a file: name one with -o FILE"),
        (["--format", "openmetrics", "-o", "-", "--force"], "--force needs a file"),
        (["-o", "out.prom"], "-o needs --format"),
        (["--format", "prometheus"], "'prometheus' is not one of 'openmetrics', 'otlp-jsonl'"),
        (["--format", "openmetrics", "-o", "no/such/file"], "there is no directory no/such"),
        (["--format", "openmetrics", "-o", "/dev/null"], "is no regular file"),
        (["--format", "openmetrics", "--since", "soon"], "soon"),
    ],
)
def test_bad_options_are_refused(runs: Path, arguments: list[str], message: str) -> None:
    outcome = stormlog("export", runs, *arguments)
    assert (outcome.status, outcome.stdout) == (2, "") and message in outcome.stderr


def test_nothing_is_written_into_the_opened_paths_or_over_the_tracker(runs: Path, tmp_path: Path) -> None:
    inside = runs.parent / "stormlog.prom"
    refused = stormlog("export", runs.parent, "--format", "openmetrics", "-o", inside)
    assert refused.status == 2 and "lies in the opened paths" in refused.stderr and not inside.exists()
    tracker = tmp_path / "tracker.db"
    assert stormlog("scan", runs, "--db", tracker, "-q").status == 0
    before = tracker.read_bytes()
    command = ("export", runs, "--db", tracker, "--format", "openmetrics", "-o", tracker, "--force")
    assert stormlog(*command).status == 2 and tracker.read_bytes() == before


def test_strict_refuses_what_was_skipped_and_writes_nothing(runs: Path, tmp_path: Path) -> None:
    for format_name in ("openmetrics", "otlp-jsonl"):
        outcome = stormlog("export", runs, "--strict", "--format", format_name, "-o", tmp_path / "out")
        assert outcome.status == 3 and not list(tmp_path.iterdir())
