"""A fingerprint depends on its kind and normalised dimensions, and on nothing else."""

from __future__ import annotations

import copy
import hashlib
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormlog.issues import (
    IssueFingerprint,
    categorize_alert_context,
    freeze_dimensions,
    json_safe_dimensions,
    normalized_error_stem,
)
from tests.vectors.harness import Case, load_cases

REASONS = {
    "unsupported_kind:ooms": "kind 'ooms'",
    "unsupported_kind:OOM": "kind 'OOM'",
    "dimension_key_blank": "non-blank",
    "below_minimum:schema_version:1": "schema_version must be >= 1",
}


@pytest.mark.parametrize("case", load_cases("fingerprints"), ids=str)
def test_fingerprint_cases(case: Case) -> None:
    if "error" in case.expected:
        assert case.expected["error"] == "ValueError"
        with pytest.raises(ValueError, match=REASONS[case.expected["reason"]]):
            IssueFingerprint(**case.input)
        return
    fingerprint = IssueFingerprint(**case.input)
    assert fingerprint.fingerprint_id == case.expected["fingerprint_id"]
    assert fingerprint.canonical_text() == case.expected["hashed_text"]
    dimensions = json_safe_dimensions(fingerprint.dimensions)
    # Compared as text, as a dimension may be NaN.
    assert repr(dimensions) == repr(case.expected["dimensions"])


def test_id_is_the_start_of_the_hash_of_the_canonical_text() -> None:
    fingerprint = IssueFingerprint("oom", {"reason": "Out of memory", "backend": None})
    digest = hashlib.sha256(fingerprint.canonical_text().encode()).hexdigest()
    assert fingerprint.fingerprint_id == f"issue:{digest[:24]}"
    assert fingerprint.as_dict() == {
        "schema_version": 1,
        "fingerprint_id": fingerprint.fingerprint_id,
        "kind": "oom",
        "dimensions": {"backend": None, "reason": "out of memory"},
    }


def test_fingerprint_is_read_only_on_all_levels() -> None:
    given_dimensions: dict[str, Any] = {"fields": ["b", "a"], "nested": {"k": [1]}}
    fingerprint = IssueFingerprint("alert", given_dimensions)
    given_dimensions["fields"].append("c")
    assert fingerprint.dimensions["fields"] == ("a", "b")
    with pytest.raises(TypeError):
        fingerprint.dimensions["x"] = 1  # type: ignore[index]
    with pytest.raises(TypeError):
        fingerprint.dimensions["nested"]["k"] = 1
    with pytest.raises(AttributeError):
        fingerprint.kind = "oom"  # type: ignore[misc]


def test_fingerprint_is_not_hashable() -> None:
    with pytest.raises(TypeError):
        hash(IssueFingerprint("alert", {"a": 1}))


def test_copies_and_pickles_are_equal() -> None:
    fingerprint = IssueFingerprint("alert", {"a": [1, {"b": "x 1"}]}, schema_version=2)
    for twin in (copy.deepcopy(fingerprint), pickle.loads(pickle.dumps(fingerprint))):
        assert twin == fingerprint
        assert twin.fingerprint_id == fingerprint.fingerprint_id


def test_freezing_and_thawing_keep_values_as_they_are() -> None:
    frozen = freeze_dimensions({"b": ["Raw 1", {"q": [1]}], "a": None})
    assert frozen["b"][0] == "Raw 1"
    assert json_safe_dimensions(frozen) == {"a": None, "b": ["Raw 1", {"q": [1]}]}


scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10)
keys = st.text(min_size=1, max_size=6).filter(str.strip)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3)
)


@given(st.dictionaries(keys, values, max_size=5), st.randoms(use_true_random=False))
def test_id_does_not_depend_on_the_order_of_keys_and_items(dimensions: dict[str, Any], random: Any) -> None:
    def shuffle(value: Any) -> Any:
        if isinstance(value, dict):
            items = list(value.items())
            random.shuffle(items)
            return {key: shuffle(item) for key, item in items}
        if isinstance(value, list):
            shuffled = [shuffle(item) for item in value]
            random.shuffle(shuffled)
            return shuffled
        return value

    first, second = IssueFingerprint("alert", dimensions), IssueFingerprint("alert", shuffle(dimensions))
    assert first == second
    assert first.fingerprint_id == second.fingerprint_id


hits = st.fixed_dictionaries(
    {
        "percent": st.floats(0, 100, allow_nan=False),
        "mb": st.integers(0, 10**6),
        "pid": st.integers(1, 10**6),
        "address": st.integers(0, 2**64 - 1),
        "at": st.integers(0, 10**19),
    }
)


@pytest.mark.parametrize(
    "message",
    [
        "High fragmentation: {percent:.1f}%",
        "CRITICAL: Memory usage at {percent:.2f}%",
        "Large allocation detected: {mb} MB by process {pid}",
        "pool {address:#x} grew to {mb} mb at {at}",
    ],
)
@given(first=hits, second=hits)
def test_ids_times_and_magnitudes_do_not_change_an_alert(
    message: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    ids = {
        IssueFingerprint(
            "alert",
            {
                "event_type": "warning",
                "severity": "warning",
                "collector": f"tracker {hit['pid']}",
                "backend": "cuda",
                "category": categorize_alert_context(message.format(**hit)),
            },
        ).fingerprint_id
        for hit in (first, second)
    }
    assert len(ids) == 1


@given(first=hits, second=hits)
def test_magnitudes_do_not_change_an_error_stem(first: dict[str, Any], second: dict[str, Any]) -> None:
    stems = {
        normalized_error_stem("Read failed {pid} times in {mb} ms: {address:#x}".format(**hit))
        for hit in (first, second)
    }
    assert stems == {"read failed <num> times in <num> ms"}
