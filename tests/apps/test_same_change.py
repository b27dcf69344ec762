"""One change is recorded the same way, whoever makes it where: keys, a command, Python, a tool of an agent."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.apps.mcp.workplace import Workplace
from stormlog.query import QueryStore
from stormlog.tracking import Tracker
from tests.apps.cli.runner import stormlog as run_stormlog
from tests.apps.mcp.clients import connected
from tests.apps.tui.driver import PERMISSIONS, Driver, Place, drive, write_capture


def by_keys(file: Path, store: QueryStore) -> None:
    async def scenario(driver: Driver) -> None:
        await driver.press("slash", *"1", "enter", "r")
        await driver.type("1.4.2")
        await driver.press("enter")
        assert driver.said.startswith("Resolved #1 in 1.4.2")

    drive(Place(Path(store.catalog.paths[0]), file, file.parent, store).board, scenario, size=(80, 24))


def by_command(file: Path, store: QueryStore) -> None:
    assert run_stormlog("issues", "resolve", "1", "--version", "1.4.2", "--db", file).status == 0


def in_python(file: Path, store: QueryStore) -> None:
    with Tracker(file) as tracker:
        tracker.resolve("1", version="1.4.2")


def by_a_tool(file: Path, store: QueryStore) -> None:
    with Tracker(file, read_only=True) as tracker:
        revision = tracker.issue("1").issue.revision
    place = Workplace(store, tracker=str(file), permissions=PERMISSIONS)
    with connected(place, client="fixer") as client:
        assert not client.ask("resolve", issue="1", version="1.4.2", revision=revision).is_error


def rows_of_activity(file: Path) -> list[dict[str, Any]]:
    """Return what was done; who did it and when aside."""
    with closing(sqlite3.connect(file)) as connection:
        connection.row_factory = sqlite3.Row
        rows = [dict(row) for row in connection.execute("SELECT * FROM activity ORDER BY activity_id")]
    for row in rows:
        del row["at_ns"], row["actor_type"], row["actor_id"]
        for name in ("before_json", "after_json"):
            said = json.loads(row[name] or "{}")
            row[name] = {key: value for key, value in said.items() if key != "resolved_ns"}
    return rows


WAYS: tuple[Callable[[Path, QueryStore], None], ...] = (by_keys, by_command, in_python, by_a_tool)


def test_the_same_change_is_recorded_the_same_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORMLOG_USER", "ann")
    runs = write_capture(tmp_path / "runs")
    scanned = tmp_path / "scanned.db"
    with Tracker(scanned) as tracker:
        tracker.scan([runs], cache=False, settle_ns=0)
    before = rows_of_activity(scanned)
    recorded = {}
    for way in WAYS:
        file = Path(shutil.copy(scanned, tmp_path / f"{way.__name__}.db"))
        with stormlog.query.open(runs, cache=tmp_path / "cache", tracker=file) as store:
            way(file, store)
        recorded[way.__name__] = rows_of_activity(file)
    [resolved] = recorded["in_python"][len(before) :]
    assert (resolved["action"], resolved["after_json"]["fix_version"]) == ("resolve", "1.4.2")
    for name, rows in recorded.items():
        assert rows == [*before, resolved], name
