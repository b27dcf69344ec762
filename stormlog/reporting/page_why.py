"""The part of the page that says why the run failed."""

from __future__ import annotations

from collections.abc import Iterator

import stormlog.presenting.why_sentences as sentences
from stormlog.explaining import COMPONENTS, Explanation, MemoryAccount
from stormlog.presenting import human_bytes, human_count, human_time
from stormlog.presenting.markup import markup_text
from stormlog.presenting.quantities import human_difference
from stormlog.presenting.svg_memory import MemoryPicture, describe, memory_svg
from stormlog.presenting.texts import ranges
from stormlog.presenting.why_headline import absent_ranks, doubt
from stormlog.presenting.why_ranks import notable_ranks, other_ranks
from stormlog.reporting.page_parts import Cell, chip, facts, paragraph, table

__all__ = ["why_part"]

_RANKS = 20


def why_part(explanation: Explanation, picture: MemoryPicture | None, name: str = "run") -> str:
    """Return the account of the run: its failure, its memory, its ranks, and what came before.

    Args:
        explanation: What is known.
        picture: Memory over time.
        name: Begins the ids of the picture; differs between the pictures of a page.
    """
    return "".join(_parts(explanation, picture, name))


def _parts(explanation: Explanation, picture: MemoryPicture | None, name: str) -> Iterator[str]:
    yield paragraph(sentences.run_title(explanation), "soft")
    failure = explanation.first_failure
    if failure is not None:
        yield facts(
            (
                ("When", sentences.when(explanation, failure)),
                ("Where", sentences.where(failure)),
                ("Phase", sentences.phase(failure)),
                ("Error", sentences.error(failure)),
                ("Asked for", sentences.request(failure)),
                ("Recorded", sentences.source(failure)),
            )
        )
        yield paragraph(doubt(explanation, failure), "warn")
    if picture is not None and picture.peak is not None:
        yield from _picture(picture, name)
    if explanation.memory is not None:
        yield from _account(explanation, explanation.memory)
    elif failure is not None:
        yield paragraph("Memory: not known (no sample before the failure).")
    yield from _ranks(explanation)
    yield from _before(explanation)
    yield paragraph(sentences.same_elsewhere(explanation))
    yield paragraph(sentences.other_runs(explanation), "soft")


def _picture(picture: MemoryPicture, name: str) -> Iterator[str]:
    caption = f"{picture.title}. {describe(picture)}"
    yield f'<h3>Memory over time</h3><figure class="scroll" tabindex="0">{memory_svg(picture, name)}'
    yield f"<figcaption>{markup_text(caption)}</figcaption></figure>"


def _account(explanation: Explanation, memory: MemoryAccount) -> Iterator[str]:
    rows = []
    for name in COMPONENTS:
        value = getattr(memory, f"{name}_bytes")
        if value is None:
            continue
        baseline = None if memory.baseline is None else memory.baseline.get(name)
        growth = None if memory.growth is None else memory.growth.get(name)
        kind = "marked" if name == sentences.grown_component(explanation, memory) else ""
        rows.append(
            [
                Cell(sentences.COMPONENT_NAMES[name], kind),
                Cell(human_bytes(value), "number"),
                Cell("-" if baseline is None else human_bytes(baseline), "number"),
                Cell("-" if growth is None else human_difference(growth), f"number {kind}".strip()),
            ]
        )
    if memory.unexplained_bytes:
        rows.append(
            [
                Cell("not explained"),
                Cell(human_bytes(memory.unexplained_bytes), "number"),
                Cell("-", "number"),
                Cell("-", "number"),
            ]
        )
    header = [("Component", ""), ("Then", "number"), ("Baseline", "number"), ("Growth", "number")]
    columns = 2 if memory.growth is None else 4
    yield "<h3>Where the memory went</h3>"
    yield table(
        sentences.memory_title(explanation, memory), header[:columns], [row[:columns] for row in rows]
    )
    for sentence in (
        sentences.growth(explanation, memory),
        sentences.growth_since_last_good(explanation),
        sentences.levels_note(memory),
    ):
        yield paragraph(sentence)


def _ranks(explanation: Explanation) -> Iterator[str]:
    found = notable_ranks(explanation) if len(explanation.ranks) > 1 else []
    absent = absent_ranks(explanation)
    if found or absent:
        yield "<h3>Ranks</h3>"
    if found:
        rows = [
            [
                Cell(str(rank.rank), "number"),
                Cell(rank.host or "-"),
                Cell("-" if rank.used_bytes is None else human_bytes(rank.used_bytes), "number"),
                Cell(", ".join(rank.remarks), "marked" if rank.is_first else ""),
                Cell(rank.phase or "-"),
            ]
            for rank in found[:_RANKS]
        ]
        header = [("Rank", "number"), ("Host", ""), ("Used", "number"), ("Remarks", ""), ("Phase", "")]
        yield table("Ranks that matter; + and - are differences from the median of all ranks", header, rows)
        hidden = f"{human_count(len(found) - _RANKS)} more of these" if len(found) > _RANKS else None
        rest = [part for part in (hidden, other_ranks(explanation, found)) if part is not None]
        yield paragraph(f"{'; '.join(rest)}." if rest else None, "soft")
    for sentence in absent:
        yield paragraph(sentence, "warn")


def _before(explanation: Explanation) -> Iterator[str]:
    if not explanation.before:
        return
    rows = [
        [
            Cell(hits.title, "title"),
            Cell(chip(hits.severity)),
            Cell(human_count(hits.count), "number"),
            Cell(ranges(hits.ranks) or "-"),
            Cell("-" if hits.last_ns is None else f"{human_time(hits.last_ns)} UTC", "time"),
        ]
        for hits in explanation.before
    ]
    header = [("Issue", "title"), ("Severity", ""), ("Hits", "number"), ("Ranks", ""), ("Last", "")]
    yield "<h3>Before the failure</h3>"
    yield table(f"{human_count(explanation.before_total)} hits before the failure", header, rows)
