"""Which files of a directory are the segments of its sink.

The promise: a ledger can only name files that lie directly beside it, and each segment is read
in one encoding.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

from stormlog.artifacts.files import WarningLog
from stormlog.artifacts.models import CatalogSource, PathList
from stormlog.artifacts.names import MANIFEST_NAME, ROLLUPS_NAME, is_segment, segment_order
from stormlog.artifacts.walk import DirectoryListing
from stormlog.telemetry import TelemetrySinkManifest
from stormlog.telemetry.sink import is_bare_filename

__all__ = ["choose_segments", "sink_source", "warn_of_loose_parquet", "warn_of_missing"]

#: A sink whose manifest is younger may be written right now.
_LATELY_S = 10
#: What a writer takes from deleting a segment to telling it in the manifest, with much to spare.
_PRUNING_S = 0.02


def sink_source(
    listing: DirectoryListing, manifest: TelemetrySinkManifest, log: WarningLog
) -> tuple[CatalogSource, set[str]]:
    """Return the source of a sink and the names of all files that belong to its segments.

    The second part also holds twins that are not read, so that nothing else picks them up.

    Source: docs/concepts.md#catalog.
    """
    chosen, owned = choose_segments(listing, manifest, log)
    for dropped in manifest.dropped:
        if dropped.record_count:
            log.add(
                listing.spelled(MANIFEST_NAME),
                f"records_dropped:{dropped.session_id}:{dropped.record_count}",
                f"says that {dropped.record_count} records of session {dropped.session_id!r} "
                f"({dropped.size_bytes} bytes) were dropped by its writer: its disk did not take them in time, "
                "or they could not be written as JSON",
            )
    has_rollups = not listing.refuses(ROLLUPS_NAME, log) and ROLLUPS_NAME in listing
    source = CatalogSource(
        path=Path(listing.path),
        source_kind="sink",
        event_paths=PathList(listing.spell_all(chosen)),
        manifest_path=Path(listing.spelled(MANIFEST_NAME)),
        manifest=manifest,
        rollups_path=listing.spelled(ROLLUPS_NAME) if has_rollups else None,
    )
    return source, owned


def choose_segments(
    listing: DirectoryListing, manifest: TelemetrySinkManifest, log: WarningLog
) -> tuple[list[str], set[str]]:
    """Return the segment names to read, in order, and all names that stand for segments."""
    present = listing.files | listing.links.keys() if listing.links else listing.files
    named = set(filter(is_segment, present))
    listed = {segment.filename for segment in manifest.segments}
    for filename in sorted(listed - named):
        if not is_bare_filename(filename):
            listed.discard(filename)
            log.add(
                listing.spelled(MANIFEST_NAME),
                f"segment_outside_sink:{filename}",
                f"lists segment {filename!r}, which is not a plain file name; it was not read",
            )
        else:
            listing.refuses(filename, log)
    owned = (listed & present) | named
    dropped = _twins_to_drop(listing, owned, listed, log) | _repeated_links(listing, owned)
    return sorted(owned - dropped, key=segment_order), owned


def warn_of_missing(
    listing: DirectoryListing,
    manifest: TelemetrySinkManifest,
    owned: set[str],
    read_again: Callable[[], TelemetrySinkManifest | None],
    log: WarningLog,
) -> None:
    """Log segments that a manifest lists with events, and that are there in no encoding.

    Args:
        listing: The directory of the sink, as it was before the manifest was read.
        manifest: The manifest.
        owned: Names of all files that belong to its segments.
        read_again: Reads the manifest: a running writer deletes old segments just before it says so.
        log: Receives the warnings.
    """
    unknown = [s for s in manifest.segments if s.event_count and s.filename not in owned]
    # Nearly always all are there by their names, which costs nearly nothing.
    orders = set(map(segment_order, owned)) if unknown else set()
    missing = [
        segment
        for segment in unknown
        if is_bare_filename(segment.filename)
        and segment_order(segment.filename) not in orders
        # What was refused has its warning, and a running writer may have begun the file meanwhile.
        and not os.path.lexists(listing.spelled(segment.filename))
    ]
    if not missing:
        return
    path = listing.spelled(MANIFEST_NAME)
    if _was_written_lately(path):
        time.sleep(_PRUNING_S)
    latest = read_again()
    still_listed = set() if latest is None else {segment.filename for segment in latest.segments}
    for segment in missing:
        if segment.filename in still_listed:
            log.add(
                path,
                f"segment_missing:{segment.filename}",
                f"lists segment {segment.filename!r} with {segment.event_count:,} "
                f"{'event' if segment.event_count == 1 else 'events'}, but there is no such file: they are not counted",
            )


def _was_written_lately(path: str) -> bool:
    try:
        return abs(time.time() - os.stat(path).st_mtime) < _LATELY_S
    except OSError:
        return False


def warn_of_loose_parquet(listing: DirectoryListing, owned: set[str], log: WarningLog) -> None:
    """Log Parquet segments that no sink of the directory accounts for: they are not read."""
    present = [*listing.files, *listing.links]
    for name in sorted(name for name in present if name.endswith(".parquet")):
        if not is_segment(name) or name in owned:
            continue
        path = listing.spelled(name)
        if segment_order(name) in listing:
            _log_twin(path, segment_order(name), log)
        else:
            log.add(
                path,
                f"parquet_outside_sink:{name}",
                "is a segment without a sink manifest beside it; not read",
            )


def _twins_to_drop(listing: DirectoryListing, owned: set[str], listed: set[str], log: WarningLog) -> set[str]:
    dropped = set()
    for parquet in sorted(name for name in owned if name.endswith(".parquet")):
        lines = segment_order(parquet)
        if lines not in owned:
            continue
        if parquet in listed and lines not in listed:
            dropped.add(lines)
        else:
            dropped.add(parquet)
            if (parquet in listed) == (lines in listed):
                _log_twin(listing.spelled(parquet), lines, log)
    return dropped


def _log_twin(path: str, used: str, log: WarningLog) -> None:
    name = os.path.basename(path)
    log.add(path, f"segment_twice:{name}", f"holds the same segment as {used}, which was read instead")


def _repeated_links(listing: DirectoryListing, owned: set[str]) -> set[str]:
    # A link to a segment of the same sink would make its events count twice.
    seen = {listing.resolved(name) for name in owned & listing.files} if listing.links else set()
    repeated = set()
    for name in sorted(owned & listing.links.keys()):
        target = listing.links[name]
        if target in seen:
            repeated.add(name)
        seen.add(target)
    return repeated
