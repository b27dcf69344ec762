"""How objects show themselves in a notebook.

Promise: an object knows that it can be shown and not how. Pages are made on a floor of the package above what they
show, so what makes them is found by its name when a notebook asks for it, and costs nothing before.
"""

from __future__ import annotations

__all__ = ["shown_by"]


def shown_by(name: str, value: object) -> str:
    """Return what a function of `stormlog.reporting.notebooks` makes of a value.

    Source: docs/notebooks.md.
    """
    from importlib import import_module

    return str(getattr(import_module("stormlog.reporting.notebooks"), name)(value))
