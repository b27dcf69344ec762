-- Projects, issues, what was seen of them, and what people did with them.
--
-- Times are nanoseconds since the Unix epoch; columns that end in _json hold canonical JSON.

CREATE TABLE projects (
    project_id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    alert_frequency TEXT NOT NULL DEFAULT 'daily'
        CHECK (alert_frequency IN ('none', 'hourly', '6_hourly', 'daily', 'weekly')),
    version_order TEXT NOT NULL DEFAULT 'auto'
        CHECK (version_order IN ('auto', 'string', 'pep440', 'semver', 'observed')),
    regress_on_equal INTEGER NOT NULL DEFAULT 0 CHECK (regress_on_equal IN (0, 1)),
    recipients_json TEXT NOT NULL DEFAULT '[]',
    webhook_url TEXT,
    webhook_format TEXT NOT NULL DEFAULT 'json' CHECK (webhook_format IN ('json', 'slack')),
    last_digest_ns INTEGER,
    created_ns INTEGER NOT NULL
);

CREATE TABLE apps (
    app_id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects,
    name TEXT NOT NULL,
    UNIQUE (project_id, name)
);

CREATE TABLE issues (
    issue_id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects,
    app_id TEXT NOT NULL REFERENCES apps,
    is_dev INTEGER NOT NULL CHECK (is_dev IN (0, 1)),
    kind TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('new', 'in_progress', 'resolved', 'silenced', 'regressed')),
    title TEXT NOT NULL,
    severity TEXT NOT NULL,
    fix_version TEXT,
    resolved_ns INTEGER,
    ignore_until_json TEXT,
    assignee TEXT,
    occurrence_count INTEGER NOT NULL DEFAULT 0,
    hit_count INTEGER NOT NULL DEFAULT 0,
    run_count INTEGER NOT NULL DEFAULT 0,
    unique_user_count INTEGER NOT NULL DEFAULT 0,
    -- Occurrences recorded while resolved of which nobody can say whether their version has the fix.
    recurred_count INTEGER NOT NULL DEFAULT 0,
    recurred_last_ns INTEGER,
    first_seen_ns INTEGER,
    last_seen_ns INTEGER,
    first_seen_version TEXT,
    last_seen_version TEXT,
    -- When evidence was last recorded: the clock of the scan, not of the event.
    last_activity_ns INTEGER NOT NULL,
    last_notified_ns INTEGER,
    created_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1,
    CHECK (first_seen_ns <= last_seen_ns),
    CHECK (fix_version IS NULL OR status IN ('resolved', 'silenced'))
);

CREATE INDEX issues_by_status ON issues (project_id, status, last_seen_ns);

-- Which issue a fingerprint belongs to. Title and severity are those of the fingerprint alone, so that an
-- issue which was merged can be taken apart again.
CREATE TABLE issue_fingerprints (
    fingerprint_id TEXT NOT NULL,
    app_id TEXT NOT NULL REFERENCES apps,
    is_dev INTEGER NOT NULL CHECK (is_dev IN (0, 1)),
    issue_id TEXT NOT NULL REFERENCES issues,
    kind TEXT NOT NULL,
    schema_version INTEGER NOT NULL,
    dimensions_json TEXT NOT NULL,
    severity TEXT NOT NULL,
    title TEXT NOT NULL,
    -- Time and id of the evidence that gave the title: the earliest one does.
    title_ns INTEGER,
    title_evidence_id TEXT NOT NULL,
    added_ns INTEGER NOT NULL,
    PRIMARY KEY (fingerprint_id, app_id, is_dev)
);

CREATE INDEX issue_fingerprints_by_issue ON issue_fingerprints (issue_id);

-- One row per issue and session.
CREATE TABLE issue_occurrences (
    occurrence_id TEXT PRIMARY KEY,
    issue_id TEXT NOT NULL REFERENCES issues ON DELETE CASCADE,
    -- An issue may have been merged from several apps.
    app_id TEXT NOT NULL REFERENCES apps,
    session_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    host TEXT,
    user TEXT,
    environment TEXT,
    code_version TEXT,
    ranks_json TEXT NOT NULL DEFAULT '[]',
    first_ns INTEGER,
    last_ns INTEGER,
    hit_count INTEGER NOT NULL DEFAULT 0,
    recorded_ns INTEGER NOT NULL,
    UNIQUE (issue_id, session_id)
);

