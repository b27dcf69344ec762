"""An explanation as one screen of text."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, TypeVar

from stormlog._printable_text import printable
from stormlog._values import frozen_class
from stormlog.explaining import COMPONENTS, Explanation, MemoryAccount, PriorHits
from stormlog.presenting import why_sentences as sentences
from stormlog.presenting.quantities import (
    human_bytes,
    human_count,
    human_difference,
    human_duration,
    human_time,
)
from stormlog.presenting.texts import cell_width, fits, padded, ranges, shortened, wrapped
from stormlog.presenting.timeline_plot import timeline_strip
from stormlog.presenting.why_headline import absent_ranks, doubt, headline
from stormlog.presenting.why_ranks import NotableRank, bar_scale, notable_ranks, other_ranks, used_bytes

__all__ = ["Line", "Piece", "Style", "screen", "screen_text"]

#: What a part of a line is: who prints it on a terminal gives it a colour.
Style = Literal["plain", "heading", "failure", "warning", "note", "faint"]

#: Lines of one screen, where the width allows it.
_MOST_LINES = 40
_LABEL_WIDTH = 10
#: Narrower screens break lines themselves.
_SMALLEST_WIDTH = 60
#: Least columns of a title.
_TITLE_WIDTH = 24
_BAR_WIDTH = 16
_NARROW_BAR_WIDTH = 10
#: Columns from which on the wider bar is drawn.
_WIDE = 100
_HOST_WIDTH = 14
_ACCOUNTS = 20


class Piece(NamedTuple):
    """A part of a line.

    Attributes:
        text: Without control characters.
        style: What it is.
    """

    text: str
    style: Style = "plain"


Line = tuple[Piece, ...]
_Item = TypeVar("_Item")
_EMPTY: Line = ()


@frozen_class
class _Layout:
    """How much is shown.

    Args:
        width: Columns.
        ellipsis: What stands for text that is cut.
        bar: Characters of the used and of the free part of a bar.
        bar_width: Columns of a bar.
        message_lines: Most lines of a message of an exception.
        ranks: Most lines of ranks.
        before: Most lines about what came before.
        has_strip: Whether memory over time is shown on a line.
    """

    width: int
    ellipsis: str
    bar: str
    bar_width: int
    message_lines: int
    ranks: int
    before: int
    has_strip: bool = False


_SEVERITY_STYLES: dict[str, Style] = {"critical": "failure", "error": "failure", "warning": "warning"}

#: Most lines of a message, of ranks, and of what came before: the first that fits into a screen is taken.
_LIMITS = ((5, 8, 5), (4, 8, 4), (3, 8, 3), (2, 7, 3), (2, 5, 3), (2, 4, 2), (2, 3, 1), (1, 2, 1))


def screen(
    explanation: Explanation, *, width: int = 80, ascii_only: bool = False, now_ns: int | None = None
) -> list[Line]:
    """Return the lines of a screen: why a run failed, as a person reads it.

    Args:
        explanation: What is known.
        width: Columns of the screen, at least 60. Commands and paths may be longer: they are there to be copied.
        ascii_only: Whether bars and the ellipsis are drawn in ASCII; text of telemetry stays as it is.
        now_ns: Time by the clock; without it, nothing is said of how old the newest record is.
    """
    ellipsis, bar = ("...", "#.") if ascii_only else ("…", "█░")
    width = max(width, _SMALLEST_WIDTH)
    bar_width = _BAR_WIDTH if width >= _WIDE else _NARROW_BAR_WIDTH
    lines: list[Line] = []
    for limits in _LIMITS:
        layout = _Layout(width, ellipsis, bar, bar_width, *limits)
        lines = list(_joined(_blocks(explanation, layout, now_ns)))
        if sum(_rows(line, width) for line in lines) <= _MOST_LINES:
            break
    # Memory over time is shown where it costs nothing else.
    with_strip = list(_joined(_blocks(explanation, replace(layout, has_strip=True), now_ns)))
    return with_strip if sum(_rows(line, width) for line in with_strip) <= _MOST_LINES else lines


def _rows(line: Line, width: int) -> int:
    """Return how many rows of a terminal a line takes."""
    return max(1, -(-sum(cell_width(piece.text) for piece in line) // width))


def screen_text(
    explanation: Explanation, *, width: int = 80, ascii_only: bool = False, now_ns: int | None = None
) -> str:
    """Return the screen without styles, every line ended; see `screen`."""
    lines = screen(explanation, width=width, ascii_only=ascii_only, now_ns=now_ns)
    return "".join("".join(piece.text for piece in line).rstrip() + "\n" for line in lines)


def _joined(blocks: Iterator[list[Line]]) -> Iterator[Line]:
    """Yield the lines of all blocks, with an empty line between two."""
    is_first = True
    for block in blocks:
        if block and not is_first:
            yield _EMPTY
        is_first = is_first and not block
        yield from block


def _blocks(explanation: Explanation, layout: _Layout, now_ns: int | None) -> Iterator[list[Line]]:
    yield _heading(explanation, layout, now_ns)
    if explanation.first_failure is not None:
        yield _failure(explanation, layout)
    if explanation.accounts:
        yield _accounts(explanation.accounts, layout)
    elif explanation.memory is not None:
        yield _memory(explanation, explanation.memory, layout)
    elif explanation.first_failure is not None:
        yield [(Piece("Memory", "heading"), Piece(": not known (no sample before the failure)."))]
    if explanation.at_ns is None:
        yield _ranks(explanation, layout)
    yield _before(explanation, layout)
    same = sentences.same_elsewhere(explanation)
    yield [] if same is None else _sentence(same, layout)
    if explanation.next:
        yield [
            (Piece("Next", "heading"),),
            *((Piece(f"  {printable(command)}"),) for command in explanation.next),
        ]


def _sentence(text: str, layout: _Layout, *, style: Style = "plain", at_most: int = 3) -> list[Line]:
    lines = wrapped(text, layout.width, at_most=at_most, ellipsis=layout.ellipsis)
    return [(Piece(line, style),) for line in lines]


def _heading(explanation: Explanation, layout: _Layout, now_ns: int | None) -> list[Line]:
    style: Style = "heading"
    if explanation.first_failure is not None:
        style = "failure"
    elif explanation.run.ranks_lost:
        style = "warning"
    return [
        *_sentence(headline(explanation, now_ns), layout, style=style),
        *_sentence(sentences.run_title(explanation), layout, style="faint", at_most=2),
    ]


def _failure(explanation: Explanation, layout: _Layout) -> list[Line]:
    failure = explanation.first_failure
    assert failure is not None
    facts = [
        ("When", sentences.when(explanation, failure), 2),
        ("Where", sentences.where(failure), 2),
        ("Phase", sentences.phase(failure), 2),
        ("Error", sentences.error(failure), layout.message_lines),
        ("Asked for", sentences.request(failure), 2),
    ]
    lines = [
        line
        for label, text, most in facts
        if text is not None
        for line in _fact(label, text, layout, at_most=most)
    ]
    # Not broken, so that the path can be copied.
    source = shortened(sentences.source(failure), 4 * layout.width, layout.ellipsis)
    lines.append((Piece(f"{'Recorded':<{_LABEL_WIDTH}}", "heading"), Piece(source)))
    if failure.allocator_snapshot_path is not None:
        snapshot = shortened(failure.allocator_snapshot_path, 4 * layout.width, layout.ellipsis)
        lines.append((Piece(f"{'Snapshot':<{_LABEL_WIDTH}}", "heading"), Piece(snapshot)))
    reason = doubt(explanation, failure)
    return lines if reason is None else [*lines, *_sentence(reason, layout, style="warning")]


def _fact(label: str, text: str, layout: _Layout, *, at_most: int) -> Iterator[Line]:
    lines = wrapped(text, layout.width - _LABEL_WIDTH, at_most=at_most, ellipsis=layout.ellipsis)
    for number, line in enumerate(lines):
        yield Piece(f"{'' if number else label:<{_LABEL_WIDTH}}", "heading"), Piece(line)


def _memory(explanation: Explanation, memory: MemoryAccount, layout: _Layout) -> list[Line]:
    lines = _sentence(sentences.memory_title(explanation, memory), layout, style="heading")
    known = [name for name in COMPONENTS if getattr(memory, f"{name}_bytes") is not None]
    has_growth = memory.growth is not None
    largest = sentences.grown_component(explanation, memory)
    width = max(cell_width(name) for name in sentences.COMPONENT_NAMES.values())
    if has_growth:
        lines.append((Piece(f"  {'':<{width}}  {'then':>9}  {'baseline':>9}  {'growth':>10}", "faint"),))
    for name in known:
        row = f"  {sentences.COMPONENT_NAMES[name]:<{width}}  {_bytes(getattr(memory, f'{name}_bytes')):>9}"
        if has_growth:
            baseline = None if memory.baseline is None else memory.baseline.get(name)
            grown = None if memory.growth is None else memory.growth.get(name)
            row += f"  {_bytes(baseline):>9}  {'-' if grown is None else human_difference(grown):>10}"
        if name == largest:
            remark = "  grew most"
            row += remark if len(row) + len(remark) <= layout.width else ""
            lines.append((Piece(row, "failure"),))
        else:
            lines.append((Piece(row),))
    if memory.unexplained_bytes:
        lines.append((Piece(f"  {'not explained':<{width}}  {human_bytes(memory.unexplained_bytes):>9}"),))
    lines += _over_time(explanation, width, layout)
    note = sentences.levels_note(memory)
    lines += [] if note is None else _sentence(note, layout, style="faint")
    for sentence in (
        sentences.growth(explanation, memory),
        sentences.growth_phase(memory),
        sentences.growth_since_last_good(explanation),
    ):
        lines += [] if sentence is None else _sentence(sentence, layout)
    return lines


def _over_time(explanation: Explanation, label_width: int, layout: _Layout) -> list[Line]:
    """Return how memory in use came to what it was, on one line; of a run that ended well nothing."""
    timeline = explanation.timeline
    if timeline is None or explanation.first_failure is None or not layout.has_strip:
        return []
    label = f"  {f'over {human_duration(timeline.end_ns - timeline.start_ns)}':<{label_width}}  "
    strip = timeline_strip(timeline, width=layout.width - len(label), ascii_only=layout.ellipsis == "...")
    return [] if strip is None else [(Piece(label, "faint"), Piece(strip))]


def _first(items: Sequence[_Item], count: int) -> Sequence[_Item]:
    """Return the first items; one more where that takes no more lines than to say that there is one."""
    return items if len(items) == count + 1 else items[:count]


def _bytes(value: int | None) -> str:
    return "-" if value is None else human_bytes(value)


def _ranks(explanation: Explanation, layout: _Layout) -> list[Line]:
    lines: list[Line] = []
    # One rank alone has been described already.
    found = notable_ranks(explanation) if len(explanation.ranks) > 1 else []
    if found:
        scale = bar_scale(explanation)
        legend = [] if scale is None else [f"full bar: {human_bytes(scale)}"]
        if explanation.odd_ranks:
            legend.append("+ and -: against the median rank")
        meaning = shortened(f"({'; '.join(legend)})" if legend else "", layout.width - 6, layout.ellipsis)
        lines += [(Piece("Ranks ", "heading"), Piece(meaning, "faint"))]
        shown = _first(found, layout.ranks)
        host_width = min(max((cell_width(rank.host or "") for rank in shown), default=0), _HOST_WIDTH)
        number_width = max(len(str(rank.rank)) for rank in shown)
        lines += [_rank_line(rank, scale, number_width, host_width, layout) for rank in shown]
        hidden = f"and {human_count(len(found) - len(shown))} more" if len(found) > len(shown) else None
        rest = [part for part in (hidden, other_ranks(explanation, found)) if part is not None]
        if rest:
            lines.append((Piece(f"  {'; '.join(rest)}", "faint"),))
    for sentence in absent_ranks(explanation):
        lines += _sentence(sentence, layout, style="warning", at_most=2)
    return lines


def _rank_line(
    rank: NotableRank, scale: int | None, number_width: int, host_width: int, layout: _Layout
) -> Line:
    name = f"  {rank.rank:>{number_width}}  "
    host = (
        f"{padded(shortened(rank.host or '', host_width, layout.ellipsis), host_width)}  "
        if host_width
        else ""
    )
    bar = "" if scale is None else f"{_bar(rank.used_bytes, scale, layout)}  "
    used = f"{_bytes(rank.used_bytes):>9}  "
    start = f"{name}{host}{bar}{used}"
    room = layout.width - cell_width(start)
    remarks = ", ".join(rank.remarks)
    with_phase = f"{remarks}, in {rank.phase}"
    words = with_phase if rank.phase is not None and fits(with_phase, room) else remarks
    return Piece(start), Piece(
        shortened(words, room, layout.ellipsis), "failure" if rank.is_first else "warning"
    )


def _bar(used: int | None, scale: int, layout: _Layout) -> str:
    if used is None:
        return " " * layout.bar_width
    filled = min(layout.bar_width, max(0, layout.bar_width * used // scale))
    return layout.bar[0] * filled + layout.bar[1] * (layout.bar_width - filled)


def _before(explanation: Explanation, layout: _Layout) -> list[Line]:
    if not explanation.before:
        return []
    total = human_count(explanation.before_total)
    lines: list[Line] = [
        (
            Piece("Before", "heading"),
            Piece(f" ({total} {'hit' if explanation.before_total == 1 else 'hits'})", "faint"),
        )
    ]
    shown = _first(explanation.before, layout.before)
    count_width = max(len(human_count(hits.count)) for hits in shown)
    severity_width = min(max(cell_width(printable(hits.severity)) for hits in shown), 10)
    for hits in shown:
        lines.append(_hits_line(explanation, hits, count_width, severity_width, layout))
    if len(explanation.before) > len(shown):
        lines.append((Piece(f"  and {len(explanation.before) - len(shown)} more issues", "faint"),))
    return lines


def _hits_line(
    explanation: Explanation, hits: PriorHits, count_width: int, severity_width: int, layout: _Layout
) -> Line:
    severity = padded(shortened(hits.severity, severity_width, layout.ellipsis), severity_width)
    start = f"  {human_count(hits.count):>{count_width}} x  "
    room = layout.width - cell_width(start) - severity_width - 2
    details = _hits_details(explanation, hits)
    while details and room - cell_width(_bracketed(details)) < min(
        _TITLE_WIDTH, cell_width(printable(hits.title))
    ):
        details.pop(0)
    end = _bracketed(details)
    title = shortened(hits.title, room - cell_width(end), layout.ellipsis)
    style = _SEVERITY_STYLES.get(hits.severity, "note")
    return Piece(start), Piece(f"{severity}  ", style), Piece(title), Piece(end, "faint")


def _bracketed(parts: Sequence[str]) -> str:
    return f"  ({', '.join(parts)})" if parts else ""


def _hits_details(explanation: Explanation, hits: PriorHits) -> list[str]:
    """Return which ranks had the hits and when the last one was; the more important part comes last."""
    parts = []
    if hits.ranks and len(explanation.run.ranks_seen) > 1:
        parts.append(f"{'rank' if len(hits.ranks) == 1 else 'ranks'} {ranges(hits.ranks, at_most=2)}")
    failure = explanation.first_failure
    failed = None if failure is None else failure.timestamp_ns
    if failed is not None and hits.last_ns is not None and hits.last_ns <= failed:
        parts.append(f"last {human_duration(failed - hits.last_ns)} before")
    return parts


def _accounts(accounts: Sequence[MemoryAccount], layout: _Layout) -> list[Line]:
    """Return one line per series, those that use most first."""
    first, last = (human_time(pick(account.timestamp_ns for account in accounts)) for pick in (min, max))
    span = first if first == last else f"{first} to {last}"
    sampled = f"Samples of {span} UTC, those that use most first:"
    names = ("used", "of", "allocated", "unused", "outside")
    header = f"  {'rank':>5} {'device':>6}  {'  '.join(f'{name:>9}' for name in names)}  time"
    lines = [*_sentence(sampled, layout), (Piece(_cut(header, layout), "faint"),)]
    order = sorted(accounts, key=lambda account: -(used_bytes(account) or 0))
    for account in order[:_ACCOUNTS]:
        values = (
            used_bytes(account),
            account.total_bytes,
            account.allocated_bytes,
            account.reserved_unused_bytes,
            account.outside_allocator_bytes,
        )
        device = sentences.device_number(account.device_id) or "-"
        time = human_time(account.timestamp_ns).rpartition(" ")[2]
        row = (
            f"  {account.rank:>5} {device:>6}  {'  '.join(f'{_bytes(value):>9}' for value in values)}  {time}"
        )
        lines.append((Piece(_cut(row, layout)),))
    if len(order) > _ACCOUNTS:
        lines.append((Piece(f"  and {human_count(len(order) - _ACCOUNTS)} more", "faint"),))
    return lines


def _cut(line: str, layout: _Layout) -> str:
    """Return a line of ASCII without what does not fit; its blanks stay."""
    return (
        line if len(line) <= layout.width else line[: layout.width - len(layout.ellipsis)] + layout.ellipsis
    )
