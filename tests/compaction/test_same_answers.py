"""A compacted sink answers as its original does."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from benchmarks.generate import session_records
from stormlog.compaction import CompactionReport, compact_sink
from tests.captures import CHECKOUT
from tests.compaction.answers import ANSWERS, answers, copy_of, tree
from tests.engine.reading.mutations import METADATA, capabilities, repeated_line
from tests.query.sinks import busy_session, write_lines, write_sink
from tests.soak import few_or_many
from tests.telemetry.factories import record

CAPTURES = CHECKOUT / "examples" / "captures"
SEEDS = range(few_or_many(1, 20))


def sinks(below: Path) -> list[Path]:
    found = []
    for path in sorted(below.rglob("manifest.json")):
        try:
            payload = json.loads(path.read_text())
        except ValueError:
            continue
        if isinstance(payload, dict) and "segments" in payload:
            found.append(path.parent)
    return found


def closed(sink: Path) -> Path:
    """Say in the manifest that nobody writes to a sink any more."""
    manifest = sink / "manifest.json"
    payload = json.loads(manifest.read_text())
    for segment in payload["segments"]:
        segment["closed"] = True
    for session in payload.get("sessions", []):
        session["status"] = "interrupted" if session["status"] == "running" else session["status"]
    manifest.write_text(json.dumps(payload))
    return sink


def captures(folder: Path) -> None:
    """Copy all captures; nobody writes to them any more."""
    copy_of(CAPTURES, folder)
    # A damaged copy of another sink: it stays lines, and of two copies the one in lines counts.
    shutil.rmtree(folder / "edge-cases" / "damaged" / "bad_middle")
    merge(
        folder / "v4-cuda-sim",
        "alerts",
        "attribution",
        "collector",
        "fragmentation",
        "mps",
        "oom_sink",
        "spikes",
    )
    merge(folder / "edge-cases", "shapes", "text", "ties")
    merge(
        folder / "edge-cases" / "damaged",
        "array_line",
        "complete_nonl",
        "crlf_blank",
        "schema9",
        "torn_nonl",
        "torn_with_nl",
        "unknown_field",
        "used_gt_total",
    )
    merge(folder / "sink-retention", "ring", "steady")
    merge(folder / "torn-tail", "cut", "file-limit", "recovered")
    for sink in sinks(folder):
        closed(sink)


def merge(folder: Path, *names: str) -> None:
    """Make one sink of some: to compact one costs the same however many segments it has."""
    merged: dict[str, Any] = {"segments": [], "sessions": []}
    for name in names:
        manifest = json.loads((folder / name / "manifest.json").read_text())
        for segment in manifest["segments"]:
            (folder / name / segment["filename"]).rename(folder / f"{name}-{segment['filename']}")
            segment["filename"] = f"{name}-{segment['filename']}"
        merged = {**manifest, **{key: value + manifest.get(key, []) for key, value in merged.items()}}
        shutil.rmtree(folder / name)
    target = folder / "merged"
    target.mkdir()
    for segment in merged["segments"]:
        (folder / segment["filename"]).rename(target / segment["filename"])
    (target / "manifest.json").write_text(json.dumps(merged))


def replace_captures(folder: Path) -> Counter[str]:
    """Compact all captures in their place; return how many segments were compacted of each."""
    compacted: Counter[str] = Counter()
    for sink in sinks(folder):
        scenario = sink.relative_to(folder).parts[0]
        output, before = None, tree(sink)
        if scenario in ("edge-cases", "v4-cuda-sim") and scenario not in compacted:
            # A copy is what a sink becomes that is replaced; one that stays and one that does not show it.
            output = folder.with_name(f"{scenario}-copy")
            copied = compact_sink(sink, output)
            assert tree(sink) == before
        report = compact_sink(sink, replace=True)
        assert report.is_replaced == bool(report.compacted)
        if output is not None:
            assert report.segments == copied.segments
            assert tree(sink) == (tree(output) if report.is_replaced else before)
            shutil.rmtree(output)
        compacted[scenario] += len(report.compacted)
    return compacted


# ---- sinks made for this -----------------------------------------------------------------------------------


def spread(events: list[dict[str, Any]], directory: Path, size: int, **manifest: Any) -> Path:
    parts = [events[start : start + size] for start in range(0, len(events), size)]
    return write_sink(
        directory, {f"segment-{number:06d}.jsonl": part for number, part in enumerate(parts, 1)}, **manifest
    )


def ties_and_disorder(directory: Path) -> None:
    rng = random.Random(1)
    events = [event for index in range(3) for event in session_records(index, 400)]
    for event in events:
        # A clock so coarse that many events share a moment.
        event["timestamp_ns"] -= event["timestamp_ns"] % 10**9
    # Disorder of up to some twenty places, within and across segments.
    order = sorted(range(len(events)), key=lambda index: index + rng.random() * 20)
    spread([events[index] for index in order], directory, 160)


def odd_events() -> list[dict[str, Any]]:
    """Return valid records that are hard to spell, all of one session."""
    texts = (
        "é",
        "😀 \x7f\x1f\x00",
        'say "x" \\ y',
        "tab\tline\nreturn\rfeed\x0c\x08",
        "\u2028",
        "/",
        '}, "pid": 5',
        '", "metadata": {',
        "",
    )
    events = [record(timestamp_ns=5, context=text, metadata={"a": text}) for text in texts]
    events += [
        record(metadata={"pid": {"b": 1}, "metadata": {"c": {}}, "z": 5}),
        record(metadata={"f": 0.1, "g": 1e300, "h": -0.0, "i": 123456789012345678901234567890, "j": 1e-7}),
        record(metadata={"backend": 5, "severity": "Warnung", "collector_health_status": None}),
        record(timestamp_ns=2**63 - 1, allocator_change_bytes=-(2**63), device_id=-5, pid=-1),
        record(schema_version=4, device_used_bytes=None, metadata={"memory_capabilities": capabilities()}),
        record(job_id="j", rank=3, local_rank=1, world_size=8),
        record(event_type="phase_enter", metadata={"phase_scope": {"action": "enter", "name": "é"}}),
    ]
    for name in ("rank", "local_rank", "world_size", "job_id"):
        event = record()
        del event[name]
        events.append(event)
    return events


#: How often a segment repeats its records: it has to be smaller as Parquet.
REPEATS = 5
#: Whether the keys are sorted, and all but ASCII escaped: a segment for each.
SPELLINGS = [(True, True), (True, False), (False, True), (False, False)]


def spellings(directory: Path) -> None:
    names = [f"segment-{number:06d}.jsonl" for number in range(1, 1 + len(SPELLINGS))]
    write_sink(directory, {name: [] for name in names})
    for name, (is_sorted, is_ascii) in zip(names, SPELLINGS, strict=True):
        events = [{**event, "session_id": f"spelled-{name}"} for event in odd_events() * REPEATS]
        lines = [json.dumps(event, sort_keys=is_sorted, ensure_ascii=is_ascii) for event in events]
        (directory / name).write_text("\n".join(lines), encoding="utf-8")


def metadata_of_every_kind(directory: Path) -> None:
    files: dict[str, list[dict[str, Any]]] = {
        f"segment-{number:06d}.jsonl": [] for number in range(1, len(METADATA) + 1)
    }
    write_sink(directory, files)
    for name, metadata in zip(files, METADATA, strict=True):
        line = json.dumps(record(event_type="phase_enter", metadata="@")).replace('"@"', metadata)
        (directory / name).write_bytes(f"{line}\n".encode("utf-8", "surrogatepass") * 20)


#: The second line of a segment, and why the segment is not compacted.
ODD_LINES: list[tuple[str | bytes, str]] = [
    ("{broken", "line 2 is damaged"),
    (json.dumps(record(schema_version=2)), "line 2 is damaged, older"),
    (json.dumps(record(pid="7")), "line 2"),
    (json.dumps(record(pid=2**70)), "line 2"),
    (json.dumps({**record(), "unknown": 1}), "line 2"),
    (json.dumps(record(context="\ud800")), "line 2"),
    # Not damaged, but it looks like a comma too many.
    (json.dumps(record(context="a,}b")), "line 2"),
    (json.dumps(record())[:-1] + ', "pid": 8}', "line 2"),
    (b"\xff\xfe", "no plain lines"),
    (b"x\ry", "no plain lines"),
    (json.dumps(record())[:-30], "line 2"),
    ("\n\n{}\n", "line 4"),
]


#: The segments, of which some are odd ones: others come before, between and after them.
SEGMENTS = [f"segment-{number:06d}.jsonl" for number in range(1, len(ODD_LINES) + 5)]
PLAIN_NAMES = [SEGMENTS[place] for place in (0, 2, len(SEGMENTS) // 2, -1)]
ODD_NAMES = [name for name in SEGMENTS if name not in PLAIN_NAMES]


def odd_segments(directory: Path) -> None:
    write_sink(directory, {name: busy_session(name, 40) for name in SEGMENTS})
    first = (json.dumps(record(), sort_keys=True) + "\n").encode()
    for name, (line, _) in zip(ODD_NAMES, ODD_LINES, strict=True):
        (directory / name).write_bytes(first + (line if isinstance(line, bytes) else line.encode("utf-8")))


def changed_lines(directory: Path, seed: int) -> None:
    rng = random.Random(seed)
    count = few_or_many(30, 60)
    files: dict[str, list[dict[str, Any]]] = {f"segment-{n:06d}.jsonl": [] for n in range(1, 1 + count)}
    write_sink(directory, files)
    for name in files:
        (directory / name).write_bytes((repeated_line(rng) + b"\n") * 15)


def everything_beside_segments(directory: Path) -> None:
    write_sink(
        directory,
        {
            "segment-000001.jsonl": busy_session("a", 60),
            "segment-000002.jsonl": busy_session("b", 60),
            "data'x.jsonl": busy_session("c", 60),
            "odd[*].jsonl": busy_session("d", 60),
        },
    )
    write_lines(directory / "segment-000009.jsonl", busy_session("unlisted", 30))
    write_lines(directory / "other.jsonl", busy_session("flat", 30))
    bundle = directory / "deep" / "oom_dump_1"
    bundle.mkdir(parents=True)
    (bundle / "manifest.json").write_text(
        json.dumps({"bundle_name": "b", "reason": "r", "backend": "cuda", "event_count": 1})
    )
    write_sink(directory / "inner", {"segment-000001.jsonl": busy_session("inner", 40)})
    (directory / "rollups.json").write_text("{}")
    (directory / "empty").mkdir()


class Compacted(NamedTuple):
    """Some sinks, compacted, in the place where the originals lay: there ids made of paths are the same.

    Attributes:
        folder: Holds them.
        originals: Holds the originals now.
        reports: Name of a sink -> what compacting it said.
        of_captures: Capture -> how many segments of it were compacted.
        wanted: The answers about the originals.
        found: The answers about what lies in their place.
    """

    folder: Path
    originals: Path
    reports: dict[str, CompactionReport]
    of_captures: Counter[str]
    wanted: dict[str, Any]
    found: dict[str, Any]


@pytest.fixture(scope="module")
def compacted(tmp_path_factory: pytest.TempPathFactory) -> Compacted:
    below = tmp_path_factory.mktemp("compacted")
    folder, originals, outputs = below / "si nks[1]*?", below / "originals", below / "outputs"
    made = (ties_and_disorder, spellings, metadata_of_every_kind, odd_segments, everything_beside_segments)
    for make in made:
        make(folder / make.__name__)
    for seed in SEEDS:
        changed_lines(folder / f"changed_lines-{seed}", seed)
    names = sorted(path.name for path in folder.iterdir())
    captures(folder / "captures")
    wanted = answers(folder, reads_once=True)
    outputs.mkdir()
    reports = {name: compact_sink(folder / name, outputs / name) for name in names}
    of_captures = replace_captures(copy_of(folder / "captures", outputs / "captures"))
    folder.rename(originals)
    outputs.rename(folder)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*names, "captures"])
    return Compacted(folder, originals, reports, of_captures, wanted, answers(folder))


@pytest.mark.parametrize("answer", ANSWERS)
def test_answers(compacted: Compacted, answer: str) -> None:
    assert compacted.wanted[answer]
    assert compacted.found[answer] == compacted.wanted[answer]


def test_captures_of_every_kind_are_compacted(compacted: Compacted) -> None:
    names = ("torn-tail", "sink-retention", "edge-cases", "v4-cuda-sim", "run-envelope")
    assert all(compacted.of_captures[name] for name in names)


def test_sinks_with_ties_and_disorder_are_compacted(compacted: Compacted) -> None:
    report = compacted.reports["ties_and_disorder"]

    assert len(report.compacted) == 8 and not report.copied
    assert report.row_count == 1200


def test_every_spelling_is_compacted(compacted: Compacted) -> None:
    segments = compacted.reports["spellings"].segments

    assert len(segments) == len(SPELLINGS)
    assert all(
        segment.is_compacted and segment.row_count == len(odd_events() * REPEATS) for segment in segments
    )
    # A record that lacks a key for which null is a value, and one whose metadata looks like its end.
    assert segments[0].text_row_count == 2 * REPEATS


def test_metadata_of_most_kinds_is_compacted(compacted: Compacted) -> None:
    assert len(compacted.reports["metadata_of_every_kind"].compacted) > 10


def test_segments_with_anything_odd_stay_as_written(compacted: Compacted) -> None:
    report = compacted.reports["odd_segments"]

    assert [segment.filename for segment in report.compacted] == PLAIN_NAMES
    assert [segment.filename for segment in report.copied] == ODD_NAMES
    for name, kept, (line, reason) in zip(ODD_NAMES, report.copied, ODD_LINES, strict=True):
        assert kept.reason is not None and reason in kept.reason, line
        copy, original = (
            folder / "odd_segments" / name for folder in (compacted.folder, compacted.originals)
        )
        assert copy.read_bytes() == original.read_bytes(), line


@pytest.mark.parametrize("seed", SEEDS)
def test_some_changed_lines_are_compacted_and_some_are_not(compacted: Compacted, seed: int) -> None:
    report = compacted.reports[f"changed_lines-{seed}"]

    assert report.compacted and report.copied


# ---- what else is in a sink --------------------------------------------------------------------------------


def test_what_lies_in_the_sink_besides_segments(compacted: Compacted) -> None:
    report = compacted.reports["everything_beside_segments"]
    before, after = (
        tree(folder / "everything_beside_segments") for folder in (compacted.originals, compacted.folder)
    )

    assert [segment.output_filename for segment in report.segments] == [
        "data'x.parquet",
        "odd[*].parquet",
        "segment-000001.parquet",
        "segment-000002.parquet",
        "segment-000009.jsonl",
    ]
    assert {name: after[name] for name in before if name in after and name != "manifest.json"} == {
        name: data
        for name, data in before.items()
        if name not in {segment.filename for segment in report.compacted} | {"manifest.json"}
    }
    assert (compacted.folder / "everything_beside_segments" / "empty").is_dir()
    assert report.other_file_count == len(before) - 5
    assert not [path for path in compacted.folder.iterdir() if path.name.startswith(".")]


def test_the_manifest_keeps_all_but_names_and_sizes(tmp_path: Path) -> None:
    events = busy_session("s", 40) + busy_session("t", 40)
    extra = {"written_by": {"é": [1e3, None]}, "sessions": [{"session_id": 5}, "odd"]}
    sink = write_sink(tmp_path / "sink", {"segment-000001.jsonl": events}, **extra)
    path = sink / "manifest.json"
    payload = json.loads(path.read_text())
    payload["segments"][0].update(event_count=12345, note="kept")
    payload["segments"] += ["odd", {"filename": 7}, {"filename": "gone.jsonl", "event_count": 3}]
    path.write_text(json.dumps(payload))

    compact_sink(sink, tmp_path / "out")

    rewritten = json.loads((tmp_path / "out" / "manifest.json").read_text())
    size = (tmp_path / "out" / "segment-000001.parquet").stat().st_size
    times = [event["timestamp_ns"] for event in events]
    payload["segments"][0].update(
        filename="segment-000001.parquet",
        size_bytes=size,
        first_ns=min(times),
        last_ns=max(times),
        session_ids=["s", "t"],
    )
    assert rewritten == payload
    assert list(rewritten) == list(payload)


def test_compacting_twice_changes_nothing_more(tmp_path: Path) -> None:
    sink = write_sink(tmp_path / "sink", {"segment-000001.jsonl": busy_session("s", 60)})
    compact_sink(sink, tmp_path / "one")
    report = compact_sink(tmp_path / "one", tmp_path / "two")

    assert [segment.reason for segment in report.segments] == ["is Parquet already"]
    assert tree(tmp_path / "two") == tree(tmp_path / "one")
    assert compact_sink(tmp_path / "one", replace=True).is_replaced is False
