"""The tools that change issues: with the permission only, under the agent's name, and never over somebody's change."""

from __future__ import annotations

import re
import shlex
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.apps.mcp.asking import ASKING
from stormlog.apps.mcp.reading import READING
from stormlog.apps.mcp.workplace import Workplace
from stormlog.apps.mcp.writing import WRITING
from stormlog.query import QueryStore
from stormlog.tracking import Actor, Tracker
from tests.apps.cli.runner import stormlog as run_stormlog
from tests.apps.mcp.clients import Answer, Connected, connected
from tests.captures import CHECKOUT

JOB = CHECKOUT / "examples" / "job"
BOTH = ("issues:read", "issues:write")
#: Two issues of the job.
OOM, ALERT = "issue:63b1d6557bebb97a5d630e5b", "issue:fa439c92f563ae7dd51a3b2d"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracker that has scanned the job; tests copy it."""
    file = tmp_path_factory.mktemp("scanned") / "tracker.db"
    with Tracker(file) as tracker:
        tracker.scan([JOB], settle_ns=0)
    return file


@pytest.fixture(scope="module")
def stores(scanned: Path) -> Iterator[dict[bool, QueryStore]]:
    """The job without a tracker and with the one that has scanned it, for tests that change nothing."""
    with stormlog.query.open(JOB) as without, stormlog.query.open(JOB, tracker=scanned) as with_tracker:
        yield {False: without, True: with_tracker}


@dataclass(frozen=True)
class Triage:
    """A tracker, and a client of a server that may change its issues."""

    file: Path
    store: QueryStore
    client: Connected

    def ask(self, tool: str, **given: Any) -> Answer:
        return self.client.ask(tool, **given)

    def tracker(self) -> Tracker:
        return Tracker(self.file, actor=Actor("user", "ann", "Ann"))

    def revision(self, issue: str = OOM) -> int:
        with self.tracker() as tracker:
            return tracker.issue(issue).issue.revision


@pytest.fixture
def triage(tmp_path: Path, scanned: Path) -> Iterator[Triage]:
    file = Path(shutil.copy(scanned, tmp_path / "tracker.db"))
    with (
        stormlog.query.open(JOB, tracker=file) as store,
        connected(Workplace(store, tracker=str(file), permissions=BOTH), client="fixer") as client,
    ):
        yield Triage(file, store, client)


def actions_of(file: Path) -> list[str]:
    """Return what was done, the first first."""
    with closing(sqlite3.connect(file)) as connection:
        return [
            action for (action,) in connection.execute("SELECT action FROM activity ORDER BY activity_id")
        ]


# ---- permissions -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("permissions", [("issues:read",), BOTH])
@pytest.mark.parametrize("has_tracker", [False, True])
def test_tools_that_change_exist_with_the_permission_only(
    scanned: Path, stores: dict[bool, QueryStore], permissions: tuple[str, ...], has_tracker: bool
) -> None:
    file = str(scanned) if has_tracker else None
    place = Workplace(stores[has_tracker], tracker=file, permissions=permissions)
    with connected(place) as client:
        names = [tool.name for tool in client.run(lambda opened: opened.list_tools()).tools]
        may_write = has_tracker and permissions == BOTH
        assert names == [tool.name for tool in (*READING, *ASKING, *(WRITING if may_write else ()))]
        instructions = client.run(_instructions)
        assert ("How to change issues" in instructions) is may_write
        assert ("A tracker is open" in instructions) is has_tracker
        if not may_write:
            refused = client.ask("claim", issue=OOM, revision=1)
            assert refused.is_error
            assert "--allow issues:write" in refused.text
        if has_tracker:
            # Who may only read cannot write by way of SQL, and opens the file for reading.
            asked = client.ask("describe", view="tracking.issues")
            assert "query with DESCRIBE tracking.issues" in asked.text
            assert client.ask("query", sql="DESCRIBE tracking.issues").untrusted["rows"]
            assert client.ask("query", sql="UPDATE tracking.issues SET status = 'resolved'").is_error
            assert client.ask("get_issue", issue="1").untrusted["tracked"]["number"] == 1


async def _instructions(client: Any) -> str:
    return str(client.instructions)


# ---- verbs -------------------------------------------------------------------------------------------------


def test_an_issue_goes_through_all_verbs(triage: Triage) -> None:
    listed = triage.ask("list_issues", fields=["fingerprint_id", "number", "status", "revision"])
    by_id = {row["fingerprint_id"]: row for row in listed.untrusted["issues"]}
    oom = by_id[OOM]
    assert (oom["status"], oom["revision"]) == ("new", triage.revision())

    claimed = triage.ask("claim", issue=OOM, revision=oom["revision"])
    assert claimed.untrusted["status"] == "in_progress"
    assert claimed.untrusted["assignee"] == "fixer"
    assert claimed.untrusted["warnings"] == []

    comment = triage.ask("comment", issue=str(oom["number"]), body="Rank 5 grew by 21.6 GiB.")
    assert comment.untrusted["author_type"] == "agent"
    assert comment.untrusted["author_name"] == "fixer"
    # A comment makes a new revision, with which one goes on.
    now = comment.untrusted["issue"]
    assert (now["status"], now["assignee"], now["revision"]) == ("in_progress", "fixer", triage.revision())

    resolved = triage.ask("resolve", issue=OOM, version="1.4.2", revision=now["revision"])
    assert (resolved.untrusted["status"], resolved.untrusted["fix_version"]) == ("resolved", "1.4.2")

    reopened = triage.ask("reopen", issue=OOM, revision=resolved.untrusted["revision"], fields=["status"])
    assert reopened.untrusted == {"status": "new", "warnings": []}

    ignored = triage.ask(
        "ignore", issue=OOM, revision=triage.revision(), reason="known", until_runs=3, until="2100-01-01"
    )
    assert ignored.untrusted["status"] == "silenced"
    assert ignored.untrusted["ignore_until"] == {
        "date_ns": 4_102_444_800_000_000_000,
        "from_runs": 2,
        "reason": "known",
        "runs": 3,
    }

    # The next call sees it, in lists and in SQL.
    seen = triage.ask("get_issue", issue=OOM).untrusted
    assert (seen["state"], seen["tracked"]["status"]) == ("ignored", "silenced")
    assert [one["body"] for one in seen["comments"]] == ["Rank 5 grew by 21.6 GiB."]
    told = (seen["tracked"]["updated_utc"], seen["comments"][0]["created_utc"], seen["history"][0]["at_utc"])
    assert all(re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", text) for text in told)
    assert [one["action"] for one in seen["history"]][:5] == [
        "ignore",
        "reopen",
        "resolve",
        "comment",
        "claim",
    ]
    assert {one["actor_id"] for one in seen["history"][:5]} == {"fixer"}
    sql = "SELECT status FROM tracking.issue_states WHERE fingerprint_id = $issue"
    assert triage.ask("query", sql=sql, parameters={"issue": OOM}).untrusted["rows"] == [["silenced"]]
    assert triage.ask("list_issues", state="open").data["issue_count"] == 1


@pytest.mark.parametrize(
    ("given", "version", "warned"),
    [({"version": "1.4.2"}, "1.4.2", []), ({"no_version": True}, None, ["no_fix_version"])],
)
def test_who_resolves_says_a_version_or_none(
    triage: Triage, given: dict[str, Any], version: str | None, warned: list[str]
) -> None:
    for bad in ({}, {"version": "1.4.2", "no_version": True}, {"version": None}):
        refused = triage.ask("resolve", issue=OOM, revision=triage.revision(), **bad)
        assert refused.is_error
        assert "or no_version=true where none has" in refused.text
    answer = triage.ask("resolve", issue=OOM, revision=triage.revision(), **given)
    assert answer.untrusted["fix_version"] == version
    assert [one["code"] for one in answer.untrusted["warnings"]] == warned


def test_each_change_names_the_command_that_does_the_same(
    triage: Triage, tmp_path: Path, scanned: Path
) -> None:
    body = "-- it's\n`rank 5` $HOME"
    commands = [
        triage.ask("claim", issue=OOM, revision=triage.revision()).data["command"],
        triage.ask("comment", issue=OOM, body=body).data["command"],
        triage.ask(
            "ignore", issue=OOM, revision=triage.revision(), reason="-noise", until_next=True, until_count=2
        ).data["command"],
        triage.ask("reopen", issue=OOM, revision=triage.revision()).data["command"],
        triage.ask("resolve", issue=OOM, revision=triage.revision(), version="1.4.2").data["command"],
    ]
    other = Path(shutil.copy(scanned, tmp_path / "other.db"))
    for command in commands:
        program, *words = shlex.split(command.replace(str(triage.file), str(other)))
        assert program == "stormlog"
        outcome = run_stormlog(*words)
        assert outcome.status == 0, (command, outcome.stderr)
    assert actions_of(other) == actions_of(triage.file)
    with Tracker(other) as tracker:
        assert tracker.issue(OOM).issue.status == "resolved"
        assert [one.body for one in tracker.comments(OOM)] == [body]


# ---- others act, too ---------------------------------------------------------------------------------------


def test_who_comes_second_is_told_and_sees_the_new_state(triage: Triage) -> None:
    revision = triage.revision()
    with triage.tracker() as ann:
        ann.claim(OOM)
    second = triage.ask("resolve", issue=OOM, version="1.4.2", revision=revision)
    assert second.is_error
    assert f"it has revision {revision + 1}, not {revision}" in second.text
    assert f"Now it is in_progress, revision {revision + 1}, ann's" in second.text
    assert "last change: claimed by ann" in second.text
    assert "decide anew" in second.text
    taken = triage.ask("claim", issue=OOM, revision=revision + 1)
    assert taken.is_error
    assert "is ann's" in taken.text
    with triage.tracker() as ann:
        assert ann.issue(OOM).issue.status == "in_progress"
        assert [one.action for one in ann.history(OOM).activities][:1] == ["claim"]


def test_verbs_need_a_revision_and_a_known_issue(triage: Triage) -> None:
    assert "revision: is missing" in triage.ask("claim", issue=OOM).text
    unseen = "issue:" + "0" * 24
    for tool, more in (("claim", {}), ("ignore", {"reason": "noise"}), ("resolve", {"version": "1"})):
        answer = triage.ask(tool, issue=unseen, revision=1, **more)
        assert answer.is_error
        assert "the tracker gets to know them by 'stormlog scan'" in answer.text
    with triage.tracker() as ann:
        assert ann.ignore_rules() == []
    illegal = triage.ask("reopen", issue=OOM, revision=triage.revision())
    assert "Now it is new" in illegal.text
    assert "reason: " in triage.ask("ignore", issue=OOM, revision=1, reason="").text
    assert (
        "is past"
        in triage.ask("ignore", issue=OOM, revision=triage.revision(), reason="x", until="2001-01-01").text
    )
    assert "needs some text" in triage.ask("comment", issue=OOM, body="  \n ").text


def test_a_locked_tracker_is_told_and_nothing_is_changed(
    triage: Triage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stormlog._sqlite.BUSY_S", 0.1)
    revision = triage.revision()
    holder = sqlite3.connect(triage.file, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    try:
        answer = triage.ask("claim", issue=OOM, revision=revision)
    finally:
        holder.rollback()
        holder.close()
    assert answer.is_error
    assert "Nothing was changed; call again in a moment." in answer.text
    assert triage.ask("claim", issue=OOM, revision=revision).untrusted["status"] == "in_progress"


def test_a_tracker_that_is_moved_or_replaced_is_seen(triage: Triage, tmp_path: Path) -> None:
    triage.ask("claim", issue=OOM, revision=triage.revision())
    away = tmp_path / "away.db"
    triage.file.rename(away)
    for name, given in (("list_issues", {}), ("claim", {"issue": OOM, "revision": 1})):
        gone = triage.ask(name, **given)
        assert gone.is_error
        assert "tracker.db" in gone.text
    triage.file.write_bytes(b"no database at all" * 100)
    damaged = triage.ask("get_issue", issue=OOM)
    assert damaged.is_error
    assert damaged.text.endswith("Tell whoever started the server.")
    triage.file.unlink()
    away.rename(triage.file)
    answer = triage.ask("get_issue", issue=OOM, fields=["tracked"])
    assert answer.untrusted["tracked"]["assignee"] == "fixer"


# ---- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("client", "agent", "mode", "recorded"),
    [
        ("claude-code", None, "legacy", "claude-code"),
        ("claude-code", None, "auto", "claude-code"),
        ("claude-code", "night shift", "auto", "night shift"),
        ("evil\x1b[31m\n" + "x" * 200, None, "legacy", ("evil\\x1b[31m\\n" + "x" * 200)[:80]),
        ("", None, "legacy", "unnamed agent"),
    ],
    ids=["handshake", "stateless", "option", "hostile", "empty"],
)
def test_changes_bear_the_name_of_the_agent(
    triage: Triage, client: str, agent: str | None, mode: str, recorded: str
) -> None:
    place = Workplace(triage.store, tracker=str(triage.file), permissions=BOTH, agent=agent)
    with connected(place, client=client, mode=mode) as other:
        answer = other.ask("claim", issue=ALERT, revision=triage.revision(ALERT))
        assert answer.untrusted["assignee"] == recorded
    with triage.tracker() as tracker:
        latest = tracker.history(ALERT).activities[0]
    assert (latest.actor_type, latest.actor_id, latest.action) == ("agent", recorded, "claim")
