"""The files, the tracker and the open stores with which the command lines of the table of options run."""

from __future__ import annotations

import gzip
import io
import json
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import Any

import duckdb
import pytest

from stormlog import query
from stormlog.query import EventFilter, QueryStore
from stormlog.tracking import Tracker
from stormlog.tracking.digest import NotifySettings
from tests.apps.cli.runner import Outcome, stormlog
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.apps.mcp.sessions import session as session_of_agent
from tests.artifacts.factories import make_oom_bundle
from tests.query.sinks import SECOND, busy_session, write_sink
from tests.tracking.tables import everything, tables

#: What stdin holds.
STATEMENTS = ".tables\nSELECT session_id FROM sessions;\n"
#: What an agent does.
CALLS = [("query", {"sql": "SELECT count(*) FROM events"}), ("comment", {"issue": "1", "body": "looked at"})]


#: Settings of `query.open` that decide how a store reads, and not what it answers.
HOW_IT_READS = ("threads", "memory_limit", "spill_directory", "spill_limit", "cache", "unpack_limit")


class OpenStores:
    """Opens the same paths with the same settings once: command lines that differ in the rest ask one open store.

    Args:
        caches: Where each store has an index of its own, without answers of those with other settings.
    """

    def __init__(self, caches: Path) -> None:
        self._caches = caches
        self._open = query.open
        self._defaults = {name: option.default for name, option in signature(query.open).parameters.items()}
        self._stores: dict[str, QueryStore] = {}

    def open(self, paths: Any, **settings: Any) -> QueryStore:
        settings = self.given(settings)
        key = repr((list(map(str, paths)), sorted(settings.items())))
        if key not in self._stores:
            if settings.get("cache") is None:
                settings["cache"] = self._caches / str(len(self._stores))
            self._stores[key] = store = self._open(paths, **settings)
            store.close = lambda: None  # type: ignore[method-assign]
        store = self._stores[key]
        # It would watch on behalf of a command that has ended.
        store.on_start = lambda: None
        return store

    def given(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Return the settings that are not what they are by default."""
        return {name: value for name, value in settings.items() if value != self._defaults[name]}

    def close(self) -> None:
        for store in self._stores.values():
            QueryStore.close(store)


@dataclass(frozen=True)
class Seen:
    """What a command line left behind: its status, and texts by where they are."""

    status: int
    texts: dict[str, str]


@dataclass(frozen=True)
class World:
    """A folder of telemetry with a tracker, in which nothing ever changes.

    Attributes:
        out: A folder for what a command line writes: when it begins, there are empty files that it could replace.
        names: What braces in the table stand for.
    """

    folder: Path
    out: Path
    names: dict[str, str]
    stores: OpenStores
    traces: dict[str, dict[str, str]] = field(default_factory=dict)

    def run_in_place(self, line: str, own_tracker: bool, looks_into_it: bool) -> Seen:
        """Run a command line that writes to no file in the folder, by stores that stay open.

        Args:
            own_tracker: Whether it changes the tracker: it has a copy then.
            looks_into_it: Whether somebody wants to know what is in that afterwards.
        """
        with self._begin() as patch:
            patch.setattr(query, "open", self.stores.open)
            tracker = self._copied_tracker(patch) if own_tracker else None
            return _look(self._words(line), patch, tracker if looks_into_it else None)

    def run_traced(self, line: str, own_tracker: bool, looks_into_it: bool) -> Seen:
        """Do so, and say what stores do that read as the command line has its stores read.

        The answers are those of the stores that stay open.
        """
        opened: list[tuple[list[Any], dict[str, Any]]] = []

        def open_shared(paths: Any, **settings: Any) -> QueryStore:
            how = {name: settings.pop(name) for name in HOW_IT_READS if name in settings}
            opened.append((list(paths), self.stores.given(how)))
            return self.stores.open(paths, **settings)

        with self._begin() as patch:
            patch.setattr(query, "open", open_shared)
            configurations = _configurations(patch)
            tracker = self._copied_tracker(patch) if own_tracker else None
            seen = _look(self._words(line), patch, tracker if looks_into_it else None)
        seen.texts.update({"engine": "\n".join(configurations), "files": _listing(self.out), "notices": ""})
        for paths, how in opened:
            for place, text in self._trace(paths, how).items():
                seen.texts[place] += text
        return seen

    def _trace(self, paths: list[Any], how: dict[str, Any]) -> dict[str, str]:
        """Return what a store does that reads some paths of a copy of the folder with some settings."""
        key = repr((paths, how))
        if key not in self.traces:
            with self._begin(copied=key) as patch:
                configurations = _configurations(patch)
                with query.open(paths, **how) as store:
                    store.query_events(EventFilter(limit=1))
                    notices = [f"\n{warning.path}: {warning.message}" for warning in store.catalog.warnings]
                self.traces[key] = {
                    "engine": "\n".join(configurations),
                    "files": _listing(self.out / "world"),
                    "notices": "".join(notices),
                }
        return self.traces[key]

    def _copied_tracker(self, patch: pytest.MonkeyPatch) -> Path:
        tracker = Path(shutil.copy(self.folder / "tracker.db", self.out))
        patch.setenv("STORMLOG_DB", str(tracker))
        return tracker

    def run_in_copy(self, line: str, before: str | None, looks_into_it: bool) -> Seen:
        """Run a command line, and another one before it, in a copy of what they name, with a tracker."""
        folder = self.out / "world"
        with self._begin(copied=f"{line} {before}") as patch:
            if before is not None:
                _run(before)
            configurations = _configurations(patch)
            seen = _look(self._words(line), patch, folder / "tracker.db" if looks_into_it else None)
            seen.texts.update({"engine": "\n".join(configurations), "files": _listing(folder)})
            return seen

    @contextmanager
    def _begin(self, copied: str | None = None) -> Iterator[pytest.MonkeyPatch]:
        """Enter the folder, or a copy of its files and of those folders in it that a text names."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        for name in ("old.sqlite", "old.csv"):
            (self.out / name).touch()
        folder = self.folder
        if copied is not None:
            unnamed = [part.name for part in folder.iterdir() if part.is_dir() and part.name not in copied]
            folder = Path(
                shutil.copytree(folder, self.out / "world", ignore=shutil.ignore_patterns(*unnamed))
            )
        with pytest.MonkeyPatch.context() as patch:
            _enter(patch, folder)
            yield patch

    def _words(self, line: str) -> list[str]:
        return shlex.split(line.format(**self.names, out=self.out))


def _configurations(patch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that gets the settings of each database that is opened from now on."""
    configurations: list[str] = []
    real = duckdb.connect

    def connect(*arguments: Any, **options: Any) -> Any:
        configurations.append(repr(options.get("config")))
        return real(*arguments, **options)

    patch.setattr(duckdb, "connect", connect)
    return configurations


def _listing(folder: Path) -> str:
    return "".join(
        f"\n{path.relative_to(folder)}{'/' if path.is_dir() else f' {path.stat().st_mode & 0o777:o}'}"
        for path in sorted(folder.rglob("*"))
    )


def _enter(patch: pytest.MonkeyPatch, folder: Path) -> None:
    patch.chdir(folder)
    for name in [name for name in os.environ if name.startswith("STORMLOG_")]:
        patch.delenv(name)
    patch.setenv("STORMLOG_DB", str(folder / "tracker.db"))
    patch.setenv("STORMLOG_USER", "tester")
    patch.setenv("STORMLOG_CACHE", str(folder / "cache"))
    patch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(STATEMENTS.encode())))


def _look(line: list[str], patch: pytest.MonkeyPatch, tracker: Path | None) -> Seen:
    """Run a command line; return what it printed, sent, and left in a tracker."""
    if line[:1] == ["query"]:
        patch.delenv("STORMLOG_DB")
    if line[:1] == ["mcp"]:
        patch.setattr(sys, "stdin", session_of_agent(CALLS))
    mail: list[str] = []
    read = NotifySettings.from_environment

    def from_environment(*arguments: Any, **options: Any) -> NotifySettings:
        settings = read(*arguments, **options)
        mail.append(repr(settings))
        return settings

    patch.setattr(NotifySettings, "from_environment", from_environment)
    outcome = stormlog(*line)
    texts = {"stdout": outcome.stdout, "stderr": outcome.stderr, "mail": "\n".join(mail)}
    if tracker is not None:
        with Tracker(tracker, read_only=True) as opened:
            texts["tracker"] = "\n".join(str(row) for rows in everything(opened).values() for row in rows)
            texts["fingerprints"] = repr(tables(opened)["fingerprints"])
    return Seen(outcome.status, texts)


@contextmanager
def make_world(scratch: Path) -> Iterator[World]:
    folder = scratch / "original"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        _enter(patch, folder)
        _artifacts(folder)
        names = _tracker(folder)
        _run("issues export issues.json")
        states = json.loads((folder / "issues.json").read_text())
        for entry in states["issues"]:
            entry.pop("status", None)
            entry["state"] = "ignored"
        (folder / "changed.json").write_text(json.dumps(states))
        (folder / "empty.json").write_text('{"format": "stormlog-issues", "version": 1, "issues": []}')
        shutil.rmtree(folder / "cache")
        _run("query issues damaged -q --cache-dir other-cache")
    before = _files(folder)
    world = World(folder, scratch / "out", names, OpenStores(scratch / "caches"))
    yield world
    world.stores.close()
    assert _files(folder) ^ before == set(), "a command line that writes has to run in a copy"


def _files(folder: Path) -> set[tuple[str, int, int]]:
    # SQLite and indexes note in one of their files who reads.
    noted = ("-shm", "lock")
    found = [(path, path.stat()) for path in folder.rglob("*") if not path.name.endswith(noted)]
    return {
        (str(path), *((0, 0) if path.is_dir() else (status.st_size, status.st_mtime_ns)))
        for path, status in found
    }


# ---- what is in it ---------------------------------------------------------------------------------------


def _artifacts(world: Path) -> None:
    """Write telemetry of all kinds, each in a folder of its own."""
    for name in (
        "runs",
        "damaged",
        "packed",
        "damaged-dumps/oom_dump_x",
        "more",
        "spilled",
    ):
        (world / name).mkdir(parents=True)
    cuda = {"backend": "cuda"}
    write_lines(
        world / "runs" / "events.jsonl",
        event(),
        event(timestamp_ns=START_NS + SECOND, event_type="warning", context="High fragmentation: 40.0%"),
        event(
            timestamp_ns=START_NS + 2 * SECOND,
            event_type="collector_degraded",
            metadata={**cuda, "collector_health_status": "degraded", "collector_last_error": "NVML error"},
        ),
        event(timestamp_ns=START_NS + 3 * SECOND, event_type="stop"),
        event(
            timestamp_ns=START_NS + 4 * SECOND,
            session_id="s-2",
            job_id="j2",
            rank=1,
            world_size=2,
            collector="other",
            event_type="error",
            context="CUDA out of memory",
            metadata={"backend": "rocm", "oom_reason": "r1", "code_version": "0.9"},
        ),
    )
    made = {"a": ("s-2", "cuda", "r1", "2026-01-01"), "b": ("s-9", "rocm", "r2", "2026-02-01")}
    for name, (session, backend, reason, day) in made.items():
        make_oom_bundle(
            world / "runs" / f"oom_dump_{name}",
            session_id=session,
            backend=backend,
            reason=reason,
            created_at_utc=f"{day}T00:00:00Z",
        )
    for name in ("runs", "linked-a"):
        # What is said of them, and whether, is what some options are about; they hold no rows.
        (world / name / "oom_dump_c").mkdir(parents=True)
        (world / name / "oom_dump_c" / "manifest.json").write_text("{broken")
        (world / name / "blank.jsonl.gz").write_bytes(gzip.compress(b"\n" * 2_000))
    (world / "damaged-dumps" / "oom_dump_x" / "manifest.json").write_text("{broken")
    write_lines(world / "damaged" / "damaged.jsonl", event(session_id="d"), "{broken")
    lines = "".join(json.dumps(event(session_id="p", timestamp_ns=START_NS + n)) + "\n" for n in range(50))
    (world / "packed" / "events.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    write_lines(
        world / "more" / "new.jsonl",
        event(session_id="m", event_type="warning", context="Disk is low"),
        event(session_id="m", timestamp_ns=START_NS + SECOND, event_type="stop"),
    )
    write_lines(
        world / "more" / "quiet.jsonl",
        event(session_id="q", metadata={**cuda, "severity": "info"}, event_type="warning", context="Hum"),
    )
    drift = [row for row in busy_session("drift", 40) if row["event_type"] == "sample"]
    write_lines(world / "more" / "drift.jsonl", *drift)
    (world / "hosts.csv").write_text("host,team\nh,vision\n")
    (world / "question.sql").write_text("SELECT 6 AS six")
    _linked_run(world / "linked-a", "wandb", "first title", START_NS - 24 * 3600 * SECOND, 0)
    _linked_run(world / "linked-b", "mlflow", "second title", START_NS, 1)
    write_sink(world / "torn", {"segment-000001.jsonl": busy_session("t", 40)})
    with (world / "torn" / "segment-000001.jsonl").open("a") as stream:
        stream.write("{broken\n")
    write_sink(world / "sink", {"segment-000001.jsonl": busy_session("k", 40)})
    write_sink(world / "half-open", {"segment-000001.jsonl": busy_session("k2", 40)})
    with (world / "half-open" / "segment-000002.jsonl").open("w") as stream:
        stream.write(json.dumps(event(session_id="k2")))
    for path in world.rglob("*.jsonl"):
        os.utime(path, (1_700_000_000, 1_700_000_000))


def _linked_run(folder: Path, namespace: str, title: str, at_ns: int, rank: int) -> None:
    """Write a run with an envelope that names another system and links to a log."""
    name, letter = folder.name, folder.name[-1]
    folder.mkdir(exist_ok=True)
    job = {"job_id": f"job-{letter}", "rank": rank, "local_rank": 0, "world_size": 2}
    write_lines(
        folder / "events.jsonl",
        event(session_id=name, timestamp_ns=at_ns, **job),
        event(session_id=name, timestamp_ns=at_ns + SECOND, event_type="stop", **job),
    )
    source = {"source_namespace": namespace, "source_ref": f"ref-{letter}"}
    session = {"session_id": name, **job, "role": "rank", "metadata": {}}
    log = {
        "title": f"{title} log",
        "kind": "log",
        "storage": "reference",
        "url": f"https://example.org/{name}",
    }
    times = {"start_ns": at_ns, "end_ns": at_ns + SECOND}
    envelope = {
        "schema_version": 1,
        "format": "stormlog.run_envelope",
        "run_id": f"run-{name}",
        "title": title,
        "job_id": job["job_id"],
        "started_at_ns": at_ns,
        "ended_at_ns": at_ns + SECOND,
        **source,
        "sessions": [session],
        "attachments": [{**log, **source, **times, "metadata": {}}],
        "metadata": {},
    }
    (folder / "stormlog_run.json").write_text(json.dumps(envelope))


def _run(line: str) -> Outcome:
    outcome = stormlog(*shlex.split(line))
    assert outcome.status == 0, (line, outcome)
    return outcome


def _tracker(world: Path) -> dict[str, str]:
    """Fill a tracker; return what braces in the table stand for."""
    _run("scan runs --settle 0s --code-version 1.0")
    _run(
        "issues record 'Loss diverged' --app trainer --dev --run job-9 --session s-9 --code-version 0.9 --at 2025-01-01"
    )
    _run("issues record 'Worker died' --app trainer --session s-8 --at 2025-02-01")
    _run("issues record 'Loss is lost' --project other --session o --at 2025-01-01")
    _run(
        "projects set default --webhook http://127.0.0.1:9/ --alert-frequency hourly --recipient ann@example.org"
    )
    _run("projects set other --recipient ann@example.org --alert-frequency hourly")
    listed = json.loads(_run("issues list --json --limit 200").stdout)["issues"]
    ids = {issue["title"]: issue["issue_id"] for issue in listed}
    fingerprints = {issue["title"]: issue["fingerprint_ids"][0] for issue in listed}
    names = {
        "alert": next(issue_id for title, issue_id in ids.items() if title.startswith("Alert")),
        "degraded": ids["Collector degradation"],
        "trainer": ids["Error: worker died"]
        if "Error: worker died" in ids
        else next(i for t, i in ids.items() if "orker" in t),
    }
    ooms = [issue["issue_id"] for issue in listed if issue["kind"] == "oom"]
    names |= {"resolved": ooms[0], "merged": ooms[1]}
    names["alert_fingerprint"] = next(f for title, f in fingerprints.items() if title.startswith("Alert"))
    _run(f"issues resolve {names['resolved']} --version 2")
    _run(f"issues merge {names['degraded']} {names['merged']}")
    _run("issues ignore issue:0123456789abcdef01234567 --reason known")
    names["comment"] = json.loads(_run(f"issues comment {names['alert']} seen --json").stdout)["comment_id"]
    page = json.loads(_run("issues list --limit 1 --json").stdout)
    names |= {"cursor": page["cursor"], "first": page["issues"][0]["title"]}
    names["history_cursor"] = json.loads(_run(f"issues history {names['alert']} --limit 1 --json").stdout)[
        "cursor"
    ]
    with Tracker(world / "many.db") as tracker:
        for number in range(51):
            word = chr(97 + number % 26) * (number // 26 + 3)
            tracker.record_error(f"Loss {word} failed", session_id=f"s{number}")
    return names
