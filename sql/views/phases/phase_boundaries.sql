-- Complete phase boundaries of the groups to replay, one row each.
--
-- Materialised: yes
-- Reads: raw.events, stage.replay_scope
-- Calls: prim.json_integer, prim.json_text
-- Source: docs/concepts.md#phases.
CREATE OR REPLACE VIEW stage.phase_boundaries_view AS
WITH scopes AS (
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
        ) AS scope
    FROM raw.events AS e
    SEMI JOIN stage.replay_scope AS r
        ON e.source_id = r.source_id AND e.session_id = r.session_id AND e.rank = r.rank
    WHERE e.event_type IN ('phase_enter', 'phase_exit')
),

-- Else every condition below is pushed into the scan, and each parses the record again.
typed AS MATERIALIZED (
    SELECT
        source_id,
        session_id,
        rank,
        timestamp_ns,
        file_id,
        line_number,
        is_enter,
        prim.json_text(scope[1]) AS action,
        prim.json_text(scope[2]) AS name,
        CASE
            -- Nearly every path is a list of non-empty texts without escapes, and splitting that is cheap.
            WHEN regexp_full_match(scope[3], '\["[^"\\]+"(?:,"[^"\\]+")*\]')
                THEN string_split(substr(scope[3], 3, length(scope[3]) - 4), '","')
            WHEN starts_with(scope[3], '[')
                THEN list_transform(
                    list_filter(
                        CAST(CAST(scope[3] AS JSON) AS JSON[]),
                        lambda p_: starts_with(CAST(p_ AS VARCHAR), '"') AND CAST(p_ AS VARCHAR) <> '""'
                    ),
                    lambda p_: json_extract_string(p_, '$')
                )
        END AS path,
        prim.json_text(scope[4]) AS scope_id,
        scope[5] AS parent_json,
        CASE scope[6] WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE prim.json_integer(scope[6]) END AS thread_id,
        prim.json_text(scope[7]) AS thread_name,
        CASE scope[8] WHEN 'true' THEN 1 WHEN 'false' THEN 0 ELSE prim.json_integer(scope[8]) END AS sequence
    FROM scopes
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
FROM typed
WHERE action = CASE WHEN is_enter THEN 'enter' ELSE 'exit' END
    AND regexp_matches(name, '[^\x09-\x0d\x1c-\x20\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}]')
    AND len(path) > 0
    AND scope_id IS NOT NULL
    AND thread_name IS NOT NULL
    AND thread_id IS NOT NULL
    AND sequence IS NOT NULL
    AND (parent_json IS NULL OR parent_json = 'null' OR starts_with(parent_json, '"'));
