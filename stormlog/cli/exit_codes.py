"""What a finished ``stormlog`` process tells the shell; the numbers never change."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ExitCode"]


class ExitCode(IntEnum):
    """Exit statuses.

    Attributes:
        OK: It worked, even if there was nothing to print.
        QUERY: A statement failed or was refused, or something unforeseen happened.
        USAGE: An option, argument or value is wrong.
        SOURCES: No argument exists, or ``--strict`` found something that was skipped.
        INTERRUPTED: Stopped by Ctrl-C.
    """

    OK = 0
    QUERY = 1
    USAGE = 2
    SOURCES = 3
    INTERRUPTED = 130
