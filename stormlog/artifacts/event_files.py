"""The files that hold events, and what is known about them before they are read."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.artifacts.models import CatalogSource

__all__ = ["FileOrigin", "catalog_origins", "path_session_id", "real_path"]

#: Lines in these are packed.
PACKED_SUFFIXES = (".gz", ".zst")


@frozen_class
class FileOrigin:
    """A file to read and what is known about it beforehand.

    Attributes:
        file_id: Number of the file in the order of the catalog.
        source_id: Number of its source in the catalog.
        path: The file, spelled as the argument was.
        source_path: Path of the source.
        source_kind: Kind of the source.
        real_source_path: The same without links.
        session_hint: Session that the manifest names for the file.
        is_closed: Whether the manifest says that nothing is added to the file any more.
    """

    file_id: int
    source_id: int
    path: str
    source_path: str
    real_source_path: str
    source_kind: str
    session_hint: str | None
    is_closed: bool = False

    @cached_property
    def key(self) -> str:
        """What the file is known by between readings."""
        return f"{self.source_kind}:{self.path}"

    @property
    def session_basis(self) -> str:
        """What the session of records without one depends on: the hint, or the true path of the source."""
        return f"hint:{self.session_hint}" if self.session_hint else f"path:{self.real_source_path}"

    @cached_property
    def format(self) -> str:
        """How the file is read: ``lines``, ``parquet`` or ``document``."""
        if self.path.lower().endswith(".parquet"):
            return "parquet"
        # Whatever a ledger calls its segments, they hold lines.
        return "lines" if self.source_kind in ("sink", "telemetry_jsonl") else "document"

    @cached_property
    def is_packed(self) -> bool:
        """Whether the file holds packed lines."""
        return self.format == "lines" and self.path.lower().endswith(PACKED_SUFFIXES)

    @cached_property
    def may_grow(self) -> bool:
        """Whether lines may be added at the end of the file while what is there stays."""
        return self.format == "lines" and not self.is_packed

    @property
    def is_compressed(self) -> bool:
        """Whether the file holds several times as much as its size says."""
        return self.is_packed or self.format == "parquet"

    @property
    def recorded_path(self) -> str:
        """The path that rows name: documents go by their true one, however they were spelled."""
        if self.format != "document":
            return self.path
        return self.real_source_path if self.path == self.source_path else os.path.realpath(self.path)

    @property
    def plain_name(self) -> str:
        """A file name without surprises."""
        return "rows.parquet" if self.format == "parquet" else "lines.jsonl"

    def default_session_id(self) -> str:
        """Return the session of records that name none."""
        if self.session_hint is not None:
            return self.session_hint
        return path_session_id(self.real_source_path, self.source_kind)


def path_session_id(real_source_path: str, source_kind: str) -> str:
    """Return the session that is shown for records which name none and whose manifest names none either.

    Args:
        real_source_path: Path of the source without links.
        source_kind: Kind of the source.
    """
    from stormlog.telemetry import stable_legacy_session_id

    kind = {"telemetry_json": "json", "telemetry_csv": "csv"}.get(source_kind, "sink")
    return stable_legacy_session_id(real_source_path, kind)


def catalog_origins(sources: Sequence[CatalogSource]) -> list[FileOrigin]:
    """Return every file with events, in the order of the catalog."""
    origins: list[FileOrigin] = []
    folders: dict[str, str] = {}
    for source_id, source in enumerate(sources):
        if source.source_kind != "diagnose_bundle":
            origins += _origins(source_id, source, len(origins), folders)
    return origins


def _origins(
    source_id: int, source: CatalogSource, first_file_id: int, folders: dict[str, str]
) -> Iterator[FileOrigin]:
    segments = {} if source.manifest is None else {s.filename: s for s in source.manifest.segments}
    source_path = str(source.path)
    real_source_path = real_path(source_path, folders)
    for offset, path in enumerate(source.event_files):
        segment = segments.get(os.path.basename(path))
        yield FileOrigin(
            file_id=first_file_id + offset,
            source_id=source_id,
            path=path,
            source_path=source_path,
            real_source_path=real_source_path,
            source_kind=source.source_kind,
            # An empty session id is none: records without one get that of the path, as in an unlisted file.
            session_hint=None if segment is None else segment.session_id or None,
            is_closed=segment is not None and segment.closed,
        )


def real_path(path: str, folders: dict[str, str]) -> str:
    """Return a path without links; the way to each folder is followed once, and kept in ``folders``."""
    folder, name = os.path.split(path)
    if name in ("", ".", "..") or os.path.islink(path):
        return os.path.realpath(path)
    if folder not in folders:
        folders[folder] = os.path.realpath(folder)
    return os.path.join(folders[folder], name)
