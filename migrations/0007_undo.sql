-- What it takes to reverse a change of a status, an assignee or a comment, or a merge.
CREATE TABLE undo_records (
    activity_id INTEGER PRIMARY KEY REFERENCES activity ON DELETE CASCADE,
    -- First change of the same call: what was done at once is undone at once.
    group_id INTEGER NOT NULL,
    -- Columns of the issue that changed: {"before": {...}, "after": {...}}.
    columns_json TEXT NOT NULL DEFAULT '{}',
    -- Hits of the issue at the time, and the evidence that stopped being a recurrence: [[session, evidence], ...].
    hit_count INTEGER,
    recurrences_json TEXT NOT NULL DEFAULT '[]',
    -- Of an edited comment: what it said, for as long as a deleted comment is kept, and when that was written.
    comment_id TEXT,
    comment_body TEXT,
    comment_updated_ns INTEGER,
    -- Entry of the activity log that reversed it.
    undone_by INTEGER REFERENCES activity ON DELETE CASCADE
);

CREATE INDEX undo_records_by_group ON undo_records (group_id);
CREATE INDEX undo_records_with_text ON undo_records (comment_id) WHERE comment_body IS NOT NULL;
CREATE INDEX undo_records_by_undo ON undo_records (undone_by) WHERE undone_by IS NOT NULL;
