"""Commands that read the same files share one store, where tests are about options, formats and words."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.query import QueryStore
from stormlog.query import open as open_store


@contextmanager
def shared_stores(*folders: Path) -> Iterator[None]:
    """Meanwhile a command that reads what another one has read, with the same options, asks the same store.

    Opening and planning is what commands cost. What is told of a store once it was asked something else, how it is
    opened and closed, and what is remembered of it, is for tests that do without this.

    Args:
        folders: Only commands that read what lies in these share a store, others have their own; by default all share.
    """
    known: dict[str, QueryStore] = {}

    def open_shared(paths: Any, **options: Any) -> QueryStore:
        names = [paths] if isinstance(paths, (str, os.PathLike)) else list(paths)
        if folders and not all(
            any(Path(name).absolute().is_relative_to(folder) for folder in folders) for name in names
        ):
            return open_store(names, **options)
        settings = [os.environ.get(name) for name in ("STORMLOG_CACHE", "STORMLOG_UNPACK_LIMIT")]
        key = repr((os.getcwd(), names, contents(names), options, settings))
        if key not in known:
            known[key] = store = open_store(names, **options)
            stack.callback(QueryStore.close, store)
            store.close = lambda: None  # type: ignore[method-assign]
        return known[key]

    with ExitStack() as stack, pytest.MonkeyPatch.context() as patch:
        patch.setattr(stormlog.query, "open", open_shared)
        yield


def contents(names: list[Any]) -> int:
    """Return a number that differs once anything below some paths does."""
    tops = [Path(name) for name in names]
    files = [path for top in tops for path in (sorted(top.rglob("*")) if top.is_dir() else [top])]
    return hash(tuple((path, path.stat().st_mtime_ns, path.read_bytes()) for path in files if path.is_file()))
