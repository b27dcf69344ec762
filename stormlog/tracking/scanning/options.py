"""How a scan is done; what makes no sense is refused before anything is read."""

from __future__ import annotations

from dataclasses import dataclass

from stormlog.tracking.checks import require_text
from stormlog.tracking.scanning.evidence import require_severity

__all__ = ["ScanOptions"]


@dataclass(frozen=True)
class ScanOptions:
    """How to scan.

    Attributes:
        app: Training program of evidence that names none.
        is_dev: Whether evidence that does not say is from development.
        code_version: Version of evidence that names none.
        min_severity: Least severe alerts that count: critical, error, warning or info.
        repo: Git repository that knows which commit is newer.
        since_ns: Earliest evidence that counts, nanoseconds since the Unix epoch.
        settle_ns: How long a session without an end must have been quiet before its hidden-memory findings count.
        full: Look at every session again, whether its files are known or not.
        dry_run: Work on a copy of the tracker: report, and change nothing.
        strict: Raise for the first thing that would be skipped.
        wait_s: How long to wait for another scan.
        cache: As of `stormlog.query.open`.
        threads: Likewise.
        memory_limit: Likewise.

    Raises:
        ValueError: the app or the version is blank, or no text; an unknown severity.
    """

    app: str = "default"
    is_dev: bool = False
    code_version: str | None = None
    min_severity: str = "warning"
    repo: str | None = None
    since_ns: int | None = None
    settle_ns: int = 600 * 10**9
    full: bool = False
    dry_run: bool = False
    strict: bool = False
    wait_s: float = 0.0
    cache: str | bool | None = None
    threads: int | None = None
    memory_limit: str | None = None

    def __post_init__(self) -> None:
        require_text(self.app, "app")
        require_severity(self.min_severity)
        if self.code_version is not None:
            require_text(self.code_version, "code version")
