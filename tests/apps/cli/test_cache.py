"""``stormlog cache``: what is remembered of which paths, away with it, and whether it is right."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.artifacts import file_state
from stormlog.engine.index import json_files
from stormlog.engine.index.index_file import Index
from stormlog.engine.index.location import LAYOUT, index_folder
from stormlog.query.remembered.verification import verify
from tests.apps.cli.runner import Outcome
from tests.apps.cli.runner import stormlog as command_line
from tests.apps.cli.samples import START_NS, capture, damaged, event, write_lines
from tests.soak import few_or_many

Run = Callable[..., Outcome]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def run(root: Path) -> Run:
    return lambda *arguments: command_line(*arguments, "--cache-dir", root)


def as_json(outcome: Outcome) -> Any:
    assert outcome.status in (0, 1), outcome.stderr
    return json.loads(outcome.stdout)


def remembered(run: Run, folder: Path, name: str = "runs", rows: str = "issues") -> Path:
    """Write a capture, ask for rows of it, and return its directory."""
    runs = folder / name
    runs.mkdir()
    capture(runs)
    assert run("query", rows, runs).status == 0
    return runs


# ---- list and info -------------------------------------------------------------------------------------


def test_nothing_is_listed_where_nothing_is_remembered(run: Run) -> None:
    assert run("cache", "list") == Outcome(0, "No rows.\n", "")
    assert run("cache", "list", "--json").stdout == "[]\n"


def test_every_set_of_paths_is_listed_the_latest_first(run: Run, tmp_path: Path) -> None:
    first, second = remembered(run, tmp_path, "a"), remembered(run, tmp_path, "b", "sessions")
    run("query", "issues", first)
    rows = as_json(run("cache", "list", "--json"))
    assert [row["absolute_paths"] for row in rows] == [[str(first)], [str(second)]]
    assert set(rows[0]) == {
        "paths",
        "absolute_paths",
        "folder",
        "size_bytes",
        "file_count",
        "part_count",
        "answer_count",
        "last_used_ns",
        "is_of_this_engine",
    }
    assert (rows[0]["file_count"], rows[0]["part_count"], rows[0]["is_of_this_engine"]) == (1, 1, True)
    assert rows[0]["answer_count"] >= 1
    on_disk = sum(path.stat().st_size for path in Path(rows[0]["folder"]).rglob("*") if path.is_file())
    assert rows[0]["size_bytes"] == on_disk
    assert str(first) in run("cache", "list").stdout


def test_sessions_alone_are_remembered_with_their_paths_too(run: Run, tmp_path: Path) -> None:
    capture(tmp_path)
    run("query", "ooms", tmp_path)
    assert as_json(run("cache", "list", "--json"))[0]["absolute_paths"] == [str(tmp_path)]


def test_info_says_what_is_remembered_and_what_is_new(run: Run, tmp_path: Path) -> None:
    runs = remembered(run, tmp_path)
    found = as_json(run("cache", "info", runs, "--json"))
    assert (found["file_count"], found["changed_files"], found["gone_files"]) == (1, 0, 0)
    assert found["is_current"]
    assert found["rows_bytes"] > 0
    assert "Current    yes\n" in run("cache", "info", runs).stdout
    write_lines(runs / "more.jsonl", event())
    found = as_json(run("cache", "info", runs, "--json"))
    assert (found["changed_files"], found["unread_bytes"]) == (1, (runs / "more.jsonl").stat().st_size)
    (runs / "events.jsonl").unlink()
    assert as_json(run("cache", "info", runs, "--json"))["gone_files"] == 1
    assert "1 new or changed, 1 gone" in run("cache", "info", runs).stdout


def test_an_unfinished_last_line_is_nothing_new(run: Run, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(json.dumps(event()) + "\n" + json.dumps(event())[:40])
    run("query", "issues", tmp_path)
    assert as_json(run("cache", "info", tmp_path, "--json"))["is_current"]


def test_info_of_unknown_paths(run: Run, root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("cache", "info", tmp_path).stdout == f"Nothing is remembered of {tmp_path} in {root}.\n"
    assert run("cache", "info", tmp_path, "--json").stdout == "null\n"
    runs = remembered(run, tmp_path, rows="sessions")
    monkeypatch.chdir(tmp_path)
    assert f"The same paths are remembered as {runs}.\n" in run("cache", "info", "runs").stdout


def test_what_another_installation_wrote_is_shown_and_left_alone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = remembered(run, tmp_path)
    before = as_json(run("cache", "info", runs, "--json"))
    monkeypatch.setattr(json_files, "engine_id", lambda: "another")
    monkeypatch.setattr("stormlog.query.remembered.maintenance.engine_id", lambda: "another")
    found = as_json(run("cache", "info", runs, "--json"))
    assert (found["is_of_this_engine"], found["is_current"]) == (False, False)
    assert (found["file_count"], found["size_bytes"]) == (before["file_count"], before["size_bytes"])
    assert "another version" in run("cache", "info", runs).stdout


def test_a_cache_that_is_off_is_a_usage_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORMLOG_CACHE", "off")
    outcome = command_line("cache", "list")
    assert outcome.status == 2
    assert "--cache-dir" in outcome.stderr


# ---- clear ---------------------------------------------------------------------------------------------


def test_clear_removes_the_index_of_some_paths_however_they_are_spelled(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (remembered(run, tmp_path, name, "sessions") for name in "ab")
    monkeypatch.chdir(tmp_path)
    size = as_json(run("cache", "info", first, "--json"))["size_bytes"]
    cleared = as_json(run("cache", "clear", "a", "--json"))
    assert [index["absolute_paths"] for index in cleared["removed"]] == [[str(first)]]
    assert cleared["freed_bytes"] == size
    assert [row["absolute_paths"] for row in as_json(run("cache", "list", "--json"))] == [[str(second)]]
    assert run("cache", "clear", first).stdout == "Nothing to remove.\n"


def test_clear_all_removes_every_index_and_nothing_else(run: Run, root: Path, tmp_path: Path) -> None:
    runs = remembered(run, tmp_path, rows="sessions")
    (root / "mine").write_text("")
    (root / LAYOUT / "notes.txt").write_text("")
    (root / LAYOUT / ".gone-1").mkdir()
    outcome = run("cache", "clear", "--all")
    assert "Removed 1 index: " in outcome.stdout
    assert "notes.txt: is no index and was left alone" in outcome.stderr
    assert sorted(path.name for path in root.rglob("*")) == ["mine", "notes.txt", LAYOUT]
    assert (runs / "events.jsonl").exists()


@pytest.mark.parametrize("arguments", [(), ("--all", "PATH")])
def test_clear_wants_paths_or_all(arguments: tuple[str, ...], run: Run) -> None:
    outcome = run("cache", "clear", *arguments)
    assert outcome.status == 2
    assert "--all" in outcome.stderr


def test_links_are_not_followed(run: Run, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside" / ("a" * 24)
    outside.mkdir(parents=True)
    (outside / "index.json").write_text("precious")
    runs = remembered(run, tmp_path, rows="sessions")
    link = root / LAYOUT / ("b" * 24)
    link.symlink_to(outside)
    (Path(index_folder(str(root), [str(runs)])) / "parts" / "away").symlink_to(outside)
    assert as_json(run("cache", "clear", "--all", "--json"))["left_alone"] == [link.name]
    assert link.is_symlink()
    assert (outside / "index.json").read_text() == "precious"


def test_a_layout_folder_that_is_a_link_is_refused(run: Run, root: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside" / ("a" * 24)
    outside.mkdir(parents=True)
    root.mkdir()
    (root / LAYOUT).symlink_to(outside.parent)
    outcome = run("cache", "clear", "--all")
    assert outcome.status == 3
    assert "is a link" in outcome.stderr
    assert outside.exists()


def test_clearing_disturbs_nobody_who_reads(run: Run, root: Path, tmp_path: Path) -> None:
    runs = remembered(run, tmp_path)
    with stormlog_store(runs, root) as store:
        expected = len(store.query_events())
        with stormlog_store(runs, root) as other:
            other.sql("SELECT count(*) FROM issues")
            assert as_json(run("cache", "clear", "--all", "--json"))["removed"]
            assert [issue.as_dict() for issue in other.list_issues()]
        write_lines(runs / "more.jsonl", event(timestamp_ns=START_NS + 5))
        assert store.refresh()
        assert len(store.query_events()) == expected + 1
    assert run("query", "issues", runs, "--json").stdout == run_without(runs)


def test_clearing_while_answers_are_given_never_breaks_one(run: Run, root: Path, tmp_path: Path) -> None:
    runs = remembered(run, tmp_path)
    expected = run_without(runs)
    wrong: list[str] = []

    def ask() -> None:
        try:
            for number in range(few_or_many(1, 50)):
                # Another filter every time, so that no kept answer is at hand.
                with stormlog_store(runs, root) as store:
                    rows = store.list_issues(stormlog.query.IssueFilter(session_id=f"none-{number}"))
                    if rows or len(store.list_issues()) != len(json.loads(expected)):
                        wrong.append(str(rows))
        except Exception as error:
            wrong.append(repr(error))

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for thread in asking:
        thread.start()
    while any(thread.is_alive() for thread in asking):
        run_clear = stormlog_clear(root)
        assert run_clear >= 0
    for thread in asking:
        thread.join()
    assert wrong == []
    assert run("query", "issues", runs, "--json").stdout == expected


def stormlog_store(path: Path, root: Path) -> stormlog.query.QueryStore:
    return stormlog.query.open(path, cache=root)


def stormlog_clear(root: Path) -> int:
    from stormlog.query.remembered.maintenance import clear_all

    return clear_all(str(root)).freed_bytes


def run_without(path: Path) -> str:
    return command_line("query", "issues", path, "--json", "--no-cache").stdout


# ---- verify --------------------------------------------------------------------------------------------


def test_verify_is_content_with_what_is_right(run: Run, tmp_path: Path) -> None:
    runs = remembered(run, tmp_path)
    damaged(runs)
    for number in range(2):
        with (runs / "events.jsonl").open("a") as stream:
            stream.write(json.dumps(event(timestamp_ns=START_NS + number, event_type="stop")) + "\n")
            stream.write(json.dumps(event(event_type="warning"))[:50] if number == 1 else "")
        assert run("query", "issues", runs, "-q", "--json").status == 0
    found = as_json(run("cache", "verify", runs, "--json"))
    assert (found["is_equal"], found["differences"], found["changed_meanwhile"]) == (True, [], [])
    assert (found["file_count"], found["event_count"]) == (2, 7)
    assert found["answer_count"] >= 1
    assert as_json(run("cache", "info", runs, "--json"))["is_current"]


def edited_in_the_middle(path: Path) -> None:
    """Turn a warning into a sample where no sample of the file looks, and let the file grow."""
    data = bytearray(path.read_bytes())
    place = data.index(b'"warning", "collector"', 60_000)
    data[place : place + 9] = b'"sample" '
    with path.open("r+b") as stream:
        stream.write(data + (json.dumps(event()) + "\n").encode())


def test_verify_finds_an_edit_that_samples_do_not_show(run: Run, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    records = [event(timestamp_ns=START_NS + number, event_type="warning") for number in range(400)]
    path = write_lines(runs / "events.jsonl", *records)
    size = path.stat().st_size
    assert run("query", "issues", runs).status == 0
    before = file_state.sample_of(str(path), size)
    edited_in_the_middle(path)
    assert file_state.sample_of(str(path), size) == before
    wrong = run("query", "issues", runs, "--json").stdout
    right = run_without(runs)
    assert wrong != right
    outcome = run("cache", "verify", runs)
    assert outcome.status == 1
    assert f"{path}: events: contents differ (401 rows)\n" in outcome.stdout
    assert f"{path}: hits: remembered 400, there are 399\n" in outcome.stdout
    assert "answers: issues: contents differ" in outcome.stdout
    assert as_json(run("cache", "list", "--json")) == []
    assert run("query", "issues", runs, "--json").stdout == right


def test_verify_finds_a_change_of_which_the_file_system_says_nothing(
    run: Run, root: Path, tmp_path: Path
) -> None:
    runs = remembered(run, tmp_path)
    path = runs / "events.jsonl"
    text = path.read_text()
    path.write_text(text.replace('"warning"', '"sample" '))
    # As if size and times were those of before.
    index = Index.load(index_folder(str(root), [str(runs)]), [str(runs)])
    for piece in index.pieces.values():
        piece.state = file_state.state_of(str(path))
    index.save(index.pieces, index.findings, index.next_id)
    index.close()
    found = as_json(run("cache", "verify", runs, "--json"))
    assert not found["is_equal"]
    assert {(d["path"], d["kind"]) for d in found["differences"]} == {
        (str(path), "events"),
        (str(path), "hits"),
        (str(path), "sessions"),
        ("", "issues"),
    }
    assert run("query", "issues", runs, "--json").stdout == run_without(runs)


def test_verify_finds_a_kept_answer_that_is_wrong(run: Run, root: Path, tmp_path: Path) -> None:
    runs = remembered(run, tmp_path)
    [folder] = (root / LAYOUT).iterdir()
    for path in (folder / "answers").iterdir():
        document = json_files.read_document(str(path))
        document["rows"] = document["rows"][:1]
        json_files.write_document(str(path), document)
    right = run_without(runs)
    assert run("query", "issues", runs, "--json").stdout != right
    outcome = run("cache", "verify", runs)
    assert outcome.status == 1
    assert "answers: answer: remembered 1, there are 2\n" in outcome.stdout
    assert run("query", "issues", runs, "--json").stdout == right


def test_a_file_that_grows_meanwhile_is_not_judged(run: Run, root: Path, tmp_path: Path) -> None:
    runs = remembered(run, tmp_path)
    folder = index_folder(str(root), [str(runs)])

    def watch(*_: Any) -> None:
        with (runs / "events.jsonl").open("a") as stream:
            stream.write(json.dumps(event()) + "\n")

    found = verify(folder, [str(runs)], watch=watch)
    assert found.differences == []
    assert found.changed_meanwhile == [str(runs / "events.jsonl")]


def test_verify_has_nothing_to_compare_without_an_index(run: Run, root: Path, tmp_path: Path) -> None:
    capture(tmp_path)
    outcome = run("cache", "verify", tmp_path)
    assert (outcome.status, outcome.stderr) == (0, "")
    assert "nothing to compare" in outcome.stdout
    assert not root.exists()


def test_help_of_the_cache_imports_no_engine() -> None:
    from tests.apps.cli.test_cli_imports import imported

    assert imported("cache", "--help") == set()
    assert imported("cache", "verify", "--help") == set()
    assert imported("cache", "list", "--json", STORMLOG_CACHE=os.devnull) == set()
