"""Judges the lines that SQL does not take as they stand: converts them or says why not.

Promise: every line handed in comes out once, as a canonical record or as a located reject.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from stormlog._storable_text import is_storable, storable_text
from stormlog.engine.reading.repair import excerpt_of
from stormlog.telemetry.schema import LONGEST_LINE_BYTES

if TYPE_CHECKING:
    from stormlog.artifacts import CatalogWarning
    from stormlog.artifacts.event_files import FileOrigin

__all__ = ["MAX_DEPTH", "Arbiter", "Place", "Verdicts"]

#: Verdicts that are put into tables together.
_MANY = 10_000

#: Deepest nesting that is taken: Python's JSON reader and writer manage it even when the caller is deep in the stack.
MAX_DEPTH = 500

# ``json.loads`` and ``json.dumps`` would make a decoder or an encoder for each call with these options.
_read_json: Callable[[str], Any] = json.JSONDecoder().decode
_write_json: Callable[[Any], str] = json.JSONEncoder(ensure_ascii=False).encode

_ONE_KIND_OF_BRACKET = bytes.maketrans(b"{}", b"[]")
_NO_BRACKETS = bytes(set(range(256)).difference(b"[]{}"))
_RUNS_OF_BRACKETS = re.compile(rb"(\[+)(\]*)")


@dataclass(frozen=True)
class Place:
    """Where lines come from.

    Attributes:
        origin: The file.
        piece_id: Number under which the rows are kept.
        is_tail: Whether this is a last line that its writer may not have finished.
        note: What is added to the message of a reject.
    """

    origin: FileOrigin
    piece_id: int
    is_tail: bool = False
    note: str = ""


@dataclass
class Verdicts:
    """What came of some lines.

    Attributes:
        records: (piece_id, line_number, canonical JSON text, record id or ``None`` where the text gives it).
        sessionless: (piece_id, line_number, session_id, timestamp_ns, host, pid, rank, job_id) of the records that
            name no session, and are shown in that of the manifest or in one made from the path of their source.
        rejects: (piece_id, line_number, reason, message, excerpt).
    """

    records: list[tuple[int, int, str, str | None]] = field(default_factory=list)
    sessionless: list[tuple[int, int, str, int, str, int, int, str | None]] = field(default_factory=list)
    rejects: list[tuple[int, int | None, str, str, str]] = field(default_factory=list)


class Arbiter:
    """Collects verdicts.

    Args:
        warnings: Where warnings about whole files go.
    """

    def __init__(self, warnings: list[CatalogWarning]) -> None:
        self._warnings = warnings
        self._verdicts = Verdicts()
        self._default_ids: dict[str, str] = {}
        self._left_out: set[tuple[str, str]] = set()

    @property
    def has_many(self) -> bool:
        """Whether so many verdicts are waiting that they should be taken."""
        return len(self._verdicts.records) + len(self._verdicts.rejects) >= _MANY

    def take(self) -> Verdicts:
        """Return the verdicts since the last call."""
        taken, self._verdicts = self._verdicts, Verdicts()
        return taken

    def judge(self, place: Place, line_number: int, line: str) -> None:
        """Judge one line of text; blank ones are nothing."""
        if line_number == 1:
            # Editors of one platform put a byte-order mark at the start of a file.
            line = line.removeprefix("\ufeff")
        if not line.strip():
            return
        if (
            len(line) * 4 > LONGEST_LINE_BYTES
            and len(line.encode("utf-8", "surrogatepass")) > LONGEST_LINE_BYTES
        ):
            self.reject(place, line_number, "line_too_long", line)
            return
        # The text tells before it is parsed: parsing so deep a value costs more than reading a good line.
        if nests_deeper_than(line, MAX_DEPTH):
            self.reject(place, line_number, "nested_too_deeply", line)
            return
        try:
            record = _read_json(line)
        except RecursionError:
            self.reject(place, line_number, "nested_too_deeply", line)
        except ValueError:
            self.reject(place, line_number, _malformed_reason(place), line)
        else:
            self._judge_parsed(place, line_number, record, line, {})

    def judge_record(self, place: Place, line_number: int, record: Any, text: str, **options: Any) -> None:
        """Judge one parsed record; ``options`` go to `telemetry_event_from_record`."""
        if isinstance(record, dict) and is_deeper_than(record, MAX_DEPTH):
            self.reject(place, line_number, "nested_too_deeply", text)
        else:
            self._judge_parsed(place, line_number, record, text, options)

    def _judge_parsed(
        self, place: Place, line_number: int, record: Any, text: str, options: dict[str, Any]
    ) -> None:
        if not isinstance(record, dict):
            self.reject(place, line_number, "not_an_object", text)
            return
        # Of records without a version nearly everything is accepted, so this is asked first.
        if "schema_version" not in record and "format" in record and self.leave_out(place.origin, record):
            return
        key = place.origin.key
        if key not in self._default_ids:
            self._default_ids[key] = place.origin.default_session_id()
        default_id = self._default_ids[key]
        options.setdefault("default_session_id", default_id)
        try:
            event, problem = _converter()(record, options)
            if problem is not None:
                self.reject(place, line_number, problem, text)
                return
            canonical = _write_json(event)
            given_id = None
            if not is_storable(canonical):
                # A database cannot hold half a character; the id still stands for the original text.
                given_id = _record_id(event)
                canonical = storable_text(canonical)
        except (ValueError, OverflowError, RecursionError, TypeError) as error:
            if self.leave_out(place.origin, record):
                return
            self.reject(place, line_number, str(getattr(error, "code", "invalid_record")), text, str(error))
            return
        self._verdicts.records.append((place.piece_id, line_number, canonical, given_id))
        # The very object: a record may name an id that reads the same.
        if event["session_id"] is default_id:
            self._verdicts.sessionless.append(_sessionless_row(place.piece_id, line_number, event))

    def reject(
        self, place: Place, line_number: int | None, reason: str, text: str, message: str | None = None
    ) -> None:
        """Note that a line was skipped."""
        message = (message or _MESSAGES.get(reason, reason)) + place.note
        self._verdicts.rejects.append((place.piece_id, line_number, reason, message, excerpt_of(text)))

    def leave_out(self, origin: FileOrigin, record: Any) -> bool:
        """Return whether a record is of a known kind other than memory telemetry; the first one adds a warning."""
        found = _foreign_format()(record)
        if found is None:
            return False
        from stormlog.artifacts.models import NO_MEMORY_TELEMETRY

        if (origin.key, found) not in self._left_out:
            self._left_out.add((origin.key, found))
            message = f"holds records that are no memory telemetry ({found}); they are left out"
            self.warn(origin, f"{NO_MEMORY_TELEMETRY}:{found}", message)
        return True

    def warn(self, origin: FileOrigin, code: str, message: str) -> None:
        """Add a warning about a file: all of it, or some of it, was not read."""
        from stormlog.artifacts import CatalogWarning

        self._warnings.append(CatalogWarning(origin.path, message, code))


@cache
def _converter() -> Callable[[Any, dict[str, Any]], tuple[dict[str, Any], str | None]]:
    """Return what makes an event of a record, and says which number of the event is too large for a column.

    Most files have no line for it, so the rules are imported when one has; not again for every line.
    """
    from stormlog.telemetry import record_fits_engine, telemetry_event_from_record, telemetry_event_to_dict

    def convert(record: Any, options: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
        event = telemetry_event_to_dict(telemetry_event_from_record(record, **options))
        return event, record_fits_engine(event)

    return convert


@cache
def _foreign_format() -> Callable[[Any], str | None]:
    from stormlog.telemetry.foreign import foreign_format

    return foreign_format


def _record_id(event: dict[str, Any]) -> str:
    from stormlog.telemetry.projection import record_id

    return record_id(event)


def _sessionless_row(
    piece_id: int, line_number: int, event: dict[str, Any]
) -> tuple[int, int, str, int, str, int, int, str | None]:
    job_id = event["job_id"]
    return (
        piece_id,
        line_number,
        storable_text(event["session_id"]),
        event["timestamp_ns"],
        storable_text(event["host"]),
        event["pid"],
        event["rank"],
        None if job_id is None else storable_text(job_id),
    )


def _malformed_reason(place: Place) -> str:
    """Tell a line that was cut while it was written from one that is broken."""
    return "torn_line" if place.is_tail and place.origin.path.endswith(".jsonl") else "malformed_json"


def nests_deeper_than(text: str, limit: int) -> bool:
    """Return whether brackets lie deeper than ``limit`` within each other, strings left out.

    Args:
        text: JSON, or something like it: what follows a mistake counts as well.
        limit: Deepest nesting that is no reason for true.
    """
    # No value lies deeper than there are brackets.
    if text.count("{") + text.count("[") <= limit:
        return False
    if "\\" in text:
        text = text.replace("\\\\", "").replace('\\"', "")
    outside = "".join(text.split('"')[::2])
    brackets = outside.encode("utf-8", "replace").translate(_ONE_KIND_OF_BRACKET, _NO_BRACKETS)
    # Without the innermost pairs everything is one level less deep, and little is left of long flat lists.
    brackets = brackets.replace(b"[]", b"")
    limit -= 1
    if brackets.count(b"[") <= limit:
        return False
    depth = 0
    for opening, closing in _RUNS_OF_BRACKETS.findall(brackets):
        depth += len(opening)
        if depth > limit:
            return True
        depth -= len(closing)
    return False


def is_deeper_than(value: Any, limit: int) -> bool:
    """Return whether lists and objects lie deeper than ``limit`` within each other; ``value`` is one of them."""
    level = [value]
    for _ in range(limit):
        below: list[Any] = []
        for outer in level:
            for inner in outer.values() if type(outer) is dict else outer:
                kind = type(inner)
                if kind is dict or kind is list:
                    below.append(inner)
        if not below:
            return False
        level = below
    return True


_MESSAGES = {
    "nested_too_deeply": f"values lie more than {MAX_DEPTH} deep within each other",
    "torn_line": "the line ends in the middle of a record; its writer was probably stopped",
    "malformed_json": "not valid JSON",
    "not_an_object": "valid JSON, but not an object",
    "invalid_utf8": "not valid UTF-8",
    "line_too_long": "longer than 16 MiB",
}
