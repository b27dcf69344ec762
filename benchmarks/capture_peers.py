"""Compares what other versions of Stormlog answer about recordings of this one with what this one answers.

Run ``python -m benchmarks.capture_peers``, a part of ``make bench``. Recordings of every kind are made and read by this
version, by stormlog 0.4.3, and those of version 3 by stormlog 0.3.9 too, each in an environment of its own that is made
once. ``--peer-039`` and ``--peer-043`` name interpreters that have them already.

Differences that docs/compatibility.md explains are named in the table. The exit status is 1 if there is any other.
"""

from __future__ import annotations

import argparse
import copy
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.capture_recordings import RECORDINGS, record
from benchmarks.references import reference_python

__all__ = ["compare", "differences"]

Answers = dict[str, list[dict[str, Any]]]

_SCRIPT = Path(__file__).with_name("capture_answers.py")
_PARTS = ("sessions", "events", "bundles", "issues")
_MOST_SHOWN = 5
#: Of slopes: times were rounded before they were subtracted.
_SLOPE_DIGITS = 6


def answers_of(python: str, place: Path) -> Answers:
    """Return what a version of Stormlog answers about a directory.

    Args:
        python: Interpreter that has it.
        place: The directory.
    """
    # Elsewhere than in the checkout, which would be what is imported.
    command = [python, "-P", str(_SCRIPT), str(place)]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=place.anchor, check=False)
    if ran.returncode:
        raise RuntimeError(f"{python} cannot read {place}:\n{ran.stderr}")
    return dict(json.loads(ran.stdout))


def differences(ours: Any, theirs: Any, place: str = "") -> Iterator[str]:
    """Yield a line for each value that differs.

    Args:
        ours: Rows, or a part of them.
        theirs: The same of the other version.
        place: Where that stands.
    """
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name in sorted(ours.keys() | theirs.keys()):
            if name in ours and name in theirs:
                yield from differences(ours[name], theirs[name], f"{place}.{name}")
            else:
                yield f"{place}.{name} is {'here' if name in ours else 'there'} only"
    elif isinstance(ours, list) and isinstance(theirs, list):
        if len(ours) != len(theirs):
            yield f"{place}: {len(ours)} here, {len(theirs)} there"
        for number, (one, other) in enumerate(zip(ours, theirs, strict=False)):
            yield from differences(one, other, f"{place}[{number}]")
    elif ours != theirs or type(ours) is not type(theirs):
        yield f"{place}: {ours!r} here, {theirs!r} there"


# ---- intended differences: each takes itself out of both answers -----------------------------------------


def _own_wording(ours: Answers, theirs: Answers) -> None:
    for issue in (*ours["issues"], *theirs["issues"]):
        issue["details"].pop("description", None)


def _exact_slopes(ours: Answers, theirs: Answers) -> None:
    for issue in (*ours["issues"], *theirs["issues"]):
        evidence = issue["details"].get("evidence")
        if isinstance(evidence, dict) and "slope_bytes_per_sec" in evidence:
            evidence["slope_bytes_per_sec"] = f"{evidence['slope_bytes_per_sec']:.{_SLOPE_DIGITS}g}"


def _relabelled_records(ours: Answers, theirs: Answers) -> None:
    for own, other in zip(ours["events"], theirs["events"], strict=False):
        if own["schema_version"] == 3 and other["schema_version"] == 4:
            other["schema_version"] = 3
            if "memory_capabilities" not in own["metadata"]:
                other["metadata"].pop("memory_capabilities", None)


def _fragmentation_of_older_records(ours: Answers, theirs: Answers) -> None:
    if any(event["schema_version"] != 3 for event in ours["events"]):
        return
    known = {issue["fingerprint_id"] for issue in theirs["issues"]}
    ours["issues"] = [
        issue
        for issue in ours["issues"]
        if issue["fingerprint_id"] in known
        or issue["fingerprint"]["dimensions"].get("classification") != "fragmentation_like"
    ]


#: What docs/compatibility.md says of each, and the versions that it says it of.
INTENDED: dict[str, tuple[tuple[str, ...], Callable[[Answers, Answers], None]]] = {
    "descriptions have their own wording": (("0.3.9", "0.4.3"), _own_wording),
    "slopes are of exact times": (("0.3.9", "0.4.3"), _exact_slopes),
    "records of version 3 stay that": (("0.4.3",), _relabelled_records),
    "fragmentation is found in records of version 3": (("0.4.3",), _fragmentation_of_older_records),
}
_MARKS = dict(zip(INTENDED, "abcd", strict=True))


def compare(version: str, ours: Answers, theirs: Answers) -> tuple[list[str], list[str]]:
    """Return the intended differences between two answers by name, and all others as lines.

    Args:
        version: Of the other one.
        ours: What this version answers.
        theirs: What the other one answers.
    """
    ours, theirs = copy.deepcopy(ours), copy.deepcopy(theirs)
    left = list(differences(ours, theirs))
    named = []
    for name, (versions, take_out) in INTENDED.items():
        if version in versions:
            take_out(ours, theirs)
            before, left = left, list(differences(ours, theirs))
            named += [name] if len(left) < len(before) else []
    return named, left


def main() -> None:
    """Record, ask and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer-039", help="interpreter with stormlog 0.3.9")
    parser.add_argument("--peer-043", help="interpreter with stormlog 0.4.3")
    given = parser.parse_args()
    pythons = {}
    for version, python in (("0.3.9", given.peer_039), ("0.4.3", given.peer_043)):
        try:
            pythons[version] = python or str(reference_python(version))
        except (OSError, subprocess.CalledProcessError) as error:
            print(f"stormlog {version} is left out: it cannot be installed ({error})", file=sys.stderr)
    unexplained = 0
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'recording':<26} {'version':<8} {'rows':<42} answers")
        for name in RECORDINGS:
            place = record(name, Path(folder).resolve())
            ours = answers_of(sys.executable, place)
            has_version_4 = any(event["schema_version"] == 4 for event in ours["events"])
            rows = ", ".join(f"{len(ours[part])} {part}" for part in _PARTS)
            for version, python in pythons.items():
                if version == "0.3.9" and has_version_4:
                    continue
                named, others = compare(version, ours, answers_of(python, place))
                unexplained += bool(others)
                marks = ", ".join(_MARKS[intended] for intended in named)
                verdict = "DIFFERENT" if others else f"equal but for {marks}" if named else "equal"
                print(f"{name:<26} {version:<8} {rows:<42} {verdict}")
                for line in others[:_MOST_SHOWN]:
                    print(f"    {line}")
                if len(others) > _MOST_SHOWN:
                    print(f"    and {len(others) - _MOST_SHOWN} more")
    print("\n" + "\n".join(f"{mark}: {name}" for name, mark in _MARKS.items()))
    if unexplained:
        sys.exit(1)


if __name__ == "__main__":
    main()
