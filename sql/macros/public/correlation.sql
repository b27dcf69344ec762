-- What else happened around a moment, and how surely it belongs to it.
--
-- A piece of evidence is left out if it has a time and that lies outside the window, if it has none and shares no id with
-- the moment, or if its ids say that it belongs elsewhere. Clocks are taken as they are: those of two hosts may differ.
--
-- Args:
--   moment_ns BIGINT: the moment, nanoseconds since the Unix epoch
--   window_ns BIGINT: how far to look to either side, nanoseconds, 0 or more
--   session VARCHAR: session of the moment, NULL when unknown
--   job VARCHAR: distributed job of the moment, NULL when unknown
--   rank_number BIGINT: rank of the moment, NULL when unknown
--   scope VARCHAR: session, or distributed: then the other sessions of the job belong to it too
--
-- Columns:
--   evidence_id: id of the evidence; equal records have equal ids
--   kind: telemetry_event, alert, timeline_marker, oom_bundle, diagnose_bundle, rollup_window or attachment
--   title: a few words for people
--   session_id: session that it belongs to, NULL when not said
--   job_id: distributed job, NULL when not said
--   rank: global rank, from 0, NULL when not said
--   world_size: number of ranks, NULL when not said
--   start_ns: when it happened or began, nanoseconds since the Unix epoch, NULL when unknown
--   end_ns: when it ended, nanoseconds since the Unix epoch, NULL when unknown and for what has no length
--   source_path: where it comes from
--   source_kind: kind of the source
--   metadata: JSON object with everything else
--   confidence: high, medium or low
--   reasons: why it is in the answer, and what the confidence rests on
--   distance_ns: nanoseconds between the moment and the nearer end, 0 inside and without a time
--   source_id: number of the source in the order of the catalog, from 0, NULL for what is none
--   file_id: number of the file in reading order, from 0, NULL for what is no event
--   line_number: line in that file from 1, NULL for what is no event
--
-- Example: SELECT kind, title, distance_ns, confidence FROM correlation((SELECT max(timestamp_ns) FROM events),
--   60000000000)
--
-- Reads: attachments, events, oom_bundles, raw.ledger_sessions, raw.sources, rollup_windows, sessions,
--   stage.identified_events, timeline_markers
-- Calls: issues.event_severity, issues.is_alert, issues.normalize_ascii, prim.is_ascii, prim.trim_blanks,
--   projection.evidence_id, stormlog_normalize
-- Needs: attachments, phases, rollups, sessions, texts
-- Source: docs/concepts.md#correlation.
CREATE OR REPLACE MACRO correlation(
    moment_ns, window_ns, session := NULL, job := NULL, rank_number := NULL, scope := 'session'
) AS TABLE
WITH candidates AS (
    SELECT
        concat('event:', record_id) AS evidence_id, 'telemetry_event' AS kind,
        concat(event_type, ' telemetry event') AS title, session_id, job_id, rank, world_size,
        timestamp_ns AS start_ns, CAST(NULL AS BIGINT) AS end_ns, source_path, source_kind,
        json_object(
            'record_id', record_id, 'observed_timestamp_ns', timestamp_ns, 'event_type', event_type,
            'collector', collector, 'context', context, 'session_status', session_status, 'metadata', metadata
        ) AS metadata,
        source_id, file_id, line_number
    FROM stage.identified_events
    UNION ALL
    SELECT
        projection.evidence_id(
            ['alert', session_id, CAST(timestamp_ns AS VARCHAR), CAST(rank AS VARCHAR), event_type]
        ) AS evidence_id,
        'alert' AS kind, concat('Alert: ', event_type) AS title, session_id, job_id, rank, world_size,
        timestamp_ns AS start_ns, CAST(NULL AS BIGINT) AS end_ns, source_path, source_kind,
        json_object(
            'event_type', event_type,
            'severity', issues.event_severity(
                event_type,
                CASE
                    WHEN prim.trim_blanks(severity) = '' THEN NULL
                    WHEN prim.is_ascii(severity) THEN issues.normalize_ascii(severity)
                    WHEN severity IS NOT NULL THEN stormlog_normalize(severity)
                END
            ),
            'collector', collector, 'context', context, 'metadata', metadata
        ) AS metadata,
        source_id, file_id, line_number
    FROM events
    WHERE issues.is_alert(event_type, severity)
    UNION ALL
    SELECT
        projection.evidence_id(
            ['marker', session_id, kind, CAST(start_ns AS VARCHAR), CAST(rank AS VARCHAR), label]
        ) AS evidence_id,
        'timeline_marker' AS kind, label AS title, session_id, job_id, rank, world_size, start_ns, end_ns, source_path,
        source_kind,
        json_object(
            'session_id', session_id, 'start_ns', start_ns, 'end_ns', end_ns, 'kind', kind, 'source', source,
            'severity', severity, 'label', label, 'rank', rank, 'local_rank', local_rank, 'world_size', world_size,
            'event_type', event_type, 'metadata', metadata
        ) AS metadata,
        source_id, file_id, line_number
    FROM timeline_markers
    UNION ALL
    SELECT
        projection.evidence_id(['oom', b.bundle_path, b.session_id]) AS evidence_id, 'oom_bundle' AS kind,
        'OOM bundle' AS title, b.session_id, s.place.job_id, s.place.rank, s.place.world_size,
        b.created_at_ns AS start_ns, b.created_at_ns AS end_ns, b.bundle_path AS source_path,
        'oom_bundle' AS source_kind,
        json_object(
            'bundle_path', b.bundle_path, 'created_at_utc', b.created_at_utc, 'backend', b.backend, 'reason', b.reason,
            'event_count', b.event_count, 'session_id', b.session_id, 'session_status', b.session_status,
            'exception_type', b.exception_type, 'exception_module', b.exception_module
        ) AS metadata,
        CAST(NULL AS INTEGER) AS source_id, CAST(NULL AS INTEGER) AS file_id, b.position AS line_number
    FROM oom_bundles AS b
    LEFT JOIN (
        -- As in the view run_attachments: of several rows of a session the last one counts.
        SELECT
            session_id,
            arg_min(struct_pack(job_id, rank, world_size), (-started_at_ns, source_id, position)) AS place
        FROM sessions
        GROUP BY session_id
    ) AS s ON b.session_id = s.session_id
    UNION ALL
    SELECT
        projection.evidence_id(['diagnose', o.manifest_path, l.session_id]) AS evidence_id,
        'diagnose_bundle' AS kind, 'Diagnose bundle' AS title, l.session_id, l.job_id, l.rank, l.world_size,
        l.started_at_ns AS start_ns, l.ended_at_ns AS end_ns, o.source_path, o.source_kind,
        json_object('manifest_path', o.manifest_path, 'session_status', l.status) AS metadata,
        l.source_id, CAST(NULL AS INTEGER) AS file_id, CAST(NULL AS BIGINT) AS line_number
    FROM raw.ledger_sessions AS l
    INNER JOIN raw.sources AS o ON l.source_id = o.source_id
    WHERE o.source_kind = 'diagnose_bundle' AND l.is_first
    UNION ALL
    SELECT
        projection.evidence_id(
            ['rollup', w.session_id, CAST(w.window_index AS VARCHAR), CAST(w.start_ns AS VARCHAR)]
        ) AS evidence_id,
        'rollup_window' AS kind, concat('Rollup window ', w.window_index) AS title, w.session_id, w.job_id,
        CAST(NULL AS BIGINT) AS rank, w.world_size, w.start_ns, w.end_ns, o.source_path, 'rollup' AS source_kind,
        json_object(
            'event_count', w.event_count, 'sample_count', w.sample_count, 'rank_count', w.rank_count,
            'alert_count', w.alert_count, 'collector_transition_count', w.transition_count, 'oom_count', w.oom_count,
            'window_duration_ns', w.window_duration_ns
        ) AS metadata,
        w.source_id, CAST(NULL AS INTEGER) AS file_id, w.window_index AS line_number
    FROM rollup_windows AS w
    INNER JOIN raw.sources AS o ON w.source_id = o.source_id
    UNION ALL
    SELECT
        projection.evidence_id(['attachment', attachment_id, sidecar_path, title, url, path]) AS evidence_id,
        'attachment' AS kind, title, session_id, job_id, rank, CAST(NULL AS BIGINT) AS world_size,
        coalesce(start_ns, created_at_ns) AS start_ns, coalesce(end_ns, start_ns, created_at_ns) AS end_ns,
        coalesce(url, path, sidecar_path) AS source_path, 'attachment' AS source_kind,
        json_object(
            'title', title, 'kind', kind, 'attachment_id', attachment_id, 'url', url, 'path', path, 'run_id', run_id,
            'session_id', session_id, 'job_id', job_id, 'rank', rank, 'start_ns', start_ns, 'end_ns', end_ns,
            'created_at_utc', created_at_utc, 'updated_at_utc', updated_at_utc, 'storage', storage,
            'source_namespace', source_namespace, 'source_ref', source_ref, 'metadata', metadata,
            'sidecar_path', sidecar_path
        ) AS metadata,
        CAST(NULL AS INTEGER) AS source_id, CAST(NULL AS INTEGER) AS file_id, position AS line_number
    FROM attachments
),

