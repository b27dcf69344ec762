-- Evidence of some sessions and bundles, with everything that the tracker keeps of it.
--
-- Records are those that the index keeps: naming the view of all events would have everything read again.
-- $source_ids, $session_ids, $session_keys and $is_settled are parallel lists; findings count in settled sessions
-- only. A key stands for the session of those records that name none: what is shown may be made from a path.
-- $told_source_ids, $told_session_ids and $told_records: records of sessions of which no record is kept.
-- $bundle_paths, $bundle_sessions, $bundle_statuses, $bundle_ids and $bundle_records: of each bundle its session, the
-- status of it in the bundle, its evidence id, and what it says about itself. The status that a ledger knows of a session
-- is left out: whether there is one depends on what else is scanned, and when.
-- $shown_paths and $true_paths are parallel lists: paths as views show them, and absolute ones without links. Paths that
-- are the same either way are left out.
WITH scope AS (
    SELECT
        unnest(CAST($source_ids AS INTEGER[])) AS source_id,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id,
        unnest(CAST($session_keys AS VARCHAR[])) AS session_key,
        unnest(CAST($is_settled AS BOOLEAN[])) AS is_settled
),

true_paths AS (
    SELECT
        unnest(CAST($shown_paths AS VARCHAR[])) AS path,
        unnest(CAST($true_paths AS VARCHAR[])) AS true_path
),

bundles AS (
    SELECT
        unnest(CAST($bundle_paths AS VARCHAR[])) AS path,
        unnest(CAST($bundle_sessions AS VARCHAR[])) AS session_key,
        unnest(CAST($bundle_statuses AS VARCHAR[])) AS session_status,
        unnest(CAST($bundle_ids AS VARCHAR[])) AS evidence_id,
        unnest(CAST($bundle_records AS VARCHAR[])) AS record
),

-- The record that describes a session: its start event, else the earliest record that is kept, as in the view
-- stage.session_facts.
first_records AS (
    SELECT
        p.source_id,
        r.session_id,
        arg_min(r.record, (r.event_type <> 'start', r.timestamp_ns, p.file_id, r.line_number)) AS record
    FROM raw.kept_records AS r
    INNER JOIN raw.pieces AS p ON r.piece_id = p.piece_id
    INNER JOIN scope AS s ON p.source_id = s.source_id AND r.session_id = s.session_id
    WHERE r.record IS NOT NULL AND telemetry.may_describe_session(r.event_type, r.severity, r.collector_health_status)
    GROUP BY p.source_id, r.session_id
    UNION ALL
    SELECT
        unnest(CAST($told_source_ids AS INTEGER[])),
        unnest(CAST($told_session_ids AS VARCHAR[])),
        unnest(CAST($told_records AS VARCHAR[]))
),

-- The id of a record that names no session must not depend on a path: it is that of the record with the key of its
-- session put in.
hits AS (
    SELECT
        p.source_id,
        e.*,
        k.record,
        CASE WHEN n.piece_id IS NULL THEN k.session_id ELSE s.session_key END AS session_key,
        CASE WHEN n.piece_id IS NULL THEN k.record_id END AS record_id,
        CASE
            WHEN telemetry.is_canonical_text(k.record) THEN k.record
            ELSE stormlog_canonical_record(k.record)
        END AS canonical_text,
        n.piece_id IS NOT NULL AS is_sessionless
    FROM issue_evidence AS e
    INNER JOIN raw.pieces AS p ON e.sort_file = p.file_id
    INNER JOIN raw.kept_records AS k ON p.piece_id = k.piece_id AND e.sort_line = k.line_number
    INNER JOIN scope AS s ON p.source_id = s.source_id AND k.session_id = s.session_id
    LEFT JOIN raw.kept_sessionless_records AS n ON k.piece_id = n.piece_id AND k.line_number = n.line_number
    WHERE e.stage = 1
),

hit_ids AS (
    SELECT
        * EXCLUDE (record_id, canonical_text, is_sessionless),
        coalesce(
            record_id,
            projection.record_id(
                CASE
                    WHEN is_sessionless THEN replace(
                        canonical_text,
                        concat(', "session_id": ', prim.json_quote(session_id), ', "timestamp_ns": '),
                        concat(', "session_id": ', prim.json_quote(session_key), ', "timestamp_ns": ')
                    )
                    ELSE canonical_text
                END
            ),
            projection.record_id(record)
        ) AS record_id
    FROM hits
),

-- A record that stands twice in one source is two pieces of evidence, numbered 1 and 2; so it is in a copy of the source.
hit_ordinals AS (
    SELECT
        * EXCLUDE (record_id),
        record_id,
        dense_rank() OVER (
            PARTITION BY source_id, session_key, record_id ORDER BY sort_file, sort_line
        ) AS ordinal
    FROM hit_ids
),

