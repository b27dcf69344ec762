"""Files of a tracker are for their owner, or for a group where that is wanted; copies are never wider."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from stormlog.errors import SourceError
from stormlog.tracking import Tracker
from stormlog.tracking.database.file_modes import create_store
from stormlog.tracking.database.maintenance import back_up_store, migrate_store
from stormlog.tracking.database.migrations import load_migrations, migrate
from stormlog.tracking.digest.lock import delivery_lock
from stormlog.tracking.scanning.lock import scan_lock
from tests.apps.cli.runner import stormlog
from tests.tracking.evidence import see


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o277], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.fixture
def wide_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


def modes(folder: Path) -> dict[str, str]:
    return {path.name: mode(path) for path in folder.iterdir() if path.is_file()}


def use(path: Path, **options: bool) -> dict[str, str]:
    """Make a tracker and everything that lies beside it, and return their modes."""
    with Tracker(path, **options) as tracker:
        see(tracker)
        with scan_lock(path), delivery_lock(path):
            pass
        return modes(path.parent)


@pytest.mark.parametrize(("options", "expected"), [({}, "600"), ({"group_shared": True}, "660")])
def test_a_new_tracker_has_its_mode_whatever_the_umask(
    tmp_path: Path, umask: int, options: dict[str, bool], expected: str
) -> None:
    (tmp_path / "folder").mkdir(mode=0o700)
    (tmp_path / "folder").chmod(0o700)
    found = use(tmp_path / "folder" / "tracker.db", **options)
    names = ["", "-shm", "-wal", ".notify.lock", ".scan.lock"]
    assert found == {f"tracker.db{name}": expected for name in names}


def test_a_directory_that_hands_its_group_on_shares_with_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o2770)
    assert set(use(tmp_path / "tracker.db").values()) == {"660"}


def test_a_tracker_that_exists_keeps_its_mode(tmp_path: Path, wide_umask: None) -> None:
    path = tmp_path / "tracker.db"
    Tracker(path).close()
    path.chmod(0o640)
    with Tracker(path, group_shared=True) as tracker:
        assert tracker.store.warnings == [f"{path} exists already and keeps its mode 640"]
    assert set(use(path).values()) == {"640"}


def test_it_is_never_wider_not_even_for_a_moment(
    tmp_path: Path, wide_umask: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    change = os.fchmod

    def note(descriptor: int, wanted: int) -> None:
        seen.append(stat.S_IMODE(os.fstat(descriptor).st_mode))
        change(descriptor, wanted)

    monkeypatch.setattr(os, "fchmod", note)
    assert create_store(tmp_path / "tracker.db", is_shared=True)
    assert seen == [0o600]


def test_a_link_that_leads_to_nothing_is_followed(tmp_path: Path, wide_umask: None) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "tracker.db")
    Tracker(tmp_path / "link.db").close()
    assert mode(tmp_path / "tracker.db") == "600"


def test_nobody_is_led_astray_by_a_link_in_place_of_a_lock(tmp_path: Path) -> None:
    (tmp_path / "tracker.db.scan.lock").symlink_to(tmp_path / "precious")
    (tmp_path / "precious").write_text("text")
    with (
        Tracker(tmp_path / "tracker.db"),
        pytest.raises(SourceError, match="lock file"),
        scan_lock(tmp_path / "tracker.db"),
    ):
        pass
    assert (tmp_path / "precious").read_text() == "text"


@pytest.mark.parametrize("original", [0o600, 0o640, 0o660, 0o400])
def test_copies_are_as_their_original(tmp_path: Path, wide_umask: None, original: int) -> None:
    path = tmp_path / "tracker.db"
    Tracker(path).close()
    path.chmod(original)
    copy = back_up_store(path, tmp_path / "copy.db")
    assert mode(copy) == f"{original:o}"
    copy.chmod(0o444)
    assert mode(back_up_store(path, copy, replace=True)) == f"{original & 0o444:o}"
    copy.chmod(0o666)
    assert mode(back_up_store(path, copy, replace=True)) == f"{original:o}"
    assert not [name for name in modes(tmp_path) if name.startswith(".")]


def test_the_copy_of_before_an_upgrade_is_as_the_tracker(tmp_path: Path, wide_umask: None) -> None:
    path = tmp_path / "tracker.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        migrate(connection, path, load_migrations()[:1])
    path.chmod(0o640)
    migrate_store(path)
    assert set(modes(tmp_path).values()) == {"640"} and len(modes(tmp_path)) >= 2


def test_commands_that_make_a_tracker_can_share_it(tmp_path: Path, wide_umask: None) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "issues.json").write_text('{"schema_version": 1, "issues": []}')
    for number, words in enumerate(
        (
            ["projects", "create", "p"],
            ["issues", "record", "it broke"],
            ["scan", str(tmp_path / "runs"), "-q"],
        )
    ):
        for flag, expected in (([], "600"), (["--group-shared"], "660")):
            path = tmp_path / f"{number}{expected}.db"
            assert stormlog(*words, *flag, "--db", path).status == 0
            assert mode(path) == expected
