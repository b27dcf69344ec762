"""Scans artifacts for evidence and records it, at the cost of what changed since the last scan.

The promise: scanning twice changes nothing, a scan that is killed is made good by the next one, and it does not
matter how files were split among scans. What a source brings and how far it was read are one transaction.
"""

from __future__ import annotations

import contextlib
import copy
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from stormlog._paths import require_path
from stormlog._sqlite import explaining
from stormlog._storable_text import storable_text
from stormlog.tracking.actors import WRITE, Actor
from stormlog.tracking.database.activity import canonical_json
from stormlog.tracking.database.ids import new_id
from stormlog.tracking.models import ScanReport
from stormlog.tracking.projects import ensure_project
from stormlog.tracking.recording.reconciling import move_evidence, move_sources
from stormlog.tracking.recording.recorder import (
    Recorded,
    incoming_counts,
    put_incoming,
    record,
    settle_sessions,
)
from stormlog.tracking.recording.regression import end_silences, ended_silences
from stormlog.tracking.scanning.bundle_keys import find_bundle_keys
from stormlog.tracking.scanning.evidence import (
    Defaults,
    copied_rows,
    evidence_rows,
    session_rows,
    sessionless_hits,
    sessionless_rows,
)
from stormlog.tracking.scanning.inventory import take_inventory
from stormlog.tracking.scanning.known_files import (
    Consumed,
    SourceFile,
    compare,
    consumed,
    is_same_file,
    missing,
    quiet_since_ns,
    rotated,
    rows_of_known_files,
    size_seen_ns,
    write_row,
)
from stormlog.tracking.scanning.lock import scan_lock
from stormlog.tracking.scanning.options import ScanOptions
from stormlog.tracking.scanning.session_keys import find_session_keys
from stormlog.tracking.scanning.sessions import plan_sessions
from stormlog.tracking.triage.comments import has_old_comments, purge_comments

if TYPE_CHECKING:
    from stormlog.query import QueryStore
    from stormlog.tracking.documents import SkippedInput
    from stormlog.tracking.session import TrackerSession

__all__ = ["scan"]

#: Bundles have no source of their own in a catalog.
_BUNDLES = -1

#: How much is recorded in one transaction: pieces of evidence, and files that count as so many.
_BATCH_SIZE = 2_000
_FILE_WEIGHT = 10


def scan(
    tracker: TrackerSession,
    paths: Sequence[str | os.PathLike[str]],
    options: ScanOptions | None = None,
    *,
    watching: Callable[[QueryStore], AbstractContextManager[None]] = lambda _: contextlib.nullcontext(),
    should_stop: Callable[[], bool] = lambda: False,
    growing: set[str] | None = None,
) -> ScanReport:
    """Record what is new below some paths.

    Args:
        tracker: Where to record it, in its project.
        paths: Files and directories.
        options: How to scan.
        watching: Entered while the store that it is given reads.
        should_stop: Asked between sources; what was recorded until then stays.
        growing: Takes the keys of the sessions that may still grow, whose findings are recorded nevertheless.

    Raises:
        SourceError: none of the paths exists, or something was skipped and ``strict`` is set.
        StoreBusyError: another scan runs.
        PermissionDeniedError: ``issues:write`` is missing.
        ValueError: a path is empty.
    """
    paths = [require_path(path) for path in paths]
    options = options or ScanOptions()
    tracker.permissions.require(WRITE)
    if options.dry_run:
        on_copy = copy.copy(tracker)
        on_copy.store = tracker.store.copy_in_memory()
        with on_copy:
            return _Scan(on_copy, paths, options, should_stop, growing).run(watching)
    # Evidence is put into temporary tables outside of transactions.
    path = tracker.store.path
    with explaining(path, reads_values=False), scan_lock(path, wait_s=options.wait_s):
        return _Scan(tracker, paths, options, should_stop, growing).run(watching)


