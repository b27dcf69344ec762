"""Conditions that people write: what they may say, how long they take, and who waits for them."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stormlog import _sqlite as sqlite_files
from stormlog.tracking import Tracker
from stormlog.tracking.reading import conditions
from stormlog.tracking.reading.condition_functions import REPLACED
from stormlog.tracking.reading.conditions import LONGEST_CONDITION, LONGEST_VALUE, Condition
from stormlog.tracking.triage import session as sessions_of_verbs
from stormlog.tracking.triage import verbs
from tests.tracking.people import LEE, Clock, as_actor, new_tracker, of, refused, seen
from tests.tracking.tables import everything

ENDLESS = "(SELECT count(*) FROM issues a, issues b, issues c, issues d, issues e, issues f, issues g) > 0"


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A tracker with forty issues, recorded once and to be copied, and the time of its clock."""
    clock = Clock()
    with new_tracker(tmp_path_factory.mktemp("recorded"), clock) as tracker:
        for number in range(40):
            seen(tracker, f"F{number}", session=f"s{number}")
    return tracker.store.path, clock.now_ns


@pytest.fixture
def many(recorded: tuple[Path, int], tmp_path: Path, clock: Clock) -> Iterator[Tracker]:
    """Forty issues."""
    path, clock.now_ns = recorded
    shutil.copy(path, tmp_path / path.name)
    with new_tracker(tmp_path, clock) as tracker:
        yield tracker


def fitting(tracker: Tracker, where: str) -> int:
    return len(tracker.list_issues(where=where).issues)


# ---- names -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "where",
    [
        '"nosuch" = 1',
        "\"nosuch\" = 'nosuch'",
        'title = "Alert: F1"',
        'title <> ""',
        "kind = 'alert' OR \"kind \" = 'alert'",
        'kind = "alert" -- "kind"',
        'title = "a`b"',
        'title = "a""b"',
        '(SELECT max("nosuch") FROM issues) > 0',
        '\'"\' = "x"',
        "rowid > 0",
    ],
)
def test_a_name_that_is_none_is_an_error_and_no_text(many: Tracker, where: str) -> None:
    with pytest.raises(ValueError, match=r"no such column: .*; columns are issue_id"):
        many.list_issues(where=where)


@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("\"title\" = 'Alert: F1'", 1),
        ("\"TITLE\" = 'Alert: F1'", 1),
        ("issues.\"title\" = 'Alert: F1'", 1),
        ("`title` = 'Alert: F1' AND [kind] = 'alert'", 1),
        ("title LIKE '%\"nosuch\"%'", 0),
        ("title = 'Alert: F1' -- \"nosuch\"", 1),
        ("title = 'Alert: F1' /* \"nosuch\" ' */", 1),
        ("title = 'it''s \"so\"'", 0),
        ("run_count = '1'", 40),
        ("is_dev = 0 AND state = 'open' AND project = 'default'", 40),
        ("json_extract(fingerprint_ids, '$[0]') = fingerprint_ids ->> 0", 40),
        ("issue_id IN (SELECT max(issue_id) FROM issues UNION SELECT min(issue_id) FROM issues)", 2),
        ("title = 'with' OR title = 'Alert: F2'", 1),
        ("(VALUES (1)) = 1", 40),
    ],
)
def test_conditions_are_asked_of_every_issue(many: Tracker, where: str, count: int) -> None:
    assert fitting(many, where) == count


# ---- limits ------------------------------------------------------------------------------------------------

