"""Lets scans and gates share a store: opening one, and asking it for the first time, is most of what they cost."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from unittest.mock import patch

import stormlog.query
from stormlog.query import QueryStore

__all__ = ["one_store_of"]


@contextlib.contextmanager
def one_store_of(*paths: Path) -> Iterator[QueryStore]:
    """Give whatever opens these paths inside the same open store; the files must not change meanwhile.

    Strict stores, those with a tracker, and those of other paths are opened as ever.
    """
    names, open_store = [str(path) for path in paths], stormlog.query.open

    def shared(given: Sequence[str | os.PathLike[str]], **options: Any) -> Any:
        if options.get("strict") or options.get("tracker") or [*map(os.fspath, given)] != names:
            return open_store(given, **options)
        return contextlib.nullcontext(store)

    with open_store(names, cache=False) as store, patch.object(stormlog.query, "open", shared):
        yield store
