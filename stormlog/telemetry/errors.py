"""The one exception of this package: a record, summary or file that cannot be accepted."""

from __future__ import annotations

__all__ = ["TelemetryRecordError"]


class TelemetryRecordError(ValueError):
    """A record (or the file around it) breaks a rule.

    Args:
        code: Stable reason code such as ``not_integer:pid``; programs compare this one.
        message: The same for people.

    Source: docs/concepts.md#events.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code

    def __reduce__(self) -> tuple[type[TelemetryRecordError], tuple[str, str]]:
        """Keep the code when a worker process hands the error over."""
        return (type(self), (self.code, str(self)))
