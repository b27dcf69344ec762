"""Exports as text: metrics and log lines, printed or written to a file."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

from stormlog.apps.cli.answers import Request, open_store, reading
from stormlog.apps.cli.printing import diagnostics, output

if TYPE_CHECKING:
    from collections.abc import Iterable

    from stormlog.query import QueryStore

__all__ = ["export_text"]


def export_text(
    format_name: str, target: str | None, request: Request, *, since: int | None, replaces: bool
) -> None:
    """Print an export, or write it.

    Args:
        format_name: ``openmetrics`` or ``otlp-jsonl``.
        target: The file to write; None or ``-`` prints.
        request: How the paths are read.
        since: Leave out what is older, nanoseconds since the Unix epoch.
        replaces: Whether a file that exists may be replaced.

    Raises:
        ValueError: a file must not be written, or a setting is wrong.
        SourceError: nothing to read, or something skipped where that is not allowed.
        QueryError: it was stopped, or DuckDB failed.
        ExportError: the file cannot be written.
    """
    with open_store(request) as store, ExitStack() as watching:
        if target in (None, "-"):
            with reading(store, watching, request):
                texts = _texts(store, format_name, since)
            output.print_utf8(texts)
        else:
            # Before anything is read, which may take long.
            store.require_text_target(target, replace=replaces)
            with reading(store, watching, request):
                store.write_text(target, _texts(store, format_name, since), replace=replaces)
        output.flush()
        if not request.quiet:
            diagnostics.print_skipped(diagnostics.notices(store))


def _texts(store: QueryStore, format_name: str, since: int | None) -> Iterable[str]:
    if format_name == "openmetrics":
        return [store.openmetrics(since=since)]
    return store.iter_otlp_logs(since=since)
