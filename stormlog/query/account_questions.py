"""Questions that a store answers with an account: why a run failed, what an issue is, how memory went.

Promise: one account is about one generation of files. These methods have no ``_sql`` twin, because each asks several
statements of ``sql/queries``, one after the other.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from stormlog.query import statements
from stormlog.query.asking import AnsweringStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stormlog.engine import Generation
    from stormlog.explaining import Budget, BudgetResult, Explanation, IssueAccount, MemoryHistory, RunDiff
    from stormlog.explaining import Store as ExplainingStore
    from stormlog.issues.sidecar import TrackedState

__all__ = ["AccountQuestions"]


class AccountQuestions(AnsweringStore):
    """The part of `stormlog.query.QueryStore` that gives accounts of runs and issues."""

    def explain(
        self,
        *,
        run_id: str | None = None,
        session_id: str | None = None,
        issue: str | None = None,
        attempt: int | None = None,
        at_ns: int | None = None,
    ) -> Explanation:
        """Return why a run failed, as far as its telemetry tells: by default the run that failed last.

        Args:
            run_id: A run, as view ``runs`` names it.
            session_id: A session: its run, and the account of its memory.
            issue: A fingerprint id, or its first 6 digits or more: the run of its latest evidence.
            attempt: The attempt of the run, by its number; by default the one that failed last.
            at_ns: Ask for no failure: the account of every series at its last sample not after this time, in
                nanoseconds since the Unix epoch.

        Raises:
            UnknownIdError: an id names nothing.
            SourceError: there is no telemetry, or the store is strict and something had to be skipped.
            QueryError: the store is closed, or files changed while it was asked.

        Source: docs/why.md.
        """
        from stormlog.explaining import explain, find_fingerprint

        store = self._explaining_store()
        if issue is not None:
            issue = find_fingerprint(store.ask, issue)
        return explain(store, run_id=run_id, session_id=session_id, issue=issue, attempt=attempt, at_ns=at_ns)

    def compare_runs(
        self,
        before: str | None = None,
        after: str | None = None,
        *,
        before_store: AccountQuestions | None = None,
        attempts: tuple[int | None, int | None] = (None, None),
    ) -> RunDiff:
        """Return what differs between two runs: issues that came and went, and the peaks of memory by phase.

        Args:
            before: The run to compare with, by its id or its job; by default the only one that there is.
            after: The run of this store that is compared with it; likewise.
            before_store: The store of the first run, where it lies below other paths; by default this one.
            attempts: Only these attempts of the two; None for all of a run.

        Raises:
            UnknownIdError: there is no such run or attempt, or none is named where there are several.
            SourceError: there is no telemetry, or a store is strict and something had to be skipped.
            QueryError: a store is closed, or files changed while it was asked.

        Source: docs/diff.md.
        """
        from stormlog.explaining import WantedRun, compare_runs

        store = self._explaining_store()
        other = store if before_store is None else before_store._explaining_store()
        return compare_runs(WantedRun(other, before, attempts[0]), WantedRun(store, after, attempts[1]))

    def check_budgets(
        self,
        budgets: Sequence[str | Budget],
        *,
        runs: Sequence[str] | None = None,
        jobs: Sequence[str] | None = None,
        ranks: Sequence[int] | None = None,
        hosts: Sequence[str] | None = None,
        since_ns: int | None = None,
    ) -> list[BudgetResult]:
        """Return what became of budgets of memory: which ranks needed more in which phase, one result for each budget.

        Args:
            budgets: Such as ``"train/forward peak_reserved < 70GiB"``.
            runs: Only these runs, by id or job; None for all. Likewise the next three.
            since_ns: Only sessions that had not ended before, nanoseconds since the Unix epoch.

        Raises:
            ValueError: a text is no budget.
            SourceError: the store is strict and something had to be skipped.
            QueryError: the store is closed, or files changed while it was asked.

        Source: docs/ci.md#budgets.
        """
        from stormlog.explaining import BudgetScope, check_budgets, parse_budget

        parsed = [parse_budget(budget) if isinstance(budget, str) else budget for budget in budgets]
        scope = BudgetScope(runs, jobs, ranks, hosts, since_ns)
        return check_budgets(self._explaining_store(), parsed, scope)

    def issue_account(self, fingerprint_id: str | Sequence[str]) -> IssueAccount:
        """Return what the telemetry says of one issue: its facts, its latest run, and what surrounds it.

        Args:
            fingerprint_id: Id of the issue, or its first 6 digits or more. A sequence of whole ids where several
                fingerprints are one issue, as after a merge in a tracker; those without evidence are left out.

        Raises:
            UnknownIdError: no evidence of it lies under the opened paths, or the digits begin several ids.
            SourceError: there is no telemetry, or the store is strict and something had to be skipped.
            QueryError: the store is closed, or files changed while it was asked.

        Source: docs/python.md#one-issue.
        """
        from stormlog.explaining import find_fingerprint, issue_account

        store = self._explaining_store()
        if isinstance(fingerprint_id, str):
            return issue_account(store, [find_fingerprint(store.ask, fingerprint_id)])
        return issue_account(store, list(fingerprint_id))

    def find_fingerprint(self, text: str) -> str:
        """Return the fingerprint id of the issue that a person means.

        Args:
            text: The id, or its first 6 digits or more, with or without ``issue:``.

        Raises:
            UnknownIdError: there is no such issue under the opened paths, or several; the message names some.
            SourceError: there is no telemetry.
        """
        from stormlog.explaining import find_fingerprint

        return find_fingerprint(self._explaining_store().ask, text)

    def issue_accounts(self, fingerprint_ids: Sequence[str]) -> list[IssueAccount]:
        """Return what the telemetry says of several issues, as `issue_account` does, in as few statements as of one.

        Args:
            fingerprint_ids: Whole ids, each an issue; those without evidence are left out of the answer.

        Raises:
            SourceError: there is no telemetry, or the store is strict and something had to be skipped.
            QueryError: the store is closed, or files changed while it was asked.
        """
        from stormlog.explaining import accounts_of_issues

        return accounts_of_issues(self._explaining_store(), [[name] for name in fingerprint_ids])

    def memory_history(
        self,
        run_id: str,
        attempt: int = 1,
        *,
        session_id: str | None = None,
        shown: tuple[str, int] | None = None,
        parts: int = 360,
    ) -> MemoryHistory:
        """Return how the memory of a run went over time: few numbers, whatever its length and number of ranks.

        Args:
            run_id: A run, as view ``runs`` names it.
            attempt: Its attempt.
            session_id: Only this session of it.
            shown: Session and rank whose phases are returned, and whose memory is kept apart where there are more
                than 8 series.
            parts: Number of equal parts of the time.

        Raises:
            ValueError: ``parts`` is less than 1.
            SourceError: the store is strict and something had to be skipped.
            QueryError: the store is closed, or files changed while it was asked.

        Source: docs/report.md#pictures.
        """
        from stormlog.explaining import memory_history

        of_attempt = {"run_id": run_id, "attempt": attempt, "session_id": session_id}
        return memory_history(self._explaining_store().ask, of_attempt, shown=shown, parts=parts)

    def _explaining_store(self) -> ExplainingStore:
        """Return what an explanation asks: answers of one generation of files."""
        import time

        from stormlog.explaining import STATEMENTS, Store

        generation: Generation | None = None

        def ask(name: str, params: Mapping[str, Any]) -> list[tuple[Any, ...]]:
            nonlocal generation
            statement = statements.explaining_statement(name, params)
            rows, generation = self._run(name, statement, STATEMENTS[name], generation=generation)
            return rows

        def tracked(fingerprint_id: str) -> TrackedState | None:
            with self._lock:
                return self._states.state_of(fingerprint_id)

        @cache
        def modified_ns() -> dict[str, int]:
            snapshot = self._snapshot
            return {
                origin.recorded_path: state.modified_ns
                for origin in snapshot.origins
                if (state := snapshot.states[origin.path]) is not None
            }

        paths = [str(path) for path in self.catalog.paths]
        return Store(ask, tracked, modified_ns, paths, self._states.tracker, time.time_ns())
