"""``stormlog db``: the tracker's file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stormlog.apps.cli.exit_codes import ExitCode
from stormlog.apps.cli.groups import HelpfulGroup
from stormlog.apps.cli.options.path_type import NamedPath
from stormlog.apps.cli.options.tracker_options import db_option, json_option, store_options, tracker_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stormlog.tracking.database.documents import (
        BackupDocument,
        CheckDocument,
        MigrationDocument,
        PurgeDocument,
        RestoreDocument,
    )

__all__ = ["db"]


@click.group(cls=HelpfulGroup)
@click.help_option("-h", "--help")
def db() -> None:
    """Look after the tracker's file: its version, backups, soundness."""


@db.command()
@db_option
@json_option
@click.help_option("-h", "--help")
def status(db: str | None, as_json: bool) -> None:
    """Show its version, size, and what is in it."""
    from stormlog.presenting import human_bytes, human_count
    from stormlog.tracking.database.maintenance import store_status

    found = store_status(_path(db))
    lines = [f"File     {found.path}", f"Size     {human_bytes(found.size_bytes)}"]
    lines += [f"Applied  {step['version']:04} {step['name']}, {step['applied_at']}" for step in found.applied]
    lines += [f"Pending  {step['version']:04} {step['name']}" for step in found.pending]
    lines += [f"{human_count(count):>10} {name}" for name, count in found.rows.items()]
    _print(found.as_dict(), as_json, lines)
    if found.pending:
        from stormlog.apps.cli.printing.diagnostics import print_message

        print_message("'stormlog db migrate' brings it up to date.")


@db.command()
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@db_option
@json_option
@click.help_option("-h", "--help")
def migrate(dry_run: bool, db: str | None, as_json: bool) -> None:
    """Bring it up to date, as every command that writes does by itself.

    A copy of what it was is left beside it.
    """
    from stormlog.errors import SourceError
    from stormlog.tracking.database.maintenance import migrate_store

    path = _path(db)
    if not Path(path).exists():
        raise SourceError("no such tracker; 'stormlog scan' makes one", path=str(path))
    steps = migrate_store(path, dry_run=dry_run)
    verb = "Would apply" if dry_run else "Applied"
    lines = [f"{verb} {step['version']:04} {step['name']}" for step in steps]
    document: MigrationDocument = {"dry_run": dry_run, "steps": steps}
    _print(document, as_json, lines or ["Up to date."])


@db.command()
@click.argument("file", metavar="FILE", type=NamedPath(dir_okay=False))
@click.option("--force", is_flag=True, help="Replace FILE if it exists.")
@db_option
@json_option
@click.help_option("-h", "--help")
def backup(file: str, force: bool, db: str | None, as_json: bool) -> None:
    """Copy it to FILE, also while others write to it."""
    from stormlog.tracking.database.maintenance import back_up_store

    path = back_up_store(_path(db), file, replace=force)
    document: BackupDocument = {"path": str(path), "size_bytes": path.stat().st_size}
    _print(document, as_json, [f"Copied to {path}"])


@db.command()
@click.argument("file", metavar="FILE", type=NamedPath(dir_okay=False))
@click.option("--yes", is_flag=True, help="Replace a tracker that is there; a copy of it is kept beside it.")
@db_option
@json_option
@click.help_option("-h", "--help")
def restore(file: str, yes: bool, db: str | None, as_json: bool) -> None:
    """Put FILE, a copy that 'stormlog db backup' made, in its place.

    The copy is checked first. What the tracker was is kept beside it.
    """
    from stormlog.tracking import restore_store

    path = _path(db)
    kept = restore_store(path, file, replace=yes)
    lines = [f"Restored {path} from {file}"]
    if kept is not None:
        lines.append(f"What it was is kept as {kept}")
    document: RestoreDocument = {"path": str(path), "from": file, "kept": None if kept is None else str(kept)}
    _print(document, as_json, lines)


@db.command()
@db_option
@json_option
@click.help_option("-h", "--help")
@click.pass_context
def check(context: click.Context, /, db: str | None, as_json: bool) -> None:
    """Check that the file is sound, and that what is counted is what the evidence says.

    Exit status: 0 if it is, 7 if not.
    """
    from stormlog.tracking.database.maintenance import check_store

    problems = check_store(_path(db))
    rows = [{"kind": problem.kind, "message": problem.message} for problem in problems]
    lines = [f"{problem.kind}: {problem.message}" for problem in problems]
    document: CheckDocument = {"is_sound": not problems, "problems": rows}
    _print(document, as_json, lines or ["All is well."])
    if problems:
        context.exit(ExitCode.MIGRATION)


@db.command()
@store_options
@json_option
@click.help_option("-h", "--help")
def purge(as_json: bool, **options: Any) -> None:
    """Remove comments that were deleted more than 7 days ago, as scans do."""
    with tracker_of(options) as tracker:
        count = tracker.purge()
    document: PurgeDocument = {"comments": count}
    _print(document, as_json, [f"Removed {count:,} {'comment' if count == 1 else 'comments'}"])


def _path(db: str | None) -> Path:
    from stormlog.tracking import default_store_path

    return default_store_path() if db is None else Path(db)


def _print(document: Mapping[str, object], as_json: bool, lines: list[str]) -> None:
    from stormlog.apps.cli.printing import output
    from stormlog.apps.cli.printing.json_text import json_document
    from stormlog.presenting import printable

    output.print_text(
        json_document(document) + "\n" if as_json else "".join(f"{printable(line)}\n" for line in lines)
    )
    output.flush()
