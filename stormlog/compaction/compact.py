"""Compacts a sink: the order in which things happen, so that an original is never at risk.

Promise: the original is untouched until a complete, durable and verified copy exists, and no half copy
ever has the name of a finished one.

Source: docs/compaction.md.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path

from stormlog._new_files import sync_tree
from stormlog._paths import require_path
from stormlog.artifacts.names import MANIFEST_NAME
from stormlog.capture import SinkInUseError
from stormlog.capture.sink.claims import DirectoryClaim
from stormlog.compaction.copying import copy_file, copy_growing_segment, require_unchanged
from stormlog.compaction.manifest import CompactedEntry, write_manifest
from stormlog.compaction.models import CompactionReport, SegmentReport
from stormlog.compaction.plan import Plan, PlannedSegment, look_at, parquet_name, tree_of
from stormlog.compaction.segments import WrittenSegment, segment_writer
from stormlog.compaction.workplace import (
    place,
    require_place_aside,
    restore,
    staging_directory,
    swap,
)
from stormlog.errors import SourceError

__all__ = ["compact_sink"]

#: Segments that are read together: small ones cost as much as the statements they need.
_BATCH_FILES = 64
_BATCH_BYTES = 64 * 1024 * 1024

#: The writer of a sink renames it over the manifest; it is there for moments.
_TRANSIENT = "manifest.tmp"

Progress = Callable[[int, int], None]


def compact_sink(
    sink: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    replace: bool = False,
    threads: int | None = None,
    memory_limit: str | None = None,
    progress: Progress | None = None,
) -> CompactionReport:
    """Write the closed segments of a sink as Parquet, everything else as it is, into a new directory.

    Args:
        sink: Directory of a sink.
        output: The new directory; it must not exist. By default ``<sink>-compact`` beside the sink.
        replace: Put the new directory in the place of the sink, and remove the original.
        threads: Threads of DuckDB; all cores by default.
        memory_limit: Memory limit of DuckDB, such as ``512MB``.
        progress: Called with the bytes that are done, and all that there are.

    Raises:
        SourceError: ``sink`` is no sink, a writer is at work on it, or it changed meanwhile.
        ValueError: a path is empty, ``output`` exists, lies inside the sink or is named together with ``replace``.
        CompactionError: the result would not say the same as the original.
        OSError: something cannot be read or written.

    Source: docs/compaction.md.
    """
    if replace and output is not None:
        raise ValueError("an output directory and replacing the sink exclude each other: choose one")
    sink = require_path(sink)
    output = None if output is None else require_path(output)
    source = Path(os.path.realpath(sink))
    if not source.name:
        raise ValueError(f"{source} has no name and no directory above it")
    is_restored = restore(source)
    target = source if replace else _target(source, sink, output)
    plan = look_at(source)
    if replace:
        plan.require_finished()
        require_place_aside(source)
    with _claimed(source) if replace else nullcontext(), staging_directory(target) as staging:
        segments = _fill(plan, staging, threads, memory_limit, progress or _nothing, is_final=replace)
        is_replaced = replace and any(segment.is_compacted for segment in segments)
        if replace:
            _require_same_tree(plan)
        if not replace or is_replaced:
            sync_tree(staging)
            shutil.copystat(source, staging)
        if is_replaced:
            swap(staging, source, lambda aside: _require_same_tree(plan, aside))
        elif not replace:
            place(staging, target)
    of_segments = {segment.name for segment in plan.segments}
    others = [state.size for name, state in plan.files.items() if name not in of_segments]
    shown = os.fspath(sink)
    return CompactionReport(
        sink=shown,
        output=shown if replace else str(_target_spelling(sink, output)),
        is_replaced=is_replaced,
        is_restored=is_restored,
        segments=tuple(segments),
        other_file_count=len(others),
        other_bytes=sum(others),
    )


def _target_spelling(sink: str | os.PathLike[str], output: str | os.PathLike[str] | None) -> Path:
    if output is not None:
        return Path(output)
    path = Path(sink)
    # "." and ".." have no name to add to.
    return (
        path.with_name(f"{path.name}-compact")
        if path.name not in ("", "..")
        else Path(f"{os.path.realpath(path)}-compact")
    )


def _target(source: Path, sink: str | os.PathLike[str], output: str | os.PathLike[str] | None) -> Path:
    """Return where the new directory will be, absolute and without links on the way."""
    named = _target_spelling(sink, output)
    if os.path.lexists(named):
        raise ValueError(f"{named} exists; choose another directory for the compacted sink")
    parent = Path(os.path.realpath(named.parent))
    if not parent.is_dir():
        raise ValueError(f"{named.parent} is no directory, so nothing can be written there")
    if parent == source or source in parent.parents:
        raise ValueError(f"{named} lies inside the sink; choose a directory outside")
    return parent / named.name


def _fill(
    plan: Plan,
    staging: Path,
    threads: int | None,
    memory_limit: str | None,
    progress: Progress,
    *,
    is_final: bool,
) -> list[SegmentReport]:
    """Write the whole compacted sink into a directory; return what became of its segments."""
    for name in plan.directories:
        (staging / name).mkdir()
    total = sum(state.size for state in plan.files.values()) or 1
    done = 0
    written: dict[str, WrittenSegment] = {}
    with segment_writer(plan.sink, staging, threads=threads, memory_limit=memory_limit) as writer:
        for batch in _batches(plan):
            pairs = [(name, parquet_name(name)) for name in batch]
            written.update(zip(batch, writer.write(pairs), strict=True))
            for name in batch:
                require_unchanged(plan.sink / name, plan.files[name])
                done += plan.files[name].size
            progress(done, total)
    reports = [_settle(plan, segment, written, staging, is_final=is_final) for segment in plan.segments]
    of_segments = {segment.name for segment in plan.segments}
    for name, state in plan.files.items():
        if name in of_segments or name == MANIFEST_NAME:
            continue
        if name == _TRANSIENT and not is_final and not (plan.sink / name).exists():
            continue
        copy_file(plan.sink / name, staging / name, state)
        done += state.size
        progress(done, total)
    entries = {
        report.filename: CompactedEntry(report.output_filename, report.bytes_after, written[report.filename])
        for report in reports
        if report.is_compacted
    }
    write_manifest(staging / MANIFEST_NAME, plan.payload, entries)
    shutil.copymode(plan.sink / MANIFEST_NAME, staging / MANIFEST_NAME)
    for name in reversed(plan.directories):
        shutil.copystat(plan.sink / name, staging / name)
    return reports


def _settle(
    plan: Plan, segment: PlannedSegment, written: dict[str, WrittenSegment], staging: Path, *, is_final: bool
) -> SegmentReport:
    """Copy a segment unless it was written as Parquet, and say what became of it."""
    name, state = segment.name, plan.files[segment.name]
    found = written.get(name)
    reason = segment.reason if found is None else found.reason
    if found is not None and found.reason is None:
        target = staging / parquet_name(name)
        size = target.stat().st_size
        if size < state.size:
            # The writer may have deleted it by now; what it held is here.
            with suppress(FileNotFoundError):
                shutil.copystat(plan.sink / name, target)
            return SegmentReport(
                name, target.name, True, None, found.row_count, found.text_row_count, state.size, size
            )
        target.unlink()
        reason = "is not smaller as Parquet"
    target = staging / name
    if is_final:
        copy_file(plan.sink / name, target, state)
    elif copy_growing_segment(plan.sink / name, target, state):
        reason = "is being written to"
    return SegmentReport(name, name, False, reason, None, None, state.size, target.stat().st_size)


def _batches(plan: Plan) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for segment in plan.segments:
        if segment.reason is not None:
            continue
        batch.append(segment.name)
        size += plan.files[segment.name].size
        if len(batch) == _BATCH_FILES or size >= _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@contextmanager
def _claimed(sink: Path) -> Iterator[None]:
    """Keep writers away from a sink."""
    try:
        claim = DirectoryClaim(str(sink))
    except SinkInUseError:
        raise SourceError(
            "a writer is at work on it; write a compacted copy with --output", path=str(sink)
        ) from None
    try:
        yield
    finally:
        claim.release()


def _require_same_tree(plan: Plan, place: Path | None = None) -> None:
    """Raise if anything in the sink is not as it was found; ``place`` is where it lies now, if it was moved."""
    files, _ = tree_of(place or plan.sink)
    for name in sorted(files.keys() | plan.files.keys()):
        if files.get(name) != plan.files.get(name):
            raise SourceError(
                "changed while the sink was compacted; try again, when nothing writes to it",
                path=str(plan.sink / name),
            )


def _nothing(_done: int, _total: int) -> None:
    """Tell nobody how far it is."""
