"""Whatever happens to the index, answers are those of the files, and nobody hears of it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.artifacts.file_state import FileState, state_of
from stormlog.engine.index import index_file, json_files
from stormlog.engine.index.index_file import Index
from stormlog.engine.index.kept_answers import AnswerFolder, KeptAnswer
from stormlog.engine.index.location import LAYOUT, index_folder
from stormlog.engine.index.updating import let_clock_tick
from stormlog.engine.reading.read_plan import Piece
from stormlog.errors import QueryError, SourceError
from tests.engine.index.answers import issues_of, issues_text
from tests.engine.index.mixes import append
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink


def write_files(folder: Path) -> Path:
    write_sink(folder / "sink", {"segment-000001.jsonl": busy_session("a", 40)})
    write_lines(folder / "growing.jsonl", busy_session("b", 40))
    append(folder / "growing.jsonl", b"{bad\n")
    return folder


def grow(files: Path) -> None:
    append(files / "growing.jsonl", busy_session("b", 20, start_ns=START_NS + 10**12))


def grow_again(files: Path) -> None:
    append(files / "growing.jsonl", busy_session("c", 20))


@pytest.fixture
def files(tmp_path: Path) -> Path:
    return write_files(tmp_path / "files")


@pytest.fixture(scope="module")
def wanted(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """The issues of such files without any index: as they are with a cache, and when they have grown again."""
    files = write_files(tmp_path_factory.mktemp("wanted") / "files")
    grow(files)
    now = issues_of(files, False)
    grow_again(files)
    later = issues_of(files, False)
    assert now != later
    return now, later


@pytest.fixture
def cache(tmp_path: Path, files: Path) -> Path:
    """An index of one part, without answers."""
    folder = tmp_path / "cache"
    grow(files)
    with stormlog.query.open(files, cache=folder) as store:
        store.list_issues()
    assert len(parts_of(folder)) == 1
    shutil.rmtree(index_of(folder) / "answers")
    return folder


@pytest.fixture
def cache_of_two_parts(tmp_path: Path, files: Path) -> Path:
    """An index of files that have grown since they were read first, without answers."""
    folder = tmp_path / "cache"
    with stormlog.query.open(files, cache=folder) as store:
        store.list_issues()
        grow(files)
        store.refresh()
        store.list_issues()
    assert len(parts_of(folder)) == 2
    shutil.rmtree(index_of(folder) / "answers")
    return folder


def index_of(cache: Path) -> Path:
    (found,) = cache.glob(f"{LAYOUT}/*")
    return found


def index_file_of(cache: Path) -> Path:
    return index_of(cache) / "index.json"


def parts_of(cache: Path) -> list[Path]:
    return sorted(index_of(cache).glob("parts/*.part"))


def swap(one: Path, other: Path) -> None:
    """Exchange the contents of two files; sizes differ."""
    first, second = one.read_bytes(), other.read_bytes()
    one.write_bytes(second)
    other.write_bytes(first)


def rewrite(path: Path, change: Callable[[bytes], bytes]) -> None:
    """Change the content of a file, and let it look as old as it was."""
    before = path.stat()
    path.write_bytes(change(path.read_bytes()))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def with_index_file(cache: Path, **changes: object) -> None:
    """Change the index file and sign it anew, as another version of Stormlog would."""
    document = json_files.read_document(str(index_file_of(cache)))
    assert json_files.write_document(str(index_file_of(cache)), {**document, **changes})


def other_engine(cache: Path) -> None:
    path = index_file_of(cache)
    path.write_bytes(path.read_bytes().replace(json_files.engine_id().encode(), b"0" * 24))


def half_a_part(cache: Path) -> None:
    for name in ("00000000000000000000000000000000.part", "stray"):
        shutil.copytree(parts_of(cache)[0], index_of(cache) / "parts" / name)
    next((index_of(cache) / "parts" / "stray").iterdir()).write_bytes(b"PAR1 and no more")
    (index_of(cache) / ".writing-x").write_text("half a led")


def in_parts(change: Callable[[Path], object]) -> Callable[[Path], None]:
    def damage(cache: Path) -> None:
        for part in parts_of(cache):
            for path in part.iterdir():
                change(path)

    return damage


def in_index_file(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda cache: rewrite(index_file_of(cache), change)


#: Damages that are seen when the index is loaded.
SEEN_DAMAGES: dict[str, Callable[[Path], object]] = {
    "index file truncated": in_index_file(lambda data: data[: len(data) // 2]),
    "index file one byte short": in_index_file(lambda data: data[:-1]),
    "index file garbage": in_index_file(lambda data: os.urandom(len(data))),
    "index file zeroed": in_index_file(lambda data: bytes(len(data))),
    "index file emptied": in_index_file(lambda data: b""),
    "index file edited": in_index_file(lambda data: data.replace(b'"next_id":', b'"next_id":1')),
    "index file gone": lambda cache: index_file_of(cache).unlink(),
    "index file a folder": lambda cache: (index_file_of(cache).unlink(), index_file_of(cache).mkdir()),
    "index file signed, of a newer format": lambda cache: with_index_file(cache, format=99),
    "index file signed, without parts": lambda cache: with_index_file(cache, parts=None),
    "index file signed, pieces of another form": lambda cache: with_index_file(cache, pieces={"a": [1]}),
    "index file signed, a list": lambda cache: json_files.write_document(str(index_file_of(cache)), [1]),
    "index file of another engine": other_engine,
    "part truncated": in_parts(lambda path: rewrite(path, lambda data: data[: len(data) // 2])),
    "part garbage of the same size and time": in_parts(
        lambda path: rewrite(path, lambda data: os.urandom(len(data)))
    ),
    "part zeroed": in_parts(lambda path: rewrite(path, lambda data: bytes(len(data)))),
    "part gone": lambda cache: shutil.rmtree(parts_of(cache)[0]),
    "file of a part gone": lambda cache: (parts_of(cache)[1] / "hits.parquet").unlink(),
    "parts swapped": lambda cache: swap(*(part / "hits.parquet" for part in parts_of(cache))),
    "kinds swapped": lambda cache: swap(*sorted(parts_of(cache)[0].iterdir())[:2]),
}

#: Damages that leave an index, or no room for one.
OTHER_DAMAGES: dict[str, Callable[[Path], object]] = {
    "half a part of a killed writer": half_a_part,
    "parts a file": lambda cache: (
        shutil.rmtree(index_of(cache) / "parts"),
        (index_of(cache) / "parts").write_text("x"),
    ),
    "lock a folder": lambda cache: ((index_of(cache) / "lock").unlink(), (index_of(cache) / "lock").mkdir()),
    "index a file": lambda cache: (
        shutil.rmtree(index := index_of(cache)),
        index.write_text("x"),
    ),
    "answers a file": lambda cache: (index_of(cache) / "answers").write_text("x"),
}

ALL_DAMAGES = {**SEEN_DAMAGES, **OTHER_DAMAGES}

#: Whatever is seen comes to the same. One is seen in the index file, one leaves no place for another index file, and
#: one leaves parts that nobody names.
SOME_SEEN_DAMAGES = ("index file garbage", "index file a folder", "part garbage of the same size and time")


@pytest.mark.parametrize("damage", SEEN_DAMAGES)
def test_nothing_of_a_damaged_index_is_taken(tmp_path: Path, damage: str) -> None:
    """Whoever loads it begins anew, as without one; `test_damage` shows what comes of that."""
    cache, paths = tmp_path / "cache", ["paths"]
    index = Index.load(index_folder(str(cache), paths), paths)
    for number in range(2):
        part = Path(index.parts_folder, f"{number}.part")
        part.mkdir()
        for kind in ("hits", "records"):
            (part / f"{kind}.parquet").write_text(f"{kind} of part {number}" + "!" * number)
        index.add_part(str(part), ["hits", "records"], [number])
    pieces = {f"file {number}": Piece(number, FileState(*range(5)), "basis") for number in range(2)}
    assert index.save(pieces, {("source", "session"): ("0:7", [[1]])}, 2, {'1:7 "session"': "digest"})
    index.close()

    def known() -> tuple[Any, ...]:
        index = Index.load(index_folder(str(cache), paths), paths)
        index.close()
        return index.pieces, len(index.parts), index.findings, index.digests, index.next_id

    assert known() == (pieces, 2, index.findings, index.digests, 2)
    let_clock_tick(state_of(str(path)) for path in Path(index.parts_folder).glob("*/*"))
    SEEN_DAMAGES[damage](cache)
    assert known() == ({}, 0, {}, {}, 0)


@pytest.mark.parametrize("damage", [*SOME_SEEN_DAMAGES, *OTHER_DAMAGES])
def test_damage(files: Path, cache: Path, damage: str, wanted: tuple[str, str]) -> None:
    ALL_DAMAGES[damage](cache)

    assert issues_of(files, cache) == wanted[0]
    # What was made of the damage is no better.
    grow_again(files)
    assert issues_of(files, cache) == wanted[1]


#: Nowhere to keep anything.
NO_ROOM: dict[str, Callable[[Path], object]] = {
    "cache a file": lambda cache: cache.write_text("x"),
    "cache on a full disk": lambda cache: cache.symlink_to("/dev/full"),
    "cache where nobody can write": lambda cache: cache.symlink_to("/proc"),
}


@pytest.mark.parametrize("place", NO_ROOM)
def test_nowhere_to_keep_an_index(files: Path, tmp_path: Path, place: str, wanted: tuple[str, str]) -> None:
    grow(files)
    NO_ROOM[place](tmp_path / "cache")

    assert issues_of(files, tmp_path / "cache") == wanted[0]


def clear(cache: Path) -> None:
    shutil.rmtree(cache)
    cache.write_text("x")


@pytest.mark.parametrize(
    "damage",
    [*(ALL_DAMAGES[name] for name in ("part gone", "parts swapped", "part zeroed")), clear],
    ids=["part gone", "parts swapped", "part zeroed", "cache a file"],
)
def test_damage_while_a_store_is_open(
    files: Path, cache_of_two_parts: Path, damage: Callable[[Path], object], wanted: tuple[str, str]
) -> None:
    cache = cache_of_two_parts
    with stormlog.query.open(files, cache=cache) as store:
        assert issues_text(store, files) == wanted[0]
        damage(cache)
        grow_again(files)
        store.refresh()

        assert issues_text(store, files) == wanted[1]
        assert len(store.query_events()) == 120
    assert issues_of(files, cache) == wanted[1]


def test_cache_cleared_while_a_store_is_open(files: Path, tmp_path: Path, wanted: tuple[str, str]) -> None:
    cache = tmp_path / "cache"
    grow(files)
    with stormlog.query.open(files, cache=cache) as store:
        store.list_issues()
        shutil.rmtree(cache)
        # Another one begins anew there, alone as far as locks tell.
        assert issues_of(files, cache) == wanted[0]
        assert issues_text(store, files) == wanted[0]
        grow_again(files)
        store.refresh()
        assert issues_of(files, cache) == wanted[1]
        assert issues_text(store, files) == wanted[1]


def test_stale_index_file(files: Path, cache_of_two_parts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index file of the day before yesterday names parts that were removed, or misses those that were added."""
    monkeypatch.setattr(index_file, "_MOST_SMALL_PARTS", 2)
    cache = cache_of_two_parts
    old = index_file_of(cache).read_bytes()
    with stormlog.query.open(files, cache=cache) as store:
        for number in range(3):
            append(files / "growing.jsonl", busy_session("b", 20, start_ns=START_NS + (2 + number) * 10**12))
            store.refresh()
            store.list_issues()
    # Small parts were merged, and what the index file does not name was swept.
    assert len(parts_of(cache)) < 5
    index_file_of(cache).write_bytes(old)

    assert issues_of(files, cache) == issues_of(files, False)


