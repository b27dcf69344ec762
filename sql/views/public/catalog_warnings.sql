-- What was skipped as a whole: missing paths, damaged manifests, files that cannot be read.
--
-- Columns:
--   path: the file or directory
--   code: reason for programs, details after a colon
--   message: the same for people
--
-- Example: SELECT code, path, message FROM catalog_warnings
--
-- Reads: raw.warnings
-- Needs: files
-- Source: docs/concepts.md#catalog.
CREATE OR REPLACE VIEW catalog_warnings AS
SELECT
    path,
    code,
    message
FROM raw.warnings;
