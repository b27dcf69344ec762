"""However a file changes, the answer is that of the file as it is."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.errors import SourceError
from tests.engine.index.answers import answer_text, cold_answer, warm_answer
from tests.engine.index.mixes import append, line_of
from tests.engine.reading.test_parquet_rows import sink_of, table
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink
from tests.telemetry.factories import record


def text_of(session_id: str, count: int = 40, **options: Any) -> bytes:
    return b"".join(map(line_of, busy_session(session_id, count, **options)))


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


def manifest(files: Path, change: Callable[[dict[str, Any]], None]) -> None:
    path = files / "sink" / "manifest.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def renamed_with_a_link(files: Path) -> None:
    """Move the folder away and put a link in its place: no file changed, but all true paths did."""
    files.rename(files.with_name("moved"))
    files.symlink_to(files.with_name("moved"))


def retarget(link: Path, target: Path) -> None:
    link.unlink()
    link.symlink_to(target)


def grow_otherwise(path: Path) -> None:
    """Truncate a file and let it grow beyond its former size, in the same inode."""
    edited(path, lambda data: text_of("new", 60), keeps_time=False)


def list_a_segment(files: Path) -> None:
    manifest(files, lambda content: content["segments"][1].update(session_id="listed later"))


SEGMENT = "sink/segment-000001.jsonl"
CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda files: None,
    "replaced, same size and time": lambda files: replaced(files / "lines.jsonl", text_of("m")),
    "edited in place, same size and time": lambda files: edited(
        files / "lines.jsonl", lambda data: data.replace(b'"l"', b'"m"')
    ),
    "closed segment edited, same size and time": lambda files: edited(
        files / SEGMENT, lambda data: data.replace(b'"a"', b'"z"')
    ),
    "document edited, same size and time": lambda files: edited(
        files / "x-telemetry.json", lambda data: data.replace(b'"d"', b'"z"')
    ),
    "rotated": lambda files: (
        (files / "lines.jsonl").rename(files / "lines.1.jsonl"),
        write_lines(files / "lines.jsonl", busy_session("n", 40)),
    ),
    "rotated, new file longer": lambda files: (
        (files / "lines.jsonl").rename(files / "lines.1.jsonl"),
        write_lines(files / "lines.jsonl", busy_session("n", 90)),
    ),
    "truncated": lambda files: edited(files / "lines.jsonl", lambda data: data[: len(data) // 2]),
    "emptied": lambda files: edited(files / "lines.jsonl", lambda data: b""),
    "truncated and grown with other content": lambda files: grow_otherwise(files / "lines.jsonl"),
    "closed segment grown with other content": lambda files: grow_otherwise(files / SEGMENT),
    "head edited and grown": lambda files: (
        edited(files / "lines.jsonl", lambda data: data.replace(b'"l"', b'"m"', 1)),
        append(files / "lines.jsonl", busy_session("n", 20)),
    ),
    "last whole line edited and grown": lambda files: (
        edited(files / "lines.jsonl", lambda data: b'"k"'.join(data.rsplit(b'"l"', 1))),
        append(files / "lines.jsonl", busy_session("n", 20)),
    ),
    "grown": lambda files: append(files / "lines.jsonl", busy_session("n", 20)),
    "closed segment grown": lambda files: append(files / SEGMENT, busy_session("n", 20)),
    "grown by an unfinished line": lambda files: append(files / "lines.jsonl", text_of("n", 20)[:-50]),
    "unfinished line finished": lambda files: append(files / "torn.jsonl", text_of("torn", 20)[-50:]),
    "unfinished line finished otherwise": lambda files: append(files / "torn.jsonl", b"}\n{}\n"),
    "unfinished line cut shorter": lambda files: edited(files / "torn.jsonl", lambda data: data[:-10]),
    "deleted": lambda files: (files / "lines.jsonl").unlink(),
    "segment deleted": lambda files: (files / SEGMENT).unlink(),
    "added": lambda files: write_lines(files / "added.jsonl", busy_session("n", 20)),
    "added before others": lambda files: write_lines(files / "a.jsonl", busy_session("l", 20)),
    "segment added": lambda files: write_lines(
        files / "sink" / "segment-000003.jsonl", busy_session("n", 20)
    ),
    "segment listed with another session": list_a_segment,
    "segment opened again": lambda files: manifest(
        files, lambda content: content["segments"][0].update(closed=False)
    ),
    "sessions listed": lambda files: manifest(
        files,
        lambda content: content["sessions"].append(
            {"session_id": "a", "status": "interrupted", "started_at_ns": 5, "ended_at_ns": START_NS}
        ),
    ),
    "manifest damaged": lambda files: (files / "sink" / "manifest.json").write_text("{"),
    "manifest gone": lambda files: (files / "sink" / "manifest.json").unlink(),
    "flat files become a sink": lambda files: (files / "sink" / "manifest.json").rename(
        files / "manifest.json"
    ),
    "link retargeted": lambda files: retarget(files / "link.jsonl", files.parent / "second"),
    "link retargeted to the same file": lambda files: retarget(files / "link.jsonl", files.parent / "same"),
    "link dangling": lambda files: retarget(files / "link.jsonl", files.parent / "nowhere"),
    "link replaced by a file": lambda files: (
        (files / "link.jsonl").unlink(),
        shutil.copy2(files.parent / "first", files / "link.jsonl"),
    ),
    "folder renamed, link in its place": renamed_with_a_link,
    "file becomes a folder": lambda files: (
        (files / "lines.jsonl").unlink(),
        write_sink(files / "lines.jsonl", {"segment-000001.jsonl": busy_session("n", 20)}),
    ),
    "kind changed by renaming": lambda files: (files / "torn.jsonl").rename(files / "torn-telemetry.json"),
    "permission removed": lambda files: (files / "lines.jsonl").chmod(0),
    "touched": lambda files: os.utime(files / "lines.jsonl"),
    "set back to 1970": lambda files: os.utime(files / "lines.jsonl", ns=(0, 0)),
}


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    nameless = [{**event, "session_id": ""} for event in busy_session("", 30)]
    for event in nameless:
        event["schema_version"] = 2
        del event["session_id"]
    segments = {"segment-000001.jsonl": busy_session("a", 40), "segment-000002.jsonl": nameless}
    write_sink(folder / "sink", segments)
    write_lines(folder / "lines.jsonl", busy_session("l", 40))
    (folder / "torn.jsonl").write_bytes(text_of("torn", 20)[:-50])
    (folder / "x-telemetry.json").write_text(json.dumps(busy_session("d", 40)))
    (tmp_path / "first").write_bytes(b"".join(map(line_of, nameless)))
    (tmp_path / "second").write_bytes(b"".join(map(line_of, reversed(nameless))))
    (tmp_path / "same").hardlink_to(tmp_path / "first")
    (folder / "link.jsonl").symlink_to(tmp_path / "first")
    return folder


@pytest.mark.parametrize("change", CHANGES)
def test_change(files: Path, tmp_path: Path, change: str) -> None:
    with stormlog.query.open(files, cache=tmp_path / "cache") as store:
        before = [issue.as_dict() for issue in store.list_issues()]
        store.list_sessions()
        CHANGES[change](files)
        # A store shows what was there, until it is asked to look again.
        assert [issue.as_dict() for issue in store.list_issues()] == before
        store.refresh()
        with stormlog.query.open(files, cache=False) as cold:
            wanted = answer_text(cold, with_events=False)
            sessions = [row.as_dict() for row in cold.list_sessions()]
        assert warm_answer(files, tmp_path / "cache", with_events=False) == wanted
        assert answer_text(store, with_events=False) == wanted
        assert [row.as_dict() for row in store.list_sessions()] == sessions


def test_parquet_segment_edited_in_place_with_the_same_size_and_time(tmp_path: Path) -> None:
    one, other = (sink_of(tmp_path / name, table(busy_session(name, 60))) for name in ("a", "b"))
    segment = one / "segment-000001.parquet"
    with stormlog.query.open(one, cache=tmp_path / "cache") as store:
        store.list_issues()
        data = (other / "segment-000001.parquet").read_bytes()
        assert len(data) == segment.stat().st_size
        edited(segment, lambda _: data)
        assert store.refresh()
        assert answer_text(store, with_events=False) == cold_answer(one, with_events=False)
    assert warm_answer(one, tmp_path / "cache") == cold_answer(one)


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
        assert answer_text(store) == cold_answer(paths)


def test_a_file_moves_into_another_source(files: Path, tmp_path: Path) -> None:
    warm_answer(files, tmp_path / "cache", with_events=False)
    (files / "lines.jsonl").rename(files / "sink" / "segment-000003.jsonl")
    assert warm_answer(files, tmp_path / "cache") == cold_answer(files)
    (files / "sink" / "segment-000003.jsonl").rename(files / "lines.jsonl")
    assert warm_answer(files, tmp_path / "cache") == cold_answer(files)


def test_records_of_the_last_line_count_once(tmp_path: Path) -> None:
    """A last line without an end is a record already; when it ends, it is the same one."""
    path = tmp_path / "a.jsonl"
    path.write_bytes(text_of("s", 20) + line_of(record(session_id="s", event_type="warning"))[:-1])
    for added in (b"", b" ", b"\n", b"\n", b"{}", b"\n"):
        append(path, added)
        assert warm_answer(path, tmp_path / "cache") == cold_answer(path)
