-- How often ranks failed, by kind of failure. Failures whose time is not known are no older than any time.
SELECT kind, rank, count(*) AS failure_count
FROM failures
WHERE CAST($since AS BIGINT) IS NULL OR coalesce(timestamp_ns >= CAST($since AS BIGINT), true)
GROUP BY kind, rank
ORDER BY kind, rank NULLS LAST
