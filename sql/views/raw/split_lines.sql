-- Lines of a sink cut into sections: those that repeat from line to line, and those that change. Nothing is parsed.
--
-- A sink writes sorted keys: the counters come first (`head`), then the event type, then texts that are the same in
-- thousands of lines of a session, then the time, then the number of ranks. The lines that
-- shapes are made of are cut by this view too, so that their sections can be compared.
--
-- Reads: raw.lines
-- Source: docs/architecture.md#shapes.
CREATE OR REPLACE VIEW raw.split_lines AS
WITH line_halves AS (
    SELECT
        piece_id,
        line_number,
        line,
        record_id,
        string_split(line, ', "event_type": "') AS halves,
        -- substr() with a negative start counts from the end, so its cost does not grow with the line. A time farther
        -- from the end than this is not found.
        string_split(substr(line, -128), ', "timestamp_ns": ') AS ends
    FROM raw.lines
),

line_sections AS (
    SELECT
        piece_id,
        line_number,
        line,
        record_id,
        -- If the text of the key stands in the line twice there are three sections: then the line matches no shape.
        CASE WHEN len(halves) = 2 THEN halves[1] END AS head,
        CASE WHEN len(halves) = 2 THEN halves[2] END AS rest,
        CASE WHEN len(ends) = 2 THEN ends[2] END AS ending,
        -- The last 64 characters before the time mostly hold the id of the session: enough to find the shape.
        substr(ends[1], -64) AS before_time
    FROM line_halves
),

line_texts AS (
    SELECT
        *,
        "left"(rest, instr(rest, '"') - 1) AS event_type,
        "left"(ending, instr(ending, ',') - 1) AS time_text
    FROM line_sections
)

SELECT
    piece_id,
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
    -- Lines of phases have scopes of different lengths, so their shapes are found without the length.
    CASE
        WHEN starts_with(event_type, 'phase_') THEN 0
        ELSE strlen(rest) - strlen(event_type) - strlen(ending)
    END AS body_length
FROM line_texts;
