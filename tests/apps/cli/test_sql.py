"""``stormlog sql``: one statement, its rows in every format, and files that are whole or not there."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, Any

import pyarrow.ipc
import pyarrow.parquet
import pytest

from stormlog import _new_files
from stormlog.query.parameters import parse_parameters
from tests.apps.cli.runner import COMMAND, stormlog
from tests.apps.cli.samples import capture

pytestmark = pytest.mark.usefixtures("one_store_for_all_commands")

_KINDS = "SELECT kind, hit_count FROM issues ORDER BY kind"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sql") / "runs"
    folder.mkdir()
    capture(folder)
    return folder


@pytest.fixture
def own_runs(tmp_path: Path) -> Path:
    """Runs whose store no other test asks: tables that are attached stay."""
    (tmp_path / "runs").mkdir()
    return capture(tmp_path / "runs").parent


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# ---- the statement -----------------------------------------------------------------------------------------


def test_the_statement_may_stand_anywhere(runs: Path) -> None:
    for arguments in ([runs, _KINDS], [_KINDS, runs], ["--csv", _KINDS, runs, "-q"]):
        outcome = stormlog("sql", *arguments, "--jsonl" if "--csv" not in arguments else "--strict")
        assert (outcome.status, outcome.stderr) == (0, "")
        assert "alert" in outcome.stdout


def test_a_statement_comes_from_a_file_or_stdin(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "report.sql"
    file.write_text("-- what there is\n" + _KINDS + ";\n")
    expected = stormlog("sql", runs, _KINDS, "--json").stdout
    assert stormlog("sql", runs, "-f", file, "--json").stdout == expected
    for arguments in ([runs, "-"], [runs, "-f", "-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(file.read_bytes())))
        assert stormlog("sql", *arguments, "--json").stdout == expected


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["RUNS"], "There is no statement"),
        (["RUNS", "report.sql"], "-f report.sql reads the file"),
        (["SELECT 1"], "Missing argument 'PATH...'"),
        (["RUNS", "SELECT 1", "-f", "report.sql"], "Give the statement once"),
        (["RUNS", "-f", "missing.sql"], "missing.sql: No such file"),
        (["RUNS", "-f", "empty.sql"], "holds no statement"),
        (["RUNS", "SELECT 1", "--force"], "--force needs -o"),
        (["RUNS", "SELECT 1", "--timeout", "soon"], "is no duration"),
        (["RUNS", "SELECT 1", "--timeout", "0s"], "leaves no time"),
        (["RUNS", "SELECT 1", "--max-bytes", "much"], "is no size"),
        (["RUNS", "SELECT 1", "--limit", "-1"], "--limit"),
        (["RUNS", "SELECT 1", "-p", "five"], "write name=value"),
        (["RUNS", "SELECT 1", "-p", "a=1", "-p", "a=2"], "given twice"),
        (["RUNS", "SELECT 1", "--attach", "hosts.csv"], "write NAME=FILE"),
        (["RUNS", "SELECT 1", "--attach", "a=x.csv", "--attach", "A=y.csv"], "given twice"),
        (["RUNS", "SELECT 1", "-o", "x.xlsx"], "its end says the format"),
        (["RUNS", "SELECT 1", "-o", "x.csv", "--json"], "is csv, and the format json was named"),
        (["RUNS", "SELECT 1", "-o", "x.parquet", "--max-bytes", "1KB"], "use --limit"),
        (["RUNS", "SELECT 1", "-o", "nowhere/x.csv"], "there is no directory nowhere"),
    ],
)
def test_wrong_usage_is_one_line_and_status_2(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "report.sql").write_text("SELECT 1")
    (tmp_path / "empty.sql").write_text(" \n")
    outcome = stormlog("sql", *(str(runs) if word == "RUNS" else word for word in arguments))
    assert (outcome.status, outcome.stdout) == (2, "")
    assert message in outcome.stderr
    assert outcome.stderr.count("\n") == 1
    assert names(tmp_path) == ["empty.sql", "report.sql"]


@pytest.mark.parametrize(
    "text", ["DROP VIEW issues", "SELECT 1; SELECT 2", "COPY issues TO 'x'", "SELEC 1", "FROM isues"]
)
def test_what_is_refused_is_one_line_and_status_1(runs: Path, text: str) -> None:
    outcome = stormlog("sql", runs, text)
    assert (outcome.status, outcome.stdout) == (1, "")
    assert outcome.stderr.startswith("Error: ")
    assert outcome.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("command", "options"),
    [
        ("issues", ["--kind", "oom"]),
        ("issues", ["--session", "it's \\ $kind\n-- '"]),
        ("sessions", []),
        ("events", ["--limit", "1"]),
        ("events", ["--no-has-alert"]),
        ("ooms", ["--created-after", "2020-01-01"]),
    ],
)
def test_a_printed_statement_runs_as_it_stands(
    runs: Path, tmp_path: Path, command: str, options: list[str]
) -> None:
    printed = stormlog("query", command, runs, *options, "--sql").stdout
    (tmp_path / "printed.sql").write_text(printed)
    expected = json.loads(stormlog("query", command, runs, *options, "--json").stdout)
    for again in (
        stormlog("sql", runs, "-f", tmp_path / "printed.sql", "--json"),
        stormlog("sql", runs, printed, "--json"),
        stormlog("query", command, runs, "--sql", printed, "--json"),
    ):
        assert (again.status, again.stderr) == (0, "")
        assert len(json.loads(again.stdout)) == len(expected)


# ---- parameters --------------------------------------------------------------------------------------------


def test_values_are_json_or_text() -> None:
    given = ["a=oom", "b=5", "c=1.5", "d=true", "e=null", 'f="5"', "g=[1, 2]", "h=007", "i=2026-11-26", "j="]
    given += ["k=a=b", "l=NaN", "$m=1e3", "n=-0x1", "o='x'"]
    assert parse_parameters(given) == {
        "a": "oom",
        "b": 5,
        "c": 1.5,
        "d": True,
        "e": None,
        "f": "5",
        "g": [1, 2],
        "h": "007",
        "i": "2026-11-26",
        "j": "",
        "k": "a=b",
        "l": "NaN",
        "m": 1000.0,
        "n": "-0x1",
        "o": "'x'",
    }
    with pytest.raises(ValueError, match="128 bits"):
        parse_parameters([f"a={2**127}"])


def test_parameters_reach_the_statement(runs: Path) -> None:
    text = "SELECT kind FROM issues WHERE kind = $kind AND hit_count >= $least"
    outcome = stormlog("sql", runs, text, "-p", "kind=oom", "-p", "least=1", "--csv")
    assert outcome.stdout == "kind\r\noom\r\n"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "there is no value for $kind: give it with -p kind=VALUE"),
        (["-p", "kind=5"], "-p 'kind=\"5\"'"),
        (["-p", "kind=oom", "-p", "other=1"], "other"),
    ],
)
def test_parameters_that_do_not_fit_are_told(runs: Path, given: list[str], message: str) -> None:
    outcome = stormlog("sql", runs, "SELECT kind FROM issues WHERE kind = $kind", *given)
    assert (outcome.status, outcome.stdout) == (1, "")
    assert message in outcome.stderr


# ---- rows --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "text", "note"),
    [
        (["--limit", "1", "--csv"], "kind\r\nalert\r\n", "the first 1 row"),
        (["--limit", "2", "--csv"], "kind\r\nalert\r\noom\r\n", None),
        (["--limit", "0", "--jsonl"], "", "the first 0 rows"),
        (["--max-bytes", "18", "--csv"], "kind\r\nalert\r\noom\r\n", None),
        (["--max-bytes", "17", "--csv"], "kind\r\nalert\r\n", "1 row within --max-bytes"),
        (["--max-bytes", "2", "--csv"], "", "0 rows within --max-bytes"),
        (["--max-bytes", "40", "--json"], '[\n  {\n    "kind": "alert"\n  }\n]\n', "1 row within"),
        (["--max-bytes", "10", "--json"], "[]\n", "0 rows within"),
        (["--max-bytes", "1MB", "--jsonl"], '{"kind": "alert"}\n{"kind": "oom"}\n', None),
    ],
)
def test_limits_cut_between_rows_and_are_announced(
    runs: Path, limits: list[str], text: str, note: str | None
) -> None:
    outcome = stormlog("sql", runs, "SELECT kind FROM issues ORDER BY kind", *limits)
    assert (outcome.status, outcome.stdout) == (0, text)
    assert outcome.stderr == "" if note is None else note in outcome.stderr


def test_a_table_within_bytes_has_whole_rows(runs: Path) -> None:
    outcome = stormlog("sql", runs, "SELECT i FROM range(1000) AS r(i)", "--max-bytes", "60")
    assert len(outcome.stdout.encode()) <= 60
    assert outcome.stdout.endswith("\n")
    assert "rows within --max-bytes" in outcome.stderr


def test_no_rows_and_names_that_occur_twice(runs: Path) -> None:
    assert stormlog("sql", runs, "SELECT 1 AS a, 2 AS a WHERE false", "--csv").stdout == "a,a_2\r\n"
    assert (
        stormlog("sql", runs, "SELECT 1 AS a, 2 AS a, 3 AS a", "--jsonl").stdout
        == '{"a": 1, "a_2": 2, "a_3": 3}\n'
    )


_ODD = (
    "SELECT 170141183460469231731687303715884105727::HUGEINT AS huge, {'a': [1, NULL]} AS nested, MAP {'k': 1} AS m, "
    "'\\x00\\xFF'::BLOB AS bytes, 'nan'::DOUBLE AS no_number, INTERVAL 3 DAY AS span, NULL AS nothing"
)


def test_odd_values_in_every_text_format(runs: Path) -> None:
    row = json.loads(stormlog("sql", runs, _ODD, "--jsonl").stdout)
    assert row["huge"] == 170141183460469231731687303715884105727
    assert (row["nested"], row["m"], row["bytes"]) == ({"a": [1, None]}, {"k": 1}, "00ff")
    assert (row["no_number"], row["nothing"]) == (None, None)
    assert json.loads(stormlog("sql", runs, _ODD, "--json").stdout) == [row]
    csv = stormlog("sql", runs, _ODD, "--csv").stdout
    assert '170141183460469231731687303715884105727,"{""a"": [1, null]}","{""k"": 1}",00ff,nan' in csv
    for option in ("--table", "--markdown"):
        outcome = stormlog("sql", runs, _ODD, option)
        assert (outcome.status, outcome.stderr) == (0, "")
        assert "170141183460469231731687303715884105727" in outcome.stdout


def test_more_columns_than_a_table_shows_are_told(runs: Path, tmp_path: Path) -> None:
    (tmp_path / "wide.sql").write_text("SELECT " + ", ".join(f"{n} AS c{n}" for n in range(2_001)))
    outcome = stormlog("sql", runs, "-f", tmp_path / "wide.sql")
    assert (outcome.status, outcome.stdout) == (2, "")
    assert "2,001 columns, and a table shows at most 2,000" in outcome.stderr
    assert stormlog("sql", runs, "-f", tmp_path / "wide.sql", "--csv").stdout.count(",") == 4_000


def test_rows_stream_to_a_reader_that_goes_away(runs: Path) -> None:
    text = "SELECT i, repeat('x', 100) AS t FROM range(1000000000) AS r(i)"
    process = subprocess.Popen([*COMMAND, "sql", str(runs), text, "--csv"], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"i,t\r\n"
    process.stdout.close()
    assert process.wait(timeout=120) == 0


def test_a_statement_that_takes_too_long_is_stopped(runs: Path, tmp_path: Path) -> None:
    slow = "SELECT count(*) FROM range(1000000000) AS a(i), range(1000000) AS b(j) WHERE (i * j) % 7 = 3"
    outcome = stormlog("sql", runs, slow, "--timeout", "300ms", "-o", tmp_path / "x.csv")
    assert outcome.status == 1
    assert "it took longer than 0.3 s" in outcome.stderr
    assert names(tmp_path) == []


# ---- files -------------------------------------------------------------------------------------------------


def test_files_have_the_rows_that_are_printed(runs: Path, tmp_path: Path) -> None:
    for suffix in ("csv", "jsonl"):
        outcome = stormlog("sql", runs, _KINDS, "-o", tmp_path / f"x.{suffix}")
        assert (outcome.status, outcome.stdout) == (0, "")
        assert "2 rows" in outcome.stderr
        with (tmp_path / f"x.{suffix}").open(newline="") as stream:
            assert stream.read() == stormlog("sql", runs, _KINDS, f"--{suffix}").stdout
    expected = [{"kind": "alert", "hit_count": 1}, {"kind": "oom", "hit_count": 1}]
    for suffix in ("parquet", "arrow"):
        assert stormlog("sql", runs, _KINDS, "-o", tmp_path / f"x.{suffix}", "-q").stderr == ""
    assert pyarrow.parquet.read_table(tmp_path / "x.parquet").to_pylist() == expected
    assert pyarrow.ipc.open_file(tmp_path / "x.arrow").read_all().to_pylist() == expected
    assert names(tmp_path) == ["x.arrow", "x.csv", "x.jsonl", "x.parquet"]


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_a_file_without_rows_has_its_columns(runs: Path, tmp_path: Path, suffix: str) -> None:
    text = "SELECT 1 AS a, 2 AS a, INTERVAL 1 DAY AS v, [NULL] AS l, UNION_VALUE(k := 1) AS u WHERE false"
    path = tmp_path / f"x.{suffix}"
    assert stormlog("sql", runs, text, "-o", path).status == 0
    read: Any = (
        pyarrow.parquet.read_table(path) if suffix == "parquet" else pyarrow.ipc.open_file(path).read_all()
    )
    assert (read.num_rows, read.column_names) == (0, ["a", "a_2", "v", "l", "u"])


def test_a_limit_holds_for_files_and_is_announced(runs: Path, tmp_path: Path) -> None:
    text = "SELECT i FROM range(30000) AS r(i)"
    for suffix in ("parquet", "arrow", "csv", "jsonl"):
        outcome = stormlog("sql", runs, text, "--limit", "12000", "-o", tmp_path / f"x.{suffix}")
        assert "first 12,000 rows" in outcome.stderr
        assert "12,000 rows," in outcome.stderr
    assert pyarrow.parquet.read_table(tmp_path / "x.parquet").column("i").to_pylist() == list(range(12000))
    assert len((tmp_path / "x.csv").read_text().splitlines()) == 12001


@pytest.mark.parametrize("suffix", ["parquet", "arrow"])
def test_an_integer_that_does_not_fit_leaves_no_file(runs: Path, tmp_path: Path, suffix: str) -> None:
    outcome = stormlog("sql", runs, _ODD, "-o", tmp_path / f"x.{suffix}")
    assert outcome.status == 1
    assert "DECIMAL" in outcome.stderr
    assert names(tmp_path) == []


def test_a_file_that_exists_is_kept_unless_it_may_be_replaced(runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text("mine")
    outcome = stormlog("sql", runs, _KINDS, "-o", path)
    assert outcome.status == 2
    assert "exists already; --force replaces it" in outcome.stderr
    assert path.read_text() == "mine"
    assert stormlog("sql", runs, "SELECT nothing FROM issues", "-o", path, "--force").status == 1
    assert path.read_text() == "mine"
    assert stormlog("sql", runs, _KINDS, "-o", path, "--force").status == 0
    assert path.read_text().startswith("kind")
    assert names(tmp_path) == ["x.csv"]


def test_a_file_that_appears_meanwhile_is_kept(tmp_path: Path) -> None:
    from stormlog._opening import OpenedPaths

    path = tmp_path / "x.csv"
    with pytest.raises(ValueError, match="exists already"):  # noqa: SIM117
        with _new_files.new_file(str(path), replaces=False, kept=OpenedPaths([])) as stream:
            stream.write(b"ours")
            path.write_text("theirs")
    assert path.read_text() == "theirs"
    assert names(tmp_path) == ["x.csv"]


def test_nothing_is_written_into_opened_paths(runs: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in runs.iterdir()}
    (tmp_path / "link").symlink_to(runs)
    (tmp_path / "events.csv").symlink_to(runs / "events.jsonl")
    for target in (runs / "x.csv", tmp_path / "link" / "x.csv", tmp_path / "events.csv"):
        outcome = stormlog("sql", runs, _KINDS, "-o", target, "--force")
        assert (outcome.status, outcome.stdout) == (2, "")
        assert "where nothing is written" in outcome.stderr
    outcome = stormlog("sql", runs / "events.jsonl", _KINDS, "-o", runs / "events.jsonl", "--force")
    assert outcome.status == 2
    assert {path.name: path.read_bytes() for path in runs.iterdir()} == before


def test_an_attached_file_is_not_replaced(own_runs: Path, tmp_path: Path) -> None:
    path = tmp_path / "h.csv"
    path.write_text("a\n1\n")
    outcome = stormlog("sql", own_runs, "FROM h", "--attach", f"h={path}", "-o", path, "--force")
    assert outcome.status == 2
    assert path.read_text() == "a\n1\n"


@pytest.mark.parametrize("suffix", ["csv", "jsonl", "parquet", "arrow"])
def test_a_full_disk_leaves_nothing(
    runs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str
) -> None:
    real = os.fdopen

    def full(descriptor: int, *arguments: Any) -> IO[bytes]:
        stream: Any = real(descriptor, *arguments)

        class Full(io.RawIOBase):
            written = 0

            def writable(self) -> bool:
                return True

            def write(self, data: Any) -> int:
                self.written += len(data)
                if self.written > 1_000:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                return int(stream.write(data))

            def fileno(self) -> int:
                return int(stream.fileno())

            def close(self) -> None:
                stream.close()
                super().close()

        return Full()  # type: ignore[return-value]

    monkeypatch.setattr(_new_files.os, "fdopen", full)
    text = "SELECT i, uuid() AS id FROM range(20000) AS r(i)"
    outcome = stormlog("sql", runs, text, "-o", tmp_path / f"x.{suffix}")
    assert outcome.status == 1
    assert "No space left on device" in outcome.stderr
    assert names(tmp_path) == []


# ---- own tables --------------------------------------------------------------------------------------------


def test_attached_files_join_views(own_runs: Path, tmp_path: Path) -> None:
    (tmp_path / "teams.csv").write_text("kind,team\noom,memory\nalert,ops\n")
    (tmp_path / "plain.csv").write_text("a,1\nb,2\n")
    text = "SELECT team, title IS NOT NULL AS is_titled FROM issues JOIN teams USING (kind) ORDER BY team"
    outcome = stormlog(
        *("sql", own_runs, text, "--csv", "--attach", f"teams={tmp_path / 'teams.csv'}"),
        *("--attach", f"plain={tmp_path / 'plain.csv'}"),
    )
    assert outcome.stdout.splitlines() == ["team,is_titled", "memory,True", "ops,True"]
    assert "its first line is no header" in outcome.stderr


@pytest.mark.parametrize(
    ("attached", "status", "message"),
    [
        ("issues=x.csv", 2, "there is a view issues already"),
        ("a b=x.csv", 2, "cannot name a table"),
        ("h=missing.csv", 3, "missing.csv: No such file"),
    ],
)
def test_what_cannot_be_attached_is_told(runs: Path, attached: str, status: int, message: str) -> None:
    outcome = stormlog("sql", runs, "SELECT 1", "--attach", attached)
    assert (outcome.status, outcome.stdout) == (status, "")
    assert message in outcome.stderr


def test_views_are_listed_and_described(runs: Path) -> None:
    shown = stormlog("sql", runs, "SHOW TABLES", "--csv").stdout.split()
    assert {"issues", "events", "runs"} <= set(shown)
    assert "records" not in shown
    assert "hit_count" in stormlog("sql", runs, "DESCRIBE issues", "--csv").stdout
    assert stormlog("sql", runs, "SUMMARIZE issues", "--json").status == 0
    assert stormlog("sql", runs, "EXPLAIN FROM issues", "--json").status == 0
