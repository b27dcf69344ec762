"""Where several sources tell of the same evidence, what is recorded does not depend on which came first."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import pytest

from stormlog.tracking import Tracker
from stormlog.tracking.projects import ensure_project
from stormlog.tracking.recording.recorder import put_incoming, record
from tests.tracking.evidence import SCAN, fingerprint_id
from tests.tracking.tables import tables

S = 10**9
FIELDS = (
    "batch",
    "fingerprint_id",
    "app",
    "is_dev",
    "kind",
    "schema_version",
    "dimensions_json",
    "severity",
    "title",
    "session_id",
    "run_id",
    "host",
    "user",
    "environment",
    "code_version",
    "rank",
    "timestamp_ns",
    "evidence_id",
    "source_kind",
    "event_type",
    "source_path",
    "bundle_path",
    "metadata_json",
)


def row(**changes: Any) -> tuple[Any, ...]:
    values: dict[str, Any] = {
        "batch": 0,
        "fingerprint_id": fingerprint_id("F"),
        "app": "a",
        "is_dev": 0,
        "kind": "alert",
        "schema_version": 1,
        "dimensions_json": '{"name":"F"}',
        "severity": "warning",
        "title": "Alert: F",
        "session_id": "s",
        "run_id": "s",
        "host": None,
        "user": None,
        "environment": None,
        "code_version": None,
        "rank": 0,
        "timestamp_ns": 10 * S,
        "evidence_id": f"telemetry-{'e' * 32}",
        "source_kind": "sink",
        "event_type": "warning",
        "source_path": "/runs/s",
        "bundle_path": None,
        "metadata_json": "{}",
        **changes,
    }
    return tuple(values[name] for name in FIELDS)


def recorded(path: Path, *writes: list[tuple[Any, ...]]) -> dict[str, list[tuple[Any, ...]]]:
    """Return the tables after some writes of some rows each."""
    with Tracker(path, clock=lambda: 2_000_000_000 * S) as tracker:
        for rows in writes:
            with tracker.store.writing() as connection:
                project = ensure_project(connection, tracker.project, tracker.clock())
                put_incoming(connection, rows)
                record(connection, project=project, actor=SCAN, now_ns=tracker.clock())
        return tables(tracker)


def orders(rows: list[tuple[Any, ...]]) -> list[list[list[tuple[Any, ...]]]]:
    """Return the writes of all orders: all rows at once, or one after the other."""
    together = [[list(order)] for order in itertools.permutations(rows)]
    apart = [[[one] for one in order] for order in itertools.permutations(rows)]
    return [*together, *apart]


#: Name, what the sources say, and what the occurrence says then: run, host, user, environment.
OCCURRENCES = [
    ("hosts", [{"host": "node-b"}, {"host": "node-a"}], ("s", "node-a", None, None)),
    ("a host that one does not know", [{"host": None}, {"host": "node-b"}], ("s", "node-b", None, None)),
    ("users", [{"user": "kim"}, {"user": "ada"}], ("s", None, "ada", None)),
    ("environments", [{"environment": "cuda"}, {"environment": "cpu"}], ("s", None, None, "cpu")),
    ("runs", [{"run_id": "r2"}, {"run_id": "r1"}], ("r1", None, None, None)),
]


@pytest.mark.parametrize(("name", "said", "wanted"), OCCURRENCES, ids=[name for name, _, _ in OCCURRENCES])
def test_the_lesser_text_counts(
    tmp_path: Path, name: str, said: list[dict[str, Any]], wanted: tuple[str | None, ...]
) -> None:
    # The same evidence, and evidence of its own from each source.
    for is_same in (True, False):
        rows = [
            row(
                source_path=f"/runs/{number}",
                evidence_id=f"telemetry-{('e' if is_same else str(number)) * 32}",
                **values,
            )
            for number, values in enumerate(said)
        ]
        found = [
            recorded(tmp_path / f"{is_same}-{number}.db", *writes)
            for number, writes in enumerate(orders(rows))
        ]
        assert all(one == found[0] for one in found)
        ((_, _, *texts, _, _, _, _, _),) = found[0]["occurrences"]
        assert tuple(texts) == wanted


def test_a_run_of_its_own_gives_way_to_a_named_one(tmp_path: Path) -> None:
    found = [
        recorded(tmp_path / f"{number}.db", *([one] for one in order))
        for number, order in enumerate(
            itertools.permutations([row(run_id=None), row(run_id="t", evidence_id=f"telemetry-{'f' * 32}")])
        )
    ]
    assert found[0] == found[1]
    assert found[0]["occurrences"][0][2] == "t"


def test_of_copies_the_first_path_speaks(tmp_path: Path) -> None:
    rows = [
        row(source_path="/b", metadata_json='{"of":"b"}'),
        row(source_path="/a", metadata_json='{"of":"a"}'),
        row(source_path="/c", metadata_json='{"of":"c"}'),
    ]
    found = [recorded(tmp_path / f"{number}.db", *writes) for number, writes in enumerate(orders(rows))]
    assert all(one == found[0] for one in found)
    ((*_, path, _, metadata),) = found[0]["evidence"]
    assert (path, metadata) == ("/a", '{"of":"a"}')


#: What hits of one issue say, and its title then: that of the earliest, then of the first id; no time is the latest.
TITLES = [
    ([("first", 10, "b"), ("second", 20, "a")], "first"),
    ([("first", 10, "b"), ("second", 10, "a")], "second"),
    ([("first", None, "a"), ("second", 20, "b")], "second"),
    ([("first", None, "b"), ("second", None, "a")], "second"),
]


@pytest.mark.parametrize(("hits", "title"), TITLES)
def test_the_earliest_evidence_names_an_issue(
    tmp_path: Path, hits: list[tuple[str, int | None, str]], title: str
) -> None:
    rows = [
        row(title=name, timestamp_ns=None if at is None else at * S, evidence_id=f"telemetry-{letter * 32}")
        for name, at, letter in hits
    ]
    found = [recorded(tmp_path / f"{number}.db", *writes) for number, writes in enumerate(orders(rows))]
    assert all(one == found[0] for one in found)
    assert found[0]["fingerprints"][0][8] == title


def test_a_version_is_as_old_as_its_first_evidence(tmp_path: Path) -> None:
    rows = [
        row(code_version="1", timestamp_ns=at * S, evidence_id=f"telemetry-{str(at)[0] * 32}")
        for at in (20, 10, 30)
    ]
    found = [recorded(tmp_path / f"{number}.db", *writes) for number, writes in enumerate(orders(rows))]
    assert all(one == found[0] for one in found)
    assert found[0]["versions"] == [("a", "1", 10 * S)]


def test_a_version_that_was_not_known_is_learned(tmp_path: Path) -> None:
    rows = [row(), row(code_version="1", source_path="/runs/t")]
    found = [
        recorded(tmp_path / f"{number}.db", *([one] for one in order))
        for number, order in enumerate(itertools.permutations(rows))
    ]
    assert [one["evidence_keys"][0][6] for one in found] == ["1", "1"]
