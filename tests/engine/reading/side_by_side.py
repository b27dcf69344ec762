"""Reads the files of many cases in one store; each case is compared with plain Python by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import stormlog.query
from stormlog.engine.reading import small_files
from stormlog.query import QueryStore
from tests.engine.reading.oracle import Outcome, actual_by_file, assert_file_as_expected

__all__ = ["FileRead", "read_for_issues", "read_side_by_side"]


@dataclass(frozen=True)
class FileRead:
    """What a store says of one of its files: asked for issues first, and asked for events first."""

    path: Path
    after_issues: Outcome
    after_events: Outcome

    def as_expected(self) -> Outcome:
        """Compare with what each line must give, whatever was asked first."""
        assert_file_as_expected(self.path, self.after_issues)
        assert self.after_events == self.after_issues
        return self.after_issues


def read_for_issues(store: QueryStore) -> None:
    """Have files read as issues are, without the texts of all records, and no issue looked for."""
    store.sql("SELECT count(*) FROM rejects")


def read_side_by_side(folder: Path, contents: Mapping[str, bytes]) -> dict[str, FileRead]:
    """Write a file for each case and read them together, for issues and for events.

    The records of a case should be of a session, or of a host, that no other case has: the same ones would be copies.

    Args:
        folder: Takes the files; their names are numbers.
        contents: Case -> what its file holds.

    Returns:
        Case -> what was read of its file.
    """
    # As many would be put together, and no case be read as a file of its own.
    assert 1 <= len(contents) < small_files._LEAST_FILES
    paths = {case: folder / f"{number:02}.jsonl" for number, case in enumerate(contents)}
    for case, path in paths.items():
        path.write_bytes(contents[case])
    with stormlog.query.open(list(paths.values())) as store:
        read_for_issues(store)
        after_issues = actual_by_file(store)
    with stormlog.query.open(list(paths.values())) as store:
        after_events = actual_by_file(store)
    assert after_issues.keys() | after_events.keys() <= {str(path) for path in paths.values()}
    nothing = Outcome()
    return {
        case: FileRead(path, after_issues.get(str(path), nothing), after_events.get(str(path), nothing))
        for case, path in paths.items()
    }
