-- Id of an issue, from its kind and its canonical dimensions.
--
-- Args:
--   kind VARCHAR: one of the four kinds of issue.
--   dimensions VARCHAR: canonical JSON text: sorted keys, no blanks, ASCII escapes, values normalised.
-- Returns: VARCHAR, 'issue:' and 24 hexadecimal digits.
-- Calls: prim.sha256_hex
-- Source: docs/concepts.md#fingerprints.
CREATE OR REPLACE MACRO issues.fingerprint_id(kind, dimensions) AS
    (concat('issue:', left(prim.sha256_hex(concat(
        '{"dimensions":', dimensions, ',"kind":"', kind, '","schema_version":1}')), 24)));

-- Tests
SELECT assert_equals(
    'issue:876c8d4f6dbab3ef989deddc',
    issues.fingerprint_id('oom', '{"backend":"cuda","reason":"message_pattern:out of memory"}')
);
SELECT assert_equals(
    'issue:400c93afe5620f5e8d42a75d',
    issues.fingerprint_id(
        'hidden_memory_anomaly',
        '{"backend":"cuda","classification":"persistent_drift","collector":"stormlog.cuda_tracker","phase":"train / forward","severity":"critical"}'
    )
);
SELECT assert_equals(NULL, nullif(issues.fingerprint_id('oom', '{}'), issues.fingerprint_id('oom', '{}')));
