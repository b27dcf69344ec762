"""What went wrong without failing the job: noted for people to look at.

Source: docs/capture.md#when-something-goes-wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import TracebackType

__all__ = ["Problems"]

#: Problems that are kept.
_MOST = 100


class Problems(list[str]):
    """Problems, the oldest first, each once."""

    def note(self, problem: str) -> None:
        """Add a problem, if there is room."""
        if len(self) < _MOST and problem not in self:
            self.append(problem)

    def note_error(self, doing: str, error: BaseException) -> None:
        """Add what failed, and by which exception."""
        self.note(f"{doing}: {type(error).__name__}: {error}")

    def note_odd(self, names: Sequence[str]) -> None:
        """Add values of metadata that were left out."""
        for name in names:
            self.note(f"metadata {name[:100]!r} was left out: it has no form as JSON, or is too long")

    def reported(self, doing: str) -> _Reported:
        """Return a block whose exceptions are kept from the job, and noted.

        Args:
            doing: What it does.
        """
        return _Reported(self, doing)


class _Reported:
    """A class, for each sample takes several: generators take three times as long."""

    __slots__ = ("_doing", "_problems")

    def __init__(self, problems: Problems, doing: str) -> None:
        self._problems = problems
        self._doing = doing

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        exception: BaseException | None,
        traceback: TracebackType | None,
    ) -> bool:
        if not isinstance(exception, Exception):
            return False
        self._problems.note_error(self._doing, exception)
        return True
