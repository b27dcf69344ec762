"""Artifacts are opened in one way, and nothing else opens them."""

from __future__ import annotations

import ast
import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stormlog._opening import OpenedPaths, RefusedFileError, open_artifact, read_artifact
from stormlog.artifacts import ArtifactCatalog
from tests.query.sinks import write_lines, write_sink
from tests.telemetry.factories import record

PACKAGE = Path(__file__).resolve().parents[1] / "stormlog"

#: Parts that read artifacts; the others read the tracker, the machine or their own files.
READERS = (
    "telemetry",
    "phases",
    "issues",
    "artifacts",
    "engine",
    "query",
    "compaction",
    "tracking/scanning",
    "tracking/gate",
)
#: Modules that may open files themselves, and why.
MAY_OPEN = {
    "telemetry/sink.py": "strict loading of the path that a caller names",
    "telemetry/loading.py": "strict loading of the path that a caller names",
    "telemetry/csv_rows.py": "strict loading of the path that a caller names",
    "engine/reading/temporary_files.py": "writes copies into the temporary folder",
    "engine/reading/line_chunks.py": "reads and writes copies in the temporary folder",
    "engine/reading/small_files.py": "writes joined files into the temporary folder",
    "engine/reading/reader.py": "writes a copy into the temporary folder",
    "engine/database/query_files.py": "reads the package's own SQL",
    "engine/database/sql_files.py": "reads the package's own SQL",
    "engine/reading/unpacking.py": "unpacks a file that the opener has opened",
    "engine/tracked/sqlite_file.py": "reads the package's own migrations",
    "engine/index/json_files.py": "reads and writes the index",
    "engine/index/locks.py": "locks the index",
    "compaction/copying.py": "copies regular files that the plan found, and sees when they change",
    "compaction/workplace.py": "opens directories of the new sink to sync them",
}
_OPENING = {"open", "read_text", "read_bytes", "copy", "copy2", "copyfile", "input_stream", "OSFile", "cmp"}
_OWNERS_WITHOUT_FILES = {"self", "stormlog", "query", "Store", "GzipFile"}


def openings_of(path: Path) -> Iterator[int]:
    """Yield the lines in which a module opens a file by its path."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name) and called.id == "open":
            yield node.lineno
        if isinstance(called, ast.Attribute) and called.attr in _OPENING:
            owner = ast.unparse(called.value)
            is_path = called.attr in {"open", "read_text", "read_bytes"}
            if owner.split(".")[0] in {"os", "io", "gzip", "shutil", "filecmp", "pyarrow"} or (
                is_path
                and owner.split(".")[-1] not in _OWNERS_WITHOUT_FILES
                and "temporary_files" not in owner
                and owner != "self._maker"
            ):
                yield node.lineno


def test_nothing_else_opens_artifacts() -> None:
    found = {}
    for part in READERS:
        top = PACKAGE / part
        for path in [top] if top.is_file() else top.rglob("*.py"):
            if lines := list(openings_of(path)):
                found[str(path.relative_to(PACKAGE))] = lines
    assert {name: lines for name, lines in found.items() if name not in MAY_OPEN} == {}
    assert set(MAY_OPEN) <= set(found), "this module opens no file any more"


# ---- the opener ------------------------------------------------------------------------------------------------


def make_pipe(path: Path) -> None:
    os.mkfifo(path)


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        before = Path.cwd()
        os.chdir(path.parent)
        try:
            server.bind(path.name)
        finally:
            os.chdir(before)


def make_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def make_directory(path: Path) -> None:
    path.mkdir()


def make_loop(path: Path) -> None:
    path.symlink_to(path.name)


def make_link_outside(path: Path) -> None:
    path.symlink_to("/proc/self/status")


SPECIAL = [make_pipe, make_socket, make_device, make_directory, make_loop, make_link_outside]


@pytest.mark.parametrize("make", SPECIAL)
def test_only_regular_files_inside_are_opened(tmp_path: Path, make: Callable[[Path], None]) -> None:
    make(tmp_path / "x")
    with pytest.raises(OSError):
        open_artifact(str(tmp_path / "x"), OpenedPaths([os.path.realpath(tmp_path)]))


def test_a_link_put_in_place_of_a_directory_does_not_lead_out(tmp_path: Path) -> None:
    write_lines(tmp_path / "secret.jsonl", [record()])
    (tmp_path / "opened").mkdir()
    (tmp_path / "opened/sub").symlink_to("..")
    opened = OpenedPaths([os.path.realpath(tmp_path / "opened")])
    with pytest.raises(RefusedFileError, match="leads out"):
        open_artifact(str(tmp_path / "opened/sub/secret.jsonl"), opened)


def test_hard_links_and_links_inside_are_opened(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "a.jsonl", [record()])
    (tmp_path / "hard").hardlink_to(path)
    (tmp_path / "soft").symlink_to("a.jsonl")
    opened = OpenedPaths([os.path.realpath(tmp_path)])
    for name in ("a.jsonl", "hard", "soft"):
        assert read_artifact(str(tmp_path / name), opened, most_bytes=1 << 20) == path.read_bytes()


def test_no_more_is_read_than_the_limit_whatever_the_size_says(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 100)
    for path in (str(tmp_path / "large"), "/proc/self/status"):
        with pytest.raises(RefusedFileError, match="more than"):
            read_artifact(path, most_bytes=10)


# ---- commands ----------------------------------------------------------------------------------------------------

NAMES = [
    "manifest.json",
    "stormlog_run.json",
    "stormlog_attachments.json",
    "issues.json",
    "segment-000001.jsonl",
    "events.csv",
    "events.json",
    "oom_dump_1/metadata.json",
]


def stormlog(*words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "STORMLOG_CACHE": "off"}
    return subprocess.run(
        [sys.executable, "-m", "stormlog", *words],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
    )


def write_tree(root: Path, session_id: str = "good") -> None:
    write_lines(root / "good.jsonl", [record(session_id=session_id, event_type="warning")])
    (root / "oom_dump_1").mkdir()
    manifest = {"bundle_name": "oom_dump_1", "reason": "x", "backend": "cuda", "event_count": 0}
    (root / "oom_dump_1/manifest.json").write_text(json.dumps(manifest))


@pytest.fixture(scope="module")
def trees(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For each special file and each name a folder with good files beside it."""
    top = tmp_path_factory.mktemp("trees")
    for name in NAMES:
        for make in SPECIAL:
            tree = tree_of(top, name, make)
            tree.mkdir()
            # Events of one session would be copies of each other.
            write_tree(tree, tree.name)
            make(tree / name)
    return top


