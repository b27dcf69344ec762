"""Compares what an index holds with what the files say when all of them are read anew.

Promise: the fresh side never looks at the index, so whatever kept rows can be wrong about shows here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, TypedDict, cast

from stormlog._storable_text import storable_text
from stormlog.artifacts import ArtifactCatalog
from stormlog.artifacts.file_state import state_of
from stormlog.artifacts.snapshot import Snapshot
from stormlog.engine import AnswerFolder, Engine, Index, Settings, index_folder, views_of
from stormlog.query.remembered.maintenance import clear_folder, describe_index
from stormlog.query.statements import evidence_statement, issues_statement

if TYPE_CHECKING:
    from stormlog._progress import Progress

__all__ = ["Difference", "Verification", "verify", "verify_paths"]

#: Kind of rows -> the view that shows all of them.
_KINDS = {
    "events": "raw.kept_records",
    "hits": "stage.event_hits",
    "sessions": "stage.session_parts",
    "rejects": "raw.kept_rejects",
    "sessionless": "raw.kept_sessionless_records",
}


@dataclass(frozen=True)
class Difference:
    """Something that the index holds and the files do not say, or the other way round.

    Attributes:
        path: The file; empty where answers as a whole are meant.
        kind: ``events``, ``hits``, ``sessions``, ``rejects``, ``sessionless``, ``warnings``, ``issues`` or
            ``answer``.
        kept_count: Rows that the index holds.
        fresh_count: Rows that the file has; with equal counts their contents differ.
    """

    path: str
    kind: str
    kept_count: int
    fresh_count: int


class VerificationDocument(TypedDict):
    """What `Verification.as_dict` returns.

    Attributes:
        is_equal: Whether nothing differs.
    """

    is_equal: bool
    folder: str
    file_count: int
    event_count: int
    answer_count: int
    differences: list[Annotated[dict[str, Any], Difference]]
    changed_meanwhile: list[str]


@dataclass
class Verification:
    """What comparing found.

    Attributes:
        folder: Folder of the index.
        file_count: Files compared.
        event_count: Events in them.
        answer_count: Kept answers compared.
        differences: What differs.
        changed_meanwhile: Files that changed while they were compared; they are not judged.
    """

    folder: str
    file_count: int = 0
    event_count: int = 0
    answer_count: int = 0
    differences: list[Difference] = field(default_factory=list)
    changed_meanwhile: list[str] = field(default_factory=list)

    def as_dict(self) -> VerificationDocument:
        """Return all fields, and whether everything is equal."""
        return cast(VerificationDocument, {"is_equal": not self.differences, **asdict(self)})


def verify(
    folder: str,
    paths: Sequence[str],
    settings: Settings | None = None,
    watch: Callable[[Callable[[], Progress | None], Callable[[], None]], None] | None = None,
) -> Verification:
    """Read every file anew and compare.

    Args:
        folder: Folder of the index.
        paths: Opened paths, in the spelling in which they are opened.
        settings: How much of the machine to use.
        watch: Is told how to ask for the progress of reading, and how to stop it.

    Raises:
        QueryError: DuckDB failed.
        OSError: the index cannot be used.
    """
    settings = settings or Settings()
    catalog = ArtifactCatalog(list(paths))
    snapshot = Snapshot.take(catalog)
    found = Verification(folder, len(snapshot.origins))
    kept_answers = list(AnswerFolder(folder, snapshot.digest).current())
    fresh = Engine(snapshot, settings, None)
    try:
        if watch is not None:
            watch(fresh.progress, fresh.interrupt)
        fresh.prepare({"issues", "rejects"})
        expected, warnings = _summarise(fresh), _warnings(fresh)
        issues = _issues(fresh)
        # One after the other, so that both need not fit into memory.
        kept = Engine(snapshot, settings, Index.load(folder, [str(path) for path in catalog.paths]))
        try:
            if watch is not None:
                watch(kept.progress, kept.interrupt)
            kept.prepare({"issues", "rejects"})
            actual, kept_warnings = _summarise(kept), _warnings(kept)
            kept_issues = _issues(kept)
        finally:
            kept.close()
        found.event_count = sum(count for (_, kind), (count, _) in expected.items() if kind == "events")
        changed = [o for o in snapshot.origins if state_of(o.path) != snapshot.states[o.path]]
        found.changed_meanwhile = [origin.path for origin in changed]
        spared = {name for origin in changed for name in (origin.path, storable_text(origin.recorded_path))}
        differences = _compare(actual, expected) + _compare(kept_warnings, warnings)
        found.differences = [d for d in differences if d.path not in spared]
        if not found.changed_meanwhile:
            if kept_issues != issues:
                found.differences.append(Difference("", "issues", len(kept_issues[0]), len(issues[0])))
            for _, text, params, view, answer in kept_answers:
                found.answer_count += 1
                fresh.prepare(views_of(view))
                _, rows = fresh.run("verify", text, params)
                if _as_kept(rows) != _as_kept(answer.rows):
                    found.differences.append(Difference("", "answer", len(answer.rows), len(rows)))
    finally:
        fresh.close()
    return found


def verify_paths(
    root: str,
    paths: Sequence[str],
    *,
    watch: Callable[[Callable[[], Progress | None], Callable[[], None]], None] | None = None,
    **limits: Any,
) -> Verification | None:
    """Compare what is remembered of some paths with the files, and remove the index if anything differs.

    Args:
        root: The cache directory.
        paths: Opened paths, in the spelling in which they are opened.
        watch: See `verify`.
        limits: See `Settings`.

    Returns:
        What was found; None if nothing is remembered of them.

    Raises:
        QueryError: DuckDB failed.
        OSError: the index cannot be used.
    """
    if describe_index(root, paths) is None:
        return None
    found = verify(index_folder(root, paths), paths, Settings(**limits), watch)
    if found.differences:
        clear_folder(root, found.folder)
    return found


def _summarise(engine: Engine) -> dict[tuple[str, str], tuple[int, Any]]:
    """Return the number of rows and an order-free sum of their hashes, by file and kind."""
    found: dict[tuple[str, str], tuple[int, Any]] = {}
    for kind, view in _KINDS.items():
        described, _ = engine.run("verify", f"SELECT * FROM {view} LIMIT 0")
        columns = [name for name in described if name != "piece_id"]
        rows = f"SELECT p.file_id, {', '.join('r.' + name for name in columns)} FROM {view} AS r "
        rows += "INNER JOIN raw.pieces AS p ON r.piece_id = p.piece_id"
        if kind == "sessions":
            # A file that grew has several rows where one that is read at once has one: they are added up.
            keys = ("session_id", "period")
            sums = [f"{_adding(name)}({name}) AS {name}" for name in columns if name not in keys]
            rows = f"SELECT file_id, session_id, period, {', '.join(sums)} FROM ({rows}) GROUP BY ALL"
        values = ", ".join(columns)
        text = f"""
            SELECT f.path, count(*), CAST(sum(CAST(hash({values}) AS HUGEINT)) AS VARCHAR)
            FROM ({rows}) AS r INNER JOIN raw.files AS f ON r.file_id = f.file_id
            GROUP BY f.path
        """
        _, summary = engine.run("verify", text)
        for path, count, digest in summary:
            found[path, kind] = (count, digest)
    return found


def _warnings(engine: Engine) -> dict[tuple[str, str], tuple[int, Any]]:
    """Return what was said about files that were skipped as a whole, likewise."""
    said: dict[str, list[Any]] = {}
    for warning in engine.load_warnings:
        said.setdefault(warning.path, []).append((warning.code, warning.message))
    return {(path, "warnings"): (len(texts), texts) for path, texts in said.items()}


def _adding(column: str) -> str:
    """Return the aggregate that joins the parts of a session."""
    if column.startswith("first_"):
        return "min"
    return "max" if column.startswith(("last_", "max_", "stopped_")) else "sum"


def _issues(engine: Engine) -> list[Any]:
    _, rows = engine.run("verify", *issues_statement(None, None).statement)
    ids = sorted(row[0] for row in rows)
    _, evidence = engine.run("verify", *evidence_statement(ids))
    return [rows, evidence]


def _as_kept(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    # As JSON has them: a list for a tuple, at any depth.
    return [[list(value) if isinstance(value, tuple) else value for value in row] for row in rows]


def _compare(
    kept: Mapping[tuple[str, str], tuple[int, Any]], fresh: Mapping[tuple[str, str], tuple[int, Any]]
) -> list[Difference]:
    nothing = (0, None)
    return [
        Difference(path, kind, kept.get((path, kind), nothing)[0], fresh.get((path, kind), nothing)[0])
        for path, kind in sorted({*kept, *fresh})
        if kept.get((path, kind)) != fresh.get((path, kind))
    ]
