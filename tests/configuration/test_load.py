"""Which file holds, who may have written it, and what it may say."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from stormlog.configuration import KEYS, Configuration, files, load


@pytest.fixture(autouse=True)
def away_from_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Work in an empty home directory, without any variable that counts more than the file."""
    for name in [name for name in os.environ if name.startswith("STORMLOG_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_without_a_file_nothing_is_set() -> None:
    found = load()
    assert (found.path, found.settings, found.warnings) == (None, {}, ())
    assert {found.value(name) for name in KEYS} == {None}


def test_the_example_of_every_key_is_a_value_of_it(tmp_path: Path) -> None:
    lines = [f"{key.name} = {key.example}" for key in KEYS.values()]
    write(tmp_path / "stormlog.toml", "\n".join(lines))
    assert set(load().settings) == set(KEYS)


def test_the_nearest_file_counts_and_stormlog_toml_before_pyproject(tmp_path: Path) -> None:
    outer = write(tmp_path / "stormlog.toml", 'project = "outer"')
    (tmp_path / "a" / "b").mkdir(parents=True)
    assert load(tmp_path / "a" / "b").path == str(outer)
    write(tmp_path / "a" / "pyproject.toml", '[tool.stormlog]\nproject = "inner"')
    assert load(tmp_path / "a" / "b").value("project") == "inner"
    write(tmp_path / "a" / "stormlog.toml", 'project = "beside"')
    assert load(tmp_path / "a" / "b").value("project") == "beside"


def test_a_pyproject_that_only_depends_on_stormlog_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path / "stormlog.toml", 'project = "outer"')
    write(tmp_path / "a" / "pyproject.toml", '[project]\ndependencies = ["stormlog"]')
    assert load(tmp_path / "a").value("project") == "outer"


@pytest.mark.parametrize(
    "text",
    [
        '[tool.stormlog]\nproject = "inner"',
        '["tool".stormlog]\nproject = "inner"',
        "[ 'tool' . 'stormlog' ]\nproject = 'inner'",
        '[tool]\nstormlog = { project = "inner" }',
        '["tool"]\nstormlog.project = "inner"',
        '"tool" = { stormlog = { project = "inner" } }',
        'tool.stormlog.project = "inner"',
    ],
)
def test_a_pyproject_is_found_however_its_table_is_written(tmp_path: Path, text: str) -> None:
    write(tmp_path / "pyproject.toml", text)
    assert load().value("project") == "inner"


@pytest.mark.parametrize("marker", ["folder", "file of a work tree"])
def test_the_search_ends_with_the_repository(tmp_path: Path, marker: str) -> None:
    write(tmp_path / "stormlog.toml", 'project = "outside"')
    inside = tmp_path / "repository" / "src"
    inside.mkdir(parents=True)
    if marker == "folder":
        (inside.parent / ".git").mkdir()
    else:
        (inside.parent / ".git").write_text("gitdir: elsewhere")
    assert load(inside).path is None
    write(inside.parent / "stormlog.toml", 'project = "of the repository"')
    assert load(inside).value("project") == "of the repository"


def test_the_search_ends_with_the_home_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "stormlog.toml", 'project = "of all users"')
    home = tmp_path / "me"
    (home / "work").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(home))
    assert load(home / "work").path is None


def test_the_search_ends_with_the_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "stormlog.toml", 'project = "of another disk"')
    mounted = tmp_path / "mounted"
    mounted.mkdir()
    real = os.stat

    def other_device(path: object, **options: object) -> object:
        found = real(path, **options)  # type: ignore[arg-type]
        if str(path) != str(mounted):
            return found
        return os.stat_result((found[0], found[1], found[2] + 1, *found[3:10]))

    monkeypatch.setattr(files.os, "stat", other_device)
    assert load(mounted).path is None


def test_a_file_of_another_user_is_passed_over_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "stormlog.toml", 'project = "mine"')
    theirs = write(tmp_path / "a" / "stormlog.toml", 'project = "theirs"')
    owner_of = os.fstat

    def owned(descriptor: int) -> object:
        found = owner_of(descriptor)
        if not os.path.samestat(found, theirs.stat()):
            return found
        return os.stat_result((*found[:4], os.geteuid() + 1, *found[5:10]))

    monkeypatch.setattr(files.os, "fstat", owned)
    found = load(tmp_path / "a")
    assert found.value("project") == "mine"
    assert len(found.warnings) == 1
    assert str(theirs) in found.warnings[0]
    assert "another user" in found.warnings[0]
    monkeypatch.setenv("STORMLOG_CONFIG", str(theirs))
    assert load().path is None


def test_a_pipe_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "stormlog.toml")
    assert load().path is None


def test_the_environment_names_the_file_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "stormlog.toml", 'project = "near"')
    named = write(tmp_path / "elsewhere" / "team.toml", 'project = "named"\ndb = "t.db"')
    monkeypatch.setenv("STORMLOG_CONFIG", str(named))
    assert load().value("project") == "named"
    assert load().value("db") == str(named.parent / "t.db")
    monkeypatch.setenv("STORMLOG_CONFIG", "off")
    assert load() == Configuration()
    monkeypatch.setenv("STORMLOG_CONFIG", str(tmp_path / "missing.toml"))
    with pytest.raises(ValueError, match=r"cannot read the configuration .*missing.toml: No such file"):
        load()


