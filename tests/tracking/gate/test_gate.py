"""A gate compares artifacts with what is known, tells new, back and never fixed apart, and changes nothing."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stormlog.errors import LifecycleError, SourceError
from stormlog.issues.sidecar import TrackedState
from stormlog.tracking import Tracker
from stormlog.tracking.gate.gate import (
    Baseline,
    GateReport,
    baseline_of_file,
    baseline_of_tracker,
    evaluate,
)
from stormlog.tracking.gate.summary import markdown_summary
from stormlog.tracking.scanning.options import ScanOptions
from stormlog.tracking.scanning.scan import scan
from stormlog.tracking.sidecar_exchange import export_states
from tests.apps.cli.samples import START_NS, event
from tests.tracking.people import with_tables
from tests.tracking.shared_stores import one_store_of

NOW_NS = START_NS + 10**12


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One alert of two sessions; telemetry that names no version. It stays as it is, and is opened once."""
    folder = write(tmp_path_factory.mktemp("runs"), alert("s-1"), alert("s-2", at=5))
    with one_store_of(folder):
        yield folder


def alert(
    session: str, name: str = "disk is low", *, at: int = 0, severity: str = "warning", **metadata: Any
) -> Any:
    return event(
        session_id=session,
        timestamp_ns=START_NS + at,
        event_type="warning",
        context=name,
        metadata={"backend": "cuda", "severity": severity, **metadata},
    )


def write(folder: Path, *events: dict[str, Any]) -> Path:
    (folder / "events.jsonl").write_text(
        "".join(json.dumps(line) + "\n" for line in events), encoding="utf-8"
    )
    return folder


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    with Tracker(with_tables(tmp_path / "tracker.db"), clock=lambda: NOW_NS) as opened:
        yield opened


def put(
    tracker: Tracker,
    status: str,
    fix_version: str | None = None,
    *,
    title: str | None = None,
    app: str | None = None,
) -> None:
    """Change the issues with a title or of a program, by default all."""
    with tracker.store.writing() as connection:
        connection.execute(
            "UPDATE issues SET status = ?, fix_version = ? WHERE title = coalesce(?, title) "
            "AND app_id IN (SELECT app_id FROM apps WHERE name = coalesce(?, name))",
            [status, fix_version, title, app],
        )


def gate(paths: Path, baseline: Baseline, version: str | None = None, **arguments: Any) -> GateReport:
    return evaluate([paths], baseline, ScanOptions(code_version=version, cache=False), **arguments)


def outcome(report: GateReport) -> str:
    (issue,) = report.issues
    return issue.outcome


NOTHING = Baseline("nothing", ())


def test_what_nobody_knows_is_new(runs: Path) -> None:
    report = gate(runs, NOTHING)

    assert report.failed and outcome(report) == "new"
    assert {name: count for name, count in report.counts.items() if count} == {"new": 1}
    assert list(report.counts) == ["new", "regressed", "recurring", "pending", "known", "ignored", "older"]
    (issue,) = report.of("new")
    assert (issue.session_count, issue.hit_count, issue.issue_id, issue.basis) == (2, 2, None, None)
    assert not gate(runs, NOTHING, fail_on=["regressed"]).failed


#: Status in the baseline, and the outcome.
KNOWN = [("new", "known"), ("in_progress", "known"), ("regressed", "known"), ("silenced", "ignored")]
#: Version of the fix, version that evidence names, the outcome, and what it rests on.
RESOLVED = [
    ("1.9.0", "1.10.0", "regressed", "pep440"),
    ("2.0.0", "1.9.0", "older", "pep440"),
    ("1.4.0", "1.4.0", "recurring", "same_text"),
    ("1.4.0", None, "recurring", "missing"),
    (None, "3.0", "recurring", "missing"),
    ("1.2.0", "9f8e7d6c", "recurring", "incomparable"),
    ("0a1b2c3", "1f8e7d6", "recurring", "observed"),
]
#: Status and version of the fix in the baseline, version that evidence names.
Case = tuple[str, str | None, str | None]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[Case, list[GateReport]]:
    """What a gate says of each case by a tracker, and by a file: all lie side by side, each an issue of its own."""
    folder = tmp_path_factory.mktemp("judged")
    (folder / "runs").mkdir()
    cases: list[Case] = [(status, None, None) for status, _ in KNOWN]
    cases += [("resolved", fix, found) for fix, found, _, _ in RESOLVED]
    names = {case: f"case {chr(97 + number)}" for number, case in enumerate(cases)}
    with Tracker(folder / "tracker.db", clock=lambda: NOW_NS) as tracker:
        scan(tracker, [write(folder / "runs", *(alert(f"s-{name}", name) for name in names.values()))])
        for (status, fix, _), name in names.items():
            put(tracker, status, fix, title=f"Alert: {name}")
        export_states(tracker, folder / "issues.json")
        baselines = baseline_of_tracker(tracker), baseline_of_file(folder / "issues.json")
    said: dict[Case, dict[str, Any]] = {case: {"app_version": case[2]} if case[2] else {} for case in cases}
    runs = write(folder / "runs", *(alert(f"s-{name}", name, **said[case]) for case, name in names.items()))
    with one_store_of(runs):
        reports = [gate(runs, baseline) for baseline in baselines]
    return {
        case: [
            replace(report, issues=[issue for issue in report.issues if issue.title == f"Alert: {name}"])
            for report in reports
        ]
        for case, name in names.items()
    }


