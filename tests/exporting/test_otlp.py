"""Records as lines of OTLP/JSON: what stands in them, and that readers of OpenTelemetry take them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

import stormlog.query
from stormlog.query import time_slices
from stormlog.telemetry import project_telemetry_event
from tests.captures import capture_path
from tests.exporting.otlp import flat, log_record
from tests.query.sinks import write_lines
from tests.telemetry.factories import record

DEEP: Any = json.loads('{"a":' * 150 + "1" + "}" * 150)


def lines_of(*paths: Path, **options: Any) -> list[str]:
    with stormlog.query.open(paths, cache=False) as store, store.iter_otlp_logs(**options) as lines:
        return list(lines)


def parsed(line: str) -> ExportLogsServiceRequest:
    """Read a line as receivers do; what is unknown or of another type is an error."""
    assert line.endswith("\n") and "\n" not in line[:-1]
    return json_format.Parse(line, ExportLogsServiceRequest())


def attributes_of(line: str) -> dict[str, Any]:
    return flat(json.loads(line))["attributes"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["v4-cuda-sim", "legacy-v2", "edge-cases"])
def test_lines_say_what_the_projected_records_say(name: str) -> None:
    path = capture_path(name)
    with stormlog.query.open(path, cache=False) as store:
        rows = store.sql(
            "SELECT record, segment_path, line_number FROM events "
            "ORDER BY timestamp_ns, session_id, source_id, file_id, line_number"
        ).rows
        lines = list(store.iter_otlp_logs())
    assert len(lines) == len(rows) > 20
    for line, (text, segment, number) in zip(lines, rows, strict=True):
        parsed(line)
        expected = log_record(project_telemetry_event(json.loads(text)), segment, number)
        assert flat(json.loads(line)) == expected


def test_times_and_large_integers_are_decimal_text_and_types_are_kept(tmp_path: Path) -> None:
    metadata = {
        "least": -(2**63),
        "most": 2**63 - 1,
        "beyond": 2**63,
        "huge": 10**30,
        "whole": 1.0,
        "part": 0.1,
        "yes": True,
        "no": False,
        "text": "1",
        "list": [1, None, {"a": None}],
        "none": None,
        "object": {},
    }
    (line,) = lines_of(
        write_lines(tmp_path / "events.jsonl", [record(timestamp_ns=2**62, metadata=metadata)])
    )
    request = parsed(line)
    log = request.resource_logs[0].scope_logs[0].log_records[0]
    assert (log.time_unix_nano, log.severity_number, log.severity_text) == (2**62, 9, "info")
    assert f'"timeUnixNano":"{2**62}"' in line
    found = attributes_of(line)
    assert {key: found.get(key) for key in metadata} == {
        "least": {"intValue": str(-(2**63))},
        "most": {"intValue": str(2**63 - 1)},
        "beyond": {"stringValue": str(2**63)},
        "huge": {"stringValue": str(10**30)},
        "whole": {"doubleValue": 1.0},
        "part": {"doubleValue": 0.1},
        "yes": {"boolValue": True},
        "no": {"boolValue": False},
        "text": {"stringValue": "1"},
        "list": {
            "arrayValue": {
                "values": [{"intValue": "1"}, {}, {"kvlistValue": {"values": [{"key": "a", "value": {}}]}}]
            }
        },
        "none": None,
        "object": {"kvlistValue": {"values": []}},
    }


HOSTILE: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    (
        "numbers that are none",
        {"nan": float("nan"), "up": float("inf"), "down": float("-inf")},
        {
            "nan": {"doubleValue": "NaN"},
            "up": {"doubleValue": "Infinity"},
            "down": {"doubleValue": "-Infinity"},
        },
    ),
    (
        "brackets, quotes, escapes and controls in texts and keys",
        {'{"a":[': 'x",\\"y\\":{}]\x00\x1b[2J\n\u2028\x9b', "": ",", ',"b":': ["],[", "}"]},
        {
            '{"a":[': {"stringValue": 'x",\\"y\\":{}]\x00\x1b[2J\n\u2028\x9b'},
            "": {"stringValue": ","},
            ',"b":': {"arrayValue": {"values": [{"stringValue": "],["}, {"stringValue": "}"}]}},
        },
    ),
    ("half of a character", {"text": "\ud800x"}, {"text": {"stringValue": "\ufffdx"}}),
    (
        "names of attributes that lines have themselves",
        {
            "log.record.uid": "mine",
            "hw.id": "9",
            "memory.device.used_bytes": "x",
            "phase.name": "p",
            "log.x": 1,
        },
        {
            "hw.id": {"stringValue": "0"},
            "memory.device.used_bytes": {"intValue": "30"},
            "phase.name": None,
            "log.x": {"intValue": "1"},
        },
    ),
    (
        "more levels than readers of Protobuf take",
        {"deep": DEEP},
        {
            "deep": None,
            "stormlog.metadata_json": {"stringValue": json.dumps({"deep": DEEP}, separators=(",", ":"))},
            "memory.device.used_bytes": {"intValue": "30"},
        },
    ),
    ("a text of a megabyte", {"long": "é" * 1_000_000}, {"long": {"stringValue": "é" * 1_000_000}}),
]


@pytest.fixture(scope="module")
def hostile_lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    path = tmp_path_factory.mktemp("hostile") / "events.jsonl"
    return lines_of(
        write_lines(path, [record(timestamp_ns=i, metadata=m) for i, (_, m, _) in enumerate(HOSTILE)])
    )


@pytest.mark.parametrize("index", range(len(HOSTILE)), ids=[name for name, _, _ in HOSTILE])
def test_hostile_metadata_is_valid_and_whole(hostile_lines: list[str], index: int) -> None:
    parsed(hostile_lines[index])
    found = attributes_of(hostile_lines[index])
    expected = HOSTILE[index][2]
    assert {key: found.get(key) for key in expected} == expected
    assert found["log.record.uid"]["stringValue"].startswith("telemetry-")


#: What metadata state, and the number and text of the line.
SEVERITIES: list[tuple[dict[str, Any], int | None, str]] = [
    ({"severity": "CRITICAL"}, 21, "critical"),
    ({"severity": "debug"}, 5, "debug"),
    ({"severity": 'lo"ud\n'}, None, 'lo"ud'),
    ({"severity_text": "W"}, 13, "W"),
    ({}, 13, "warning"),
]


def test_severities(tmp_path: Path) -> None:
    records = [
        record(event_type="warning", metadata=stated, timestamp_ns=number)
        for number, (stated, _, _) in enumerate(SEVERITIES)
    ]
    found = map(flat, map(json.loads, lines_of(write_lines(tmp_path / "e.jsonl", records))))
    assert [(line.get("severityNumber"), line["severityText"]) for line in found] == [
        (number, text) for _, number, text in SEVERITIES
    ]


def test_what_is_not_known_is_left_out(tmp_path: Path) -> None:
    event = record(host="unknown", pid=-1, device_id=-1, collector="x", event_type="allocation")
    (line,) = lines_of(write_lines(tmp_path / "e.jsonl", [event]))
    found = flat(json.loads(line))
    assert set(found["resource"]) == {
        "session.id",
        *(f"stormlog.{n}" for n in ("rank", "local_rank", "world_size")),
    }
    assert not {"hw.id", "hw.type", "phase.name", "memory.device.free_bytes"} & set(found["attributes"])
    assert not {"severityNumber", "severityText", "body"} & set(found)


def test_slices_of_time_change_nothing_and_bounds_are_included(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Two at each time, in files that are not in the order of time.
    for name, times in (("a", range(100, 0, -1)), ("b", range(1, 101))):
        write_lines(tmp_path / f"{name}.jsonl", [record(timestamp_ns=t, session_id=name) for t in times])
    whole = lines_of(tmp_path)
    monkeypatch.setattr(time_slices, "_SLICE_ROWS", 70)
    assert lines_of(tmp_path) == whole
    keys = [(int(flat(json.loads(line))["timeUnixNano"]), line) for line in whole]
    assert [time_ns for time_ns, _ in keys] == [time_ns for time_ns in range(1, 101) for _ in range(2)]
    assert lines_of(tmp_path, since=31, until=60) == [line for time_ns, line in keys if 31 <= time_ns <= 60]


def test_a_store_without_events_has_no_lines(tmp_path: Path) -> None:
    assert lines_of(write_lines(tmp_path / "events.jsonl", [])) == []
