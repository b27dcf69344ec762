"""What a notebook shows of stores, issues, explanations and lists: HTML of bounded size.

Promise: it holds no script, loads nothing, and asks no question about telemetry that was not read. Text of telemetry
stays text. Without its style, as some viewers show it, it is still a page that can be read.
"""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from stormlog._short_repr import short_repr
from stormlog.errors import StormlogError
from stormlog.explaining import Explanation, IssueAccount
from stormlog.issues import StormlogIssue
from stormlog.issues.what import what_of
from stormlog.presenting import brief, counted, human_bytes, human_count, listed
from stormlog.presenting.markup import markup_text
from stormlog.presenting.quantities import human_duration
from stormlog.presenting.why_headline import headline
from stormlog.reporting.notebook_style import NOTEBOOK_CLASS, NOTEBOOK_STYLE
from stormlog.reporting.page_account import account_part, dimensions_text
from stormlog.reporting.page_parts import (
    Cell,
    Markup,
    chip,
    commands,
    facts,
    paragraph,
    state_word,
    table,
    time_text,
)
from stormlog.reporting.page_why import why_part
from stormlog.reporting.pictures import explanation_picture
from stormlog.reporting.wording import KIND_WORDS

if TYPE_CHECKING:
    from stormlog.query import QueryStore, RowList, SqlResult

__all__ = [
    "account_html",
    "explanation_html",
    "explanation_text",
    "issue_html",
    "issues_html",
    "result_html",
    "rows_html",
    "store_html",
]

_MOST_ROWS = 50
_MOST_COLUMNS = 30
#: Characters of a value, of a title, and of a path.
_VALUE, _TITLE, _PATH = 120, 400, 300
#: Characters of a value that stands on one line.
_SHORT = 40
#: Paths, and things that were skipped.
_MOST_PATHS = 5
#: Notebooks typeset what stands between dollar signs, but not within these classes.
_NOT_MATHEMATICS = "tex2jax_ignore mathjax_ignore"


def _note(*parts: str) -> str:
    return f'<div class="{NOTEBOOK_CLASS} {_NOT_MATHEMATICS}"><style>{NOTEBOOK_STYLE}</style>{"".join(parts)}</div>'


def _heading(text: str) -> str:
    return f"<h3>{markup_text(text, _TITLE)}</h3>"


def _picture_name(text: str) -> str:
    """Return what begins the ids of a picture: a notebook may show several answers."""
    return f"sl-{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"


# ---- issues ------------------------------------------------------------------------------------------------


def issues_html(issues: Sequence[StormlogIssue]) -> str:
    """Return a list of issues as a table."""
    if not issues:
        return _note(paragraph("No issue was found."))
    shown = issues[:_MOST_ROWS]
    rows = [
        [
            Cell(_issue_name(issue), "title"),
            Cell(chip(issue.severity)),
            Cell(state_word(issue.state)),
            Cell(human_count(issue.hit_count), "number"),
            Cell(human_count(len(issue.affected_sessions)), "number"),
            Cell(time_text(issue.first_seen_ns), "time"),
            Cell(time_text(issue.last_seen_ns), "time"),
            Cell(Markup(f"<code>{_short_id(issue)}</code>"), "time"),
        ]
        for issue in shown
    ]
    header = [
        ("Issue", "title"),
        ("Severity", ""),
        ("State", ""),
        ("Hits", "number"),
        ("Sessions", "number"),
        ("First seen (UTC)", ""),
        ("Last seen (UTC)", ""),
        ("Fingerprint", ""),
    ]
    next_steps = _next(f'store.issue_account("{_short_id(shown[0])}")')
    return _note(table(_count_of(issues, "issue"), header, rows), _rest(issues), next_steps)


def _issue_name(issue: StormlogIssue) -> Markup:
    what = what_of(issue.kind, issue.fingerprint.dimensions, issue.details, issue.fingerprint_id)
    title = markup_text(issue.title, 160)
    return Markup(f'{title}<br><span class="soft small">{markup_text(what, 200)}</span>' if what else title)


def _short_id(issue: StormlogIssue) -> str:
    """Return as much of a fingerprint id as a store needs to find it."""
    return markup_text(issue.fingerprint_id[: len("issue:") + 8])


