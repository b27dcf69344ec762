"""Files that cannot be read, or not wholly, never hide the others."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow
import pytest

import stormlog.query
from stormlog.errors import SourceError
from tests.engine.reading.oracle import assert_as_expected
from tests.engine.reading.side_by_side import read_for_issues
from tests.query.sinks import busy_session, write_lines, write_sink
from tests.telemetry.factories import record


def sessions_of(store: Any) -> set[str]:
    return {row.as_dict()["session_id"] for row in store.query_events()}


def codes(store: Any) -> dict[str, str]:
    return {Path(warning.path).name: warning.code for warning in store.catalog.warnings}


@pytest.fixture
def sink(tmp_path: Path) -> Path:
    events = {
        f"segment-00000{n}.jsonl": [record(session_id=f"s{n}", event_type="warning")] for n in (1, 2, 3)
    }
    return write_sink(tmp_path / "sink", events)


def test_file_removed_after_opening(sink: Path) -> None:
    with stormlog.query.open([sink]) as store:
        (sink / "segment-000002.jsonl").unlink()

        (issue,) = store.list_issues()

        assert issue.affected_sessions == ("s1", "s3")
        assert sessions_of(store) == {"s1", "s3"}
        assert codes(store) == {"segment-000002.jsonl": "unreadable"}


def test_removed_file_is_an_error_when_strict(sink: Path) -> None:
    with stormlog.query.open([sink], strict=True) as store:
        (sink / "segment-000002.jsonl").unlink()
        with pytest.raises(SourceError) as caught:
            store.list_issues()
    assert caught.value.path == str(sink / "segment-000002.jsonl")


def test_directory_and_dangling_link_in_place_of_segments(sink: Path) -> None:
    (sink / "segment-000009.jsonl").mkdir()
    (sink / "segment-000008.jsonl").symlink_to(sink / "nothing")
    with stormlog.query.open([sink]) as store:
        assert sessions_of(store) == {"s1", "s2", "s3"}
        assert codes(store) == {"segment-000008.jsonl": "path_missing"}


def test_links_in_circles_and_out_of_the_sink(sink: Path, tmp_path: Path) -> None:
    other = write_lines(tmp_path / "other.jsonl", [record(session_id="other")])
    (sink / "again").symlink_to(sink)
    (sink / "segment-000004.jsonl").symlink_to(other)
    (sink / "segment-000005.jsonl").symlink_to(sink / "segment-000005.jsonl")
    with stormlog.query.open([sink]) as store:
        assert sessions_of(store) == {"s1", "s2", "s3"}
        found = {warning.code.partition(":")[0] for warning in store.catalog.warnings}
    assert found == {"symlink_loop", "symlink_outside"}


@pytest.mark.parametrize("name", ["../outside.jsonl", "/etc/hostname"])
def test_manifest_that_names_files_elsewhere(tmp_path: Path, name: str) -> None:
    write_lines(tmp_path / "outside.jsonl", [record(session_id="outside")])
    segments = [{"filename": name}, {"filename": "segment-000001.jsonl"}]
    sink = write_sink(tmp_path / "sink", {"segment-000001.jsonl": [record()]}, segments=segments)
    with stormlog.query.open([sink]) as store:
        assert sessions_of(store) == {"s"}
        assert [warning.code.partition(":")[0] for warning in store.catalog.warnings] == [
            "segment_outside_sink"
        ]


def test_segments_are_lines_whatever_their_name(tmp_path: Path) -> None:
    sink = write_sink(
        tmp_path / "sink",
        {"events.json": [record(), record()], "segment-000001.jsonl": [record(session_id="t")]},
    )
    with stormlog.query.open([sink]) as store:
        assert len(store.query_events()) == 3
        assert not store.catalog.warnings


NAMES = ["a*b", "a[1]", "a?", "it's", 'say "x"', "rank=3", "line=x", "é ü", "-x", "{a,b}", "a;b", "%41"]


@pytest.fixture(scope="module")
def named(
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Path, Counter[tuple[str, str]], dict[str, int], set[str]]:
    """A folder with a folder of each name, and decoys beside them that are not opened.

    Then how many events each file has, by path and session, how many skipped lines, and the sessions of the issue.
    """
    below = tmp_path_factory.mktemp("names")
    for decoy in ("aXb", "a1", "aX"):
        (below / decoy).mkdir()
        for name in (*NAMES, "aXb"):
            write_lines(below / decoy / f"{name}.jsonl", [record(session_id="decoy", event_type="warning")])
    for name in NAMES:
        folder = below / name
        folder.mkdir()
        write_lines(folder / f"{name}.jsonl", [record(session_id=name, event_type="warning")])
        (folder / "bad.jsonl").write_text("{\n")
        line = json.dumps(record(session_id=f"packed {name}", event_type="warning"))
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(f"{line}\n".encode()))
    with stormlog.query.open([below / name for name in NAMES]) as store:
        (issue,) = store.list_issues()
        assert issue.hit_count == 2 * len(NAMES)
        events = Counter(store.sql("SELECT segment_path, session_id FROM events").rows)
        return below, events, dict(store.rejects_summary()), set(issue.affected_sessions)


@pytest.mark.parametrize("name", NAMES)
def test_names_mean_nothing_but_themselves(
    named: tuple[Path, Counter[tuple[str, str]], dict[str, int], set[str]], name: str
) -> None:
    below, events, rejects, sessions = named
    folder = below / name

    assert {place: count for place, count in events.items() if Path(place[0]).parent == folder} == {
        (str(folder / f"{name}.jsonl"), name): 1,
        (str(folder / f"{name}.jsonl.gz"), f"packed {name}"): 1,
    }
    assert {path: count for path, count in rejects.items() if Path(path).parent == folder} == {
        str(folder / "bad.jsonl"): 1
    }
    assert sessions >= {name, f"packed {name}"} and "decoy" not in sessions


def test_name_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl"))
    write_lines(path, [record(event_type="warning")])
    write_lines(tmp_path / "good.jsonl", [record(event_type="warning", session_id="t")])
    with stormlog.query.open([tmp_path]) as store:
        (issue,) = store.list_issues()
        assert issue.hit_count == 2
        assert len(store.query_events()) == 2


def test_packed_files_give_the_same_events(tmp_path: Path) -> None:
    plain = write_lines(tmp_path / "plain.jsonl", busy_session("s", 60))
    with plain.open("ab") as stream:
        stream.write(b'{"torn')
    content = plain.read_bytes()
    packed = {".gz": gzip.compress(content), ".zst": pyarrow.compress(content, "zstd", asbytes=True)}
    with stormlog.query.open([plain]) as store:
        wanted = issues_of(store)
    for suffix, data in packed.items():
        path = tmp_path / f"packed.jsonl{suffix}"
        path.write_bytes(data)
        with stormlog.query.open([path]) as store:
            assert issues_of(store) == wanted, suffix
            assert len(store.query_events()) == 60, suffix
            assert [reject.line_number for reject in store.rejects()] == [61], suffix


def issues_of(store: Any) -> list[dict[str, Any]]:
    return [issue.fingerprint.as_dict() | {"hits": issue.hit_count} for issue in store.list_issues()]


def test_truncated_archive_keeps_what_can_be_unpacked(tmp_path: Path) -> None:
    lines = "".join(json.dumps(record(context=os.urandom(20).hex())) + "\n" for _ in range(5000)).encode()
    packed = gzip.compress(lines)
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(packed[: len(packed) // 2])
    write_lines(tmp_path / "good.jsonl", [record(session_id="good")])
    with stormlog.query.open([tmp_path]) as store:
        rows = store.query_events()
        assert 1000 < len(rows) < 4500
        assert "good" in sessions_of(store)
        assert codes(store) == {"cut.jsonl.gz": "damaged"}
        assert [reject.line_number for reject in store.rejects()] == [len(rows)]


def test_zeros_behind_an_archive_are_padding(tmp_path: Path) -> None:
    for number, padding in enumerate([b"\0", b"\0" * 512, b"\0" * 100_000]):
        line = json.dumps(record(session_id=f"good {number}")) + "\n"
        (tmp_path / f"{number}.jsonl.gz").write_bytes(gzip.compress(line.encode()) + padding)
    with stormlog.query.open([tmp_path]) as store:
        assert len(store.query_events()) == 3
        assert sessions_of(store) == {"good 0", "good 1", "good 2"}
        assert codes(store) == {} and store.rejects() == []


def test_what_is_no_archive_is_one_warning(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(b"no archive")
    (tmp_path / "b.jsonl.zst").write_bytes(b"no archive")
    (tmp_path / "c.jsonl.gz").write_bytes(b"")
    (tmp_path / "d.jsonl.zst").write_bytes(b"")
    write_lines(tmp_path / "good.jsonl", [record()])
    with stormlog.query.open([tmp_path]) as store:
        assert sessions_of(store) == {"s"}
        assert codes(store) == {"a.jsonl.gz": "unreadable", "b.jsonl.zst": "unreadable"}


def test_empty_sinks_and_files(tmp_path: Path) -> None:
    write_sink(tmp_path / "none", {})
    write_sink(tmp_path / "empty", {"segment-000001.jsonl": []})
    with stormlog.query.open([tmp_path]) as store:
        assert store.list_issues() == []
        assert store.query_events() == []
        assert store.list_sessions() == []
        assert not store.catalog.warnings


def test_many_files_of_which_every_third_is_damaged(tmp_path: Path) -> None:
    damage = [b"\xff\n", b"{\n", b'{"a": 1}\r\n', b"\0\n", b"x" * (17 << 20)]
    for number in range(24):
        path = write_lines(tmp_path / f"segment-{number:06d}.jsonl", [record(session_id=f"s{number}")] * 3)
        if number % 3 == 0:
            content = path.read_bytes()
            path.write_bytes(content + damage[number // 3 % len(damage)] + content)
    with stormlog.query.open([tmp_path]) as store:
        read_for_issues(store)
        # The first line behind the long one is a part of it.
        assert len(store.query_events()) == 16 * 3 + 8 * 6 - 1
        assert {reject.line_number for reject in store.rejects()} == {4}
        lines = store.sql("SELECT segment_path, line_number, session_id FROM events").rows
    for name, number, session_id in lines:
        raw = Path(name).read_bytes().replace(b"\r\n", b"\n").split(b"\n")[number - 1]
        assert json.loads(raw[len(damage[4]) :] if raw.startswith(b"xx") else raw)["session_id"] == session_id


def test_single_damaged_file_reads_as_python_does(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", busy_session("s", 30))
    path.write_bytes(path.read_bytes() + b'\xff\n{"a": 1}\n' + path.read_bytes())
    with stormlog.query.open([path]) as store:
        assert_as_expected(path, store)


def test_ledger_with_values_that_no_column_holds(tmp_path: Path) -> None:
    summary = {"status": "running", "host": "h\ud800", "source": "x", "pid": 7}
    sessions = [
        {**summary, "session_id": "half \udc00", "started_at_ns": 5},
        {**summary, "session_id": "late", "started_at_ns": 10**30, "pid": -(10**30)},
        {**summary, "session_id": "s", "started_at_ns": 6},
    ]
    sink = write_sink(
        tmp_path / "sink", {"segment-000001.jsonl": [record(event_type="warning")]}, sessions=sessions
    )
    with stormlog.query.open([sink]) as store:
        assert len(store.list_issues()) == 1
        assert {row.session_id for row in store.list_sessions()} == {"half \ufffd", "late", "s"}


def test_only_missing_arguments_count_as_missing(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        stormlog.query.open([tmp_path / "a", tmp_path / "b"])
    (tmp_path / "segment-000001.jsonl").symlink_to(tmp_path / "nothing")
    with stormlog.query.open([tmp_path, tmp_path / "a"]) as store:
        assert store.list_issues() == []
