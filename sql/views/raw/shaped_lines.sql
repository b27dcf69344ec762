-- Lines with a known shape as typed columns: only counters, time and phase scope are parsed.
--
-- What repeats from line to line is a shape: it was parsed and found valid once (stormlog.engine.reading.line_shapes), and is
-- compared here byte by byte. What changes is parsed, written again as a sink writes it, and must then be the same
-- text: so no number was quoted and no key unknown, missing, repeated or misplaced. This is stricter than
-- `raw.typed_lines`; any line in doubt is not valid here and is judged there.
--
-- Reads: raw.shapes, raw.split_lines
-- Calls: issues.may_be_evidence, prim.integer_to_json, telemetry.are_counters_supported,
--   telemetry.are_plain_counters, telemetry.has_core_counters, telemetry.is_plain_event_type,
--   telemetry.is_plain_line, telemetry.is_plain_metadata, telemetry.is_plain_value
-- Source: docs/architecture.md#shapes.
CREATE OR REPLACE VIEW raw.shaped_lines AS
WITH lines_with_shapes AS (
    SELECT
        l.piece_id,
        l.line_number,
        l.line,
        l.record_id,
        l.head,
        l.event_type,
        h.shape_id,
        nullif(l.event_type, h.event_type) AS other_event_type,
        h.is_null_allowed,
        h.may_have_allocated,
        h.may_have_reserved,
        h.may_have_active,
        h.may_have_inactive,
        h.may_have_used,
        h.may_have_free,
        h.may_have_total,
        h.is_needed,
        h.suffix IS NOT NULL AS has_scope,
        CASE
            -- A line without a shape has no prefix: `||` with NULL is NULL, and nothing is parsed.
            WHEN starts_with(l.rest, l.event_type || h.prefix)
                THEN concat(l.head, ', "timestamp_ns": ', l.time_text, '}')
        END AS counters_json,
        CASE
            -- The rest is long enough that prefix and suffix do not overlap in it.
            WHEN strlen(l.rest) > strlen(l.event_type) + strlen(h.prefix) + strlen(h.suffix) + strlen(l.ending)
                AND ends_with(l.rest, concat(h.suffix, l.ending))
                THEN substr(
                    l.rest,
                    length(l.event_type) + length(h.prefix) + 1,
                    length(l.rest) - length(l.event_type) - length(h.prefix) - length(h.suffix) - length(l.ending)
                )
        END AS scope
    FROM raw.split_lines AS l
    LEFT JOIN raw.shapes AS h
        ON l.before_time = h.before_time AND l.tail = h.tail AND l.body_length = h.body_length
),

