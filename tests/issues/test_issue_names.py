"""The package offers its names without importing what nobody asked for."""

from __future__ import annotations

import subprocess
import sys

import pytest

import stormlog.issues
import stormlog.phases


def imported_after(statement: str) -> set[str]:
    code = f"import sys; {statement}; print(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True
        ).stdout.split()
    )


@pytest.mark.parametrize("package", [stormlog.issues, stormlog.phases], ids=lambda package: package.__name__)
def test_every_public_name_exists(package: object) -> None:
    names = package.__all__  # type: ignore[attr-defined]
    assert len(set(names)) == len(names)
    assert set(names) <= set(dir(package))
    for name in names:
        assert getattr(package, name) is not None


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        stormlog.issues.nothing  # noqa: B018


def test_names_are_imported_when_asked_for() -> None:
    assert "dataclasses" not in imported_after("import stormlog.issues")
    after = imported_after("from stormlog.issues import StormlogIssue")
    assert "stormlog.issues.models" in after
    assert not {"stormlog.issues.gaps", "stormlog.issues.timestamps"} & after


def test_nothing_outside_the_standard_library_is_needed() -> None:
    after = imported_after("from stormlog.issues import *; from stormlog.phases import *")
    assert not {"duckdb", "click", "numpy", "pyarrow", "rich"} & after
