-- One row per hit of an issue: what was seen where, and the fingerprint it belongs to.
--
-- Columns:
--   fingerprint_id: id of the issue
--   kind: oom, collector_degradation, alert or hidden_memory_anomaly
--   severity: critical, error, warning, info, or any word an event names
--   title: short name of the issue
--   dimensions: canonical JSON object of what makes the issue
--   session_id: session of the hit, NULL when unknown
--   timestamp_ns: when it was seen, nanoseconds since the Unix epoch, NULL when unknown
--   rank: rank of the hit, NULL for bundles
--   source_path: first file of the session, or the bundle
--   source_kind: kind of the source
--   event_type: type of the event, NULL for bundles
--   bundle_path: OOM bundle of the hit, NULL when there is none
--   metadata: JSON object of facts that depend on the kind
--   details: JSON object of facts the issue shows, taken from its last hit
--   segment_path: file that holds the event, NULL for bundles
--   stage: 0 bundle, 1 event, 2 hidden-memory finding; evidence is ordered by these five
--   sort_ns: time of the event, or number of the finding
--   sort_text: session of the event
--   sort_file: number of the file, position of the bundle or number of the finding
--   sort_line: line in the file
--
-- Example: SELECT kind, session_id, timestamp_ns, source_path FROM issue_evidence ORDER BY timestamp_ns DESC LIMIT 5
--
-- Reads: stage.evidence, stage.fingerprints
-- Needs: issues
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW issue_evidence AS
SELECT
    f.fingerprint_id,
    e.kind,
    e.severity,
    e.title,
    f.dimensions,
    e.session_id,
    e.timestamp_ns,
    e.rank,
    e.source_path,
    e.source_kind,
    e.event_type,
    e.bundle_path,
    e.metadata,
    e.details,
    e.segment_path,
    e.stage,
    e.sort_ns,
    e.sort_text,
    e.sort_file,
    e.sort_line
FROM stage.evidence AS e
INNER JOIN stage.fingerprints AS f ON e.kind = f.kind AND e.dimension_key = f.dimension_key;
