-- The columns of every hit that grouping uses, with the fingerprint of its issue.
--
-- Materialised: yes
-- Reads: stage.fingerprints, stage.hit_keys
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW stage.hits_view AS
SELECT
    f.fingerprint_id,
    h.kind,
    h.severity,
    f.dimensions,
    h.session_id,
    h.timestamp_ns,
    h.stage,
    h.sort_text,
    h.sort_file,
    h.sort_line,
    h.sort_key
FROM stage.hit_keys AS h
INNER JOIN stage.fingerprints AS f ON h.kind = f.kind AND h.dimension_key = f.dimension_key;
