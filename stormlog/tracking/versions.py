"""Tells whether a version of the code is newer than the one that has a fix.

The promise: an answer is given only where the two texts are versions of one kind. What cannot be told is no
answer, and with every answer comes what it rests on.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Literal

from packaging.version import Version

from stormlog.tracking.projects import VERSION_ORDERS
from stormlog.tracking.repository import Repository

__all__ = ["Comparison", "FirstSeen", "compare_versions", "repository_for", "seen_among"]

FirstSeen = Callable[[str], int | None]
Result = Literal["newer", "older", "equal"]

_TAG: Final = "refs/tags/"
_BUILD: Final = re.compile(r"\s*\([^()]*\)\Z")
_LEADING_V: Final = re.compile(r"\A[vV](?=[0-9])")
# Uncommitted changes say nothing about the commit below them.
_DIRTY: Final = re.compile(r"-dirty\Z")
_COMMIT: Final = re.compile(r"(?=.*[a-f])[0-9a-f]{7,40}", re.IGNORECASE)
_HEXADECIMAL: Final = re.compile(r"[0-9a-f]{7,40}", re.IGNORECASE)
_DESCRIBED: Final = re.compile(r"(.+)-([0-9]{1,9})-g[0-9a-f]{4,40}", re.IGNORECASE)
_SEMVER: Final = re.compile(
    r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)"
    r"(?:-((?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*))*))?"
    r"(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.,]+(?:Z|[+-][0-9:]+)?)?")


@dataclass(frozen=True)
class Comparison:
    """What is known about one version as against another.

    Attributes:
        result: ``newer``, ``older`` or ``equal``; None where nobody can tell.
        basis: What it rests on: ``missing`` (one is blank), ``same_text``, ``commit`` (one hash begins with the
            other), ``observed``, ``git``, ``pep440``, ``semver``, ``date``, ``string``, or ``incomparable``.
    """

    result: Result | None
    basis: str


def seen_among(times_ns: Mapping[str, int]) -> FirstSeen:
    """Return what `compare_versions` takes as ``first_seen``: commits may be named by a part of their hash.

    Args:
        times_ns: Version -> when its earliest event happened, in nanoseconds.
    """

    def first_seen(version: str) -> int | None:
        if version in times_ns or not _HEXADECIMAL.fullmatch(version):
            return times_ns.get(version)
        wanted = version.lower()
        # Of two that are digits alone nobody knows whether they are commits.
        return min(
            (
                time_ns
                for known, time_ns in times_ns.items()
                if _HEXADECIMAL.fullmatch(known)
                and (_is_commit(known) or _is_commit(wanted))
                and (known.lower().startswith(wanted) or wanted.startswith(known.lower()))
            ),
            default=None,
        )

    return first_seen


def repository_for(repo: str | os.PathLike[str] | None, versions: Iterable[str | None]) -> Repository | None:
    """Return what `compare_versions` takes as ``repo`` where many versions are compared: git is asked once for all.

    Args:
        repo: A git repository; None for none.
        versions: Those that are going to be compared.
    """
    if repo is None:
        return None
    repository = Repository(repo)
    repository.learn(_cleaned(version) for version in versions if version is not None)
    return repository


def compare_versions(
    evidence: str | None,
    fix: str | None,
    *,
    order: str = "auto",
    first_seen: FirstSeen | None = None,
    repo: str | os.PathLike[str] | Repository | None = None,
) -> Comparison:
    """Say whether the version that evidence carries is newer than the fix version.

    Args:
        evidence: Version of the code that failed again.
        fix: Version that is said to have the fix.
        order: One of `VERSION_ORDERS`. ``auto`` takes the first that fits both: commits (by ancestry in
            ``repo``, else by when they were first seen), PEP 440, SemVer, dates, and plain text if neither is
            any of these. Digits alone are a commit only where ``repo`` knows one. ``string`` compares the texts as
            they are.
        first_seen: Returns when the earliest event with a version happened, in nanoseconds; None if it is unknown.
        repo: A git repository to ask which commit came first; for many comparisons, the same `Repository`, which has
            learned all versions.

    Raises:
        ValueError: an unknown order.

    Source: docs/tracking.md#versions.
    """
    if order not in VERSION_ORDERS:
        raise ValueError(f"unknown version order {order!r}: choose from {', '.join(VERSION_ORDERS)}")
    if evidence is None or fix is None or not evidence.strip() or not fix.strip():
        return Comparison(None, "missing")
    if order == "string":
        return Comparison(_compared(evidence, fix), "string")
    ours, theirs = _cleaned(evidence), _cleaned(fix)
    if ours == theirs:
        return Comparison("equal", "same_text")
    repository = Repository(repo) if repo is not None and not isinstance(repo, Repository) else repo
    by_age = partial(_by_age, evidence, fix, first_seen, repository)
    if order == "observed":
        return by_age()
    known = _asked_first(ours, theirs, by_age, repository) if order == "auto" else None
    if known is not None:
        return known
    if order == "auto" and (_is_commit(ours) or _is_commit(theirs)):
        return by_age() if _is_commit(ours) and _is_commit(theirs) else Comparison(None, "incomparable")
    parsers = _PARSERS if order == "auto" else {order: _PARSERS[order]}
    is_plain = True
    for basis, parse in parsers.items():
        keys = parse(ours), parse(theirs)
        if keys[0] is not None and keys[1] is not None:
            return Comparison(_compared(*keys), basis)
        is_plain = is_plain and keys == (None, None)
    if order == "auto" and is_plain:
        return Comparison(_compared(ours, theirs), "string")
    return Comparison(None, "incomparable")


def _cleaned(text: str) -> str:
    text = text.strip().removeprefix(_TAG)
    text = _DIRTY.sub("", _BUILD.sub("", text)) or text
    return _LEADING_V.sub("", text)


def _compared(ours: Any, theirs: Any) -> Result:
    return "equal" if ours == theirs else "newer" if ours > theirs else "older"


def _is_commit(text: str) -> bool:
    return _COMMIT.fullmatch(text) is not None


def _by_age(
    evidence: str, fix: str, first_seen: FirstSeen | None, repository: Repository | None
) -> Comparison:
    """Compare commits, or other names that have no order of their own, by what is known of their past."""
    ours, theirs = _cleaned(evidence), _cleaned(fix)
    if _is_commit(ours) and _is_commit(theirs):
        short, long = sorted((ours.lower(), theirs.lower()), key=len)
        if long.startswith(short):
            return Comparison("equal", "commit")
    found = _by_ancestry(ours, theirs, repository)
    if found is not None:
        return found
    times = []
    for given, cleaned in ((evidence, ours), (fix, theirs)):
        time_ns = first_seen(given) if first_seen else None
        times.append(first_seen(cleaned) if first_seen and time_ns is None else time_ns)
    # Two that came up at once are in no order.
    if None in times or times[0] == times[1]:
        return Comparison(None, "observed")
    return Comparison(_compared(*times), "observed")


def _by_ancestry(ours: str, theirs: str, repository: Repository | None) -> Comparison | None:
    """Ask git; None if it cannot tell: there is no git, no repository, or it lacks a commit."""
    if repository is None:
        return None
    repository.learn([ours, theirs])
    commits = repository.commit(ours), repository.commit(theirs)
    if commits[0] is None or commits[1] is None:
        return None
    order = repository.order(commits[0], commits[1])
    if order is None:
        return None
    # On branches that went apart neither came first.
    return Comparison(None if order == "diverged" else order, "git")


def _asked_first(
    ours: str, theirs: str, by_age: Callable[[], Comparison], repository: Repository | None
) -> Comparison | None:
    """Compare two texts of which git knows one as a hash; None if it knows none, or there is no repository.

    So a hash of digits alone is no number. Tags are left to the orders of versions, unless the other is a hash.
    """
    if repository is None:
        return None
    repository.learn([ours, theirs])
    if not (repository.has_hash(ours) or repository.has_hash(theirs)):
        return None
    if _HEXADECIMAL.fullmatch(ours) and _HEXADECIMAL.fullmatch(theirs):
        return by_age()
    return _by_ancestry(ours, theirs, repository) or Comparison(None, "incomparable")


def _pep440(text: str) -> tuple[Version, int] | None:
    described = _DESCRIBED.fullmatch(text)
    base, distance = (described[1], int(described[2])) if described else (text, 0)
    try:
        return Version(Version(base).public), distance
    except ValueError:
        # Numbers of thousands of digits are refused as well.
        return None


def _semver(text: str) -> tuple[Any, ...] | None:
    found = _SEMVER.fullmatch(text)
    if found is None:
        return None
    numbers = tuple(map(_number, found.group(1, 2, 3)))
    if found[4] is None:
        return numbers, 1, ()
    # Numbers come before words; of two that begin alike, the longer one is newer.
    return (
        numbers,
        0,
        tuple((0, _number(part), "") if part.isdigit() else (1, (), part) for part in found[4].split(".")),
    )


def _number(digits: str) -> tuple[int, str]:
    # Without leading zeros this is the order of the numbers, however long they are.
    return len(digits), digits


def _date(text: str) -> datetime | None:
    if _DATE.fullmatch(text) is None:
        return None
    try:
        date = datetime.fromisoformat(text.replace(",", "."))
    except ValueError:
        return None
    return date.replace(tzinfo=UTC) if date.tzinfo is None else date


_PARSERS: Final[dict[str, Callable[[str], Any]]] = {"pep440": _pep440, "semver": _semver, "date": _date}
