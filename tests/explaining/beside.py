"""Small cases that lie beside each other below one folder and are read by one store."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import stormlog.query
from stormlog.explaining import Explanation
from tests.apps.cli.samples import write_lines

ExplanationOf = Callable[..., Explanation]


class Cases(dict[str, Callable[[Path], None]]):
    """What writes each case into its folder, by the name of the case: as a decorator, that of the function."""

    def __call__(self, write: Callable[[Path], None]) -> Callable[[Path], None]:
        assert write.__name__ not in self, "a case of this name would be lost"
        self[write.__name__] = write
        return write

    def open(self, folder: Path) -> stormlog.query.QueryStore:
        """Write all cases below a folder, and open it."""
        for name, write in self.items():
            write(folder / name)
        return stormlog.query.open([folder], cache=False)

    @contextmanager
    def explained(self, folder: Path) -> Iterator[ExplanationOf]:
        """Write all cases below a folder, and give what explains job ``j`` of a case, or one of its sessions."""
        with self.open(folder) as store:

            def of_case(name: str, *, session_id: str | None = None, **arguments: Any) -> Explanation:
                wanted = (
                    {"run_id": f"job:{name} j"}
                    if session_id is None
                    else {"session_id": f"{name} {session_id}"}
                )
                return store.explain(**wanted, **arguments)

            yield of_case


def write_apart(folder: Path, *records: dict[str, Any]) -> None:
    """Write a case into a folder of its own; its sessions, jobs, apps and issues get the name of the folder as well."""
    folder.mkdir(exist_ok=True)
    write_lines(folder / "events.jsonl", *(_apart(folder.name, record) for record in records))


def _apart(name: str, record: dict[str, Any]) -> dict[str, Any]:
    metadata = dict(record["metadata"])
    for key in ("app", "oom_reason"):
        if metadata.get(key) is not None:
            metadata[key] = f"{metadata[key]} {name}"
    changed = {"metadata": metadata}
    for key in ("session_id", "job_id"):
        if record[key] is not None:
            changed[key] = f"{name} {record[key]}"
    if record["event_type"] == "warning":
        changed["context"] = f"{record['context']} {name}"
    return record | changed
