-- Scans of a tracker that have ended, by project and outcome.
SELECT prim.cut_text(p.name, 100) AS project, s.outcome, count(*) AS scan_count
FROM tracking.scans AS s
INNER JOIN tracking.projects AS p ON s.project_id = p.project_id
WHERE s.outcome <> 'running'
GROUP BY ALL
ORDER BY ALL