evidence_rows AS (
    SELECT
        * EXCLUDE (record_id, ordinal),
        concat(record_id, CASE WHEN ordinal > 1 THEN concat('-', ordinal) ELSE '' END) AS evidence_id
    FROM hit_ordinals
    UNION ALL
    SELECT
        g.source_id,
        e.*,
        NULL AS record,
        s.session_key,
        concat(
            'finding-',
            left(
                prim.sha256_hex(
                    concat(
                        '[', prim.json_quote(s.session_key), ',', prim.json_quote(g.classification), ',',
                        coalesce(CAST(g.rank AS VARCHAR), 'null'), ']'
                    )
                ),
                32
            )
        ) AS evidence_id
    FROM issue_evidence AS e
    INNER JOIN memory_gaps AS g ON e.sort_ns = g.finding_number
    INNER JOIN scope AS s ON g.source_id = s.source_id AND g.session_id = s.session_id AND s.is_settled
    WHERE e.stage = 2
    UNION ALL
    SELECT
        -1 AS source_id,
        e.* REPLACE (
            b.session_key AS session_id,
            issues.bundle_metadata(o.created_at_utc, o.event_count, b.session_status) AS metadata
        ),
        b.record,
        b.session_key,
        b.evidence_id
    FROM issue_evidence AS e
    INNER JOIN bundles AS b ON e.bundle_path = b.path
    INNER JOIN raw.oom_bundles AS o ON b.path = o.bundle_path
    WHERE e.stage = 0
),

evidence_fields AS (
    SELECT
        s.*,
        telemetry.record_facts(s.record) AS own,
        telemetry.record_facts(f.record) AS shared
    FROM evidence_rows AS s
    LEFT JOIN first_records AS f ON s.source_id = f.source_id AND s.session_id = f.session_id
),

-- Texts of the record itself, and of the record that describes its session, which counts where the first has none.
evidence_texts AS (
    SELECT
        *,
        list_transform(own, lambda value: telemetry.scalar_text(value)) AS own_texts,
        list_transform(shared, lambda value: telemetry.scalar_text(value)) AS shared_texts
    FROM evidence_fields
),

evidence_facts AS (
    SELECT
        *,
        coalesce(own_texts[1], shared_texts[1]) AS job_id,
        coalesce(own_texts[2], shared_texts[2]) AS host,
        coalesce(own_texts[8], shared_texts[8]) AS user_name,
        coalesce(own_texts[9], shared_texts[9]) AS app,
        coalesce(
            telemetry.is_development(own[10], own_texts[11]), telemetry.is_development(shared[10], shared_texts[11])
        ) AS is_dev,
        list_filter(own_texts[12:], lambda value: value IS NOT NULL)[1] AS own_version,
        list_filter(shared_texts[12:], lambda value: value IS NOT NULL)[1] AS shared_version,
        projection.source_kind(
            prim.lower_ascii(coalesce(own_texts[7], shared_texts[7])),
            coalesce(own_texts[3], shared_texts[3], ''),
            TRY_CAST(coalesce(own[4], shared[4], '-1') AS BIGINT)
        ) AS environment
    FROM evidence_texts
),

-- Job, host, user, app and environment of a session: the same for all evidence of it.
session_facts AS (
    SELECT
        source_id,
        session_id,
        min(job_id) AS job_id,
        min(host) AS host,
        min(user_name) AS user_name,
        min(app) AS app,
        min(is_dev) AS is_dev,
        arg_max(own_version, timestamp_ns) AS version,
        min(environment) FILTER (WHERE own IS NOT NULL OR shared IS NOT NULL) AS environment
    FROM evidence_facts
    GROUP BY source_id, session_id
)

SELECT
    t.source_id,
    t.fingerprint_id,
    coalesce(t.app, o.app, $app) AS app,
    CAST(coalesce(t.is_dev, o.is_dev, $is_dev) AS INTEGER) AS is_dev,
    t.kind,
    1 AS schema_version,
    t.dimensions,
    t.severity,
    t.title,
    t.session_key,
    o.job_id AS run_id,
    o.host,
    o.user_name,
    coalesce(o.environment, t.environment) AS environment,
    -- A finding has no record of its own: it takes the version of the hits of its session.
    coalesce(t.own_version, t.shared_version, CASE WHEN t.stage = 2 THEN o.version END, $code_version) AS code_version,
    t.rank,
    t.timestamp_ns,
    t.evidence_id,
    t.source_kind,
    t.event_type,
    coalesce(p.true_path, t.source_path) AS source_path,
    CASE WHEN t.stage = 0 THEN coalesce(p.true_path, t.bundle_path) ELSE t.bundle_path END AS bundle_path,
    t.metadata
FROM evidence_facts AS t
LEFT JOIN true_paths AS p ON t.source_path = p.path
INNER JOIN session_facts AS o ON t.source_id = o.source_id AND t.session_id = o.session_id
WHERE (t.kind <> 'alert' OR issues.severity_rank(t.severity) NOT BETWEEN $lowest_rank + 1 AND 2)
    AND (CAST($since_ns AS BIGINT) IS NULL OR t.timestamp_ns >= CAST($since_ns AS BIGINT))
