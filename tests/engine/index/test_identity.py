"""The same files give the same bytes of answers, however they are read and whatever is known of them."""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from string import ascii_lowercase

import pytest

import stormlog.query
from stormlog.engine.reading import line_chunks
from stormlog.engine.reading import line_files as line_reading
from tests.captures import capture_path, scenarios
from tests.engine.index.answers import (
    answer_text,
    cold_answer,
    forget_answers,
    issues_of,
    issues_text,
    read_in_batches,
    warm_answer,
)
from tests.engine.index.mixes import append, lines_of_everything, mixed_lines, write_everything
from tests.engine.reading.test_parquet_rows import table
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink
from tests.soak import few_or_many

#: So few that what writers append is read in several batches, and all captures in four; each costs a tenth of a second.
BATCH_BYTES, CAPTURES_BATCH_BYTES = 150_000, 800_000


#: Questions for which all files are read.
WITH_EVENTS = ("sessions", "events", "rejects_of_events")


def indexed(answer: str) -> str:
    """Return the part of an answer that comes from the index."""
    return answer[: answer.index("\nsessions: ")]


Rows = dict[str, list[str]]


def rows_by_name(name: str, answer: str) -> dict[str, Rows]:
    """Return the rows of an answer, by what a pattern finds in their paths first, and by question."""
    found: dict[str, Rows] = defaultdict(lambda: defaultdict(list))
    for line in answer.splitlines():
        question, _, rows = line.partition(": ")
        for text in map(json.dumps, json.loads(rows)):
            place = re.search(name, text)
            found["" if place is None else place[1]][question].append(text)
    return found


