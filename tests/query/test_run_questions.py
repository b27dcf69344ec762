"""Runs and their surroundings: damaged companions cost a warning, odd windows and ids have plain answers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.errors import SourceError
from stormlog.query import CORRELATION_KINDS, SUMMARY_GROUPS, SUMMARY_METRICS, CorrelationFilter, QueryStore
from stormlog.query.filters import RunAttachmentFilter, RunFilter
from stormlog.rollups import rebuild_rollups
from stormlog.telemetry import project_telemetry_event
from stormlog.telemetry.derived import derive_fields
from tests.captures import CHECKOUT
from tests.query.sinks import SECOND, START_NS, busy_session, write_sink
from tests.telemetry.factories import record

CAPTURES = CHECKOUT / "examples" / "captures"
PEAK = "peak_device_used_bytes"
#: What stormlog 0.3.9 offers from `stormlog.query`.
KNOWN_NAMES = """
    AttachmentStorage AttachmentFilter ArtifactCatalog CatalogRunEnvelope CatalogOOMBundle CatalogSource CatalogWarning
    CorrelationEvidence CorrelationFilter CorrelationResult EventFilter EventRow ExternalAttachment IssueFilter
    OOMBundleFilter OOMBundleRow QueryStore RunAttachmentFilter RunAttachmentRow RunFilter RunRow SessionFilter
    SessionRow SummaryRow open
"""


def opened(*paths: Path, **options: Any) -> QueryStore:
    return stormlog.query.open(paths, cache=False, **options)


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished sink with fresh rollups, which nobody changes."""
    path = tmp_path_factory.mktemp("finished") / "sink"
    write_sink(path, {"segment-000001.jsonl": busy_session("s-1", 40)})
    rebuild_rollups(path)
    return path


@pytest.fixture
def sink(tmp_path: Path, finished: Path) -> Path:
    """A finished sink with fresh rollups, to change."""
    return shutil.copytree(finished, tmp_path / "sink")


@pytest.fixture(scope="module")
def run_store() -> Iterator[QueryStore]:
    """The capture of runs with attachments."""
    with opened(CAPTURES / "run-envelope") as store:
        yield store


@pytest.fixture(scope="module")
def busy(finished: Path) -> Iterator[QueryStore]:
    """One session with 40 events."""
    with opened(finished) as store:
        yield store


def test_names_of_the_other_implementation_can_be_imported() -> None:
    assert all(hasattr(stormlog.query, name) for name in KNOWN_NAMES.split())


def test_sql_twins_are_what_the_methods_run(run_store: QueryStore) -> None:
    event = run_store.query_events()[0].event
    moment = CorrelationFilter(at_ns=event.timestamp_ns, window_ns=SECOND)
    asked: list[tuple[tuple[str, dict[str, Any]], int]] = [
        (run_store.list_runs_sql(), len(run_store.list_runs())),
        (run_store.list_run_attachments_sql(), len(run_store.list_run_attachments())),
        (run_store.list_attachments_sql(), len(run_store.list_attachments())),
        (run_store.list_timeline_markers_sql(), len(run_store.list_timeline_markers())),
        (run_store.list_derived_fields_sql(), len(run_store.list_derived_fields())),
        (run_store.list_rollup_windows_sql(), len(run_store.list_rollup_windows())),
        (run_store.correlate_sql(moment), len(run_store.correlate(moment).evidence)),
        *((run_store.summarize_sql(name), len(run_store.summarize(name))) for name in SUMMARY_METRICS),
    ]
    for (text, params), count in asked:
        assert len(run_store.sql(text, params).rows) == count
    assert all(count for _, count in asked[:7])


# ---- runs and attachments ----------------------------------------------------------------------------------


