"""Finds OOM bundles that are copies of each other.

Promise: a bundle is a copy only if its manifest, its metadata and its events are, byte by byte, those of the other;
only files of bundles that say the same of themselves are compared.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from stormlog._opening import OpenedPaths, read_artifact
from stormlog.artifacts.files import MOST_COMPANION_BYTES
from stormlog.artifacts.models import CatalogOOMBundle
from stormlog.artifacts.names import MANIFEST_NAME, METADATA_NAME

__all__ = ["copied_bundles"]

_FILES = (MANIFEST_NAME, METADATA_NAME, "events.json")


def copied_bundles(bundles: Sequence[CatalogOOMBundle], opened: OpenedPaths) -> dict[str, str]:
    """Return the path of each copy, with the path of the bundle that counts instead.

    Of several copies the one with the shortest and then the first path counts, in whatever order they were found.

    Source: docs/concepts.md#copies.
    """
    alike: dict[tuple[object, ...], list[str]] = {}
    for bundle in bundles:
        fields = tuple(value for name, value in bundle.as_dict().items() if not name.endswith("_path"))
        alike.setdefault(fields, []).append(str(bundle.bundle_path))
    copies: dict[str, str] = {}
    for paths in alike.values():
        if len(paths) == 1:
            continue
        kept: list[str] = []
        for path in sorted(paths, key=_preference):
            same = next((other for other in kept if _is_copy(path, other, opened)), None)
            if same is None:
                kept.append(path)
            else:
                copies[path] = same
    return copies


def _preference(path: str) -> tuple[int, str]:
    real = os.path.realpath(path)
    return real.count(os.sep), real


def _is_copy(path: str, other: str, opened: OpenedPaths) -> bool:
    return all(_content(path, name, opened) == _content(other, name, opened) for name in _FILES)


def _content(directory: str, name: str, opened: OpenedPaths) -> bytes | str | None:
    """Return the content of a file; None if there is none, the path itself if it is not read."""
    path = os.path.join(directory, name)
    try:
        return read_artifact(path, opened, most_bytes=MOST_COMPANION_BYTES)
    except FileNotFoundError:
        return None
    except OSError:
        return path
