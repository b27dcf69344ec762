"""Keeps the rows of earlier batches: in memory while they are few, in Parquet files when they are many.

Promise: a part never changes once it is written, so that whoever reads it needs no lock, and a program that
is killed leaves whole parts or files that nobody names.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

from stormlog.engine.database.parsed_statements import run
from stormlog.engine.database.sql_files import quote_literal

if TYPE_CHECKING:
    from stormlog.engine.database.lazy_schema import Database

__all__ = ["KINDS", "Parts"]

#: Kind of rows -> what the last batch holds of them, and the view that shows all of them.
KINDS = {
    "records": ("raw.fresh_records", "raw.kept_records"),
    "hits": ("stage.fresh_hits", "stage.event_hits"),
    "sessions": ("stage.fresh_session_parts", "stage.session_parts"),
    "rejects": ("raw.rejects", "raw.kept_rejects"),
    "sessionless": ("raw.sessionless_records", "raw.kept_sessionless_records"),
}

#: Records of a row group of Parquet, where their texts are kept: whoever reads a group holds all of its texts.
_TEXTS_OF_GROUP = 10_240

#: Views that show copies as well.
_WITH_COPIES = {"sessions": "stage.known_session_parts"}

_IS_COPIED_ROW = "raw.copied_rows AS c ON k.piece_id = c.piece_id AND k.session_id = c.session_id"
#: Kind of rows -> which of them belong to copies of other telemetry; other kinds say something of copies as well.
_COPIED = {
    "records": _IS_COPIED_ROW,
    "hits": _IS_COPIED_ROW,
    "sessions": _IS_COPIED_ROW,
    "rejects": (
        "raw.copied_rejects AS c ON k.piece_id = c.piece_id AND k.reason = c.reason "
        "AND k.line_number IS NOT DISTINCT FROM c.line_number"
    ),
}


class Parts:
    """The rows of earlier batches, and views that show them together with the last one.

    Args:
        database: Holds the last batch.
        folder: Where parts are written; it is made when the first one is.
    """

    def __init__(self, database: Database, folder: str) -> None:
        self._database = database
        self._folder = folder
        self._files: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self._settled: set[str] = set()
        #: Whether the views exist.
        self.are_shown = False
        self._hides_copies = False

    def attach(self, part: str, kinds: Iterable[str]) -> None:
        """Show the rows of a part that was written before.

        Args:
            part: Its folder.
            kinds: What it holds.
        """
        for kind in kinds:
            self._files[kind].append(os.path.join(part, f"{kind}.parquet"))

    def show(self, *, hides_copies: bool | None = None) -> None:
        """Make the views show everything.

        Args:
            hides_copies: Leave out the rows that ``raw.copied_rows`` and ``raw.copied_rejects`` name. By default
                what was said last still holds.
        """
        if hides_copies is not None:
            self._hides_copies = hides_copies
        script = []
        for kind, (fresh, view) in KINDS.items():
            self._database.require([fresh])
            members = [f"SELECT * FROM {fresh}"]
            if kind in self._settled:
                members.append(f"SELECT * FROM {_settled_table(kind)}")
            if self._files[kind]:
                files = ", ".join(quote_literal(path) for path in self._files[kind])
                members.append(f"SELECT * FROM read_parquet([{files}], hive_partitioning = false)")
            rows = " UNION ALL ".join(members)
            if kind in _WITH_COPIES:
                script.append(f"CREATE OR REPLACE VIEW {_WITH_COPIES[kind]} AS {rows};")
            if self._hides_copies and kind in _COPIED:
                rows = f"SELECT k.* FROM ({rows}) AS k ANTI JOIN {_COPIED[kind]}"
            script.append(f"CREATE OR REPLACE VIEW {view} AS {rows};")
        run(self._database.connection, "\n".join(script))
        self.are_shown = True

    def settle(self) -> None:
        """Move the last batch to the rows in memory, or leave everything as it was."""
        connection, settled = self._database.connection, set(self._settled)
        connection.execute("BEGIN")
        try:
            for kind in KINDS:
                self._settle(kind, "true")
            self.drop_batch()
            connection.execute("COMMIT")
        except BaseException:
            connection.execute("ROLLBACK")
            self._settled = settled
            raise

    def forget(self) -> None:
        """Show nothing any more; files of parts stay where they are."""
        for files in self._files.values():
            files.clear()
        settled, self._settled = self._settled, set()
        self.drop_batch()
        self.show()
        for kind in settled:
            self._database.execute(f"DROP TABLE {_settled_table(kind)}")

    def write(self, transient: Collection[int], *, has_texts: bool = False) -> tuple[str, list[str]] | None:
        """Write the last batch as a part, and show it from now on.

        Args:
            transient: Pieces that stay in memory: the next batch may replace them.
            has_texts: Whether the texts of all records are kept.

        Returns:
            Folder of the part and the kinds that it holds; None if there was nothing to write.
        """
        ids = ", ".join(map(str, sorted(transient))) or "-1"
        part = self._new_folder()
        kinds = []
        for kind, (fresh, _) in KINDS.items():
            rows = f"FROM {fresh} WHERE piece_id NOT IN ({ids})"
            if self._database.execute(f"SELECT 1 {rows} LIMIT 1").fetchone() is None:
                continue
            self._copy(part, kind, rows, _TEXTS_OF_GROUP if has_texts and kind == "records" else None)
            kinds.append(kind)
        for kind in KINDS:
            if transient:
                self._settle(kind, f"piece_id IN ({ids})")
        self.drop_batch()
        if not kinds:
            return None
        self.attach(part, kinds)
        return part, kinds

    def merge(self, parts: Collection[str], alive: Collection[int]) -> tuple[str, list[str]] | None:
        """Write the rows of small parts as one, without those of pieces that count no more.

        Args:
            parts: Folders of the parts.
            alive: Pieces to keep.

        Returns:
            What `write` returns.
        """
        part = self._new_folder()
        kinds = []
        for kind in KINDS:
            old = [path for path in self._files[kind] if os.path.dirname(path) in parts]
            if not old:
                continue
            files = ", ".join(quote_literal(path) for path in old)
            rows = (
                f"FROM read_parquet([{files}], hive_partitioning = false) "
                f"WHERE piece_id IN ({', '.join(map(str, sorted(alive))) or '-1'})"
            )
            self._copy(part, kind, rows)
            kinds.append(kind)
            self._files[kind] = [path for path in self._files[kind] if path not in old]
        if not kinds:
            return None
        self.attach(part, kinds)
        self.show()
        return part, kinds

    def _new_folder(self) -> str:
        return os.path.join(self._folder, f"{uuid.uuid4().hex}.part")

    def _copy(self, part: str, kind: str, rows: str, group_rows: int | None = None) -> None:
        os.makedirs(part, exist_ok=True)
        path = os.path.join(part, f"{kind}.parquet")
        options = "FORMAT parquet, COMPRESSION zstd"
        if group_rows is not None:
            options += f", ROW_GROUP_SIZE {group_rows}"
        self._database.execute(f"COPY (SELECT * {rows}) TO {quote_literal(path)} ({options})")

    def _settle(self, kind: str, condition: str) -> None:
        fresh, _ = KINDS[kind]
        table = _settled_table(kind)
        rows = f"SELECT * FROM {fresh} WHERE {condition}"
        if kind in self._settled:
            self._database.execute(f"INSERT INTO {table} {rows}")
        else:
            self._database.execute(f"CREATE TABLE {table} AS {rows}")
            self._settled.add(kind)

    def drop_batch(self) -> None:
        """Forget the last batch."""
        # Not DELETE: line numbers are counted from row ids, which start at 0 in a new table only.
        self._database.execute("CREATE OR REPLACE TABLE raw.records AS SELECT * FROM raw.records LIMIT 0")
        self._database.clear("raw.chunks", "raw.rejects", "raw.sessionless_records")
        self._database.clear("stage.fresh_hits", "stage.fresh_session_parts")


def _settled_table(kind: str) -> str:
    return f"raw.settled_{kind}"
