"""What OOM bundles and diagnose bundles say, and how OOM rows are listed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.artifacts import ArtifactCatalog, list_oom_bundle_rows
from stormlog.query.filters import OOMBundleFilter
from tests.artifacts.factories import codes, make_oom_bundle, make_sink, session, source_names, write_json

INFINITE = float("inf")


@pytest.mark.parametrize(
    ("value", "count"),
    [
        (3, 3),
        (-3, -3),
        (7.9, 7),
        (" 7 ", 7),
        (True, None),
        ("x", None),
        (None, None),
        ([1], None),
        (INFINITE, None),
        (float("nan"), None),
    ],
)
def test_odd_event_counts_of_a_bundle_are_unknown(tmp_path: Path, value: Any, count: int | None) -> None:
    make_oom_bundle(tmp_path, event_count=value)

    (bundle,) = ArtifactCatalog(tmp_path).oom_bundles

    assert bundle.event_count == count


def test_bundle_texts_are_kept_untrimmed_and_empty_ones_are_unknown(tmp_path: Path) -> None:
    make_oom_bundle(tmp_path, reason=" r ", backend="", session_id=5, session_status="Running ")
    write_json(tmp_path / "metadata.json", [])

    (bundle,) = ArtifactCatalog(tmp_path).oom_bundles

    assert list(bundle.as_dict().items()) == [
        ("bundle_path", str(tmp_path)),
        ("manifest_path", str(tmp_path / "manifest.json")),
        ("created_at_utc", None),
        ("backend", None),
        ("reason", " r "),
        ("event_count", 1),
        ("session_id", None),
        ("session_status", "Running "),
        ("exception_type", None),
        ("exception_module", None),
    ]


def test_bundle_hides_its_telemetry_but_not_the_sinks_inside_it(tmp_path: Path) -> None:
    bundle = make_oom_bundle(tmp_path / "oom")
    (bundle / "deep/er").mkdir(parents=True)
    (bundle / "deep/er/run.jsonl").touch()
    make_sink(bundle / "sink")

    assert source_names(ArtifactCatalog(tmp_path), tmp_path) == ["oom/sink"]
    assert ArtifactCatalog(bundle).sources == []
    assert source_names(ArtifactCatalog(bundle / "events.json"), tmp_path) == ["oom/events.json"]


def test_manifest_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    make_sink(tmp_path)
    manifest = tmp_path / "manifest.json"
    manifest.write_bytes(b"\xef\xbb\xbf" + manifest.read_bytes())

    assert [source.source_kind for source in ArtifactCatalog(tmp_path).sources] == ["sink"]


@pytest.mark.parametrize("text", [b"\xff", b"[" * 100_000, b"", b'"x"', b"1" * 5000])
def test_manifest_that_holds_no_object_describes_nothing(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "manifest.json").write_bytes(text)
    (tmp_path / "run.jsonl").touch()

    assert source_names(ArtifactCatalog(tmp_path), tmp_path) == ["run.jsonl"]
    catalog = ArtifactCatalog(tmp_path / "manifest.json")
    assert codes(catalog, tmp_path) == [("manifest.json", "manifest_not_object")]


def diagnose_manifest(**values: Any) -> dict[str, Any]:
    return {"command_line": "x", "files": [], "risk_detected": False, "session_id": None} | values


def test_diagnose_bundle_carries_its_session(tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", diagnose_manifest(session_id="p", session=session("d-1")))

    (source,) = ArtifactCatalog(tmp_path).sources

    assert source.session is not None
    assert (source.session.session_id, source.session.status) == ("d-1", "completed")


def test_diagnose_bundle_without_a_session_object_has_a_placeholder(tmp_path: Path) -> None:
    write_json(tmp_path / "manifest.json", diagnose_manifest(session_id="p", session={"status": "?"}))

    (source,) = ArtifactCatalog(tmp_path).sources

    summary = source.session
    assert summary is not None
    assert (summary.session_id, summary.status, summary.source) == ("p", "incomplete", "stormlog.diagnose")
    assert (summary.started_at_ns, summary.ended_at_ns, summary.host, summary.pid) == (0, None, "unknown", -1)
    assert (summary.rank, summary.world_size) == (0, 1)


@pytest.mark.parametrize(
    "values",
    [
        {"session_id": ""},
        {"session_id": 5},
        {"session_id": "p", "session_status": None},
        {"session_id": "p", "session_status": "?"},
    ],
)
def test_diagnose_bundle_without_a_usable_session_has_none(tmp_path: Path, values: dict[str, Any]) -> None:
    write_json(tmp_path / "manifest.json", diagnose_manifest(**values))

    (source,) = ArtifactCatalog(tmp_path).sources

    assert source.session is None


def test_first_source_that_knows_a_session_gives_its_status(tmp_path: Path) -> None:
    make_sink(tmp_path / "b", sessions=["s-1", "s-2"])
    write_json(tmp_path / "a/manifest.json", diagnose_manifest(session=session("s-1", "interrupted")))

    assert ArtifactCatalog(tmp_path).session_ledger() == {"s-1": "interrupted", "s-2": "completed"}


def test_rows_take_a_missing_status_from_the_ledger(tmp_path: Path) -> None:
    make_sink(tmp_path / "sink", sessions=["s-1"])
    make_oom_bundle(tmp_path / "a", session_id="s-1", created_at_utc="2026-01-02T00:00:00Z")
    make_oom_bundle(tmp_path / "b", session_id="s-1", session_status="running")
    make_oom_bundle(tmp_path / "c", session_id="s-2", created_at_utc="2026-01-01T00:00:00Z")

    rows = list_oom_bundle_rows(ArtifactCatalog(tmp_path))

    assert [(Path(row.bundle_path).name, row.session_status) for row in rows] == [
        ("b", "running"),
        ("c", None),
        ("a", "completed"),
    ]
    assert list(rows[0].as_dict()) == [
        "bundle_path",
        "created_at_utc",
        "backend",
        "reason",
        "event_count",
        "session_id",
        "session_status",
        "exception_type",
        "exception_module",
    ]


@pytest.mark.parametrize(
    ("filters", "names"),
    [
        ({}, ["d", "c", "a", "b"]),
        ({"created_after": "2026-01-01T12:00:00Z"}, ["a", "b"]),
        ({"created_after": "2026-01-02T01:00:00+01:00"}, ["a", "b"]),
        ({"created_before": "2026-01-02"}, ["c", "a"]),
        ({"created_after": "2026-01-02", "created_before": "2026-01-02"}, ["a"]),
        ({"backend": "rocm"}, ["b"]),
        ({"backend": "ROCM"}, []),
        ({"reason": "r", "session_id": "s"}, ["c"]),
    ],
)
def test_rows_can_be_filtered(tmp_path: Path, filters: dict[str, str], names: list[str]) -> None:
    make_oom_bundle(tmp_path / "a", created_at_utc="2026-01-02T00:00:00Z")
    make_oom_bundle(tmp_path / "b", created_at_utc="2026-01-03T00:00:00Z", backend="rocm")
    make_oom_bundle(tmp_path / "c", created_at_utc="2026-01-01T00:00:00Z", session_id="s")
    make_oom_bundle(tmp_path / "d", created_at_utc="0001-01-01T00:00:00+23:00")

    with stormlog.query.open(tmp_path) as store:
        rows = store.list_oom_bundles(OOMBundleFilter(**filters))

    assert [Path(row.bundle_path).name for row in rows] == names


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b'"x"', b"[" * 100_000, b"1" * 5000, b"\xff"])
def test_metadata_of_a_bundle_that_is_no_object_is_told(tmp_path: Path, text: bytes) -> None:
    make_oom_bundle(tmp_path)
    (tmp_path / "metadata.json").write_bytes(text)

    catalog = ArtifactCatalog(tmp_path)

    (bundle,) = catalog.oom_bundles
    assert (bundle.exception_type, bundle.exception_module) == (None, None)
    told = {(warning.path, warning.code) for warning in catalog.warnings}
    assert (str(tmp_path / "metadata.json"), "bundle_metadata_not_object") in told


def test_metadata_of_a_bundle_with_bytes_that_are_no_text_is_used_and_told(tmp_path: Path) -> None:
    make_oom_bundle(tmp_path)
    (tmp_path / "metadata.json").write_bytes(
        b'{"exception_type": "Out\xffOfMemory", "exception_module": "torch"}'
    )

    catalog = ArtifactCatalog(tmp_path)

    (bundle,) = catalog.oom_bundles
    assert (bundle.exception_type, bundle.exception_module) == ("Out\ufffdOfMemory", "torch")
    assert [(warning.path, warning.code) for warning in catalog.warnings] == [
        (str(tmp_path / "metadata.json"), "bundle_metadata_invalid_utf8")
    ]


def test_a_bundle_without_metadata_is_no_damage(tmp_path: Path) -> None:
    make_oom_bundle(tmp_path)
    (tmp_path / "metadata.json").unlink(missing_ok=True)

    assert ArtifactCatalog(tmp_path).warnings == []


ORIGIN = "SELECT exception_message, context, job_id, rank, host, requested_bytes, free_bytes FROM oom_bundles"


def bundle_columns(folder: Path, metadata: object) -> tuple[Any, ...]:
    make_oom_bundle(folder)
    write_json(folder / "metadata.json", metadata)
    with stormlog.query.open([folder], cache=False) as store:
        (row,) = store.sql(ORIGIN).rows
    return row


def test_a_bundle_says_what_was_asked_for_where(tmp_path: Path) -> None:
    message = "CUDA out of memory. Tried to allocate 2.50 GiB. GPU 0 has 79.15 GiB of which 1.50 GiB is free."
    metadata = {
        "exception_message": message,
        "context": "train.forward",
        "session": {"job_id": "j1", "rank": 3, "host": "n1"},
        "custom_metadata": {"job_id": "other", "rank": 0, "host": "other"},
    }
    assert bundle_columns(tmp_path, metadata) == (
        *(message, "train.forward", "j1", 3, "n1"),
        *(2684354560, 1610612736),
    )


def test_custom_metadata_stand_in_for_what_the_session_does_not_say(tmp_path: Path) -> None:
    metadata = {
        "session": {"job_id": "", "rank": None, "host": "unknown"},
        "custom_metadata": {"job_id": "j1", "rank": 3, "host": "n1"},
    }
    assert bundle_columns(tmp_path, metadata) == (None, None, "j1", 3, "n1", None, None)


@pytest.mark.parametrize(
    "metadata",
    [
        [],
        {"session": [], "custom_metadata": "rank"},
        {"exception_message": 5, "context": [], "session": {"job_id": 5, "rank": "3", "host": {}}},
        {"exception_message": None, "context": "", "session": {"job_id": [], "rank": True, "host": 1}},
        {"session": {"rank": -1}, "custom_metadata": {"rank": 2**63}},
        {"session": {"rank": 1.0}, "custom_metadata": {"rank": float("nan")}},
    ],
)
def test_odd_values_of_a_bundle_are_unknown(tmp_path: Path, metadata: object) -> None:
    assert bundle_columns(tmp_path, metadata) == (None,) * 7


def test_halves_of_characters_in_a_bundle_hide_nothing_else(tmp_path: Path) -> None:
    metadata = {
        "exception_message": "\ud800 tried to allocate 5 bytes",
        "session": {"job_id": "j\udfff", "rank": 1},
    }
    assert bundle_columns(tmp_path, metadata) == (
        "\ufffd tried to allocate 5 bytes",
        None,
        "j\ufffd",
        1,
        None,
        5,
        None,
    )


def test_new_columns_of_bundles_leave_the_listed_rows_as_they_are(tmp_path: Path) -> None:
    make_oom_bundle(tmp_path)
    write_json(tmp_path / "metadata.json", {"exception_message": "m", "context": "c", "session": {"rank": 1}})
    with stormlog.query.open([tmp_path], cache=False) as store:
        (row,) = store.list_oom_bundles()
        (bundle,) = store.catalog.oom_bundles
    new = {"exception_message", "context", "job_id", "rank", "host", "requested_bytes", "free_bytes"}
    assert new.isdisjoint(row.as_dict())
    assert new.isdisjoint(bundle.as_dict())
    assert (bundle.exception_message, bundle.context, bundle.rank) == ("m", "c", 1)


@pytest.mark.parametrize(
    ("listed", "found"),
    [
        (["trace.html", "cuda_allocator_snapshot.pickle"], "cuda_allocator_snapshot.pickle"),
        (["missing.pickle", "cuda_allocator_snapshot.pickle"], "cuda_allocator_snapshot.pickle"),
        (["../outside.pickle", "link.pickle", "trace.html", 5, None], None),
        ("cuda_allocator_snapshot.pickle", None),
        (None, None),
    ],
)
def test_a_snapshot_of_an_allocator_lies_in_its_bundle(
    tmp_path: Path, listed: Any, found: str | None
) -> None:
    bundle = make_oom_bundle(tmp_path / "dumps", native_history_enabled=True, native_history_files=listed)
    (tmp_path / "outside.pickle").write_bytes(b"")
    for name in ("cuda_allocator_snapshot.pickle", "trace.html", "cuda_allocator_events.json"):
        (bundle / name).write_bytes(b"\x80not read")
    (bundle / "link.pickle").symlink_to(tmp_path / "outside.pickle")

    catalog = ArtifactCatalog(tmp_path / "dumps")

    (read,) = catalog.oom_bundles
    assert read.allocator_snapshot_path == (None if found is None else bundle / found)
    assert codes(catalog, tmp_path) == []
    assert catalog.sources == []
