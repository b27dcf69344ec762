"""People, agents and a clock that tests turn, for verbs of the tracker."""

from __future__ import annotations

import contextlib
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

from stormlog.errors import LifecycleError
from stormlog.tracking import Actor, Tracker
from stormlog.tracking.models import TrackedIssue
from tests.tracking.evidence import fingerprint_id, see

S = 10**9
DAY = 24 * 3600 * S
START_NS = 1_800_000_000 * S
#: Later than all telemetry of the tests of scans.
STANDING_NS = 2_000_000_000 * S

KIM = Actor("user", "kim", "Kim")
LEE = Actor("user", "lee", "Lee")
BOT = Actor("agent", "bot", "Bot")
OTHER_BOT = Actor("agent", "other", "Other")


class Clock:
    """Now; it goes on by a nanosecond whenever it is asked, so that all moments differ."""

    def __init__(self) -> None:
        self.now_ns = START_NS

    def __call__(self) -> int:
        self.now_ns += 1
        return self.now_ns


class StandingClock:
    """Now; it stands still until it is moved."""

    def __init__(self) -> None:
        self.now_ns = STANDING_NS

    def __call__(self) -> int:
        return self.now_ns


def seen(tracker: Tracker, fingerprint: str = "F1", **evidence: object) -> TrackedIssue:
    """Record evidence of a fingerprint, and return its issue."""
    see(tracker, fingerprint, **evidence)  # type: ignore[arg-type]
    return of(tracker, fingerprint)


def of(tracker: Tracker, fingerprint: str = "F1") -> TrackedIssue:
    """Return the issue of a fingerprint."""
    return tracker.issue(fingerprint_id(fingerprint)).issue


@contextlib.contextmanager
def as_actor(tracker: Tracker, actor: Actor) -> Iterator[Tracker]:
    """Let somebody else act inside."""
    before, tracker.actor = tracker.actor, actor
    try:
        yield tracker
    finally:
        tracker.actor = before


@contextlib.contextmanager
def refused(code: str, *words: str) -> Iterator[None]:
    """Expect a refusal with a code, whose message has some words."""
    try:
        yield
    except LifecycleError as error:
        assert error.code == code, error
        assert all(word in str(error) for word in words), error
    else:
        raise AssertionError(f"nothing was refused with {code}")


def new_tracker(folder: Path, clock: Clock | None = None, name: str = "tracker.db") -> Tracker:
    """Return a new tracker of Kim."""
    return Tracker(with_tables(folder / name), actor=KIM, clock=clock or Clock())


def with_tables(path: Path) -> Path:
    """Write a tracker without issues, unless there is a file: a copy costs less than a tracker that is made."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_bytes(_empty_tracker())
    return path


@functools.cache
def _empty_tracker() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracker.db"
        Tracker(path).close()
        return path.read_bytes()
