"""Answers that were given, kept with the states of the files they came from.

Promise: an answer is given again only if every file and the catalog are exactly as they were.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, NamedTuple

from stormlog.query.index.documents import read_document, write_document

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
    """

    columns: list[str]
    rows: list[tuple[Any, ...]]
    warnings: list[tuple[str, str, str]]
    has_read: bool


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
        found = read_document(self._path(text, params), _LIMIT_BYTES)
        if not isinstance(found, dict) or found.get("digest") != self._digest:
            return None
        return KeptAnswer(
            found["columns"],
            [tuple(row) for row in found["rows"]],
            [(path, message, code) for path, message, code in found["warnings"]],
            found["has_read"],
        )

    def keep(self, text: str, params: Any, answer: KeptAnswer) -> None:
        """Keep an answer, unless it is too long or holds values that are no JSON."""
        if not all(_is_plain(value) for row in answer.rows for value in row):
            return
        if (
            sum(len(value) for row in answer.rows for value in row if isinstance(value, str))
            > _LIMIT_BYTES // 2
        ):
            return
        path = self._path(text, params)
        if write_document(path, {"digest": self._digest, **answer._asdict()}):
            self._forget_oldest()

    def _path(self, text: str, params: Any) -> str:
        if isinstance(params, Mapping):
            params = dict(sorted(params.items()))
        question = json.dumps([text, params], default=repr)
        return os.path.join(
            self._folder, hashlib.blake2b(question.encode(), digest_size=12).hexdigest() + ".json"
        )

    def _forget_oldest(self) -> None:
        try:
            kept = [(entry.stat().st_mtime_ns, entry.path) for entry in os.scandir(self._folder)]
            for _, path in sorted(kept)[:-_MOST_ANSWERS]:
                os.unlink(path)
        except OSError:
            return


def _is_plain(value: Any) -> bool:
    if isinstance(value, list):
        return all(isinstance(item, _PLAIN) for item in value)
    return isinstance(value, _PLAIN)
