"""Where the states of issues come from: a tracker, else ``issues.json`` beside the artifacts.

The promise: a question sees what the tracker says when it is asked, and what sidecars said when the paths were
looked at last; a damaged sidecar costs a warning and no issue.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from stormlog._paths import require_path
from stormlog.artifacts import CatalogWarning
from stormlog.errors import SourceError

if TYPE_CHECKING:
    import sqlite3

    from stormlog.artifacts import ArtifactCatalog
    from stormlog.engine.tracked.sqlite_file import TrackerFile
    from stormlog.issues import IgnoreRule
    from stormlog.issues.sidecar import TrackedState

__all__ = ["NO_TRACKER", "Shown", "StateSource"]

#: Identifies what was read: another one means that something may have changed.
Token = tuple[int, int]

#: Of tables without a tracker.
NO_TRACKER: Token = (0, 0)


class Shown(NamedTuple):
    """What is known at one moment.

    Attributes:
        tables: The tables of the tracker; without one they are empty.
        tables_token: Changes when they may have.
        states: What speaks for each fingerprint id that is known.
        states_token: Changes when they may have.
    """

    tables: sqlite3.Connection
    tables_token: Token
    states: Mapping[str, TrackedState]
    states_token: Token


class StateSource:
    """What is known of issues besides their evidence.

    Args:
        tracker: A tracker; with one, sidecars do not count.
        project: Project of the tracker.
        ignore: Rules by which issues are ignored; with a tracker, only its own rules count.

    Raises:
        MigrationError: the tracker is of another version, or something else.
        SourceError: it is missing or cannot be read, or has no such project.
    """

    def __init__(
        self,
        tracker: str | os.PathLike[str] | None = None,
        project: str = "default",
        ignore: Sequence[IgnoreRule] = (),
    ) -> None:
        self._tracker = None if tracker is None else require_path(tracker, "the path of the tracker")
        self._project = project
        self._file: TrackerFile | None = None
        self._openings = 0
        self._token = NO_TRACKER
        self._states: dict[str, TrackedState] = {}
        self._overrides: dict[str, str] = {}
        self._configured_rules = tuple(ignore)
        self._rules: tuple[IgnoreRule, ...] = self._configured_rules if tracker is None else ()
        self._is_closed = False
        self._update()

    def close(self) -> None:
        """Let go of the tracker; nothing is known from then on."""
        self._is_closed = True
        if self._file is not None:
            self._file.close()
            self._file = None

    def look(self, catalog: ArtifactCatalog) -> bool:
        """Read what lies beside the artifacts now.

        Args:
            catalog: What was found; it gets a warning for each sidecar that is none.

        Returns:
            Whether an issue may show another state than it did when this was called last.
        """
        before = self._overrides, self._rules
        if self._tracker is None:
            found: list[TrackedState] = []
            rules = list(self._configured_rules)
            for path in catalog.issue_sidecars:
                # Late: most artifacts have none, and this reads more than it takes to answer from what is kept.
                from stormlog.issues.sidecar import read_sidecar

                try:
                    sidecar = read_sidecar(path, catalog.opened.also([os.path.realpath(path.parent)]))
                    found += sidecar.states
                    rules += sidecar.ignore
                except SourceError as error:
                    message = f"was skipped: {str(error).removeprefix(f'{path}: ')}"
                    catalog.warnings.append(CatalogWarning(str(path), message, "issue_sidecar_invalid"))
            self._set(found, (0, self._token[1] + 1))
            self._rules = tuple(rules)
        self._update()
        return (self._overrides, self._rules) != before

    def overrides(self, explicit: Mapping[str, str] | None) -> dict[str, str]:
        """Return fingerprint id -> state for all that are not simply open.

        Args:
            explicit: What a caller says; it wins.
        """
        self._update()
        return {**self._overrides, **(explicit or {})}

    def ignored(
        self, issues: Iterable[tuple[str, str, Mapping[str, Any]]], explicit: Mapping[str, str] | None
    ) -> dict[str, str]:
        """Return fingerprint id -> ``ignored`` for the issues that rules ignore.

        Args:
            issues: Fingerprint id, kind and dimensions of each.
            explicit: What a caller says; it wins.
        """
        from stormlog.issues import ignoring_rule, may_be_ignored

        found: dict[str, str] = {}
        for fingerprint_id, kind, dimensions in issues:
            state = self._states.get(fingerprint_id)
            is_open = may_be_ignored(None if state is None else state.effective_status)
            if fingerprint_id in (explicit or {}) or not is_open:
                continue
            if ignoring_rule(self._rules, fingerprint_id, kind, dimensions) is not None:
                found[fingerprint_id] = "ignored"
        return found

    @property
    def has_rules(self) -> bool:
        """Whether there are rules by which issues are ignored."""
        return bool(self._rules)

    @property
    def tracker(self) -> str | None:
        """Path of the tracker, if there is one."""
        return self._tracker

    def state_of(self, fingerprint_id: str) -> TrackedState | None:
        """Return what is known of an issue now; None for nothing."""
        self._update()
        return self._states.get(fingerprint_id)

    @contextmanager
    def showing(self) -> Iterator[Shown]:
        """Show everything as it is at one moment."""
        from stormlog.engine.tracked.sqlite_file import empty_tracker

        file = self._opened()
        if file is not None:
            with file.reading() as connection:
                self._read(file)
                yield Shown(connection, self._token, self._states, self._token)
            return
        connection = empty_tracker()
        try:
            yield Shown(connection, NO_TRACKER, self._states, self._token)
        finally:
            connection.close()

    def _update(self) -> None:
        """Read the tracker again if somebody changed it."""
        file = self._opened()
        if file is not None and self._token != self._token_of(file):
            with file.reading():
                self._read(file)

    def _read(self, file: TrackerFile) -> None:
        token = self._token_of(file)
        if token != self._token:
            self._set(file.states(self._project), token)
            self._rules = file.ignore_rules(self._project)

    def _token_of(self, file: TrackerFile) -> Token:
        return self._openings, file.data_version()

    def _opened(self) -> TrackerFile | None:
        """Return the tracker, opened anew if somebody put another one in its place; None if there is none."""
        if self._tracker is None or self._is_closed:
            return None
        if self._file is None or not self._file.is_current:
            from stormlog.engine.tracked.sqlite_file import TrackerFile

            if self._file is not None:
                self._file.close()
                self._file = None
            self._file = TrackerFile(self._tracker)
            self._openings += 1
        return self._file

    def _set(self, found: list[TrackedState], token: Token) -> None:
        if found:
            from stormlog.issues.sidecar import speaking_states

            self._states = speaking_states(found)
        else:
            self._states = {}
        self._overrides = {
            fingerprint_id: state.state
            for fingerprint_id, state in self._states.items()
            if state.state != "open"
        }
        self._token = token
