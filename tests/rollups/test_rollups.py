"""Rollups are counted as recorded, read as written, and written as a whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.artifacts.rollups import require_rollups
from stormlog.errors import SourceError
from stormlog.query import QueryStore
from stormlog.rollups import build_rollups, rebuild_rollups
from tests.apps.cli.runner import stormlog as stormlog_command
from tests.captures import CHECKOUT
from tests.query.sinks import busy_session, write_sink
from tests.vectors.harness import Case, load_cases, write_files


@pytest.mark.parametrize("case", load_cases("rollups"), ids=str)
def test_rollups_are_counted_as_recorded(case: Case, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    write_files(case.input["files"], root)
    sink = str(root / case.input["sink"])
    with stormlog.query.open([sink], cache=False) as store:
        count = lambda: build_rollups(  # noqa: E731
            store, sink, window_duration_ns=case.input["window_duration_ns"], now_ns=1
        )
        if "error" in case.expected:
            with pytest.raises(ValueError):
                count()
            return
        document = count()
    require_rollups(document)
    assert document.pop("generated_at_ns") == 1
    assert json.loads(json.dumps(document).replace(str(root), "<ROOT>")) == case.expected


SINKS = [path.parent for path in sorted((CHECKOUT / "examples" / "captures").rglob("rollups.json"))]


@pytest.fixture(scope="module")
def captures() -> Iterator[QueryStore]:
    with stormlog.query.open(SINKS, cache=False) as store:
        yield store


@pytest.mark.parametrize("sink", SINKS, ids=lambda path: "-".join(path.parts[-2:]))
def test_rollups_are_those_that_the_writer_left(captures: QueryStore, sink: Path) -> None:
    known = json.loads((sink / "rollups.json").read_text(encoding="utf-8"))
    built = build_rollups(captures, str(sink), window_duration_ns=known["window_duration_ns"], now_ns=1)
    assert without_places(json.loads(json.dumps(built))) == without_places(known)


def test_rollups_are_written_as_they_were_built(captures: QueryStore, tmp_path: Path) -> None:
    rebuild_rollups(SINKS[0], tmp_path / "new.json", window_duration_ns=10**9)
    written = json.loads((tmp_path / "new.json").read_text(encoding="utf-8"))
    built = build_rollups(
        captures, str(SINKS[0]), window_duration_ns=10**9, now_ns=written["generated_at_ns"]
    )
    assert written == json.loads(json.dumps(built))


def without_places(document: dict[str, Any]) -> dict[str, Any]:
    """Drop what depends on when and where rollups were written, and what only the writer knows."""
    coverage = {name: value for name, value in document["coverage"].items() if not name.startswith("pruned")}
    sessions = [
        {name: value for name, value in session.items() if name not in ("sources_loaded", "warnings")}
        for session in document["sessions"]
    ]
    return {**document, "generated_at_ns": None, "coverage": coverage, "sessions": sessions}


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    return write_sink(tmp_path / "sink", {"segment-000001.jsonl": busy_session("s-1", 40)})


def test_nothing_but_the_file_is_written(sink: Path) -> None:
    before = {path.name: path.read_bytes() for path in sink.iterdir()}
    report = rebuild_rollups(sink)
    assert (report.output, report.session_count, report.event_count) == (str(sink / "rollups.json"), 1, 40)
    after = {path.name: path.read_bytes() for path in sink.iterdir()}
    assert after.pop("rollups.json").endswith(b"}\n")
    assert after == before


def test_a_running_sink_is_refused_with_the_way_out(sink: Path, tmp_path: Path) -> None:
    session = {"session_id": "s-1", "status": "running", "started_at_ns": 1, "ended_at_ns": None, "host": "h"}
    session |= {"pid": 1, "job_id": None, "rank": 0, "local_rank": 0, "world_size": 1, "source": "x"}
    manifest = json.loads((sink / "manifest.json").read_text(encoding="utf-8"))
    (sink / "manifest.json").write_text(json.dumps({**manifest, "sessions": [session]}), encoding="utf-8")
    with pytest.raises(SourceError, match="--output"):
        rebuild_rollups(sink)
    assert not (sink / "rollups.json").exists()
    assert rebuild_rollups(sink, tmp_path / "elsewhere.json").event_count == 40


def test_an_open_segment_of_no_session_is_refused(sink: Path) -> None:
    manifest = json.loads((sink / "manifest.json").read_text(encoding="utf-8"))
    manifest["segments"][0]["closed"] = False
    (sink / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(SourceError, match="still open"):
        rebuild_rollups(sink)


def test_a_folder_that_cannot_be_written_to_is_refused_with_the_way_out(
    sink: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(SourceError, match=r"rollups\.json.*--output FILE"):
        rebuild_rollups(sink)


def test_a_folder_without_a_manifest_is_called_no_sink(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"is not a sink: it has no manifest\.json"):
        rebuild_rollups(tmp_path)


def test_a_full_disk_leaves_the_file_as_it_was(sink: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (sink / "rollups.json").write_text("{}", encoding="utf-8")
    before = {path.name: path.read_bytes() for path in sink.iterdir()}

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(SourceError, match="No space left"):
        rebuild_rollups(sink)
    assert {path.name: path.read_bytes() for path in sink.iterdir()} == before


def test_links_and_directories_are_not_replaced(sink: Path, tmp_path: Path) -> None:
    (tmp_path / "outside.json").write_text("kept", encoding="utf-8")
    (sink / "rollups.json").symlink_to(tmp_path / "outside.json")
    with pytest.raises(SourceError, match="no ordinary file"):
        rebuild_rollups(sink)
    assert (tmp_path / "outside.json").read_text(encoding="utf-8") == "kept"


@pytest.mark.parametrize("name", ["nothing", "sink/segment-000001.jsonl", "empty"])
def test_what_is_no_sink_is_refused(sink: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError):
        rebuild_rollups(tmp_path / name)


def test_lines_that_are_skipped_are_told(sink: Path) -> None:
    with (sink / "segment-000001.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("no JSON\n" * 30)
    report = rebuild_rollups(sink)
    assert len(report.warnings) == 21
    assert report.warnings[0].startswith(f"{sink}/segment-000001.jsonl:41: ")
    assert report.warnings[-1] == "... and 10 more lines"


def test_the_command_tells_the_path(sink: Path) -> None:
    outcome = stormlog_command("rollups", str(sink), "--window", "10s")
    assert outcome.stdout == f"{sink}/rollups.json: 1 session, 40 events, 4 windows\n"
    refused = stormlog_command("rollups", str(sink / "segment-000001.jsonl"))
    assert (refused.status, refused.stdout) == (3, "")
