-- Phase of a moment as one line, from the phases that were running then. The arguments are columns of these phases,
-- one row each: it is called where they are grouped by moment.
--
-- Args:
--   phase_path VARCHAR: label of the phase.
--   thread_id BIGINT: its thread.
--   sequence BIGINT: number of its enter.
--   scope_id VARCHAR: its scope.
--   is_of_scope BOOLEAN: whether the event names this scope, NULL when it names none.
--   is_of_thread BOOLEAN: whether the event names its thread, NULL when it names none.
--   is_deepest BOOLEAN: whether no running phase of its thread is deeper.
-- Returns: VARCHAR
-- Source: docs/concepts.md#phases.
CREATE OR REPLACE MACRO telemetry.phase_of_spans(
    phase_path, thread_id, sequence, scope_id, is_of_scope, is_of_thread, is_deepest
) AS
    (CASE
        WHEN count(*) FILTER (is_of_scope) = 1 THEN max(phase_path) FILTER (is_of_scope)
        WHEN count(*) FILTER (is_of_thread) > 0 THEN arg_max(phase_path, (sequence, scope_id)) FILTER (is_of_thread)
        WHEN count(DISTINCT phase_path) FILTER (is_deepest) > 1
            THEN concat('(likely) ', arg_max(phase_path, (sequence, scope_id)))
        WHEN count(DISTINCT thread_id) > 1 THEN concat('(ambiguous) ', max(phase_path) FILTER (is_deepest))
        ELSE max(phase_path) FILTER (is_deepest)
    END);

-- Tests
SELECT assert_equals('train / forward', telemetry.phase_of_spans(p, t, n, s, NULL::BOOLEAN, NULL::BOOLEAN, d))
FROM (VALUES ('train', 1, 1, 's:1', false), ('train / forward', 1, 2, 's:2', true)) AS v(p, t, n, s, d);
SELECT assert_equals('(likely) load', telemetry.phase_of_spans(p, t, n, s, NULL::BOOLEAN, NULL::BOOLEAN, true))
FROM (VALUES ('train', 1, 1, 's:1'), ('load', 2, 2, 's:2')) AS v(p, t, n, s);
SELECT assert_equals('(ambiguous) train', telemetry.phase_of_spans(p, t, n, s, NULL::BOOLEAN, NULL::BOOLEAN, true))
FROM (VALUES ('train', 1, 1, 's:1'), ('train', 2, 2, 's:2')) AS v(p, t, n, s);
SELECT assert_equals('train', telemetry.phase_of_spans(p, t, n, s, s = 's:1', t = 2, true))
FROM (VALUES ('train', 1, 1, 's:1'), ('load', 2, 2, 's:2')) AS v(p, t, n, s);
SELECT assert_equals('load', telemetry.phase_of_spans(p, t, n, s, NULL::BOOLEAN, t = 2, true))
FROM (VALUES ('train', 1, 1, 's:1'), ('load', 2, 2, 's:2')) AS v(p, t, n, s);
