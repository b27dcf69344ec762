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

    So do files below them: scans look there for records that describe a session. Strict stores, those with a
    tracker, and those of other paths are opened as ever.
    """
    open_store = stormlog.query.open
    names = tuple(map(str, paths))

    def shared(given: Sequence[str | os.PathLike[str]], **options: Any) -> Any:
        asked = tuple(map(os.fspath, given))
        is_ours = asked == names or all(
            os.path.isfile(path) and any(map(Path(path).is_relative_to, paths)) for path in asked
        )
        if options.get("strict") or options.get("tracker") or not is_ours:
            return open_store(given, **options)
        if asked not in stores:
            stores[asked] = stack.enter_context(open_store(asked, cache=False))
        return contextlib.nullcontext(stores[asked])

    with contextlib.ExitStack() as stack, patch.object(stormlog.query, "open", shared):
        stores = {names: stack.enter_context(open_store(names, cache=False))}
        yield stores[names]
