"""Questions about a session or some time read few Parquet files, and answer as if all had been read."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import stormlog.query
from stormlog.compaction import compact_sink
from stormlog.engine import selective
from stormlog.engine.index.location import LAYOUT
from stormlog.engine.reading.reader import Reader
from stormlog.errors import QueryError, SourceError
from stormlog.query import EventFilter
from stormlog.query.remembered.verification import verify
from tests.compaction.answers import copy_of
from tests.compaction.test_same_answers import captures, sinks
from tests.engine.reading.test_parquet_columns import segment
from tests.engine.selective_sinks import Rows, as_events, lines, mixed_sink, rejected, rows_of, sink_of, span
from tests.query.sinks import SECOND, START_NS, write_sink
from tests.soak import IS_SOAK

LONG = "x" * 5000


def names_of_read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collect the names of the files that are read."""
    taken: list[str] = []
    real = Reader.read

    def counted(reader: Reader, tasks: Any, next_id: int, *, keep_all: bool) -> int:
        taken.extend(Path(task.origin.path).name for task in tasks)
        return real(reader, tasks, next_id, keep_all=keep_all)

    monkeypatch.setattr(Reader, "read", counted)
    return taken


@pytest.fixture
def read_files(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return names_of_read_files(monkeypatch)


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Leave files out however few they are."""
    monkeypatch.setattr(selective, "LEAST_SHARE_LEFT_OUT", 0)
    yield


def answer(store: stormlog.query.QueryStore, **values: Any) -> list[dict[str, Any]]:
    return [row.as_dict() for row in store.query_events(EventFilter(**values))]


def assert_same(
    path: Path, *questions: dict[str, Any], alone: slice = slice(1, 4)
) -> list[list[dict[str, Any]]]:
    """Ask one store that leaves files out, all in turn, others only one each, and one that read everything."""
    with stormlog.query.open(path, cache=False) as whole:
        whole.query_events()
        wanted = [answer(whole, **question) for question in questions]
        assert whole._selective_engine is None
    assert_selective(path, questions, wanted, alone=alone)
    return wanted


def assert_selective(
    path: Path,
    questions: Sequence[dict[str, Any]],
    wanted: list[list[dict[str, Any]]],
    *,
    alone: slice = slice(1, 4),
) -> None:
    """Ask one store that leaves files out, all in turn, and others only one each, of those in ``alone``."""
    with stormlog.query.open(path, cache=False) as store:
        assert [answer(store, **question) for question in questions] == wanted
        assert store._open_engine is None
    for question, expected in list(zip(questions, wanted, strict=True))[alone]:
        with stormlog.query.open(path, cache=False) as store:
            assert answer(store, **question) == expected
            assert store._open_engine is None


# ---- what is read --------------------------------------------------------------------------------------------


def test_one_session_of_many_files_is_one_file(tmp_path: Path, read_files: list[str]) -> None:
    files = [rows_of(f"s{number:03d}", number * 10) for number in range(100)]
    sink = sink_of(tmp_path / "sink", [*files])

    with stormlog.query.open(sink, cache=False) as store:
        assert len(answer(store, session_id="s023")) == 4
        assert read_files == ["segment-000024.parquet"]
        assert len(answer(store, **span(700, 701))) == 2
        assert read_files == ["segment-000024.parquet", "segment-000071.parquet"]
        read_files.clear()
        # The last row of one file, and the first one of another.
        assert len(answer(store, **span(503, 505))) == len(answer(store, **span(605, 610))) == 1
        assert read_files == ["segment-000051.parquet", "segment-000062.parquet"]
        assert answer(store, session_id="s023", **span(0, 5)) == []
        assert answer(store, session_id="nobody") == []
        assert len(answer(store, session_id="s070", event_type="sample", limit=3)) == 3
        assert len(read_files) == 2
        assert len(answer(store)) == 400
        assert len(read_files) == 102


def test_pages_of_other_files_are_not_read(tmp_path: Path) -> None:
    sink = sink_of(tmp_path / "sink", [rows_of(f"s{number}", number * 10) for number in range(20)])
    for number in range(1, 21):
        path = sink / f"segment-{number:06d}.parquet"
        content = path.read_bytes()
        footer = 8 + int.from_bytes(content[-8:-4], "little")
        if number != 7:
            path.write_bytes(bytes(len(content) - footer) + content[-footer:])

    with stormlog.query.open(sink, cache=False) as store:
        assert len(answer(store, session_id="s6")) == 4
        assert store.catalog.warnings == []


@pytest.fixture(scope="module")
def compacted_sink(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sink that tests copy; nobody writes to it."""
    return compacted(tmp_path_factory.mktemp("compacted"))


def compacted(directory: Path) -> Path:
    files = {f"segment-{n:06d}.jsonl": as_events(rows_of(f"s{n}", n * 100, 60)) for n in range(1, 20)}
    report = compact_sink(write_sink(directory / "lines", files), directory / "sink")
    assert len(report.compacted) == 19
    return directory / "sink"


def test_what_compaction_says_saves_opening_files(tmp_path: Path, compacted_sink: Path) -> None:
    sink = copy_of(compacted_sink, tmp_path / "sink")
    for path in sink.glob("*.parquet"):
        if path.name != "segment-000007.parquet":
            path.write_bytes(bytes(path.stat().st_size))

    with stormlog.query.open(sink, cache=False) as store:
        assert len(answer(store, session_id="s7", **span(710, 999))) == 50
        assert answer(store, session_id="s8", **span(0, 799)) == []
        assert store.catalog.warnings == []


#: What makes an entry of a manifest unfit, though it says that the segment holds nothing of what is asked for.
UNFIT: list[dict[str, Any]] = [
    {"size_bytes": 7},
    {"first_ns": None},
    {"last_ns": 2**70},
    {"session_ids": None},
    {"session_ids": [5]},
    {"session_ids": ["\ud800"]},
]


class Told(NamedTuple):
    """What is told of a sink with an unfit entry for each of its first segments, and of one whose entries fit."""

    sink: Path
    rows: list[list[dict[str, Any]]]
    wanted: list[list[dict[str, Any]]]
    read_files: list[str]


@pytest.fixture(scope="module")
def told_of_unfit(compacted_sink: Path, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The answers about the session of each segment, about the one that entries name, and about some time."""
    sink = copy_of(compacted_sink, tmp_path_factory.mktemp("unfit") / "sink")
    payload = json.loads((sink / "manifest.json").read_text())
    for changes, item in zip(UNFIT, payload["segments"], strict=False):
        item.update({"session_ids": ["other"], "first_ns": 0, "last_ns": 0, **changes})
    (sink / "manifest.json").write_text(json.dumps(payload))
    names = [f"s{number}" for number in range(1, len(UNFIT) + 1)]
    questions = [*({"session_id": name} for name in (*names, "other")), span(0, 650)]
    with stormlog.query.open(compacted_sink, cache=False) as store:
        store.query_events()
        wanted = [answer(store, **question) for question in questions]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(selective, "LEAST_SHARE_LEFT_OUT", 0)
        read_files = names_of_read_files(patch)
        with stormlog.query.open(sink, cache=False) as store:
            told = [answer(store, **question) for question in questions]
            assert store._open_engine is None
    for row in (row for rows in told for row in rows):
        row["source_path"] = row["source_path"].replace(str(sink), str(compacted_sink))
    return Told(sink, told, wanted, read_files)


@pytest.mark.parametrize("changes", UNFIT, ids=repr)
def test_a_manifest_that_does_not_fit_its_files_is_not_believed(
    told_of_unfit: Told, always: None, changes: dict[str, Any]
) -> None:
    place = UNFIT.index(changes)
    name = f"segment-{place + 1:06d}.parquet"
    told, wanted = (
        [[row for row in rows[i] if row["source_path"].endswith(name)] for i in (place, -1)]
        for rows in (told_of_unfit.rows, told_of_unfit.wanted)
    )

    assert told == wanted
    assert len(told[0]) == 60 and told[1]
    assert told_of_unfit.read_files.count(name) == 1
    # By nothing but its time, where nothing was read before.
    first = 100 * (place + 1)
    with stormlog.query.open(told_of_unfit.sink, cache=False) as store:
        assert len(answer(store, **span(first, first + 5))) == 6
        assert store._open_engine is None


def test_whatever_a_manifest_says_answers_are_those_of_the_files(told_of_unfit: Told) -> None:
    assert told_of_unfit.rows == told_of_unfit.wanted
    assert [len(rows) for rows in told_of_unfit.wanted] == [*[60] * len(UNFIT), 0, 351]


def test_a_session_of_the_ledger_needs_the_file_it_begins_in(tmp_path: Path, read_files: list[str]) -> None:
    files = [rows_of("s", number * 10) for number in range(20)]
    sink = sink_of(tmp_path / "sink", [*files], ("s",))

    (found,) = assert_same(sink, {"session_id": "s", **span(150, 153)})

    assert {(Path(row["source_path"]).name, row["session_status"]) for row in found} == {
        ("segment-000001.parquet", "interrupted")
    }
    assert read_files[20:] == ["segment-000016.parquet", "segment-000001.parquet"]


def test_a_session_without_ledger_needs_all_its_files(tmp_path: Path, read_files: list[str]) -> None:
    files = [rows_of(f"s{number // 4}", number * 10) for number in range(20)]
    files[11] = rows_of("s2", 110, event_type="stop")
    sink = sink_of(tmp_path / "sink", [*files])

    (found,) = assert_same(sink, {"session_id": "s2", **span(80, 83)})

    assert {row["session_status"] for row in found} == {"completed"}
    assert sorted(read_files[20:]) == [f"segment-{number:06d}.parquet" for number in (9, 10, 11, 12)]


def test_a_file_whose_rows_are_skipped_does_not_begin_a_session(
    tmp_path: Path, always: None, read_files: list[str]
) -> None:
    files = [rejected(rows_of("s", 0)), rejected(rows_of("s", 10)), rows_of("s", 20), rows_of("s", 30)]
    sink = sink_of(tmp_path / "sink", [*files, rows_of("t", 40), rows_of("s", 50)], ("s", "t"))

    found, again = assert_same(sink, {"session_id": "s", **span(50, 53)}, span(30, 33))

    assert {Path(row["source_path"]).name for row in [*found, *again]} == {"segment-000003.parquet"}
    assert "segment-000005.parquet" not in read_files[6:]


# ---- the same answers ----------------------------------------------------------------------------------------


def test_compacted_captures(tmp_path: Path, always: None) -> None:
    folder = tmp_path / "captures"
    captures(folder)
    for sink in sinks(folder):
        # Lines beside the columns: these are read for every question.
        if sink.parent.name != "damaged":
            compact_sink(sink, replace=True)
    compacted = {path.relative_to(folder).parts[0] for path in folder.rglob("*.parquet")}
    assert len(compacted) == 5
    with stormlog.query.open(folder, cache=False) as whole:
        events = answer(whole)
        questions: list[dict[str, Any]] = []
        for scenario in sorted(compacted):
            rows = [row for row in events if f"/captures/{scenario}/" in row["source_path"]]
            times = sorted(row["timestamp_ns"] for row in rows)
            ids = sorted({row["session_id"] for row in rows})
            low, high = times[len(times) // 3], times[2 * len(times) // 3]
            questions += [
                {"session_id": ids[0], "status": "completed", "has_alert": True, "time_start_ns": low},
                {"session_id": ids[0]},
                {"session_id": ids[-1], "time_end_ns": low},
                {"time_start_ns": low, "time_end_ns": high},
                {"time_start_ns": times[-1], "time_end_ns": times[-1]},
            ]
        wanted = [answer(whole, **question) for question in questions]
        assert whole._selective_engine is None
    assert_selective(folder, questions, wanted, alone=slice(0))


def test_interleaved_sessions_and_lines_beside_rows(tmp_path: Path, always: None) -> None:
    questions: list[dict[str, Any]] = []
    # The same sessions at other times, with and without a ledger.
    for shift, sessions in ((0, ()), (1000, ("a", "c"))):
        mixed = [row for n in range(8) for row in rows_of("ab"[n % 2], shift + n, 1)]
        files = [lines(rows_of("a", shift)), mixed, rows_of("b", shift + 20), rows_of("c", shift + 30)]
        files += [lines(rows_of("c", shift + 40, event_type="stop")), rows_of("a", shift + 50)]
        sink_of(tmp_path / "in" / str(shift), files, sessions)
        questions += [
            {"session_id": name, **span(shift, shift + last)} for name in "abc" for last in (31, 100)
        ]
        questions += [span(shift + 30, shift + 33), span(shift + 50, shift + 60)]
    assert_same(tmp_path / "in", *questions, alone=slice(1, 2))


def columns_that_need_a_look(shift: int) -> list[Rows | pa.Table]:
    """Sessions and times that are not what their column says, or of which the footer says too little."""

    def rows(session_id: str | None, start: int, count: int = 4, **overrides: Any) -> Rows:
        return rows_of(session_id, start + shift, count, **overrides)

    text = json.dumps(as_events(rows("hidden", 5, 1))[0], sort_keys=True)
    plain = segment(rows("a", 0))
    place = plain.schema.get_field_index("timestamp_ns")
    return [
        rows("a", 0),
        [{**rows("a", 0, 1)[0], "record": text}, *rows("a", 1)],
        rows(None, 10),
        rows("m", 10) + rows(None, 14, 1),
        [*rows("m", 15), {**rows("m", 19, 1)[0], "timestamp_ns": None}],
        rows("  ", 20),
        rows("\u3000", 30),
        rows("é", 40),
        rows(LONG + "a", 50) + rows(LONG + "c", 60),
        rows("a\x00b", 70) + rows("a\\b", 80) + rows("a\u2028", 90),
        [{**row, "schema_version": 2} for row in rows("old", 100)],
        [{**row, "metadata": '{"session_id": "told"}'} for row in rows(None, 110)],
        plain.drop_columns(["session_id"]),
        plain.drop_columns(["schema_version", "record"]),
        plain.set_column(place, "timestamp_ns", plain.column("timestamp_ns").cast(pa.uint64())),
        plain.set_column(place, "timestamp_ns", plain.column("timestamp_ns").cast(pa.timestamp("ns"))),
        plain.rename_columns(["SESSION_ID" if n == "session_id" else n for n in plain.column_names]),
        plain.slice(0, 0),
        rows("z", 120),
    ]


def test_columns_that_need_a_look(tmp_path: Path, always: None) -> None:
    names = [
        "hidden",
        "a",
        "default",
        "m",
        "  ",
        "\u3000",
        "é",
        "e",
        "told",
        "old",
        "a\x00b",
        "a\\b",
        "a\u2028",
    ]
    names += [LONG + "a", LONG + "b", LONG, "z", "~", ""]
    questions: list[dict[str, Any]] = [{"session_id": name} for name in names]
    # The same sessions in three sinks, each at times of its own, so that none is a copy.
    options: list[dict[str, Any]] = [{}, {"write_statistics": False}, {"row_group_size": 2}]
    for number, written in enumerate(options):
        shift = 1000 * number
        sink_of(tmp_path / "in" / str(number), columns_that_need_a_look(shift), **written)
        questions += [span(shift + first, shift + last) for first, last in ((5, 5), (100, 130), (500, 600))]
    found = assert_same(tmp_path / "in", *questions, alone=slice(0))
    for number in range(len(options)):
        rows = [[row for row in rows if f"/in/{number}/" in row["source_path"]] for rows in found]
        counts = dict(zip(names, map(len, rows), strict=False))
        assert (
            counts["hidden"] == 1
            and counts["a"] > 4
            and counts["default"] > 4
            and counts["m"] == 8
            and counts["  "] == 0
            and counts["z"] == 4
        )


def test_damaged_and_odd_files_do_not_hide_the_others(tmp_path: Path, always: None) -> None:
    sink = sink_of(tmp_path / "si[n]k", [rows_of(f"s{number}", number * 10) for number in range(9)])
    (sink / "segment-000003.parquet").write_bytes(b"PAR1 no more")
    (sink / "segment-000005.parquet").write_bytes(b"")

    assert_same(sink, {"session_id": "s7"}, {"session_id": "s2"}, span(15, 45), alone=slice(1, 2))


def random_rows(rng: random.Random) -> Rows:
    names = rng.choice((("a",), ("a", "b"), ("b", "c", "d"), ("c", "é", None), ("a", "", "d"), ("f",)))
    rows = []
    for _ in range(rng.randrange(6)):
        row = rows_of(rng.choice(names), rng.randrange(60), 1)[0]
        row["event_type"] = rng.choice(("sample", "sample", "stop"))
        odds = rng.random()
        if odds < 0.1:
            row["schema_version"] = rng.choice((2, 5, None))
        elif odds < 0.3:
            (row,) = rejected([row])
        elif odds < 0.33:
            row["record"] = json.dumps(as_events(rows_of(rng.choice("abcd"), 7, 1))[0], sort_keys=True)
        rows.append(row)
    return rows


# The few have every kind of row and of question.
@pytest.mark.parametrize("seed", range(100) if IS_SOAK else (0, 3))
def test_random_layouts(tmp_path: Path, always: None, seed: int) -> None:
    rng = random.Random(seed)
    for name in ("one", "two"):
        files: list[Rows | pa.Table] = [random_rows(rng) for _ in range(rng.randrange(1, 12))]
        if rng.random() < 0.3:
            files[0] = lines(rows_of("b", 5))
        sessions = tuple(rng.sample("abcdf", rng.randrange(4)))
        options = rng.choice(({}, {}, {"row_group_size": 2}, {"write_statistics": ["timestamp_ns"]}))
        sink_of(tmp_path / "in" / name, files, sessions, **options)
    questions: list[dict[str, Any]] = []
    for _ in range(6):
        first, last = sorted((rng.randrange(60), rng.randrange(60)))
        times = rng.choice(
            ({}, span(first, last), span(last, last), {"time_start_ns": START_NS + last * SECOND})
        )
        names = ("a", "b", "c", "d", "é", "f", "default", "q")
        session = {} if times and rng.random() < 0.3 else {"session_id": rng.choice(names)}
        questions.append({**session, **times, **rng.choice(({}, {}, {"status": "completed"}, {"limit": 2}))})
    assert_same(tmp_path / "in", *questions, alone=slice(1, 2))


# ---- beside other questions ----------------------------------------------------------------------------------


def test_questions_in_any_order(tmp_path: Path) -> None:
    sink = mixed_sink(tmp_path / "sink")
    with stormlog.query.open(sink, cache=False) as whole:
        events, issues = answer(whole), [issue.as_dict() for issue in whole.list_issues()]
        rejects, sessions = whole.rejects(), whole.list_sessions()
    for cache in (False, tmp_path / "cache", tmp_path / "cache"):
        with stormlog.query.open(sink, cache=cache) as store:
            assert answer(store, session_id="s3") == [row for row in events if row["session_id"] == "s3"]
            assert [Path(path).name for path, _ in store.rejects_summary()] == ["segment-000004.parquet"]
            assert store.rejects() == [r for r in rejects if r.path.endswith("4.parquet")]
            assert answer(store) == events
            assert store.rejects() == rejects
            assert answer(store, session_id="s4") == [row for row in events if row["session_id"] == "s4"]
            assert [issue.as_dict() for issue in store.list_issues()] == issues
            assert store.list_sessions() == sessions
    with stormlog.query.open(sink, cache=False) as store:
        assert len(answer(store, session_id="s3")) == 4
        assert [issue.as_dict() for issue in store.list_issues()] == issues
        assert len(answer(store, session_id="s5")) == 4
        assert store.rejects() == rejects
        assert store.sql("SELECT count(*) FROM events").rows == [(len(events),)]
        assert store.list_sessions() == sessions
        assert len(answer(store, session_id="s6")) == 4
        assert answer(store) == events


def test_the_index_outlives_a_question_about_few_files(tmp_path: Path, read_files: list[str]) -> None:
    sink = mixed_sink(tmp_path / "sink")
    with stormlog.query.open(sink, cache=tmp_path / "cache") as store:
        issues = store.list_issues()
        read_files.clear()
    for path in (tmp_path / "cache").glob(f"{LAYOUT}/*/answers/*"):
        path.unlink()
    with stormlog.query.open(sink, cache=tmp_path / "cache") as store:
        assert len(answer(store, session_id="s3")) == 4
        assert [i.fingerprint for i in store.list_issues()] == [i.fingerprint for i in issues]
    assert read_files == ["segment-000004.parquet"]


def test_kept_answers_say_what_was_read(tmp_path: Path, read_files: list[str]) -> None:
    sink, cache = mixed_sink(tmp_path / "sink"), tmp_path / "cache"
    (sink / "segment-000002.parquet").write_bytes(b"PAR1 no more")
    told = []
    for forgets in (False, False, True):
        with stormlog.query.open(sink, cache=cache) as store:
            rows = answer(store, session_id="s3")
            if forgets:
                for path in cache.glob(f"{LAYOUT}/*/answers/*"):
                    path.unlink()
            told.append((rows, store.rejects_summary(), [w.code for w in store.catalog.warnings]))
            folder = store._folder
    assert told[0] == told[1] == told[2]
    # The damaged file could have held anything, and is read each time.
    assert set(read_files) == {"segment-000002.parquet", "segment-000004.parquet"}
    assert folder is not None and verify(folder, [str(sink)]).differences == []

    pq.write_table(segment(rows_of("s3", 500)), sink / "segment-000009.parquet")
    with stormlog.query.open(sink, cache=cache) as store:
        assert len(answer(store, session_id="s3")) == 8


def test_a_refreshed_store_sees_what_is_new(tmp_path: Path) -> None:
    sink = mixed_sink(tmp_path / "sink")
    with stormlog.query.open(sink, cache=False) as store:
        assert len(answer(store, session_id="s3")) == 4
        pq.write_table(segment(rows_of("s3", 500)), sink / "segment-000009.parquet")
        assert store.refresh()
        assert store.rejects() == []
        assert len(answer(store, session_id="s3")) == 8
        store.close()
        with pytest.raises(QueryError, match="closed"):
            answer(store, session_id="s3")


def test_a_file_that_changed_since_the_store_was_opened_is_read(
    tmp_path: Path, read_files: list[str]
) -> None:
    sink = mixed_sink(tmp_path / "sink")
    with stormlog.query.open(sink, cache=tmp_path / "cache") as store:
        pq.write_table(segment(rows_of("s8", 500)), sink / "segment-000009.parquet")
        answer(store, session_id="s3")
        assert sorted(read_files) == ["segment-000004.parquet", "segment-000009.parquet"]
    assert not list((tmp_path / "cache").glob(f"{LAYOUT}/*/answers/*"))


def test_strict_stores_refuse_what_lies_in_any_file(tmp_path: Path) -> None:
    sink = sink_of(tmp_path / "sink", [*[rows_of(f"s{n}", n) for n in range(9)], rejected(rows_of("t", 9))])
    with pytest.raises(SourceError), stormlog.query.open(sink, strict=True, cache=False) as store:
        answer(store, session_id="s3")


def test_times_of_more_than_64_bits_are_refused(tmp_path: Path) -> None:
    sink = mixed_sink(tmp_path / "sink")
    with stormlog.query.open(sink, cache=False) as store, pytest.raises(ValueError, match="64 bits"):
        answer(store, time_start_ns=2**70)


def test_little_to_leave_out_is_not_left_out(tmp_path: Path) -> None:
    sink = sink_of(tmp_path / "sink", [lines(rows_of("a", 0, 50)), rows_of("b", 0), rows_of("c", 0)])
    with stormlog.query.open(sink, cache=False) as store:
        assert len(answer(store, session_id="b")) == 4
        assert store._open_engine is not None and store._open_engine.has_all_records
