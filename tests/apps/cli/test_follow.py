"""``query issues --follow``: folded changes equal a cold answer, whatever happens to the files."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.apps.cli.commands.follow import changes_between, interval_seconds, issue_fields, rounds
from stormlog.apps.cli.printing.json_text import json_line
from tests.apps.cli.runner import COMMAND, on_terminal, without_styles
from tests.apps.cli.runner import stormlog as command_line
from tests.apps.cli.samples import START_NS, capture, event, write_lines
from tests.soak import few_or_many


class Stop(Exception):
    """Ends following inside a test."""


#: Filters, names and contents of files -> the issues, for all tests: two follow the same run.
_COLD: dict[tuple[object, ...], list[str]] = {}


def cold(path: Path, **filters: str) -> dict[str, Any]:
    """Return the issues that are there now, by id, without their evidence."""
    key = str(filters), *((file.name, file.read_bytes()) for file in sorted(path.iterdir()))
    if key not in _COLD:
        with stormlog.query.open(path, cache=False) as store:
            issues = [issue.as_dict() for issue in store.list_issues(stormlog.query.IssueFilter(**filters))]
        for issue in issues:
            del issue["evidence"]
        _COLD[key] = [json.dumps(issue).replace(str(path), "PATH") for issue in issues]
    found = [json.loads(text.replace("PATH", str(path))) for text in _COLD[key]]
    return {issue["fingerprint_id"]: issue for issue in found}


def fold(state: dict[str, Any], changes: Iterable[tuple[str, dict[str, Any]]]) -> None:
    """Apply changes, each of which must fit what is known."""
    for change, issue in changes:
        known = state.pop(issue["fingerprint_id"], None)
        assert (change == "new") == (known is None)
        if change == "gone":
            assert known == issue
        else:
            assert known != issue
            state[issue["fingerprint_id"]] = issue


class Writer:
    """A run that appends lines in pieces cut anywhere, starts files, replaces, cuts and removes them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.folder = folder
        self.time_ns = START_NS
        self.number = 0
        self.pending: dict[Path, bytes] = {}
        self.planned: list[str] = []
        self.start_file()

    def start_file(self) -> None:
        self.number += 1
        self.pending[self.folder / f"segment-{self.number:05}.jsonl"] = b""

    def step(self) -> None:
        if not self.planned:
            # In any order, but as often as that: a few steps suffice to see everything happen.
            self.planned = ["start", "truncate", "rotate", "remove", "nothing"]
            self.planned += ["append"] * few_or_many(2, 5)
            self.random.shuffle(self.planned)
        getattr(self, self.planned.pop())()

    def append(self) -> None:
        for path in self.random.sample(sorted(self.pending), k=self.random.randint(1, len(self.pending))):
            text = b"".join(self.line() for _ in range(self.random.randint(1, 40)))
            data = self.pending[path] + text
            cut = len(data) if self.random.random() < 0.3 else self.random.randrange(len(data))
            with path.open("ab") as stream:
                stream.write(data[:cut])
            self.pending[path] = data[cut:]

    def line(self) -> bytes:
        self.time_ns += self.random.randint(1, 10**9)
        kind = self.random.choice(["sample"] * 5 + ["warning", "error", "damaged", "collector_degraded"])
        if kind == "damaged":
            return b'{"schema_version": 3, \n'
        text = self.random.choice(["High fragmentation: 40.0%", "CUDA out of memory", "é\u2028", "slow"])
        metadata = {"backend": "cuda", "oom_reason": "cuda"} if "memory" in text else {"backend": "cuda"}
        record = event(
            timestamp_ns=self.time_ns,
            session_id=f"s-{self.random.randint(1, 3)}",
            event_type=kind,
            context=text,
            metadata=metadata,
            device_used_bytes=self.random.randint(1 << 30, 1 << 34),
        )
        return (json.dumps(record, ensure_ascii=self.random.random() < 0.5) + "\n").encode()

    def start(self) -> None:
        self.start_file()
        self.append()

    def truncate(self) -> None:
        if path := self.some_file():
            with path.open("r+b") as stream:
                stream.truncate(self.random.randrange(path.stat().st_size + 1))
            self.pending[path] = b""

    def rotate(self) -> None:
        if path := self.some_file():
            path.rename(path.with_name(path.stem + "-old.jsonl"))
            self.pending.pop(path, None)
            self.pending[path] = b""
            self.append()

    def remove(self) -> None:
        if path := self.some_file():
            path.unlink()

    def nothing(self) -> None:
        pass

    def some_file(self) -> Path | None:
        files = [path for path in sorted(self.pending) if path.exists()]
        return self.random.choice(files) if files else None


