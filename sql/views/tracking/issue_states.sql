-- What became of a fingerprint, as a tracker or an issues.json beside the artifacts says; none without either.
--
-- Columns:
--   fingerprint_id: id of the issue, as in view issues
--   issue_id: tracked issue that the fingerprint belongs to
--   app: training program that it was tracked for
--   is_dev: whether it was tracked for development runs; production speaks first
--   status: new, in_progress, resolved, silenced or regressed
--   state: open, resolved, ignored or regressed
--   fix_version: version that it was resolved in
--   assignee: who works on it
--   ignore_until: JSON object of what ends its silence, NULL where nothing does
--   occurrence_count: number of sessions with it, in the tracker
--   run_count: number of runs with it
--   unique_user_count: number of named users with it
--   recurred_count: number of sessions with it since it was resolved, of versions that may or may not have the fix
--   first_seen_version: version of the code that had it first
--   last_seen_version: version of the code that had it last
--
-- Reads: raw.issue_states
-- Needs: tracking
-- Source: docs/ci.md#states-in-queries.
CREATE OR REPLACE VIEW tracking.issue_states AS
SELECT
    fingerprint_id,
    issue_id,
    app,
    is_dev,
    status,
    state,
    fix_version,
    assignee,
    ignore_until,
    occurrence_count,
    run_count,
    unique_user_count,
    recurred_count,
    first_seen_version,
    last_seen_version
FROM raw.issue_states;