@pytest.mark.parametrize(("status", "expected"), KNOWN)
def test_what_is_known_or_ignored_is_only_counted(
    status: str, expected: str, judged: dict[Case, list[GateReport]]
) -> None:
    for report in judged[status, None, None]:
        assert outcome(report) == expected
        assert not replace(report, fail_on=["new", "regressed", "recurring"]).failed
        assert report.counts[expected] == 1


@pytest.mark.parametrize(("fix", "found", "expected", "basis"), RESOLVED)
def test_what_was_resolved_is_judged_by_its_versions(
    fix: str | None, found: str | None, expected: str, basis: str, judged: dict[Case, list[GateReport]]
) -> None:
    for report in judged["resolved", fix, found]:
        (issue,) = report.issues
        assert (issue.outcome, issue.basis, issue.fix_version) == (expected, basis, fix)
        assert report.failed == (expected == "regressed")
        assert replace(report, fail_on=["recurring"]).failed == (expected == "recurring")


def test_one_newer_version_among_several_is_enough(tmp_path: Path, tracker: Tracker) -> None:
    versions: list[dict[str, Any]] = [{"app_version": "1.3"}, {"app_version": "1.5"}, {}]
    lines = [alert(f"s-{n}", at=n, **said) for n, said in enumerate(versions)]
    runs = write(tmp_path, *lines)
    with one_store_of(runs):
        scan(tracker, [runs])
        put(tracker, "resolved", "1.4")
        (issue,) = gate(runs, baseline_of_tracker(tracker)).issues

    assert (issue.outcome, issue.code_versions) == ("regressed", ["1.3", "1.5"])


def test_telemetry_that_names_its_version_is_believed(tmp_path: Path, tracker: Tracker) -> None:
    keys = ["app_version", "code_version", "package_version", "git_describe", "git_sha", "git_commit"]
    said: dict[str, dict[str, Any]] = {key: {key: "2.0"} for key in keys} | {"silence": {}}
    names = {key: f"{key.replace('_', ' ')} is said" for key in said}
    runs = write(tmp_path, *(alert(f"s-{key}", names[key], **said[key]) for key in said))
    with one_store_of(runs):
        scan(tracker, [runs])
        put(tracker, "resolved", "1.4")
        report = gate(runs, baseline_of_tracker(tracker), "1.0")

    assert {issue.title: issue.outcome for issue in report.issues} == {
        f"Alert: {names[key]}": "regressed" if key in keys else "older" for key in said
    }


def test_commits_compare_by_when_they_were_seen(tmp_path: Path, tracker: Tracker) -> None:
    monday, tuesday = tmp_path / "monday", tmp_path / "tuesday"
    for day, line in (
        (monday, alert("s-1", git_sha="0a1b2c3")),
        (tuesday, alert("s-2", at=10**9, git_sha="9f8e7d6")),
    ):
        day.mkdir()
        write(day, line)
    with one_store_of(monday), one_store_of(tuesday):
        scan(tracker, [monday])
        put(tracker, "resolved", "0a1b2c3")
        assert outcome(gate(tuesday, baseline_of_tracker(tracker))) == "regressed"
        scan(tracker, [tuesday])
        put(tracker, "resolved", "9f8e7d6")
        assert outcome(gate(monday, baseline_of_tracker(tracker))) == "older"


