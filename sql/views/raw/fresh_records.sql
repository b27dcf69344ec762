-- Valid records of the batch that was read last, with the columns that are kept for every one of them.
--
-- Columns that are NULL in `raw.records` because they repeat from line to line come from the shape of the line.
-- Records of earlier batches are in parts (stormlog.engine.index.kept_rows); `raw.kept_records` shows both.
--
-- Reads: raw.chunks, raw.records, raw.shapes
-- Source: docs/architecture.md#shapes.
CREATE OR REPLACE VIEW raw.fresh_records AS
SELECT
    r.piece_id,
    coalesce(r.line_number, r.rowid - c.first_row + c.first_line) AS line_number,
    coalesce(r.schema_version, h.schema_version) AS schema_version,
    coalesce(r.session_id, h.session_id) AS session_id,
    r.timestamp_ns,
    coalesce(r.event_type, h.event_type) AS event_type,
    r.collector,
    coalesce(r.rank, h.rank) AS rank,
    r.allocator_allocated_bytes,
    r.allocator_reserved_bytes,
    r.allocator_inactive_bytes,
    r.device_used_bytes,
    r.device_total_bytes,
    r.device_free_bytes,
    r.device_id,
    coalesce(r.backend, h.backend) AS backend,
    r.severity,
    coalesce(r.collector_health_status, h.collector_health_status) AS collector_health_status,
    coalesce(r.is_fragmentation_known, h.is_fragmentation_known) AS is_fragmentation_known,
    r.record,
    r.record_id
FROM raw.records AS r
LEFT JOIN raw.chunks AS c ON r.piece_id = c.piece_id
LEFT JOIN raw.shapes AS h ON r.shape_id = h.shape_id
WHERE r.is_valid;
