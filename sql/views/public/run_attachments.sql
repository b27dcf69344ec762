-- What belongs to runs: telemetry, bundles, and what envelopes and sidecars attach to them.
--
-- An attachment of an envelope belongs to the run that it names, else to that of the envelope. Everything else is matched
-- by what it names, the first of these that one run alone has: run, id in another system, session, job. What matches no run
-- is left out.
--
-- Columns:
--   run_id: id of the run
--   title: its title
--   kind: telemetry_sink, telemetry_sink_segment, telemetry_rollup, telemetry_file, diagnose_bundle, oom_bundle, or what was declared
--   storage: copy where it lies here, reference where it is elsewhere
--   attachment_id: its id, NULL when there is none
--   url: where it is on the web, NULL when it is a file
--   path: path of the file or directory, NULL when it is on the web
--   session_id: session that it belongs to, NULL when not said
--   job_id: distributed job, NULL when not said
--   rank: global rank, from 0, NULL when not said
--   local_rank: rank on its machine, from 0, NULL when not said
--   world_size: number of ranks, NULL when not said
--   start_ns: start of the time it covers, nanoseconds since the Unix epoch, NULL when unknown
--   end_ns: end of the time it covers, nanoseconds since the Unix epoch, NULL when unknown
--   source_path: where it is: url, else path, else the file that declares it
--   source_kind: run_envelope_attachment, attachment_sidecar, sink, sink_segment, rollup, diagnose_bundle, oom_bundle or the kind of the file
--   source_namespace: system that `source_ref` belongs to, such as wandb; stormlog where it lies here
--   source_ref: id there
--   metadata: JSON object with everything else
--
-- Reads: raw.attachments, raw.envelope_attachments, raw.ledger_sessions, raw.oom_bundles, raw.rollup_paths,
--   raw.sink_segments, raw.sources, sessions, stage.run_keys
-- Needs: attachments, runs
-- Source: docs/concepts.md#attachments.
CREATE OR REPLACE VIEW run_attachments AS
WITH unique_keys AS (
    SELECT kind, namespace, value, run_ids[1] AS run_id FROM stage.run_keys WHERE len(run_ids) = 1
),

ledger_entries AS (
    SELECT
        l.session_id, l.job_id, l.rank, l.local_rank, l.world_size, l.started_at_ns AS start_ns, l.ended_at_ns AS end_ns,
        l.status, l.source_id, l.is_first, l.is_last, s.source_path, s.source_kind, s.manifest_path
    FROM raw.ledger_sessions AS l
    INNER JOIN raw.sources AS s ON l.source_id = s.source_id
    WHERE l.is_first OR l.is_last
),

sink_entries AS (
    SELECT e.*, coalesce(c.segment_count, 0) AS segment_count, count(*) OVER (PARTITION BY e.source_id) AS session_count
    FROM ledger_entries AS e
    LEFT JOIN (SELECT source_id, count(*) AS segment_count FROM raw.sink_segments GROUP BY source_id) AS c
        ON e.source_id = c.source_id
    WHERE e.source_kind = 'sink' AND e.is_last
),

session_rows AS (
    SELECT
        session_id,
        arg_min(struct_pack(job_id, rank, local_rank, world_size), (-started_at_ns, source_id, position)) AS place
    FROM sessions
    GROUP BY session_id
),

