"""``query events --follow``: events as they come, in the formats that can be continued."""

from __future__ import annotations

import csv
import io
import json
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from stormlog.apps.cli.commands.follow_events import looks
from stormlog.query import EventFilter
from stormlog.query import open as open_store
from tests.apps.cli.runner import COMMAND, stormlog
from tests.apps.cli.samples import START_NS, capture, event, write_lines


def append(path: Path, *records: dict[str, Any] | str) -> None:
    with path.open("a") as stream:
        stream.writelines(
            (record if isinstance(record, str) else json.dumps(record)) + "\n" for record in records
        )


@contextmanager
def followed(*arguments: str | Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [*COMMAND, "query", "events", *map(str, arguments), "--follow", "--interval", "50ms"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_a_process_prints_each_event_at_once_and_ends_with_ctrl_c(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", *(event(timestamp_ns=START_NS + number) for number in range(3)))
    with followed(tmp_path, "--event-type", "sample", "--jsonl") as process:
        assert process.stdout is not None
        times = [json.loads(process.stdout.readline())["timestamp_ns"] for _ in range(3)]
        append(path, event(timestamp_ns=START_NS + 8, event_type="error"), event(timestamp_ns=START_NS + 9))
        times.append(json.loads(process.stdout.readline())["timestamp_ns"])
        assert times == [START_NS, START_NS + 1, START_NS + 2, START_NS + 9]
        # Cut: what is gone is told, with how much it was.
        write_lines(path, event(timestamp_ns=START_NS), event(timestamp_ns=START_NS + 20))
        assert json.loads(process.stdout.readline())["timestamp_ns"] == START_NS + 20
        assert process.stderr is not None
        warning = process.stderr.readline()
        assert warning.startswith(f"Warning: {path}: 4 events that came from it are not there any more")
        process.send_signal(signal.SIGINT)
        rest, message = process.communicate(timeout=30)
        assert rest == "" and json.loads(message)["error"]["code"] == "interrupted"
        assert process.returncode == 130


def test_a_reader_that_leaves_ends_it(tmp_path: Path) -> None:
    capture(tmp_path)
    with followed(tmp_path, "--csv") as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline().startswith("session_id,timestamp_ns,")
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(timeout=20) == 0


@pytest.mark.parametrize("name", ["jsonl", "csv", "table"])
def test_formats_are_those_of_the_whole_answer(name: str, tmp_path: Path) -> None:
    capture(tmp_path)
    whole = stormlog("query", "events", tmp_path, f"--{name}")
    assert stormlog("query", "events", tmp_path, f"--{name}", "--follow", "--limit", "3") == whole


def test_a_limit_ends_it_within_a_look(tmp_path: Path) -> None:
    capture(tmp_path)
    outcome = stormlog(
        "query", "events", tmp_path, "--follow", "--limit", "2", "--csv", "--fields", "event_type,context"
    )
    assert outcome.status == 0
    rows = list(csv.reader(io.StringIO(outcome.stdout)))
    assert rows == [["event_type", "context"], ["sample", ""], ["warning", "High fragmentation: 40.0%"]]


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], Any]]:
    """What happens between two looks, one thing after the other."""
    happening: list[Callable[[], Any]] = []
    monkeypatch.setattr(
        "stormlog.apps.cli.commands.follow_events.wait", lambda _: happening and happening.pop(0)()
    )
    return happening


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("csv", ["event_type", "sample", "a_longer_type_than_before", "short"]),
        ("table", ["Type", "------", "sample", "a_longer_type_than_before", "short"]),
        (
            "json",
            [
                '{"event_type": "sample"}',
                '{"event_type": "a_longer_type_than_before"}',
                '{"event_type": "short"}',
            ],
        ),
    ],
)
def test_what_comes_later_has_no_second_header(
    name: str, expected: list[str], tmp_path: Path, meanwhile: list[Callable[[], Any]]
) -> None:
    path = write_lines(tmp_path / "a.jsonl", event())
    for number, kind in enumerate(("a_longer_type_than_before", "short"), start=1):
        later = event(event_type=kind, timestamp_ns=START_NS + number)
        meanwhile.append(partial(append, path, later))
    outcome = stormlog(
        "query", "events", tmp_path, f"--{name}", "--fields", "event_type", "--follow", "--limit", "3"
    )
    assert [line.rstrip() for line in outcome.stdout.splitlines()] == expected


def test_warnings_are_told_once(tmp_path: Path, meanwhile: list[Callable[[], Any]]) -> None:
    path = write_lines(tmp_path / "a.jsonl", event(), "{broken")
    meanwhile.extend(partial(append, path, event(timestamp_ns=START_NS + number)) for number in (1, 2))
    outcome = stormlog("query", "events", tmp_path, "--jsonl", "--follow", "--limit", "3")
    assert outcome.status == 0 and len(outcome.stdout.splitlines()) == 3
    assert outcome.stderr.count("1 line skipped") == 1


def test_looking_waits_until_something_changes_or_is_in_doubt(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", event(), event(timestamp_ns=START_NS + 1))
    pauses = 0

    def pause() -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 3:
            write_lines(path, event())

    found = []
    with open_store(tmp_path, cache=False) as store:
        for arrivals in looks(store, EventFilter(), pause, nullcontext):
            found.append(
                (pauses, len(list(arrivals.events)), [gone.event_count for gone in arrivals.missing])
            )
            if len(found) == 3:
                break
    # Nothing is asked in the second round; what is gone is told one round after it was noticed.
    assert found == [(0, 2, []), (3, 0, []), (4, 0, [1])]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--follow", "--markdown"), "choose --table, --json, --jsonl or --csv"),
        (("--follow", "--sql"), "leave out --sql"),
        (("--follow", "--sort", "newest"), "leave out --sort"),
        (("--follow", "--limit", "3", "--page", "2"), "leave out --page"),
        (("--follow", "--interval", "soon"), "'soon' is no time above zero"),
        (("--interval", "1s"), "--interval needs --follow"),
        (("--follow", "--fields", "nope"), "there is no field 'nope'"),
    ],
)
def test_what_cannot_be_followed_is_wrong_usage(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    capture(tmp_path)
    outcome = stormlog("query", "events", tmp_path, *arguments)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert said in outcome.stderr
