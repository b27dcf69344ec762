"""A phase is named only when the active spans leave no choice."""

from __future__ import annotations

from typing import Any

import pytest

from stormlog.phases import (
    PhaseAttribution,
    PhaseSpan,
    PhaseSummary,
    attribute_active_spans,
    format_phase_path,
    merge_phase_attributions,
    phase_attribution_to_payload,
    summarize_phase_attribution,
    summarize_phase_resolution,
)
from tests.vectors.harness import Case, load_cases


def attribution(payload: dict[str, Any] | None) -> PhaseAttribution | None:
    if payload is None:
        return None
    fields = dict(payload)
    summary = fields.pop("phase_summary", None)
    return PhaseAttribution(**fields, phase_summary=None if summary is None else PhaseSummary(**summary))


def answer(case: Case) -> Any:
    arguments = dict(case.input)
    call = arguments.pop("call")
    if call == "merge":
        merged = merge_phase_attributions(attribution(arguments["first"]), attribution(arguments["second"]))
        # The cases keep blank paths of an untouched side out, as payloads do.
        return phase_attribution_to_payload(merged)
    if call == "summarize":
        return summarize_phase_attribution(attribution(arguments["attribution"]))
    if call == "payload":
        return phase_attribution_to_payload(attribution(arguments["attribution"]))
    if call == "summarize_resolution":
        return summarize_phase_resolution(**arguments)
    if call == "format":
        return format_phase_path(arguments["path"])
    spans = [PhaseSpan(**{**span, "path": tuple(span["path"])}) for span in arguments["spans"]]
    return phase_attribution_to_payload(attribute_active_spans(spans, **arguments["options"]))


@pytest.mark.parametrize("case", load_cases("phase_policy"), ids=str)
def test_policy_cases(case: Case) -> None:
    if isinstance(case.expected, dict) and "error" in case.expected:
        assert case.expected["reason"] == "unsupported_strategy:x"
        with pytest.raises(ValueError, match="strategy: 'x'"):
            answer(case)
        return
    result = answer(case)
    assert result == case.expected
    if isinstance(result, dict):
        assert list(result) == list(case.expected)


def test_merging_takes_a_list_of_blank_paths_for_no_path() -> None:
    blank = PhaseAttribution("unique", phase_path="a", phase_paths=[""])
    known = PhaseAttribution("unique", phase_path="b", phase_paths=["b"])
    assert merge_phase_attributions(blank, known) is known
    assert merge_phase_attributions(known, blank) is known