HOSTILE = [
    "printf('%.*c', 1000000000, 'x') > ''",
    "format('%1000000000d', 1) > ''",
    "length(zeroblob(1000000000)) > 0",
    "length(randomblob(1000000000)) > 0",
    "random() > 0",
    "length(hex(hex(hex(hex(hex(hex(hex(hex(title || hex(hex(hex(hex(hex(hex(hex(title)))))))))))))))) > 0",
    "(SELECT length(group_concat(hex(a.title) || hex(b.title))) FROM issues a, issues b, issues c) > 0",
    "(SELECT length(json_group_array(hex(a.title) || hex(b.title))) FROM issues a, issues b, issues c) > 0",
    "(WITH RECURSIVE t (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT max(x) FROM t) > 0",
    "EXISTS (WITH a AS (SELECT 1 x)"
    + "".join(f", a{n} AS (SELECT p.x FROM a{n - 1 or ''} p, a{n - 1 or ''} q)" for n in range(1, 60))
    + " SELECT * FROM a59)",
    "(SELECT x FROM "
    + "(SELECT x || x AS x FROM " * 40
    + "(SELECT title AS x FROM issues)"
    + ")" * 40
    + ") > ''",
    "(" * 5_000 + "1" + ")" * 5_000,
    "NOT " * 2_000 + "1",
    "title = '" + "x" * (LONGEST_CONDITION + 1) + "'",
    "title LIKE '" + "%a" * 400 + "%'",
    "title GLOB '" + "*a" * 400 + "*'",
    "title LIKE 'a' ESCAPE 'ab'",
    "load_extension('x')",
    "sqlite_version() > ''",
    "last_insert_rowid() > 0",
    "fts3_tokenizer('x') > 0",
    "json('" + "[" * 3_000 + "')",
    "EXISTS (SELECT 1 FROM json_each('[1]'))",
    "EXISTS (SELECT 1 FROM sqlite_schema)",
    "EXISTS (SELECT 1 FROM tracked.sqlite_master)",
    "EXISTS (SELECT 1 FROM pragma_table_list)",
    "RAISE(ABORT, 'x')",
    ENDLESS,
    "(SELECT count(DISTINCT a.title || b.title || c.title || d.title || e.title) "
    "FROM issues a, issues b, issues c, issues d, issues e) > 0",
    "(SELECT count(*) FROM " + ", ".join(f"issues t{n}" for n in range(60)) + ") > 0",
    "(SELECT count(*) FROM issues a, issues b, issues c, issues d, issues e WHERE a.title LIKE e.title || '%') > 0",
]


