-- Records at the places that scan_silent_findings has found, in a store of these files; the parameters are its columns.
WITH finding_places AS (
    SELECT
        unnest(CAST($source_ids AS INTEGER[])) AS source_id,
        unnest(CAST($session_ids AS VARCHAR[])) AS session_id,
        unnest(CAST($paths AS VARCHAR[])) AS path,
        unnest(CAST($line_numbers AS BIGINT[])) AS line_number
)

SELECT f.source_id, f.session_id, e.record
FROM finding_places AS f
INNER JOIN events AS e ON f.path = e.segment_path AND f.line_number = e.line_number
