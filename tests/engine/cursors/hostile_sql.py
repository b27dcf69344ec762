"""Statements that try to write, for tests: every writing statement in every place that it could hide in."""

from __future__ import annotations

from pathlib import Path

__all__ = ["HARMLESS_NAMES", "hidden_statements", "other_statements"]

#: Functions that people would miss: what they change is their own answer only.
HARMLESS_NAMES = {"current_query", "error", "gen_random_uuid", "random", "uuid", "uuidv4", "uuidv7"}

#: What a WITH clause of DuckDB takes beside SELECT; ``$file`` is a path.
_WRITERS = {
    "copy a query": "COPY (SELECT 'gone') TO '$file' (FORMAT csv, HEADER false)",
    "copy a table": "COPY raw.files TO '$file'",
    "copy from a file": "COPY raw.files FROM '$file'",
    "delete": "DELETE FROM raw.records",
    "delete and return": "DELETE FROM raw.ledger_sessions RETURNING *",
    "delete using": "DELETE FROM raw.files USING raw.sources WHERE true",
    "insert values": "INSERT INTO raw.warnings VALUES ('a', 'b', 'c')",
    "insert a query": "INSERT INTO raw.warnings SELECT 'a', 'b', 'c' RETURNING path",
    "insert or replace": "INSERT OR IGNORE INTO raw.warnings BY NAME SELECT 'a' AS path",
    "update": "UPDATE raw.files SET path = 'x'",
    "update from": "UPDATE raw.files SET path = s.name FROM raw.sources AS s RETURNING *",
    "merge": "MERGE INTO raw.warnings AS w USING (SELECT 'a' AS p) AS s ON w.path = s.p "
    "WHEN NOT MATCHED THEN INSERT VALUES (s.p, 'b', 'c')",
    "merge and delete": "MERGE INTO raw.files AS f USING raw.files AS s ON f.path = s.path WHEN MATCHED THEN DELETE",
    "truncate": "TRUNCATE raw.records",
    "execute": "EXECUTE prepared",
}

