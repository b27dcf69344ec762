"""Answers are about files as they are when a call comes in, however many calls there are at once."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client

import stormlog.query
from stormlog.apps.mcp.workplace import Workplace
from stormlog.errors import QueryError
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.apps.mcp.clients import answer_of, connected
from tests.soak import few_or_many

COUNT = "SELECT count(*) FROM events"
CALLS = few_or_many(300, 1000)


def alert(number: int) -> dict[str, Any]:
    return event(timestamp_ns=START_NS + number, event_type="warning", context="High fragmentation: 40.0%")


def append(path: Path, *records: dict[str, Any]) -> None:
    with path.open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(record) + "\n" for record in records)


def test_what_files_gain_is_seen_by_the_next_call(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "events.jsonl", event())
    with stormlog.query.open(tmp_path) as store, connected(Workplace(store)) as client:
        assert client.ask("list_issues").data["issue_count"] == 0
        append(file, alert(1))
        [issue] = client.ask("list_issues").untrusted["issues"]
        append(file, alert(2), alert(3))
        assert client.ask("get_issue", issue=issue["fingerprint_id"]).untrusted["hit_count"] == 3
        write_lines(tmp_path / "more.jsonl", event(session_id="s-9"), "{broken")
        counted = client.ask("query", sql=COUNT)
        assert counted.untrusted["rows"] == [[5]]
        assert counted.data["skipped_lines"] == 1
        file.unlink()
        assert client.ask("list_issues").data["issue_count"] == 0
        # All of it goes away, and comes back.
        away = tmp_path.rename(tmp_path.with_name("away"))
        gone = client.ask("list_issues")
        assert gone.is_error
        assert "no such file or directory" in gone.text
        away.rename(tmp_path)
        assert client.ask("query", sql=COUNT).untrusted["rows"] == [[1]]


def test_many_calls_at_once_are_all_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = write_lines(tmp_path / "events.jsonl", *(alert(number) for number in range(10)))
    most = now = 0
    lock = threading.Lock()
    ask = Workplace.ask

    def counting(place: Workplace, arrival: int, question: Any) -> Any:
        nonlocal most, now
        with lock:
            now += 1
            most = max(most, now)
        try:
            return ask(place, arrival, question)
        finally:
            with lock:
                now -= 1

    monkeypatch.setattr(Workplace, "ask", counting)

    async def act(client: Client) -> list[tuple[int, int, int]]:
        """Return per call how many events there were when it was made, that it tells, and there were afterwards."""
        found = []
        written = 10

        async def call(number: int) -> None:
            nonlocal written
            before = written
            if number % 50 == 0:
                answer = answer_of(await client.call_tool("query", {"sql": COUNT}))
                told = answer.untrusted["rows"][0][0]
            else:
                answer = answer_of(await client.call_tool("list_issues", {"fields": ["hit_count"]}))
                [issue] = answer.untrusted["issues"]
                told = issue["hit_count"]
            found.append((before, told, written))

        async with anyio.create_task_group() as group:
            for number in range(CALLS):
                group.start_soon(call, number)
                if number % 100 == 99:
                    append(file, alert(1000 + number))
                    written += 1
                    # Some calls are answered meanwhile.
                    await anyio.sleep(0.01)
        return found

    with stormlog.query.open(tmp_path) as store, connected(Workplace(store)) as client:
        found = client.run(act)
    assert len(found) == CALLS
    assert [one for one in found if not one[0] <= one[1] <= one[2]] == []
    assert 1 < most <= 4
    assert threading.active_count() < 30


def test_a_question_is_asked_again_if_files_change_meanwhile(tmp_path: Path) -> None:
    file = write_lines(tmp_path / "events.jsonl", event())
    with stormlog.query.open(tmp_path) as store:
        place = Workplace(store)
        seen: list[int] = []

        def question(asked: stormlog.query.QueryStore) -> tuple[int, int]:
            first = asked.sql(COUNT).rows[0][0]
            # Another call looks at the files between two statements, for ever.
            append(file, event(timestamp_ns=START_NS + len(seen) + 1))
            seen.append(first)
            if len(seen) < 3:
                asked.refresh()
            return first, asked.sql(COUNT).rows[0][0]

        first, second = place.ask(place.arrive(), question)
        assert first == second == seen[-1] == 3

        def failing(_: stormlog.query.QueryStore) -> None:
            raise QueryError("no such thing", statement="sql")

        with pytest.raises(QueryError, match="no such thing"):
            place.ask(place.arrive(), failing)


def test_who_stops_waiting_leaves_the_server_at_work(tmp_path: Path) -> None:
    shutil.copytree(Path(__file__).parents[3] / "examples" / "job" / "1.4.1", tmp_path / "job")
    endless = "SELECT count(*) FROM range(10000000000) AS a(n), range(1000) AS b(m) WHERE n + m = -1"

    async def act(client: Client) -> Any:
        for _ in range(6):
            with anyio.move_on_after(0.02):
                await client.call_tool("query", {"sql": endless})
        # Statements that nobody waits for keep no place: they would run for minutes.
        with anyio.fail_after(30):
            return answer_of(await client.call_tool("list_issues", {}))

    with stormlog.query.open(tmp_path) as store, connected(Workplace(store, timeout_s=300)) as client:
        assert client.run(act).data["issue_count"] == 2
