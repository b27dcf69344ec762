"""Which sources discovery finds, under which spelling, and in which order."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from stormlog.artifacts import ArtifactCatalog
from tests.artifacts.factories import (
    codes,
    event_names,
    make_oom_bundle,
    make_sink,
    source_names,
    write_json,
)


def test_single_path_needs_no_list(tmp_path: Path) -> None:
    make_sink(tmp_path / "sink")

    for argument in (str(tmp_path), tmp_path):
        catalog = ArtifactCatalog(argument)
        assert catalog.paths == (tmp_path,)
        assert source_names(catalog, tmp_path) == ["sink"]


def test_relative_argument_finds_what_the_absolute_one_finds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sink(tmp_path / "data/sink")
    make_oom_bundle(tmp_path / "data/ooms/oom_dump_1")
    (tmp_path / "data/events.jsonl").touch()
    monkeypatch.chdir(tmp_path)

    absolute = ArtifactCatalog(tmp_path / "data")
    relative = ArtifactCatalog("./data/")
    here = ArtifactCatalog(["."])

    assert source_names(absolute, tmp_path) == ["data/sink", "data/events.jsonl"]
    for catalog in (relative, here):
        assert [str(source.path) for source in catalog.sources] == ["data/sink", "data/events.jsonl"]
        assert [str(bundle.bundle_path) for bundle in catalog.oom_bundles] == ["data/ooms/oom_dump_1"]


def test_source_counts_once_however_it_is_spelled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_sink(tmp_path / "sink")
    make_oom_bundle(tmp_path / "oom")
    (tmp_path / "flat.jsonl").touch()
    (tmp_path / "sink_link").symlink_to("sink")
    (tmp_path / "flat_link.jsonl").symlink_to("flat.jsonl")
    (tmp_path / "oom_link").symlink_to("oom")
    monkeypatch.chdir(tmp_path)

    catalog = ArtifactCatalog(
        ["sink", "sink/", "sink_link", tmp_path / "sink", "sink/../sink", "sink/manifest.json"]
        + ["flat.jsonl", "flat_link.jsonl", "sink/../flat.jsonl", str(tmp_path / "flat.jsonl")]
        + ["oom", "oom_link", tmp_path / "oom/manifest.json"]
    )

    assert [str(source.path) for source in catalog.sources] == ["sink", "flat.jsonl"]
    assert [str(bundle.bundle_path) for bundle in catalog.oom_bundles] == ["oom"]


def test_segment_given_beside_its_sink_is_a_source_of_its_own(tmp_path: Path) -> None:
    make_sink(tmp_path / "sink", ["segment-000001.jsonl"])

    catalog = ArtifactCatalog([tmp_path / "sink", tmp_path / "sink/segment-000001.jsonl"])

    assert source_names(catalog, tmp_path) == ["sink", "sink/segment-000001.jsonl"]


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("run.jsonl", "telemetry_jsonl"),
        ("run.jsonl.gz", "telemetry_jsonl"),
        ("run.jsonl.zst", "telemetry_jsonl"),
        ("tracker.json", "telemetry_json"),
        ("My_Events.csv", "telemetry_csv"),
        ("plain.json", None),
        ("notes.csv", None),
        ("RUN.JSONL", None),
        ("events.json.gz", None),
        ("events.parquet", None),
        ("segment-000001.parquet", None),
        (".jsonl", None),
        (".jsonl.gz", None),
    ],
)
def test_name_decides_whether_a_directory_member_is_telemetry(
    tmp_path: Path, name: str, kind: str | None
) -> None:
    (tmp_path / name).touch()

    kinds = [source.source_kind for source in ArtifactCatalog(tmp_path).sources]

    assert kinds == ([] if kind is None else [kind])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("plain.json", "telemetry_json"),
        ("NOTES.CSV", "telemetry_csv"),
        ("RUN.JSONL", "telemetry_jsonl"),
        ("RUN.JSONL.GZ", "telemetry_jsonl"),
        ("run.jsonl.zst", "telemetry_jsonl"),
        ("run.txt", None),
        ("run.gz", None),
    ],
)
def test_suffix_alone_decides_for_a_file_that_is_named(tmp_path: Path, name: str, kind: str | None) -> None:
    (tmp_path / name).touch()

    catalog = ArtifactCatalog(tmp_path / name)

    assert [source.source_kind for source in catalog.sources] == ([] if kind is None else [kind])
    assert [warning.code for warning in catalog.warnings] == (
        [f"unknown_suffix:{name}"] if kind is None else []
    )


def test_sources_come_in_path_order_whatever_the_file_system_says(tmp_path: Path) -> None:
    for name in ("b/x.jsonl", "a!/x.jsonl", "a/z.jsonl", "a/b/x.jsonl", "a.jsonl"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    assert source_names(ArtifactCatalog(tmp_path), tmp_path) == [
        "a/b/x.jsonl",
        "a/z.jsonl",
        "a!/x.jsonl",
        "a.jsonl",
        "b/x.jsonl",
    ]


def test_arguments_that_cannot_be_opened_are_named(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    make_sink(tmp_path / "sink")

    catalog = ArtifactCatalog(
        [tmp_path / name for name in ("gone", "pipe.jsonl", "loop", "file/below", "a\0b", "sink")]
    )

    assert codes(catalog, tmp_path) == [
        ("gone", "path_missing"),
        ("pipe.jsonl", "path_special"),
        ("loop", "symlink_loop:loop"),
        ("file/below", "path_missing"),
        ("a\0b", "path_missing"),
    ]
    assert source_names(catalog, tmp_path) == ["sink"]


def test_unreadable_things_are_named_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sink(tmp_path / "a")
    (tmp_path / "locked").mkdir()
    make_sink(tmp_path / "b")
    make_oom_bundle(tmp_path / "oom")
    write_json(tmp_path / "stormlog_run.json", {})
    refused = {str(tmp_path / name) for name in ("locked", "b/manifest.json", "oom/metadata.json")} | {
        str(tmp_path / "stormlog_run.json")
    }
    refuse(monkeypatch, refused)

    catalog = ArtifactCatalog(tmp_path)

    assert set(codes(catalog, tmp_path)) == {
        ("locked", "unreadable"),
        ("b/manifest.json", "unreadable"),
        ("oom/metadata.json", "unreadable"),
        ("stormlog_run.json", "unreadable"),
    }
    assert source_names(catalog, tmp_path) == ["a", "b/segment-000001.jsonl"]
    assert len(catalog.oom_bundles) == 1


def refuse(monkeypatch: pytest.MonkeyPatch, paths: set[str]) -> None:
    """Make the operating system refuse some paths (the tests may run as root, whom it refuses nothing)."""
    real_open, real_scandir = open, os.scandir

    def check(path: Any) -> None:
        if str(path) in paths:
            raise PermissionError(13, "Permission denied", str(path))

    def guarded_open(path: Any, *args: Any, **kwargs: Any) -> Any:
        check(path)
        return real_open(path, *args, **kwargs)

    def guarded_scandir(path: Any) -> Any:
        check(path)
        return real_scandir(path)

    monkeypatch.setattr("builtins.open", guarded_open)
    monkeypatch.setattr(os, "scandir", guarded_scandir)


def test_no_telemetry_file_is_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_sink(tmp_path / "sink", ["segment-000001.jsonl", "segment-000002.parquet"])
    for name in ("events.jsonl", "events.json", "events.csv", "x.jsonl.gz", "oom/events.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    make_oom_bundle(tmp_path / "oom")
    write_json(tmp_path / "stormlog_run.json", {})
    write_json(tmp_path / "stormlog_attachments.json", {})
    opened: set[str] = set()
    real_open = open

    def recording_open(path: Any, *args: Any, **kwargs: Any) -> Any:
        opened.add(os.path.relpath(path, tmp_path))
        return real_open(path, *args, **kwargs)

    monkeypatch.setattr("builtins.open", recording_open)
    catalog = ArtifactCatalog(tmp_path)
    monkeypatch.undo()

    assert len(catalog.sources) == 5
    assert opened == {
        "sink/manifest.json",
        "oom/manifest.json",
        "oom/metadata.json",
        "stormlog_run.json",
        "stormlog_attachments.json",
    }


def test_line_files_opened_out_of_a_sink_keep_its_ledger(tmp_path: Path) -> None:
    make_sink(tmp_path / "sink", ["segment-000001.jsonl"], sessions=["s-1"])
    write_json(tmp_path / "other/manifest.json", {"sessions": [{}]})
    (tmp_path / "other/run.jsonl").touch()

    sink, segment, other = ArtifactCatalog(
        [tmp_path / "sink", tmp_path / "sink/segment-000001.jsonl", tmp_path / "other/run.jsonl"]
    ).sources

    assert segment.manifest is not None
    assert segment.manifest == sink.manifest
    assert segment.manifest_path is None
    assert other.manifest is None


def test_deep_and_wide_trees_are_walked(tmp_path: Path) -> None:
    deep = tmp_path.joinpath(*["d"] * 300)
    deep.mkdir(parents=True)
    (deep / "run.jsonl").touch()
    for index in range(300):
        make_sink(tmp_path / f"wide/{index:03d}")

    catalog = ArtifactCatalog(tmp_path)

    assert [source.source_kind for source in catalog.sources].count("sink") == 300
    assert catalog.sources[-1].path == deep / "run.jsonl"


def test_names_that_are_not_unicode_are_found(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.jsonl")
    (tmp_path / name).touch()

    catalog = ArtifactCatalog(tmp_path)

    assert source_names(catalog, tmp_path) == [name]


def test_as_dict_gives_text(tmp_path: Path) -> None:
    make_sink(tmp_path / "sink")

    catalog = ArtifactCatalog(tmp_path)
    (source,) = catalog.sources

    assert list(catalog.as_dict()) == [
        "paths",
        "sources",
        "oom_bundles",
        "attachments",
        "run_envelopes",
        "warnings",
    ]
    assert catalog.as_dict()["sources"] == [
        {
            "path": str(tmp_path / "sink"),
            "source_kind": "sink",
            "event_paths": [str(tmp_path / "sink/segment-000001.jsonl")],
            "manifest_path": str(tmp_path / "sink/manifest.json"),
        }
    ]
    assert source.event_paths == (tmp_path / "sink/segment-000001.jsonl",)
    assert source.event_files == (str(tmp_path / "sink/segment-000001.jsonl"),)
    assert event_names(source) == ["segment-000001.jsonl"]
