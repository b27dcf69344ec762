-- Flight-recorder bundles of out-of-memory failures.
--
-- Columns:
--   bundle_path: directory of the bundle
--   created_at_utc: when it was written, as the manifest says, NULL when it does not
--   created_at_ns: the same in nanoseconds since the Unix epoch, NULL when it is no date
--   created_at_us: the same in whole microseconds, exact, for comparing dates
--   backend: backend as the manifest says
--   reason: why it was written
--   event_count: events in the bundle
--   session_id: session that ran out of memory
--   session_status: status in the bundle, else in the first ledger that knows the session
--   exception_type: class of the exception
--   exception_module: module of that class
--   exception_message: its message
--   context: what the program was doing, in the words of its code, NULL when it does not say
--   job_id: distributed job, NULL when there is none
--   rank: global rank that ran out of memory, from 0, NULL when unknown
--   host: machine, NULL when unknown
--   requested_bytes: bytes that the failed allocation had asked for, as the message says, NULL when it does not
--   free_bytes: bytes that were free then, as the message says, NULL when it does not
--   allocator_snapshot_path: file of what PyTorch's allocator held, which is not read, NULL without one
--   position: order of the bundles: by date as text, then path
--
-- Example: SELECT reason, count(*) AS bundles FROM oom_bundles GROUP BY ALL
--
-- Reads: raw.oom_bundles
-- Needs: catalog
-- Source: docs/concepts.md#artifacts.
CREATE OR REPLACE VIEW oom_bundles AS
SELECT
    bundle_path,
    created_at_utc,
    created_at_ns,
    created_at_us,
    backend,
    reason,
    event_count,
    session_id,
    session_status,
    exception_type,
    exception_module,
    exception_message,
    context,
    job_id,
    rank,
    host,
    requested_bytes,
    free_bytes,
    allocator_snapshot_path,
    position
FROM raw.oom_bundles;
