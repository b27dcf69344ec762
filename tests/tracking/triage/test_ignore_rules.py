"""Issues that rules ignore: the tracker, its digests, queries, scans and gates say the same of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stormlog import query
from stormlog.errors import SourceError
from stormlog.tracking import Tracker
from stormlog.tracking.database.maintenance import check_store
from stormlog.tracking.digest.content import collect
from stormlog.tracking.gate import baseline_of_file, evaluate
from stormlog.tracking.projects import project_row
from tests.apps.cli.runner import stormlog
from tests.captures import CHECKOUT
from tests.tracking.evidence import fingerprint_id, see
from tests.tracking.people import KIM, LEE, Clock, as_actor, new_tracker, of, refused, seen
from tests.tracking.shared_stores import one_store_of
from tests.tracking.tables import everything

UNSEEN = fingerprint_id("F7")
RUNS = CHECKOUT / "examples/captures/v4-cuda-sim"


def fingerprint_rule(name: str) -> dict[str, str]:
    return {"fingerprint_id": fingerprint_id(name)}


def test_a_fingerprint_that_was_never_seen_is_ignored_when_it_is(tracker: Tracker) -> None:
    seen(tracker, "F1")
    change = tracker.ignore(UNSEEN, reason="known")
    assert change.issues == ()
    assert [warning["code"] for warning in change.warnings] == ["unseen_fingerprint"]
    (rule,) = tracker.ignore_rules()
    assert (rule.rule.fingerprint_id, rule.rule.reason, rule.actor_id, rule.issue_count) == (
        UNSEEN,
        "known",
        "kim",
        0,
    )
    recorded = see(tracker, "F7")
    assert recorded.issues_created == 0
    issue = of(tracker, "F7")
    assert (issue.status, issue.state) == ("silenced", "ignored")
    assert issue.ignore_until == {"rule": rule.rule_id, "from_status": "new", "reason": "known"}
    assert tracker.ignore_rules()[0].issue_count == 1
    assert check_store(tracker.store.path) == []


def test_a_fingerprint_is_ignored_before_anything_was_seen_at_all(tracker: Tracker) -> None:
    tracker.ignore(UNSEEN)
    assert seen(tracker, "F7").status == "silenced"
    tracker.project = "nowhere"
    with refused("not_found"):
        tracker.ignore(UNSEEN)


def test_a_fingerprint_that_is_none_is_not_found(tracker: Tracker) -> None:
    seen(tracker)
    for text in ("issue:unknown", "issue:0123", "issue:" + "g" * 24):
        with refused("not_found"):
            tracker.ignore(text)
    assert tracker.ignore_rules() == []


def test_a_rule_without_an_end_takes_none(tracker: Tracker) -> None:
    seen(tracker)
    with pytest.raises(ValueError, match="no end"):
        tracker.ignore(UNSEEN, until_count=3)


def test_a_rule_ignores_what_is_there_and_what_comes(tracker: Tracker) -> None:
    seen(tracker, "F1", kind="alert"), seen(tracker, "F2", kind="oom")
    rule = tracker.add_ignore_rule(kind="alert", reason="noise")
    assert rule.issue_count == 1
    seen(tracker, "F3", kind="alert"), seen(tracker, "F4", kind="oom")
    assert [of(tracker, name).status for name in ("F1", "F2", "F3", "F4")] == [
        "silenced",
        "new",
        "silenced",
        "new",
    ]
    assert tracker.add_ignore_rule(kind="alert", reason="noise").rule_id == rule.rule_id


def test_what_somebody_works_on_or_resolved_is_not_ignored(tracker: Tracker) -> None:
    for name in ("F1", "F2", "F3"):
        seen(tracker, name, version="1.0")
    tracker.claim("1")
    tracker.resolve("2", version="1.0")
    tracker.add_ignore_rule(kind="alert")
    assert [of(tracker, name).status for name in ("F1", "F2", "F3")] == [
        "in_progress",
        "resolved",
        "silenced",
    ]
    assert tracker.claim("3").issues[0].status == "in_progress"
    recorded = see(tracker, "F2", "s2", version="2.0")
    assert recorded.issues_regressed == 0
    assert of(tracker, "F2").status == "silenced"


def test_what_a_rule_ignores_is_not_reopened_but_the_rule_is_removed(tracker: Tracker) -> None:
    issue = seen(tracker)
    rule = tracker.add_ignore_rule(kind="alert")
    with refused("ignored_by_rule", "#1", f"--remove {rule.rule_id}"):
        tracker.reopen("1")
    assert tracker.remove_ignore_rule(rule.rule_id).rule == rule.rule
    again = of(tracker)
    assert (again.status, again.ignore_until) == (issue.status, None)
    assert tracker.ignore_rules() == []
    with refused("not_found", "rule"):
        tracker.remove_ignore_rule(rule.rule_id)


def test_a_regressed_issue_is_regressed_again_when_its_rule_is_removed(tracker: Tracker) -> None:
    seen(tracker, version="1.0")
    tracker.resolve("1", version="1.0")
    assert seen(tracker, session="s2", version="2.0").status == "regressed"
    rule = tracker.add_ignore_rule(kind="alert")
    tracker.remove_ignore_rule(rule.rule_id)
    assert of(tracker).status == "regressed"


def test_an_issue_that_two_rules_fit_stays_ignored_without_the_first(tracker: Tracker) -> None:
    seen(tracker)
    first = tracker.add_ignore_rule(kind="alert")
    second = tracker.add_ignore_rule(**fingerprint_rule("F1"))
    tracker.remove_ignore_rule(first.rule_id)
    assert of(tracker).ignore_until == {"rule": second.rule_id, "from_status": "new"}


def test_a_rule_number_is_not_used_again(tracker: Tracker) -> None:
    first = tracker.add_ignore_rule(kind="alert")
    tracker.remove_ignore_rule(first.rule_id)
    assert tracker.add_ignore_rule(kind="oom").rule_id > first.rule_id


def test_an_issue_of_several_fingerprints_is_ignored_if_all_of_them_are(tracker: Tracker) -> None:
    seen(tracker, "F1"), seen(tracker, "F2")
    tracker.merge("1", "2")
    tracker.add_ignore_rule(**fingerprint_rule("F1"))
    assert of(tracker).status == "new"
    tracker.add_ignore_rule(kind="alert")
    assert of(tracker).status == "silenced"


def test_rules_are_of_a_project(tracker: Tracker) -> None:
    tracker.add_ignore_rule(kind="alert")
    tracker.project = "other"
    assert seen(tracker).status == "new"
    assert tracker.ignore_rules() == []


def test_a_dry_run_of_a_rule_counts_and_changes_nothing(tracker: Tracker) -> None:
    seen(tracker)
    stored = everything(tracker)
    assert tracker.add_ignore_rule(kind="alert", dry_run=True).issue_count == 1
    assert everything(tracker) == stored


def test_a_rule_is_not_undone_but_removed(tracker: Tracker) -> None:
    seen(tracker)
    tracker.claim("1")
    tracker.add_ignore_rule(kind="alert")
    # The claim kept the issue out of the rule.
    assert tracker.undo().issues[0].status == "silenced"
    with refused("not_found"):
        tracker.undo()


def test_an_undo_does_not_bring_back_a_rule(tracker: Tracker) -> None:
    seen(tracker)
    rule = tracker.add_ignore_rule(kind="alert")
    tracker.claim("1")
    with as_actor(tracker, LEE):
        tracker.remove_ignore_rule(rule.rule_id)
    with refused("changed_since", f"rule {rule.rule_id}"):
        tracker.undo()


def test_digests_do_not_tell_what_a_rule_ignores_until_it_is_removed(tracker: Tracker) -> None:
    rule = tracker.add_ignore_rule(kind="alert")
    seen(tracker)

    def digest() -> Any:
        with tracker.store.reading() as connection:
            return collect(connection, project_row(connection, "default"), digest_ns=1)

    assert digest() is None
    tracker.remove_ignore_rule(rule.rule_id)
    assert digest()[0].new_count == 1


def test_rules_survive_an_export_and_an_import(tmp_path: Path, clock: Clock) -> None:
    file = tmp_path / "issues.json"
    with new_tracker(tmp_path, clock) as tracker:
        tracker.add_ignore_rule(kind="oom")
        tracker.add_ignore_rule(kind="alert", reason="noise")
        seen(tracker, "F1")
        tracker.export_states(file, counts=False)
        report = tracker.import_states(file)
        assert (report.issues_changed, report.issues_unchanged) == (0, 1)
    with new_tracker(tmp_path, clock, "other.db") as tracker:
        tracker.project = "first"
        tracker.add_ignore_rule(kind="error")
        tracker.project = "default"
        tracker.import_states(file)
        rules = tracker.ignore_rules()
        assert [found.rule.kind for found in rules] == ["oom", "alert"]
        assert of(tracker).ignore_until == {"rule": rules[1].rule_id, "from_status": "new", "reason": "noise"}
        tracker.remove_ignore_rule(rules[1].rule_id)
        assert of(tracker).status == "new"


# ---- everywhere the same -------------------------------------------------------------------------------


def ignored_in(store: query.QueryStore) -> set[str]:
    return {issue.fingerprint_id for issue in store.list_issues() if issue.state == "ignored"}


@pytest.fixture(scope="module")
def expected() -> set[str]:
    """Return what `RULE` ignores."""
    with query.open([RUNS]) as store:
        alerts = [issue for issue in store.list_issues() if issue.kind == "alert"]
    found = {issue.fingerprint_id for issue in alerts if issue.severity == "warning"}
    assert found
    return found


RULE: dict[str, Any] = {"kind": "alert", "dimensions": {"severity": "warn*"}, "reason": "noise"}


def test_scans_queries_gates_and_files_agree_on_what_a_rule_ignores(
    tmp_path: Path, expected: set[str]
) -> None:
    database, file = tmp_path / "tracker.db", tmp_path / "issues.json"
    with one_store_of(RUNS), Tracker(database, actor=KIM) as tracker:
        tracker.add_ignore_rule(**RULE)
        # Before anything was scanned.
        with query.open([RUNS], tracker=database) as store:
            assert ignored_in(store) == expected
        gate = tracker.gate([RUNS], settle_ns=0)
        assert {issue.fingerprint_id for issue in gate.of("ignored")} == expected
        report = tracker.scan([RUNS], settle_ns=0)
        issues = tracker.list_issues(limit=200).issues
        ignored = [issue for issue in issues if issue.status == "silenced"]
        assert {name for issue in ignored for name in issue.fingerprint_ids} == expected
        assert report.issues_created == len(issues) - len(ignored)
        gate = tracker.gate([RUNS], settle_ns=0)
        assert {issue.fingerprint_id for issue in gate.of("ignored")} == expected
        tracker.export_states(file)
        gate = evaluate([RUNS], baseline_of_file(file))
        assert {issue.fingerprint_id for issue in gate.of("ignored")} == expected
    with query.open([RUNS], tracker=database) as store:
        assert ignored_in(store) == expected


def test_rules_without_a_tracker_are_in_the_sidecar_or_given(tmp_path: Path, expected: set[str]) -> None:
    with query.open([RUNS], ignore=[RULE]) as store:
        assert ignored_in(store) == expected
        named = sorted(expected)[0]
        shown = {
            issue.fingerprint_id: issue.state for issue in store.list_issues(state_overrides={named: "open"})
        }
        assert shown[named] == "open"
        filtered = store.list_issues(query.IssueFilter(state="ignored"))
        assert {issue.fingerprint_id for issue in filtered} == expected
    file = tmp_path / "issues.json"
    document = {"format": "stormlog-issues", "version": 1, "issues": [], "ignore": [RULE]}
    file.write_text(json.dumps(document))
    link = tmp_path / "runs"
    link.symlink_to(RUNS)
    with query.open([link, file.parent]) as store:
        assert ignored_in(store) == expected
    found = evaluate([RUNS], baseline_of_file(file))
    assert {issue.fingerprint_id for issue in found.of("ignored")} == expected
    document["ignore"] = [{"kind": "alarm"}]
    file.write_text(json.dumps(document))
    with pytest.raises(SourceError, match=r"ignore\[0\].*alarm"):
        baseline_of_file(file)


def test_rules_are_made_listed_and_removed_on_the_command_line(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORMLOG_DB", str(tracker.store.path))
    monkeypatch.setenv("STORMLOG_USER", "kim")
    seen(tracker, "F1", kind="oom")
    made = stormlog("issues", "ignore", "--kind", "oom", "--dimension", "backend=cu*", "--reason", "known")
    assert (made.status, made.stdout) == (
        0,
        "Rule 1 ignores oom issues with backend=cu*: 0 issues now, and those found later\n",
    )
    (rule,) = json.loads(stormlog("issues", "ignores", "--json").stdout)
    assert (rule["kind"], rule["dimensions"], rule["reason"], rule["actor_id"]) == (
        "oom",
        {"backend": "cu*"},
        "known",
        "kim",
    )
    assert (
        stormlog("issues", "ignores", "--remove", "1").stdout
        == "Removed rule 1: oom issues with backend=cu*\n"
    )
    assert stormlog("issues", "ignores", "--remove", "1").status == 4
    unseen = stormlog("issues", "ignore", UNSEEN)
    assert unseen.stdout == f"{UNSEEN} was not seen yet: rule 2 ignores it when it is\n"
    for words in (
        ["1", "--kind", "oom"],
        ["--kind", "oom", "--until-next"],
        ["--kind", "ooms"],
        ["--dimension", "backend"],
        ["--dimension", "backend=a", "--dimension", "backend=b"],
        ["--dimension", "colour=red"],
    ):
        assert stormlog("issues", "ignore", *words).status == 2
