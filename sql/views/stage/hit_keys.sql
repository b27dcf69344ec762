-- The columns of every hit that grouping uses, with the dimensions of its issue.
--
-- `sort_key` orders hits by stage, then time: 10^20 is more than any time. Hits may have equal keys.
--
-- Materialised: yes
-- Reads: stage.evidence
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW stage.hit_keys_view AS
SELECT
    kind,
    dimension_key,
    severity,
    session_id,
    timestamp_ns,
    stage,
    sort_text,
    sort_file,
    sort_line,
    CAST(stage AS DECIMAL(38, 0)) * 100000000000000000000 + CAST(sort_ns AS DECIMAL(38, 0)) AS sort_key
FROM stage.evidence;
