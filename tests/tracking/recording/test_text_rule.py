"""Error texts: what counts as the same text, and ids that never change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stormlog.tracking.recording.text_rule import (
    TEXT_RULE_VERSION,
    error_fingerprint_id,
    message_digest,
    normalize_message,
)

VECTORS = json.loads((Path(__file__).parent / "vectors" / "text_rule.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: ascii(v["message"])[:40])
def test_known_texts_keep_their_digest(vector: dict[str, Any]) -> None:
    assert normalize_message(vector["message"]) == vector["normalized"]
    digest = message_digest(vector["message"], vector["module"], vector["discriminator"])
    assert digest == vector["digest"]
    assert error_fingerprint_id(vector["message"], vector["module"], vector["discriminator"]) == (
        f"error:{digest[:24]}"
    )


def test_the_version_of_the_rule_is_pinned() -> None:
    assert TEXT_RULE_VERSION == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("took 512MiB", "took 512mib"),
        ("at 0x7f3a2b", "at 0x7f3a2b"),
        ("lr 1e-5", "lr 1e-<n>"),
        ("/data/run-1/x.pt", "/data/run-<n>/x.pt"),
        ("'open", "'open"),
        ('""', '"<s>"'),
        ("  a \u3000\n b  ", "a b"),
        ("\x1fa\x85", "\x1fa\x85"),
        ("é1", "é<n>"),
    ],
)
def test_what_stays_and_what_goes(text: str, expected: str) -> None:
    assert normalize_message(text) == expected


def test_half_characters_are_replaced_and_whole_ones_are_not() -> None:
    assert normalize_message("a\ud800b\udc00") == "a\ufffdb\ufffd"
    assert normalize_message("\ud83d\ude00") == "\U0001f600"
    assert message_digest("x", "m\ud800") == message_digest("x", "m\ufffd")


@given(st.text(st.characters(exclude_categories=()), max_size=60))
def test_every_text_has_a_digest(text: str) -> None:
    assert len(message_digest(text, text, text)) == 64
    normalize_message(text).encode("utf-8")


@given(st.integers(0, 10**30), st.integers(0, 10**30))
def test_numbers_do_not_matter(one: int, other: int) -> None:
    assert message_digest(f"step {one} failed") == message_digest(f"step {other} failed")
