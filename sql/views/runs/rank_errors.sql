-- Error events of runs, with what tells whether the rank survived them.
--
-- An OOM is survived if the rank entered five more phases after it, or wrote for another minute.
--
-- Reads: raw.files, raw.pieces, stage.event_hits, stage.fingerprints, stage.session_attempts
-- Source: docs/why.md#failures.
CREATE OR REPLACE VIEW stage.rank_errors AS
SELECT
    s.run_id,
    s.attempt,
    s.rank,
    s.session_id,
    h.timestamp_ns,
    h.kind = 'oom' AS is_oom,
    h.kind = 'oom' AND (
        coalesce(s.fifth_last_enter_ns > h.timestamp_ns, false) OR s.last_event_ns - h.timestamp_ns >= 60000000000
    ) AS survived,
    h.device_id,
    h.context,
    k.fingerprint_id,
    p.file_id,
    f.path AS segment_path,
    h.line_number
FROM stage.event_hits AS h
INNER JOIN raw.pieces AS p ON h.piece_id = p.piece_id
INNER JOIN raw.files AS f ON p.file_id = f.file_id
INNER JOIN stage.session_attempts AS s ON h.session_id = s.session_id AND h.rank = s.rank
LEFT JOIN stage.fingerprints AS k ON h.kind = k.kind AND h.dimension_key = k.dimension_key
WHERE h.event_type = 'error';
