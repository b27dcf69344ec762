"""``stormlog issues export`` and ``import``: what became of issues, in a file that can be committed."""

from __future__ import annotations

from typing import Any, TypedDict

import click

from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.tracker_options import group_shared_option, json_option, tracker_options

__all__ = ["ExportDocument", "export_command", "import_command"]


class ExportDocument(TypedDict):
    """What was written.

    Attributes:
        path: The file.
        fingerprints: Number of fingerprints in it.
    """

    path: str
    fingerprints: int


@click.command("export")
@click.argument("file", metavar="[FILE]", default="-", type=NamedPath(dir_okay=False, allow_dash=True))
@click.option(
    "--no-counts",
    is_flag=True,
    help="Leave out what is counted from evidence, so that the file changes only with decisions.",
)
@tracker_options
@json_option
@click.help_option("-h", "--help")
def export_command(file: str, no_counts: bool, as_json: bool, **options: Any) -> None:
    """Write what became of each fingerprint to FILE, or to stdout.

    The same states give the same bytes, so that the file can be committed and compared. Called issues.json and put
    beside artifacts, it tells 'stormlog query issues' what is resolved and what is ignored.

    \b
    Examples:
      stormlog issues export issues.json --no-counts
      stormlog issues export | git diff --no-index issues.json -
    """
    from stormlog.apps.cli.options.tracker_options import open_tracker
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_line
    from stormlog.issues.sidecar import sidecar_bytes
    from stormlog.presenting import counted, printable
    from stormlog.tracking.sidecar_exchange import export_states

    with open_tracker(**options, read_only=True) as tracker:
        exported = export_states(tracker, None if file == "-" else file, counts=not no_counts)
    if file == "-":
        output.print_text(sidecar_bytes(exported.states, exported.ignore).decode("ascii"))
    elif as_json:
        document: ExportDocument = {"path": file, "fingerprints": len(exported.states)}
        output.print_text(json_line(document) + "\n")
    else:
        output.print_text(f"{counted(len(exported.states), 'fingerprint')} written to {printable(file)}\n")


@click.command("import")
@click.argument("file", metavar="FILE", type=NamedPath(dir_okay=False))
@tracker_options
@group_shared_option
@json_option
@click.help_option("-h", "--help")
def import_command(file: str, as_json: bool, **options: Any) -> None:
    """Restore the states that FILE says, all of them or none.

    Statuses are restored as they are, whatever moves people may make. Issues that nobody knows are made, without
    evidence; what FILE does not name stays as it is.

    \b
    Examples:
      stormlog issues import issues.json
      stormlog issues import issues.json --db new.db --json
    """
    from stormlog.apps.cli.options.tracker_options import open_tracker
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_line
    from stormlog.presenting import counted
    from stormlog.tracking.sidecar_exchange import import_states

    with open_tracker(**options, makes=True) as tracker:
        report = import_states(tracker, file)
    if as_json:
        output.print_text(json_line(report.as_dict()) + "\n")
        return
    text = (
        f"{counted(report.fingerprints, 'fingerprint')}: {counted(report.issues_created, 'issue')} created, "
        f"{report.issues_changed:,} changed, {report.issues_unchanged:,} as before\n"
    )
    if report.contradictions:
        text += (
            f"{counted(report.contradictions, 'issue')} merged here, of which the file says several things: "
            "the most urgent counts\n"
        )
    output.print_text(text)
