"""Finds the texts that repeat in the lines of a sink, so that they are parsed once and not per line.

Promise: a shape is only ever a shortcut. Lines are split where it says and compared byte by byte, and a
shape enters only after its text, completed to a whole line, was found valid like any other line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from stormlog._opening import open_artifact
from stormlog.engine.database.sql_files import view_query
from stormlog.telemetry.schema import COUNTER_CAPABILITIES

if TYPE_CHECKING:
    from stormlog.engine.database.lazy_schema import Database

__all__ = ["learn_shapes"]

#: How much of each file is looked at, and how many shapes one file may add.
_SAMPLE_BYTES = 64 * 1024
_SHAPES_PER_FILE = 8

_BEFORE_TYPE = ', "event_type": "'
_BEFORE_TIME = ', "timestamp_ns": '
_BEFORE_SCOPE = '"phase_scope": '

#: A time of the length that times have.
_TIME = "1000000000000000000"

_read_value: Callable[[str, int], tuple[Any, int]] = json.JSONDecoder().raw_decode

#: Counters in the order in which sinks write them.
_COUNTERS = sorted(COUNTER_CAPABILITIES)
#: Capabilities that counters need, in the order of the columns of ``raw.shapes``.
_CAPABILITIES = tuple(dict.fromkeys(COUNTER_CAPABILITIES.values()))

#: What stands before the changing part of a line's repeating texts, what stands behind it where there is one, and
#: what follows the time.
_Parts = tuple[str, str | None, str]


def learn_shapes(database: Database, paths: Iterable[str]) -> int:
    """Fill ``raw.shapes`` from the first lines of some files; return how many there are.

    Args:
        database: Where to put it.
        paths: Uncompressed JSON Lines files; one that cannot be read is left to others to report.
    """
    shapes: dict[_Parts, str] = {}
    for path in paths:
        try:
            with open_artifact(path) as stream:
                sample = stream.read(_SAMPLE_BYTES)
        except OSError:
            continue
        counts: dict[_Parts, dict[str, int]] = {}
        for line in sample.decode("utf-8", "replace").split("\n")[:-1]:
            _, _, rest = line.partition(_BEFORE_TYPE)
            event_type, quote, body = rest.partition('"')
            body, before_time, ending = body.rpartition(_BEFORE_TIME)
            _, comma, tail = ending.partition(", ")
            body, tail, suffix = quote + body + before_time, comma + tail, None
            if event_type.startswith("phase_"):
                body, name, scope = body.partition(_BEFORE_SCOPE)
                body += name
                try:
                    suffix = scope[_read_value(scope, 0)[1] :]
                except (StopIteration, ValueError, RecursionError):
                    continue
            of_shape = counts.setdefault((body, suffix, tail), {})
            of_shape[event_type] = of_shape.get(event_type, 0) + 1
        repeated = [(sum(types.values()), parts) for parts, types in counts.items()]
        repeated.sort(key=lambda shape: shape[0], reverse=True)
        for count, parts in repeated[:_SHAPES_PER_FILE]:
            if count > 1:
                shapes.setdefault(parts, max(counts[parts], key=lambda name: counts[parts][name]))
    database.clear("raw.shapes")
    rows = [row for parts, event_type in shapes.items() if (row := _shape_row(parts, event_type)) is not None]
    if not rows:
        return 0
    _insert_valid(database, rows)
    counted = database.execute("SELECT count(*) FROM raw.shapes").fetchone()
    assert counted is not None
    return int(counted[0])


def _shape_row(parts: _Parts, event_type: str) -> tuple[Any, ...] | None:
    """Return a shape, a whole line that has it, and which counters its lines may have."""
    prefix, suffix, tail = parts
    # The event type and the scope have rules of their own, which are those of the line and not of its shape.
    rest = f"sample{prefix}{'' if suffix is None else '{}' + suffix}{_TIME}{tail}"
    try:
        record = json.loads(f'{{"event_type": "{rest}')
        version = record["schema_version"]
        # Counters that a version 4 record may lack are absent in the trial line: then it is valid or not
        # for its other parts alone.
        value = "null" if version == 4 else "0"
        flags = record["metadata"].get("memory_capabilities", {}) if version == 4 else {}
        may_have = [version != 4 or flags.get(name) is True for name in _CAPABILITIES]
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    counters = ", ".join(f'"{name}": {value}' for name in _COUNTERS)
    head = f'{{{counters}, "collector": "c", "context": null, "device_id": 0'
    line = f"{head}{_BEFORE_TYPE}{rest}"
    return (prefix, suffix, event_type, line, version == 4, *may_have)


def _insert_valid(database: Database, rows: list[tuple[Any, ...]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    database.execute(
        """
        CREATE OR REPLACE TABLE raw.shape_trials AS
        SELECT
            unnest(CAST(? AS INTEGER[])) AS shape_id, unnest(CAST(? AS VARCHAR[])) AS prefix,
            unnest(CAST(? AS VARCHAR[])) AS suffix, unnest(CAST(? AS VARCHAR[])) AS event_type,
            unnest(CAST(? AS VARCHAR[])) AS line,
            unnest(CAST(? AS BOOLEAN[])) AS is_null_allowed, unnest(CAST(? AS BOOLEAN[])) AS may_have_allocated,
            unnest(CAST(? AS BOOLEAN[])) AS may_have_reserved, unnest(CAST(? AS BOOLEAN[])) AS may_have_active,
            unnest(CAST(? AS BOOLEAN[])) AS may_have_inactive, unnest(CAST(? AS BOOLEAN[])) AS may_have_used,
            unnest(CAST(? AS BOOLEAN[])) AS may_have_free, unnest(CAST(? AS BOOLEAN[])) AS may_have_total
        """,
        [list(range(len(rows))), *columns],
    )
    database.execute(
        """
        CREATE OR REPLACE VIEW raw.lines AS
        SELECT
            CAST(shape_id AS INTEGER) AS piece_id, CAST(NULL AS BIGINT) AS line_number, line,
            CASE WHEN json_valid(line) THEN line END AS json_line, CAST(NULL AS VARCHAR) AS record_id,
            false AS is_canonical
        FROM raw.shape_trials
        """
    )
    database.execute(
        f"""
        INSERT INTO raw.shapes
        SELECT
            t.shape_id, s.before_time, s.tail, CASE WHEN t.suffix IS NULL THEN s.body_length ELSE 0 END AS body_length,
            t.prefix, t.suffix, l.is_needed, t.is_null_allowed, t.may_have_allocated,
            t.may_have_reserved, t.may_have_active, t.may_have_inactive, t.may_have_used, t.may_have_free,
            t.may_have_total, l.schema_version, l.session_id, t.event_type, l.rank, l.backend,
            l.collector_health_status, l.is_fragmentation_known
        FROM ({view_query("raw.typed_lines")}) AS l
        INNER JOIN raw.split_lines AS s ON l.piece_id = s.piece_id
        INNER JOIN raw.shape_trials AS t ON l.piece_id = t.shape_id
        WHERE l.is_valid AND l.severity IS NULL
            -- The trial line has another event type.
            AND telemetry.is_plain_event_type(t.event_type)
        -- A line is compared with one shape.
        QUALIFY row_number() OVER (PARTITION BY s.before_time, s.tail, body_length ORDER BY t.shape_id) = 1
        """
    )
    database.execute("DROP TABLE raw.shape_trials")