class _Scan:
    def __init__(
        self,
        tracker: TrackerSession,
        paths: Sequence[str | os.PathLike[str]],
        options: ScanOptions,
        should_stop: Callable[[], bool],
        growing: set[str] | None,
    ) -> None:
        self._tracker = tracker
        self._paths = [os.fspath(path) for path in paths]
        self._options = options
        self._should_stop = should_stop
        self._growing = growing
        self._scan_id = new_id()
        self._actor = Actor("scan", self._scan_id, "scan")
        self._now_ns = tracker.clock()
        # What decides which issue evidence belongs to, and which evidence there is.
        self._options_json = canonical_json(
            {"app": options.app, "is_dev": options.is_dev, "min_severity": options.min_severity}
        )
        self._has_row = self._is_cancelled = False
        self._counts: dict[str, int] = {}

    def run(self, watching: Callable[[QueryStore], AbstractContextManager[None]]) -> ScanReport:
        from stormlog.query import open as open_store

        options = self._options
        with open_store(
            self._paths,
            strict=options.strict,
            cache=options.cache,
            threads=options.threads,
            memory_limit=options.memory_limit,
        ) as store:
            self._inventory = take_inventory(store.snapshot)
            self._find_changes()
            try:
                if self._dirty:
                    with watching(store):
                        self._read(store)
                    self._record_all()
                self._finish()
            except BaseException:
                self._end("failed")
                raise
            warnings = _warnings(store)
        report = ScanReport(
            scan_id=self._scan_id,
            started_ns=self._now_ns,
            finished_ns=self._tracker.clock(),
            warnings=warnings,
            **self._counts,
        )
        self._end("cancelled" if self._is_cancelled else "completed", report)
        return report

    def _find_changes(self) -> None:
        """Compare every file with what is known of it."""
        with self._tracker.store.reading() as connection:
            name = self._tracker.project
            project = connection.execute("SELECT * FROM projects WHERE name = ?", [name]).fetchone()
            rows = {} if project is None else rows_of_known_files(connection, project["project_id"])
        self._project_id: str | None = None if project is None else project["project_id"]
        files = list(self._inventory.present())
        self._present = {file.key for file in files}
        self._moves = rotated(files, rows, self._present)
        for new, old in self._moves.items():
            rows[new] = rows.pop(old)
        self._rows = rows
        self._moved_sources = self._find_moved_sources(files)
        self._rows_of: dict[str, list[tuple[str, sqlite3.Row]]] = {}
        for path, row in rows.items():
            source_path = self._moved_sources.get(row["source_path"], row["source_path"])
            self._rows_of.setdefault(source_path, []).append((path, row))
        self._seen = {file.key: compare(file, rows.get(file.key)) for file in files}
        self._dirty = {key for key in self._present if self._is_dirty(key)}
        events = {file.key for file in self._inventory.files.values()} & self._present
        bundles = [{file.key for file in bundle.files} for bundle in self._inventory.bundles]
        clean = self._present - self._dirty
        self._counts = {
            "sources_seen": len(events) + len(bundles),
            "sources_read": len(events & self._dirty) + sum(not keys <= clean for keys in bundles),
            "sources_settled": len(events & {key for key in self._dirty if self._is_only_settling(key)}),
            "sources_pending": sum(bool(rows[key]["is_pending"]) for key in clean),
        }

    def _find_moved_sources(self, files: Iterable[SourceFile]) -> dict[str, str]:
        """Return old path -> new path of the sinks, files and bundles of which nothing is left where it was."""
        source_paths = {file.key: storable_text(file.source_path) for file in files}
        left = set(source_paths.values())
        places: dict[str, set[str]] = {}
        for new in self._moves:
            if self._tells_its_source(new):
                places.setdefault(self._rows[new]["source_path"], set()).add(source_paths[new])
        return {old: min(new) for old, new in places.items() if old not in left and len(new) == 1}

    def _tells_its_source(self, key: str) -> bool:
        """Return whether a file is of one source alone: sinks may have equal manifests, and bundles equal metadata."""
        kind = self._rows[key]["kind"]
        return kind != "manifest" and (kind != "oom_bundle" or os.path.basename(key) == "manifest.json")

    def _moved_evidence(self) -> dict[str, str]:
        """Return old path -> new path of the files and bundles that evidence names."""
        moved = {old: new for new, old in self._moves.items() if self._rows[new]["kind"] != "oom_bundle"}
        # A log that was rotated: another file has taken its place.
        replaced = {
            (row["device"], row["inode"]): key
            for key, seen in self._seen.items()
            if seen == "replaced" and (row := self._rows[key])["device"] is not None
        }
        for file in self._inventory.files.values() if replaced else ():
            old = replaced.get(file.state[:2]) if file.state is not None else None
            if old is not None and self._seen[file.key] == "new" and is_same_file(file, self._rows[old]):
                moved[old] = file.key
        return moved | self._moved_sources

    def _is_dirty(self, key: str) -> bool:
        row = self._rows.get(key)
        return (
            row is None
            or self._options.full
            or self._seen[key] != "unchanged"
            or key in self._moves
            or row["options_json"] != self._options_json
            or row["missing_since_ns"] is not None
            or (
                row["quiet_since_ns"] is not None
                # A moment in the future is one of a clock that was ahead: it is found again.
                and not 0 <= self._now_ns - row["quiet_since_ns"] < self._options.settle_ns
            )
        )

    def _is_only_settling(self, key: str) -> bool:
        """Return whether a file is looked at for no other reason than that its sessions may be over by now."""
        row = self._rows.get(key)
        return (
            row is not None
            and not self._options.full
            and self._seen[key] == "unchanged"
            and key not in self._moves
            and row["options_json"] == self._options_json
            and row["missing_since_ns"] is None
        )

    def _is_whole(self, source_path: str) -> bool:
        """Return whether everything that a source ever held is still there."""
        return all(
            path in self._present and not row["was_rewritten"] and self._seen[path] != "replaced"
            for path, row in self._rows_of.get(source_path, ())
        )

    def _is_as_settled(self, file: SourceFile) -> bool:
        """Return whether a file is as it was when its sessions were over and its evidence was recorded."""
        row = self._rows.get(file.key)
        return (
            row is not None
            and self._seen[file.key] == "unchanged"
            and row["quiet_since_ns"] is None
            and row["options_json"] == self._options_json
        )

    def _plan_sessions(self, store: QueryStore, whole: Mapping[int, bool]) -> None:
        """Find the keys of all sessions, and which of them to look at; ``whole`` tells it of each source."""
        inventory = self._inventory
        self._keys = find_session_keys(
            sessionless_rows(store) if inventory.files else [],
            inventory,
            self._rows,
            self._seen,
            self._tracker.store.connection,
            self._project_id,
            lambda sessions: sessionless_hits(store, sessions),
        )
        self._plan = plan_sessions(
            session_rows(store) if inventory.files else [],
            copied_rows(store) if inventory.files else [],
            inventory,
            self._dirty,
            key_of=self._keys.key_of,
            quiet_since=lambda file: quiet_since_ns(
                file, self._rows.get(file.key), self._seen.get(file.key, "new"), self._now_ns
            ),
            now_ns=self._now_ns,
            settle_ns=self._options.settle_ns,
            is_remnant=lambda source_id, file: not whole[source_id] and self._is_as_settled(file),
            with_growing=self._growing is not None,
        )
        if self._growing is not None:
            self._growing |= self._plan.growing

    def _read(self, store: QueryStore) -> None:
        """Ask for the evidence of every session that may have more of it than before."""
        from stormlog.query import open as open_store

        options, inventory = self._options, self._inventory
        connection = self._tracker.store.connection
        paths = {
            inventory.source_of[file_id]: storable_text(file.source_path)
            for file_id, file in inventory.files.items()
        }
        whole = {number: self._is_whole(path) for number, path in paths.items()}
        self._plan_sessions(store, whole)
        bundles = [
            bundle.bundle
            for bundle in inventory.bundles
            if any(file.key in self._dirty for file in bundle.files)
        ]
        defaults = Defaults(
            options.app, options.is_dev, options.code_version, options.min_severity, options.since_ns
        )
        self._bundle_keys = find_bundle_keys(bundles, store.catalog.opened, connection, self._project_id)
        open_files = partial(
            open_store, cache=False, threads=options.threads, memory_limit=options.memory_limit
        )
        evidence = evidence_rows(
            store, self._plan.scope, bundles, self._bundle_keys, inventory.true_paths, open_files, defaults
        )
        self._rejects = dict(store.rejects_summary())
        put_incoming(connection, evidence)
        # All that the source ever showed can be worked out again.
        is_complete = {number: whole[number] and options.since_ns is None for number in paths}
        settle_sessions(
            connection,
            [
                (scope.source_id, scope.session_key, paths[scope.source_id], is_complete[scope.source_id])
                for scope in self._plan.scope
                if scope.is_settled
            ],
            [
                (kept_source_id, session_key, paths[source_id])
                for source_id, session_key, kept_source_id in self._plan.copies
                if is_complete[kept_source_id]
            ],
        )
        self._counts["sessions_scanned"] = len({scope.session_key for scope in self._plan.scope})

    def _record_all(self) -> None:
        """Record source by source, small ones together, each with how far its files were read."""
        files: dict[int, list[SourceFile]] = {scope.source_id: [] for scope in self._plan.scope}
        for file_id, file in self._inventory.files.items():
            files.setdefault(self._inventory.source_of[file_id], []).append(file)
        for number, file in self._inventory.manifests.items():
            files.setdefault(number, []).append(file)
        files[_BUNDLES] = [file for bundle in self._inventory.bundles for file in bundle.files]
        scoped = {scope.source_id for scope in self._plan.scope}
        work = {
            number: dirty
            # Copies come last: what counts instead is recorded before them, and they need not be looked at again.
            for number in sorted(files, key=lambda number: (number not in scoped, number))
            if (dirty := [file for file in files[number] if file.key in self._dirty]) or number in scoped
        }
        last = next(reversed(work), None)
        sizes = incoming_counts(self._tracker.store.connection)
        total, batches, size = Recorded(), list[int](), 0
        for number, dirty in work.items():
            batches.append(number)
            size += sizes.get(number, 0) + _FILE_WEIGHT * len(dirty)
            if size < _BATCH_SIZE and number != last:
                continue
            if self._should_stop():
                self._is_cancelled = True
                break
            total = total + self._record(batches, [file for batch in batches for file in work[batch]])
            batches, size = [], 0
        self._counts |= asdict(total)

    def _record(self, batches: Sequence[int], files: Iterable[SourceFile]) -> Recorded:
        # Looked at before the lock is taken: others may want to write meanwhile.
        read = [(file, consumed(file)) for file in files]
        with self._writing() as (connection, project):
            recorded = record(
                connection,
                project=project,
                actor=self._actor,
                now_ns=self._now_ns,
                batches=batches,
                scan_id=self._scan_id,
                repo=self._options.repo,
            )
            for file, progress in read:
                self._write_row(connection, project["project_id"], file, progress)
        return recorded

    def _write_row(
        self, connection: sqlite3.Connection, project_id: str, file: SourceFile, progress: Consumed
    ) -> None:
        key, row = file.key, self._rows.get(file.key)
        lines = self._plan.line_counts.get(key, 0)
        # The beginning of a line is no damage.
        rejected = max(self._rejects.get(key, 0) - progress.is_pending, 0)
        write_row(
            connection,
            file,
            progress,
            project_id=project_id,
            scan_id=self._scan_id,
            options_json=self._options_json,
            line_count=lines,
            skipped_count=rejected,
            quiet_since_ns=self._plan.quiet_since_ns.get(key),
            size_seen_ns=size_seen_ns(file, row, self._seen[key], self._now_ns),
            session_key=self._keys.by_file.get(key),
            was_rewritten=self._seen[key] == "replaced" or (row is not None and bool(row["was_rewritten"])),
        )
        if row is not None and self._seen[key] != "replaced":
            lines, rejected = max(lines - row["line_count"], 0), max(rejected - row["skipped_count"], 0)
        for name, count in (
            ("lines_read", lines),
            ("lines_skipped", rejected),
            ("sources_pending", int(progress.is_pending)),
        ):
            self._counts[name] = self._counts.get(name, 0) + count

    def _finish(self) -> None:
        """Note what is gone, end silences whose time has come, and forget what was deleted long ago."""
        gone = missing(self._rows, [os.path.realpath(path) for path in self._paths], self._present)
        self._counts["sources_missing"] = len(gone)
        news = [row["source_id"] for row in gone if row["missing_since_ns"] is None]
        with self._tracker.store.reading() as connection:
            silences = ended_silences(connection, self._tracker.project, self._now_ns)
            old_comments = has_old_comments(connection, self._now_ns)
        if not (news or silences or old_comments):
            return
        with self._writing() as (connection, project):
            connection.executemany(
                "UPDATE scan_sources SET missing_since_ns = ? WHERE source_id = ?",
                [(self._now_ns, source_id) for source_id in news],
            )
            end_silences(
                connection, project=project, actor=self._actor, now_ns=self._now_ns, scan_id=self._scan_id
            )
            purge_comments(connection, self._now_ns)

    @contextlib.contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, sqlite3.Row]]:
        """Open a transaction and give the project; the first one of a scan also notes that it runs."""
        with self._tracker.store.writing() as connection:
            project = ensure_project(connection, self._tracker.project, self._now_ns)
            if not self._has_row:
                # Whoever holds the lock knows that no other scan runs.
                connection.execute("UPDATE scans SET outcome = 'failed' WHERE outcome = 'running'")
                connection.execute(
                    "INSERT INTO scans (scan_id, project_id, started_ns, outcome) VALUES (?, ?, ?, 'running')",
                    [self._scan_id, project["project_id"], self._now_ns],
                )
                for new, old in self._moves.items():
                    connection.execute(
                        "UPDATE scan_sources SET path = ? WHERE project_id = ? AND path = ?",
                        [new, project["project_id"], old],
                    )
                move_evidence(connection, project["project_id"], self._moved_evidence())
                move_sources(connection, project["project_id"], self._moved_sources)
                if self._dirty:
                    self._keys.remember(connection, project["project_id"])
                    self._bundle_keys.remember(connection, project["project_id"])
            yield connection, project
        self._has_row = True

    def _end(self, outcome: str, report: ScanReport | None = None) -> None:
        """Note how the scan ended; one that changed nothing leaves nothing behind."""
        if not self._has_row:
            return
        with self._tracker.store.writing() as connection:
            connection.execute(
                "UPDATE scans SET finished_ns = ?, outcome = ?, result_json = ? WHERE scan_id = ?",
                [
                    self._tracker.clock(),
                    outcome,
                    None if report is None else canonical_json(report.as_dict()),
                    self._scan_id,
                ],
            )


def _warnings(store: QueryStore) -> list[SkippedInput]:
    """Say what reading skipped."""
    skipped: list[SkippedInput] = [
        {"path": lines.path, "message": lines.sentence} for lines in store.skipped_lines()
    ]
    warnings = [*store.catalog.warnings, *([store.cache_warning] if store.cache_warning else [])]
    for warning in warnings:
        skipped.append({"path": warning.path, "message": warning.message, "code": warning.code})
    return skipped
