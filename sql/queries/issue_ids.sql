-- Ids of issues that begin with a text; where none does, those that look most like it.
--
-- $text: an id, or its beginning.
SELECT
    fingerprint_id,
    starts_with(fingerprint_id, CAST($text AS VARCHAR)) AS is_match
FROM issues
ORDER BY is_match DESC, levenshtein(fingerprint_id, left(CAST($text AS VARCHAR), 100)), fingerprint_id
LIMIT 6
