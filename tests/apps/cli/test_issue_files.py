"""``stormlog issues export`` and ``import``, and ``stormlog query --tracker``."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from stormlog.apps.cli.commands.issue_files import export_command, import_command
from stormlog.tracking import Tracker
from tests.apps.cli.runner import Outcome, on_terminal, stormlog, without_styles
from tests.apps.cli.samples import capture


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    (tmp_path / "runs").mkdir()
    capture(tmp_path / "runs")
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tracker that knows such runs."""
    folder = tmp_path_factory.mktemp("scanned")
    assert stormlog("scan", capture(folder), "--db", folder / "t.db", "--settle", "0s").status == 0
    return folder / "t.db"


@pytest.fixture
def database(scanned: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(scanned, tmp_path / "tracker.db"))


def entries(text: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = json.loads(text)["issues"]
    return found


def ignore_all(path: Path) -> Path:
    document = json.loads(path.read_text(encoding="utf-8"))
    for entry in document["issues"]:
        entry |= {"state": "ignored", "status": "silenced"}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_commands_are_called_so() -> None:
    assert (export_command.name, import_command.name) == ("export", "import")
    assert isinstance(export_command, click.Command)


def test_export_to_a_file_and_to_stdout_say_the_same(database: Path, tmp_path: Path) -> None:
    path = tmp_path / "issues.json"

    printed = stormlog("issues", "export", "--db", database)
    written = stormlog("issues", "export", path, "--db", database)

    assert (printed.status, printed.stderr, written.status) == (0, "", 0)
    assert (
        path.read_text(encoding="ascii")
        == printed.stdout
        == stormlog("issues", "export", "-", "--db", database).stdout
    )
    assert written.stdout == f"2 fingerprints written to {path}\n"
    assert len(entries(printed.stdout)) == 2 and "hit_count" in entries(printed.stdout)[0]
    assert "hit_count" not in entries(stormlog("issues", "export", "--no-counts", "--db", database).stdout)[0]
    answer = stormlog("issues", "export", path, "--db", database, "--json").stdout
    assert json.loads(answer) == {"fingerprints": 2, "path": str(path)}


def test_import_restores_what_export_wrote(database: Path, tmp_path: Path) -> None:
    path, fresh = tmp_path / "issues.json", tmp_path / "fresh.db"
    stormlog("issues", "export", path, "--no-counts", "--db", database)
    ignore_all(path)

    changed = stormlog("issues", "import", path, "--db", database)
    created = stormlog("issues", "import", path, "--db", fresh, "--json")

    assert changed.stdout == "2 fingerprints: 0 issues created, 2 changed, 0 as before\n"
    assert json.loads(created.stdout)["issues_created"] == 2
    again = [stormlog("issues", "export", "--no-counts", "--db", file).stdout for file in (database, fresh)]
    assert again[0] == again[1]
    assert {entry["status"] for entry in entries(again[0])} == {"silenced"}


def test_a_wrong_file_is_named_and_nothing_imported(database: Path, tmp_path: Path) -> None:
    path = tmp_path / "issues.json"
    path.write_text('{"format": "stormlog-issues", "version": 1, "issues": [{}]}', encoding="utf-8")
    before = stormlog("issues", "export", "--db", database).stdout

    outcome = stormlog("issues", "import", path, "--db", database, "--json")

    assert outcome.status == 3
    assert "issues[0]: has no fingerprint_id" in json.loads(outcome.stderr)["error"]["message"]
    assert stormlog("issues", "export", "--db", database).stdout == before
    assert stormlog("issues", "import", tmp_path / "missing.json", "--db", database).status == 3


def test_permissions_are_asked_for(database: Path, tmp_path: Path) -> None:
    path = tmp_path / "issues.json"
    assert stormlog("issues", "export", path, "--db", database, "--allow", "issues:read").status == 0
    assert stormlog("issues", "import", path, "--db", database, "--allow", "issues:read").status == 5
    assert stormlog("issues", "export", "--db", tmp_path / "missing.db").status == 3


# ---- states in queries -------------------------------------------------------------------------------------


def asked(runs: Path, *options: str | Path) -> Outcome:
    return stormlog("query", "issues", runs, *options)


def test_query_shows_the_states_of_a_tracker(runs: Path, database: Path, tmp_path: Path) -> None:
    path = tmp_path / "issues.json"
    stormlog("issues", "export", path, "--db", database)
    stormlog("issues", "import", ignore_all(path), "--db", database)

    answer = json.loads(asked(runs, "--tracker", database, "--json").stdout)

    assert {issue["state"] for issue in answer} == {"ignored"}
    assert len(json.loads(asked(runs, "--tracker", database, "--state", "ignored", "--json").stdout)) == 2
    assert json.loads(asked(runs, "--tracker", database, "--state", "open", "--json").stdout) == []
    assert {issue["state"] for issue in json.loads(asked(runs, "--json").stdout)} == {"open"}
    text = "SELECT status, count(*) AS n FROM issues JOIN tracking.issue_states USING (fingerprint_id) GROUP BY status"
    answer = json.loads(asked(runs, "--tracker", database, "--json", "--sql", text).stdout)
    assert answer == [{"status": "silenced", "n": 2}]
    assert "ignored" in asked(runs, "--tracker", database, "--sql").stdout


def test_tables_for_people_have_a_state_if_there_is_one_to_see(
    runs: Path, database: Path, tmp_path: Path
) -> None:
    path = ignore_all(Path(stormlog_export(database, runs)))

    shown = without_styles(on_terminal("query", "issues", runs)[1])
    assert "State" in shown and "ignored" in shown
    path.unlink()
    assert "State" not in without_styles(on_terminal("query", "issues", runs)[1])


def stormlog_export(database: Path, runs: Path) -> str:
    path = runs / "issues.json"
    assert stormlog("issues", "export", path, "--db", database).status == 0
    return str(path)


def test_a_damaged_sidecar_is_a_warning(runs: Path) -> None:
    (runs / "issues.json").write_text("{", encoding="utf-8")

    outcome = asked(runs, "--json")

    assert outcome.status == 0 and len(json.loads(outcome.stdout)) == 2
    assert outcome.stderr.startswith(f"Warning: {runs / 'issues.json'}: was skipped: is no JSON")
    assert asked(runs, "--strict").status == 3


def test_a_tracker_that_is_missing_or_foreign_is_an_error(runs: Path, database: Path, tmp_path: Path) -> None:
    assert asked(runs, "--tracker", tmp_path / "missing.db").status == 3
    assert asked(runs, "--tracker", runs / "events.jsonl").status == 7
    assert asked(runs, "--tracker", database, "--project", "other").status == 4
    assert asked(runs, "--project", "other").status == 2


def test_a_query_finds_the_tracker_as_every_other_command_does(
    runs: Path, database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stormlog("issues", "ignore", "--where", "TRUE", "--db", database)

    def states(*options: str | Path) -> set[str]:
        return {issue["state"] for issue in json.loads(asked(runs, "--json", *options).stdout)}

    assert states("--db", database) == states("--tracker", database) == {"ignored"}
    monkeypatch.setenv("STORMLOG_DB", str(database))
    assert states() == states("--project", "default") == {"ignored"}
    assert asked(runs, "--project", "other").status == 4
    assert stormlog("query", "sessions", runs, "--project", "default").status == 0
    text = "SELECT count(*) AS n FROM tracking.issues"
    rows = stormlog("query", "events", runs, "--sql", text, "--json").stdout
    assert json.loads(rows) == [{"n": 2}]
    other = tmp_path / "other.db"
    Tracker(other).close()
    assert states("--db", other) == {"open"}


def test_a_tracker_that_the_environment_names_may_not_exist_yet_and_may_not_be_damaged(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "later.db"
    monkeypatch.setenv("STORMLOG_DB", str(path))
    first = asked(runs, "--json")
    path.touch()
    assert first == asked(runs, "--json")
    assert (first.status, first.stderr) == (0, "")
    assert asked(runs, "--db", path).status == 3
    path.write_text("no tracker\n" * 100)
    assert asked(runs).status == 7
    # Events have no state.
    assert stormlog("query", "events", runs).status == 0
    monkeypatch.setenv("STORMLOG_DB", "")
    assert asked(runs).status == 0


def test_queries_import_nothing_of_the_tracker(runs: Path, database: Path) -> None:
    code = (
        "import sys\nfrom stormlog.apps.cli.app import run\n"
        f"run(['query', 'issues', {str(runs)!r}, '--tracker', {str(database)!r}])\n"
        "print([name for name in sys.modules if name.startswith('stormlog.tracking')], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
