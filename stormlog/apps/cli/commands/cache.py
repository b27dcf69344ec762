"""``stormlog cache``: what was remembered of which paths; whether it is right; away with it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from stormlog.apps.cli.exit_codes import ExitCode
from stormlog.apps.cli.groups import HelpfulGroup
from stormlog.apps.cli.options.options import cache_dir_option, machine_options
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.shown_times import moment_options, moments_of

if TYPE_CHECKING:
    from stormlog.query.remembered import Cleared, Difference, IndexState, Verification

__all__ = ["cache"]

Decorated = TypeVar("Decorated", bound=Callable[..., Any])

_paths = click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=NamedPath())


def _shared_options(function: Decorated) -> Decorated:
    for decorate in (
        click.help_option("-h", "--help"),
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        cache_dir_option,
    ):
        function = decorate(function)
    return function


@click.group(cls=HelpfulGroup)
@click.help_option("-h", "--help")
def cache() -> None:
    """Look at what was remembered of files, and remove it.

    Stormlog remembers what it read, one index for each set of opened paths. Removing one is always safe:
    the next question reads the files again.
    """


@cache.command("list")
@click.option("--no-color", "no_colour", is_flag=True, help="Print without colours, as NO_COLOR does.")
@moment_options
@_shared_options
def list_(cache_dir: str | None, as_json: bool, no_colour: bool, **options: Any) -> None:
    """List the indexes, the one used last first."""
    from stormlog.apps.cli.options.targets import INDEXES
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.formats import Answer
    from stormlog.query.remembered import list_indexes

    indexes = list_indexes(_root(cache_dir))
    rows = [index.as_dict() for index in indexes]
    if not as_json:
        rows = [row | {"paths": _shown_paths(row["absolute_paths"])} for row in rows]
    answer = Answer(rows, INDEXES, moments=moments_of(options))
    output.print_answer(answer, "json" if as_json else "table", no_colour=no_colour)


@cache.command()
@_paths
@_shared_options
def info(paths: Sequence[str], cache_dir: str | None, as_json: bool) -> None:
    """Say what is remembered of PATH..., and whether it is current.

    Name the paths as they are named in a question: each set has an index of its own.
    """
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.query.remembered import describe_index

    root, spelled = _root(cache_dir), _spelled(paths)
    found = describe_index(root, spelled)
    if as_json:
        output.print_text(json_document(None if found is None else found.as_dict()) + "\n")
    elif found is None:
        output.print_text(
            f"Nothing is remembered of {_shown_paths(spelled)} in {root}.\n{_hint(root, spelled)}"
        )
    else:
        output.print_text(_info_text(found))


@cache.command()
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=NamedPath())
@click.option("--all", "is_all", is_flag=True, help="Remove every index.")
@_shared_options
def clear(paths: Sequence[str], is_all: bool, cache_dir: str | None, as_json: bool) -> None:
    """Remove the indexes of PATH..., or all of them.

    Questions that are being answered meanwhile go on from the files.
    """
    from stormlog.apps.cli.printing import diagnostics, output
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.query.remembered import clear_all, clear_paths

    if is_all == bool(paths):
        raise click.UsageError("Name the paths whose indexes are to go, or --all for every one.")
    root = _root(cache_dir)
    cleared = clear_all(root) if is_all else clear_paths(root, _spelled(paths))
    if as_json:
        output.print_text(json_document(cleared.as_dict()) + "\n")
    else:
        output.print_text(_cleared_text(cleared))
    output.flush()
    if is_all:
        diagnostics.print_skipped([(name, "is no index and was left alone") for name in cleared.left_alone])


@cache.command()
@_paths
@machine_options
@click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
@_shared_options
@click.pass_context
def verify(
    context: click.Context,
    /,
    paths: Sequence[str],
    cache_dir: str | None,
    as_json: bool,
    quiet: bool,
    **limits: Any,
) -> None:
    """Read every file below PATH... anew, and compare with what is remembered.

    Answers rely on what the file system says about a file and on samples of its content. A file that was
    changed so that neither tells is found here. If anything differs the index is removed and the status is 1.
    """
    from stormlog.apps.cli.interrupts import interruptible
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.diagnostics import progress_bar
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.query.remembered import verify_paths

    root, spelled = _root(cache_dir), _spelled(paths)
    now: list[Callable[[], Any]] = [lambda: None, lambda: None]

    def watch(progress: Callable[[], Any], stop: Callable[[], None]) -> None:
        now[:] = [progress, stop]

    with interruptible(lambda: now[1]()), progress_bar(lambda: now[0](), enabled=not quiet):
        found = verify_paths(root, spelled, watch=watch, **limits)
    if found is None:
        text = f"Nothing is remembered of {_shown_paths(spelled)} in {root}: nothing to compare.\n"
        output.print_text("null\n" if as_json else text + _hint(root, spelled))
        return
    if as_json:
        output.print_text(json_document(found.as_dict()) + "\n")
    else:
        output.print_text(_verification_text(found))
    if found.differences:
        context.exit(ExitCode.QUERY)


def _root(cache_dir: str | None) -> str:
    from stormlog.query.remembered import cache_root

    root = cache_root(cache_dir)
    if root is None:
        raise click.UsageError(
            "Nothing is remembered here (STORMLOG_CACHE); name a directory with --cache-dir."
        )
    return root


def _spelled(paths: Sequence[str]) -> list[str]:
    from pathlib import Path

    from stormlog._paths import require_path

    return [str(Path(require_path(path))) for path in paths]


def _shown_paths(paths: Sequence[str] | None) -> str:
    from stormlog.presenting import printable

    return "(unknown)" if paths is None else ", ".join(map(printable, paths))


def _hint(root: str, spelled: Sequence[str]) -> str:
    from stormlog.query.remembered import indexes_of

    other = [index for index in indexes_of(root, spelled) if index.paths is not None]
    return "".join(f"The same paths are remembered as {_shown_paths(index.paths)}.\n" for index in other)


def _info_text(found: IndexState) -> str:
    from stormlog.presenting import human_bytes, human_count, human_time

    if not found.is_of_this_engine:
        state = "no: another version or installation wrote it; the next question begins anew"
    elif found.is_current:
        state = "yes"
    else:
        changed, gone = found.changed_files, found.gone_files
        state = f"no: {human_count(changed)} new or changed, {human_count(gone)} gone; "
        state += f"the next question reads {human_bytes(found.unread_bytes)}"
    facts = {
        "Paths": _shown_paths(found.absolute_paths),
        "Folder": found.folder,
        "Files": human_count(found.file_count),
        "Rows": f"{human_bytes(found.rows_bytes)} in {human_count(found.part_count)} parts",
        "Answers": human_count(found.answer_count),
        "Size": human_bytes(found.size_bytes),
        "Last used": f"{human_time(found.last_used_ns)} UTC",
        "Current": state,
    }
    return "".join(f"{name:<9}  {value}\n" for name, value in facts.items())


def _cleared_text(cleared: Cleared) -> str:
    from stormlog.presenting import human_bytes

    lines = [f"{_shown_paths(index.absolute_paths)}: removed {index.folder}" for index in cleared.indexes]
    count = len(cleared.indexes)
    lines.append(
        f"Removed {count:,} {'index' if count == 1 else 'indexes'}: {human_bytes(cleared.freed_bytes)} freed."
        if count
        else "Nothing to remove."
    )
    return "\n".join(lines) + "\n"


def _verification_text(found: Verification) -> str:
    from stormlog.presenting import human_count

    lines = [_difference_text(difference) for difference in found.differences]
    lines += [f"{path}: changed meanwhile, not compared" for path in found.changed_meanwhile]
    compared = f"{human_count(found.file_count)} files with {human_count(found.event_count)} events"
    compared += f" and {human_count(found.answer_count)} answers"
    if found.differences:
        lines.append(f"Compared {compared}: what was remembered is wrong, and was removed ({found.folder}).")
    else:
        lines.append(f"Compared {compared}: all equal.")
    return "\n".join(lines) + "\n"


def _difference_text(difference: Difference) -> str:
    where = difference.path or "answers"
    if difference.kept_count == difference.fresh_count:
        return f"{where}: {difference.kind}: contents differ ({difference.fresh_count:,} rows)"
    return f"{where}: {difference.kind}: remembered {difference.kept_count:,}, there are {difference.fresh_count:,}"