def test_lists_of_runs_take_several_values_times_and_pages(run_store: QueryStore) -> None:
    runs = run_store.list_runs()
    ids = [run.run_id for run in runs]
    assert [run.run_id for run in run_store.list_runs(RunFilter(run_id=ids[:2]))] == ids[:2]
    assert [run.run_id for run in run_store.list_runs(RunFilter(limit=1, page=2))] == ids[1:2]
    assert run_store.list_runs(RunFilter(until=runs[-1].started_at_ns)) == runs[-1:]
    assert run_store.list_runs(RunFilter(search="SWEEP 12")) == [runs[-1]]
    kinds = RunAttachmentFilter(kind=("oom_bundle", "experiment"))
    assert {row.kind for row in run_store.list_run_attachments(kinds)} == {"oom_bundle", "experiment"}
    assert run_store.count_rows(kinds) == len(run_store.list_run_attachments(kinds))
    (unmatched,) = run_store.unmatched_filters(RunFilter(source_ref="nothing"))
    assert unmatched.known == ("lab/sweeps/12",)


def test_counts_of_attachments_are_those_of_the_list(run_store: QueryStore) -> None:
    for run in run_store.list_runs():
        rows = run_store.list_run_attachments(RunAttachmentFilter(run_id=run.run_id))
        assert run.attachment_count == len(rows) > 0


def test_runs_show_the_links_of_their_envelopes(run_store: QueryStore) -> None:
    rows = run_store.sql("SELECT source_namespace, source_ref, links FROM runs WHERE explicit").rows
    assert rows == [("wandb", "lab/sweeps/12", ["https://example.invalid/sweeps/12"])]


def test_ids_of_several_runs_are_told_once_and_attach_nothing(tmp_path: Path) -> None:
    write_sink(tmp_path / "sink", {"segment-000001.jsonl": busy_session("s-1", 20)})
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        envelope = {
            "schema_version": 1,
            "format": "stormlog.run_envelope",
            "run_id": name,
            "metadata": {},
            "sessions": [{"session_id": "s-1", "metadata": {}}],
        }
        (tmp_path / name / "stormlog_run.json").write_text(json.dumps(envelope), encoding="utf-8")
    with opened(tmp_path) as store:
        store.list_issues()
        for _ in range(2):
            store.list_runs()
            assert store.list_run_attachments() == []
        told = [warning for warning in store.catalog.warnings if warning.code.startswith("ambiguous_run")]
        assert [(warning.path, warning.is_note) for warning in told] == [("<run-catalog>", True)]
        assert "'s-1'" in told[0].message
        assert store.sql("SELECT kind, value, run_ids FROM run_conflicts").rows == [
            ("session_id", "s-1", ["a", "b"])
        ]


def test_a_damaged_sidecar_is_a_located_warning(tmp_path: Path, sink: Path) -> None:
    sidecar = sink / "stormlog_attachments.json"
    items = [{"title": "plot", "kind": "image", "url": "u", "start_ns": 10**30}, {"title": "no kind"}, 5]
    payload = {"schema_version": 1, "format": "stormlog.attachments", "attachments": items}
    sidecar.write_text(json.dumps(payload), encoding="utf-8")
    with opened(sink) as store:
        (kept,) = store.list_attachments()
        # What no column can hold is not known.
        assert (kept.title, kept.start_ns) == ("plot", None)
        assert {(warning.path, warning.code) for warning in store.catalog.warnings} == {
            (str(sidecar), "sidecar_item_invalid:1"),
            (str(sidecar), "sidecar_item_not_object:2"),
        }


# ---- rollups -----------------------------------------------------------------------------------------------