def issue_html(issue: StormlogIssue) -> str:
    """Return what a list knows of one issue, and how to ask for the rest."""
    hit = issue.representative_evidence
    seen = [counted(issue.hit_count, "hit"), counted(len(issue.affected_sessions), "session")]
    rank = None if hit.rank is None else str(hit.rank)
    kind = markup_text(KIND_WORDS.get(issue.kind, issue.kind))
    known = facts(
        (
            ("Severity", Markup(f"{chip(issue.severity)} {kind}")),
            ("State", Markup(state_word(issue.state))),
            (
                "Told apart by",
                what_of(issue.kind, issue.fingerprint.dimensions, issue.details, issue.fingerprint_id),
            ),
            ("Seen", listed(seen)),
            ("First seen", _time(issue.first_seen_ns)),
            ("Last seen", _time(issue.last_seen_ns)),
            ("First hit", hit.source_path or hit.bundle_path),
            ("Session", hit.session_id),
            ("Rank", rank),
            ("Fingerprint", issue.fingerprint_id),
            ("Dimensions", dimensions_text(issue.fingerprint.dimensions)),
        )
    )
    name = _short_id(issue)
    asked = _next(f'store.issue_account("{name}")', f'store.explain(issue="{name}")', "issue.evidence")
    return _note(_heading(issue.title), known, asked)


def account_html(account: IssueAccount) -> str:
    """Return the account of an issue, with its picture."""
    name = _picture_name(account.fingerprint_id)
    return _note(
        _heading(account.title),
        account_part(account, state=account.state, name=name, is_large=True),
        _next(*account.next),
    )


# ---- explanations ------------------------------------------------------------------------------------------


def explanation_html(explanation: Explanation) -> str:
    """Return why a run failed, with the memory of the device that failed."""
    picture = explanation_picture(explanation)
    name = _picture_name("" if picture is None else f"{explanation.run.run_id} {picture.title}")
    return _note(
        _heading(headline(explanation)), why_part(explanation, picture, name), _next(*explanation.next)
    )


def explanation_text(explanation: Explanation) -> str:
    """Return the same on one line."""
    return brief(explanation)


# ---- stores ------------------------------------------------------------------------------------------------


def store_html(store: QueryStore) -> str:
    """Return what a store has opened and what was skipped of it so far, and what can be asked. Nothing is read."""
    catalog = store.catalog
    kinds = Counter(source.source_kind for source in catalog.sources)
    states = store.snapshot.states.values()
    size = human_bytes(sum(state.size for state in states if state is not None))
    warnings = [warning for warning in catalog.warnings if not warning.is_note]
    try:
        skipped = store.rejects_summary()
    except StormlogError as error:
        return _note(_heading("Store"), _paths(store), paragraph(str(error), "warn"))
    lines = sum(count for _, count in skipped)
    known = facts(
        (
            ("Sources", ", ".join(f"{kind}: {human_count(count)}" for kind, count in sorted(kinds.items()))),
            ("Files", f"{human_count(len(states))}, {size}"),
            ("OOM bundles", human_count(len(catalog.oom_bundles))),
            ("Run envelopes", human_count(len(catalog.run_envelopes))),
            ("Attachments", human_count(len(catalog.attachments))),
            ("Warnings", human_count(len(warnings)) if warnings else None),
            ("Skipped lines", f"{human_count(lines)} in {counted(len(skipped), 'file')}" if lines else None),
        )
    )
    asked = ["store.list_issues()", "store.explain()", "store.list_runs()", "store.list_sessions()"]
    asked.append('store.sql("SHOW TABLES")')
    asked += ["store.catalog.warnings"] if warnings else []
    asked += ["store.rejects()"] if lines else []
    shown = [f"{warning.path}: {warning.message}" for warning in warnings[:_MOST_PATHS]]
    more = len(warnings) - len(shown)
    return _note(
        _heading("Store"),
        _paths(store),
        known,
        *(paragraph(Markup(markup_text(text, _PATH)), "warn") for text in shown),
        paragraph(f"and {human_count(more)} more" if more else None, "soft"),
        _next(*asked),
    )


