-- Lines as a head that changes from line to line and a shape that repeats, typed with as little parsing as possible.
--
-- A sink writes sorted keys: the counters come first, and everything from the event type to the time is the same
-- text in thousands of lines of a session. Such a text is a shape. It was parsed and found valid once
-- (stormlog.query.shapes); a line that has it needs only its head and its time looked at. What is left is as strict
-- as `raw.typed_lines`: any line in doubt is not valid here and is judged there.
--
-- Source: docs/architecture.md#shapes.
CREATE OR REPLACE VIEW raw.shaped_lines AS
WITH halves AS (
    SELECT
        file_id,
        line_number,
        line,
        record_id,
        CASE WHEN json_line IS NOT NULL THEN string_split(line, ', "event_type": "') END AS halves
    FROM raw.lines
),

thirds AS (
    SELECT
        file_id,
        line_number,
        line,
        record_id,
        halves[1] AS head,
        -- A second such key somewhere makes three parts, and then nothing matches.
        CASE WHEN len(halves) = 2 THEN string_split(halves[2], ', "timestamp_ns": ') END AS thirds
    FROM halves
),

pieces AS (
    SELECT
        file_id,
        line_number,
        line,
        record_id,
        head,
        CASE WHEN len(thirds) = 2 THEN thirds[1] END AS middle,
        thirds[2] AS ending,
        split_part(thirds[2], ', ', 1) AS time_text,
        split_part(thirds[2], ', ', 2) AS tail
    FROM thirds
),

matched AS (
    SELECT
        p.file_id,
        p.line_number,
        p.line,
        p.record_id,
        p.head,
        p.time_text,
        h.shape_id,
        h.is_null_allowed,
        h.may_have_allocated,
        h.may_have_change,
        h.may_have_reserved,
        h.may_have_active,
        h.may_have_inactive,
        h.may_have_used,
        h.may_have_free,
        h.may_have_total,
        CASE WHEN h.shape_id IS NOT NULL THEN concat(p.head, '}') END AS head_json
    FROM pieces AS p
    LEFT JOIN raw.shapes AS h
        ON p.middle = h.middle AND p.tail = h.tail AND p.ending = concat(p.time_text, ', ', p.tail)
),

split AS (
    SELECT
        *,
        CAST(
            json_extract(head_json, [
                        '$.allocator_active_bytes',
                        '$.allocator_allocated_bytes',
                        '$.allocator_change_bytes',
                        '$.allocator_inactive_bytes',
                        '$.allocator_reserved_bytes',
                        '$.collector',
                        '$.context',
                        '$.device_free_bytes',
                        '$.device_id',
                        '$.device_total_bytes',
                        '$.device_used_bytes'
            ]) AS VARCHAR[]
        ) AS fields,
        len(json_keys(head_json)) AS key_count,
        TRY_CAST(time_text AS BIGINT) AS timestamp_ns
    FROM matched
),

typed AS (
    SELECT
        *,
        concat_ws(',', fields[1], fields[2], fields[3], fields[4], fields[5], fields[8], fields[9], fields[10], fields[11]) AS integers,
        TRY_CAST(fields[1] AS BIGINT) AS allocator_active_bytes,
        TRY_CAST(fields[2] AS BIGINT) AS allocator_allocated_bytes,
        TRY_CAST(fields[3] AS BIGINT) AS allocator_change_bytes,
        TRY_CAST(fields[4] AS BIGINT) AS allocator_inactive_bytes,
        TRY_CAST(fields[5] AS BIGINT) AS allocator_reserved_bytes,
        TRY_CAST(fields[8] AS BIGINT) AS device_free_bytes,
        TRY_CAST(fields[9] AS BIGINT) AS device_id,
        TRY_CAST(fields[10] AS BIGINT) AS device_total_bytes,
        TRY_CAST(fields[11] AS BIGINT) AS device_used_bytes,
        prim.json_text(fields[6]) AS collector
    FROM split
)

SELECT
    file_id,
    line_number,
    line,
    record_id,
    shape_id,
    timestamp_ns,
    collector,
    allocator_allocated_bytes,
    allocator_reserved_bytes,
    allocator_inactive_bytes,
    device_used_bytes,
    device_total_bytes,
    coalesce(
        key_count = 11
        AND strlen(line) <= 16777216
        AND NOT contains(integers, '"')
        AND NOT contains(integers, '.')
        AND NOT contains(integers, 'e')
        AND telemetry.is_plain_text(fields[6])
        AND (fields[7] = 'null' OR starts_with(fields[7], '"'))
        AND device_id IS NOT NULL
        AND timestamp_ns >= 0
        AND CAST(timestamp_ns AS VARCHAR) = time_text
        -- The head ends with a value, not with a comma that DuckDB would forgive.
        AND NOT ends_with(head, ',')
        AND NOT ends_with(head, ' ')
        AND NOT ends_with(head, chr(9))
        AND ((is_null_allowed AND fields[2] = 'null') OR (allocator_allocated_bytes >= 0 AND may_have_allocated AND allocator_allocated_bytes IS NOT NULL))
        AND ((is_null_allowed AND fields[3] = 'null') OR (may_have_change AND allocator_change_bytes IS NOT NULL))
        AND ((is_null_allowed AND fields[5] = 'null') OR (allocator_reserved_bytes >= 0 AND may_have_reserved AND allocator_reserved_bytes IS NOT NULL))
        AND ((fields[1] = 'null') OR (allocator_active_bytes >= 0 AND may_have_active AND allocator_active_bytes IS NOT NULL))
        AND ((fields[4] = 'null') OR (allocator_inactive_bytes >= 0 AND may_have_inactive AND allocator_inactive_bytes IS NOT NULL))
        AND ((is_null_allowed AND fields[11] = 'null') OR (device_used_bytes >= 0 AND may_have_used AND device_used_bytes IS NOT NULL))
        AND ((fields[8] = 'null') OR (device_free_bytes >= 0 AND may_have_free AND device_free_bytes IS NOT NULL))
        AND ((fields[10] = 'null') OR (device_total_bytes >= 0 AND may_have_total AND device_total_bytes IS NOT NULL))
        AND coalesce(device_used_bytes <= device_total_bytes, true)
        AND coalesce(device_free_bytes <= device_total_bytes, true),
        false
    ) AS is_valid
FROM typed;
