"""A SQL file is found by the name of what it creates; a file that is called otherwise is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

import stormlog.query
from stormlog.engine.database import sql_files
from stormlog.engine.database.sql_files import load_sql_files

ROOT = Path(__file__).parents[2] / "sql"


def test_every_file_is_loaded() -> None:
    loaded = [file.path for file in load_sql_files()]
    assert sorted(loaded) == sorted([*ROOT.glob("macros/**/*.sql"), *ROOT.glob("views/**/*.sql")])
    assert len(loaded) > 80


#: Folders of views in schema `stage`.
INNER = ("gaps", "memory", "phases", "runs")


def test_file_is_called_like_what_statements_name() -> None:
    for file in load_sql_files():
        schema, _, name = file.table_name.rpartition(".")
        assert file.path.stem == name
        folder = file.path.parent.name
        assert schema == {"public": "", **dict.fromkeys(INNER, "stage")}.get(folder, folder)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("views/raw/lines.sql", "-- Rows.\nCREATE OR REPLACE VIEW raw.rows AS\nSELECT 1;"),
        ("views/raw/lines.sql", "-- Rows.\nCREATE OR REPLACE VIEW stage.lines AS\nSELECT 1;"),
        ("views/public/lines.sql", "-- Rows.\nCREATE OR REPLACE VIEW raw.lines AS\nSELECT 1;"),
        ("views/stage/lines.sql", "-- Rows.\nCREATE OR REPLACE VIEW stage.lines_view AS\nSELECT 1;"),
        (
            "views/stage/lines.sql",
            "-- Rows.\n-- Materialised: yes\nCREATE OR REPLACE VIEW stage.lines AS\nSELECT 1;",
        ),
        ("views/other/lines.sql", "-- Rows.\nCREATE OR REPLACE VIEW other.lines AS\nSELECT 1;"),
        ("views/raw/10_lines.sql", "-- Rows.\nCREATE OR REPLACE VIEW raw.lines AS\nSELECT 1;"),
        ("macros/prim/one.sql", "-- One.\nCREATE OR REPLACE MACRO prim.two() AS (2);"),
        ("macros/prim/one.sql", "-- One.\nCREATE OR REPLACE MACRO issues.one() AS (1);"),
        ("macros/prim/one.sql", "-- One.\nSELECT 1;"),
    ],
)
def test_other_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, text: str) -> None:
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).write_text(text)
    monkeypatch.setattr(sql_files, "resource_directory", lambda name: tmp_path)
    with pytest.raises(ValueError, match=Path(path).name):
        load_sql_files.__wrapped__()


def test_kept_answer_reads_no_view(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORMLOG_CACHE", str(tmp_path / "cache"))
    capture = ROOT.parent / "examples" / "captures" / "v4-cuda-sim"
    with stormlog.query.open([capture]) as store:
        titles = [issue.title for issue in store.list_issues()]
    load_sql_files.cache_clear()
    monkeypatch.setattr(sql_files, "resource_directory", lambda name: pytest.fail(f"reads {name}"))
    with stormlog.query.open([capture]) as store:
        assert [issue.title for issue in store.list_issues()] == titles != []
