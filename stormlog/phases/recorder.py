"""Records phases while a job runs: every accepted enter and exit becomes one boundary.

Promise: a rejected call changes nothing, so a job that misuses the API loses that boundary only.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import field
from types import TracebackType
from typing import Any

from stormlog._values import frozen_class
from stormlog.phases.models import (
    PHASE_ENTER_EVENT,
    PHASE_EXIT_EVENT,
    PHASE_SCOPE_ATTRIBUTES_KEY,
    PHASE_SCOPE_METADATA_KEY,
    format_phase_path,
)


class PhaseProtocolError(RuntimeError):
    """A phase was closed in a way that the recorder cannot accept.

    Attributes:
        code: ``phase_exit_no_stack``, ``phase_exit_not_lifo``, ``phase_exit_wrong_thread`` or
            ``phase_exit_unknown_scope``.
    """

    def __init__(self, message: str, *, code: str | None = None) -> None:
        self.code = code
        super().__init__(message)


@frozen_class
class PhaseBoundary:
    """What to write as one telemetry event: its type, its context text and its metadata."""

    event_type: str
    context: str
    metadata: dict[str, Any]
    scope_id: str
    path: tuple[str, ...]


@frozen_class
class PhaseToken:
    """Proof of an open phase, handed to `PhaseRecorder.exit`; ``name`` is the name as it was given."""

    scope_id: str
    session_id: str
    rank: int
    thread_id: int
    name: str


@frozen_class
class _OpenPhase:
    name: str
    path: tuple[str, ...]
    scope_id: str
    parent_scope_id: str | None
    thread_id: int
    thread_name: str
    attributes: dict[str, Any] = field(default_factory=dict)

    def boundary(self, action: str, sequence: int) -> PhaseBoundary:
        scope: dict[str, Any] = {
            "action": action,
            "name": self.name,
            "path": list(self.path),
            "depth": len(self.path),
            "scope_id": self.scope_id,
            "parent_scope_id": self.parent_scope_id,
            "thread_id": self.thread_id,
            "thread_name": self.thread_name,
            "sequence": sequence,
        }
        if self.attributes:
            scope[PHASE_SCOPE_ATTRIBUTES_KEY] = dict(self.attributes)
        entered = action == "enter"
        return PhaseBoundary(
            event_type=PHASE_ENTER_EVENT if entered else PHASE_EXIT_EVENT,
            context=f"Phase {'entered' if entered else 'exited'}: {format_phase_path(self.path)}",
            metadata={PHASE_SCOPE_METADATA_KEY: scope},
            scope_id=self.scope_id,
            path=self.path,
        )


class PhaseRecorder:
    """Keeps one stack of open phases per session, rank and thread; safe to share between threads.

    One counter numbers the boundaries of all of them, in the order in which they were accepted.

    Source: docs/concepts.md#phases.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sequence = 0
        self._stacks: dict[tuple[str, int, int], list[_OpenPhase]] = {}

    def reset(self) -> None:
        """Forget all open phases and restart the counter, so that the next scope is ``<session>:1``."""
        with self._lock:
            self._sequence = 0
            self._stacks.clear()

    def enter(
        self, *, session_id: str, rank: int, name: str, attrs: Mapping[str, Any] | None = None
    ) -> tuple[PhaseToken, PhaseBoundary]:
        """Open a phase on the calling thread and return the token that closes it.

        Raises:
            ValueError: the name is blank.
        """
        boundary = self.enter_phase(session_id=session_id, rank=rank, name=name, metadata=attrs)
        token = PhaseToken(boundary.scope_id, session_id, rank, threading.get_ident(), name)
        return token, boundary

    def enter_phase(
        self,
        *,
        session_id: str,
        rank: int,
        name: str,
        metadata: Mapping[str, Any] | None = None,
        thread_id: int | None = None,
        thread_name: str | None = None,
    ) -> PhaseBoundary:
        """Open a phase on one thread, inside the one that is innermost there.

        Args:
            session_id: Session that the phase belongs to.
            rank: Rank that the phase belongs to.
            name: Leaf name; surrounding blanks are dropped.
            metadata: Attributes, copied one level deep and repeated on exit.
            thread_id: Id of the thread, or of what stands for one, as a task does; None: the calling thread.
            thread_name: Its name; None likewise.

        Raises:
            ValueError: the name is blank; the counter is not used up.
        """
        leaf = str(name).strip()
        if not leaf:
            raise ValueError("phase name must not be blank")
        if thread_id is None:
            thread_id = threading.get_ident()
        if thread_name is None:
            thread_name = threading.current_thread().name
        attributes = dict(metadata) if metadata else {}
        with self._lock:
            self._sequence += 1
            stack = self._stacks.setdefault((session_id, rank, thread_id), [])
            parent = stack[-1] if stack else None
            opened = _OpenPhase(
                name=leaf,
                path=(*parent.path, leaf) if parent else (leaf,),
                scope_id=f"{session_id}:{self._sequence}",
                parent_scope_id=parent.scope_id if parent else None,
                thread_id=thread_id,
                thread_name=thread_name,
                attributes=attributes,
            )
            stack.append(opened)
            return opened.boundary("enter", self._sequence)

    def exit(self, token: PhaseToken) -> PhaseBoundary:
        """Close a token's phase; must run on the thread that opened it, innermost phase first.

        Raises:
            PhaseProtocolError: see `exit_phase`.
        """
        return self.exit_phase(
            session_id=token.session_id,
            rank=token.rank,
            scope_id=token.scope_id,
            thread_id=threading.get_ident(),
        )

    def exit_phase(self, *, session_id: str, rank: int, scope_id: str, thread_id: int) -> PhaseBoundary:
        """Close the innermost phase of one thread, which must have this scope id.

        Raises:
            PhaseProtocolError: another phase is innermost, or the scope is open elsewhere or nowhere;
                nothing changes.
        """
        key = (session_id, rank, thread_id)
        with self._lock:
            stack = self._stacks.get(key)
            if not stack or stack[-1].scope_id != scope_id:
                raise self._exit_error(key, scope_id)
            opened = stack.pop()
            if not stack:
                del self._stacks[key]
            self._sequence += 1
            return opened.boundary("exit", self._sequence)

    def _exit_error(self, key: tuple[str, int, int], scope_id: str) -> PhaseProtocolError:
        stack = self._stacks.get(key, [])
        if any(opened.scope_id == scope_id for opened in stack):
            return PhaseProtocolError(
                f"phase scope {scope_id!r} cannot be closed while {stack[-1].scope_id!r} is open inside it",
                code="phase_exit_not_lifo",
            )
        for other, opened_there in self._stacks.items():
            if other[:2] == key[:2] and any(opened.scope_id == scope_id for opened in opened_there):
                return PhaseProtocolError(
                    f"phase scope {scope_id!r} was opened on thread {other[2]}, not on thread {key[2]}",
                    code="phase_exit_wrong_thread",
                )
        if not stack:
            return PhaseProtocolError(
                f"no phase is open on thread {key[2]} of session {key[0]!r}, rank {key[1]}",
                code="phase_exit_no_stack",
            )
        return PhaseProtocolError(
            f"phase scope {scope_id!r} is not open in session {key[0]!r}, rank {key[1]}",
            code="phase_exit_unknown_scope",
        )


class PhaseHandle:
    """An open phase that closes once: by `close`, or at the end of a ``with`` block.

    Args:
        scope_id: Scope id of the phase.
        name: Leaf name.
        path: Names from the outermost phase to this one.
        close_callback: Records the exit; when it raises, the handle stays open.
    """

    def __init__(
        self, *, scope_id: str, name: str, path: tuple[str, ...], close_callback: Callable[[], Any]
    ) -> None:
        self.scope_id = scope_id
        self.name = name
        self.path = path
        self._close_callback = close_callback
        self._closed = False
        self._closing = False
        self._lock = threading.RLock()

    @property
    def phase_path(self) -> str:
        """Path label, outermost name first."""
        return format_phase_path(self.path)

    @property
    def closed(self) -> bool:
        """Whether the exit was recorded."""
        return self._closed

    def close(self) -> Any:
        """Record the exit and return what the callback returned; ``None`` once closed."""
        with self._lock:
            # A callback may reach this handle again (for example while it closes everything).
            if self._closed or self._closing:
                return None
            self._closing = True
            try:
                result = self._close_callback()
                self._closed = True
            finally:
                self._closing = False
            return result

    def __enter__(self) -> PhaseHandle:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
