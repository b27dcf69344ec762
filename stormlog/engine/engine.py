"""Keeps the database of a store: fills tables when, and only when, a view needs them."""

from __future__ import annotations

import contextlib
import threading
import weakref
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog._storable_text import is_storable
from stormlog.artifacts.catalog_rows import lists_its_ledger
from stormlog.artifacts.snapshot import Snapshot
from stormlog.engine.analysis.catalog_tables import fill_attachments, fill_catalog, fill_rollups
from stormlog.engine.analysis.copies import CopyFinder, forget_copies
from stormlog.engine.analysis.copy_digests import Extent, batches_of_extents, digests
from stormlog.engine.analysis.hidden_memory import FindingStore
from stormlog.engine.analysis.staging import (
    stage_all_spans,
    stage_failures,
    stage_issues,
    stage_runs,
    stage_sessions,
)
from stormlog.engine.cursors.cursor import CLOSED, INTERRUPTED, SnapshotCursor
from stormlog.engine.database.connection import connect, lock
from stormlog.engine.database.lazy_schema import Database
from stormlog.engine.database.python_functions import UDFS, register
from stormlog.engine.database.settings import Settings
from stormlog.engine.database.sql_files import python_functions_of
from stormlog.engine.index.kept_rows import Parts
from stormlog.engine.index.updating import DatabaseUpdater
from stormlog.engine.own_tables.tables import OwnTables
from stormlog.engine.reading.temporary_files import TemporaryFiles
from stormlog.engine.tracked.schema import TrackingSchema
from stormlog.engine.view_needs import (
    ATTACHMENTS,
    CATALOG,
    FAILURES,
    FILES,
    ISSUES,
    PHASES,
    ROLLUPS,
    RUNS,
    SESSIONS,
    TEXTS,
    WITHOUT_EVENTS,
    needs_of,
    public_names,
)
from stormlog.errors import QueryError

if TYPE_CHECKING:
    import duckdb

    from stormlog._progress import Progress
    from stormlog.artifacts import CatalogWarning
    from stormlog.engine.index.index_file import Index
    from stormlog.engine.tracked.states import StateSource

__all__ = ["Engine"]

#: Catalogs of DuckDB in which people look for views: then all are created, with their documentation.
_CATALOG_TABLES = {
    "describe",
    "duckdb_columns",
    "duckdb_functions",
    "duckdb_views",
    "information_schema",
    "pg_attribute",
    "pg_catalog",
    "pg_class",
    "pg_description",
    "pg_tables",
    "pg_views",
    "show",
    "sqlite_master",
}
#: Schemas of the macros.
_MACRO_SCHEMAS = {"prim", "telemetry", "projection", "issues", "otlp"}
#: Rows that are fetched at a time: between two batches a statement can be stopped.
BATCH_ROWS = 10_000


