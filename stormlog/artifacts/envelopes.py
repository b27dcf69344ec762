"""Reads ``stormlog_run.json``, the description of one run.

The promise: an envelope is accepted whole or rejected whole, with a sentence that says what is wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from pathlib import Path
from typing import Any

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class
from stormlog.artifacts.files import resolve_attachment_path

__all__ = [
    "ENVELOPE_FORMAT",
    "CatalogRunAttachment",
    "CatalogRunEnvelope",
    "CatalogRunSessionRef",
    "parse_envelope",
]

ENVELOPE_FORMAT = "stormlog.run_envelope"


@frozen_class
class CatalogRunSessionRef:
    """A session that an envelope claims as its own."""

    session_id: str
    job_id: str | None = None
    rank: int | None = None
    local_rank: int | None = None
    world_size: int | None = None
    role: str | None = None
    source_namespace: str | None = None
    source_ref: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return _fields_as_dict(self)


@frozen_class
class CatalogRunAttachment:
    """Something attached to a run: ``path`` is absolute, times are nanoseconds since the Unix epoch."""

    title: str
    kind: str
    storage: str
    attachment_id: str | None = None
    url: str | None = None
    path: str | None = None
    run_id: str | None = None
    session_id: str | None = None
    job_id: str | None = None
    rank: int | None = None
    local_rank: int | None = None
    world_size: int | None = None
    start_ns: int | None = None
    end_ns: int | None = None
    created_at_utc: str | None = None
    updated_at_utc: str | None = None
    source_namespace: str | None = None
    source_ref: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    start = ReadableTime()
    end = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return _fields_as_dict(self)


@frozen_class
class CatalogRunEnvelope:
    """One run as its envelope describes it; times are nanoseconds since the Unix epoch.

    Source: docs/concepts.md#artifacts.
    """

    run_id: str
    path: Path
    title: str | None = None
    description: str | None = None
    job_id: str | None = None
    started_at_ns: int | None = None
    ended_at_ns: int | None = None
    created_at_utc: str | None = None
    updated_at_utc: str | None = None
    source_namespace: str | None = None
    source_ref: str | None = None
    tags: tuple[str, ...] = ()
    sessions: tuple[CatalogRunSessionRef, ...] = ()
    attachments: tuple[CatalogRunAttachment, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    started_at = ReadableTime()
    ended_at = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order, nested values as lists and mappings."""
        return _fields_as_dict(self) | {
            "path": str(self.path),
            "tags": list(self.tags),
            "sessions": [session.as_dict() for session in self.sessions],
            "attachments": [attachment.as_dict() for attachment in self.attachments],
        }


def parse_envelope(payload: Mapping[str, Any], path: str, directory: str) -> CatalogRunEnvelope:
    """Return the run that an envelope file describes.

    Args:
        payload: The object in the file.
        path: The file as the caller spells it.
        directory: Relative attachment paths start here.

    Raises:
        ValueError: anything unknown, missing or of a wrong type.

    Source: docs/concepts.md#artifacts.
    """
    version = payload.get("schema_version")
    if type(version) is not int or version != 1:
        raise ValueError("schema_version must be 1")
    if payload.get("format") != ENVELOPE_FORMAT:
        raise ValueError(f"format must be {ENVELOPE_FORMAT!r}")
    values = _check(
        {key: value for key, value in payload.items() if key not in ("schema_version", "format")},
        _ENVELOPE_KEYS,
        "the envelope",
    )
    _check_order(values, "started_at_ns", "ended_at_ns", "the envelope")
    values["sessions"] = tuple(
        CatalogRunSessionRef(**_check(item, _SESSION_KEYS, f"sessions[{index}]"))
        for index, item in enumerate(values.get("sessions", ()))
    )
    values["attachments"] = tuple(
        _parse_attachment(item, values["run_id"], directory, f"attachments[{index}]")
        for index, item in enumerate(values.get("attachments", ()))
    )
    return CatalogRunEnvelope(path=Path(path), **values)


def _parse_attachment(item: object, run_id: str, directory: str, where: str) -> CatalogRunAttachment:
    values = _check(item, _ATTACHMENT_KEYS, where)
    if "url" not in values and "path" not in values:
        raise ValueError(f"{where} needs a url or a path")
    _check_order(values, "start_ns", "end_ns", where)
    if "path" in values:
        values["path"] = resolve_attachment_path(directory, values["path"])
    values["run_id"] = values.get("run_id") or run_id
    return CatalogRunAttachment(**values)


@frozen_class
class _Rule:
    """How one key is judged; ``accepts`` answers the value to keep or raises ``ValueError``."""

    accepts: Callable[[object], Any]
    required: bool = False
    nullable: bool = False


