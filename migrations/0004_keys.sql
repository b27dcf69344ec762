-- Keys that are made of what was captured, wherever it lies.

-- Key of each session whose records name none, by a digest of the earliest record in each of its files. Ids that
-- were made from paths so far stay the keys of their sessions; until a scan finds their records again, 'path:' and the
-- id stand in the place of the digest.
CREATE TABLE session_keys (
    project_id TEXT NOT NULL REFERENCES projects,
    digest TEXT NOT NULL,
    session_key TEXT NOT NULL,
    PRIMARY KEY (project_id, digest)
) WITHOUT ROWID;

INSERT INTO session_keys (project_id, digest, session_key)
SELECT DISTINCT i.project_id, 'path:' || o.session_id, o.session_id
FROM issue_occurrences AS o
INNER JOIN issues AS i ON i.issue_id = o.issue_id
WHERE o.session_id LIKE 'legacy-________-____-5___-____-____________'
UNION
SELECT project_id, 'path:' || session_id, session_id
FROM finding_sources
WHERE session_id LIKE 'legacy-________-____-5___-____-____________';

-- Session and evidence id of OOM bundles, by a digest of their content, where that is not what they are made of: of
-- bundles that were recorded under their names so far, and by the digest of the manifest alone.
CREATE TABLE bundle_keys (
    project_id TEXT NOT NULL REFERENCES projects,
    digest TEXT NOT NULL,
    session_key TEXT NOT NULL,
    evidence_id TEXT NOT NULL,
    PRIMARY KEY (project_id, digest)
) WITHOUT ROWID;

-- Whether a piece of evidence stands for all equal records of its session, as each did so far: then no second one
-- is new. Rows that do not say it are of that time.
ALTER TABLE issue_evidence_keys
    ADD COLUMN stands_for_equal INTEGER NOT NULL DEFAULT 1 CHECK (stands_for_equal IN (0, 1));

-- Key of the session of those records in the file that name none; NULL if all do.
ALTER TABLE scan_sources ADD COLUMN session_key TEXT;

-- When a scan first saw the file in its size, by the clock of the tracker.
ALTER TABLE scan_sources ADD COLUMN size_seen_ns INTEGER;

UPDATE scan_sources
SET size_seen_ns = (SELECT s.started_ns FROM scans AS s WHERE s.scan_id = scan_sources.scan_id);
