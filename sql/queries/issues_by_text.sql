-- Ids of issues with a text ($search, in any case) in their title, in a value that makes or describes them, or in the
-- context or the exception message of a hit; a condition of list_issues.
SELECT fingerprint_id
FROM (
    SELECT
        fingerprint_id,
        unnest(list_concat(
            [title, json_extract_string(metadata, '$.context')],
            -- Of objects among the values only the names would be found; a text may begin like one.
            list_transform(
                list_filter(
                    list_concat(json_extract(dimensions, '$.*'), json_extract(details, '$.*')),
                    lambda item: json_type(item) <> 'OBJECT'
                ),
                lambda item: json_extract_string(item, '$')
            )
        )) AS value
    FROM issue_evidence
    UNION ALL
    SELECT e.fingerprint_id, unnest([b.context, b.exception_message]) AS value
    FROM issue_evidence AS e
    INNER JOIN raw.oom_bundles AS b ON e.bundle_path = b.bundle_path
) AS texts
WHERE contains(lower(value), lower(CAST($search AS VARCHAR)))
