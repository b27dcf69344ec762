"""Prints the lowest version that pyproject.toml allows of each dependency, as pip takes constraints.

``python tests/lowest_versions.py EXTRA...`` adds those of some extras; ``make test-lowest`` installs them.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PYPROJECT = Path(__file__).resolve().parent.parent / "pyproject.toml"

_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)>=(?P<version>[0-9][0-9.]*)(?:,.*)?")


def lowest(requirements: list[str]) -> list[str]:
    """Return ``name==version`` for each ``name>=version``.

    Raises:
        ValueError: a requirement has no lower bound.
    """
    pinned = []
    for requirement in requirements:
        found = _REQUIREMENT.fullmatch(requirement.replace(" ", ""))
        if found is None:
            raise ValueError(f"{requirement!r} has no lower bound")
        pinned.append(f"{found['name']}=={found['version']}")
    return pinned


def declared(extras: list[str]) -> list[str]:
    """Return the requirements of the project and of some of its extras."""
    project = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]
    return [
        *project["dependencies"],
        *(line for extra in extras for line in project["optional-dependencies"][extra]),
    ]


if __name__ == "__main__":
    print("\n".join(lowest(declared(sys.argv[1:]))))
