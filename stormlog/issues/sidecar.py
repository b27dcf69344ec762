"""``issues.json``: what became of each fingerprint, in a file that can be committed and compared.

The promise: what is written depends on the states alone, byte for byte; what is read is checked as a whole, so
that nothing of a damaged file is believed.

Source: docs/ci.md#the-sidecar.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from typing import Any, Final, NamedTuple

from stormlog._opening import OpenedPaths, read_artifact
from stormlog._values import UNPRINTED, frozen_class
from stormlog.errors import SourceError
from stormlog.issues.ignoring import IgnoreRule, ignore_rules_of
from stormlog.issues.state import STATE_OF_STATUS, STATUS_PRECEDENCE, normalize_issue_state

__all__ = [
    "SIDECAR_FORMAT",
    "Sidecar",
    "TrackedState",
    "describes_sidecar",
    "read_sidecar",
    "sidecar_bytes",
    "speaking_states",
    "state_precedence",
]

SIDECAR_FORMAT: Final = "stormlog-issues"
_VERSION: Final = 1
#: A state takes less than a kilobyte; whatever is longer is something else.
_MOST_BYTES: Final = 256 << 20
_MOST_TEXT: Final = 10_000

#: What a state without a status becomes in a store that does not know the issue.
_STATUS_OF: Final = {"open": "new", "resolved": "resolved", "ignored": "silenced", "regressed": "regressed"}


@frozen_class
class TrackedState:
    """What a tracker, or a sidecar, says about one fingerprint.

    Attributes:
        fingerprint_id: As in `StormlogIssue.fingerprint_id`.
        state: open, resolved, ignored or regressed.
        status: new, in_progress, resolved, silenced or regressed; None where only the state is known.
        app: The training program; None where nothing is said, and then it is about every one.
        is_dev: Whether it is about development runs; None likewise.
        issue_id: Fingerprints with the same one belong to one issue.
        number: Short number of the issue in its project.
        former_numbers: Numbers of issues that were merged into it; they lead to it.
        kind: oom, collector_degradation, alert, hidden_memory_anomaly, or error.
        schema_version: Of the dimensions.
        dimensions: What makes the fingerprint.
        title_ns: When the title was seen first, nanoseconds since the Unix epoch.
        fix_version: Version that it was resolved in.
        ignore_until: What ends the silence; see `TrackedIssue.ignore_until`.
        occurrence_count: Sessions with the issue when this was written; likewise all other counts and times.
        given: Names of the fields that were said; all others say nothing.
    """

    fingerprint_id: str
    state: str
    status: str | None = None
    app: str | None = None
    is_dev: bool | None = None
    issue_id: str | None = None
    number: int | None = None
    former_numbers: tuple[int, ...] | None = None
    kind: str | None = None
    schema_version: int = 1
    dimensions: Mapping[str, Any] | None = None
    severity: str | None = None
    title: str | None = None
    title_ns: int | None = None
    fix_version: str | None = None
    ignore_until: Mapping[str, Any] | None = None
    assignee: str | None = None
    occurrence_count: int | None = None
    hit_count: int | None = None
    run_count: int | None = None
    unique_user_count: int | None = None
    recurred_count: int | None = None
    first_seen_ns: int | None = None
    last_seen_ns: int | None = None
    first_seen_version: str | None = None
    last_seen_version: str | None = None
    given: frozenset[str] = field(default=frozenset(), metadata={UNPRINTED: True})

    @property
    def effective_status(self) -> str:
        """The status, or the one that the state means where nothing else is known."""
        return self.status or _STATUS_OF[self.state]

    def as_dict(self) -> dict[str, Any]:
        """Return what was said, JSON-ready, by name."""
        return {name: getattr(self, name) for name in sorted({"fingerprint_id", "state"} | self.given)}


class Sidecar(NamedTuple):
    """The states of one file.

    Attributes:
        path: Where it is; None if it was never written.
        states: By fingerprint id, app and development.
        ignore: Rules by which issues are ignored that are new, regressed, or not named.
    """

    path: str | None
    states: tuple[TrackedState, ...]
    ignore: tuple[IgnoreRule, ...] = ()


def speaking_states(states: Iterable[TrackedState]) -> dict[str, TrackedState]:
    """Return one state per fingerprint id.

    Production speaks before development, then the most urgent status: regressed, new, in_progress, resolved,
    silenced.
    """
    speaking: dict[str, TrackedState] = {}
    for state in sorted(states, key=state_precedence):
        speaking.setdefault(state.fingerprint_id, state)
    return speaking


def state_precedence(state: TrackedState) -> tuple[Any, ...]:
    """Return a sort key: of the states of a fingerprint, the first speaks; see `speaking_states`."""
    urgency = STATUS_PRECEDENCE.index(state.effective_status)
    return (bool(state.is_dev), urgency, state.app or "", state.issue_id or "", state.fingerprint_id)


def sidecar_bytes(states: Iterable[TrackedState], ignore: Iterable[IgnoreRule] = ()) -> bytes:
    """Return the file that says so: sorted, indented, ASCII, the same for the same states."""
    ordered = sorted(states, key=lambda state: (state.fingerprint_id, state.app or "", bool(state.is_dev)))
    document: dict[str, Any] = {
        "format": SIDECAR_FORMAT,
        "version": _VERSION,
        "issues": [state.as_dict() for state in ordered],
    }
    rules = [rule.as_dict() for rule in ignore]
    if rules:
        document["ignore"] = rules
    return (json.dumps(document, indent=2, sort_keys=True, allow_nan=False) + "\n").encode("ascii")


# ---- reading -----------------------------------------------------------------------------------------------


def describes_sidecar(payload: object) -> bool:
    """Tell whether a JSON value calls itself a sidecar, of whatever version."""
    return isinstance(payload, dict) and payload.get("format") == SIDECAR_FORMAT


def read_sidecar(path: str | os.PathLike[str], opened: OpenedPaths | None = None) -> Sidecar:
    """Read a sidecar.

    Args:
        path: The file.
        opened: What it has to lie in, if it was found and not named by the caller.

    Raises:
        SourceError: it is missing, cannot be read, or is not what it should be; the message says where.
    """
    name = os.fspath(path)
    try:
        data = read_artifact(name, opened, most_bytes=_MOST_BYTES)
    except OSError as error:
        raise SourceError(f"cannot be read: {error.strerror or error}", path=name) from error
    try:
        payload = _parse(data)
        return Sidecar(name, _states(payload), _rules(payload))
    except _Problem as problem:
        raise SourceError(problem.explain(), path=name) from None


class _Problem(Exception):
    """Something is wrong, at a place that callers add to."""

    def __init__(self, message: str, *place: str) -> None:
        super().__init__(message)
        self.place = place

    def explain(self) -> str:
        return f"{''.join(self.place).lstrip('.')}: {self}" if self.place else str(self)


def _parse(data: bytes) -> Any:
    def refuse(word: str) -> None:
        raise ValueError(f"{word} is no JSON")

    try:
        return json.loads(data.decode("utf-8-sig"), parse_constant=refuse)
    except RecursionError:
        raise _Problem("is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise _Problem(f"is no JSON: {error}") from None
    except ValueError as error:
        raise _Problem(f"is no JSON: {error}") from None


def _states(payload: Any) -> tuple[TrackedState, ...]:
    if not describes_sidecar(payload):
        raise _Problem(f'is no sidecar of issues: it has no "format": "{SIDECAR_FORMAT}"')
    version = payload.get("version")
    if version != _VERSION or isinstance(version, bool):
        raise _Problem(f"is a sidecar of version {version!r}, and this Stormlog knows {_VERSION}")
    items = payload.get("issues")
    if not isinstance(items, list):
        raise _Problem("is no list", "issues")
    states: list[TrackedState] = []
    for position, item in enumerate(items):
        try:
            states.append(_state(item))
        except _Problem as problem:
            raise _Problem(str(problem), f"issues[{position}]", *problem.place) from None
    _require_consistent(states)
    return tuple(states)


def _rules(payload: Any) -> tuple[IgnoreRule, ...]:
    try:
        return ignore_rules_of(payload.get("ignore", ()))
    except ValueError as error:
        raise _Problem(str(error)) from None


def _state(item: Any) -> TrackedState:
    if not isinstance(item, dict):
        raise _Problem("is no object")
    values: dict[str, Any] = {}
    for name, check in _FIELDS.items():
        if name not in item:
            continue
        value = item[name]
        if value is None:
            if name in _NEEDED:
                raise _Problem("is null", f".{name}")
            values[name] = None
            continue
        try:
            values[name] = check(value)
        except ValueError as error:
            raise _Problem(str(error), f".{name}") from None
    given = frozenset(values)
    for name in ("fingerprint_id", "state"):
        if name not in values:
            raise _Problem(f"has no {name}")
    if values.get("schema_version") is None:
        values["schema_version"] = 1
    status = values.get("status")
    if status is not None and STATE_OF_STATUS[status] != values["state"]:
        raise _Problem(
            f"status {status} and state {values['state']} contradict each other: leave out the status, or change both"
        )
    return TrackedState(**values, given=given)


def _require_consistent(states: list[TrackedState]) -> None:
    """Refuse two answers to one question."""
    seen: dict[str, dict[tuple[Any, ...], int]] = {}
    issues: dict[str, tuple[int, tuple[Any, ...]]] = {}
    numbers: dict[str, int] = {}
    for position, state in enumerate(states):
        others = seen.setdefault(state.fingerprint_id, {})
        key = (state.app, state.is_dev)
        # One that does not say for which app it is, is for all of them.
        if others and (key in others or None in key or None in next(iter(others))):
            same = others.get(key, next(iter(others.values())))
            raise _Problem(f"says the same fingerprint again as issues[{same}]", f"issues[{position}]")
        others[key] = position
        if state.issue_id is None:
            continue
        # These belong to the issue: its fingerprints cannot differ in them.
        facts = (state.state, state.status, state.fix_version, state.assignee, bool(state.is_dev))
        first, expected = issues.setdefault(state.issue_id, (position, facts))
        number = state.number
        if facts != expected or (number is not None and numbers.setdefault(state.issue_id, number) != number):
            raise _Problem(
                f"says something else about issue {state.issue_id} than issues[{first}]",
                f"issues[{position}]",
            )


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("is no text")
    if len(value) > _MOST_TEXT:
        raise ValueError(f"has more than {_MOST_TEXT:,} characters")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("holds halves of characters") from None
    return value


def _name(value: Any) -> str:
    text = _text(value)
    if not text.strip():
        raise ValueError("is blank")
    return text


def _optional_text(value: Any) -> str | None:
    return _text(value) if _text(value).strip() else None


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError("is neither true nor false")
    return value


def _integer(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise ValueError("is no whole number")
    if not -(2**63) <= value < 2**63:
        raise ValueError("is beyond 64 bits")
    return value


def _count(value: Any) -> int:
    if _integer(value) < 0:
        raise ValueError("is below zero")
    return int(value)


def _number(value: Any) -> int:
    if _integer(value) < 1:
        raise ValueError("is below one")
    return int(value)


def _numbers(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list):
        raise ValueError("is no list")
    return tuple(map(_number, value))


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("is no object")
    try:
        _text(json.dumps(value, ensure_ascii=False))
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    return value


def _until(value: Any) -> dict[str, Any]:
    until = _object(value)
    for name in ("count", "runs", "date_ns", "from_count", "from_runs", "from_hits"):
        if until.get(name) is not None:
            _integer(until[name])
    if "next" in until:
        _flag(until["next"])
    return until


def _known_status(value: Any) -> str:
    status = _text(value)
    if status not in STATE_OF_STATUS:
        raise ValueError(f"unknown status {status!r}: choose from {', '.join(STATE_OF_STATUS)}")
    return status


_NEEDED: Final = frozenset({"fingerprint_id", "state"})

_FIELDS: Final[dict[str, Callable[[Any], Any]]] = {
    "fingerprint_id": _name,
    "state": normalize_issue_state,
    "status": _known_status,
    "app": _name,
    "is_dev": _flag,
    "issue_id": _name,
    "number": _number,
    "former_numbers": _numbers,
    "kind": _name,
    "schema_version": _integer,
    "dimensions": _object,
    "severity": _name,
    "title": _name,
    "title_ns": _integer,
    "fix_version": _optional_text,
    "ignore_until": _until,
    "assignee": _optional_text,
    "occurrence_count": _count,
    "hit_count": _count,
    "run_count": _count,
    "unique_user_count": _count,
    "recurred_count": _count,
    "first_seen_ns": _integer,
    "last_seen_ns": _integer,
    "first_seen_version": _optional_text,
    "last_seen_version": _optional_text,
}