def damage(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    def apply(path: Path) -> None:
        document = json.loads(path.read_text(encoding="utf-8"))
        change(document)
        path.write_text(json.dumps(document), encoding="utf-8")

    return apply


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


DAMAGES = {
    "cut short": cut,
    "no JSON object": lambda path: path.write_text("[]"),
    "not UTF-8": lambda path: path.write_bytes(b'{"a": "\xff"}'),
    "another version": damage(lambda found: found.update(schema_version=True)),
    "a missing key": damage(lambda found: found["sessions"][0]["alerts"].pop("total_count")),
    "a negative count": damage(lambda found: found["sessions"][0].update(event_count=-1)),
    "a number beyond 64 bits": damage(
        lambda found: found["sessions"][0]["ranks"][0].update(hidden_gap_first_bytes=2**63)
    ),
    "text for a number": damage(lambda found: found["sessions"][0]["windows"][0].update(start_ns="1")),
    "windows of no length": damage(lambda found: found.update(window_duration_ns=0)),
}


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory, finished: Path) -> Iterator[QueryStore]:
    """A session for each damage, with rollups that have it."""
    folder = tmp_path_factory.mktemp("damaged")
    rollups = (finished / "rollups.json").read_text(encoding="utf-8")
    for name, apply in DAMAGES.items():
        sink = write_sink(folder / name, {"segment-000001.jsonl": busy_session(name, 40)})
        # Rebuilding would give the same, but for the session.
        (sink / "rollups.json").write_text(rollups.replace('"s-1"', json.dumps(name)), encoding="utf-8")
        apply(sink / "rollups.json")
    with opened(folder) as store:
        store.list_issues()
        assert store.catalog.warnings == []
        assert "memory_readings" in store.summarize_sql(PEAK)[0]
        yield store


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_rollups_are_a_located_warning_and_events_are_counted(
    damaged: QueryStore, damage: str
) -> None:
    (peak,) = (row for row in damaged.summarize(PEAK) if row.session_id == damage)
    assert peak.value == max(event["device_used_bytes"] for event in busy_session(damage, 40))
    assert [window for window in damaged.list_rollup_windows() if window.session_id == damage] == []
    (warning,) = (one for one in damaged.catalog.warnings if Path(one.path).parent.name == damage)
    assert (Path(warning.path).name, warning.code) == ("rollups.json", "rollups_unusable")
    text = "SELECT state, reason FROM rollups WHERE source_path = $path"
    ((state, reason),) = damaged.sql(text, {"path": str(Path(warning.path).parent)}).rows
    assert state == "unusable" and reason in warning.message


def test_a_strict_store_refuses_damaged_rollups(sink: Path) -> None:
    cut(sink / "rollups.json")
    with opened(sink, strict=True) as store:
        store.list_issues()
        with pytest.raises(SourceError):
            store.list_rollup_windows()


def test_questions_about_something_else_read_no_rollups(sink: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stormlog.artifacts.rollups.read_json_object", lambda *_: pytest.fail("was read"))
    with opened(sink) as store:
        assert store.list_issues() and store.list_runs()
        assert store.list_run_attachments() == []
        assert store.sql("SELECT count(*) FROM events").rows == [(40,)]


def test_fresh_rollups_answer_without_a_look_at_events(sink: Path) -> None:
    (sink / "segment-000001.jsonl").write_text("damaged\n", encoding="utf-8")
    with opened(sink) as store:
        assert store.summarize(PEAK)[0].value > 0
        assert "rollup_sessions" in store.summarize_sql(PEAK)[0]
        assert store.rejects() == []


@pytest.fixture(scope="module")
def counted_and_summed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[QueryStore, QueryStore]]:
    """A sink of three ranks without rollups, and the same with them."""
    folder = tmp_path_factory.mktemp("ranks")
    events = [event for rank in range(3) for event in busy_session("s-1", 40, rank=rank)]
    plain, summed = (
        write_sink(folder / name, {"segment-000001.jsonl": events}) for name in ("plain", "summed")
    )
    rebuild_rollups(summed)
    with opened(plain) as without, opened(summed) as with_rollups:
        yield without, with_rollups


@pytest.mark.parametrize("group_by", SUMMARY_GROUPS)
@pytest.mark.parametrize("metric", SUMMARY_METRICS)
def test_rollups_give_the_numbers_of_the_events(
    counted_and_summed: tuple[QueryStore, QueryStore], metric: str, group_by: str
) -> None:
    counted, summed = (store.summarize(metric, group_by=group_by) for store in counted_and_summed)
    assert summed == counted


