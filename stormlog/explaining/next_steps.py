"""Commands that lead on from an explanation."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from stormlog.explaining.asking import Store
from stormlog.explaining.models import FirstFailure, OtherRun

__all__ = ["next_steps"]

#: How much around a failure is listed.
_AROUND_NS = 30 * 10**9


def next_steps(
    store: Store, run_id: str, failure: FirstFailure | None, others: Sequence[OtherRun]
) -> tuple[str, ...]:
    """Return commands as they are typed into a shell."""
    opened = " ".join(shlex.quote(path) for path in store.paths)
    tracker = "" if store.tracker is None else f" --db {shlex.quote(store.tracker)}"
    steps = []
    if failure is not None and failure.timestamp_ns is not None:
        session = "" if failure.session_id is None else f" --session {shlex.quote(failure.session_id)}"
        steps.append(
            f"stormlog query events {opened}{session} --time-start-ns {failure.timestamp_ns - _AROUND_NS} "
            f"--time-end-ns {failure.timestamp_ns + _AROUND_NS}"
        )
    if failure is not None and failure.fingerprint_id is not None:
        steps.append(f"stormlog query issues {opened} --fingerprint-id {failure.fingerprint_id}{tracker}")
    if failure is None:
        steps.append(f"stormlog query sessions {opened}")
    if others:
        other = others[0]
        number = f" --attempt {other.attempt}" if other.attempt > 1 or other.run_id == run_id else ""
        steps.append(f"stormlog why {opened} --run {shlex.quote(other.run_id)}{number}{tracker}")
    return tuple(steps)
