-- Messages to send, one row per recipient, and what became of them.

CREATE TABLE notices (
    notice_id TEXT PRIMARY KEY,
    dedupe_key TEXT NOT NULL UNIQUE,
    project_id TEXT NOT NULL REFERENCES projects,
    channel TEXT NOT NULL CHECK (channel IN ('email', 'webhook')),
    recipient TEXT NOT NULL,
    payload_json TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'sent', 'failed', 'superseded')),
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_ns INTEGER NOT NULL,
    error TEXT,
    created_ns INTEGER NOT NULL,
    sent_ns INTEGER
);

CREATE INDEX notices_by_state ON notices (state, next_attempt_ns);
