"""Loads the evidence of listed issues when it is looked at, several issues at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from stormlog.errors import QueryError

if TYPE_CHECKING:
    from stormlog.issues import IssueEvidenceLink

__all__ = ["EvidenceLoader"]

_ROWS_AT_ONCE = 20_000


class EvidenceLoader:
    """Answers for all issues of one list.

    Who looks at one issue may want no other, so the first is loaded alone; who looks at a second one mostly
    wants all, and a statement for each would take longer than all the rest.

    Args:
        read: Returns the rows of ``list_evidence`` for some fingerprint ids.
        hit_counts: Fingerprint id and number of pieces of evidence of each issue, in order.
    """

    def __init__(
        self, read: Callable[[list[str]], list[tuple[Any, ...]]], hit_counts: Sequence[tuple[str, int]]
    ) -> None:
        self._read = read
        self._hit_counts = list(hit_counts)
        self._positions = {fingerprint_id: number for number, (fingerprint_id, _) in enumerate(hit_counts)}
        self._loaded: dict[str, list[tuple[Any, ...]]] = {}
        self._has_loaded = False
        # The issues of one list may be looked at by several threads.
        self._lock = threading.Lock()

    def load(self, fingerprint_id: str) -> list[IssueEvidenceLink]:
        """Return the evidence of an issue.

        Raises:
            QueryError: the files do not hold what they held when the issues were listed.
        """
        from stormlog.query.results import evidence_link

        with self._lock:
            rows = self._rows_of(fingerprint_id)
        if len(rows) != self._hit_counts[self._positions[fingerprint_id]][1]:
            raise QueryError(
                "the files changed after the issues were listed; refresh the store and ask again"
            )
        return [evidence_link(row[1:]) for row in rows]

    def _rows_of(self, fingerprint_id: str) -> list[tuple[Any, ...]]:
        rows = self._loaded.pop(fingerprint_id, None)
        if rows is None:
            ids = self._next_ids(fingerprint_id) if self._has_loaded else [fingerprint_id]
            loaded: dict[str, list[tuple[Any, ...]]] = {wanted: [] for wanted in ids}
            for row in self._read(ids):
                loaded[row[0]].append(row)
            self._has_loaded, self._loaded = True, loaded
            rows = self._loaded.pop(fingerprint_id)
        return rows

    def _next_ids(self, fingerprint_id: str) -> list[str]:
        first = self._positions[fingerprint_id]
        ids = [fingerprint_id]
        total = self._hit_counts[first][1]
        for other, count in self._hit_counts[first + 1 : first + _ROWS_AT_ONCE]:
            total += count
            if total > _ROWS_AT_ONCE:
                break
            ids.append(other)
        return ids
