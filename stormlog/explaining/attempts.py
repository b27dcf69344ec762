"""Finds the attempt to explain, and the other ones that tell something about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice
from typing import NamedTuple

from stormlog.errors import SourceError, UnknownIdError
from stormlog.explaining.asking import Ask
from stormlog.explaining.models import MOST_OTHER_RUNS

__all__ = ["Attempt", "Choice", "choose", "list_attempts", "others_of_its_job", "run_named"]

#: Ids that an error about an unknown one names.
_NAMED = 5


class Attempt(NamedTuple):
    """A row of `sql/queries/why_attempts.sql`."""

    run_id: str
    attempt: int
    title: str | None
    source_ref: str | None
    job_id: str | None
    app: str | None
    world_size: int | None
    code_version: str | None
    start_ns: int | None
    last_ns: int | None
    failed_ns: int | None
    failed_count: int
    lost_count: int
    is_overlapping: bool

    @property
    def may_have_failed(self) -> bool:
        """Whether a rank failed, or is lost unless it wrote lately."""
        return self.failed_count > 0 or self.lost_count > 0


class Choice(NamedTuple):
    """What to explain.

    Attributes:
        attempt: The attempt.
        session_id: Only this session of it; None for all of it.
        asked_session_id: The session whose account was asked for.
        others: At most 10 further attempts that failed, the latest first.
    """

    attempt: Attempt
    session_id: str | None
    asked_session_id: str | None
    others: list[Attempt]


def list_attempts(ask: Ask) -> list[Attempt]:
    """Return all attempts from the latest: by when one failed, else by when it wrote last.

    Raises:
        SourceError: there is none.
    """
    attempts = [Attempt(*row) for row in ask("why_attempts", {})]
    if not attempts:
        raise SourceError("no telemetry found: no session, no event and no OOM bundle")
    return attempts


def choose(
    ask: Ask,
    attempts: Sequence[Attempt],
    has_failed: Callable[[Attempt], bool],
    *,
    run_id: str | None,
    session_id: str | None,
    issue: str | None,
    attempt_number: int | None = None,
    at_ns: int | None = None,
) -> Choice:
    """Return the attempt that is asked for.

    Args:
        ask: The store.
        attempts: As `list_attempts` returns them.
        has_failed: Whether one failed. Ranks that wrote lately are not lost, which the attempt itself does not know.
        run_id: A run, by its id, its job, or the session that is a run by itself: its latest failed attempt, else its
            last one.
        session_id: A session: its attempt.
        issue: A fingerprint id: the attempt of its latest evidence.
        attempt_number: The attempt of the run.
        at_ns: Without any of these: the attempt that was going on at this time, else the last one before.

    Raises:
        UnknownIdError: nothing has this id, or several runs are of this job.
    """
    if run_id is not None:
        run_id = run_named(attempts, run_id)
    if session_id is not None or issue is not None:
        wanted = {"session_id": session_id, "fingerprint_id": issue}
        places = ask("why_place", {**wanted, "run_id": run_id})
        if not places and run_id is not None and (elsewhere := ask("why_place", {**wanted, "run_id": None})):
            kind, name = ("session", session_id) if session_id is not None else ("issue", issue or "")
            message = f"{kind} {name!r} is not in run {run_id!r}, but in {elsewhere[0][0]!r}"
            raise UnknownIdError(kind, name or "", message=message)
        if not places:
            raise UnknownIdError(
                *(("session", session_id) if session_id is not None else ("issue", issue or ""))
            )
        chosen = next(attempt for attempt in attempts if attempt[:2] == places[0][:2])
        place_session = places[0][2]
    else:
        of_run = [attempt for attempt in attempts if run_id is None or attempt.run_id == run_id]
        if not of_run:
            raise UnknownIdError(
                "run", run_id or "", list(dict.fromkeys(a.run_id for a in attempts))[:_NAMED]
            )
        place_session = None
        if at_ns is not None and attempt_number is None:
            chosen = min(of_run, key=lambda attempt: _distance_ns(attempt, at_ns))
        else:
            chosen = _latest(of_run, has_failed)
        if attempt_number is not None:
            of_number = {a.attempt: a for a in of_run if a.run_id == chosen.run_id}
            if attempt_number not in of_number:
                numbers = ", ".join(str(number) for number in sorted(of_number))
                message = f"run {chosen.run_id!r} has no attempt {attempt_number}; it has {numbers}"
                raise UnknownIdError("attempt", str(attempt_number), message=message)
            chosen = of_number[attempt_number]
    only = None
    if chosen.is_overlapping:
        # Nothing tells which of several sessions of a rank belong together.
        only = place_session or _first_session(ask, chosen)
    others = (a for a in attempts if a.may_have_failed and a[:2] != chosen[:2] and has_failed(a))
    return Choice(chosen, only, session_id, list(islice(others, MOST_OTHER_RUNS)))


def run_named(attempts: Sequence[Attempt], name: str) -> str:
    """Return the id of the run that a name means: its id, its job, or the session that is a run by itself.

    Returns:
        The name itself if it means none.

    Raises:
        UnknownIdError: several runs are of this job.
    """
    run_ids = {attempt.run_id for attempt in attempts}
    if name in run_ids:
        return name
    found = {attempt.run_id for attempt in attempts if attempt.job_id == name}
    found |= run_ids.intersection((f"job:{name}", f"session:{name}"))
    if len(found) > 1:
        shown = ", ".join(sorted(found)[:_NAMED])
        raise UnknownIdError("run", name, message=f"{name!r} names several runs: {shown}; say which")
    return next(iter(found), name)


def _latest(attempts: Sequence[Attempt], has_failed: Callable[[Attempt], bool]) -> Attempt:
    """Return the attempt that failed last; where none failed, the one that wrote last."""
    found = next((attempt for attempt in attempts if attempt.may_have_failed and has_failed(attempt)), None)
    return found or max(attempts, key=lambda attempt: attempt.last_ns or 0)


def _distance_ns(attempt: Attempt, time_ns: int) -> tuple[int, int]:
    """Return how far an attempt is from a time: 0 while it goes on; later ones come after earlier ones."""
    start_ns, last_ns = attempt.start_ns or 0, attempt.last_ns or 0
    if time_ns < start_ns:
        return 1, start_ns - time_ns
    return 0, max(0, time_ns - last_ns)


def _first_session(ask: Ask, attempt: Attempt) -> str:
    """Return the session that failed first; without a failure, the one that wrote last."""
    of_attempt = {"run_id": attempt.run_id, "attempt": attempt.attempt, "session_id": None}
    failures = ask("why_failures", of_attempt)
    if failures:
        return str(failures[0][1])
    return str(max(ask("why_ranks", of_attempt), key=lambda row: row[7] or 0)[1])


def others_of_its_job(attempt: Attempt, attempts: Sequence[Attempt]) -> list[Attempt]:
    """Return earlier attempts of the same job, the nearest kin and the latest first.

    Kin are earlier attempts of the run, then runs with the same title or reference of their envelopes, then runs of
    the same application with as many ranks.
    """

    def kinship(other: Attempt) -> int | None:
        if other.run_id == attempt.run_id:
            return 0 if other.attempt < attempt.attempt else None
        if (attempt.title is not None and other.title == attempt.title) or (
            attempt.source_ref is not None and other.source_ref == attempt.source_ref
        ):
            return 1
        if attempt.app is not None and (other.app, other.world_size) == (attempt.app, attempt.world_size):
            return 2
        return None

    start_ns = attempt.start_ns or 0
    earlier = [other for other in attempts if other[:2] != attempt[:2] and (other.start_ns or 0) <= start_ns]
    kin = [(found, other) for other in earlier if (found := kinship(other)) is not None]
    return [other for _, other in sorted(kin, key=lambda pair: (pair[0], -(pair[1].start_ns or 0)))]
