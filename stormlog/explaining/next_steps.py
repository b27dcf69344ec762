"""Commands that lead on from an explanation."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from stormlog.explaining.asking import Store
from stormlog.explaining.models import FirstFailure, OtherRun

__all__ = ["next_steps", "next_steps_of_issue"]

#: How much around a failure is listed.
_AROUND_NS = 30 * 10**9
#: The latest time there is.
_LAST_NS = 2**63 - 1


def next_steps(
    store: Store, run_id: str, failure: FirstFailure | None, others: Sequence[OtherRun]
) -> tuple[str, ...]:
    """Return commands as they are typed into a shell."""
    opened = " ".join(shlex.quote(path) for path in store.paths)
    tracker = "" if store.tracker is None else f" --db {shlex.quote(store.tracker)}"
    steps = []
    if failure is not None and failure.timestamp_ns is not None:
        session = "" if failure.session_id is None else _option("--session", failure.session_id)
        start_ns = max(failure.timestamp_ns - _AROUND_NS, 0)
        end_ns = min(failure.timestamp_ns + _AROUND_NS, _LAST_NS)
        steps.append(
            f"stormlog query events {opened}{session} --time-start-ns {start_ns} --time-end-ns {end_ns}"
        )
    if failure is not None and failure.fingerprint_id is not None:
        steps.append(f"stormlog query issues {opened} --fingerprint-id {failure.fingerprint_id}{tracker}")
    if failure is None:
        steps.append(f"stormlog query sessions {opened}")
    if others:
        other = others[0]
        number = f" --attempt {other.attempt}" if other.attempt > 1 or other.run_id == run_id else ""
        steps.append(f"stormlog why {opened}{_option('--run', other.run_id)}{number}{tracker}")
    return tuple(steps)


def next_steps_of_issue(store: Store, fingerprint_id: str) -> tuple[str, ...]:
    """Return commands that lead on from an issue, as they are typed into a shell."""
    opened = " ".join(shlex.quote(path) for path in store.paths)
    tracker = "" if store.tracker is None else f" --db {shlex.quote(store.tracker)}"
    return (
        f"stormlog why {opened} --issue {fingerprint_id}{tracker}",
        f"stormlog query issues {opened} --fingerprint-id {fingerprint_id}{tracker} --json",
    )


def _option(name: str, value: str) -> str:
    """Return an option as it is typed: a value that looks like an option itself is joined to its name."""
    return f" {name}{'=' if value.startswith('-') else ' '}{shlex.quote(value)}"
