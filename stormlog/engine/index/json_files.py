"""Small JSON files that are whole or not there.

Promise: reading returns what was written, or None; a reader never sees half of it.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import sys
from collections.abc import Collection, Iterator
from functools import cache
from typing import Any, Final

from stormlog._digests import blake2b

__all__ = ["WITHOUT_RULES", "engine_id", "peek_document", "read_document", "write_document"]

#: Packages that print, write or follow what questions answer: no question imports them.
WITHOUT_RULES: Final = frozenset(
    (
        *("apps", "capture", "compaction", "configuration", "presenting", "reporting", "rollups"),
        *("specification", "tracking", "workflows"),
    )
)


def read_document(path: str, limit_bytes: int | None = None) -> Any:
    """Return what `write_document` wrote; None if it is missing, damaged, too long, or from another engine."""
    try:
        with open(path, "rb") as stream:
            if limit_bytes is not None and os.fstat(stream.fileno()).st_size > limit_bytes:
                return None
            head, _, body = stream.read().partition(b"\n")
    except (OSError, ValueError):
        return None
    if head != _head(body):
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def peek_document(path: str) -> tuple[str, Any]:
    """Return who wrote a document, and the document; for those who describe it, never for answers.

    Returns:
        The `engine_id` of the writer and the document; '' and None if it is missing or damaged.
    """
    try:
        with open(path, "rb") as stream:
            head, _, body = stream.read().partition(b"\n")
        _, writer, _ = head.decode("ascii").split(" ")
        return (writer, json.loads(body)) if head == _head(body, writer) else ("", None)
    except (OSError, ValueError, RecursionError):
        return "", None


def write_document(path: str, document: Any) -> bool:
    """Write a JSON document in one step; false if that is not possible.

    What cannot be kept is no failure: the next question is answered from the files.
    """
    try:
        body = json.dumps(document, separators=(",", ":")).encode("ascii")
        folder = os.path.dirname(path)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        temporary = os.path.join(folder, f".writing-{os.urandom(8).hex()}")
    except (OSError, TypeError, ValueError):
        return False
    try:
        # Made in here: Ctrl-C may come at once.
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with open(handle, "wb") as stream:
            stream.write(_head(body) + b"\n" + body)
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        return False
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise
    return True


def _head(body: bytes, writer: str | None = None) -> bytes:
    writer = engine_id() if writer is None else writer
    digest = blake2b(body, digest_size=16, key=writer.encode())
    return f"stormlog {writer} {digest.hexdigest()}".encode()


@cache
def engine_id() -> str:
    """Return what identifies this installation: any change of its files makes another one.

    Kept rows are what these very rules made of the files; other rules must not take them for theirs.
    """
    from stormlog._resources import resource_directory

    package = os.path.dirname(os.path.dirname(os.path.dirname(__file__)))
    # Python knows which characters are letters, DuckDB how to read and write Parquet.
    duckdb = importlib.util.find_spec("duckdb")
    engine = f"{sys.version} {duckdb and duckdb.origin and os.stat(duckdb.origin)[6:9:2]}"
    stamps = [engine]
    stamps += sorted([*_stamps(package, without=WITHOUT_RULES), *_stamps(str(resource_directory("sql")))])
    return blake2b("\n".join(stamps).encode(), digest_size=12).hexdigest()


def _stamps(folder: str, without: Collection[str] = ()) -> Iterator[str]:
    """Yield name, size and time of every file with rules, as fast as the file system says them.

    Args:
        folder: With its folders.
        without: Folders in it that are left out.
    """
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.endswith((".py", ".sql")):
                found = entry.stat()
                yield f"{os.path.basename(folder)}/{name} {found.st_size} {found.st_mtime_ns}"
            elif "." not in name and name != "__pycache__" and name not in without and entry.is_dir():
                yield from _stamps(entry.path)