def test_index_of_other_paths(files: Path, cache: Path, tmp_path: Path, wanted: tuple[str, str]) -> None:
    other = tmp_path / "other"
    shutil.copytree(files, other)
    write_lines(other / "more.jsonl", busy_session("more", 20))
    of_other = issues_of(other, cache)
    one, two = sorted(cache.glob(f"{LAYOUT}/*"))
    spare = tmp_path / "spare"
    shutil.copytree(one, spare)
    shutil.rmtree(one)
    shutil.copytree(two, one)
    shutil.rmtree(two)
    shutil.copytree(spare, two)

    assert issues_of(files, cache) == wanted[0]
    assert issues_of(other, cache) == of_other


def test_parts_of_another_index(files: Path, cache: Path, tmp_path: Path, wanted: tuple[str, str]) -> None:
    other = tmp_path / "other"
    write_lines(tmp_path / "x.jsonl", busy_session("x", 60))
    issues_of(tmp_path / "x.jsonl", other)
    for part in parts_of(cache):
        for path in part.iterdir():
            for foreign in index_of(other).glob(f"parts/*/{path.name}"):
                shutil.copy2(foreign, path)

    assert issues_of(files, cache) == wanted[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda data: data[: len(data) // 2],
        lambda data: data.replace(b"OOM", b"WOW"),
        lambda data: b"",
        lambda data: bytes(len(data)),
        lambda data: data.partition(b"\n")[0] + b"\n{}",
    ],
)
def test_a_kept_answer_that_changed_is_not_found(tmp_path: Path, change: Callable[[bytes], bytes]) -> None:
    answers, answer = AnswerFolder(str(tmp_path), "digest"), KeptAnswer(["title"], [("OOM",)], [], True)
    answers.keep("SELECT", {}, answer)
    assert answers.find("SELECT", {}) == answer
    (path,) = tmp_path.glob("answers/*.json")
    rewrite(path, change)

    assert answers.find("SELECT", {}) is None


