"""How a store comes by the rows of a statement: from kept answers, from some files, or from all of them.

Promise: it does not matter which. An index that is damaged, or gone, costs time and never an answer. A statement
sees the files of one `refresh`, whatever other threads ask and refresh meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from stormlog._storable_text import storable_text
from stormlog.artifacts import CatalogWarning
from stormlog.engine import (
    AnswerFolder,
    EngineHolder,
    Generation,
    KeptAnswer,
    Question,
    Rows,
    Settings,
    StateSource,
    views_of,
)
from stormlog.errors import QueryError, SourceError
from stormlog.query.row_lists import RowList
from stormlog.query.statements import Statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stormlog.artifacts import ArtifactCatalog
    from stormlog.artifacts.event_files import FileOrigin
    from stormlog.engine import Engine
    from stormlog.query.rows import Reject, SkippedLines
    from stormlog.query.streams import RowStream

__all__ = ["AnsweringStore"]

#: Which of the skipped lines belong to files that were read so far.
_IS_READ = "(CAST($files AS VARCHAR[]) IS NULL OR list_contains(CAST($files AS VARCHAR[]), path))"
#: Skipped lines that are looked at to find the first one of each file.
_MOST_REJECTS = 1_000

_Result = TypeVar("_Result")


class AnsweringStore(EngineHolder):
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
        super().__init__(catalog, settings=settings, cache_root=cache_root, states=states)
        self._strict = strict
        # Kind of question -> files that it was asked of, what was asked, and the answer.
        self._last_answers: dict[str, tuple[int, Statement, Any]] = {}
        self._refuse_skipped()

    def refresh(self, *, may_be_gone: bool = False) -> bool:
        """Look at the paths again: questions after this see what is there now.

        Args:
            may_be_gone: Be content if none of the paths exists any more: nothing is there then.

        Returns:
            Whether anything changed. The next question then costs as much as what changed.

        Raises:
            SourceError: none of the paths exists any more, or the store is strict and something is skipped.
        """
        with self._lock:
            seen = self._generation.files
            has_changed = self._look_again(may_be_gone=may_be_gone)
            if self._generation.files != seen:
                self._refuse_skipped()
            return has_changed

    # ---- what was skipped ----------------------------------------------------------------------------------

    def rejects_summary(self) -> list[tuple[str, int]]:
        """Return (path, number of skipped lines) of the files read so far."""
        text = f"SELECT path, count(*) FROM rejects WHERE {_IS_READ} GROUP BY path ORDER BY path"
        with self._lock:
            rows = self._run("rejects_summary", (text, self._read_so_far())).rows
        return [(path, count) for path, count in rows]

    def rejects(self, limit: int | None = None) -> RowList[Reject]:
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
        return RowList([Reject(*row) for row in rows])

    def skipped_lines(self) -> list[SkippedLines]:
        """Return, for each file by path, how many of its lines were skipped so far, and where and why the first was."""
        summary = self.rejects_summary()
        if not summary:
            return []
        from stormlog.query.rows import SkippedLines

        first: dict[str, Reject] = {}
        for reject in self.rejects(_MOST_REJECTS):
            known = first.get(reject.path)
            if known is None or reject.line_number < known.line_number:
                first[reject.path] = reject
        return [
            SkippedLines(path, count, first[path].line_number, first[path].message)
            if path in first
            else SkippedLines(path, count, None, None)
            for path, count in summary
        ]

    def _read_so_far(self) -> dict[str, Any]:
        return {"files": None if self._has_read else sorted(self._files_read)}

    # ---- inside --------------------------------------------------------------------------------------------

    def _run(
        self,
        name: str,
        statement: Statement,
        view: str | None = None,
        *,
        is_selective: bool = False,
        is_sparing: bool = False,
        generation: Generation | None = None,
    ) -> Rows:
        """Return the rows of a statement, after ``view`` was made to answer.

        Without a view it is about what was read so far.

        Args:
            name: What is asked.
            statement: Its text and parameters.
            view: The view, or several with blanks between.
            is_selective: Whether to read no more files than the parameters ask for.
            is_sparing: Whether to read with little memory, as streams do, if ``view`` is about events.
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
            if is_sparing and view is not None and self._engine().needs_reading(views_of(view)):
                return self._begin_stream(*statement, folder, view)
            return self._begin(statement, view, folder, is_selective=is_selective)

        def read(question: Question) -> Rows:
            with question.cursor as cursor:
                columns, rows = question.engine.fetch(cursor, name, *statement)
            self._keep(question, statement, view, columns, rows)
            return Rows(rows, question.generation)

        return self._ask(begin, read)

    def _stream_events(
        self,
        statement: Statement,
        build: Callable[[tuple[Any, ...]], _Result],
        views: str = "events",
        times: str | None = None,
    ) -> RowStream[_Result]:
        """Return the rows of a statement over ``events`` while they are fetched.

        Args:
            statement: Text and parameters.
            build: Makes what the stream returns from a row.
            views: The views that have to answer for it.
            times: As of `fetch_in_slices`.

        Raises:
            QueryError: the store is closed, or DuckDB failed.
        """
        from stormlog.query.streams import RowStream
        from stormlog.query.time_slices import fetch_in_slices

        with self._lock:
            self._refuse_closed()
            folder = self._answers()
            found = self._found(folder, statement, views)
            if found is not None:
                return RowStream.of(found.columns, found.rows, build)

        def read(question: Question) -> RowStream[_Result]:
            cursor = question.cursor
            columns, fetch = fetch_in_slices(cursor, "iter_events", *statement, times)
            return RowStream(
                columns,
                fetch,
                build,
                cursor.close,
                partial(self._keep, question, statement, views, columns),
            )

        return self._ask(lambda: self._begin_stream(*statement, folder, views), read)

    def _issue_states(self, explicit: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return fingerprint id -> state of all issues that are not simply open.

        Args:
            explicit: What a caller says; it wins.
        """
        with self._lock:
            states = self._states.overrides(explicit)
            has_rules = self._states.has_rules
        if has_rules:
            import json

            from stormlog.query.statements import ignorable_statement

            rows = self._run("list_issues", ignorable_statement(), "issues").rows
            issues = [(row[0], row[1], json.loads(row[2])) for row in rows]
            with self._lock:
                states |= self._states.ignored(issues, explicit)
        return states

    def _found(
        self, folder: AnswerFolder | None, statement: Statement, view: str | None
    ) -> KeptAnswer | None:
        """Return the answer that was kept, and say what it says was skipped."""
        found = None if folder is None else folder.find(*statement)
        if found is not None and view is not None:
            said = [CatalogWarning(*warning) for warning in found.warnings]
            if self._has_read:
                # What this store read itself may have been cut short by a limit of its own.
                self._tell(said)
            else:
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
                    if not self._goes_on_without_index(question.engine, error):
                        self._explain(question.engine, error)
                        raise

    def _again(self, kind: str, statement: Statement, ask: Callable[[], _Result]) -> _Result:
        """Return the last answer of a kind of question if the same is asked of the same files, else that of ``ask``.

        Front ends ask the same again after every key.
        """
        with self._lock:
            self._refuse_closed()
            files = self._generation.files
            known = self._last_answers.get(kind)
        if known is not None and known[:2] == (files, statement):
            return known[2]  # type: ignore[no-any-return]
        answer = ask()
        with self._lock:
            if self._generation.files == files:
                self._last_answers[kind] = files, statement, answer
        return answer

    def _begin(
        self, statement: Statement, view: str | None, folder: AnswerFolder | None, *, is_selective: bool
    ) -> Question:
        """Prepare what `_run` asks for; the lock is held."""
        text, params = statement
        if is_selective or (view is None and not self._has_read):
            selected = self._begin_selectively(text, params, view, folder)
            if selected is not None:
                return selected
        engine = self._prepared(views_of(view), refuses=view is not None)
        # What earlier questions read is not what this one had to read.
        has_read = engine.needs_reading(views_of(view))
        warnings = [(w.path, w.message, w.code) for w in engine.load_warnings] if has_read else []
        return self._question(engine, text, folder, KeptAnswer([], [], warnings, has_read))

    def _begin_selectively(
        self, text: str, params: Any, view: str | None, folder: AnswerFolder | None
    ) -> Question | None:
        """Prepare the files that a statement needs; None if all had better be read. The lock is held."""
        from stormlog.engine import may_leave_out, scope_of

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

    def _begin_stream(
        self, text: str, params: Any, folder: AnswerFolder | None, view: str = "events"
    ) -> Question:
        """Prepare events for one who holds few of them at a time; the lock is held."""
        from stormlog.engine import may_leave_out, scope_of

        self._refuse_closed()
        if self._has_all_records:
            return self._question(self._prepared(views_of(view)), text)
        # Which sessions belong to a run shows only when all files were read.
        scope = scope_of(params) if view == "events" else None
        engine = self._selective(is_sparing=True)
        try:
            origins = None
            if scope is not None and not self._strict and may_leave_out(self._snapshot):
                origins = engine.prepare_events(scope)
            if origins is None:
                origins = engine.prepare_all()
                engine.prepare(views_of(view))
        except QueryError as error:
            self._refuse_closed()
            self._explain(engine, error)
            raise
        question = self._question_about(engine, origins, text, folder)
        self._refuse_skipped()
        return question

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

    def _answers(self) -> AnswerFolder | None:
        return None if self._folder is None else AnswerFolder(self._folder, self._snapshot.digest)

    def _prepared(self, views: set[str] | None, *, refuses: bool = True, is_sparing: bool = False) -> Engine:
        """Return the engine after some views (None: all of them) were made to answer.

        A strict store raises a `SourceError` if something was skipped, unless ``refuses`` is false.
        """
        engine = self._filled(views, is_sparing=is_sparing)
        if refuses:
            self._refuse_skipped()
        return engine

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
