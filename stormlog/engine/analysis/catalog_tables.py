"""Puts what the catalog knows into tables: sources, ledgers, bundles, run envelopes, attachments and rollups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from stormlog.artifacts.attachment_rows import attachment_rows
from stormlog.artifacts.catalog_rows import catalog_rows
from stormlog.artifacts.rollups import rollup_rows
from stormlog.engine.database.tables import TABLES

if TYPE_CHECKING:
    from stormlog.artifacts import ArtifactCatalog
    from stormlog.artifacts.rollups import ReadRollups
    from stormlog.engine.analysis.staging_database import StagingDatabase

__all__ = ["fill_attachments", "fill_catalog", "fill_rollups"]

_LEDGER_TYPES = (
    "INTEGER, VARCHAR, VARCHAR, BIGINT, BIGINT, VARCHAR, BIGINT, VARCHAR, BIGINT, BIGINT, BIGINT, VARCHAR, BIGINT, "
    "BIGINT, BIGINT, BOOLEAN, BOOLEAN, BOOLEAN"
)
_BUNDLE_TYPES = (
    "BIGINT, VARCHAR, VARCHAR, BIGINT, BIGINT, VARCHAR, VARCHAR, BIGINT, VARCHAR, VARCHAR, VARCHAR, VARCHAR, "
    "VARCHAR, VARCHAR, VARCHAR, BIGINT, VARCHAR, BIGINT, BIGINT, BIGINT, VARCHAR, VARCHAR"
)
_ENVELOPE_TYPES = (
    "INTEGER, VARCHAR, VARCHAR, VARCHAR, VARCHAR, BIGINT, BIGINT, VARCHAR, VARCHAR, VARCHAR, VARCHAR[], "
    "VARCHAR"
)
_TYPES = {
    "raw.sources": "INTEGER, VARCHAR, VARCHAR, VARCHAR, VARCHAR",
    "raw.ledger_sessions": _LEDGER_TYPES,
    "raw.oom_bundles": _BUNDLE_TYPES,
    "raw.run_envelopes": _ENVELOPE_TYPES,
    "raw.envelope_sessions": "VARCHAR, VARCHAR",
}


def fill_catalog(database: StagingDatabase, catalog: ArtifactCatalog) -> None:
    """Fill the tables of sources, ledgers, bundles and run envelopes."""
    for table, rows in catalog_rows(catalog).items():
        database.fill(table, _TYPES[table], rows)


def fill_attachments(database: StagingDatabase, catalog: ArtifactCatalog) -> None:
    """Fill the tables of attachments, and of the segments of sinks."""
    _fill(database, attachment_rows(catalog))


def fill_rollups(database: StagingDatabase, files: Sequence[ReadRollups]) -> None:
    """Fill the tables of rollups."""
    _fill(database, rollup_rows(files))


def _fill(database: StagingDatabase, tables: Mapping[str, list[tuple[Any, ...]]]) -> None:
    for table, rows in tables.items():
        types = ", ".join(column.split(" ")[1] for column in TABLES[table].split(", "))
        database.fill(table, types, rows)
