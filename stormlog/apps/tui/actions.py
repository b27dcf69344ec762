"""From a key to a change: what is asked before, what is done, and what is said afterwards."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

from stormlog.apps.tui.board import BoardRow
from stormlog.apps.tui.prompts import Ask, Choose, Confirm, Field
from stormlog.errors import LifecycleError
from stormlog.workflows import Action, ignore_options

if TYPE_CHECKING:
    from stormlog.apps.tui.app import StormlogApp
    from stormlog.workflows import ActionDone

__all__ = ["ACTIONS", "Actions"]

#: Names of actions that can be typed as a command.
ACTIONS: Final = (*("claim", "resolve", "ignore", "reopen", "comment", "assign", "merge", "unmerge", "undo"),)
_NAMED: Final = 5
#: Code of a refused merge -> the option that says that it is meant, and how that is asked.
_MEANT: Final = {"merge_scope": "across_apps", "merge_hides_live_issue": "reopen"}
#: Code of a refusal because the list is out of date -> what is said of it; ``{0}`` is the error, ``{1}`` the issues.
_SEEN_OTHERWISE: Final = {
    "stale_revision": "{0}; it is shown as it is now, and nothing was done",
    "not_found": "{1}: not in this tracker any more, and nothing was done",
}
_QUESTIONS: Final = {"across_apps": "Merge them all the same?", "reopen": "Merge, and reopen it?"}


class Actions:
    """Does something with issues, and says what was done.

    Args:
        app: Asks, and shows what was done.
        changed: Called after something was done, or refused because somebody was quicker.
    """

    def __init__(self, app: StormlogApp, changed: Callable[[], None]) -> None:
        self._app = app
        self._changed = changed
        #: Whether the user agreed that the file of states is written.
        self._may_write = False
        #: The command that does the same as the last action.
        self.command: str | None = None

    def start(self, verb: str, rows: Sequence[BoardRow], current: BoardRow | None) -> None:
        """Ask what is to be asked, then do it.

        Args:
            verb: One of `ACTIONS`.
            rows: The selected issues, or the one under the cursor.
            current: The one under the cursor.
        """
        if self._app.board.place is None:
            self._without_tracker(verb, rows)
            return
        if verb == "undo":
            self._do(Action("undo"), ())
            return
        untracked = [row for row in rows if row.tracked is None]
        if not rows or current is None:
            self._app.say("there is no issue here")
            return
        if untracked:
            self._tell_how_to_record()
            return
        getattr(self, f"_{verb}")(list(rows), current)

    # ---- one method for each verb --------------------------------------------------------------------------

    def _claim(self, rows: list[BoardRow], _: BoardRow) -> None:
        def refused(error: LifecycleError) -> bool:
            if error.code != "already_claimed":
                return False
            self._confirm(f"{error}. Take it?", Action("claim", _ids(rows), {"take": True}), rows)
            return True

        self._do(Action("claim", _ids(rows)), rows, refused)

    def _reopen(self, rows: list[BoardRow], _: BoardRow) -> None:
        self._do(Action("reopen", _ids(rows)), rows)

    def _resolve(self, rows: list[BoardRow], _: BoardRow) -> None:
        def answered(answer: dict[str, str]) -> None:
            version = answer["version"].strip()
            self._do(Action("resolve", _ids(rows), {"version": version} if version else {}), rows)

        field = Field(
            "version", "Version of the code that has the fix", "blank: without one, it cannot regress"
        )
        self._ask(f"Resolve {_names(rows)}", [field], answered)

    def _ignore(self, rows: list[BoardRow], _: BoardRow) -> None:
        def answered(answer: dict[str, str]) -> None:
            reason = {"reason": answer["reason"].strip()} if answer["reason"].strip() else {}
            self._do(Action("ignore", _ids(rows), {**ignore_options(answer["until"]), **reason}), rows)

        fields = [
            Field("until", "Until", "blank: for good; next, 5 runs, 20 sessions, 3d, 2026-12-24"),
            Field("reason", "Why", "may be blank"),
        ]
        self._ask(
            f"Ignore {_names(rows)}", fields, answered, check=lambda answer: ignore_options(answer["until"])
        )

    def _comment(self, _: list[BoardRow], current: BoardRow) -> None:
        def answered(answer: dict[str, str]) -> None:
            self._do(Action("comment", _ids([current]), text=answer["body"]), [current])

        self._ask(
            f"Comment on {_names([current])}",
            [Field("body", "Comment, in Markdown")],
            answered,
            check=lambda answer: _require(answer["body"], "a comment says something"),
        )

    def _assign(self, rows: list[BoardRow], _: BoardRow) -> None:
        def answered(answer: dict[str, str]) -> None:
            name = answer["name"].strip()
            self._do(Action("assign", _ids(rows), {"to": name} if name else {"nobody": True}), rows)

        self._ask(f"Assign {_names(rows)}", [Field("name", "To", "blank: nobody")], answered)

    def _merge(self, rows: list[BoardRow], current: BoardRow) -> None:
        target = _ids([current])
        others = [row for row in rows if _ids([row]) != target]
        if not others:
            self._app.say(
                "select the other issues with Space first; they are merged into the one under the cursor"
            )
            return
        question = f"Merge {_names(others)} into {_names([current])}?"
        self._confirm_merge(question, (*target, *_ids(others)), {}, current)

    def _confirm_merge(
        self, question: str, ids: tuple[str, ...], options: dict[str, Any], current: BoardRow
    ) -> None:
        """Merge if the user agrees; what the tracker refuses unless it is meant is asked as well."""

        def refused(error: LifecycleError) -> bool:
            meant = _MEANT.get(error.code)
            if meant is None or meant in options or not _is_refused_for(meant, error):
                return False
            words = _QUESTIONS[meant]
            self._confirm_merge(f"{error}. {words}", ids, {**options, meant: True}, current)
            return True

        self._confirm(question, Action("merge", ids, options), [current], refused)

    def _unmerge(self, _: list[BoardRow], current: BoardRow) -> None:
        def choose(numbers: list[int]) -> None:
            if not numbers:
                self._app.say(f"nothing is merged into {_names([current])}")
                return

            def chosen(place: object) -> None:
                if isinstance(place, int):
                    self._do(Action("unmerge", (str(numbers[place]),)), ())

            self._app.push_screen(
                Choose(f"Bring back from {_names([current])}", [f"#{number}" for number in numbers]), chosen
            )

        board = self._app.board
        self._app.background.ask("merged", lambda: board.merged_numbers(current), choose, self._app.fail)

    # ---- asking and doing ----------------------------------------------------------------------------------

    def _ask(
        self,
        title: str,
        fields: list[Field],
        answered: Callable[[dict[str, str]], None],
        *,
        check: Callable[[dict[str, str]], object] = lambda _: None,
        note: str = "",
    ) -> None:
        def done(answer: object) -> None:
            if isinstance(answer, dict):
                answered(answer)

        self._app.push_screen(Ask(title, fields, check=check, note=note), done)

    def _confirm(
        self,
        question: str,
        action: Action,
        rows: Sequence[BoardRow],
        refused: Callable[[LifecycleError], bool] = lambda _: False,
    ) -> None:
        def done(answer: object) -> None:
            if answer:
                self._do(action, rows, refused)

        self._app.push_screen(Confirm(question), done)

    def _do(
        self,
        action: Action,
        rows: Sequence[BoardRow],
        refused: Callable[[LifecycleError], bool] = lambda _: False,
    ) -> None:
        """Do something in the tracker.

        Args:
            action: What.
            rows: The issues as the user has seen them.
            refused: Called if it is refused; whether that is dealt with.
        """
        seen = {row.tracked.issue_id: row.tracked.revision for row in rows if row.tracked is not None}

        def done(result: tuple[ActionDone, str]) -> None:
            what, self.command = result
            self._app.say(what.sentence, command=self.command, warnings=what.warnings)
            self._changed()

        def failed(error: Exception) -> None:
            if isinstance(error, LifecycleError):
                if refused(error):
                    return
                if error.code in _SEEN_OTHERWISE:
                    self._app.say(_SEEN_OTHERWISE[error.code].format(error, _names(rows)), is_problem=True)
                    self._changed()
                    return
            self._app.fail(error)

        board = self._app.board
        self._app.background.ask("action", lambda: board.perform(action, seen), done, failed)

    def _tell_how_to_record(self) -> None:
        board = self._app.board

        def tell(command: str) -> None:
            self._app.say("not in the tracker yet: a scan records it", command=command, is_problem=True)

        self._app.background.ask("recording", board.how_to_record, tell, self._app.fail)

    # ---- without a tracker ---------------------------------------------------------------------------------

    def _without_tracker(self, verb: str, rows: Sequence[BoardRow]) -> None:
        board = self._app.board
        if verb not in ("ignore", "reopen"):
            self._app.say(board.without_tracker(), is_problem=True)
            return
        if not rows:
            self._app.say("there is no issue here")
            return

        def write(reason: str | None) -> None:
            def work() -> str:
                return (
                    board.ignore_in_sidecar(rows, reason)
                    if verb == "ignore"
                    else board.reopen_in_sidecar(rows)
                )

            def done(sentence: str) -> None:
                hidden = " --hide-ignored" if verb == "ignore" else ""
                self.command = f"stormlog query issues {board.named_paths()}{hidden}"
                self._app.say(
                    sentence, command=self.command, note="leaves them out" if hidden else "lists them"
                )
                self._changed()

            self._app.background.ask("action", work, done, self._app.fail)

        def agreed(answer: object) -> None:
            self._may_write = bool(answer)
            if self._may_write:
                self._ask_reason(verb, rows, write)

        if self._may_write:
            self._ask_reason(verb, rows, write)
            return
        self._app.push_screen(
            Confirm(
                f"There is no tracker (--db FILE). States are written to {board.sidecar}, which all commands over "
                "these paths read from then on. Write it?"
            ),
            agreed,
        )

    def _ask_reason(self, verb: str, rows: Sequence[BoardRow], write: Callable[[str | None], None]) -> None:
        if verb == "reopen":
            write(None)
            return

        def answered(answer: dict[str, str]) -> None:
            write(answer["reason"].strip() or None)

        self._ask(f"Ignore {_counted(rows)}", [Field("reason", "Why", "may be blank")], answered)


def _is_refused_for(option: str, error: LifecycleError) -> bool:
    # Projects, and development and production, are never merged.
    return option != "across_apps" or option in str(error)


def _ids(rows: Sequence[BoardRow]) -> tuple[str, ...]:
    """Return the full ids of issues, each once: several rows may be one issue."""
    return tuple(dict.fromkeys(row.tracked.issue_id for row in rows if row.tracked is not None))


def _names(rows: Sequence[BoardRow]) -> str:
    numbers = list(dict.fromkeys(row.tracked.number for row in rows if row.tracked is not None))
    named = ", ".join(f"#{number}" for number in numbers[:_NAMED])
    return f"{named} and {len(numbers) - _NAMED:,} more" if len(numbers) > _NAMED else named


def _counted(rows: Sequence[Any]) -> str:
    from stormlog.presenting import counted

    return counted(len(rows), "issue")


def _require(text: str, message: str) -> None:
    if not text.strip():
        raise ValueError(message)
