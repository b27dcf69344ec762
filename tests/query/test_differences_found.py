"""Rare artifacts that once were answered otherwise than by stormlog 0.3.9."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from tests.query.sinks import SECOND, START_NS, write_lines, write_sink
from tests.telemetry.factories import record


def summary(session_id: str, status: str, started_at_ns: int) -> dict[str, Any]:
    return {
        "session_id": session_id,
        "status": status,
        "started_at_ns": started_at_ns,
        "ended_at_ns": None,
        "host": "h",
        "pid": 1,
        "job_id": None,
        "rank": 0,
        "local_rank": 0,
        "world_size": 1,
        "source": "stormlog.telemetry_sink",
    }


def test_an_empty_session_id_of_a_segment_is_none(tmp_path: Path) -> None:
    events = [record(session_id=None), record(session_id="s")]
    sink = write_sink(tmp_path / "sink", {"segment-000001.jsonl": events})
    expected = [row.event.session_id for row in stormlog.query.open([sink]).query_events()]

    manifest = json.loads((sink / "manifest.json").read_text())
    manifest["segments"][0]["session_id"] = ""
    (sink / "manifest.json").write_text(json.dumps(manifest))
    found = [row.event.session_id for row in stormlog.query.open([sink]).query_events()]

    assert found == expected
    assert found[0].startswith("legacy-")


def test_the_first_entry_of_a_session_is_listed_and_the_last_describes_its_events(tmp_path: Path) -> None:
    sink = write_sink(
        tmp_path / "sink",
        {"segment-000001.jsonl": [record(session_id="s", event_type="warning")]},
        sessions=[
            summary("s", "interrupted", 100),
            summary("s", "running", 70),
            summary("s", "completed", 50),
        ],
    )
    with stormlog.query.open([sink]) as store:
        assert [(row.status, row.started_at_ns) for row in store.list_sessions()] == [("interrupted", 100)]
        assert [row.session_status for row in store.query_events()] == ["completed"]
        (issue,) = store.list_issues()
        assert issue.evidence[0].metadata["session_status"] == "completed"


def test_the_last_entry_of_a_session_describes_it_beside_a_segment_opened_alone(tmp_path: Path) -> None:
    sink = write_sink(
        tmp_path / "sink",
        {"segment-000001.jsonl": [record(session_id="s")]},
        sessions=[summary("s", "interrupted", 100), summary("s", "completed", 50)],
    )
    with stormlog.query.open([sink / "segment-000001.jsonl"]) as store:
        assert [(row.status, row.started_at_ns) for row in store.list_sessions()] == [("completed", 50)]
        assert [row.session_status for row in store.query_events()] == ["completed"]


@pytest.mark.parametrize("suffix", ["json", "csv", "jsonl"])
def test_events_of_documents_name_their_true_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    event = record(event_type="warning", timestamp_ns=START_NS + SECOND)
    path = tmp_path / f"telemetry.{suffix}"
    if suffix == "json":
        path.write_text(json.dumps([event]))
    elif suffix == "csv":
        path.write_text("timestamp_ns,event_type\n5,warning\n")
    else:
        write_lines(path, [event])
    expected = path.name if suffix == "jsonl" else str(path.resolve())

    monkeypatch.chdir(tmp_path)
    with stormlog.query.open([path.name]) as store:
        assert [row.source_path for row in store.list_sessions()] == [path.name]
        assert [row.source_path for row in store.query_events()] == [expected]
        (issue,) = store.list_issues()
        assert issue.representative_evidence.source_path == expected


@pytest.mark.parametrize("first_ns", [START_NS, 0])
def test_a_finding_has_the_phase_of_its_own_sample_among_others_of_that_time(
    tmp_path: Path, first_ns: int
) -> None:
    # A sample at time 0 among today's makes sums that are added up in another way.
    def phase(name: str, rank: int) -> dict[str, Any]:
        scope = {
            "action": "enter",
            "name": name,
            "path": [name],
            "scope_id": f"s:{rank}",
            "thread_id": 1,
            "thread_name": "T",
            "sequence": rank,
        }
        return record(
            session_id="s",
            timestamp_ns=START_NS,
            event_type="phase_enter",
            rank=rank,
            world_size=2,
            metadata={"phase_scope": scope},
        )

    def sample(second: int, allocated: int, rank: int) -> dict[str, Any]:
        return record(
            session_id="s",
            timestamp_ns=START_NS + second * SECOND,
            rank=rank,
            world_size=2,
            allocator_allocated_bytes=allocated,
            allocator_reserved_bytes=100,
            device_used_bytes=200,
            device_total_bytes=1000,
        )

    events = [
        phase("load", 0),
        phase("train", 1),
        {**sample(0, 50, 0), "timestamp_ns": first_ns},
        *(sample(second, allocated, rank) for second in (1, 2, 3) for rank, allocated in ((0, 50), (1, 40))),
    ]
    path = write_lines(tmp_path / "events.jsonl", events)
    with stormlog.query.open([path]) as store:
        phases = {
            issue.details["classification"]: issue.details["phase"]
            for issue in store.list_issues()
            if issue.kind == "hidden_memory_anomaly"
        }
    assert phases["fragmentation_like"] == "train"


def test_sessions_of_the_current_directory_are_named_by_its_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sink(tmp_path / "sink", {"segment-000001.jsonl": [record()]})
    monkeypatch.chdir(tmp_path / "sink")
    with stormlog.query.open(["."]) as store:
        assert [row.source for row in store.list_sessions()] == [f"artifact:{(tmp_path / 'sink').resolve()}"]
    monkeypatch.chdir(tmp_path)
    with stormlog.query.open(["sink"]) as store:
        assert [row.source for row in store.list_sessions()] == ["artifact:sink"]
