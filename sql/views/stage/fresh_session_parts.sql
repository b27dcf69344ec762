-- What each piece of a file adds to a session, in periods of 2^42 nanoseconds (73 minutes).
--
-- Everything here is a count, a bound or an exact integer sum, so that parts can be added up in any order:
-- x is nanoseconds since the start of the period, y the gap in bytes. Values so large
-- that a sum might not fit 38 digits are left out of the sums. The bounds include them, so that `stage.gap_sessions` finds
-- such a session, and Python analyses it.
--
-- Materialised: yes
-- Reads: raw.fresh_records
-- Calls: prim.scaled_ratio, prim.whole_quotient, telemetry.fragmented_bytes, telemetry.gap_bytes
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE VIEW stage.fresh_session_parts_view AS
WITH event_measures AS (
    SELECT
        piece_id,
        session_id,
        timestamp_ns,
        event_type,
        allocator_reserved_bytes AS reserved_bytes,
        device_total_bytes AS total_bytes,
        prim.whole_quotient(timestamp_ns, 4398046511104) AS period,
        telemetry.gap_bytes(event_type, device_total_bytes, device_used_bytes, allocator_reserved_bytes) AS gap_bytes,
        telemetry.fragmented_bytes(
            schema_version, allocator_allocated_bytes, allocator_reserved_bytes, allocator_inactive_bytes,
            is_fragmentation_known
        ) AS fragmented_bytes
    FROM raw.fresh_records
),

bounded_measures AS (
    SELECT
        piece_id,
        session_id,
        timestamp_ns,
        event_type,
        reserved_bytes,
        total_bytes,
        period,
        gap_bytes,
        CASE WHEN gap_bytes IS NOT NULL THEN fragmented_bytes END AS fragmented_bytes,
        CASE WHEN gap_bytes IS NOT NULL THEN timestamp_ns END AS sample_ns,
        CASE WHEN abs(gap_bytes) < 1125899906842624 THEN CAST(gap_bytes AS DECIMAL(38, 0)) END AS y,
        CASE WHEN gap_bytes IS NOT NULL THEN CAST(timestamp_ns - period * 4398046511104 AS DECIMAL(38, 0)) END AS x
    FROM event_measures
)

SELECT
    piece_id,
    session_id,
    period,
    count(*) AS event_count,
    min(timestamp_ns) AS first_ns,
    max(timestamp_ns) AS last_ns,
    max(CASE WHEN event_type = 'stop' THEN timestamp_ns END) AS stopped_ns,
    count(gap_bytes) AS sample_count,
    min(sample_ns) AS first_sample_ns,
    max(sample_ns) AS last_sample_ns,
    max(gap_bytes) AS max_gap_bytes,
    max(abs(gap_bytes)) AS max_abs_gap_bytes,
    max(abs(gap_bytes) / total_bytes) AS max_gap_ratio,
    max(CASE WHEN fragmented_bytes IS NOT NULL THEN fragmented_bytes / reserved_bytes END) AS max_fragmentation_ratio,
    sum(x) AS sum_x,
    sum(x * x) AS sum_xx,
    sum(y) AS sum_y,
    sum(y * y) AS sum_yy,
    sum(x * y) AS sum_xy,
    count(fragmented_bytes) AS ratio_count,
    sum(
        CASE
            WHEN fragmented_bytes IS NOT NULL AND prim.whole_quotient(fragmented_bytes, reserved_bytes) < 1000000
                THEN prim.scaled_ratio(fragmented_bytes, reserved_bytes)
        END
    ) AS ratio_sum
FROM bounded_measures
GROUP BY piece_id, session_id, period;
