-- Phases as spans of time: who was doing what, from when to when. Both ends belong to a span.
--
-- Columns:
--   session_id: session that recorded the phase
--   rank: rank that recorded it
--   thread_id: operating system id of the thread
--   thread_name: its name, as the exit says it where there is one
--   scope_id: id of the scope
--   path: names from the outermost phase to this one
--   phase_path: the same as one text, joined with ' / '
--   depth: number of names in the path
--   start_ns: when the phase was entered, nanoseconds since the Unix epoch
--   end_ns: when it was left, or the last event of the session and rank
--   sequence: recorder-wide number of the enter
--   is_synthetic_end: whether no exit was found
--   source_id: number of the source in the order of the catalog, from 0
--
-- Reads: stage.phase_group_ends, stage.phase_levels, stage.replayed_spans
-- Needs: phases
-- Source: docs/concepts.md#phases.
CREATE OR REPLACE VIEW phase_spans AS
WITH spans AS (
    SELECT
        l.source_id,
        l.session_id,
        l.rank,
        l.thread_id,
        coalesce(l.next_thread_name, l.thread_name) AS thread_name,
        l.scope_id,
        l.path,
        l.timestamp_ns AS start_ns,
        coalesce(l.next_ns, g.end_ns) AS end_ns,
        l.sequence,
        l.next_ns IS NULL AS is_synthetic_end
    FROM stage.phase_levels AS l
    INNER JOIN stage.phase_group_ends AS g ON l.source_id = g.source_id AND l.session_id = g.session_id AND l.rank = g.rank
    WHERE l.is_enter AND l.is_well_nested
    UNION ALL
    SELECT
        source_id, session_id, rank, thread_id, thread_name, scope_id, path, start_ns, end_ns, sequence,
        is_synthetic_end
    FROM stage.replayed_spans
)

SELECT
    session_id,
    rank,
    thread_id,
    thread_name,
    scope_id,
    path,
    array_to_string(path, ' / ') AS phase_path,
    len(path) AS depth,
    start_ns,
    end_ns,
    sequence,
    is_synthetic_end,
    source_id
FROM spans;