@pytest.fixture(scope="module")
def everything(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_everything(tmp_path_factory.mktemp("everything"))


@pytest.fixture(scope="module")
def wanted(everything: Path) -> str:
    answer = cold_answer(everything)
    # What is compared is worth comparing.
    for word in ("oom", "collector_degradation", "alert", "hidden_memory_anomaly", "invalid_utf8", "wide"):
        assert f'"{word}"' in answer
    return answer


@pytest.fixture(scope="module")
def capture_answers(everything: Path, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is said of all captures and of what was generated.

    First by the files alone, then by a store with an index that reads them by threads in batches, then twice by what
    its index holds.
    """
    paths = [*(capture_path(scenario) for scenario in scenarios()), everything]
    cache = tmp_path_factory.mktemp("captures")
    with pytest.MonkeyPatch.context() as patch:
        answers = [cold_answer(paths, threads=1)]
        read_in_batches(patch, CAPTURES_BATCH_BYTES)
        answers += [warm_answer(paths, cache, threads=4, memory_limit="256MB")]
        # The answers that were kept, and those of the index; events are read from the files each time.
        answers += [warm_answer(paths, cache, with_events=False)]
        forget_answers(cache)
        answers += [warm_answer(paths, cache, threads=2, memory_limit="256MB", with_events=False)]
    return answers


@pytest.fixture(scope="module")
def rows_of_captures(capture_answers: list[str]) -> list[dict[str, Rows]]:
    return [rows_by_name("/captures/([^/]*)/", answer) for answer in capture_answers]


@pytest.mark.parametrize("scenario", scenarios())
def test_captures(scenario: str, rows_of_captures: list[dict[str, Rows]]) -> None:
    cold, warm, kept, known = (rows[scenario] for rows in rows_of_captures)

    assert cold["events"]
    assert warm == cold
    assert kept == known == {question: rows for question, rows in cold.items() if question not in WITH_EVENTS}


def test_threads_memory_and_batches(capture_answers: list[str]) -> None:
    cold, warm, kept, known = capture_answers

    assert warm == cold
    assert kept == known == indexed(cold)


def test_shapes_and_files_scanned_in_place(
    everything: Path, wanted: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read_in_batches(monkeypatch, BATCH_BYTES)
    monkeypatch.setattr(line_reading, "SHAPES_PAY_BYTES", 0)
    monkeypatch.setattr(line_chunks, "_COPIED_BYTES", 0)

    assert warm_answer(everything, tmp_path, threads=1) == wanted
    forget_answers(tmp_path)
    # Events are read from the files each time.
    assert warm_answer(everything, tmp_path, with_events=False, threads=1) == indexed(wanted)


def test_every_line_left_to_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = tmp_path / "files"
    files.mkdir()
    path = files / "a.jsonl"
    path.write_bytes(b"".join(mixed_lines(7, 60)))
    # The last line has no end: it belongs to the others all the same.
    append(path, b"".join(lines_of_everything(3)[:40])[:-1])
    wanted = cold_answer(files, with_events=False)
    monkeypatch.setattr(line_reading.LineReader, "_scan", lambda self, *given, **more: False)

    assert warm_answer(files, tmp_path / "cache", with_events=False) == wanted
    append(path, b"".join(b"\n" + line[:-1] for line in lines_of_everything(3)[40:80]))
    grown = warm_answer(files, tmp_path / "cache")
    monkeypatch.undo()
    assert grown == cold_answer(files)


def test_another_process(everything: Path, wanted: str, tmp_path: Path) -> None:
    program = """
import sys
from tests.engine.index.answers import warm_answer
sys.stdout.write(warm_answer(sys.argv[1], sys.argv[2], with_events=False))
"""
    command = [sys.executable, "-c", program, str(everything), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=True, text=True, cwd=Path(__file__).parents[3])

    assert done.stdout == indexed(wanted)
    forget_answers(tmp_path)
    assert warm_answer(everything, tmp_path, with_events=False) == indexed(wanted)


def test_order_of_questions(everything: Path, wanted: str, tmp_path: Path) -> None:
    with stormlog.query.open(everything, cache=tmp_path) as store:
        store.query_events()
        assert answer_text(store) == wanted
        # What is known did not grow by what was asked.
        assert answer_text(store) == wanted
    with stormlog.query.open(everything, cache=tmp_path) as store:
        store.list_sessions()
        assert store.list_issues()[0].evidence
        assert answer_text(store) == wanted


#: Which of the segments of a sink are packed, by its name.
PACKINGS = {"jsonl": [False] * 4, "parquet": [True] * 4, "mixed": [True, False] * 2}


def write_packed(folder: Path, packings: dict[str, list[bool]]) -> Path:
    """Write sinks side by side, each with two sessions of its own, and return the folder."""
    import pyarrow.parquet

    for sink, is_packed in packings.items():
        names = [
            f"segment-{n:06d}.{'parquet' if packed else 'jsonl'}" for n, packed in enumerate(is_packed, 1)
        ]
        write_sink(folder / sink, {}, segments=[{"filename": name, "closed": True} for name in names])
        for n, name in enumerate(names):
            events = busy_session(f"{sink} {n % 2}", 40, start_ns=START_NS + n * 10**12)
            if is_packed[n]:
                pyarrow.parquet.write_table(table(events), folder / sink / name)
            else:
                write_lines(folder / sink / name, events)
    return folder


@pytest.fixture(scope="module")
def packed_answers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What is said of plain segments, then of packed ones by a store with an index, and by what it holds."""
    below = tmp_path_factory.mktemp("packed")
    plain = write_packed(below / "plain", {name: [False] * 4 for name in PACKINGS})
    packed = write_packed(below / "packed", PACKINGS)
    answers = [cold_answer(plain, plain)]
    with pytest.MonkeyPatch.context() as patch:
        read_in_batches(patch, 50_000)
        for with_events in (True, False):
            answers.append(warm_answer(packed, below / "cache", packed, with_events=with_events))
            forget_answers(below / "cache")
    return [answer.replace(".parquet", ".jsonl") for answer in answers]


@pytest.mark.parametrize("packing", PACKINGS)
def test_packing_of_segments(packed_answers: list[str], packing: str) -> None:
    wanted, warm, known = (rows_by_name("<ROOT>/([a-z]*)/", answer)[packing] for answer in packed_answers)

    assert wanted["events"] and wanted["evidence"]
    assert warm == wanted
    assert known == {question: rows for question, rows in wanted.items() if question not in WITH_EVENTS}


def test_all_packed_segments(packed_answers: list[str]) -> None:
    wanted, warm, known = packed_answers

    assert warm == wanted
    assert known == indexed(wanted)


# ---- files that grow ---------------------------------------------------------------------------------------


class Writer:
    """Appends what three files lack in pieces of random sizes, wherever lines end; they come to the same."""

    def __init__(self, folder: Path, seed: int, steps: int) -> None:
        self.rng = random.Random(seed)
        self.steps = steps
        lines = lines_of_everything(11)[::2]
        umlauts = b"".join(
            line.replace(b"CUDA", "Größe – überlastet".encode()).replace(b"\n", b"\r\n")
            for line in lines[:30]
        )
        self.left = {
            folder / "sink" / "segment-000001.jsonl": b"".join(lines[30:100]),
            folder / "sink" / "segment-000002.jsonl": b"".join(lines[100:])[:-1],
            folder / "windows.jsonl": umlauts,
        }
        write_sink(folder / "sink", {path.name: [] for path in self.left if path.parent.name == "sink"})
        for path in self.left:
            path.touch()

    def step(self, number: int) -> None:
        """Append once; after the last step nothing is missing."""
        for path in self.rng.sample(sorted(self.left), self.rng.randrange(1, 3)):
            data = self.left[path]
            size = self.rng.randrange(0, 2 * len(data) // (self.steps - number) + 2)
            size = self._odd_size(data, size)
            if number == self.steps - 1:
                size = len(data)
            append(path, data[:size])
            self.left[path] = data[size:]
        if number == self.steps - 1:
            for path, data in self.left.items():
                append(path, data)

    def _odd_size(self, data: bytes, size: int) -> int:
        """Prefer the middle of a character and the middle of a line end."""
        wish = self.rng.random()
        if wish < 0.25:
            return data.find(b"\xc3", size) + 1 or size
        return data.find(b"\r\n", size) + 1 or size if wish < 0.5 else size


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one writer after the other writes: ids of sessions without one are made of paths."""
    return tmp_path_factory.mktemp("written") / "files"


@pytest.fixture
def files(place: Path) -> Iterator[Path]:
    yield place
    shutil.rmtree(place)


@pytest.fixture(scope="module")
def of_written(place: Path) -> str:
    """What the files of a writer say when nothing is missing."""
    Writer(place, seed=0, steps=1).step(0)
    answer = cold_answer(place)
    shutil.rmtree(place)
    return answer


STEPS = few_or_many(4, 150)


def test_appends_seen_by_one_store(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_written: str
) -> None:
    writer = Writer(files, seed=11, steps=STEPS)
    read_in_batches(monkeypatch, BATCH_BYTES)
    with stormlog.query.open(files, cache=tmp_path / "cache") as store:
        for number in range(STEPS):
            writer.step(number)
            store.refresh()
            store.list_issues()
            if number % 15 == 2:
                assert issues_text(store, files) == issues_of(files, False)
        assert answer_text(store) == of_written
    forget_answers(tmp_path / "cache")
    assert warm_answer(files, tmp_path / "cache", with_events=False) == indexed(of_written)


def test_appends_seen_without_a_cache(files: Path, monkeypatch: pytest.MonkeyPatch, of_written: str) -> None:
    steps = few_or_many(4, 40)
    writer = Writer(files, seed=12, steps=steps)
    read_in_batches(monkeypatch, BATCH_BYTES)
    with stormlog.query.open(files, cache=False) as store:
        for number in range(steps):
            writer.step(number)
            store.refresh()
            store.list_issues()
            if number % 10 == 2:
                assert issues_text(store, files) == issues_of(files, False)
            if number % 20 == 13:
                assert answer_text(store) == cold_answer(files)
        assert answer_text(store) == of_written


def test_appends_seen_by_a_new_store_each_time(files: Path, tmp_path: Path, of_written: str) -> None:
    cache = tmp_path / "cache"
    # Pieces end within a line, within a character and between the two characters of a line end.
    writer = Writer(files, seed=17, steps=STEPS)
    for number in range(STEPS):
        writer.step(number)
        with stormlog.query.open(files, cache=cache) as store:
            store.list_issues()
        if number % 12 == 2:
            forget_answers(cache)
            assert issues_of(files, cache) == issues_of(files, False)
    assert warm_answer(files, cache, with_events=False) == indexed(of_written)


ADDED = [
    b"\xef\xbb\xbf" + b'{"event_type": "warning"}\n',
    b"\xef",
    b"\n",
    b"\n\n{bad\n\n",
    b"  \n",
    b"\r\n",
    b"\t\r\n{bad\n",
    b"\r",
    b"\0\n",
    b"{}",
    b"\xff\xfe\n",
    b"\x01\x1e\x02\x1f\n",
]


@pytest.fixture(scope="module")
def grown_answers(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What a store that followed some files says of them, and what they say; it reads each file by itself."""
    folder = tmp_path_factory.mktemp("grown")
    (folder / "files").mkdir()
    paths = [folder / "files" / f"{letter}.jsonl" for letter in ascii_lowercase[: len(ADDED)]]
    with pytest.MonkeyPatch.context() as patch:
        # What is odd in one file has all files of a batch repaired.
        read_in_batches(patch, 1)
        for path in paths:
            write_lines(path, busy_session(path.stem, 25))
        with stormlog.query.open(folder / "files", cache=folder / "cache") as store:
            store.list_issues()
            for path, added in zip(paths, ADDED, strict=True):
                append(path, added)
            store.refresh()
            store.list_issues()
            for path in paths:
                append(path, busy_session(path.stem, 20, start_ns=START_NS + 10**12))
            store.refresh()
            told = answer_text(store, with_events=False)
    return [told, cold_answer(folder / "files", with_events=False)]


@pytest.fixture(scope="module")
def rows_of_grown(grown_answers: list[str]) -> list[dict[str, Rows]]:
    return [rows_by_name("/([a-z]).jsonl", answer) for answer in grown_answers]


@pytest.mark.parametrize("added", ADDED, ids=repr)
def test_what_a_grown_file_goes_on_with(rows_of_grown: list[dict[str, Rows]], added: bytes) -> None:
    told, wanted = (rows[ascii_lowercase[ADDED.index(added)]] for rows in rows_of_grown)

    assert wanted["evidence"]
    assert told == wanted


def test_all_grown_files(grown_answers: list[str]) -> None:
    told, wanted = grown_answers

    assert told == wanted


@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("start", [b"\r\n", b" \t\r\n", b"\n", b"\r"], ids=repr)
def test_lines_are_counted_from_an_empty_first_one(tmp_path: Path, start: bytes, is_closed: bool) -> None:
    sink = write_sink(tmp_path / "sink", {"segment-000001.jsonl": []})
    if not is_closed:
        (sink / "manifest.json").unlink()
    (sink / "segment-000001.jsonl").write_bytes(start + b"{bad\n")
    with stormlog.query.open(sink, cache=False) as store:
        store.list_issues()
        assert [reject.line_number for reject in store.rejects()] == [2]
