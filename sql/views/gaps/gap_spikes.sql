-- How many samples of a session reach the gap that counts as a spike.
--
-- Reads: stage.gap_cutoffs, stage.gap_samples
-- Source: docs/concepts.md#hidden-memory.
CREATE OR REPLACE VIEW stage.gap_spikes AS
SELECT
    s.source_id,
    s.session_id,
    count(*) AS spike_count
FROM stage.gap_samples AS s
INNER JOIN stage.gap_cutoffs AS c ON s.source_id = c.source_id AND s.session_id = c.session_id
WHERE s.gap_bytes >= c.cutoff_bytes
GROUP BY s.source_id, s.session_id;
