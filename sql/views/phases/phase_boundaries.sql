-- Complete phase boundaries of the groups to replay, one row each.
--
-- Materialised: yes
-- Reads: raw.events, stage.replay_scope
-- Calls: prim.json_integer, prim.json_text
-- Source: docs/concepts.md#phases.
CREATE OR REPLACE VIEW stage.phase_boundaries_view AS
WITH field_lists AS (
    SELECT
        e.source_id,
        e.session_id,
        e.rank,
        e.timestamp_ns,
        e.file_id,
        e.line_number,
        e.event_type = 'phase_enter' AS is_enter,
        CAST(
            json_extract(e.record, [
                '$.metadata.phase_scope.action',
                '$.metadata.phase_scope.name',
                '$.metadata.phase_scope.path',
                '$.metadata.phase_scope.scope_id',
                '$.metadata.phase_scope.parent_scope_id',
                '$.metadata.phase_scope.thread_id',
                '$.metadata.phase_scope.thread_name',
                '$.metadata.phase_scope.sequence'
            ]) AS VARCHAR[]
        ) AS fields
    FROM raw.events AS e
    SEMI JOIN stage.replay_scope AS r
        ON e.source_id = r.source_id AND e.session_id = r.session_id AND e.rank = r.rank
    WHERE e.event_type IN ('phase_enter', 'phase_exit')
),

scope_fields AS (
    SELECT
        source_id,
        session_id,
        rank,
        timestamp_ns,
        file_id,
        line_number,
        is_enter,
        fields[1] AS action_json,
        fields[2] AS name_json,
        fields[3] AS path_json,
        fields[4] AS scope_id_json,
        fields[5] AS parent_json,
        fields[6] AS thread_id_json,
        fields[7] AS thread_name_json,
        fields[8] AS sequence_json
    FROM field_lists
),

-- Materialised, because DuckDB would push every condition below into the scan, where each parses the record again.
boundaries AS MATERIALIZED (
    SELECT
        source_id,
        session_id,
        rank,
        timestamp_ns,
        file_id,
        line_number,
        is_enter,
        prim.json_text(action_json) AS action,
        prim.json_text(name_json) AS name,
        CASE
            -- Nearly every path is a list of non-empty texts without escapes, and splitting that is cheap.
            WHEN regexp_full_match(path_json, '\["[^"\\]+"(?:,"[^"\\]+")*\]')
                THEN string_split(substr(path_json, 3, length(path_json) - 4), '","')
            WHEN starts_with(path_json, '[')
                THEN list_transform(
                    list_filter(
                        CAST(CAST(path_json AS JSON) AS JSON[]),
                        lambda p_: starts_with(CAST(p_ AS VARCHAR), '"') AND CAST(p_ AS VARCHAR) <> '""'
                    ),
                    lambda p_: json_extract_string(p_, '$')
                )
        END AS path,
        prim.json_text(scope_id_json) AS scope_id,
        parent_json,
        CASE thread_id_json WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE prim.json_integer(thread_id_json) END
            AS thread_id,
        prim.json_text(thread_name_json) AS thread_name,
        CASE sequence_json WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE prim.json_integer(sequence_json) END AS sequence
    FROM scope_fields
)

SELECT
    source_id,
    session_id,
    rank,
    timestamp_ns,
    file_id,
    line_number,
    is_enter,
    path,
    scope_id,
    thread_id,
    thread_name,
    sequence
FROM boundaries
WHERE action = CASE WHEN is_enter THEN 'enter' ELSE 'exit' END
    AND regexp_matches(name, '[^\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]')
    AND len(path) > 0
    AND scope_id IS NOT NULL
    AND thread_name IS NOT NULL
    AND thread_id IS NOT NULL
    AND sequence IS NOT NULL
    AND (parent_json IS NULL OR parent_json = 'null' OR starts_with(parent_json, '"'));
