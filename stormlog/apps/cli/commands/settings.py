"""What the configuration says, for ``stormlog doctor``: each key, what holds for it, and from where."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, TypedDict

from stormlog.configuration import KEYS, Configuration

__all__ = ["SettingFact", "cache_fact", "paths_fact", "project_fact", "settings_facts", "tracker_fact"]


class SettingFact(TypedDict):
    """What holds for a key of the configuration where no option says otherwise.

    Attributes:
        value: Null for no limit, or nothing.
        source: The path of the file, the name of an environment variable, or ``default``.
    """

    value: Any
    source: str


def settings_facts(configuration: Configuration) -> dict[str, SettingFact]:
    """Return what holds for each key."""
    return {name: _fact(configuration, name) for name in KEYS}


def _fact(configuration: Configuration, name: str) -> SettingFact:
    source = configuration.source(name)
    if source is None:
        return {"value": _default(name), "source": "default"}
    if source == configuration.path:
        return {"value": _plain(configuration.value(name)), "source": source}
    return {"value": os.environ[source], "source": source}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value.as_dict() if hasattr(value, "as_dict") else value


def _default(name: str) -> Any:
    if name == "db":
        from stormlog.tracking import default_store_path

        return str(default_store_path())
    if name == "cache":
        from stormlog.query.remembered import cache_root

        return cache_root()
    usual = {
        "project": "default",
        "app": "default",
        "tz": "utc",
        "settle": "10m",
        "min_severity": "warning",
        "version_order": "auto",
        "format": "table",
    }
    return usual.get(name)


def paths_fact(facts: Mapping[str, SettingFact]) -> tuple[bool, str, str]:
    """Return the same as `tracker_fact` of the paths that are read where a command names none."""
    paths = facts["paths"]["value"] or ()
    missing = [path for path in paths if not os.path.exists(path)]
    if missing:
        return False, f"there is no {', '.join(missing)}", "Mend 'paths' in the configuration file."
    return True, ", ".join(paths) or "none configured: commands name what they read", ""


def tracker_fact(facts: Mapping[str, SettingFact]) -> tuple[bool, str, str]:
    """Return whether the tracker that holds is fine, what is to be said of it, and what helps where it is not."""
    from stormlog.errors import StormlogError
    from stormlog.tracking.database.maintenance import store_status

    path = str(facts["db"]["value"])
    if not os.path.lexists(path):
        return True, f"{path}: none yet, 'stormlog scan' makes it", ""
    try:
        found = store_status(path)
    except (StormlogError, OSError, ValueError) as error:
        return False, f"{path}: {' '.join(str(error).split())}", "'stormlog db check' says more of it."
    if found.pending:
        return False, f"{path}: made by an older version", "'stormlog db migrate' brings it up to date."
    return True, f"{path}, {found.rows['issues']:,} issues", ""


def project_fact(facts: Mapping[str, SettingFact]) -> tuple[bool, str, str]:
    """Return the same of the project that is tracked, where there is a tracker that can be read."""
    from stormlog.errors import StormlogError
    from stormlog.tracking import Tracker

    name, path = str(facts["project"]["value"]), str(facts["db"]["value"])
    if not os.path.lexists(path):
        return True, f"{name}: made by the first scan", ""
    try:
        with Tracker(path, read_only=True) as tracker:
            known = [project.name for project in tracker.projects()]
    except (StormlogError, OSError, ValueError):
        return True, f"{name}: not known, because the tracker cannot be read", ""
    if name in known or facts["project"]["source"] == "default":
        return True, name, ""
    there_are = f"there {'is' if len(known) == 1 else 'are'} {', '.join(known)}" if known else "there is none"
    hint = "Mend 'project' in the configuration file, or make it: 'stormlog projects create', or a scan."
    return False, f"there is no project {name} in {path}; {there_are}", hint


def cache_fact(facts: Mapping[str, SettingFact]) -> tuple[bool, str, str]:
    """Return the same of the directory in which is remembered what was read."""
    from stormlog.query.remembered import cache_root

    value = facts["cache"]["value"]
    root = cache_root(value if facts["cache"]["source"] != "STORMLOG_CACHE" else None)
    hint = "Without it every question reads all files: name a directory with STORMLOG_CACHE, or 'off'."
    if root is None:
        return True, "off: every question reads all files", ""
    nearest = root
    while not os.path.lexists(nearest) and os.path.dirname(nearest) != nearest:
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        return False, f"{root}: {nearest} is no directory", hint
    if not os.access(nearest, os.W_OK | os.X_OK):
        return False, f"{root}: {nearest} cannot be written", hint
    return True, root, ""
