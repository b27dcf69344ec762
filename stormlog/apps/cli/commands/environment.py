"""Facts about the machine and the installation, for ``stormlog doctor``.

The promise: looking never fails and never changes anything; what cannot be found out is None.
"""

from __future__ import annotations

import os
import platform
import shutil
import sys
import tempfile
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import TypedDict

from stormlog import __version__
from stormlog.apps.cli.commands.settings import (
    SettingFact,
    cache_fact,
    paths_fact,
    project_fact,
    settings_facts,
    tracker_fact,
)
from stormlog.apps.cli.printing.diagnostics import use_colour
from stormlog.configuration import Configuration, load
from stormlog.presenting import human_bytes

__all__ = ["Check", "EnvironmentDocument", "describe"]

_PACKAGES = ("duckdb", "pyarrow", "sqlglot", "click", "numpy")
_CGROUP = Path("/sys/fs/cgroup")
_LEAST_FREE_BYTES = 1 << 30
_LEAST_MEMORY_BYTES = 512 << 20
_LEAST_OPEN_FILES = 1024


class Check(TypedDict):
    """Something that should be right.

    Attributes:
        status: ``ok`` or ``warn``.
        detail: What is so, for people.
        hint: What helps; null where nothing is wrong.
    """

    name: str
    status: str
    detail: str
    hint: str | None


class PlatformFacts(TypedDict):
    """The machine and the Python on it."""

    system: str
    machine: str
    python_executable: str


class ResourceFacts(TypedDict):
    """What may be used; null is no limit, or unknown.

    Attributes:
        memory_limit_bytes: Memory of the machine, or of the container.
        open_files: Files that one process may have open.
        temporary_free_bytes: Free in the temporary directory.
    """

    usable_cores: int
    memory_limit_bytes: int | None
    open_files: int | None
    temporary_free_bytes: int | None


class PathFacts(TypedDict):
    """Where things are.

    Attributes:
        temporary_directory: Where large answers spill.
        sql_directory: Where the rules are; null where they were not found.
        sql_files: Number of files in it.
    """

    temporary_directory: str
    sql_directory: str | None
    sql_files: int


class TerminalFacts(TypedDict):
    """Where answers go."""

    stdout_is_terminal: bool
    colour: bool


class EnvironmentDocument(TypedDict):
    """Everything that ``stormlog doctor`` shows.

    Attributes:
        versions: Package -> its version; null where it is not installed.
        settings: Key of the configuration -> what holds.
    """

    versions: dict[str, str | None]
    platform: PlatformFacts
    resources: ResourceFacts
    paths: PathFacts
    terminal: TerminalFacts
    settings: dict[str, SettingFact]
    checks: list[Check]


def describe(*, no_colour: bool = False) -> EnvironmentDocument:
    """Return everything that ``stormlog doctor`` shows."""
    versions: dict[str, str | None] = {"stormlog": __version__, "python": platform.python_version()}
    versions |= {name: _version(name) for name in _PACKAGES}
    temporary = tempfile.gettempdir()
    sql_directory, sql_files = _sql_files()
    try:
        configuration, is_sound, said = load(), True, ""
    except ValueError as error:
        configuration, is_sound, said = Configuration(), False, str(error)
    settings = settings_facts(configuration)
    facts: EnvironmentDocument = {
        "versions": versions,
        "platform": {
            "system": platform.platform(),
            "machine": platform.machine(),
            "python_executable": sys.executable,
        },
        "resources": {
            "usable_cores": _usable_cores(),
            "memory_limit_bytes": _memory_limit(),
            "open_files": _open_files(),
            "temporary_free_bytes": _free_bytes(temporary),
        },
        "paths": {
            "temporary_directory": temporary,
            "sql_directory": sql_directory,
            "sql_files": sql_files,
        },
        "terminal": {"stdout_is_terminal": sys.stdout.isatty(), "colour": use_colour(sys.stdout, no_colour)},
        "settings": settings,
        "checks": [],
    }
    facts["checks"] = [
        *_checks(facts),
        _check(
            "configuration",
            is_sound and not configuration.warnings,
            said or "; ".join(configuration.warnings) or configuration.path or "no file",
            "Commands refuse to work with a file that is not right: mend it, or say STORMLOG_CONFIG=off."
            if not is_sound
            else "Only files of yours or of root are read.",
        ),
        _check("paths", *paths_fact(settings)),
        _check("tracker", *tracker_fact(settings)),
        _check("project", *project_fact(settings)),
        _check("cache", *cache_fact(settings)),
    ]
    return facts