def test_paths_are_meant_from_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "stormlog.toml", 'paths = ["runs", "~/dumps", "/data"]\ncache = "kept"')
    inner = tmp_path / "src"
    inner.mkdir()
    monkeypatch.chdir(inner)
    found = load()
    assert found.value("paths") == (str(tmp_path / "runs"), str(tmp_path / "dumps"), "/data")
    assert found.value("cache") == str(tmp_path / "kept")
    # Beside the file they are as they are written.
    monkeypatch.chdir(tmp_path)
    assert load().value("paths") == ("runs", str(tmp_path / "dumps"), "/data")


def test_variables_count_more_than_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "stormlog.toml", 'db = "of-file.db"\ncache = false\nproject = "p"')
    assert (load().value("db"), load().value("cache")) == ("of-file.db", False)
    monkeypatch.setenv("STORMLOG_DB", "of-environment.db")
    monkeypatch.setenv("STORMLOG_CACHE", "off")
    found = load()
    assert [found.value(name) for name in ("db", "cache", "project")] == [None, None, "p"]
    assert [found.source(name) for name in ("db", "cache", "project", "tz")] == [
        "STORMLOG_DB",
        "STORMLOG_CACHE",
        str(path),
        None,
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("projct = 'a'", "'projct' is no key; did you mean 'project'?"),
        ("colour = 'red'", "'colour' is no key; there are paths, db, project"),
        ("webhook_url = 'https://example.org'", "where messages go are never read from a configuration"),
        ("smtp_password = 'x'", "secrets, permissions"),
        ("recipients = ['a@example.org']", "secrets, permissions"),
        ("allow = 'issues:write'", "secrets, permissions"),
        ("threads = 0", "threads: has to be a number above 0"),
        ("threads = true", "threads: has to be a number above 0"),
        ("threads = '4'", "threads: has to be a number above 0"),
        ("memory_limit = '4 apples'", "memory_limit: has to be a size such as 512MB"),
        ("memory_limit = 4", "memory_limit: has to be a text"),
        ("paths = 'runs'", "paths: has to be a list of paths"),
        ("paths = []", "paths: has to be a list of paths"),
        ("paths = ['']", "paths: has to be a text that is not empty"),
        ("db = ''", "db: has to be a text that is not empty"),
        ("cache = true", "cache: has to be a directory, or false"),
        ("tz = 'Mars/Olympus'", "tz: "),
        ("tz = '../../etc/passwd'", "tz: "),
        ("settle = 'soon'", "settle: "),
        ("min_severity = 'awful'", "min_severity: has to be one of critical, warning, info"),
        ("version_order = 'random'", "version_order: has to be one of auto, string"),
        ("ignore = [{kind = 'alert'}, {kin = 'oom'}]", "ignore[1]: an ignore rule has no 'kin'"),
        ("ignore = [{reason = 'noise'}]", "would fit every issue"),
        ("ignore = {kind = 'oom'}", "ignore: ignore is a list of rules"),
        ("[[ignore]]\nreason = 'noise'", "ignore: ignore[0]: an ignore rule names a kind"),
        ("[[ignore]]\nkind = 'allert'", "ignore: ignore[0]: unknown kind 'allert'"),
        ("format = 'xml'", "format: has to be one of table, json"),
        ("project = ", "not valid TOML"),
        ("project = 'a'\nproject = 'b'", "not valid TOML"),
    ],
)
def test_what_is_not_right_is_an_error_that_names_the_file(tmp_path: Path, text: str, said: str) -> None:
    path = write(tmp_path / "stormlog.toml", text)
    with pytest.raises(ValueError, match="toml: ") as caught:
        load()
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


def test_bytes_that_are_no_text_and_giants_are_errors(tmp_path: Path) -> None:
    (tmp_path / "stormlog.toml").write_bytes(b"project = '\xff'")
    with pytest.raises(ValueError, match="not valid TOML"):
        load()
    (tmp_path / "stormlog.toml").write_bytes(b"#" * (2 << 20))
    with pytest.raises(ValueError, match="more than 1 MiB"):
        load()
    write(tmp_path / "stormlog.toml", "a = " + "[" * 5000 + "]" * 5000)
    with pytest.raises(ValueError, match=r"stormlog\.toml"):
        load()


def test_words_of_keys_are_those_of_the_options() -> None:
    from stormlog.apps.cli.commands.gate import gate
    from stormlog.apps.cli.printing.formats import FORMATS

    options = {param.name: param for param in gate.params}
    for key, option in (("min_severity", "min_severity"), ("version_order", "version_order")):
        choices = options[option].type.choices  # type: ignore[attr-defined]
        assert [KEYS[key].check(word, "") for word in choices] == list(choices)
        with pytest.raises(ValueError, match=f"one of {', '.join(choices)}$"):
            KEYS[key].check("other", "")
    with pytest.raises(ValueError, match=f"one of {', '.join(FORMATS)}$"):
        KEYS["format"].check("other", "")


def test_the_guide_names_every_key() -> None:
    guide = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text(encoding="utf-8")
    assert [line.split("`")[1] for line in guide.splitlines() if line.startswith("| `")] == list(KEYS)
