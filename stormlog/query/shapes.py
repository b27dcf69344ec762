"""Finds the texts that repeat in the lines of a sink, so that they are parsed once and not per line.

Promise: a shape is only ever a shortcut. Lines are split where it says and compared byte by byte, and a
shape enters only after its text, completed to a whole line, was found valid like any other line.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stormlog.query.database import Database

__all__ = ["learn_shapes"]

#: How much of each file is looked at, and how many shapes one file may add.
_SAMPLE_BYTES = 64 * 1024
_SHAPES_PER_FILE = 4

_BEFORE_TYPE = ', "event_type": "'
_BEFORE_TIME = ', "timestamp_ns": '

_COUNTERS = (
    ("allocator_active_bytes", "supports_allocator_active"),
    ("allocator_allocated_bytes", "supports_allocator_allocated"),
    ("allocator_change_bytes", "supports_allocator_allocated"),
    ("allocator_inactive_bytes", "supports_allocator_inactive"),
    ("allocator_reserved_bytes", "supports_allocator_reserved"),
    ("device_free_bytes", "supports_device_free"),
    ("device_total_bytes", "supports_device_total"),
    ("device_used_bytes", "supports_device_used"),
)
#: The same counters by the order of the flags in ``raw.shapes``.
_FLAG_ORDER = (
    "allocator_allocated_bytes",
    "allocator_change_bytes",
    "allocator_reserved_bytes",
    "allocator_active_bytes",
    "allocator_inactive_bytes",
    "device_used_bytes",
    "device_free_bytes",
    "device_total_bytes",
)


def learn_shapes(database: Database, paths: Iterable[str]) -> int:
    """Fill ``raw.shapes`` from the first lines of some files; return how many there are.

    Args:
        database: Where to put it.
        paths: Uncompressed JSON Lines files; one that cannot be read is left to others to report.
    """
    shapes: dict[tuple[str, str], None] = {}
    for path in paths:
        try:
            with open(path, "rb") as stream:
                sample = stream.read(_SAMPLE_BYTES)
        except OSError:
            continue
        counts: dict[tuple[str, str], int] = {}
        for line in sample.decode("ascii", "replace").split("\n")[:-1]:
            _, _, rest = line.partition(_BEFORE_TYPE)
            middle, _, timed = rest.partition(_BEFORE_TIME)
            _, _, tail = timed.partition(", ")
            if tail.endswith("}"):
                counts[(middle, tail)] = counts.get((middle, tail), 0) + 1
        repeated = [(count, shape) for shape, count in counts.items() if count > 1]
        repeated.sort(reverse=True)
        shapes.update((shape, None) for _, shape in repeated[:_SHAPES_PER_FILE])
    database.execute("DELETE FROM raw.shapes")
    rows = [row for shape in shapes if (row := _shape_row(*shape)) is not None]
    if not rows:
        return 0
    _insert_valid(database, rows)
    counted = database.execute("SELECT count(*) FROM raw.shapes").fetchone()
    assert counted is not None
    return int(counted[0])


def _shape_row(middle: str, tail: str) -> tuple[Any, ...] | None:
    """Return a shape, a whole line that has it, and which counters its lines may have."""
    try:
        rest = json.loads(f'{{"event_type": "{middle}{_BEFORE_TIME}0, {tail}')
        version = rest["schema_version"]
        # Counters that a version 4 record may lack are absent in the trial line: then it is valid or not
        # for its other parts alone.
        value = "null" if version == 4 else "0"
        flags = rest["metadata"].get("memory_capabilities", {}) if version == 4 else {}
        may_have = {name: version != 4 or flags.get(flag) is True for name, flag in _COUNTERS}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    counters = ", ".join(f'"{name}": {value}' for name, _ in _COUNTERS)
    head = f'{{{counters}, "collector": "c", "context": null, "device_id": 0'
    line = f"{head}{_BEFORE_TYPE}{middle}{_BEFORE_TIME}0, {tail}"
    return (middle, tail, line, version == 4, *(may_have[name] for name in _FLAG_ORDER))


def _insert_valid(database: Database, rows: list[tuple[Any, ...]]) -> None:
    columns = [list(column) for column in zip(*rows, strict=True)]
    database.execute(
        """
        CREATE OR REPLACE TABLE raw.shape_trials AS
        SELECT
            unnest(CAST(? AS INTEGER[])) AS shape_id, unnest(CAST(? AS VARCHAR[])) AS middle,
            unnest(CAST(? AS VARCHAR[])) AS tail, unnest(CAST(? AS VARCHAR[])) AS line,
            unnest(CAST(? AS BOOLEAN[])) AS is_null_allowed, unnest(CAST(? AS BOOLEAN[])) AS may_have_allocated,
            unnest(CAST(? AS BOOLEAN[])) AS may_have_change, unnest(CAST(? AS BOOLEAN[])) AS may_have_reserved,
            unnest(CAST(? AS BOOLEAN[])) AS may_have_active, unnest(CAST(? AS BOOLEAN[])) AS may_have_inactive,
            unnest(CAST(? AS BOOLEAN[])) AS may_have_used, unnest(CAST(? AS BOOLEAN[])) AS may_have_free,
            unnest(CAST(? AS BOOLEAN[])) AS may_have_total
        """,
        [list(range(len(rows))), *columns],
    )
    database.execute(
        """
        CREATE OR REPLACE VIEW raw.lines AS
        SELECT
            CAST(shape_id AS INTEGER) AS file_id, CAST(NULL AS BIGINT) AS line_number, line,
            CASE WHEN json_valid(line) THEN line END AS json_line, CAST(NULL AS VARCHAR) AS record_id,
            false AS is_canonical
        FROM raw.shape_trials
        """
    )
    database.execute(
        """
        INSERT INTO raw.shapes
        SELECT
            t.shape_id, t.middle, t.tail, t.is_null_allowed, t.may_have_allocated, t.may_have_change,
            t.may_have_reserved, t.may_have_active, t.may_have_inactive, t.may_have_used, t.may_have_free,
            t.may_have_total, l.schema_version, l.session_id, l.event_type, l.rank, l.backend,
            l.collector_health_status, l.is_fragmentation_known
        FROM raw.typed_lines AS l
        INNER JOIN raw.shape_trials AS t ON l.file_id = t.shape_id
        WHERE l.is_valid AND NOT l.is_needed AND l.severity IS NULL
        """
    )
    database.execute("DROP TABLE raw.shape_trials")
