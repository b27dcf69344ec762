"""Compacts a sink and kills itself at one step of it: ``python -m tests.compaction.killed STEP ARGUMENT...``.

A step is something that is done to the file system. Step 0 kills nothing; the steps are printed.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import Any

from stormlog.compaction import compact_sink

_STEPS = ("open", "os.rename", "os.mkdir", "os.rmdir", "os.remove", "os.chmod", "os.utime", "shutil.rmtree")


def main() -> None:
    """Run."""
    deadly, sink, output = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    done = 0

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal done
        if event not in _STEPS or ".py" in str(arguments[0]):
            return
        if os.path.dirname(sink) not in str(arguments[0]):
            return
        done += 1
        print(event, *(str(argument) for argument in arguments[:2]), flush=True)
        if done == deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    if output:
        compact_sink(sink, output)
    else:
        compact_sink(sink, replace=True)


if __name__ == "__main__":
    main()
