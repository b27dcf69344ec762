"""The webhook of a project: an address, or the environment variable or file that holds it.

The promise: an address that is kept elsewhere is read when a message goes out and never stored, and no message of
an error holds one.
"""

from __future__ import annotations

import os
from typing import Final
from urllib.parse import urlsplit

__all__ = ["require_webhook", "webhook_address"]

_FORMS: Final = "write https://host/path, env:NAME, or file:PATH"
_MOST_BYTES: Final = 8192


def require_webhook(text: str) -> str:
    """Return the setting of a webhook as it is stored; paths of files become absolute.

    Args:
        text: ``https://host/path``; ``env:NAME`` or ``file:PATH`` for the variable or file that holds such an address.

    Raises:
        ValueError: it is none, or there is no address where it says.
    """
    if text.startswith("file:"):
        text = f"file:{os.path.abspath(_named(text))}"
    webhook_address(text)
    return text


def webhook_address(setting: str) -> str:
    """Return the address that a setting stands for.

    Args:
        setting: What `require_webhook` returned.

    Raises:
        ValueError: there is no address where it says.
    """
    if setting.startswith("env:"):
        name = _named(setting)
        found = os.environ.get(name, "").strip()
        if not found:
            raise ValueError(
                f"the environment variable {name}, which is to hold the address of a webhook, is not set"
            )
        return _web_address(found, f"what the environment variable {name} holds")
    if setting.startswith("file:"):
        path = _named(setting)
        return _web_address(_read(path), f"what {path} holds")
    return _web_address(setting, "this")


def _named(setting: str) -> str:
    name = setting.partition(":")[2]
    if not name or not name.isprintable():
        raise ValueError(f"the webhook names no variable or file: {_FORMS}")
    return name


def _read(path: str) -> str:
    try:
        # Not a pipe or device: reading might not end.
        if not os.path.isfile(path):
            raise FileNotFoundError("no such file" if not os.path.exists(path) else "not a plain file")
        with open(path, "rb") as file:
            return file.read(_MOST_BYTES).decode("utf-8").strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} holds no address of a webhook: it is no UTF-8") from error
    except OSError as error:
        reason = error.strerror or str(error)
        raise ValueError(
            f"cannot read {path}, which is to hold the address of a webhook: {reason}"
        ) from error


def _web_address(text: str, what: str) -> str:
    try:
        parts = urlsplit(text)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not text.isprintable() or " " in text:
        # The text itself may be a secret with a slip in it.
        raise ValueError(f"{what} is no address of a webhook: {_FORMS}")
    return text
