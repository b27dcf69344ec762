-- Whether the time, the interval, the process and the device of a record are numbers that it may have.
--
-- Args:
--   timestamp_ns BIGINT: nanoseconds since the Unix epoch.
--   sampling_interval_ms BIGINT: milliseconds.
--   pid BIGINT: process, -1 where it is not known.
--   device_id BIGINT: any number.
-- Returns: BOOLEAN; false or NULL where one is missing.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.are_plain_numbers(timestamp_ns, sampling_interval_ms, pid, device_id) AS
    (timestamp_ns >= 0 AND sampling_interval_ms >= 0 AND pid >= -1 AND device_id IS NOT NULL);

-- Tests
SELECT assert_equals(true, telemetry.are_plain_numbers(0, 0, -1, -5));
SELECT assert_equals(false, telemetry.are_plain_numbers(-1, 0, 0, 0));
SELECT assert_equals(false, telemetry.are_plain_numbers(0, -1, 0, 0));
SELECT assert_equals(false, telemetry.are_plain_numbers(0, 0, -2, 0));
SELECT assert_equals(false, telemetry.are_plain_numbers(0, 0, 0, NULL));
SELECT assert_equals(NULL, telemetry.are_plain_numbers(NULL, 0, 0, 0));
