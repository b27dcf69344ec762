"""The catalog of what some paths hold.

The promise: building it reads no events; it is what lay there at that moment.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from stormlog._paths import require_path
from stormlog.artifacts.bundle_copies import copied_bundles
from stormlog.artifacts.discovery import Discovery, opened_paths
from stormlog.artifacts.models import CatalogWarning, note_of_copy

__all__ = ["ArtifactCatalog"]


class ArtifactCatalog:
    """Everything found under some paths, in argument order.

    Args:
        paths: Files and directories; a single one need not be in a list.

    Attributes:
        paths: The arguments as ``Path``.
        sources: Sinks, flat telemetry files and diagnose bundles.
        oom_bundles: OOM bundles.
        copied_oom_bundles: Path of each OOM bundle that is a copy -> path of the one that counts instead.
        attachments: Usable items of attachment sidecars.
        run_envelopes: Accepted run envelopes.
        issue_sidecars: Files called ``issues.json`` in opened directories and beside opened files.
        warnings: What was skipped; those who load events add to it.

    Raises:
        ValueError: a path is empty, or neither text nor a path.

    Source: docs/concepts.md#catalog.
    """

    def __init__(self, paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> None:
        given = [paths] if isinstance(paths, (str, bytes, os.PathLike)) else list(paths)
        self.paths: tuple[Path, ...] = tuple(Path(require_path(path)) for path in given)
        #: What may be read: everything below the paths, with links followed.
        self.opened = opened_paths(str(path) for path in self.paths)
        discovery = Discovery(self.opened)
        for path in self.paths:
            discovery.add(str(path))
        self.sources = discovery.sources
        self.oom_bundles = discovery.oom_bundles
        self.attachments = discovery.attachments
        self.run_envelopes = discovery.run_envelopes
        self.issue_sidecars: tuple[Path, ...] = tuple(Path(path) for path in discovery.issue_sidecars)
        self.warnings: list[CatalogWarning] = discovery.log.warnings
        self.copied_oom_bundles = copied_bundles(self.oom_bundles, self.opened)
        self.warnings += [note_of_copy(path, kept) for path, kept in self.copied_oom_bundles.items()]

    def session_ledger(self) -> dict[str, str]:
        """Return the status of every session that a sink ledger or a diagnose bundle describes.

        Returns:
            Session id to status; the first source that knows a session wins.
        """
        ledger: dict[str, str] = {}
        for source in self.sources:
            if source.session is not None:
                ledger.setdefault(source.session.session_id, source.session.status)
            elif source.source_kind == "sink" and source.manifest is not None:
                for session in source.manifest.sessions:
                    ledger.setdefault(session.session_id, session.status)
        return ledger

    def as_dict(self) -> dict[str, Any]:
        """Return all parts as lists of mappings, paths as text."""
        return {
            "paths": [str(path) for path in self.paths],
            "sources": [source.as_dict() for source in self.sources],
            "oom_bundles": [bundle.as_dict() for bundle in self.oom_bundles],
            "attachments": [attachment.as_dict() for attachment in self.attachments],
            "run_envelopes": [envelope.as_dict() for envelope in self.run_envelopes],
            "warnings": [warning.as_dict() for warning in self.warnings],
        }