local_attachments AS (
    SELECT
        'Telemetry sink' AS title, 'telemetry_sink' AS kind, source_path AS path, session_id, job_id, rank, local_rank,
        world_size, start_ns, end_ns, 'sink' AS source_kind,
        json_object('manifest_path', manifest_path) AS metadata
    FROM sink_entries
    UNION ALL
    SELECT
        g.filename AS title, 'telemetry_sink_segment' AS kind, g.path, g.session_id, e.job_id, e.rank, e.local_rank,
        e.world_size, e.start_ns, e.end_ns, 'sink_segment' AS source_kind,
        json_object('event_count', g.event_count, 'size_bytes', g.size_bytes, 'closed', g.is_closed) AS metadata
    FROM raw.sink_segments AS g
    LEFT JOIN sink_entries AS e ON g.source_id = e.source_id AND g.session_id = e.session_id
    WHERE g.session_id IS NOT NULL
    UNION ALL
    SELECT
        'Telemetry rollups' AS title, 'telemetry_rollup' AS kind, p.path, e.session_id, e.job_id, e.rank, e.local_rank,
        e.world_size, e.start_ns, e.end_ns, 'rollup' AS source_kind,
        json_object('manifest_session_count', e.session_count, 'manifest_segment_count', e.segment_count) AS metadata
    FROM sink_entries AS e
    INNER JOIN raw.rollup_paths AS p ON e.source_id = p.source_id
    UNION ALL
    SELECT
        'Diagnose bundle' AS title, 'diagnose_bundle' AS kind, source_path AS path, session_id, job_id, rank, local_rank,
        world_size, start_ns, end_ns, 'diagnose_bundle' AS source_kind,
        json_object('manifest_path', manifest_path, 'session_status', status) AS metadata
    FROM ledger_entries
    WHERE source_kind = 'diagnose_bundle' AND is_first
    UNION ALL
    SELECT
        coalesce(o.name, 'Telemetry file') AS title, 'telemetry_file' AS kind, s.source_path AS path, s.session_id, s.job_id,
        s.rank, s.local_rank, s.world_size, s.started_at_ns AS start_ns, s.ended_at_ns AS end_ns, s.source_kind,
        json_object('event_count', s.event_count) AS metadata
    FROM sessions AS s
    INNER JOIN raw.sources AS o ON s.source_id = o.source_id
    WHERE s.source_kind IN ('telemetry_json', 'telemetry_jsonl', 'telemetry_csv')
    UNION ALL
    SELECT
        'OOM bundle' AS title, 'oom_bundle' AS kind, b.bundle_path AS path, b.session_id, s.place.job_id, s.place.rank,
        s.place.local_rank, s.place.world_size, b.created_at_ns AS start_ns, b.created_at_ns AS end_ns,
        'oom_bundle' AS source_kind,
        CAST(b.entry AS JSON) AS metadata
    FROM raw.oom_bundles AS b
    LEFT JOIN session_rows AS s ON b.session_id = s.session_id
    WHERE b.session_id IS NOT NULL
),

matched_attachments AS (
    SELECT
        CAST(NULL AS VARCHAR) AS run_id, title, kind, 'copy' AS storage, CAST(NULL AS VARCHAR) AS attachment_id,
        CAST(NULL AS VARCHAR) AS url, path, session_id, job_id, rank, local_rank, world_size, start_ns, end_ns,
        path AS source_path, source_kind, 'stormlog' AS source_namespace, CAST(NULL AS VARCHAR) AS source_ref,
        CAST(metadata AS VARCHAR) AS metadata
    FROM local_attachments
    UNION ALL
    SELECT
        run_id, title, kind, storage, attachment_id, url, path, session_id, job_id, rank, NULL AS local_rank,
        NULL AS world_size, start_ns, end_ns, coalesce(url, path, sidecar_path) AS source_path,
        'attachment_sidecar' AS source_kind, source_namespace, source_ref, metadata
    FROM raw.attachments
)

SELECT
    coalesce(a.run_id, r.run_id, s.run_id, j.run_id) AS run_id, a.title, a.kind, a.storage, a.attachment_id, a.url, a.path,
    a.session_id, a.job_id, a.rank, a.local_rank, a.world_size, a.start_ns, a.end_ns, a.source_path, a.source_kind,
    a.source_namespace, a.source_ref,
    CAST(a.metadata AS JSON) AS metadata
FROM matched_attachments AS a
LEFT JOIN unique_keys AS r
    ON r.kind = 'source_ref' AND a.source_namespace = r.namespace AND a.source_ref = r.value
LEFT JOIN unique_keys AS s ON s.kind = 'session_id' AND a.session_id = s.value
LEFT JOIN unique_keys AS j ON j.kind = 'job_id' AND a.job_id = j.value
WHERE coalesce(a.run_id, r.run_id, s.run_id, j.run_id) IS NOT NULL
UNION ALL
SELECT
    run_id, title, kind, storage, attachment_id, url, path, session_id, job_id, rank, local_rank, world_size, start_ns,
    end_ns, source_path, 'run_envelope_attachment' AS source_kind, source_namespace, source_ref,
    CAST(metadata AS JSON) AS metadata
FROM raw.envelope_attachments;
