"""The files that a scan looks at: those with events, the manifests that describe them, and bundles."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from stormlog._opening import OpenedPaths
from stormlog._storable_text import storable_text
from stormlog.artifacts.event_files import real_path
from stormlog.tracking.scanning.known_files import SourceFile

if TYPE_CHECKING:
    from stormlog.artifacts.snapshot import Snapshot
    from stormlog.query import CatalogOOMBundle

__all__ = ["Bundle", "Inventory", "take_inventory"]


@dataclass(frozen=True)
class Bundle:
    """An OOM bundle, and the files that say what it is."""

    bundle: CatalogOOMBundle
    files: list[SourceFile]


@dataclass(frozen=True)
class Inventory:
    """What lies under some paths, by its true paths.

    Attributes:
        files: Files with events, by their number in the snapshot.
        source_of: Number of a file -> number of its source in the catalog.
        manifests: Number of a source -> its manifest.
        true_paths: Path of a file or bundle as the store shows it -> its true path, where they differ.
    """

    files: dict[int, SourceFile] = field(default_factory=dict)
    source_of: dict[int, int] = field(default_factory=dict)
    manifests: dict[int, SourceFile] = field(default_factory=dict)
    bundles: list[Bundle] = field(default_factory=list)
    true_paths: dict[str, str] = field(default_factory=dict)

    def present(self) -> Iterator[SourceFile]:
        """Yield everything that is there; a file given in two ways comes twice."""
        for file in (*self.files.values(), *self.manifests.values()):
            if file.state is not None:
                yield file
        for bundle in self.bundles:
            yield from bundle.files


def take_inventory(snapshot: Snapshot) -> Inventory:
    """List what a store of artifacts has found, in the states in which it reads it."""
    inventory, opened = Inventory(), snapshot.catalog.opened
    true_path = partial(real_path, folders={})
    shown: dict[str, str] = {}
    for origin in snapshot.origins:
        state = snapshot.states[origin.path]
        inventory.files[origin.file_id] = SourceFile(
            true_path(origin.path),
            origin.real_source_path,
            origin.source_kind,
            None if state is None else (state.device, state.inode, state.size, state.modified_ns),
            origin.may_grow,
        )
        shown[origin.path] = inventory.files[origin.file_id].key
        inventory.source_of[origin.file_id] = origin.source_id
    for number, source in enumerate(snapshot.catalog.sources):
        if source.manifest_path is not None and source.event_paths:
            path = true_path(str(source.path))
            manifest = _looked_at(true_path(str(source.manifest_path)), path, "manifest", opened)
            if manifest is not None:
                inventory.manifests[number] = manifest
    for bundle in snapshot.catalog.oom_bundles:
        names = (str(bundle.manifest_path), str(bundle.bundle_path / "metadata.json"))
        path = shown[str(bundle.bundle_path)] = true_path(str(bundle.bundle_path))
        found = [_looked_at(true_path(name), path, "oom_bundle", opened) for name in names]
        inventory.bundles.append(Bundle(bundle, [file for file in found if file is not None]))
    inventory.true_paths.update(
        (storable_text(path), storable_text(true_path))
        for path, true_path in shown.items()
        if path != true_path
    )
    return inventory


def _looked_at(path: str, source_path: str, kind: str, opened: OpenedPaths) -> SourceFile | None:
    """Return a file that describes a source, None if discovery did not read it."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    if not (stat.S_ISREG(found.st_mode) and opened.hold(path)):
        return None
    return SourceFile(path, source_path, kind, (found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns))
