-- Phase boundaries with their nesting level, and whether their thread is well nested.
--
-- On a well-nested thread every exit closes the scope that was entered last at its level. Any other thread
-- goes to the stack machine in Python, because a dropped exit changes everything after it.
--
-- Materialised: yes
-- Reads: stage.phase_boundaries
-- Source: docs/concepts.md#phases.
CREATE OR REPLACE VIEW stage.phase_levels_view AS
WITH depths AS (
    SELECT
        *,
        sum(CASE WHEN is_enter THEN 1 ELSE -1 END) OVER (
            PARTITION BY source_id, session_id, rank, thread_id
            ORDER BY timestamp_ns, sequence, scope_id, file_id, line_number
            ROWS UNBOUNDED PRECEDING
        ) AS depth
    FROM stage.phase_boundaries
),

levels AS (
    SELECT *, CASE WHEN is_enter THEN depth ELSE depth + 1 END AS level FROM depths
),

neighbours AS (
    SELECT
        *,
        lag(scope_id) OVER level_order AS previous_scope_id,
        lag(is_enter) OVER level_order AS is_previous_enter,
        lead(timestamp_ns) OVER level_order AS next_ns,
        lead(thread_name) OVER level_order AS next_thread_name
    FROM levels
    WINDOW level_order AS (
        PARTITION BY source_id, session_id, rank, thread_id, level
        ORDER BY timestamp_ns, sequence, scope_id, file_id, line_number
    )
)

SELECT
    *,
    bool_and(is_enter OR coalesce(is_previous_enter AND previous_scope_id = scope_id, false)) OVER (
        PARTITION BY source_id, session_id, rank, thread_id
    ) AS is_well_nested
FROM neighbours;
