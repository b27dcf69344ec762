"""What happened at the same moment is told in one order: by session, file and line, and issues by their ids."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

import stormlog.query
from stormlog.issues.models import StormlogIssue
from stormlog.query import QueryStore
from tests.apps.cli.samples import event, write_lines

#: Lines of two files with the session and the device of each; all at the same moment. Lines of the second file have
#: lower numbers than those of the first that come before them.
_A = [("z", None), ("z", None), ("t", 0), ("s", 5), ("s", 4)]
_B = [("s", 3), ("s", 2), ("r", 1)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueryStore]:
    folder = tmp_path_factory.mktemp("ties")
    for name, lines in (("a", _A), ("b", _B)):
        records: list[dict[str, Any]] = []
        for session, device in lines:
            # One issue has hits of all sessions, the other those of one.
            for reason in ("all", "one") if session == "s" else ("all",):
                records.append(
                    event(session_id=session)
                    if device is None
                    else event(
                        event_type="error",
                        session_id=session,
                        device_id=device,
                        context=f"on {device}",
                        metadata={"backend": "cuda", "oom_reason": reason},
                    )
                )
        if name == "b":
            words = ("Disk", "Queue", "Loss", "Clock", "Fan", "Link")
            records += [
                event(event_type="warning", session_id="w", context=f"{word} is odd") for word in words
            ]
        write_lines(folder / f"{name}.jsonl", *records)
    with stormlog.query.open(folder, cache=False) as opened:
        yield opened


def oom(store: QueryStore, reason: str) -> StormlogIssue:
    (issue,) = (issue for issue in store.list_issues() if issue.details.get("reason") == reason)
    return issue


@pytest.mark.parametrize(("reason", "devices"), [("all", [1, 5, 4, 3, 2, 0]), ("one", [5, 4, 3, 2])])
def test_hits_of_one_moment(store: QueryStore, reason: str, devices: list[int]) -> None:
    issue = oom(store, reason)
    assert [link.metadata["context"] for link in issue.evidence] == [f"on {device}" for device in devices]
    # The first hit stands for the issue, and the last one says the details.
    assert issue.representative_evidence.metadata["context"] == f"on {devices[0]}"
    assert issue.details["device_id"] == devices[-1]


def test_issues_of_one_moment(store: QueryStore) -> None:
    found = [issue.fingerprint_id for issue in store.list_issues() if issue.kind == "alert"]
    assert len(found) == 6
    assert found == sorted(found)
