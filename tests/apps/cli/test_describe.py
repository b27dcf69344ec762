"""``stormlog describe``: views, columns, units, meanings, and examples that run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import pytest

from stormlog.query import QueryStore, schema
from stormlog.query import open as open_store
from stormlog.query.schema import ViewDescription, describe_views
from tests.apps.cli.runner import stormlog

CAPTURES = Path(__file__).resolve().parents[3] / "examples" / "captures"


@pytest.fixture(scope="module", autouse=True)
def one_store_for_all_descriptions(store: QueryStore) -> Iterator[None]:
    """Types are those of any store: commands need not open one without files each time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(schema, "_bound_in", lambda _: nullcontext(store))
        yield


def test_every_view_is_listed_with_what_a_row_is() -> None:
    outcome = stormlog("describe")
    assert (outcome.status, outcome.stderr) == (0, "")
    lines = dict(line.split("  ", 1) for line in outcome.stdout.splitlines())
    assert lines["issues"].strip() == "Recurring issues: hits grouped by fingerprint."
    assert "memory_timeline(session, buckets)" in lines


def test_a_view_shows_types_units_and_meanings() -> None:
    lines = stormlog("describe", "Issues").stdout.splitlines()
    assert lines[0] == "issues"
    (last_seen,) = [line.split() for line in lines if line.startswith("  last_seen_ns")]
    assert last_seen == ["last_seen_ns", "BIGINT", "ns", "latest", "hit"]
    assert lines[-2] == "Example"
    shown = stormlog("describe", "memory_timeline").stdout
    assert "Arguments\n  session  VARCHAR    id of the session" in shown
    assert "bytes  least bytes" in shown


def test_as_json_everything_has_a_key() -> None:
    views = json.loads(stormlog("describe", "--json").stdout)
    for view in views:
        assert list(view) == sorted(["name", "meaning", "call", "arguments", "columns", "example"])
        for column in view["columns"]:
            assert column["type"] and column["meaning"], (view["name"], column)
    one = json.loads(stormlog("describe", "events", "--json").stdout)
    assert one in views
    units = {column["name"]: column["unit"] for column in one["columns"]}
    assert units["timestamp_ns"] == "ns"
    assert units["device_used_bytes"] == "bytes"
    assert units["sampling_interval_ms"] == "ms"
    assert units["session_id"] is None


def test_a_misspelt_view_is_told_with_the_nearest_one() -> None:
    outcome = stormlog("describe", "isues")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "there is no view isues; did you mean issues?" in outcome.stderr
    assert "there are attachments" in stormlog("describe", "raw.files").stderr


@pytest.fixture(scope="module")
def store() -> Iterator[QueryStore]:
    with open_store(CAPTURES / "v4-cuda-sim", cache=False) as store:
        yield store


@pytest.fixture(scope="module")
def views(store: QueryStore) -> dict[str, ViewDescription]:
    return {view.name: view for view in describe_views(store)}


def test_every_example_runs(store: QueryStore, views: dict[str, ViewDescription]) -> None:
    for view in views.values():
        if view.arguments:
            assert "(" in view.example.partition("FROM")[2], view.name
        assert store.sql(view.example).columns, view.name


@pytest.mark.parametrize("name", ["events", "sessions", "memory_timeline"])
def test_columns_are_those_of_the_view(
    name: str, store: QueryStore, views: dict[str, ViewDescription]
) -> None:
    view = views[name]
    call = view.example.partition("FROM ")[2].partition(" WHERE")[0] if view.arguments else name
    found = store.sql(f"FROM {call} LIMIT 0")
    assert [column.name for column in view.columns] == found.columns
    assert [column.type for column in view.columns] == found.types
