"""One line that tells an issue from others of the same title.

Promise: issues of one kind get equal lines only where their dimensions are equal. A line that leaves something out, or
holds letters that may look like others, ends in the first digits of the fingerprint; every other line is ASCII and says
all dimensions that the title does not say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from stormlog.issues.models import ISSUE_FINGERPRINT_SCHEMA_VERSION, canonical_json
from stormlog.issues.normalize import json_safe_dimensions

__all__ = ["what_of"]

#: A value is shown with at most so many characters: its beginning, an ellipsis, and its end.
_MOST_CHARACTERS: Final = 60
_END_CHARACTERS: Final = 19
#: Most missing fields, and most dimensions where all are shown by name.
_MOST_ITEMS: Final = 6
_DIGITS: Final = 8

#: Dimensions of each kind; all are texts but those below.
_DIMENSIONS: Final = {
    "oom": {"backend", "reason"},
    "collector_degradation": {"backend", "collector", "error_stem", "health_status", "partial_fields"},
    "alert": {"backend", "category", "collector", "event_type", "severity"},
    "hidden_memory_anomaly": {"backend", "classification", "collector", "phase", "severity"},
    "error": {"message", "module"},
}
_NULLABLE: Final = frozenset({"backend", "phase", "reason"})
_COLLECTOR_OF_CPU: Final = "stormlog.host_tracker"

#: Categories that titles say in words of their own; a title shows an underscore as a blank.
_KNOWN_CATEGORIES: Final = frozenset({"high_fragmentation", "oom_alert", "generic_alert"})
#: Categories that a title says as they are.
_CATEGORY_OF_TITLE: Final = re.compile(r"(?!generic alert$)[!-\[\]-^`-~]+(?: [!-\[\]-^`-~]+)*")

#: Texts without quotes: printable, single blanks between words, none of the marks that separate parts of the line.
_PLAIN: Final = re.compile(r"[^\s,\"=]+(?: [^\s,\"=]+)*")
#: Beginnings of other parts of the line, and what stands for values that are not texts.
_RESERVED: Final = re.compile(
    r"(?:category|collector|error|missing|module|no|phase|severity|unknown) .*"
    r"|null|true|false|-?(?:nan|infinity|[0-9][0-9.e+-]*)",
    re.IGNORECASE,
)


def what_of(
    kind: str, dimensions: Mapping[str, Any], details: Mapping[str, Any], fingerprint_id: str | None = None
) -> str:
    """Return what tells an issue from others of its title: ``message_pattern:out of memory, cuda, RuntimeError``.

    Args:
        kind: Kind of the issue, also one that is not known here.
        dimensions: Of its fingerprint.
        details: Of the issue. The exception of an OOM is taken from them: it is no dimension.
        fingerprint_id: Id of the fingerprint, if it is at hand: making one takes long.

    Returns:
        One line of printable text, without markup; '' without dimensions.

    Source: docs/concepts.md#what-tells-issues-apart.
    """
    line = ", ".join(_parts(kind, dimensions, details))
    if line.isascii():
        return line
    name = fingerprint_id or _digest(kind, dimensions)
    return f"{line} [{name.rpartition(':')[2][:_DIGITS]}]"


def _parts(kind: str, dimensions: Mapping[str, Any], details: Mapping[str, Any]) -> Iterator[str]:
    if not _are_usual(kind, dimensions):
        yield from _by_name(dimensions)
    elif kind == "oom":
        yield _text(dimensions["reason"], "reason")
        yield _text(dimensions["backend"], "backend")
        yield from _exception(dimensions["reason"], details.get("exception_type"))
    elif kind == "collector_degradation":
        yield _text(dimensions["health_status"], "health")
        yield from _origin(dimensions)
        if dimensions["error_stem"] != "unknown":
            yield f"error {_text(dimensions['error_stem'])}"
        if dimensions["partial_fields"]:
            yield f"missing {_listed(list(map(_text, dimensions['partial_fields'])))}"
    elif kind == "alert":
        yield _text(dimensions["event_type"], "type")
        if dimensions["severity"] != dimensions["event_type"]:
            yield f"severity {_text(dimensions['severity'])}"
        yield from _origin(dimensions)
        if not _is_in_title(dimensions["category"]):
            yield f"category {_text(dimensions['category'])}"
    elif kind == "hidden_memory_anomaly":
        yield _text(dimensions["classification"])
        if dimensions["phase"] is not None:
            yield f"phase {_text(dimensions['phase'])}"
        yield from _origin(dimensions)
        yield f"severity {_text(dimensions['severity'])}"
    else:
        yield _text(dimensions["message"], "message")
        if dimensions["module"]:
            yield f"module {_text(dimensions['module'])}"


def _are_usual(kind: str, dimensions: Mapping[str, Any]) -> bool:
    """Return whether the dimensions are those of the kind, each with a value of its type."""
    if set(dimensions) != _DIMENSIONS.get(kind):
        return False
    fields = dimensions.get("partial_fields", ())
    if isinstance(fields, str) or not isinstance(fields, Sequence):
        return False
    return all(isinstance(field, str) for field in fields) and all(
        isinstance(value, str) or (value is None and key in _NULLABLE)
        for key, value in dimensions.items()
        if key != "partial_fields"
    )


def _origin(dimensions: Mapping[str, Any]) -> Iterator[str]:
    """Yield the backend, and the collector unless it is the usual one of the backend."""
    backend, collector = dimensions["backend"], dimensions["collector"]
    yield _text(backend, "backend")
    if collector != (_COLLECTOR_OF_CPU if backend == "cpu" else f"stormlog.{backend}_tracker"):
        yield f"collector {_text(collector)}"


def _exception(reason: str | None, exception_type: Any) -> Iterator[str]:
    """Yield the class of the exception, unless the reason names it."""
    if isinstance(exception_type, str) and exception_type.lower() not in (reason or ""):
        yield _text(exception_type)


def _is_in_title(category: str) -> bool:
    if category in _KNOWN_CATEGORIES:
        return True
    return len(category) <= _MOST_CHARACTERS and _CATEGORY_OF_TITLE.fullmatch(category) is not None


def _by_name(dimensions: Mapping[str, Any]) -> Iterator[str]:
    items = [f"{_text(key)}={_value(dimensions[key])}" for key in sorted(dimensions)[:_MOST_ITEMS]]
    if items:
        yield _listed(items, len(dimensions))


def _value(value: Any) -> str:
    if isinstance(value, str):
        # Lists and objects are shown as JSON.
        return json.dumps(_shortened(value)) if value.startswith(("[", "{")) else _text(value)
    return _shortened(canonical_json(json_safe_dimensions({"": value})[""]))


def _listed(texts: Sequence[str], count: int | None = None) -> str:
    """Return texts with commas between them; beyond some they are counted.

    Args:
        texts: The texts, perhaps only the first.
        count: How many there are.
    """
    shown = texts[:_MOST_ITEMS]
    more = (len(texts) if count is None else count) - len(shown)
    return ", ".join(shown) + (f", … {more:,} more" if more else "")


def _text(value: str | None, noun: str = "") -> str:
    """Return a value as a part of the line: in quotes, with escapes, where it could be read as something else.

    Args:
        value: A dimension.
        noun: What the dimension is called where its value is not known: ``unknown backend``; '' for those that a label
            tells apart.
    """
    if value is None:
        return f"no {noun}"
    if value == "unknown" and noun:
        return f"unknown {noun}"
    text = _shortened(value)
    is_plain = text.isprintable() and _PLAIN.fullmatch(text) and not _RESERVED.fullmatch(text)
    return text if is_plain else json.dumps(text)


def _shortened(text: str) -> str:
    if len(text) <= _MOST_CHARACTERS:
        return text
    return f"{text[: _MOST_CHARACTERS - _END_CHARACTERS - 1]}…{text[-_END_CHARACTERS:]}"


def _digest(kind: str, dimensions: Mapping[str, Any]) -> str:
    """Return the digits that the id of a fingerprint with these dimensions begins with."""
    import hashlib  # Late: few issues need it.

    canonical = canonical_json(
        {
            "dimensions": json_safe_dimensions(dimensions),
            "kind": kind,
            "schema_version": ISSUE_FINGERPRINT_SCHEMA_VERSION,
        }
    )
    return hashlib.sha256(canonical.encode()).hexdigest()
