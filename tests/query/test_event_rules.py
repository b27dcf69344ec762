"""Rules about single events, asked of a store: what is an alert, of which kind, and which stage it names."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.query import EventFilter, OOMBundleFilter, QueryStore
from stormlog.telemetry import project_telemetry_event, telemetry_event_from_record
from tests.artifacts.factories import make_oom_bundle
from tests.query.sinks import write_lines
from tests.telemetry.factories import record

#: Every character that Python's strip() takes away.
BLANKS = [chr(code) for code in range(sys.maxunicode + 1) if not chr(code).strip()]

#: Event type, metadata, and whether it is an alert.
ALERTS: list[tuple[str, dict[str, Any], bool]] = [
    *((kind, {}, True) for kind in ("warning", "critical", "error")),
    *(
        (kind, {}, False)
        for kind in ("sample", "start", "stop", "collector_degraded", "Warning", "errors", "info")
    ),
    *(("sample", {"severity": word}, True) for word in ("warning", "critical", "error", "WARNING", "Error")),
    *(("sample", {"severity": f"{blank}warning{blank}"}, True) for blank in BLANKS),
    *(("sample", {"severity": f"{blank}{blank}Error"}, True) for blank in BLANKS),
    *(
        ("sample", {"severity": word}, False)
        for word in (
            "info",
            "warn",
            "warnings",
            "",
            " ",
            "war ning",
            None,
            5,
            True,
            ["warning"],
            "\x1bwarning",
        )
    ),
    *(("warning", {"severity": word}, True) for word in ("info", "loud", None)),
]


def test_what_is_an_alert(tmp_path: Path) -> None:
    events = [
        record(event_type=kind, metadata=metadata, timestamp_ns=number)
        for number, (kind, metadata, _) in enumerate(ALERTS)
    ]
    write_lines(tmp_path / "e.jsonl", events)

    with stormlog.query.open([tmp_path], cache=False) as store:
        found = {
            is_alert: {
                event.as_dict()["timestamp_ns"]
                for event in store.query_events(EventFilter(has_alert=is_alert))
            }
            for is_alert in (True, False)
        }

    wanted = {number for number, (_, _, is_alert) in enumerate(ALERTS) if is_alert}
    assert [ALERTS[number] for number in found[True] ^ wanted] == []
    assert found[False] == set(range(len(ALERTS))) - wanted


#: Event type, metadata, and the kind and severity of the issue that it is a hit of.
KINDS: list[tuple[str, dict[str, Any], tuple[str, str] | None]] = [
    ("sample", {}, None),
    ("sample", {"severity": "info"}, None),
    ("sample", {"severity": "warning"}, ("alert", "warning")),
    ("sample", {"severity": "critical"}, ("alert", "critical")),
    ("sample", {"severity": "error"}, ("alert", "error")),
    ("warning", {}, ("alert", "warning")),
    ("critical", {}, ("alert", "critical")),
    ("error", {}, ("alert", "critical")),
    ("warning", {"severity": "info"}, ("alert", "info")),
    ("error", {"oom_reason": "r"}, ("oom", "critical")),
    ("error", {"oom_dump_path": "/p"}, ("oom", "critical")),
    ("error", {"oom_reason": None}, ("oom", "critical")),
    ("warning", {"oom_reason": "r"}, ("alert", "warning")),
    ("critical", {"oom_reason": "r"}, ("alert", "critical")),
    ("collector_degraded", {}, ("collector_degradation", "warning")),
    ("sample", {"collector_health_status": "healthy"}, None),
    ("sample", {"collector_health_status": "degraded"}, ("collector_degradation", "warning")),
    ("sample", {"collector_health_status": "unhealthy"}, ("collector_degradation", "critical")),
    ("collector_degraded", {"collector_health_status": "unhealthy"}, ("collector_degradation", "critical")),
    ("error", {"collector_health_status": "degraded"}, ("collector_degradation", "warning")),
    ("error", {"collector_health_status": "degraded", "oom_reason": "r"}, ("oom", "critical")),
]


def test_of_which_kind_a_hit_is(tmp_path: Path) -> None:
    events = [
        record(
            event_type=kind, metadata=metadata, session_id=f"s{number}", context=f"Word {'x' * (number + 1)}"
        )
        for number, (kind, metadata, _) in enumerate(KINDS)
    ]
    write_lines(tmp_path / "e.jsonl", events)

    with stormlog.query.open([tmp_path], cache=False) as store:
        rows = store.sql("SELECT session_id, kind, severity FROM issue_evidence").rows

    found = {int(session[1:]): (kind, severity) for session, kind, severity in rows}
    assert len(rows) == len(found)
    assert [
        (*row[:2], found.get(number)) for number, row in enumerate(KINDS) if found.get(number) != row[2]
    ] == []


#: What a phase scope says, and the stage that an event has then.
STAGES: list[tuple[Any, str | None]] = [
    ({"name": "forward"}, "forward"),
    ({"name": " forward"}, " forward"),
    ({"name": "", "path": ["a", "b"]}, "b"),
    ({"name": " ", "path": ["a", "b"]}, "b"),
    ({"path": ["a", ""]}, None),
    ({"path": ["a", " "]}, None),
    ({"path": ["a", "\u3000"]}, None),
    ({"path": ["a", "b "]}, "b "),
    ({"path": ["a", None]}, None),
    ({"path": ["a", 5]}, None),
    ({"path": []}, None),
    ({"path": "a"}, None),
    ({"name": 5, "path": ["a"]}, "a"),
    ({}, None),
    ([], None),
    ("forward", None),
    (None, None),
]


def test_which_stage_a_phase_scope_names(tmp_path: Path) -> None:
    events = [
        record(timestamp_ns=number, metadata={"phase_scope": scope})
        for number, (scope, _) in enumerate(STAGES)
    ]
    write_lines(tmp_path / "e.jsonl", events)

    with stormlog.query.open([tmp_path], cache=False) as store:
        found = [
            stage for (stage,) in store.sql("SELECT stage FROM projected_records ORDER BY timestamp_ns").rows
        ]

    in_python = [project_telemetry_event(telemetry_event_from_record(event)).stage for event in events]
    assert found == in_python == [stage for _, stage in STAGES], json.dumps(found)


@pytest.fixture(scope="module")
def moments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    """An event 10 ns after the epoch, and a bundle at ten seconds past a minute."""
    folder = tmp_path_factory.mktemp("moments")
    write_lines(folder / "e.jsonl", [record(timestamp_ns=10)])
    make_oom_bundle(folder / "oom_dump_a", created_at_utc="2026-01-01T00:00:10Z")
    with stormlog.query.open([folder], cache=False) as store:
        yield store


@pytest.mark.parametrize(
    ("start", "end", "count"), [(9, 11, 1), (10, 10, 1), (11, 20, 0), (0, 9, 0), (10, None, 1)]
)
def test_the_first_and_last_moment_of_a_filter_count(
    moments: QueryStore, start: int, end: int | None, count: int
) -> None:
    wanted = EventFilter(time_start_ns=start, time_end_ns=end)
    assert len(moments.query_events(wanted)) == len(list(moments.iter_events(wanted))) == count


@pytest.mark.parametrize(
    ("after", "before", "count"),
    [
        ("2026-01-01T00:00:09Z", "2026-01-01T00:00:11Z", 1),
        ("2026-01-01T00:00:10Z", "2026-01-01T00:00:10Z", 1),
        ("2026-01-01T00:00:10.000001Z", None, 0),
        (None, "2026-01-01T00:00:09.999999Z", 0),
    ],
)
def test_the_first_and_last_moment_of_bundles_count(
    moments: QueryStore, after: str | None, before: str | None, count: int
) -> None:
    wanted = OOMBundleFilter(created_after=after, created_before=before)
    assert len(moments.list_oom_bundles(wanted)) == count
