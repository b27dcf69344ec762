-- Hidden-memory findings: patterns in the device memory that the allocator does not account for.
--
-- Columns:
--   finding_number: order of the findings, from 0
--   session_id: session in which the pattern shows
--   classification: transient_spike, persistent_drift or fragmentation_like
--   severity: critical or warning
--   confidence: 0 to 1
--   confidence_text: the same as text, three decimals at most
--   timestamp_ns: time of the sample that shows it best, nanoseconds since the Unix epoch
--   rank: rank of the first event at that time
--   collector: collector of the first event at that time
--   backend: backend of that event, normalised
--   phase: phase that was running, as text, NULL when unknown
--   phase_attribution: JSON of the phase attribution, NULL when unknown
--   description: one sentence for people
--   evidence: JSON object of the numbers behind it; keys depend on the classification
--   event_type: type of the first event at that time
--   session_status: completed, interrupted, incomplete or running
--   source_path: first file of the session
--   source_kind: kind of the source
--   source_id: number of the source in the order of the catalog, from 0
--   segment_path: file that holds the sample
--   line_number: its line, from 1
--
-- Example: SELECT classification, phase, count(*) AS findings FROM memory_gaps GROUP BY ALL
--
-- Reads: raw.files, stage.gap_details, stage.gap_findings, stage.loaded_sessions
-- Needs: issues
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE VIEW memory_gaps AS
SELECT
    g.finding_number,
    g.session_id,
    g.classification,
    g.severity,
    g.confidence,
    g.confidence_text,
    g.timestamp_ns,
    d.rank,
    d.collector,
    d.backend,
    d.phase,
    d.phase_attribution,
    g.description,
    g.evidence,
    d.event_type,
    s.status AS session_status,
    s.source_path,
    s.source_kind,
    g.source_id,
    f.path AS segment_path,
    g.line_number
FROM stage.gap_findings AS g
INNER JOIN stage.gap_details AS d ON g.finding_number = d.finding_number
INNER JOIN stage.loaded_sessions AS s ON g.source_id = s.source_id AND g.session_id = s.session_id
INNER JOIN raw.files AS f ON g.file_id = f.file_id;
