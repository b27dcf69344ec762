"""Limits of memory and of what does not fit there, and where what was read is remembered."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest

import stormlog.query
from stormlog._progress import Progress
from stormlog.apps.cli.printing.diagnostics import progress_line
from stormlog.engine.index.location import LAYOUT
from stormlog.errors import OutOfRoomError
from tests.apps.cli.runner import stormlog as command_line
from tests.apps.cli.samples import capture

#: Needs more than a hundred megabytes, whatever the data.
_LARGE = "SELECT count(DISTINCT hash(range)::VARCHAR) FROM range(10000000)"


def test_what_is_full_is_named_with_what_helps(tmp_path: Path) -> None:
    capture(tmp_path)
    spill = tmp_path / "spill"
    spill.mkdir()
    limits = ["--threads", "1", "--memory-limit", "80MB", "--spill-dir", spill, "--spill-limit", "2MB"]
    outcome = command_line("query", "issues", tmp_path, "--no-cache", *limits, "--sql", _LARGE)
    assert (outcome.status, outcome.stdout) == (1, "")
    assert outcome.stderr.count("\n") == 1
    assert f"the spill directory {spill} (limit 1.9 MiB) are full" in outcome.stderr
    for option in ("--memory-limit", "--spill-limit", "--spill-dir"):
        assert option in outcome.stderr
    assert not list(spill.iterdir())
    as_json = command_line("query", "issues", tmp_path, *limits, "--json", "--sql", _LARGE)
    assert json.loads(as_json.stderr)["error"]["code"] == "query_failed"


def test_python_names_its_own_settings(tmp_path: Path) -> None:
    path = capture(tmp_path)
    settings = {"threads": 1, "memory_limit": "80MB", "spill_limit": "2MB"}
    with (
        stormlog.query.open(path, **settings) as store,  # type: ignore[arg-type]
        pytest.raises(OutOfRoomError, match="memory_limit or spill_limit") as caught,
    ):
        store.sql(_LARGE)
    assert caught.value.spill_directory == tempfile.gettempdir()


def test_a_spill_directory_that_is_none_is_refused(tmp_path: Path) -> None:
    path = capture(tmp_path)
    outcome = command_line("query", "issues", path, "--spill-dir", tmp_path / "missing")
    assert outcome.status == 2
    assert "--spill-dir" in outcome.stderr
    assert command_line("query", "issues", path, "--spill-limit", "much").status == 2
    device = command_line("query", "issues", path, "--spill-dir", "/dev/null")
    assert (device.status, "is no directory" in device.stderr) == (2, True)


@pytest.mark.parametrize("option", ["--memory-limit", "--spill-limit", "--unpack-limit"])
@pytest.mark.parametrize("size", ["", " ", "-1", "-512MB", "-- x", "0", "nan"])
def test_a_limit_that_is_none_is_refused(option: str, size: str, tmp_path: Path) -> None:
    outcome = command_line("query", "issues", capture(tmp_path), "--no-cache", f"{option}={size}")
    assert (outcome.status, outcome.stdout) == (2, "")


def test_the_cache_directory_can_be_chosen_or_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = capture(tmp_path)
    by_variable, by_option = tmp_path / "by-variable", tmp_path / "by-option"
    monkeypatch.setenv("STORMLOG_CACHE", str(by_variable))
    answer = command_line("query", "issues", path, "--json", "--no-cache")
    assert answer.status == 0
    assert not by_variable.exists()
    assert command_line("query", "issues", path, "--json", "--cache-dir", by_option) == answer
    assert os.listdir(by_option) == [LAYOUT]
    assert not by_variable.exists()
    assert command_line("query", "issues", path, "--json") == answer
    assert os.listdir(by_variable) == [LAYOUT]


def test_a_cache_directory_that_cannot_be_used_is_done_without(tmp_path: Path) -> None:
    path = capture(tmp_path)
    (tmp_path / "file").write_text("")
    answer = command_line("query", "issues", path, "--json", "--no-cache")
    without = command_line("query", "issues", path, "--json", "--cache-dir", tmp_path / "file" / "below")
    assert (without.status, without.stdout) == (answer.status, answer.stdout)
    assert "nothing can be kept there" in without.stderr


def test_no_cache_and_a_cache_directory_exclude_each_other(tmp_path: Path) -> None:
    path = capture(tmp_path)
    outcome = command_line("query", "issues", path, "--no-cache", "--cache-dir", tmp_path)
    assert outcome.status == 2
    assert "--no-cache and --cache-dir" in outcome.stderr


@pytest.mark.parametrize(
    ("progress", "elapsed_s", "shown"),
    [
        (Progress(412_000_000, 1_027_000_000), 2.0, f"[{'#' * 12:<30}] 412 of 1,027 MB  206 MB/s"),
        (Progress(0, 1_027_000_000), 2.0, f"[{'':30}] 0 of 1,027 MB"),
        (Progress(3_000_000, 2_000_000), 1.0, f"[{'#' * 30}] 2 of 2 MB  2 MB/s"),
        (None, 1.0, f"[{'   #':30}] working"),
        (Progress(0, 0), 1.0, f"[{'   #':30}] working"),
    ],
)
def test_progress_is_bytes_and_a_rate(progress: Progress | None, elapsed_s: float, shown: str) -> None:
    assert progress_line(progress, elapsed_s, 3) == shown
