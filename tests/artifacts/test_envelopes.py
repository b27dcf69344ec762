"""Run envelopes and attachment sidecars."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stormlog.artifacts import ArtifactCatalog
from stormlog.query.catalog import list_attachments
from tests.artifacts.factories import codes, write_json

ATTACHMENT: dict[str, Any] = {"title": "t", "kind": "k", "storage": "copy", "metadata": {}, "url": "u"}
SESSION: dict[str, Any] = {"session_id": "s", "metadata": {}}


def envelope(run_id: str = "r", **values: Any) -> dict[str, Any]:
    return {
        "schema_version": 1,
        "format": "stormlog.run_envelope",
        "run_id": run_id,
        "metadata": {},
    } | values


def sidecar(*items: Any, **values: Any) -> dict[str, Any]:
    return {"schema_version": 1, "format": "stormlog.attachments", "attachments": list(items)} | values


def test_smallest_envelope(tmp_path: Path) -> None:
    path = write_json(tmp_path / "stormlog_run.json", envelope())

    (run,) = ArtifactCatalog(path).run_envelopes

    assert run.as_dict() == {
        "run_id": "r",
        "path": str(path),
        "title": None,
        "description": None,
        "job_id": None,
        "started_at_ns": None,
        "ended_at_ns": None,
        "created_at_utc": None,
        "updated_at_utc": None,
        "source_namespace": None,
        "source_ref": None,
        "tags": [],
        "sessions": [],
        "attachments": [],
        "metadata": {},
    }


def test_full_envelope(tmp_path: Path) -> None:
    run_session = SESSION | {"rank": 0, "local_rank": 0, "world_size": 2, "role": "rank"}
    attachment = {
        "title": "t",
        "kind": "k",
        "storage": "reference",
        "metadata": {"a": 1},
        "path": "../traces/./x",
        "start_ns": 5,
        "end_ns": 5,
    }
    write_json(
        tmp_path / "run/stormlog_run.json",
        envelope(
            description="",
            started_at_ns=1,
            ended_at_ns=1,
            tags=["a", "b"],
            sessions=[run_session],
            attachments=[attachment, ATTACHMENT | {"run_id": "other"}],
            metadata={"owner": "x"},
        ),
    )

    (run,) = ArtifactCatalog(tmp_path).run_envelopes

    assert run.description == ""
    assert run.as_dict()["tags"] == ["a", "b"]
    assert run.sessions[0].as_dict() == {
        "session_id": "s",
        "job_id": None,
        "rank": 0,
        "local_rank": 0,
        "world_size": 2,
        "role": "rank",
        "source_namespace": None,
        "source_ref": None,
        "metadata": {},
    }
    assert [(item.run_id, item.path) for item in run.attachments] == [
        ("r", str(tmp_path / "traces/x")),
        ("other", None),
    ]
    assert run.as_dict()["attachments"][0]["metadata"] == {"a": 1}


@pytest.mark.parametrize(
    "payload",
    [
        envelope(schema_version=True),
        envelope(schema_version=1.0),
        envelope(schema_version=2),
        envelope(format="x"),
        envelope(run_id=""),
        envelope(metadata=None),
        {key: value for key, value in envelope().items() if key != "metadata"},
        envelope(extra=1),
        envelope(title=""),
        envelope(description=5),
        envelope(started_at_ns=True),
        envelope(started_at_ns=5.0),
        envelope(started_at_ns=-1),
        envelope(started_at_ns=5, ended_at_ns=4),
        envelope(tags=None),
        envelope(tags=["a", "a"]),
        envelope(tags=[""]),
        envelope(sessions=None),
        envelope(sessions=["s"]),
        envelope(sessions=[SESSION | {"extra": 1}]),
        envelope(sessions=[SESSION | {"rank": True}]),
        envelope(sessions=[SESSION | {"world_size": 0}]),
        envelope(sessions=[{"session_id": "s"}]),
        envelope(attachments=None),
        envelope(attachments=[ATTACHMENT | {"storage": "elsewhere"}]),
        envelope(attachments=[ATTACHMENT | {"storage": []}]),
        envelope(attachments=[ATTACHMENT | {"url": None}]),
        envelope(attachments=[ATTACHMENT | {"path": ""}]),
        envelope(attachments=[ATTACHMENT | {"path": "a\0b"}]),
        envelope(attachments=[{key: ATTACHMENT[key] for key in ATTACHMENT if key != "url"}]),
        envelope(attachments=[ATTACHMENT | {"start_ns": 2, "end_ns": 1}]),
    ],
)
def test_envelope_is_rejected_whole(tmp_path: Path, payload: dict[str, Any]) -> None:
    write_json(tmp_path / "stormlog_run.json", payload)

    catalog = ArtifactCatalog(tmp_path)

    assert catalog.run_envelopes == []
    assert codes(catalog, tmp_path) == [("stormlog_run.json", "envelope_invalid")]


def test_envelopes_that_share_an_id_are_all_withdrawn(tmp_path: Path) -> None:
    for name, payload in (
        ("a", envelope("r")),
        ("b", envelope("other")),
        ("c", []),
        ("d", envelope("r")),
        ("e", envelope("r")),
    ):
        write_json(tmp_path / name / "stormlog_run.json", payload)
    (tmp_path / "f").mkdir()
    (tmp_path / "f/stormlog_run.json").symlink_to("../b/stormlog_run.json")

    catalog = ArtifactCatalog([tmp_path, tmp_path / "b"])

    assert [run.run_id for run in catalog.run_envelopes] == ["other"]
    assert codes(catalog, tmp_path) == [
        ("c/stormlog_run.json", "envelope_not_object"),
        ("a/stormlog_run.json", "envelope_duplicate_run_id:r"),
        ("d/stormlog_run.json", "envelope_duplicate_run_id:r"),
        ("e/stormlog_run.json", "envelope_duplicate_run_id:r"),
    ]


def test_sidecar_items_with_odd_numbers_keep_the_rest(tmp_path: Path) -> None:
    item = {"title": "t", "kind": "k", "url": "u"}
    write_json(
        tmp_path / "stormlog_attachments.json",
        sidecar(
            item | {"start_ns": float("inf"), "rank": float("nan"), "end_ns": "7"},
            item | {"start_ns": True, "rank": 2.9, "storage": "copy"},
            item | {"path": "a\0b"},
        ),
    )

    catalog = ArtifactCatalog(tmp_path)

    assert [(row.start_ns, row.end_ns, row.rank, row.storage) for row in catalog.attachments] == [
        (None, 7, None, "reference"),
        (None, None, 2, "copy"),
    ]
    assert codes(catalog, tmp_path) == [("stormlog_attachments.json", "sidecar_item_invalid:2")]


def test_attachment_paths_are_resolved_from_the_sidecar(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    item = {"title": "t", "kind": "k"}
    write_json(
        tmp_path / "d/stormlog_attachments.json",
        sidecar(item | {"path": "../x"}, item | {"path": "/abs/../p"}),
    )
    monkeypatch.chdir(tmp_path)

    rows = ArtifactCatalog("d").attachments

    assert [(row.path, row.sidecar_path) for row in rows] == [
        (str(tmp_path / "x"), "d/stormlog_attachments.json"),
        ("/p", "d/stormlog_attachments.json"),
    ]


def test_attachments_are_ordered_by_start_then_title(tmp_path: Path) -> None:
    def item(title: str, start: int | None) -> dict[str, Any]:
        return {"title": title, "kind": "k", "url": "u", "start_ns": start}

    write_json(
        tmp_path / "stormlog_attachments.json",
        sidecar(item("b", 0), item("d", None), item("a", 1), item("e", -5), item("c", -1)),
    )

    assert [row.title for row in list_attachments(ArtifactCatalog(tmp_path))] == ["e", "c", "d", "b", "a"]
