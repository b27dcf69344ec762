"""Where two things are equal in what is asked for, a rule decides between them; each has a tie here."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.issues import analyze_hidden_memory_gaps
from tests.artifacts.factories import make_oom_bundle
from tests.query.sinks import SECOND, START_NS, write_lines, write_sink
from tests.telemetry.factories import record

DRIFT_BYTES = (1000, 2000, 3000, 4000, 5000)


def sample(second: int, gap: int, **changes: Any) -> dict[str, Any]:
    return record(
        timestamp_ns=START_NS + second * SECOND,
        device_used_bytes=gap,
        device_total_bytes=20_000,
        allocator_reserved_bytes=0,
        allocator_allocated_bytes=0,
        metadata={"backend": "cuda"},
        **changes,
    )


def drift(session: str) -> list[dict[str, Any]]:
    return [sample(number, gap, session_id=session) for number, gap in enumerate(DRIFT_BYTES)]


def oom(session: str, second: int, **changes: Any) -> dict[str, Any]:
    return record(
        session_id=session,
        timestamp_ns=START_NS + second * SECOND,
        event_type="error",
        metadata={"backend": "cuda", "oom_reason": "r"},
        **changes,
    )


# ---- sessions of a ledger ----------------------------------------------------------------------------------


def ended(status: str, start: int | None, end: int | None) -> dict[str, Any]:
    return {"status": status, "started_at_ns": start, "ended_at_ns": end}


LEDGERS = [
    ("completed before interrupted", ended("interrupted", 9, 99), ended("completed", 1, 2), "b"),
    ("interrupted before incomplete", ended("incomplete", 9, 99), ended("interrupted", 1, 2), "b"),
    ("incomplete before running", ended("running", 9, 99), ended("incomplete", 1, 2), "b"),
    ("the later end first", ended("completed", 1, 50), ended("completed", 1, 60), "b"),
    ("the later end, whatever the start", ended("completed", 9, 50), ended("completed", 1, 60), "b"),
    ("without an end the start counts", ended("running", 50, None), ended("running", 60, None), "b"),
    ("the start of one, the end of the other", ended("running", 1, 50), ended("running", 60, None), "b"),
    ("an end of zero is none", ended("completed", 1, 50), ended("completed", 60, 0), "b"),
    ("of equal ends the later start", ended("completed", 1, 50), ended("completed", 2, 50), "b"),
    ("of equal ones the first by name", ended("completed", 1, 50), ended("completed", 1, 50), "a"),
]


@pytest.mark.parametrize("is_swapped", [False, True], ids=["", "the-other-way-round"])
def test_the_first_session_represents_an_issue(tmp_path: Path, is_swapped: bool) -> None:
    for rule, one, other, _ in LEDGERS:
        # Files, and the entries of the ledger, in both orders; the names in theirs.
        entries = [("a", one), ("b", other)]
        if is_swapped:
            entries.reverse()
        ledger = [
            {"session_id": f"{name} of {rule}", "host": "h", "pid": 7, "source": "t", **entry}
            for name, entry in entries
        ]
        files = {
            f"segment-00000{number}.jsonl": [
                {**event, "collector": rule} for event in drift(f"{name} of {rule}")
            ]
            for number, (name, _) in enumerate(entries, 1)
        }
        write_sink(tmp_path / rule.replace(" ", "-"), files, sessions=ledger)

    with stormlog.query.open([tmp_path], cache=False) as store:
        issues = {issue.fingerprint.dimensions["collector"]: issue for issue in store.list_issues()}
        shown = {
            rule: (issue.representative_evidence.session_id, [link.session_id for link in issue.evidence])
            for rule, issue in issues.items()
        }

    assert shown == {
        rule: (f"{first} of {rule}", [f"{name} of {rule}" for name in (first, {"a": "b", "b": "a"}[first])])
        for rule, _, _, first in LEDGERS
    }


# ---- hits of an issue --------------------------------------------------------------------------------------


def test_of_hits_at_one_time_the_session_decides(tmp_path: Path) -> None:
    """Whichever file comes first."""
    for reason, names in {"forwards": ("1", "2"), "backwards": ("2", "1")}.items():
        (tmp_path / reason).mkdir()
        for name, session, device in zip(names, "za", (2, 1), strict=True):
            hit = oom(f"{session} {reason}", 1, device_id=device, rank=0)
            hit["metadata"]["oom_reason"] = reason
            write_lines(tmp_path / reason / f"{name}.jsonl", [hit])

    with stormlog.query.open([tmp_path], cache=False) as store:
        issues = {issue.fingerprint.dimensions["reason"]: issue for issue in store.list_issues()}
        order = {reason: [link.session_id for link in issue.evidence] for reason, issue in issues.items()}

    assert order == {reason: [f"a {reason}", f"z {reason}"] for reason in ("forwards", "backwards")}
    for reason, issue in issues.items():
        assert issue.representative_evidence.session_id == f"a {reason}"
        assert issue.details["device_id"] == 2


def test_of_hits_of_one_session_at_one_time_file_and_line_decide(tmp_path: Path) -> None:
    # The segment that is listed last is read last, and it is the last line of that.
    files = {
        "segment-000001.jsonl": [oom("s", 1, device_id=number) for number in (1, 2)],
        "segment-000002.jsonl": [oom("s", 1, device_id=number) for number in (3, 4)],
    }
    sink = write_sink(tmp_path / "sink", files)

    with stormlog.query.open([sink], cache=False) as store:
        (issue,) = store.list_issues()
        lines = store.sql(
            "SELECT segment_path, sort_line FROM issue_evidence ORDER BY sort_file, sort_line"
        ).rows
        first = store.sql(
            "SELECT details FROM issue_evidence ORDER BY stage, sort_ns, sort_text, sort_file, sort_line LIMIT 1"
        ).rows[0][0]

    assert issue.details["device_id"] == 4
    assert json.loads(first)["device_id"] == 1
    assert [(Path(path).name, line) for path, line in lines] == [
        *(("segment-000001.jsonl", line) for line in (1, 2)),
        *(("segment-000002.jsonl", line) for line in (1, 2)),
    ]


def test_the_last_bundle_and_the_last_event_describe_an_issue(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        folder = make_oom_bundle(tmp_path / f"oom_dump_{name}", reason="r", session_id=f"s{name}")
        (folder / "metadata.json").write_text(json.dumps({"exception_type": name, "exception_module": "m"}))
    write_lines(tmp_path / "events.jsonl", [oom("s", 1, device_id=1), oom("s", 2, device_id=2)])

    with stormlog.query.open([tmp_path], cache=False) as store:
        (issue,) = store.list_issues()

    assert issue.hit_count == 5
    assert (issue.details["exception_type"], issue.details["device_id"]) == ("c", 2)
    assert (issue.representative_evidence.bundle_path or "").endswith("oom_dump_a")


def test_sessions_of_an_issue_are_those_that_have_a_name(tmp_path: Path) -> None:
    make_oom_bundle(tmp_path / "oom_dump_a", reason="unnamed")
    make_oom_bundle(tmp_path / "oom_dump_b", reason="both")
    make_oom_bundle(tmp_path / "oom_dump_c", reason="both", session_id="s")

    with stormlog.query.open([tmp_path], cache=False) as store:
        rows = store.sql("SELECT dimensions, affected_sessions FROM issues").rows
        sessions = {json.loads(dimensions)["reason"]: found for dimensions, found in rows}
        issues = {
            issue.fingerprint.dimensions["reason"]: issue.affected_sessions for issue in store.list_issues()
        }

    assert sessions == {"unnamed": None, "both": ["s"]}
    assert {reason: list(found) for reason, found in issues.items()} == {"unnamed": [], "both": ["s"]}


# ---- lists -------------------------------------------------------------------------------------------------


def test_issues_of_equal_severity_and_time_are_listed_by_their_ids(tmp_path: Path) -> None:
    write_lines(
        tmp_path / "events.jsonl",
        [
            record(timestamp_ns=START_NS, event_type="warning", context=context, session_id=session)
            for session, context in (
                ("s1", "disk"),
                ("s2", "net"),
                ("s3", "fan"),
                ("s4", "door"),
                ("s5", "cat"),
            )
        ],
    )
    with stormlog.query.open([tmp_path], cache=False) as store:
        ids = [issue.fingerprint_id for issue in store.list_issues()]
    assert len(ids) == 5 and ids == sorted(ids)


def test_sessions_that_start_together_are_listed_by_falling_names(tmp_path: Path) -> None:
    for name in ("b", "a", "c"):
        write_lines(tmp_path / f"{name}.jsonl", [record(session_id=name, timestamp_ns=START_NS)])
    with stormlog.query.open([tmp_path], cache=False) as store:
        assert [session.session_id for session in store.list_sessions()] == ["c", "b", "a"]


def test_events_of_one_time_are_listed_by_session_file_and_line(tmp_path: Path) -> None:
    files = {
        "segment-000001.jsonl": [("b", 1), ("a", 2), ("a", 3)],
        "segment-000002.jsonl": [("a", 4), ("b", 5)],
    }
    events = {
        name: [
            record(session_id=session, timestamp_ns=START_NS, device_id=number) for session, number in rows
        ]
        for name, rows in files.items()
    }
    sink = write_sink(tmp_path / "sink", events)
    with stormlog.query.open([sink], cache=False) as store:
        listed = [event.as_dict()["device_id"] for event in store.query_events()]
        streamed = [event.as_dict()["device_id"] for event in store.iter_events()]
    assert listed == streamed == [2, 3, 4, 1, 5]


# ---- samples of a finding ----------------------------------------------------------------------------------

#: Name, samples of one file, and which lines show the spike, the drift's last gap, its first gap.
SAMPLES = [
    (
        "the first of two largest gaps",
        [sample(second, gap) for second, gap in enumerate((0, 0, 5000, 0, 0, 5000, 0, 0, 0, 0, 0, 0, 0))],
        {"transient_spike": 3},
        {},
    ),
    (
        "the first line of two largest gaps at one time",
        [
            *(sample(second, 0) for second in range(9)),
            sample(9, 5000, device_id=1),
            sample(9, 5000, device_id=2),
            sample(10, 0),
        ],
        {"transient_spike": 10},
        {},
    ),
    (
        "the last line of two at the last time",
        [
            *(sample(second, gap) for second, gap in enumerate((1000, 2000, 3000, 4000, 5000, 6000, 7000))),
            sample(7, 8000, device_id=1),
            sample(7, 8100, device_id=2),
        ],
        {"persistent_drift": 9},
        {"gap_start_bytes": 1000.0, "gap_end_bytes": 8100.0},
    ),
    (
        "the first line of two at the first time",
        [
            sample(0, 900, device_id=1),
            sample(0, 1000, device_id=2),
            *(sample(second, gap) for second, gap in enumerate((2000, 3000, 4000, 5000, 6000, 7000), 1)),
        ],
        {"persistent_drift": 8},
        {"gap_start_bytes": 900.0, "gap_end_bytes": 7000.0},
    ),
    (
        "the first of two largest ratios",
        [
            record(
                timestamp_ns=START_NS + number * SECOND,
                device_used_bytes=1500,
                device_total_bytes=2000,
                allocator_reserved_bytes=1000,
                allocator_allocated_bytes=allocated,
            )
            for number, allocated in enumerate((700, 600, 700, 600, 700))
        ],
        {"fragmentation_like": 2},
        {},
    ),
]


@pytest.mark.parametrize("is_cut", [False, True], ids=["one-file", "two-files"])
def test_the_sample_that_shows_a_finding(tmp_path: Path, is_cut: bool) -> None:
    cuts = {}
    for name, events, lines, _ in SAMPLES:
        # Cut before the sample that counts, equal ones lie in two files.
        cuts[name] = middle = max(lines.values()) - 1 if is_cut else len(events)
        rows = [{**event, "session_id": name} for event in events]
        files = {"segment-000001.jsonl": rows[:middle], "segment-000002.jsonl": rows[middle:]}
        write_sink(tmp_path / name.replace(" ", "-"), {file: part for file, part in files.items() if part})

    found: dict[str, dict[str, tuple[int, int, Any]]] = {name: {} for name in cuts}
    with stormlog.query.open([tmp_path], cache=False) as store:
        for session, classification, timestamp_ns, line, path, numbers in store.sql(
            "SELECT session_id, classification, timestamp_ns, line_number, segment_path, evidence FROM memory_gaps"
        ).rows:
            line += cuts[session] if Path(path).name == "segment-000002.jsonl" else 0
            found[session][classification] = (line, timestamp_ns, json.loads(numbers))

    for name, events, lines, evidence in SAMPLES:
        expected = {item.classification: item for item in analyze_hidden_memory_gaps(events)}
        assert {classification: line for classification, (line, _, _) in found[name].items()} == lines, name
        for classification, (line, timestamp_ns, numbers) in found[name].items():
            assert timestamp_ns == events[line - 1]["timestamp_ns"]
            assert expected[classification].evidence_timestamp_ns == timestamp_ns
            assert expected[classification].evidence == numbers
            assert evidence.items() <= numbers.items()


def test_the_first_event_at_that_time_surrounds_a_finding(tmp_path: Path) -> None:
    events = drift("s")
    last = events[-1]["timestamp_ns"]
    before = [
        record(session_id="s", timestamp_ns=last, event_type=kind, collector=collector, **ranks)
        for kind, collector, ranks in (
            ("start", "first", {"rank": 1, "local_rank": 1, "world_size": 2}),
            ("stop", "second", {}),
        )
    ]
    write_lines(tmp_path / "events.jsonl", [*before, *events])

    with stormlog.query.open([tmp_path], cache=False) as store:
        found = store.sql(
            "SELECT classification, line_number, collector, event_type, rank FROM memory_gaps"
        ).rows

    assert found == [("persistent_drift", 7, "first", "start", 1)]
