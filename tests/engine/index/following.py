"""Writers and readers of files that grow, as programs of their own.

``write FOLDER SECONDS SEED`` appends, in pieces that end anywhere, and begins a new file now and then.
``read FOLDER CACHE SECONDS SEED`` asks again and again, and prints what was wrong with the answers as JSON.
``ask FOLDER CACHE POINT SEED`` answers once, and kills itself at a statement or step with that number.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import threading
import time
from functools import cache
from pathlib import Path
from typing import Any

import stormlog.query
from tests.query.sinks import SECOND, START_NS
from tests.telemetry.factories import record

FILE_LINES = 400


@cache
def content_of(number: int) -> bytes:
    """Return what a file will hold when it is complete: alerts, samples and damage."""
    rng = random.Random(number)
    lines = []
    for index in range(FILE_LINES):
        kind = rng.choice(("sample", "warning", "warning", "damage"))
        event = record(
            session_id=f"s{number % 3}",
            timestamp_ns=START_NS + (number * FILE_LINES + index) * SECOND,
            event_type="sample" if kind == "damage" else kind,
            context=f"High memory usage {index} MB – später",
            device_used_bytes=500 + index,
            device_total_bytes=1000,
        )
        line = json.dumps(event, sort_keys=True, ensure_ascii=False).encode()
        lines.append(
            line[: rng.randrange(1, len(line) - 1)].decode("utf-8", "ignore").encode()
            if kind == "damage"
            else line
        )
    return b"\n".join(lines) + b"\n"


def path_of(folder: Path, number: int) -> Path:
    return folder / f"{number:04d}.jsonl"


def expected(sizes: dict[str, int]) -> tuple[int, int]:
    """Return how many alerts and how many skipped lines the first bytes of some files hold."""
    alerts = rejects = 0
    for path, size in sizes.items():
        for line in content_of(int(Path(path).stem))[:size].split(b"\n"):
            try:
                alerts += not line or json.loads(line)["event_type"] == "warning"
                alerts -= not line
            except ValueError:
                rejects += 1
    return alerts, rejects


def write(folder: Path, seconds: float, seed: int) -> None:
    """Append until the time is over; the last file stays unfinished."""
    rng = random.Random(seed)
    end = time.monotonic() + seconds
    number = 0
    while time.monotonic() < end:
        data = content_of(number)
        with path_of(folder, number).open("ab", buffering=0) as stream:
            while data and time.monotonic() < end:
                size = rng.randrange(1, 9_000)
                stream.write(data[:size])
                data = data[size:]
                time.sleep(rng.random() * 0.02)
        number += 1


class Follower:
    """Asks, and compares each answer with what the files held at the moment it speaks of."""

    def __init__(self) -> None:
        self.answers = 0
        self.problems: list[str] = []
        self._last_alerts = 0

    def ask(self, store: Any) -> None:
        """Ask a store once."""
        sizes = {path: state.size for path, state in store._snapshot.states.items() if state is not None}
        issues = store.list_issues()
        alerts = sum(issue.hit_count for issue in issues if issue.fingerprint.kind == "alert")
        got = (alerts, sum(count for _, count in store.rejects_summary()))
        if got != expected(sizes):
            self.problems.append(f"{got} (alerts, rejects) instead of {expected(sizes)} for {sizes}")
        if alerts < self._last_alerts:
            self.problems.append(f"{alerts} alerts after {self._last_alerts}")
        if any(len(issue.evidence) != issue.hit_count for issue in issues):
            self.problems.append("evidence of another moment")
        self._last_alerts = alerts
        self.answers += 1

    def follow(self, folder: Path, cache: Path, seconds: float, *, is_patient: bool) -> None:
        """Ask until the time is over.

        Args:
            folder: The files.
            cache: The cache directory.
            seconds: How long.
            is_patient: Keep one store and refresh it, instead of opening one for every question.
        """
        end = time.monotonic() + seconds
        try:
            store = stormlog.query.open(folder, cache=cache)
            while time.monotonic() < end or self.answers < 3:
                self.ask(store)
                if is_patient:
                    store.refresh()
                else:
                    store.close()
                    store = stormlog.query.open(folder, cache=cache)
            store.close()
        except Exception as error:
            self.problems.append(repr(error))


def ask_and_die(folder: Path, cache: Path, point: int, seed: int) -> None:
    """Answer in small batches, and be killed on the way; print the number of points if not."""

    from stormlog.engine.database.lazy_schema import Database
    from stormlog.engine.database.settings import Settings

    rng, passed = random.Random(seed), 0

    def pass_by() -> None:
        nonlocal passed
        passed += 1
        if passed == point:
            # Some time later: within the statement rather than before it.
            delay = rng.choice((0.0, 0.0005, 0.002, 0.01))
            kill = lambda: os.kill(os.getpid(), signal.SIGKILL)  # noqa: E731
            kill() if delay == 0 else threading.Timer(delay, kill).start()

    def counted(function: Any) -> Any:
        def call(*given: Any, **more: Any) -> Any:
            pass_by()
            return function(*given, **more)

        return call

    Settings.batch_bytes = 40_000  # type: ignore[misc,assignment]
    Database.execute = counted(Database.execute)  # type: ignore[method-assign]
    for name in ("replace", "makedirs", "unlink"):
        setattr(os, name, counted(getattr(os, name)))
    with stormlog.query.open(folder, cache=cache) as store:
        store.list_issues()
        number = len(store._snapshot.origins)
        path_of(folder, number).write_bytes(content_of(number)[: 20_000 + seed % 1000])
        store.refresh()
        store.list_issues()
    print(passed)


def main(action: str, *given: str) -> None:
    """Run one of the programs."""
    if action == "write":
        write(Path(given[0]), float(given[1]), int(given[2]))
    elif action == "read":
        follower = Follower()
        follower.follow(Path(given[0]), Path(given[1]), float(given[2]), is_patient=int(given[3]) % 2 == 0)
        print(json.dumps([follower.answers, follower.problems]))
    else:
        ask_and_die(Path(given[0]), Path(given[1]), int(given[2]), int(given[3]))


if __name__ == "__main__":
    main(*sys.argv[1:])
