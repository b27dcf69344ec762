-- What became of budgets of memory: how many ranks are over each, and the one that needs most of it.
--
-- A rank is one of an attempt of a run; where it is not known, its session stands for it. It is over a budget if one of
-- its sessions and devices is, and else not known if no sample says what it needed, or the budget is a part of a device
-- and the size of one that it used is not known.
-- $phases, $metrics, $limits, $percents, $is_inclusive: parallel lists, one item for each budget: the phase without
-- blanks around its slashes, or NULL for all samples; bytes, or NULL; percent of the device, or NULL; and whether the
-- limit itself is within the budget.
-- $runs (by id or job), $jobs, $ranks, $hosts: only these, or NULL. $since_ns: only sessions that had not ended before,
-- or NULL.
WITH budgets AS (
    SELECT
        *,
        row_number() OVER () AS budget
    FROM (
        SELECT
            unnest(CAST($phases AS VARCHAR[])) AS wanted_phase,
            unnest(CAST($metrics AS VARCHAR[])) AS metric,
            unnest(CAST($limits AS BIGINT[])) AS limit_bytes,
            unnest(CAST($percents AS BIGINT[])) AS limit_percent,
            unnest(CAST($is_inclusive AS BOOLEAN[])) AS is_inclusive
    ) AS listed
),

wanted_sessions AS (
    SELECT run_id, attempt, session_id, rank, min(host) AS host
    FROM run_sessions
    WHERE (
            CAST($runs AS VARCHAR[]) IS NULL
            OR list_has_any(
                CAST($runs AS VARCHAR[]),
                [run_id, coalesce(job_id, run_id), regexp_replace(run_id, '^(job|session):', '')]
            )
        )
        AND (CAST($jobs AS VARCHAR[]) IS NULL OR list_contains(CAST($jobs AS VARCHAR[]), job_id))
        AND (CAST($ranks AS BIGINT[]) IS NULL OR list_contains(CAST($ranks AS BIGINT[]), rank))
        AND (CAST($hosts AS VARCHAR[]) IS NULL OR list_contains(CAST($hosts AS VARCHAR[]), host))
        AND (
            CAST($since_ns AS BIGINT) IS NULL
            OR coalesce(greatest(end_ns, last_event_ns), start_ns) >= CAST($since_ns AS BIGINT)
        )
    GROUP BY run_id, attempt, session_id, rank
),

peaks AS (
    SELECT
        p.*,
        s.host,
        regexp_replace(p.phase_path, ' */ *', '/', 'g') AS plain_phase
    FROM phase_peaks(NULL) AS p
    INNER JOIN wanted_sessions AS s
        ON p.run_id = s.run_id AND p.attempt = s.attempt AND p.session_id = s.session_id
        AND p.rank IS NOT DISTINCT FROM s.rank
),

-- All in hundredths of a byte, so that a part of a device is as exact as a number of bytes.
measured_peaks AS (
    SELECT
        b.budget,
        b.is_inclusive,
        p.*,
        coalesce(CAST(b.limit_bytes AS HUGEINT) * 100, CAST(b.limit_percent AS HUGEINT) * p.total_bytes) AS allowed,
        CAST(p.peak_bytes AS HUGEINT) * 100 AS needed
    FROM budgets AS b
    INNER JOIN peaks AS p
        ON b.metric = p.metric AND b.wanted_phase IS NOT DISTINCT FROM p.plain_phase
),

judged_peaks AS (
    SELECT
        *,
        CASE WHEN is_inclusive THEN needed > allowed ELSE needed >= allowed END AS is_over,
        needed / nullif(allowed, 0) AS share
    FROM measured_peaks
),

worst_peaks AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY budget
            ORDER BY is_over DESC NULLS LAST, share DESC NULLS LAST, timestamp_ns, rank, session_id, device_id
        ) AS position
    FROM judged_peaks
    WHERE is_over IS NOT NULL
),

ranks AS (
    SELECT
        budget,
        CASE
            WHEN bool_or(is_over) THEN true
            -- What is not known of one device is not made up for by another.
            WHEN count_if(peak_bytes IS NOT NULL AND is_over IS NULL) = 0 THEN bool_or(is_over)
        END AS is_over
    FROM judged_peaks
    GROUP BY budget, run_id, attempt, rank, CASE WHEN rank IS NULL THEN session_id END
),

rank_counts AS (
    SELECT
        budget,
        count(*) AS rank_count,
        count(*) FILTER (WHERE is_over) AS over_count,
        count(*) FILTER (WHERE is_over IS NULL) AS unknown_count
    FROM ranks
    GROUP BY budget
)

SELECT
    coalesce(c.rank_count, 0) AS rank_count,
    coalesce(c.over_count, 0) AS over_count,
    coalesce(c.unknown_count, 0) AS unknown_count,
    (SELECT count(DISTINCT session_id) FROM wanted_sessions) AS session_count,
    w.run_id,
    w.attempt,
    w.rank,
    w.host,
    w.device_id,
    w.session_id,
    w.peak_bytes,
    CAST(w.allowed // 100 AS BIGINT) AS limit_bytes,
    w.total_bytes,
    w.timestamp_ns,
    w.segment_path,
    w.line_number
FROM budgets AS b
LEFT JOIN rank_counts AS c ON b.budget = c.budget
LEFT JOIN worst_peaks AS w ON b.budget = w.budget AND w.position = 1
ORDER BY b.budget
