"""Addresses of webhooks as they may be shown: what follows the host is often as good as a password."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

__all__ = ["REFERENCES", "shown_address", "shown_webhook"]

#: How a setting begins that says where the address of a webhook is to be found.
REFERENCES: Final = ("env:", "file:")


def shown_address(url: str) -> str:
    """Return scheme, host and port of an address: no user, password, path, query or fragment.

    Args:
        url: Any text; of what is no address nothing is shown.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "..."
    host = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{host}{'' if port is None else f':{port}'}/..."


def shown_webhook(setting: str) -> str:
    """Return the setting of a webhook to show: names of variables and files are no secrets, addresses are."""
    return setting if setting.startswith(REFERENCES) else shown_address(setting)
