"""Reads ``stormlog_attachments.json``, a list of things that belong beside the telemetry.

The promise: items are judged one by one; a bad one is skipped with a warning that names its index.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.artifacts.files import WarningLog, optional_int, optional_text, resolve_attachment_path
from stormlog.artifacts.models import ExternalAttachment

__all__ = ["SIDECAR_FORMAT", "parse_sidecar"]

SIDECAR_FORMAT = "stormlog.attachments"


def parse_sidecar(
    payload: Mapping[str, Any], path: str, directory: str, log: WarningLog
) -> list[ExternalAttachment]:
    """Return the usable items of a sidecar, in file order.

    Args:
        payload: The object in the file.
        path: The file as the caller spells it.
        directory: Relative attachment paths start here.
        log: Receives what was skipped.

    Source: docs/concepts.md#artifacts.
    """
    if payload.get("schema_version") != 1 or payload.get("format") != SIDECAR_FORMAT:
        log.add(path, "sidecar_unrecognised", f"is not version 1 of {SIDECAR_FORMAT!r}; it was skipped")
        return []
    items = payload.get("attachments")
    if not isinstance(items, list):
        log.add(path, "sidecar_attachments_not_list", "has no list of attachments; it was skipped")
        return []
    attachments = []
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            log.add(path, f"sidecar_item_not_object:{index}", f"attachment {index} is not an object; skipped")
            continue
        attachment = _parse_item(item, path, directory)
        if attachment is None:
            log.add(
                path,
                f"sidecar_item_invalid:{index}",
                f"attachment {index} needs a title, a kind, a url or path, and an end that is not before"
                " its start; skipped",
            )
        else:
            attachments.append(attachment)
    return attachments


def _parse_item(item: Mapping[str, Any], sidecar: str, directory: str) -> ExternalAttachment | None:
    title, kind = optional_text(item.get("title")), optional_text(item.get("kind"))
    url, path = optional_text(item.get("url")), optional_text(item.get("path"))
    start, end = optional_int(item.get("start_ns")), optional_int(item.get("end_ns"))
    if title is None or kind is None or (url is None and path is None):
        return None
    if start is not None and end is not None and end < start:
        return None
    try:
        resolved = None if path is None else resolve_attachment_path(directory, path)
    except ValueError:
        return None
    storage, metadata = item.get("storage"), item.get("metadata")
    return ExternalAttachment(
        title=title,
        kind=kind,
        attachment_id=optional_text(item.get("attachment_id")),
        url=url,
        path=resolved,
        run_id=optional_text(item.get("run_id")),
        session_id=optional_text(item.get("session_id")),
        job_id=optional_text(item.get("job_id")),
        rank=optional_int(item.get("rank")),
        start_ns=start,
        end_ns=end,
        created_at_utc=optional_text(item.get("created_at_utc")),
        updated_at_utc=optional_text(item.get("updated_at_utc")),
        storage="copy" if storage == "copy" else "reference",
        source_namespace=optional_text(item.get("source_namespace")),
        source_ref=optional_text(item.get("source_ref")),
        metadata=metadata if isinstance(metadata, dict) else {},
        sidecar_path=sidecar,
    )
