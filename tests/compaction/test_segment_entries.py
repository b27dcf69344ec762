"""A manifest that lists a segment more than once: it is closed only if every entry says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from stormlog.compaction.plan import look_at
from tests.query.sinks import busy_session, write_sink

NAME = "segment-000001.jsonl"


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([True], None),
        ([False], "is still open"),
        ([True, True], None),
        ([True, False], "is still open"),
        ([False, True], "is still open"),
        ([], "the manifest does not list it"),
    ],
)
def test_all_entries_have_to_be_closed(tmp_path: Path, entries: list[bool], reason: str | None) -> None:
    listed = [{"filename": NAME, "closed": is_closed, "session_id": None} for is_closed in entries]
    sink = write_sink(tmp_path / "sink", {NAME: busy_session("s", 20)}, segments=listed)

    (segment,) = look_at(sink.resolve()).segments

    assert segment.reason == reason
