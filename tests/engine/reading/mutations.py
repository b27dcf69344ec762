"""Valid lines, and everything that can happen to them."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

from tests.telemetry.factories import record

INTEGERS = [
    "schema_version",
    "timestamp_ns",
    "sampling_interval_ms",
    "pid",
    "rank",
    "local_rank",
    "world_size",
    "device_id",
    "allocator_allocated_bytes",
    "allocator_reserved_bytes",
    "allocator_active_bytes",
    "allocator_inactive_bytes",
    "allocator_change_bytes",
    "device_used_bytes",
    "device_free_bytes",
    "device_total_bytes",
]
OTHER_VALUES = (
    '"3"',
    "4.5",
    "4.0",
    "1e3",
    "1E3",
    "true",
    "false",
    "null",
    "[]",
    "{}",
    '"text"',
    '""',
    '" "',
    "7",
    "-7",
    "-0",
    "0",
    "-1",
    "NaN",
    "nan",
    "-Infinity",
    "inf",
    "1e999",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "123456789012345678901234567890",
    "01",
    "+1",
    ".5",
    "5.",
    "'x'",
    '"\\ud800"',
    '"\\u0000"',
    '"\\u00e9"',
    '"é"',
    '"\\n"',
    '" padded "',
    '"\u2028"',
    '"\x85"',
    '"a,}b"',
    '"\\"q\\""',
    '"\\u0020"',
    '"\\u3000"',
    '"null"',
    "undefined",
    "True",
    '"\x7f"',
)
METADATA = (
    "{}",
    '{"backend": "cuda"}',
    '{"backend": null}',
    '{"backend": 5, "severity": "warning"}',
    '{"severity": "info", "k": 1}',
    '{"backend": "a", "backend": "b"}',
    '{"\\u0073everity": "critical"}',
    '{"a": NaN, "b": -Infinity}',
    '{"a": nan}',
    '{"a": -inf}',
    '{"a": Inf}',
    '{"a": [1, 2, ]}',
    '{"a": {"b": 1,}}',
    '{"a": {"b": 1, "b": 2}}',
    '{"a": 123456789012345678901234567890}',
    '{"a": 0.1, "b": 1e5, "c": 1E-7, "d": 1.10, "e": -0, "f": -0.0, "g": 1e400}',
    '{"a": "x\\ud800y"}',
    '{"a": "\\ud83d\\ude00 😀"}',
    '{"text": "a,}b, ]c: nan, [inf"}',
    '{"session_id": "meta"}',
    '{"collector_health_status": "degraded", "collector_last_error": "E 5"}',
    '{"oom_reason": null}',
    '{"a": [[[[[[{}]]]]]]}',
    '{"": 1}',
    '{"a.b": 1, "a": {"b": 2}}',
    '{"memory_capabilities": 5}',
    "[]",
    "null",
    '"{}"',
    "5",
    '{"phase_scope": {"action": "enter", "name": "a", "name": "b", "path": ["b"], "scope_id": "1"}}',
    '{"a": 5, "a": 6}',
    '{"backend": "\\u0063uda"}',
    '{"backend": " cuda"}',
    '{"a": "tab\\tend"}',
    '{"a": "\\/"}',
    '{"a":\t1}',
)
BLANKS = ("", " ", "  ", "\t", " \t ")


def plain_record(rng: random.Random) -> dict[str, Any]:
    """Return a valid record of one of the forms that are read."""
    form = rng.choice(("v3", "v3", "v3", "v2", "v4", "legacy"))
    values = record(
        timestamp_ns=rng.randrange(10**18, 2 * 10**18),
        session_id=rng.choice(("s", "t", " u", "é")),
        event_type=rng.choice(("sample", "warning", "error", "phase_enter", "start", "Sample ")),
        context=rng.choice((None, "", "text", "ünï,} code", "\u2028")),
        job_id=rng.choice((None, "j")),
        allocator_active_bytes=rng.choice((None, 0, 5)),
        device_free_bytes=rng.choice((None, 0, 70)),
        device_total_bytes=rng.choice((None, 100)),
    )
    if form == "v2":
        values["schema_version"] = 2
        if rng.random() < 0.7:
            del values["session_id"]
    elif form == "v4":
        values["schema_version"] = 4
        values["metadata"] = {"memory_capabilities": capabilities()} if rng.random() < 0.8 else {}
        if rng.random() < 0.5:
            values["device_used_bytes"] = None
    elif form == "legacy":
        return {
            "timestamp": 1.5,
            "memory_allocated": 5,
            "memory_reserved": 9,
            "event_type": "sample",
            "session_id": "l",
        }
    return values


def capabilities(**overrides: Any) -> dict[str, Any]:
    """Return the capabilities of a version 4 record that can do everything."""
    flags = [
        "allocator_allocated",
        "allocator_reserved",
        "allocator_active",
        "allocator_inactive",
        "device_used",
        "device_free",
        "device_total",
        "native_allocator_history",
        "fragmentation_analysis",
        "allocator_attribution",
        "bounded_profiling",
    ]
    texts = {"backend": "cuda", "telemetry_collector": "c", "sampling_source": "s"}
    return {**texts, **{f"supports_{flag}": True for flag in flags}, **overrides}


def spelled(members: list[tuple[str, str]], rng: random.Random) -> str:
    """Return an object from (JSON key, JSON value) with the given or random blanks."""
    if rng.random() < 0.6:
        return "{" + ", ".join(f"{key}: {value}" for key, value in members) + "}"
    blank = lambda: rng.choice(BLANKS)  # noqa: E731
    inner = ",".join(f"{blank()}{key}{blank()}:{blank()}{value}{blank()}" for key, value in members)
    return f"{blank()}{{{inner}}}{blank()}"


def mutated(rng: random.Random) -> bytes:
    """Return a line: a valid record to which none, one or several things happened."""
    values = plain_record(rng)
    members = [
        (json.dumps(key), json.dumps(value, ensure_ascii=rng.random() < 0.7)) for key, value in values.items()
    ]
    if rng.random() < 0.5:
        members.sort()
    for _ in range(rng.choice((0, 1, 1, 1, 2))):
        rng.choice(MEMBER_CHANGES)(members, rng)
    line = spelled(members, rng).encode("utf-8", "surrogatepass")
    for _ in range(rng.choice((0, 0, 0, 1))):
        line = rng.choice(BYTE_CHANGES)(line, rng)
    return line.replace(b"\n", b" ").replace(b"\r", b" ")


def repeated_line(rng: random.Random) -> bytes:
    """Return a line as sinks write it, most parts of which come again and again, or a changed one."""
    values = record(
        session_id=f"s{rng.randrange(2)}",
        timestamp_ns=rng.randrange(10**18, 2 * 10**18),
        allocator_allocated_bytes=rng.randrange(20),
        device_used_bytes=rng.randrange(100),
        context=rng.choice((None, None, "c", 'say "event_type": 5, "timestamp_ns": 5', "ü")),
        metadata={"backend": "cuda"},
    )
    if rng.random() < 0.3:
        values.update(
            schema_version=4, metadata={"memory_capabilities": capabilities(supports_device_free=False)}
        )
    members = sorted((json.dumps(key), json.dumps(value)) for key, value in values.items())
    if rng.random() < 0.3:
        rng.choice((_retype, _retype, _retype, _repeat, _metadata, _escape_key, _drop))(members, rng)
    line = ("{" + ", ".join(f"{key}: {value}" for key, value in members) + "}").encode(
        "utf-8", "surrogatepass"
    )
    if rng.random() < 0.1:
        line = rng.choice((_trailing_comma, _space, _append))(line, rng)
    return line.replace(b"\n", b" ").replace(b"\r", b" ")


def _drop(members: list[tuple[str, str]], rng: random.Random) -> None:
    if members:
        del members[rng.randrange(len(members))]


def _rename(members: list[tuple[str, str]], rng: random.Random) -> None:
    if members:
        index = rng.randrange(len(members))
        members[index] = (
            rng.choice(('"other"', '"PID"', '""', '"pid"', '"metadata_k"', '"session_id"')),
            members[index][1],
        )


def _retype(members: list[tuple[str, str]], rng: random.Random) -> None:
    if members:
        index = rng.randrange(len(members))
        members[index] = (members[index][0], rng.choice(OTHER_VALUES))


def _repeat(members: list[tuple[str, str]], rng: random.Random) -> None:
    if members:
        key, value = rng.choice(members)
        members.insert(rng.randrange(len(members) + 1), (key, rng.choice((value, *OTHER_VALUES))))


def _shuffle(members: list[tuple[str, str]], rng: random.Random) -> None:
    rng.shuffle(members)


def _escape_key(members: list[tuple[str, str]], rng: random.Random) -> None:
    if members:
        index = rng.randrange(len(members))
        key = json.loads(members[index][0])
        if key:
            members[index] = (f'"\\u{ord(key[0]):04x}{key[1:]}"', members[index][1])


def _metadata(members: list[tuple[str, str]], rng: random.Random) -> None:
    for index, (key, _) in enumerate(members):
        if key == '"metadata"':
            members[index] = (key, rng.choice(METADATA))


def _capabilities(members: list[tuple[str, str]], rng: random.Random) -> None:
    flags = list(capabilities())
    flags[3:] = rng.sample(flags[3:], 11)
    changed = capabilities(**{rng.choice(flags): rng.choice((False, True, None, "", " ", "x", 5))})
    for _ in range(rng.choice((0, 0, 1))):
        del changed[rng.choice(list(changed))]
    text = json.dumps({"memory_capabilities": changed})
    if rng.random() < 0.2:
        text = text.replace('"supports_device_used"', '"backend": "z", "supports_device_used"')
    members[:] = [(key, text if key == '"metadata"' else value) for key, value in members]


MEMBER_CHANGES: tuple[Callable[[list[tuple[str, str]], random.Random], None], ...] = (
    _drop,
    _rename,
    _retype,
    _retype,
    _retype,
    _repeat,
    _shuffle,
    _escape_key,
    _metadata,
    _metadata,
    _metadata,
    _capabilities,
)


def _cut(line: bytes, rng: random.Random) -> bytes:
    return line[: rng.randrange(len(line) + 1)]


def _insert(line: bytes, rng: random.Random) -> bytes:
    piece = rng.choice(
        (
            b"\0",
            b"\xff",
            b",",
            b"}",
            b"{",
            b'"',
            b"\\",
            b" ",
            b"\t",
            b"\x0b",
            b"\xef\xbb\xbf",
            b"//c",
            b"/*c*/",
            b"\xc2\xa0",
            b"1",
            b"-",
            b"\xed\xa0\x80",
            b"\xe2\x80\xa8",
            b"\xc2\x85",
            b"\x1c",
        )
    )
    at = rng.randrange(len(line) + 1)
    return line[:at] + piece + line[at:]


def _remove(line: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(line) + 1)
    return line[:at] + line[at + 1 :]


def _quote_differently(line: bytes, rng: random.Random) -> bytes:
    return line.replace(b'"', b"'", rng.choice((2, 4, -1)))


def _trailing_comma(line: bytes, rng: random.Random) -> bytes:
    comma = rng.choice((b",", b", ", b",\t", b" , "))
    at = rng.choice([index for index in range(len(line)) if line[index : index + 1] in (b"}", b"]")] or [0])
    return line[:at] + comma + line[at:]


def _space(line: bytes, rng: random.Random) -> bytes:
    return line.replace(rng.choice((b", ", b": ")), rng.choice((b",", b",  ", b" : ", b":", b" ")), 1)


def _append(line: bytes, rng: random.Random) -> bytes:
    return line + rng.choice((b"\0", b" ", b"}", b"\xc2\xa0", b" {}", b"//", b"\t", b"\x1d"))


BYTE_CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _cut,
    _insert,
    _insert,
    _remove,
    _quote_differently,
    _trailing_comma,
    _append,
)
