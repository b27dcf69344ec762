-- How long a rank that still runs may write nothing: 10 sampling intervals, and 10 seconds at least.
--
-- As a floating-point number: whatever interval a record names, this does not overflow.
--
-- Args:
--   sampling_interval_ms BIGINT: interval between its samples, milliseconds, NULL when unknown.
-- Returns: DOUBLE, nanoseconds, never NULL.
-- Source: docs/why.md#lost-ranks.
CREATE OR REPLACE MACRO telemetry.longest_silence_ns(sampling_interval_ms) AS
    greatest(1e10, sampling_interval_ms * 1e7);

-- Tests
SELECT assert_equals(1e10, telemetry.longest_silence_ns(NULL));
SELECT assert_equals(1e10, telemetry.longest_silence_ns(1000));
SELECT assert_equals(6e11, telemetry.longest_silence_ns(60000));
