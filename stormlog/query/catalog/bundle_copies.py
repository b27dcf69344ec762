"""Finds OOM bundles that are copies of each other.

Promise: a bundle is a copy only if its manifest, its metadata and its events are, byte by byte, those of the other;
only files of bundles that say the same of themselves are compared.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

from stormlog.query.catalog.models import CatalogOOMBundle
from stormlog.query.catalog.names import MANIFEST_NAME, METADATA_NAME

__all__ = ["copied_bundles"]

_FILES = (MANIFEST_NAME, METADATA_NAME, "events.json")


def copied_bundles(bundles: Sequence[CatalogOOMBundle]) -> dict[str, str]:
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
            same = next((other for other in kept if _is_copy(path, other)), None)
            if same is None:
                kept.append(path)
            else:
                copies[path] = same
    return copies


def _preference(path: str) -> tuple[int, str]:
    real = os.path.realpath(path)
    return real.count(os.sep), real


def _is_copy(path: str, other: str) -> bool:
    return all(_is_equal(os.path.join(path, name), os.path.join(other, name)) for name in _FILES)


def _is_equal(path: str, other: str) -> bool:
    import filecmp

    try:
        return filecmp.cmp(path, other, shallow=False)
    except FileNotFoundError:
        return not os.path.lexists(path) and not os.path.lexists(other)
    except OSError:
        return False
