"""Reads what OOM bundles and diagnose bundles say about themselves.

The promise: only the manifest and the metadata file are opened, and odd values become null; a metadata file that is no
JSON object is told.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from stormlog._opening import OpenedPaths, read_artifact
from stormlog.artifacts.files import MOST_COMPANION_BYTES, WarningLog, optional_int, optional_text
from stormlog.artifacts.models import CatalogOOMBundle, CatalogSource
from stormlog.artifacts.names import MANIFEST_NAME, METADATA_NAME
from stormlog.artifacts.walk import DirectoryListing
from stormlog.telemetry import SessionSummary, session_summary_from_dict

__all__ = ["diagnose_session", "diagnose_source", "oom_bundle"]

_Value = TypeVar("_Value")


def oom_bundle(
    listing: DirectoryListing, manifest: Mapping[str, Any], opened: OpenedPaths, log: WarningLog
) -> CatalogOOMBundle:
    """Return the catalog entry of an OOM bundle.

    Source: docs/concepts.md#artifacts.
    """
    metadata = _read_metadata(listing, opened, log)
    # The session comes first: custom metadata are what the program was started with.
    origins = [value for key in _KEPT_METADATA if isinstance(value := metadata.get(key), dict)]
    return CatalogOOMBundle(
        bundle_path=Path(listing.path),
        manifest_path=Path(listing.spelled(MANIFEST_NAME)),
        created_at_utc=optional_text(manifest.get("created_at_utc")),
        backend=optional_text(manifest.get("backend")),
        reason=optional_text(manifest.get("reason")),
        event_count=optional_int(manifest.get("event_count")),
        session_id=optional_text(manifest.get("session_id")),
        session_status=optional_text(manifest.get("session_status")),
        exception_type=optional_text(metadata.get("exception_type")),
        exception_module=optional_text(metadata.get("exception_module")),
        exception_message=optional_text(metadata.get("exception_message")),
        context=optional_text(metadata.get("context")),
        job_id=_first_known(optional_text(origin.get("job_id")) for origin in origins),
        rank=_first_known(_rank(origin.get("rank")) for origin in origins),
        world_size=_first_known(_rank(origin.get("world_size")) for origin in origins),
        host=_first_known(_host(origin.get("host")) for origin in origins),
        metadata={key: metadata[key] for key in _KEPT_METADATA if key in metadata},
        allocator_snapshot_path=_allocator_snapshot(listing, manifest),
    )


def _allocator_snapshot(listing: DirectoryListing, manifest: Mapping[str, Any]) -> Path | None:
    """Return the snapshot that a manifest lists, if it lies in the bundle; it is not opened."""
    listed = manifest.get("native_history_files")
    if not isinstance(listed, list):
        return None
    found = (
        name
        for name in listed
        if isinstance(name, str) and name.endswith(".pickle") and name in listing.files
    )
    return next((Path(listing.spelled(name)) for name in found), None)


def diagnose_source(listing: DirectoryListing, manifest: Mapping[str, Any]) -> CatalogSource:
    """Return the source of a diagnose bundle, with its session if it names one.

    Source: docs/concepts.md#artifacts.
    """
    return CatalogSource(
        path=Path(listing.path),
        source_kind="diagnose_bundle",
        manifest_path=Path(listing.spelled(MANIFEST_NAME)),
        session=diagnose_session(manifest),
    )


def diagnose_session(manifest: Mapping[str, Any]) -> SessionSummary | None:
    """Return the session that a diagnose manifest describes, or a placeholder for the id it names.

    Returns:
        ``None`` if there is no usable session object, id or status.

    Source: docs/concepts.md#sessions.
    """
    return _summary(manifest.get("session")) or _summary(
        {
            "session_id": manifest.get("session_id"),
            "status": manifest.get("session_status", "incomplete"),
            "started_at_ns": 0,
            "host": "unknown",
            "source": "stormlog.diagnose",
        }
    )


def _summary(payload: object) -> SessionSummary | None:
    if not isinstance(payload, dict):
        return None
    try:
        return session_summary_from_dict(payload)
    except ValueError:
        return None


#: Objects in the metadata that say who wrote the bundle.
_KEPT_METADATA = ("session", "custom_metadata")


def _first_known(values: Iterable[_Value | None]) -> _Value | None:
    return next((value for value in values if value is not None), None)


def _rank(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 2**63 else None


def _host(value: object) -> str | None:
    return None if value == "unknown" else optional_text(value)


def _read_metadata(listing: DirectoryListing, opened: OpenedPaths, log: WarningLog) -> Mapping[str, Any]:
    if listing.refuses(METADATA_NAME, log) or METADATA_NAME not in listing:
        return {}
    path = listing.spelled(METADATA_NAME)
    try:
        data = read_artifact(path, opened, most_bytes=MOST_COMPANION_BYTES)
    except OSError as error:
        log.add_unreadable(path, error)
        return {}
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        log.add(
            path, "bundle_metadata_invalid_utf8", "holds bytes that are not UTF-8; they are read as U+FFFD"
        )
        text = data.decode("utf-8-sig", "replace")
    try:
        metadata = json.loads(text)
    except (ValueError, RecursionError):
        metadata = None
    if not isinstance(metadata, dict):
        log.add(
            path,
            "bundle_metadata_not_object",
            "is not a JSON object; what it says of the bundle is not known",
        )
        return {}
    return metadata
