"""Every rule of a record at, below and above its bound: plain SQL, shapes, columns of Parquet and Python agree."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import stormlog.query
from stormlog.engine.database.lazy_schema import Database
from stormlog.engine.database.sql_files import view_query
from stormlog.engine.reading import line_files
from stormlog.engine.reading.line_shapes import learn_shapes
from stormlog.engine.reading.odd_lines import Arbiter
from stormlog.telemetry.errors import TelemetryRecordError
from stormlog.telemetry.validation import validate_telemetry_record
from tests.engine.reading.mutations import capabilities
from tests.engine.reading.oracle import actual, judged
from tests.engine.reading.test_parquet_columns import good_row, segment, sink_of
from tests.telemetry.factories import record

LEAST, LARGEST = -(2**63), 2**63 - 1
FLAG_OF = {
    "allocator_allocated_bytes": "supports_allocator_allocated",
    "allocator_change_bytes": "supports_allocator_allocated",
    "allocator_reserved_bytes": "supports_allocator_reserved",
    "allocator_active_bytes": "supports_allocator_active",
    "allocator_inactive_bytes": "supports_allocator_inactive",
    "device_used_bytes": "supports_device_used",
    "device_free_bytes": "supports_device_free",
    "device_total_bytes": "supports_device_total",
}
#: Null is refused here in version 3.
CORE = (
    "allocator_allocated_bytes",
    "allocator_change_bytes",
    "allocator_reserved_bytes",
    "device_used_bytes",
)
NO_COUNTERS: dict[str, Any] = dict.fromkeys(FLAG_OF)
ONE_JOB = {"rank": 0, "local_rank": 0, "world_size": 1}

#: Stands for a field that a record does not have.
ABSENT: Any = object()

#: What is changed in a record, and the reason why it is rejected then: None where it is an event.
Row = tuple[dict[str, Any], str | None]


def below(field: str, minimum: int) -> str:
    return f"below_minimum:{field}:{minimum}"


def minimum_of(field: str, minimum: int, *, to_spare: int = 1, **others: Any) -> list[Row]:
    """Return rows around a smallest value."""
    return [
        ({field: minimum - 1, **others}, below(field, minimum)),
        ({field: minimum, **others}, None),
        ({field: minimum + to_spare, **others}, None),
    ]


def version_4(flags: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "schema_version": 4,
        "metadata": {"memory_capabilities": capabilities(**(flags or {}))},
        **changes,
    }


VERSIONS: list[Row] = [
    ({"schema_version": 1}, "unsupported_schema_version:1"),
    ({"schema_version": 3}, None),
    (version_4(), None),
    (version_4(schema_version=5), "unsupported_schema_version:5"),
]

NUMBERS: list[Row] = [
    *minimum_of("timestamp_ns", 0),
    ({"timestamp_ns": LARGEST}, None),
    ({"timestamp_ns": LARGEST + 1}, "out_of_range:timestamp_ns"),
    *minimum_of("sampling_interval_ms", 0),
    ({"sampling_interval_ms": LARGEST}, None),
    ({"sampling_interval_ms": LARGEST + 1}, "out_of_range:sampling_interval_ms"),
    *minimum_of("pid", -1),
    ({"pid": LARGEST}, None),
    ({"pid": LARGEST + 1}, "out_of_range:pid"),
    *minimum_of("world_size", 1),
    ({"device_id": LEAST - 1}, "out_of_range:device_id"),
    ({"device_id": LEAST}, None),
    ({"device_id": -1}, None),
    ({"device_id": LARGEST}, None),
    ({"device_id": LARGEST + 1}, "out_of_range:device_id"),
    ({"device_id": None}, "not_integer:device_id"),
]

JOBS: list[Row] = [
    *minimum_of("rank", 0, local_rank=0, world_size=2),
    *minimum_of("local_rank", 0, rank=0, world_size=2),
    ({"rank": 1, "local_rank": 0, "world_size": 2}, None),
    ({"rank": 2, "local_rank": 0, "world_size": 2}, "rank_not_below_world_size"),
    ({"rank": 0, "local_rank": 1, "world_size": 2}, None),
    ({"rank": 0, "local_rank": 2, "world_size": 2}, "local_rank_not_below_world_size"),
    ({"rank": 1, "local_rank": 0, "world_size": 1}, "rank_not_below_world_size"),
    ({"rank": 0, "local_rank": 1, "world_size": 1}, "local_rank_not_below_world_size"),
    ({"rank": 1, "local_rank": 1, "world_size": 1}, "rank_not_below_world_size"),
    ({"rank": ABSENT, "local_rank": ABSENT, "world_size": ABSENT}, None),
    ({"rank": ABSENT, "local_rank": 0, "world_size": ABSENT}, None),
    ({"rank": ABSENT, "local_rank": 1, "world_size": ABSENT}, "local_rank_not_below_world_size"),
    ({"rank": ABSENT, "local_rank": 1, "world_size": 2}, None),
    ({"rank": 1, "local_rank": ABSENT, "world_size": 2}, None),
    ({"rank": 1, "local_rank": ABSENT, "world_size": 1}, "rank_not_below_world_size"),
    ({"rank": 1, "local_rank": ABSENT, "world_size": ABSENT}, "rank_not_below_world_size"),
    ({"rank": 1, "local_rank": 0, "world_size": ABSENT}, "rank_not_below_world_size"),
    ({"rank": None}, "not_integer:rank"),
    ({"local_rank": None}, "not_integer:local_rank"),
    ({"world_size": None}, "not_integer:world_size"),
]

COUNTERS: list[Row] = []
for counter in FLAG_OF:
    for base in ({}, version_4()):
        rest = {**base, "device_total_bytes": LARGEST}
        if counter == "allocator_change_bytes":
            COUNTERS += [({**base, counter: value}, None) for value in (LEAST, -1, 0, 1, LARGEST)]
            COUNTERS.append(({**base, counter: LEAST - 1}, f"out_of_range:{counter}"))
        else:
            if counter == "device_total_bytes":
                rest["device_used_bytes"] = 0
            COUNTERS += [
                ({**rest, counter: -1}, below(counter, 0)),
                *(({**rest, counter: value}, None) for value in (0, 1, LARGEST)),
            ]
        over = {**rest, counter: LARGEST + 1}
        if counter in ("device_used_bytes", "device_free_bytes"):
            over["device_total_bytes"] = None
        COUNTERS.append((over, f"out_of_range:{counter}"))
        is_needed = not base and counter in CORE
        COUNTERS.append(({**base, counter: None}, f"not_integer:{counter}" if is_needed else None))

TOTALS: list[Row] = []
for part in ("used", "free"):
    name, excess = f"device_{part}_bytes", f"{part}_exceeds_total"
    for base in ({}, version_4()):
        least = {**base, "device_used_bytes": 0, "device_free_bytes": 0}
        TOTALS += [
            ({**least, "device_total_bytes": 8, name: 7}, None),
            ({**least, "device_total_bytes": 8, name: 8}, None),
            ({**least, "device_total_bytes": 8, name: 9}, excess),
            ({**least, "device_total_bytes": 0, name: 0}, None),
            ({**least, "device_total_bytes": 0, name: 1}, excess),
            ({**least, "device_total_bytes": None, name: 9}, None),
        ]

CAPABILITIES: list[Row] = [
    (version_4(**NO_COUNTERS), None),
    (version_4(dict.fromkeys(FLAG_OF.values(), False), **NO_COUNTERS), None),
    (version_4(metadata={"memory_capabilities": None}), "capabilities_not_object"),
    (version_4(metadata={"memory_capabilities": []}), "capabilities_not_object"),
    (version_4({"supports_more": True}), "capability_unknown:supports_more"),
]
for counter, flag in FLAG_OF.items():
    only = {**dict.fromkeys(FLAG_OF.values(), False), flag: True}
    CAPABILITIES += [
        (version_4(only, **{**NO_COUNTERS, counter: 0}), None),
        (version_4({flag: False}, **{**NO_COUNTERS, counter: None}), None),
        (
            version_4({flag: False}, **{**NO_COUNTERS, counter: 0}),
            f"counter_present_but_unsupported:{counter}",
        ),
    ]
for name, value in capabilities().items():
    left = {key: kept for key, kept in capabilities().items() if key != name}
    CAPABILITIES.append(
        (version_4(metadata={"memory_capabilities": left}), f"capability_missing:{name}"),
    )
    if isinstance(value, str):
        label = f"metadata.memory_capabilities.{name}"
        CAPABILITIES += [
            (version_4({name: "!"}), None),
            (version_4({name: ""}), f"blank_or_missing_string:{label}"),
            (version_4({name: " "}), f"blank_or_missing_string:{label}"),
            (version_4({name: None}), f"blank_or_missing_string:{label}"),
            (version_4({name: 5}), f"not_string:{label}"),
        ]
    else:
        CAPABILITIES += [
            (version_4({name: other}), f"capability_not_boolean:{name}") for other in (None, 1, 0, "true", [])
        ]

TEXTS: list[Row] = []
for name in ("event_type", "collector", "host"):
    TEXTS += [
        ({name: "!"}, None),
        ({name: "}"}, None),
        ({name: ""}, f"blank_or_missing_string:{name}"),
        ({name: " "}, f"blank_or_missing_string:{name}"),
        ({name: "\x1c"}, f"blank_or_missing_string:{name}"),
        ({name: None}, f"blank_or_missing_string:{name}"),
        ({name: 5}, f"not_string:{name}"),
    ]
TEXTS += [
    ({"session_id": "!"}, None),
    ({"job_id": None}, None),
    ({"job_id": "!"}, None),
    ({"job_id": ""}, "blank_or_missing_string:job_id"),
    ({"job_id": " "}, "blank_or_missing_string:job_id"),
    ({"job_id": 5}, "not_string:job_id"),
    ({"context": None}, None),
    ({"context": ""}, None),
    ({"context": "a"}, None),
    ({"context": 5}, "not_string:context"),
    ({"context": ["a"]}, "not_string:context"),
    ({"metadata": None}, "metadata_not_object"),
    ({"metadata": []}, "metadata_not_object"),
    ({"metadata": "a"}, "metadata_not_object"),
    ({"more": 1}, "unknown_fields:more"),
]
#: Every value that is no integer, of every field that needs one.
TYPES: list[Row] = [
    ({**ONE_JOB, field: value}, f"not_integer:{field}")
    for field in (
        *("timestamp_ns", "sampling_interval_ms", "pid", "rank", "local_rank", "world_size", "device_id"),
        *FLAG_OF,
    )
    for value in (True, 1.0, "1")
]
#: Every field that a record needs.
NEEDED: list[Row] = [
    ({field: ABSENT}, f"missing_fields:{field}")
    for field in record()
    if field not in ("schema_version", "session_id", "job_id", "rank", "local_rank", "world_size", "metadata")
]
#: Events as well, but not plainly: SQL leaves these to Python.
ODD: list[Row] = [
    ({"session_id": ABSENT}, None),
    ({"session_id": ""}, None),
    ({"session_id": " padded"}, None),
    ({"event_type": " padded"}, None),
    ({"collector": "~"}, None),
    ({"host": "é"}, None),
    ({"job_id": '"'}, None),
    ({"schema_version": 2, "session_id": ABSENT}, None),
    (version_4(metadata={}), None),
]
ROWS = [*VERSIONS, *NUMBERS, *JOBS, *COUNTERS, *TOTALS, *CAPABILITIES, *TEXTS, *TYPES, *NEEDED, *ODD]

RECORDS = [
    {
        field: value
        for field, value in record(
            **{"session_id": f"s{number}", "timestamp_ns": 1000 + number, **changes}
        ).items()
        if value is not ABSENT
    }
    for number, (changes, _) in enumerate(ROWS, 1)
]
LINES = [json.dumps(values, sort_keys=True) for values in RECORDS]
REASONS = {number: reason for number, (_, reason) in enumerate(ROWS, 1) if reason is not None}
EVENTS = sorted(set(range(1, len(ROWS) + 1)) - set(REASONS))
PLAIN = EVENTS[: -len(ODD)]


def shown(numbers: Any) -> list[tuple[int, Any]]:
    return [(number, ROWS[number - 1]) for number in sorted(numbers)]


def test_the_table_has_both_outcomes_of_every_rule() -> None:
    assert len(EVENTS) > 80 and len(REASONS) > 150
    assert len(set(LINES)) == len(LINES)


def test_python_gives_these_reasons() -> None:
    results = [judged(line.encode(), 0, "d") for line in LINES]
    for (changes, reason), result in zip(ROWS, results, strict=True):
        assert (result if isinstance(result, str) else None) == reason, changes


def test_the_strict_rules_give_these_reasons() -> None:
    for (changes, reason), values in zip(ROWS[: -len(ODD)], RECORDS, strict=False):
        if reason is not None and reason.startswith("out_of_range:"):
            # No rule of records: only the engine has such a bound.
            reason = None
        try:
            validate_telemetry_record(values)
            found = None
        except TelemetryRecordError as error:
            found = error.code
        assert found == reason, changes


def verdicts_of(statement: Callable[[], str], *, with_shapes: bool, folder: Path) -> set[int]:
    """Return the numbers of the lines that SQL finds plainly valid."""
    with duckdb.connect() as connection:
        database = Database(connection)
        if with_shapes:
            paths = []
            for number, line in enumerate(LINES):
                path = folder / f"{number}.jsonl"
                path.write_text(f"{line}\n{line}\n", encoding="utf-8")
                paths.append(str(path))
            learn_shapes(database, paths)
        connection.execute("CREATE TABLE given (line_number BIGINT, line VARCHAR)")
        database.append("given", [list(range(1, len(LINES) + 1)), LINES], "BIGINT, VARCHAR")
        connection.execute(
            "CREATE OR REPLACE VIEW raw.lines AS SELECT 0 AS piece_id, *, line AS json_line, "
            "CAST(NULL AS VARCHAR) AS record_id, false AS is_canonical FROM given"
        )
        return {number for (number,) in database.execute(statement()).fetchall()}


def test_sql_without_shapes_takes_the_valid_ones_alone(tmp_path: Path) -> None:
    valid = verdicts_of(
        lambda: f"SELECT line_number FROM ({view_query('raw.typed_lines')}) WHERE is_valid",
        with_shapes=False,
        folder=tmp_path,
    )

    assert shown(valid) == shown(PLAIN)


def test_sql_with_shapes_takes_the_valid_ones_alone(tmp_path: Path) -> None:
    valid = verdicts_of(
        lambda: f"SELECT line_number FROM ({view_query('raw.shaped_lines')}) WHERE is_valid",
        with_shapes=True,
        folder=tmp_path,
    )

    # Without a field behind the time there is no shape, nor with such an event type.
    shaped = [number for number in PLAIN if "world_size" in RECORDS[number - 1]]
    assert shown(valid) == shown(n for n in shaped if RECORDS[n - 1]["event_type"] not in ("!", "}"))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the lines that are left to Python."""
    lines: list[str] = []
    real = Arbiter.judge

    def judge(self: Arbiter, place: Any, line_number: int, line: str) -> None:
        lines.append(line)
        real(self, place, line_number, line)

    monkeypatch.setattr(Arbiter, "judge", judge)
    return lines


