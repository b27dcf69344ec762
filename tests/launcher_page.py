"""The programs, scripts and manifests of docs/launchers.md."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "launchers.md").read_text(encoding="utf-8")


def programs() -> list[tuple[str, str]]:
    """Return each framework and its program."""
    return re.findall(
        r"^<!-- file: (\w+)/train\.py -->\n```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
    )


def launched(launcher: str) -> list[str]:
    """Return what the page gives to a launcher: commands, a script, or a manifest."""
    return re.findall(rf"^<!-- launcher: {launcher} -->\n```\w+\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
