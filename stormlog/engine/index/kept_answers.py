"""Answers that were given, kept with the states of the files they came from.

Promise: an answer is given again only if every file and the catalog are exactly as they were.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from stormlog._digests import blake2b
from stormlog.engine.index.json_files import read_document, write_document

__all__ = ["AnswerFolder", "KeptAnswer"]

#: Longer answers are not kept: finding them takes as long as reading them.
_LIMIT_BYTES = 32 << 20
_MOST_ANSWERS = 64
_PLAIN = (str, int, float, bool, type(None))


class KeptAnswer(NamedTuple):
    """Rows of a statement and what was skipped for it.

    Attributes:
        columns: Names of the columns.
        rows: The rows.
        warnings: Path, message and code of files that were skipped.
        has_read: Whether files with events were read for it.
        files: What rows call the files that were read, if these were not all.
    """

    columns: list[str]
    rows: list[tuple[Any, ...]]
    warnings: list[tuple[str, str, str]]
    has_read: bool
    files: list[str] | None = None


class AnswerFolder:
    """The answers of one index.

    Args:
        folder: Folder of the index.
        digest: Identifies the catalog and the states of all files.
    """

    def __init__(self, folder: str, digest: str) -> None:
        self._folder = os.path.join(folder, "answers")
        self._digest = digest

    def find(self, text: str, params: Any) -> KeptAnswer | None:
        """Return the rows that a statement has for these files, if they were kept."""
        path = self._path(text, params)
        found = read_document(path, _LIMIT_BYTES)
        if not isinstance(found, dict) or found.get("digest") != self._digest:
            return None
        with contextlib.suppress(OSError):
            # Those that nobody asks for are forgotten first.
            os.utime(path)
        return _answer(found)

    def current(self) -> Iterator[tuple[str, str, Any, str | None, KeptAnswer]]:
        """Yield the answers that would be given again: path, statement, parameters, view and answer."""
        try:
            paths = sorted(entry.path for entry in os.scandir(self._folder))
        except OSError:
            return
        for path in paths:
            found = read_document(path, _LIMIT_BYTES) if path.endswith(".json") else None
            if isinstance(found, dict) and found.get("digest") == self._digest:
                yield (path, *found["question"], _answer(found))

    def keep(self, text: str, params: Any, answer: KeptAnswer, view: str | None = None) -> None:
        """Keep an answer, unless it is too long or holds values that are no JSON.

        Args:
            text: The statement.
            params: Its parameters.
            answer: What it answered.
            view: What had to be made to answer for it.
        """
        if not all(_is_plain(value) for row in answer.rows for value in row):
            return
        if (
            sum(len(value) for row in answer.rows for value in row if isinstance(value, str))
            > _LIMIT_BYTES // 2
        ):
            return
        path = self._path(text, params)
        question = (text, params, view)
        if write_document(path, {"digest": self._digest, "question": question, **answer._asdict()}):
            self._forget_oldest()

    def _path(self, text: str, params: Any) -> str:
        if isinstance(params, Mapping):
            params = dict(sorted(params.items()))
        question = json.dumps([text, params], default=repr)
        return os.path.join(self._folder, blake2b(question.encode(), digest_size=12).hexdigest() + ".json")

    def _forget_oldest(self) -> None:
        try:
            kept = [(entry.stat().st_mtime_ns, entry.path) for entry in os.scandir(self._folder)]
            for _, path in sorted(kept)[:-_MOST_ANSWERS]:
                os.unlink(path)
        except OSError:
            return


def _answer(found: dict[str, Any]) -> KeptAnswer:
    return KeptAnswer(
        found["columns"],
        [tuple(row) for row in found["rows"]],
        [(path, message, code) for path, message, code in found["warnings"]],
        found["has_read"],
        found.get("files"),
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, _PLAIN) for item in value)
    return isinstance(value, _PLAIN)
