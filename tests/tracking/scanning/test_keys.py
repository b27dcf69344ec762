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
from tests.telemetry.factories import record
from tests.tracking.sessionless import OLD_NS, alert, drift, write_bundle, write_runs
from tests.tracking.shared_stores import one_store_of
from tests.tracking.tables import everything, tables

NOW_NS = 2_000_000_000 * 10**9

#: Where the files lay when `tracker_of_version_3.sql` was made of them.
OLD_ROOT = "/srv/runs"


@pytest.fixture
def tracker(tmp_path: Path) -> Iterator[Tracker]:
    with Tracker(tmp_path / "tracker.db", clock=lambda: NOW_NS) as opened:
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


MOVES = [rename_folder, rename_files, move_to_another_file_system, copy, pack, pack_elsewhere, link_folder]


def test_files_that_were_moved_copied_or_packed_hold_nothing_new(tmp_path: Path, tracker: Tracker) -> None:
    """Each move has runs of a host of its own, which have nothing in common with the others."""
    runs = {move: tmp_path / move.__name__ / "runs" for move in MOVES}
    for move, folder in runs.items():
        write_runs(folder, host=move.__name__)
    scan(tracker, *runs.values(), code_version="1.0")
    resolve_all(tracker)
    known = evidence(tracker)
    found = scan(tracker, *(move(folder) for move, folder in runs.items()), code_version="2.0")
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


def test_a_relative_path_names_the_same_files(
    tmp_path: Path, tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_runs(tmp_path / "runs")
    scan(tracker, tmp_path / "runs")
    monkeypatch.chdir(tmp_path)
    assert scan(tracker, Path("runs"), full=True) == {}


def test_a_session_keeps_its_key_while_its_file_grows(tmp_path: Path, tracker: Tracker) -> None:
    """A record that is older than all others comes last; so the file is known again by either."""
    path = write_lines(tmp_path / "events.jsonl", [alert(10)])
    scan(tracker, path)
    write_lines(path, [alert(10), alert(5)])
    assert scan(tracker, path) == {"evidence_new": 1}
    assert sessions(tracker) == 1
    path.rename(tmp_path / "other.jsonl")
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "other.jsonl", tmp_path / "copy" / "events.jsonl")
    assert scan(tracker, tmp_path) == {}


def test_a_session_keeps_its_key_when_its_oldest_records_are_gone(tmp_path: Path, tracker: Tracker) -> None:
    segments = {f"segment-00000{n}.jsonl": [alert(100 * n + m) for m in range(5)] for n in range(1, 4)}
    write_sink(tmp_path / "sink", segments)
    flat = write_lines(tmp_path / "events.jsonl", [alert(n, pid=8) for n in range(10)])
    scan(tracker, tmp_path)
    resolve_all(tracker)
    del segments["segment-000001.jsonl"]
    (tmp_path / "sink" / "segment-000001.jsonl").unlink()
    write_sink(tmp_path / "sink", segments)
    (tmp_path / "sink").rename(tmp_path / "moved")
    write_lines(flat, [alert(n, pid=8) for n in range(5, 10)])
    assert scan(tracker, tmp_path, code_version="2.0") == {}


def test_two_processes_are_two_sessions(tmp_path: Path, tracker: Tracker) -> None:
    write_lines(tmp_path / "a.jsonl", [alert(10, pid=1)])
    write_lines(tmp_path / "b.jsonl", [alert(10, pid=2)])
    assert scan(tracker, tmp_path)["occurrences_created"] == 2


def test_an_id_that_was_recorded_is_a_key_whatever_it_looks_like(tmp_path: Path, tracker: Tracker) -> None:
    """This one is what would be made of the path of the very file."""
    path = tmp_path / "runs" / "events.jsonl"
    path.parent.mkdir()
    named = path_session_id(str(path), "telemetry_jsonl")
    write_lines(path, [record(**(alert(10) | {"session_id": named}))])
    scan(tracker, path)
    with tracker.reading() as connection:
        assert connection.execute("SELECT session_id FROM issue_occurrences").fetchall()[0][0] == named
    assert scan(tracker, rename_folder(path.parent)) == {}


def test_a_session_that_only_the_manifest_names_is_known_without_it(tmp_path: Path, tracker: Tracker) -> None:
    sink = write_sink(tmp_path / "sink", {"segment-000001.jsonl": [alert(10), alert(20)]})
    manifest = json.loads((sink / "manifest.json").read_text())
    manifest["segments"][0]["session_id"] = "named"
    (sink / "manifest.json").write_text(json.dumps(manifest))
    scan(tracker, tmp_path)
    with tracker.reading() as connection:
        assert connection.execute("SELECT session_id FROM issue_occurrences").fetchall()[0][0] == "named"
    (tmp_path / "flat").mkdir()
    shutil.copy(sink / "segment-000001.jsonl", tmp_path / "flat" / "events.jsonl")
    assert scan(tracker, tmp_path) == {}
    (sink / "manifest.json").unlink()
    assert scan(tracker, tmp_path, full=True) == {}


def test_the_query_shows_the_session_that_the_path_gives(tmp_path: Path, tracker: Tracker) -> None:
    path = write_lines(tmp_path / "events.jsonl", [alert(10)])
    scan(tracker, path)
    with stormlog.query.open([path], cache=False) as store:
        ((shown,),) = store.sql("SELECT session_id FROM sessions").rows
    assert shown == path_session_id(str(path), "telemetry_jsonl")
    with tracker.reading() as connection:
        (key,) = connection.execute("SELECT session_id FROM issue_occurrences").fetchone()
    assert key.startswith("session-") and key != shown