class Engine:
    """A connection and how far it is filled.

    Args:
        snapshot: What to show; warnings of reading are added to those of its catalog.
        settings: How much of the machine to use.
        index: What is known already, and where to keep what is not; the engine closes it.
    """

    #: Which copies to look for, by ``compared_id`` of `stage.session_files`; None: all.
    _compared_ids: Collection[str] | None = None

    def __init__(self, snapshot: Snapshot, settings: Settings, index: Index | None) -> None:
        self._snapshot = snapshot
        #: How much of the machine it uses.
        self.settings = settings
        self._index = index
        self._comparing: Engine | None = None
        self._temporary_files = TemporaryFiles(
            settings.spill_directory, snapshot.catalog.opened, settings.limit_of_unpacking
        )
        self._open_database: Database | None = None
        self._filled: set[str] = set()
        self._load_warnings: list[CatalogWarning] = []
        self._registered: set[str] = set()
        self._preparations = 0
        self._cursors: weakref.WeakSet[SnapshotCursor] = weakref.WeakSet()
        # Guards the set of cursors; never held while anything runs.
        self._registry = threading.Lock()
        self._closing = threading.Lock()
        try:
            database = Database(connect(settings, self._temporary_files.member("spill")))
            lock(database.connection, self._readable_paths())
            folder = self._temporary_files.path if index is None else index.parts_folder
            self._parts = Parts(database, folder)
            self._updater = DatabaseUpdater(
                database, self._temporary_files, self._parts, index, settings.batch_bytes
            )
            self._findings = FindingStore({} if index is None else dict(index.findings))
            self._digests = {} if index is None else dict(index.digests)
            self._tracking = TrackingSchema(database)
            #: What users brought along.
            self.own_tables = OwnTables(database)
            self._open_database = database
        except BaseException:
            self.close()
            raise

    def _readable_paths(self) -> list[str]:
        catalog = self._snapshot.catalog
        paths = [*(str(path) for path in catalog.paths), *(str(source.path) for source in catalog.sources)]
        own = (
            [self._temporary_files.path]
            if self._index is None
            else [self._temporary_files.path, self._index.folder]
        )
        return [*(path for path in paths if is_storable(path)), *own]

    def close(self) -> None:
        """Close the connection, after stopping what runs; more than once is fine.

        No other thread may prepare anything meanwhile.
        """
        with self._closing:
            for cursor in self._open_cursors():
                cursor.stop(CLOSED)
            for cursor in self._open_cursors():
                cursor.close()
            if self._open_database is not None:
                self._open_database.close()
                self._open_database = None
            self._temporary_files.close()
            if self._index is not None:
                self._index.close()

    def _open_cursors(self) -> list[SnapshotCursor]:
        with self._registry:
            return [cursor for cursor in self._cursors if not cursor.is_closed]

    @property
    def _database(self) -> Database:
        if self._open_database is None:
            raise QueryError(CLOSED)
        return self._open_database

    @property
    def load_warnings(self) -> list[CatalogWarning]:
        """What reading skipped as a whole."""
        return self._load_warnings

    @property
    def is_settled(self) -> bool:
        """Whether what was read is exactly what the snapshot saw."""
        pieces = self._updater.pieces
        return all(
            (piece := pieces.get(origin.key)) is not None
            and piece.state is not None
            and piece.state == self._snapshot.states[origin.path]
            for origin in self._snapshot.origins
        )

    @property
    def has_records(self) -> bool:
        """Whether files were read."""
        return FILES in self._filled

    @property
    def has_all_records(self) -> bool:
        """Whether files were read with the texts of all records."""
        return TEXTS in self._filled

    def can_blame_index(self, error: QueryError) -> bool:
        """Return whether a failure may come from what the index holds."""
        import duckdb

        cause = error.__cause__
        is_own = isinstance(cause, (duckdb.InterruptException, duckdb.OutOfMemoryException))
        if self._index is None or is_own or not isinstance(cause, (duckdb.Error, OSError)):
            return False
        # Statements of users fail in many ways, most of them their own.
        is_odd = isinstance(
            cause, (OSError, duckdb.OperationalError, duckdb.InternalError, duckdb.FatalException)
        )
        return is_odd or error.statement != "sql" or not all(part.is_intact() for part in self._index.parts)

    @property
    def is_in_use(self) -> bool:
        """Whether somebody may still read rows."""
        return bool(self._open_cursors())

    def cursor(self, text: str = "") -> SnapshotCursor:
        """Return a cursor for one statement, which sees the tables as they are now.

        No other thread may prepare anything meanwhile; the cursor itself may then be used beside that.

        Args:
            text: The statement: the macros that it calls are created.

        Raises:
            QueryError: the store is closed, or DuckDB failed.
        """
        with self._preparing():
            self._database.require_called(text)
            opened = [str(path) for path in self._snapshot.catalog.paths]
            cursor = SnapshotCursor(self._database.connection, opened)
        with self._registry:
            self._cursors.add(cursor)
        return cursor

    def own_cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection to the same database for a user; no other thread may prepare anything meanwhile."""
        with self._preparing():
            return self._database.connection.cursor()

    def fetch(
        self,
        cursor: SnapshotCursor,
        name: str,
        text: str,
        params: Mapping[str, Any] | Sequence[Any] | None,
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a statement and return its column names and rows.

        Raises:
            QueryError: DuckDB refuses it or fails, or somebody stopped it.
        """
        columns = cursor.execute(name, text, params)
        rows: list[tuple[Any, ...]] = []
        while batch := cursor.fetch(name, text, BATCH_ROWS):
            rows += batch
        return columns, rows

    def run(
        self, name: str, text: str, params: Mapping[str, Any] | Sequence[Any] | None = None
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Do what `cursor` and `fetch` do, for a caller who prepares nothing meanwhile."""
        with self.cursor(text) as cursor:
            return self.fetch(cursor, name, text, params)

    def allow_functions(self, words: Collection[str]) -> None:
        """Make the macros callable for a statement that somebody else wrote, if its words may mean any."""
        if not _MACRO_SCHEMAS.isdisjoint(words):
            with self._preparing():
                self._database.require_macros()

    def interrupt(self) -> None:
        """Make every statement that runs now fail; from any thread."""
        self.stop(INTERRUPTED)

    def stop(self, reason: str) -> None:
        """Make every statement and every preparation that runs now fail; from any thread.

        Args:
            reason: What their errors say.
        """
        database = self._open_database
        if database is not None and self._preparations:
            database.stop(reason)
        comparing = self._comparing
        if comparing is not None:
            comparing.stop(reason)
        for cursor in self._open_cursors():
            cursor.stop(reason)

    def abandon(self) -> None:
        """Remove temporary files while something may still run; nothing can be asked afterwards."""
        with contextlib.suppress(OSError):
            self._temporary_files.close()

    def progress(self) -> Progress | None:
        """Return how much of the files was read; None when nothing is read."""
        database = self._open_database
        return None if database is None else self._updater.progress(database.percent_done())

    # ---- filling -------------------------------------------------------------------------------------------

    def move_to(self, snapshot: Snapshot) -> None:
        """Show another snapshot of the same paths from now on, at the cost of what changed between them."""
        self._snapshot = snapshot
        self._temporary_files.opened = snapshot.catalog.opened
        self._filled.clear()
        self._load_warnings = []

    @contextlib.contextmanager
    def _preparing(self) -> Iterator[None]:
        """Let `stop` reach what is done inside, between its statements too; errors become a `QueryError`."""
        import duckdb

        if not self._preparations:
            self._database.start()
        self._preparations += 1
        try:
            yield
        except (duckdb.Error, OSError) as error:
            # The statement that was interrupted may be one of a cursor, which knows no reason.
            reason = self._database.stop_reason if isinstance(error, duckdb.InterruptException) else None
            raise QueryError(reason or str(error), statement="prepare") from error
        finally:
            self._preparations -= 1

    def prepare(self, names: Collection[str] | None, *, is_sparing: bool = False) -> None:
        """Make the views among ``names`` answer; other words do not matter.

        Args:
            names: Words; None means every view and every function.
            is_sparing: Whether texts are read a little at a time, and wait in files: slower, in little memory.

        Raises:
            QueryError: DuckDB failed.
        """
        wanted = {*public_names(), *UDFS} if names is None else set(names)
        wanted_views = wanted.intersection(public_names())
        database = self._database
        needs = self._needs(wanted)
        with self._preparing():
            self._fill_catalog()
            if {FILES, TEXTS} & needs - self._filled:
                self._read(keep_all=TEXTS in needs - self._filled, is_sparing=is_sparing)
            if ISSUES in needs - self._filled:
                stage_issues(database, self._findings)
                # Looking for the phases of findings replays only these.
                self._filled.discard(PHASES)
                self._filled.add(ISSUES)
            self._updater.keep(self._findings.known, self._digests)
            fills: dict[str, Callable[[], None]] = {
                ATTACHMENTS: lambda: fill_attachments(database, self._snapshot.catalog),
                ROLLUPS: lambda: fill_rollups(database, self._snapshot.rollups),
                PHASES: lambda: stage_all_spans(database),
                RUNS: lambda: stage_runs(database),
                FAILURES: lambda: stage_failures(database),
            }
            for need, fill in fills.items():
                if need in needs - self._filled:
                    fill()
                    self._filled.add(need)
            is_about_columns = not wanted.isdisjoint(_CATALOG_TABLES)
            rests_on_parts = bool(needs_of(wanted_views) - WITHOUT_EVENTS)
            if not self._parts.are_shown and (is_about_columns or rests_on_parts):
                self._parts.show()
            self._register(wanted | set(public_names()) if is_about_columns else wanted)
            database.require(public_names() if is_about_columns else wanted_views)
            database.require_macros() if names is None else database.require_inner(names)
            if is_about_columns:
                database.document()

    def show_tracking(self, states: StateSource, names: Collection[str] | None) -> None:
        """Make the tables of schema ``tracking`` among ``names`` (None: all of them) say what is so now.

        Raises:
            QueryError: DuckDB failed.
        """
        with self._preparing():
            self._tracking.show(states, names)

    @property
    def tracking_names(self) -> list[str]:
        """Return the names of what `show_tracking` has made."""
        return self._tracking.names

    def needs_reading(self, names: Collection[str]) -> bool:
        """Return whether files have to be read before these views answer."""
        return FILES in self._needs(names)

    def _needs(self, names: Collection[str]) -> set[str]:
        """Return all that has to be filled before the views and schemas among some names answer."""
        needs = needs_of(names)
        if FAILURES in needs:
            needs |= {ISSUES, RUNS}
        if RUNS in needs:
            needs |= {FILES, SESSIONS}
        if SESSIONS in needs:
            needs.remove(SESSIONS)
            if self._has_unlisted_sessions:
                needs.add(TEXTS)
            elif self._lists_a_session_twice:
                needs.add(FILES)
        if needs - WITHOUT_EVENTS:
            needs.add(FILES)
        return needs

    @property
    def _has_unlisted_sessions(self) -> bool:
        """Whether some sessions are known from events only, or must be compared with them."""
        sources = self._snapshot.catalog.sources
        return any(not lists_its_ledger(sources[origin.source_id]) for origin in self._snapshot.origins)

    @property
    def _lists_a_session_twice(self) -> bool:
        """Whether ledgers of two sources with events name the same session: one of them may be a copy."""
        sources = self._snapshot.catalog.sources
        seen: set[str] = set()
        for number in {origin.source_id for origin in self._snapshot.origins}:
            manifest = sources[number].manifest
            sessions = set() if manifest is None else {session.session_id for session in manifest.sessions}
            if not seen.isdisjoint(sessions):
                return True
            seen |= sessions
        return False

    def _read(self, *, keep_all: bool, is_sparing: bool = False) -> None:
        snapshot = self._snapshot
        # Whoever asks after a failure has to read again.
        self._filled -= {FILES, TEXTS}
        if keep_all:
            self._forget()
        batch_bytes = self.settings.sparing_batch_bytes if keep_all and is_sparing else None
        self._load_warnings = self._updater.refresh(
            snapshot.origins, snapshot.states, keep_all=keep_all, batch_bytes=batch_bytes
        )
        self._load_warnings += self._find_copies(has_all_records=keep_all)
        self._filled |= {FILES, TEXTS} if keep_all else {FILES}
        stage_sessions(self._database)
        self._fill_warnings()

    def _find_copies(self, *, has_all_records: bool) -> list[CatalogWarning]:
        """Leave out telemetry that is read from another place as well; return notes about it."""

        def compute(extents: Sequence[Extent]) -> dict[Extent, str]:
            if has_all_records:
                return self._digests_of_records(extents)
            return self._digests_of_files(extents)

        finder = CopyFinder(
            self._database, self._snapshot.origins, self._digests, compute, self._compared_ids
        )
        notes = finder.find()
        if notes:
            self._parts.show(hides_copies=True)
        return notes

    def _digests_of_records(self, extents: Sequence[Extent]) -> dict[Extent, str]:
        """Return digests of events whose records were read with their texts."""
        return digests(self._database, extents, lambda name: self._register({name}))

    def _digests_of_files(self, extents: Sequence[Extent]) -> dict[Extent, str]:
        """Read some files again with the texts of all records, and return digests of their events."""
        found: dict[Extent, str] = {}
        for batch in batches_of_extents(extents, self._snapshot, self.settings.batch_bytes):
            file_ids = {i for unit, _ in batch for i in range(unit.first_file_id, unit.last_file_id + 1)}
            self._comparing = _ComparingEngine(self._snapshot.only(file_ids), self.settings, None)
            try:
                found |= self._comparing.digests(batch)
            finally:
                self._comparing.close()
                self._comparing = None
        return found

    def _forget(self) -> None:
        """Drop rows that were read without their texts."""
        self._updater.forget()

    def _fill_catalog(self) -> None:
        if CATALOG not in self._filled:
            fill_catalog(self._database, self._snapshot.catalog)
            # Ledgers may answer before anything is read, and these tables go by the numbers of sources.
            forget_copies(self._database)
            self._fill_warnings()
            self._filled.add(CATALOG)

    def _fill_warnings(self) -> None:
        rows = [(w.path, w.code, w.message) for w in (*self._snapshot.warnings, *self._load_warnings)]
        self._database.fill("raw.warnings", "VARCHAR, VARCHAR, VARCHAR", rows)

    def _register(self, wanted: Collection[str]) -> None:
        """Register the functions of Python that are wanted, or that wanted views call."""
        names = (python_functions_of(wanted) | (UDFS.keys() & wanted)) - self._registered
        register(self._database.connection, sorted(names))
        self._registered |= names


class _ComparingEngine(Engine):
    """Reads files that may be copies of each other, and shows all of them."""

    _compared_ids = ()

    def digests(self, extents: Sequence[Extent]) -> dict[Extent, str]:
        """Return the digest of each extent whose events are still there."""
        with self._preparing():
            self._fill_catalog()
            self._read(keep_all=True)
            return self._digests_of_records(extents)