@pytest.mark.parametrize(("seed", "has_cache"), [(1, True), (1, False)])
def test_folded_changes_equal_a_cold_answer_after_every_step(
    seed: int, has_cache: bool, tmp_path: Path
) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    writer = Writer(runs, seed)
    writer.append()
    steps, state, shown = few_or_many(7, 100), dict[str, Any](), dict[str, str]()

    def wait() -> None:
        nonlocal steps
        assert state == cold(runs), f"{steps} steps before the end"
        if steps == 0:
            raise Stop
        steps -= 1
        writer.step()

    cache = tmp_path / "cache" if has_cache else False
    with stormlog.query.open(runs, cache=cache) as store, pytest.raises(Stop):
        for issues in rounds(store, stormlog.query.IssueFilter(), wait):
            now = {issue.fingerprint_id: json_line(issue_fields(issue)) for issue in issues}
            fold(state, ((change, json.loads(text)) for change, text in changes_between(shown, now)))
            shown = now


def test_nothing_is_listed_when_nothing_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    capture(tmp_path)
    waits = 0

    def wait() -> None:
        nonlocal waits
        waits += 1
        if waits == 4:
            write_lines(tmp_path / "more.jsonl", event())
        if waits > 4:
            raise Stop

    asked = []
    with stormlog.query.open(tmp_path, cache=False) as store, pytest.raises(Stop):
        for issues in rounds(store, stormlog.query.IssueFilter(), wait):
            asked.append((waits, len(issues)))
    assert asked == [(0, 2), (4, 2)]


def test_an_issue_is_printed_with_all_but_its_evidence(tmp_path: Path) -> None:
    with stormlog.query.open(capture(tmp_path), cache=False) as store:
        issue = store.list_issues()[0]
        fields = json.loads(json_line(issue_fields(issue)))
        whole = json.loads(json_line(issue.as_dict()))
    assert fields == {key: value for key, value in whole.items() if key != "evidence"}