def test_kept_answer_changed(files: Path, tmp_path: Path, wanted: tuple[str, str]) -> None:
    cache = tmp_path / "cache"
    grow(files)
    assert issues_of(files, cache) == wanted[0]
    paths = [*index_of(cache).glob("answers/*.json")]
    assert any(b"OOM" in path.read_bytes() for path in paths)
    for path in paths:
        rewrite(path, lambda data: data.replace(b"OOM", b"WOW"))

    assert issues_of(files, cache) == wanted[0]


def test_kept_answer_of_other_paths_or_another_question(files: Path, tmp_path: Path) -> None:
    """An answer says itself what it is the answer for, but not to which question: its name says that."""
    cache = tmp_path / "cache"
    wanted = issues_of(files, cache)
    other = write_lines(tmp_path / "x.jsonl", busy_session("x", 60))
    issues_of(other, tmp_path / "other")
    for path in index_of(tmp_path / "other").glob("answers/*.json"):
        shutil.copy(path, index_of(cache) / "answers" / path.name)

    assert issues_of(files, cache) == wanted


def test_killed_while_writing_a_part(files: Path, cache: Path, wanted: tuple[str, str]) -> None:
    """What a killed writer leaves counts for nothing, and is gone when the next one comes."""
    program = """
import os, signal, sys
import stormlog.query
from stormlog.engine.index.kept_rows import Parts
from stormlog.engine.index.location import LAYOUT
write = Parts._copy
def killed(self, *arguments):
    write(self, *arguments)
    os.kill(os.getpid(), signal.SIGKILL)
Parts._copy = killed
stormlog.query.open(sys.argv[1], cache=sys.argv[2]).list_issues()
"""
    known = parts_of(cache)
    grow_again(files)
    done = subprocess.run([sys.executable, "-c", program, str(files), str(cache)], check=False)
    assert done.returncode == -signal.SIGKILL
    (left,) = set(parts_of(cache)) - set(known)

    assert issues_of(files, cache) == wanted[1]
    assert left not in parts_of(cache)


