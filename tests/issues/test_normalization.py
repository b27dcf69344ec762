"""Text rules: what varies between hits of one failure must not reach the fingerprint."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormlog.issues import (
    IssueFingerprint,
    categorize_alert_context,
    normalize_dimensions,
    normalize_text_dimension,
    normalized_error_stem,
)
from tests.vectors.harness import Case, load_cases

# Texts that look like messages: tokens next to each other, with and without space.
fragments = st.sampled_from(
    [
        "0x1f",
        "12",
        "3.5",
        "40%",
        "%",
        ".",
        " ",
        "\t",
        "\n",
        "mb",
        "X",
        "_",
        "é",
        "٣",
        "²",
        "-",
        ":",
        "0x",
        "\x1c",
    ]
)
messages = st.one_of(st.text(max_size=40), st.lists(fragments, max_size=12).map("".join))
ascii_messages = st.text(st.characters(max_codepoint=127), max_size=30) | st.lists(
    st.sampled_from(["1", "23", ".", "%", "_", "a", "Z", " ", "-", "\n"]), max_size=14
).map("".join)


@pytest.mark.parametrize("case", load_cases("text_normalization"), ids=str)
def test_text_cases(case: Case) -> None:
    options = {key: value for key, value in case.input.items() if key == "default"}
    assert normalize_text_dimension(case.input["value"], **options) == case.expected


@pytest.mark.parametrize("case", load_cases("alert_categories"), ids=str)
def test_alert_category_cases(case: Case) -> None:
    assert categorize_alert_context(case.input["context"]) == case.expected


@pytest.mark.parametrize("case", load_cases("error_stems"), ids=str)
def test_error_stem_cases(case: Case) -> None:
    stem = normalized_error_stem(case.input["error"])
    fingerprint = IssueFingerprint("collector_degradation", {"error_stem": stem})
    assert stem == case.expected["stem"]
    assert fingerprint.dimensions["error_stem"] == case.expected["stem_in_fingerprint"]


@given(messages)
def test_normalising_again_changes_nothing(text: str) -> None:
    once = normalize_text_dimension(text)
    assert normalize_text_dimension(once) == once


@given(st.dictionaries(st.text(min_size=1, max_size=5).filter(str.strip), messages | st.lists(messages)))
def test_normalising_dimensions_again_changes_nothing(dimensions: dict[str, object]) -> None:
    once = normalize_dimensions(dimensions)
    assert normalize_dimensions(once) == once


@given(ascii_messages)
def test_number_rule_without_look_around_agrees_on_ascii(text: str) -> None:
    """The SQL macro has no look-around; this is the pattern it uses instead."""
    by_look_around = re.sub(r"(?<!\w)\d+(?:\.\d+)?%?(?!\w)", "<num>", text)
    assert re.sub(r"\b\d+(?:\.\d+)?(?:%\B|\b)", "<num>", text, flags=re.ASCII) == by_look_around


@given(ascii_messages)
def test_ascii_text_needs_ascii_rules_only(text: str) -> None:
    """What the SQL macro does step by step for ASCII text gives the same answer."""
    spaces = "\t\n\x0b\f\r\x1c\x1d\x1e\x1f "
    twin = re.sub(r"0x[0-9a-f]+", "<hex>", text.strip(spaces).lower())
    twin = re.sub(r"\b\d+(?:\.\d+)?(?:%\B|\b)", "<num>", twin, flags=re.ASCII)
    twin = re.sub(r"[\t\n\x0b\f\r\x1c-\x1f ]+", " ", twin)
    assert normalize_text_dimension(text) == (twin or "unknown")


@given(st.integers(0, 10**12), st.floats(0, 1e6, allow_nan=False), st.integers(0, 2**64))
def test_numbers_and_addresses_in_a_sentence_do_not_matter(count: int, share: float, address: int) -> None:
    text = f"Tried to allocate {count} MiB ({share:.2f}%) at {address:#x}"
    assert normalize_text_dimension(text) == "tried to allocate <num> mib (<num>) at <hex>"
