-- Everything found that holds sessions, in the order of the arguments.
--
-- Columns:
--   source_id: number of the source, from 0
--   source_path: sink or bundle directory, or file
--   source_kind: sink, telemetry_jsonl, telemetry_json, telemetry_csv or diagnose_bundle
--   manifest_path: manifest of a sink or bundle, NULL for files
--
-- Example: SELECT source_id, source_kind, source_path FROM catalog_sources
--
-- Reads: raw.sources
-- Needs: catalog
-- Source: docs/concepts.md#catalog.
CREATE OR REPLACE VIEW catalog_sources AS
SELECT
    source_id,
    source_path,
    source_kind,
    manifest_path
FROM raw.sources;
