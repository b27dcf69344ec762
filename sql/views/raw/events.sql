-- Valid records of all files of the catalog, whichever batch read them.
--
-- Reads: raw.files, raw.kept_records, raw.pieces
-- Source: docs/architecture.md#what-is-kept.
CREATE OR REPLACE VIEW raw.events AS
SELECT
    p.file_id,
    p.source_id,
    f.path AS segment_path,
    r.line_number,
    r.schema_version,
    r.session_id,
    r.timestamp_ns,
    r.event_type,
    r.collector,
    r.rank,
    r.allocator_allocated_bytes,
    r.allocator_reserved_bytes,
    r.allocator_inactive_bytes,
    r.device_used_bytes,
    r.device_total_bytes,
    r.device_free_bytes,
    r.device_id,
    r.backend,
    r.severity,
    r.collector_health_status,
    r.is_fragmentation_known,
    r.record,
    r.record_id
FROM raw.kept_records AS r
INNER JOIN raw.pieces AS p ON r.piece_id = p.piece_id
INNER JOIN raw.files AS f ON p.file_id = f.file_id;
