"""The view ``projected_records`` and the functions of Python in SQL say what ``stormlog.telemetry`` says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter, defaultdict
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import stormlog.query
from stormlog.errors import QueryError
from stormlog.telemetry import (
    load_telemetry_sessions,
    project_telemetry_event,
    projected_record_to_dict,
    telemetry_event_from_record,
    telemetry_event_to_dict,
)
from stormlog.telemetry.validation import record_fits_engine
from tests.captures import capture_path, scenarios
from tests.soak import few_or_many
from tests.telemetry.factories import record
from tests.vectors.harness import load_cases

FIELDS = (
    *("schema_version", "record_id", "timestamp_ns", "observed_timestamp_ns", "session_id", "source_kind"),
    *("event_type", "stage", "severity", "severity_text", "body", "resource", "attributes", "correlation"),
)
JSON_FIELDS = {"resource", "attributes", "correlation"}


def plain(row: tuple[Any, ...] | dict[str, Any]) -> dict[str, Any]:
    """Return a row of the view, or of Python, with parsed JSON and without half characters."""
    if isinstance(row, tuple):
        row = dict(zip(FIELDS, row, strict=False))
        row = {name: json.loads(value) if name in JSON_FIELDS else value for name, value in row.items()}
    return without_half_characters(row)


def without_half_characters(value: Any) -> Any:
    """A database holds no lone surrogates: they are shown as U+FFFD."""
    if isinstance(value, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", value)
    if isinstance(value, dict):
        return {without_half_characters(key): without_half_characters(item) for key, item in value.items()}
    return [without_half_characters(item) for item in value] if isinstance(value, list) else value


def text_of(row: dict[str, Any]) -> str:
    """Return a row as text: 1 and 1.0 differ, NaN equals itself, the order of keys does not matter."""
    return json.dumps(row, sort_keys=True)


def rows_of(store: Any) -> list[tuple[Any, ...]]:
    rows: list[tuple[Any, ...]] = store.sql(
        f"SELECT {', '.join(FIELDS)}, line_number FROM projected_records ORDER BY source_path, line_number"
    ).rows
    return rows


# ---- captures ----------------------------------------------------------------------------------------------


class Capture(NamedTuple):
    """What a store says of a whole capture.

    Attributes:
        shown: Path of a file -> rows of the view, as text.
        of_events: What Python makes of the events, as text.
        half_count: Path of a file -> how many records have half a character.
        copies: Paths of the sources that do not count, because another one holds the same.
    """

    shown: dict[str, Counter[str]]
    of_events: Counter[str]
    half_count: Counter[str]
    copies: set[str]


@cache
def captures() -> dict[str, Capture]:
    """Return what one store says of all captures, by the name of the scenario."""
    found = {scenario: Capture({}, Counter(), Counter(), set()) for scenario in scenarios()}

    def of(path: str) -> Capture:
        (name,) = (scenario for scenario in scenarios() if Path(path).is_relative_to(capture_path(scenario)))
        return found[name]

    with stormlog.query.open([capture_path(scenario) for scenario in scenarios()]) as store:
        for path, rows in shown_by_file(store).items():
            of(path).shown[path] = rows
        for row in store.query_events():
            of(row.source_path).of_events[projected(project_telemetry_event(row.event))] += 1
        for (path,) in store.sql("SELECT segment_path FROM events WHERE record_id IS NOT NULL").rows:
            of(path).half_count[path] += 1
        for warning in store.catalog.warnings:
            if warning.is_note:
                of(warning.path).copies.add(warning.path)
    return found


def shown_by_file(store: Any) -> dict[str, Counter[str]]:
    shown: dict[str, Counter[str]] = defaultdict(Counter)
    for *row, path in store.sql(f"SELECT {', '.join(FIELDS)}, segment_path FROM projected_records").rows:
        shown[path][text_of(plain(tuple(row)))] += 1
    return shown


def projected(record: Any) -> str:
    return text_of(without_half_characters(projected_record_to_dict(record)))


@pytest.mark.parametrize("scenario", scenarios())
def test_capture_is_projected_like_its_events_in_python(scenario: str) -> None:
    found = captures()[scenario]
    shown = sum(found.shown.values(), Counter())
    differing = sum(((shown - found.of_events) | (found.of_events - shown)).values())
    # The id of a record with half a character stands for what was written, which the store cannot give back.
    assert differing == 2 * found.half_count.total()


@pytest.mark.parametrize("scenario", scenarios())
def test_sinks_of_a_capture_are_projected_like_what_loading_gives(scenario: str) -> None:
    loadable = 0
    for manifest in sorted(capture_path(scenario).rglob("manifest.json")):
        sink = manifest.parent
        if not list(sink.glob("segment-*.jsonl")):
            continue
        try:
            sessions = load_telemetry_sessions(sink)
        except (ValueError, OSError):
            continue  # Loading is strict; the store shows what is left.
        loadable += 1
        shown = captures()[scenario].shown
        if str(sink) in captures()[scenario].copies:
            # Alone it counts.
            with stormlog.query.open([sink]) as store:
                shown = shown_by_file(store)
        found = sum((rows for path, rows in shown.items() if Path(path).parent == sink), Counter())
        assert found == Counter(projected(one) for session in sessions for one in session.telemetry_records())
    assert loadable or not list(capture_path(scenario).rglob("segment-*.jsonl"))


# ---- spellings ---------------------------------------------------------------------------------------------


class Members(list[tuple[str, Any]]):
    """An object as its members, of which some may have the same name."""


LETTERS = st.characters(exclude_categories=())
TEXT = st.text(st.sampled_from('aZ09 {}[]:,"\\/\n\t\x7f\x00éıİKſ\u2028\ud800\udc00😀') | LETTERS, max_size=6)
NUMBERS = """
0 -0 1 -1 7 1.0 -0.0 0.10 0.5 0.0001 0.00001 1e3 1E3 1e-07 1e16 1e400 1.5e300 0.30000000000000004 123456.789
1700000000.25 1700000000.1234567 123456789012345 9007199254740993 9223372036854775808 99999999999999.99
123456789012345678901234567890 1.7976931348623157e308 5e-324
"""
NUMBER = st.sampled_from(NUMBERS.split())
WORDS = st.sampled_from(
    [" Warning\t", "CRITICAL", "İnfo", "\u2003Fehler\u00a0", "", " ", "sample", "cuda", " ROCM "]
)
#: Values with the spelling of their numbers kept: a number is a `str` in a tuple.
SPELLED = st.recursive(
    st.none() | st.booleans() | NUMBER.map(lambda text: (text,)) | TEXT | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(TEXT, inner), max_size=3).map(Members),
    max_leaves=5,
)
KNOWN_KEYS = st.sampled_from(
    [
        *("backend", "severity", "collector_health_status", "session_id"),
        *("sampling.interval_ms", "memory.device.used_bytes", "memory.x"),
    ]
)
#: The text of an object shows the order of its keys, which records of older versions lose: one key at most.
SEVERITY_TEXT = (
    st.none()
    | st.booleans()
    | NUMBER.map(lambda text: (text,))
    | st.lists(WORDS | st.booleans(), max_size=2)
    | WORDS
    | st.just(Members([("a", ("1e3",))]))
)
SCOPE_KEYS = st.sampled_from(
    ["name", "path", "scope_id", "parent_scope_id", "sequence", "action", "attributes"]
)
SCOPE = st.lists(st.tuples(SCOPE_KEYS, SPELLED), max_size=5).map(Members)


@st.composite
def lines(draw: st.DrawFn) -> str:
    """One line: a record in any accepted form, spelled in any way that JSON allows."""
    values: dict[str, Any] = record(
        session_id=draw(TEXT),
        event_type=draw(WORDS | TEXT | st.sampled_from(["error", "warning", "stop", "phase_exit"])),
        collector=draw(TEXT | st.sampled_from(["COMPSOMETHING", "stormlog.jax", "CUDA", "tensorflow"])),
        context=draw(st.none() | TEXT),
        host=draw(st.just("h") | TEXT),
        job_id=draw(st.none() | st.just("j")),
        device_id=draw(st.sampled_from([-1, 0])),
    )
    pairs = st.tuples(KNOWN_KEYS | TEXT, SPELLED) | st.tuples(st.just("phase_scope"), SCOPE)
    pairs |= st.tuples(st.just("severity_text"), SEVERITY_TEXT)
    values["metadata"] = Members(draw(st.lists(pairs, max_size=4)))
    form = draw(st.sampled_from(["v3", "v3", "v3", "v2", "short", "float"]))
    if form == "v2":
        del values["session_id"]
        values["schema_version"] = 2
    elif form == "short":
        for name in draw(
            st.lists(st.sampled_from(["job_id", "rank", "local_rank", "world_size"]), unique=True)
        ):
            del values[name]
    elif form == "float":
        values["pid"] = ("7.0",)
    members = Members(values.items())
    order = draw(st.sampled_from(["given", "sorted", "shuffled"]))
    if order != "given":
        members = ordered(members, None if order == "sorted" else draw(st.randoms(use_true_random=False)))
    if draw(st.integers(0, 9)) == 0:
        members.append(draw(st.sampled_from(members)))
    style = draw(st.sampled_from([(", ", ": "), (", ", ": "), (",", ":"), (" , ", " :\t")]))
    return written(members, *style, draw(st.booleans()))


def ordered(value: Any, random: Any) -> Any:
    if isinstance(value, Members):
        members = [(key, ordered(item, random)) for key, item in value]
        if random is None:
            members.sort(key=lambda member: member[0])
        else:
            random.shuffle(members)
        return Members(members)
    return [ordered(item, random) for item in value] if isinstance(value, list) else value


def written(value: Any, comma: str, colon: str, ascii_only: bool) -> str:
    if isinstance(value, Members):
        inner = (
            f"{written(key, comma, colon, ascii_only)}{colon}{written(item, comma, colon, ascii_only)}"
            for key, item in value
        )
        return "{" + comma.join(inner) + "}"
    if isinstance(value, list):
        return "[" + comma.join(written(item, comma, colon, ascii_only) for item in value) + "]"
    if isinstance(value, tuple):
        return str(value[0])
    text = json.dumps(value, ensure_ascii=ascii_only)
    # Half a character cannot be written but as an escape.
    return re.sub("[\ud800-\udfff]", lambda half: f"\\u{ord(half[0]):04X}", text)


def expected_row(line: str, session_id: str) -> dict[str, Any] | None:
    """Return what Python makes of a line, ``None`` for one that is not accepted."""
    try:
        event = telemetry_event_from_record(json.loads(line), default_session_id=session_id)
    except (ValueError, OverflowError):
        return None
    if record_fits_engine(telemetry_event_to_dict(event)) is not None:
        return None
    return projected_record_to_dict(project_telemetry_event(event))


# Without shrinking: a failure names its line, and smaller lists of lines would not say more.
@settings(
    max_examples=few_or_many(2, 200),
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
@given(st.lists(lines(), min_size=20, max_size=80))
def test_spelling_of_a_record_does_not_matter(
    tmp_path_factory: pytest.TempPathFactory, written: list[str]
) -> None:
    path = tmp_path_factory.mktemp("spellings") / "events.jsonl"
    path.write_text("".join(line + "\n" for line in written), encoding="utf-8")
    from stormlog.telemetry.session import stable_legacy_session_id

    default_id = stable_legacy_session_id(str(path.resolve()), "sink")
    expected = {number: expected_row(line, default_id) for number, line in enumerate(written, start=1)}
    expected = {number: row for number, row in expected.items() if row is not None}
    with stormlog.query.open([path]) as store:
        shown = {row[-1]: row[:-1] for row in rows_of(store)}
        differing = [written[number - 1] for number in shown.keys() ^ expected.keys()]
        assert not differing
        for number, row in shown.items():
            assert row[1] == expected[number]["record_id"], written[number - 1]
            assert text_of(plain(row)) == text_of(without_half_characters(expected[number])), written[
                number - 1
            ]
        canonical = store.sql(
            """
            SELECT record, line_number FROM events
            WHERE telemetry.is_canonical_text(record) AND record_id IS NULL
            """
        ).rows
    for text, number in canonical:
        assert json.dumps(json.loads(text), sort_keys=True) == text, written[number - 1]


def test_known_projections(tmp_path: Path) -> None:
    known = [
        case
        for case in load_cases("projection_of_events")
        if "error" not in case.expected
        and "session_id" in case.input["event"]
        and expected_row(json.dumps(case.input["event"]), "s") is not None
    ]
    assert len(known) > 3
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps(case.input["event"]) + "\n" for case in known), encoding="utf-8")
    with stormlog.query.open([path]) as store:
        rows = rows_of(store)
    for case, row in zip(known, rows, strict=True):
        assert text_of(plain(row)) == text_of(without_half_characters(case.expected)), case.name


# ---- functions ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("functions") / "events.jsonl"
    path.write_text(json.dumps(record(), sort_keys=True) + "\n", encoding="utf-8")
    with stormlog.query.open([path]) as opened:
        yield opened


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        ("stormlog_normalize('Retry 5 at 0xFF')", "retry <num> at <hex>"),
        ("stormlog_normalize('ZÄHLER ٣')", "zähler <num>"),
        ("stormlog_normalize(NULL)", "unknown"),
        ("stormlog_error_stem('RuntimeError: CUDA')", "runtimeerror"),
        ("stormlog_alert_category('High Fragmentation')", "high_fragmentation"),
        ("stormlog_alert_category(NULL)", "generic_alert"),
        (
            "stormlog_fingerprint_id('oom', "
            """'{"backend":"cuda","reason":"message_pattern:out of memory"}')""",
            "issue:876c8d4f6dbab3ef989deddc",
        ),
        ("stormlog_record_id((FROM events SELECT record))", project_telemetry_event(record()).record_id),
        ("stormlog_record_id(NULL)", None),
    ],
)
def test_functions_of_python_answer_in_sql(store: Any, call: str, answer: str | None) -> None:
    assert store.sql(f"SELECT {call}").rows == [(answer,)]


@pytest.mark.parametrize("argument", ["[]", "{", '{"schema_version": 9}'])
def test_id_of_what_is_no_record_is_an_error(store: Any, argument: str) -> None:
    with pytest.raises(QueryError, match="UDF"):
        store.sql("SELECT stormlog_record_id($record)", {"record": argument})


def test_functions_are_seen_by_every_connection_of_a_store(store: Any) -> None:
    assert store.sql("SELECT stormlog_normalize('A')").rows == [("a",)]
    first, second = store.connection, store.connection
    for connection in (first, second):
        assert connection.execute("SELECT stormlog_error_stem('B: c')").fetchall() == [("b",)]
        assert connection.execute("SELECT count(*) FROM projected_records").fetchall() == [(1,)]
    assert store.relation("projected_records").count("*").fetchall() == [(1,)]


def test_view_is_listed_and_documented(store: Any) -> None:
    comments = dict(
        store.sql(
            "SELECT column_name, comment FROM duckdb_columns() WHERE table_name = 'projected_records'"
        ).rows
    )
    assert comments.keys() == {*FIELDS, "source_path", "segment_path", "line_number"}
    assert all(comments.values())


def test_records_nested_deeper_than_python_reads_stop_nothing(tmp_path: Path) -> None:
    deep = json.dumps(record(), sort_keys=True).replace(
        '"metadata": {}', '"metadata": {"a": ' + "[" * 5000 + "]" * 5000 + "}"
    )
    path = tmp_path / "events.jsonl"
    path.write_text(f"{deep}\n{json.dumps(record(context='fine'))}\n", encoding="utf-8")
    with stormlog.query.open([path]) as store:
        rows = rows_of(store)
    assert rows[-1][1] == project_telemetry_event(record(context="fine")).record_id


def test_statements_that_name_no_function_do_not_load_numpy() -> None:
    code = (
        "import sys, stormlog.query\n"
        f"store = stormlog.query.open([{str(capture_path('legacy-v2'))!r}])\n"
        "store.list_issues(); store.list_sessions(); store.query_events()\n"
        "store.sql('SELECT * FROM events')\n"
        "print('numpy' in sys.modules)\n"
        "print(len(store.sql('SELECT * FROM projected_records').rows) > 0)\n"
        "connection = store.connection\n"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (answer.returncode, answer.stdout.split(), answer.stderr) == (0, ["False", "True"], "")
