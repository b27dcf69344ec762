"""Reads and checks the configuration that holds in a directory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import field
from typing import Any

from stormlog._values import frozen_class
from stormlog.configuration.files import FILE_NAMES, files_upwards, read_file

__all__ = ["Configuration", "load"]

#: Names the file, or says ``off``.
_VARIABLE = "STORMLOG_CONFIG"
_NEVER = ("secret", "token", "password", "recipient", "webhook", "smtp", "allow", "permission", "agent")


@frozen_class
class Configuration:
    """Settings of a file.

    Attributes:
        path: The file; None where there is none.
        settings: Name of a key -> its value, as the file says; paths are made relative to the current directory.
        warnings: Sentences about files that were passed over.
    """

    path: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def value(self, name: str) -> Any:
        """Return what holds for a key: None where an environment variable decides, or the file says nothing."""
        if name not in self.settings or self.source(name) != self.path:
            return None
        return self.settings[name]

    def source(self, name: str) -> str | None:
        """Return what decides on a key: the name of a variable, the path of the file, or None for the default."""
        from stormlog.configuration.keys import KEYS

        variable = KEYS[name].variable
        if variable is not None and os.environ.get(variable, "").strip():
            return variable
        return self.path if name in self.settings else None


def load(directory: str | os.PathLike[str] | None = None) -> Configuration:
    """Return the configuration that holds in a directory.

    ``STORMLOG_CONFIG`` names the file, or says ``off``. Without it the nearest ``stormlog.toml``, or ``pyproject.toml``
    with a table ``tool.stormlog``, counts: upwards to the root of the repository, the home directory, or the end of
    the file system. Files that belong neither to this user nor to root are passed over with a warning.

    Args:
        directory: Where the search begins; by default the current directory.

    Raises:
        ValueError: the file is not TOML, has a key that nobody knows, or a value that does not fit its key.

    Source: docs/configuration.md.
    """
    warnings: list[str] = []
    for path, content in _files(directory, warnings):
        table = _table_of(path, content)
        if table is not None:
            return Configuration(path, _checked(table, path), tuple(warnings))
    return Configuration(warnings=tuple(warnings))


def _files(directory: str | os.PathLike[str] | None, warnings: list[str]) -> Iterator[tuple[str, bytes]]:
    named = os.environ.get(_VARIABLE, "").strip()
    if named.lower() == "off":
        return
    if named:
        path = os.path.abspath(os.path.expanduser(named))
        content = read_file(path, warnings)
        if content is not None:
            yield path, content
        return
    try:
        start = os.path.abspath(directory or os.getcwd())
    except FileNotFoundError:
        # The current directory was removed.
        return
    yield from files_upwards(start, warnings)


def _table_of(path: str, content: bytes) -> dict[str, Any] | None:
    """Return the settings of a file; None for a ``pyproject.toml`` without any."""
    # An ordinary command finds no file.
    import tomllib

    try:
        table = tomllib.loads(content.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ValueError(f"{path}: not valid TOML: {error}") from None
    if os.path.basename(path) != FILE_NAMES[1]:
        return table
    tool = table.get("tool")
    own = tool.get("stormlog") if isinstance(tool, dict) else None
    if own is not None and not isinstance(own, dict):
        raise ValueError(f"{path}: tool.stormlog has to be a table")
    return own


def _checked(table: dict[str, Any], path: str) -> dict[str, Any]:
    # Most directories have no file.
    from stormlog.configuration.keys import KEYS

    settings = {}
    for name, value in table.items():
        if name not in KEYS:
            raise ValueError(f"{path}: {_unknown(name)}")
        try:
            settings[name] = KEYS[name].check(value, os.path.dirname(path))
        except ValueError as error:
            raise ValueError(f"{path}: {name}: {error}") from None
    return settings


def _unknown(name: str) -> str:
    if any(word in name.lower() for word in _NEVER):
        return f"{name!r} is no key: secrets, permissions, and where messages go are never read from a configuration"
    import difflib

    from stormlog.configuration.keys import KEYS

    near = difflib.get_close_matches(name, KEYS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(KEYS)}"
    return f"{name!r} is no key; {hint}"