@pytest.mark.parametrize("shapes_pay_bytes", [0, 2**60], ids=["with-shapes", "without-shapes"])
def test_lines_are_events_or_rejects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str], shapes_pay_bytes: int
) -> None:
    monkeypatch.setattr(line_files, "SHAPES_PAY_BYTES", shapes_pay_bytes)
    path = tmp_path / "segment-000001.jsonl"
    path.write_text("".join(f"{line}\n" for line in LINES), encoding="utf-8")

    with stormlog.query.open([path], cache=False) as store:
        found = actual(store)

    assert shown(found.events) == shown(EVENTS)
    assert found.rejects == REASONS
    assert {LINES.index(line) + 1 for line in asked} == set(range(1, len(ROWS) + 1)) - set(PLAIN)


#: How an event type is spelled, and as what it is read: None if the line is rejected.
EVENT_TYPES: dict[str, str | None] = {
    '""': None,
    '" "': None,
    '"\\u001c"': None,
    '" warning "': " warning ",
    '"w\\u0061rning"': "warning",
    '"Warning"': "Warning",
    '"warning"': "warning",
}


@pytest.fixture(scope="module")
def repeated(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[list[str], list[str]]]:
    """Spelling -> the event types that are read of three such lines, and the reasons of those that are not."""
    folder = tmp_path_factory.mktemp("repeated")
    paths = {spelled: folder / f"segment-{n:06d}.jsonl" for n, spelled in enumerate(EVENT_TYPES)}
    for spelled, path in paths.items():
        events = [record(event_type="TYPE", timestamp_ns=time, session_id=path.stem) for time in (1, 2, 3)]
        lines = [json.dumps(event, sort_keys=True).replace('"TYPE"', spelled) for event in events]
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(line_files, "SHAPES_PAY_BYTES", 0)
        with stormlog.query.open(list(paths.values()), cache=False) as store:
            events = [row.as_dict() for row in store.query_events()]
            rejects = store.rejects()
    return {
        spelled: (
            [event["event_type"] for event in events if event["session_id"] == path.stem],
            [reject.reason for reject in rejects if reject.path == str(path)],
        )
        for spelled, path in paths.items()
    }


