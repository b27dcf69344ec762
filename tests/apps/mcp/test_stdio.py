"""The server as clients start it: a process with the protocol and nothing else on stdout, which ends with stdin."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, MODERN_PROTOCOL_VERSIONS

from stormlog.apps.cli.commands.mcp import _ended_by_interrupts
from stormlog.apps.mcp.server import run_stdio
from stormlog.apps.mcp.workplace import Workplace
from stormlog.query import open as open_telemetry
from stormlog.tracking import Tracker
from tests.apps.cli.runner import COMMAND, stormlog
from tests.apps.cli.samples import capture, damaged
from tests.apps.mcp.clients import answer_of

ENDLESS = "SELECT count(*) FROM range(10000000000) AS a(n), range(1000) AS b(m) WHERE n + m = -1"


class Process:
    """A server in a process of its own, spoken to line by line."""

    def __init__(self, *arguments: str | Path) -> None:
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(
            [*COMMAND, "mcp", *map(str, arguments)],
            stdin=pipe,
            stdout=pipe,
            stderr=pipe,
            text=True,
            encoding="utf-8",
        )

    def send(self, message: dict[str, Any] | str) -> None:
        assert self.process.stdin is not None
        text = message if isinstance(message, str) else json.dumps({"jsonrpc": "2.0", **message})
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def answer(self, number: int) -> dict[str, Any]:
        """Return the message with an id; all before it have to be messages, too."""
        assert self.process.stdout is not None
        while True:
            message = json.loads(self.process.stdout.readline())
            assert message["jsonrpc"] == "2.0"
            if message.get("id") == number:
                return message  # type: ignore[no-any-return]

    def leave(self) -> tuple[int, str, str]:
        """Close stdin, and return the exit status, and what is left on stdout and stderr."""
        out, err = self.process.communicate(timeout=20)
        return self.process.returncode, out, err


def test_a_session_of_the_oldest_protocol_from_the_handshake_to_the_end(tmp_path: Path) -> None:
    version = HANDSHAKE_PROTOCOL_VERSIONS[0]
    damaged(tmp_path)
    server = Process(tmp_path, "--timeout", "60s")
    info = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}
    server.send({"id": 1, "method": "initialize", "params": info})
    greeting = server.answer(1)["result"]
    assert greeting["protocolVersion"] == version
    assert greeting["serverInfo"]["name"] == "stormlog"
    assert "How to investigate" in greeting["instructions"]
    server.send({"method": "notifications/initialized"})

    server.send({"id": 2, "method": "tools/list"})
    tools = {tool["name"]: tool for tool in server.answer(2)["result"]["tools"]}
    assert set(tools) == {"list_issues", "get_issue", "why", "around", "query", "describe"}
    assert "outputSchema" in tools["why"]

    call = {"name": "query", "arguments": {"sql": "SELECT count(*) AS n FROM events"}}
    server.send({"id": 3, "method": "tools/call", "params": call})
    result = server.answer(3)["result"]
    assert json.loads(result["content"][0]["text"])["untrusted_data"]["rows"] == [[2]]

    # What is no message, or asks for what is not there, ends nothing.
    server.send("{broken")
    server.send("[1, 2")
    server.send({"id": 4, "method": "no/such/method"})
    assert server.answer(4)["error"]["code"] == -32601
    server.send({"id": 5, "method": "tools/call", "params": {"name": "query", "arguments": 7}})
    assert "error" in server.answer(5)

    # It does not wait for a statement when the client has left.
    server.send({"id": 6, "method": "tools/call", "params": {"name": "query", "arguments": {"sql": ENDLESS}}})
    time.sleep(0.2)
    status, out, err = server.leave()
    assert status == 0, err
    assert all(json.loads(line)["jsonrpc"] == "2.0" for line in out.splitlines())
    assert "Traceback" not in err


def test_a_session_of_the_newest_protocol_by_the_official_client(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    capture(runs)
    file = tmp_path / "tracker.db"
    with Tracker(file) as tracker:
        tracker.scan([runs], settle_ns=0)
    arguments = ["mcp", str(runs), "--db", str(file), "--allow", "issues:write", "--as-agent", "night shift"]
    parameters = StdioServerParameters(
        command=COMMAND[0], args=[*COMMAND[1:], *arguments], env=dict(os.environ)
    )

    async def main() -> tuple[str, list[str], Any]:
        async with Client(parameters) as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            listed = answer_of(await client.call_tool("list_issues", {"kind": "oom"}))
            [issue] = listed.untrusted["issues"]
            given = {"issue": issue["fingerprint_id"], "revision": issue["revision"], "version": "2.0"}
            resolved = answer_of(await client.call_tool("resolve", given))
            return client.protocol_version, names, resolved

    version, names, resolved = anyio.run(main)
    assert version == MODERN_PROTOCOL_VERSIONS[-1]
    assert names[-5:] == ["claim", "comment", "resolve", "ignore", "reopen"]
    assert resolved.untrusted["status"] == "resolved"
    assert resolved.data["command"].startswith("stormlog issues resolve ")
    with Tracker(file) as tracker:
        latest = tracker.history(resolved.untrusted["issue_id"]).activities[0]
    assert (latest.actor_type, latest.actor_id, latest.action) == ("agent", "night shift", "resolve")


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["nowhere"], 3, "nowhere: no such file or directory"),
        (["runs", "--allow", "issues:all"], 2, "unknown permission 'issues:all'"),
        (["runs", "--allow", "issues:write"], 2, "needs a tracker: --db FILE"),
        (["runs", "--db", "none.db"], 3, "none.db"),
        (["runs", "--timeout", "0s"], 2, "leaves no time"),
        (["runs", "--timeout", "soon"], 2, "no duration such as"),
        (["runs", "--db", "runs/events.jsonl"], 7, "events.jsonl"),
    ],
)
def test_what_cannot_be_served_is_said_before_the_handshake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], status: int, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("STORMLOG_DB")
    Path("runs").mkdir()
    capture(Path("runs"))
    outcome = stormlog("mcp", *arguments)
    assert (outcome.status, outcome.stdout) == (status, "")
    assert said in outcome.stderr
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize("found", [None, "1.30.0", "2.2.9", "3.0.0"])
def test_without_the_right_sdk_it_says_how_to_get_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: str | None
) -> None:
    def version(_: str) -> str:
        if found is None:
            raise importlib.metadata.PackageNotFoundError
        return found

    monkeypatch.setattr(importlib.metadata, "version", version)
    capture(tmp_path)
    outcome = stormlog("mcp", tmp_path)
    assert outcome.status == 2
    assert "pip install 'stormlog[mcp]'" in outcome.stderr
    assert (found or "the SDK") in outcome.stderr


def test_a_client_that_reads_no_more_ends_it_without_a_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(io.BytesIO):
        def write(self, _: Any, /) -> int:
            raise BrokenPipeError

    capture(tmp_path)
    with open_telemetry(tmp_path) as store:
        monkeypatch.setattr("sys.stdout", io.TextIOWrapper(Broken(), write_through=True))
        monkeypatch.setattr(
            "sys.stdin", io.TextIOWrapper(io.BytesIO(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'))
        )
        run_stdio(Workplace(store), store)
    assert capsys.readouterr().err == ""


def test_a_program_that_ends_it_by_a_signal_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[int] = []
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    (tmp_path / "runs").mkdir()
    capture(tmp_path / "runs")
    with open_telemetry(tmp_path / "runs") as store:
        store.sql("SELECT count(*) FROM events")
        assert list(place.iterdir())
        with _ended_by_interrupts(store):
            monkeypatch.setattr(signal, "raise_signal", ended.append)
            os.kill(os.getpid(), signal.SIGTERM)
            # It dies by the signal, for whoever looks at its status.
            assert ended == [signal.SIGTERM]
            assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        assert not list(place.iterdir())


def test_ctrl_c_ends_it_though_it_waits_for_stdin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def leave(status: int) -> None:
        raise SystemExit(status)

    monkeypatch.setattr(os, "_exit", leave)
    capture(tmp_path)
    with (
        open_telemetry(tmp_path) as store,
        pytest.raises(SystemExit) as ending,
        _ended_by_interrupts(store),
    ):
        signal.raise_signal(signal.SIGINT)
    assert ending.value.code == 130
    assert capsys.readouterr().err == "Interrupted.\n"
