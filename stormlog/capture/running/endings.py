"""Says how a command ended, and whether memory was the cause: only where something shows it.

Source: docs/run.md#cause-of-death.
"""

from __future__ import annotations

import re
import signal
from typing import Any

from stormlog._values import frozen_class
from stormlog.capture.oom.classification import oom_reason_of_text
from stormlog.capture.running.kills import GroupKills
from stormlog.capture.running.said_exceptions import last_exceptions
from stormlog.capture.running.secrets import without_secrets

__all__ = ["CGROUP_REASON", "Ending", "ending_of"]

CGROUP_REASON = "cgroup:oom_kill"
_MOST_SIGNALS = 64
#: What launchers and data loaders say of a process of theirs that was killed.
_SAYS_KILLED = re.compile(r"SIGKILL|killed by signal: Killed", re.IGNORECASE)


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
        is_exception_cause: Whether it ended the command as far as can be told: no signal did, and nothing shows that
            the command went on.
        kills: What its control group counted while it ran; null where the kernel counts nothing.
    """

    exit_code: int | None
    signal_name: str | None
    oom_reason: str | None
    exception_type: str | None
    exception_module: str | None
    exception_message: str | None
    is_exception_cause: bool
    kills: GroupKills | None

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
            return f"{how}; {self._kill}"
        if self.oom_reason is not None and self.is_exception_cause:
            return f"{how}; memory ran out: {self.exception_message}"
        if self.oom_reason is not None:
            how = f"{how}, cause unknown; memory ran out earlier: {self.exception_message}"
            return how if not self._kill else f"{how}; {self._kill}"
        if self.exception_message is not None:
            how = f"{how}; last exception: {self.exception_message}"
            return how if not self._kill else f"{how}; {self._kill}"
        return f"{how}, cause unknown" if not self._kill else f"{how}, cause unknown; {self._kill}"

    @property
    def _kill(self) -> str:
        """Whom the kernel killed to get memory, and why; empty if nobody."""
        kills = self.kills
        if kills is None or not kills.count:
            return ""
        if kills.is_shared:
            whom = "a process of its control group, which other programs share,"
        else:
            whom = "it" if self.signal_name == "SIGKILL" else "a process of it"
        if not kills.is_limit_hit:
            return f"the kernel killed {whom} to get memory, within the limits of the control group"
        known = [
            f"{name} {_size(size)}"
            for name, size in (("limit", kills.limit_bytes), ("peak", kills.peak_bytes))
            if size is not None
        ]
        numbers = f" ({', '.join(known)})" if known else ""
        return f"the kernel killed {whom} because the control group was out of memory{numbers}"

    def as_dict(self) -> dict[str, Any]:
        """Return what is known, for the metadata of a record."""
        values: dict[str, Any] = {
            "exit_code": self.exit_code,
            "exit_signal": self.signal_name,
            "exit_summary": self.sentence,
            "exception_type": self.exception_type,
            "exception_module": self.exception_module,
            "exception_message": self.exception_message,
        }
        if self.kills is not None:
            values["cgroup_oom_kills"] = self.kills.count
            values["cgroup_is_shared"] = self.kills.is_shared
            values["cgroup_limit_bytes"] = self.kills.limit_bytes
            values["cgroup_peak_bytes"] = self.kills.peak_bytes
        return {name: value for name, value in values.items() if value is not None}


def ending_of(status: int, error_text: str, kills: GroupKills | None) -> Ending:
    """Return how a command ended.

    A kill that its control group counted is the cause if the command, or one of its processes as far as it says, was
    killed, or if nobody else is in the group.

    Args:
        status: Its exit status, or a signal as a negative number.
        error_text: The end of what it said on its standard error.
        kills: As of `Ending`.
    """
    # A shell tells so that a command of its own was killed.
    number = -status if status < 0 else status - 128 if 128 < status <= 128 + _MOST_SIGNALS else 0
    name = _signal_name(number) if number and (status < 0 or number == signal.SIGKILL) else None
    said = [] if status == 0 else last_exceptions(error_text)
    reasons = [oom_reason_of_text(exception.name, exception.module, exception.line) for exception in said]
    reason = next((reason for reason in reasons if reason is not None), None)
    exception = said[reasons.index(reason) if reason is not None else 0] if said else None
    # Python does not end by a signal for an exception, but for Ctrl-C; C++ does.
    is_cause = exception is not None and (
        number == signal.SIGABRT if exception.is_of_cplusplus else number == 0 and exception.is_last_word
    )
    if not (is_cause and reason is not None) and status != 0 and kills is not None and kills.count:
        was_killed = name == "SIGKILL" or _SAYS_KILLED.search(error_text)
        reason = CGROUP_REASON if was_killed or not kills.is_shared else reason
    return Ending(
        exit_code=None if status < 0 else status,
        signal_name=name,
        oom_reason=reason,
        exception_type=None if exception is None else exception.name,
        exception_module=None if exception is None else exception.module or "builtins",
        exception_message=None if exception is None else without_secrets(exception.line),
        is_exception_cause=is_cause,
        kills=kills,
    )


def _size(count: int) -> str:
    return f"{count / 2**30:.2f} GiB" if count >= 2**30 else f"{count / 2**20:.1f} MiB"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
