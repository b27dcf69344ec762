"""The envelope keeps to version 1 of ``stormlog.report``: its keys, its patterns, its verdicts."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.reporting import collect_report, report_envelope
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.left_out import leave_out
from tests.reporting.conftest import Reported

#: What version 1 knows; a key beyond these is refused by its readers.
KEYS = {
    *(
        "schema_version",
        "format",
        "report_kind",
        "generated_at_utc",
        "tool",
        "verdict",
        "findings",
        "metrics",
    ),
    *("artifacts", "recommendations", "session_id", "run_id", "payload"),
}
FINDING_KEYS = {"id", "kind", "severity", "title", "message", "metrics", "evidence"}
EVIDENCE_KEYS = {
    *("kind", "path", "pointer", "session_id", "record_id", "start_ns", "end_ns", "description"),
}


def envelope(reported: Reported, **options: Any) -> dict[str, Any]:
    found = report_envelope(reported.report, reported.store, **options)
    return json.loads(json.dumps(found, allow_nan=False))  # type: ignore[no-any-return]


def envelope_of(path: Path) -> dict[str, Any]:
    with stormlog.query.open(str(path)) as store:
        return envelope(Reported(path, store, collect_report(store)))


@pytest.fixture(scope="module")
def envelope_of_job(of_job: Reported) -> dict[str, Any]:
    return envelope(of_job)


def longest_text(value: Any) -> int:
    if isinstance(value, dict):
        return max(map(longest_text, value.values()), default=0)
    if isinstance(value, list):
        return max(map(longest_text, value), default=0)
    return len(value) if isinstance(value, str) else 0


def test_long_texts_are_cut_and_that_is_said(tmp_path: Path, envelope_of_job: dict[str, Any]) -> None:
    path = write_lines(
        tmp_path / "events.jsonl",
        *(
            event(event_type="warning", timestamp_ns=START_NS + number, context=text)
            for number, text in enumerate(["y" * 1_993, "x" * 100_000])
        ),
    )
    found = envelope_of(path)
    check(found)
    assert longest_text(found) == 2_000 + len("… [98,007 more characters]")
    titles = sorted(issue["title"] for issue in found["payload"]["issues"])
    assert titles == [f"Alert: {'x' * 1_993}… [98,007 more characters]", f"Alert: {'y' * 1_993}"]
    assert found["payload"]["cut_text_count"] >= 2
    assert len(json.dumps(found)) < 100_000
    assert envelope_of_job["payload"]["cut_text_count"] == 0


def check(envelope: dict[str, Any]) -> None:
    """Require what version 1 requires."""
    assert set(envelope) == KEYS
    assert (envelope["schema_version"], envelope["format"]) == (1, "stormlog.report")
    assert envelope["report_kind"] == "issues"
    assert envelope["generated_at_utc"] and isinstance(envelope["generated_at_utc"], str)
    assert set(envelope["tool"]) == {"name", "command", "version"} and all(envelope["tool"].values())
    verdict = envelope["verdict"]
    assert set(verdict) == {"status", "exit_code", "summary"} and verdict["summary"]
    assert (verdict["status"], verdict["exit_code"]) in {("pass", 0), ("findings", 3)}
    assert all(step and isinstance(step, str) for step in envelope["recommendations"])
    for key in ("session_id", "run_id"):
        assert envelope[key] is None or envelope[key]
    for finding in envelope["findings"]:
        assert set(finding) == FINDING_KEYS
        assert re.fullmatch(r"[a-z][a-z0-9_.]*", finding["id"])
        assert finding["severity"] in {"info", "warning", "critical"}
        assert finding["kind"] and finding["title"]
        assert all(isinstance(value, int) for value in finding["metrics"].values())
        for item in finding["evidence"]:
            assert set(item) <= EVIDENCE_KEYS and item["kind"]
            assert all(item.get(key) is None or item[key] for key in ("path", "session_id", "record_id"))
            assert item.get("start_ns") is None or item["start_ns"] >= 0
            if "pointer" in item:
                assert re.fullmatch(r"/\d+", item["pointer"]) and item["record_id"]
    for artifact in envelope["artifacts"]:
        assert (
            set(artifact) <= {"kind", "path", "format", "schema_version"}
            and artifact["kind"]
            and artifact["path"]
        )


@pytest.mark.parametrize("name", ["of_job", "of_hostile"])
def test_envelope_keeps_to_version_1(name: str, request: pytest.FixtureRequest) -> None:
    check(envelope(request.getfixturevalue(name)))


@pytest.mark.parametrize("name", ["of_job", "of_hostile"])
def test_stormlog_0_4_3_accepts_the_envelope(
    name: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    python = os.environ.get("STORMLOG_REPORT_PYTHON")
    if not python:
        leave_out("STORMLOG_REPORT_PYTHON names no Python with stormlog 0.4.3, which reads envelopes")
    path = tmp_path / "report.json"
    path.write_text(json.dumps(envelope(request.getfixturevalue(name))), encoding="utf-8")
    code = (
        "import sys, pathlib; from stormlog.report import load_report; load_report(pathlib.Path(sys.argv[1]))"
    )
    answer = subprocess.run(
        [python, "-I", "-c", code, str(path)], capture_output=True, text=True, timeout=120, cwd=tmp_path
    )
    assert answer.returncode == 0, answer.stderr[-2000:]


def test_verdict_and_first_finding_of_a_job(envelope_of_job: dict[str, Any]) -> None:
    assert envelope_of_job["verdict"] == {
        "status": "findings",
        "exit_code": 3,
        "summary": "Rank 5 of 8 ran out of memory; no other failure was recorded. 2 issues: 1 critical and 1 warning.",
    }
    assert envelope_of_job["run_id"] == "lm-pretrain-1.4.1"
    first = envelope_of_job["findings"][0]
    assert (first["id"], first["severity"]) == ("issues.oom.x63b1d6557bebb97a5d630e5b", "critical")


def test_evidence_can_be_found_again(envelope_of_job: dict[str, Any]) -> None:
    inputs = {file["path"]: file for file in envelope_of_job["payload"]["inputs"]}
    pointed = [e for finding in envelope_of_job["findings"] for e in finding["evidence"] if "pointer" in e]
    assert len(pointed) >= 4
    for item in pointed:
        data = Path(item["path"]).read_bytes()
        record = json.loads(data.splitlines()[int(item["pointer"][1:])])
        assert record["timestamp_ns"] == item["start_ns"] and record["session_id"] == item["session_id"]
        assert inputs[item["path"]] == {
            "path": item["path"],
            "sha256": hashlib.sha256(data).hexdigest(),
            "size_bytes": len(data),
            "line_count": len(data.splitlines()),
        }


def test_paths_lead_from_where_the_report_lies(of_job: Reported) -> None:
    found = envelope(of_job, directory="examples")
    paths = {item["path"] for finding in found["findings"] for item in finding["evidence"]}
    assert paths and all(path.startswith("job/") for path in paths)
    assert all((Path("examples") / path).exists() for path in paths)


def test_run_without_a_failure_passes(tmp_path: Path) -> None:
    path = tmp_path / "e.jsonl"
    write_lines(
        path,
        event(event_type="start"),
        event(timestamp_ns=START_NS + 1),
        event(event_type="stop", timestamp_ns=START_NS + 2),
    )
    found = envelope_of(path)
    check(found)
    assert found["verdict"] == {
        "status": "pass",
        "exit_code": 0,
        "summary": "No rank failed. No issue was found.",
    }


def test_equal_input_gives_equal_envelopes(envelope_of_job: dict[str, Any], of_job_again: Reported) -> None:
    assert envelope(of_job_again) == envelope_of_job
    assert envelope_of_job["generated_at_utc"] == "2026-11-17T22:50:01.379100Z"


def test_every_issue_is_a_finding(of_500_issues: Reported) -> None:
    found = envelope(of_500_issues)
    check(found)
    assert len(found["findings"]) == len(found["payload"]["issues"]) >= 500
    assert sum(issue["account"] is not None for issue in found["payload"]["issues"]) == 50
