"""``issues.json``: stable bytes, a restore that keeps everything people decided, and no trust in strangers."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stormlog.errors import LifecycleError, PermissionDeniedError, SourceError
from stormlog.issues.sidecar import read_sidecar, sidecar_bytes
from stormlog.tracking import Tracker
from stormlog.tracking.sidecar_exchange import export_states, import_states
from tests.tracking.evidence import fingerprint_id, see

NOW_NS = 1_790_000_000_000_000_000
Open = Callable[..., Tracker]


@pytest.fixture
def store(tmp_path: Path, request: pytest.FixtureRequest) -> Open:
    def opened(name: str = "a", **arguments: Any) -> Tracker:
        tracker = Tracker(tmp_path / f"{name}.db", clock=lambda: NOW_NS, **arguments)
        request.addfinalizer(tracker.close)
        return tracker

    return opened


def put(tracker: Tracker, name: str, *, app: str = "a", is_dev: bool = False, **columns: Any) -> str:
    """Set columns of the issue of a fingerprint; return its id."""
    with tracker.store.writing() as connection:
        (issue_id,) = connection.execute(
            "SELECT f.issue_id FROM issue_fingerprints AS f JOIN apps AS a USING (app_id) "
            "WHERE f.fingerprint_id = ? AND a.name = ? AND f.is_dev = ?",
            [fingerprint_id(name), app, is_dev],
        ).fetchone()
        for column, value in columns.items():
            connection.execute(f"UPDATE issues SET {column} = ? WHERE issue_id = ?", [value, issue_id])
    return str(issue_id)


def rows(tracker: Tracker, text: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with tracker.reading() as connection:
        return [tuple(row) for row in connection.execute(text, parameters)]


def statuses(tracker: Tracker) -> dict[str, str]:
    return dict(
        rows(
            tracker,
            "SELECT f.fingerprint_id, i.status FROM issue_fingerprints AS f JOIN issues AS i USING (issue_id)",
        )
    )


def write(path: Path, *entries: dict[str, Any], **head: Any) -> Path:
    document = {"format": "stormlog-issues", "version": 1, "issues": list(entries), **head}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def entry(name: str, state: str, **fields: Any) -> dict[str, Any]:
    return {"fingerprint_id": fingerprint_id(name), "state": state, **fields}


@pytest.fixture
def lived_in(store: Open) -> Tracker:
    """A store with an issue of each status, one of two fingerprints, one of development, and one of another app."""
    tracker = store()
    for position, name in enumerate(["new", "claimed", "fixed", "muted", "back", "T", "S"]):
        see(tracker, name, "s1", at=100 + position, version="1.0")
    see(tracker, "fixed", "s2", version="1.1", app="b", kind="oom", severity="critical")
    see(tracker, "fixed", "s3", is_dev=True)
    put(tracker, "claimed", status="in_progress", assignee="Ada")
    put(tracker, "fixed", status="resolved", fix_version="1.4.0", resolved_ns=NOW_NS)
    put(tracker, "muted", status="silenced", ignore_until_json='{"count":5,"from_count":1,"reason":"known"}')
    put(tracker, "back", status="regressed")
    target, source = put(tracker, "T", status="resolved"), put(tracker, "S")
    with tracker.store.writing() as connection:
        connection.execute("UPDATE issue_fingerprints SET issue_id = ? WHERE issue_id = ?", [target, source])
        connection.execute("DELETE FROM issue_occurrences WHERE issue_id = ?", [source])
        connection.execute("DELETE FROM issues WHERE issue_id = ?", [source])
    return tracker


# ---- export ------------------------------------------------------------------------------------------------


def test_file_is_sorted_indented_and_the_same_every_time(lived_in: Tracker, tmp_path: Path) -> None:
    path = tmp_path / "issues.json"

    exported = export_states(lived_in, path)
    first = path.read_bytes()
    export_states(lived_in, path)

    assert path.read_bytes() == first == sidecar_bytes(exported.states)
    assert first.endswith(b"}\n") and b"\n  " in first
    document = json.loads(first)
    keys = [(item["fingerprint_id"], item["app"], item["is_dev"]) for item in document["issues"]]
    assert keys == sorted(keys) and len(keys) == 9
    assert [list(item) for item in document["issues"]] == [sorted(item) for item in document["issues"]]


def test_entry_says_state_and_status_and_what_was_counted(store: Open) -> None:
    tracker = store()
    see(tracker, "F1", "s1", at=10, version="1.0")
    see(tracker, "F1", "s2", at=20, version="1.1", user="ada")
    issue_id = put(tracker, "F1", status="silenced")

    (said,) = export_states(tracker).states

    assert said.as_dict() == {
        "app": "a",
        "assignee": None,
        "dimensions": {"name": "F1"},
        "fingerprint_id": fingerprint_id("F1"),
        "first_seen_ns": 10 * 10**9,
        "first_seen_version": "1.0",
        "fix_version": None,
        "hit_count": 2,
        "ignore_until": None,
        "is_dev": False,
        "issue_id": issue_id,
        "kind": "alert",
        "last_seen_ns": 20 * 10**9,
        "last_seen_version": "1.1",
        "number": 1,
        "occurrence_count": 2,
        "recurred_count": 0,
        "run_count": 2,
        "schema_version": 1,
        "severity": "warning",
        "state": "ignored",
        "status": "silenced",
        "title": "Alert: F1",
        "title_ns": 10 * 10**9,
        "unique_user_count": 1,
    }


def test_without_counts_more_evidence_changes_nothing(lived_in: Tracker) -> None:
    before = sidecar_bytes(export_states(lived_in, counts=False).states)
    see(lived_in, "new", "s9", at=900, version="2.0")

    assert sidecar_bytes(export_states(lived_in, counts=False).states) == before
    assert sidecar_bytes(export_states(lived_in).states) != before


def test_only_the_project_is_exported(lived_in: Tracker, store: Open) -> None:
    other = store(project="other")
    with pytest.raises(LifecycleError, match="no project 'other'"):
        export_states(other)
    see(other, "F1")

    assert [state.title for state in export_states(other).states] == ["Alert: F1"]
    assert len(export_states(lived_in).states) == 9


def test_default_project_need_not_exist(store: Open) -> None:
    assert export_states(store()).states == ()


def test_file_is_replaced_as_a_whole(lived_in: Tracker, tmp_path: Path) -> None:
    path, link = tmp_path / "issues.json", tmp_path / "link.json"
    path.write_text("old", encoding="utf-8")
    path.chmod(0o640)
    link.symlink_to(path)

    export_states(lived_in, link)

    assert link.is_symlink() and len(read_sidecar(path).states) == 9
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [name for name in os.listdir(tmp_path) if "json." in name] == []


def test_file_that_cannot_be_written_is_a_source_error(lived_in: Tracker, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="cannot be written"):
        export_states(lived_in, tmp_path / "missing" / "issues.json")


# ---- restore -----------------------------------------------------------------------------------------------


def test_empty_store_says_the_same_bytes_after_a_restore(
    lived_in: Tracker, store: Open, tmp_path: Path
) -> None:
    path = tmp_path / "issues.json"
    export_states(lived_in, path, counts=False)

    report = import_states(store("b"), path)
    export_states(store("b"), tmp_path / "again.json", counts=False)

    assert (tmp_path / "again.json").read_bytes() == path.read_bytes()
    assert (report.fingerprints, report.issues_created, report.fingerprints_added) == (9, 8, 9)
    assert (report.issues_changed, report.issues_unchanged, report.contradictions) == (0, 0, 0)


def test_restored_store_has_everything_but_evidence(lived_in: Tracker, store: Open, tmp_path: Path) -> None:
    columns = "issue_id, is_dev, status, fix_version, ignore_until_json, assignee, title, severity, kind"
    kept = f"SELECT {columns} FROM issues ORDER BY issue_id"
    grouping = "SELECT fingerprint_id, issue_id, title, severity, dimensions_json FROM issue_fingerprints ORDER BY 1, 2"
    restored = store("b")

    import_states(restored, export_states(lived_in, tmp_path / "issues.json").path or "")

    assert rows(restored, kept) == rows(lived_in, kept)
    assert rows(restored, grouping) == rows(lived_in, grouping)
    assert set(rows(restored, "SELECT occurrence_count, hit_count, first_seen_ns FROM issues")) == {
        (0, 0, None)
    }
    assert rows(restored, "SELECT count(*) FROM issue_occurrences") == [(0,)]
    with_counts = [state.as_dict() for state in export_states(lived_in).states]
    again = [state.as_dict() for state in export_states(restored).states]
    differing = {
        key for old, new in zip(with_counts, again, strict=True) for key in old if old[key] != new[key]
    }
    assert differing == {
        *("first_seen_ns", "first_seen_version", "hit_count", "last_seen_ns", "last_seen_version"),
        *("occurrence_count", "run_count"),
    }


def test_evidence_that_comes_later_lands_on_what_was_restored(
    lived_in: Tracker, store: Open, tmp_path: Path
) -> None:
    restored = store("b")
    import_states(restored, export_states(lived_in, tmp_path / "issues.json").path or "")

    see(restored, "S", "s1", at=106, version="1.0")
    see(restored, "muted", "s1", at=103, version="9.0")

    assert rows(restored, "SELECT count(*) FROM issues") == [(8,)]
    assert statuses(restored) == statuses(lived_in)


def test_importing_twice_changes_nothing(lived_in: Tracker, store: Open, tmp_path: Path) -> None:
    path = export_states(lived_in, tmp_path / "issues.json").path or ""
    restored = store("b")
    import_states(restored, path)
    everything = "SELECT * FROM issues ORDER BY issue_id"
    before, log = rows(restored, everything), rows(restored, "SELECT * FROM activity")

    assert import_states(restored, path).issues_unchanged == 8
    assert rows(restored, everything) == before
    assert rows(restored, "SELECT * FROM activity") == log
    assert import_states(lived_in, path).as_dict() == {
        "fingerprints": 9,
        "issues_created": 0,
        "fingerprints_added": 0,
        "issues_changed": 0,
        "issues_unchanged": 8,
        "contradictions": 0,
    }


def test_states_without_a_status_follow_their_own_table(store: Open, tmp_path: Path) -> None:
    tracker = store()
    for name in ("ignored", "claimed", "fixed", "muted", "back", "kept", "gone"):
        see(tracker, name)
    put(tracker, "claimed", status="in_progress")
    put(tracker, "fixed", status="resolved", fix_version="1.0")
    put(tracker, "muted", status="silenced")
    put(tracker, "back", status="regressed")
    put(tracker, "kept", status="in_progress")
    path = write(
        tmp_path / "issues.json",
        entry("ignored", "ignored"),
        entry("claimed", "open"),
        entry("fixed", "open"),
        entry("muted", "open"),
        entry("back", "open"),
        entry("gone", "regressed"),
        entry("unknown", "open"),
    )

    report = import_states(tracker, path)

    assert {
        name: statuses(tracker)[fingerprint_id(name)] for name in ("ignored", "claimed", "fixed", "muted")
    } == {
        "ignored": "silenced",
        "claimed": "in_progress",
        "fixed": "new",
        "muted": "new",
    }
    assert [statuses(tracker)[fingerprint_id(name)] for name in ("back", "kept", "gone", "unknown")] == [
        *("regressed", "in_progress", "regressed", "new")
    ]
    assert (report.issues_created, report.issues_changed, report.issues_unchanged) == (1, 4, 2)
    assert rows(tracker, "SELECT fix_version FROM issues WHERE fix_version IS NOT NULL") == []


@pytest.mark.parametrize("status", ["new", "in_progress", "resolved", "silenced", "regressed"])
@pytest.mark.parametrize("before", ["new", "in_progress", "resolved", "silenced", "regressed"])
def test_a_status_is_restored_from_any_other(before: str, status: str, store: Open, tmp_path: Path) -> None:
    tracker = store()
    see(tracker)
    state = {"new": "open", "in_progress": "open", "silenced": "ignored"}.get(status, status)
    put(tracker, "F1", status=before, fix_version="1.0" if before in ("resolved", "silenced") else None)
    path = write(tmp_path / "issues.json", entry("F1", state, status=status, fix_version="2.0"))

    report = import_states(tracker, path)

    kept = "2.0" if status in ("resolved", "silenced") else None
    assert rows(tracker, "SELECT status, fix_version FROM issues") == [(status, kept)]
    assert report.issues_changed == int(before != status or kept is not None)


def test_resolved_without_a_version_restores_none(store: Open, tmp_path: Path) -> None:
    tracker = store()
    see(tracker)
    put(tracker, "F1", status="resolved", fix_version="1.0")

    import_states(tracker, write(tmp_path / "issues.json", entry("F1", "resolved")))

    assert rows(tracker, "SELECT status, fix_version FROM issues") == [("resolved", None)]


def test_what_is_not_said_stays(store: Open, tmp_path: Path) -> None:
    tracker = store()
    see(tracker)
    put(tracker, "F1", status="silenced", fix_version="1.0", assignee="Ada", ignore_until_json='{"runs":2}')
    everything = "SELECT * FROM issues"
    before = rows(tracker, everything)

    import_states(tracker, write(tmp_path / "issues.json", entry("F1", "ignored")))
    assert rows(tracker, everything) == before
    import_states(
        tracker, write(tmp_path / "issues.json", entry("F1", "ignored", assignee=None, ignore_until=None))
    )

    assert rows(tracker, "SELECT fix_version, assignee, ignore_until_json FROM issues") == [
        ("1.0", None, None)
    ]


def test_an_import_is_logged_with_what_was_before(store: Open, tmp_path: Path) -> None:
    tracker = store()
    see(tracker)
    path = write(tmp_path / "issues.json", entry("F1", "resolved", fix_version="2"), entry("F2", "ignored"))

    import_states(tracker, path)

    logged = rows(tracker, "SELECT actor_type, before_json, after_json FROM activity WHERE action = 'import'")
    assert len(logged) == 2 and {actor for actor, _, _ in logged} == {"user"}
    known = next((json.loads(before), json.loads(after)) for _, before, after in logged if before)
    assert known[0]["status"] == "new"
    assert (known[1]["status"], known[1]["fix_version"], known[1]["source"]) == ("resolved", "2", str(path))


def test_a_status_that_changes_ends_what_recurred(store: Open, tmp_path: Path) -> None:
    tracker = store()
    see(tracker)
    put(tracker, "F1", status="resolved")
    see(tracker, session="s2", at=20)
    assert rows(tracker, "SELECT recurred_count FROM issues") == [(1,)]

    import_states(tracker, write(tmp_path / "issues.json", entry("F1", "open", status="new")))
    import_states(tracker, write(tmp_path / "issues.json", entry("F1", "resolved")))

    assert rows(tracker, "SELECT recurred_count FROM issues") == [(0,)]


def test_an_entry_without_an_app_is_about_every_app(store: Open, tmp_path: Path) -> None:
    tracker = store()
    see(tracker, app="a")
    see(tracker, app="b")
    see(tracker, app="b", is_dev=True)

    import_states(tracker, write(tmp_path / "issues.json", entry("F1", "ignored", is_dev=False)))

    assert rows(tracker, "SELECT is_dev, status FROM issues ORDER BY 1") == [
        *((0, "silenced"), (0, "silenced"), (1, "new"))
    ]


def test_a_fingerprint_joins_the_issue_it_belongs_to_there(store: Open, tmp_path: Path) -> None:
    tracker = store()
    see(tracker, "F1")
    same = "01a2181d-5b52-72a5-8712-15d8e130f38c"
    path = write(
        tmp_path / "issues.json",
        entry("F1", "resolved", app="a", is_dev=False, issue_id=same),
        entry("F2", "resolved", app="a", is_dev=False, issue_id=same, kind="oom", severity="critical"),
    )

    report = import_states(tracker, path)

    assert (report.issues_created, report.fingerprints_added, report.issues_changed) == (0, 1, 1)
    assert rows(tracker, "SELECT status, severity, title FROM issues") == [
        ("resolved", "critical", "Alert: F1")
    ]


def test_two_opinions_about_a_merged_issue_leave_it_with_the_urgent_one(store: Open, tmp_path: Path) -> None:
    tracker = store()
    see(tracker, "F1")
    see(tracker, "F2")
    target, source = put(tracker, "F1"), put(tracker, "F2")
    with tracker.store.writing() as connection:
        connection.execute("UPDATE issue_fingerprints SET issue_id = ? WHERE issue_id = ?", [target, source])
    path = write(tmp_path / "issues.json", entry("F1", "resolved"), entry("F2", "regressed"))

    report = import_states(tracker, path)

    assert report.contradictions == 1
    assert set(statuses(tracker).values()) == {"regressed"}


@pytest.mark.parametrize("named", ["x", "../../etc/passwd", "01A2181D-5B52-72A5-8712-15D8E130F38C"])
def test_an_id_that_is_none_only_groups(named: str, store: Open, tmp_path: Path) -> None:
    tracker = store()
    path = write(
        tmp_path / "issues.json",
        entry("F1", "open", issue_id=named),
        entry("F2", "open", issue_id=named),
        entry("F3", "open"),
    )

    assert import_states(tracker, path).issues_created == 2
    assert named not in {issue_id for (issue_id,) in rows(tracker, "SELECT issue_id FROM issues")}


def test_an_id_that_is_taken_elsewhere_is_not_stolen(store: Open, tmp_path: Path) -> None:
    other = store(project="other")
    see(other, "F1")
    taken = put(other, "F1")

    import_states(store(), write(tmp_path / "issues.json", entry("F1", "ignored", issue_id=taken)))

    assert rows(other, "SELECT status FROM issues WHERE issue_id = ?", taken) == [("new",)]
    assert rows(other, "SELECT count(DISTINCT project_id) FROM issues") == [(2,)]


def test_reading_alone_does_not_import(store: Open, tmp_path: Path) -> None:
    see(store())
    reader = store(permissions=["issues:read"])
    path = write(tmp_path / "issues.json", entry("F1", "ignored"))

    export_states(reader, tmp_path / "out.json")
    with pytest.raises(PermissionDeniedError, match="issues:write"):
        import_states(reader, path)

    assert set(statuses(reader).values()) == {"new"}


# ---- files of strangers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no JSON"),
        ("[]", 'no "format"'),
        ('{"issues": []}', 'no "format"'),
        ('{"format": "stormlog-issues"}', "version None"),
        ('{"format": "stormlog-issues", "version": true, "issues": []}', "version True"),
        ('{"format": "stormlog-issues", "version": 2, "issues": []}', "version 2, and this Stormlog knows 1"),
        ('{"format": "stormlog-issues", "version": 1}', "issues: is no list"),
        ('{"format": "stormlog-issues", "version": 1, "issues": NaN}', "NaN is no JSON"),
        ('{"a": ' + "[" * 100_000, "nested too deeply"),
        ("\udcff", "is no JSON"),
    ],
)
def test_what_is_no_sidecar_is_refused(text: str, message: str, store: Open, tmp_path: Path) -> None:
    path = tmp_path / "issues.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))

    with pytest.raises(SourceError, match=message) as caught:
        import_states(store(), path)

    assert caught.value.path == str(path)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"state": "closed"}, r"issues\[1\].state: unsupported issue state"),
        ({"state": None}, r"issues\[1\].state: is null"),
        ({"state": 1}, r"issues\[1\].state"),
        ({"fingerprint_id": " "}, r"issues\[1\].fingerprint_id: is blank"),
        ({"fingerprint_id": "x" * 10_001}, "more than 10,000 characters"),
        ({"status": "fixed"}, r"issues\[1\].status: unknown status 'fixed'"),
        ({"status": "resolved"}, r"issues\[1\]: status resolved and state open contradict"),
        ({"is_dev": 1}, r"issues\[1\].is_dev: is neither"),
        ({"app": ["a"]}, r"issues\[1\].app: is no text"),
        ({"title": "\ud800"}, r"issues\[1\].title: holds halves"),
        ({"dimensions": {"a": "\ud800"}}, r"issues\[1\].dimensions: holds halves"),
        ({"dimensions": []}, r"issues\[1\].dimensions: is no object"),
        ({"title_ns": 2**63}, r"issues\[1\].title_ns: is beyond 64 bits"),
        ({"title_ns": 1.5}, r"issues\[1\].title_ns: is no whole number"),
        ({"hit_count": -1}, r"issues\[1\].hit_count: is below zero"),
        ({"ignore_until": {"count": "many"}}, r"issues\[1\].ignore_until: is no whole number"),
        (
            {"fingerprint_id": fingerprint_id("F1")},
            r"issues\[1\]: says the same fingerprint again as issues\[0\]",
        ),
        (
            {"issue_id": "i", "state": "ignored"},
            r"issues\[1\]: says something else about issue i than issues\[0\]",
        ),
    ],
)
def test_a_wrong_entry_is_named_and_nothing_is_imported(
    fields: dict[str, Any], message: str, store: Open, tmp_path: Path
) -> None:
    tracker = store()
    see(tracker)
    path = write(
        tmp_path / "issues.json", entry("F1", "resolved", issue_id="i"), {**entry("F2", "open"), **fields}
    )

    with pytest.raises(SourceError, match=message):
        import_states(tracker, path)

    assert statuses(tracker) == {fingerprint_id("F1"): "new"}
    assert rows(tracker, "SELECT count(*) FROM activity WHERE action = 'import'") == [(0,)]


@pytest.mark.parametrize("item", [None, 3, [], "F1", {}, {"state": "open"}, {"fingerprint_id": "F1"}])
def test_an_entry_that_lacks_everything_is_named(item: Any, store: Open, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"issues\[0\]"):
        import_states(store(), write(tmp_path / "issues.json", item))


def test_entries_for_one_app_and_for_all_contradict(store: Open, tmp_path: Path) -> None:
    for pair in ([{"app": "a", "is_dev": False}, {}], [{}, {"app": "a", "is_dev": False}]):
        path = write(tmp_path / "issues.json", *(entry("F1", "open", **fields) for fields in pair))
        with pytest.raises(SourceError, match="says the same fingerprint again"):
            import_states(store(), path)


def test_keys_that_nobody_knows_are_passed_over(store: Open, tmp_path: Path) -> None:
    path = write(tmp_path / "issues.json", entry("F1", "resolved", note="by hand"), comment="mine")

    assert import_states(store(), path).issues_created == 1


def test_text_of_strangers_is_data(store: Open, tmp_path: Path) -> None:
    evil = "'; DROP TABLE issues; --"
    path = write(
        tmp_path / "issues.json", {"fingerprint_id": evil, "state": "open", "app": evil, "title": evil}
    )

    import_states(store(), path)

    assert rows(store(), "SELECT title FROM issues") == [(evil,)]


def test_missing_file_and_directory_are_source_errors(store: Open, tmp_path: Path) -> None:
    for path in (tmp_path / "missing.json", tmp_path):
        with pytest.raises(SourceError, match="cannot be read"):
            import_states(store(), path)


def test_a_huge_file_is_not_read(store: Open, tmp_path: Path) -> None:
    path = tmp_path / "issues.json"
    with path.open("wb") as stream:
        stream.truncate(300 << 20)

    with pytest.raises(SourceError, match="more than 256 MiB"):
        import_states(store(), path)


def test_many_entries_are_restored_at_once(store: Open, tmp_path: Path) -> None:
    path = write(
        tmp_path / "issues.json", *(entry(f"F{n}", "ignored", app="a", is_dev=False) for n in range(5000))
    )

    assert import_states(store(), path).issues_created == 5000
