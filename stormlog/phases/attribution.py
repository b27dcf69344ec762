"""Decides which phase an instant belongs to, and how to say so in one line.

Promise: a phase is named only when the active spans leave no choice; otherwise the answer is
``ambiguous`` and lists every candidate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from stormlog.phases.models import PhaseAttribution, PhaseSpan, PhaseSummary, format_phase_path

DEEPEST_PER_THREAD: Final = "deepest_per_thread"


def attribute_active_spans(
    spans: Sequence[PhaseSpan],
    *,
    strategy: str = DEEPEST_PER_THREAD,
    origin_thread_id: int | None = None,
    origin_phase_scope_id: str | None = None,
) -> PhaseAttribution | None:
    """Attribute an instant to one of the spans that are active then.

    Args:
        spans: Spans active at the instant, in any order.
        strategy: Only ``deepest_per_thread`` exists.
        origin_thread_id: Thread that caused the event, if known.
        origin_phase_scope_id: Scope that caused the event, if known; wins over the thread.

    Returns:
        The attribution, or ``None`` without spans.

    Raises:
        ValueError: unknown strategy, even without spans.

    Source: docs/concepts.md#phases.
    """
    if strategy != DEEPEST_PER_THREAD:
        raise ValueError(f"unsupported phase attribution strategy: {strategy!r}")
    if not spans:
        return None
    if origin_phase_scope_id:
        exact = [span for span in spans if span.scope_id == origin_phase_scope_id]
        if len(exact) == 1:
            return _unique(exact[0], "exact")
    if origin_thread_id is not None:
        on_thread = [span for span in spans if span.thread_id == origin_thread_id]
        if on_thread:
            return _unique(_latest(on_thread), "thread_local")
    return _attribute_heuristically(spans)


def _attribute_heuristically(spans: Sequence[PhaseSpan]) -> PhaseAttribution:
    by_thread: dict[int, list[PhaseSpan]] = {}
    for span in spans:
        by_thread.setdefault(span.thread_id, []).append(span)

    candidates: list[PhaseSpan] = []
    labels: set[str] = set()
    conflict = False
    for on_thread in by_thread.values():
        depth = max(span.depth for span in on_thread)
        deepest = [span for span in on_thread if span.depth == depth]
        thread_labels = {format_phase_path(span.path) for span in deepest}
        labels |= thread_labels
        if len(thread_labels) == 1:
            candidates.append(_latest(deepest))
        else:
            conflict = True
    if len(candidates) == 1 and not conflict:
        return _unique(candidates[0], "heuristic")

    summary = None
    if sum(1 for label in labels if label) > 1:
        # The summary looks at all active spans on purpose: the phase entered last is the likeliest.
        likely = format_phase_path(_latest(spans).path)
        summary = PhaseSummary(likely, "heuristic") if likely else None
    return PhaseAttribution("ambiguous", phase_paths=sorted(labels), phase_summary=summary)


def _latest(spans: Sequence[PhaseSpan]) -> PhaseSpan:
    return max(spans, key=lambda span: (span.sequence, span.scope_id))


def _unique(span: PhaseSpan, source: str) -> PhaseAttribution:
    label = format_phase_path(span.path)
    return PhaseAttribution(
        "unique",
        phase_source=source,
        phase_path=label,
        phase_paths=[label],
        scope_id=span.scope_id,
        thread_id=span.thread_id,
        thread_name=span.thread_name,
    )


def merge_phase_attributions(
    first: PhaseAttribution | None, second: PhaseAttribution | None
) -> PhaseAttribution | None:
    """Combine two attributions of the same thing.

    A side that names no path gives way to the other. The result is unique only when both sides name
    the same scope; otherwise it is ambiguous between all their paths.
    """
    if first is None:
        return second
    if second is None:
        return first
    first_paths, second_paths = _usable_paths(first), _usable_paths(second)
    if not first_paths:
        return second
    if not second_paths:
        return first
    union = sorted({*first_paths, *second_paths})
    same_scope = (
        first.phase_resolution == second.phase_resolution == "unique"
        and first.phase_path == second.phase_path
        and first.scope_id == second.scope_id
        and first.thread_id == second.thread_id
    )
    if len(union) == 1 and same_scope:
        return first
    return PhaseAttribution("ambiguous", phase_paths=union)


def _usable_paths(attribution: PhaseAttribution) -> list[str]:
    # The path stands in for a missing list only: a list of blanks says that nothing is known.
    if attribution.phase_paths:
        return [path for path in attribution.phase_paths if path]
    return [attribution.phase_path] if attribution.phase_path else []


def phase_attribution_to_payload(attribution: PhaseAttribution | None) -> dict[str, Any] | None:
    """Return an attribution as JSON-ready mapping, without its null fields."""
    if attribution is None:
        return None
    payload: dict[str, Any] = {
        "phase_resolution": attribution.phase_resolution,
        "phase_paths": [path for path in attribution.phase_paths if path],
    }
    for key in ("phase_source", "phase_path", "scope_id", "thread_id", "thread_name"):
        value = getattr(attribution, key)
        if value is not None:
            payload[key] = value
    summary = attribution.phase_summary
    if summary is not None:
        payload["phase_summary"] = {"phase_path": summary.phase_path, "source": summary.source}
    return payload


def summarize_phase_attribution(attribution: PhaseAttribution | None) -> str | None:
    """Return an attribution as one line; the phase dimension of hidden-memory issues is this text."""
    if attribution is None:
        return None
    summary = attribution.phase_summary
    if summary is not None:
        return f"(likely) {summary.phase_path}" if summary.source == "heuristic" else summary.phase_path
    return summarize_phase_resolution(
        phase_resolution=attribution.phase_resolution,
        phase_path=attribution.phase_path,
        phase_paths=attribution.phase_paths,
    )


def summarize_phase_resolution(
    *,
    phase_resolution: str | None,
    phase_path: str | None = None,
    phase_paths: Sequence[str] | None = None,
) -> str | None:
    """Return a resolution as one line, or ``None`` where there is nothing to name."""
    labels = [path for path in phase_paths or () if path]
    if phase_resolution == "unique":
        return phase_path or (labels[0] if len(labels) == 1 else None)
    if phase_resolution == "ambiguous" and labels:
        return f"(ambiguous) {' | '.join(labels)}"
    return None
