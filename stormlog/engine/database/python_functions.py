"""Functions of Python in SQL: what the rules say exactly where SQL would only come close.

Promise: each is registered when a statement names it, and not before. The first one imports numpy, which an
ordinary answer does without.

Source: docs/concepts.md#text-rules.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import duckdb

__all__ = ["UDFS", "register"]


class Udf(NamedTuple):
    """A function and how SQL sees it.

    Attributes:
        function: The function; it takes texts and returns a text or ``None``.
        arity: Number of its arguments, all VARCHAR.
        sees_null: Whether it is asked about NULL; otherwise NULL gives NULL.
    """

    function: Callable[..., str | None]
    arity: int
    sees_null: bool


def register(connection: duckdb.DuckDBPyConnection, names: Collection[str]) -> None:
    """Make functions callable in the database of a connection, for all its cursors.

    Args:
        connection: A connection; the functions live until it and all its cursors are closed.
        names: Keys of `UDFS` that are not registered yet.
    """
    from duckdb.func import FunctionNullHandling

    for name in names:
        udf = UDFS[name]
        connection.create_function(
            name,
            udf.function,
            ["VARCHAR"] * udf.arity,
            "VARCHAR",
            null_handling=FunctionNullHandling.SPECIAL if udf.sees_null else FunctionNullHandling.DEFAULT,
        )


# ---- for everyone ------------------------------------------------------------------------------------------


def _normalize(text: str | None) -> str:
    from stormlog.issues import normalize_text_dimension

    return normalize_text_dimension(text)


def _error_stem(text: str | None) -> str:
    from stormlog.issues import normalized_error_stem

    return normalized_error_stem(text)


def _alert_category(text: str | None) -> str:
    from stormlog.issues import categorize_alert_context

    return categorize_alert_context(text)


def _fingerprint_id(kind: str, dimensions: str) -> str:
    from stormlog.issues import IssueFingerprint

    parsed: Any = json.loads(dimensions)
    if not isinstance(parsed, dict):
        raise ValueError(f"dimensions must be a JSON object, not {dimensions!r:.60}")
    return IssueFingerprint(kind, parsed).fingerprint_id  # type: ignore[arg-type]


def _record_id(record: str) -> str:
    from stormlog.telemetry.projection import record_id

    return record_id(_event_record(json.loads(record)))


# ---- for the view projected_records ------------------------------------------------------------------------


def _canonical_record(record: str) -> str | None:
    from stormlog.telemetry.projection import canonical_json

    try:
        return canonical_json(_event_record(json.loads(record)))
    except (ValueError, RecursionError):
        # Nested deeper, or with longer numbers, than Python reads: one such line must not stop the others.
        return None


def _folded_text(text: str) -> str | None:
    return text.strip().lower() or None


def _severity_text(record: str) -> str | None:
    try:
        text = json.loads(record)["metadata"].get("severity_text")
    except (ValueError, RecursionError):
        return None
    return None if text is None else str(text)


def _event_record(record: Any) -> dict[str, Any]:
    from stormlog.telemetry import telemetry_event_from_record, telemetry_event_to_dict

    if not isinstance(record, dict):
        raise ValueError(f"a record is a JSON object, not {record!r:.60}")
    return telemetry_event_to_dict(telemetry_event_from_record(record))


#: Name in SQL -> function.
UDFS = {
    "stormlog_alert_category": Udf(_alert_category, 1, sees_null=True),
    "stormlog_canonical_record": Udf(_canonical_record, 1, sees_null=False),
    "stormlog_error_stem": Udf(_error_stem, 1, sees_null=True),
    "stormlog_fingerprint_id": Udf(_fingerprint_id, 2, sees_null=False),
    "stormlog_folded_text": Udf(_folded_text, 1, sees_null=False),
    "stormlog_normalize": Udf(_normalize, 1, sees_null=True),
    "stormlog_record_id": Udf(_record_id, 1, sees_null=False),
    "stormlog_severity_text": Udf(_severity_text, 1, sees_null=False),
}
