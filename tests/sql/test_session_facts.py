"""What sessions say of themselves is taken from their first record, by the rule that the tracker goes by."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import stormlog.query
from stormlog.tracking import Tracker
from tests.query.sinks import START_NS, write_lines, write_sink
from tests.telemetry.factories import record

CAPTURES = Path(__file__).parents[2] / "examples" / "captures"


def event(at: int, event_type: str = "sample", **overrides: Any) -> dict[str, Any]:
    return record(
        **{"timestamp_ns": START_NS + at, "event_type": event_type, "session_id": "s1", **overrides}
    )


def facts(path: Path) -> list[dict[str, Any]]:
    """Return the rows of the view below a path, those of the first source first."""
    text = "SELECT * FROM stage.session_facts ORDER BY source_id, session_id"
    with stormlog.query.open([path], cache=False) as store:
        result = store.sql(text)
    return [dict(zip(result.columns, row, strict=True)) for row in result.rows]


def test_the_start_event_describes_its_session_wherever_it_stands(tmp_path: Path) -> None:
    said = {"app": "llm", "app_version": "2.0", "is_dev": True}
    start = event(50, "start", host="n7", job_id="j1", world_size=4, sampling_interval_ms=250, metadata=said)
    early = event(0, "warning", host="n1", metadata={"app": "other", "app_version": "1.0"})
    write_lines(tmp_path / "events.jsonl", [early, start])
    assert facts(tmp_path) == [
        {
            "source_id": 0,
            "session_id": "s1",
            "host": "n7",
            "job_id": "j1",
            "world_size": 4,
            "sampling_interval_ms": 250,
            "code_version": "2.0",
            "app": "llm",
            "is_dev": True,
        }
    ]


def test_without_a_start_the_earliest_record_with_a_text_counts(tmp_path: Path) -> None:
    later = event(90, "warning", metadata={"git_sha": "b"})
    earlier = event(40, "warning", metadata={"git_sha": "a", "environment": "production"})
    write_lines(tmp_path / "events.jsonl", [event(0), later, earlier])
    (row,) = facts(tmp_path)
    assert (row["code_version"], row["app"], row["is_dev"]) == ("a", None, False)


def test_a_ledger_fills_in_what_no_record_says(tmp_path: Path) -> None:
    entry = {
        "session_id": "s1",
        "status": "running",
        "started_at_ns": START_NS,
        "source": "stormlog",
        "host": "n1",
        "job_id": "j1",
        "world_size": 8,
        "rank": 0,
        "local_rank": 0,
        "pid": 1,
    }
    plain = event(0, host="unknown", job_id=None)
    spoken = event(1, "start", session_id="s3", host="n9", job_id="j9", world_size=4)
    write_sink(
        tmp_path,
        {"segment-000001.jsonl": [plain, spoken]},
        sessions=[{**entry, "session_id": name} for name in ("s1", "s2", "s3")],
    )
    first, second, third = facts(tmp_path)
    assert (first["host"], first["job_id"], first["world_size"]) == ("n1", "j1", 8)
    assert (second["session_id"], second["host"], second["code_version"]) == ("s2", "n1", None)
    assert (third["host"], third["job_id"], third["world_size"]) == ("n9", "j9", 4)


def test_what_nobody_says_is_unknown(tmp_path: Path) -> None:
    write_lines(tmp_path / "events.jsonl", [event(0)])
    (row,) = facts(tmp_path)
    assert {name: value for name, value in row.items() if value is not None} == {
        "source_id": 0,
        "session_id": "s1",
    }


def test_facts_do_not_depend_on_what_else_was_asked(tmp_path: Path) -> None:
    said = {"app": "of a sample", "app_version": "1.0"}
    write_lines(
        tmp_path / "events.jsonl", [event(0, metadata=said), event(40, "warning", metadata={"app": "llm"})]
    )
    text = "SELECT app, code_version FROM stage.session_facts"
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert store.sql(text).rows == [("llm", None)]
        # From now on the texts of all records are there.
        store.query_events()
        assert store.sql(text).rows == [("llm", None)]


SAID = {
    "code": {"app": "llm", "code_version": "3", "git_sha": "f0"},
    "package": {"app": " ", "app_version": 4, "package_version": "5"},
    "commit": {"app": ["odd"], "app_version": None, "git_commit": "c", "is_dev": "true"},
    "nothing": {"environment": "CI", "is_dev": False},
}


def test_a_scan_knows_the_same_of_a_session(tmp_path: Path) -> None:
    for name, metadata in SAID.items():
        events = [
            event(0, "start", session_id=name, metadata=metadata),
            event(5, "warning", session_id=name, context=f"loss of {name}", metadata={}),
            event(9, "stop", session_id=name, metadata={}),
        ]
        write_lines(tmp_path / f"{name}.jsonl", events)
    rows = facts(tmp_path)
    found = {
        row["session_id"]: (row["app"] or "none", row["is_dev"] or False, row["code_version"]) for row in rows
    }
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.scan([tmp_path], app="none", is_dev=False)
        issues = tracker.list_issues().issues
    assert found == {
        issue.title.split()[-1]: (issue.app, issue.is_dev, issue.first_seen_version) for issue in issues
    }
    assert found.keys() == SAID.keys()
    assert len(rows) == len(issues) == len(SAID)


def test_captures_have_one_row_for_each_session_of_each_source() -> None:
    with stormlog.query.open([CAPTURES], cache=False) as store:
        listed = set(store.sql("SELECT source_id, session_id FROM sessions").rows)
        described = store.sql("SELECT source_id, session_id FROM stage.session_facts").rows
    assert len(described) == len(set(described))
    assert len(listed) > 30
    assert listed <= set(described)


def test_captures_say_hosts_and_jobs() -> None:
    text = "SELECT DISTINCT host, job_id, world_size FROM stage.session_facts ORDER BY ALL"
    with stormlog.query.open([CAPTURES / "run-envelope"], cache=False) as store:
        rows = store.sql(text).rows
    assert rows == [
        ("node-a", "sweep-12", 2),
        ("node-a", None, 1),
        ("node-b", "sweep-12", 2),
        ("node-b", None, 1),
    ]
