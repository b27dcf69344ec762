-- Rows of Parquet segments with the columns that compaction writes; replaced for every batch of files.
--
-- `record` is the text of a record that cannot be made again from its columns, else NULL. `json_metadata` is the
-- metadata of the rows without such a text, where it may be parsed. `keeps_all` is true if the text of every
-- record is kept.
--
-- Source: docs/compaction.md#files.
CREATE OR REPLACE VIEW raw.parquet_rows AS
SELECT
    CAST(NULL AS INTEGER) AS piece_id,
    CAST(NULL AS BIGINT) AS line_number,
    CAST(NULL AS BIGINT) AS allocator_active_bytes,
    CAST(NULL AS BIGINT) AS allocator_allocated_bytes,
    CAST(NULL AS BIGINT) AS allocator_change_bytes,
    CAST(NULL AS BIGINT) AS allocator_inactive_bytes,
    CAST(NULL AS BIGINT) AS allocator_reserved_bytes,
    CAST(NULL AS VARCHAR) AS collector,
    CAST(NULL AS VARCHAR) AS context,
    CAST(NULL AS BIGINT) AS device_free_bytes,
    CAST(NULL AS BIGINT) AS device_id,
    CAST(NULL AS BIGINT) AS device_total_bytes,
    CAST(NULL AS BIGINT) AS device_used_bytes,
    CAST(NULL AS VARCHAR) AS event_type,
    CAST(NULL AS VARCHAR) AS host,
    CAST(NULL AS VARCHAR) AS job_id,
    CAST(NULL AS BIGINT) AS local_rank,
    CAST(NULL AS VARCHAR) AS metadata,
    CAST(NULL AS BIGINT) AS pid,
    CAST(NULL AS BIGINT) AS rank,
    CAST(NULL AS BIGINT) AS sampling_interval_ms,
    CAST(NULL AS BIGINT) AS schema_version,
    CAST(NULL AS VARCHAR) AS session_id,
    CAST(NULL AS BIGINT) AS timestamp_ns,
    CAST(NULL AS BIGINT) AS world_size,
    CAST(NULL AS VARCHAR) AS record,
    CAST(NULL AS VARCHAR) AS json_metadata,
    false AS keeps_all
WHERE false;
