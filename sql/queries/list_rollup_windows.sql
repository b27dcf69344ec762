-- Parts of sessions as fresh rollups give them.
SELECT
    session_id, window_index, start_ns, end_ns, event_count, sample_count, rank_count, peak_allocated_bytes,
    peak_reserved_bytes, peak_used_bytes, alert_count, transition_count, oom_count, window_duration_ns, rollups_path
FROM rollup_windows
WHERE (CAST($session_id AS VARCHAR) IS NULL OR session_id = CAST($session_id AS VARCHAR))
ORDER BY start_ns, session_id, source_id, window_index
