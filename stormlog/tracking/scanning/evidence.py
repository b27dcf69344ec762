"""Asks a store of artifacts for the evidence that a scan records.

The promise: an evidence id depends on what was captured alone, never on the path, the line or the scan.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, NamedTuple

from stormlog._storable_text import storable_text
from stormlog.engine import load_query
from stormlog.errors import SourceError
from stormlog.issues.kinds import SEVERITY_RANKS

if TYPE_CHECKING:
    from stormlog.artifacts.snapshot import Snapshot
    from stormlog.query import CatalogOOMBundle, QueryStore
    from stormlog.tracking.scanning.bundle_keys import BundleKeys
    from stormlog.tracking.scanning.session_keys import Hit

    OpenFiles = Callable[[list[str]], AbstractContextManager[QueryStore]]

__all__ = [
    "Defaults",
    "SessionScope",
    "copied_rows",
    "evidence_rows",
    "require_severity",
    "session_rows",
    "sessionless_hits",
    "sessionless_rows",
]


#: How much is read at once of files whose records are wanted: all columns of all lines.
_BYTES_TOGETHER = 16 << 20


def require_severity(word: str) -> None:
    """Refuse a word that alerts cannot be compared with.

    Raises:
        ValueError: it is none of critical, error, warning and info.
    """
    if word not in SEVERITY_RANKS:
        raise ValueError(f"unknown severity {word!r}: choose from {', '.join(SEVERITY_RANKS)}")


class SessionScope(NamedTuple):
    """A session whose evidence is wanted.

    Attributes:
        source_id: Number of the source.
        session_id: Id that is shown.
        session_key: What the tracker knows the session by.
        is_settled: Whether its findings count.
    """

    source_id: int
    session_id: str
    session_key: str
    is_settled: bool


class Defaults(NamedTuple):
    """What is assumed of evidence that does not say it, and which evidence counts.

    Attributes:
        app: Training program.
        is_dev: Whether it is development.
        code_version: Version of the code.
        min_severity: Least severe alerts that count; words that nobody knows count.
        since_ns: Earliest evidence that counts.
    """

    app: str = "default"
    is_dev: bool = False
    code_version: str | None = None
    min_severity: str = "warning"
    since_ns: int | None = None


def session_rows(store: QueryStore) -> list[tuple[Any, ...]]:
    """Return (file_id, source_id, session_id, status, has_stop, event_count) of every session in every file."""
    return store.sql(load_query("scan_sessions")).rows


def copied_rows(store: QueryStore) -> list[tuple[Any, ...]]:
    """Return (file_id, source_id, session_id) of each copied file: source and session are those that count instead."""
    return store.sql("SELECT file_id, kept_source_id, kept_session_id FROM raw.copied_files").rows


def sessionless_rows(store: QueryStore) -> list[tuple[Any, ...]]:
    """Return the earliest record that names no session of every file, as `find_session_keys` takes it."""
    rows = store.sql(load_query("scan_sessionless")).rows
    # A job id comes behind a sign, so that none is told from an empty one.
    return [(*row[:-1], row[-1][1:] if row[-1] else None) for row in rows]


def sessionless_hits(store: QueryStore, sessions: Sequence[tuple[int, str]]) -> list[Hit]:
    """Return the evidence of some sessions whose records name none."""
    return store.sql(
        load_query("scan_sessionless_hits"),
        {
            "source_ids": [source_id for source_id, _ in sessions],
            "session_ids": [session_id for _, session_id in sessions],
        },
    ).rows


def evidence_rows(
    store: QueryStore,
    sessions: Sequence[SessionScope],
    bundles: Sequence[CatalogOOMBundle],
    bundle_keys: BundleKeys,
    true_paths: Mapping[str, str],
    open_files: OpenFiles,
    defaults: Defaults,
) -> list[tuple[Any, ...]]:
    """Return evidence as `recorder.INCOMING` has it, ``batch`` being the source (-1: bundles).

    Args:
        store: Where to ask.
        sessions: Sessions with their sources.
        bundles: OOM bundles.
        bundle_keys: Their keys.
        true_paths: Path as the store shows it -> the true path, which is recorded: a tracker is asked from anywhere.
        open_files: Opens some files of the store once more, by themselves.
        defaults: What is assumed.

    Raises:
        ValueError: an unknown severity.
        QueryError: DuckDB failed.
    """
    require_severity(defaults.min_severity)
    settled = [scope for scope in sessions if scope.is_settled]
    told = _silent_records(store, settled, open_files)
    parameters = {
        "source_ids": [scope.source_id for scope in sessions],
        "session_ids": [scope.session_id for scope in sessions],
        "session_keys": [scope.session_key for scope in sessions],
        "is_settled": [scope.is_settled for scope in sessions],
        "told_source_ids": [source_id for source_id, _, _ in told],
        "told_session_ids": [session_id for _, session_id, _ in told],
        "told_records": [record for _, _, record in told],
        "bundle_paths": [storable_text(str(bundle.bundle_path)) for bundle in bundles],
        "bundle_sessions": bundle_keys.sessions,
        "bundle_statuses": [
            None if bundle.session_status is None else storable_text(bundle.session_status)
            for bundle in bundles
        ],
        "bundle_ids": bundle_keys.evidence_ids,
        "bundle_records": [_bundle_record(bundle) for bundle in bundles],
        "shown_paths": list(true_paths),
        "true_paths": list(true_paths.values()),
        "app": defaults.app,
        "is_dev": defaults.is_dev,
        "code_version": defaults.code_version,
        "lowest_rank": SEVERITY_RANKS[defaults.min_severity],
        "since_ns": defaults.since_ns,
    }
    return store.sql(load_query("scan_evidence"), parameters).rows


def _silent_records(
    store: QueryStore, sessions: Sequence[SessionScope], open_files: OpenFiles
) -> list[tuple[Any, ...]]:
    """Return (source_id, session_id, record) of the sessions with findings of which the store keeps no record.

    One is read again of each. Copies have no findings, so a store of such files alone leaves none of them out.
    """
    found = store.sql(
        load_query("scan_silent_findings"),
        {
            "source_ids": [scope.source_id for scope in sessions],
            "session_ids": [scope.session_id for scope in sessions],
        },
    ).rows
    records = []
    for group in _groups_of_files(store.snapshot, {path for _, _, path, _ in found}):
        places = [row for row in found if row[2] in group]
        columns = map(list, zip(*places, strict=True))
        names = ("source_ids", "session_ids", "paths", "line_numbers")
        try:
            with open_files(list(group.values())) as files:
                records += files.sql(
                    load_query("scan_silent_records"), dict(zip(names, columns, strict=True))
                ).rows
        except SourceError:
            # They are gone meanwhile: the next scan will see that.
            continue
    return records


def _groups_of_files(snapshot: Snapshot, shown: set[str]) -> Iterator[dict[str, str]]:
    """Yield path as the store shows it -> path, of some files, in groups that are read together."""
    # Names that differ in odd bytes alone look the same: nobody knows which of these files is meant.
    counts = Counter(storable_text(origin.path) for origin in snapshot.origins)
    group: dict[str, str] = {}
    size = 0
    for origin in snapshot.origins:
        path, state = storable_text(origin.path), snapshot.states[origin.path]
        if path not in shown or counts[path] > 1 or state is None:
            continue
        if group and size + state.size > _BYTES_TOGETHER:
            yield group
            group, size = {}, 0
        group[path] = origin.path
        size += state.size
    if group:
        yield group


def _bundle_record(bundle: CatalogOOMBundle) -> str:
    """Return what a bundle says about itself in the shape of a record."""
    session = bundle.metadata.get("session")
    session = session if isinstance(session, dict) else {}
    custom = bundle.metadata.get("custom_metadata")
    custom = custom if isinstance(custom, dict) else {}
    record = {
        "job_id": session.get("job_id"),
        "host": session.get("host"),
        "metadata": {"backend": bundle.backend}
        | {name: _json_scalar(value) for name, value in custom.items()},
    }
    return storable_text(json.dumps(record, ensure_ascii=False))


def _json_scalar(value: object) -> object:
    """Return a value that JSON can hold and that says something; None for lists, objects and numbers like NaN."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, (str, int, float)) else None
