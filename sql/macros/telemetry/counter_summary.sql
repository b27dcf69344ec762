-- What a counter was in a part of the time: an aggregate.
--
-- Args:
--   bytes BIGINT: the counter, NULL where it is not known.
--   position STRUCT: what orders the samples; no two have the same.
-- Returns: STRUCT(sample_count BIGINT, first_bytes BIGINT, last_bytes BIGINT, min_bytes BIGINT, max_bytes BIGINT); all
--   but the count are NULL where no sample knows it.
-- Source: docs/concepts.md#memory-over-time.
CREATE OR REPLACE MACRO telemetry.counter_summary(bytes, position) AS
    {
        'sample_count': count(bytes),
        'first_bytes': arg_min(bytes, position),
        'last_bytes': arg_max(bytes, position),
        'min_bytes': min(bytes),
        'max_bytes': max(bytes)
    };

-- Tests
SELECT assert_equals(
    {'sample_count': 2, 'first_bytes': 7, 'last_bytes': 5, 'min_bytes': 5, 'max_bytes': 7},
    (SELECT telemetry.counter_summary(b, p) FROM (VALUES (5, 3), (7, 1), (NULL, 2)) AS t (b, p))
);
SELECT assert_equals(
    {'sample_count': 0, 'first_bytes': NULL, 'last_bytes': NULL, 'min_bytes': NULL, 'max_bytes': NULL},
    (SELECT telemetry.counter_summary(b, p) FROM (VALUES (CAST(NULL AS BIGINT), 3)) AS t (b, p))
);
SELECT assert_equals(
    9223372036854775807,
    (SELECT telemetry.counter_summary(b, p).max_bytes FROM (VALUES (9223372036854775807, (1, 2)), (0, (1, 1))) AS t (b, p))
);
