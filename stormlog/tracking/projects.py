"""Projects: what merges stay within, and how digests and version rules are set.

The promise: a name means the same project everywhere, and a setting that nobody can use is never stored.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

from stormlog._webhook_addresses import shown_webhook
from stormlog.errors import LifecycleError
from stormlog.tracking.actors import Actor
from stormlog.tracking.database import activity
from stormlog.tracking.database.ids import new_id
from stormlog.tracking.models import Project
from stormlog.tracking.webhook_settings import require_webhook

__all__ = [
    "ALERT_FREQUENCIES",
    "DEFAULT_PROJECT",
    "VERSION_ORDERS",
    "WEBHOOK_FORMATS",
    "create_project",
    "ensure_project",
    "list_projects",
    "project_of",
    "project_row",
    "set_project",
]

#: The project of those who name none; it need not exist to be asked about.
DEFAULT_PROJECT: Final = "default"

ALERT_FREQUENCIES: Final = ("none", "hourly", "6_hourly", "daily", "weekly")
#: How versions of the code may be compared; ``auto`` picks what fits both.
VERSION_ORDERS: Final = ("auto", "string", "pep440", "semver", "observed")
WEBHOOK_FORMATS: Final = ("json", "slack")

_CHOICES: Final = {
    "alert_frequency": ALERT_FREQUENCIES,
    "version_order": VERSION_ORDERS,
    "webhook_format": WEBHOOK_FORMATS,
}


def project_row(connection: sqlite3.Connection, name: str) -> sqlite3.Row:
    """Return the row of a project.

    Raises:
        LifecycleError: there is none of that name; code ``not_found``.
    """
    row = _row(connection, name)
    if row is None:
        raise LifecycleError(
            f"no project {name!r}; 'stormlog projects list' shows those there are",
            code="not_found",
            details={"project": name},
        )
    return row


def ensure_project(connection: sqlite3.Connection, name: str, now_ns: int) -> sqlite3.Row:
    """Return the row of a project, which is made if there is none.

    Raises:
        ValueError: this can be no name.
    """
    row = _row(connection, name)
    if row is not None:
        return row
    connection.execute(
        "INSERT INTO projects (project_id, name, created_ns) VALUES (?, ?, ?)",
        [new_id(), _name(name), now_ns],
    )
    return project_row(connection, name.strip())


def project_of(row: sqlite3.Row) -> Project:
    """Return a row as a value, which shows no more than the host of a webhook."""
    fields: dict[str, Any] = _shown(dict(row))
    return Project(
        **{
            **{name: fields[name] for name in Project.__dataclass_fields__ if name in fields},
            "recipients": tuple(json.loads(fields["recipients_json"])),
            "regress_on_equal": bool(fields["regress_on_equal"]),
        }
    )


def list_projects(connection: sqlite3.Connection) -> list[Project]:
    """Return all projects by name."""
    return [project_of(row) for row in connection.execute("SELECT * FROM projects ORDER BY name")]


def create_project(
    connection: sqlite3.Connection, actor: Actor, name: str, settings: Mapping[str, Any], *, now_ns: int
) -> Project:
    """Make a project.

    Args:
        settings: See `set_project`.

    Raises:
        ValueError: it exists, this can be no name, or a setting is wrong.
    """
    if _row(connection, _name(name)) is not None:
        raise ValueError(f"the project {name.strip()!r} exists already")
    row = ensure_project(connection, name, now_ns)
    activity.log(
        connection, actor, "create", project_id=row["project_id"], at_ns=now_ns, after={"name": row["name"]}
    )
    return set_project(connection, actor, row["name"], settings, now_ns=now_ns)


def set_project(
    connection: sqlite3.Connection, actor: Actor, name: str, settings: Mapping[str, Any], *, now_ns: int
) -> Project:
    """Change settings of a project.

    Args:
        settings: Some of ``alert_frequency``, ``version_order``, ``regress_on_equal``, ``recipients``,
            ``webhook_url`` (an address, ``env:NAME`` or ``file:PATH``; None for none) and ``webhook_format``.

    Returns:
        The project as it is now.

    Raises:
        LifecycleError: there is none of that name.
        ValueError: a setting or its value is unknown.
    """
    row = project_row(connection, name)
    wanted = _columns(settings)
    changed = {column: value for column, value in wanted.items() if row[column] != value}
    if not changed:
        return project_of(row)
    assignments = ", ".join(f"{column} = :{column}" for column in changed)
    connection.execute(
        f"UPDATE projects SET {assignments} WHERE project_id = :project_id",
        {**changed, "project_id": row["project_id"]},
    )
    activity.log(
        connection,
        actor,
        "set_project",
        project_id=row["project_id"],
        at_ns=now_ns,
        before=_shown({column: row[column] for column in changed}),
        after=_shown(changed),
    )
    return project_of(project_row(connection, name))


def _shown(columns: Mapping[str, Any]) -> dict[str, Any]:
    """Return columns of a project with as much of the webhook's address as may be shown."""
    address = columns.get("webhook_url")
    return {**columns, **({} if address is None else {"webhook_url": shown_webhook(address)})}


def _row(connection: sqlite3.Connection, name: str) -> sqlite3.Row | None:
    row: sqlite3.Row | None = connection.execute(
        "SELECT * FROM projects WHERE name = ?", [name.strip()]
    ).fetchone()
    return row


def _name(text: str) -> str:
    name = text.strip()
    if not name or not name.isprintable():
        raise ValueError(f"{text!r} is no name of a project: write a line of printable text")
    return name


def _columns(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as they are stored."""
    columns: dict[str, Any] = {}
    for name, value in settings.items():
        if name in _CHOICES:
            if value not in _CHOICES[name]:
                raise ValueError(f"unknown {name} {value!r}: choose from {', '.join(_CHOICES[name])}")
            columns[name] = value
        elif name == "regress_on_equal":
            columns[name] = int(bool(value))
        elif name == "recipients":
            columns["recipients_json"] = activity.canonical_json(_recipients(value))
        elif name == "webhook_url":
            columns[name] = None if value is None else require_webhook(value)
        else:
            raise ValueError(f"unknown setting {name!r} of a project")
    return columns


def _recipients(addresses: Sequence[str]) -> list[str]:
    """Return addresses without repetitions; they become headers, so a line break must not get in."""
    for address in addresses:
        user, at, host = address.strip().rpartition("@")
        if (
            not (user and at and host)
            or not address.isprintable()
            or any(sign in address for sign in " ,;<>")
        ):
            raise ValueError(f"{address!r} is no mail address: write name@host")
    return list(dict.fromkeys(address.strip() for address in addresses))