#: Where a WITH clause can stand; ``$writer`` is one of the above.
_PLACES = {
    "with": "WITH x AS ($writer) SELECT 1",
    "with that is read": "WITH x AS ($writer) SELECT * FROM x",
    "materialized": "WITH x AS MATERIALIZED ($writer) SELECT 1",
    "not materialized": "WITH x AS NOT MATERIALIZED ($writer) SELECT 1",
    "behind another": "WITH a AS (SELECT 1), x AS ($writer) SELECT * FROM a",
    "twice": "WITH a AS ($writer), x AS ($writer) SELECT 1",
    "recursive": "WITH RECURSIVE a AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM a WHERE n < 3), x AS ($writer) FROM a",
    "within a with": "WITH o AS (WITH x AS ($writer) SELECT 1) SELECT * FROM o",
    "in a recursion": "WITH RECURSIVE a AS (SELECT 1 UNION ALL (WITH x AS ($writer) SELECT 2 FROM a)) FROM a",
    "from": "SELECT * FROM (WITH x AS ($writer) SELECT 1)",
    "from first": "WITH x AS ($writer) FROM events",
    "table": "WITH x AS ($writer) TABLE issues",
    "values": "WITH x AS ($writer) VALUES (1)",
    "value": "VALUES ((WITH x AS ($writer) SELECT 1))",
    "scalar": "SELECT (WITH x AS ($writer) SELECT 1)",
    "exists": "SELECT 1 WHERE EXISTS (WITH x AS ($writer) SELECT 1)",
    "in": "SELECT kind FROM issues WHERE kind IN (WITH x AS ($writer) SELECT 'oom')",
    "any": "SELECT 1 = ANY (WITH x AS ($writer) SELECT 1)",
    "array": "SELECT ARRAY(WITH x AS ($writer) SELECT 1)",
    "case": "SELECT CASE WHEN true THEN (WITH x AS ($writer) SELECT 1) END",
    "cast": "SELECT CAST((WITH x AS ($writer) SELECT 1) AS VARCHAR)",
    "lambda": "SELECT list_transform([1], lambda v: (WITH x AS ($writer) SELECT v))",
    "comprehension": "SELECT [(WITH x AS ($writer) SELECT v) FOR v IN [1]]",
    "argument": "SELECT sum((WITH x AS ($writer) SELECT 1))",
    "argument of a macro": "SELECT prim.json_text((WITH x AS ($writer) SELECT '1'))",
    "argument of Python": "SELECT stormlog_normalize((WITH x AS ($writer) SELECT 'a'))",
    "aggregate filter": "SELECT count(*) FILTER (WHERE (WITH x AS ($writer) SELECT true))",
    "window": "SELECT sum(1) OVER (ORDER BY (WITH x AS ($writer) SELECT 1))",
    "where": "SELECT 1 FROM events WHERE (WITH x AS ($writer) SELECT true)",
    "group by": "SELECT 1 FROM events GROUP BY (WITH x AS ($writer) SELECT 1)",
    "having": "SELECT 1 FROM events GROUP BY ALL HAVING (WITH x AS ($writer) SELECT true)",
    "qualify": "SELECT 1 FROM events QUALIFY (WITH x AS ($writer) SELECT true)",
    "order by": "SELECT 1 FROM events ORDER BY (WITH x AS ($writer) SELECT 1)",
    "limit": "SELECT 1 FROM events LIMIT (WITH x AS ($writer) SELECT 1)",
    "offset": "SELECT 1 FROM events OFFSET (WITH x AS ($writer) SELECT 0)",
    "join": "SELECT 1 FROM events JOIN (WITH x AS ($writer) SELECT 1) AS j ON true",
    "join condition": "SELECT 1 FROM events AS a JOIN events AS b ON (WITH x AS ($writer) SELECT true)",
    "lateral": "SELECT * FROM range(2) AS r(n), LATERAL (WITH x AS ($writer) SELECT r.n)",
    "argument of a table function": "SELECT * FROM range((WITH x AS ($writer) SELECT 1))",
    "unnest": "SELECT unnest([(WITH x AS ($writer) SELECT 1)])",
    "union": "SELECT 1 UNION ALL (WITH x AS ($writer) SELECT 2)",
    "union before": "WITH x AS ($writer) SELECT 1 UNION SELECT 2 EXCEPT SELECT 3",
    "pivot": "PIVOT (WITH x AS ($writer) SELECT kind FROM issues) ON kind IN ('oom') USING count(*)",
    "with and pivot": "WITH x AS ($writer) PIVOT issues ON kind IN ('oom') USING count(*)",
    "unpivot": "UNPIVOT (WITH x AS ($writer) SELECT 1 AS a, 2 AS b) ON a, b",
    "replace": "SELECT * REPLACE ((WITH x AS ($writer) SELECT 'a') AS kind) FROM issues",
    "parentheses": "(WITH x AS ($writer) SELECT 1)",
    "explain analyze": "EXPLAIN ANALYZE WITH x AS ($writer) SELECT 1",
    "explain with options": "-- why\nEXPLAIN /* so */ (ANALYZE, FORMAT json) WITH x AS ($writer) SELECT 1",
    "explain without blanks": "explain(analyze)with x as($writer)select 1",
    "two explains": "EXPLAIN ANALYZE EXPLAIN ANALYZE WITH x AS ($writer) SELECT 1",
    "describe": "DESCRIBE WITH x AS ($writer) SELECT 1",
    "summarize": "SUMMARIZE WITH x AS ($writer) SELECT 1",
    "described in from": "FROM (SUMMARIZE WITH x AS ($writer) SELECT 1)",
    "alone": "$writer",
    "alone and explained": "EXPLAIN ANALYZE $writer",
    "second": "SELECT 1; $writer",
    "second, with": "SELECT 1; WITH x AS ($writer) SELECT 1",
    "first": "$writer; SELECT 1",
    "behind a comment": "-- SELECT 1\nWITH /* SELECT */ x AS ($writer) SELECT 1 -- end",
    "behind a semicolon": ";;WITH x AS ($writer) SELECT 1",
    "behind a quoted comment": "SELECT '/*' UNION (WITH x AS ($writer) SELECT '*/')",
    "behind a carriage return": "EXPLAIN ANALYZE -- SELECT 1\rWITH x AS ($writer) SELECT 1",
    "behind a nested comment": "EXPLAIN ANALYZE /* /* */ SELECT 1 */ WITH x AS ($writer) SELECT 1",
    "create": "CREATE TABLE y AS WITH x AS ($writer) SELECT 1",
    "create a view": "CREATE VIEW y AS WITH x AS ($writer) SELECT 1",
    "create a macro": "CREATE MACRO y() AS TABLE WITH x AS ($writer) SELECT 1",
    "prepare": "PREPARE y AS WITH x AS ($writer) SELECT 1",
    "query": "SELECT * FROM query('$quoted')",
    "serialized": "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('WITH x AS ($quoted) SELECT 1'))",
}

