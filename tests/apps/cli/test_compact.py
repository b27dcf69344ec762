"""``stormlog compact``: what it prints, where, and with which exit status."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.apps.cli.runner import on_terminal, stormlog
from tests.query.sinks import busy_session, write_sink


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    made = write_sink(
        tmp_path / "sink",
        {f"segment-{number:06d}.jsonl": busy_session(f"s{number}", 60) for number in (1, 2)},
    )
    with (made / "segment-000002.jsonl").open("a") as stream:
        stream.write("{torn")
    return made


def test_for_people(tmp_path: Path, sink: Path) -> None:
    outcome = stormlog("compact", sink)

    assert outcome.status == 0
    first, second, third = outcome.stdout.splitlines()
    assert first.startswith("1 segment of 60 records compacted: ") and first.endswith(" times smaller")
    assert second == "1 segment copied as written"
    assert third == f"Written to {sink}-compact"
    assert outcome.stderr.splitlines() == [
        "Note: segment-000002.jsonl: copied as written: line 61 is damaged, older than version 3 or "
        "unusually spelled, and kept as written"
    ]
    assert stormlog("compact", sink, "--output", tmp_path / "out", "--quiet").stderr == ""


def test_for_programs(tmp_path: Path, sink: Path) -> None:
    outcome = stormlog("compact", sink, "--output", tmp_path / "out", "--json", "-q")

    assert (outcome.status, outcome.stderr) == (0, "")
    report = json.loads(outcome.stdout)
    assert list(report) == sorted(report)
    segments = report.pop("segments")
    assert report.pop("bytes_after") < report["bytes_before"] * 0.7
    assert report == {
        "sink": str(sink),
        "output": str(tmp_path / "out"),
        "is_replaced": False,
        "is_restored": False,
        "compacted_count": 1,
        "copied_count": 1,
        "row_count": 60,
        "bytes_before": sum(path.stat().st_size for path in sink.glob("segment*")),
        "other_file_count": 1,
        "other_bytes": (sink / "manifest.json").stat().st_size,
    }
    assert [segment["output_filename"] for segment in segments] == [
        "segment-000001.parquet",
        "segment-000002.jsonl",
    ]
    assert set(segments[0]) == {
        *("filename", "output_filename", "is_compacted", "reason", "row_count", "text_row_count"),
        *("bytes_before", "bytes_after"),
    }


def test_replacing(sink: Path) -> None:
    outcome = stormlog("compact", sink, "--replace")
    assert outcome.stdout.splitlines()[-1] == f"{sink} is the compacted sink now"
    again = stormlog("compact", sink, "--replace", "-q")
    assert again.stdout.splitlines() == [
        "No segment could be compacted",
        "2 segments copied as written",
        f"{sink} was left as it is",
    ]
    sink.rename(sink.parent / ".stormlog-compact-sink.old")
    restored = stormlog("compact", sink, "--replace")
    assert restored.stderr.splitlines()[0] == (
        f"Note: {sink} had been moved aside by a replacement that was cut short; it was put back"
    )


@pytest.mark.parametrize(
    ("arguments", "status", "code", "words"),
    [
        (["SINK", "--output", "SINK"], 2, "invalid_value", "exists; choose another"),
        (["SINK", "--output", "SINK/x"], 2, "invalid_value", "lies inside the sink"),
        (["SINK", "--output", "SINK-x", "--replace"], 2, "invalid_value", "exclude each other"),
        (["SINK", "--threads", "0"], 2, "invalid_value", "thread"),
        ([], 2, "invalid_value", "SINK"),
        (["SINK/no"], 3, "source_unreadable", "no such directory"),
        (["SINK/manifest.json"], 3, "source_unreadable", "is not the directory of a sink"),
    ],
)
def test_refusals(sink: Path, arguments: list[str], status: int, code: str, words: str) -> None:
    given = [argument.replace("SINK", str(sink)) for argument in arguments]
    outcome = stormlog("compact", *given)
    assert (outcome.status, outcome.stdout) == (status, "")
    assert outcome.stderr.startswith("Error: ") and outcome.stderr.count("\n") == 1
    assert words in outcome.stderr
    error = json.loads(stormlog("compact", *given, "--json").stderr)["error"]
    assert error["code"] == code and words in error["message"]


def test_what_fails_inside_has_status_1(sink: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stormlog.compaction import compact
    from stormlog.errors import CompactionError

    def fail(*_: object) -> None:
        raise CompactionError("would differ")

    monkeypatch.setattr(compact, "sync_tree", fail)
    outcome = stormlog("compact", sink)
    assert (outcome.status, outcome.stdout, outcome.stderr) == (1, "", "Error: would differ\n")


def test_on_a_terminal(sink: Path) -> None:
    status, shown = on_terminal("compact", sink)
    assert status == 0 and "1 segment copied as written" in shown
