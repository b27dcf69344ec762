"""What `stormlog run` and a tracker inside its command tell each other: that they record the same session.

Promise: the first tracker of the command's rank takes the session of `stormlog run`, so that its phases and counters
and how the command ended are told as one; any further one has a session of its own. A failure that a tracker has
recorded below the directory of `stormlog run` is not recorded a second time. Without `stormlog run`, or if anything
here fails, each goes by itself.

Source: docs/run.md#with-a-tracker-inside.
"""

from __future__ import annotations

import contextlib
import os

from stormlog.telemetry import new_session_id

__all__ = ["SharedSession", "take_shared_session", "tell_of_failure"]

#: Names the directory, in the environment of the command.
_VARIABLE = "STORMLOG_RUN_DIR"
#: Files in it: the session and the rank; whether it is taken; of each failure of memory its time, and the sink.
_SESSION, _TAKEN, _FAILURES = "session", "taken", "failures"
#: So long after a tracker has recorded a failure, its exception ends the program at the latest.
_SAME_FAILURE_NS = 30 * 10**9


class SharedSession:
    """The side of `stormlog run`.

    Args:
        rank: Rank of the command.
    """

    def __init__(self, rank: int) -> None:
        self.session_id = new_session_id()
        self._folder: str | None = None
        # Late: a tracker needs the other side alone, and importing one is cheap.
        import tempfile

        with contextlib.suppress(OSError):
            self._folder = tempfile.mkdtemp(prefix="stormlog-run-")
            with open(os.path.join(self._folder, _SESSION), "w") as stream:
                stream.write(f"{self.session_id} {rank}")

    @property
    def variables(self) -> dict[str, str]:
        """Variables that the command gets besides its others."""
        return {} if self._folder is None else {_VARIABLE: self._folder}

    def has_recorded(self, failed_ns: int, place: str) -> bool:
        """Whether a tracker has recorded the failure that the command told of at some time.

        Args:
            failed_ns: When it told so, nanoseconds since the Unix epoch.
            place: Only where those find it who look here: the directory with the sinks.
        """
        if self._folder is None:
            return False
        try:
            with open(os.path.join(self._folder, _FAILURES), errors="surrogateescape") as stream:
                told = [line.rstrip("\n").partition(" ") for line in stream]
        except OSError:
            return False
        below = os.path.join(os.path.realpath(place), "")
        return any(
            time_ns.isdecimal()
            and 0 <= failed_ns - int(time_ns) <= _SAME_FAILURE_NS
            and os.path.join(sink, "").startswith(below)
            for time_ns, _, sink in told
        )

    def close(self) -> None:
        """Forget what was told."""
        if self._folder is not None:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)


def take_shared_session(rank: int) -> str | None:
    """Return the session of `stormlog run` if this process is the first of its command's rank that asks; else None.

    Args:
        rank: Rank of this process.
    """
    folder = os.environ.get(_VARIABLE)
    if not folder:
        return None
    try:
        with open(os.path.join(folder, _SESSION)) as stream:
            session_id, of_rank = stream.read().split()
        if int(of_rank) != rank:
            return None
        os.close(os.open(os.path.join(folder, _TAKEN), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except (OSError, ValueError):
        return None
    return session_id


def tell_of_failure(time_ns: int, sink: str) -> None:
    """Tell `stormlog run` that a failure of memory was recorded.

    Args:
        time_ns: When, nanoseconds since the Unix epoch.
        sink: Directory of the sink that has it.
    """
    folder = os.environ.get(_VARIABLE)
    if folder and os.path.isdir(folder):
        path = os.path.join(folder, _FAILURES)
        with contextlib.suppress(OSError), open(path, "a", errors="surrogateescape") as stream:
            stream.write(f"{time_ns} {os.path.realpath(sink)}\n")
