"""Everything that a store answers, as one text that can be compared byte by byte."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.engine.database.settings import Settings
from stormlog.engine.index.location import LAYOUT

__all__ = [
    "answer_of",
    "answer_text",
    "cold_answer",
    "forget_answers",
    "issues_of",
    "issues_text",
    "read_in_batches",
    "warm_answer",
]

Paths = Path | str | Iterable[Path | str]


def answer_of(store: Any, *, with_events: bool = True) -> dict[str, Any]:
    """Ask a store everything.

    Sessions and events come last: all of the files is read again for them, whatever is known.
    """
    answer = {
        "issues": [issue.as_dict() for issue in store.list_issues()],
        "gaps": store.sql("SELECT * FROM memory_gaps ORDER BY finding_number").rows,
        "spans": store.sql("SELECT * FROM phase_spans ORDER BY ALL").rows,
        "evidence": store.sql("SELECT * FROM issue_evidence ORDER BY ALL").rows,
        "rejects": [astuple(reject) for reject in store.rejects()],
        "rejects_summary": store.rejects_summary(),
        "warnings": [warning.as_dict() for warning in store.catalog.warnings],
        "ooms": [row.as_dict() for row in store.list_oom_bundles()],
        "attachments": [attachment.as_dict() for attachment in store.list_attachments()],
    }
    if with_events:
        answer["sessions"] = [row.as_dict() for row in store.list_sessions()]
        answer["events"] = [row.as_dict() for row in store.query_events()]
        answer["rejects_of_events"] = [astuple(reject) for reject in store.rejects()]
    return answer


def answer_text(store: Any, root: Path | str = "", *, with_events: bool = True) -> str:
    """Return the answers of a store as canonical JSON.

    Args:
        store: An open store.
        root: Folder whose name is replaced wherever it stands.
        with_events: Whether to ask for all events too.
    """
    return _text(answer_of(store, with_events=with_events), root)


def cold_answer(paths: Paths, root: Path | str = "", *, with_events: bool = True, **settings: Any) -> str:
    """Return what the files alone say."""
    with stormlog.query.open(paths, cache=False, **settings) as store:
        if with_events:
            # So the files are read once: those who ask for events first get all other answers from the same rows.
            store.list_sessions()
        return answer_text(store, root, with_events=with_events)


def warm_answer(
    paths: Paths, cache: Path | str, root: Path | str = "", *, with_events: bool = True, **settings: Any
) -> str:
    """Return what a new store with an index says."""
    with stormlog.query.open(paths, cache=cache, **settings) as store:
        return answer_text(store, root, with_events=with_events)


def issues_text(store: Any, root: Path | str = "") -> str:
    """Return what depends on the index most, in a fraction of the time: issues with their evidence, and rejects."""
    answer = {
        "issues": [issue.as_dict() for issue in store.list_issues()],
        "rejects": [astuple(reject) for reject in store.rejects()],
        "rejects_summary": store.rejects_summary(),
        "warnings": [warning.as_dict() for warning in store.catalog.warnings],
    }
    return _text(answer, root)


def _text(answer: dict[str, Any], root: Path | str) -> str:
    text = "\n".join(f"{name}: {json.dumps(rows, sort_keys=True)}" for name, rows in answer.items())
    return text.replace(json.dumps(str(root))[1:-1], "<ROOT>") if root else text


def issues_of(paths: Path, cache: Path | bool) -> str:
    """Return `issues_text` of a new store; ``<ROOT>`` stands for the paths."""
    with stormlog.query.open(paths, cache=cache) as store:
        return issues_text(store, paths)


def forget_answers(cache: Path) -> None:
    """Remove the answers that stores kept, so that the next one asks the index."""
    for path in cache.glob(f"{LAYOUT}/*/answers"):
        shutil.rmtree(path)


def read_in_batches(monkeypatch: pytest.MonkeyPatch, batch_bytes: int) -> None:
    """Make every store read so few bytes at a time that several parts arise."""
    monkeypatch.setattr(Settings, "batch_bytes", batch_bytes)
