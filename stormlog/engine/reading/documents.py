"""Reads telemetry that is not one record per line: JSON documents and CSV exports."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from stormlog.engine.reading.odd_lines import Arbiter, Place

if TYPE_CHECKING:
    from stormlog.engine.reading.verdict_tables import VerdictTables

__all__ = ["judge_csv", "judge_json_document"]

_FIRST_ROW_NUMBER = 2
_NO_TEXT = re.compile("[\udc80-\udcff]")


def judge_json_document(
    place: Place, content: bytes, arbiter: Arbiter, verdict_tables: VerdictTables
) -> None:
    """Judge the records of a JSON document; items count from 1.

    The verdicts of small documents wait in the arbiter, so that those of many documents are inserted together.

    Raises:
        ValueError: it is not JSON, or holds no records.
        RecursionError: it is nested too deeply.
    """
    from stormlog.telemetry.loading import holds_record_list, records_of_document

    document = json.loads(content.decode("utf-8-sig"))
    if not holds_record_list(document) and arbiter.leave_out(place.origin, document):
        return
    for number, record in enumerate(records_of_document(document, place.origin.path), start=1):
        arbiter.judge_record(place, number, record, _shown(record))
        verdict_tables.flush_if_many()


def judge_csv(place: Place, content: bytes, arbiter: Arbiter, verdict_tables: VerdictTables) -> None:
    """Judge the rows of a CSV export; the header is row 1. Verdicts wait as those of documents do."""
    import csv
    import io

    from stormlog.telemetry import CSV_DEFAULT_COLLECTOR, TelemetryRecordError, csv_record_from_row
    from stormlog.telemetry.csv_rows import MOST_CELL_CHARACTERS, CsvLines, cells_up_to

    # Bytes that are no text become lone surrogates, which mark the rows that have them.
    text = content.decode("utf-8-sig", "surrogateescape")
    with cells_up_to(MOST_CELL_CHARACTERS):
        lines = CsvLines(io.StringIO(text, newline=""))
        rows: csv.DictReader[Any] = csv.DictReader(lines)
        number = _FIRST_ROW_NUMBER - 1
        while True:
            number += 1
            try:
                if number == _FIRST_ROW_NUMBER and rows.fieldnames and (problem := lines.quote_problem()):
                    header = _shown(list(rows.fieldnames))
                    arbiter.reject(place, 1, "unclosed_quote", header, problem + lines.note())
                    break
                lines.begin_row()
                row = next(rows, None)
            except csv.Error as error:
                arbiter.reject(place, number, "malformed_row", "", str(error) + lines.note())
                continue
            if row is None:
                break
            shown = _shown(row)
            if problem := lines.quote_problem():
                arbiter.reject(place, number, "unclosed_quote", shown, problem + lines.note())
                continue
            row_place = replace(place, note=note) if (note := lines.note()) else place
            if not _is_text(row):
                arbiter.reject(row_place, number, "invalid_utf8", shown)
                continue
            try:
                record = csv_record_from_row(row)
            except TelemetryRecordError as error:
                arbiter.reject(row_place, number, error.code, shown, str(error))
                continue
            arbiter.judge_record(row_place, number, record, shown, default_collector=CSV_DEFAULT_COLLECTOR)
            verdict_tables.flush_if_many()


def _is_text(row: dict[Any, Any]) -> bool:
    cells: list[Any] = []
    for item in (*row.keys(), *row.values()):
        cells += item if isinstance(item, list) else [item]
    return all(cell is None or cell.isascii() or not _NO_TEXT.search(cell) for cell in cells)


def _shown(record: Any) -> str:
    try:
        return json.dumps(record, default=str, skipkeys=True)[:400]
    except (ValueError, RecursionError):
        return ""
