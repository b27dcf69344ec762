"""An explanation on one line, for the epilogue of a job and for mails."""

from __future__ import annotations

from stormlog.explaining import Explanation
from stormlog.presenting import why_sentences as sentences
from stormlog.presenting.quantities import human_time
from stormlog.presenting.texts import shortened

__all__ = ["brief"]

#: Characters of one part of the line.
_PART_WIDTH = 160


def brief(explanation: Explanation) -> str:
    """Return who failed, when and where, what grew, and which issue that is; without a line break."""
    return " ".join(shortened(part, _PART_WIDTH) for part in _parts(explanation) if part is not None)


def _parts(explanation: Explanation) -> list[str | None]:
    failure, memory = explanation.first_failure, explanation.memory
    headline = sentences.headline(explanation)
    parts: list[str | None] = [f"{sentences.run_title(explanation)}:", f"{headline[0].lower()}{headline[1:]}"]
    if failure is None:
        return parts
    time = "Time not known" if failure.timestamp_ns is None else f"{human_time(failure.timestamp_ns)} UTC"
    phase = "phase not known" if failure.phase is None else f"in {failure.phase}"
    asked = sentences.request(failure)
    return [
        *parts,
        f"{time}, {phase}.",
        None if asked is None else f"Asked for {asked}.",
        "Memory: not known." if memory is None else sentences.growth(explanation, memory),
        None if explanation.same_as is None else sentences.same_elsewhere(explanation),
    ]
