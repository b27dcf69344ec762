"""Many processes on one store: nobody loses anything, and readers are in nobody's way."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

import pytest

from stormlog import _sqlite as sqlite_files
from stormlog.errors import LifecycleError, SourceError, StoreBusyError
from stormlog.tracking import Tracker, default_store_path
from tests.tracking.people import new_tracker, of, seen

WRITERS, READERS, COMMENTS = 8, 3, 15

WRITER = """
import sys
from stormlog.tracking import Actor, Tracker
path, issue_id, name, count = sys.argv[1:]
for number in range(int(count)):
    with Tracker(path, actor=Actor("user", name, name)) as tracker:
        tracker.comment(issue_id, f"{name} {number}")
"""


def test_eight_writers_and_three_readers_lose_nothing(tracker: Tracker, tmp_path: Path) -> None:
    issue = seen(tracker)
    path = tmp_path / "tracker.db"
    with ExitStack() as stack:
        for _ in range(READERS):
            reader = stack.enter_context(Tracker(path, read_only=True))
            connection = stack.enter_context(reader.reading())
            assert connection.execute("SELECT count(*) FROM issue_comments").fetchone()[0] == 0
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", WRITER, str(path), issue.issue_id, f"w{number}", str(COMMENTS)],
                stderr=subprocess.PIPE,
            )
            for number in range(WRITERS)
        ]
        answers = [(process.communicate()[1], process.returncode) for process in processes]
        assert answers == [(b"", 0)] * WRITERS
        # A reader goes on seeing what it saw.
        assert connection.execute("SELECT count(*) FROM issue_comments").fetchone()[0] == 0
    bodies = {comment.body for comment in tracker.comments(issue.issue_id)}
    assert bodies == {f"w{writer} {number}" for writer in range(WRITERS) for number in range(COMMENTS)}
    assert of(tracker).revision == issue.revision + WRITERS * COMMENTS


def test_whoever_waits_too_long_is_told_to_try_again(
    tracker: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issue = seen(tracker)
    monkeypatch.setattr(sqlite_files, "BUSY_S", 0.02)
    with Tracker(tmp_path / "tracker.db") as second, tracker.writing():
        with pytest.raises(StoreBusyError, match="try again") as refusal:
            second.claim(issue.issue_id)
        assert refusal.value.code == "store_busy"
        assert second.issue(issue.issue_id).issue.status == "new"


def test_what_fails_half_way_leaves_nothing(tracker: Tracker) -> None:
    issue = seen(tracker)
    with pytest.raises(ZeroDivisionError), tracker.writing() as connection:
        connection.execute("UPDATE issues SET title = 'half done'")
        raise ZeroDivisionError
    assert of(tracker) == issue
    tracker.claim(issue.issue_id)


def test_a_store_opened_to_read_is_not_written(tracker: Tracker, tmp_path: Path) -> None:
    issue = seen(tracker)
    with (
        Tracker(tmp_path / "tracker.db", read_only=True) as reader,
        pytest.raises(SourceError, match=r"readonly.*permission for the file and for its directory"),
    ):
        reader.claim(issue.issue_id)
    assert of(tracker) == issue


def test_there_is_nothing_to_read_where_nothing_is(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no such tracker"):
        Tracker(tmp_path / "missing.db", read_only=True)
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made_and_odd_names_are_names(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "a?b#c%20.db"
    Tracker(path).close()
    assert [file.name for file in path.parent.iterdir()] == [path.name]
    Tracker(path, read_only=True).close()


def test_what_cannot_be_opened_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError):
        Tracker(tmp_path / "file" / "tracker.db")
    with pytest.raises(SourceError):
        Tracker(tmp_path)


def test_the_store_is_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORMLOG_DB", str(tmp_path / "named.db"))
    assert default_store_path() == tmp_path / "named.db"
    monkeypatch.delenv("STORMLOG_DB")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_store_path() == tmp_path / "stormlog" / "tracker.db"
    monkeypatch.delenv("XDG_DATA_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_store_path() == tmp_path / ".local" / "share" / "stormlog" / "tracker.db"


@pytest.mark.parametrize("has_log", [False, True])
def test_a_folder_that_cannot_be_written_to_is_read(has_log: bool) -> None:
    # Not below pytest's folder, which belongs to whoever runs the tests alone.
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        tracker = new_tracker(Path(folder))
        issue = seen(tracker)
        if has_log:
            stack.callback(tracker.close)
        else:
            tracker.close()
        for file in Path(folder).iterdir():
            file.chmod(0o444)
        Path(folder).chmod(0o555)
        stack.callback(Path(folder).chmod, 0o755)
        assert as_nobody(lambda: read(Path(folder), issue.issue_id)) == 0


def read(folder: Path, issue_id: str) -> None:
    """Use a store that cannot be written to."""
    with Tracker(folder / "tracker.db", read_only=True) as reader:
        assert [issue.issue_id for issue in reader.list_issues().issues] == [issue_id]
        assert reader.issue(issue_id).issue.status == "new"
        try:
            reader.claim(issue_id)
        except (SourceError, LifecycleError):
            pass
        else:
            raise AssertionError("a store that cannot be written to was written to")
    try:
        Tracker(folder / "other.db")
    except SourceError:
        return
    raise AssertionError("a folder that cannot be written to was written to")


def as_nobody(work: object) -> int:
    """Run something in a child that has no more rights than anybody, and return its exit status."""
    child = os.fork()
    if child == 0:
        status = 1
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(65534)
                os.setuid(65534)
            work()  # type: ignore[operator]
            status = 0
        except BaseException:
            import traceback

            traceback.print_exc()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
