"""What ignore rules fit."""

from __future__ import annotations

from typing import Any

import pytest

from stormlog.issues import IgnoreRule, ignore_rule_of, ignore_rules_of, ignoring_rule, may_be_ignored

FINGERPRINT = "issue:0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("pattern", "value", "fits"),
    [
        ("cuda", "cuda", True),
        ("cuda", "CUDA", False),
        ("cuda", "cuda:0", False),
        ("cuda*", "cuda:0", True),
        ("cuda*", "cuda", True),
        ("*", "", False),
        ("*", "anything\nat all", True),
        ("", "", True),
        ("", None, True),
        ("", "x", False),
        ("*", None, False),
        ("a*b*c", "a--b--c", True),
        ("a*b*c", "acb", False),
        ("ab*ba", "aba", False),
        ("*a*a*", "a", False),
        ("[c]uda?", "cuda", False),
        ("[c]uda?", "[c]uda?", True),
        (".*", "x", False),
        ("3", 3, True),
        ("true", True, True),
        ("rank", ["host", "rank"], True),
        ("", [], True),
        ("r*", [None, "host"], False),
    ],
)
def test_a_pattern_is_the_text_with_anything_for_stars(pattern: str, value: object, fits: bool) -> None:
    rule = IgnoreRule(dimensions={"backend": pattern})
    assert rule.fits(FINGERPRINT, "oom", {"backend": value}) is fits


def test_a_value_that_is_not_there_fits_only_the_empty_pattern() -> None:
    assert IgnoreRule(dimensions={"phase": ""}).fits(FINGERPRINT, "alert", {})
    assert not IgnoreRule(dimensions={"phase": "*"}).fits(FINGERPRINT, "alert", {})


def test_many_stars_take_no_time() -> None:
    rule = IgnoreRule(dimensions={"reason": "*a" * 400 + "b"})
    assert not rule.fits(FINGERPRINT, "oom", {"reason": "a" * 1_000_000})


def test_everything_that_a_rule_names_has_to_fit() -> None:
    rule = IgnoreRule(
        kind="oom", dimensions={"backend": "cuda", "reason": "step*"}, fingerprint_id=FINGERPRINT
    )
    assert rule.fits(FINGERPRINT, "oom", {"backend": "cuda", "reason": "step 3"})
    assert not rule.fits(FINGERPRINT, "alert", {"backend": "cuda", "reason": "step 3"})
    assert not rule.fits(FINGERPRINT, "oom", {"backend": "cuda", "reason": "other"})
    assert not rule.fits("issue:" + "f" * 24, "oom", {"backend": "cuda", "reason": "step 3"})


def test_the_first_rule_that_fits_is_named() -> None:
    rules = ignore_rules_of(
        [{"kind": "alert"}, {"kind": "oom", "reason": "known"}, {"dimensions": {"backend": "*"}}]
    )
    found = ignoring_rule(rules, FINGERPRINT, "oom", {"backend": "cuda"})
    assert found is not None
    assert found.reason == "known"
    assert ignoring_rule(rules, FINGERPRINT, "collector_degradation", {}) is None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ("alert", "table"),
        ({}, "names"),
        ({"reason": "x"}, "names"),
        ({"kind": "ooms"}, "unknown kind"),
        ({"kinds": "oom"}, "'kinds'"),
        ({"kind": 3}, "kind is no text"),
        ({"kind": "oom", "dimensions": ["backend"]}, "dimensions"),
        ({"kind": "oom", "dimensions": {"backend": None}}, "backend"),
        ({"kind": "oom", "dimensions": {"phase": "x"}}, "backend, reason"),
        ({"dimensions": {"colour": "red"}}, "colour"),
        ({"kind": "oom", "dimensions": {"reason": "a\x1b[31m"}}, "printable"),
        ({"kind": "oom", "reason": "x" * 2_000}, "1,000"),
        ({"fingerprint_id": "issue:12"}, "24 hexadecimal"),
    ],
)
def test_a_rule_that_cannot_be_meant_is_refused(values: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ignore_rule_of(values)
    with pytest.raises(ValueError, match=r"ignore\[1\]"):
        ignore_rules_of([{"kind": "oom"}, values])


def test_rules_of_other_kinds_may_name_dimensions_of_their_own() -> None:
    rule = ignore_rule_of({"kind": "custom:leak", "dimensions": {"tensor": "w*"}})
    assert rule.fits(FINGERPRINT, "custom:leak", {"tensor": "weights"})


def test_a_rule_says_what_it_was_made_of() -> None:
    values = {"kind": "oom", "dimensions": {"backend": "cuda"}, "reason": "known"}
    assert ignore_rule_of(values).as_dict() == values


@pytest.mark.parametrize(
    ("status", "may"),
    [
        (None, True),
        ("new", True),
        ("regressed", True),
        ("in_progress", False),
        ("resolved", False),
        ("silenced", False),
    ],
)
def test_rules_leave_alone_what_somebody_decided(status: str | None, may: bool) -> None:
    assert may_be_ignored(status) is may
