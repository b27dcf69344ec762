-- Phases of events that are evidence of issues: what ran in their session and rank at their time, where anything did.
--
-- `phase` is one line of text, as telemetry.phase_of_spans writes it.
--
-- Reads: phase_spans, stage.event_origins
-- Calls: telemetry.phase_of_spans
-- Source: docs/concepts.md#phases.
CREATE OR REPLACE VIEW stage.hit_phases AS
-- Phases are compared with hits in the same 256th of the time of their session and rank only: a session with many
-- hits and many phases would take the product of both.
WITH phase_groups AS (
    SELECT
        source_id,
        session_id,
        rank,
        min(start_ns) AS start_ns,
        CAST(max(end_ns) AS HUGEINT) - min(start_ns) + 1 AS length_ns
    FROM phase_spans
    GROUP BY source_id, session_id, rank
),

moments AS (
    SELECT
        o.fingerprint_id,
        o.source_id,
        o.session_id,
        o.rank,
        o.timestamp_ns,
        o.file_id,
        o.line_number,
        o.thread_id,
        o.scope_id,
        CAST(o.timestamp_ns - g.start_ns AS HUGEINT) * 256 // g.length_ns AS bucket
    FROM stage.event_origins AS o
    INNER JOIN phase_groups AS g ON o.source_id = g.source_id AND o.session_id = g.session_id AND o.rank = g.rank
),

span_buckets AS (
    SELECT
        s.source_id,
        s.session_id,
        s.rank,
        s.thread_id,
        s.scope_id,
        s.phase_path,
        s.depth,
        s.sequence,
        s.start_ns,
        s.end_ns,
        unnest(range(
            CAST(CAST(greatest(s.start_ns - g.start_ns, 0) AS HUGEINT) * 256 // g.length_ns AS BIGINT),
            CAST(least(s.end_ns - g.start_ns, g.length_ns - 1) * 256 // g.length_ns AS BIGINT) + 1
        )) AS bucket
    FROM phase_spans AS s
    INNER JOIN phase_groups AS g
        ON s.source_id = g.source_id AND s.session_id = g.session_id AND s.rank = g.rank
        AND s.start_ns < g.start_ns + g.length_ns AND s.end_ns >= g.start_ns
),

running_phases AS (
    SELECT
        m.fingerprint_id,
        m.file_id,
        m.line_number,
        s.thread_id,
        s.phase_path,
        s.scope_id,
        s.sequence,
        s.scope_id = m.scope_id AS is_of_scope,
        s.thread_id = m.thread_id AS is_of_thread,
        s.depth = max(s.depth) OVER (PARTITION BY m.fingerprint_id, m.file_id, m.line_number, s.thread_id) AS is_deepest
    FROM moments AS m
    INNER JOIN span_buckets AS s
        ON m.source_id = s.source_id AND m.session_id = s.session_id AND m.rank = s.rank AND m.bucket = s.bucket
        AND m.timestamp_ns BETWEEN s.start_ns AND s.end_ns
),

hit_summaries AS (
    SELECT
        fingerprint_id,
        file_id,
        line_number,
        telemetry.phase_of_spans(
            phase_path, thread_id, sequence, scope_id, is_of_scope, is_of_thread, is_deepest
        ) AS phase
    FROM running_phases
    GROUP BY fingerprint_id, file_id, line_number
)

SELECT fingerprint_id, file_id, line_number, phase FROM hit_summaries;