def _paths(store: QueryStore) -> str:
    paths = [markup_text(str(path), _PATH) for path in store.catalog.paths[:_MOST_PATHS]]
    more = len(store.catalog.paths) - len(paths)
    texts = [f"<code>{path}</code>" for path in paths] + ([f"and {human_count(more)} more"] if more else [])
    return paragraph(Markup(" ".join(texts)))


# ---- lists and results of statements -----------------------------------------------------------------------


def rows_html(rows: RowList[Any]) -> str:
    """Return rows of any kind as a table: times as times, bytes with a unit."""
    if not rows:
        return _note(paragraph("No rows."))
    values = [row.as_dict() for row in rows[:_MOST_ROWS]]
    names = list(values[0])[:_MOST_COLUMNS]
    header = [(_header(name), _kind(values[0][name])) for name in names]
    cells = [[Cell(_text(name, row.get(name)), _kind(row.get(name))) for name in names] for row in values]
    return _note(
        table(_count_of(rows, "row"), header, cells),
        _columns_beyond(len(values[0])),
        _rest(rows),
    )


def result_html(result: SqlResult) -> str:
    """Return the rows of a statement as a table, its columns named as it names them."""
    if not result.columns:
        return _note(paragraph("No rows."))
    columns = result.columns[:_MOST_COLUMNS]
    rows = [
        [Cell("NULL" if value is None else _plain(value), _kind(value)) for value in row[:_MOST_COLUMNS]]
        for row in result.rows[:_MOST_ROWS]
    ]
    header = [(name, _kind(result.rows[0][number]) if rows else "") for number, name in enumerate(columns)]
    hidden = len(result.rows) - len(rows)
    rest = f"{human_count(hidden)} more rows are not shown: .rows has all of them, .df() makes a data frame."
    return _note(
        table(_count_of(result.rows, "row"), header, rows),
        _columns_beyond(len(result.columns)),
        paragraph(rest if hidden else None, "soft"),
    )


def _header(name: str) -> str:
    if name.endswith("_duration_ns"):
        return name.removesuffix("_ns")
    return f"{name.removesuffix('_ns')} (UTC)" if name.endswith("_ns") else name


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, int) and name.endswith("_duration_ns") and value >= 0:
        return human_duration(value)
    if isinstance(value, int) and name.endswith("_ns"):
        return time_text(value)
    if isinstance(value, int) and name.endswith("_bytes"):
        return human_bytes(value)
    return _plain(value)


def _plain(value: Any) -> str:
    if isinstance(value, str):
        return Markup(markup_text(value, _VALUE))
    if isinstance(value, bytes):
        value = value[:_VALUE]
    return Markup(
        markup_text(short_repr(value) if isinstance(value, (list, tuple, dict)) else str(value), _VALUE)
    )


def _kind(value: Any) -> str:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "number"
    # Short texts are not broken, and long ones get room.
    is_long = isinstance(value, (list, tuple, dict)) or (
        isinstance(value, (str, bytes)) and len(value) > _SHORT
    )
    return "title" if is_long else "time"


# ---- parts -------------------------------------------------------------------------------------------------


def _time(time_ns: int | None) -> str | None:
    return None if time_ns is None else f"{time_text(time_ns)} UTC"


def _count_of(rows: Sequence[object], noun: str) -> str:
    shown = f", the first {_MOST_ROWS} are shown" if len(rows) > _MOST_ROWS else ""
    return f"{counted(len(rows), noun)}{shown}"


def _rest(rows: Sequence[object]) -> str:
    """Return how to see what is not shown of a list."""
    hidden = len(rows) - _MOST_ROWS
    if hidden <= 0:
        return ""
    end = min(2 * _MOST_ROWS, len(rows))
    text = f"{human_count(hidden)} more are not shown: the list holds them, and [{_MOST_ROWS}:{end}] shows the next."
    return paragraph(text, "soft")


def _columns_beyond(count: int) -> str:
    hidden = count - _MOST_COLUMNS
    return paragraph(f"{human_count(hidden)} more columns are not shown." if hidden > 0 else None, "soft")


def _next(*lines: str) -> str:
    """Return what can be asked next."""
    return f'<p class="soft small">Ask next</p>{commands(lines)}' if lines else ""