CREATE INDEX issue_occurrences_by_session ON issue_occurrences (session_id);
CREATE INDEX issue_occurrences_by_run ON issue_occurrences (run_id);

-- Every piece of evidence, narrow. It decides what is new, keeps counts exact and makes unmerging possible.
CREATE TABLE issue_evidence_keys (
    occurrence_id TEXT NOT NULL REFERENCES issue_occurrences ON DELETE CASCADE,
    evidence_id TEXT NOT NULL,
    fingerprint_id TEXT NOT NULL,
    timestamp_ns INTEGER,
    rank INTEGER,
    code_version TEXT,
    -- Whether it was recorded while the issue was resolved, and its version says nothing about the fix.
    is_recurrence INTEGER NOT NULL DEFAULT 0 CHECK (is_recurrence IN (0, 1)),
    recorded_ns INTEGER NOT NULL,
    PRIMARY KEY (occurrence_id, evidence_id)
) WITHOUT ROWID;

CREATE INDEX issue_evidence_keys_by_time ON issue_evidence_keys (occurrence_id, timestamp_ns);

-- Detail of the first and last of an occurrence.
CREATE TABLE issue_evidence (
    occurrence_id TEXT NOT NULL,
    evidence_id TEXT NOT NULL,
    source_kind TEXT NOT NULL,
    event_type TEXT,
    source_path TEXT,
    bundle_path TEXT,
    metadata_json TEXT NOT NULL,
    PRIMARY KEY (occurrence_id, evidence_id),
    FOREIGN KEY (occurrence_id, evidence_id) REFERENCES issue_evidence_keys (occurrence_id, evidence_id)
        ON DELETE CASCADE ON UPDATE CASCADE
) WITHOUT ROWID;

CREATE TABLE issue_comments (
    comment_id TEXT PRIMARY KEY,
    issue_id TEXT NOT NULL REFERENCES issues,
    author_type TEXT NOT NULL CHECK (author_type IN ('user', 'agent')),
    author_id TEXT NOT NULL,
    author_name TEXT NOT NULL,
    body TEXT NOT NULL CHECK (trim(body) <> ''),
    created_ns INTEGER NOT NULL,
    updated_ns INTEGER NOT NULL,
    deleted_ns INTEGER
);

CREATE INDEX issue_comments_by_issue ON issue_comments (issue_id, created_ns);

-- What a merge moved, so that it can be undone. A merged issue has no row in `issues` any more.
CREATE TABLE issue_merges (
    merge_id TEXT PRIMARY KEY,
    source_issue_id TEXT NOT NULL,
    target_issue_id TEXT NOT NULL REFERENCES issues,
    source_row_json TEXT NOT NULL,
    moved_json TEXT NOT NULL,
    merged_ns INTEGER NOT NULL,
    actor TEXT NOT NULL,
    undone_ns INTEGER
);

CREATE UNIQUE INDEX issue_merges_live ON issue_merges (source_issue_id) WHERE undone_ns IS NULL;
CREATE INDEX issue_merges_by_target ON issue_merges (target_issue_id);

-- Every change, with who made it. Changes of a project have no issue.
CREATE TABLE activity (
    activity_id INTEGER PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects,
    issue_id TEXT,
    at_ns INTEGER NOT NULL,
    actor_type TEXT NOT NULL CHECK (actor_type IN ('user', 'agent', 'scan')),
    actor_id TEXT NOT NULL,
    action TEXT NOT NULL,
    before_json TEXT,
    after_json TEXT,
    scan_id TEXT
);

CREATE INDEX activity_by_issue ON activity (issue_id, at_ns);

-- When each version of the code was first seen: the order of versions that have none of their own.
CREATE TABLE code_versions (
    app_id TEXT NOT NULL REFERENCES apps,
    version TEXT NOT NULL,
    first_event_ns INTEGER NOT NULL,
    PRIMARY KEY (app_id, version)
) WITHOUT ROWID;
