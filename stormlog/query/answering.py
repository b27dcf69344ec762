"""How a store comes by the rows of a statement: from kept answers, from some files, or from all of them.

Promise: it does not matter which. An index that is damaged, or gone, costs time and never an answer. A statement
sees the files of one `refresh`, whatever other threads ask and refresh meanwhile.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, Self, TypeVar

from stormlog.errors import QueryError, SourceError
from stormlog.query.catalog.models import CatalogWarning
from stormlog.query.cursors import CLOSED
from stormlog.query.index import AnswerFolder, Index, KeptAnswer, index_folder
from stormlog.query.questions import REFRESHED, Generation, Question, Rows
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
    from stormlog.query.origins import FileOrigin
    from stormlog.query.pruning import SelectiveEngine
    from stormlog.query.rows import Reject
    from stormlog.query.streams import RowStream

__all__ = ["AnsweringStore", "require_one"]

#: Which of the skipped lines belong to files that were read so far.
_IS_READ = "(CAST($files AS VARCHAR[]) IS NULL OR list_contains(CAST($files AS VARCHAR[]), path))"

#: Seconds between two attempts to stop what other threads do, when the store is closed.
_STEP_S = 0.05

_Result = TypeVar("_Result")


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
        self._lock = threading.RLock()
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
        # Engines of which nobody asks anything any more, but which somebody may still read from.
        self._retired_engines: list[Engine] = []
        self._generation = Generation()
        self._is_closed = self._has_read = self._has_given_connection = False
        # The files that answers rest on as long as not all were read.
        self._files_read: set[str] = set()
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
        with self._lock:
            rows = self._run("rejects_summary", (text, self._read_so_far())).rows
        return [(path, count) for path, count in rows]

    def rejects(self, limit: int | None = None) -> list[Reject]:
        """Return the lines skipped so far, in order of files and lines.

        `query_events` may have left files out; these count once another question has read them.
        """
        from stormlog.query.rows import Reject

        text = f"""
            SELECT path, line_number, reason, message, excerpt FROM rejects WHERE {_IS_READ}
            ORDER BY source_id, path, line_number LIMIT CAST($limit AS BIGINT)
        """
        with self._lock:
            rows = self._run("rejects", (text, {"limit": limit, **self._read_so_far()})).rows
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

    def abandon(self) -> None:
        """Remove temporary files, for a process that ends now whatever still runs; from any thread."""
        for engine in self._engines():
            engine.abandon()

    # ---- inside --------------------------------------------------------------------------------------------

    def _run(
        self,
        name: str,
        statement: Statement,
        view: str | None = None,
        *,
        prunes: bool = False,
        generation: Generation | None = None,
    ) -> Rows:
        """Return the rows of a statement, after ``view`` was made to answer.

        Without a view it is about what was read so far.

        Args:
            name: What is asked.
            statement: Its text and parameters.
            view: The view.
            prunes: Whether to read no more files than the parameters ask for.
            generation: The generation of files that the statement is about; by default the current one.

        Raises:
            QueryError: the store is closed, files of ``generation`` changed since, or DuckDB failed.
        """
        with self._lock:
            self._refuse_other(generation)
            if view is None and not (self._has_read or self._files_read):
                return Rows([], self._generation)
            folder = self._answers()
            found = self._found(folder, statement, view)
            if found is not None:
                return Rows(found.rows, self._generation)

        def begin() -> Question:
            self._refuse_other(generation)
            return self._begin(statement, view, folder, prunes=prunes)

        def read(question: Question) -> Rows:
            with question.cursor as cursor:
                columns, rows = question.engine.fetch(cursor, name, *statement)
            self._keep(question, statement, view, columns, rows)
            return Rows(rows, question.generation)

        return self._ask(begin, read)

    def _stream_events(
        self, statement: Statement, build: Callable[[tuple[Any, ...]], _Result]
    ) -> RowStream[_Result]:
        """Return the rows of a statement over ``events`` while they are fetched.

        Args:
            statement: Text and parameters.
            build: Makes what the stream returns from a row.

        Raises:
            QueryError: the store is closed, or DuckDB failed.
        """
        from stormlog.query.streams import RowStream
        from stormlog.query.time_slices import fetch_in_slices

        with self._lock:
            self._refuse_closed()
            folder = self._answers()
            found = self._found(folder, statement, "events")
            if found is not None:
                return RowStream.of(found.columns, found.rows, build)

        def read(question: Question) -> RowStream[_Result]:
            cursor = question.cursor
            columns, fetch = fetch_in_slices(cursor, "iter_events", *statement)
            return RowStream(
                columns,
                fetch,
                build,
                cursor.close,
                partial(self._keep, question, statement, "events", columns),
            )

        return self._ask(lambda: self._begin_stream(*statement, folder), read)

    def _found(
        self, folder: AnswerFolder | None, statement: Statement, view: str | None
    ) -> KeptAnswer | None:
        """Return the answer that was kept, and say what it says was skipped."""
        found = None if folder is None else folder.find(*statement)
        if found is not None and view is not None:
            said = [CatalogWarning(*warning) for warning in found.warnings]
            self._note(found.has_read, said, found.files)
            self._refuse_skipped()
        return found

    def _ask(self, begin: Callable[[], Question], read: Callable[[Question], _Result]) -> _Result:
        """Return what ``read`` returns.

        Args:
            name: What is asked.
            begin: Prepares the tables and takes a cursor; no other thread prepares any meanwhile.
            read: Reads from the cursor, beside other threads. Both are called again, and do without the index,
                if a damaged index may be why reading failed.
        """
        while True:
            with self._lock:
                question = begin()
            try:
                return read(question)
            except BaseException as error:
                question.cursor.close()
                if not isinstance(error, QueryError):
                    raise
                with self._lock:
                    self._refuse_closed()
                    if not self._may_be_the_index(question.engine, error):
                        self._explain(question.engine, error)
                        raise

    def _begin(
        self, statement: Statement, view: str | None, folder: AnswerFolder | None, *, prunes: bool
    ) -> Question:
        """Prepare what `_run` asks for; the lock is held."""
        text, params = statement
        if prunes or (view is None and not self._has_read):
            selected = self._begin_selectively(text, params, view, folder)
            if selected is not None:
                return selected
        engine = self._prepared({view or "rejects"}, refuses=view is not None)
        # What earlier questions read is not what this one had to read.
        has_read = engine.needs_reading({view or "rejects"})
        warnings = [(w.path, w.message, w.code) for w in engine.load_warnings] if has_read else []
        return self._question(engine, text, folder, KeptAnswer([], [], warnings, has_read))

    def _begin_selectively(
        self, text: str, params: Any, view: str | None, folder: AnswerFolder | None
    ) -> Question | None:
        """Prepare the files that a statement needs; None if all had better be read. The lock is held."""
        from stormlog.query.pruning import may_leave_out, scope_of

        scope = None if view is None else scope_of(params)
        if view is not None and (
            scope is None or self._has_all_records or self._strict or not may_leave_out(self._snapshot)
        ):
            return None
        engine = self._selective()
        try:
            if scope is None:
                engine.prepare_rejects(self._files_read)
                return self._question(engine, text, folder, KeptAnswer([], [], [], has_read=False))
            origins = engine.prepare_events(scope)
        except QueryError as error:
            self._explain(engine, error)
            raise
        return None if origins is None else self._question_about(engine, origins, text, folder)

    def _begin_stream(self, text: str, params: Any, folder: AnswerFolder | None) -> Question:
        """Prepare events for one who holds few of them at a time; the lock is held."""
        from stormlog.query.pruning import may_leave_out, scope_of

        self._refuse_closed()
        if self._has_all_records:
            return self._question(self._prepared({"events"}), text)
        scope = scope_of(params)
        engine = self._selective(is_sparing=True)
        try:
            origins = None
            if scope is not None and not self._strict and may_leave_out(self._snapshot):
                origins = engine.prepare_events(scope)
            if origins is None:
                origins = engine.prepare_all()
        except QueryError as error:
            self._refuse_closed()
            self._explain(engine, error)
            raise
        question = self._question_about(engine, origins, text, folder)
        self._refuse_skipped()
        return question

    @property
    def _has_all_records(self) -> bool:
        return self._open_engine is not None and self._open_engine.has_all_records

    def _selective(self, *, is_sparing: bool = False) -> SelectiveEngine:
        """Return the engine that reads some of the files, or all of them with little memory."""
        from stormlog.query.pruning import SelectiveEngine

        engine = self._selective_engine
        if engine is None or (is_sparing and not engine.settings.is_sparing):
            self._start()
            settings = self._settings.sparing() if is_sparing else self._settings
            self._retire_selective_engine()
            self._selective_engine = engine = SelectiveEngine(self._snapshot, settings)
        return engine

    def _question_about(
        self, engine: Engine, origins: Sequence[FileOrigin], text: str, folder: AnswerFolder | None
    ) -> Question:
        """Return a question whose answer rests on some files, and remember these."""
        paths = {origin.path for origin in origins}
        said = [warning for warning in engine.load_warnings if warning.is_note or warning.path in paths]
        files = [storable_text(origin.recorded_path) for origin in origins]
        self._note(False, said, files)
        warnings = [(warning.path, warning.message, warning.code) for warning in said]
        answer = KeptAnswer([], [], warnings, has_read=False, files=files)
        return self._question(engine, text, folder, answer)

    def _question(
        self, engine: Engine, text: str, folder: AnswerFolder | None = None, answer: KeptAnswer | None = None
    ) -> Question:
        """Return a cursor with what has to be known of this moment to keep its answer. The lock is held."""
        if self._has_given_connection or not engine.is_settled:
            folder = None
        return Question(engine, engine.cursor(text), self._generation, folder, answer)

    def _keep(
        self,
        question: Question,
        statement: Statement,
        view: str | None,
        columns: list[str],
        rows: list[tuple[Any, ...]],
    ) -> None:
        """Keep an answer, unless the files changed while it was read."""
        if question.folder is None or question.answer is None:
            return
        with self._lock:
            if question.generation.files == self._generation.files:
                answer = question.answer._replace(columns=columns, rows=rows)
                question.folder.keep(*statement, answer, view)

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

    def _answers(self) -> AnswerFolder | None:
        return None if self._folder is None else AnswerFolder(self._folder, self._snapshot.digest)

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
        return self._open_engine

    def _engines(self) -> list[Engine]:
        engines = (self._open_engine, self._selective_engine, *self._retired_engines)
        return [engine for engine in engines if engine is not None]

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
            self._refuse_closed()
            if not self._may_be_the_index(engine, error):
                self._explain(engine, error)
                raise
            return self._prepared(views, refuses=refuses)
        self._note(engine.has_records, engine.load_warnings)
        if engine.has_all_records:
            # Nobody needs the other one any more.
            self._retire_selective_engine()
        if refuses:
            self._refuse_skipped()
        return engine

    def _may_be_the_index(self, engine: Engine, error: QueryError | OSError) -> bool:
        """Go on without the index if one that is damaged, or was just removed, may be why something failed."""
        if isinstance(error, QueryError) and not engine.can_blame_index(error):
            return False
        if self._open_engine is engine:
            if self._folder is None:
                return False
            Index.discard(self._folder)
            self._open_engine = self._folder = None
            self._retire(engine)
        # Else another thread has replaced it already.
        return True

    def _explain(self, engine: Engine, error: QueryError | OSError) -> None:
        """Raise an error that says what is full, if that is why a statement failed."""
        from stormlog.query.room import out_of_room

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
        if has_read:
            self.catalog.warnings[len(self._snapshot.warnings) :] = warnings
        elif files is not None and not self._has_read:
            self._files_read.update(files)
            self.catalog.warnings += [w for w in warnings if w not in self.catalog.warnings]

    def _refuse_skipped(self) -> None:
        if not self._strict:
            return
        for warning in self.catalog.warnings:
            if not warning.is_note:
                raise SourceError(warning.message, path=warning.path)
        for reject in self.rejects(limit=1):
            raise SourceError(
                f"{reject.message} ({reject.reason}): {reject.excerpt}",
                path=reject.path,
                line=reject.line_number,
            )