def test_settings_of_the_project_count(runs: Path, tracker: Tracker) -> None:
    scan(tracker, [runs])
    put(tracker, "resolved", "1.9.0")
    with tracker.store.writing() as connection:
        connection.execute("UPDATE projects SET version_order = 'string', regress_on_equal = 1")

    baseline = baseline_of_tracker(tracker)

    assert outcome(gate(runs, baseline, "1.10.0")) == "older"
    assert outcome(gate(runs, baseline, "1.9.0")) == "regressed"


def test_alerts_that_no_scan_records_do_not_count(tmp_path: Path) -> None:
    runs = write(tmp_path, alert("s-1", severity="info"), alert("s-1", "other"))
    with one_store_of(runs):
        assert [issue.title for issue in gate(runs, NOTHING).issues] == ["Alert: other"]
        assert len(evaluate([runs], NOTHING, ScanOptions(min_severity="info", cache=False)).issues) == 2


def samples(**fields: Any) -> list[dict[str, Any]]:
    """Return samples of a session without an end, with two findings, and the start that describes it."""
    return [
        event(
            timestamp_ns=START_NS + n * 10**9,
            device_used_bytes=(4 << 30) + n * (1 << 28),
            event_type="sample" if n else "start",
            **fields,
        )
        for n in range(13)
    ]


def hidden_memory(folder: Path, *more: dict[str, Any]) -> Path:
    """A session without an end whose files were written just now, with two findings."""
    return write(folder, *samples(), *more)


def findings(report: GateReport) -> list[str]:
    """Return the outcome that all findings share."""
    outcomes = [issue.outcome for issue in report.issues if issue.kind == "hidden_memory_anomaly"]
    assert len(outcomes) == 2
    return sorted(set(outcomes))