near_candidates AS (
    SELECT
        *,
        start_ns IS NOT NULL OR end_ns IS NOT NULL AS has_time,
        coalesce(session_id = CAST(session AS VARCHAR), false) AS is_of_session,
        coalesce(job_id = CAST(job AS VARCHAR), false) AS is_of_job,
        CAST(rank_number AS BIGINT) IS NULL OR rank IS NULL OR rank = CAST(rank_number AS BIGINT) AS is_of_rank
    FROM candidates
    WHERE CAST(moment_ns AS BIGINT) IS NOT NULL
        AND (
            (start_ns IS NULL AND end_ns IS NULL)
            OR (
                coalesce(start_ns, end_ns)
                    <= CAST(least(CAST(moment_ns AS HUGEINT) + CAST(window_ns AS HUGEINT), 9223372036854775807) AS BIGINT)
                AND coalesce(end_ns, start_ns)
                    >= CAST(greatest(CAST(moment_ns AS HUGEINT) - CAST(window_ns AS HUGEINT), -9223372036854775807) AS BIGINT)
            )
        )
        AND CASE
            WHEN CAST(window_ns AS BIGINT) >= 0 THEN true
            ELSE CAST(error('correlation: window_ns has to be 0 or more') AS BOOLEAN)
        END
        AND CASE
            WHEN CAST(scope AS VARCHAR) IN ('session', 'distributed') THEN true
            ELSE CAST(error('correlation: scope has to be session or distributed') AS BOOLEAN)
        END
),

