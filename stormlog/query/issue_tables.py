"""A long list of issues, of which somebody looks at one page after the other.

Promise: the order and the number of the issues are those of `stormlog.query.QueryStore.list_issues`. Objects are made
of the rows that are looked at, and of no others.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from stormlog._readable_times import ReadableTime
from stormlog._values import frozen_class
from stormlog.issues.what import what_of

if TYPE_CHECKING:
    import pyarrow

__all__ = ["IssueTable", "IssuePageFacts", "IssueRow", "light_statement"]

#: Characters of a title that a list keeps: a title may have millions.
_TITLE_CHARACTERS = 1_000

_COLUMNS = f"""
    fingerprint_id, kind, state, severity, left(title, {_TITLE_CHARACTERS}) AS title, dimensions,
    coalesce(
        json_extract_string(details, '$.exception_type'), json_extract_string(bundle_details, '$.exception_type')
    ) AS exception_type,
    hit_count, coalesce(len(affected_sessions), 0) AS session_count, first_seen_ns, last_seen_ns,
    CAST(NULL AS VARCHAR) AS issue_id, true AS is_exact, true AS has_evidence, fingerprint_id AS key"""

#: Fields by which a list can be divided.
_FACETS = ("severity", "kind", "state")


@frozen_class
class IssueRow:
    """An issue as lists show it.

    Args:
        title: Its first 1,000 characters.
        what: What tells it from issues of the same title.
        hit_count: Pieces of evidence.
        session_count: Sessions with hits.
        first_seen_ns: Nanoseconds since the Unix epoch; None where no hit has a time.
        last_seen_ns: Likewise.
        issue_id: Id of the issue of a tracker that the row stands for; None for a fingerprint that none has.
        is_exact: Whether the fingerprint is all of that issue, and of no other: counts are about the fingerprint.
        has_evidence: False for an issue that only the tracker knows: everything is as the tracker says.
    """

    fingerprint_id: str
    kind: str
    state: str
    severity: str
    title: str
    what: str
    hit_count: int
    session_count: int
    first_seen_ns: int | None
    last_seen_ns: int | None
    issue_id: str | None = None
    is_exact: bool = True
    has_evidence: bool = True
    first_seen = ReadableTime()
    last_seen = ReadableTime()

    @property
    def key(self) -> str:
        """What no other row of the list has: the id of the issue, or of the fingerprint."""
        return self.issue_id or self.fingerprint_id


class IssuePageFacts(NamedTuple):
    """What lists show of an issue besides: it is counted for one page only.

    Attributes:
        failure_count: Failures, an OOM bundle and the event that it tells of being one.
        run_count: Runs with it.
        trend: Hits in 24 equal parts of the time between the first and the last hit of all issues; none where no hit
            has a time.
        is_dev: Whether all of its hits are of development.
    """

    failure_count: int | None
    run_count: int | None
    trend: Sequence[int]
    is_dev: bool


class IssueTable:
    """Issues in their order.

    Args:
        table: The rows of `light_statement`.
    """

    def __init__(self, table: pyarrow.Table) -> None:
        self._table = table.combine_chunks()

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def rows(self, start: int, stop: int) -> list[IssueRow]:
        """Return the issues at some places, from 0; places behind the end have none."""
        return _rows(self._slice(start, stop))

    def rows_of(self, keys: Sequence[str]) -> list[IssueRow]:
        """Return some rows by their keys, in the order of the list; those that are not in it are left out."""
        import pyarrow
        import pyarrow.compute as compute

        is_wanted = compute.is_in(self._table.column("key"), value_set=pyarrow.array(keys, pyarrow.string()))
        return _rows(self._table.filter(is_wanted))

    def keys(self, start: int, stop: int) -> list[str]:
        """Return the keys of the rows at some places."""
        return self._slice(start, stop).column("key").to_pylist()  # type: ignore[no-any-return]

    def place_of(self, key: str) -> int | None:
        """Return the place of a row by its key, or of the first whose fingerprint begins with a text; None for none."""
        import pyarrow.compute as compute

        place = compute.index(self._table.column("key"), key).as_py()
        if place < 0:
            ids = self._table.column("fingerprint_id")
            place = compute.index(compute.starts_with(ids, pattern=key), True).as_py()
        return None if place < 0 else int(place)

    def places_of(self, others: IssueTable) -> list[int]:
        """Return the places of the rows whose fingerprints another list has too, in order."""
        import pyarrow.compute as compute

        ids, wanted = self._table.column("fingerprint_id"), others._table.column("fingerprint_id")
        is_there = compute.is_in(ids, value_set=wanted.combine_chunks())
        return compute.indices_nonzero(is_there).to_pylist()  # type: ignore[no-any-return]

    def tracked(self, issues: Sequence[tuple[str, str, bool]], *, shows_untracked: bool) -> IssueTable:
        """Return the list with a row for each issue of a tracker, where its first fingerprint stands.

        Args:
            issues: Fingerprint id, issue id, and whether the issue is wanted, for every fingerprint of every issue. Of
                issues with the same first fingerprint, those that are named first come first.
            shows_untracked: Whether fingerprints that no issue has keep their rows.
        """
        import pyarrow
        import pyarrow.compute as compute

        columns = zip(*issues, strict=True) if issues else ((), (), ())
        types = (pyarrow.string(), pyarrow.string(), pyarrow.bool_())
        names = ("fingerprint_id", "issue_id", "is_wanted")
        known = pyarrow.table(
            {
                name: pyarrow.array(values, kind)
                for name, values, kind in zip(names, columns, types, strict=True)
            }
        ).append_column("turn", pyarrow.array(range(len(issues)), pyarrow.int64()))
        places = pyarrow.table(
            {
                "fingerprint_id": self._table.column("fingerprint_id"),
                "place": pyarrow.array(range(len(self)), pyarrow.int64()),
            }
        )
        joined = places.join(known, "fingerprint_id", join_type="left outer")
        wanted = joined.filter(compute.field("is_wanted")).group_by("issue_id")
        rows = wanted.aggregate([("place", "min"), ("turn", "min")]).select(
            ["issue_id", "place_min", "turn_min"]
        )
        rows = rows.rename_columns(["issue_id", "place", "turn"])
        if shows_untracked:
            others = joined.filter(compute.is_null(joined.column("issue_id")))
            rows = pyarrow.concat_tables([rows, others.select(["issue_id", "place", "turn"])])
        rows = rows.sort_by([("place", "ascending"), ("turn", "ascending")])
        table = self._table.take(rows.column("place"))
        keys = compute.coalesce(rows.column("issue_id"), table.column("fingerprint_id"))
        is_mixed = compute.or_(
            compute.is_in(table.column("fingerprint_id"), value_set=_repeated(known, "fingerprint_id")),
            compute.is_in(rows.column("issue_id"), value_set=_repeated(known, "issue_id")),
        )
        columns_of = {"issue_id": rows.column("issue_id"), "is_exact": compute.invert(is_mixed), "key": keys}
        for name, values in columns_of.items():
            table = table.set_column(table.schema.get_field_index(name), name, values)
        return IssueTable(table)

    def followed_by(self, rows: Sequence[Sequence[Any]]) -> IssueTable:
        """Return the list with more rows at its end.

        Args:
            rows: Values of the columns, in the order of `light_statement`.
        """
        import pyarrow

        schema = self._table.schema
        columns = zip(*rows, strict=True) if rows else ([] for _ in schema)
        arrays = [pyarrow.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
        return IssueTable(pyarrow.concat_tables([self._table, pyarrow.table(arrays, schema=schema)]))

    def facets(self) -> dict[str, list[tuple[str, int]]]:
        """Return how many issues there are of each severity, kind and state, the most frequent first."""
        return {name: self._values(name) for name in _FACETS}

    def _values(self, name: str) -> list[tuple[str, int]]:
        import pyarrow.compute as compute

        found = compute.value_counts(self._table.column(name)).to_pylist()
        counts = [(str(item["values"]), int(item["counts"])) for item in found]
        return sorted(counts, key=lambda item: (-item[1], item[0]))

    def _slice(self, start: int, stop: int) -> pyarrow.Table:
        return self._table.slice(max(start, 0), max(stop - max(start, 0), 0))


def light_statement(text: str) -> str:
    """Return the statement of ``list_issues`` with the columns that lists show, instead of its own.

    Args:
        text: That statement.
    """
    _, source, rest = text.partition("\nFROM (")
    assert source, text
    return f"SELECT{_COLUMNS}{source}{rest}"


def _repeated(table: pyarrow.Table, name: str) -> pyarrow.Array:
    """Return the values of a column that are there more than once."""
    import pyarrow.compute as compute

    counts = compute.value_counts(table.column(name))
    return counts.field("values").filter(compute.greater(counts.field("counts"), 1))


def _rows(table: pyarrow.Table) -> list[IssueRow]:
    return [_row(*values) for values in zip(*table.drop_columns(["key"]).to_pydict().values(), strict=True)]


def _row(
    fingerprint_id: str,
    kind: str,
    state: str,
    severity: str,
    title: str,
    dimensions: str,
    exception_type: str | None,
    *counts_and_times: Any,
) -> IssueRow:
    details = {} if exception_type is None else {"exception_type": exception_type}
    what = what_of(kind, json.loads(dimensions), details, fingerprint_id)
    return IssueRow(fingerprint_id, kind, state, severity, title, what, *counts_and_times)