line_values AS (
    SELECT
        *,
        -- TRY: a damaged line gives NULL and does not stop the statement.
        TRY(from_json(counters_json, '{
            "allocator_active_bytes": "BIGINT",
            "allocator_allocated_bytes": "BIGINT",
            "allocator_change_bytes": "BIGINT",
            "allocator_inactive_bytes": "BIGINT",
            "allocator_reserved_bytes": "BIGINT",
            "collector": "VARCHAR",
            "context": "VARCHAR",
            "device_free_bytes": "BIGINT",
            "device_id": "BIGINT",
            "device_total_bytes": "BIGINT",
            "device_used_bytes": "BIGINT",
            "timestamp_ns": "BIGINT"
        }')) AS counters,
        -- A context with escapes is compared as it is written, and must be a JSON string by itself.
        CASE
            WHEN contains(head, '\')
                THEN split_part(split_part(head, ', "context": ', 2), ', "device_free_bytes": ', 1)
        END AS escaped_context,
        TRY(CAST(json_extract(scope, '$') AS VARCHAR)) AS scope_json,
        TRY(json_keys(scope)) AS scope_keys
    FROM lines_with_shapes
),

typed_values AS (
    SELECT
        piece_id,
        line_number,
        line,
        record_id,
        event_type,
        shape_id,
        other_event_type,
        is_null_allowed,
        may_have_allocated,
        may_have_reserved,
        may_have_active,
        may_have_inactive,
        may_have_used,
        may_have_free,
        may_have_total,
        is_needed,
        has_scope,
        scope,
        scope_json,
        scope_keys,
        counters_json,
        escaped_context,
        counters.allocator_active_bytes,
        counters.allocator_allocated_bytes,
        counters.allocator_change_bytes,
        counters.allocator_inactive_bytes,
        counters.allocator_reserved_bytes,
        counters.collector,
        counters.context,
        counters.device_free_bytes,
        counters.device_id,
        counters.device_total_bytes,
        counters.device_used_bytes,
        counters.timestamp_ns
    FROM line_values
),

rewritten_lines AS (
    SELECT
        *,
        counters_json = concat(
            '{"allocator_active_bytes": ', prim.integer_to_json(allocator_active_bytes),
            ', "allocator_allocated_bytes": ', prim.integer_to_json(allocator_allocated_bytes),
            ', "allocator_change_bytes": ', prim.integer_to_json(allocator_change_bytes),
            ', "allocator_inactive_bytes": ', prim.integer_to_json(allocator_inactive_bytes),
            ', "allocator_reserved_bytes": ', prim.integer_to_json(allocator_reserved_bytes),
            ', "collector": "', collector,
            '", "context": ', coalesce(escaped_context, '"' || context || '"', 'null'),
            ', "device_free_bytes": ', prim.integer_to_json(device_free_bytes),
            ', "device_id": ', device_id,
            ', "device_total_bytes": ', prim.integer_to_json(device_total_bytes),
            ', "device_used_bytes": ', prim.integer_to_json(device_used_bytes),
            ', "timestamp_ns": ', timestamp_ns,
            '}'
        ) AS is_same_text
    FROM typed_values
)

SELECT
    piece_id,
    line_number,
    line,
    record_id,
    shape_id,
    other_event_type AS event_type,
    timestamp_ns,
    collector,
    allocator_allocated_bytes,
    allocator_reserved_bytes,
    allocator_inactive_bytes,
    device_used_bytes,
    device_total_bytes,
    device_free_bytes,
    device_id,
    coalesce(
        shape_id IS NOT NULL
        AND is_same_text
        AND strlen(line) <= 16777216
        AND device_id IS NOT NULL
        AND timestamp_ns >= 0
        AND telemetry.is_plain_value(collector)
        AND CASE
            WHEN escaped_context IS NULL THEN true
            ELSE starts_with(escaped_context, '"') AND json_valid(escaped_context)
        END
        AND CASE WHEN other_event_type IS NULL THEN true ELSE telemetry.is_plain_event_type(other_event_type) END
        AND CASE
            WHEN has_scope THEN telemetry.is_plain_metadata(scope_json, scope_keys) AND telemetry.is_plain_line(scope)
            ELSE true
        END
        AND telemetry.are_plain_counters(
            allocator_allocated_bytes, allocator_reserved_bytes, allocator_active_bytes,
            allocator_inactive_bytes, device_used_bytes, device_free_bytes, device_total_bytes
        )
        AND CASE
            WHEN is_null_allowed
                THEN telemetry.are_counters_supported(
                    allocator_allocated_bytes, allocator_change_bytes, allocator_reserved_bytes,
                    allocator_active_bytes, allocator_inactive_bytes, device_used_bytes, device_free_bytes,
                    device_total_bytes,
                    may_have_allocated, may_have_reserved, may_have_active, may_have_inactive, may_have_used,
                    may_have_free, may_have_total
                )
            ELSE telemetry.has_core_counters(
                allocator_allocated_bytes, allocator_change_bytes, allocator_reserved_bytes, device_used_bytes
            )
        END,
        false
    ) AS is_valid,
    -- Whether `raw.typed_lines` may still find the line valid. Of version 3 lines that match their shape it refuses
    -- those with a counter that is no integer, does not fit one, is negative, or above its total.
    CASE
        WHEN is_null_allowed IS NULL OR is_null_allowed OR counters_json IS NULL THEN true
        WHEN timestamp_ns IS NULL THEN false
        WHEN is_same_text
            THEN telemetry.are_plain_counters(
                allocator_allocated_bytes, allocator_reserved_bytes, allocator_active_bytes,
                allocator_inactive_bytes, device_used_bytes, device_free_bytes, device_total_bytes
            )
        ELSE NOT regexp_matches(counters_json, '_bytes": (["tf]|-?[0-9]+[.eE])')
    END AS may_be_plain,
    coalesce(
        is_needed
        OR event_type IN ('phase_enter', 'phase_exit', 'start')
        OR issues.may_be_evidence(event_type, NULL, NULL),
        false
    ) AS is_needed
FROM rewritten_lines;
