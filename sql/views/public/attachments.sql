-- What attachment sidecars declare: plots, logs, reports and the like that belong beside the telemetry.
--
-- Columns:
--   title: its title
--   kind: what it is, in the words of who declared it
--   attachment_id: its id, NULL when there is none
--   url: where it is on the web, NULL when it is a file
--   path: absolute path of the file, NULL when it is on the web
--   run_id: run that it belongs to, as declared, NULL when not said
--   session_id: session that it belongs to, as declared, NULL when not said
--   job_id: distributed job, as declared, NULL when not said
--   rank: global rank, from 0, as declared, NULL when not said
--   start_ns: start of the time it covers, nanoseconds since the Unix epoch, NULL when not said
--   end_ns: end of the time it covers, nanoseconds since the Unix epoch, NULL when not said
--   created_at_utc: when it was made, as written, NULL when not said
--   created_at_ns: the same in nanoseconds since the Unix epoch, NULL when it is no date
--   updated_at_utc: when it changed last, as written, NULL when not said
--   storage: reference or copy
--   source_namespace: system that `source_ref` belongs to, such as wandb
--   source_ref: id there
--   metadata: JSON object with everything else
--   sidecar_path: file that declares it
--   position: order in which the sidecars declare them, from 0
--
-- Reads: raw.attachments
-- Needs: attachments
-- Source: docs/concepts.md#attachments.
CREATE OR REPLACE VIEW attachments AS
SELECT
    title,
    kind,
    attachment_id,
    url,
    path,
    run_id,
    session_id,
    job_id,
    rank,
    start_ns,
    end_ns,
    created_at_utc,
    created_at_ns,
    updated_at_utc,
    storage,
    source_namespace,
    source_ref,
    CAST(metadata AS JSON) AS metadata,
    sidecar_path,
    position
FROM raw.attachments;
