"""What is refused, and what the refusal says; nothing is changed or left behind by one."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from stormlog.compaction import compact_sink
from stormlog.errors import SourceError
from tests.compaction.answers import tree
from tests.query.sinks import busy_session, write_sink


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    return write_sink(tmp_path / "sink", {"segment-000001.jsonl": busy_session("s", 40)})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "sink: is not a sink: it has no manifest.json"),
        ("no JSON", "manifest.json: is not the manifest of a sink"),
        ("[]", "manifest.json: is not the manifest of a sink"),
        ('{"format": "other"}', "manifest.json: is not the manifest of a sink"),
        (
            '{"bundle_name": 1, "reason": 2, "backend": 3, "event_count": 4, "segments": []}',
            "manifest.json: is not the manifest of a sink",
        ),
    ],
)
def test_what_is_no_sink(tmp_path: Path, content: str | None, message: str) -> None:
    directory = tmp_path / "sink"
    directory.mkdir()
    if content is not None:
        (directory / "manifest.json").write_text(content)
    with pytest.raises(SourceError, match=message):
        compact_sink(directory)
    assert os.listdir(tmp_path) == ["sink"]


def test_a_file_or_nothing_is_no_sink(tmp_path: Path, sink: Path) -> None:
    with pytest.raises(SourceError, match="is not the directory of a sink"):
        compact_sink(sink / "manifest.json")
    with pytest.raises(SourceError, match="nothing: no such directory"):
        compact_sink(tmp_path / "nothing")


@pytest.mark.parametrize("kind", ["directory", "file", "dangling link"])
def test_an_output_that_exists(tmp_path: Path, sink: Path, kind: str) -> None:
    output = tmp_path / "out"
    if kind == "directory":
        output.mkdir()
    elif kind == "file":
        output.write_text("mine")
    else:
        output.symlink_to(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="out exists; choose another directory"):
        compact_sink(sink, output)
    assert sorted(os.listdir(tmp_path)) == ["out", "sink"]


def test_an_output_in_a_wrong_place(tmp_path: Path, sink: Path) -> None:
    for inside in (sink / "out", sink / ".." / "sink" / "out"):
        with pytest.raises(ValueError, match="lies inside the sink"):
            compact_sink(sink, inside)
    with pytest.raises(ValueError, match="missing is no directory"):
        compact_sink(sink, tmp_path / "missing" / "out")
    with pytest.raises(ValueError, match="exclude each other"):
        compact_sink(sink, tmp_path / "out", replace=True)
    with pytest.raises(ValueError, match="Memory"):
        compact_sink(sink, tmp_path / "out", memory_limit="plenty")
    assert os.listdir(tmp_path) == ["sink"]


def test_a_place_that_cannot_be_written_is_named_as_people_know_it(
    tmp_path: Path, sink: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, mode: int) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(PermissionError, match="nothing can be written there: Permission denied") as raised:
        compact_sink(sink)
    assert raised.value.filename == str(tmp_path)


def test_the_output_is_named_after_the_sink(
    tmp_path: Path, sink: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert compact_sink(sink).output == str(tmp_path / "sink-compact")
    monkeypatch.chdir(sink)
    with pytest.raises(ValueError, match="sink-compact exists"):
        compact_sink(".")
    (tmp_path / "link").symlink_to(sink)
    assert compact_sink(tmp_path / "link").output == str(tmp_path / "link-compact")
    # A link to a sink stays one; what it leads to is replaced.
    assert compact_sink(tmp_path / "link", replace=True).is_replaced
    assert (tmp_path / "link").is_symlink() and (sink / "segment-000001.parquet").is_file()


@pytest.mark.parametrize("kind", ["link", "pipe", "link below"])
def test_what_a_copy_cannot_keep(tmp_path: Path, sink: Path, kind: str) -> None:
    (sink / "below").mkdir()
    path = sink / ("below/odd" if kind == "link below" else "odd")
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("segment-000001.jsonl")
    words = "neither a file nor a directory" if kind == "pipe" else "is a link"
    with pytest.raises(SourceError, match=words) as raised:
        compact_sink(sink, tmp_path / "out")
    assert raised.value.path == str(path)


def session(**overrides: Any) -> dict[str, Any]:
    return {
        "session_id": "s",
        "status": "completed",
        "started_at_ns": 1,
        "ended_at_ns": 2,
        "host": "h",
        "pid": 1,
        "job_id": None,
        "rank": 0,
        "local_rank": 0,
        "world_size": 1,
        "source": "test",
        **overrides,
    }


@pytest.mark.parametrize(
    ("status", "is_closed", "segment_session", "message"),
    [
        ("running", True, "s", "session 's' is still running"),
        ("completed", False, None, "segment-000001.jsonl: is still open"),
        ("completed", False, "other", "segment-000001.jsonl: is still open"),
        ("interrupted", False, "s", None),
        ("completed", True, None, None),
    ],
)
def test_a_sink_in_use_is_not_replaced(
    tmp_path: Path, sink: Path, status: str, is_closed: bool, segment_session: str | None, message: str | None
) -> None:
    write_sink(sink, {"segment-000002.jsonl": busy_session("t", 40)})
    path = sink / "manifest.json"
    payload = json.loads(path.read_text())
    ended = None if status == "running" else 2
    payload["sessions"] = [session(status=status, ended_at_ns=ended)]
    payload["segments"].append(
        {"filename": "segment-000001.jsonl", "closed": is_closed, "session_id": segment_session}
    )
    path.write_text(json.dumps(payload))
    before = tree(sink)

    if message is None:
        report = compact_sink(sink, replace=True)
        assert report.is_replaced and len(report.compacted) == 1 + is_closed
        return
    with pytest.raises(SourceError, match=message):
        compact_sink(sink, replace=True)
    assert tree(sink) == before
    # A copy is always possible.
    assert compact_sink(sink, tmp_path / "out").compacted


def test_reasons_that_need_no_look_inside(tmp_path: Path, sink: Path) -> None:
    names = {
        "segment-000001.jsonl": None,
        "segment-000002.jsonl": "is still open",
        "segment-000003.jsonl": "the manifest does not list it",
        "segment-000004.jsonl": "segment-000004.parquet lies beside it",
        "segment-000005.jsonl": "is empty",
        "segment-000006.txt": "its name does not end in .jsonl",
        "segment-000007.jsonl": "holds no records",
        "segment-000008.jsonl": "is not smaller as Parquet",
    }
    for name in names:
        if name != "segment-000001.jsonl":
            (sink / name).write_bytes((sink / "segment-000001.jsonl").read_bytes())
    (sink / "segment-000004.parquet").write_bytes(b"twin")
    (sink / "segment-000005.jsonl").write_bytes(b"")
    (sink / "segment-000007.jsonl").write_bytes(b"\n \n")
    first = (sink / "segment-000001.jsonl").read_bytes().partition(b"\n")[0]
    (sink / "segment-000008.jsonl").write_bytes(first)
    payload = json.loads((sink / "manifest.json").read_text())
    payload["segments"] = [
        {"filename": name, "closed": not (reason or "").endswith("open")}
        for name, reason in names.items()
        if "list" not in (reason or "")
    ]
    (sink / "manifest.json").write_text(json.dumps(payload))

    report = compact_sink(sink, tmp_path / "out")

    assert {segment.filename: segment.reason for segment in report.segments} == names
