"""The committed schemas are those of the code, and no field that was promised is gone."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]


def _generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_schemas", CHECKOUT / "docs/generate_schemas.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATOR = _generator()


def test_committed_schemas_are_up_to_date() -> None:
    """If not, run ``python docs/generate_schemas.py``."""
    committed = {path.name: path.read_text(encoding="utf-8") for path in GENERATOR.SCHEMAS.glob("*.json")}
    assert committed == GENERATOR.schema_files()


def test_every_field_is_recorded_and_every_recorded_field_is_there() -> None:
    """A field that is gone breaks programs: bring it back. For new ones run ``python docs/generate_schemas.py``."""
    now = GENERATOR.all_fields()
    assert GENERATOR.broken_promises(GENERATOR.recorded_fields(), now) == []
    assert GENERATOR.FIELDS.read_text(encoding="utf-8") == GENERATOR.fields_text(now)


@pytest.mark.parametrize(
    ("recorded", "now", "problem"),
    [
        ("required integer", "required integer", None),
        ("optional integer", "required integer", None),
        ("required integer", None, "a.b is gone"),
        ("required integer", "required integer|null", "a.b was integer and is integer|null"),
        ("required integer|null", "required integer", "a.b was integer|null and is integer"),
        ("required 'x'", "required 'x'|'y'", "a.b was 'x' and is 'x'|'y'"),
        ("required integer", "optional integer", "a.b was always there and is optional"),
        (None, "required integer", None),
    ],
)
def test_fields_are_only_ever_added(recorded: str | None, now: str | None, problem: str | None) -> None:
    before = {} if recorded is None else {"a.b": recorded}
    after = {} if now is None else {"a.b": now}
    assert GENERATOR.broken_promises(before, after) == ([] if problem is None else [problem])


@pytest.mark.parametrize(
    ("recorded", "now", "problem"),
    [
        ("required string", "optional string", None),
        ("optional string", "required string", "t_arguments.b could be left out and has to be given"),
        ("optional string", None, "t_arguments.b is gone"),
        (None, "optional string", None),
        (None, "required string", "t_arguments.b is new and has to be given"),
    ],
)
def test_calls_of_tools_go_on_working(recorded: str | None, now: str | None, problem: str | None) -> None:
    before = {"t_arguments": "required object"} | ({} if recorded is None else {"t_arguments.b": recorded})
    after = {"t_arguments": "required object"} | ({} if now is None else {"t_arguments.b": now})
    assert GENERATOR.broken_promises(before, after) == ([] if problem is None else [problem])


def test_nothing_is_written_where_a_promise_would_be_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(GENERATOR, "SCHEMAS", tmp_path)
    monkeypatch.setattr(GENERATOR, "FIELDS", tmp_path / "fields.txt")
    (tmp_path / "fields.txt").write_text("why.gone required string\n", encoding="utf-8")
    with pytest.raises(SystemExit, match=r"why\.gone is gone"):
        GENERATOR.main()
    assert [path.name for path in tmp_path.iterdir()] == ["fields.txt"]
    (tmp_path / "fields.txt").unlink()
    (tmp_path / "old.json").touch()
    GENERATOR.main()
    assert {path.name for path in tmp_path.iterdir()} == {*GENERATOR.schema_files(), "fields.txt"}


def test_fields_of_fields_have_their_places() -> None:
    fields = GENERATOR.all_fields()
    assert fields["why.memory.growth{}"] == "required integer|null"
    assert fields["query_issues[].representative_evidence.source_path"] == "required null|string"
    assert fields["query_summary[].sample_count"] == "optional integer"
    assert fields["mcp_list_issues.untrusted_data.issues[].last_seen_utc"] == "optional null|string"
    assert fields["mcp_resolve_arguments.revision"] == "required integer"
    assert fields["issues_show.account.timeline.series[].points[].max_bytes"] == "required integer"