@pytest.fixture(scope="module")
def without_end(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Three programs: one whose session may still grow, one whose file is old, and one whose session has stopped."""
    folder = tmp_path_factory.mktemp("without_end")
    stop = {"timestamp_ns": START_NS + 10**12, "event_type": "stop"}
    for app, more in {"growing": [], "old": [], "stopped": [stop]}.items():
        said = {"session_id": f"s-{app}", "metadata": {"backend": "cuda", "app": app}}
        write(folder, *samples(**said), *(event(**fields, **said) for fields in more))
        (folder / "events.jsonl").rename(folder / f"{app}.jsonl")
    os.utime(folder / "old.jsonl", ns=(START_NS, START_NS))
    with one_store_of(folder):
        yield folder


def of_program(report: GateReport, app: str) -> GateReport:
    return replace(report, issues=[issue for issue in report.issues if issue.app == app])


def test_findings_of_a_session_that_may_still_grow_are_pending(without_end: Path) -> None:
    report = of_program(gate(without_end, NOTHING, fail_on=["new", "regressed", "recurring"]), "growing")

    assert findings(report) == ["pending"] and not report.failed
    assert [issue["outcome"] for issue in report.as_dict()["pending"]] == ["pending", "pending"]
    text = markdown_summary(report)
    assert "0 new, 0 regressed, 0 recurring, 2 pending; " in text
    assert "### Pending: found in sessions that may still grow" in text
    assert replace(report, fail_on=["pending"]).failed


def test_findings_count_once_their_session_is_over(without_end: Path) -> None:
    report = gate(without_end, NOTHING)
    assert findings(of_program(report, "old")) == findings(of_program(report, "stopped")) == ["new"]
    report = evaluate([without_end], NOTHING, ScanOptions(settle_ns=0, cache=False))
    assert findings(of_program(report, "growing")) == ["new"]


#: Status and version of the fix in the baseline, and the outcome of what version 2.0 shows.
PENDING = [
    ("new", None, "known"),
    ("regressed", None, "known"),
    ("silenced", None, "ignored"),
    ("resolved", "1.0", "pending"),
    ("resolved", None, "pending"),
    ("resolved", "3.0", "older"),
]


@pytest.fixture(scope="module")
def pending(tmp_path_factory: pytest.TempPathFactory) -> GateReport:
    """What a gate says of findings that are known; each case is a program of its own."""
    runs = tmp_path_factory.mktemp("pending")
    apps = {f"{status} in {fix}": (status, fix) for status, fix, _ in PENDING}
    lines = [samples(session_id=f"s {app}", metadata={"backend": "cuda", "app": app}) for app in apps]
    write(runs, *itertools.chain(*lines))
    with Tracker(runs / "tracker.db", clock=lambda: NOW_NS) as tracker, one_store_of(runs):
        scan(tracker, [runs], ScanOptions(settle_ns=0))
        for app, (status, fix) in apps.items():
            put(tracker, status, fix, app=app)
        return gate(runs, baseline_of_tracker(tracker), "2.0", fail_on=["new", "regressed", "recurring"])


@pytest.mark.parametrize(("status", "fix", "expected"), PENDING)
def test_a_pending_finding_that_is_known_stays_so(
    status: str, fix: str | None, expected: str, pending: GateReport
) -> None:
    report = of_program(pending, f"{status} in {fix}")
    assert findings(report) == [expected] and not report.failed


def test_an_issue_of_settled_sessions_is_judged_by_them(tmp_path: Path) -> None:
    """Likewise its counts: a scan of the same files records as many."""
    hidden_memory(tmp_path)
    (tmp_path / "events.jsonl").rename(tmp_path / "growing.jsonl")
    lines = (tmp_path / "growing.jsonl").read_text(encoding="utf-8")
    over = tmp_path / "over.jsonl"
    over.write_text(lines.replace(event()["session_id"], "s-over"), encoding="utf-8")
    os.utime(over, ns=(START_NS, START_NS))

    report = gate(tmp_path, NOTHING)

    assert findings(report) == ["new"]
    assert {(issue.session_count, issue.hit_count) for issue in report.issues} == {(1, 1)}


def test_scan_export_and_gate_agree_about_young_sessions(tmp_path: Path, tracker: Tracker) -> None:
    (tmp_path / "runs").mkdir()
    runs = hidden_memory(tmp_path / "runs", alert("s-1"))
    with Tracker(tmp_path / "now.db") as now, one_store_of(runs):
        scan(now, [runs])
        export_states(now, tmp_path / "issues.json")
        report = gate(runs, baseline_of_file(tmp_path / "issues.json"), fail_on=["new"])

    assert not report.failed and report.counts["known"] == 1 and report.counts["pending"] == 2


def test_a_program_that_was_named_is_compared_with_itself(runs: Path, tracker: Tracker) -> None:
    scan(tracker, [runs], ScanOptions(app="train"))
    baseline = baseline_of_tracker(tracker)

    assert outcome(gate(runs, baseline)) == "known"
    assert outcome(gate(runs, baseline, app="train")) == "known"
    assert outcome(gate(runs, baseline, app="eval")) == "new"


def test_the_closest_of_several_programs_speaks(runs: Path, tracker: Tracker) -> None:
    scan(tracker, [runs], ScanOptions(app="train"))
    put(tracker, "silenced")
    scan(tracker, [runs], ScanOptions(app="default", is_dev=True, full=True))

    baseline = baseline_of_tracker(tracker)

    assert outcome(gate(runs, baseline)) == "known"
    assert outcome(gate(runs, baseline, app="train")) == "ignored"


def test_development_runs_are_compared_with_production(runs: Path, tracker: Tracker, tmp_path: Path) -> None:
    scan(tracker, [runs])
    put(tracker, "resolved", "1.0")
    (tmp_path / "ci").mkdir()
    ci = write(tmp_path / "ci", alert("s-9", environment="ci", app_version="2.0"))

    (issue,) = gate(ci, baseline_of_tracker(tracker)).issues

    assert (issue.outcome, issue.is_dev) == ("regressed", True)


def test_a_state_without_a_program_is_about_every_one(runs: Path) -> None:
    (issue,) = gate(runs, NOTHING).issues
    baseline = Baseline("by hand", [TrackedState(issue.fingerprint_id, "ignored")])

    assert outcome(gate(runs, baseline, app="any")) == "ignored"


def test_nothing_is_changed(tracker: Tracker, tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    runs = write(tmp_path / "runs", alert("s-1"), alert("s-2", at=5))

    def bytes_of(folder: Path) -> dict[str, str]:
        return {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }

    files = bytes_of(runs)
    with one_store_of(runs):
        scan(tracker, [runs])
        put(tracker, "resolved", "1.0")
        with tracker.reading() as connection:
            before = connection.execute("SELECT * FROM issues").fetchall()

        first = gate(runs, baseline_of_tracker(tracker), "2.0")

        assert gate(runs, baseline_of_tracker(tracker), "2.0") == first
    assert bytes_of(runs) == files
    with tracker.reading() as connection:
        assert connection.execute("SELECT * FROM issues").fetchall() == before


def test_a_tracker_that_nobody_filled_knows_nothing(runs: Path, tracker: Tracker) -> None:
    assert outcome(gate(runs, baseline_of_tracker(tracker))) == "new"
    with (
        Tracker(tracker.store.path, project="other") as other,
        pytest.raises(LifecycleError, match="no project"),
    ):
        baseline_of_tracker(other)


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    runs = write(tmp_path / "runs", alert("s-1"))
    with pytest.raises(SourceError, match="cannot be read"):
        baseline_of_file(tmp_path / "missing.json")
    with pytest.raises(SourceError, match="no such file"):
        gate(tmp_path / "missing", NOTHING)
    with (runs / "events.jsonl").open("a", encoding="utf-8") as stream:
        stream.write("{}\n")
    report = gate(runs, NOTHING)
    assert report.lines_skipped == 1 and len(report.warnings) == 1
    with pytest.raises(SourceError):
        evaluate([runs], NOTHING, ScanOptions(strict=True, cache=False))


@pytest.mark.parametrize("arguments", [{"fail_on": ["old"]}])
def test_an_unknown_outcome_is_refused(arguments: dict[str, Any], runs: Path) -> None:
    with pytest.raises(ValueError, match="unknown outcome 'old'"):
        gate(runs, NOTHING, **arguments)


# ---- the answer --------------------------------------------------------------------------------------------


def test_keys_of_the_answer(runs: Path) -> None:
    answer = gate(runs, NOTHING).as_dict()

    assert list(answer) == [
        *("failed", "fail_on", "baseline", "counts", "new", "regressed", "recurring", "pending"),
        *("budgets", "sources_seen", "sessions_scanned", "lines_skipped", "warnings"),
    ]
    assert list(answer["new"][0]) == [
        *(
            "fingerprint_id",
            "outcome",
            "app",
            "is_dev",
            "kind",
            "severity",
            "title",
            "session_count",
            "run_count",
        ),
        *("hit_count", "first_seen_ns", "last_seen_ns", "code_versions", "issue_id", "fix_version", "basis"),
        "what",
    ]
    json.dumps(answer)


def test_summary_puts_first_what_it_fails_on(tmp_path: Path, tracker: Tracker) -> None:
    runs = write(tmp_path, alert("s-1", "old trouble"), alert("s-1", "more trouble"))
    scan(tracker, [runs])
    put(tracker, "resolved", "1.0")
    write(
        tmp_path,
        alert("s-1", "old trouble", app_version="1.1"),
        alert("s-2", "more trouble"),
        alert("s-2", "novel"),
    )

    text = markdown_summary(gate(runs, baseline_of_tracker(tracker), fail_on=["regressed"]))

    assert text.startswith("## Stormlog gate failed\n\n1 new, 1 regressed, 1 recurring; 0 known, 0 ignored, ")
    assert [line for line in text.splitlines() if line.startswith("### ")] == [
        "### Regressed: a version newer than the fix has them",
        "### New",
        "### Recurring: resolved, and nobody can tell whether these versions have the fix",
    ]
    assert "| warning | Alert: old trouble | warning, cuda | 1 | 1 | 1.1 | 1.0 | `issue:" in text


def test_text_of_telemetry_is_no_markup(tmp_path: Path) -> None:
    evil = "a|b <img src=x> [l](https://x) ![i](y) @all `c` #1 www.x.org *b* \x1b[31m\nnext"
    text = markdown_summary(gate(write(tmp_path, alert("s-1", evil)), NOTHING))

    (row,) = [line for line in text.splitlines() if line.startswith("| warning")]
    assert row.replace("\\|", "").count("|") == 9
    assert not {"<", ">", "@", "\x1b"} & set(row)
    assert "https\\://x" in row and "\\[l\\]" in row and "www\\." in row


def test_summary_of_many_is_short(tmp_path: Path) -> None:
    words = [f"{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(60)]
    text = markdown_summary(gate(write(tmp_path, *(alert("s-1", word * 60) for word in words)), NOTHING))

    assert text.count("\n| warning") == 50 and text.endswith("\nand 10 more\n")
    assert max(map(len, text.splitlines())) < 250


def test_budgets_count_beside_issues(tmp_path: Path) -> None:
    runs = write(tmp_path, alert("s-1"), event(session_id="s-1"), event(session_id="s-2"))
    budgets = ("* peak_used < 1GB", "* peak_used <= 1610612736", "load peak_used < 1GB")
    with one_store_of(runs):
        report = gate(runs, NOTHING, fail_on=(), budgets=budgets)
        others = gate(runs, NOTHING, fail_on=(), budgets=budgets[1:])
    assert [(found.state, found.over_count) for found in report.budgets] == [
        ("over", 2),
        ("within", 0),
        ("unknown", 0),
    ]
    assert report.failed and not others.failed
    summary = markdown_summary(report)
    assert "Fails on: budgets that are over." in summary
    assert "| \\* peak\\_used &lt; 1GB | over | 2 | 0 | 2 |" in summary
    assert "load peak\\_used &lt; 1GB: no rank was in this phase; no phase was recorded." in summary


def test_what_is_unknown_fails_a_strict_gate_only(runs: Path) -> None:
    for is_strict in (False, True):
        options = ScanOptions(strict=is_strict, cache=False)
        report = evaluate([runs], NOTHING, options, fail_on=(), budgets=["load hidden < 1GB"])
        assert report.failed == is_strict
        assert ("budgets that are over or unknown" in markdown_summary(report)) == is_strict


def test_filters_of_place_choose_the_sessions_of_budgets(tmp_path: Path) -> None:
    runs = write(
        tmp_path,
        event(session_id="s-1", job_id="a", rank=0, world_size=2, host="h1"),
        event(session_id="s-2", job_id="b", rank=1, world_size=2, host="h2", timestamp_ns=START_NS + 10),
    )
    cases: list[tuple[dict[str, Any], int]] = [
        ({}, 2),
        ({"only": {"run": "a"}}, 1),
        ({"only": {"job_id": ["b"]}}, 1),
        ({"only": {"rank": 1}}, 1),
        ({"only": {"host": ["h1", "h2"]}}, 2),
    ]
    with one_store_of(runs):
        for options, ranks in cases:
            [found] = gate(runs, NOTHING, budgets=["* peak_used < 1GB"], **options).budgets
            assert (found.rank_count, found.over_count) == (ranks, ranks), options
        lately = ScanOptions(since_ns=START_NS + 5, cache=False)
        [found] = evaluate([runs], NOTHING, lately, budgets=["* peak_used < 1GB"]).budgets
        assert found.rank_count == 1


@pytest.mark.parametrize("place", [{"run": "c"}, {"host": "h3"}])
def test_budgets_that_are_about_no_session_let_no_job_pass(runs: Path, place: dict[str, Any]) -> None:
    for phase in ("*", "train"):
        with pytest.raises(SourceError, match="no session to judge budgets by"):
            gate(runs, NOTHING, budgets=[f"{phase} peak_used < 1GB"], only=place)


def test_a_run_of_an_envelope_is_its_sessions_for_issues_as_for_budgets(tmp_path: Path) -> None:
    words = {"s-1": "Disk is low", "s-2": "Disk is low", "s-3": "Network is down"}
    write(
        tmp_path,
        *(event(session_id=session, event_type="warning", context=word) for session, word in words.items()),
    )
    envelope = {
        "schema_version": 1,
        "format": "stormlog.run_envelope",
        "run_id": "sweep",
        "title": "Sweep",
        "sessions": [{"session_id": session, "rank": 0, "metadata": {}} for session in ("s-1", "s-2")],
        "attachments": [],
        "metadata": {},
    }
    (tmp_path / "stormlog_run.json").write_text(json.dumps(envelope))
    found = gate(tmp_path, NOTHING, only={"run": "sweep"}, budgets=["* peak_used < 1TB"])
    assert [issue.title for issue in found.issues] == ["Alert: disk is low"]
    assert (found.left_out, found.budgets[0].session_count) == (1, 2)


def test_text_of_phases_is_no_markup_in_a_summary(runs: Path) -> None:
    summary = markdown_summary(gate(runs, NOTHING, budgets=["[x](http:/y)\x1b[1m|@me peak_used < 1GB"]))
    assert "[x]" not in summary and "\x1b" not in summary and "@me" not in summary
