"""The keys of a configuration file: what each means, and which values it takes.

None of them holds a secret, says who gets a message or where it goes, or gives a permission: a file comes with a
repository, and whoever wrote it is not always whoever runs a command in it.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from stormlog._values import frozen_class

__all__ = ["KEYS", "Key"]


@frozen_class
class Key:
    """A key of the file.

    Attributes:
        name: As it is written.
        meaning: For people, without a full stop.
        example: A value in TOML.
        check: Takes the value and the directory of the file, and returns the value to use.
        variable: The environment variable that counts more, if there is one.
    """

    name: str
    meaning: str
    example: str
    check: Callable[[Any, str], Any]
    variable: str | None = None


def _text(value: Any, _: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("has to be a text that is not empty")
    return value


def _path(value: Any, directory: str) -> str:
    if "\0" in _text(value, directory):
        raise ValueError("has to be a path")
    path = os.path.expanduser(value)
    # What is relative is meant from the file, wherever the command is run. Beside the file it stays as it is written,
    # so that answers name paths as they would if they had been typed.
    return path if directory == os.getcwd() else os.path.join(directory, path)


def _paths(value: Any, directory: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not value:
        raise ValueError("has to be a list of paths")
    return tuple(_path(path, directory) for path in value)


def _cache(value: Any, directory: str) -> str | bool:
    if value is False:
        return False
    if not isinstance(value, str):
        raise ValueError("has to be a directory, or false")
    return _path(value, directory)


def _size(value: Any, directory: str) -> str:
    from stormlog._sizes import parse_size

    if parse_size(_text(value, directory)) is None:
        raise ValueError("has to be a size such as 512MB")
    return str(value)


def _count(value: Any, _: str) -> int:
    if type(value) is not int or value < 1:
        raise ValueError("has to be a number above 0")
    return value


def _zone(value: Any, directory: str) -> str:
    from stormlog.presenting import moments_in

    moments_in(_text(value, directory))
    return str(value)


def _duration(value: Any, directory: str) -> str:
    from stormlog._times import parse_duration

    parse_duration(_text(value, directory))
    return str(value)


def _ignore_rules(value: Any, _: str) -> tuple[Any, ...]:
    from stormlog.issues import ignore_rules_of

    return ignore_rules_of(value)


def _budgets(value: Any, _: str) -> tuple[str, ...]:
    from stormlog.explaining import parse_budget

    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError("has to be a list of texts such as '* peak_reserved < 70GiB'")
    return tuple(parse_budget(text).text for text in value)


def _one_of(words: Callable[[], tuple[str, ...]]) -> Callable[[Any, str], str]:
    def check(value: Any, _: str) -> str:
        if not isinstance(value, str) or value not in words():
            raise ValueError(f"has to be one of {', '.join(words())}")
        return value

    return check


def _severities() -> tuple[str, ...]:
    return ("critical", "warning", "info")


def _formats() -> tuple[str, ...]:
    return ("table", "json", "jsonl", "csv", "markdown")


def _version_orders() -> tuple[str, ...]:
    from stormlog.tracking import VERSION_ORDERS

    return VERSION_ORDERS


_LIST = (
    Key("paths", "what commands read that are given no PATH", '["runs", "oom_dumps"]', _paths),
    Key("db", "the tracker", '"tracker.db"', _path, "STORMLOG_DB"),
    Key("project", "project of the issues", '"llama"', _text),
    Key("app", "training program, where telemetry names none", '"pretrain"', _text),
    Key(
        "cache",
        "where to remember what was read; false for nowhere",
        '"/scratch/me/stormlog"',
        _cache,
        "STORMLOG_CACHE",
    ),
    Key("memory_limit", "most memory of the engine", '"4GB"', _size),
    Key("threads", "most threads of the engine", "4", _count),
    Key("tz", "time zone of tables: utc, local, or a name", '"Europe/Berlin"', _zone),
    Key("settle", "how long a session without an end has to be quiet to be over", '"30m"', _duration),
    Key("min_severity", "least severe alerts that scan and gate count", '"critical"', _one_of(_severities)),
    Key("version_order", "how gate compares versions of the code", '"semver"', _one_of(_version_orders)),
    Key("budgets", "budgets of memory of gate", '["* peak_reserved < 70GiB"]', _budgets),
    Key(
        "ignore",
        "rules by which issues are ignored where there is no tracker",
        '[{kind = "alert", dimensions = {category = "memory usage*"}, reason = "noise"}]',
        _ignore_rules,
    ),
    Key("format", "how lists are printed", '"json"', _one_of(_formats)),
)

#: Name -> key, in the order of the documentation.
KEYS = {key.name: key for key in _LIST}
