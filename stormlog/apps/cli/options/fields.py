"""``--fields``: which fields of the rows are printed, in which order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import click

from stormlog.apps.cli.options.targets import Column, Target, light_row
from stormlog.apps.cli.printing.json_text import FieldsInOrder

__all__ = ["chosen_fields", "chosen_target", "known_fields", "parse_fields"]

#: Fields of issues beside those that tables and CSV lead with; the list of all evidence is read when it is looked at.
_OTHER_FIELDS = {
    "IssueFilter": ("details", "evidence", "fingerprint"),
    "SessionFilter": ("source",),
    "CorrelationFilter": ("evidence_id", "world_size", "metadata"),
    "RunFilter": ("description", "tags", "metadata"),
    "RunAttachmentFilter": ("attachment_id", "local_rank", "world_size", "start_ns", "end_ns", "metadata"),
    "EventFilter": (
        *("schema_version", "sampling_interval_ms", "pid", "host", "job_id", "device_id"),
        *(
            "allocator_active_bytes",
            "allocator_inactive_bytes",
            "allocator_change_bytes",
            "device_free_bytes",
        ),
        *("device_total_bytes", "context", "metadata"),
    ),
}

#: Fields of issues that JSON has in another form -> what makes that form.
_PLAIN: Mapping[str, Callable[[Any], Any]] = {
    "affected_sessions": list,
    "details": dict,
    "evidence": lambda links: [link.as_dict() for link in links],
}


def parse_fields(text: str | None, known: Iterable[str]) -> tuple[str, ...] | None:
    """Return the names in a value of ``--fields``; None if it was not given.

    Args:
        text: Names with commas between.
        known: Names that there are.

    Raises:
        click.BadParameter: an unknown name, one that is named twice, or none.
    """
    if text is None:
        return None
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    there_are = tuple(dict.fromkeys(known))
    for name in names:
        if name not in there_are:
            _refuse(f"there is no field {name!r}; there are {', '.join(there_are)}")
        if names.count(name) > 1:
            _refuse(f"{name!r} is named twice")
    if not names:
        _refuse(f"name some of {', '.join(there_are)}")
    return names


def known_fields(target: Target) -> tuple[str, ...]:
    """Return the fields that the rows of a target have, the usual columns first."""
    readable = tuple(column.key for column in target.readable)
    return tuple(dict.fromkeys((*target.preferred, *_OTHER_FIELDS.get(target.filter_name, ()), *readable)))


def chosen_target(target: Target, fields: Sequence[str]) -> Target:
    """Return a target whose rows have these fields alone, in this order."""
    shown = {column.key: column for column in target.readable}
    columns = (replace(shown[name], rank=0) if name in shown else _column(name) for name in fields)
    return replace(target, preferred=tuple(fields), readable=tuple(columns))


def chosen_fields(row: Any, fields: Sequence[str]) -> FieldsInOrder:
    """Return some fields of a row, in the order given; nothing else of an issue is worked out.

    Args:
        row: A row, an issue or a mapping.
        fields: Their names.
    """
    known = row if isinstance(row, Mapping) else light_row(row, fields)
    chosen = FieldsInOrder((name, known[name]) for name in fields)
    if not isinstance(row, Mapping):
        for name, plain in _PLAIN.items():
            if name in chosen:
                chosen[name] = plain(chosen[name])
    return chosen


def _column(name: str) -> Column:
    if name.endswith("_ns"):
        return Column(name, name, "time")
    if name.endswith("_bytes"):
        return Column(name, name, "bytes")
    return Column(name, name)


def _refuse(problem: str) -> None:
    raise click.BadParameter(f"{problem}.", param_hint="'--fields'")
