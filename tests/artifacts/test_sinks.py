"""Which files a sink reads as its segments."""

from __future__ import annotations

from pathlib import Path

import pytest

from stormlog.artifacts import ArtifactCatalog
from tests.artifacts.factories import codes, event_names, make_sink, source_names


def test_listed_and_unlisted_segments_come_in_name_order(tmp_path: Path) -> None:
    files = [
        "segment-000010.jsonl",
        "segment-000002.parquet",
        "segment-000001.jsonl",
        "segment-000003.jsonl",
        "a.log",
    ]
    make_sink(tmp_path, files, listed=["segment-000010.jsonl", "a.log", "segment-000099.jsonl"])

    (sink,) = ArtifactCatalog(tmp_path).sources

    assert event_names(sink) == [
        "a.log",
        "segment-000001.jsonl",
        "segment-000002.parquet",
        "segment-000003.jsonl",
        "segment-000010.jsonl",
    ]


@pytest.mark.parametrize(
    ("listed", "read", "warned"),
    [
        (["segment-000001.parquet"], "segment-000001.parquet", False),
        (["segment-000001.jsonl"], "segment-000001.jsonl", False),
        (["segment-000001.jsonl", "segment-000001.parquet"], "segment-000001.jsonl", True),
        ([], "segment-000001.jsonl", True),
    ],
)
def test_segment_in_two_encodings_is_read_once(
    tmp_path: Path, listed: list[str], read: str, warned: bool
) -> None:
    make_sink(tmp_path, ["segment-000001.jsonl", "segment-000001.parquet"], listed=listed)

    catalog = ArtifactCatalog(tmp_path)

    assert [event_names(source) for source in catalog.sources] == [[read]]
    expected = [("segment-000001.parquet", "segment_twice:segment-000001.parquet")] if warned else []
    assert codes(catalog, tmp_path) == expected


def test_parquet_segments_without_a_manifest_are_named(tmp_path: Path) -> None:
    for name in ("segment-000001.jsonl", "segment-000001.parquet", "segment-000002.parquet"):
        (tmp_path / name).touch()

    catalog = ArtifactCatalog(tmp_path)

    assert source_names(catalog, tmp_path) == ["segment-000001.jsonl"]
    assert codes(catalog, tmp_path) == [
        ("segment-000001.parquet", "segment_twice:segment-000001.parquet"),
        ("segment-000002.parquet", "parquet_outside_sink:segment-000002.parquet"),
    ]


def test_parquet_file_as_argument_is_named(tmp_path: Path) -> None:
    make_sink(tmp_path, ["segment-000001.parquet"])

    catalog = ArtifactCatalog(tmp_path / "segment-000001.parquet")

    assert catalog.sources == []
    assert codes(catalog, tmp_path) == [
        ("segment-000001.parquet", "parquet_outside_sink:segment-000001.parquet")
    ]


@pytest.mark.parametrize("filename", ["../up.jsonl", "sub/in.jsonl", "..", "", "a\0b", "..\\up.jsonl"])
def test_manifest_cannot_point_outside_its_directory(tmp_path: Path, filename: str) -> None:
    make_sink(tmp_path / "sink", listed=["segment-000001.jsonl", filename])
    (tmp_path / "sink/sub").mkdir()
    for name in ("up.jsonl", "sink/sub/in.jsonl"):
        (tmp_path / name).touch()

    catalog = ArtifactCatalog(tmp_path / "sink/manifest.json")

    assert [event_names(source) for source in catalog.sources] == [["segment-000001.jsonl"]]
    assert codes(catalog, tmp_path) == [("sink/manifest.json", f"segment_outside_sink:{filename}")]


def test_absolute_segment_name_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.jsonl"
    secret.touch()
    make_sink(tmp_path / "sink", listed=[str(secret)])

    catalog = ArtifactCatalog(tmp_path / "sink")

    assert [event_names(source) for source in catalog.sources] == [["segment-000001.jsonl"]]
    assert codes(catalog, tmp_path) == [("sink/manifest.json", f"segment_outside_sink:{secret}")]


def test_listed_directory_is_no_segment(tmp_path: Path) -> None:
    make_sink(tmp_path, listed=["segment-000002.jsonl"])
    (tmp_path / "segment-000002.jsonl").mkdir()

    (sink,) = ArtifactCatalog(tmp_path).sources

    assert event_names(sink) == ["segment-000001.jsonl"]


def test_ledger_without_segments_is_a_sink_without_warnings(tmp_path: Path) -> None:
    make_sink(tmp_path, [], sessions=["s-1"])

    catalog = ArtifactCatalog(tmp_path)

    assert [event_names(source) for source in catalog.sources] == [[]]
    assert catalog.session_ledger() == {"s-1": "completed"}
    assert catalog.warnings == []


def test_directories_in_which_compaction_works_are_left_out(tmp_path: Path) -> None:
    for name in (
        "sink",
        ".stormlog-compact-sink.12ab.new",
        ".stormlog-compact-sink.34cd.trash",
        ".stormlog-compact-sink.old",
        # Nothing stands in the place of this one.
        ".stormlog-compact-other.old",
        ".stormlog-compact-odd",
        "stormlog-compact-sink.new",
    ):
        make_sink(tmp_path / "runs" / name)

    found = [Path(source.path).name for source in ArtifactCatalog(tmp_path).sources]

    assert found == [
        ".stormlog-compact-odd",
        ".stormlog-compact-other.old",
        "sink",
        "stormlog-compact-sink.new",
    ]


@pytest.mark.parametrize(
    ("there", "event_count", "is_told"),
    [
        ([], 3, True),
        ([], 0, False),
        (["segment-000001.parquet"], 3, False),
        (["segment-000001.jsonl"], 3, False),
    ],
)
def test_a_listed_segment_with_events_that_is_gone_is_told(
    tmp_path: Path, there: list[str], event_count: int, is_told: bool
) -> None:
    make_sink(
        tmp_path, [*there, "segment-000002.jsonl"], listed=["segment-000001.jsonl"], event_count=event_count
    )
    expected = [("manifest.json", "segment_missing:segment-000001.jsonl")] if is_told else []
    assert codes(ArtifactCatalog(tmp_path), tmp_path) == expected


def test_a_segment_that_its_writer_just_deleted_is_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = ["segment-000002.jsonl"]
    make_sink(tmp_path, files, listed=["segment-000001.jsonl", *files], event_count=3)
    # The writer says so while discovery waits.
    monkeypatch.setattr("time.sleep", lambda _: make_sink(tmp_path, files, event_count=3))
    assert codes(ArtifactCatalog(tmp_path), tmp_path) == []


def test_a_damaged_manifest_is_told_however_its_files_are_opened(tmp_path: Path) -> None:
    make_sink(tmp_path / "sink", ["segment-000001.jsonl"])
    (tmp_path / "sink/manifest.json").write_text('{"segments": [')
    for opened in (tmp_path, tmp_path / "sink", tmp_path / "sink/segment-000001.jsonl"):
        catalog = ArtifactCatalog(opened)
        assert [event_names(source) for source in catalog.sources] == [["segment-000001.jsonl"]]
        assert codes(catalog, tmp_path) == [("sink/manifest.json", "manifest_not_object")]
