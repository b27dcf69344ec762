"""A process that scans, and that kills itself in the middle if it is told to.

    python -m tests.tracking.scanning.scanning_process DATABASE PATH KILL_AT

``KILL_AT`` counts calls of the tracker's own functions and statements of SQLite; 0 lets it live, and then it
prints how many there were.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import Any

from stormlog.tracking import Tracker


def main(database: str, path: str, kill_at: int) -> None:
    count = 0

    def step(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        is_ours = "/tracking/" in frame.f_code.co_filename
        if is_ours and (event == "call" or (event == "c_call" and argument.__name__.startswith("execute"))):
            count += 1
            if count == kill_at:
                os.kill(os.getpid(), signal.SIGKILL)

    with Tracker(database) as tracker:
        sys.setprofile(step)
        tracker.scan([Path(path)], settle_ns=0)
        sys.setprofile(None)
    print(count)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
