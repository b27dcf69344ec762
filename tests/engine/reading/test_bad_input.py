"""Damage inside line files: located, and never more than its own line.

Damage that makes a store read all files of a scan in another way lies in a store of its own; all else lies side by
side.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import stormlog.query
from stormlog.engine.reading import odd_lines
from stormlog.engine.reading.line_files import LineReader
from stormlog.engine.reading.odd_lines import MAX_DEPTH, is_deeper_than, nests_deeper_than
from stormlog.errors import SourceError
from stormlog.telemetry.schema import LONGEST_LINE_BYTES
from tests.engine.reading.mutations import capabilities
from tests.engine.reading.oracle import (
    Outcome,
    actual_by_file,
    assert_as_expected,
    assert_file_as_expected,
)
from tests.engine.reading.side_by_side import FileRead, read_for_issues, read_side_by_side
from tests.soak import few_or_many
from tests.telemetry.factories import record

Files = dict[str, FileRead]

GOOD = json.dumps(record(metadata={"backend": "cuda"})).encode() + b"\n"
MARK = b"\xef\xbb\xbf"


def with_metadata(metadata: str) -> bytes:
    return GOOD.replace(b'{"backend": "cuda"}', metadata.encode("utf-8", "surrogatepass"))


def read_together(folder: Path, contents: dict[str, bytes]) -> Files:
    """Read files in one store, the records of each in a session of its own."""
    numbered = enumerate(contents.items())
    own = {
        case: data.replace(b'"session_id": "s"', b'"session_id": "s%d"' % n) for n, (case, data) in numbered
    }
    return read_side_by_side(folder, own)


def read_by_one_scan(folder: Path, contents: dict[str, bytes]) -> Files:
    """Read files together of which none stops the scan: if one did, all would be repaired and read in parts."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(LineReader, "_scan_in_halves", None)
        return read_together(folder, contents)


def read_alone(path: Path, content: bytes) -> Outcome:
    """Read one file, in a store for issues and in one for events."""
    (found,) = read_side_by_side(path.parent, {"alone": content}).values()
    return found.as_expected()


def is_parsed(text: str) -> bool:
    """Say whether DuckDB takes a text for JSON; if not, all lines of a scan get a closer look."""
    return bool(duckdb.execute("SELECT json_valid(?)", [text]).fetchall()[0][0])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


# ---- files that are scanned as they are --------------------------------------------------------------------

#: Case -> content, numbers of the lines that are events, and the others.
LINES: dict[str, tuple[bytes, list[int], dict[int, str]]] = {
    "torn last line": (GOOD + GOOD[:100], [1], {2: "torn_line"}),
    "last line without line feed": (GOOD + GOOD.rstrip(), [1, 2], {}),
    "cut in the middle": (GOOD + GOOD[:100] + b"\n" + GOOD, [1, 3], {2: "malformed_json"}),
    "byte-order mark at the start only": (MARK + GOOD + MARK + GOOD, [1], {2: "malformed_json"}),
    "empty": (b"", [], {}),
    "blank line": (b"\n", [], {}),
    "blank lines": (b" \n\t\n", [], {}),
    "blank lines between": (
        GOOD + b"\n" + GOOD + b"  \n\t\n{\n" + GOOD + b"\xc2\xa0\n",
        [1, 3, 7],
        {6: "malformed_json"},
    ),
}
NUL_BYTES = {repr(tail): GOOD * 2 + tail for tail in (b"\0", b"\0" * 5000, b"\0\n\0", b"\n\0\0\n")}
CONTROLS = {
    repr(separator): GOOD + GOOD.rstrip() + separator + b"rest\n" + GOOD
    for separator in (b"\x1e", b"\x0b", b"\x0c", b"\x1c")
}
UNUSUAL_METADATA = [
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
]
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
CHANGED_CAPABILITIES: list[dict[str, Any]] = [
    {"supports_device_used": False},
    {"supports_device_used": None},
    {"backend": " "},
    {"extra": 1},
    {"backend": ["x"]},
]
BRACKETS = [("[", "]"), ('{"a":', "}"), ("[{},", "]")]
DEPTHS = [MAX_DEPTH - 2, MAX_DEPTH - 1, 5000, 200_000]


def nested(opening: str, depth: int, closing: str) -> bytes:
    return GOOD + with_metadata(f'{{"a": {opening * depth}1{closing * depth}}}') + GOOD


