"""What a finished ``stormlog`` process tells the shell; the numbers never change."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ERROR_CODES", "ExitCode"]


class ExitCode(IntEnum):
    """Exit statuses.

    Attributes:
        OK: It worked, even if there was nothing to print.
        QUERY: A statement failed or was refused, or something unforeseen happened.
        USAGE: An option, argument or value is wrong.
        SOURCES: No argument exists, or ``--strict`` found something that was skipped.
        REFUSED: The tracker refuses a change, or an id names nothing.
        PERMISSION: The permission to do this is missing.
        BUSY: Somebody else writes to the store or scans; try again.
        MIGRATION: The store is newer than this version, or damaged.
        UNDELIVERED: A digest was queued but could not be delivered.
        FOUND: What ``--fail-on`` asks for was found.
        INTERRUPTED: Stopped by Ctrl-C.
    """

    OK = 0
    QUERY = 1
    USAGE = 2
    SOURCES = 3
    REFUSED = 4
    PERMISSION = 5
    BUSY = 6
    MIGRATION = 7
    UNDELIVERED = 8
    FOUND = 10
    INTERRUPTED = 130


#: Status -> the codes of errors that end with it, as they are named where JSON is asked for.
ERROR_CODES = {
    ExitCode.QUERY: ("query_failed", "out_of_memory", "internal_error"),
    ExitCode.USAGE: ("invalid_value",),
    ExitCode.SOURCES: ("source_unreadable",),
    ExitCode.REFUSED: (
        *("illegal_transition", "stale_revision", "changed_since", "not_found", "ambiguous_id"),
        *("already_claimed", "already_merged", "merge_scope", "merge_hides_live_issue"),
        *("not_author", "not_undoable", "ignored_by_rule"),
    ),
    ExitCode.PERMISSION: ("permission_denied",),
    ExitCode.BUSY: ("store_busy",),
    ExitCode.MIGRATION: (
        *("store_too_new", "store_too_old", "checksum_mismatch", "migration_failed", "not_a_store"),
    ),
    ExitCode.INTERRUPTED: ("interrupted",),
}
