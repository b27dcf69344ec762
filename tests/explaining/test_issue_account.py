"""The account of one issue, compared with what plain Python works out of the same files."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.errors import SourceError, UnknownIdError
from stormlog.explaining import IssueAccount, rule_of
from stormlog.issues import StormlogIssue
from stormlog.query.statements import load_query
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.explaining.beside import Cases, write_apart
from tests.explaining.test_explain import GIB, SECOND, failure, samples

OOM = "issue:63b1d6557bebb97a5d630e5b"


@pytest.fixture(scope="module")
def accounts_of_job(job: stormlog.query.QueryStore) -> list[tuple[StormlogIssue, IssueAccount]]:
    return [(issue, job.issue_account(issue.fingerprint_id)) for issue in job.list_issues()]


@pytest.fixture(scope="module")
def account_of_job(accounts_of_job: list[tuple[StormlogIssue, IssueAccount]]) -> IssueAccount:
    (found,) = (account for issue, account in accounts_of_job if issue.fingerprint_id == OOM)
    return found


case = Cases()

#: The account of the only issue of a kind that a case has.
AccountOf = Callable[..., IssueAccount]


@pytest.fixture(scope="module")
def account_of(tmp_path_factory: pytest.TempPathFactory) -> AccountOf:
    with case.open(tmp_path_factory.mktemp("cases")) as store:
        issues = [issue.fingerprint_id for issue in store.list_issues()]
        accounts = store.issue_accounts(issues)

    def of_case(name: str, kind: str = "oom") -> IssueAccount:
        (found,) = (
            account
            for account in accounts
            if account.kind == kind and Path(account.evidence[0].path).parent.name == name
        )
        return found

    return of_case


def evidence_of(store: stormlog.query.QueryStore, fingerprint_id: str) -> list[dict[str, Any]]:
    result = store.sql("SELECT * FROM issue_evidence WHERE fingerprint_id = ?", [fingerprint_id])
    return [dict(zip(result.columns, row, strict=True)) for row in result]


def test_an_account_says_what_the_list_says(
    accounts_of_job: list[tuple[StormlogIssue, IssueAccount]],
) -> None:
    for issue, found in accounts_of_job:
        assert (found.kind, found.title, found.severity) == (issue.kind, issue.title, issue.severity)
        assert (found.hit_count, found.session_count) == (issue.hit_count, len(issue.affected_sessions))
        assert (found.first_ns, found.last_ns) == (issue.first_seen_ns, issue.last_seen_ns)
        assert dict(found.dimensions) == dict(issue.fingerprint.dimensions)
        assert dict(found.details) == dict(issue.details)
        assert json.loads(json.dumps(found.as_dict())) == found.as_dict()


def test_hits_spread_as_evidence_does(
    job: stormlog.query.QueryStore, accounts_of_job: list[tuple[StormlogIssue, IssueAccount]]
) -> None:
    for issue, found in accounts_of_job:
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
    job.find_fingerprint(OOM)
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


HITS_OF_RANKS = {rank: 12 - rank for rank in range(10)}


@case
def alerts_of_ten_ranks(folder: Path) -> None:
    records = [
        event(
            timestamp_ns=START_NS + number,
            event_type="warning",
            context="slow",
            rank=rank,
            world_size=10,
            session_id=f"s{rank}",
        )
        for rank, count in HITS_OF_RANKS.items()
        for number in range(count)
    ]
    write_apart(folder, *records)


def test_only_the_most_frequent_values_are_named_and_the_rest_is_counted(account_of: AccountOf) -> None:
    counts = HITS_OF_RANKS
    found = account_of("alerts_of_ten_ranks", "alert")
    ranks = next(spread for spread in found.spread if spread.field == "rank")
    assert [(value.value, value.hit_count) for value in ranks.values] == [
        (str(rank), count) for rank, count in Counter(counts).most_common(5)
    ]
    assert (ranks.value_count, ranks.rest_hit_count) == (10, sum(counts[rank] for rank in range(5, 10)))


def test_the_first_rank_is_that_of_the_latest_run(
    job: stormlog.query.QueryStore, account_of_job: IssueAccount
) -> None:
    run = account_of_job.latest_run
    explained = job.explain(issue=OOM)
    assert run is not None and (run.run_id, run.attempt) == (explained.run.run_id, explained.run.attempt)
    assert (run.first_failure, run.is_of_issue, run.is_first) == (explained.first_failure, True, True)


def write_bundle(folder: Path, session_id: str, second: int, **manifest: Any) -> None:
    """Write a bundle without events into a case."""
    bundle = folder / f"oom_dump_{session_id}"
    bundle.mkdir(parents=True)
    whole = {
        "schema_version": 1,
        "bundle_name": bundle.name,
        "created_at_utc": f"2026-01-02T03:04:{second:02}Z",
        "backend": "cuda",
        "reason": f"cuda {folder.name}",
        "event_count": 0,
        "session_id": f"{folder.name} {session_id}",
        "files": ["manifest.json", "events.json", "metadata.json"],
    }
    (bundle / "manifest.json").write_text(json.dumps(whole | manifest))
    (bundle / "events.json").write_text("[]")
    (bundle / "metadata.json").write_text("{}")


@case
def bundles_of_one_second(folder: Path) -> None:
    for rank in (1, 2):
        write_bundle(folder, f"s{rank}", 5, job_id=f"{folder.name} j", rank=rank, world_size=2)


def test_ranks_that_failed_in_one_second_by_bundles_alone_are_all_named(account_of: AccountOf) -> None:
    run = account_of("bundles_of_one_second").latest_run
    assert run is not None and run.first_failure is not None
    assert run.first_failure.rank is None and not run.first_failure.certain


@case
def an_alert_and_a_failure(folder: Path) -> None:
    alert = event(
        timestamp_ns=START_NS + SECOND, event_type="warning", context="slow", session_id="s", job_id="j"
    )
    write_apart(folder, *samples(), alert, failure(30))


def test_a_failure_of_another_issue_is_not_taken_for_its_own(account_of: AccountOf) -> None:
    of_alert = account_of("an_alert_and_a_failure", "alert").latest_run
    of_oom = account_of("an_alert_and_a_failure").latest_run
    assert of_alert is not None and of_alert.first_failure is not None and not of_alert.is_of_issue
    assert of_oom is not None and of_oom.is_of_issue and of_oom.is_first


@case
def a_crash_and_a_later_failure(folder: Path) -> None:
    write_apart(
        folder,
        *samples(world_size=2),
        *samples(session_id="t", rank=1, world_size=2),
        failure(20.5, rank=1, world_size=2, session_id="t", context="crash", metadata={"backend": "cuda"}),
        failure(30, world_size=2),
    )


def test_a_later_failure_is_said_to_come_after_another(account_of: AccountOf) -> None:
    run = account_of("a_crash_and_a_later_failure").latest_run
    assert run is not None and run.first_failure is not None
    assert (run.first_failure.rank, run.is_of_issue, run.is_first) == (0, True, False)


# ---- memory around the evidence --------------------------------------------------------------------------


def samples_with_a_peak() -> list[dict[str, Any]]:
    records = samples(2000, step_bytes=1 << 20, sampling_interval_ms=100)
    for number, record in enumerate(records):
        record["timestamp_ns"] = START_NS + number * SECOND // 10
    records[777]["device_used_bytes"] = 15 * GIB
    return records


@case
def a_peak(folder: Path) -> None:
    write_apart(folder, *samples_with_a_peak(), failure(200))


def test_the_timeline_loses_no_peak(account_of: AccountOf) -> None:
    records = samples_with_a_peak()
    timeline = account_of("a_peak").timeline
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


@case
def two_hours(folder: Path) -> None:
    write_apart(folder, *samples(7200), *samples(7200, session_id="other", step_bytes=1), failure(4000.5))


def test_the_timeline_is_a_window_round_the_evidence(account_of: AccountOf) -> None:
    timeline = account_of("two_hours").timeline
    assert timeline is not None and timeline.session_id == "two_hours s"
    assert timeline.start_ns == START_NS + 2201 * SECOND
    assert timeline.end_ns == START_NS + 4300 * SECOND


@case
def alerts_of_two_sessions(folder: Path) -> None:
    warned = event(event_type="warning", context="slow", timestamp_ns=START_NS + 5 * SECOND, session_id="s")
    elsewhere = {**warned, "session_id": "other"}
    write_apart(folder, *samples(), warned, elsewhere, failure(19.5))


def test_phases_and_marks_of_other_ranks_and_sessions_are_left_out(account_of: AccountOf) -> None:
    timeline = account_of("alerts_of_two_sessions").timeline
    assert timeline is not None
    assert [(mark.kind, mark.count) for mark in timeline.marks if mark.kind != "hidden_memory_anomaly"] == [
        ("alert", 1),
        ("failure", 1),
    ]


def test_a_phase_has_the_time_in_which_none_below_it_runs(account_of_job: IssueAccount) -> None:
    timeline = account_of_job.timeline
    assert timeline is not None
    names = [band.phase for band in timeline.phases]
    assert {"train / forward", "train / backward", "train / optimizer"} <= set(names)
    assert all(earlier.end_ns <= later.start_ns for earlier, later in pairwise(timeline.phases))
    assert all(earlier != later for earlier, later in pairwise(names))


@case
def no_samples(folder: Path) -> None:
    write_apart(folder, failure(1))


def test_without_samples_there_is_no_timeline(account_of: AccountOf) -> None:
    assert account_of("no_samples").timeline is None


@case
def a_bundle_of_one_of_two_ranks(folder: Path) -> None:
    write_apart(folder, *samples(), *samples(rank=1, world_size=2, device_id=1))
    write_bundle(folder, "s", 15)


def test_a_bundle_of_a_session_of_several_ranks_shows_nobodys_memory(account_of: AccountOf) -> None:
    assert account_of("a_bundle_of_one_of_two_ranks").timeline is None


# ---- places and versions ---------------------------------------------------------------------------------


def test_evidence_is_where_it_is_said_to_be(
    accounts_of_job: list[tuple[StormlogIssue, IssueAccount]],
) -> None:
    for _, found in accounts_of_job:
        assert 1 <= len(found.evidence) <= 3
        for place in found.evidence:
            if place.line_number is None:
                assert Path(place.path).is_dir()
                continue
            record = json.loads(Path(place.path).read_text().splitlines()[place.line_number - 1])
            assert record["timestamp_ns"] == place.timestamp_ns
            assert (record["rank"], record["session_id"]) == (place.rank, place.session_id)


def records_of_versions(*versions: tuple[str | None, bool]) -> list[dict[str, Any]]:
    """Return one run per version, a day apart; True for those that fail."""
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
    return records


def runs_of_versions(path: Path, *versions: tuple[str | None, bool]) -> Path:
    return write_lines(path / "events.jsonl", *records_of_versions(*versions))


def write_versions(folder: Path, versions: list[tuple[str | None, bool]]) -> None:
    write_apart(folder, *records_of_versions(*versions))


#: Runs in their order, and what is said of them: the last one without the issue, the first with it, gone in, back in.
VERSIONS = [
    ([("1.0", False), ("1.1", False), ("1.2", True)], ("1.1", "1.2", None, None)),
    ([("1.0", False), (None, False), ("1.2", True), ("1.3", True)], ("1.0", "1.2", None, None)),
    ([("1.0", True), ("1.1", False), ("1.2", True)], (None, "1.0", "1.1", "1.2")),
    (
        [("1.0", False), ("1.1", True), ("1.2", False), ("1.3", True), ("1.4", True)],
        ("1.0", "1.1", "1.2", "1.3"),
    ),
    ([(None, False), (None, True)], (None, None, None, None)),
    ([("1.0", True), ("1.1", False)], (None, "1.0", None, None)),
]

for number, (versions, _) in enumerate(VERSIONS):
    case[f"versions_{number}"] = partial(write_versions, versions=versions)


@pytest.mark.parametrize("number", range(len(VERSIONS)))
def test_versions_come_from_runs_before_and_between(account_of: AccountOf, number: int) -> None:
    found = account_of(f"versions_{number}").versions
    assert (found.last_without, found.first_with, found.gone_in, found.back_in) == VERSIONS[number][1]


SAID = "CUDA out of memory. Tried to allocate 2.00 GiB."


@case
def a_message_of_an_event(folder: Path) -> None:
    write_apart(folder, failure(1, context=SAID))


def test_a_message_is_that_of_the_bundle_else_of_the_event(
    account_of_job: IssueAccount, account_of: AccountOf
) -> None:
    of_bundle = account_of_job
    assert of_bundle.exception.exception_type == "OutOfMemoryError"
    assert of_bundle.exception.requested_bytes == 5_905_580_032
    assert of_bundle.bundle_path is not None and Path(of_bundle.bundle_path).is_dir()
    of_event = account_of("a_message_of_an_event")
    assert (of_event.exception.message, of_event.exception.requested_bytes) == (SAID, 2 * GIB)
    assert of_event.bundle_path is None


# ---- ids -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [OOM, OOM.removeprefix("issue:"), "63b1d6", "issue:63b1d655", " 63B1D6 "])
def test_an_issue_may_be_named_by_its_first_digits(job: stormlog.query.QueryStore, name: str) -> None:
    assert job.find_fingerprint(name) == OOM


def test_what_asks_for_an_issue_takes_its_first_digits(
    job: stormlog.query.QueryStore, account_of_job: IssueAccount
) -> None:
    assert job.issue_account("63b1d6") == account_of_job
    assert job.explain(issue="63b1d6").run == job.explain(issue=OOM).run


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


def write_three_moments(folder: Path, last_ns: int) -> None:
    error = event(
        timestamp_ns=last_ns, event_type="error", metadata={"backend": "cuda", "oom_reason": "cuda"}
    )
    write_apart(folder, event(timestamp_ns=last_ns - 2), event(timestamp_ns=last_ns - 1), error)


LAST_TIMES = {"the_first_times": 2, "the_last_times": 2**63 - 1}
for name, last_ns in LAST_TIMES.items():
    case[name] = partial(write_three_moments, last_ns=last_ns)


@pytest.mark.parametrize("name", LAST_TIMES)
def test_the_first_and_the_last_times_that_there_are_have_an_account(
    account_of: AccountOf, name: str
) -> None:
    found = account_of(name)
    assert found.timeline is not None and found.timeline.end_ns == LAST_TIMES[name]
    assert sum(bucket.hit_count for bucket in found.trend) == 1
