-- Where the memory of a device was, in parts that add up to its total: one row per sample, and per error event.
--
-- Columns:
--   session_id: id of the session
--   rank: rank of the session
--   device_id: device index, -1 for no device
--   timestamp_ns: time of the sample, nanoseconds since the Unix epoch
--   allocated_bytes: bytes handed out by the allocator
--   reserved_unused_bytes: bytes held by the allocator and not handed out
--   outside_allocator_bytes: bytes used on the device by something else than the allocator, NULL when it is not told apart
--   process_bytes: bytes of a process whose collector sees one number only; the three columns before are NULL then
--   free_bytes: bytes free on the device
--   unexplained_bytes: bytes that are left of the total; not 0 where the counters contradict one another
--   is_sample: whether it is a sample; the counters of an error event often see memory that is released already
--   used_bytes: bytes used on the device
--   total_bytes: size of the device in bytes
--   is_complete: whether allocated, reserved and used bytes are known
--   segment_path: file that holds the sample
--   line_number: line in that file
--   file_id: number of that file
--
-- Reads: raw.events, stage.memory_series
-- Calls: prim.difference_from_zero, telemetry.is_sample
-- Needs: files
-- Source: docs/why.md#memory.
CREATE OR REPLACE VIEW memory_account AS
WITH sample_counters AS (
    SELECT
        e.session_id,
        e.rank,
        e.device_id,
        e.timestamp_ns,
        telemetry.is_sample(e.event_type) AS is_sample,
        e.segment_path,
        e.line_number,
        e.file_id,
        e.allocator_allocated_bytes AS allocated_bytes,
        e.allocator_reserved_bytes AS reserved_bytes,
        e.device_used_bytes AS used_bytes,
        e.device_total_bytes AS total_bytes,
        coalesce(
            e.device_free_bytes, prim.difference_from_zero(e.device_total_bytes, e.device_used_bytes)
        ) AS free_bytes,
        coalesce(s.is_process, false) AS is_process,
        coalesce(s.is_use_copied, false) AS is_use_copied
    FROM raw.events AS e
    LEFT JOIN stage.memory_series AS s
        ON e.session_id = s.session_id AND e.rank = s.rank AND e.device_id = s.device_id
    WHERE telemetry.is_sample(e.event_type) OR e.event_type = 'error'
),

sample_parts AS (
    SELECT
        *,
        CASE WHEN NOT is_process THEN allocated_bytes END AS allocated_part,
        CASE WHEN NOT is_process THEN prim.difference_from_zero(reserved_bytes, allocated_bytes) END AS reserved_part,
        CASE
            WHEN NOT is_process AND NOT is_use_copied THEN prim.difference_from_zero(used_bytes, reserved_bytes)
        END AS outside_part,
        CASE WHEN is_process THEN used_bytes END AS process_part
    FROM sample_counters
)

SELECT
    session_id,
    rank,
    device_id,
    timestamp_ns,
    allocated_part AS allocated_bytes,
    reserved_part AS reserved_unused_bytes,
    outside_part AS outside_allocator_bytes,
    process_part AS process_bytes,
    free_bytes,
    CASE
        WHEN is_process THEN total_bytes - process_part - free_bytes
        WHEN total_bytes IS NOT NULL THEN total_bytes - allocated_part - reserved_part - outside_part - free_bytes
        -- Without a total: the differences that were negative.
        ELSE (reserved_bytes - allocated_bytes - reserved_part)
            + coalesce(CASE WHEN NOT is_use_copied THEN used_bytes - reserved_bytes - outside_part END, 0)
    END AS unexplained_bytes,
    is_sample,
    used_bytes,
    total_bytes,
    allocated_bytes IS NOT NULL AND reserved_bytes IS NOT NULL AND used_bytes IS NOT NULL AS is_complete,
    segment_path,
    line_number,
    file_id
FROM sample_parts;