def of_version_4(**changes: Any) -> str:
    metadata = {"memory_capabilities": capabilities(**changes)}
    return json.dumps(record(schema_version=4, metadata=metadata)) + "\n"


FLAT = ", ".join('{"size": 1, "blocks": [1, 2]}' for _ in range(1000))
BRACKETS_IN_A_TEXT = json.dumps("[" * 1000 + '"' + "{" * 1000)
MANY_BRACKETS = GOOD + with_metadata(f'{{"a": [{FLAT}]}}') + with_metadata(f'{{"a": {BRACKETS_IN_A_TEXT}}}')
DEEP = {
    f"{opening} {depth}": nested(opening, depth, closing) for opening, closing in BRACKETS for depth in DEPTHS
}
CAPABILITIES = {
    str(changes): (of_version_4() + of_version_4(**changes) + of_version_4()).encode()
    for changes in CHANGED_CAPABILITIES
}
METADATA = {text: with_metadata(text) + GOOD for text in UNUSUAL_METADATA}
BROKEN = {text: GOOD + with_metadata(text) + GOOD for text in NO_JSON}
SCANNED = {
    **{case: content for case, (content, _, _) in LINES.items()},
    **NUL_BYTES,
    **CONTROLS,
    **DEEP,
    **CAPABILITIES,
    "many brackets": MANY_BRACKETS,
}


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """What was read of files in which no line stops a scan."""
    assert len(SCANNED) == sum(map(len, (LINES, NUL_BYTES, CONTROLS, DEEP, CAPABILITIES))) + 1
    return read_by_one_scan(tmp_path_factory.mktemp("scanned"), SCANNED)


