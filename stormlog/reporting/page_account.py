"""What telemetry says of one issue: its facts, the memory around it, where its hits are."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import stormlog.presenting.why_sentences as sentences
from stormlog.explaining import IssueAccount, ValueSpread
from stormlog.presenting import human_bytes, human_count, human_time
from stormlog.presenting.markup import markup_text
from stormlog.presenting.svg_memory import describe, memory_svg
from stormlog.presenting.svg_sparks import memory_spark_svg
from stormlog.reporting.page_parts import Cell, Markup, chip, facts, state_word, table, time_text
from stormlog.reporting.pictures import issue_picture
from stormlog.reporting.wording import KIND_WORDS

__all__ = ["account_part", "dimensions_text"]

_VALUES = 4


def account_part(account: IssueAccount, *, state: str, note: str = "", name: str, is_large: bool) -> str:
    """Return the account of an issue.

    Args:
        account: The account.
        state: Its state, or its status in a tracker.
        note: What is said behind that.
        name: Begins the ids of the picture; differs between the pictures of a page.
        is_large: Whether memory is drawn large.
    """
    picture = _picture(account, name, is_large=is_large)
    return "".join([_facts(account, state, note), *picture, _spread(account), _evidence(account)])


def _facts(account: IssueAccount, state: str, note: str) -> str:
    run = account.latest_run
    failure = None if run is None or not run.is_of_issue else run.first_failure
    pairs: list[tuple[str, str | None]] = [
        (
            "Severity",
            Markup(f"{chip(account.severity)} {markup_text(KIND_WORDS.get(account.kind, account.kind))}"),
        ),
        ("State", Markup(f"{state_word(state)}{markup_text(note)}")),
        ("Told apart by", account.what),
        ("Seen", _seen(account)),
        ("Message", account.exception.message),
        ("Exception", account.exception.exception_type),
        ("Asked for", _asked(account)),
        ("Latest run", None if run is None else _run(account)),
        ("First rank", None if failure is None else sentences.where(failure)),
        ("Phase", None if failure is None else sentences.phase(failure)),
        ("Versions", _versions(account)),
        ("Fingerprint", account.fingerprint_id),
        ("Dimensions", dimensions_text(account.dimensions)),
    ]
    return facts(pairs)


def _seen(account: IssueAccount) -> str:
    hits = f"{human_count(account.hit_count)} {'hit' if account.hit_count == 1 else 'hits'}"
    runs = f"{human_count(account.run_count)} {'run' if account.run_count == 1 else 'runs'}"
    sessions = (
        f"{human_count(account.session_count)} {'session' if account.session_count == 1 else 'sessions'}"
    )
    text = f"{hits}, {runs}, {sessions}"
    if account.first_ns is None or account.last_ns is None:
        return text
    if account.first_ns == account.last_ns:
        return f"{text}; {human_time(account.first_ns)} UTC"
    return f"{text}; {human_time(account.first_ns)} to {human_time(account.last_ns)} UTC"


def _asked(account: IssueAccount) -> str | None:
    asked, free = account.exception.requested_bytes, account.exception.free_bytes
    if asked is None:
        return None
    return human_bytes(asked) if free is None else f"{human_bytes(asked)}, while {human_bytes(free)} was free"


def _run(account: IssueAccount) -> str:
    run = account.latest_run
    assert run is not None
    version = "" if run.code_version is None else f", version {run.code_version}"
    first = ", its first failure" if run.is_first else ""
    return f"{run.run_id}{'' if run.attempt == 1 else f', attempt {run.attempt}'}{version}{first}"


def _versions(account: IssueAccount) -> str | None:
    versions = account.versions
    if versions.first_with is None:
        return None
    text = f"first seen in {versions.first_with}"
    if versions.last_without is not None:
        text += f", not in {versions.last_without} before it"
    if versions.latest_with not in (None, versions.first_with):
        text += f", last seen in {versions.latest_with}"
    return text


def dimensions_text(dimensions: Mapping[str, Any]) -> str:
    """Return the dimensions of an issue on one line, each value as JSON."""
    parts = (
        f"{key}={json.dumps(value, ensure_ascii=False, default=str)}" for key, value in dimensions.items()
    )
    return ", ".join(parts)


def _picture(account: IssueAccount, name: str, *, is_large: bool) -> Iterator[str]:
    picture = issue_picture(account)
    if picture is None:
        return
    caption = markup_text(f"{picture.title}. {describe(picture)}")
    if is_large:
        drawn = memory_svg(picture, name)
    else:
        line = picture.lines[0]
        drawn = memory_spark_svg(line.points, f"{picture.title}: {line.label}")
    yield f'<figure class="scroll" tabindex="0">{drawn}<figcaption>{caption}</figcaption></figure>'


def _spread(account: IssueAccount) -> str:
    rows = [
        [Cell(spread.field, "field"), Cell(_values(spread))]
        for spread in account.spread
        # One value that is not known says nothing.
        if any(value.value is not None for value in spread.values)
    ]
    if not rows:
        return ""
    shown = table("Where its hits are", [("Field", "field"), ("Hits by value", "")], rows)
    return f"<h4>How the hits spread</h4>{shown}"


def _values(spread: ValueSpread) -> Markup:
    parts = [
        f'<span class="value"><span class="meter" style="--share:{round(100 * value.share)}%"></span>'
        f"{markup_text('not known' if value.value is None else value.value, 80)} "
        f'<span class="soft">{human_count(value.hit_count)}</span></span>'
        for value in spread.values[:_VALUES]
    ]
    hidden = spread.value_count - len(parts)
    if hidden > 0:
        parts.append(f'<span class="soft">{human_count(hidden)} more values</span>')
    return Markup(" ".join(parts))


def _evidence(account: IssueAccount) -> str:
    rows = []
    for place in account.evidence:
        where = place.path if place.line_number is None else f"{place.path}:{place.line_number}"
        code = Markup(f"<code>{markup_text(where, 600)}</code>")
        rank = "-" if place.rank is None else str(place.rank)
        rows.append([Cell(code, "title"), Cell(time_text(place.timestamp_ns), "time"), Cell(rank, "number")])
    if account.bundle_path is not None:
        bundle = Markup(f"<code>{markup_text(account.bundle_path, 600)}</code> (bundle)")
        if all(place.path != account.bundle_path for place in account.evidence):
            rows.append([Cell(bundle, "title"), Cell("-", "time"), Cell("-", "number")])
    if account.allocator_snapshot_path is not None:
        snapshot = Markup(
            f"<code>{markup_text(account.allocator_snapshot_path, 600)}</code> (allocator snapshot)"
        )
        rows.append([Cell(snapshot, "title"), Cell("-", "time"), Cell("-", "number")])
    if not rows:
        return ""
    header = [("File and line", "title"), ("Time (UTC)", ""), ("Rank", "number")]
    shown = f"{human_count(len(account.evidence))} of {human_count(account.hit_count)} pieces of evidence"
    return f"<h4>Evidence</h4>{table(shown, header, rows)}"
