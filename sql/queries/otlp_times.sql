-- Times of the records that are lines of OTLP/JSON.
SELECT timestamp_ns
FROM events
WHERE (CAST($time_start_ns AS BIGINT) IS NULL OR timestamp_ns >= CAST($time_start_ns AS BIGINT))
    AND (CAST($time_end_ns AS BIGINT) IS NULL OR timestamp_ns <= CAST($time_end_ns AS BIGINT))