def test_rollups_of_a_sink_that_went_on_are_stale(sink: Path) -> None:
    manifest = json.loads((sink / "manifest.json").read_text(encoding="utf-8"))
    manifest["segments"][0]["event_count"] += 1
    (sink / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    with opened(sink) as store:
        assert "memory_readings" in store.summarize_sql(PEAK)[0]
        assert store.catalog.warnings == []
        assert store.sql("SELECT state FROM rollups").rows == [("stale",)]


def test_rollups_of_copies_are_not_added_up(tmp_path: Path, sink: Path) -> None:
    shutil.copytree(sink, tmp_path / "copy")
    with opened(sink) as store:
        once = store.summarize("alert_count")
    with opened(tmp_path) as store:
        assert store.summarize("alert_count") == once


def test_new_rollups_are_seen_after_a_refresh(sink: Path) -> None:
    (sink / "rollups.json").unlink()
    with opened(sink) as store:
        assert store.list_rollup_windows() == []
        rebuild_rollups(sink, window_duration_ns=10 * SECOND)
        assert store.refresh()
        assert [window.event_count for window in store.list_rollup_windows()] == [10] * 4


def test_a_kept_answer_tells_of_damaged_rollups_too(tmp_path: Path, sink: Path) -> None:
    cut(sink / "rollups.json")
    for _ in range(2):
        with stormlog.query.open(sink, cache=tmp_path / "cache") as store:
            store.summarize(PEAK)
            assert [warning.code for warning in store.catalog.warnings] == ["rollups_unusable"]


# ---- summaries, markers, derived fields --------------------------------------------------------------------


def test_unknown_metrics_and_groups_name_those_that_there_are(busy: QueryStore) -> None:
    with pytest.raises(ValueError, match=PEAK):
        busy.summarize("peak")
    with pytest.raises(ValueError, match="session-rank"):
        busy.summarize(PEAK, group_by="host")


def test_growth_over_the_whole_range_of_bytes_is_exact(tmp_path: Path) -> None:
    most = 2**63 - 1
    events = [
        record(timestamp_ns=1, allocator_reserved_bytes=most, device_used_bytes=0, device_total_bytes=None),
        record(timestamp_ns=2, allocator_reserved_bytes=0, device_used_bytes=most, device_total_bytes=None),
    ]
    with opened(write_sink(tmp_path / "sink", {"segment-000001.jsonl": events})) as store:
        (row,) = store.summarize("hidden_memory_gap_growth")
        assert row.value == 2 * most


def test_derived_fields_are_those_of_the_rule_for_single_events() -> None:
    with opened(CAPTURES / "v4-cuda-sim", CAPTURES / "legacy-v2") as store:
        rows = store.list_derived_fields()
        events = store.query_events()
        assert len(rows) == len(events) > 100
        for row, event in zip(rows, events, strict=True):
            expected = derive_fields(event.as_dict())
            found = {
                **row.as_dict(),
                **({} if "allocator_cache_ratio" in expected else {"allocator_cache_ratio": None}),
            }
            assert {name: found[name] for name in expected} == expected


def test_markers_come_by_time_with_phases(run_store: QueryStore) -> None:
    markers = run_store.list_timeline_markers()
    assert [marker.start_ns for marker in markers] == sorted(marker.start_ns for marker in markers)
    session = markers[0].session_id
    assert {marker.session_id for marker in run_store.list_timeline_markers(session_id=session)} == {session}
    assert {"lifecycle", "alert"} <= {marker.kind for marker in markers}


# ---- correlation -------------------------------------------------------------------------------------------


def test_windows_and_moments_at_the_ends_of_all_numbers(busy: QueryStore) -> None:
    everything, most = 10**6, 2**63 - 1
    whole = busy.correlate(CorrelationFilter(at_ns=START_NS, window_ns=most)).evidence
    assert len(whole) > 40
    for at_ns in (0, most, -most):
        found = busy.correlate(CorrelationFilter(at_ns=at_ns, window_ns=most, limit=everything)).evidence
        # Times before the epoch, and the last ones, reach the events from one side only.
        assert len(found) in (0, len(whole))
    at_the_moment = busy.correlate(CorrelationFilter(at_ns=START_NS, window_ns=0, kinds=("telemetry_event",)))
    assert [item.start_ns for item in at_the_moment.evidence] == [START_NS]
    assert busy.correlate(CorrelationFilter(at_ns=-1, window_ns=1)).evidence == []
    assert busy.correlate(CorrelationFilter(at_ns=START_NS, limit=0)).evidence == []


def test_equal_records_are_one_moment(tmp_path: Path) -> None:
    twice = [record(timestamp_ns=START_NS, context="same")] * 2
    sink = write_sink(tmp_path / "sink", {"segment-000001.jsonl": twice})
    with opened(sink) as store:
        record_id = project_telemetry_event(store.query_events()[0].event).record_id
        found = store.correlate(CorrelationFilter(record_id=record_id, kinds=("telemetry_event",)))
        assert found.anchor["at_ns"] == START_NS
        assert [item.evidence_id for item in found.evidence] == [f"event:{record_id}"] * 2


def test_records_in_another_spelling_are_found_by_their_id(tmp_path: Path) -> None:
    """Ids are made of sorted keys, whatever order they stand in."""
    sink = write_sink(tmp_path / "sink", {"segment-000001.jsonl": []})
    event = record(timestamp_ns=START_NS, metadata={"note": "é", "a": 1})
    lines = json.dumps(dict(reversed(event.items())), ensure_ascii=False)
    (sink / "segment-000001.jsonl").write_text(lines + "\n", encoding="utf-8")
    with opened(sink) as store:
        record_id = project_telemetry_event(store.query_events()[0].event).record_id
        found = store.correlate(CorrelationFilter(record_id=record_id, kinds=("telemetry_event",)))
        assert [item.metadata["record_id"] for item in found.evidence] == [record_id]


def test_an_unknown_record_id_says_where_there_are_some(busy: QueryStore) -> None:
    with pytest.raises(ValueError, match="projected_records"):
        busy.correlate(CorrelationFilter(record_id="telemetry-0"))
    with pytest.raises(ValueError, match="at_ns"):
        busy.correlate(CorrelationFilter())
    with pytest.raises(ValueError, match="alert"):
        CorrelationFilter(at_ns=1, kinds=("alarm",))


def test_other_sessions_of_a_job_belong_to_a_distributed_moment(tmp_path: Path) -> None:
    for rank in range(2):
        events = [
            record(
                session_id=f"s-{rank}",
                job_id="j",
                rank=rank,
                local_rank=rank,
                world_size=2,
                timestamp_ns=START_NS,
            )
        ]
        write_sink(tmp_path / f"rank{rank}", {"segment-000001.jsonl": events})
    with opened(tmp_path) as store:
        moment = {"at_ns": START_NS, "session_id": None, "job_id": "j", "rank": None}
        kinds = ("telemetry_event",)
        alone = store.correlate(CorrelationFilter(**moment, kinds=kinds))
        assert [item.confidence for item in alone.evidence] == ["low", "low"]
        together = store.correlate(CorrelationFilter(**moment, kinds=kinds, scope="distributed"))
        assert [item.confidence for item in together.evidence] == ["high", "high"]
        text = "SELECT rank, confidence FROM correlation($at, 0, session := 's-0', job := 'j', rank_number := 0, "
        text += "scope := 'distributed') WHERE kind = 'telemetry_event' ORDER BY rank"
        assert store.sql(text, {"at": START_NS}).rows == [(0, "high"), (1, "medium")]


def test_every_kind_of_evidence_can_be_asked_for_alone(run_store: QueryStore) -> None:
    moment = run_store.list_runs()[-1].started_at_ns
    wide: dict[str, Any] = {"at_ns": moment, "window_ns": 3600 * SECOND}
    found = run_store.correlate(CorrelationFilter(**wide)).evidence
    for kind in CORRELATION_KINDS:
        alone = run_store.correlate(CorrelationFilter(**wide, kinds=(kind,))).evidence
        assert alone == [item for item in found if item.kind == kind]
        assert alone
