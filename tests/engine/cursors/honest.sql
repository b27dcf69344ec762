SELECT 1

  select 1  ;

;select 1

SELECT kind, count(*) AS issues FROM issues GROUP BY kind ORDER BY kind

FROM events

TABLE events

VALUES (1, 'a'), (2, 'b')

(SELECT 1)

-- how many
SELECT count(*) FROM events -- that many

/* how many /* nested */ */ SELECT count(*) FROM events

SELECT time_bucket(INTERVAL 1 hour, make_timestamp_ns(timestamp_ns)) AS hour, count(*) FROM events GROUP BY ALL

SELECT date_trunc('hour', make_timestamp_ns(timestamp_ns)), strftime(make_timestamp_ns(timestamp_ns), '%H')
FROM events

SELECT *, row_number() OVER (PARTITION BY session_id ORDER BY timestamp_ns DESC) AS n FROM events QUALIFY n = 1

SELECT lag(rank, 1) OVER w, sum(rank) OVER w, ntile(2) OVER w, rank() OVER w FROM events WINDOW w AS (ORDER BY rank)

SELECT max(rank) OVER (ORDER BY timestamp_ns RANGE BETWEEN 5 PRECEDING AND CURRENT ROW EXCLUDE TIES) FROM events

PIVOT issues ON kind IN ('oom', 'alert') USING count(*)

SELECT * FROM issues PIVOT (sum(hit_count) FOR kind IN ('oom', 'alert') GROUP BY severity)

UNPIVOT (SELECT 1 AS a, 2 AS b) ON a, b INTO NAME n VALUE v

SUMMARIZE issues

SUMMARIZE SELECT rank FROM events

FROM (SUMMARIZE issues)

DESCRIBE events

DESCRIBE SELECT 1 AS a

SHOW TABLES

SHOW ALL TABLES

SHOW issues

EXPLAIN SELECT count(*) FROM issues

EXPLAIN (FORMAT json) SELECT 1

EXPLAIN ANALYZE SELECT count(*) FROM events

explain(analyze, format 'json')select 1

-- plan
EXPLAIN /* run it */ ANALYSE -- really
WITH a AS (SELECT 1) FROM a

EXPLAIN SUMMARIZE issues

EXPLAIN (SELECT 1)

SELECT table_name FROM information_schema.tables

SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'issues'

SELECT view_name, comment FROM duckdb_views()

SELECT name, value FROM duckdb_settings() WHERE name = 'threads'

SELECT * FROM duckdb_functions() LIMIT 1

SELECT * FROM sqlite_master

SELECT * FROM pg_catalog.pg_tables

SELECT current_setting('threads'), version(), current_date IS NULL, now() IS NULL, random() < 2, uuid() IS NULL

WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 5) SELECT sum(i) FROM n

WITH a AS MATERIALIZED (FROM events), b AS NOT MATERIALIZED (FROM a) SELECT count(*) FROM b

SELECT *
FROM events AS e JOIN sessions AS s USING (source_id, session_id) LEFT JOIN memory_gaps AS g USING (source_id)

SELECT count(*) FROM events AS a, events AS b WHERE a.timestamp_ns < b.timestamp_ns AND a.rank < b.rank

SELECT count(*)
FROM events AS a ASOF JOIN events AS b ON a.session_id = b.session_id AND a.timestamp_ns >= b.timestamp_ns

SELECT * FROM events POSITIONAL JOIN sessions

SELECT * FROM events SEMI JOIN issues ON true

SELECT kind FROM issues WHERE EXISTS (SELECT 1 FROM events AS e WHERE e.session_id = issues.session_id)

SELECT kind, (SELECT max(e.timestamp_ns) FROM events AS e WHERE e.session_id = i.session_id) FROM issues AS i

SELECT * FROM range(3) AS r(n), LATERAL (SELECT r.n * 2) AS l(m)

SELECT unnest(affected_sessions) FROM issues

