"""Recorded cases of discovery: sources, warnings, OOM bundles and attachments."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stormlog.artifacts import ArtifactCatalog
from stormlog.query.catalog import list_attachments
from stormlog.query.filters import AttachmentFilter
from tests.vectors.harness import Case, load_cases, write_files

CALLS = ("sources", "warnings", "catalog_oom_bundles", "list_attachments")
DISCOVERY_REASONS = ("path_", "manifest_", "sidecar_", "envelope_", "segment_", "symlink_", "parquet_")
DISCOVERY_REASONS += ("no_telemetry", "unknown_suffix")
CASES = [case for case in load_cases("catalog") if any(call["call"] in CALLS for call in case.input["calls"])]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_discovery_answers_as_recorded(case: Case, tmp_path: Path) -> None:
    root = tmp_path.resolve()
    write_files(case.input["files"], root)
    catalog = ArtifactCatalog([root / path for path in case.input["paths"]])

    for call, expected in zip(case.input["calls"], case.expected, strict=True):
        if call["call"] == "warnings":
            # Warnings about the content of telemetry files come with loading, not with discovery.
            expected = [row for row in expected if row["reason"].startswith(DISCOVERY_REASONS)]
        if call["call"] in CALLS:
            assert with_placeholder(answer(catalog, call), str(root)) == expected


def answer(catalog: ArtifactCatalog, call: dict[str, Any]) -> list[dict[str, Any]]:
    match call["call"]:
        case "sources":
            return [source.as_dict() for source in catalog.sources]
        case "warnings":
            return [{"path": warning.path, "reason": warning.code} for warning in catalog.warnings]
        case "catalog_oom_bundles":
            return [bundle.as_dict() for bundle in catalog.oom_bundles]
        case _:
            filters = AttachmentFilter(**call.get("filters", {}))
            return [attachment.as_dict() for attachment in list_attachments(catalog, filters)]


def with_placeholder(value: Any, root: str) -> Any:
    if isinstance(value, str):
        return value.replace(root, "<ROOT>")
    if isinstance(value, list):
        return [with_placeholder(item, root) for item in value]
    if isinstance(value, dict):
        return {key: with_placeholder(item, root) for key, item in value.items()}
    return value
