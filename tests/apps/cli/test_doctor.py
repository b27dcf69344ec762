"""``stormlog doctor``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stormlog import __version__
from stormlog.apps.cli.commands import environment
from tests.apps.cli.runner import on_terminal, stormlog


def test_json_names_versions_limits_and_paths() -> None:
    outcome = stormlog("doctor", "--json")
    assert (outcome.status, outcome.stderr) == (0, "")
    report = json.loads(outcome.stdout)
    assert set(report) == {"versions", "platform", "resources", "paths", "terminal", "settings", "checks"}
    assert report["versions"]["stormlog"] == __version__
    assert {"python", "duckdb", "pyarrow", "sqlglot", "click", "numpy"} <= set(report["versions"])
    assert report["resources"]["usable_cores"] >= 1
    assert report["resources"]["memory_limit_bytes"] > 0
    assert report["paths"]["sql_files"] > 0
    assert report["terminal"] == {"stdout_is_terminal": False, "colour": False}
    assert {check["name"] for check in report["checks"] if check["status"] == "ok"} >= {
        "packages",
        "engine",
        "sql files",
    }


def test_text_shows_every_section_and_check() -> None:
    outcome = stormlog("doctor")
    assert (outcome.status, outcome.stderr) == (0, "")
    for words in (
        "Versions",
        "Platform",
        "Resources",
        "Paths",
        "Terminal",
        "Checks",
        "engine: DuckDB starts",
    ):
        assert words in outcome.stdout


def test_a_terminal_is_recognised() -> None:
    status, shown = on_terminal("doctor", "--json")
    assert status == 0
    assert json.loads(shown)["terminal"] == {"stdout_is_terminal": True, "colour": True}
    assert "\x1b[32mok" in on_terminal("doctor")[1]
    assert "\x1b[" not in on_terminal("doctor", "--no-color")[1]


def test_what_is_wrong_is_a_warning_with_a_hint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(environment, "_PACKAGES", ("duckdb", "surely-not-installed"))
    monkeypatch.setattr(environment, "_LEAST_FREE_BYTES", 1 << 80)
    outcome = stormlog("doctor", "--json")
    assert outcome.status == 0
    warned = {
        check["name"]: check for check in json.loads(outcome.stdout)["checks"] if check["status"] == "warn"
    }
    assert set(warned) == {"packages", "temporary directory"}
    assert "surely-not-installed" in warned["packages"]["detail"]
    assert all(check["hint"] for check in warned.values())
    assert "not installed" in stormlog("doctor").stdout


def test_limits_of_a_container_count(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "memory.max").write_text("1048576\n")
    (tmp_path / "cpu.max").write_text("50000 100000\n")
    monkeypatch.setattr(environment, "_CGROUP", tmp_path)
    resources = environment.describe()["resources"]
    assert resources["memory_limit_bytes"] == 1 << 20
    assert resources["usable_cores"] == 1
    (tmp_path / "memory.max").write_text("max\n")
    assert environment.describe()["resources"]["memory_limit_bytes"] > 1 << 20


def test_configured_paths_that_do_not_exist_are_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "stormlog.toml").write_text('paths = ["runs", "gone"]\n', encoding="utf-8")
    monkeypatch.setenv("STORMLOG_CONFIG", str(tmp_path / "stormlog.toml"))
    checks = {check["name"]: check for check in json.loads(stormlog("doctor", "--json").stdout)["checks"]}
    assert checks["paths"]["status"] == "warn"
    assert str(tmp_path / "gone") in checks["paths"]["detail"]
    assert str(tmp_path / "runs") not in checks["paths"]["detail"]


@pytest.mark.parametrize(
    ("project", "status", "detail"),
    [
        ("llama", "ok", "llama"),
        ("lama", "warn", "there is no project lama in"),
        (None, "ok", "default"),
    ],
)
def test_a_project_that_the_tracker_does_not_have_is_a_warning(
    project: str | None, status: str, detail: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tracker = tmp_path / "t.db"
    assert stormlog("projects", "create", "llama", "--db", tracker).status == 0
    named = "" if project is None else f'project = "{project}"\n'
    (tmp_path / "stormlog.toml").write_text(f'db = "{tracker}"\n{named}', encoding="utf-8")
    monkeypatch.setenv("STORMLOG_CONFIG", str(tmp_path / "stormlog.toml"))
    monkeypatch.delenv("STORMLOG_DB", raising=False)
    before = tracker.read_bytes()
    checks = {check["name"]: check for check in json.loads(stormlog("doctor", "--json").stdout)["checks"]}
    assert checks["project"]["status"] == status
    assert detail in checks["project"]["detail"]
    assert (checks["project"]["hint"] is None) == (status == "ok")
    assert project != "lama" or "t.db; there is llama" in checks["project"]["detail"]
    assert tracker.read_bytes() == before


def test_of_a_tracker_that_cannot_be_read_no_project_is_judged(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "t.db").write_text("no store", encoding="utf-8")
    (tmp_path / "stormlog.toml").write_text('db = "t.db"\nproject = "llama"\n', encoding="utf-8")
    monkeypatch.setenv("STORMLOG_CONFIG", str(tmp_path / "stormlog.toml"))
    monkeypatch.delenv("STORMLOG_DB", raising=False)
    checks = {check["name"]: check for check in json.loads(stormlog("doctor", "--json").stdout)["checks"]}
    assert checks["tracker"]["status"] == "warn"
    assert checks["project"]["detail"] == "llama: not known, because the tracker cannot be read"