def tree_of(top: Path, name: str, make: Callable[[Path], None]) -> Path:
    return top / f"{name.replace('/', '-')}-{make.__name__}"


@pytest.fixture(scope="module")
def warned_and_read(trees: Path) -> tuple[set[str], list[str]]:
    """The paths of warnings about all trees, and the files of all events."""
    import stormlog.query

    with stormlog.query.open(sorted(trees.iterdir()), cache=False) as store:
        read = [row.as_dict()["source_path"] for row in store.query_events()]
        return {warning.path for warning in store.catalog.warnings}, read


@pytest.mark.parametrize("make", SPECIAL)
@pytest.mark.parametrize("name", NAMES)
def test_special_files_cost_a_warning_and_nothing_else(
    trees: Path, warned_and_read: tuple[set[str], list[str]], name: str, make: Callable[[Path], None]
) -> None:
    warned, read = warned_and_read
    tree = tree_of(trees, name, make)
    assert [Path(path).name for path in read if Path(path).parent == tree] == ["good.jsonl"]
    holds_events = make is make_directory and name.startswith(("segment", "events"))
    # A directory is walked whatever its name is.
    assert (str(tree / name) in warned) is not holds_events


def test_commands_survive_pipes_in_every_role(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    root.mkdir()
    write_tree(root)
    for name in NAMES:
        make_pipe(root / name)
    db = str(tmp_path / "tracker.db")
    # What queries read, scans read too.
    for words in (
        ("scan", str(root), "--db", db, "--settle", "0s"),
        ("gate", str(root), "--db", db, "--fail-on", "regressed"),
    ):
        done = stormlog(*words)
        assert done.returncode == 0, (words, done.stderr)
    done = stormlog("compact", str(root), "--output", str(tmp_path / "out"))
    assert done.returncode == 3, done.stderr


def test_link_into_another_opened_directory_is_read_once(tmp_path: Path) -> None:
    sink = write_sink(tmp_path / "a", {"segment-000001.jsonl": [record()]})
    other = write_sink(tmp_path / "b", {"segment-000001.jsonl": [record(session_id="t")]})
    (sink / "segment-000002.jsonl").symlink_to(other / "segment-000001.jsonl")
    (sink / "flat.jsonl").symlink_to(other / "segment-000001.jsonl")
    write_lines(other / "odd.data", [record(session_id="u")])
    (sink / "named.jsonl").symlink_to(other / "odd.data")
    import stormlog.query

    for paths in ([sink, other], [other, sink]):
        with stormlog.query.open(paths, cache=False) as store:
            assert sorted(row.as_dict()["session_id"] for row in store.query_events()) == ["s", "t", "u"]
            assert store.catalog.warnings == []


def test_metadata_linked_from_another_opened_path_counts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    write_tree(tmp_path / "a")
    (tmp_path / "b/said.json").write_text('{"exception_type": "E", "custom_metadata": {"app": "llm"}}')
    (tmp_path / "a/oom_dump_1/metadata.json").symlink_to(tmp_path / "b/said.json")
    alone, both = ArtifactCatalog(tmp_path / "a"), ArtifactCatalog([tmp_path / "a", tmp_path / "b"])
    assert (alone.oom_bundles[0].exception_type, both.oom_bundles[0].exception_type) == (None, "E")
    assert both.oom_bundles[0].metadata == {"custom_metadata": {"app": "llm"}}


def test_file_exchanged_for_a_link_after_discovery_is_refused(tmp_path: Path) -> None:
    import stormlog.query

    (tmp_path / "opened").mkdir()
    outside = write_lines(tmp_path / "outside.jsonl", [record(session_id="outside")])
    for name in ("a.jsonl", "b.jsonl"):
        write_lines(tmp_path / "opened" / name, [record(session_id=name)])
    with stormlog.query.open([tmp_path / "opened"], cache=False) as store:
        (tmp_path / "opened/b.jsonl").unlink()
        (tmp_path / "opened/b.jsonl").symlink_to(outside)
        assert [row.as_dict()["session_id"] for row in store.query_events()] == ["a.jsonl"]
        assert [warning.code for warning in store.catalog.warnings] == ["unreadable"]
