"""Lists of rows that a notebook shows as a table.

Promise: they are lists, with everything that lists do; only what a prompt or a notebook shows of them is short.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, SupportsIndex, TypeVar, overload

if TYPE_CHECKING:
    from typing import Self

    from stormlog.issues import StormlogIssue as _StormlogIssue
else:
    # A base class is not in quotes, and a list needs to know nothing of what is in it.
    _StormlogIssue = object


__all__ = ["IssueList", "RowList"]

_Row = TypeVar("_Row")


class RowList(list[_Row]):
    """The rows of an answer. A slice of it is one, too.

    Source: docs/notebooks.md.
    """

    __slots__ = ()

    @overload
    def __getitem__(self, index: SupportsIndex) -> _Row: ...

    @overload
    def __getitem__(self, index: slice) -> Self: ...

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        return type(self)(found) if isinstance(index, slice) else found  # type: ignore[arg-type]

    def __repr__(self) -> str:
        from stormlog._short_repr import repr_of_rows  # Late: commands print no lists.

        return repr_of_rows(self)

    def _repr_html_(self) -> str:
        from stormlog._notebooks import shown_by  # Late: commands have no notebook.

        return shown_by("rows_html", self)


class IssueList(RowList[_StormlogIssue]):
    """Issues, the worst and latest first.

    Source: docs/notebooks.md.
    """

    __slots__ = ()

    def _repr_html_(self) -> str:
        from stormlog._notebooks import shown_by  # Late: commands have no notebook.

        return shown_by("issues_html", self)
