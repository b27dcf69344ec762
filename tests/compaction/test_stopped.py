"""Whatever stops a compaction, everything can still be read, once, and the next one cleans up."""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.compaction import compact, compact_sink
from stormlog.errors import CompactionError, SourceError
from tests.captures import CHECKOUT
from tests.compaction.answers import copy_of, tree
from tests.query.sinks import busy_session, write_sink
from tests.soak import few_or_many

ASIDE = ".stormlog-compact-sink.old"


def small_sink(directory: Path) -> Path:
    sink = write_sink(
        directory,
        {f"segment-{number:06d}.jsonl": busy_session(f"s{number}", 60) for number in range(1, 4)},
    )
    with (sink / "segment-000002.jsonl").open("a") as stream:
        stream.write('{"torn')
    bundle = sink / "oom_dump_1"
    bundle.mkdir()
    (bundle / "manifest.json").write_text(
        json.dumps({"bundle_name": "b", "reason": "r", "backend": "cuda", "event_count": 1})
    )
    return sink


def seen(*paths: Path) -> str:
    """Return what a store says of the issues and events below some paths, wherever they stand at the moment."""
    with stormlog.query.open(list(paths), threads=2) as store:
        rows = [row.as_dict() for row in store.query_events()]
        found = [
            [issue.as_dict() for issue in store.list_issues()],
            rows,
            [(reject.path, reject.reason) for reject in store.rejects()],
        ]
    return json.dumps(found).replace(ASIDE, "sink").replace(".parquet", ".jsonl")


def run(step: int, sink: Path, output: Path | str) -> tuple[int, list[str]]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.compaction.killed", str(step), str(sink), str(output)],
        capture_output=True,
        text=True,
        cwd=CHECKOUT,
        timeout=120,
        check=False,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr
    return done.returncode, done.stdout.splitlines()


def hidden(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir() if path.name.startswith("."))


def test_killed_while_it_replaces(tmp_path: Path) -> None:
    original = small_sink(tmp_path / "original" / "sink")
    folder = tmp_path / "runs"
    folder.mkdir()
    sink = copy_of(original, folder / "sink")
    wanted = seen(folder)
    status, steps = run(0, sink, "")
    assert status == 0 and seen(folder) == wanted
    replaced = tree(sink)
    assert sorted(name for name in replaced if name.startswith("segment")) == [
        "segment-000001.parquet",
        "segment-000002.jsonl",
        "segment-000003.parquet",
    ]
    renames = [number for number, step in enumerate(steps, 1) if step.startswith("os.rename")]
    assert len(renames) == 3
    rng = random.Random(4)
    # After a rename only a folder is synchronized before the next one.
    points = {
        *renames,
        renames[-1] + 1,
        *rng.sample(range(1, len(steps)), few_or_many(0, 20)),
    }
    states = set()
    for point in sorted(points):
        shutil.rmtree(folder)
        folder.mkdir()
        copy_of(original, sink)
        assert run(point, sink, "")[0] == -signal.SIGKILL

        # Below the directory that holds the sink everything is seen once, whatever its name is now.
        assert seen(folder) == wanted, steps[point - 1]
        states.add((sink.exists(), (folder / ASIDE).exists()))
        # By its name the sink is the original or its replacement, and the answers about either are known.
        assert not sink.exists() or tree(sink) in (tree(original), replaced)
        try:
            report = compact_sink(sink, replace=True)
        except SourceError as error:
            # The copy is in its place, and the original could not be removed any more.
            assert ASIDE in str(error) and (folder / ASIDE).is_dir() and sink.is_dir()
            assert tree(folder / ASIDE) == tree(original)
            shutil.rmtree(folder / ASIDE)
            report = compact_sink(sink, replace=True)
            assert not report.is_restored
        else:
            assert report.is_restored == ((False, renames[0] < point <= renames[1]) == (False, True))
        assert tree(sink) == replaced
        assert os.listdir(folder) == ["sink"]
    assert states == {(True, False), (False, True), (True, True)}


def test_killed_while_it_writes_a_copy(tmp_path: Path) -> None:
    folder = tmp_path / "runs"
    folder.mkdir()
    sink = small_sink(folder / "sink")
    before, wanted = tree(sink), seen(folder)
    steps = run(0, sink, folder / "first")[1]
    complete = tree(folder / "first")
    shutil.rmtree(folder / "first")
    (rename,) = [number for number, step in enumerate(steps, 1) if step.startswith("os.rename")]
    for point in sorted(
        {rename, rename + 1, *random.Random(5).sample(range(1, len(steps)), few_or_many(1, 20))}
    ):
        output = folder / f"out{point}"
        run(point, sink, output)
        assert tree(sink) == before
        assert output.exists() == (point > rename)
        if output.exists():
            assert tree(output) == complete
            shutil.rmtree(output)
        # A half copy is nothing to readers.
        assert seen(folder) == wanted
        compact_sink(sink, output)
        assert tree(output) == complete
        shutil.rmtree(output)
        assert hidden(folder) == []


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_interrupted(tmp_path: Path, replace: bool, error: Any) -> None:
    sink = small_sink(tmp_path / "sink")
    before = tree(sink)

    def stop(_done: int, _total: int) -> None:
        raise error

    with pytest.raises(error if isinstance(error, type) else type(error)):
        compact_sink(sink, None if replace else tmp_path / "out", replace=replace, progress=stop)

    assert tree(sink) == before
    assert [path.name for path in tmp_path.iterdir()] == ["sink"]