@pytest.mark.parametrize("where", HOSTILE, ids=lambda where: where[:60])
def test_no_condition_takes_long_or_makes_large_values(
    many: Tracker, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(conditions, "DEADLINE_S", 0.2)
    stored = everything(many)
    with pytest.raises(ValueError):
        many.resolve(where=where)
    with pytest.raises(ValueError):
        many.list_issues(where=where)
    assert everything(many) == stored


@pytest.mark.parametrize(
    "where",
    [
        "{long} LIKE '%a%a%a%a%a%a%a%a%a%a%a%b'",
        "{long} GLOB '*a*a*a*a*a*a*a*a*a*a*a*b'",
        "{long} LIKE '%" + "a" * 200 + "%" + "_" * 200 + "b'",
        "trim({long}, {long} || 'b') = 'c'",
        "instr({long}, substr({long}, 1, 30000) || 'b') > 0",
        "replace({long}, substr({long}, 1, 30000) || 'b', 'c') = ''",
    ],
)
def test_what_works_on_one_value_ends_soon(where: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing can stop a function half way, so none may take long."""
    long = "a" * (LONGEST_VALUE - 10)
    with Condition(where.replace("{long}", "title")) as condition:
        rows = [[{"issue_id": "i", "title": long}[name] for name in condition.columns]]
        assert condition.matching(rows) == []


def test_a_value_of_an_issue_may_be_too_long_for_a_condition_that_names_it() -> None:
    for where, fits in (("title > ''", False), ("run_count = 1", True)):
        with Condition(where) as condition:
            issue = {"issue_id": "i", "title": "x" * (LONGEST_VALUE + 1), "run_count": 1}
            rows = [[issue[name] for name in condition.columns]]
            if fits:
                assert condition.matching(rows) == ["i"]
            else:
                with pytest.raises(ValueError, match="a value has more than 131,072 bytes"):
                    condition.matching(rows)


def test_what_takes_too_long_is_told(many: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conditions, "DEADLINE_S", 0.1)
    with pytest.raises(ValueError, match=r"it takes longer than 0\.1 s"):
        many.list_issues(where=ENDLESS)


@pytest.mark.parametrize("use", [lambda t: t.list_issues(where=ENDLESS), lambda t: t.ignore(where=ENDLESS)])
def test_ctrl_c_stops_a_condition(many: Tracker, use: Callable[[Tracker], object]) -> None:
    stored = everything(many)
    timer = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        use(many)
    timer.join()
    assert everything(many) == stored


# ---- who waits ---------------------------------------------------------------------------------------------


def test_nobody_who_writes_waits_for_a_condition(
    many: Tracker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite_files, "BUSY_S", 0.01)
    issue_id = of(many).issue_id
    written = []

    def write() -> bool:
        if not written:
            with Tracker(tmp_path / "tracker.db") as other:
                written.append(other.comment(issue_id, "meanwhile"))
        return False

    monkeypatch.setattr(Condition, "_must_stop", lambda _: write())
    many.claim(where="(SELECT count(*) FROM issues a, issues b) > 1 AND title = 'Alert: F2'")
    assert len(written) == 1
    assert of(many, "F2").status == "in_progress"


def test_what_was_changed_after_a_condition_was_asked_is_asked_again(
    many: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    second_id = of(many, "F2").issue_id

    def match_then_change(*arguments: object) -> dict[str, int]:
        found = verbs.match(*arguments)  # type: ignore[arg-type]
        asked.append(found)
        if len(asked) == 1:
            with as_actor(many, LEE), new_tracker(many.store.path.parent) as other:
                other.ignore(second_id)
        return found

    monkeypatch.setattr(sessions_of_verbs, "match", match_then_change)
    changed = many.claim(where="status = 'new' AND title IN ('Alert: F1', 'Alert: F2')")
    assert len(asked) == 2
    assert [issue.title for issue in changed.issues] == ["Alert: F1"]
    assert of(many, "F2").status == "silenced"


def test_what_is_changed_again_and_again_is_refused(many: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    second_id = of(many, "F2").issue_id

    def match_then_change(*arguments: object) -> dict[str, int]:
        found = verbs.match(*arguments)  # type: ignore[arg-type]
        with new_tracker(many.store.path.parent) as other:
            other.comment(second_id, "again")
        return found

    monkeypatch.setattr(sessions_of_verbs, "match", match_then_change)
    with refused("stale_revision", "meanwhile", "try again"):
        many.claim(where="TRUE")
    assert {issue.status for issue in many.list_issues().issues} == {"new"}


def test_a_condition_of_a_verb_is_about_its_project(many: Tracker) -> None:
    many.project = "other"
    seen(many, "F1", session="s")
    assert len(many.claim(where="title = 'Alert: F1'").issues) == 1
    many.project = "default"
    assert of(many).status == "new"


# ---- functions that take the place of SQLite's ---------------------------------------------------------------

OURS = {(name, count): function for name, count, function in REPLACED}
LETTERS = st.text("aAbBéÉ%_*?[]^-\\ \n", max_size=8)


@given(LETTERS, LETTERS)
@example("ſ", "S")
@example("a", "a\\")
@example("]", "[]]")
@example("-", "[a-]")
@example("x", "[^]")
def test_they_answer_as_sqlite_does(value: str, pattern: str) -> None:
    connection = sqlite3.connect(":memory:")
    theirs = connection.execute(
        "SELECT ?1 LIKE ?2, ?1 LIKE ?2 ESCAPE '\\', ?1 GLOB ?2, trim(?1, ?2), ltrim(?1, ?2), rtrim(?1, ?2)",
        [value, pattern],
    ).fetchone()
    connection.close()
    assert theirs == (
        OURS["like", 2](pattern, value),
        OURS["like", 3](pattern, value, "\\"),
        OURS["glob", 2](pattern, value),
        OURS["trim", 2](value, pattern),
        OURS["ltrim", 2](value, pattern),
        OURS["rtrim", 2](value, pattern),
    )


def test_nothing_is_like_what_is_not_known(many: Tracker) -> None:
    assert fitting(many, "fix_version LIKE '%' OR title LIKE fix_version OR trim(fix_version, 'x') = ''") == 0
    assert fitting(many, "title LIKE 'alert: f1_' AND run_count LIKE 1") == 10
