-- Rules by which issues are ignored, also those that were not seen yet. A number is never used again.
CREATE TABLE ignore_rules (
    rule_id INTEGER PRIMARY KEY AUTOINCREMENT,
    project_id TEXT NOT NULL REFERENCES projects,
    -- What the issues have to fit: {"kind": ..., "dimensions": {...}, "fingerprint_id": ..., "reason": ...}.
    rule_json TEXT NOT NULL,
    actor_type TEXT NOT NULL CHECK (actor_type IN ('user', 'agent')),
    actor_id TEXT NOT NULL,
    created_ns INTEGER NOT NULL,
    UNIQUE (project_id, rule_json)
);
