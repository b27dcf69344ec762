"""What lay under some paths at one moment: the catalog, and the state of every file with events."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from stormlog._digests import blake2b
from stormlog._values import frozen_class
from stormlog.artifacts.event_files import FileOrigin, catalog_origins
from stormlog.artifacts.file_state import FileState, file_states, state_of

if TYPE_CHECKING:
    from stormlog.artifacts.catalog import ArtifactCatalog
    from stormlog.artifacts.models import CatalogWarning
    from stormlog.artifacts.rollups import ReadRollups

__all__ = ["Snapshot"]

#: How many times its size a compressed file may well hold: telemetry repeats itself.
_COMPRESSION = 20


@frozen_class
class Snapshot:
    """A catalog with the states of its files.

    Attributes:
        catalog: What was found.
        origins: Every file with events, in the order of the catalog.
        states: What the file system said about each, by path.
        warnings: What discovery skipped; those who load events add to the warnings of the catalog.
        rollup_states: What the file system said about ``rollups.json`` of each sink that has one, by its number.
    """

    catalog: ArtifactCatalog
    origins: list[FileOrigin]
    states: Mapping[str, FileState | None]
    warnings: tuple[CatalogWarning, ...]
    rollup_states: Mapping[int, FileState | None]

    @classmethod
    def take(cls, catalog: ArtifactCatalog) -> Snapshot:
        """Look at the files of a catalog."""
        origins = catalog_origins(catalog.sources)
        rollup_states = {
            number: state_of(source.rollups_path)
            for number, source in enumerate(catalog.sources)
            if source.rollups_path is not None
        }
        states = file_states(origin.path for origin in origins)
        return cls(catalog, origins, states, tuple(catalog.warnings), rollup_states)

    def only(self, file_ids: Collection[int]) -> Snapshot:
        """Return the same moment with some of the files."""
        origins = [origin for origin in self.origins if origin.file_id in file_ids]
        return Snapshot(self.catalog, origins, self.states, self.warnings, self.rollup_states)

    @cached_property
    def expected_bytes(self) -> int:
        """About how many bytes of lines and documents are in the files."""
        found = 0
        for origin in self.origins:
            state = self.states[origin.path]
            if state is not None:
                found += state.size * (_COMPRESSION if origin.is_compressed else 1)
        return found

    @cached_property
    def rollups(self) -> list[ReadRollups]:
        """What ``rollups.json`` of the sinks say; read when it is asked for, since most questions do without."""
        from stormlog.artifacts.rollups import read_rollups

        return [
            read_rollups(number, self.catalog.sources[number], state, self.catalog.opened)
            for number, state in self.rollup_states.items()
        ]

    @cached_property
    def digest(self) -> str:
        """Identifies everything that an answer can depend on."""
        from stormlog.artifacts.attachment_rows import attachment_rows
        from stormlog.artifacts.catalog_rows import catalog_rows

        digest = blake2b(digest_size=16)
        for table, rows in (catalog_rows(self.catalog) | attachment_rows(self.catalog)).items():
            digest.update(f"{table} {json.dumps(rows)}\n".encode())
        warnings = [(w.path, w.code, w.message) for w in self.warnings]
        digest.update(json.dumps([warnings, list(self.rollup_states.items())]).encode())
        for origin in self.origins:
            state = self.states[origin.path]
            digest.update(
                json.dumps([origin.key, origin.session_basis, origin.recorded_path, state]).encode()
            )
        return digest.hexdigest()
