-- What grouping needs of every hit, without the texts that only one hit of an issue is asked for.
--
-- `sort_key` orders hits up to ties: 10^20 leaves room for every time.
--
-- Materialised: yes
-- Source: docs/concepts.md#issues.
CREATE OR REPLACE VIEW stage.hits_view AS
SELECT
    fingerprint_id,
    kind,
    severity,
    dimensions,
    session_id,
    timestamp_ns,
    stage,
    sort_text,
    sort_file,
    sort_line,
    CAST(stage AS DECIMAL(38, 0)) * 100000000000000000000 + CAST(sort_ns AS DECIMAL(38, 0)) AS sort_key
FROM issue_evidence;
