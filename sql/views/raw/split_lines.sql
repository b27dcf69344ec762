-- Lines of a sink cut at the places where what repeats meets what changes, without parsing anything.
--
-- A sink writes sorted keys: the counters come first (`head`), then the event type, then texts that are the same in
-- thousands of lines of a session, then the time, then the number of ranks. Lines and shapes are cut here, so that
-- equal cuts mean equal texts.
--
-- Reads: raw.lines
-- Source: docs/architecture.md#shapes.
CREATE OR REPLACE VIEW raw.split_lines AS
WITH line_halves AS (
    SELECT
        file_id,
        line_number,
        line,
        record_id,
        string_split(line, ', "event_type": "') AS halves,
        -- Characters are counted from the end, which is near; a time farther away is nobody's.
        string_split(substr(line, -128), ', "timestamp_ns": ') AS ends
    FROM raw.lines
),

line_parts AS (
    SELECT
        file_id,
        line_number,
        line,
        record_id,
        -- A second such key somewhere makes more parts, and then nothing matches.
        CASE WHEN len(halves) = 2 THEN halves[1] END AS head,
        CASE WHEN len(halves) = 2 THEN halves[2] END AS rest,
        CASE WHEN len(ends) = 2 THEN ends[2] END AS ending,
        -- The end of the texts that repeat names the session, as a rule: enough to find the shape by.
        substr(ends[1], -64) AS before_time
    FROM line_halves
),

line_texts AS (
    SELECT
        *,
        "left"(rest, instr(rest, '"') - 1) AS event_type,
        "left"(ending, instr(ending, ',') - 1) AS time_text
    FROM line_parts
)

SELECT
    file_id,
    line_number,
    line,
    record_id,
    head,
    rest,
    ending,
    event_type,
    time_text,
    before_time,
    substr(ending, strlen(time_text) + 1) AS tail,
    -- The lines of a phase differ in their scope, and hence in length.
    CASE
        WHEN starts_with(event_type, 'phase_') THEN 0
        ELSE strlen(rest) - strlen(event_type) - strlen(ending)
    END AS body_length
FROM line_texts;
