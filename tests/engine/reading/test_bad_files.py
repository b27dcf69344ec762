"""Files that cannot be read, or not wholly, never hide the others."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pyarrow
import pytest

import stormlog.query
from stormlog.errors import SourceError
from tests.engine.reading.oracle import assert_as_expected
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


@pytest.mark.parametrize(
    "name", ["a*b", "a[1]", "a?", "it's", 'say "x"', "rank=3", "line=x", "é ü", "-x", "{a,b}", "a;b", "%41"]
)
def test_names_mean_nothing_but_themselves(tmp_path: Path, name: str) -> None:
    folder = tmp_path / name
    folder.mkdir()
    for decoy in ("aXb", "a1", "aX"):
        (tmp_path / decoy).mkdir()
        write_lines(tmp_path / decoy / f"{name}.jsonl", [record(session_id="decoy")])
        write_lines(tmp_path / decoy / "aXb.jsonl", [record(session_id="decoy")])
    path = write_lines(folder / f"{name}.jsonl", [record(event_type="warning")])
    (folder / "bad.jsonl").write_text("{\n")
    packed = folder / f"{name}.jsonl.gz"
    packed.write_bytes(gzip.compress(path.read_bytes().replace(b'"s"', b'"t"')))
    with stormlog.query.open([folder]) as store:
        (issue,) = store.list_issues()
        assert issue.hit_count == 2
        assert sessions_of(store) == {"s", "t"}
        assert store.rejects_summary() == [(str(folder / "bad.jsonl"), 1)]
        segments = {row[0] for row in store.sql("SELECT DISTINCT segment_path FROM events").rows}
        assert segments == {str(path), str(packed)}


def test_name_that_is_no_text(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.jsonl"))
    write_lines(path, [record(event_type="warning")])
    write_lines(tmp_path / "good.jsonl", [record(event_type="warning", session_id="t")])
    with stormlog.query.open([tmp_path]) as store:
        (issue,) = store.list_issues()
        assert issue.hit_count == 2
        assert len(store.query_events()) == 2


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
def test_packed_files_give_the_same_events(tmp_path: Path, suffix: str) -> None:
    plain = write_lines(tmp_path / "plain.jsonl", busy_session("s", 60))
    with plain.open("ab") as stream:
        stream.write(b'{"torn')
    content = plain.read_bytes()
    packed = tmp_path / f"packed.jsonl{suffix}"
    packed.write_bytes(
        gzip.compress(content) if suffix == ".gz" else pyarrow.compress(content, "zstd", asbytes=True)
    )
    with stormlog.query.open([plain]) as one, stormlog.query.open([packed]) as other:
        assert issues_of(one) == issues_of(other)
        assert len(one.query_events()) == len(other.query_events()) == 60
        assert [reject.line_number for reject in other.rejects()] == [61]


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


@pytest.mark.parametrize("padding", [b"\0", b"\0" * 512, b"\0" * 100_000])
def test_zeros_behind_an_archive_are_padding(tmp_path: Path, padding: bytes) -> None:
    lines = json.dumps(record(session_id="good")) + "\n"
    (tmp_path / "padded.jsonl.gz").write_bytes(gzip.compress(lines.encode()) + padding)
    with stormlog.query.open([tmp_path]) as store:
        assert len(store.query_events()) == 1
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
    for number in range(30):
        path = write_lines(tmp_path / f"segment-{number:06d}.jsonl", [record(session_id=f"s{number}")] * 3)
        if number % 3 == 0:
            content = path.read_bytes()
            path.write_bytes(content + damage[number // 3 % len(damage)] + content)
    with stormlog.query.open([tmp_path]) as store:
        store.list_issues()
        assert len(store.query_events()) == 20 * 3 + 10 * 6 - 2 * 3 + 2 * 2
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
