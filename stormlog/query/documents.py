"""Reads telemetry that is not one record per line: JSON documents and CSV exports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from stormlog.query.arbiter import Arbiter, FileOrigin, Verdicts
from stormlog.query.repair import read_bytes

__all__ = ["csv_verdicts", "json_document_verdicts"]


def json_document_verdicts(origin: FileOrigin, arbiter: Arbiter, batch: int) -> Iterator[Verdicts]:
    """Judge the records of a JSON document; items count from 1.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not JSON, or holds no records.
    """
    from stormlog.telemetry.loading import records_of_document

    document = json.loads(read_bytes(origin.path).decode("utf-8-sig"))
    for number, record in enumerate(records_of_document(document, origin.path), start=1):
        arbiter.judge_record(origin, number, record, _shown(record))
        if number % batch == 0:
            yield arbiter.take()
    yield arbiter.take()


def csv_verdicts(origin: FileOrigin, arbiter: Arbiter, batch: int) -> Iterator[Verdicts]:
    """Judge the rows of a CSV export; the header is row 1.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is not a CSV file in UTF-8.
    """
    from stormlog.telemetry.csv_rows import CSV_DEFAULT_COLLECTOR, csv_record_from_row, csv_rows
    from stormlog.telemetry.errors import TelemetryRecordError

    warnings: list[str] = []
    for number, row in csv_rows(Path(origin.path), warnings):
        text = _shown(row)
        try:
            record = csv_record_from_row(row)
        except TelemetryRecordError as error:
            arbiter.reject(origin, number, error.code, text, str(error))
            continue
        arbiter.judge_record(origin, number, record, text, default_collector=CSV_DEFAULT_COLLECTOR)
        if number % batch == 0:
            yield arbiter.take()
    for message in warnings:
        arbiter.refuse_file(origin, "load_failed", message)
    yield arbiter.take()


def _shown(record: Any) -> str:
    return json.dumps(record, default=str)[:400]