class Followed:
    """A process that follows, and what its changes add up to."""

    def __init__(self, *arguments: str | Path, cwd: Path | None = None) -> None:
        self.process = subprocess.Popen(
            [*COMMAND, "query", "issues", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.state: dict[str, Any] = {}
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line)
            found = json.loads(line)
            assert list(found) == ["change", "issue"]
            fold(self.state, [(found["change"], found["issue"])])

    def comes_to(self, expected: dict[str, Any]) -> None:
        deadline = time.monotonic() + 60
        while self.state != expected and time.monotonic() < deadline:
            assert self.process.poll() is None
            time.sleep(0.02)
        assert self.state == expected

    def end(self) -> tuple[int, str]:
        self.process.send_signal(signal.SIGINT)
        assert self.process.stderr is not None
        message = self.process.stderr.read()
        self.reader.join()
        self.process.stdout.close()  # type: ignore[union-attr]
        self.process.stderr.close()
        return self.process.wait(), message


def test_a_process_prints_each_change_at_once(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    path = capture(runs)
    followed = Followed(runs, "--follow", "--interval", "50ms", "-q")
    followed.comes_to(cold(runs))
    assert [json.loads(line)["change"] for line in followed.lines] == ["new", "new"]
    with path.open("a") as stream:
        stream.write(json.dumps(event(event_type="warning", context="High fragmentation: 9%")) + "\n")
    followed.comes_to(cold(runs))
    assert json.loads(followed.lines[-1])["change"] == "changed"
    writer = Writer(runs, 5)
    for _ in range(few_or_many(3, 20)):
        writer.step()
        followed.comes_to(cold(runs))
    shutil.rmtree(runs)
    followed.comes_to({})
    assert json.loads(followed.lines[-1])["change"] == "gone"
    runs.mkdir()
    capture(runs)
    followed.comes_to(cold(runs))
    assert followed.end() == (130, "Interrupted.\n")


def test_filters_choose_what_is_followed(tmp_path: Path) -> None:
    capture(tmp_path)
    followed = Followed(tmp_path, "--follow", "--interval", "0.05", "--kind", "oom", "--no-cache", "--json")
    followed.comes_to(cold(tmp_path, kind="oom"))
    assert len(followed.state) == 1
    write_lines(
        tmp_path / "more.jsonl", event(event_type="warning"), event(session_id="s-9", event_type="error")
    )
    time.sleep(0.3)
    assert len(followed.lines) == 1
    status, message = followed.end()
    assert status == 130
    assert json.loads(message)["error"]["code"] == "interrupted"


def test_warnings_are_printed_once(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "events.jsonl", event(event_type="warning"), "{broken")
    followed = Followed(tmp_path, "--follow", "--interval", "50ms")
    followed.comes_to(cold(tmp_path))
    with path.open("a") as stream:
        stream.write(json.dumps(event(event_type="error")) + "\n")
    followed.comes_to(cold(tmp_path))
    _, message = followed.end()
    assert message.count("1 line skipped") == 1


def test_a_reader_that_leaves_ends_it(tmp_path: Path) -> None:
    capture(tmp_path)
    process = subprocess.Popen(
        [*COMMAND, "query", "issues", str(tmp_path), "--follow", "--interval", "30s", "-q"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    assert process.wait(timeout=20) == 0
    process.stderr.close()


def test_a_terminal_shows_the_table_and_draws_over_it(tmp_path: Path) -> None:
    path = capture(tmp_path)

    def add() -> None:
        with path.open("a") as stream:
            stream.write(json.dumps(event(event_type="warning", context="Another one")) + "\n")

    status, shown = on_terminal(
        "query",
        "issues",
        tmp_path,
        "--follow",
        "--interval",
        "100ms",
        # For some rounds after the second table nothing changes, and nothing is drawn.
        when_shown={"2 issues at ": add, "3 issues at ": lambda: None},
        interrupt_after_s=0.6,
        width=120,
    )
    assert status == 130
    first, *again = shown.split("\x1b[H")[1:]
    assert shown.count("\x1b[2J") == 1
    assert len(again) == 1
    assert "2 issues at " in first
    assert "3 issues at " in again[0]
    lines = without_styles(again[0]).splitlines()
    assert lines[0].startswith("Fingerprint")
    assert max(map(len, lines)) <= 120


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("500ms", 0.5),
        ("2s", 2.0),
        ("1m", 60.0),
        ("2", 2.0),
        (" 1.5 s", 1.5),
        ("0", None),
        ("-1s", None),
        ("1h", 3600.0),
        ("2d", None),
        ("nan", None),
        ("", None),
        ("s", None),
        ("1e3", None),
        ("99999999", None),
    ],
)
def test_intervals(text: str, seconds: float | None) -> None:
    assert interval_seconds(text) == seconds


@pytest.mark.parametrize(
    "arguments",
    [
        ("--follow", "--csv"),
        ("--follow", "--format", "markdown"),
        ("--follow", "--sql"),
        ("--follow", "--sql", "SELECT 1"),
        ("--follow", "--interval", "soon"),
        ("--interval", "1s"),
    ],
    ids=" ".join,
)
def test_what_cannot_be_followed_is_wrong_usage(arguments: tuple[str, ...], tmp_path: Path) -> None:
    capture(tmp_path)
    outcome = command_line("query", "issues", tmp_path, *arguments)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "--follow" in outcome.stderr or "--interval" in outcome.stderr


def test_a_path_that_never_was_is_no_path_to_follow(tmp_path: Path) -> None:
    assert command_line("query", "issues", tmp_path / "missing", "--follow").status == 3
    assert os.listdir(tmp_path) == []
