-- Names of phases, for those who look for one that is not there: the outermost ones first.
SELECT DISTINCT phase_path, depth
FROM phase_spans
ORDER BY depth, phase_path
LIMIT CAST($limit AS BIGINT)