@pytest.mark.parametrize("name", [b"ca\xffche", b"ca'[1]*?\"$x\n"], ids=repr)
def test_odd_names_of_the_cache(files: Path, tmp_path: Path, name: bytes, wanted: tuple[str, str]) -> None:
    grow(files)
    for _ in range(2):
        assert issues_of(files, tmp_path / os.fsdecode(name)) == wanted[0]


# ---- what an answer owes to the cache ----------------------------------------------------------------------


def test_a_mistake_in_a_statement_does_not_cost_the_index(files: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with stormlog.query.open(files, cache=cache) as store:
        store.list_issues()
        for text in (
            "SELECT nothing FROM issues",
            "SELECT CAST(title AS INTEGER) FROM issues",
            "SELECT error('mine') FROM issues",
            "SELECT * FROM read_csv('/nowhere')",
        ):
            with pytest.raises(QueryError):
                store.sql(text)
    assert index_file_of(cache).is_file()


def test_questions_about_manifests_do_not_read_because_others_did(files: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with stormlog.query.open(files, cache=cache) as store:
        store.list_issues()
        store.list_oom_bundles()
    for known in (cache, False):
        with stormlog.query.open(files, cache=known, strict=True) as store:
            assert store.list_oom_bundles() == []
            assert store.rejects() == []
            with pytest.raises(SourceError):
                store.list_issues()


def test_strict_stores_refuse_kept_answers_too(files: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    issues_of(files, cache)
    errors = []
    for known in (False, cache, cache):
        with stormlog.query.open(files, cache=known, strict=True) as store:
            with pytest.raises(SourceError) as caught:
                store.list_issues()
            errors.append(str(caught.value))
    assert len(set(errors)) == 1


def test_stores_that_nobody_closes_keep_no_handles(files: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def handles() -> int:
        return sum(
            os.path.realpath(path) == str(index_of(cache) / "lock")
            for path in Path("/proc/self/fd").iterdir()
        )

    store = stormlog.query.open(files, cache=cache)
    store.list_issues()
    assert handles() == 1
    del store
    assert handles() == 0


def test_the_paths_may_hold_the_cache(files: Path) -> None:
    cache = files / "cache"
    wanted = issues_of(files, cache)
    for known in (cache, cache, False):
        assert issues_of(files, known) == wanted
