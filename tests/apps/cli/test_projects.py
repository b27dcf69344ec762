"""``stormlog projects``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.apps.cli.runner import Outcome, stormlog

Run = Callable[..., Outcome]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("STORMLOG_DB", str(tmp_path / "tracker.db"))
    return lambda *words: stormlog("projects", *words)


def test_a_project_is_made_listed_and_set(run: Run) -> None:
    outcome = run("create", "alpha", "--recipient", "a@example.org", "--recipient", "b@example.org")
    assert outcome == Outcome(
        0, "Created project alpha: digests daily to a@example.org, b@example.org, versions auto\n", ""
    )
    outcome = run(
        "set",
        "alpha",
        *("--alert-frequency", "weekly", "--version-order", "semver", "--regress-on-equal"),
        *("--webhook", "https://example.org/hook", "--webhook-format", "slack", "--json"),
    )
    changed = json.loads(outcome.stdout)
    assert set(changed) == {
        "project_id",
        "name",
        "alert_frequency",
        "version_order",
        "regress_on_equal",
        "recipients",
        "webhook_url",
        "webhook_format",
        "last_digest_ns",
        "created_ns",
    }
    assert (changed["alert_frequency"], changed["version_order"], changed["regress_on_equal"]) == (
        "weekly",
        "semver",
        True,
    )
    assert changed["recipients"] == ["a@example.org", "b@example.org"]
    assert json.loads(run("list", "--json").stdout) == [changed]
    assert "alpha" in run("list").stdout
    assert run("list", "--csv").stdout.splitlines()[0].startswith("name,alert_frequency,")


def test_settings_are_cleared(run: Run) -> None:
    run(
        "create",
        "alpha",
        "--recipient",
        "a@example.org",
        "--webhook",
        "https://example.org",
        "--regress-on-equal",
    )
    run("set", "alpha", "--clear-recipients", "--clear-webhook", "--no-regress-on-equal")
    (project,) = json.loads(run("list", "--json").stdout)
    assert (project["recipients"], project["webhook_url"], project["regress_on_equal"]) == ([], None, False)


@pytest.mark.parametrize(
    "words",
    [
        ["set", "alpha"],
        ["set", "alpha", "--alert-frequency", "monthly"],
        ["set", "alpha", "--version-order", "newest"],
        ["set", "alpha", "--recipient", "nobody"],
        ["set", "alpha", "--webhook", "ftp://example.org"],
        ["set", "alpha", "--clear-webhook", "--webhook", "https://example.org"],
        ["set", "alpha", "--clear-recipients", "--recipient", "a@example.org"],
        ["create", "alpha"],
        ["create", " "],
    ],
    ids=" ".join,
)
def test_a_wrong_setting_is_wrong_usage(run: Run, words: list[str]) -> None:
    run("create", "alpha")
    before = run("list", "--json").stdout
    assert run(*words).status == 2
    assert run("list", "--json").stdout == before


def test_an_unknown_project_is_not_found(run: Run) -> None:
    run("create", "beta")
    outcome = run("set", "alpha", "--alert-frequency", "none", "--json")
    assert outcome.status == 4
    assert json.loads(outcome.stderr)["error"]["code"] == "not_found"


def test_readers_do_not_set(run: Run) -> None:
    run("create", "alpha")
    assert run("set", "alpha", "--alert-frequency", "none", "--allow", "issues:read").status == 5