def test_second_rename_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sink = small_sink(tmp_path / "sink")
    before = tree(sink)
    real = Path.rename

    def refuse(path: Path, target: Path) -> Path:
        if path.name.endswith(".new"):
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, target)

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError):
        compact_sink(sink, replace=True)

    assert tree(sink) == before
    assert [path.name for path in tmp_path.iterdir()] == ["sink"]


def test_a_copy_that_reads_differently_is_never_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from stormlog.compaction.segments import SegmentWriter

    sink = small_sink(tmp_path / "sink")
    before = tree(sink)
    real = SegmentWriter._copy

    def damaged(writer: SegmentWriter, number: int, name: str) -> None:
        writer._database.execute("UPDATE raw.compaction_rows SET context = 'other' WHERE rowid = 17")
        real(writer, number, name)
        writer._database.execute("UPDATE raw.compaction_rows SET context = NULL WHERE rowid = 17")

    monkeypatch.setattr(SegmentWriter, "_copy", damaged)
    with pytest.raises(CompactionError, match=r"segment-000001.jsonl, row 18: .* nothing was changed"):
        compact_sink(sink, replace=True)

    assert tree(sink) == before
    assert [path.name for path in tmp_path.iterdir()] == ["sink"]


def test_what_the_database_says_is_passed_on(tmp_path: Path) -> None:
    sink = write_sink(tmp_path / "sink", {"segment-000001.jsonl": busy_session("s", 3000)})
    with pytest.raises(CompactionError, match=r"sink: .*[Mm]emory"):
        compact_sink(sink, replace=True, memory_limit="1MB")
    assert [path.name for path in tmp_path.iterdir()] == ["sink"]


def changed_once(change: Any) -> Any:
    calls = []

    def progress(_done: int, _total: int) -> None:
        if not calls:
            calls.append(1)
            change()

    return progress


@pytest.mark.parametrize(
    ("replace", "name"),
    [
        (True, "segment-000001.jsonl"),
        (True, "segment-000002.jsonl"),
        # The first segment has been read, compared and found unchanged by then: the copy is what it was.
        (False, "segment-000002.jsonl"),
    ],
)
@pytest.mark.parametrize("how", ["shorter", "gone"])
def test_segments_that_change_meanwhile(tmp_path: Path, replace: bool, name: str, how: str) -> None:
    sink = small_sink(tmp_path / "sink")
    path = sink / name
    change = path.unlink if how == "gone" else (lambda: os.truncate(path, 50))

    with pytest.raises(SourceError, match=f"{name}: changed while the sink was compacted"):
        compact_sink(
            sink,
            None if replace else tmp_path / "out",
            replace=replace,
            progress=changed_once(change),
        )

    assert [path.name for path in tmp_path.iterdir()] == ["sink"]


def test_nothing_may_be_added_to_a_sink_that_is_replaced(tmp_path: Path) -> None:
    sink = small_sink(tmp_path / "sink")
    with pytest.raises(SourceError, match=r"new.txt: changed while"):
        compact_sink(sink, replace=True, progress=changed_once(lambda: (sink / "new.txt").write_text("new")))
    assert (sink / "new.txt").read_text() == "new"


def test_a_segment_that_grows_is_copied_up_to_its_last_whole_line(tmp_path: Path) -> None:
    sink = small_sink(tmp_path / "sink")
    path = sink / "manifest.json"
    payload = json.loads(path.read_text())
    payload["segments"][1]["closed"] = False
    path.write_text(json.dumps(payload))
    before = (sink / "segment-000002.jsonl").read_bytes()

    def grow() -> None:
        with (sink / "segment-000002.jsonl").open("a") as stream:
            stream.write(': "no more"}\n{"next": 1}\n')

    report = compact_sink(sink, tmp_path / "out", progress=changed_once(grow))

    assert [segment.reason for segment in report.copied] == ["is being written to"]
    copied = (tmp_path / "out" / "segment-000002.jsonl").read_bytes()
    assert before == copied + b'{"torn'


def test_leftovers_of_others_that_are_at_work_stay(tmp_path: Path) -> None:
    sink = small_sink(tmp_path / "sink")
    names = [f".stormlog-compact-out.{token}" for token in ("12ab.new", "34cd.trash", "56ef.new", "x.y.new")]
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / ".stormlog-compact-outer.12ab.new").mkdir()
    at_work = os.open(tmp_path / names[2], os.O_RDONLY)
    fcntl.flock(at_work, fcntl.LOCK_EX)
    try:
        compact_sink(sink, tmp_path / "out")
    finally:
        os.close(at_work)
    assert hidden(tmp_path) == [".stormlog-compact-out.56ef.new", ".stormlog-compact-out.x.y.new"] + [
        ".stormlog-compact-outer.12ab.new"
    ]


def test_an_empty_directory_that_appears_is_not_overwritten(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = small_sink(tmp_path / "sink")
    real = compact.sync_tree
    monkeypatch.setattr(compact, "sync_tree", lambda path: ((tmp_path / "out").mkdir(), real(path)))
    with pytest.raises(ValueError, match="exists"):
        compact_sink(sink, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == [] and hidden(tmp_path) == []
