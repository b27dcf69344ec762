"""What the tests of the terminal application share: telemetry that is read once, and a tracker that has scanned it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import stormlog.query
from stormlog.tracking import Actor, Tracker
from tests.apps.tui.driver import Place, write_capture


@pytest.fixture(scope="package")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tui")
    runs = write_capture(folder / "runs")
    with Tracker(folder / "tracker.db", actor=Actor("user", "ann", "ann")) as tracker:
        tracker.scan([runs], cache=False, settle_ns=0)
    with stormlog.query.open(runs, cache=folder / "cache") as store:
        yield Place(runs, folder / "tracker.db", folder / "cache", store)


@pytest.fixture(scope="package")
def untracked(tracked: Place) -> Place:
    return Place(tracked.runs, None, tracked.cache, tracked.shared)


@pytest.fixture(autouse=True)
def somebody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORMLOG_USER", "ann")
    monkeypatch.delenv("STORMLOG_AGENT", raising=False)
    monkeypatch.delenv("NO_COLOR", raising=False)
