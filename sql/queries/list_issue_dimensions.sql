-- What rules that ignore issues are about.
SELECT fingerprint_id, kind, CAST(dimensions AS VARCHAR) AS dimensions FROM issues ORDER BY fingerprint_id
