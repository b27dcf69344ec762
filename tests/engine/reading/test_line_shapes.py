"""Shapes are a shortcut, never another rule: what has one is what Python takes, with the same values."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest

import stormlog.query
from stormlog.engine.database.lazy_schema import Database
from stormlog.engine.reading import line_files as line_reading
from stormlog.engine.reading.line_shapes import learn_shapes
from stormlog.engine.reading.line_sql import insert_shaped
from tests.engine.reading.mutations import BYTE_CHANGES, OTHER_VALUES, capabilities
from tests.engine.reading.oracle import actual, assert_file_as_expected, judged
from tests.query.sinks import busy_session
from tests.soak import few_or_many
from tests.telemetry.factories import record

COLUMNS = (
    "schema_version",
    "session_id",
    "timestamp_ns",
    "event_type",
    "collector",
    "rank",
    "allocator_allocated_bytes",
    "allocator_reserved_bytes",
    "allocator_inactive_bytes",
    "device_used_bytes",
    "device_total_bytes",
)
IN_METADATA = ("backend", "severity", "collector_health_status")
NUMBERS = (
    *OTHER_VALUES,
    "1_000",
    "+5",
    "00",
    "-00",
    "007",
    " 5",
    "5 ",
    "0x10",
    "1e2",
    "10e-1",
    "9.9e1",
    "1.",
    "1,",
    "1, 2",
    '1, "device_id": 1',
    "1}, {",
    '"1"',
    "[1]",
    "Infinity",
    "١",
    "5\t",
    "5\x00",
    "1/**/",
)
TEXTS = (
    '"tab\there"',
    '"nul\x00"',
    '"bell\x07"',
    '"bad \\x escape"',
    '"\\u12"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\ud83d\\ude00"',
    '"caf\\u00e9"',
    '"café"',
    '"line\\nline"',
    '"say \\"hi\\""',
    '"a\\\\"',
    '"a\\"',
    '"a", "context": "b"',
    '"a\\n", "context": "b"',
    '"a\\n", "other": 1',
    '"a\\n", "device_free_bytes": 5, "device_free_bytes": 6',
    '5, "\\n": 5',
    '["\\n"]',
    '{"a": "\\n"}',
    '"a", "device_free_bytes": 5, "context": "b"',
    '"a\\", \\"event_type\\": \\"b"',
    '"a, "event_type": "b"',
    '"\\u0000"',
    '{"a": "b"}',
    '["a"]',
    '"unclosed',
    "'single'",
    '" "',
    '"\x7f"',
    '"\\/"',
    *OTHER_VALUES,
)
SCOPES = (
    "{}",
    "[]",
    "null",
    '"a"',
    "5",
    '{"action": "enter", "action": "exit"}',
    '{"action": "enter", "\\u0061ction": "exit"}',
    '{"attributes": {"a": 1, "a": 2}}',
    '{"a": NaN}',
    '{"a": [-inf]}',
    '{"a": 1,}',
    '{"a": [1, ]}',
    '{"a": 1}, "severity": "critical", "b": {}',
    '{"a": 1}}, "metadata": {"b": 1',
    '{"text": "}, \\"pid\\": 5"}',
    '{"text": "unclosed}',
    '{"a": "\\ud800"}',
    '{"a": "\t"}',
    '{"a":1}',
    ' {"a": 1} ',
    "{'a': 1}",
    '{"a": ' + "[" * 450 + "]" * 450 + "}",
    '{"a": ' + "1" * 900 + "}",
    "",
)
HEAD_KEYS = (
    "allocator_active_bytes",
    "allocator_allocated_bytes",
    "allocator_change_bytes",
    "allocator_inactive_bytes",
    "allocator_reserved_bytes",
    "collector",
    "context",
    "device_free_bytes",
    "device_id",
    "device_total_bytes",
    "device_used_bytes",
)


def plain(rng: random.Random) -> dict[str, Any]:
    """Return a record as sinks write them: of few sessions, phases and samples, versions 3 and 4."""
    session = rng.choice("abc")
    values = record(
        session_id=f"session-{session}",
        event_type=rng.choice(
            ("sample", "sample", "sample", "warning", "start", "phase_enter", "phase_exit")
        ),
        timestamp_ns=10**18 + rng.randrange(10**17),
        allocator_active_bytes=rng.choice((None, 7)),
        allocator_allocated_bytes=rng.randrange(2**40),
        allocator_change_bytes=rng.randrange(-100, 100),
        context=rng.choice((None, "Allocated 5 MB", "", "ü")),
        device_total_bytes=2**40,
        device_used_bytes=rng.randrange(2**40),
        metadata={"backend": "cuda", "collector_health_status": "healthy", "z": [1.5, None]},
    )
    if session == "c":
        values["schema_version"] = 4
        values["metadata"]["memory_capabilities"] = capabilities(supports_device_free=False)
        values["allocator_reserved_bytes"] = rng.choice((None, 5))
    if values["event_type"].startswith("phase_"):
        values["metadata"]["phase_scope"] = {
            "action": values["event_type"][6:],
            "attributes": {"batch": rng.randrange(9)},
            "path": ["a", "b"][: rng.randrange(1, 3)],
            "scope_id": str(rng.randrange(100)),
        }
    return values


def members_of(values: dict[str, Any]) -> list[tuple[str, str]]:
    return [(json.dumps(key), json.dumps(value, sort_keys=True)) for key, value in sorted(values.items())]


def joined(members: Iterable[tuple[str, str]]) -> str:
    return "{" + ", ".join(f"{key}: {value}" for key, value in members) + "}"


def replaced(members: list[tuple[str, str]], key: str, value: str) -> list[tuple[str, str]]:
    return [(name, value if name == f'"{key}"' else old) for name, old in members]


def retype_number(rng: random.Random, values: dict[str, Any]) -> str:
    numbers = [key for key in HEAD_KEYS if key not in ("collector", "context")] + ["timestamp_ns"]
    return joined(replaced(members_of(values), rng.choice(numbers), rng.choice(NUMBERS)))


def retype_text(rng: random.Random, values: dict[str, Any]) -> str:
    key = rng.choice(("collector", "context", "context", "event_type"))
    return joined(replaced(members_of(values), key, rng.choice(TEXTS)))


def rearrange(rng: random.Random, values: dict[str, Any]) -> str:
    members = members_of(values)
    index = rng.randrange(len(HEAD_KEYS))
    change = rng.choice(("drop", "repeat", "swap", "rename", "escape"))
    if change == "drop":
        del members[index]
    elif change == "repeat":
        members.insert(rng.randrange(len(HEAD_KEYS)), members[index])
    elif change == "swap":
        members[index], members[index - 1] = members[index - 1], members[index]
    elif change == "rename":
        members[index] = ('"other"', members[index][1])
    else:
        members[index] = (f'"\\u{ord(members[index][0][1]):04x}{members[index][0][2:]}', members[index][1])
    return joined(members)


def respace(rng: random.Random, values: dict[str, Any]) -> str:
    line = joined(members_of(values))
    old = rng.choice((", ", ": ", "{", "}"))
    new = rng.choice((old + " ", old.strip(), "\t" + old, old + ",", "," + old))
    places = [index for index in range(len(line)) if line.startswith(old, index)]
    place = rng.choice(places)
    return line[:place] + new + line[place + len(old) :]


def rescope(rng: random.Random, values: dict[str, Any]) -> str:
    values["event_type"] = rng.choice(("phase_enter", "phase_exit"))
    values["metadata"]["phase_scope"] = "SCOPE"
    return joined(members_of(values)).replace('"SCOPE"', rng.choice(SCOPES))


def damage(rng: random.Random, values: dict[str, Any]) -> str:
    line = joined(members_of(values)).encode()
    return rng.choice(BYTE_CHANGES)(line, rng).replace(b"\r", b" ").decode("utf-8", "replace")


CHANGES: tuple[Callable[[random.Random, dict[str, Any]], str], ...] = (
    retype_number,
    retype_text,
    rearrange,
    respace,
    rescope,
    damage,
)


def written_lines(rng: random.Random, count: int, share_changed: float) -> list[str]:
    """Return lines of which the given share was changed; the first hundred never are."""
    lines = []
    for number in range(count):
        values = plain(rng)
        is_changed = number >= 100 and rng.random() < share_changed
        lines.append(rng.choice(CHANGES)(rng, values) if is_changed else joined(members_of(values)))
    return [line.replace("\n", " ") for line in lines]


def shaped_rows(path: Path, lines: list[str]) -> dict[int, tuple[Any, ...]]:
    """Return what the rows of the lines with a known shape say, by line number."""
    with duckdb.connect() as connection:
        database = Database(connection)
        path.write_text("".join(f"{line}\n" for line in lines[:100]), encoding="utf-8")
        assert learn_shapes(database, [str(path)]) > 3
        connection.execute("CREATE TABLE given (line_number BIGINT, line VARCHAR)")
        database.append("given", [list(range(1, len(lines) + 1)), lines], "BIGINT, VARCHAR")
        connection.execute(
            "CREATE OR REPLACE VIEW raw.lines AS SELECT 0 AS piece_id, *, line AS json_line, "
            "CAST(NULL AS VARCHAR) AS record_id, false AS is_canonical FROM given"
        )
        database.execute(insert_shaped("true"))
        rows = database.execute(
            f"SELECT line_number, {', '.join((*COLUMNS, *IN_METADATA))} FROM raw.fresh_records"
        ).fetchall()
        return {row[0]: row[1:] for row in rows}


def row_of(event: dict[str, Any]) -> tuple[Any, ...]:
    texts = (event["metadata"].get(key) for key in IN_METADATA)
    return (
        *(event[key] for key in COLUMNS),
        *(text if isinstance(text, str) else None for text in texts),
    )


@pytest.mark.parametrize("seed", range(few_or_many(1, 50)))
def test_what_has_a_shape_is_what_python_takes(tmp_path: Path, seed: int) -> None:
    lines = written_lines(random.Random(seed), 1500, share_changed=0.9)

    rows = shaped_rows(tmp_path / "sample.jsonl", lines)

    for number, row in rows.items():
        event = judged(lines[number - 1].encode("utf-8", "surrogatepass"), 0, "none")
        assert isinstance(event, dict), (event, lines[number - 1])
        assert row == row_of(event), lines[number - 1]
    # Changes that leave a line as a sink writes it are taken, and all that nothing happened to.
    assert 300 < len(rows) < 1000


def test_every_line_of_a_known_session_has_a_shape(tmp_path: Path) -> None:
    lines = written_lines(random.Random(5), 1000, share_changed=0)

    assert len(shaped_rows(tmp_path / "sample.jsonl", lines)) == 1000


@pytest.mark.parametrize("key", [key for key in HEAD_KEYS if key not in ("collector", "context")])
def test_every_spelling_of_every_counter(tmp_path: Path, key: str) -> None:
    rng = random.Random(1)
    samples = written_lines(rng, 100, share_changed=0)
    values = record(session_id="session-a", metadata=plain(rng)["metadata"])
    values["metadata"].pop("memory_capabilities", None)
    lines = [joined(replaced(members_of(values), key, number)) for number in NUMBERS]

    rows = shaped_rows(tmp_path / "sample.jsonl", samples + lines)

    for number, line in enumerate(lines, start=101):
        event = judged(line.encode("utf-8", "surrogatepass"), 0, "none")
        if number in rows:
            assert isinstance(event, dict), line
            assert rows[number] == row_of(event), line


@pytest.mark.parametrize("key", ["collector", "context", "event_type"])
def test_every_text(tmp_path: Path, key: str) -> None:
    rng = random.Random(2)
    samples = written_lines(rng, 100, share_changed=0)
    plain_values = next(
        values for values in (plain(rng) for _ in range(99)) if values["event_type"] == "sample"
    )
    lines = [joined(replaced(members_of(plain_values), key, text)) for text in TEXTS]

    rows = shaped_rows(tmp_path / "sample.jsonl", samples + lines)

    taken = [line for number, line in enumerate(lines, start=101) if number in rows]
    for number, line in enumerate(lines, start=101):
        if number in rows:
            event = judged(line.encode("utf-8", "surrogatepass"), 0, "none")
            assert isinstance(event, dict), line
            assert rows[number] == row_of(event), line
    assert taken


@pytest.mark.parametrize("seed", range(few_or_many(1, 20)))
@pytest.mark.parametrize("keep_all", [False, True], ids=["issues", "events"])
def test_the_whole_way_with_and_without_shapes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int, keep_all: bool
) -> None:
    path = tmp_path / "segment-000001.jsonl"
    lines = written_lines(random.Random(seed + 10), few_or_many(400, 800), share_changed=0.5)
    path.write_bytes("".join(f"{line}\n" for line in lines).encode("utf-8", "surrogatepass"))
    answers = []
    for shapes_pay_bytes in (0, 2**60):
        monkeypatch.setattr(line_reading, "SHAPES_PAY_BYTES", shapes_pay_bytes)
        with stormlog.query.open([path], threads=2) as store:
            if keep_all:
                store.query_events()
            issues = [(issue.fingerprint.fingerprint_id, issue.hit_count) for issue in store.list_issues()]
            answers.append((issues, actual(store)))
    assert answers[0] == answers[1]
    assert_file_as_expected(path, answers[0][1])


#: What is written otherwise in every fourth line, and how.
SPELLINGS = [
    ('"device_id": 0', '"device_id": -0'),
    ('"allocator_active_bytes": null', '"allocator_active_bytes": -0'),
    ('"device_free_bytes": null', '"device_free_bytes":  null'),
    ('"collector": "', '"collector": "\\u0041'),
    ('"collector": "', '"collector": "\u00e9'),
    ('{"allocator_active_bytes"', '{ "allocator_active_bytes"'),
]


@pytest.fixture(scope="module")
def kept_texts(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, list[tuple[int, str]]]]:
    """Name of a file -> numbers and texts of its lines, read with shapes and without."""
    folder, texts = tmp_path_factory.mktemp("spellings"), []
    for number, (written, instead) in enumerate(SPELLINGS):
        lines = [json.dumps(event, sort_keys=True) for event in busy_session(f"s{number}", 40)]
        changed = [line.replace(written, instead, 1) if n % 4 == 2 else line for n, line in enumerate(lines)]
        assert changed != lines
        (folder / f"{number}.jsonl").write_text("".join(line + "\n" for line in changed), encoding="utf-8")
    for pay_bytes in (0, 2**60):
        with pytest.MonkeyPatch.context() as monkeypatch:
            monkeypatch.setattr(line_reading, "SHAPES_PAY_BYTES", pay_bytes)
            with stormlog.query.open([folder], cache=False) as store:
                rows = store.sql("SELECT segment_path, line_number, record FROM events ORDER BY ALL").rows
        texts.append({name: [] for name in map(str, range(len(SPELLINGS)))})
        for path, number, text in rows:
            texts[-1][Path(path).stem].append((number, text))
    return texts


@pytest.mark.parametrize(("written", "instead"), SPELLINGS)
def test_valid_lines_keep_their_text_with_shapes_too(
    kept_texts: list[dict[str, list[tuple[int, str]]]], written: str, instead: str
) -> None:
    name = str(SPELLINGS.index((written, instead)))
    assert kept_texts[0][name] == kept_texts[1][name]
    assert len(kept_texts[0][name]) == 40
