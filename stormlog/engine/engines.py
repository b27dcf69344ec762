"""The engines of a store: made when a question needs one, closed when nobody reads from it any more.

Promise: an index that is damaged, or gone, costs time and never an answer. What a caller still reads from stays open
until it has been read, or the store is closed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Self

from stormlog.artifacts import CatalogWarning
from stormlog.artifacts.snapshot import Snapshot
from stormlog.engine.cursors.cursor import CLOSED
from stormlog.engine.database.settings import Settings
from stormlog.engine.index.index_file import Index
from stormlog.engine.index.location import index_folder
from stormlog.engine.questions import REFRESHED, Generation
from stormlog.engine.tracked.states import StateSource
from stormlog.errors import QueryError, SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    import pyarrow

    from stormlog._progress import Progress
    from stormlog.artifacts import ArtifactCatalog
    from stormlog.engine.engine import Engine
    from stormlog.engine.selective import SelectiveEngine

__all__ = ["EngineHolder", "require_one"]

#: Seconds between two attempts to stop what other threads do, when the store is closed.
_STEP_S = 0.05


def require_one(catalog: ArtifactCatalog) -> None:
    """Refuse a catalog of paths of which none exists.

    Raises:
        SourceError: it names them.
    """
    missing = {warning.path for warning in catalog.warnings if warning.code == "path_missing"}
    given = [str(path) for path in catalog.paths]
    if missing.issuperset(given):
        raise SourceError("no such file or directory", path=", ".join(given))


def _nothing() -> None:
    return


class EngineHolder:
    """The files below some paths as they were seen last, and the engines that show them."""

    def __init__(
        self,
        catalog: ArtifactCatalog,
        *,
        settings: Settings | None = None,
        cache_root: str | None = None,
        states: StateSource | None = None,
    ) -> None:
        self._lock = threading.RLock()
        self.catalog = catalog
        self._states = states or StateSource()
        self._states.look(catalog)
        self._settings = settings or Settings()
        self._snapshot = Snapshot.take(catalog)
        self._folder: str | None = None
        if cache_root is not None:
            self._folder = index_folder(cache_root, [str(path) for path in catalog.paths])
        #: Why nothing is kept although it should be; no telemetry is missing for it.
        self.cache_warning: CatalogWarning | None = None
        self.on_start: Callable[[], None] = _nothing
        self._open_engine: Engine | None = None
        self._selective_engine: SelectiveEngine | None = None
        # Engines of which nobody asks anything any more, but which somebody may still read from.
        self._retired_engines: list[Engine] = []
        self._generation = Generation()
        self._is_closed = self._has_read = self._has_given_connection = False
        # Whether users brought rows, or took a connection to bring some: nobody knows how many.
        self._has_own_rows = False
        # The files that answers rest on as long as not all were read.
        self._files_read: set[str] = set()
        # Own tables of an engine that was given up, for the next one.
        self._waiting_tables: dict[str, pyarrow.Table] = {}
        if not self._settings.is_plain:
            self._engine()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the database; questions after this, and those that other threads ask now, raise `QueryError`."""
        self._is_closed = True
        while not self._lock.acquire(timeout=_STEP_S):
            for engine in self._engines():
                engine.stop(CLOSED)
        try:
            self._states.close()
            for engine in self._engines():
                engine.close()
        finally:
            self._lock.release()

    @property
    def snapshot(self) -> Snapshot:
        """What questions are about: the catalog, and the files in the states in which they are read."""
        return self._snapshot

    def progress(self) -> Progress | None:
        """Return how far reading is; None when nothing is read."""
        return next((found for engine in self._engines() if (found := engine.progress()) is not None), None)

    def interrupt(self) -> None:
        """Make every statement that runs now raise `QueryError`; may be called from any thread."""
        for engine in self._engines():
            engine.interrupt()

    def abandon(self) -> None:
        """Remove temporary files, for a process that ends now whatever still runs; from any thread."""
        for engine in self._engines():
            engine.abandon()

    # ---- inside --------------------------------------------------------------------------------------------

    def _look_again(self, *, may_be_gone: bool) -> bool:
        """Do what `refresh` does, without a look at what is skipped; the lock is held."""
        from stormlog.artifacts import ArtifactCatalog

        catalog = ArtifactCatalog(self.catalog.paths)
        if not may_be_gone:
            require_one(catalog)
        self._refuse_closed()
        has_other_states = self._states.look(catalog)
        files, states = self._generation
        if has_other_states:
            states += 1
            self._generation = Generation(files, states)
        snapshot = Snapshot.take(catalog)
        if snapshot.digest == self._snapshot.digest:
            return has_other_states
        # Before any table changes: who compares it afterwards sees that tables may have changed.
        self._generation = Generation(files + 1, states)
        self.catalog, self._snapshot, self._has_read = snapshot.catalog, snapshot, False
        self._files_read.clear()
        self._retire_selective_engine()
        self._replace_outgrown_engine()
        if self._open_engine is not None:
            self._open_engine.move_to(snapshot)
        return True

    def _replace_outgrown_engine(self) -> None:
        """Give up an engine that was made for little data if there is more now; the lock is held.

        Nothing can give it more threads. What it read is kept in the index, if there is one.
        """
        engine = self._open_engine
        # Whoever was given a connection may have made tables with it.
        if engine is None or self._has_given_connection or engine.settings == self._settings:
            return
        if self._fitting_settings() == self._settings:
            self._waiting_tables = engine.own_tables.contents()
            self._open_engine = None
            self._retire(engine)

    def _fitting_settings(self) -> Settings:
        """Return how much of the machine an engine for what is there now needs."""
        if self._has_own_rows:
            return self._settings
        return self._settings.for_bytes(self._snapshot.expected_bytes)

    @property
    def _has_all_records(self) -> bool:
        return self._open_engine is not None and self._open_engine.has_all_records

    def _engine(self) -> Engine:
        """Return the engine; it is made when a question needs it.

        Raises:
            QueryError: the store is closed.
            ValueError: DuckDB does not take a setting.
        """
        self._refuse_closed()
        if self._open_engine is None:
            self._start()
            index = None
            if self._folder is not None:
                try:
                    index = Index.load(self._folder, [str(path) for path in self.catalog.paths])
                except OSError as error:
                    # Nowhere to keep anything: every answer comes from the files.
                    message = f"nothing can be kept there, so every question reads the files: {error.strerror or error}"
                    self.cache_warning = CatalogWarning(self._folder, message, "cache_unusable")
                    self._folder = None
            self._open_engine = self._make_engine(index)
            self._bring_waiting_tables(self._open_engine)
        return self._open_engine

    def _bring_waiting_tables(self, engine: Engine) -> None:
        """Give an engine the own tables of the one before."""
        if self._waiting_tables:
            from contextlib import nullcontext

            from stormlog.engine.own_tables.incoming import rows_of

            for name, table in self._waiting_tables.items():
                engine.own_tables.create(name, nullcontext(rows_of(table)))
            self._waiting_tables = {}

    def _selective(self, *, is_sparing: bool = False) -> SelectiveEngine:
        """Return the engine that reads some of the files, or all of them with little memory."""
        from stormlog.engine.selective import SelectiveEngine

        engine = self._selective_engine
        if engine is None or (is_sparing and not engine.settings.is_sparing):
            self._start()
            settings = self._fitting_settings()
            if is_sparing:
                settings = settings.sparing()
            self._retire_selective_engine()
            self._selective_engine = engine = SelectiveEngine(self._snapshot, settings)
        return engine

    def _filled(self, views: set[str] | None, *, is_sparing: bool = False) -> Engine:
        """Return the engine after some views (None: all of them) were made to answer."""
        # Answers that are kept need no engine.
        from stormlog.engine.view_needs import ROLLUPS, needs_of

        engine = self._engine()
        try:
            engine.prepare(views, is_sparing=is_sparing)
            if views is None or "tracking" in views:
                engine.show_tracking(self._states, views)
        except (QueryError, OSError) as error:
            self._refuse_closed()
            if not self._goes_on_without_index(engine, error):
                self._explain(engine, error)
                raise
            return self._filled(views, is_sparing=is_sparing)
        self._note(engine.has_records, engine.load_warnings)
        if views is None or ROLLUPS in needs_of(views):
            self._tell_rollups()
        if engine.has_all_records:
            # Nobody needs the other one any more.
            self._retire_selective_engine()
        return engine

    def _goes_on_without_index(self, engine: Engine, error: QueryError | OSError) -> bool:
        """Go on without the index if one that is damaged, or was just removed, may be why something failed."""
        if isinstance(error, QueryError) and not engine.can_blame_index(error):
            return False
        if self._open_engine is engine:
            if self._folder is None:
                return False
            self._waiting_tables = engine.own_tables.contents()
            Index.discard(self._folder)
            self._open_engine = self._folder = None
            self._retire(engine)
        # Else another thread has replaced it already.
        return True

    def _explain(self, engine: Engine, error: QueryError | OSError) -> None:
        """Raise an error that says what is full, if that is why a statement failed."""
        from stormlog.engine.database.out_of_room import out_of_room

        if isinstance(error, QueryError) and engine in self._engines() and not self._is_closed:
            with engine.cursor() as cursor:
                explained = out_of_room(error, cursor.connection, self._settings)
            if explained is not None:
                raise explained from error.__cause__

    def _note(
        self, has_read: bool, warnings: Sequence[CatalogWarning], files: Iterable[str] | None = None
    ) -> None:
        """Remember what an answer rests on: all files, or some."""
        self._has_read = self._has_read or has_read
        told = self.catalog.warnings
        if has_read:
            # What is told beside reading stays: about rollups, and ids that several runs have.
            others = [w for w in told[len(self._snapshot.warnings) :] if w.is_beside_reading]
            told[len(self._snapshot.warnings) :] = [*warnings, *(w for w in others if w not in warnings)]
            return
        if files is not None and not self._has_read:
            self._files_read.update(files)
            self._tell(warnings)

    def _tell(self, warnings: Iterable[CatalogWarning]) -> None:
        """Add those warnings that were not told yet."""
        self.catalog.warnings += [w for w in warnings if w not in self.catalog.warnings]

    def _tell_rollups(self) -> None:
        """Tell which rollups of sinks cannot be used."""
        self._tell(file.warning for file in self._snapshot.rollups if file.warning is not None)

    def _engines(self) -> list[Engine]:
        engines = (self._open_engine, self._selective_engine, *self._retired_engines)
        return [engine for engine in engines if engine is not None]

    def _start(self) -> None:
        if not self._engines():
            self.on_start()

    def _make_engine(self, index: Index | None) -> Engine:
        import duckdb

        from stormlog.engine.engine import Engine

        settings = self._fitting_settings()
        if index is not None:
            try:
                return Engine(self._snapshot, settings, index)
            except duckdb.Error:
                # Somebody removed the index just now, or it is damaged.
                self._folder = None
        return Engine(self._snapshot, settings, None)

    def _retire_selective_engine(self) -> None:
        engine, self._selective_engine = self._selective_engine, None
        self._retire(engine)

    def _retire(self, engine: Engine | None) -> None:
        """Close an engine as soon as nobody reads from it; the lock is held."""
        if engine is not None:
            self._retired_engines.append(engine)
        for retired in list(self._retired_engines):
            if not retired.is_in_use:
                retired.close()
                self._retired_engines.remove(retired)

    def _refuse_closed(self) -> None:
        if self._is_closed:
            raise QueryError(CLOSED)

    def _refuse_changed(self, generation: Generation) -> None:
        """Refuse the use of what was made before files, or states of issues, changed."""
        self._refuse_closed()
        if generation != self._generation:
            raise QueryError(REFRESHED)

    def _refuse_other(self, generation: Generation | None) -> None:
        """Refuse a question about files that changed since; None stands for what is there now."""
        self._refuse_closed()
        if generation is not None and generation.files != self._generation.files:
            raise QueryError(REFRESHED)
