"""What tells issues apart: equal lines only for equal dimensions, whatever the dimensions hold."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from stormlog.issues.what import what_of

#: Texts that look alike when shortened, escaped, folded or unquoted.
HOSTILE = (
    "",
    " ",
    "a",
    "a ",
    "a  b",
    "a b",
    "a, b",
    '"a"',
    "a=b",
    "None",
    "null",
    "unknown",
    "unknown backend",
    "no backend",
    "no reason",
    "5",
    "true",
    "[1]",
    "{}",
    "phase x",
    "error x",
    "missing x",
    "severity warning",
    "collector c",
    "\x1b[31m",
    "\\x1b[31m",
    "\\u001b[31m",
    "\u202eabc",
    "abc\u200b",
    "cafe\u0301",
    "caf\u00e9",
    "\u05d0\u05d1",
    "[red]x[/red]",
    "<b>x</b>",
    "| x |",
    "x" * 200,
    "x" * 201,
    "x" * 100 + "y" + "x" * 100,
    "x" * 99 + "y" + "x" * 101,
    "x" * 41 + "…" + "x" * 18,
    "\ud800",
    "line\nbreak",
    "line break",
)


def _equal_lines(rows: list[tuple[str, dict[str, Any]]]) -> list[Any]:
    seen: dict[str, Any] = {}
    equal = []
    for kind, dimensions in rows:
        line = what_of(kind, dimensions, {})
        assert line.isprintable(), repr(line)
        assert len(line) < 600
        if line in seen and seen[line] != dimensions:
            equal.append((line, seen[line], dimensions))
        seen[line] = dimensions
    return equal


def test_no_two_ooms_of_different_dimensions_read_alike() -> None:
    values = (*HOSTILE, None)
    rows = [("oom", {"reason": reason, "backend": backend}) for reason in values for backend in values]
    assert _equal_lines(rows) == []


def test_no_two_degradations_of_different_dimensions_read_alike() -> None:
    few = ("", "unknown", "a", "a, b", "error a", "missing a", "x" * 70, "x" * 71)
    fields: tuple[Any, ...] = (
        [],
        ["a"],
        ["a", "b"],
        ["a, b"],
        [f"f{i}" for i in range(9)],
        [f"f{i}" for i in range(8)],
    )
    rows = [
        (
            "collector_degradation",
            {"health_status": h, "backend": b, "collector": c, "error_stem": e, "partial_fields": list(f)},
        )
        for h, b, c, e, f in itertools.product(few, few, (*few, "stormlog.a_tracker"), few, fields)
    ]
    assert _equal_lines(rows) == []


def test_no_two_anomalies_of_different_dimensions_read_alike() -> None:
    few = ("unknown", "a", "phase a", "collector b", "x" * 70)
    rows = [
        (
            "hidden_memory_anomaly",
            {"classification": k, "phase": p, "backend": b, "collector": c, "severity": s},
        )
        for k, p, b, c, s in itertools.product(few, (*HOSTILE, None), few, (*few, "stormlog.a_tracker"), few)
    ]
    assert _equal_lines(rows) == []


def test_no_two_alerts_of_different_dimensions_have_equal_titles_and_lines() -> None:
    categories = (*HOSTILE, "generic alert", "generic_alert", "high_fragmentation", "oom_alert", "a_b")
    few = ("warning", "severity warning", "unknown", "stormlog.warning_tracker")
    seen: dict[Any, Any] = {}
    for category, type_, severity, backend, collector in itertools.product(categories, few, few, few, few):
        dimensions = {
            "category": category,
            "event_type": type_,
            "severity": severity,
            "backend": backend,
            "collector": collector,
        }
        title = "Alert: " + category.replace("_", " ")
        row = (" ".join(title.split())[:60], what_of("alert", dimensions, {}))
        assert seen.setdefault(row, dimensions) == dimensions


@pytest.mark.parametrize("kind", ["oom", "error", "custom:allocator_growth"])
def test_no_two_issues_of_unusual_dimensions_read_alike(kind: str) -> None:
    values: tuple[Any, ...] = (
        *HOSTILE,
        None,
        True,
        5,
        0.5,
        [],
        ["a"],
        ["a", "b"],
        {},
        {"a": "b"},
        [None],
        "[]",
    )
    rows: list[tuple[str, dict[str, Any]]] = [(kind, {})]
    rows += [(kind, {"a": value}) for value in values]
    rows += [(kind, {"a": value, "b": other}) for value in values for other in values]
    rows += [(kind, {f"key{i}": value for i in range(9)}) for value in values]
    rows += [(kind, {"backend": "cuda", "reason": value}) for value in values]
    assert _equal_lines(rows) == []


@pytest.mark.parametrize(
    ("kind", "dimensions", "details", "line"),
    [
        (
            "oom",
            {"backend": "cuda", "reason": "message_pattern:out of memory"},
            {"exception_type": "RuntimeError"},
            "message_pattern:out of memory, cuda, RuntimeError",
        ),
        (
            "oom",
            {"backend": "cuda", "reason": "torch.cuda.outofmemoryerror"},
            {"exception_type": "OutOfMemoryError"},
            "torch.cuda.outofmemoryerror, cuda",
        ),
        ("oom", {"backend": None, "reason": None}, {}, "no reason, no backend"),
        ("oom", {"backend": "unknown", "reason": "killed"}, {}, "killed, unknown backend"),
        (
            "collector_degradation",
            {
                "backend": "cuda",
                "collector": "stormlog.cuda_tracker",
                "error_stem": "nvmlerror",
                "health_status": "degraded",
                "partial_fields": ["device_free_bytes", "device_used_bytes"],
            },
            {},
            "degraded, cuda, error nvmlerror, missing device_free_bytes, device_used_bytes",
        ),
        (
            "alert",
            {
                "backend": "cuda",
                "category": "high_fragmentation",
                "collector": "stormlog.cuda_tracker",
                "event_type": "sample",
                "severity": "warning",
            },
            {},
            "sample, severity warning, cuda",
        ),
        (
            "hidden_memory_anomaly",
            {
                "backend": "cpu",
                "classification": "transient_spike",
                "collector": "stormlog.host_tracker",
                "phase": "train / forward",
                "severity": "critical",
            },
            {},
            "transient_spike, phase train / forward, cpu, severity critical",
        ),
        ("error", {"message": "loss is nan", "module": ""}, {}, "loss is nan"),
        ("error", {"message": "loss is nan", "module": "trainer"}, {}, "loss is nan, module trainer"),
        ("custom:growth", {"collector": "c", "rank": 3}, {}, "collector=c, rank=3"),
        ("custom:growth", {}, {}, ""),
    ],
)
def test_the_line_says_what_a_person_would(
    kind: str, dimensions: dict[str, Any], details: dict[str, Any], line: str
) -> None:
    assert what_of(kind, dimensions, details) == line


def test_many_missing_fields_are_counted_and_the_digits_of_the_fingerprint_tell_them_apart() -> None:
    from stormlog.issues import IssueFingerprint

    dimensions = {
        "backend": "cuda",
        "collector": "stormlog.cuda_tracker",
        "error_stem": "unknown",
        "health_status": "degraded",
        "partial_fields": [f"field_{letter}" for letter in "abcdefgh"],
    }
    fingerprint = IssueFingerprint("collector_degradation", dimensions)
    digits = fingerprint.fingerprint_id.removeprefix("issue:")[:8]
    assert what_of("collector_degradation", fingerprint.dimensions, {}) == (
        f"degraded, cuda, missing field_a, field_b, field_c, field_d, field_e, field_f, … 2 more [{digits}]"
    )


def test_a_text_of_a_megabyte_stays_a_line() -> None:
    line = what_of("oom", {"backend": "cuda", "reason": "x" * 1_000_000}, {})
    assert len(line) < 100
