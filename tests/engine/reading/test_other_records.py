"""Files of other programs beside telemetry are told once, and are no damage."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.telemetry import load_telemetry_events, load_telemetry_sessions
from stormlog.telemetry.foreign import foreign_format
from tests.apps.cli.samples import START_NS, event, write_lines

OTLP = {"resourceLogs": [{"resource": {}, "scopeLogs": []}]}
WATCH = {"schema_version": 1, "format": "stormlog.infer.watch/1", "event_type": "watch.x", "timestamp_ns": 5}
INFER = {"schema_version": 1, "event_type": "infer.request", "session_id": "s", "timestamp_ns": 5}
UNVERSIONED = {"format": "stormlog.infer.profile/1", "timestamp_ns": 5, "device_used_bytes": 5}
REPORT = {"schema_version": 1, "format": "stormlog.report", "findings": []}


OTHERS = {
    "otlp": OTLP,
    "spans": {"resourceSpans": []},
    "metrics": {"resourceMetrics": []},
    "watch": WATCH,
    "infer": INFER,
    "report": REPORT,
    "unversioned": UNVERSIONED,
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Counter[tuple[str, str]]:
    """Name and code of the warnings about files of other records, and two documents, beside one of telemetry."""
    folder = tmp_path_factory.mktemp("others")
    for name, record in OTHERS.items():
        write_lines(folder / f"{name}.jsonl", *[record] * 50)
    documents = [folder / "otlp.json", folder / "report.json"]
    for path, record in zip(documents, (OTLP, REPORT), strict=True):
        path.write_text(json.dumps(record), encoding="utf-8")
    write_lines(folder / "telemetry.jsonl", event())
    with stormlog.query.open([*folder.glob("*.jsonl"), *documents], strict=True) as store:
        assert len(store.query_events()) == 1
        assert store.rejects() == []
        return Counter((Path(w.path).name, w.code.partition(":")[0]) for w in store.catalog.warnings)


@pytest.mark.parametrize("name", [*(f"{name}.jsonl" for name in OTHERS), "otlp.json", "report.json"])
def test_records_of_other_kinds_are_told_once_per_file(told: Counter[tuple[str, str]], name: str) -> None:
    assert {code: count for (file, code), count in told.items() if file == name} == {"no_memory_telemetry": 1}


def test_telemetry_beside_them_is_not_told(told: Counter[tuple[str, str]]) -> None:
    assert len(told) == len(OTHERS) + 2


def test_telemetry_among_them_is_read_and_damage_is_damage(tmp_path: Path) -> None:
    broken = {name: value for name, value in event().items() if name != "host"}
    write_lines(
        tmp_path / "a.jsonl", OTLP, event(), INFER, "{torn", {**INFER, **broken}, event(timestamp_ns=1)
    )
    with stormlog.query.open(tmp_path) as store:
        assert len(store.query_events()) == 2
        assert [reject.line_number for reject in store.rejects()] == [4, 5]
        assert len(store.catalog.warnings) == 2


def test_an_event_type_that_looks_like_one_of_theirs_is_kept_if_the_record_is_valid(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", event(event_type="infer.step"))
    with stormlog.query.open(tmp_path, strict=True) as store:
        assert [row.event.event_type for row in store.query_events()] == ["infer.step"]
        assert store.catalog.warnings == []


def test_a_file_that_grows_is_told_as_one_that_is_read_anew(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    path = write_lines(runs / "a.jsonl", WATCH, event())
    for line in (event(timestamp_ns=START_NS + 1), WATCH, event(timestamp_ns=START_NS + 2)):
        with stormlog.query.open(runs, cache=tmp_path / "cache") as store:
            store.list_issues()
        with path.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
    with (
        stormlog.query.open(runs, cache=tmp_path / "cache") as kept,
        stormlog.query.open(runs, cache=False) as fresh,
    ):
        assert kept.list_issues() == fresh.list_issues()
        assert kept.catalog.warnings == fresh.catalog.warnings
        assert len(fresh.catalog.warnings) == 1


@pytest.mark.parametrize(
    "record", [{}, {"format": "csv"}, {"event_type": "sample"}, {"resourceLogs": 1}, [1], None]
)
def test_nothing_else_is_recognised(record: Any) -> None:
    assert foreign_format(record) is None


def test_records_under_either_key_of_a_document_are_read(tmp_path: Path) -> None:
    for key in ("events", "telemetry_events"):
        path = tmp_path / f"track-{key}.json"
        path.write_text(json.dumps({key: [event(session_id=key)], "session_summary": {}}), encoding="utf-8")
        assert [found.session_id for found in load_telemetry_events(path)] == [key]
    with stormlog.query.open(tmp_path, strict=True) as store:
        assert {row.session_id for row in store.list_sessions()} == {"events", "telemetry_events"}


def test_records_under_both_keys_of_a_document_are_read(tmp_path: Path) -> None:
    one, two = event(timestamp_ns=START_NS), event(timestamp_ns=START_NS + 1)
    for name, document, wanted in (
        ("first", {"events": [], "telemetry_events": [one]}, 1),
        ("second", {"telemetry_events": [two], "events": [one]}, 2),
        ("same", {"events": [one, two], "telemetry_events": [one, two]}, 2),
    ):
        path = tmp_path / f"{name}_events.json"
        path.write_text(json.dumps(document))
        with stormlog.query.open([path], cache=False) as store:
            assert len(store.query_events()) == wanted, name
        assert sum(len(session.events) for session in load_telemetry_sessions(path)) == wanted
