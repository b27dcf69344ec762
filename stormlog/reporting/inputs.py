"""What a reader needs to find evidence again: ids of records, and the files that hold them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import TYPE_CHECKING

from stormlog._opening import open_artifact
from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.query import QueryStore

__all__ = ["InputFile", "Records", "is_lines", "read_records"]

_BLOCK_BYTES = 1 << 20

_RECORD_IDS = """
SELECT p.segment_path, p.line_number, p.record_id
FROM projected_records AS p
SEMI JOIN (
    SELECT unnest(CAST($paths AS VARCHAR[])) AS path, unnest(CAST($lines AS BIGINT[])) AS line_number
) AS w ON p.segment_path = w.path AND p.line_number = w.line_number
"""


@frozen_class
class InputFile:
    """A file that holds evidence, as it was when it was read.

    Args:
        sha256: Hash of its bytes in hex digits.
        line_count: Number of lines; None for files that are not lines of text.
    """

    path: str
    sha256: str
    size_bytes: int
    line_count: int | None


@frozen_class
class Records:
    """Where evidence is.

    Args:
        ids: (path, line) -> id of the record.
        files: The files, by path.
    """

    ids: dict[tuple[str, int], str]
    files: tuple[InputFile, ...]


def read_records(store: QueryStore, places: Iterable[tuple[str, int]]) -> Records:
    """Return the ids of some records, and facts about their files; a file that cannot be read any more is left out.

    Args:
        store: What was opened.
        places: Path and line of each record.
    """
    wanted = sorted(set(places))
    if not wanted:
        return Records({}, ())
    parameters = {"paths": [path for path, _ in wanted], "lines": [line for _, line in wanted]}
    ids = {
        (path, line): record_id
        for path, line, record_id in store.sql(_RECORD_IDS, parameters).rows
        if record_id is not None
    }
    found = [_input_file(store, path) for path in sorted({path for path, _ in wanted})]
    return Records(ids, tuple(file for file in found if file is not None))


def _input_file(store: QueryStore, path: str) -> InputFile | None:
    digest = hashlib.sha256()
    size = lines = 0
    last = b"\n"
    try:
        with open_artifact(path, store.catalog.opened) as stream:
            while block := stream.read(_BLOCK_BYTES):
                digest.update(block)
                size += len(block)
                lines += block.count(b"\n")
                last = block[-1:]
    except OSError:
        return None
    count = lines + (last != b"\n")
    return InputFile(path, digest.hexdigest(), size, count if is_lines(path) else None)


def is_lines(path: str) -> bool:
    """Return whether a file holds a record in each line, by its name."""
    return path.endswith((".jsonl", ".ndjson"))
