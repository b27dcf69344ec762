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
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW issues AS
WITH grouped AS (
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

sessions_of AS (
    SELECT fingerprint_id, list_sort(list(session_id)) AS affected_sessions
    FROM (SELECT DISTINCT fingerprint_id, session_id FROM stage.hits WHERE session_id <> '') AS pairs
    GROUP BY fingerprint_id
),

-- Hits with the first or last key are few: only they are put in their total order.
ends AS (
    SELECT
        h.fingerprint_id,
        h.stage,
        h.sort_file,
        h.sort_line,
        row_number() OVER (
            PARTITION BY h.fingerprint_id ORDER BY h.sort_key, h.sort_text, h.sort_file, h.sort_line
        ) AS first_position,
        row_number() OVER (
            PARTITION BY h.fingerprint_id
            ORDER BY h.sort_key DESC, h.sort_text DESC, h.sort_file DESC, h.sort_line DESC
        ) AS last_position
    FROM stage.hits AS h
    INNER JOIN grouped AS g
        ON h.fingerprint_id = g.fingerprint_id AND (h.sort_key = g.first_key OR h.sort_key = g.last_key)
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
    l.details,
    b.details AS bundle_details,
    f.session_id,
    f.timestamp_ns,
    f.rank,
    f.source_path,
    f.source_kind,
    f.event_type,
    f.bundle_path,
    f.metadata
FROM grouped AS g
INNER JOIN ends AS p ON g.fingerprint_id = p.fingerprint_id AND p.first_position = 1
INNER JOIN issue_evidence AS f
    ON p.fingerprint_id = f.fingerprint_id AND p.stage = f.stage AND p.sort_file = f.sort_file
    AND p.sort_line = f.sort_line
INNER JOIN ends AS q ON g.fingerprint_id = q.fingerprint_id AND q.last_position = 1
INNER JOIN issue_evidence AS l
    ON q.fingerprint_id = l.fingerprint_id AND q.stage = l.stage AND q.sort_file = l.sort_file
    AND q.sort_line = l.sort_line
LEFT JOIN sessions_of AS s ON g.fingerprint_id = s.fingerprint_id
LEFT JOIN issue_evidence AS b
    ON g.fingerprint_id = b.fingerprint_id AND b.stage = 0 AND b.sort_file = g.last_bundle;
