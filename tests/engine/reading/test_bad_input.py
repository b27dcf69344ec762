"""Damage inside line files: located, and never more than its own line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stormlog.query
from stormlog.engine.reading import odd_lines
from stormlog.engine.reading.odd_lines import MAX_DEPTH, is_deeper_than, nests_deeper_than
from stormlog.errors import SourceError
from stormlog.telemetry.schema import LONGEST_LINE_BYTES
from tests.engine.reading.oracle import Outcome, assert_as_expected
from tests.telemetry.factories import record

GOOD = json.dumps(record(metadata={"backend": "cuda"})).encode() + b"\n"


def read(path: Path, content: bytes) -> Outcome:
    """Write a file, read it for issues and for events, and compare with plain Python."""
    path.write_bytes(content)
    with stormlog.query.open([path]) as store:
        store.list_issues()
        first = assert_as_expected(path, store)
    with stormlog.query.open([path]) as store:
        store.query_events()
        assert assert_as_expected(path, store) == first
    if first.rejects:
        with stormlog.query.open([path], strict=True) as store, pytest.raises(SourceError) as caught:
            store.list_issues()
        assert (caught.value.path, caught.value.line) == (str(path), min(first.rejects))
    return first


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def with_metadata(metadata: str) -> bytes:
    return GOOD.replace(b'{"backend": "cuda"}', metadata.encode("utf-8", "surrogatepass"))


def test_torn_last_line(path: Path) -> None:
    found = read(path, GOOD + GOOD[:100])

    assert found.rejects == {2: "torn_line"}


def test_last_line_without_line_feed_is_good(path: Path) -> None:
    assert len(read(path, GOOD + GOOD.rstrip()).events) == 2


def test_malformed_middle_line(path: Path) -> None:
    found = read(path, GOOD + GOOD[:100] + b"\n" + GOOD)

    assert (sorted(found.events), found.rejects) == ([1, 3], {2: "malformed_json"})


@pytest.mark.parametrize("tail", [b"\0", b"\0" * 5000, b"\0\n\0", b"\n\0\0\n"], ids=repr)
def test_nul_bytes_at_the_end(path: Path, tail: bytes) -> None:
    found = read(path, GOOD * 2 + tail)

    assert len(found.events) == 2
    assert found.rejects


def test_invalid_utf8_between(path: Path) -> None:
    found = read(
        path,
        GOOD + GOOD.replace(b"cuda", b"\xff\xfe") + GOOD + GOOD.replace(b'"h"', b'"\xc3"') + b"\n\n" + GOOD,
    )

    assert found.rejects == {2: "invalid_utf8", 4: "invalid_utf8"}
    assert sorted(found.events) == [1, 3, 7]


@pytest.mark.parametrize("excess", [-1, 0, 1, 2, 30])
def test_lines_about_the_limit(path: Path, excess: int) -> None:
    line = GOOD.rstrip().replace(b'"context": null', b'"context": "%s"' % (b"x" * 100))
    padding = LONGEST_LINE_BYTES + excess - len(line)
    long = line.replace(b"x" * 100, b"x" * (100 + padding)) + b"\n"

    found = read(path, GOOD + long + GOOD)

    assert found.rejects == ({2: "line_too_long"} if excess > 0 else {})


def test_line_of_40_megabytes(path: Path) -> None:
    found = read(path, GOOD + b"[" + b"1," * 20_000_000 + b"\n" + GOOD)

    assert (sorted(found.events), found.rejects) == ([1, 3], {2: "line_too_long"})


@pytest.mark.parametrize("ending", [b"\r\n", b"\r", b"\n", b"\n\r\n"], ids=repr)
def test_line_endings_and_blank_lines(path: Path, ending: bytes) -> None:
    lines = [GOOD.rstrip(), b"", GOOD.rstrip(), b"  ", b"\t", b"{", GOOD.rstrip(), b"\xc2\xa0"]

    found = read(path, ending.join(lines) + ending)

    assert (len(found.events), len(found.rejects)) == (3, 1)


def test_valid_lines_behind_carriage_returns_are_numbered(path: Path) -> None:
    assert sorted(read(path, (GOOD.rstrip() + b"\r\n") * 3).events) == [1, 2, 3]


def test_carriage_returns_and_invalid_utf8_together(path: Path) -> None:
    found = read(path, GOOD.rstrip() + b"\r\n\xff\r\n" + GOOD.rstrip() + b"\r\n")

    assert (sorted(found.events), found.rejects) == ([1, 3], {2: "invalid_utf8"})


def test_byte_order_mark_at_the_start_only(path: Path) -> None:
    mark = b"\xef\xbb\xbf"

    found = read(path, mark + GOOD + mark + GOOD)

    assert (sorted(found.events), found.rejects) == ([1], {2: "malformed_json"})


def test_no_lines_at_all(path: Path) -> None:
    for content in (b"", b"\n", b" \n\t\n", b"\xef\xbb\xbf"):
        assert read(path, content) == Outcome()


@pytest.mark.parametrize(
    "metadata",
    [
        '{"a": NaN, "b": Infinity, "c": -Infinity}',
        '{"a": 1e999, "b": -0, "c": -0.0, "d": 1E-7}',
        '{"a": "\\ud800", "\\udc00": "x\\ud800\\ud800"}',
        '{"a": "\\ud83d\\ude00 😀 é \u2028 \u2029 \x85 \x7f"}',
        '{"a": "b,}c, ]d", "e": ": nan, [inf"}',
        '{"\\u0073everity": "critical", "back\\u0065nd": "x"}',
        '{"backend": "a", "backend": "b", "severity": "info", "severity": "critical"}',
        '{"a": {"b": 1, "b": 2}, "a": {"c": 1, "c": 2}}',
        '{"a": "\\u0000", "b": "\\u001f\\n\\t\\"\\\\\\/"}',
        '{"a": 123456789012345678901234567890123456789012345678901234567890}',
        "{" + ", ".join(f'"k{number}": [{{}}, []]' for number in range(500)) + "}",
    ],
)
def test_unusual_metadata_is_kept(path: Path, metadata: str) -> None:
    found = read(path, with_metadata(metadata) + GOOD)

    assert sorted(found.events) == [1, 2]


NO_JSON = [
    '{"a": nan}',
    '{"a": inf}',
    '{"a": [-inf]}',
    '{"a": -NaN}',
    '{"a": INFINITY}',
    '{"a":\tnan}',
    '{"a": Nan}',
    '{"a": 1,}',
    '{"a": 1, }',
    '{"a": 1,\t}',
    '{"a": [1,]}',
    '{"a": [1 , ]}',
    '{"a": {"b": 1 ,\t }}',
    "{,}",
    '{"a": [,]}',
    '{"a": 1} // c',
    "{/* c */}",
    "{'a': 1}",
    "{a: 1}",
    '{"a": 01}',
    '{"a": +1}',
    '{"a": .5}',
    '{"a": 5.}',
    '{"a": 0x1}',
    '{"a": True}',
    '{"a": "\t"}',
    '{"a": "\x01"}',
    '{"a": "\\x41"}',
    '{"a": "\\u12"}',
    '{"a" 1}',
    '{"a": 1; "b": 2}',
    '{"a": ' + "1" * 5000 + "}",
]


@pytest.mark.parametrize("metadata", NO_JSON)
def test_what_is_not_json_is_rejected(path: Path, metadata: str) -> None:
    path.write_bytes(GOOD + with_metadata(metadata) + GOOD)
    with stormlog.query.open([path]) as store:
        store.list_issues()
        found = assert_as_expected(path, store)

    assert (sorted(found.events), found.rejects) == ([1, 3], {2: "malformed_json"})


def test_all_that_is_not_json_is_rejected_together(path: Path) -> None:
    found = read(path, b"".join(GOOD + with_metadata(metadata) for metadata in NO_JSON))

    assert (len(found.events), len(found.rejects)) == (len(NO_JSON), len(NO_JSON))
    assert set(found.rejects.values()) == {"malformed_json"}


@pytest.mark.parametrize("depth", [MAX_DEPTH - 2, MAX_DEPTH - 1, 5000, 200_000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ("[{},", "]")])
def test_deep_nesting(path: Path, depth: int, opening: str, closing: str) -> None:
    inner = opening * depth + "1" + closing * depth

    found = read(path, GOOD + with_metadata(f'{{"a": {inner}}}') + GOOD)

    # The record and its metadata are two levels, an empty object beside the last number is another one.
    assert found.rejects == ({} if depth + 2 + ("{}" in opening) <= MAX_DEPTH else {2: "nested_too_deeply"})


@pytest.mark.parametrize("depth", [300, 600, 5000])
@pytest.mark.parametrize(
    ("opening", "closing"), [("[", "]"), ('{"]}":', "}"), ('["}",{},', "]"), ('{"\\"}\\\\":[1,', "]}")]
)
def test_depth_of_a_line_is_told_without_parsing_the_line(
    path: Path, monkeypatch: pytest.MonkeyPatch, depth: int, opening: str, closing: str
) -> None:
    parsed: list[str] = []
    monkeypatch.setattr(odd_lines, "_read_json", lambda line: parsed.append(line) or json.loads(line))
    path.write_bytes(GOOD + with_metadata(f'{{"a": {opening * depth}1{closing * depth}}}') + GOOD)

    with stormlog.query.open([path], cache=False) as store:
        store.list_issues()
        reasons = [reject.reason for reject in store.rejects()]

    is_deep = depth > MAX_DEPTH or (closing == "]}" and 2 * depth > MAX_DEPTH)
    assert reasons == (["nested_too_deeply"] if is_deep else [])
    assert not (is_deep and parsed)


def test_many_brackets_are_not_deep(path: Path) -> None:
    flat = ", ".join('{"size": 1, "blocks": [1, 2]}' for _ in range(1000))
    brackets = json.dumps("[" * 1000 + '"' + "{" * 1000)

    found = read(path, GOOD + with_metadata(f'{{"a": [{flat}]}}') + with_metadata(f'{{"a": {brackets}}}'))

    assert (sorted(found.events), found.rejects) == ([1, 2, 3], {})


@pytest.mark.parametrize("rest", ["", "x", "]" * 700])
def test_line_that_is_too_deep_and_broken_is_too_deep(path: Path, rest: str) -> None:
    path.write_bytes(GOOD + b'{"a": ' + b"[" * 600 + rest.encode() + b"\n" + GOOD)

    with stormlog.query.open([path], cache=False) as store:
        store.list_issues()
        rejects = [(reject.line_number, reject.reason) for reject in store.rejects()]

    assert rejects == [(2, "nested_too_deeply")]


TEXTS = st.text(st.sampled_from('[]{}"\\/u,: é\ud800'), max_size=6)
CONTAINERS = st.recursive(
    TEXTS | st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=25,
).map(lambda value: value if isinstance(value, (dict, list)) else [value])


@settings(max_examples=300, deadline=None)
@given(CONTAINERS, st.integers(1, 8), st.booleans())
def test_depth_of_a_text_is_that_of_its_values(value: Any, limit: int, is_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert nests_deeper_than(text, limit) == is_deeper_than(value, limit)


@pytest.mark.parametrize("separator", [b"\x01\x1e\x02\x1f", b"\x1e", b"\x0b", b"\x0c", b"\x1c"], ids=repr)
def test_control_characters_do_not_end_a_line(path: Path, separator: bytes) -> None:
    found = read(path, GOOD + GOOD.rstrip() + separator + b"rest\n" + GOOD)

    assert (sorted(found.events), found.rejects) == ([1, 3], {2: "malformed_json"})


def test_one_bad_line_among_many_sessions_hides_nothing(path: Path) -> None:
    lines = [json.dumps(record(session_id=f"s{number}", event_type="warning")) for number in range(50)]
    lines.insert(25, '{"schema_version": 3')
    path.write_text("\n".join(lines))

    with stormlog.query.open([path]) as store:
        (issue,) = store.list_issues()
        assert issue.hit_count == 50
        assert store.rejects_summary() == [(str(path), 1)]


@pytest.mark.parametrize(
    "changes",
    [
        {"supports_device_used": False},
        {"supports_device_used": None},
        {"backend": " "},
        {"extra": 1},
        {"backend": ["x"]},
    ],
    ids=str,
)
def test_capabilities_that_do_not_fit(path: Path, changes: dict[str, Any]) -> None:
    from tests.engine.reading.mutations import capabilities

    good = json.dumps(record(schema_version=4, metadata={"memory_capabilities": capabilities()}))
    bad = json.dumps(record(schema_version=4, metadata={"memory_capabilities": capabilities(**changes)}))

    found = read(path, f"{good}\n{bad}\n{good}\n".encode())

    assert (sorted(found.events), list(found.rejects)) == ([1, 3], [2])
