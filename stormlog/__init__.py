"""Stormlog: which ML memory failures recur, where, since when, and did the fix hold.

Importing this package is cheap: sub-packages are imported by name
(``import stormlog.query``), and nothing here imports DuckDB or click.
"""

from __future__ import annotations

__version__ = "1.0.0.dev0"
__all__ = ["__version__"]
