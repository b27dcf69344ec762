"""SQL of users is judged before it runs; the queries that come with Stormlog are known, and planned once only."""

from __future__ import annotations

from pathlib import Path

import pytest

import stormlog.query
from stormlog.engine import load_query
from stormlog.engine.cursors.cursor import SnapshotCursor
from stormlog.errors import QueryError
from tests.query.sinks import busy_session, write_lines


@pytest.fixture
def judged(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements whose plan is judged."""
    texts: list[str] = []
    real = SnapshotCursor.require_reading

    def noted(self: SnapshotCursor, text: str, params: object = None) -> None:
        texts.append(text)
        real(self, text, params)  # type: ignore[arg-type]

    monkeypatch.setattr(SnapshotCursor, "require_reading", noted)
    return texts


def test_own_queries_are_not_judged_and_answer_like_any_other_text(tmp_path: Path, judged: list[str]) -> None:
    path = write_lines(tmp_path / "events.jsonl", busy_session("s", 40))
    own = load_query("scan_sessions")
    with stormlog.query.open(path, cache=False) as store:
        found = store.sql(own)
        assert judged == []
        other = f"{own}\n"
        assert store.sql(other) == found
        assert judged == [other]
    assert found.rows


def test_only_the_whole_text_is_known(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.jsonl", busy_session("s", 40))
    own = load_query("scan_sessions")
    with stormlog.query.open(path, cache=False) as store:
        for text in (f"{own}; DELETE FROM raw.files", f"WITH gone AS (DELETE FROM raw.files) {own}"):
            with pytest.raises(QueryError):
                store.sql(text)
