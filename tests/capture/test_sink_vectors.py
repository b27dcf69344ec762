"""Sinks are written as stormlog 0.3.9 wrote them: the same manifests and segments after the same calls."""

from __future__ import annotations

import itertools
import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from stormlog.capture.sink import SinkOptions, SinkWriter
from stormlog.telemetry import session, session_summary_from_dict, session_summary_to_dict
from tests.vectors.harness import Case, load_cases

#: What a refused option is called in the recorded answers.
_REASONS = (
    (r"(\w+) must be at least 1, not .*", r"below_minimum:\1:1"),
    (r"(\w+) must be above 0, not .*", r"not_above:\1:0"),
    (r"retention_max_total_bytes must not be below rollover_max_bytes", "retention_below_rollover"),
)


@pytest.mark.parametrize("case", load_cases("sink_writer"), ids=str)
def test_calls_leave_the_recorded_files(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _fix_process(monkeypatch)
    player = _Player(tmp_path, case.input["config"])
    try:
        assert [player.play(dict(call)) for call in case.input["ops"]] == case.expected
    finally:
        if player.writer is not None:
            player.writer.close()


class _Player:
    def __init__(self, root: Path, config: dict[str, Any]) -> None:
        self.root = root
        self.directory = root / "sink"
        # Rollups are made by a command, not by the writer.
        config = {
            name: value
            for name, value in config.items()
            if name not in ("write_rollups", "rollup_window_seconds")
        }
        self.config = {**config, "writes_in_background": False}
        self.writer: SinkWriter | None = None

    def play(self, call: dict[str, Any]) -> Any:
        method = getattr(self, call.pop("op"))
        try:
            return method(**call)
        except ValueError as error:
            reason = getattr(error, "code", None) or str(error)
            for pattern, code in _REASONS:
                reason = re.sub(f"^{pattern}$", code, reason)
            return {"error": "ValueError", "reason": reason}

    def open(self) -> None:
        self.writer = SinkWriter(self.directory, SinkOptions(**self.config))

    def crash(self) -> None:
        assert self.writer is not None
        self.writer.leave_to_parent()

    def start(self, summary: dict[str, Any] | None = None) -> Any:
        assert self.writer is not None
        given = session_summary_from_dict(summary) if summary is not None else None
        return session_summary_to_dict(self.writer.start_session(given))

    def append(self, record: dict[str, Any]) -> None:
        assert self.writer is not None
        self.writer.append(record)

    def flush(self, force: bool = False) -> None:
        assert self.writer is not None
        if force:
            self.writer.flush()
        else:
            self.writer.flush_if_due()

    def close(self, status: str = "completed") -> None:
        assert self.writer is not None
        self.writer.close(status)

    def current(self) -> Any:
        assert self.writer is not None and self.writer.current_session is not None
        return self.writer.current_session.session_id

    def diagnostics(self) -> Any:
        assert self.writer is not None
        found = self.writer.diagnostics
        names = (
            "rollover_count",
            "pruned_segment_count",
            "pruned_bytes",
            "final_retained_files",
            "final_retained_bytes",
        )
        assert found.dropped_record_count == found.failed_write_count == 0
        return {name: getattr(found, name) for name in names}

    def manifest(self) -> Any:
        path = self.directory / "manifest.json"
        return json.loads(path.read_text()) if path.exists() else None

    def manifest_text(self) -> str:
        return (self.directory / "manifest.json").read_text()

    def list(self) -> list[str]:
        return sorted(os.listdir(self.directory))

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def write_raw(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(exist_ok=True)
        with open(self.root / path, "a") as file:
            file.write(text)

    def delete(self, path: str) -> None:
        (self.root / path).unlink()


def _fix_process(monkeypatch: pytest.MonkeyPatch) -> None:
    moments, names = itertools.count(1001), itertools.count(1)
    monkeypatch.setattr(session, "now_ns", lambda: next(moments))
    monkeypatch.setattr("stormlog.capture.sink.ledger.now_ns", session.now_ns)
    monkeypatch.setattr(session, "new_session_id", lambda: f"auto-{next(names)}")
    monkeypatch.setattr(session.os, "getpid", lambda: 4321)
    monkeypatch.setattr("socket.gethostname", lambda: "HOST")
