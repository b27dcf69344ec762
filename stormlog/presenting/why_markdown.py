"""An explanation in Markdown, for issues, chats and reports."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stormlog._markdown import markdown_text
from stormlog._printable_text import printable
from stormlog.explaining import COMPONENTS, Explanation, MemoryAccount
from stormlog.presenting import why_sentences as sentences
from stormlog.presenting.quantities import human_bytes, human_count, human_difference, human_time
from stormlog.presenting.texts import ranges, shortened
from stormlog.presenting.timeline_plot import timeline_plot
from stormlog.presenting.why_headline import absent_ranks, doubt, headline
from stormlog.presenting.why_ranks import notable_ranks, other_ranks, used_bytes

__all__ = ["markdown"]

_MESSAGE_WIDTH = 2000
_PLOT_WIDTH = 80
_RANKS = 20
_ACCOUNTS = 100


def markdown(explanation: Explanation, *, now_ns: int | None = None) -> str:
    """Return everything that the screen says, with longer lists and the whole message.

    Args:
        explanation: What is known.
        now_ns: Time by the clock; without it, nothing is said of how old the newest record is.
    """
    return "\n".join(_lines(explanation, now_ns)) + "\n"


def _lines(explanation: Explanation, now_ns: int | None) -> Iterator[str]:
    yield f"## {_text(headline(explanation, now_ns))}"
    yield ""
    yield _text(sentences.run_title(explanation))
    failure = explanation.first_failure
    if failure is not None:
        yield ""
        facts = {
            "When": sentences.when(explanation, failure),
            "Where": sentences.where(failure),
            "Phase": sentences.phase(failure),
            "Error": sentences.error(failure),
            "Asked for": sentences.request(failure),
            "Recorded": sentences.source(failure),
            "Allocator snapshot": failure.allocator_snapshot_path,
        }
        yield from (f"- **{label}:** {_text(text)}" for label, text in facts.items() if text is not None)
        yield from _paragraph(doubt(explanation, failure))
    if explanation.accounts:
        yield from _accounts(explanation.accounts)
    elif explanation.memory is not None:
        yield from _memory(explanation, explanation.memory)
    elif failure is not None:
        yield from _paragraph("Memory: not known (no sample before the failure).")
    if explanation.at_ns is None:
        yield from _ranks(explanation)
    yield from _before(explanation)
    yield from _paragraph(sentences.same_elsewhere(explanation))
    yield from _paragraph(sentences.other_runs(explanation))
    if explanation.next:
        yield from ("", "### Next", "", *map(_code_block_line, explanation.next))


def _text(text: str) -> str:
    return markdown_text(shortened(text, _MESSAGE_WIDTH))


def _paragraph(text: str | None) -> list[str]:
    return [] if text is None else ["", _text(text)]


def _code_block_line(command: str) -> str:
    # An indented block has no sign that a command could end it with.
    return f"    {printable(command)}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int]) -> list[str]:
    """Return a table, headed by an empty line.

    Args:
        header: One text per column.
        rows: Cells, in the order of the header.
        right: Numbers of the columns whose cells stand on the right.
    """
    rule = ["---:" if number in right else "---" for number in range(len(header))]
    return ["", *(f"| {' | '.join(cells)} |" for cells in (header, rule, *(map(_text, row) for row in rows)))]


def _memory(explanation: Explanation, memory: MemoryAccount) -> Iterator[str]:
    yield from ("", f"### {_text(sentences.memory_title(explanation, memory))}")
    rows = []
    for name in COMPONENTS:
        value = getattr(memory, f"{name}_bytes")
        if value is not None:
            baseline = None if memory.baseline is None else memory.baseline.get(name)
            grown = None if memory.growth is None else memory.growth.get(name)
            growth = "-" if grown is None else human_difference(grown)
            rows.append((sentences.COMPONENT_NAMES[name], human_bytes(value), _bytes(baseline), growth))
    if memory.unexplained_bytes:
        rows.append(("not explained", human_bytes(memory.unexplained_bytes), "-", "-"))
    columns = 2 if memory.growth is None else 4
    header = ("Component", "Then", "Baseline", "Growth")[:columns]
    yield from _table(header, [row[:columns] for row in rows], right=(1, 2, 3))
    if explanation.timeline is not None and explanation.first_failure is not None:
        plot = timeline_plot(explanation.timeline, width=_PLOT_WIDTH)
        yield from ("", *map(_code_block_line, plot)) if plot else ()
    yield from _paragraph(sentences.levels_note(memory))
    yield from _paragraph(sentences.growth(explanation, memory))
    yield from _paragraph(sentences.growth_phase(memory))
    yield from _paragraph(sentences.growth_since_last_good(explanation))


def _bytes(value: int | None) -> str:
    return "-" if value is None else human_bytes(value)


def _ranks(explanation: Explanation) -> Iterator[str]:
    found = notable_ranks(explanation) if len(explanation.ranks) > 1 else []
    if found:
        yield from ("", "### Ranks")
        rows = [
            (
                str(rank.rank),
                rank.host or "-",
                _bytes(rank.used_bytes),
                ", ".join(rank.remarks),
                rank.phase or "-",
            )
            for rank in found[:_RANKS]
        ]
        yield from _table(("Rank", "Host", "Used", "Remarks", "Phase"), rows, right=(0, 2))
        hidden = f"And {human_count(len(found) - _RANKS)} more" if len(found) > _RANKS else None
        rest = [part for part in (hidden, other_ranks(explanation, found)) if part is not None]
        yield from _paragraph(f"{'; '.join(rest)}." if rest else None)
        if explanation.odd_ranks:
            yield from _paragraph("Differences with a sign are those from the median of all ranks.")
    for sentence in absent_ranks(explanation):
        yield from _paragraph(sentence)


def _before(explanation: Explanation) -> Iterator[str]:
    if explanation.before:
        yield from ("", f"### Before: {human_count(explanation.before_total)} hits")
        rows = [
            (
                human_count(hits.count),
                hits.severity,
                hits.title,
                ranges(hits.ranks),
                "-" if hits.last_ns is None else f"{human_time(hits.last_ns)} UTC",
            )
            for hits in explanation.before
        ]
        yield from _table(("Hits", "Severity", "Title", "Ranks", "Last"), rows, right=(0,))


def _accounts(accounts: Sequence[MemoryAccount]) -> Iterator[str]:
    order = sorted(accounts, key=lambda account: -(used_bytes(account) or 0))
    rows = [
        (
            str(account.rank),
            sentences.device_number(account.device_id) or "-",
            _bytes(used_bytes(account)),
            _bytes(account.total_bytes),
            _bytes(account.allocated_bytes),
            _bytes(account.reserved_unused_bytes),
            _bytes(account.outside_allocator_bytes),
            f"{human_time(account.timestamp_ns)} UTC",
        )
        for account in order[:_ACCOUNTS]
    ]
    header = (
        "Rank",
        "Device",
        "Used",
        "Of",
        "Allocated",
        "Reserved but unused",
        "Outside the allocator",
        "Sampled",
    )
    yield from _table(header, rows, right=range(7))
    if len(order) > _ACCOUNTS:
        yield from _paragraph(f"And {human_count(len(order) - _ACCOUNTS)} more.")
