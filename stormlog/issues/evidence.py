"""One piece of evidence, and a sequence of evidence that is read when someone looks at it.

Promise: a lazy sequence behaves as the tuple it stands for, and costs nothing until then.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, overload

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class


@frozen_class
class IssueEvidenceLink:
    """Where one hit of an issue was seen; every field may be unknown.

    Attributes:
        session_id: Session of the hit.
        timestamp_ns: Nanoseconds since the Unix epoch.
        rank: Rank of the event.
        source_path: File or directory that holds the evidence.
        source_kind: Kind of that source, for example ``jsonl`` or ``oom_bundle``.
        event_type: Type of the event.
        bundle_path: OOM bundle that belongs to the hit.
        metadata: Facts that depend on the kind of issue.
    """

    session_id: str | None = None
    timestamp_ns: int | None = None
    rank: int | None = None
    source_path: str | None = None
    source_kind: str | None = None
    event_type: str | None = None
    bundle_path: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    timestamp = ReadableTime()

    def as_dict(self) -> dict[str, Any]:
        """Return the fields in their order, JSON-ready as far as the metadata is."""
        return {
            "session_id": self.session_id,
            "timestamp_ns": self.timestamp_ns,
            "rank": self.rank,
            "source_path": self.source_path,
            "source_kind": self.source_kind,
            "event_type": self.event_type,
            "bundle_path": self.bundle_path,
            "metadata": dict(self.metadata),
        }


class LazyEvidence(Sequence[IssueEvidenceLink]):
    """An immutable sequence of evidence that is loaded once, on first access to an item.

    Its length is known beforehand. It equals the tuple of its items, slices to tuples, and several
    threads may share it: one of them loads, the others wait.

    Args:
        count: Number of items.
        load: Returns the items; called once, unless it raises: then the next access tries again.

    Raises:
        ValueError: negative count; on access, when `load` returns another number of items.
    """

    __slots__ = ("_count", "_items", "_load", "_lock")

    def __init__(self, count: int, load: Callable[[], Sequence[IssueEvidenceLink]]) -> None:
        if count < 0:
            raise ValueError(f"count must not be negative, got {count}")
        self._count = count
        self._items: tuple[IssueEvidenceLink, ...] | None = None
        self._load: Callable[[], Sequence[IssueEvidenceLink]] | None = load
        # Re-entrant, so that a loader that looks at its own evidence fails instead of hanging.
        self._lock = threading.RLock()

    @property
    def is_loaded(self) -> bool:
        """Whether the items were read already."""
        return self._items is not None

    def _loaded(self) -> tuple[IssueEvidenceLink, ...]:
        items = self._items
        if items is not None:
            return items
        with self._lock:
            if self._items is None:
                assert self._load is not None
                items = tuple(self._load())
                if len(items) != self._count:
                    raise ValueError(f"expected {self._count} pieces of evidence, loaded {len(items)}")
                self._items = items
                self._load = None  # Lets go of whatever the loader holds on to.
            return self._items

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> IssueEvidenceLink: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[IssueEvidenceLink, ...]: ...

    def __getitem__(self, index: int | slice) -> IssueEvidenceLink | tuple[IssueEvidenceLink, ...]:
        return self._loaded()[index]

    def __iter__(self) -> Iterator[IssueEvidenceLink]:
        return iter(self._loaded())

    def __contains__(self, item: object) -> bool:
        return item in self._loaded()

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, (tuple, LazyEvidence)):
            return NotImplemented
        if len(other) != self._count:
            return False
        return self._loaded() == (other if isinstance(other, tuple) else other._loaded())

    def __hash__(self) -> int:
        return hash(self._loaded())

    def __repr__(self) -> str:
        if self._items is None:
            return f"<{self._count} pieces of evidence, not loaded>"
        from stormlog._short_repr import repr_of_rows  # Late: commands print no objects.

        return repr_of_rows(self._items)

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy in another process has no store to load from: it gets the items.
        return tuple, (self._loaded(),)
