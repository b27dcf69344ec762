"""Links: nothing outside the opened path is reached, and nothing is walked for ever."""

from __future__ import annotations

from pathlib import Path

from stormlog.artifacts import ArtifactCatalog
from tests.artifacts.factories import codes, event_names, make_oom_bundle, make_sink, source_names


def test_links_that_leave_the_opened_path_are_not_followed(tmp_path: Path) -> None:
    outside = make_sink(tmp_path / "outside")
    opened = make_sink(tmp_path / "opened")
    (opened / "away").symlink_to(outside)
    (opened / "flat.jsonl").symlink_to(outside / "segment-000001.jsonl")
    (opened / "segment-000002.jsonl").symlink_to(outside / "segment-000001.jsonl")
    (opened / "notes.txt").symlink_to(outside / "manifest.json")
    (opened / "sub").mkdir()
    (opened / "sub/manifest.json").symlink_to(outside / "manifest.json")

    catalog = ArtifactCatalog(opened)

    assert source_names(catalog, tmp_path) == ["opened"]
    assert event_names(catalog.sources[0]) == ["segment-000001.jsonl"]
    assert codes(catalog, opened) == [
        ("away", "symlink_outside:away"),
        ("flat.jsonl", "symlink_outside:flat.jsonl"),
        ("segment-000002.jsonl", "symlink_outside:segment-000002.jsonl"),
        ("sub/manifest.json", "symlink_outside:manifest.json"),
    ]


def test_listed_segment_that_leaves_the_sink_is_named(tmp_path: Path) -> None:
    (tmp_path / "data.log").touch()
    make_sink(tmp_path / "sink", listed=["data.log"])
    (tmp_path / "sink/data.log").symlink_to("../data.log")

    catalog = ArtifactCatalog(tmp_path / "sink")

    assert event_names(catalog.sources[0]) == ["segment-000001.jsonl"]
    assert codes(catalog, tmp_path) == [("sink/data.log", "symlink_outside:data.log")]


def test_metadata_that_leaves_the_bundle_is_named(tmp_path: Path) -> None:
    bundle = make_oom_bundle(tmp_path / "oom")
    (bundle / "metadata.json").rename(tmp_path / "metadata.json")
    (bundle / "metadata.json").symlink_to("../metadata.json")

    inside = ArtifactCatalog(tmp_path)
    alone = ArtifactCatalog(bundle)

    assert inside.oom_bundles[0].exception_type == "E"
    assert alone.oom_bundles[0].exception_type is None
    assert codes(alone, bundle) == [("metadata.json", "symlink_outside:metadata.json")]


def test_argument_that_is_a_link_is_followed(tmp_path: Path) -> None:
    make_sink(tmp_path / "elsewhere/sink")
    (tmp_path / "link").symlink_to("elsewhere")

    catalog = ArtifactCatalog(tmp_path / "link")

    assert source_names(catalog, tmp_path) == ["link/sink"]
    assert catalog.warnings == []


def test_directory_loops_end_with_a_warning(tmp_path: Path) -> None:
    make_sink(tmp_path / "a/sink")
    (tmp_path / "a/up").symlink_to("..")
    (tmp_path / "a/self").symlink_to(".")
    (tmp_path / "a/knot").symlink_to("knot")

    catalog = ArtifactCatalog(tmp_path)

    assert source_names(catalog, tmp_path) == ["a/sink"]
    assert codes(catalog, tmp_path) == [
        ("a/knot", "symlink_loop:knot"),
        ("a/self", "symlink_loop:self"),
        ("a/up", "symlink_loop:up"),
    ]


def test_links_inside_the_opened_path_add_nothing_twice(tmp_path: Path) -> None:
    sink = make_sink(tmp_path / "sink")
    (sink / "segment-000002.jsonl").symlink_to("segment-000001.jsonl")
    (tmp_path / "latest").symlink_to("sink")
    (tmp_path / "copy.jsonl").symlink_to("sink/segment-000001.jsonl")
    (tmp_path / "flat.jsonl").touch()
    (tmp_path / "z.jsonl").symlink_to("flat.jsonl")

    catalog = ArtifactCatalog(tmp_path)

    assert source_names(catalog, tmp_path) == ["sink", "flat.jsonl"]
    assert event_names(catalog.sources[0]) == ["segment-000001.jsonl"]
    assert catalog.warnings == []


def test_segment_kept_elsewhere_inside_the_opened_path_is_read_as_a_segment(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "store/one.jsonl").touch()
    make_sink(tmp_path / "sink", [], listed=[])
    (tmp_path / "sink/segment-000001.jsonl").symlink_to("../store/one.jsonl")

    catalog = ArtifactCatalog(tmp_path)

    assert source_names(catalog, tmp_path) == ["sink"]
    assert event_names(catalog.sources[0]) == ["segment-000001.jsonl"]


def test_link_to_nothing_is_named_if_its_name_matters(tmp_path: Path) -> None:
    (tmp_path / "gone.jsonl").symlink_to("nothing")
    (tmp_path / "gone.txt").symlink_to("nothing")

    assert codes(ArtifactCatalog(tmp_path), tmp_path) == [("gone.jsonl", "path_missing")]


def test_link_into_an_oom_bundle_stays_opaque(tmp_path: Path) -> None:
    make_oom_bundle(tmp_path / "oom")
    (tmp_path / "my_events.json").symlink_to("oom/events.json")

    assert ArtifactCatalog(tmp_path).sources == []
