"""The ranks of an attempt, and which of them only seem lost because they have been quiet for a while."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from stormlog.explaining.asking import Ask, Store
from stormlog.explaining.attempts import Attempt

__all__ = ["Rank", "clock_spread_ns", "has_failed", "list_ranks"]

#: A rank that wrote so lately may still be running, whatever the others did since.
_SETTLE_NS = 600 * 10**9


class Rank(NamedTuple):
    """A row of `sql/queries/why_ranks.sql`."""

    rank: int | None
    session_id: str
    host: str | None
    status: str
    state: str
    failed_ns: int | None
    start_ns: int | None
    last_ns: int | None


def list_ranks(store: Store, parameters: Mapping[str, Any]) -> list[Rank]:
    """Return the ranks of an attempt, those that wrote lately as running rather than lost.

    Such a rank wrote lately by the clock, or its file was modified lately. The latter tells nothing where all files of
    the attempt look new, as those of a copy do.

    Args:
        store: What is asked.
        parameters: ``run_id`` and ``attempt``, and a ``session_id`` or None for all.
    """
    ranks = [Rank(*row) for row in store.ask("why_ranks", parameters)]
    quiet = {r.session_id for r in ranks if r.state == "lost" and r.status != "interrupted"}
    if not quiet:
        return ranks
    modified = store.modified_ns()
    of_attempt = {"run_id": parameters["run_id"], "attempt": parameters["attempt"]}
    files = {session_id: modified.get(path) for session_id, path in store.ask("why_files", of_attempt)}
    are_copies = all(_is_young(store, time_ns) for time_ns in files.values())
    return [
        rank._replace(state="running")
        if rank.session_id in quiet
        and (
            _is_young(store, rank.last_ns)
            or (not are_copies and _is_young(store, files.get(rank.session_id)))
        )
        else rank
        for rank in ranks
    ]


def clock_spread_ns(ask: Ask, parameters: Mapping[str, Any], ranks: Sequence[Rank]) -> int | None:
    """Return how far the clocks of the hosts of an attempt seem to be apart; None where that cannot be told.

    Args:
        ask: The store.
        parameters: See `list_ranks`; of a single session nothing is told.
        ranks: The ranks of the attempt.
    """
    hosts = {rank.host for rank in ranks if rank.host is not None}
    if len(hosts) < 2 or parameters["session_id"] is not None:
        return None
    [(spread_ns,)] = ask("why_clocks", {"run_id": parameters["run_id"], "attempt": parameters["attempt"]})
    return None if spread_ns is None else int(spread_ns)


def has_failed(store: Store, attempt: Attempt) -> bool:
    """Return whether a rank of an attempt failed or is lost, and does not only seem lost."""
    if attempt.failed_count > 0 or attempt.lost_count == 0:
        return attempt.failed_count > 0
    times = (attempt.last_ns, *store.modified_ns().values())
    if not any(_is_young(store, time_ns) for time_ns in times):
        return True
    parameters = {"run_id": attempt.run_id, "attempt": attempt.attempt, "session_id": None}
    return any(rank.state == "lost" for rank in list_ranks(store, parameters))


def _is_young(store: Store, time_ns: int | None) -> bool:
    return time_ns is not None and 0 <= store.now_ns - time_ns < _SETTLE_NS
