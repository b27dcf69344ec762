-- What a record says about the job, the machine and the code that wrote it, as JSON texts in this order:
-- 1 job_id, 2 host, 3 collector, 4 device_id, 5 world_size, 6 sampling_interval_ms; of the metadata 7 backend, 8 user,
-- 9 app, 10 is_dev, 11 environment; then, from 12 on, all names under which a version of the code is written, the best first.
--
-- Args:
--   record VARCHAR: the record as JSON text.
-- Returns: VARCHAR[], with NULL for each key that is missing; NULL when record is.
-- Source: docs/tracking.md#what-is-read-from-telemetry.
CREATE OR REPLACE MACRO telemetry.record_facts(record) AS
    (CAST(
        json_extract(record, [
            '$.job_id',
            '$.host',
            '$.collector',
            '$.device_id',
            '$.world_size',
            '$.sampling_interval_ms',
            '$.metadata.backend',
            '$.metadata.user',
            '$.metadata.app',
            '$.metadata.is_dev',
            '$.metadata.environment',
            '$.metadata.app_version',
            '$.metadata.code_version',
            '$.metadata.package_version',
            '$.metadata.git_describe',
            '$.metadata.git_sha',
            '$.metadata.git_commit'
        ]) AS VARCHAR[]
    ));

-- Tests
SELECT assert_equals(
    ['"j1"', '"n1"', NULL, '0', '8', '100'],
    telemetry.record_facts(
        '{"job_id": "j1", "host": "n1", "device_id": 0, "world_size": 8, "sampling_interval_ms": 100}'
    )[:6]
);
SELECT assert_equals(
    ['"cuda"', '"ann"', '"train"', 'true', '"ci"', '"1.2"'],
    telemetry.record_facts(
        '{"metadata": {"backend": "cuda", "user": "ann", "app": "train", "is_dev": true, "environment": "ci",'
        || ' "app_version": "1.2"}}'
    )[7:12]
);
SELECT assert_equals(NULL, telemetry.record_facts('{"metadata": null}')[12]);
SELECT assert_equals(17, len(telemetry.record_facts('{}')));
SELECT assert_equals(NULL, telemetry.record_facts(NULL));