def _checks(facts: EnvironmentDocument) -> list[Check]:
    resources, paths = facts["resources"], facts["paths"]
    missing = [name for name in _PACKAGES if facts["versions"][name] is None]
    free, memory = resources["temporary_free_bytes"], resources["memory_limit_bytes"]
    files = resources["open_files"]
    return [
        _check(
            "packages",
            not missing,
            f"not installed: {', '.join(missing)}" if missing else "all installed",
            "Install Stormlog again, with its dependencies.",
        ),
        _check_engine(),
        _check(
            "sql files",
            bool(paths["sql_files"]),
            f"{paths['sql_files']} in {paths['sql_directory']}" if paths["sql_files"] else "not found",
            "The installation is incomplete: install Stormlog again.",
        ),
        _check(
            "temporary directory",
            os.access(paths["temporary_directory"], os.W_OK) and (free is None or free >= _LEAST_FREE_BYTES),
            f"{paths['temporary_directory']}, {_size(free)} free",
            "Large answers spill there: point TMPDIR to a writable directory with at least 1 GiB free.",
        ),
        _check(
            "memory",
            memory is None or memory >= _LEAST_MEMORY_BYTES,
            _size(memory),
            "Below 512 MiB large sources may not fit: pass --memory-limit, and expect spilling.",
        ),
        _check(
            "open files",
            files is None or files >= _LEAST_OPEN_FILES,
            "unknown" if files is None else f"{files:,}",
            "Sinks of many segments may need more: raise it with `ulimit -n 4096`.",
        ),
    ]


def _check(name: str, good: bool, detail: str, hint: str) -> Check:
    return {
        "name": name,
        "status": "ok" if good else "warn",
        "detail": detail,
        "hint": None if good else hint,
    }


def _check_engine() -> Check:
    try:
        import duckdb

        with duckdb.connect(":memory:") as connection:
            connection.execute("SELECT 1").fetchall()
    except Exception as error:
        detail, good = f"DuckDB does not start: {' '.join(str(error).split())}", False
    else:
        detail, good = "DuckDB starts", True
    return _check("engine", good, detail, "Install the duckdb package that fits this Python and machine.")


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _usable_cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity is not None else os.cpu_count() or 1
    quota = _cgroup_text("cpu.max").split()
    if len(quota) == 2 and all(part.isdecimal() for part in quota):
        # Half a core still runs one thread.
        cores = min(cores, max(1, int(quota[0]) // int(quota[1])))
    return cores


def _memory_limit() -> int | None:
    limits = []
    with suppress(AttributeError, OSError, ValueError):
        limits.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for name in ("memory.max", "memory/memory.limit_in_bytes"):
        text = _cgroup_text(name)
        if text.isdecimal():
            limits.append(int(text))
    return min(limits, default=None)


def _cgroup_text(name: str) -> str:
    # Inside a container its own group is the root; elsewhere the root has no limit.
    try:
        return (_CGROUP / name).read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""


def _open_files() -> int | None:
    try:
        import resource
    except ImportError:
        return None
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return None if soft == resource.RLIM_INFINITY else soft


def _free_bytes(directory: str) -> int | None:
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return None


def _sql_files() -> tuple[str | None, int]:
    from stormlog._resources import resource_directory

    try:
        directory = resource_directory("sql")
        return str(directory), sum(1 for _ in directory.rglob("*.sql"))
    except OSError:
        return None, 0


def _size(value: int | None) -> str:
    return "unknown" if value is None else human_bytes(value)
