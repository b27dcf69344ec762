"""Reads the case files of this folder and the table of intended differences beside them.

A case is ``{"name", "input", "expected"}``. Where Stormlog means to answer differently, the case
stands in ``differences.toml`` with a reason and the better result, which is then what is asserted:
nothing is skipped.
"""

from __future__ import annotations

import base64
import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Case:
    """One case; ``expected`` is already replaced where the case is an intended difference."""

    file: str
    name: str
    input: Any
    expected: Any
    note: str | None
    difference: str | None

    def __str__(self) -> str:
        return self.name


@cache
def differences() -> dict[str, dict[str, Any]]:
    """Return the table of intended differences, keyed by ``<file>::<case name>``."""
    rows = tomllib.loads((HERE / "differences.toml").read_text(encoding="utf-8")).get("difference", [])
    return {f"{row['file']}::{row['name']}": row for row in rows}


def load_cases(file: str) -> list[Case]:
    """Return the cases of ``<file>.json`` with special values decoded."""
    cases = []
    for raw in json.loads((HERE / f"{file}.json").read_text(encoding="utf-8")):
        row = differences().get(f"{file}::{raw['name']}")
        expected = raw["expected"] if row is None else json.loads(row["expected"])
        cases.append(
            Case(
                file=file,
                name=raw["name"],
                input=decode(raw["input"]),
                expected=decode(expected),
                note=raw.get("note"),
                difference=None if row is None else row["reason"],
            )
        )
    return cases


def decode(value: Any) -> Any:
    """Turn ``{"$float": "nan"}``, ``{"$tuple": [...]}`` and ``{"$set": [...]}`` into Python values."""
    if isinstance(value, list):
        return [decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$float"}:
        return float(value["$float"])
    if set(value) == {"$tuple"}:
        return tuple(decode(item) for item in value["$tuple"])
    if set(value) == {"$set"}:
        return {decode(item) for item in value["$set"]}
    return {key: decode(item) for key, item in value.items()}


def write_files(files: dict[str, Any], root: Path) -> None:
    """Create a case's file set under ``root`` (``None`` means an empty directory)."""
    for relative, content in files.items():
        path = root / relative
        if content is None:
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if "b64" in content:
            path.write_bytes(base64.b64decode(content["b64"]))
        elif "text" in content:
            path.write_bytes(content["text"].encode("utf-8", "surrogatepass"))
        elif "jsonl" in content:
            path.write_text("".join(json.dumps(row) + "\n" for row in content["jsonl"]), encoding="utf-8")
        else:
            path.write_text(json.dumps(content["json"]), encoding="utf-8")
