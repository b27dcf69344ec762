"""Records, skipped lines and blank lines add up to the lines of a file, whatever it holds and however it is packed."""

from __future__ import annotations

import gzip
import json
import random
import re
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest

import stormlog.query
from stormlog.engine.database.unpack_limit import parse_unpack_limit
from tests.telemetry.factories import record

DELIMITER = b"\x01\x1e\x02\x1f"
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": lambda data: bytes(pyarrow.compress(data, "zstd", asbytes=True)),
}


def line(number: int = 0, session: str = "s") -> bytes:
    """Return a record; files with records of one session may be copies of each other."""
    return json.dumps(record(timestamp_ns=10**18 + number, session_id=session), sort_keys=True).encode()


def lines_in(data: bytes) -> int:
    lines = re.split(rb"\r\n|\r|\n", data.removeprefix(b"\xef\xbb\xbf"))
    return sum(bool(text.decode("utf-8", "replace").strip()) for text in lines)


def found_in(path: Path, **options: str) -> tuple[int, int, list[str]]:
    """Return the number of records and of skipped lines, and the codes of warnings."""
    with stormlog.query.open([path], cache=False, **options) as store:  # type: ignore[arg-type]
        records = store.sql("SELECT count(*) FROM events").rows[0][0]
        return records, len(store.rejects()), [warning.code for warning in store.catalog.warnings]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """How many lines the files of each suffix have, and how many records and skipped lines a store finds in them."""
    folder = tmp_path_factory.mktemp("hostile")
    odd = [b"{", b"\xff", b"\0", b'"', b"  ", b"", DELIMITER, b"\xe2\x82", "\u2028".encode()]
    odd += [b"x" * 5000, b"[1]", b"NULL"]
    lines, accounted = Counter[str](), Counter[str]()
    for suffix, pack in PACKERS.items():
        chance = random.Random(7)
        for number in range(40):
            session = f"s-{number}{suffix}"
            parts = [line(0, session), line(1, session), b"\xef\xbb\xbf" + line(0, session), *odd]
            data = b"".join(
                chance.choice(parts) + chance.choice([b"\n", b"\n", b"\r\n", b"\r"]) for _ in range(8)
            )
            data += chance.choice([b"", line(0, session), b"{"])
            lines[suffix] += lines_in(data)
            (folder / f"{number}.jsonl{suffix}").write_bytes(pack(data))
    with stormlog.query.open([folder], cache=False) as store:
        records = store.sql("SELECT segment_path, count(*) FROM events GROUP BY ALL").rows
        skipped = [(one.path, 1) for one in store.rejects()]
        assert store.catalog.warnings == []
    for path, count in [*records, *skipped]:
        accounted[Path(path).suffix.replace(".jsonl", "")] += count
    return {suffix: (lines[suffix], accounted[suffix]) for suffix in PACKERS}


@pytest.mark.parametrize("suffix", PACKERS)
def test_every_line_of_hostile_files_is_accounted_for(
    hostile: dict[str, tuple[int, int]], suffix: str
) -> None:
    lines, accounted = hostile[suffix]
    assert lines == accounted > 200


#: Ends of the last line.
ENDS = (b"", b"\n")


@pytest.fixture(scope="module")
def long_last_lines(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[int, int]]:
    """Name of a file -> how many records and how many skipped lines it has; each ends with a line that is too long."""
    folder = tmp_path_factory.mktemp("long")
    names = []
    for suffix, pack in PACKERS.items():
        for number, end in enumerate(ENDS):
            names.append(f"{number}.jsonl{suffix}")
            data = line(0, names[-1]) + b"\n" + b"x" * (17 << 20) + end
            (folder / names[-1]).write_bytes(pack(data))
    with stormlog.query.open([folder], cache=False, unpack_limit="1GB") as store:
        records = dict(store.sql("SELECT segment_path, count(*) FROM events GROUP BY ALL").rows)
        skipped = dict(store.rejects_summary())
        assert store.catalog.warnings == []
    paths = {name: str(folder / name) for name in names}
    return {name: (records[path], skipped[path]) for name, path in paths.items()}


