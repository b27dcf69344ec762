"""What a compaction did, as plain values."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Any, TypedDict

__all__ = ["CompactionReport", "SegmentReport"]


@dataclass(frozen=True)
class SegmentReport:
    """One segment.

    Attributes:
        filename: Its name in the original.
        output_filename: Its name in the compacted sink.
        is_compacted: Whether it became Parquet; otherwise it was copied as it is.
        reason: Why it was copied; None if it was compacted.
        row_count: Rows of the Parquet file; None if it was copied.
        text_row_count: Those of them that keep their whole text, because their spelling is not the usual one.
        bytes_before: Its size.
        bytes_after: Its size in the compacted sink.
    """

    filename: str
    output_filename: str
    is_compacted: bool
    reason: str | None
    row_count: int | None
    text_row_count: int | None
    bytes_before: int
    bytes_after: int


class CompactionDocument(TypedDict):
    """What `CompactionReport.as_dict` returns.

    Attributes:
        compacted_count: Segments that became Parquet.
        copied_count: Segments that were copied as they are.
        row_count: Rows of all Parquet files written.
        bytes_before: Size of all segments.
        bytes_after: Their size in the compacted sink.
    """

    sink: str
    output: str
    is_replaced: bool
    is_restored: bool
    compacted_count: int
    copied_count: int
    row_count: int
    bytes_before: int
    bytes_after: int
    other_file_count: int
    other_bytes: int
    segments: list[Annotated[dict[str, Any], SegmentReport]]


@dataclass(frozen=True)
class CompactionReport:
    """What became of a sink.

    Attributes:
        sink: The sink that was read.
        output: Where the compacted sink is; the same path if it took its place.
        is_replaced: Whether it took the place of the original, which is gone then.
        is_restored: Whether an earlier replacement had been cut short and was undone first.
        segments: Every segment, in reading order.
        other_file_count: Files that are no segments and were carried over.
        other_bytes: Their size.
    """

    sink: str
    output: str
    is_replaced: bool
    is_restored: bool
    segments: tuple[SegmentReport, ...]
    other_file_count: int
    other_bytes: int

    @property
    def compacted(self) -> tuple[SegmentReport, ...]:
        """Segments that became Parquet."""
        return tuple(segment for segment in self.segments if segment.is_compacted)

    @property
    def copied(self) -> tuple[SegmentReport, ...]:
        """Segments that were copied as they are."""
        return tuple(segment for segment in self.segments if not segment.is_compacted)

    @property
    def row_count(self) -> int:
        """Rows of all Parquet files written."""
        return sum(segment.row_count or 0 for segment in self.segments)

    def as_dict(self) -> CompactionDocument:
        """Return everything, sums included, for JSON."""
        return {
            "sink": self.sink,
            "output": self.output,
            "is_replaced": self.is_replaced,
            "is_restored": self.is_restored,
            "compacted_count": len(self.compacted),
            "copied_count": len(self.copied),
            "row_count": self.row_count,
            "bytes_before": sum(segment.bytes_before for segment in self.segments),
            "bytes_after": sum(segment.bytes_after for segment in self.segments),
            "other_file_count": self.other_file_count,
            "other_bytes": self.other_bytes,
            "segments": [asdict(segment) for segment in self.segments],
        }
