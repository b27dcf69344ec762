"""Processes that are killed, and processes that read while others write.

``make soak`` runs the same for longer: ``STORMLOG_SOAK=1``.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import threading
from pathlib import Path

import stormlog.query
from stormlog.engine.index.json_files import read_document
from stormlog.engine.index.location import LAYOUT
from tests.engine.index.answers import cold_answer, warm_answer
from tests.engine.index.following import FILE_LINES, Follower, content_of, path_of
from tests.soak import IS_SOAK, few_or_many

KILLS = few_or_many(2, 100)
SECONDS = 60 if IS_SOAK else 0.5


def start(action: str, *given: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.engine.index.following", action, *map(str, given)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3])


def counts(folder: Path, cache: Path | bool) -> tuple[list[tuple[str, int, str]], list[tuple[str, int]]]:
    with stormlog.query.open(folder, cache=cache) as store:
        issues = [
            (issue.fingerprint.fingerprint_id, issue.hit_count, str(issue.evidence))
            for issue in store.list_issues()
        ]
        return issues, store.rejects_summary()


def test_killed_at_any_moment(tmp_path: Path) -> None:
    files, cache = tmp_path / "files", tmp_path / "cache"
    files.mkdir()
    path_of(files, 0).write_bytes(content_of(0)[:50_000])
    points = 150
    rng = random.Random(1)
    kill_count = 0
    for seed in range(KILLS):
        # Now and then nothing is known yet.
        if seed % 4 == 0:
            for path in cache.glob(f"{LAYOUT}/*/index.json"):
                path.unlink()
        path = path_of(files, rng.randrange(len(list(files.iterdir()))))
        size = path.stat().st_size
        with path.open("ab") as stream:
            stream.write(content_of(int(path.stem))[size : size + rng.randrange(15_000)])
        process = start("ask", files, cache, rng.randrange(points), seed)
        output, _ = process.communicate()
        kill_count += process.returncode == -signal.SIGKILL
        if process.returncode == 0:
            points = int(output)
        else:
            assert process.returncode == -signal.SIGKILL

        assert counts(files, cache) == counts(files, False)
        assert_swept(cache)
        for path in sorted(files.iterdir())[5:]:
            path.unlink()
    assert kill_count >= KILLS // 2
    assert warm_answer(files, cache, with_events=False) == cold_answer(files, with_events=False)


def assert_swept(cache: Path) -> None:
    """Nothing lies in the index but what its file names, once somebody came alone."""
    (index,) = cache.glob(f"{LAYOUT}/*")
    document = read_document(str(index / "index.json"))
    assert {path.name for path in (index / "parts").iterdir()} == {name for name, *_ in document["parts"]}
    assert not list(index.rglob(".writing-*"))


def test_readers_and_a_writer(tmp_path: Path) -> None:
    """Every answer is that of some moment, and later answers are of later moments."""
    files, cache = tmp_path / "files", tmp_path / "cache"
    files.mkdir()
    path_of(files, 0).touch()
    writer = start("write", files, SECONDS + (5 if IS_SOAK else 1), 1)
    # One that opens a store for every question, and for longer runs one that keeps its own as well.
    others = [start("read", files, cache, SECONDS, number) for number in range(1, few_or_many(2, 3))]
    followers = [Follower(), Follower()]
    threads = [
        threading.Thread(
            target=follower.follow, args=(files, cache, SECONDS), kwargs={"is_patient": number == 0}
        )
        for number, follower in enumerate(followers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = [json.loads(process.communicate()[0]) for process in others]
    writer.communicate()
    found += [[follower.answers, follower.problems] for follower in followers]

    assert [problem for _, problems in found for problem in problems] == []
    assert all(answers >= 3 for answers, _ in found)
    print(
        f"answers: {[answers for answers, _ in found]}, files: {len(list(files.iterdir()))} of {FILE_LINES} lines"
    )
    assert warm_answer(files, cache, with_events=False) == cold_answer(files, with_events=False)
