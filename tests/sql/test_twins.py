"""Where a rule exists in SQL and in Python, both say the same: known cases, hostile texts, whole stores."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import stormlog.query
from stormlog._storable_text import is_storable
from stormlog.issues.classification import event_severity, issue_kind_of_event
from stormlog.issues.gaps import analyze_hidden_memory_gaps
from stormlog.issues.models import IssueFingerprint, canonical_json
from stormlog.issues.normalize import (
    categorize_alert_context,
    normalize_dimensions,
    normalize_text_dimension,
    normalized_error_stem,
)
from stormlog.issues.samples import fragmentation_parts
from stormlog.telemetry import projection
from tests.soak import few_or_many
from tests.telemetry.factories import record
from tests.vectors.harness import load_cases

# Whole lists are drawn because a statement or a store for each would be slow; shrinking them is slower still.
IN_BULK = settings(
    max_examples=few_or_many(5, 50),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)

#: The same where each list is a store.
IN_STORES = settings(IN_BULK, max_examples=few_or_many(3, 40))

# ---- texts -------------------------------------------------------------------------------------------------

NORMAL = "coalesce(nullif(issues.normalize_ascii(value), ''), 'unknown')"
HOSTILE = st.text(
    st.sampled_from("0123456789aAfFxX%._:- \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\x00\x7f\"\\'gGzZ()")
    | st.characters(max_codepoint=127),
    max_size=24,
)
PIECES = st.lists(
    st.sampled_from(
        [
            "0x",
            "0X1F",
            "1.5",
            "50%",
            "5",
            ".",
            "%",
            " ",
            "\t\n",
            "step",
            "_",
            "-1",
            "1e5",
            "v2",
            ":",
            "out of memory",
            "oom",
        ]
    ),
    max_size=8,
).map("".join)


def evaluate(database: Any, expression: str, values: list[str]) -> list[Any]:
    """Return an SQL expression of ``value`` for each text."""
    rows = database.execute(
        f"""
        SELECT {expression} FROM (
            SELECT
                unnest(CAST($values AS VARCHAR[])) AS value,
                unnest(range(len(CAST($values AS VARCHAR[])))) AS position
        ) ORDER BY position
        """,
        {"values": values},
    ).fetchall()
    return [row[0] for row in rows]


def ascii_texts(file: str, field: str) -> list[Any]:
    cases = [
        case
        for case in load_cases(file)
        if isinstance(case.input[field], str) and case.input[field].isascii()
    ]
    assert len(cases) > 15
    return cases


def test_known_texts_are_normalised_alike(database: Any) -> None:
    cases = [case for case in ascii_texts("text_normalization", "value") if "default" not in case.input]
    assert evaluate(database, NORMAL, [case.input["value"] for case in cases]) == [
        case.expected for case in cases
    ]


def test_known_alert_categories_are_alike(database: Any) -> None:
    cases = ascii_texts("alert_categories", "context")
    expression = f"issues.alert_category({NORMAL})"
    assert evaluate(database, expression, [case.input["context"] for case in cases]) == [
        case.expected for case in cases
    ]


def test_known_error_stems_are_alike(database: Any) -> None:
    cases = ascii_texts("error_stems", "error")
    expression = f"issues.error_stem({NORMAL})"
    assert evaluate(database, expression, [case.input["error"] for case in cases]) == [
        case.expected["stem"] for case in cases
    ]


def test_known_fingerprints_are_alike(database: Any) -> None:
    cases = [
        case
        for case in load_cases("fingerprints")
        if "error" not in case.expected and case.input.get("schema_version", 1) == 1
    ]
    assert len(cases) > 20
    for case in cases:
        dimensions = json.dumps(
            normalize_dimensions(case.input["dimensions"]), sort_keys=True, separators=(",", ":")
        )
        (found,) = database.execute(
            "SELECT issues.fingerprint_id($kind, $dimensions)",
            {"kind": case.input["kind"], "dimensions": dimensions},
        ).fetchone()
        assert found == case.expected["fingerprint_id"], case.name


@IN_BULK
@given(st.lists(HOSTILE | PIECES, min_size=50, max_size=150))
def test_hostile_texts_are_normalised_alike(database: Any, texts: list[str]) -> None:
    assert evaluate(database, NORMAL, texts) == [normalize_text_dimension(text) for text in texts]
    assert evaluate(database, f"issues.error_stem({NORMAL})", texts) == [
        normalized_error_stem(text) for text in texts
    ]
    assert evaluate(database, f"issues.alert_category({NORMAL})", texts) == [
        categorize_alert_context(text) for text in texts
    ]


DIMENSIONS = st.dictionaries(
    st.text(min_size=1, max_size=5).filter(str.strip), st.text(max_size=10) | st.integers() | st.none()
)


@IN_BULK
@given(st.lists(DIMENSIONS, min_size=4, max_size=20))
def test_fingerprints_of_any_dimensions_are_alike(database: Any, drawn: list[dict[str, Any]]) -> None:
    fingerprints = [IssueFingerprint("alert", dimensions) for dimensions in drawn]
    texts = [
        json.dumps(fingerprint.as_dict()["dimensions"], sort_keys=True, separators=(",", ":"))
        for fingerprint in fingerprints
    ]
    found = evaluate(database, "issues.fingerprint_id('alert', value)", texts)
    assert found == [fingerprint.fingerprint_id for fingerprint in fingerprints]


DIMENSION = st.sampled_from(
    [
        "backend",
        "category",
        "collector",
        "error_stem",
        "event_type",
        "partial_fields",
        "reason",
        "severity",
        "x",
    ]
)
NORMAL_TEXTS = (HOSTILE | PIECES).map(normalize_text_dimension)
DIMENSION_VALUE = NORMAL_TEXTS | PIECES | st.text(max_size=5) | st.none() | st.lists(NORMAL_TEXTS, max_size=2)


@IN_BULK
@given(st.lists(st.dictionaries(DIMENSION, DIMENSION_VALUE, min_size=1), min_size=50, max_size=150))
def test_what_sql_calls_canonical_is_what_python_writes(database: Any, drawn: list[dict[str, Any]]) -> None:
    texts = [canonical_json(dimensions) for dimensions in drawn]
    texts += [json.dumps(dimensions, separators=(",", ":"), ensure_ascii=False) for dimensions in drawn]
    texts += [json.dumps(dimensions, sort_keys=True) for dimensions in drawn]
    # Texts that a database can hold: JSON texts come from one.
    texts = [text for text in texts if is_storable(text)]
    found = evaluate(database, "issues.is_canonical_dimensions(value)", texts)
    for text, is_canonical in zip(texts, found, strict=True):
        if is_canonical:
            assert text == canonical_json(normalize_dimensions(json.loads(text)))


@IN_BULK
@given(st.lists(NORMAL_TEXTS.filter(lambda text: not set(text) & set('"\\0123456789\0\x7f')), min_size=9))
def test_normal_texts_without_digits_are_canonical_in_sql(database: Any, texts: list[str]) -> None:
    texts = [canonical_json({"backend": text, "reason": text}) for text in texts]
    texts = [text for text in texts if "\\" not in text]
    assert set(evaluate(database, "issues.is_canonical_dimensions(value)", texts)) <= {True}


# ---- projection --------------------------------------------------------------------------------------------

BACKENDS = [
    None,
    "cuda",
    " ROCM\n",
    "jax",
    "",
    "mps\u00a0",
    "tensorflow",
    "cpu",
    "CU DA",
    "cuda\x00",
    "MPS\u2003",
]
COLLECTORS = [
    "stormlog.CUDA_tracker",
    "COMPSOMETHING",
    "stormlog.jax",
    "rocm-cuda",
    "cpu",
    "TensorFlow",
    "ſ",
    "İcpu",
]


def test_source_kinds_are_alike(database: Any) -> None:
    for backend, collector, device_id in product(BACKENDS, COLLECTORS, [-1, 0, 3]):
        (found,) = database.execute(
            "SELECT projection.source_kind(prim.lower_ascii(prim.trim_blanks($backend)), $collector, $device_id)",
            {"backend": backend, "collector": collector, "device_id": device_id},
        ).fetchone()
        assert found == projection.source_kind({"backend": backend}, collector, device_id), (
            backend,
            collector,
        )


EVENT_TYPES = [
    *("critical", "error", "warning", "collector_degraded", "collector_recovered", "start", "stop"),
    *(
        "phase_enter",
        "phase_exit",
        "sample",
        " Sample\t",
        "CRİTİCAL",
        "ſtop",
        "allocation",
        "\u2003ERROR\x1c",
    ),
]


@pytest.mark.parametrize("stated", [None, "", " ", "Warning", "\tLOUD\n", 5, True, ["x"], "a b", "\x1f"])
def test_severities_are_alike(database: Any, stated: Any) -> None:
    for event_type in EVENT_TYPES:
        (found,) = database.execute(
            "SELECT projection.severity(projection.stated_severity($stated), $event_type)",
            {"stated": json.dumps(stated), "event_type": event_type},
        ).fetchone()
        assert found == projection.severity({"severity": stated}, event_type), event_type


SCOPES = [
    *(
        None,
        5,
        "x",
        [],
        {},
        {"name": "a"},
        {"name": " "},
        {"name": "\u2003", "path": ["p", "q "]},
        {"path": []},
    ),
    *({"path": ["p", ""]}, {"path": "p"}, {"name": 5, "path": ["p", 5]}, {"name": 'é\n"', "path": ["x"]}),
    {"path": [["p"], "last"], "scope_id": "s", "parent_scope_id": None, "sequence": 0},
]


@pytest.mark.parametrize("scope", SCOPES, ids=str)
def test_stages_and_correlations_are_alike(database: Any, scope: Any) -> None:
    (stage, correlation) = database.execute(
        "SELECT projection.stage($scope), projection.correlation('s', NULL, 0, 0, 1, $scope)",
        {"scope": json.dumps(scope)},
    ).fetchone()
    values = record(metadata={"phase_scope": scope})
    assert stage == projection.stage(values["metadata"])
    assert json.loads(correlation) == dict(projection.project_telemetry_mapping(values).correlation)


# ---- classification ----------------------------------------------------------------------------------------

WORDS = st.sampled_from(
    [
        "warning",
        " Critical ",
        "ERROR",
        "info",
        "loud",
        "",
        " ",
        "degraded",
        "Unhealthy\t",
        "healthy",
        "Ärger",
        "5",
    ]
)
VALUE = st.none() | WORDS | st.booleans() | st.integers(-3, 3) | st.lists(WORDS, max_size=1)
METADATA = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("severity", "collector_health_status", "oom_reason", "oom_dump_path", "backend", "x"), VALUE
    ),
)
TYPES = st.sampled_from(
    [
        "error",
        "warning",
        "critical",
        "sample",
        "collector_degraded",
        "collector_recovered",
        "Warning",
        " error",
    ]
)


@IN_STORES
@given(st.lists(st.tuples(TYPES, METADATA), min_size=40, max_size=150))
def test_events_are_classified_alike(tmp_path_factory: Any, drawn: list[tuple[str, dict[str, Any]]]) -> None:
    events = [
        record(event_type=event_type, metadata=metadata, timestamp_ns=number)
        for number, (event_type, metadata) in enumerate(drawn)
    ]
    expected = {}
    for event in events:
        kind = issue_kind_of_event(event)
        if kind is not None:
            expected[event["timestamp_ns"]] = (kind, event_severity(event) if kind == "alert" else None)
    with stormlog.query.open([written(tmp_path_factory.mktemp("events"), events)], cache=False) as store:
        rows = store.sql(
            "SELECT timestamp_ns, kind, CASE WHEN kind = 'alert' THEN severity END FROM issue_evidence WHERE stage = 1"
        ).rows
    assert {time: (kind, severity) for time, kind, severity in rows} == expected


def written(folder: Path, events: list[dict[str, Any]]) -> Path:
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps(event, sort_keys=True) + "\n" for event in events), encoding="utf-8")
    return path


# ---- hidden memory -----------------------------------------------------------------------------------------

COUNTER = st.none() | st.integers(0, 5) | st.integers(0, 2**40)


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from([3, 4]), COUNTER, COUNTER, COUNTER, st.booleans(), st.booleans())
def test_fragmented_bytes_are_alike(
    database: Any,
    version: int,
    allocated: int | None,
    reserved: int | None,
    inactive: int | None,
    one: bool,
    other: bool,
) -> None:
    if version == 3:
        allocated, reserved = allocated or 0, reserved or 0
    capabilities = {"supports_allocator_inactive": one, "supports_fragmentation_analysis": other}
    event = record(
        schema_version=version,
        allocator_allocated_bytes=allocated,
        allocator_reserved_bytes=reserved,
        allocator_inactive_bytes=inactive,
        metadata={"memory_capabilities": capabilities} if version == 4 else {},
    )
    parts = fragmentation_parts(event)
    found = database.execute(
        "SELECT telemetry.fragmented_bytes($version, $allocated, $reserved, $inactive, $is_known)",
        {
            "version": version,
            "allocated": allocated,
            "reserved": reserved,
            "inactive": inactive,
            "is_known": version == 3 or (one and other),
        },
    ).fetchone()
    assert found == (None if parts is None else parts[0],)


@st.composite
def series(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Samples of one session, with gaps that drift, jump or do neither."""
    total = draw(st.sampled_from([1000, 17179869184, 2**50]))
    start_ns = draw(st.sampled_from([0, 1_795_167_760_079_837_184]))
    step_ns = draw(st.sampled_from([1, 100_000_000, 60_000_000_000]))
    slope = draw(st.integers(0, max(1, total // 200)))
    events = []
    time_ns = start_ns
    for number in range(draw(st.integers(3, 40))):
        time_ns += draw(st.integers(0 if number else 1, 3)) * step_ns
        reserved = draw(st.integers(0, total // 4))
        gap = draw(st.integers(-reserved, total // 50)) if draw(st.booleans()) else slope * number
        if draw(st.integers(0, 9)) == 0:
            gap = total // 2
        events.append(
            record(
                timestamp_ns=time_ns,
                allocator_reserved_bytes=reserved,
                allocator_allocated_bytes=draw(st.integers(0, reserved)),
                device_used_bytes=min(total, max(0, reserved + gap)),
                device_total_bytes=total,
            )
        )
    return events


@IN_STORES
@given(st.lists(series(), min_size=4, max_size=8))
def test_findings_from_sums_are_those_of_the_samples(
    tmp_path_factory: Any, drawn: list[list[dict[str, Any]]]
) -> None:
    events = [{**event, "session_id": f"s{number}"} for number, one in enumerate(drawn) for event in one]
    expected = sorted(
        (
            f"s{number}",
            f.classification,
            f.severity,
            f.confidence,
            f.evidence_timestamp_ns,
            json.dumps(f.evidence),
        )
        for number, one in enumerate(drawn)
        for f in analyze_hidden_memory_gaps(one)
    )
    path = written(tmp_path_factory.mktemp("series"), events)
    for threads in (1, 4):
        with stormlog.query.open([path], cache=False, threads=threads) as store:
            rows = store.sql(
                """
                SELECT session_id, classification, severity, confidence, timestamp_ns, CAST(evidence AS VARCHAR)
                FROM memory_gaps
                """
            ).rows
        assert sorted(rows) == expected
