"""Keys are made of what was captured: a tracker knows it again wherever it lies and however it is packed."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.artifacts.event_files import path_session_id
from stormlog.compaction import compact_sink
from stormlog.telemetry.projection import record_id
from stormlog.tracking import Tracker
from stormlog.tracking.database.migrations import load_migrations, migrate
from tests.query.sinks import START_NS, busy_session, write_lines, write_sink
from tests.soak import IS_SOAK, few_or_many
from tests.tracking.people import with_tables
from tests.tracking.sessionless import OLD_NS, alert, write_bundle, write_runs
from tests.tracking.shared_stores import one_store_of
from tests.tracking.tables import everything, tables

NOW_NS = 2_000_000_000 * 10**9

#: Where the files lay when `tracker_of_version_3.sql` was made of them.
OLD_ROOT = "/srv/runs"


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    with Tracker(with_tables(tmp_path / "tracker.db"), clock=lambda: NOW_NS) as opened:
        yield opened


def scan(tracker: Tracker, *paths: Path, **options: Any) -> dict[str, int]:
    """Scan, and return what was new."""
    report = tracker.scan(list(paths), settle_ns=0, cache=False, **options).as_dict()
    names = ("evidence_new", "occurrences_created", "issues_created", "issues_regressed")
    return {name: report[name] for name in names if report[name]}


def resolve_all(tracker: Tracker) -> None:
    tracker.resolve(*(issue.issue_id for issue in tracker.list_issues(limit=200).issues), version="1.5")


def hits(tracker: Tracker) -> int:
    return sum(issue.hit_count for issue in tracker.list_issues(limit=200).issues)


# ---- files that name no session ----------------------------------------------------------------------------


def rename_folder(runs: Path) -> Path:
    return runs.rename(runs.with_name("archive"))


def rename_files(runs: Path) -> Path:
    for path in [*runs.glob("*.jsonl"), runs / "sink", *(runs / "dumps").iterdir()]:
        path.rename(path.with_name(f"renamed_{path.name}"))
    return runs


def move_to_another_file_system(runs: Path) -> Path:
    """There files get other inodes."""
    target = runs.with_name("elsewhere")
    shutil.copytree(runs, target)
    shutil.rmtree(runs)
    return target


def copy(runs: Path) -> Path:
    shutil.copytree(runs, runs.with_name("copy"))
    return runs.parent


def pack(runs: Path) -> Path:
    for path in runs.glob("*.jsonl"):
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    return runs


def link_folder(runs: Path) -> Path:
    link = runs.with_name("link")
    link.symlink_to(runs)
    return link


def pack_elsewhere(runs: Path) -> Path:
    return pack(move_to_another_file_system(runs))


def rename_files_and_link_folder(runs: Path) -> Path:
    return link_folder(rename_files(runs))


def name_relatively(runs: Path) -> Path:
    return Path(os.path.relpath(runs))


MOVES = [rename_folder, rename_files, move_to_another_file_system, copy, pack, pack_elsewhere, link_folder]
MOVES += [name_relatively]


def test_files_that_were_moved_copied_or_packed_hold_nothing_new(tmp_path: Path, tracker: Tracker) -> None:
    """Each move has runs of a host of its own, which have nothing in common with the others."""
    runs = {move: tmp_path / move.__name__ / "runs" for move in MOVES}
    for move, folder in runs.items():
        write_runs(folder, host=move.__name__, with_start=move != pack_elsewhere)
    scan(tracker, *runs.values(), code_version="1.0")
    resolve_all(tracker)
    known = evidence(tracker)
    moved = [move(folder) for move, folder in runs.items()]
    with one_store_of(*moved):
        for full in (False, True):
            found = scan(tracker, *moved, code_version="2.0", full=full)
            assert found == {}, {path for key, path in evidence(tracker).items() if key not in known}
    assert {issue.status for issue in tracker.list_issues(limit=200).issues} == {"resolved"}


def evidence(tracker: Tracker) -> dict[str, str]:
    """Return where each piece of evidence lies."""
    with tracker.reading() as connection:
        return dict(
            map(
                tuple,
                connection.execute(
                    "SELECT evidence_id, coalesce(source_path, bundle_path) FROM issue_evidence"
                ),
            )
        )


def sessions(tracker: Tracker) -> int:
    with tracker.reading() as connection:
        return int(
            connection.execute("SELECT count(DISTINCT session_id) FROM issue_occurrences").fetchone()[0]
        )


# ---- bundles -----------------------------------------------------------------------------------------------


def test_a_bundle_is_known_by_its_content(tmp_path: Path, tracker: Tracker) -> None:
    """One that names a session, and one that names none."""
    bundles = {tmp_path / "dumps" / f"oom_dump_{session_id}": session_id for session_id in (None, "s1")}
    for bundle, session_id in bundles.items():
        write_bundle(bundle, session_id=session_id)
    assert scan(tracker, tmp_path)["evidence_new"] == 2
    for bundle in bundles:
        shutil.copytree(bundle, tmp_path / "copies" / bundle.name)
        bundle.rename(bundle.with_name(f"{bundle.name}_renamed"))
    assert scan(tracker, tmp_path) == {}
    # Others under the first names.
    for bundle, session_id in bundles.items():
        write_bundle(bundle, session_id=session_id)
        metadata = json.loads((bundle / "metadata.json").read_text()) | {"exception_message": "another"}
        (bundle / "metadata.json").write_text(json.dumps(metadata))
    assert scan(tracker, tmp_path)["evidence_new"] == 2


def test_a_bundle_whose_metadata_comes_later_is_one_bundle(tmp_path: Path, tracker: Tracker) -> None:
    bundle = tmp_path / "runs" / "oom_dump_1"
    write_bundle(bundle, session_id=None)
    metadata = bundle / "metadata.json"
    metadata.rename(tmp_path / "metadata.json")
    assert scan(tracker, bundle.parent)["evidence_new"] == 1
    (tmp_path / "metadata.json").rename(metadata)
    assert scan(tracker, bundle.parent) == {}
    assert sessions(tracker) == hits(tracker) == 1
    metadata.unlink()
    assert scan(tracker, bundle.parent) == {}


def test_what_a_ledger_says_of_a_session_is_no_part_of_the_evidence_of_its_bundle(
    tmp_path: Path, tracker: Tracker
) -> None:
    """It says something else later, and is not always there when the bundle is scanned: that of one comes first."""
    names = ("bundle first", "both at once")

    def write_ledger(name: str, status: str) -> None:
        summary = {
            "session_id": name,
            "status": status,
            "started_at_ns": START_NS,
            "ended_at_ns": None,
            "host": "h",
            "pid": 7,
            "source": "stormlog.session",
        }
        files = {"segment-000001.jsonl": busy_session(name, 40)}
        write_sink(tmp_path / name / "sink", files, sessions=[summary])

    for name in names:
        bundle = tmp_path / name / "dumps" / "oom_dump_1"
        write_bundle(bundle, session_id=name)
        manifest = json.loads((bundle / "manifest.json").read_text())
        del manifest["session_status"]
        (bundle / "manifest.json").write_text(json.dumps(manifest))
        write_ledger(name, "running")
    scan(tracker, tmp_path / "bundle first" / "dumps")
    scan(tracker, tmp_path)
    said = [json.loads(str(row[-1])) for row in tables(tracker)["evidence"] if "oom_bundle" in row]
    assert [(told["session_status"], told["event_count"]) for told in said] == [(None, 30), (None, 30)]
    for name in names:
        write_ledger(name, "completed")
    assert scan(tracker, tmp_path, full=True) == {}


# ---- trackers of version 3 ---------------------------------------------------------------------------------


def old_tracker(path: Path, root: Path | None = None) -> Path:
    """Make the tracker that the version before recorded of `write_runs`.

    Args:
        root: Where the files lay then; by default at a place that is gone now.
    """
    script = Path(__file__).with_name("tracker_of_version_3.sql").read_text(encoding="utf-8")
    if root is not None:
        script = _as_if_at(root, script)
    with sqlite3.connect(path, isolation_level=None) as connection:
        migrate(connection, path, load_migrations()[:3])
        connection.executescript(script)
    connection.close()
    return path


def _as_if_at(root: Path, script: str) -> str:
    """Change ids that were made of a path, as that version would have made them at another one."""
    with stormlog.query.open([root], cache=False) as store:
        events = store.sql(
            "SELECT e.record, s.source_path, s.source_kind FROM events AS e JOIN catalog_sources AS s "
            "ON e.segment_path = s.source_path OR starts_with(e.segment_path, s.source_path || '/')"
        ).rows
    sources = {(path, kind) for _, path, kind in events}
    replaced = {OLD_ROOT: str(root)}
    for path, kind in sources:
        old, new = (path_session_id(p, kind) for p in (OLD_ROOT + path.removeprefix(str(root)), path))
        replaced[old] = new
        for classification in ("persistent_drift", "fragmentation_like", "transient_spike"):
            was, becomes = (
                hashlib.sha256(f'["{key}","{classification}",0]'.encode()).hexdigest()[:32]
                for key in (old, new)
            )
            replaced[f"finding-{was}"] = f"finding-{becomes}"
    old_of = {new: old for old, new in replaced.items()}
    for text, _, _ in events:
        event = json.loads(text)
        if event["session_id"] in old_of:
            replaced[record_id(event | {"session_id": old_of[event["session_id"]]})] = record_id(event)
    for old, new in replaced.items():
        script = script.replace(old, new)
    return script


def test_an_older_tracker_finds_nothing_new_where_the_files_still_lie(tmp_path: Path) -> None:
    """Whether its first scan looks at everything again or not."""
    runs = tmp_path / "runs"
    write_runs(runs)
    old = {full: tmp_path / f"{full}.db" for full in (False, True)}

    def find_nothing(path: Path) -> None:
        with one_store_of(path):
            for full, database in old.items():
                with Tracker(database, clock=lambda: NOW_NS) as tracker:
                    before = hits(tracker)
                    found = scan(tracker, path, code_version="2.0", full=full and path == runs)
                    assert (found, hits(tracker)) == ({}, before), full

    for database in old.values():
        with Tracker(old_tracker(database, runs), clock=lambda: NOW_NS) as tracker:
            resolve_all(tracker)
    find_nothing(runs)
    moved = rename_files(rename_folder(runs))
    find_nothing(moved)
    find_nothing(move_to_another_file_system(moved))


@pytest.mark.parametrize(
    "move",
    MOVES if IS_SOAK else [rename_files_and_link_folder, copy, pack_elsewhere],
    ids=lambda move: move.__name__,
)
def test_an_older_tracker_finds_nothing_new_after_a_move(
    move: Callable[[Path], Path], tmp_path: Path
) -> None:
    """The first scan of this version comes after it.

    To that tracker every place is a new one, so to move the folder alone changes nothing.
    """
    runs = tmp_path / "data" / "runs"
    write_runs(runs)
    with Tracker(old_tracker(tmp_path / "old.db"), clock=lambda: NOW_NS) as tracker:
        before = hits(tracker)
        resolve_all(tracker)
        found = move(runs)
        with one_store_of(found):
            assert scan(tracker, found, code_version="2.0") == {}
            assert scan(tracker, found, code_version="2.0", full=True) == {}
            assert hits(tracker) == before
            kept = everything(tracker)
            assert scan(tracker, found, code_version="2.0") == {}
            assert everything(tracker) == kept


def test_new_evidence_of_an_older_tracker_is_new(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    write_runs(runs)
    with Tracker(old_tracker(tmp_path / "old.db", runs), clock=lambda: NOW_NS) as tracker:
        resolve_all(tracker)
        twice = [alert(10, pid=11), alert(20, pid=11), alert(20, pid=11)]
        write_lines(runs / "twice.jsonl", [*twice, alert(30, pid=11), alert(30, pid=11)])
        os.utime(runs / "twice.jsonl", ns=(OLD_NS, OLD_NS))
        assert scan(tracker, runs, code_version="2.0") == {"evidence_new": 2, "issues_regressed": 1}


# ---- any sequence of moves ---------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(few_or_many(1, 12)))
def test_no_sequence_of_moves_makes_anything_new(seed: int, tmp_path: Path, tracker: Tracker) -> None:
    rng = random.Random(seed)
    runs = tmp_path / "world" / "runs"
    write_runs(runs, with_start=bool(seed % 2))
    scan(tracker, runs, code_version="1.0")
    resolve_all(tracker)
    # Every move at least once, in any order.
    moves = [_rename, _rename_folder, _copy, _gzip, _forget_first_segment, _compact, _touch] * few_or_many(
        1, 3
    )
    for number, move in enumerate(rng.sample(moves, len(moves))):
        move(tmp_path / "world", rng, number)
        path = tmp_path / "world"
        if rng.random() < 0.3:
            path = tmp_path / f"link{number}"
            path.symlink_to(tmp_path / "world")
        # Sometimes a scan sees two moves at once.
        if number % 2 or IS_SOAK:
            assert scan(tracker, path, code_version="2.0", full=rng.random() < 0.3) == {}, move.__name__
    assert scan(tracker, tmp_path / "world", code_version="2.0") == {}
    assert {issue.status for issue in tracker.list_issues(limit=200).issues} == {"resolved"}


def _flat_files(world: Path) -> list[Path]:
    return sorted(path for path in world.rglob("*.jsonl") if not path.name.startswith("segment"))


def _sinks(world: Path) -> list[Path]:
    """Return the sinks; what is left of one whose first segment is gone stays where it is."""
    return sorted(path.parent for path in world.rglob("segment-000001.jsonl"))


def _rename(world: Path, rng: random.Random, number: int) -> None:
    path = rng.choice([*_flat_files(world), *_sinks(world), *sorted(world.rglob("oom_dump*"))])
    path.rename(path.with_name(f"{path.name.split('.')[0]}_{number}{path.suffix}"))


def _rename_folder(world: Path, rng: random.Random, number: int) -> None:
    folder = rng.choice(sorted(world.iterdir()))
    folder.rename(world / f"folder{number}")


def _copy(world: Path, rng: random.Random, number: int) -> None:
    path = rng.choice([*_flat_files(world), *_sinks(world), *sorted(world.rglob("oom_dump*"))])
    target = world / f"copies{number}" / path.name
    target.parent.mkdir()
    if path.is_dir():
        shutil.copytree(path, target)
    else:
        shutil.copyfile(path, target)


def _gzip(world: Path, rng: random.Random, number: int) -> None:
    files = _flat_files(world)
    if files:
        path = rng.choice(files)
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()


def _forget_first_segment(world: Path, rng: random.Random, number: int) -> None:
    sinks = [sink for sink in _sinks(world) if len(list(sink.glob("segment-*.jsonl"))) > 1]
    if sinks:
        sink = rng.choice(sinks)
        segments = sorted(sink.glob("segment-*.jsonl"))
        segments[0].unlink()
        manifest = json.loads((sink / "manifest.json").read_text())
        manifest["segments"] = [s for s in manifest["segments"] if s["filename"] != segments[0].name]
        (sink / "manifest.json").write_text(json.dumps(manifest))


def _compact(world: Path, rng: random.Random, number: int) -> None:
    compact_sink(rng.choice(_sinks(world)), output=world / f"compacted{number}")


def _touch(world: Path, rng: random.Random, number: int) -> None:
    for path in _flat_files(world):
        os.utime(path, ns=(NOW_NS + number, NOW_NS + number))
