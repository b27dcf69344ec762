"""How a store comes by the rows of a statement: from kept answers, from some files, or from all of them.

Promise: it does not matter which. An index that is damaged, or gone, costs time and never an answer.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Self

from stormlog.errors import QueryError, SourceError
from stormlog.query.catalog.models import CatalogWarning
from stormlog.query.index import AnswerFolder, Index, KeptAnswer, index_folder
from stormlog.query.settings import Settings
from stormlog.query.snapshot import Snapshot
from stormlog.query.statements import Statement
from stormlog.query.texts import storable_text
from stormlog.query.tracked_states import StateSource

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from stormlog.query.catalog.artifact_catalog import ArtifactCatalog
    from stormlog.query.engine import Engine
    from stormlog.query.ingest import Progress
    from stormlog.query.pruning import SelectiveEngine
    from stormlog.query.rows import Reject

__all__ = ["AnsweringStore", "require_one"]

#: Which of the skipped lines belong to files that were read so far.
_IS_READ = "(CAST($files AS VARCHAR[]) IS NULL OR list_contains(CAST($files AS VARCHAR[]), path))"


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


class AnsweringStore:
    """What lies under some paths, and everything that helps to answer questions about it."""

    def __init__(
        self,
        catalog: ArtifactCatalog,
        *,
        strict: bool = False,
        settings: Settings | None = None,
        cache_root: str | None = None,
        states: StateSource | None = None,
    ) -> None:
        self.catalog = catalog
        self._states = states or StateSource()
        self._states.look(catalog)
        self._strict = strict
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
        self._is_closed = self._has_read = False
        # The files that answers rest on as long as not all were read.
        self._files_read: set[str] = set()
        self._lock = threading.RLock()
        if not self._settings.is_plain:
            self._engine()
        if strict:
            self._refuse_skipped()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release the database; questions after this raise `QueryError`."""
        self._is_closed = True
        self._states.close()
        for engine in self._engines():
            engine.close()

    def refresh(self, *, may_be_gone: bool = False) -> bool:
        """Look at the paths again: questions after this see what is there now.

        Args:
            may_be_gone: Be content if none of the paths exists any more: nothing is there then.

        Returns:
            Whether anything changed. The next question then costs as much as what changed.

        Raises:
            SourceError: none of the paths exists any more, or the store is strict and something is skipped.
        """
        from stormlog.query.catalog.artifact_catalog import ArtifactCatalog

        with self._lock:
            catalog = ArtifactCatalog(self.catalog.paths)
            if not may_be_gone:
                require_one(catalog)
            has_other_states = self._states.look(catalog)
            snapshot = Snapshot.take(catalog)
            if snapshot.digest == self._snapshot.digest:
                return has_other_states
            self.catalog, self._snapshot, self._has_read = snapshot.catalog, snapshot, False
            self._files_read.clear()
            self._close_selective_engine()
            if self._open_engine is not None:
                self._open_engine.move_to(snapshot)
            if self._strict:
                self._refuse_skipped()
            return True

    @property
    def snapshot(self) -> Snapshot:
        """What questions are about: the catalog, and the files in the states in which they are read."""
        return self._snapshot

    # ---- what was skipped ----------------------------------------------------------------------------------

    def rejects_summary(self) -> list[tuple[str, int]]:
        """Return (path, number of skipped lines) of the files read so far."""
        text = f"SELECT path, count(*) FROM rejects WHERE {_IS_READ} GROUP BY path ORDER BY path"
        return [(path, count) for path, count in self._run("rejects_summary", (text, self._read_so_far()))]

    def rejects(self, limit: int | None = None) -> list[Reject]:
        """Return the lines skipped so far, in order of files and lines.

        `query_events` may have left files out; these count once another question has read them.
        """
        from stormlog.query.rows import Reject

        text = f"""
            SELECT path, line_number, reason, message, excerpt FROM rejects WHERE {_IS_READ}
            ORDER BY source_id, path, line_number LIMIT CAST($limit AS BIGINT)
        """
        rows = self._run("rejects", (text, {"limit": limit, **self._read_so_far()}))
        return [Reject(*row) for row in rows]

    def _read_so_far(self) -> dict[str, Any]:
        return {"files": None if self._has_read else sorted(self._files_read)}

    def progress(self) -> Progress | None:
        """Return how far reading is; None when nothing is read."""
        return next((found for engine in self._engines() if (found := engine.progress()) is not None), None)

    def interrupt(self) -> None:
        """Make every statement that runs now raise `QueryError`; may be called from any thread."""
        for engine in self._engines():
            engine.interrupt()

    # ---- inside --------------------------------------------------------------------------------------------

    def _run(
        self, name: str, statement: Statement, view: str | None = None, *, prunes: bool = False
    ) -> list[tuple[Any, ...]]:
        """Return the rows of a statement, after ``view`` was made to answer.

        Without a view it is about what was read so far.

        Args:
            name: What is asked.
            statement: Its text and parameters.
            view: The view.
            prunes: Whether to read no more files than the parameters ask for.
        """
        with self._lock:
            if self._is_closed:
                raise QueryError("the store is closed")
            if view is None and not (self._has_read or self._files_read):
                return []
            kept = self._answers()
            found = None if kept is None else kept.find(*statement)
            if found is not None:
                if view is not None:
                    said = [CatalogWarning(*warning) for warning in found.warnings]
                    self._note(found.has_read, said, found.files)
                    self._refuse_skipped()
                return found.rows
            if prunes or (view is None and not self._has_read):
                selected = self._run_selectively(name, statement, view, kept)
                if selected is not None:
                    return selected
            engine = self._prepared({view or "rejects"}, refuses=view is not None)
        columns, rows = self._fetch(engine, name, *statement, views={view or "rejects"})
        with self._lock:
            engine = self._engine()
            if kept is not None and engine.is_settled:
                # What earlier questions read is not what this one had to read.
                has_read = engine.needs_reading({view or "rejects"})
                warnings = [(w.path, w.message, w.code) for w in engine.load_warnings] if has_read else []
                kept.keep(*statement, KeptAnswer(columns, rows, warnings, has_read), view)
        return rows

    def _run_selectively(
        self, name: str, statement: Statement, view: str | None, kept: AnswerFolder | None
    ) -> list[tuple[Any, ...]] | None:
        """Return the rows of a statement from the files that it needs; None if all had better be read.

        The lock is held all along: the next question adds files to the views.
        """
        from stormlog.query.pruning import SelectiveEngine, may_leave_out, scope_of

        scope = None if view is None else scope_of(statement[1])
        has_all = self._open_engine is not None and self._open_engine.has_all_records
        if view is not None and (
            scope is None or has_all or self._strict or not may_leave_out(self._snapshot)
        ):
            return None
        if self._selective_engine is None:
            self._start()
            self._selective_engine = SelectiveEngine(self._snapshot, self._settings)
        engine = self._selective_engine
        answer = KeptAnswer([], [], [], has_read=False)
        try:
            if scope is None:
                engine.prepare_rejects(self._files_read)
            else:
                origins = engine.prepare_events(scope)
                if origins is None:
                    return None
                paths = {origin.path for origin in origins}
                said = [warning for warning in engine.load_warnings if warning.path in paths]
                answer = answer._replace(
                    warnings=[(warning.path, warning.message, warning.code) for warning in said],
                    files=[storable_text(origin.recorded_path) for origin in origins],
                )
                self._note(False, said, answer.files)
            columns, rows = engine.fetch(engine.cursor(), name, *statement)
        except QueryError as error:
            self._explain(engine, error)
            raise
        if kept is not None and engine.is_settled:
            kept.keep(*statement, answer._replace(columns=columns, rows=rows), view)
        return rows

    def _close_selective_engine(self) -> None:
        if self._selective_engine is not None:
            self._selective_engine.close()
            self._selective_engine = None

    def _fetch(
        self, engine: Engine, name: str, text: str, params: Any, *, views: set[str]
    ) -> tuple[list[str], list[tuple[Any, ...]]]:
        try:
            return engine.fetch(engine.cursor(), name, text, params)
        except QueryError as error:
            with self._lock:
                if not self._may_be_the_index(engine, error):
                    self._explain(engine, error)
                    raise
                engine = self._prepared(views)
        return engine.fetch(engine.cursor(), name, text, params)

    def _answers(self) -> AnswerFolder | None:
        return None if self._folder is None else AnswerFolder(self._folder, self._snapshot.digest)

    def _engine(self) -> Engine:
        """Return the engine; it is made when a question needs it.

        Raises:
            QueryError: the store is closed.
            ValueError: DuckDB does not take a setting.
        """
        if self._is_closed:
            raise QueryError("the store is closed")
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
        return self._open_engine

    def _engines(self) -> list[Engine]:
        return [engine for engine in (self._open_engine, self._selective_engine) if engine is not None]

    def _start(self) -> None:
        if not self._engines():
            self.on_start()

    def _make_engine(self, index: Index | None) -> Engine:
        import duckdb

        from stormlog.query.engine import Engine

        if index is not None:
            try:
                return Engine(self._snapshot, self._settings, index)
            except duckdb.Error:
                # Somebody removed the index just now, or it is damaged.
                self._folder = None
        return Engine(self._snapshot, self._settings, None)

    def _prepared(self, views: set[str] | None, *, refuses: bool = True) -> Engine:
        """Return the engine after some views (None: all of them) were made to answer."""
        engine = self._engine()
        try:
            engine.prepare(views)
            if views is None or "tracking" in views:
                engine.show_tracking(self._states, views)
        except (QueryError, OSError) as error:
            if not self._may_be_the_index(engine, error):
                self._explain(engine, error)
                raise
            return self._prepared(views, refuses=refuses)
        self._note(engine.has_records, engine.load_warnings)
        if engine.has_all_records:
            # Nobody needs the other one any more.
            self._close_selective_engine()
        if refuses:
            self._refuse_skipped()
        return engine

    def _may_be_the_index(self, engine: Engine, error: QueryError | OSError) -> bool:
        """Go on without the index if one that is damaged, or was just removed, may be why something failed."""
        if self._folder is None:
            return False
        if isinstance(error, QueryError) and not engine.can_blame_index(error):
            return False
        if self._open_engine is engine:
            engine.close()
            Index.discard(self._folder)
            self._open_engine = self._folder = None
        return True

    def _explain(self, engine: Engine, error: QueryError | OSError) -> None:
        """Raise an error that says what is full, if that is why a statement failed."""
        from stormlog.query.room import out_of_room

        if isinstance(error, QueryError) and engine in self._engines() and not self._is_closed:
            explained = out_of_room(error, engine.cursor(), self._settings)
            if explained is not None:
                raise explained from error.__cause__

    def _note(
        self, has_read: bool, warnings: Sequence[CatalogWarning], files: Iterable[str] | None = None
    ) -> None:
        """Remember what an answer rests on: all files, or some."""
        self._has_read = self._has_read or has_read
        if has_read:
            self.catalog.warnings[len(self._snapshot.warnings) :] = warnings
        elif files is not None and not self._has_read:
            self._files_read.update(files)
            self.catalog.warnings += [w for w in warnings if w not in self.catalog.warnings]

    def _refuse_skipped(self) -> None:
        if not self._strict:
            return
        for warning in self.catalog.warnings:
            if warning.is_loss:
                raise SourceError(warning.message, path=warning.path)
        for reject in self.rejects(limit=1):
            raise SourceError(
                f"{reject.message} ({reject.reason}): {reject.excerpt}",
                path=reject.path,
                line=reject.line_number,
            )
