-- Phase of a moment as one line, from what is known of the phases that were running then.
--
-- Args:
--   origin_label VARCHAR: label of the phase that the event itself names by scope or thread, NULL when it names none.
--   thread_count BIGINT: threads with a running phase.
--   label_count BIGINT: different labels of the deepest phases of these threads.
--   deepest_label VARCHAR: one of these labels.
--   latest_label VARCHAR: label of the phase that was entered last, of all that were running.
-- Returns: VARCHAR
-- Source: docs/concepts.md#phases.
CREATE OR REPLACE MACRO telemetry.phase_summary(origin_label, thread_count, label_count, deepest_label, latest_label) AS
    (CASE
        WHEN origin_label IS NOT NULL THEN origin_label
        WHEN label_count > 1 THEN concat('(likely) ', latest_label)
        WHEN thread_count > 1 THEN concat('(ambiguous) ', deepest_label)
        ELSE deepest_label
    END);

-- Tests
SELECT assert_equals('train / forward', telemetry.phase_summary(NULL, 1, 1, 'train / forward', 'train'));
SELECT assert_equals('(likely) load', telemetry.phase_summary(NULL, 2, 2, 'train', 'load'));
SELECT assert_equals('(ambiguous) train', telemetry.phase_summary(NULL, 2, 1, 'train', 'train'));
SELECT assert_equals('train', telemetry.phase_summary('train', 2, 2, 'load', 'load'));
