-- Short numbers by which people call issues: 1, 2, 3, ... within a project, in the order in which issues are made.

-- Every number that was ever given, with the issue that it means; rows stay when issues are merged or removed, so that
-- no number comes to mean another issue. A former number was that of an issue which had been merged into this one
-- before an export.
CREATE TABLE issue_numbers (
    project_id TEXT NOT NULL REFERENCES projects,
    number INTEGER NOT NULL CHECK (number > 0),
    issue_id TEXT NOT NULL,
    is_former INTEGER NOT NULL DEFAULT 0 CHECK (is_former IN (0, 1)),
    PRIMARY KEY (project_id, number)
) WITHOUT ROWID;

CREATE UNIQUE INDEX issue_numbers_by_issue ON issue_numbers (issue_id) WHERE is_former = 0;

INSERT INTO issue_numbers (project_id, number, issue_id)
SELECT
    project_id, row_number() OVER (PARTITION BY project_id ORDER BY created_ns, issue_id), issue_id
FROM (
    SELECT i.project_id, i.issue_id, i.created_ns
    FROM issues AS i
    UNION ALL
    SELECT
        i.project_id, m.source_issue_id, coalesce(json_extract(m.source_row_json, '$.created_ns'), m.merged_ns)
    FROM issue_merges AS m
    INNER JOIN issues AS i ON i.issue_id = m.target_issue_id
    WHERE m.undone_ns IS NULL
);

-- An issue that is back after a merge, or that an import names, has its number already.
CREATE TRIGGER number_new_issue AFTER INSERT ON issues
WHEN NOT EXISTS (SELECT 1 FROM issue_numbers AS n WHERE n.issue_id = NEW.issue_id AND n.is_former = 0)
BEGIN
    INSERT INTO issue_numbers (project_id, number, issue_id)
    SELECT NEW.project_id, coalesce(max(n.number), 0) + 1, NEW.issue_id
    FROM issue_numbers AS n
    WHERE n.project_id = NEW.project_id;
END;