matched_candidates AS (
    SELECT
        *,
        CASE
            WHEN is_of_session THEN 'session'
            WHEN is_of_job AND CAST(scope AS VARCHAR) = 'distributed' THEN 'job'
            ELSE 'none'
        END AS match
    FROM near_candidates
    WHERE NOT coalesce(
        session_id <> CAST(session AS VARCHAR) AND NOT (is_of_job AND CAST(scope AS VARCHAR) = 'distributed'), false
    )
        AND NOT (coalesce(job_id <> CAST(job AS VARCHAR), false) AND NOT is_of_session)
)

SELECT
    evidence_id,
    kind,
    title,
    session_id,
    job_id,
    rank,
    world_size,
    start_ns,
    end_ns,
    source_path,
    source_kind,
    CAST(metadata AS JSON) AS metadata,
    CASE WHEN match = 'none' THEN 'low' WHEN is_of_rank THEN 'high' ELSE 'medium' END AS confidence,
    list_concat(
        [CASE WHEN has_time THEN 'overlaps_anchor_window' ELSE 'identifier_only_no_time' END],
        CASE
            WHEN match = 'none' THEN ['time_only_missing_shared_identifier']
            ELSE [
                CASE match WHEN 'session' THEN 'same_session' ELSE 'same_job_distributed' END,
                CASE
                    WHEN is_of_rank THEN 'same_rank_or_rank_agnostic'
                    WHEN match = 'session' THEN 'cross_rank_same_session'
                    ELSE 'cross_rank_same_job'
                END
            ]
        END
    ) AS reasons,
    CASE
        WHEN NOT has_time THEN 0
        WHEN CAST(moment_ns AS BIGINT) BETWEEN least(start_ns, end_ns) AND greatest(start_ns, end_ns) THEN 0
        ELSE least(
            abs(coalesce(start_ns, end_ns) - CAST(moment_ns AS HUGEINT)),
            abs(coalesce(end_ns, start_ns) - CAST(moment_ns AS HUGEINT))
        )
    END AS distance_ns,
    source_id,
    file_id,
    line_number
FROM matched_candidates
WHERE has_time OR match <> 'none';
