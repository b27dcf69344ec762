"""What a team or a person writes once instead of on every command line: ``stormlog.toml``.

    found = stormlog.configuration.load()
    found.value("db"), found.source("db")

Front ends read it, the library does not: `stormlog.query.open` and `stormlog.tracking.Tracker` take their arguments.

Source: docs/configuration.md.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
