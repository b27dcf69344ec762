"""Paths as callers give them."""

from __future__ import annotations

import os

__all__ = ["require_path"]


def require_path(path: object, name: str = "a path") -> str:
    """Return a path as text.

    An empty one, such as an unset variable of a shell gives, would mean the current directory to ``pathlib``.

    Raises:
        ValueError: it is empty, or neither text nor a path.
    """
    text = os.fspath(path) if isinstance(path, os.PathLike) else path
    if not isinstance(text, str):
        raise ValueError(f"{name} must be text or a path, not {path!r}")
    if not text:
        raise ValueError(f"{name} is empty: name a file or directory")
    return text