@pytest.fixture(scope="module")
def spelled(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """What was read of files with odd JSON: those that DuckDB takes for JSON in one store, the others in another."""
    files: Files = {}
    for stops in (False, True):
        odd = {text: data for text, data in {**METADATA, **BROKEN}.items() if is_parsed(text) != stops}
        assert len(odd) > 10
        if stops:
            odd["together"] = b"".join(BROKEN.values())
        files.update(read_by_one_scan(tmp_path_factory.mktemp("spelled"), odd))
    return files


@pytest.mark.parametrize("case", LINES)
def test_lines(scanned: Files, case: str) -> None:
    _, events, rejects = LINES[case]

    found = scanned[case].as_expected()

    assert (sorted(found.events), found.rejects) == (events, rejects)


@pytest.mark.parametrize("case", NUL_BYTES)
def test_nul_bytes_at_the_end(scanned: Files, case: str) -> None:
    found = scanned[case].as_expected()

    assert len(found.events) == 2
    assert found.rejects


@pytest.mark.parametrize("case", CONTROLS)
def test_control_characters_do_not_end_a_line(scanned: Files, case: str) -> None:
    found = scanned[case].as_expected()

    assert (sorted(found.events), found.rejects) == ([1, 3], {2: "malformed_json"})


@pytest.mark.parametrize("depth", DEPTHS)
@pytest.mark.parametrize("opening", [opening for opening, _ in BRACKETS])
def test_deep_nesting(scanned: Files, depth: int, opening: str) -> None:
    found = scanned[f"{opening} {depth}"].as_expected()

    # The record and its metadata are two levels, an empty object beside the last number is another one.
    assert found.rejects == ({} if depth + 2 + ("{}" in opening) <= MAX_DEPTH else {2: "nested_too_deeply"})


@pytest.mark.parametrize("case", CAPABILITIES)
def test_capabilities_that_do_not_fit(scanned: Files, case: str) -> None:
    found = scanned[case].as_expected()

    assert (sorted(found.events), list(found.rejects)) == ([1, 3], [2])


@pytest.mark.parametrize("metadata", UNUSUAL_METADATA)
def test_unusual_metadata_is_kept(spelled: Files, metadata: str) -> None:
    found = spelled[metadata].as_expected()

    assert sorted(found.events) == [1, 2]


@pytest.mark.parametrize("metadata", NO_JSON)
def test_what_is_not_json_is_rejected(spelled: Files, metadata: str) -> None:
    found = spelled[metadata].as_expected()

    assert (sorted(found.events), found.rejects) == ([1, 3], {2: "malformed_json"})


def test_all_that_is_not_json_is_rejected_together(spelled: Files) -> None:
    found = spelled["together"].as_expected()

    assert (len(found.events), len(found.rejects)) == (2 * len(NO_JSON), len(NO_JSON))
    assert set(found.rejects.values()) == {"malformed_json"}


def test_many_brackets_are_not_deep(scanned: Files) -> None:
    found = scanned["many brackets"].as_expected()

    assert (sorted(found.events), found.rejects) == ([1, 2, 3], {})


PARSED_DEPTHS = [300, 600, 5000]
PARSED_BRACKETS = [("[", "]"), ('{"]}":', "}"), ('["}",{},', "]"), ('{"\\"}\\\\":[1,', "]}")]
BROKEN_RESTS = ["", "x", "]" * 700]
WATCHED = {
    **{f"{o} {depth}": nested(o, depth, c) for o, c in PARSED_BRACKETS for depth in PARSED_DEPTHS},
    **{rest: GOOD + b'{"a": ' + b"[" * 600 + rest.encode() + b"\n" + GOOD for rest in BROKEN_RESTS},
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Files, list[str]]:
    """What was read of files with deep lines, and which lines were parsed in Python meanwhile."""
    parsed: list[str] = []
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(odd_lines, "_read_json", lambda line: parsed.append(line) or json.loads(line))
        files = read_by_one_scan(tmp_path_factory.mktemp("watched"), WATCHED)
    # Of a line that only looks deep.
    assert files['["}",{}, 300'].path.read_text().splitlines()[1] in parsed
    return files, parsed


@pytest.mark.parametrize("depth", PARSED_DEPTHS)
@pytest.mark.parametrize(("opening", "closing"), PARSED_BRACKETS)
def test_depth_of_a_line_is_told_without_parsing_the_line(
    watched: tuple[Files, list[str]], depth: int, opening: str, closing: str
) -> None:
    files, parsed = watched
    found = files[f"{opening} {depth}"]

    is_deep = depth > MAX_DEPTH or (closing == "]}" and 2 * depth > MAX_DEPTH)
    assert found.as_expected().rejects == ({2: "nested_too_deeply"} if is_deep else {})
    assert not (is_deep and found.path.read_text().splitlines()[1] in parsed)


@pytest.mark.parametrize("rest", BROKEN_RESTS)
def test_line_that_is_too_deep_and_broken_is_too_deep(watched: tuple[Files, list[str]], rest: str) -> None:
    found = watched[0][rest]

    assert found.after_issues.rejects == found.after_events.rejects == {2: "nested_too_deeply"}


TEXTS = st.text(st.sampled_from('[]{}"\\/u,: é\ud800'), max_size=6)
CONTAINERS = st.recursive(
    TEXTS | st.none() | st.integers(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=25,
).map(lambda value: value if isinstance(value, (dict, list)) else [value])


@settings(max_examples=few_or_many(100, 3000), deadline=None)
@given(CONTAINERS, st.integers(1, 8), st.booleans())
def test_depth_of_a_text_is_that_of_its_values(value: Any, limit: int, is_ascii: bool) -> None:
    text = json.dumps(value, ensure_ascii=is_ascii)
    assert nests_deeper_than(text, limit) == is_deeper_than(value, limit)


# ---- files that stop or mislead a scan: each kind in a store of its own ------------------------------------


def test_byte_order_mark_alone(path: Path) -> None:
    assert read_alone(path, MARK) == Outcome()


def test_invalid_utf8_between(path: Path) -> None:
    found = read_alone(
        path,
        GOOD + GOOD.replace(b"cuda", b"\xff\xfe") + GOOD + GOOD.replace(b'"h"', b'"\xc3"') + b"\n\n" + GOOD,
    )

    assert found.rejects == {2: "invalid_utf8", 4: "invalid_utf8"}
    assert sorted(found.events) == [1, 3, 7]


def test_the_delimiter_of_a_scan_does_not_end_a_line(path: Path) -> None:
    found = read_alone(path, GOOD + GOOD.rstrip() + b"\x01\x1e\x02\x1frest\n" + GOOD)

    assert (sorted(found.events), found.rejects) == ([1, 3], {2: "malformed_json"})


ENDINGS = [b"\r\n", b"\r", b"\n\r\n"]
ENDED_LINES = [GOOD.rstrip(), b"", GOOD.rstrip(), b"  ", b"\t", b"{", GOOD.rstrip(), b"\xc2\xa0"]


@pytest.fixture(scope="module")
def repaired(tmp_path_factory: pytest.TempPathFactory) -> Files:
    """What was read of files that are repaired for their carriage returns, each by itself."""
    contents = {repr(ending): ending.join(ENDED_LINES) + ending for ending in ENDINGS}
    contents["and invalid UTF-8"] = GOOD.rstrip() + b"\r\n\xff\r\n" + GOOD.rstrip() + b"\r\n"
    return read_together(tmp_path_factory.mktemp("repaired"), contents)


@pytest.mark.parametrize("ending", ENDINGS, ids=repr)
def test_line_endings_and_blank_lines(repaired: Files, ending: bytes) -> None:
    found = repaired[repr(ending)].as_expected()

    assert (len(found.events), len(found.rejects)) == (3, 1)


def test_valid_lines_behind_carriage_returns_are_numbered(path: Path) -> None:
    assert sorted(read_alone(path, (GOOD.rstrip() + b"\r\n") * 3).events) == [1, 2, 3]


def test_carriage_returns_and_invalid_utf8_together(repaired: Files) -> None:
    found = repaired["and invalid UTF-8"].as_expected()

    assert (sorted(found.events), found.rejects) == ([1, 3], {2: "invalid_utf8"})


# Beyond the limit by two and by thirty lie together: either stops the scan.
@pytest.mark.parametrize("excesses", [(-1, 0), (1,), (2, 30)], ids=str)
def test_lines_about_the_limit(tmp_path: Path, excesses: tuple[int, ...]) -> None:
    paths = [tmp_path / f"{excess}.jsonl" for excess in excesses]
    for path, excess in zip(paths, excesses, strict=True):
        good = GOOD.replace(b'"session_id": "s"', b'"session_id": "%d"' % excess)
        line = good.replace(b'"context": null', b'"context": "%s"')
        # The two characters of the placeholder go, and so does the line feed.
        path.write_bytes(good + line % (b"x" * (LONGEST_LINE_BYTES + excess - len(line) + 3)) + good)

    with stormlog.query.open(paths) as store:
        if max(excesses) < 2:
            # The bound itself is that of both ways to read.
            read_for_issues(store)
        found = actual_by_file(store)

    for path, excess in zip(paths, excesses, strict=True):
        assert_file_as_expected(path, found[str(path)])
        assert found[str(path)].rejects == ({2: "line_too_long"} if excess > 0 else {})


def test_line_of_40_megabytes(path: Path) -> None:
    path.write_bytes(GOOD + b"[" + b"1," * 20_000_000 + b"\n" + GOOD)
    with stormlog.query.open([path]) as store:
        # The lines about the limit are read for issues first.
        store.query_events()
        found = assert_as_expected(path, store)

    assert (sorted(found.events), found.rejects) == ([1, 3], {2: "line_too_long"})


# ---- what else is said of a bad line -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (GOOD[:100], "torn_line"),
        (GOOD[:100] + b"\n" + GOOD + b"\xff\n", "malformed_json"),
        (b"\xff\n" + GOOD[:100] + b"\n", "invalid_utf8"),
        (b"\0\n\0\n", "malformed_json"),
        (b"x\r\n", "malformed_json"),
        (b"x" * (LONGEST_LINE_BYTES + 1) + b"\n\xff\n", "line_too_long"),
        (b'{"a": ' + b"[" * 600 + b"\n", "nested_too_deeply"),
        (of_version_4(extra=1).encode(), "capability_unknown:extra"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_strict_names_the_first_bad_line_whatever_is_wrong_with_it(
    path: Path, bad: bytes, reason: str
) -> None:
    path.write_bytes(GOOD + bad)
    with (
        stormlog.query.open([path], strict=True) as store,
        pytest.raises(SourceError, match=reason) as caught,
    ):
        store.list_issues()

    assert (caught.value.path, caught.value.line) == (str(path), 2)


def test_one_bad_line_among_many_sessions_hides_nothing(path: Path) -> None:
    lines = [json.dumps(record(session_id=f"s{number}", event_type="warning")) for number in range(50)]
    lines.insert(25, '{"schema_version": 3')
    path.write_text("\n".join(lines))

    with stormlog.query.open([path]) as store:
        (issue,) = store.list_issues()
        assert issue.hit_count == 50
        assert store.rejects_summary() == [(str(path), 1)]
