"""Rules that say which issues do not matter, also issues that nobody has seen yet.

The promise: a rule means the same wherever it is kept: in a tracker, in the configuration and in ``issues.json``.

Source: docs/tracking.md#ignore-rules.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from stormlog._values import frozen_class

__all__ = [
    "IgnoreRule",
    "ignoring_rule",
    "is_fingerprint_id",
    "may_be_ignored",
    "ignore_rule_of",
    "ignore_rules_of",
]

#: Dimensions by which an issue of each kind is told from others.
_DIMENSIONS: Final[dict[str, tuple[str, ...]]] = {
    "oom": ("backend", "reason"),
    "collector_degradation": ("backend", "collector", "error_stem", "health_status", "partial_fields"),
    "alert": ("backend", "category", "collector", "event_type", "severity"),
    "hidden_memory_anomaly": ("backend", "classification", "collector", "phase", "severity"),
    "error": ("message", "module"),
}
_CUSTOM: Final = "custom:"
_FIELDS: Final = ("kind", "dimensions", "fingerprint_id", "reason")
_FINGERPRINT: Final = re.compile(r"(?:issue|error):[0-9a-f]{24}")
_MOST_CHARACTERS: Final = 1_000


@frozen_class
class IgnoreRule:
    """Which issues are ignored: those that fit everything that it names.

    Attributes:
        kind: Kind of the issue; None for any.
        dimensions: Name of a dimension -> pattern: the text itself, in which ``*`` stands for any characters, none
            included. An empty pattern fits where there is no value. A list fits if one of its items does.
        fingerprint_id: The issue itself; None for any.
        reason: Why.
    """

    kind: str | None = None
    dimensions: Mapping[str, str] | None = None
    fingerprint_id: str | None = None
    reason: str | None = None

    def fits(self, fingerprint_id: str, kind: str, dimensions: Mapping[str, Any]) -> bool:
        """Tell whether an issue is one of those that are ignored."""
        return (
            self.fingerprint_id in (None, fingerprint_id)
            and self.kind in (None, kind)
            and all(_fits(pattern, dimensions.get(name)) for name, pattern in (self.dimensions or {}).items())
        )

    def as_dict(self) -> dict[str, Any]:
        """Return what it names, JSON-ready."""
        named = {name: getattr(self, name) for name in _FIELDS}
        return {name: value for name, value in named.items() if value not in (None, {})}


def ignore_rule_of(values: object) -> IgnoreRule:
    """Return the rule that a mapping describes, as it stands in the configuration and in ``issues.json``.

    Raises:
        ValueError: an unknown key, kind or dimension, a value of another type, or nothing is named.
    """
    if not isinstance(values, Mapping):
        raise ValueError("an ignore rule is a table of kind, dimensions, fingerprint_id and reason")
    unknown = sorted(map(str, set(values).difference(_FIELDS)))
    if unknown:
        raise ValueError(f"an ignore rule has no {unknown[0]!r}: it may name {', '.join(_FIELDS)}")
    texts = {
        name: _text(name, values[name]) for name in ("kind", "fingerprint_id", "reason") if values.get(name)
    }
    rule = IgnoreRule(**texts, dimensions=_patterns(values.get("dimensions") or {}))
    if rule.kind is None and not rule.dimensions and rule.fingerprint_id is None:
        raise ValueError(
            "an ignore rule names a kind, dimensions or a fingerprint_id; this one would fit every issue"
        )
    if rule.fingerprint_id is not None and not is_fingerprint_id(rule.fingerprint_id):
        raise ValueError(f"{rule.fingerprint_id!r} is no fingerprint id: issue: and 24 hexadecimal digits")
    _require_known(rule)
    return rule


def ignore_rules_of(values: object) -> tuple[IgnoreRule, ...]:
    """Return the rules that a list describes.

    Raises:
        ValueError: see `ignore_rule_of`; the message says which one.
    """
    if not isinstance(values, (list, tuple)):
        raise ValueError("ignore is a list of rules")
    rules = []
    for position, value in enumerate(values):
        try:
            rules.append(value if isinstance(value, IgnoreRule) else ignore_rule_of(value))
        except ValueError as error:
            raise ValueError(f"ignore[{position}]: {error}") from None
    return tuple(rules)


def ignoring_rule(
    rules: Iterable[IgnoreRule], fingerprint_id: str, kind: str, dimensions: Mapping[str, Any]
) -> IgnoreRule | None:
    """Return the first rule that an issue fits; None if it fits none."""
    return next((rule for rule in rules if rule.fits(fingerprint_id, kind, dimensions)), None)


def may_be_ignored(status: str | None) -> bool:
    """Tell whether rules decide about an issue: nobody works on it, resolved it or decided about it otherwise.

    Args:
        status: Of the tracked issue; None where nothing is known of it.
    """
    return status in (None, "new", "regressed")


def is_fingerprint_id(text: str) -> bool:
    """Tell whether a text is written like a fingerprint id, seen or not."""
    return _FINGERPRINT.fullmatch(text) is not None


def _fits(pattern: str, value: object) -> bool:
    if isinstance(value, (list, tuple)) and value:
        return any(_fits(pattern, item) for item in value)
    if value is None or value in ("", [], ()):
        return pattern == ""
    return _matches(pattern, value if isinstance(value, str) else json.dumps(value))


def _matches(pattern: str, text: str) -> bool:
    """Tell whether a text is a pattern with anything in the place of each ``*``, in time linear in the text."""
    first, *others = pattern.split("*")
    if not others:
        return text == pattern
    *middle, last = others
    if not text.startswith(first) or not text.endswith(last) or len(text) < len(first) + len(last):
        return False
    place, end = len(first), len(text) - len(last)
    for piece in middle:
        found = text.find(piece, place, end)
        if found < 0:
            return False
        place = found + len(piece)
    return True


def _patterns(values: object) -> dict[str, str]:
    if not isinstance(values, Mapping):
        raise ValueError("dimensions is a table: name = pattern")
    return {
        _text("name of a dimension", name): _text(f"dimension {name}", text, "")
        for name, text in values.items()
    }


def _text(name: str, value: object, blank: str | None = None) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    if not value.strip():
        if blank is None:
            raise ValueError(f"{name} is blank")
        return blank
    if len(value) > _MOST_CHARACTERS or not value.isprintable():
        raise ValueError(f"{name} is no line of printable text of at most {_MOST_CHARACTERS:,} characters")
    return value


def _require_known(rule: IgnoreRule) -> None:
    """Refuse a kind or dimension that no issue has: such a rule would never fit, and nobody would notice."""
    kind = rule.kind
    if kind is not None and kind.startswith(_CUSTOM):
        return
    if kind is not None and kind not in _DIMENSIONS:
        raise ValueError(f"unknown kind {kind!r}: choose from {', '.join(_DIMENSIONS)}, or {_CUSTOM}NAME")
    known = sorted(
        {name for names in _DIMENSIONS.values() for name in names} if kind is None else _DIMENSIONS[kind]
    )
    for name in rule.dimensions or {}:
        if name not in known:
            of_kind = "" if kind is None else f" of {kind}"
            raise ValueError(f"no issue{of_kind} has a dimension {name!r}: choose from {', '.join(known)}")
