"""A report is written whole or not at all, and never over or into telemetry."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import stormlog.query
from stormlog.errors import SourceError
from stormlog.query import QueryStore
from stormlog.reporting import check_target, write_report
from tests.apps.cli.samples import event, write_lines
from tests.query.sinks import write_sink


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    root = tmp_path / "runs"
    write_sink(root / "sink", {"segment-000001.jsonl": [event()]})
    write_lines(root / "flat.jsonl", event(session_id="s-2"))
    (root / "issues.json").write_text('{"schema_version": 1, "issues": []}')
    return root


@pytest.fixture
def store(capture: Path) -> Iterator[QueryStore]:
    with stormlog.query.open(str(capture)) as opened:
        yield opened


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file()}


def test_new_file_is_readable_as_any_other(store: QueryStore, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("x")
    write_report(tmp_path / "report.html", "text \ud800", store)
    assert (tmp_path / "report.html").read_text() == "text \\ud800"
    assert (tmp_path / "report.html").stat().st_mode == other.stat().st_mode


def test_file_that_is_there_is_replaced_only_when_told(store: QueryStore, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")
    path.chmod(0o640)
    with pytest.raises(ValueError, match="is there already: choose another name, or say --force"):
        write_report(path, "new", store)
    assert path.read_text() == "old"
    write_report(path, "new", store, replace=True)
    assert path.read_text() == "new" and stat.S_IMODE(path.stat().st_mode) == 0o640
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "runs"]


@pytest.mark.parametrize(
    "name",
    [
        *("sink/report.html", "sink/segment-000001.jsonl", "sink/manifest.json", "sink/deep/report.html"),
        *("flat.jsonl", "issues.json", "sink/../flat.jsonl", "other-name.jsonl", "linked-sink/report.html"),
    ],
)
def test_telemetry_is_never_written_to(store: QueryStore, capture: Path, name: str) -> None:
    os.link(capture / "flat.jsonl", capture.parent / "hard")
    (capture / "other-name.jsonl").symlink_to(capture / "flat.jsonl")
    (capture / "linked-sink").symlink_to(capture / "sink")
    before = contents(capture)
    for path in (capture / name, capture.parent / "hard"):
        with pytest.raises(ValueError, match="belongs to what is reported on"):
            write_report(path, "x", store, replace=True)
    assert contents(capture) == before


def test_a_place_beside_the_sinks_is_allowed(store: QueryStore, capture: Path) -> None:
    write_report(capture / "report.html", "x", store)
    assert (capture / "report.html").read_text() == "x"


def test_tracker_is_never_written_to(store: QueryStore, tmp_path: Path) -> None:
    tracker = tmp_path / "tracker.db"
    for name in ("tracker.db", "tracker.db-wal"):
        with pytest.raises(ValueError, match="belongs to what is reported on"):
            write_report(tmp_path / name, "x", store, tracker=str(tracker), replace=True)


def test_places_that_cannot_be_written_to_are_named(store: QueryStore, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be written: there is no such directory"):
        write_report(tmp_path / "no" / "report.html", "x", store)
    with pytest.raises(ValueError, match=r"is a directory: name a file in it, such as .*report\.html"):
        check_target(str(tmp_path), store)
    with pytest.raises(ValueError, match="is empty"):
        write_report("", "x", store)
    with pytest.raises(SourceError, match="cannot be written"):
        write_report(tmp_path / ("x" * 300), "x", store)


def test_pipes_are_written_to_as_they_are(store: QueryStore) -> None:
    write_report("/dev/null", "x", store)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_link_stays_a_link(store: QueryStore, tmp_path: Path) -> None:
    (tmp_path / "kept.html").write_text("old")
    (tmp_path / "latest.html").symlink_to("kept.html")
    write_report(tmp_path / "latest.html", "new", store, replace=True)
    assert (tmp_path / "latest.html").is_symlink() and (tmp_path / "kept.html").read_text() == "new"


def test_failed_write_leaves_the_old_file(
    store: QueryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("old")

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(SourceError, match="cannot be written: No space left on device"):
        write_report(path, "new", store, replace=True)
    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["report.html", "runs"]
