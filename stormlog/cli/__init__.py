"""The ``stormlog`` command.

The promise: data goes to stdout, everything else to stderr, and the exit status says what happened.
"""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Run ``stormlog`` on the arguments of this process, and exit with the fitting status."""
    from stormlog.cli.app import run

    raise SystemExit(run())
