"""An explanation on one line, for the epilogue of a job and for mails."""

from __future__ import annotations

from dataclasses import replace

from stormlog.explaining import Explanation, FirstFailure
from stormlog.presenting import why_sentences as sentences
from stormlog.presenting.quantities import human_time
from stormlog.presenting.texts import shortened
from stormlog.presenting.why_headline import absent_ranks, headline, lost_ranks

__all__ = ["brief"]

#: Characters of one part of the line.
_PART_WIDTH = 160


def brief(explanation: Explanation, *, now_ns: int | None = None, of_one_rank: bool = False) -> str:
    """Return who failed, when and where, what grew, and which issue that is; without a line break.

    Args:
        explanation: What is known.
        now_ns: Time by the clock; without it, nothing is said of how old the newest record is.
        of_one_rank: Whether only what one rank wrote was looked at: nothing is said of the others then.
    """
    if of_one_rank:
        alone = replace(explanation.run, world_size=1, ranks_missing=())
        explanation = replace(explanation, run=alone)
    return " ".join(shortened(part, _PART_WIDTH) for part in _parts(explanation, now_ns) if part is not None)


def _parts(explanation: Explanation, now_ns: int | None) -> list[str | None]:
    memory = explanation.memory
    title = headline(explanation, now_ns)
    growth = None if memory is None else sentences.growth(explanation, memory)
    parts: list[str | None] = [f"{sentences.run_title(explanation)}:", f"{title[0].lower()}{title[1:]}"]
    if explanation.first_failure is not None:
        parts += _failure(explanation.first_failure)
        parts.append("Memory: not known." if memory is None else growth)
    else:
        parts.append(growth)
    if memory is not None:
        parts.append(sentences.growth_phase(memory))
    if explanation.at_ns is None:
        # Without a failure, the headline names the lost ranks.
        known = None if explanation.first_failure is not None else lost_ranks(explanation)
        parts += [sentence for sentence in absent_ranks(explanation) if sentence != known]
    if explanation.same_as is not None:
        parts.append(sentences.same_elsewhere(explanation))
    return parts


def _failure(failure: FirstFailure) -> list[str | None]:
    time = "Time not known" if failure.timestamp_ns is None else f"{human_time(failure.timestamp_ns)} UTC"
    phase = "phase not known" if failure.phase is None else f"in {failure.phase}"
    asked = sentences.request(failure)
    return [f"{time}, {phase}.", None if asked is None else f"Asked for {asked}."]
