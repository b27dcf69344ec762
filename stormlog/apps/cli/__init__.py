"""The ``stormlog`` command.

The promise: data goes to stdout, everything else to stderr, and the exit status says what happened.
"""

from __future__ import annotations

import sys

__all__ = ["main"]


def main() -> None:
    """Run ``stormlog`` on the arguments of this process, and exit with the fitting status."""
    from stormlog.apps.cli.printing.streams import open_closed_streams

    open_closed_streams()
    try:
        from stormlog.apps.cli.app import run
    except KeyboardInterrupt:
        # Too early for `stormlog.apps.cli.printing.diagnostics`, which is what was being imported.
        sys.stderr.write("Interrupted.\n")
        raise SystemExit(130) from None
    except MemoryError:
        sys.stderr.write("Error: out of memory.\n")
        raise SystemExit(1) from None
    raise SystemExit(run())
