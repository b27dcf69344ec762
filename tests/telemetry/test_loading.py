"""Files and sinks, read strictly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stormlog.telemetry import (
    TelemetryRecordError,
    load_telemetry_events,
    load_telemetry_sessions,
    read_telemetry_sink_manifest,
    resolve_telemetry_sink_manifest_path,
    resolve_telemetry_sink_segment_paths,
    session_summary_to_dict,
    sink_manifest_from_payload,
    stable_legacy_session_id,
)
from tests.telemetry.factories import record
from tests.telemetry.outcomes import assert_same, outcome
from tests.vectors.harness import Case, load_cases, write_files


def normalized(value: Any, root: Path, files: dict[str, Any]) -> Any:
    """Replace the directory and the ids that are derived from its paths."""
    text = json.dumps(value)
    for relative in files:
        for kind in ("sink", "json", "csv", "mine"):
            text = text.replace(
                stable_legacy_session_id(root / relative, kind), f"<STABLE:{relative}::{kind}>"
            )
    return json.loads(text.replace(str(root), "<ROOT>"))


def sessions_of(path: Path, **options: Any) -> list[dict[str, Any]]:
    return [
        {
            "summary": session_summary_to_dict(session.summary),
            "events": [[event.timestamp_ns, event.event_type] for event in session.events],
            "sources_loaded": session.sources_loaded,
            "warnings": session.warnings,
        }
        for session in load_telemetry_sessions(path, **options)
    ]


def selected_events(path: Path, **options: Any) -> list[list[Any]]:
    return [[event.session_id, event.timestamp_ns] for event in load_telemetry_events(path, **options)]


@pytest.mark.parametrize("case", load_cases("loading"), ids=str)
def test_loading_answers_as_recorded(case: Case, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    write_files(case.input["files"], root)
    path = root / case.input["path"]
    options = {key: case.input[key] for key in ("events_key", "permissive_legacy") if key in case.input}
    session = {key: case.input[key] for key in ("session_id",) if key in case.input}
    loaded = outcome(sessions_of, path, **options)
    selected = outcome(selected_events, path, **options, **session)
    files = case.input["files"]
    assert_same(normalized(loaded, root, files), case.expected["sessions"])
    assert_same(normalized(selected, root, files), case.expected["selected_events"])


def test_a_bad_record_is_located(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f"{json.dumps(record())}\n{json.dumps(record(pid=-9))}\n", encoding="utf-8")
    with pytest.raises(TelemetryRecordError, match=r"a\.jsonl:2: pid must be at least -1") as failure:
        load_telemetry_sessions(path)
    assert failure.value.code == "below_minimum:pid:-1"


def test_too_deep_nesting_is_a_malformed_line(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("[" * 200_000 + "\n", encoding="utf-8")
    assert outcome(load_telemetry_sessions, path)["reason"] == "jsonl_malformed_line:1"
    path = path.rename(tmp_path / "a.json")
    assert outcome(load_telemetry_sessions, path)["reason"] == "json_nested_too_deeply"


def test_a_manifest_cannot_point_outside_its_sink(tmp_path: Path) -> None:
    sink = tmp_path / "sink"
    sink.mkdir()
    (sink / "extra.jsonl").write_text(json.dumps(record(session_id="in")) + "\n", encoding="utf-8")
    outside = tmp_path / "outside.jsonl"
    outside.write_text(json.dumps(record(session_id="out")) + "\n", encoding="utf-8")
    names = ["extra.jsonl", "../outside.jsonl", str(outside), "..", ".", "", "..\\outside.jsonl", "a\0b"]
    segments = [{"filename": name} for name in names]
    (sink / "manifest.json").write_text(json.dumps({"segments": segments}), encoding="utf-8")
    assert resolve_telemetry_sink_segment_paths(sink) == [sink / "extra.jsonl"]
    assert [session.summary.session_id for session in load_telemetry_sessions(sink)] == ["in"]


def test_a_compacted_segment_is_named_and_not_read_as_text(tmp_path: Path) -> None:
    (tmp_path / "segment-000001.parquet").write_bytes(b"PAR1")
    manifest = {"segments": [{"filename": "segment-000001.parquet"}]}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert outcome(load_telemetry_sessions, tmp_path)["reason"] == (
        "segment_not_json_lines:segment-000001.parquet"
    )


def test_manifests_are_read_leniently() -> None:
    summary = {"session_id": "s", "source": "x", "status": "running", "started_at_ns": 0, "host": "h"}
    payload = {
        "schema_version": "2",
        "format": "",
        "sessions": [summary, {**summary, "pid": None}, 5],
        "segments": [
            {"filename": "a", "event_count": "3", "size_bytes": -1, "closed": 1, "session_id": 5},
            {"filename": 7},
            "b",
        ],
    }
    manifest = sink_manifest_from_payload(payload)
    assert manifest is not None
    assert manifest.schema_version == 2
    assert manifest.format == "stormlog.append_only_telemetry_sink"
    assert [session.session_id for session in manifest.sessions] == ["s"]
    (segment,) = manifest.segments
    assert (segment.event_count, segment.size_bytes, segment.closed, segment.session_id) == (3, 0, True, None)
    older = sink_manifest_from_payload({**payload, "schema_version": float("inf"), "segments": {}})
    assert older is not None
    assert (older.schema_version, older.sessions, older.segments) == (1, [], [])
    assert sink_manifest_from_payload([]) is None


def test_a_manifest_is_found_from_the_sink_and_from_its_files(tmp_path: Path) -> None:
    segment = tmp_path / "segment-000001.jsonl"
    segment.write_text("", encoding="utf-8")
    manifest = tmp_path / "manifest.json"
    assert resolve_telemetry_sink_manifest_path(tmp_path) is None
    manifest.write_text("{", encoding="utf-8")
    for path in (tmp_path, manifest, segment):
        assert resolve_telemetry_sink_manifest_path(path) == manifest
        assert read_telemetry_sink_manifest(path) is None
    assert resolve_telemetry_sink_manifest_path(tmp_path / "other.json") is None


def test_loaded_sessions_project_their_events(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    rows = [record(timestamp_ns=2), record(timestamp_ns=1), record(timestamp_ns=3, host="other")]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (session,) = load_telemetry_sessions(path)
    assert [item.timestamp_ns for item in session.telemetry_records()] == [1, 2, 3]
    assert [resource["host"] for resource in session.resources()] == ["h", "other"]
    assert len(session.correlations()) == 1


def test_a_segment_without_events_counts_for_the_session_it_was_written_for(tmp_path: Path) -> None:
    first, second = tmp_path / "segment-000001.jsonl", tmp_path / "segment-000002.jsonl"
    first.write_text(json.dumps(record()) + "\n", encoding="utf-8")
    second.write_text("", encoding="utf-8")
    summary = {"session_id": "b", "source": "x", "status": "running", "started_at_ns": 0, "host": "h"}
    manifest = {
        "schema_version": 2,
        "sessions": [summary],
        "segments": [{"filename": second.name, "session_id": "b"}],
    }
    (tmp_path / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    loaded = {item["summary"]["session_id"]: item["sources_loaded"] for item in sessions_of(tmp_path)}
    assert loaded == {"s": [str(first)], "b": [str(second)]}


def test_segments_are_named_by_the_path_as_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = tmp_path / "sink"
    sink.mkdir()
    (sink / "segment-000001.jsonl").write_text(json.dumps(record()) + "\n", encoding="utf-8")
    (tmp_path / "link").symlink_to(sink)
    monkeypatch.chdir(tmp_path)
    (session,) = load_telemetry_sessions("link")
    assert session.sources_loaded == [str(Path("link", "segment-000001.jsonl"))]
    assert session.summary.source == "artifact:link"
