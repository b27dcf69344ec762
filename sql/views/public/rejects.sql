-- Lines, rows and items that were skipped, and why.
--
-- Columns:
--   path: the file
--   line_number: physical line from 1 (row of a CSV or Parquet file, item of a JSON list)
--   reason: reason for programs, details after a colon
--   message: the same for people
--   excerpt: start of the line
--   source_id: number of the source, from 0
--
-- Example: SELECT path, reason, count(*) AS lines FROM rejects GROUP BY ALL
--
-- Reads: raw.files, raw.kept_rejects, raw.pieces
-- Needs: files
-- Source: docs/concepts.md#bad-input.
CREATE OR REPLACE VIEW rejects AS
SELECT
    f.path,
    r.line_number,
    r.reason,
    r.message,
    r.excerpt,
    f.source_id
FROM raw.kept_rejects AS r
INNER JOIN raw.pieces AS p ON r.piece_id = p.piece_id
INNER JOIN raw.files AS f ON p.file_id = f.file_id;
