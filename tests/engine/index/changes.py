"""Ways in which files change, each of them a function of a folder that was made for it."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.engine.index.mixes import append, line_of
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink

__all__ = ["CHANGES", "SEGMENT", "ChangedFolder", "edited", "text_of"]

Events = list[dict[str, Any]]

SEGMENT = "sink/segment-000001.jsonl"


def text_of(session_id: str, count: int = 40, **options: Any) -> bytes:
    return b"".join(map(line_of, busy_session(session_id, count, **options)))


class ChangedFolder:
    """A folder with some files of each kind; its name stands in all sessions and issues of them.

    Args:
        root: Where the folder lies, and what its links point to.
        name: Name of the folder, without digits: issues do not tell numbers apart.
    """

    def __init__(self, root: Path, name: str) -> None:
        self.name = name
        self.files = root / name
        self.aside = root / "aside" / name

    def write(self) -> ChangedFolder:
        """Write the files."""
        nameless = [{**event, "schema_version": 2} for event in self.session("", 30)]
        for event in nameless:
            del event["session_id"]
        segments = {"segment-000001.jsonl": self.session("a"), "segment-000002.jsonl": nameless}
        write_sink(self.files / "sink", segments)
        write_lines(self.files / "lines.jsonl", self.session("l"))
        (self.files / "torn.jsonl").write_bytes(self.text("torn", 20)[:-50])
        (self.files / "x-telemetry.json").write_text(json.dumps(self.session("d")))
        self.aside.mkdir(parents=True)
        linked = self.session("link", 20)
        write_lines(self.aside / "first", linked)
        write_lines(self.aside / "second", linked[::-1])
        (self.aside / "same").hardlink_to(self.aside / "first")
        (self.files / "link.jsonl").symlink_to(self.aside / "first")
        return self

    def session(self, letter: str, count: int = 40) -> Events:
        """Return the events of a session, whose issues no other folder has."""
        events = busy_session(f"{letter} {self.name}", count)
        for event in events:
            event["metadata"]["backend"] = self.name
        return events

    def text(self, letter: str, count: int = 40) -> bytes:
        """Return the lines of a session."""
        return b"".join(map(line_of, self.session(letter, count)))

    def append(self, name: str, data: bytes | Events) -> None:
        """Add to a file."""
        append(self.files / name, data)

    def write_lines(self, name: str, letter: str, count: int = 20) -> None:
        """Write a file with one session."""
        write_lines(self.files / name, self.session(letter, count))

    def rename_session(self, name: str, old: str, new: str, *, place: slice = slice(None)) -> None:
        """Give lines of a file to another session, with nothing but the content to tell.

        Args:
            name: The file.
            old: Letter of the session.
            new: Letter of the other one.
            place: Which of the times that the session is named.
        """

        def change(data: bytes) -> bytes:
            before, *pieces = data.split(f'"{old} '.encode())
            names = [old] * len(pieces)
            names[place] = [new] * len(names[place])
            return before + b"".join(
                f'"{letter} '.encode() + piece for letter, piece in zip(names, pieces, strict=True)
            )

        edited(self.files / name, change)

    def manifest(self, change: Callable[[dict[str, Any]], object]) -> None:
        """Change the manifest of the sink."""
        path = self.files / "sink" / "manifest.json"
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))

    def rotate(self, count: int) -> None:
        """Rename a file, and begin another one in its place."""
        (self.files / "lines.jsonl").rename(self.files / "lines.1.jsonl")
        self.write_lines("lines.jsonl", "n", count)

    def grow_otherwise(self, name: str) -> None:
        """Truncate a file and let it grow beyond its former size, in the same inode."""
        edited(self.files / name, lambda data: self.text("n", 60), keeps_time=False)

    def retarget(self, target: str) -> None:
        """Let the link point to another file."""
        (self.files / "link.jsonl").unlink()
        (self.files / "link.jsonl").symlink_to(self.aside / target)

    def replace_link(self) -> None:
        """Put a file in the place of the link."""
        (self.files / "link.jsonl").unlink()
        shutil.copy2(self.aside / "first", self.files / "link.jsonl")

    def put_a_folder(self) -> None:
        """Put a sink in the place of a file."""
        (self.files / "lines.jsonl").unlink()
        write_sink(self.files / "lines.jsonl", {"segment-000001.jsonl": self.session("n", 20)})


def edited(path: Path, change: Callable[[bytes], bytes], *, keeps_time: bool = True) -> None:
    """Write other content into a file, in place, and set its time back."""
    before = path.stat()
    data = change(path.read_bytes())
    with path.open("r+b") as stream:
        stream.write(data)
        stream.truncate()
    if keeps_time:
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path: Path, data: bytes) -> None:
    """Put a new file in the place of another, with its size and time."""
    before = path.stat()
    new = path.with_name("new")
    new.write_bytes(data)
    assert new.stat().st_size == before.st_size
    os.utime(new, ns=(before.st_atime_ns, before.st_mtime_ns))
    new.replace(path)


#: What happens -> the function that does it. All can happen in folders side by side.
CHANGES: dict[str, Callable[[ChangedFolder], object]] = {
    "nothing": lambda folder: None,
    "replaced, same size and time": lambda folder: replaced(folder.files / "lines.jsonl", folder.text("m")),
    "edited in place, same size and time": lambda folder: folder.rename_session("lines.jsonl", "l", "m"),
    "closed segment edited, same size and time": lambda folder: folder.rename_session(SEGMENT, "a", "z"),
    "document edited, same size and time": lambda folder: folder.rename_session("x-telemetry.json", "d", "z"),
    "rotated": lambda folder: folder.rotate(40),
    "rotated, new file longer": lambda folder: folder.rotate(90),
    "truncated": lambda folder: edited(folder.files / "lines.jsonl", lambda data: data[: len(data) // 2]),
    "emptied": lambda folder: edited(folder.files / "lines.jsonl", lambda data: b""),
    "truncated and grown with other content": lambda folder: folder.grow_otherwise("lines.jsonl"),
    "closed segment grown with other content": lambda folder: folder.grow_otherwise(SEGMENT),
    "head edited and grown": lambda folder: (
        folder.rename_session("lines.jsonl", "l", "m", place=slice(1)),
        folder.append("lines.jsonl", folder.session("n", 20)),
    ),
    "last whole line edited and grown": lambda folder: (
        folder.rename_session("lines.jsonl", "l", "k", place=slice(-1, None)),
        folder.append("lines.jsonl", folder.session("n", 20)),
    ),
    "grown": lambda folder: folder.append("lines.jsonl", folder.session("n", 20)),
    "closed segment grown": lambda folder: folder.append(SEGMENT, folder.session("n", 20)),
    "grown by an unfinished line": lambda folder: folder.append("lines.jsonl", folder.text("n", 20)[:-50]),
    "unfinished line finished": lambda folder: folder.append("torn.jsonl", folder.text("torn", 20)[-50:]),
    "unfinished line finished otherwise": lambda folder: folder.append("torn.jsonl", b"}\n{}\n"),
    "unfinished line cut shorter": lambda folder: edited(
        folder.files / "torn.jsonl", lambda data: data[:-10]
    ),
    "deleted": lambda folder: (folder.files / "lines.jsonl").unlink(),
    "segment deleted": lambda folder: (folder.files / SEGMENT).unlink(),
    "added": lambda folder: folder.write_lines("added.jsonl", "n"),
    "added before others": lambda folder: folder.write_lines("a.jsonl", "l"),
    "segment added": lambda folder: folder.write_lines("sink/segment-000003.jsonl", "n"),
    "segment listed with another session": lambda folder: folder.manifest(
        lambda content: content["segments"][1].update(session_id=f"later {folder.name}")
    ),
    "segment opened again": lambda folder: folder.manifest(
        lambda content: content["segments"][0].update(closed=False)
    ),
    "sessions listed": lambda folder: folder.manifest(
        lambda content: content["sessions"].append(
            {
                "session_id": f"a {folder.name}",
                "status": "interrupted",
                "started_at_ns": 5,
                "ended_at_ns": START_NS,
                "host": "h",
                "pid": 1,
                "source": "test",
            }
        )
    ),
    "manifest damaged": lambda folder: (folder.files / "sink" / "manifest.json").write_text("{"),
    "manifest gone": lambda folder: (folder.files / "sink" / "manifest.json").unlink(),
    "flat files become a sink": lambda folder: (folder.files / "sink" / "manifest.json").rename(
        folder.files / "manifest.json"
    ),
    "link retargeted": lambda folder: folder.retarget("second"),
    "link retargeted to the same file": lambda folder: folder.retarget("same"),
    "link dangling": lambda folder: folder.retarget("nowhere"),
    "link replaced by a file": lambda folder: folder.replace_link(),
    "file becomes a folder": lambda folder: folder.put_a_folder(),
    "kind changed by renaming": lambda folder: (folder.files / "torn.jsonl").rename(
        folder.files / "torn-telemetry.json"
    ),
    "permission removed": lambda folder: (folder.files / "lines.jsonl").chmod(0),
    "touched": lambda folder: os.utime(folder.files / "lines.jsonl"),
    "set back to 1970": lambda folder: os.utime(folder.files / "lines.jsonl", ns=(0, 0)),
}
