"""Where indexes are: one folder for each set of opened paths, below the cache directory."""

from __future__ import annotations

import os
from collections.abc import Sequence

from stormlog._digests import blake2b

__all__ = ["LAYOUT", "cache_root", "index_folder"]

#: Name of the folder below the cache directory; another layout gets another name.
LAYOUT = "v2"
_OFF = frozenset({"off", "0", "false", "no", "none"})


def cache_root(cache: str | os.PathLike[str] | bool | None = None) -> str | None:
    """Return the cache directory, or None where nothing is to be kept.

    Args:
        cache: A directory; False for none; None or True for what the environment says: ``STORMLOG_CACHE``
            (a directory, or ``off``), else ``$XDG_CACHE_HOME/stormlog``, else ``~/.cache/stormlog``.
    """
    if cache is False:
        return None
    if cache is not None and cache is not True:
        return os.path.abspath(os.path.expanduser(os.fspath(cache)))
    named = os.environ.get("STORMLOG_CACHE", "")
    if named.strip().lower() in _OFF:
        return None
    if named.strip():
        return os.path.abspath(os.path.expanduser(named))
    base = os.environ.get("XDG_CACHE_HOME", "")
    if not os.path.isabs(base):
        base = os.path.expanduser("~/.cache")
        if not os.path.isabs(base):
            return None
    return os.path.join(base, "stormlog")


def index_folder(root: str, paths: Sequence[str]) -> str:
    """Return the folder for a set of opened paths; other spellings of the same paths get another one.

    Answers name paths as they were spelled, so what is kept for one spelling is no answer to another.
    """
    digest = blake2b(digest_size=12)
    for path in paths:
        for text in (path, os.path.abspath(path)):
            digest.update(os.fsencode(text) + b"\0")
    return os.path.join(root, LAYOUT, digest.hexdigest())
