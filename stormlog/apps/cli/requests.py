"""Makes a request of the options of a ``stormlog query`` command."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stormlog.apps.cli.options.filter_options import given_filters
from stormlog.apps.cli.options.options import cache_of, format_of, name_tracker
from stormlog.apps.cli.options.shown_times import moments_of
from stormlog.apps.cli.options.targets import Target

if TYPE_CHECKING:
    from stormlog.apps.cli.answers import Request

__all__ = ["answer_rows", "split_request"]

#: Options that go into a `Request` as they are.
_SETTINGS = (
    "paths",
    "sql",
    "tracker",
    "project",
    "strict",
    "threads",
    "memory_limit",
    "spill_directory",
    "spill_limit",
    "unpack_limit",
    "quiet",
    "no_colour",
)


def answer_rows(
    target: Target, options: dict[str, Any], *, shows_states: bool = False, follow_s: float | None = None
) -> None:
    """Print the rows that a command asks for; arguments and errors are those of `split_request`."""
    from stormlog.apps.cli.answers import answer

    answer(target, *split_request(options, shows_states=shows_states, follow_s=follow_s))


def split_request(
    options: dict[str, Any], *, shows_states: bool, follow_s: float | None = None
) -> tuple[dict[str, Any], Request]:
    """Return the fields of the filter that options name, and everything else that they ask for.

    Args:
        options: What the command received.
        shows_states: Whether states of a tracker are of use for the rows.
        follow_s: Seconds between two looks at the paths; None asks once.

    Raises:
        click.UsageError: options contradict each other.
    """
    # Help and completion print no rows.
    from stormlog.apps.cli.answers import Request

    name_tracker(options, is_wanted=shows_states or options["sql"] is not None)
    format_name, cache, moments = format_of(options), cache_of(options), moments_of(options)
    settings = {name: options.pop(name) for name in _SETTINGS}
    fields = options.pop("fields", None)
    # What is left names fields of the filter, apart from the ways to name a format and a cache.
    filters = given_filters(
        {
            name: value
            for name, value in options.items()
            if name not in ("format_name", "no_cache", "cache_dir") and not name.startswith("shortcut_")
        }
    )
    return filters, Request(
        format_name=format_name, cache=cache, follow_s=follow_s, moments=moments, fields=fields, **settings
    )
