-- The sample with the highest value of a counter, the first one where several have it. The arguments are columns of
-- samples: it is called where they are grouped.
--
-- Args:
--   bytes BIGINT: the counter, NULL when unknown.
--   timestamp_ns BIGINT: time of the sample.
--   file_id INTEGER: number of its file.
--   line_number BIGINT: its line.
--   segment_path VARCHAR: its file.
-- Returns: STRUCT of bytes, timestamp_ns, segment_path, line_number and sample_count (samples that know the counter);
--   its members are NULL without such a sample.
-- Source: docs/concepts.md#peaks-by-phase.
CREATE OR REPLACE MACRO telemetry.peak_sample(bytes, timestamp_ns, file_id, line_number, segment_path) AS
    ({
        'bytes': max(bytes),
        'timestamp_ns': arg_max(timestamp_ns, (bytes, -timestamp_ns, -file_id, -line_number)) FILTER (bytes IS NOT NULL),
        'segment_path': arg_max(segment_path, (bytes, -timestamp_ns, -file_id, -line_number)) FILTER (bytes IS NOT NULL),
        'line_number': arg_max(line_number, (bytes, -timestamp_ns, -file_id, -line_number)) FILTER (bytes IS NOT NULL),
        'sample_count': count(bytes)
    });

-- Tests
SELECT assert_equals('{5, 2, b, 1, 3}', format('{{{}, {}, {}, {}, {}}}', p.bytes, p.timestamp_ns, p.segment_path, p.line_number, p.sample_count))
FROM (
    SELECT telemetry.peak_sample(b, t, f, l, s) AS p
    FROM (VALUES (4, 1, 0, 1, 'a'), (5, 2, 1, 1, 'b'), (5, 3, 1, 2, 'b'), (NULL, 4, 1, 3, 'b')) AS v(b, t, f, l, s)
);
SELECT assert_equals(NULL, p.timestamp_ns)
FROM (SELECT telemetry.peak_sample(b, 1, 0, 1, 'a') AS p FROM (VALUES (NULL::BIGINT)) AS v(b));
SELECT assert_equals(0, p.sample_count)
FROM (SELECT telemetry.peak_sample(b, 1, 0, 1, 'a') AS p FROM (VALUES (NULL::BIGINT)) AS v(b));