def test_a_finding_that_changes_after_its_file_was_moved_is_replaced(
    tmp_path: Path, tracker: Tracker
) -> None:
    events = drift(0, 400)
    (tmp_path / "runs").mkdir()
    path = write_lines(tmp_path / "runs" / "events.jsonl", events[:8])
    scan(tracker, path)
    path = rename_folder(path.parent) / path.name
    write_lines(path, events)
    scan(tracker, path)
    with Tracker(tmp_path / "once.db") as once:
        scan(once, path)
        assert titles(tracker) == titles(once)


def titles(tracker: Tracker) -> list[str]:
    return sorted(issue.title for issue in tracker.list_issues(limit=200).issues)


def sessions(tracker: Tracker) -> int:
    with tracker.reading() as connection:
        return int(
            connection.execute("SELECT count(DISTINCT session_id) FROM issue_occurrences").fetchone()[0]
        )


def hits_of_sessions(tracker: Tracker) -> list[int]:
    with tracker.reading() as connection:
        return [count for (count,) in connection.execute("SELECT hit_count FROM issue_occurrences")]


# ---- equal records -----------------------------------------------------------------------------------------


def named(at: int = 10) -> dict[str, Any]:
    return alert(at) | {"schema_version": 3, "session_id": "s1"}


def test_a_record_that_stands_twice_is_two_pieces_of_evidence(tmp_path: Path, tracker: Tracker) -> None:
    """Of a session that has a name, and of one that has none."""
    events = {"named": named(), "sessionless": alert(10)}
    for name, event in events.items():
        write_lines(tmp_path / f"{name}.jsonl", [event, event])
    assert scan(tracker, tmp_path) == {"evidence_new": 4, "occurrences_created": 2, "issues_created": 1}
    assert hits_of_sessions(tracker) == [2, 2]
    for name in events:
        shutil.copy(tmp_path / f"{name}.jsonl", tmp_path / f"copy_of_{name}.jsonl")
    with one_store_of(tmp_path), Tracker(tmp_path / "both.db") as both:
        assert scan(tracker, tmp_path) == {}
        assert scan(both, tmp_path)["evidence_new"] == 4
        assert hits_of_sessions(both) == [2, 2]
    for name, event in events.items():
        write_lines(tmp_path / f"{name}.jsonl", [event, event, event])
    assert scan(tracker, tmp_path) == {"evidence_new": 2}
    assert hits_of_sessions(tracker) == [3, 3]


def test_equal_records_are_counted_over_the_segments_of_a_sink(tmp_path: Path, tracker: Tracker) -> None:
    write_sink(
        tmp_path / "sink", {"segment-000001.jsonl": [named(), named(20)], "segment-000002.jsonl": [named(20)]}
    )
    assert scan(tracker, tmp_path)["evidence_new"] == 3
    compact_sink(tmp_path / "sink", output=tmp_path / "compacted")
    assert scan(tracker, tmp_path / "compacted") == {}


# ---- bundles -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("session_id", [None, "s1"])
def test_a_bundle_is_known_by_its_content(session_id: str | None, tmp_path: Path, tracker: Tracker) -> None:
    bundle = tmp_path / "dumps" / "oom_dump_1"
    write_bundle(bundle, session_id=session_id)
    assert scan(tracker, tmp_path)["evidence_new"] == 1
    shutil.copytree(bundle, tmp_path / "copies" / "oom_dump_1")
    bundle.rename(bundle.with_name("oom_dump_renamed"))
    assert scan(tracker, tmp_path) == {}
    # Another one under the first name.
    write_bundle(bundle, session_id=session_id)
    metadata = json.loads((bundle / "metadata.json").read_text()) | {"exception_message": "another"}
    (bundle / "metadata.json").write_text(json.dumps(metadata))
    assert scan(tracker, tmp_path)["evidence_new"] == 1


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


@pytest.mark.parametrize("bundle_first", [False, True])
def test_what_a_ledger_says_of_a_session_is_no_part_of_the_evidence_of_its_bundle(
    tmp_path: Path, tracker: Tracker, bundle_first: bool
) -> None:
    """It says something else later, and is not always there when the bundle is scanned."""
    bundle = tmp_path / "dumps" / "oom_dump_1"
    write_bundle(bundle, session_id="named")
    manifest = json.loads((bundle / "manifest.json").read_text())
    del manifest["session_status"]
    (bundle / "manifest.json").write_text(json.dumps(manifest))
    events = busy_session("named", 40)
    summary = {
        "session_id": "named",
        "status": "running",
        "started_at_ns": START_NS,
        "ended_at_ns": None,
        "host": "h",
        "pid": 7,
        "source": "stormlog.session",
    }
    write_sink(tmp_path / "sink", {"segment-000001.jsonl": events}, sessions=[summary])
    if bundle_first:
        scan(tracker, bundle)
    scan(tracker, tmp_path)
    (metadata,) = (json.loads(str(row[-1])) for row in tables(tracker)["evidence"] if "oom_bundle" in row)
    assert (metadata["session_status"], metadata["event_count"]) == (None, 30)
    write_sink(
        tmp_path / "sink", {"segment-000001.jsonl": events}, sessions=[summary | {"status": "completed"}]
    )
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
    MOVES if IS_SOAK else [rename_files, copy, pack_elsewhere, link_folder],
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
    write_runs(runs)
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
