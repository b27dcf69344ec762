"""What is kept of the files below some paths: parts with rows, and a file that says which of them count.

Promise: the index file is replaced in one step and names only whole parts. A reader needs no lock; who finds a
part missing or changed does without the index.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from stormlog._storable_text import GLOB_CHARACTERS, is_storable
from stormlog._values import mutable_class
from stormlog.artifacts.file_state import FileState
from stormlog.engine.index.json_files import read_document, write_document
from stormlog.engine.index.locks import ReaderLock
from stormlog.engine.reading.read_plan import Piece

__all__ = ["INDEX_FILE_NAME", "Index", "Part"]

INDEX_FILE_NAME = "index.json"
_FORMAT = 1
#: More small parts than this are merged into one.
_MOST_SMALL_PARTS = 8
_SMALL_PART_BYTES = 8 << 20


@mutable_class
class Part:
    """A folder of Parquet files that never change.

    Attributes:
        folder: Absolute path.
        files: Kind of rows -> state of its file.
        piece_ids: Pieces whose rows it holds.
    """

    folder: str
    files: dict[str, list[int]]
    piece_ids: list[int]

    @property
    def size(self) -> int:
        """Bytes of its files."""
        return sum(state[2] for state in self.files.values())

    def is_intact(self) -> bool:
        """Whether its files are those that were written."""
        return all(_state(self.folder, kind) == state for kind, state in self.files.items())


@mutable_class
class Index:
    """The index of one set of paths.

    Attributes:
        folder: Where it is.
        paths: The paths, as they were spelled.
        pieces: What is known of each file, by `FileOrigin.key`.
        parts: Where the rows are.
        next_id: First free number for pieces.
        findings: What `FindingStore` knows.
        digests: What `CopyFinder` knows.
    """

    folder: str
    paths: Sequence[str]
    pieces: dict[str, Piece] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)
    next_id: int = 0
    findings: dict[tuple[str, str], tuple[str, list[list[Any]]]] = field(default_factory=dict)
    digests: dict[str, str] = field(default_factory=dict)
    lock: ReaderLock = field(default_factory=ReaderLock)
    _saved_parts: set[str] = field(default_factory=set)

    @property
    def parts_folder(self) -> str:
        """Where parts are written."""
        return os.path.join(self.folder, "parts")

    @classmethod
    def load(cls, folder: str, paths: Sequence[str]) -> Index:
        """Return the index of a folder; an empty one if there is none that can be relied on.

        Raises:
            OSError: the folder cannot be made or written to.
        """
        if not (is_storable(folder) and GLOB_CHARACTERS.isdisjoint(folder)):
            raise OSError("DuckDB cannot name the folder")
        os.makedirs(os.path.join(folder, "parts"), mode=0o700, exist_ok=True)
        index = cls(folder, list(paths))
        is_alone = index.lock.take(os.path.join(folder, "lock"))
        document = read_document(os.path.join(folder, INDEX_FILE_NAME))
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
            index._take(document)
        with contextlib.suppress(OSError):
            # Says when it was used last.
            os.utime(os.path.join(folder, "lock"))
        if is_alone:
            index._sweep()
            if document is None:
                # Says whose folder this is, even if nothing but answers will be kept in it.
                index.save({}, {}, index.next_id)
            index.lock.share()
        return index

    @classmethod
    def peek(cls, folder: str, paths: Sequence[str]) -> Index:
        """Return what `load` would, without changing anything: for those who describe it."""
        index = cls(folder, list(paths))
        with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
            index._take(read_document(os.path.join(folder, INDEX_FILE_NAME)))
        return index

    @staticmethod
    def discard(folder: str) -> None:
        """Make the next one who loads an index begin anew."""
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(folder, INDEX_FILE_NAME))

    def _take(self, document: dict[str, Any]) -> None:
        if document["format"] != _FORMAT or document["paths"] != self.paths:
            return
        parts = [
            Part(os.path.join(self.folder, "parts", name), files, ids)
            for name, files, ids in document["parts"]
        ]
        if not all(part.is_intact() for part in parts):
            return
        pieces = {
            key: Piece(
                piece_id, FileState(*state), hint, settled, lines, sample, [tuple(w) for w in warnings]
            )
            for key, (piece_id, state, hint, settled, lines, sample, warnings) in document["pieces"].items()
        }
        findings = {
            (path, session): (signature, rows) for path, session, signature, rows in document["findings"]
        }
        self.pieces, self.parts, self.findings = pieces, parts, findings
        self.digests = dict(document["digests"])
        self.next_id = int(document["next_id"])
        self._saved_parts = {os.path.basename(part.folder) for part in parts}

    def add_part(self, folder: str, kinds: Sequence[str], piece_ids: Sequence[int]) -> None:
        """Note a part that was just written; it counts from the next `save` on."""
        self.parts.append(Part(folder, {kind: _state(folder, kind) for kind in kinds}, list(piece_ids)))

    def save(
        self,
        pieces: Mapping[str, Piece],
        findings: Mapping[tuple[str, str], Any],
        next_id: int,
        digests: Mapping[str, str] | None = None,
    ) -> bool:
        """Replace the index file; false if it could not be written.

        Args:
            pieces: What is known of each file; files whose state is not known are left out.
            findings: What `FindingStore` knows.
            next_id: First free number for pieces.
            digests: What `CopyFinder` knows; by default what it knew.
        """
        self.pieces = {key: piece for key, piece in pieces.items() if piece.state is not None}
        alive = {piece.piece_id for piece in self.pieces.values()}
        self.parts = [part for part in self.parts if not alive.isdisjoint(part.piece_ids)]
        self.next_id = next_id
        self.findings = {key: value for key, value in findings.items() if _has_only(value[0], alive)}
        known = self.digests if digests is None else digests
        self.digests = {
            key: value for key, value in known.items() if _has_only(key.partition(' "')[0], alive)
        }
        is_saved = write_document(
            os.path.join(self.folder, INDEX_FILE_NAME),
            {
                "format": _FORMAT,
                "paths": list(self.paths),
                "absolute_paths": [os.path.abspath(path) for path in self.paths],
                "next_id": next_id,
                "parts": [(os.path.basename(p.folder), p.files, p.piece_ids) for p in self.parts],
                "pieces": {
                    key: (
                        p.piece_id,
                        p.state,
                        p.session_basis,
                        p.settled_bytes,
                        p.line_count,
                        p.sample,
                        p.warnings,
                    )
                    for key, p in self.pieces.items()
                },
                "findings": [(*key, *value) for key, value in self.findings.items()],
                "digests": self.digests,
            },
        )
        if is_saved:
            self._saved_parts = {os.path.basename(part.folder) for part in self.parts}
        return is_saved

    def parts_to_merge(self) -> list[Part]:
        """Return small parts that should become one."""
        small = [part for part in self.parts if part.size < _SMALL_PART_BYTES]
        return small if len(small) > _MOST_SMALL_PARTS else []

    def close(self) -> None:
        """Let others sweep the folder, after taking away what was written in vain: by an interrupted answer."""
        if self._has_unnamed_parts() and self.lock.try_alone():
            with contextlib.suppress(KeyError, TypeError, ValueError, AttributeError):
                # Others may have replaced the index file since it was loaded; only what is named there counts.
                document = read_document(os.path.join(self.folder, INDEX_FILE_NAME))
                self.parts = []
                self._take(document)
                self._sweep()
        self.lock.release()

    def _has_unnamed_parts(self) -> bool:
        try:
            found = set(os.listdir(self.parts_folder))
        except OSError:
            return False
        return not found.issubset(self._saved_parts)

    def _sweep(self) -> None:
        """Remove parts that the index file does not name; nobody else is here."""
        import shutil

        named = {os.path.basename(part.folder) for part in self.parts}
        with contextlib.suppress(OSError):
            for entry in list(os.scandir(os.path.join(self.folder, "parts"))):
                if entry.name not in named:
                    shutil.rmtree(entry.path, ignore_errors=True)
            for folder in (self.folder, os.path.join(self.folder, "answers")):
                for entry in list(os.scandir(folder)):
                    if entry.name.startswith(".writing-"):
                        os.unlink(entry.path)


def _state(folder: str, kind: str) -> list[int]:
    found = None
    with contextlib.suppress(OSError):
        found = os.stat(os.path.join(folder, f"{kind}.parquet"))
    if found is None:
        return []
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _has_only(signature: str, alive: set[int]) -> bool:
    # Rows of an unfinished line are kept by nobody, so nothing that rests on them is kept either.
    return all(int(part.partition(":")[0]) in alive for part in signature.split())
