"""Puts what the catalog knows into tables: sources, ledgers, bundles and run envelopes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stormlog.artifacts.catalog_rows import catalog_rows

if TYPE_CHECKING:
    from stormlog.artifacts import ArtifactCatalog
    from stormlog.engine.analysis.staging_database import StagingDatabase

__all__ = ["fill_catalog"]

_LEDGER_TYPES = (
    "INTEGER, VARCHAR, VARCHAR, BIGINT, BIGINT, VARCHAR, BIGINT, VARCHAR, BIGINT, BIGINT, BIGINT, VARCHAR, BIGINT, "
    "BIGINT, BIGINT, BOOLEAN, BOOLEAN, BOOLEAN"
)
_BUNDLE_TYPES = (
    "BIGINT, VARCHAR, VARCHAR, BIGINT, BIGINT, VARCHAR, VARCHAR, BIGINT, VARCHAR, VARCHAR, VARCHAR, VARCHAR, "
    "VARCHAR, VARCHAR, VARCHAR, BIGINT, VARCHAR, BIGINT, BIGINT, BIGINT"
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
