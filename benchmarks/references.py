"""Other versions of Stormlog, each in an environment of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

__all__ = ["RESULTS", "reference_python"]

_CHECKOUT = Path(__file__).resolve().parents[1]
RESULTS = _CHECKOUT / "benchmarks" / "results"


def reference_python(version: str) -> Path:
    """Return an interpreter with a version of stormlog; it is installed into a folder of its own once.

    The environment variable ``STORMLOG_REFERENCE_PYTHON``, for 0.3.9, or ``STORMLOG_PEER_PYTHON``, for 0.4.3, names one
    that is there already.

    Args:
        version: ``0.3.9`` or ``0.4.3``.

    Raises:
        subprocess.CalledProcessError: it cannot be installed.
    """
    given = os.environ.get({"0.3.9": "STORMLOG_REFERENCE_PYTHON"}.get(version, "STORMLOG_PEER_PYTHON"))
    if given:
        return Path(given)
    folder = _CHECKOUT / f".venv-stormlog-{version}"
    python = folder / "bin" / "python"
    if not (folder / ".installed").is_file():
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        command = [str(python), "-m", "pip", "--disable-pip-version-check", "install", "--quiet"]
        subprocess.run([*command, f"stormlog=={version}"], check=True, stdout=sys.stderr)
        (folder / ".installed").touch()
    return python