SELECT * FROM unnest([1, 2]) WITH ORDINALITY

SELECT n FROM generate_series(1, 3) AS g(n) ORDER BY n DESC NULLS LAST LIMIT 1 OFFSET 1

SELECT DISTINCT ON (kind) kind, title FROM issues ORDER BY kind, title LIMIT 50%

SELECT kind FROM issues UNION SELECT kind FROM issue_evidence EXCEPT SELECT 'x' INTERSECT SELECT 'y'

SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS b

SELECT kind, severity, grouping(kind), count(*) FILTER (WHERE hit_count > 1)
FROM issues GROUP BY CUBE (kind, severity)

SELECT string_agg(DISTINCT kind, ', ' ORDER BY kind), arg_max(title, hit_count), quantile_cont(hit_count, 0.9)
FROM issues

SELECT list_transform([1, 2], lambda v: v + 1), [v * 2 FOR v IN [1, 2] IF v > 1], list_filter([1], lambda v: v > 0)

SELECT details ->> 'reason', json_extract_string(dimensions, '$.kind'), dimensions::JSON -> '$.kind' FROM issues

SELECT j.key, j.value FROM issues, json_each(dimensions) AS j

SELECT CASE WHEN rank = 0 THEN 'a' ELSE 'b' END, coalesce(phase, '-'), try_cast('1' AS DECIMAL(10, 2))
FROM memory_gaps

SELECT {'a': 1, 'b': [1, 2]}.b[1], MAP {'k': 1}['k'], 'abcdef'[2:3], (1, 2), INTERVAL 3 DAYS, DATE '2026-01-01', -1, 1e3

SELECT {'a': 1}::STRUCT(a BIGINT), 'a'::ENUM('a', 'b'), [1]::INTEGER[1], MAP {'k': 1}::MAP(VARCHAR, BIGINT)

SELECT context LIKE '%memory%', context ILIKE 'a' ESCAPE '!', context SIMILAR TO 'a.*', context ~ 'x', context GLOB 'a*' FROM events

SELECT 5 // 2, 5 % 2, 2 ** 3, 2 ^ 3, 1 << 2, 5 & 1, 5 | 1, ~5, xor(1, 2), 'a' || 'b', 4!, @(-1)

SELECT a BETWEEN 1 AND 2, a NOT IN (1, 2), a IS DISTINCT FROM 1, NOT a IS NULL, a = ANY (SELECT 1)
FROM (SELECT 1 AS a)

SELECT * EXCLUDE (title) REPLACE (upper(kind) AS kind) RENAME (severity AS s), COLUMNS('.*_ns') FROM issues

SELECT make_timestamp_ns(first_seen_ns) AT TIME ZONE 'UTC', extract(year
FROM DATE '2026-01-01'), position('a' IN 'ba')
FROM issues

SELECT title COLLATE NOCASE, #1 FROM issues ORDER BY title COLLATE NOCASE, 1

SELECT * FROM events USING SAMPLE 1 ROWS

SELECT * FROM events TABLESAMPLE 10%

SELECT TRY(1 / 0), if(true, 1, 2), nullif(1, 1), greatest(1, 2), ifnull(NULL, 1), regexp_extract('a1', '[0-9]')

SELECT prim.json_text('"a"')

SELECT stormlog_normalize('A 1'), stormlog_alert_category('x'), stormlog_error_stem('x'), stormlog_fingerprint_id('oom', '{}')

SELECT * FROM tracking.issue_states

SELECT count(*) FROM raw.records

SELECT * FROM read_json_objects('$folder/events.jsonl')

SELECT * FROM read_json('$folder/events.jsonl', format = 'newline_delimited', filename = true)

SELECT content FROM read_text('$folder/canary.csv')

SELECT * FROM read_csv('$folder/*.csv', header => false)

FROM '$folder/canary.csv'

FROM glob('$folder/*')

SELECT E'a\x01b"name": "DELETE"' AS odd
