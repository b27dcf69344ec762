-- What was told follows from the order of writes, not from clocks: each project counts its writes, and issues and
-- digests keep the number of theirs. Addresses of webhooks, which are as good as passwords, stand in `projects` alone.

-- Number of the latest write that has one.
ALTER TABLE projects ADD COLUMN last_sequence INTEGER NOT NULL DEFAULT 0;
-- Write that recorded evidence last, or ended a silence. An issue is untold if it is greater than `notified_sequence`.
ALTER TABLE issues ADD COLUMN activity_sequence INTEGER NOT NULL DEFAULT 0;
-- Digest that told the issue last; 0 if none did.
ALTER TABLE issues ADD COLUMN notified_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issue_fingerprints ADD COLUMN activity_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE issue_merges ADD COLUMN merged_sequence INTEGER NOT NULL DEFAULT 0;
ALTER TABLE notices ADD COLUMN digest_sequence INTEGER NOT NULL DEFAULT 0;

-- The numbers of earlier writes are their times: what was told stays told, and what was not stays untold.
UPDATE issues SET activity_sequence = max(last_activity_ns, 1), notified_sequence = coalesce(last_notified_ns, 0);

CREATE TEMP TABLE latest_evidence AS
SELECT o.issue_id, k.fingerprint_id, max(k.recorded_ns) AS recorded_ns
FROM issue_evidence_keys AS k
INNER JOIN issue_occurrences AS o ON o.occurrence_id = k.occurrence_id
GROUP BY o.issue_id, k.fingerprint_id;

CREATE INDEX temp.latest_evidence_by_key ON latest_evidence (issue_id, fingerprint_id);

UPDATE issue_fingerprints
SET activity_sequence = coalesce(
    (
        SELECT e.recorded_ns FROM temp.latest_evidence AS e
        WHERE e.issue_id = issue_fingerprints.issue_id AND e.fingerprint_id = issue_fingerprints.fingerprint_id
    ),
    0
);

DROP TABLE temp.latest_evidence;

UPDATE issue_merges SET merged_sequence = merged_ns;

UPDATE notices SET digest_sequence = created_ns;

UPDATE projects
SET last_sequence = max(
    coalesce(
        (SELECT max(i.activity_sequence, i.notified_sequence) FROM issues AS i
        WHERE i.project_id = projects.project_id
        ORDER BY max(i.activity_sequence, i.notified_sequence) DESC LIMIT 1),
        0
    ),
    coalesce((SELECT max(n.digest_sequence) FROM notices AS n WHERE n.project_id = projects.project_id), 0),
    coalesce(
        (
            SELECT max(m.merged_sequence) FROM issue_merges AS m
            INNER JOIN issues AS i ON i.issue_id = m.target_issue_id
            WHERE i.project_id = projects.project_id
        ),
        0
    )
);

-- Of addresses of webhooks in the history and in messages, the scheme and the host stay.
CREATE TEMP TABLE shown_addresses AS
WITH addresses AS (
    SELECT recipient AS address FROM notices WHERE channel = 'webhook'
    UNION
    SELECT json_extract(before_json, '$.webhook_url') FROM activity WHERE action = 'set_project'
    UNION
    SELECT json_extract(after_json, '$.webhook_url') FROM activity WHERE action = 'set_project'
),

rests AS (
    SELECT
        address,
        substr(address, 1, instr(address, '://') + 2) AS scheme,
        replace(replace(substr(address, instr(address, '://') + 3), '?', '/'), '#', '/') || '/' AS rest
    FROM addresses
    WHERE instr(address, '://') > 0
),

authorities AS (
    SELECT address, scheme, substr(rest, 1, instr(rest, '/') - 1) AS authority FROM rests
)

SELECT
    address,
    -- What follows the last @, if there is one.
    lower(scheme || substr(authority, length(rtrim(authority, replace(authority, '@', ''))) + 1)) || '/...' AS shown
FROM authorities;

UPDATE notices
SET recipient = (SELECT a.shown FROM temp.shown_addresses AS a WHERE a.address = notices.recipient)
WHERE channel = 'webhook' AND recipient IN (SELECT address FROM temp.shown_addresses);

UPDATE activity
SET before_json = json_replace(
    before_json,
    '$.webhook_url',
    (
        SELECT a.shown FROM temp.shown_addresses AS a
        WHERE a.address = json_extract(activity.before_json, '$.webhook_url')
    )
)
WHERE action = 'set_project' AND json_extract(before_json, '$.webhook_url') IS NOT NULL;

UPDATE activity
SET after_json = json_replace(
    after_json,
    '$.webhook_url',
    (
        SELECT a.shown FROM temp.shown_addresses AS a
        WHERE a.address = json_extract(activity.after_json, '$.webhook_url')
    )
)
WHERE action = 'set_project' AND json_extract(after_json, '$.webhook_url') IS NOT NULL;

DROP TABLE temp.shown_addresses;
