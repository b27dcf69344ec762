"""The account of one issue, compared with what plain Python works out of the same files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.errors import SourceError, UnknownIdError
from stormlog.explaining import IssueAccount, rule_of
from stormlog.query import IssueFilter
from stormlog.query.statements import load_query
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.explaining.test_explain import GIB, JOB, SECOND, failure, samples

OOM = "issue:63b1d6557bebb97a5d630e5b"


@pytest.fixture(scope="module")
def job() -> Iterator[stormlog.query.QueryStore]:
    with stormlog.query.open([JOB], cache=False) as store:
        yield store


def account_of(path: Path, kind: str = "oom") -> IssueAccount:
    with stormlog.query.open([path], cache=False) as store:
        (found,) = store.list_issues(IssueFilter(kind=kind))
        return store.issue_account(found.fingerprint_id)


def evidence_of(store: stormlog.query.QueryStore, fingerprint_id: str) -> list[dict[str, Any]]:
    result = store.sql("SELECT * FROM issue_evidence WHERE fingerprint_id = ?", [fingerprint_id])
    return [dict(zip(result.columns, row, strict=True)) for row in result]


def test_an_account_says_what_the_list_says(job: stormlog.query.QueryStore) -> None:
    for issue in job.list_issues():
        found = job.issue_account(issue.fingerprint_id)
        assert (found.kind, found.title, found.severity) == (issue.kind, issue.title, issue.severity)
        assert (found.hit_count, found.session_count) == (issue.hit_count, len(issue.affected_sessions))
        assert (found.first_ns, found.last_ns) == (issue.first_seen_ns, issue.last_seen_ns)
        assert dict(found.dimensions) == dict(issue.fingerprint.dimensions)
        assert dict(found.details) == dict(issue.details)
        assert json.loads(json.dumps(found.as_dict())) == found.as_dict()


def test_hits_spread_as_evidence_does(job: stormlog.query.QueryStore) -> None:
    for issue in job.list_issues():
        found = job.issue_account(issue.fingerprint_id)
        for spread in found.spread:
            shown = sum(value.hit_count for value in spread.values)
            assert shown + spread.rest_hit_count == issue.hit_count
            counts = [value.hit_count for value in spread.values]
            assert counts == sorted(counts, reverse=True)
            assert sum(value.share for value in spread.values) <= 1 + 1e-9
        assert sum(bucket.hit_count for bucket in found.trend) == issue.hit_count
        evidence = evidence_of(job, issue.fingerprint_id)
        for bucket in found.trend:
            times = [row["timestamp_ns"] for row in evidence]
            assert bucket.hit_count == sum(bucket.start_ns <= time < bucket.end_ns for time in times)


@pytest.mark.parametrize("statement", ["issue_facts", "issue_spread"])
def test_one_issue_is_looked_up_without_going_through_all(
    job: stormlog.query.QueryStore, statement: str
) -> None:
    job.issue_account(OOM)
    parameters = {"fingerprint_ids": [OOM], "issues": [0]}
    [[_, plan]] = job.connection.execute(
        f"EXPLAIN (FORMAT JSON) {load_query(statement)}", parameters
    ).fetchall()
    scans = []

    def collect(node: dict[str, Any]) -> None:
        found = node["extra_info"]
        if str(found.get("Table", "")).endswith(".hits"):
            scans.append(json.dumps(found.get("Filters")))
        for child in node["children"]:
            collect(child)

    for node in json.loads(plan):
        collect(node)
    assert scans and all(f"fingerprint_id = '{OOM}'" in scan for scan in scans), scans


def test_only_the_most_frequent_values_are_named_and_the_rest_is_counted(tmp_path: Path) -> None:
    counts = {rank: 12 - rank for rank in range(10)}
    records = [
        event(
            timestamp_ns=START_NS + number,
            event_type="warning",
            context="slow",
            rank=rank,
            world_size=10,
            session_id=f"s{rank}",
        )
        for rank, count in counts.items()
        for number in range(count)
    ]
    found = account_of(write_lines(tmp_path / "events.jsonl", *records), "alert")
    ranks = next(spread for spread in found.spread if spread.field == "rank")
    assert [(value.value, value.hit_count) for value in ranks.values] == [
        (str(rank), count) for rank, count in Counter(counts).most_common(5)
    ]
    assert (ranks.value_count, ranks.rest_hit_count) == (10, sum(counts[rank] for rank in range(5, 10)))


def test_the_first_rank_is_that_of_the_latest_run(job: stormlog.query.QueryStore) -> None:
    run = job.issue_account(OOM).latest_run
    explained = job.explain(issue=OOM)
    assert run is not None and (run.run_id, run.attempt) == (explained.run.run_id, explained.run.attempt)
    assert (run.first_failure, run.is_of_issue, run.is_first) == (explained.first_failure, True, True)


def test_ranks_that_failed_in_one_second_by_bundles_alone_are_all_named(tmp_path: Path) -> None:
    for rank in (1, 2):
        folder = tmp_path / f"oom_dump_{rank}"
        folder.mkdir()
        manifest = {
            "schema_version": 1,
            "bundle_name": folder.name,
            "created_at_utc": "2026-01-02T03:04:05Z",
            "backend": "cuda",
            "reason": "cuda",
            "event_count": 0,
            "session_id": f"s{rank}",
            "files": ["manifest.json", "events.json", "metadata.json"],
            "job_id": "j",
            "rank": rank,
            "world_size": 2,
        }
        (folder / "manifest.json").write_text(json.dumps(manifest))
        (folder / "events.json").write_text("[]")
        (folder / "metadata.json").write_text("{}")
    run = account_of(tmp_path).latest_run
    assert run is not None and run.first_failure is not None
    assert run.first_failure.rank is None and not run.first_failure.certain


def test_a_failure_of_another_issue_is_not_taken_for_its_own(tmp_path: Path) -> None:
    alert = event(
        timestamp_ns=START_NS + SECOND, event_type="warning", context="slow", session_id="s", job_id="j"
    )
    path = write_lines(tmp_path / "events.jsonl", *samples(), alert, failure(30))
    of_alert, of_oom = account_of(path, "alert").latest_run, account_of(path).latest_run
    assert of_alert is not None and of_alert.first_failure is not None and not of_alert.is_of_issue
    assert of_oom is not None and of_oom.is_of_issue and of_oom.is_first


def test_a_later_failure_is_said_to_come_after_another(tmp_path: Path) -> None:
    records = [
        *samples(world_size=2),
        *samples(session_id="t", rank=1, world_size=2),
        failure(20.5, rank=1, world_size=2, session_id="t", context="crash", metadata={"backend": "cuda"}),
        failure(30, world_size=2),
    ]
    run = account_of(write_lines(tmp_path / "events.jsonl", *records)).latest_run
    assert run is not None and run.first_failure is not None
    assert (run.first_failure.rank, run.is_of_issue, run.is_first) == (0, True, False)


# ---- memory around the evidence --------------------------------------------------------------------------


def test_the_timeline_loses_no_peak(tmp_path: Path) -> None:
    records = samples(2000, step_bytes=1 << 20, sampling_interval_ms=100)
    for number, record in enumerate(records):
        record["timestamp_ns"] = START_NS + number * SECOND // 10
    records[777]["device_used_bytes"] = 15 * GIB
    path = write_lines(tmp_path / "events.jsonl", *records, failure(200))
    timeline = account_of(path).timeline
    assert timeline is not None and timeline.timestamp_ns == START_NS + 200 * SECOND
    (used,) = [series for series in timeline.series if series.counter == "used"]
    assert max(point.max_bytes for point in used.points) == 15 * GIB
    assert sum(point.sample_count for point in used.points) == len(records)
    for point in used.points:
        inside = [
            record["device_used_bytes"]
            for record in records
            if point.start_ns <= record["timestamp_ns"] < point.end_ns
        ]
        assert (point.min_bytes, point.max_bytes) == (min(inside), max(inside))
        assert (point.first_bytes, point.last_bytes, point.sample_count) == (
            inside[0],
            inside[-1],
            len(inside),
        )


def test_the_timeline_is_a_window_round_the_evidence(tmp_path: Path) -> None:
    path = write_lines(
        tmp_path / "events.jsonl",
        *samples(7200),
        *samples(7200, session_id="other", step_bytes=1),
        failure(4000.5),
    )
    timeline = account_of(path).timeline
    assert timeline is not None and timeline.session_id == "s"
    assert timeline.start_ns == START_NS + 2201 * SECOND
    assert timeline.end_ns == START_NS + 4300 * SECOND


def test_phases_and_marks_of_other_ranks_and_sessions_are_left_out(tmp_path: Path) -> None:
    warned = event(event_type="warning", context="slow", timestamp_ns=START_NS + 5 * SECOND, session_id="s")
    elsewhere = {**warned, "session_id": "other"}
    path = write_lines(tmp_path / "events.jsonl", *samples(), warned, elsewhere, failure(19.5))
    timeline = account_of(path).timeline
    assert timeline is not None
    assert [(mark.kind, mark.count) for mark in timeline.marks if mark.kind != "hidden_memory_anomaly"] == [
        ("alert", 1),
        ("failure", 1),
    ]


def test_a_phase_has_the_time_in_which_none_below_it_runs(job: stormlog.query.QueryStore) -> None:
    timeline = job.issue_account(OOM).timeline
    assert timeline is not None
    names = [band.phase for band in timeline.phases]
    assert {"train / forward", "train / backward", "train / optimizer"} <= set(names)
    assert all(earlier.end_ns <= later.start_ns for earlier, later in pairwise(timeline.phases))
    assert all(earlier != later for earlier, later in pairwise(names))


def test_without_samples_there_is_no_timeline(tmp_path: Path) -> None:
    assert account_of(write_lines(tmp_path / "events.jsonl", failure(1))).timeline is None


def test_a_bundle_of_a_session_of_several_ranks_shows_nobodys_memory(tmp_path: Path) -> None:
    records = [*samples(), *samples(rank=1, world_size=2, device_id=1)]
    write_lines(tmp_path / "events.jsonl", *records)
    folder = tmp_path / "oom_dump_1"
    folder.mkdir()
    manifest = {
        "schema_version": 1,
        "bundle_name": folder.name,
        "created_at_utc": "2026-01-02T03:04:15Z",
        "backend": "cuda",
        "reason": "cuda",
        "event_count": 0,
        "session_id": "s",
        "files": ["manifest.json", "events.json", "metadata.json"],
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "events.json").write_text("[]")
    (folder / "metadata.json").write_text("{}")
    assert account_of(tmp_path).timeline is None


# ---- places and versions ---------------------------------------------------------------------------------


def test_evidence_is_where_it_is_said_to_be(job: stormlog.query.QueryStore) -> None:
    for issue in job.list_issues():
        found = job.issue_account(issue.fingerprint_id)
        assert 1 <= len(found.evidence) <= 3
        for place in found.evidence:
            if place.line_number is None:
                assert Path(place.path).is_dir()
                continue
            record = json.loads(Path(place.path).read_text().splitlines()[place.line_number - 1])
            assert record["timestamp_ns"] == place.timestamp_ns
            assert (record["rank"], record["session_id"]) == (place.rank, place.session_id)


def runs_of_versions(path: Path, *versions: tuple[str | None, bool]) -> Path:
    """Write one run per version, a day apart; True for those that fail."""
    records: list[dict[str, Any]] = []
    for day, (version, has_failed) in enumerate(versions):
        start_ns = START_NS + day * 86400 * SECOND
        said = {"backend": "cuda", "code_version": version, "app": "llm"}
        names = {"session_id": f"s{day}", "job_id": f"j{day}"}
        records.append(event(event_type="start", timestamp_ns=start_ns, metadata=said, **names))
        records += samples(start_ns=start_ns, **names)
        if has_failed:
            metadata = {**said, "oom_reason": "cuda"}
            records.append(failure(day * 86400 + 30, metadata=metadata, **names))
        else:
            records.append(
                event(event_type="stop", timestamp_ns=start_ns + 40 * SECOND, metadata=said, **names)
            )
    return write_lines(path / "events.jsonl", *records)


@pytest.mark.parametrize(
    ("versions", "expected"),
    [
        ([("1.0", False), ("1.1", False), ("1.2", True)], ("1.1", "1.2", None, None)),
        ([("1.0", False), (None, False), ("1.2", True), ("1.3", True)], ("1.0", "1.2", None, None)),
        ([("1.0", True), ("1.1", False), ("1.2", True)], (None, "1.0", "1.1", "1.2")),
        (
            [("1.0", False), ("1.1", True), ("1.2", False), ("1.3", True), ("1.4", True)],
            ("1.0", "1.1", "1.2", "1.3"),
        ),
        ([(None, False), (None, True)], (None, None, None, None)),
        ([("1.0", True), ("1.1", False)], (None, "1.0", None, None)),
    ],
)
def test_versions_come_from_runs_before_and_between(
    tmp_path: Path, versions: list[tuple[str | None, bool]], expected: tuple[str | None, ...]
) -> None:
    found = account_of(runs_of_versions(tmp_path, *versions)).versions
    assert (found.last_without, found.first_with, found.gone_in, found.back_in) == expected


def test_a_message_is_that_of_the_bundle_else_of_the_event(
    job: stormlog.query.QueryStore, tmp_path: Path
) -> None:
    of_bundle = job.issue_account(OOM)
    assert of_bundle.exception.exception_type == "OutOfMemoryError"
    assert of_bundle.exception.requested_bytes == 5_905_580_032
    assert of_bundle.bundle_path is not None and Path(of_bundle.bundle_path).is_dir()
    said = "CUDA out of memory. Tried to allocate 2.00 GiB."
    of_event = account_of(write_lines(tmp_path / "events.jsonl", failure(1, context=said)))
    assert (of_event.exception.message, of_event.exception.requested_bytes) == (said, 2 * GIB)
    assert of_event.bundle_path is None


# ---- ids -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [OOM, OOM.removeprefix("issue:"), "63b1d6", "issue:63b1d655", " 63B1D6 "])
def test_an_issue_may_be_named_by_its_first_digits(job: stormlog.query.QueryStore, name: str) -> None:
    assert job.issue_account(name).fingerprint_id == OOM
    assert job.explain(issue=name).run == job.explain(issue=OOM).run


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("63b", "give 6 digits or more"),
        ("issue:ffffffffffffffffffffffff", "there are issue:"),
        ("nothing", "there are issue:"),
        ("123456", "is a number"),
    ],
)
def test_an_unknown_issue_is_refused_with_what_to_do(
    job: stormlog.query.QueryStore, name: str, part: str
) -> None:
    with pytest.raises(UnknownIdError, match=part):
        job.issue_account(name)


def test_digits_that_begin_several_ids_name_none(tmp_path: Path) -> None:
    # Ids are hashes: of many alerts, two begin with the same six digits only by chance, so fewer are compared.
    records = [
        event(event_type="warning", context=f"kind{'x' * n}", timestamp_ns=START_NS + n) for n in range(3)
    ]
    with stormlog.query.open([write_lines(tmp_path / "events.jsonl", *records)], cache=False) as store:
        with pytest.raises(UnknownIdError, match="too short"):
            store.issue_account("issue:")
        whole = [issue.fingerprint_id for issue in store.list_issues()]
        assert store.issue_account(whole).hit_count == 3
        assert store.issue_account([*whole[:1], "issue:ffffffffffffffffffffffff"]).hit_count == 1
        with pytest.raises(UnknownIdError):
            store.issue_account(["issue:ffffffffffffffffffffffff"])


def test_no_telemetry_is_said_to_be_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with (
        stormlog.query.open([tmp_path], cache=False) as store,
        pytest.raises(SourceError, match="no telemetry"),
    ):
        store.issue_account("63b1d6")


def test_every_rule_is_in_words_and_in_sql_that_exists() -> None:
    for kind in ("oom", "collector_degradation", "alert", "hidden_memory_anomaly"):
        rule = rule_of(kind)
        assert rule is not None and rule.version == 1 and rule.hits and rule.grouping
        assert all(
            f" {statement.name}" in statement.text or statement.name in statement.text
            for statement in rule.sql
        )
        assert rule.sql and all("-- Tests" not in statement.text for statement in rule.sql)
    assert rule_of("something else") is None


@pytest.mark.parametrize("last_ns", [2**63 - 1, 2])
def test_the_first_and_the_last_times_that_there_are_have_an_account(tmp_path: Path, last_ns: int) -> None:
    error = event(
        timestamp_ns=last_ns, event_type="error", metadata={"backend": "cuda", "oom_reason": "cuda"}
    )
    path = write_lines(
        tmp_path / "events.jsonl", event(timestamp_ns=last_ns - 2), event(timestamp_ns=last_ns - 1), error
    )
    found = account_of(path)
    assert found.timeline is not None and found.timeline.end_ns == last_ns
    assert sum(bucket.hit_count for bucket in found.trend) == 1
