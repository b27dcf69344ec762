-- The sample that each finding points to, with the first event of its session at the same time.
--
-- Materialised: yes
-- Reads: raw.events, stage.gap_findings
-- Calls: prim.json_at, prim.json_quote
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE VIEW stage.gap_evidence_view AS
WITH simultaneous_events AS MATERIALIZED (
    SELECT
        g.finding_number,
        e.collector,
        e.event_type,
        e.rank,
        e.backend,
        e.record,
        e.file_id = g.file_id AND e.line_number = g.line_number AS is_sample,
        row_number() OVER (PARTITION BY g.finding_number ORDER BY e.file_id, e.line_number) AS position
    FROM raw.events AS e
    INNER JOIN stage.gap_findings AS g
        ON e.source_id = g.source_id AND e.session_id = g.session_id AND e.timestamp_ns = g.timestamp_ns
)

SELECT
    a.finding_number,
    a.collector,
    a.event_type,
    a.rank,
    CASE WHEN a.backend IS NOT NULL THEN prim.json_quote(a.backend) ELSE prim.json_at(a.record, '$.metadata.backend') END
        AS backend_json,
    s.rank AS sample_rank,
    prim.json_at(s.record, '$.metadata.origin_thread_id') AS origin_thread_json,
    prim.json_at(s.record, '$.metadata.origin_phase_scope_id') AS origin_scope_json
FROM simultaneous_events AS a
INNER JOIN simultaneous_events AS s ON a.finding_number = s.finding_number AND s.is_sample
WHERE a.position = 1;
