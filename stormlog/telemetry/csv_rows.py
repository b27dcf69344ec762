"""Reads CSV exports: typed cells, one event per row, bad rows left out with a warning.

A blank cell is an explicit null, which is not the same as an absent column.

Source: docs/concepts.md#artifacts.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from stormlog.telemetry.conversion import telemetry_event_from_record
from stormlog.telemetry.errors import TelemetryRecordError
from stormlog.telemetry.events import AnyTelemetryEvent
from stormlog.telemetry.loading import LoadedTelemetrySession, artifact_source
from stormlog.telemetry.schema import INTEGER_FIELDS, LONGEST_LINE_BYTES
from stormlog.telemetry.session import infer_session_summary_from_events, stable_legacy_session_id

__all__ = [
    "CSV_DEFAULT_COLLECTOR",
    "MOST_CELL_CHARACTERS",
    "CsvLines",
    "cells_up_to",
    "csv_record_from_row",
    "load_csv_sessions",
]

CSV_DEFAULT_COLLECTOR = "legacy.csv"
#: As long as the longest line of telemetry.
MOST_CELL_CHARACTERS = LONGEST_LINE_BYTES
_FIRST_ROW_NUMBER = 2
_INTEGER_COLUMNS = frozenset(
    {
        "schema_version",
        *INTEGER_FIELDS,
        "memory_allocated",
        "memory_reserved",
        "memory_change",
        "total_memory",
    }
)


class CsvLines:
    """The lines of a CSV file, which remember those that the parser took for one row.

    Args:
        lines: The lines, with their ends.
    """

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._last = 0
        self._of_row: list[str] = []
        self._is_at_end = False

    def __iter__(self) -> CsvLines:
        return self

    def __next__(self) -> str:
        line = next(self._lines, None)
        if line is None:
            self._is_at_end = True
            raise StopIteration
        self._last += 1
        # The parser skips blank lines between rows.
        if self._of_row or line.rstrip("\r\n"):
            self._of_row.append(line)
        return line

    def begin_row(self) -> None:
        """Count the lines of the next row."""
        self._of_row = []

    def quote_problem(self) -> str | None:
        """Return what is wrong with the quotation marks of a row that the parser returned, and may have lost rows.

        A mark that nobody closed takes in the lines behind it, up to the next mark or the end of the file. A row of
        one line is read as the parser reads it.
        """
        import csv

        if self._is_at_end:
            # The parser wanted more than there is.
            return "a quotation mark is not closed before the end of the file"
        if len(self._of_row) > 1:
            try:
                list(csv.reader(self._of_row, strict=True))
            except csv.Error:
                return "a quotation mark is not closed where its cell ends"
        return None

    def note(self) -> str:
        """Return what to add to a sentence about this row: which lines it took if they were several."""
        count = len(self._of_row)
        if count < 2:
            return ""
        return f" (the row covers {count} lines of the file, {self._last - count + 1} to {self._last})"


def csv_record_from_row(row: Mapping[str | None, Any]) -> dict[Any, Any]:
    """Return the record that one row stands for, not yet validated.

    Args:
        row: Cells by column name, as ``csv.DictReader`` gives them; None holds surplus cells.

    Returns:
        The same keys: blank cells are null, ``metadata`` is an object, integer columns and
        ``timestamp`` are numbers, everything else is trimmed text.

    Raises:
        TelemetryRecordError: ``not_integer:<column>`` or ``not_number:timestamp``.
    """
    return {column: _cell(column, value) for column, value in row.items()}


def load_csv_sessions(
    path: str | Path, permissive_legacy: bool = True
) -> tuple[list[LoadedTelemetrySession], list[str]]:
    """Return the sessions of a CSV file and what was left out.

    Args:
        path: A UTF-8 file with a header row.
        permissive_legacy: Whether rows without ``schema_version`` are accepted.

    Returns:
        Sessions in order of first appearance, and one text per bad row. Every session has the same
        list of warnings; it is returned beside them so that a file without any good row shows it too.

    Raises:
        OSError: the file cannot be read.
        UnicodeDecodeError: the file is not UTF-8.
    """
    root = Path(path).resolve()
    default_id = stable_legacy_session_id(root, "csv")
    warnings: list[str] = []
    grouped: dict[str, list[AnyTelemetryEvent]] = {}
    for number, row in csv_rows(root, warnings):
        try:
            event = telemetry_event_from_record(
                csv_record_from_row(row),
                permissive_legacy,
                default_collector=CSV_DEFAULT_COLLECTOR,
                default_session_id=default_id,
            )
        except TelemetryRecordError as error:
            warnings.append(f"{root}: row {number} is left out: {error}")
            continue
        grouped.setdefault(event.session_id, []).append(event)
    sessions = []
    for session_id, events in grouped.items():
        events.sort(key=lambda event: event.timestamp_ns)
        summary = infer_session_summary_from_events(
            session_id=session_id, events=events, source=artifact_source(Path(path))
        )
        sessions.append(LoadedTelemetrySession(summary, events, [str(root)], warnings))
    return sessions, warnings


def csv_rows(root: Path, warnings: list[str]) -> Iterator[tuple[int, dict[str | None, Any]]]:
    """Yield the rows of a CSV file, numbered from 2 (the header is row 1).

    Args:
        root: A UTF-8 file.
        warnings: Gets a sentence when the parser cannot go on.
    """
    import csv

    # utf-8-sig: spreadsheet programs put a byte-order mark before the first column name.
    with cells_up_to(MOST_CELL_CHARACTERS), root.open(encoding="utf-8-sig", newline="") as file:
        lines = CsvLines(file)
        reader: csv.DictReader[Any] = csv.DictReader(lines)
        number = _FIRST_ROW_NUMBER
        while True:
            try:
                if number == _FIRST_ROW_NUMBER and reader.fieldnames and (problem := lines.quote_problem()):
                    warnings.append(f"{root}: row 1, the header, cannot be used: {problem}{lines.note()}")
                    return
                lines.begin_row()
                row = next(reader, None)
            except csv.Error as error:
                # The parser cannot go on behind it, for example after a cell of over 16 MiB.
                warnings.append(f"{root}: row {number} and all after it are left out: {error}")
                return
            if row is None:
                return
            if problem := lines.quote_problem():
                warnings.append(f"{root}: row {number} is left out: {problem}{lines.note()}")
                number += 1
                continue
            yield number, row
            number += 1


@contextmanager
def cells_up_to(characters: int) -> Iterator[None]:
    """Let the CSV parser read cells up to some length; its own limit is 128 KiB."""
    import csv

    limit = csv.field_size_limit(characters)
    try:
        yield
    finally:
        csv.field_size_limit(limit)


def _cell(column: str | None, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.strip()
    if not text:
        return None
    if column == "metadata":
        return _metadata(text)
    if column in _INTEGER_COLUMNS:
        return _integer(text, column)
    if column == "timestamp":
        try:
            return float(text)
        except ValueError as error:
            raise TelemetryRecordError(
                "not_number:timestamp", f"timestamp {text!r:.60} is no number"
            ) from error
    return text


def _metadata(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _integer(text: str, column: str | None) -> int:
    try:
        return int(text)
    except ValueError:
        try:
            return int(float(text))
        except (ValueError, OverflowError) as error:
            raise TelemetryRecordError(
                f"not_integer:{column}", f"{column} {text!r:.60} is no integer"
            ) from error