@pytest.mark.parametrize("spelled", EVENT_TYPES)
def test_an_event_type_that_repeats_is_judged_as_any_other(
    repeated: dict[str, tuple[list[str], list[str]]], spelled: str
) -> None:
    read = EVENT_TYPES[spelled]
    if read is None:
        assert repeated[spelled] == ([], ["blank_or_missing_string:event_type"] * 3)
    else:
        assert repeated[spelled] == ([read] * 3, [])


def is_storable(number: int) -> bool:
    """Say whether a record of the table can be a row of typed columns at all."""
    values = RECORDS[number - 1]
    texts = ("session_id", "event_type", "collector", "host", "job_id", "context")
    # Null stands for no field there.
    if not set(record()) - set(ONE_JOB) <= set(values) <= set(record()):
        return False
    if any(values.get(name, 0) is None for name in ONE_JOB):
        return False
    return all(
        value is None
        or name == "metadata"
        or (isinstance(value, str) if name in texts else type(value) is int and LEAST <= value <= LARGEST)
        for name, value in values.items()
    )


def test_columns_of_parquet_are_events_or_rejects(tmp_path: Path, asked: list[str]) -> None:
    numbers = [number for number in range(1, len(ROWS) + 1) if is_storable(number)]
    sink = sink_of(tmp_path / "sink", segment([good_row(**RECORDS[number - 1]) for number in numbers]))

    with stormlog.query.open([sink], cache=False) as store:
        found = actual(store)

    wanted = {place: REASONS.get(number) for place, number in enumerate(numbers, 1)}
    assert sorted(found.events) == [place for place, reason in wanted.items() if reason is None]
    assert found.rejects == {place: reason for place, reason in wanted.items() if reason is not None}
    times = {json.loads(line)["timestamp_ns"] for line in asked}
    assert times == {RECORDS[n - 1]["timestamp_ns"] for n in set(numbers) - set(PLAIN)}
