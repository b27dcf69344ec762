"""However a file changes, the answer is that of the file as it is.

Each change has a folder of its own. They lie side by side below one root, and all happen at once: an index knows and
forgets every file by itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import stormlog.query
from stormlog.artifacts import ArtifactCatalog
from stormlog.artifacts.snapshot import Snapshot
from stormlog.engine.index.updating import let_clock_tick
from stormlog.engine.reading.reader import Reader
from stormlog.errors import SourceError
from tests.engine.index.answers import (
    answer_of,
    forget_answers,
    issues_of,
    issues_text,
)
from tests.engine.index.changes import CHANGES, ChangedFolder, edited, text_of
from tests.engine.index.mixes import append, line_of
from tests.engine.reading.test_parquet_rows import sink_of, table
from tests.query.sinks import busy_session, write_sink
from tests.telemetry.factories import record

#: Names of the folders.
NAMES = {change: f"case-{'abcdefghij'[n // 10]}{'abcdefghij'[n % 10]}" for n, change in enumerate(CHANGES)}

FOLDER = re.compile("case-[a-j]{2}")

EVIDENCE = "SELECT * EXCLUDE (sort_file, sort_ns) FROM issue_evidence ORDER BY ALL"
GAPS = "SELECT * EXCLUDE (finding_number, source_id) FROM memory_gaps ORDER BY ALL"


class Answer(NamedTuple):
    """What a store says of all folders."""

    #: Question -> rows.
    rows: dict[str, list[Any]]
    #: Folder -> question -> its rows as text, but for numbers across all folders.
    by_folder: dict[str, dict[str, list[str]]]


def ask(store: Any, *, with_sessions: bool = True) -> Answer:
    """Ask about everything, about sessions last: all files are read again for these, whatever is known."""
    by_folder: dict[str, dict[str, list[str]]] = {name: defaultdict(list) for name in NAMES.values()}
    rows = answer_of(store, with_events=False)
    unnumbered = {"evidence": store.sql(EVIDENCE).rows, "gaps": store.sql(GAPS).rows}
    if with_sessions:
        rows["sessions"] = [row.as_dict() for row in store.list_sessions()]
    for question, found in {**rows, **unnumbered}.items():
        for text in (json.dumps(row, default=str) for row in found):
            # Each row names its folder in its paths at least.
            by_folder[FOLDER.search(text)[0]][question].append(text)
    assert all(found["issues"] for found in by_folder.values())
    return Answer(rows, by_folder)


#: Changes after which files say what they said before.
WITHOUT_NEWS = {
    "nothing",
    "unfinished line cut shorter",
    "segment opened again",
    "link retargeted to the same file",
    "link replaced by a file",
    "touched",
    "set back to 1970",
    # Root may read all files.
    *(["permission removed"] if os.geteuid() == 0 else []),
}


@dataclass
class Answers:
    """What stores said of all folders, and what one that had an index read for it."""

    before: Answer
    #: After the changes, of the store of before, which had not looked again.
    unrefreshed: list[Any]
    refreshed: Answer
    #: Of a new store without and one with an index, the latter without sessions: these it knows as the former does.
    cold: Answer
    warm: Answer
    #: Files that the one with an index read.
    read: Counter[Path]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    folder = tmp_path_factory.mktemp("changes")
    root, cache = folder / "root", folder / "cache"
    folders = {change: ChangedFolder(root, name).write() for change, name in NAMES.items()}
    with stormlog.query.open(root, cache=cache) as store:
        before = ask(store)
        for change, files in folders.items():
            CHANGES[change](files)
        unrefreshed = [issue.as_dict() for issue in store.list_issues()]
        assert store.refresh()
        with stormlog.query.open(root, cache=False) as other:
            # So the files are read once.
            other.list_sessions()
            cold = ask(other)
        # No store finds an answer that another one kept.
        forget_answers(cache)
        refreshed = ask(store)
    forget_answers(cache)
    read, real = Counter[Path](), Reader.read

    def counted(reader: Reader, tasks: Any, next_id: int, *, keep_all: bool) -> int:
        read.update(Path(task.origin.path) for task in tasks if not keep_all)
        return real(reader, tasks, next_id, keep_all=keep_all)

    with pytest.MonkeyPatch.context() as patch, stormlog.query.open(root, cache=cache) as other:
        patch.setattr(Reader, "read", counted)
        warm = ask(other, with_sessions=False)
    return Answers(before, unrefreshed, refreshed, cold, warm, read)


def without_sessions(answer: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {question: rows for question, rows in answer.items() if question != "sessions"}


@pytest.mark.parametrize("change", CHANGES)
def test_change(answers: Answers, change: str) -> None:
    name = NAMES[change]
    wanted = answers.cold.by_folder[name]

    assert wanted["sessions"]
    assert answers.warm.by_folder[name] == without_sessions(wanted)
    assert answers.refreshed.by_folder[name] == wanted
    # What is compared is worth comparing.
    assert (answers.before.by_folder[name] == wanted) == (change in WITHOUT_NEWS)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_not_why_other_files_are_read_again(answers: Answers, change: str) -> None:
    read = {path.name for path in answers.read if NAMES[change] in path.parts}

    assert ("x-telemetry.json" in read) == (change == "document edited, same size and time")


def test_numbers_across_all_folders(answers: Answers) -> None:
    assert answers.refreshed.rows == answers.cold.rows
    assert answers.warm.rows == without_sessions(answers.cold.rows)


def test_a_store_shows_what_was_there_until_it_looks_again(answers: Answers) -> None:
    assert answers.unrefreshed == answers.before.rows["issues"]


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_noticed(tmp_path: Path, change: str) -> None:
    """By this digest stores know whether there is news, and whether an answer that was kept may be given again."""
    folder = ChangedFolder(tmp_path, "files").write()
    before = Snapshot.take(ArtifactCatalog([folder.files]))
    let_clock_tick(before.states.values())
    CHANGES[change](folder)

    after = Snapshot.take(ArtifactCatalog([folder.files]))
    assert (after.digest == before.digest) == (change == "nothing")


def rename_with_a_link(folder: ChangedFolder) -> None:
    """Move the folder away and put a link in its place: no file changed, but all true paths did."""
    folder.files.rename(folder.files.with_name("moved"))
    folder.files.symlink_to(folder.files.with_name("moved"))


@pytest.mark.parametrize(
    "change",
    [CHANGES["deleted"], CHANGES["sessions listed"], rename_with_a_link],
    ids=["deleted", "sessions listed", "folder renamed, link in its place"],
)
def test_change_after_which_no_file_is_new(tmp_path: Path, change: Callable[[ChangedFolder], object]) -> None:
    """Alone, and without the unfinished line, for then there is nothing at all to read."""
    folder, cache = ChangedFolder(tmp_path, "files").write(), tmp_path / "cache"
    (folder.files / "torn.jsonl").unlink()
    with stormlog.query.open(folder.files, cache=cache) as store:
        before = issues_text(store, folder.files)
        change(folder)
        assert store.refresh()
        wanted = issues_of(folder.files, False)
        assert issues_text(store, folder.files) == wanted != before
    forget_answers(cache)
    assert issues_of(folder.files, cache) == wanted


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return ChangedFolder(tmp_path, "files").write().files


def test_parquet_segment_edited_in_place_with_the_same_size_and_time(tmp_path: Path) -> None:
    one, other = (sink_of(tmp_path / name, table(busy_session(name, 60))) for name in ("a", "b"))
    segment = one / "segment-000001.parquet"
    with stormlog.query.open(one, cache=tmp_path / "cache") as store:
        store.list_issues()
        data = (other / "segment-000001.parquet").read_bytes()
        assert len(data) == segment.stat().st_size
        edited(segment, lambda _: data)
        assert store.refresh()
        wanted = issues_of(one, False)
        assert issues_text(store, one) == wanted
    forget_answers(tmp_path / "cache")
    assert issues_of(one, tmp_path / "cache") == wanted


def test_everything_deleted(files: Path, tmp_path: Path) -> None:
    with stormlog.query.open(files, cache=tmp_path / "cache") as store:
        store.list_issues()
        shutil.rmtree(files)
        with pytest.raises(SourceError):
            store.refresh()
    with pytest.raises(SourceError):
        stormlog.query.open(files, cache=tmp_path / "cache")


def test_a_path_that_did_not_exist_when_the_store_was_opened(files: Path, tmp_path: Path) -> None:
    paths = [files, tmp_path / "later"]
    with stormlog.query.open(paths, cache=tmp_path / "cache") as store:
        store.list_issues()
        write_sink(tmp_path / "later", {"segment-000001.jsonl": busy_session("z", 40)})
        store.refresh()
        told = issues_text(store)
    with stormlog.query.open(paths, cache=False) as store:
        assert told == issues_text(store)


def test_a_file_moves_into_another_source(files: Path, tmp_path: Path) -> None:
    before = issues_of(files, tmp_path / "cache")
    (files / "lines.jsonl").rename(files / "sink" / "segment-000003.jsonl")
    assert issues_of(files, tmp_path / "cache") == issues_of(files, False) != before
    (files / "sink" / "segment-000003.jsonl").rename(files / "lines.jsonl")
    forget_answers(tmp_path / "cache")
    assert issues_of(files, tmp_path / "cache") == before


def test_records_of_the_last_line_count_once(tmp_path: Path) -> None:
    """A last line without an end is a record already; when it ends, it is the same one."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(text_of("s", 20) + line_of(record(session_id="s", event_type="warning"))[:-1])
    with stormlog.query.open(path, cache=False) as store:
        wanted = [issue.as_dict() for issue in store.list_issues()]
    for added, skipped in ((b"", []), (b" ", []), (b"\n", []), (b"\n", []), (b"{}", [1]), (b"\n", [1])):
        append(path, added)
        with stormlog.query.open(path, cache=tmp_path / "cache") as store:
            assert [issue.as_dict() for issue in store.list_issues()] == wanted
            assert [count for _, count in store.rejects_summary()] == skipped