@pytest.mark.parametrize("suffix", PACKERS)
@pytest.mark.parametrize("end", ENDS)
def test_a_last_line_of_any_size_is_told(
    long_last_lines: dict[str, tuple[int, int]], suffix: str, end: bytes
) -> None:
    assert long_last_lines[f"{ENDS.index(end)}.jsonl{suffix}"] == (1, 1)


def test_archives_that_end_at_a_line_are_told(tmp_path: Path) -> None:
    lines = [line(number, "a") + b"\n" for number in range(3000)]
    packer = zlib.compressobj(wbits=31)
    (tmp_path / "a.jsonl.gz").write_bytes(
        b"".join(map(packer.compress, lines)) + packer.flush(zlib.Z_FULL_FLUSH)
    )
    lines = [line(number, "b") + b"\n" for number in range(3000)]
    sink = pyarrow.BufferOutputStream()
    stream = pyarrow.CompressedOutputStream(sink, "zstd")
    stream.write(b"".join(lines))
    stream.flush()
    size = sink.tell()
    stream.close()
    (tmp_path / "b.jsonl.zst").write_bytes(sink.getvalue().to_pybytes()[:size])
    assert found_in(tmp_path) == (6000, 0, ["damaged", "damaged"])


def test_wrong_checksum_and_trailing_garbage_are_told_and_keep_what_came_before(tmp_path: Path) -> None:
    a, b, c, d = (line(0, session) + b"\n" for session in "abcd")
    packed = gzip.compress(a)
    (tmp_path / "a.jsonl.gz").write_bytes(packed[:-8] + b"1234" + packed[-4:])
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b) + b"garbage")
    (tmp_path / "c.jsonl.zst").write_bytes(PACKERS[".zst"](c) + b"garbage")
    (tmp_path / "d.jsonl.gz").write_bytes(gzip.compress(d) * 2 + b"\0" * 100)
    assert found_in(tmp_path) == (5, 0, ["damaged"] * 3)


def test_packed_files_that_hold_too_much_are_skipped_and_told(tmp_path: Path) -> None:
    for suffix in (".gz", ".zst"):
        (tmp_path / f"bomb.jsonl{suffix}").write_bytes(PACKERS[suffix](b" " * (65 << 20)))
    (tmp_path / "good.jsonl").write_bytes(line())
    assert found_in(tmp_path) == (1, 0, ["unpack_limit"] * 2)
    assert found_in(tmp_path, unpack_limit="1MB") == (1, 0, ["unpack_limit"] * 2)


def test_unpack_limit_is_taken_from_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(line()))
    monkeypatch.setenv("STORMLOG_UNPACK_LIMIT", "10B")
    assert found_in(tmp_path) == (0, 0, ["unpack_limit"])
    assert found_in(tmp_path, unpack_limit="1MB") == (1, 0, [])
    monkeypatch.setenv("STORMLOG_UNPACK_LIMIT", "much")
    with pytest.raises(ValueError, match="no unpack limit"):
        found_in(tmp_path)


def test_what_a_limit_leaves_out_is_told_beside_answers_that_were_kept_without_it(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"\n".join(map(line, range(50)))))
    cache = tmp_path / "cache"
    with stormlog.query.open(path, cache=cache) as store:
        assert len(store.list_runs()) == 1

    with stormlog.query.open(path, cache=cache, unpack_limit="1KB") as store:
        assert store.list_run_attachments() == []
        assert [warning.code for warning in store.catalog.warnings] == ["unpack_limit"]


def test_sizes_of_the_unpack_limit() -> None:
    sizes = {"1KB": 1000, "2 MiB": 2 << 20, "3gb": 3 * 10**9, "7": 7}
    assert {text: parse_unpack_limit(text).most_bytes for text in sizes} == sizes


def test_large_cells_of_csv_are_read_by_both_readers(tmp_path: Path) -> None:
    from stormlog.telemetry.csv_rows import load_csv_sessions

    row = record(context="x" * 200_000, metadata={})
    path = tmp_path / "events.csv"
    cells = [
        "{}" if name == "metadata" else "" if value is None else str(value) for name, value in row.items()
    ]
    path.write_text(f"{','.join(row)}\n{','.join(cells)}\n")
    assert found_in(path) == (1, 0, [])
    (session,), warnings = load_csv_sessions(path)
    assert warnings == []
    assert [len(event.context or "") for event in session.events] == [200_000]
