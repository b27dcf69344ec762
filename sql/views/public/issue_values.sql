-- How the hits of an issue spread over ranks, hosts, devices, phases, versions and jobs.
--
-- Columns:
--   fingerprint_id: id of the issue
--   field: rank, host, device, phase, version or job
--   value: the value as text, NULL for hits of which it is not known
--   hit_count: hits of the issue with this value
--   share: part of the hits of the issue that have this value, 0 to 1
--
-- Reads: raw.events, raw.oom_bundles, stage.event_origins, stage.gap_details, stage.gap_findings,
--   stage.hit_phases, stage.hits, stage.session_facts
-- Needs: issues, phases
-- Source: docs/concepts.md#how-hits-spread.
CREATE OR REPLACE VIEW issue_values AS
WITH facts_of_sessions AS (
    -- A bundle names its session but no source: where several sources know the session, what one of them says.
    SELECT session_id, min(host) AS host, min(job_id) AS job_id, max(code_version) AS code_version
    FROM stage.session_facts
    GROUP BY session_id
),

hit_values AS (
    SELECT
        h.fingerprint_id,
        b.rank,
        coalesce(b.host, f.host) AS host,
        CAST(NULL AS BIGINT) AS device_id,
        CAST(NULL AS VARCHAR) AS phase,
        f.code_version,
        coalesce(b.job_id, f.job_id) AS job_id
    FROM stage.hits AS h
    INNER JOIN raw.oom_bundles AS b ON h.sort_file = b.position
    LEFT JOIN facts_of_sessions AS f ON b.session_id = f.session_id
    WHERE h.stage = 0
    UNION ALL
    SELECT
        o.fingerprint_id,
        o.rank,
        f.host,
        o.device_id,
        p.phase,
        coalesce(o.code_version, f.code_version) AS code_version,
        f.job_id
    FROM stage.event_origins AS o
    LEFT JOIN stage.hit_phases AS p
        ON o.fingerprint_id = p.fingerprint_id AND o.file_id = p.file_id AND o.line_number = p.line_number
    LEFT JOIN stage.session_facts AS f ON o.source_id = f.source_id AND o.session_id = f.session_id
    UNION ALL
    SELECT
        h.fingerprint_id,
        d.rank,
        f.host,
        e.device_id,
        d.phase,
        f.code_version,
        f.job_id
    FROM stage.hits AS h
    INNER JOIN stage.gap_findings AS g ON h.sort_file = g.finding_number
    INNER JOIN stage.gap_details AS d ON h.sort_file = d.finding_number
    INNER JOIN raw.events AS e ON g.file_id = e.file_id AND g.line_number = e.line_number
    LEFT JOIN stage.session_facts AS f ON g.source_id = f.source_id AND g.session_id = f.session_id
    WHERE h.stage = 2
),

value_counts AS (
    SELECT *, count(*) AS hit_count FROM hit_values GROUP BY ALL
),

field_counts AS (
    SELECT
        fingerprint_id,
        hit_count,
        unnest(['rank', 'host', 'device', 'phase', 'version', 'job']) AS field,
        unnest([CAST(rank AS VARCHAR), host, CAST(device_id AS VARCHAR), phase, code_version, job_id]) AS value
    FROM value_counts
),

totals AS (
    SELECT fingerprint_id, count(*) AS hit_count FROM stage.hits GROUP BY fingerprint_id
)

SELECT
    c.fingerprint_id,
    c.field,
    c.value,
    CAST(sum(c.hit_count) AS BIGINT) AS hit_count,
    CAST(sum(c.hit_count) AS DOUBLE) / max(t.hit_count) AS share
FROM field_counts AS c
INNER JOIN totals AS t ON c.fingerprint_id = t.fingerprint_id
GROUP BY c.fingerprint_id, c.field, c.value;
