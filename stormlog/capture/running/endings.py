"""Says how a command ended, and whether memory was the cause: only where something shows it.

Source: docs/run.md#cause-of-death.
"""

from __future__ import annotations

import signal
from typing import Any

from stormlog._values import frozen_class
from stormlog.capture.oom.classification import classify_oom_text
from stormlog.capture.running.error_output import last_exception_line, without_secrets

__all__ = ["Ending", "ending_of"]

CGROUP_REASON = "cgroup:oom_kill"
#: What PyTorch says where the memory of the host ran out, in other words than those of the table.
_CPU_ALLOCATOR = "defaultcpuallocator: can't allocate memory"


@frozen_class
class Ending:
    """How a command ended.

    Attributes:
        exit_code: Null if a signal ended it.
        signal_name: Name of that signal, for example ``SIGKILL``; null without one.
        oom_reason: By what it is told that memory ran out; null if nothing tells that.
        exception_type: Class of the last exception on its standard error; null without one.
        exception_module: Its module; null likewise.
        exception_message: That line, without secrets; null likewise.
        oom_kills: How many processes of its control group the kernel killed for memory while it ran; null where that is
            not told.
    """

    exit_code: int | None
    signal_name: str | None
    oom_reason: str | None
    exception_type: str | None
    exception_module: str | None
    exception_message: str | None
    oom_kills: int | None

    @property
    def is_success(self) -> bool:
        """Whether it ended by itself with status 0."""
        return self.exit_code == 0

    @property
    def sentence(self) -> str:
        """The ending in words: what is known, and that the rest is not."""
        if self.is_success:
            return "ended with status 0"
        how = (
            f"ended with status {self.exit_code}"
            if self.signal_name is None
            else f"killed by {self.signal_name}"
        )
        if self.oom_reason == CGROUP_REASON:
            whom = "it" if self.signal_name == "SIGKILL" else "a process of it"
            return f"{how}; the kernel killed {whom}, because its control group was out of memory"
        if self.oom_reason is not None:
            return f"{how}; memory ran out: {self.exception_message}"
        if self.exception_message is not None:
            return f"{how}; last exception: {self.exception_message}"
        return f"{how}, cause unknown"

    def as_dict(self) -> dict[str, Any]:
        """Return what is known, for the metadata of a record."""
        values = {
            "exit_code": self.exit_code,
            "exit_signal": self.signal_name,
            "exit_summary": self.sentence,
            "exception_type": self.exception_type,
            "exception_module": self.exception_module,
            "exception_message": self.exception_message,
            "cgroup_oom_kills": self.oom_kills,
        }
        return {name: value for name, value in values.items() if value is not None}


def ending_of(status: int, error_text: str, oom_kills: int | None) -> Ending:
    """Return how a command ended.

    Args:
        status: Its exit status, or a signal as a negative number.
        error_text: The end of what it said on its standard error.
        oom_kills: As of `Ending`.
    """
    # A shell tells so that a command of its own was killed.
    number = -status if status < 0 else status - 128 if status > 128 else 0
    name = _signal_name(number) if number and (status < 0 or number == signal.SIGKILL) else None
    exception = None if status == 0 else last_exception_line(error_text)
    reason = None
    if exception is not None:
        reason = classify_oom_text(*exception).reason
        if reason is None and _CPU_ALLOCATOR in exception[2].lower():
            reason = "message_pattern:failed to allocate"
    if reason is None and status != 0 and oom_kills:
        reason = CGROUP_REASON
    return Ending(
        exit_code=None if status < 0 else status,
        signal_name=name,
        oom_reason=reason,
        exception_type=None if exception is None else exception[0],
        exception_module=None if exception is None else exception[1] or "builtins",
        exception_message=None if exception is None else without_secrets(exception[2]),
        oom_kills=oom_kills,
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
