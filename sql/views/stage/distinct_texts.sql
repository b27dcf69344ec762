-- Every distinct text (as JSON) of the evidence of the last batch, with its normal form where SQL gives it exactly.
--
-- `normal_text` is NULL where Python has to decide: other alphabets and values that are not texts.
--
-- Materialised: yes
-- Reads: raw.candidate_events
-- Calls: issues.normalize_ascii, prim.is_ascii, prim.json_text
-- Source: docs/concepts.md#text-rules.
CREATE OR REPLACE VIEW stage.distinct_texts_view AS
WITH texts AS (
    SELECT context_json AS json_value FROM raw.candidate_events
    UNION
    SELECT backend_json AS json_value FROM raw.candidate_events
    UNION
    SELECT severity_json AS json_value FROM raw.candidate_events
    UNION
    SELECT health_json AS json_value FROM raw.candidate_events
    UNION
    SELECT error_json AS json_value FROM raw.candidate_events
)

SELECT
    json_value,
    CASE
        WHEN json_value = 'null' THEN ''
        WHEN prim.is_ascii(json_value) THEN issues.normalize_ascii(prim.json_text(json_value))
    END AS normal_text
FROM texts
WHERE json_value IS NOT NULL;
