"""Stormlog: which ML memory failures recur, where, since when, and did the fix hold.

Importing this package is cheap: sub-packages are imported by name
(``import stormlog.query``), and nothing here imports DuckDB or click.
"""

from __future__ import annotations

import sys

__version__ = "1.0.0.dev0"
__all__ = ["__version__"]


def __getattr__(name: str) -> object:
    """Return a name that stormlog 0.4.3 offers here."""
    if name.startswith("_"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from stormlog._former_names import former_name

    return former_name(name)


class _FormerModules:
    """Is asked for modules that nobody else found, and says of those of stormlog 0.4.3 what to use instead."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        if name.startswith("stormlog."):
            from stormlog._former_names import refuse_module

            refuse_module(name)


sys.meta_path.append(_FormerModules())
