-- What was read of which file, and by which scan.

CREATE TABLE scans (
    scan_id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects,
    started_ns INTEGER NOT NULL,
    finished_ns INTEGER,
    outcome TEXT NOT NULL CHECK (outcome IN ('running', 'completed', 'failed', 'cancelled')),
    result_json TEXT
);

CREATE TABLE scan_sources (
    source_id TEXT PRIMARY KEY,
    project_id TEXT NOT NULL REFERENCES projects,
    path TEXT NOT NULL,
    kind TEXT NOT NULL,
    -- Sink or file that it belongs to.
    source_path TEXT NOT NULL,
    device INTEGER,
    inode INTEGER,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    -- End of the last complete line.
    consumed_bytes INTEGER NOT NULL,
    head_sha256 TEXT NOT NULL,
    tail_sha256 TEXT NOT NULL,
    line_count INTEGER NOT NULL DEFAULT 0,
    skipped_count INTEGER NOT NULL DEFAULT 0,
    -- Whether it ends within a line.
    is_pending INTEGER NOT NULL DEFAULT 0 CHECK (is_pending IN (0, 1)),
    -- When the last of its sessions that may go on grew last; NULL if all have ended.
    quiet_since_ns INTEGER,
    -- Whether it lost bytes that were read: what they showed cannot be worked out again.
    was_rewritten INTEGER NOT NULL DEFAULT 0 CHECK (was_rewritten IN (0, 1)),
    -- What the scan was told about it: app, development, version.
    options_json TEXT NOT NULL,
    missing_since_ns INTEGER,
    scan_id TEXT NOT NULL REFERENCES scans,
    UNIQUE (project_id, path)
);

CREATE INDEX scan_sources_by_inode ON scan_sources (project_id, device, inode);

-- Where each hidden-memory finding shows. One that shows nowhere any more is no evidence.
CREATE TABLE finding_sources (
    project_id TEXT NOT NULL REFERENCES projects,
    source_path TEXT NOT NULL,
    session_id TEXT NOT NULL,
    fingerprint_id TEXT NOT NULL,
    evidence_id TEXT NOT NULL,
    PRIMARY KEY (project_id, session_id, fingerprint_id, evidence_id, source_path)
) WITHOUT ROWID;
