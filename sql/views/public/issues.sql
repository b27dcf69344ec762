-- Recurring issues: hits grouped by fingerprint.
--
-- Columns:
--   fingerprint_id: id of the issue, the same in every run and on every machine
--   kind: oom, collector_degradation, alert or hidden_memory_anomaly
--   severity: critical, error, warning, info, or any word an event names
--   severity_rank: 0 for critical and error, 1 warning, 2 info, 9 for any other word
--   title: short name of the issue
--   dimensions: canonical JSON object of what makes the issue
--   hit_count: number of hits
--   first_seen_ns: earliest hit, nanoseconds since the Unix epoch, NULL when no hit has a time
--   last_seen_ns: latest hit
--   affected_sessions: sorted list of the sessions with hits
--   details: JSON object of the last hit's details
--   bundle_details: the same of the last OOM bundle, NULL when there is none
--   session_id: session of the first hit (the representative evidence)
--   timestamp_ns: time of the first hit
--   rank: rank of the first hit
--   source_path: source of the first hit
--   source_kind: kind of that source
--   event_type: event type of the first hit
--   bundle_path: bundle of the first hit
--   metadata: JSON object of facts about the first hit
--
-- Example: SELECT kind, severity, hit_count, title FROM issues ORDER BY severity_rank, hit_count DESC LIMIT 5
--
-- Reads: issue_evidence, stage.hits
-- Calls: issues.severity_rank
-- Needs: issues
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW issues AS
WITH issue_totals AS (
    SELECT
        fingerprint_id,
        kind,
        min(severity) AS severity,
        min(dimensions) AS dimensions,
        count(*) AS hit_count,
        min(timestamp_ns) AS first_seen_ns,
        max(timestamp_ns) AS last_seen_ns,
        min(sort_key) AS first_key,
        max(sort_key) AS last_key,
        max(CASE WHEN stage = 0 THEN sort_file END) AS last_bundle
    FROM stage.hits
    GROUP BY fingerprint_id, kind
),

issue_sessions AS (
    SELECT fingerprint_id, list_sort(list(session_id)) AS affected_sessions
    FROM (SELECT DISTINCT fingerprint_id, session_id FROM stage.hits WHERE session_id <> '') AS pairs
    GROUP BY fingerprint_id
),

-- The first and the last hit of each issue, and the one of its last bundle. Few hits have the first or the last key;
-- only these are numbered in their full order.
end_hits AS (
    SELECT
        h.fingerprint_id,
        h.stage,
        h.sort_file,
        h.sort_line,
        row_number() OVER (
            PARTITION BY h.fingerprint_id ORDER BY h.sort_key, h.sort_text, h.sort_file, h.sort_line
        ) = 1 AS is_first,
        row_number() OVER (
            PARTITION BY h.fingerprint_id
            ORDER BY h.sort_key DESC, h.sort_text DESC, h.sort_file DESC, h.sort_line DESC
        ) = 1 AS is_last,
        h.stage = 0 AND h.sort_file = g.last_bundle AS is_last_bundle
    FROM stage.hits AS h
    INNER JOIN issue_totals AS g
        ON h.fingerprint_id = g.fingerprint_id AND (h.sort_key = g.first_key OR h.sort_key = g.last_key)
),

-- Columns that an issue takes from one of its hits. Each CASE is NULL in all rows but one, and max() returns that one.
issue_examples AS (
    SELECT
        e.fingerprint_id,
        max(CASE WHEN p.is_first THEN e.title END) AS title,
        max(CASE WHEN p.is_first THEN e.session_id END) AS session_id,
        max(CASE WHEN p.is_first THEN e.timestamp_ns END) AS timestamp_ns,
        max(CASE WHEN p.is_first THEN e.rank END) AS rank,
        max(CASE WHEN p.is_first THEN e.source_path END) AS source_path,
        max(CASE WHEN p.is_first THEN e.source_kind END) AS source_kind,
        max(CASE WHEN p.is_first THEN e.event_type END) AS event_type,
        max(CASE WHEN p.is_first THEN e.bundle_path END) AS bundle_path,
        max(CASE WHEN p.is_first THEN e.metadata END) AS metadata,
        max(CASE WHEN p.is_last THEN e.details END) AS details,
        max(CASE WHEN p.is_last_bundle THEN e.details END) AS bundle_details
    FROM issue_evidence AS e
    INNER JOIN end_hits AS p
        ON e.fingerprint_id = p.fingerprint_id AND e.stage = p.stage AND e.sort_file = p.sort_file
        AND e.sort_line = p.sort_line
    WHERE p.is_first OR p.is_last OR p.is_last_bundle
    GROUP BY e.fingerprint_id
)

SELECT
    g.fingerprint_id,
    g.kind,
    g.severity,
    issues.severity_rank(g.severity) AS severity_rank,
    f.title,
    g.dimensions,
    g.hit_count,
    g.first_seen_ns,
    g.last_seen_ns,
    s.affected_sessions,
    f.details,
    f.bundle_details,
    f.session_id,
    f.timestamp_ns,
    f.rank,
    f.source_path,
    f.source_kind,
    f.event_type,
    f.bundle_path,
    f.metadata
FROM issue_totals AS g
INNER JOIN issue_examples AS f ON g.fingerprint_id = f.fingerprint_id
LEFT JOIN issue_sessions AS s ON g.fingerprint_id = s.fingerprint_id;
