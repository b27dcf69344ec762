-- Highest memory of each session, rank and device, in every phase and in all: what a run needed, and where.
--
-- A sample counts in every phase that was running in its session and rank at its time, in any thread: a sample in
-- `train / forward` counts in `train` too. Where a rank has no sample that says, there is a row without bytes.
--
-- Args:
--   run VARCHAR: id of a run, NULL for all runs
--
-- Columns:
--   run_id: id of the run
--   attempt: number of the attempt in the run, from 1
--   session_id: session that was sampled
--   rank: its rank
--   device_id: device index, -1 for no device, NULL without a sample
--   phase_path: phase, names from the outermost one joined with ' / '; NULL for all samples, in phases or not
--   metric: peak_allocated, peak_reserved, peak_used or hidden (the most that was used outside the allocator)
--   peak_bytes: the highest value in bytes, NULL when no sample says
--   timestamp_ns: when it was first, nanoseconds since the Unix epoch
--   total_bytes: size of the device in bytes, NULL when unknown or not the same in all samples
--   sample_count: samples that say
--   segment_path: file that holds the sample
--   line_number: its line, from 1
--
-- Example: SELECT phase_path, rank, peak_bytes FROM phase_peaks(NULL) WHERE metric = 'peak_reserved'
--   ORDER BY peak_bytes DESC
--
-- Reads: memory_account, phase_spans, run_sessions
-- Calls: telemetry.peak_sample
-- Needs: files, phases, runs
-- Source: docs/concepts.md#peaks-by-phase.
CREATE OR REPLACE MACRO phase_peaks(run) AS TABLE
WITH wanted_sessions AS (
    SELECT DISTINCT run_id, attempt, session_id, rank
    FROM run_sessions
    WHERE CAST(run AS VARCHAR) IS NULL OR run_id = CAST(run AS VARCHAR)
),

samples AS (
    SELECT
        a.session_id,
        a.rank,
        a.device_id,
        a.timestamp_ns,
        a.allocated_bytes,
        a.allocated_bytes + a.reserved_unused_bytes AS reserved_bytes,
        a.used_bytes,
        a.outside_allocator_bytes AS hidden_bytes,
        a.total_bytes,
        a.segment_path,
        a.file_id,
        a.line_number,
        -- Numbers of the times at which a rank was sampled: a phase covers those from one number to another.
        dense_rank() OVER (PARTITION BY a.session_id, a.rank ORDER BY a.timestamp_ns) AS moment
    FROM memory_account AS a
    SEMI JOIN wanted_sessions AS w ON a.session_id = w.session_id AND a.rank = w.rank
    WHERE a.is_sample
),

moments AS (
    SELECT DISTINCT session_id, rank, timestamp_ns, moment FROM samples
),

spans AS (
    SELECT p.session_id, p.rank, p.phase_path, p.start_ns, p.end_ns
    FROM phase_spans AS p
    SEMI JOIN wanted_sessions AS w ON p.session_id = w.session_id AND p.rank = w.rank
),

span_starts AS (
    SELECT s.session_id, s.rank, s.phase_path, s.end_ns, m.moment AS first_moment
    FROM spans AS s
    ASOF INNER JOIN moments AS m
        ON s.session_id = m.session_id AND s.rank = m.rank AND s.start_ns <= m.timestamp_ns
),

span_moments AS (
    SELECT DISTINCT
        s.session_id,
        s.rank,
        s.phase_path,
        unnest(range(s.first_moment, m.moment + 1)) AS moment
    FROM span_starts AS s
    ASOF INNER JOIN moments AS m
        ON s.session_id = m.session_id AND s.rank = m.rank AND s.end_ns >= m.timestamp_ns
),

placed_samples AS (
    SELECT p.phase_path, s.*
    FROM samples AS s
    INNER JOIN span_moments AS p ON s.session_id = p.session_id AND s.rank = p.rank AND s.moment = p.moment
    UNION ALL
    SELECT NULL AS phase_path, s.*
    FROM samples AS s
),

series_peaks AS (
    SELECT
        session_id,
        rank,
        device_id,
        phase_path,
        CASE WHEN min(total_bytes) = max(total_bytes) THEN max(total_bytes) END AS total_bytes,
        telemetry.peak_sample(allocated_bytes, timestamp_ns, file_id, line_number, segment_path) AS allocated,
        telemetry.peak_sample(reserved_bytes, timestamp_ns, file_id, line_number, segment_path) AS reserved,
        telemetry.peak_sample(used_bytes, timestamp_ns, file_id, line_number, segment_path) AS used,
        telemetry.peak_sample(hidden_bytes, timestamp_ns, file_id, line_number, segment_path) AS hidden
    FROM placed_samples
    GROUP BY session_id, rank, device_id, phase_path
),

rank_phases AS (
    SELECT run_id, attempt, session_id, rank, CAST(NULL AS VARCHAR) AS phase_path
    FROM wanted_sessions
    UNION ALL
    SELECT DISTINCT w.run_id, w.attempt, w.session_id, w.rank, s.phase_path
    FROM wanted_sessions AS w
    INNER JOIN spans AS s ON w.session_id = s.session_id AND w.rank = s.rank
),

metric_peaks AS (
    SELECT
        r.run_id,
        r.attempt,
        r.session_id,
        r.rank,
        p.device_id,
        r.phase_path,
        p.total_bytes,
        unnest(['peak_allocated', 'peak_reserved', 'peak_used', 'hidden']) AS metric,
        unnest([p.allocated, p.reserved, p.used, p.hidden]) AS peak
    FROM rank_phases AS r
    LEFT JOIN series_peaks AS p
        ON r.session_id = p.session_id AND r.rank = p.rank AND r.phase_path IS NOT DISTINCT FROM p.phase_path
)

SELECT
    run_id,
    attempt,
    session_id,
    rank,
    device_id,
    phase_path,
    metric,
    peak.bytes AS peak_bytes,
    peak.timestamp_ns AS timestamp_ns,
    total_bytes,
    coalesce(peak.sample_count, 0) AS sample_count,
    peak.segment_path AS segment_path,
    peak.line_number AS line_number
FROM metric_peaks;

-- Tests
SELECT assert_equals(0, count(*)) FROM phase_peaks(NULL);
SELECT assert_equals(0, count(*)) FROM phase_peaks('no such run');
SELECT assert_equals(13, count(*)) FROM (DESCRIBE SELECT * FROM phase_peaks('no such run'));
