"""How much a scan of what did not change reads: a look at the first bytes of each file."""

from __future__ import annotations

import builtins
import io
from pathlib import Path
from typing import Any

import pytest

from stormlog.engine.index.updating import DatabaseUpdater
from stormlog.tracking import Tracker
from tests.query.sinks import busy_session, write_lines, write_sink


def test_an_unchanged_file_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        write_sink(
            tmp_path / "runs" / f"r{number}", {"segment-000001.jsonl": busy_session(f"s{number}", 100)}
        )
    size = sum(path.stat().st_size for path in tmp_path.rglob("*.jsonl"))
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.scan([tmp_path / "runs"])
        read = 0
        plain_open = builtins.open

        def counting_open(file: Any, *args: Any, **options: Any) -> Any:
            stream = plain_open(file, *args, **options)
            if str(file).endswith(".jsonl") and isinstance(stream, io.BufferedReader):
                plain_read = stream.read

                class Counting:
                    def __enter__(self) -> Counting:
                        return self

                    def __exit__(self, *_: object) -> None:
                        stream.close()

                    def __getattr__(self, name: str) -> Any:
                        return getattr(stream, name)

                    def read(self, length: int = -1) -> bytes:
                        nonlocal read
                        data = plain_read(length)
                        read += len(data)
                        return data

                return Counting()
            return stream

        monkeypatch.setattr(builtins, "open", counting_open)
        # Nobody may start an engine either: it reads past all of this.
        monkeypatch.setattr(
            "stormlog.query.store.QueryStore._engine", lambda _: pytest.fail("an engine was started")
        )
        assert tracker.scan([tmp_path / "runs"]).sources_read == 0
    assert 0 < read <= 20 * 2 * 4096
    assert size > 4 * read


def test_a_file_that_grew_is_read_from_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sink(tmp_path / "runs", {"segment-000001.jsonl": busy_session("s1", 2000)})
    with Tracker(tmp_path / "tracker.db") as tracker:
        tracker.scan([tmp_path / "runs"], cache=str(tmp_path / "cache"))
        lines = write_lines(tmp_path / "more.jsonl", busy_session("s2", 40)).read_bytes()
        with (tmp_path / "runs" / "segment-000001.jsonl").open("ab") as stream:
            stream.write(lines)
        sizes = []
        plain_refresh = DatabaseUpdater.refresh

        def counting_refresh(self: DatabaseUpdater, *args: Any, **options: Any) -> Any:
            result = plain_refresh(self, *args, **options)
            sizes.append(self._bytes_total)
            return result

        monkeypatch.setattr(DatabaseUpdater, "refresh", counting_refresh)
        assert tracker.scan([tmp_path / "runs"], cache=str(tmp_path / "cache")).lines_read == 40
    assert sizes == [len(lines)]