_OTHER = """
CREATE TABLE mine (a INTEGER)
CREATE TEMP TABLE events AS SELECT 1 AS a
CREATE OR REPLACE TABLE raw.records AS SELECT 1 AS a
CREATE OR REPLACE VIEW issues AS SELECT 1 AS a
CREATE OR REPLACE MACRO prim.json_text(x) AS 'forged'
CREATE SCHEMA mine
CREATE SEQUENCE mine
CREATE TYPE mine AS ENUM ('a')
CREATE INDEX mine ON raw.files (path)
CREATE SECRET mine (TYPE http)
DROP VIEW issues
DROP SCHEMA raw CASCADE
DROP TABLE raw.records
ALTER TABLE raw.files RENAME TO mine
ALTER TABLE raw.files ADD COLUMN a INTEGER
COMMENT ON TABLE raw.files IS 'mine'
ATTACH '$file.db' AS mine
ATTACH ':memory:' AS mine
DETACH memory
USE raw
COPY FROM DATABASE memory TO mine
EXPORT DATABASE '$file'
IMPORT DATABASE '$file'
INSTALL httpfs
LOAD httpfs
SET threads = 1
SET VARIABLE mine = 1
RESET threads
PRAGMA threads = 1
PRAGMA database_list
PRAGMA enable_profiling
CALL pragma_version()
CALL enable_logging()
CHECKPOINT
FORCE CHECKPOINT
VACUUM
ANALYZE
BEGIN
COMMIT
ROLLBACK
PREPARE mine AS SELECT 1
EXECUTE mine
DEALLOCATE mine
SELECT nextval('mine')
SELECT setseed(0.5)
SELECT write_log('mine')
SELECT sleep_ms(1)
SELECT pg_sleep(1)
SELECT getvariable('mine')
SELECT getenv('HOME')
SELECT currval('mine')
SELECT setval('mine', 2)
SELECT * FROM query('SELECT 1')
SELECT * FROM query_table('issues')
SELECT * FROM enable_logging()
SELECT * FROM disable_logging()
SELECT * FROM truncate_duckdb_logs()
SELECT * FROM checkpoint()
SELECT * FROM force_checkpoint()
SELECT * FROM enable_profiling()
SELECT * FROM add_grammar_extension('mine')
SELECT * FROM register_external_resource('mine')
SELECT * FROM duckdb_secrets()
SELECT * FROM which_secret('x', 'http')
SELECT * FROM duckdb_logs()
SELECT * FROM read_duckdb('$file')
SELECT * FROM pandas_scan(0)
SELECT * FROM arrow_scan(0, 0, 0)
SELECT * FROM python_map_function()
SELECT * FROM seq_scan('raw.files')
SELECT * FROM json_execute_serialized_sql('{}')
SELECT * FROM read_csv('$file', store_rejects = true)
SELECT * FROM read_csv('$file', store_rejects => true, rejects_table => 'issues')
SELECT * FROM read_csv('$file', rejects_table := 'issues')
SELECT * FROM read_csv('$file', "REJECTS_SCAN" = 'issues')
SELECT * FROM sniff_csv('$file', store_rejects = true)
SELECT * FROM '/etc/passwd'
SELECT * FROM read_text('/etc/passwd')
SELECT * FROM read_blob('/proc/self/environ')
SELECT * FROM read_csv('/etc/passwd')
SELECT * FROM glob('/etc/*')
SELECT * FROM read_text('$folder/../outside.txt')
SELECT * FROM read_csv('/dev/fd/0')
SELECT * FROM read_csv('/proc/self/fd/3')
SELECT * FROM read_text('/dev/stdin')
SELECT * FROM '$folder/../attached.csv'
SELECT * FROM read_csv('$folder/../attached.csv')
SELECT * FROM own JOIN read_csv('$folder/../attached.csv') USING (a)
SELECT * FROM stormlog_incoming
INSERT INTO own VALUES (2)
UPDATE own SET a = 2
DELETE FROM own
DROP TABLE own
ALTER TABLE own ADD COLUMN b INTEGER
TRUNCATE own
CREATE OR REPLACE TABLE own AS SELECT 2 AS a
CREATE VIEW other AS SELECT * FROM own
COPY own TO '$file'
COPY own FROM '$file'
WITH x AS (DELETE FROM own RETURNING *) FROM x
WITH x AS (INSERT INTO own SELECT 2 RETURNING a) SELECT (SELECT a FROM x)
EXPLAIN ANALYZE INSERT INTO own VALUES (2)
SHOW ALL TABLES; DROP TABLE own
SHOW; DROP VIEW issues
FROM arrow_scan_dumb(0, 0, 0)
FROM sqlite_scan('$file', 't')
ATTACH '$file' AS mine (TYPE sqlite)
SELECT * FROM parquet_metadata('/etc/passwd')
SELECT * FROM read_text($1)
PIVOT issues ON kind USING count(*)
SELECT * FROM (PIVOT issues ON kind USING count(*))
SELECT 1; SELECT 2
SELECT
SELEC 1
-- nothing
EXPLAIN
EXPLAIN EXPLAIN SELECT 1
EXPLAIN ANALYZE DROP VIEW issues
EXPLAIN (ANALYZE) CREATE TABLE mine AS SELECT 1
EXPLAIN (FORMAT json) DELETE FROM raw.files
EXPLAIN ANALYZE; DROP VIEW issues
DESCRIBE DELETE FROM raw.files
SUMMARIZE DELETE FROM raw.files
"""


def hidden_statements(file: Path) -> dict[str, str]:
    """Return every writing statement in every place, by what it is."""
    found = {}
    for writer, statement in _WRITERS.items():
        text = statement.replace("$file", str(file))
        for place, pattern in _PLACES.items():
            quoted = text.replace("'", "''")
            found[f"{writer}, {place}"] = pattern.replace("$writer", text).replace("$quoted", quoted)
    return found


def other_statements(file: Path) -> list[str]:
    """Return statements that write, change the connection, run SQL they are given or read what is not opened."""
    lines = _OTHER.strip().splitlines()
    return [
        "",
        " ; ",
        *(line.replace("$file", str(file)).replace("$folder", str(file.parent)) for line in lines),
    ]
