"""Files that users attach: read once, through one open descriptor, in the format that their name or content says.

Promise: a file is read whole or refused with a sentence that names it. What DuckDB would guess, skip or round silently
(lines above a header, lines with other numbers of fields, long integers) is refused, kept exactly, or noted.

Source: docs/sql.md#own-tables.
"""

from __future__ import annotations

import codecs
import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from stormlog._opening import open_artifact
from stormlog.engine.own_tables.incoming import IncomingRows, incoming_rows
from stormlog.errors import SourceError

if TYPE_CHECKING:
    import pyarrow

__all__ = ["attached_rows"]

_SQLITE = b"SQLite format 3\0"
_PARQUET = b"PAR1"
_ARROW = b"ARROW1"
_CSV = (".csv", ".tsv")
_JSON_LINES = (".jsonl", ".ndjson")
_FORMATS = "CSV (.csv, .tsv), JSON lines (.jsonl, .ndjson), Parquet, Arrow (.arrow), or SQLite as FILE#TABLE"
_BLOCK_BYTES = 1 << 20


@contextlib.contextmanager
def attached_rows(name: str) -> Iterator[IncomingRows]:
    """Open a file, and give its rows; use them inside, and keep them only if nothing is raised at the end.

    Args:
        name: The file; ``FILE#TABLE`` for a table of a SQLite database.

    Raises:
        SourceError: there is no such file, it cannot be read, is not what it should be, or changed while it was read.
    """
    path, table = _split(name)
    try:
        stream = open_artifact(path)
    except OSError as error:
        raise SourceError(error.strerror or str(error), path=path) from error
    with stream, contextlib.ExitStack() as opened:
        before = _state(stream)
        try:
            reader, notes = _reading(path, table, stream, opened)
            rows = incoming_rows(reader, notes)
        except ValueError as error:
            raise SourceError(str(error), path=path) from error
        yield rows
        if _state(stream) != before:
            raise SourceError("it changed while it was read; attach it again", path=path)


def _split(name: str) -> tuple[str, str | None]:
    """Return the file and the table that a text names; a file whose name holds the sign is found as it is."""
    if "#" not in name or os.path.exists(name):
        return name, None
    path, _, table = name.rpartition("#")
    return path, table


def _state(stream: IO[bytes]) -> tuple[int, int]:
    found = os.fstat(stream.fileno())
    return found.st_size, found.st_mtime_ns


def _reading(
    path: str, table: str | None, stream: IO[bytes], opened: contextlib.ExitStack
) -> tuple[pyarrow.RecordBatchReader, list[str]]:
    """Return the rows of a file, and what there is to say about them.

    Raises:
        SourceError, ValueError: it cannot be read.
    """
    head = stream.read(16)
    stream.seek(0)
    suffix = Path(path).suffix.lower()
    if head == _SQLITE:
        from stormlog.engine.own_tables.sqlite_tables import sqlite_rows

        return sqlite_rows(path, table, opened)
    if table is not None:
        raise ValueError("it is no SQLite database: only of these a table is named behind #")
    if head[:4] == _PARQUET or suffix in (".parquet", ".pq"):
        return _parquet(stream), []
    if head[:6] == _ARROW:
        return _arrow(stream), []
    readers: dict[str, Callable[..., tuple[pyarrow.RecordBatchReader, list[str]]]] = {}
    if suffix in (*_CSV, *_JSON_LINES):
        from stormlog.engine.own_tables.text_files import csv_rows, json_rows

        readers = dict.fromkeys(_CSV, csv_rows) | dict.fromkeys(_JSON_LINES, json_rows)
    if suffix not in readers:
        raise ValueError(f"its format is unknown; there are {_FORMATS}")
    _require_utf8(stream)
    return readers[suffix](path, stream, opened)


def _parquet(stream: IO[bytes]) -> pyarrow.RecordBatchReader:
    import pyarrow
    import pyarrow.parquet

    try:
        file = pyarrow.parquet.ParquetFile(stream)
        return pyarrow.RecordBatchReader.from_batches(file.schema_arrow, file.iter_batches())
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"it is no Parquet file that can be read: {error}") from error


def _arrow(stream: IO[bytes]) -> pyarrow.RecordBatchReader:
    import pyarrow
    import pyarrow.ipc

    try:
        file = pyarrow.ipc.open_file(stream)
    except (pyarrow.ArrowException, OSError) as error:
        raise ValueError(f"it is no Arrow file that can be read: {error}") from error
    batches = (file.get_batch(number) for number in range(file.num_record_batches))
    return pyarrow.RecordBatchReader.from_batches(file.schema, batches)


def _require_utf8(stream: IO[bytes]) -> None:
    """Refuse a text in another encoding, and one without any text.

    Raises:
        ValueError: it says where, and what to do.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    done = 0
    is_blank = True
    while block := stream.read(_BLOCK_BYTES):
        if not done and block[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            raise ValueError(
                "it is written in UTF-16, and has to be in UTF-8: iconv -f UTF-16 -t UTF-8 converts it"
            )
        pending = len(decoder.getstate()[0])
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError as error:
            place = done - pending + error.start
            raise ValueError(
                f"byte {place:,} is no UTF-8: convert the file first, for example with iconv -f LATIN1 -t UTF-8"
            ) from error
        is_blank = is_blank and not text.strip("\ufeff \t\r\n")
        done += len(block)
    if decoder.getstate()[0]:
        raise ValueError("its last character is cut off: it is no UTF-8, or not complete")
    stream.seek(0)
    if is_blank:
        raise ValueError("it is empty: there are no columns")
