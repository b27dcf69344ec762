"""Filters mean the same on the command line and in Python, on every list; what contradicts itself is refused."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stormlog.query import EventFilter, IssueFilter, OOMBundleFilter, QueryStore, SessionFilter
from stormlog.query import open as open_store
from stormlog.tracking import Tracker
from tests.apps.cli.filter_capture import DAY_NS, HOUR_NS, filter_capture
from tests.apps.cli.runner import stormlog

pytestmark = pytest.mark.usefixtures("one_store_for_all_commands")

#: What a filter is of -> the method of the store, its class, and what names a row.
LISTS: dict[str, tuple[str, type[Any], str]] = {
    "issues": ("list_issues", IssueFilter, "fingerprint_id"),
    "sessions": ("list_sessions", SessionFilter, "session_id"),
    "events": ("query_events", EventFilter, "timestamp_ns"),
    "ooms": ("list_oom_bundles", OOMBundleFilter, "reason"),
}
#: Issues by their fingerprints.
NAMES = {
    "issue:4071770ea24b5d5af6b85c7c": "fragmented",
    "issue:ca97a482c1bfc6d49b181685": "cuda",
    "issue:c6e5a13ec3fe4fc30c26a2b2": "bundle",
    "issue:2485bf436dc8331ffbf8a657": "hip",
    "issue:df386b6d89724b75cb0584b2": "disk",
}
ALL = "hip bundle cuda disk fragmented"
#: Time of an event: session and position there.
EVENTS = {
    DAY_NS: "s-0.0 s-1.0",
    DAY_NS + HOUR_NS + 123: "s-0.1",
    DAY_NS + 3 * HOUR_NS // 2 + 123: "s-1.1",
    DAY_NS + 2 * HOUR_NS + 123: "s-0.2",
    DAY_NS + 10 * HOUR_NS: "s-2.0",
    DAY_NS + 11 * HOUR_NS + 123: "s-2.1",
    DAY_NS + 12 * HOUR_NS + 123: "s-2.2",
    DAY_NS + 20 * HOUR_NS: "s-3.0",
    DAY_NS + 41 * HOUR_NS // 2 + 123: "s-3.1",
    DAY_NS + 21 * HOUR_NS + 123: "s-3.2",
}

#: List, options, fields of the filter, names of the rows in their order.
ROWS: list[tuple[str, str, dict[str, Any], str]] = [
    ("issues", "", {}, ALL),
    ("issues", "--kind oom", {"kind": "oom"}, "hip bundle cuda"),
    ("issues", "--kind oom --kind alert", {"kind": ["oom", "alert"]}, ALL),
    ("issues", "--severity warning", {"severity": "warning"}, "disk fragmented"),
    ("issues", "--state open --state regressed", {"state": ("open", "regressed")}, ALL),
    ("issues", "--hide-ignored", {"hide_ignored": True}, ALL),
    ("issues", "--session s-2", {"session_id": "s-2"}, "fragmented"),
    ("issues", "--since '2026-11-20 12:00'", {"since": "2026-11-20 12:00"}, "hip bundle disk"),
    ("issues", "--until 2026-11-20T02:00Z", {"until": "2026-11-20T02:00Z"}, "cuda fragmented"),
    ("issues", "--until 2026-11-20", {"until": "2026-11-20"}, ""),
    ("issues", "--since 1795173000", {"since": "1795173000"}, "hip bundle disk"),
    ("issues", f"--since {DAY_NS + 11 * HOUR_NS}", {"since": DAY_NS + 11 * HOUR_NS}, "hip bundle disk fragmented"),
    # A bundle names the second in which it was written.
    ("issues", "--since '2026-11-20 21:00:00.5'", {"since": "2026-11-20 21:00:00.5"}, "bundle"),
    ("issues", "--run j1", {"run": "j1"}, "cuda fragmented"),
    ("issues", "--run job:j2", {"run": "job:j2"}, "fragmented"),
    ("issues", "--run session:s-3 --run job:j2", {"run": ["session:s-3", "job:j2"]}, "hip disk fragmented"),
    ("issues", "--job-id j2", {"job_id": "j2"}, "fragmented"),
    ("issues", "--rank 1", {"rank": 1}, "cuda"),
    ("issues", "--rank 1 --rank 0", {"rank": [1, 0]}, "hip cuda disk fragmented"),
    ("issues", "--host h2", {"host": "h2"}, "hip disk"),
    ("issues", "--app tune", {"app": "tune"}, "fragmented"),
    ("issues", "--dev", {"is_dev": True}, "fragmented"),
    ("issues", "--prod", {"is_dev": False}, ALL),
    ("issues", "--production", {"is_dev": False}, ALL),
    # One hit fits all conditions, not each condition some hit: job j1 has rank 0, and the host of rank 1.
    ("issues", "--job-id j2 --host h0", {"job_id": "j2", "host": "h0"}, "fragmented"),
    ("issues", "--rank 0 --host h1", {"rank": 0, "host": "h1"}, ""),
    ("issues", "--app tune --until 2026-11-20T05:00", {"app": "tune", "until": "2026-11-20T05:00"}, ""),
    ("issues", "--session s-0 --dev", {"session_id": "s-0", "is_dev": True}, ""),
    ("issues", "--search FRAGMENTATION", {"search": "FRAGMENTATION"}, "fragmented"),
    ("issues", "--search 'allocate 2 gib'", {"search": "allocate 2 gib"}, "cuda"),
    ("issues", "--search '100% full'", {"search": "100% full"}, "disk"),
    ("issues", "--search %", {"search": "%"}, "disk fragmented"),
    ("issues", "--search oom_reason", {"search": "oom_reason"}, ""),
    ("issues", "--search backend", {"search": "backend"}, ""),
    ("issues", "--sort hits", {"sort": "hits"}, "cuda fragmented hip bundle disk"),
    ("issues", "--sort first_seen", {"sort": "first_seen"}, "hip bundle disk cuda fragmented"),
    ("issues", "--sort sessions --limit 1", {"sort": "sessions", "limit": 1}, "fragmented"),
    ("issues", "--limit 2 --page 2", {"limit": 2, "page": 2}, "cuda disk"),
    ("issues", "--page 2", {"page": 2}, ""),
    ("sessions", "", {}, "s-3 s-2 s-1 s-0"),
    ("sessions", "--status completed", {"status": "completed"}, "s-2 s-0"),
    ("sessions", "--since 2026-11-20T01:45", {"since": "2026-11-20T01:45"}, "s-3 s-2 s-0"),
    ("sessions", "--until 2026-11-20T10:00", {"until": "2026-11-20T10:00"}, "s-2 s-1 s-0"),
    (
        "sessions",
        "--since 2026-11-20T01:20 --until 2026-11-20T01:40",
        {"since": "2026-11-20T01:20", "until": "2026-11-20T01:40"},
        "s-1 s-0",
    ),
    ("sessions", "--run j1", {"run": "j1"}, "s-1 s-0"),
    ("sessions", "--run s-3", {"run": "s-3"}, "s-3"),
    ("sessions", "--job-id j1 --job-id j2", {"job_id": ["j1", "j2"]}, "s-2 s-1 s-0"),
    ("sessions", "--rank 1", {"rank": 1}, "s-1"),
    ("sessions", "--host h0", {"host": "h0"}, "s-2 s-0"),
    ("sessions", "--app tune", {"app": "tune"}, "s-2"),
    ("sessions", "--dev", {"is_dev": True}, "s-2"),
    ("sessions", "--prod", {"is_dev": False}, "s-3 s-1 s-0"),
    ("sessions", "--search S-2", {"search": "S-2"}, "s-2"),
    ("sessions", "--sort rank --limit 4", {"sort": "rank", "limit": 4}, "s-3 s-2 s-0 s-1"),
    ("sessions", "--sort ended", {"sort": "ended"}, "s-3 s-1 s-2 s-0"),
    ("sessions", "--sort events", {"sort": "events"}, "s-3 s-2 s-0 s-1"),
    ("sessions", "--sort ooms", {"sort": "ooms"}, "s-1 s-3 s-2 s-0"),
    ("sessions", "--limit 3 --page 2", {"limit": 3, "page": 2}, "s-0"),
    ("events", "--job-id j2", {"job_id": "j2"}, "s-2.0 s-2.1 s-2.2"),
    ("events", "--run s-3 --run j2 --event-type warning",
     {"run": ["s-3", "j2"], "event_type": "warning"}, "s-2.1 s-3.1"),
    ("events", "--since 2026-11-20T12:00", {"since": "2026-11-20T12:00"}, "s-2.2 s-3.0 s-3.1 s-3.2"),
    ("events", f"--since 2026-11-20T12:00 --time-end-ns {DAY_NS + 20 * HOUR_NS}",
     {"since": "2026-11-20T12:00", "time_end_ns": DAY_NS + 20 * HOUR_NS}, "s-2.2 s-3.0"),
    ("events", "--host h1 --rank 1", {"host": "h1", "rank": 1}, "s-0.0 s-1.0 s-1.1"),
    ("events", "--app tune --dev", {"app": "tune", "is_dev": True}, "s-2.0 s-2.1 s-2.2"),
    ("events", "--session s-1 --session s-2 --event-type error --event-type stop",
     {"session_id": ["s-1", "s-2"], "event_type": ["error", "stop"]}, "s-1.1 s-2.2"),
    ("events", "--search 'OUT OF MEMORY'", {"search": "OUT OF MEMORY"}, "s-1.1 s-3.2"),
    ("events", "--search 0%", {"search": "0%"}, "s-0.1 s-2.1 s-3.1"),
    ("events", "--sort newest --limit 2", {"sort": "newest", "limit": 2}, "s-3.2 s-3.1"),
    ("events", "--sort newest --limit 2 --page 2", {"sort": "newest", "limit": 2, "page": 2}, "s-3.0 s-2.2"),
    ("events", "--limit 3 --page 3 --app train --app tune",
     {"limit": 3, "page": 3, "app": ["train", "tune"]}, "s-2.1 s-2.2"),
    ("ooms", "", {}, "cuda hip"),
    ("ooms", "--since 2026-11-20T12:00", {"since": "2026-11-20T12:00"}, "hip"),
    ("ooms", "--since '2026-11-20 01:30:00.7' --until 2026-11-20T02:00",
     {"since": "2026-11-20 01:30:00.7", "until": "2026-11-20T02:00"}, "cuda"),
    ("ooms", "--created-after '2026-11-20 01:30:00.7'", {"created_after": "2026-11-20 01:30:00.7"}, "hip"),
    ("ooms", "--created-before '2026-11-20 01:30'", {"created_before": "2026-11-20 01:30"}, "cuda"),
    ("ooms", "--run j1", {"run": "j1"}, "cuda"),
    ("ooms", "--rank 1", {"rank": 1}, "cuda"),
    ("ooms", "--host h1 --job-id j1", {"host": "h1", "job_id": "j1"}, "cuda"),
    ("ooms", "--app train", {"app": "train"}, "cuda"),
    ("ooms", "--prod", {"is_dev": False}, "cuda hip"),
    ("ooms", "--dev", {"is_dev": True}, ""),
    ("ooms", "--reason cuda --reason hip", {"reason": ["cuda", "hip"]}, "cuda hip"),
    ("ooms", "--search 'TRIED TO'", {"search": "TRIED TO"}, "cuda"),
    ("ooms", "--sort newest", {"sort": "newest"}, "hip cuda"),
    ("ooms", "--limit 1 --page 2", {"limit": 1, "page": 2}, "hip"),
]  # fmt: skip


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return filter_capture(tmp_path_factory.mktemp("filters") / "runs")


@pytest.fixture(scope="module")
def store(runs: Path) -> Iterator[QueryStore]:
    """It keeps its answers where commands look for theirs: one that asks the same need not work it out."""
    with open_store(runs) as store:
        yield store


def named(listed: str, keys: list[Any]) -> str:
    """Return names of rows, each once."""
    names = [NAMES.get(key) or EVENTS.get(key) or str(key) for key in keys]
    return " ".join(dict.fromkeys(names)) if listed == "events" else " ".join(names)


def readable(value: object) -> str:
    """Return a part of the name of a test: the same in every process, which the order of a set is not."""
    return str(sorted(value) if isinstance(value, (set, frozenset)) else value)


@pytest.mark.parametrize(("listed", "args", "fields", "expected"), ROWS, ids=readable)
def test_filters_mean_the_same_on_the_command_line_and_in_python(
    listed: str, args: str, fields: dict[str, Any], expected: str, runs: Path, store: QueryStore
) -> None:
    method, kind, key = LISTS[listed]
    for _ in range(2):
        # The second answer is one that was kept.
        rows = getattr(store, method)(kind(**fields))
        assert named(listed, [getattr(row, key, None) or row.as_dict()[key] for row in rows]) == expected
    assert getattr(store, f"{method}_sql")(kind(**fields))[0].count("$")
    assert store.count_rows(kind(**fields)) >= len(rows)
    outcome = stormlog("query", listed, runs, *shlex.split(args), "--fields", key, "--json")
    assert (outcome.status, named(listed, [row[key] for row in json.loads(outcome.stdout)])) == (0, expected)
    if listed == "events":
        assert list(store.iter_events(kind(**fields))) == rows


def test_filters_never_change_what_is_counted(store: QueryStore) -> None:
    whole = {issue.fingerprint_id: issue.as_dict() for issue in store.list_issues()}
    (issue,) = store.list_issues(IssueFilter(app="tune", since="2026-11-20T05:00"))
    assert issue.as_dict() == whole[issue.fingerprint_id]
    assert issue.hit_count == 2


def test_what_no_filter_asks_for_is_not_worked_out(store: QueryStore) -> None:
    plain = store.list_issues_sql(IssueFilter(kind="oom", session_id="s-1", sort="hits", limit=3))[0]
    assert "hit_places" not in plain and "issue_evidence" not in plain
    assert "session_places" not in store.query_events_sql(EventFilter(host="h1", since="2h"))[0]
    assert "session_places" not in store.list_sessions_sql(SessionFilter(rank=1, search="x"))[0]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("issues --since 2026-11-21 --until 2026-11-20", "after until"),
        ("events --since 2h --until 7d", "after until"),
        (
            "events --time-start-ns 5 --time-end-ns 4",
            "after time_end_ns, 1970-01-01 00:00:00.000000004 UTC: no time lies",
        ),
        (
            "events --since 2026-11-20 --time-end-ns 1",
            "since is 2026-11-20 00:00:00 UTC, which is after time_end_ns",
        ),
        ("ooms --since 2026-11-20 --created-before 2026-11-19", "which is after created_before"),
        ("issues --dev --prod", "--dev and --prod"),
        ("sessions --production --dev", "--dev and --prod"),
        ("issues --hide-ignored --state ignored", "--hide-ignored and --state ignored"),
        ("issues --limit 0", "--limit 0"),
        ("events --limit 0", "--limit 0"),
        ("sessions --limit -1", "limit must be 1 or more"),
        ("ooms --page 0", "page must be 1 or more"),
        ("issues --since soon", "'soon' is no time"),
        ("issues --since 1M", "not clear"),
        ("ooms --created-after 2026-13-45", "'2026-13-45' is no time"),
        ("issues --sort colour", "'colour' is not one of"),
        ("issues --rank x", "'x' is not a whole number"),
        ("issues --fields title,colour", "there is no field 'colour'; there are fingerprint_id, kind"),
        ("events --fields rank,rank", "'rank' is named twice"),
        ("sessions --fields ,", "name some of session_id"),
        ("issues --follow --page 2", "leave out --page"),
        ("issues --follow --fields title", "leave out --fields"),
        ("issues --rank 1 --sql 'SELECT 1'", "leave out --rank"),
        ("issues --sql 'SELECT 1 AS n' --fields m", "there is no field 'm'; there are n"),
    ],
)
def test_what_contradicts_itself_is_refused(arguments: str, words: str, runs: Path) -> None:
    listed, *args = shlex.split(arguments)
    outcome = stormlog("query", listed, runs, *args)
    assert (outcome.status, outcome.stdout) == (2, "")
    assert words in outcome.stderr


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        (IssueFilter, {"since": "2026-11-21", "until": "2026-11-20"}),
        (IssueFilter, {"state": "ignored", "hide_ignored": True}),
        (SessionFilter, {"limit": 0}),
        (OOMBundleFilter, {"page": 0}),
        (EventFilter, {"since": 1_795_132_800}),
        (EventFilter, {"since": "12345"}),
        (EventFilter, {"rank": [0, "1"]}),
        (IssueFilter, {"kind": ["oom", "ooms"]}),
        (IssueFilter, {"host": b"h"}),
        (SessionFilter, {"sort": "severity"}),
    ],
    ids=readable,
)
def test_python_refuses_it_too(kind: type[Any], fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        kind(**fields)


@pytest.mark.parametrize(
    ("arguments", "note"),
    [
        ("issues --rank 7", "no issue has rank '7'; there are 0, 1"),
        ("issues --run x", "no issue has run 'x'; there are job:j1, session:s-3, job:j2"),
        ("issues --host x --host y", "no issue has host 'x'; there are h0, h1, h2"),
        ("issues --app x", "no issue has app 'x'; there are train, tune"),
        ("issues --rank 1 --host h0", "0 of 5 issues fit"),
        ("issues --kind hidden_memory_anomaly", "0 of 5 issues fit"),
        ("issues --page 3", "there is no page 3: 5 issues fit"),
        ("sessions --host x", "no session has host 'x'; there are h0, h1, h2"),
        ("sessions --run x", "no session has run 'x'; there are job:j1"),
        ("sessions --dev --rank 1", "0 of 4 sessions fit"),
        ("events --severity loud", "no event has severity 'loud'; none has any"),
        ("events --since 2026-12-01", "0 of 11 events fit"),
        ("ooms --search nothing", "0 of 2 OOM bundles fit"),
    ],
)
def test_filters_that_match_nothing_say_what_there_is(arguments: str, note: str, runs: Path) -> None:
    listed, *args = shlex.split(arguments)
    outcome = stormlog("query", listed, runs, *args)
    assert (outcome.status, outcome.stdout) == (0, "No rows.\n")
    assert outcome.stderr.startswith(f"Note: {note}")
    assert stormlog("query", listed, runs, *args, "-q").stderr == ""


def test_a_page_says_how_many_rows_come_behind_it(runs: Path) -> None:
    assert stormlog("query", "issues", runs, "--limit", "2").stderr == "Note: 3 more: --page 2\n"
    assert (
        stormlog("query", "issues", runs, "--limit", "2", "--page", "2").stderr == "Note: 1 more: --page 3\n"
    )
    assert stormlog("query", "issues", runs, "--limit", "5").stderr == ""
    assert stormlog("query", "issues", runs, "--limit", "2", "--json").stderr == ""


def test_fields_are_printed_alone_and_in_their_order(runs: Path) -> None:
    chosen = ("--fields", "hit_count,severity,affected_sessions", "--kind", "oom", "--app", "train")
    assert stormlog("query", "issues", runs, *chosen, "--json").stdout == (
        '[\n  {\n    "hit_count": 2,\n    "severity": "critical",\n'
        '    "affected_sessions": [\n      "s-1"\n    ]\n  }\n]\n'
    )
    assert stormlog("query", "issues", runs, *chosen, "--jsonl").stdout == (
        '{"hit_count": 2, "severity": "critical", "affected_sessions": ["s-1"]}\n'
    )
    assert stormlog("query", "issues", runs, *chosen, "--csv").stdout == (
        'hit_count,severity,affected_sessions\n2,critical,"[""s-1""]"\n'.replace("\n", "\r\n")
    )
    events = stormlog("query", "events", runs, "--fields", "rank,context", "--session", "s-1", "--csv").stdout
    assert events == "rank,context\r\n1,\r\n1,CUDA out of memory: tried 2 GiB\r\n"
    whole = json.loads(stormlog("query", "issues", runs, "--json").stdout)
    for key in whole[0]:
        one = json.loads(stormlog("query", "issues", runs, "--json", "--fields", key).stdout)
        assert one == [{key: row[key]} for row in whole]
    sql = ("--sql", "SELECT 1 AS a, 2 AS b", "--fields", "b", "--json")
    assert json.loads(stormlog("query", "issues", runs, *sql).stdout) == [{"b": 2}]


# ---- tracked issues ----------------------------------------------------------------------------------------

OOMS = ("hip of bundle", "bundle of bundle", "cuda of bundle")
#: Options of ``issues list``, arguments of `Tracker.list_issues`, names of the issues in any order.
TRACKED: list[tuple[str, dict[str, Any], set[str]]] = [
    ("", {}, {*OOMS, "cuda", "disk", "fragmented", "fragmented (dev)"}),
    ("--kind oom", {"kind": "oom"}, {*OOMS, "cuda"}),
    ("--severity warning --kind alert", {"severity": "warning", "kind": ["alert"]},
     {"disk", "fragmented", "fragmented (dev)"}),
    ("--state open", {"state": "open"}, {*OOMS, "cuda", "fragmented", "fragmented (dev)"}),
    ("--status open --state ignored", {"state": ["open", "ignored"]},
     {*OOMS, "cuda", "disk", "fragmented", "fragmented (dev)"}),
    ("--state silenced", {"statuses": ["silenced"]}, {"disk"}),
    ("--hide-ignored", {"hide_ignored": True}, {*OOMS, "cuda", "fragmented", "fragmented (dev)"}),
    ("--session s-2", {"session_id": "s-2"}, {"fragmented (dev)"}),
    ("--since '2026-11-20 12:00'", {"since": "2026-11-20 12:00"}, {"hip of bundle", "bundle of bundle", "disk"}),
    ("--until 2026-11-20T02:00Z", {"until": "2026-11-20T02:00Z"}, {"cuda", "cuda of bundle", "fragmented"}),
    ("--run j1", {"run": "j1"}, {"cuda", "fragmented"}),
    ("--run job:j2 --run session:s-3", {"run": ["job:j2", "session:s-3"]},
     {"fragmented (dev)", "hip of bundle", "disk"}),
    ("--run s-3", {"run": "s-3"}, {"hip of bundle", "disk"}),
    ("--job-id j1 --job-id s-3", {"job_id": ["j1", "s-3"]}, {"cuda", "fragmented"}),
    ("--rank 1", {"rank": 1}, {"cuda"}),
    ("--rank 1 --host h0", {"rank": 1, "host": "h0"}, set()),
    ("--host h2", {"host": "h2"}, {"hip of bundle", "disk"}),
    ("--app tune", {"app": "tune"}, {"fragmented (dev)"}),
    ("--dev", {"is_dev": True}, {"fragmented (dev)"}),
    ("--prod --kind alert", {"is_dev": False, "kind": "alert"}, {"disk", "fragmented"}),
    ("--search FRAGMENT", {"search": "FRAGMENT"}, {"fragmented", "fragmented (dev)"}),
    ("--text '100% full'", {"text": "100% full"}, {"disk"}),
    ("--search 0%", {"search": "0%"}, {"disk", "fragmented", "fragmented (dev)"}),
    ("--limit 6 --page 2 --sort first_seen", {"limit": 6, "page": 2, "sort": "first_seen"}, {"fragmented"}),
]  # fmt: skip


@pytest.fixture(scope="module")
def db(runs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tracked") / "t.db"
    assert stormlog("scan", runs, "--db", path, "--settle", "0s", "-q").status == 0
    with Tracker(path) as tracker:
        (disk,) = tracker.list_issues(search="disk").issues
        tracker.ignore(disk.issue_id)
    return path


def tracked_name(issue: dict[str, Any]) -> str:
    (fingerprint,) = issue["fingerprint_ids"]
    # A bundle does not say of which program it is.
    of_bundle = " of bundle" if issue["kind"] == "oom" and issue["app"] == "default" else ""
    return NAMES[fingerprint] + of_bundle + (" (dev)" if issue["is_dev"] else "")


@pytest.mark.parametrize(("args", "fields", "expected"), TRACKED, ids=readable)
def test_tracked_issues_take_the_same_filters(
    args: str, fields: dict[str, Any], expected: set[str], db: Path
) -> None:
    with Tracker(db, read_only=True) as tracker:
        found = [tracked_name(issue.as_dict()) for issue in tracker.list_issues(**fields).issues]
        conditions = {name: value for name, value in fields.items() if name not in ("limit", "page", "sort")}
        assert tracker.count_issues(**conditions) == (7 if "page" in fields else len(found))
    assert (len(found), set(found)) == (len(expected), expected)
    outcome = stormlog("issues", "list", "--db", db, *shlex.split(args), "--json")
    assert [tracked_name(issue) for issue in json.loads(outcome.stdout)["issues"]] == found


def test_a_page_of_tracked_issues_names_no_cursor_and_keeps_it_in_json(db: Path) -> None:
    plain = stormlog("issues", "list", "--db", db, "--limit", "2", "--fields", "title")
    assert plain.stderr == "Note: 5 more: --page 2\n"
    assert plain.stdout.splitlines()[0] == "Title"
    page = json.loads(
        stormlog("issues", "list", "--db", db, "--limit", "2", "--fields", "title", "--json").stdout
    )
    assert page["has_more"] is True
    assert [list(issue) for issue in page["issues"]] == [["title"], ["title"]]
    behind = stormlog("issues", "list", "--db", db, "--limit", "2", "--after", page["cursor"], "--jsonl")
    second = stormlog("issues", "list", "--db", db, "--limit", "2", "--page", "2", "--jsonl")
    assert behind.stdout == second.stdout != ""


GATE_FILTERS = ("--kind", "--severity", "--run", "--job-id", "--rank", "--host")


@pytest.mark.parametrize(
    ("args", "status", "left_out"),
    [
        ("", 10, 0),
        ("--kind alert --severity critical", 0, 7),
        ("--severity warning", 10, 4),
        ("--kind oom", 10, 3),
        ("--rank 1 --job-id j2", 0, 7),
        ("--rank 1 --job-id j1", 10, 6),
        ("--rank 1", 10, 6),
        ("--job-id j2", 10, 6),
        ("--run job:j2 --run session:s-3", 10, 4),
        ("--host h2", 10, 5),
    ],
)
def test_a_gate_counts_the_issues_that_fit(
    args: str, status: int, left_out: int, runs: Path, tmp_path: Path
) -> None:
    with Tracker(tmp_path / "empty.db"):
        pass
    outcome = stormlog("gate", runs, "--db", tmp_path / "empty.db", "--settle", "0s", *shlex.split(args))
    assert outcome.status == status
    names = ", ".join(name for name in GATE_FILTERS if name in args)
    kind = "Note" if status == 10 else "Warning"
    assert outcome.stderr == (f"{kind}: {left_out} of 7 issues are left out by {names}\n" if left_out else "")


def test_a_gate_refuses_a_severity_that_does_not_exist(runs: Path, db: Path) -> None:
    outcome = stormlog("gate", runs, "--db", db, "--severity", "critcal")
    assert outcome.status == 2
    assert "unknown severity 'critcal'" in outcome.stderr


@pytest.mark.parametrize("word", ["qurey", "scna", "isues", "cahce", "gat"])
def test_an_unknown_command_suggests_the_nearest(word: str) -> None:
    nearest = {"qurey": "query", "scna": "scan", "isues": "issues", "cahce": "cache", "gat": "gate"}[word]
    outcome = stormlog(word)
    assert outcome.status == 2
    assert f"No such command {word!r}. Did you mean {nearest!r}" in outcome.stderr


@pytest.mark.parametrize(
    "words", [("query", "isues", "issues"), ("issues", "lst", "list"), ("db", "chek", "check")]
)
def test_so_does_an_unknown_command_of_a_group(words: tuple[str, str, str]) -> None:
    group, word, nearest = words
    outcome = stormlog(group, word)
    assert outcome.status == 2
    assert f"Did you mean {nearest!r}" in outcome.stderr
    assert "Did you mean" not in stormlog(group, "xyzzy").stderr


@pytest.mark.parametrize("words", [("query", "issues"), ("query", "events"), ("issues", "list")])
def test_help_lists_options_by_section(words: tuple[str, ...]) -> None:
    text = stormlog(*words, "--help").stdout
    places = [text.find(f"\n{heading}:\n") for heading in ("Filters", "Rows", "Output", "Tracker")]
    assert -1 not in places
    assert places == sorted(places)
    assert text.count("  --since") == text.count("  --fields") == 1
