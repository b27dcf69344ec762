"""States of issues without a tracker: what is known to be noise is written into ``issues.json`` beside the artifacts.

The promise: the file is replaced whole, what it says of other issues stays, and one that cannot be read is left alone.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from stormlog._new_files import new_file
from stormlog._opening import OpenedPaths
from stormlog.errors import SourceError
from stormlog.issues.sidecar import Sidecar, TrackedState, read_sidecar, sidecar_bytes

__all__ = ["ignore_in_sidecar", "reopen_in_sidecar", "sidecar_path"]

_NAME: Final = "issues.json"
#: What this module says of an issue that nothing else was said of.
_OWN: Final = frozenset({"title", "kind", "ignore_until"})
_NEEDED: Final = frozenset({"fingerprint_id", "state"})


def sidecar_path(paths: Sequence[str]) -> str:
    """Return the file that says what became of the issues below some opened paths: in the first, or beside it.

    Args:
        paths: What was opened; at least one.
    """
    first = paths[0]
    return os.path.join(first if os.path.isdir(first) else os.path.dirname(first) or ".", _NAME)


def ignore_in_sidecar(
    path: str, issues: Iterable[tuple[str, str, str]], reason: str | None = None
) -> list[str]:
    """Write that issues are ignored.

    Args:
        path: The file; it is made if there is none.
        issues: Fingerprint id, kind and title of each.
        reason: Why.

    Returns:
        The fingerprint ids.

    Raises:
        SourceError: the file is there and is no sidecar, or it cannot be written.
    """
    sidecar = _known(path)
    states = {state.fingerprint_id: state for state in sidecar.states}
    ignored = list(sidecar.states)
    ids = []
    for fingerprint_id, kind, title in issues:
        ids.append(fingerprint_id)
        if fingerprint_id in states:
            ignored = [
                _as(state, "ignored") if state.fingerprint_id == fingerprint_id else state
                for state in ignored
            ]
            continue
        until = None if reason is None else {"reason": reason}
        given = _OWN if until is not None else _OWN - {"ignore_until"}
        ignored.append(
            TrackedState(
                fingerprint_id, "ignored", kind=kind, title=title[:200], ignore_until=until, given=given
            )
        )
    _write(path, ignored, sidecar)
    return ids


def reopen_in_sidecar(path: str, fingerprint_ids: Iterable[str]) -> None:
    """Write that issues are open; those of which nothing else is said are left out.

    Raises:
        SourceError: as of `ignore_in_sidecar`.
    """
    sidecar, wanted = _known(path), set(fingerprint_ids)
    states = [
        _as(state, "open") if state.fingerprint_id in wanted else state
        for state in sidecar.states
        if state.fingerprint_id not in wanted or not state.given <= _OWN | _NEEDED
    ]
    _write(path, states, sidecar)


def _known(path: str) -> Sidecar:
    return read_sidecar(path) if os.path.lexists(path) else Sidecar(path, ())


def _as(state: TrackedState, wanted: str) -> TrackedState:
    """Return what is said of an issue with another state; a status would contradict it."""
    return replace(state, state=wanted, status=None, given=state.given - {"status"})


def _write(path: str, states: Sequence[TrackedState], sidecar: Sidecar) -> None:
    try:
        with new_file(path, replaces=True, kept=OpenedPaths([])) as stream:
            stream.write(sidecar_bytes(states, sidecar.ignore))
    except OSError as error:
        raise SourceError(
            f"cannot be written: {error.strerror or error}; 'stormlog scan' makes a tracker elsewhere, and a "
            "configuration file takes rules by which issues are ignored",
            path=path,
        ) from error
