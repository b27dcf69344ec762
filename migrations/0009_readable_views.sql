-- The tracker for people who open its file with other programs: every time also as text, ISO 8601 in UTC with
-- nanoseconds: first_seen_at beside first_seen_ns; ids also as the names that they stand for.
--
-- Later steps that drop or rename a column which is shown here drop the view before and make it again.

-- Every issue, under its number.
CREATE VIEW issues_readable AS
SELECT
    p.name AS project,
    n.number,
    i.issue_id,
    i.kind,
    i.severity,
    i.status,
    i.title,
    a.name AS app,
    i.is_dev,
    i.assignee,
    i.fix_version,
    i.occurrence_count,
    i.hit_count,
    i.run_count,
    i.unique_user_count,
    i.recurred_count,
    strftime('%Y-%m-%dT%H:%M:%S', i.first_seen_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', i.first_seen_ns % 1000000000) AS first_seen_at,
    i.first_seen_ns,
    i.first_seen_version,
    strftime('%Y-%m-%dT%H:%M:%S', i.last_seen_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', i.last_seen_ns % 1000000000) AS last_seen_at,
    i.last_seen_ns,
    i.last_seen_version,
    strftime('%Y-%m-%dT%H:%M:%S', i.recurred_last_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', i.recurred_last_ns % 1000000000) AS recurred_last_at,
    i.recurred_last_ns,
    strftime('%Y-%m-%dT%H:%M:%S', i.last_activity_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', i.last_activity_ns % 1000000000) AS last_activity_at,
    i.last_activity_ns,
    strftime('%Y-%m-%dT%H:%M:%S', i.resolved_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', i.resolved_ns % 1000000000) AS resolved_at,
    i.resolved_ns,
    strftime('%Y-%m-%dT%H:%M:%S', i.created_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', i.created_ns % 1000000000) AS created_at,
    i.created_ns,
    strftime('%Y-%m-%dT%H:%M:%S', i.updated_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', i.updated_ns % 1000000000) AS updated_at,
    i.updated_ns,
    i.ignore_until_json,
    i.revision
FROM issues AS i
INNER JOIN projects AS p ON p.project_id = i.project_id
INNER JOIN apps AS a ON a.app_id = i.app_id
INNER JOIN issue_numbers AS n ON n.issue_id = i.issue_id AND n.is_former = 0;

-- What was seen of issues: one row per issue and session.
CREATE VIEW occurrences_readable AS
SELECT
    p.name AS project,
    n.number,
    o.issue_id,
    i.title,
    o.occurrence_id,
    a.name AS app,
    o.session_id,
    o.run_id,
    o.host,
    o.user,
    o.environment,
    o.code_version,
    o.ranks_json,
    strftime('%Y-%m-%dT%H:%M:%S', o.first_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', o.first_ns % 1000000000) AS first_at,
    o.first_ns,
    strftime('%Y-%m-%dT%H:%M:%S', o.last_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', o.last_ns % 1000000000) AS last_at,
    o.last_ns,
    o.hit_count,
    strftime('%Y-%m-%dT%H:%M:%S', o.recorded_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', o.recorded_ns % 1000000000) AS recorded_at,
    o.recorded_ns
FROM issue_occurrences AS o
INNER JOIN issues AS i ON i.issue_id = o.issue_id
INNER JOIN projects AS p ON p.project_id = i.project_id
INNER JOIN apps AS a ON a.app_id = o.app_id
INNER JOIN issue_numbers AS n ON n.issue_id = o.issue_id AND n.is_former = 0;

-- Comments that were not deleted.
CREATE VIEW comments_readable AS
SELECT
    p.name AS project,
    n.number,
    c.issue_id,
    i.title,
    c.comment_id,
    c.author_type,
    c.author_id,
    c.author_name,
    c.body,
    strftime('%Y-%m-%dT%H:%M:%S', c.created_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', c.created_ns % 1000000000) AS created_at,
    c.created_ns,
    strftime('%Y-%m-%dT%H:%M:%S', c.updated_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', c.updated_ns % 1000000000) AS updated_at,
    c.updated_ns
FROM issue_comments AS c
INNER JOIN issues AS i ON i.issue_id = c.issue_id
INNER JOIN projects AS p ON p.project_id = i.project_id
INNER JOIN issue_numbers AS n ON n.issue_id = c.issue_id AND n.is_former = 0
WHERE c.deleted_ns IS NULL;

-- Who did what. Changes of a project have no issue; an issue that was merged into another one has a number and no title.
CREATE VIEW activity_readable AS
SELECT
    p.name AS project,
    n.number,
    e.issue_id,
    i.title,
    e.activity_id,
    strftime('%Y-%m-%dT%H:%M:%S', e.at_ns / 1000000000, 'unixepoch')
        || printf('.%09dZ', e.at_ns % 1000000000) AS at,
    e.at_ns,
    e.actor_type,
    e.actor_id,
    e.action,
    e.before_json,
    e.after_json,
    e.scan_id
FROM activity AS e
INNER JOIN projects AS p ON p.project_id = e.project_id
LEFT JOIN issues AS i ON i.issue_id = e.issue_id
LEFT JOIN issue_numbers AS n ON n.issue_id = e.issue_id AND n.is_former = 0;
