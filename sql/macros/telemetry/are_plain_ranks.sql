-- Whether the ranks of a record are those of a job with that many processes.
--
-- Args:
--   rank, local_rank BIGINT: the first is 0; NULL where the record has none.
--   world_size BIGINT: how many processes the job has; NULL where the record does not say so.
-- Returns: BOOLEAN, never NULL.
-- Source: docs/concepts.md#events.
CREATE OR REPLACE MACRO telemetry.are_plain_ranks(rank, local_rank, world_size) AS
    (coalesce(world_size, 1) >= 1
        AND coalesce(rank, 0) >= 0
        AND coalesce(rank, 0) < coalesce(world_size, 1)
        AND coalesce(local_rank, 0) >= 0
        AND coalesce(local_rank, 0) < coalesce(world_size, 1));

-- Tests
SELECT assert_equals(true, telemetry.are_plain_ranks(NULL, NULL, NULL));
SELECT assert_equals(true, telemetry.are_plain_ranks(1, 0, 2));
SELECT assert_equals(true, telemetry.are_plain_ranks(NULL, 1, 2));
SELECT assert_equals(false, telemetry.are_plain_ranks(NULL, 2, 2));
SELECT assert_equals(false, telemetry.are_plain_ranks(2, NULL, 2));
SELECT assert_equals(false, telemetry.are_plain_ranks(1, 0, NULL));
SELECT assert_equals(false, telemetry.are_plain_ranks(-1, 0, 2));
SELECT assert_equals(false, telemetry.are_plain_ranks(0, -1, 2));
SELECT assert_equals(false, telemetry.are_plain_ranks(0, 0, 0));