def _check(payload: object, rules: Mapping[str, _Rule], where: str) -> dict[str, Any]:
    if not isinstance(payload, dict):
        raise ValueError(f"{where} must be an object")
    unknown = sorted(set(payload) - set(rules))
    if unknown:
        raise ValueError(f"{where} has unknown keys: {', '.join(unknown)}")
    values: dict[str, Any] = {}
    for key, rule in rules.items():
        if key not in payload:
            if rule.required:
                raise ValueError(f"{where} needs {key}")
            continue
        value = payload[key]
        if value is None and rule.nullable:
            values[key] = None
            continue
        try:
            values[key] = rule.accepts(value)
        except ValueError as error:
            raise ValueError(f"{key} of {where} {error}") from None
    return values


def _check_order(values: Mapping[str, Any], start: str, end: str, where: str) -> None:
    first, last = values.get(start), values.get(end)
    if first is not None and last is not None and last < first:
        raise ValueError(f"{end} of {where} lies before {start}")


def _text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("must be non-empty text")
    return value


def _any_text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("must be text")
    return value


def _integer_from(minimum: int) -> Callable[[object], int]:
    def accepts(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise ValueError(f"must be an integer of at least {minimum}")
        return value

    return accepts


def _mapping(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError("must be a list")
    return value


def _tags(value: object) -> tuple[str, ...]:
    tags = tuple(_text(item) for item in _list(value))
    if len(set(tags)) != len(tags):
        raise ValueError("must not repeat a text")
    return tags


def _storage(value: object) -> str:
    if value not in ("reference", "copy"):
        raise ValueError("must be 'reference' or 'copy'")
    return str(value)


def _fields_as_dict(row: Any) -> dict[str, Any]:
    return {name: getattr(row, name) for name in row.__dataclass_fields__} | {"metadata": dict(row.metadata)}


_OPTIONAL_TEXT = _Rule(_text, nullable=True)
_OPTIONAL_ANY_TEXT = _Rule(_any_text, nullable=True)
_OPTIONAL_COUNT = _Rule(_integer_from(0), nullable=True)
_OPTIONAL_SIZE = _Rule(_integer_from(1), nullable=True)
_REQUIRED_TEXT = _Rule(_text, required=True)
_METADATA = _Rule(_mapping, required=True)

_ENVELOPE_KEYS = {
    "run_id": _REQUIRED_TEXT,
    "title": _OPTIONAL_TEXT,
    "description": _OPTIONAL_ANY_TEXT,
    "job_id": _OPTIONAL_TEXT,
    "started_at_ns": _OPTIONAL_COUNT,
    "ended_at_ns": _OPTIONAL_COUNT,
    "created_at_utc": _OPTIONAL_ANY_TEXT,
    "updated_at_utc": _OPTIONAL_ANY_TEXT,
    "source_namespace": _OPTIONAL_TEXT,
    "source_ref": _OPTIONAL_TEXT,
    "tags": _Rule(_tags),
    "sessions": _Rule(_list),
    "attachments": _Rule(_list),
    "metadata": _METADATA,
}
_SESSION_KEYS = {
    "session_id": _REQUIRED_TEXT,
    "job_id": _OPTIONAL_TEXT,
    "rank": _OPTIONAL_COUNT,
    "local_rank": _OPTIONAL_COUNT,
    "world_size": _OPTIONAL_SIZE,
    "role": _OPTIONAL_TEXT,
    "source_namespace": _OPTIONAL_TEXT,
    "source_ref": _OPTIONAL_TEXT,
    "metadata": _METADATA,
}
_ATTACHMENT_KEYS = {
    "title": _REQUIRED_TEXT,
    "kind": _REQUIRED_TEXT,
    "storage": _Rule(_storage, required=True),
    "attachment_id": _OPTIONAL_TEXT,
    "url": _Rule(_text),
    "path": _Rule(_text),
    "run_id": _OPTIONAL_TEXT,
    "session_id": _OPTIONAL_TEXT,
    "job_id": _OPTIONAL_TEXT,
    "rank": _OPTIONAL_COUNT,
    "local_rank": _OPTIONAL_COUNT,
    "world_size": _OPTIONAL_SIZE,
    "start_ns": _OPTIONAL_COUNT,
    "end_ns": _OPTIONAL_COUNT,
    "created_at_utc": _OPTIONAL_ANY_TEXT,
    "updated_at_utc": _OPTIONAL_ANY_TEXT,
    "source_namespace": _OPTIONAL_TEXT,
    "source_ref": _OPTIONAL_TEXT,
    "metadata": _METADATA,
}
