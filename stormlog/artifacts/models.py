"""What discovery finds, as plain frozen values.

The promise: paths are spelled as the caller spelled the argument they were found under, and
``as_dict()`` gives text, numbers, lists and mappings in the documented key order.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, overload

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class

if TYPE_CHECKING:
    from stormlog.telemetry import SessionSummary, TelemetrySinkManifest

__all__ = [
    "AMBIGUOUS_RUN",
    "NO_MEMORY_TELEMETRY",
    "ROLLUPS_UNUSABLE",
    "CatalogOOMBundle",
    "CatalogSource",
    "CatalogWarning",
    "ExternalAttachment",
    "PathList",
    "SourceKind",
    "note_of_copy",
]

#: Begins the code of warnings about files of another kind: nothing is lost with them.
NO_MEMORY_TELEMETRY = "no_memory_telemetry"
#: Code of warnings about a ``rollups.json``.
ROLLUPS_UNUSABLE = "rollups_unusable"
#: Begins the code of notes about ids that several runs have.
AMBIGUOUS_RUN = "ambiguous_run"

SourceKind = Literal[
    "sink", "telemetry_json", "telemetry_jsonl", "telemetry_csv", "diagnose_bundle", "oom_bundle"
]


class PathList(Sequence[Path]):
    """Paths kept as text until one is looked at: ten thousand ``Path`` objects cost more than finding them.

    Equal to the tuple of the same paths.
    """

    __slots__ = ("texts",)

    def __init__(self, texts: Sequence[str]) -> None:
        self.texts: tuple[str, ...] = tuple(texts)

    def __len__(self) -> int:
        return len(self.texts)

    @overload
    def __getitem__(self, index: int) -> Path: ...
    @overload
    def __getitem__(self, index: slice) -> PathList: ...
    def __getitem__(self, index: int | slice) -> Path | PathList:
        if isinstance(index, slice):
            return PathList(self.texts[index])
        return Path(self.texts[index])

    def __iter__(self) -> Iterator[Path]:
        return map(Path, self.texts)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, PathList):
            return self.texts == other.texts
        if isinstance(other, (tuple, list)):
            return tuple(self) == tuple(other)
        return NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self))

    def __repr__(self) -> str:
        return repr(tuple(self))


@frozen_class
class CatalogSource:
    """Something that holds sessions: a sink, a flat telemetry file, or a diagnose bundle.

    Args:
        path: Sink or bundle directory, or the flat file.
        source_kind: What it is.
        event_paths: Files with events, in reading order.
        manifest_path: Manifest of a sink or bundle.
        manifest: Parsed ledger of a sink, or of the sink that a flat JSONL file lies in.
        session: Session of a diagnose bundle.
        rollups_path: ``rollups.json`` of a sink, where there is one.

    Source: docs/concepts.md#catalog.
    """

    path: Path
    source_kind: SourceKind
    event_paths: Sequence[Path] = ()
    manifest_path: Path | None = None
    manifest: TelemetrySinkManifest | None = field(default=None, repr=False, compare=False)
    session: SessionSummary | None = field(default=None, repr=False, compare=False)
    rollups_path: str | None = field(default=None, repr=False, compare=False)

    @property
    def event_files(self) -> tuple[str, ...]:
        """Return ``event_paths`` as texts, without making ``Path`` objects."""
        paths = self.event_paths
        return paths.texts if isinstance(paths, PathList) else tuple(str(path) for path in paths)

    def as_dict(self) -> dict[str, Any]:
        """Return ``path``, ``source_kind``, ``event_paths`` and ``manifest_path``, paths as text."""
        return {
            "path": str(self.path),
            "source_kind": self.source_kind,
            "event_paths": list(self.event_files),
            "manifest_path": None if self.manifest_path is None else str(self.manifest_path),
        }


@frozen_class
class CatalogWarning:
    """Something that was skipped.

    Args:
        path: Where it is.
        message: A sentence for people.
        code: The reason for programs, with details after a colon.
    """

    path: str
    message: str
    code: str = ""

    @property
    def is_note(self) -> bool:
        """Whether no telemetry is lost for it, as for a copy, or a file of another kind. Strict stores accept it."""
        return self.code.startswith((_COPY, NO_MEMORY_TELEMETRY, AMBIGUOUS_RUN))

    @property
    def is_beside_reading(self) -> bool:
        """Whether it is about something else than events: rollups, or ids that several runs have."""
        return self.code.startswith((ROLLUPS_UNUSABLE, AMBIGUOUS_RUN))

    def as_dict(self) -> dict[str, str]:
        """Return ``path`` and ``message``."""
        return {"path": self.path, "message": self.message}


#: Start of the code of a note about a copy.
_COPY = "copy_of:"


def note_of_copy(path: str, kept: str, *, is_part: bool = False) -> CatalogWarning:
    """Return the note that ``path`` holds the same as ``kept``, or only the beginning of it, and does not count."""
    what = "only the beginning of the telemetry in" if is_part else "the same telemetry as"
    message = f"holds {what} {kept}, which counts instead"
    return CatalogWarning(path, message, f"{_COPY}{kept}")


@frozen_class
class CatalogOOMBundle:
    """An OOM bundle as its manifest and metadata describe it; texts are kept untrimmed.

    Args:
        context: What the program was doing, in the words of its code.
        job_id: Distributed job, of the session in the metadata, else of the custom metadata; so are rank and host.
        rank: Global rank, from 0.
        host: Machine; None also where it is written as ``unknown``.
        metadata: ``session`` and ``custom_metadata`` of its metadata file, as they stand there.
        allocator_snapshot_path: What PyTorch's allocator held, as a file that is not read; None without one.

    Source: docs/concepts.md#artifacts.
    """

    bundle_path: Path
    manifest_path: Path
    created_at_utc: str | None
    backend: str | None
    reason: str | None
    event_count: int | None
    session_id: str | None
    session_status: str | None
    exception_type: str | None = None
    exception_module: str | None = None
    exception_message: str | None = field(default=None, repr=False)
    context: str | None = None
    job_id: str | None = None
    rank: int | None = None
    world_size: int | None = None
    host: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)
    allocator_snapshot_path: Path | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return what the manifest says and the type of the exception, paths as text."""
        return {
            "bundle_path": str(self.bundle_path),
            "manifest_path": str(self.manifest_path),
            "created_at_utc": self.created_at_utc,
            "backend": self.backend,
            "reason": self.reason,
            "event_count": self.event_count,
            "session_id": self.session_id,
            "session_status": self.session_status,
            "exception_type": self.exception_type,
            "exception_module": self.exception_module,
        }


@frozen_class
class ExternalAttachment:
    """One item of an attachment sidecar.

    Args:
        path: Absolute path of the attached file.
        start_ns: Start of the time it covers, in nanoseconds since the Unix epoch.
        end_ns: End of the time it covers.
        storage: ``reference`` or ``copy``.
        sidecar_path: The file that lists it.

    Source: docs/concepts.md#artifacts.
    """

    title: str
    kind: str
    attachment_id: str | None
    url: str | None
    path: str | None
    run_id: str | None
    session_id: str | None
    job_id: str | None
    rank: int | None
    start_ns: int | None
    end_ns: int | None
    created_at_utc: str | None
    updated_at_utc: str | None
    storage: str
    source_namespace: str | None
    source_ref: str | None
    metadata: Mapping[str, Any]
    sidecar_path: str
    start = ReadableTime()
    end = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return all fields in order."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__} | {
            "metadata": dict(self.metadata)
        }
