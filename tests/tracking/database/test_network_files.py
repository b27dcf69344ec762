"""File systems on which a tracker gets no write-ahead log."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from stormlog.tracking import Tracker
from stormlog.tracking.database import network_files
from stormlog.tracking.database.network_files import is_on_network


def mountinfo(*mounts: tuple[str, str]) -> bytes:
    """Return what the kernel says of mount points and their kinds."""
    lines = ["22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/root rw"]
    lines += [f"{n} 22 0:{n} / {place} rw - {kind} source rw" for n, (place, kind) in enumerate(mounts, 30)]
    return "".join(f"{line}\n" for line in lines).encode()


@pytest.mark.parametrize(
    "kind",
    [
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "smb2",
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "glusterfs",
        "gpfs",
        "lustre",
        "ocfs2",
        "virtiofs",
        "NFS4",
        "fuse.sshfs",
        "fuse.s3fs",
        "fuse.glusterfs",
        "fuse.ceph",
        "fuse.rclone",
        "fuse.gcsfuse",
        "fuse.goofys",
        "fuse.juicefs",
        "fuse.new-thing",
        "fuse",
    ],
)
def test_network_file_systems_and_unknown_programs(kind: str) -> None:
    assert is_on_network(Path("/data/t.db"), mountinfo(("/data", kind)))


@pytest.mark.parametrize(
    "kind",
    [
        "ext4",
        "xfs",
        "btrfs",
        "zfs",
        "tmpfs",
        "overlay",
        "fuseblk",
        "vfat",
        "fuse.ntfs-3g",
        "fuse.mergerfs",
        "fuse.fuse-overlayfs",
        "fuse.gocryptfs",
    ],
)
def test_local_file_systems(kind: str) -> None:
    assert not is_on_network(Path("/data/t.db"), mountinfo(("/data", kind)))


def test_the_longest_mount_point_counts_and_the_later_of_two() -> None:
    nested = mountinfo(
        ("/data/local/deep", "ext4"), ("/data", "nfs4"), ("/data/local", "xfs"), ("/dat", "nfs")
    )
    assert is_on_network(Path("/data/t.db"), nested)
    assert is_on_network(Path("/data/localised/t.db"), nested)
    assert not is_on_network(Path("/data/local/t.db"), nested)
    assert not is_on_network(Path("/database/t.db"), nested)
    assert is_on_network(Path("/data/t.db"), mountinfo(("/data", "autofs"), ("/data", "nfs4")))
    assert not is_on_network(Path("/data/t.db"), mountinfo(("/data", "nfs4"), ("/data", "ext4")))
    assert is_on_network(Path("/t.db"), mountinfo(("/", "nfs4")))


@pytest.mark.parametrize(
    ("place", "path"),
    [
        (r"/my\040data", "/my data/t.db"),
        (r"/tab\011here", "/tab\there/t.db"),
        (r"/line\012end", "/line\nend/t.db"),
        (r"/back\134slash", "/back\\slash/t.db"),
        (r"/back\134040slash", "/back\\040slash/t.db"),
        (r"/hash\043", "/hash#/t.db"),
        ("/größe", "/größe/t.db"),
        (r"/my\040data\040-\040old", "/my data - old/t.db"),
    ],
)
def test_names_of_mount_points_are_decoded(place: str, path: str) -> None:
    assert is_on_network(Path(path), mountinfo((place, "nfs4")))
    assert is_on_network(Path(path), f"server:/x {place} nfs4 rw,relatime 0 0\n".encode())
    assert not is_on_network(Path("/other/t.db"), mountinfo((place, "nfs4")))


def test_lines_that_say_nothing_are_passed_over() -> None:
    said = b"\n\xff\xfe\n- - -\nnfs4\n" + mountinfo(("/data", "nfs4")) + b"40 22 0:1 / /data rw - \n"
    assert is_on_network(Path("/data/t.db"), said)
    assert not is_on_network(Path("/data/t.db"), b"")


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    (tmp_path / "home").symlink_to(tmp_path / "share", target_is_directory=True)
    mounts = mountinfo((str(tmp_path.resolve() / "share"), "nfs4"))
    assert is_on_network(tmp_path / "home" / "t.db", mounts)
    assert is_on_network(tmp_path / "home" / ".." / "share" / "new" / "t.db", mounts)
    assert not is_on_network(tmp_path / "t.db", mounts)


@pytest.mark.parametrize(("kind", "journal"), [("fuse.unheard-of", "delete"), ("ext4", "wal")])
def test_a_tracker_there_has_no_log_and_says_so(
    kind: str, journal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mounts = mountinfo((str(tmp_path.resolve()), kind))
    monkeypatch.setattr(network_files, "_mounts", lambda: mounts)
    with Tracker(tmp_path / "t.db") as tracker:
        tracker.create_project("p")
        assert tracker.store.connection.execute("PRAGMA journal_mode").fetchone()[0] == journal
        assert bool(tracker.store.warnings) == (journal == "delete")
        with Tracker(tmp_path / "t.db", read_only=True) as reader:
            assert [project.name for project in reader.projects()] == ["p"]
    with sqlite3.connect(tmp_path / "t.db") as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == journal
    connection.close()


def test_a_tracker_that_had_a_log_loses_it_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Tracker(tmp_path / "t.db") as tracker:
        tracker.create_project("p")
    monkeypatch.setattr(network_files, "_mounts", lambda: mountinfo((str(tmp_path.resolve()), "fuse.sshfs")))
    with Tracker(tmp_path / "t.db") as tracker:
        assert [project.name for project in tracker.projects()] == ["p"]
        assert tracker.store.connection.execute("PRAGMA journal_mode").fetchone()[0] == "delete"
