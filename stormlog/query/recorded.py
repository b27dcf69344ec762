"""What a hit of an issue looks like where it was recorded: a line of a file, or the manifest of a bundle.

Promise: only regular files inside the opened paths are read, and no more of one line than is asked for.
"""

from __future__ import annotations

import json
import os
from typing import IO, TYPE_CHECKING

from stormlog._opening import OpenedPaths, open_artifact, read_artifact
from stormlog.errors import SourceError

if TYPE_CHECKING:
    from stormlog.explaining import EvidencePlace
    from stormlog.query.store import QueryStore

__all__ = ["recorded_text"]

#: Ends of names of files whose lines are read as they stand.
_PLAIN = (".jsonl", ".ndjson")
#: Files of a bundle that say what it is, the first that is there.
_OF_BUNDLE = ("metadata.json", "manifest.json")
_MOST_BYTES = 1 << 20


def recorded_text(store: QueryStore, opened: OpenedPaths, place: EvidencePlace) -> str:
    """Return the text of a hit: the line as it stands, or where it is packed or a table, the event as JSON.

    Args:
        store: What is asked where a line cannot be read alone.
        opened: What the file has to lie in.
        place: Where the hit is recorded.

    Returns:
        At most a mebibyte.

    Raises:
        SourceError: it is not there any more, or cannot be read.
    """
    try:
        if place.line_number is None:
            return _text_of_bundle(place.path, opened)
        if place.path.endswith(_PLAIN):
            with open_artifact(place.path, opened) as stream:
                return _line(stream, place)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}", path=place.path) from error
    return _event(store, place)


def _text_of_bundle(path: str, opened: OpenedPaths) -> str:
    names = [name for name in _OF_BUNDLE if os.path.exists(os.path.join(path, name))]
    if not names:
        raise SourceError("is not there any more", path=path)
    data = read_artifact(os.path.join(path, names[0]), opened, most_bytes=16 * _MOST_BYTES)
    return data[:_MOST_BYTES].decode("utf-8", "backslashreplace")


def _line(stream: IO[bytes], place: EvidencePlace) -> str:
    number = 1
    while True:
        piece = stream.readline(_MOST_BYTES)
        if not piece:
            raise SourceError("the file has no such line any more", path=place.path, line=place.line_number)
        if number == place.line_number:
            return piece.rstrip(b"\r\n").decode("utf-8", "backslashreplace")
        # A line that is longer comes in several pieces.
        number += piece.endswith(b"\n")


def _event(store: QueryStore, place: EvidencePlace) -> str:
    from stormlog.query.filters import EventFilter

    found = store.query_events(
        EventFilter(
            session_id=place.session_id,
            time_start_ns=place.timestamp_ns,
            time_end_ns=place.timestamp_ns,
            rank=place.rank,
            event_type=place.event_type,
            limit=1,
        )
    )
    if not found:
        raise SourceError("the event is not there any more", path=place.path, line=place.line_number)
    return json.dumps(found[0].as_dict(), indent=2)[:_MOST_BYTES]
