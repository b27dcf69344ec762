"""Digests: what is new in a project, by mail and webhook, as often as it wants to hear.

    settings = NotifySettings.from_environment()
    report = notify(tracker, projects=None, settings=settings)

Source: docs/notifications.md.
"""

from __future__ import annotations

from stormlog._lazy import lazy_names

__getattr__, __dir__ = lazy_names(globals())
