"""Which tracked issues a list is about: what callers say, and the SQL that it means.

The words are those of `stormlog.query.IssueFilter`, and mean the same. An issue fits if one piece of its evidence fits
all conditions about time and place at once.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, Final, TypedDict

from stormlog._values import frozen_class
from stormlog.issues.kinds import SEVERITY_RANKS, TRACKED_KINDS
from stormlog.issues.state import STATE_OF_STATUS
from stormlog.query.filter_checks import check_fields, require_one_of
from stormlog.tracking.statuses import require_status

if TYPE_CHECKING:
    from stormlog.query.filters import Numbers, Time, Words

__all__ = ["KINDS", "SEVERITIES", "IssueConditions", "IssueFilter", "bare_run", "conditions_of", "several"]

KINDS: Final = TRACKED_KINDS
#: The usual words; those of the store's own issues are known as well.
SEVERITIES: Final = tuple(SEVERITY_RANKS)

#: Other names of fields.
_OTHER_NAMES: Final = {
    "statuses": "state",
    "kinds": "kind",
    "severities": "severity",
    "session": "session_id",
    "text": "search",
}


class IssueConditions(TypedDict, total=False):
    """The fields of `IssueFilter` as named arguments, and older names of some of them."""

    kind: Words
    state: Words
    severity: Words
    session_id: Words
    since: Time
    until: Time
    run: Words
    job_id: Words
    rank: Numbers
    host: Words
    app: Words
    is_dev: bool | None
    hide_ignored: bool
    search: str | None
    version: Words
    where: str | None
    statuses: Words
    kinds: Words
    severities: Words
    session: Words
    text: str | None


@frozen_class
class IssueFilter:
    """Which issues are meant; what is empty or None is no constraint, and several values mean any of them.

    Args:
        kind: Of `KINDS`.
        state: Statuses, or states: ``open`` is new and in_progress.
        severity: Of `SEVERITIES`, or another word that some issue has.
        session_id: Session of an occurrence.
        since: Earliest time of evidence.
        until: Latest time of evidence.
        run: Run of an occurrence: its job, or its session where it has no job; ``job:`` or ``session:`` may stand
            before it.
        job_id: Job of an occurrence.
        rank: Rank of evidence; what names none has the rank of its occurrence, if that has one alone.
        host: Machine of an occurrence.
        app: Training program.
        is_dev: True for development, False for production.
        hide_ignored: Leave out issues that are ignored.
        search: Part of the title, of a value that makes the issue, or of the context of evidence, in upper or lower
            case.
        version: Version of the code that evidence carries.
        where: SQL condition of SQLite over the fields of `TrackedIssue`.

    Raises:
        ValueError: an unknown word, a value of another type, or a contradiction.
    """

    kind: Words = None
    state: Words = None
    severity: Words = None
    session_id: Words = None
    since: Time = None
    until: Time = None
    run: Words = None
    job_id: Words = None
    rank: Numbers = None
    host: Words = None
    app: Words = None
    is_dev: bool | None = None
    hide_ignored: bool = False
    search: str | None = None
    version: Words = None
    where: str | None = None

    def __post_init__(self) -> None:
        check_fields(self)
        require_one_of("kind", self.kind, KINDS)
        if self.hide_ignored and "silenced" in self.statuses:
            raise ValueError("state 'ignored' asks for what hide_ignored leaves out")

    @classmethod
    def of(cls, conditions: IssueConditions) -> IssueFilter:
        """Return the filter that named arguments describe.

        Raises:
            ValueError: a field has two values under two names, and see above.
        """
        given: dict[str, Any] = {
            name: value for name, value in conditions.items() if value not in (None, (), [])
        }
        for other, name in _OTHER_NAMES.items():
            if other in given:
                if name in given:
                    raise ValueError(f"{other} is another name of {name}: give one of them")
                given[name] = given.pop(other)
        return cls(**given)

    @property
    def statuses(self) -> list[str]:
        """The statuses that ``state`` means.

        Raises:
            ValueError: a word is none, and no state either.
        """
        found: list[str] = []
        for word in several(self.state):
            of_state = [status for status, state in STATE_OF_STATUS.items() if state == word]
            found += of_state or [require_status(word)]
        return list(dict.fromkeys(found))


def conditions_of(
    connection: sqlite3.Connection,
    wanted: IssueFilter,
    matching: Callable[[str], list[str]] = lambda _: [],
) -> tuple[list[str], dict[str, Any]]:
    """Return SQL conditions over `stormlog.tracking.reading.lookup.ISSUES_CTE`, and their parameters.

    Args:
        matching: Returns the ids of the issues that fit a condition which somebody wrote in SQL; needed if the filter
            has one.

    Raises:
        ValueError: an unknown severity, or a bad condition.
    """
    conditions: list[str] = []
    parameters: dict[str, Any] = {}

    def among(column: str, values: Iterable[Any], name: str) -> str:
        names = {f"{name}_{number}": value for number, value in enumerate(values)}
        parameters.update(names)
        return f"{column} IN ({', '.join(f':{name}' for name in names)})"

    words = {
        "status": wanted.statuses,
        "kind": several(wanted.kind),
        "severity": _known_severities(connection, several(wanted.severity)),
        "app": several(wanted.app),
    }
    conditions += [among(column, values, column) for column, values in words.items() if values]
    if wanted.is_dev is not None:
        conditions.append("is_dev = :is_dev")
        parameters["is_dev"] = int(wanted.is_dev)
    if wanted.hide_ignored:
        conditions.append("status <> 'silenced'")
    place = _place(wanted, among, parameters)
    if place is not None:
        conditions.append(f"issue_id IN ({place})")
    if wanted.search is not None:
        connection.create_function("lower_text", 1, _lower, deterministic=True)
        conditions.append(_SEARCH)
        parameters["search"] = wanted.search.lower()
    if wanted.where is not None:
        conditions.append("issue_id IN (SELECT value FROM json_each(:matching))")
        parameters["matching"] = json.dumps(matching(wanted.where))
    return conditions, parameters


#: Texts of an issue among which one is looked for.
_SEARCH: Final = """(
    instr(lower_text(title), :search) > 0
    OR EXISTS (
        SELECT 1
        FROM main.issue_fingerprints AS f, json_each(f.dimensions_json) AS d
        WHERE f.issue_id = issues.issue_id AND instr(lower_text(d.value), :search) > 0
    )
    OR EXISTS (
        SELECT 1
        FROM main.issue_occurrences AS o
        INNER JOIN main.issue_evidence AS e ON o.occurrence_id = e.occurrence_id
        WHERE o.issue_id = issues.issue_id
            AND instr(lower_text(json_extract(e.metadata_json, '$.context')), :search) > 0
    )
)"""


#: Whether some evidence of an occurrence names a rank: without any its `ranks_json` says rank 0.
_HAS_RANK: Final = (
    "EXISTS (SELECT 1 FROM main.issue_evidence_keys AS r "
    "WHERE r.occurrence_id = o.occurrence_id AND r.rank IS NOT NULL)"
)
#: How much later than its time evidence may be: a bundle names the whole second in which it was written.
_UNTOLD_NS: Final = """CASE
    WHEN k.timestamp_ns % 1000000000 = 0 AND k.evidence_id GLOB 'bundle-*' THEN 999999999 ELSE 0
END"""


def _run(number: int, word: str, parameters: dict[str, Any]) -> str:
    """Return an SQL condition: an occurrence is of a run.

    A job may be called ``job:x`` itself; it is meant by that word only where no run has that id.

    Args:
        number: Number of the word, for the names of its parameters.
        word: See `IssueFilter`.
        parameters: Gets the values.
    """
    parameters[f"run_{number}"] = word
    named = f"o.run_id = :run_{number}"
    bare = bare_run(word)
    if bare == word:
        return named
    parameters[f"bare_run_{number}"] = bare
    comparison = "<>" if word.startswith("job:") else "="
    of_kind = "{0}.run_id = :bare_run_{1} AND {0}.run_id {2} {0}.session_id".format
    others = f"SELECT 1 FROM main.issue_occurrences AS other WHERE {of_kind('other', number, comparison)}"
    return f"(({of_kind('o', number, comparison)}) OR ({named} AND NOT EXISTS ({others})))"


def _place(
    wanted: IssueFilter, among: Callable[[str, Iterable[Any], str], str], parameters: dict[str, Any]
) -> str | None:
    """Return SQL for the ids of issues of which one piece of evidence fits; None if nothing is asked of it."""
    occurrences: list[str] = []
    evidence: list[str] = []
    for column, values in (("session_id", wanted.session_id), ("host", wanted.host)):
        if values is not None:
            occurrences.append(among(f"o.{column}", several(values), column))
    if wanted.run is not None:
        runs = [_run(number, str(word), parameters) for number, word in enumerate(several(wanted.run))]
        occurrences.append(f"({' OR '.join(runs)})")
    if wanted.job_id is not None:
        occurrences.append(f"o.run_id <> o.session_id AND {among('o.run_id', several(wanted.job_id), 'job')}")
    if wanted.version is not None:
        evidence.append(among("k.code_version", several(wanted.version), "version"))
    if wanted.rank is not None:
        ranks = [int(rank) for rank in several(wanted.rank)]
        only = among("o.ranks_json", [json.dumps([rank]) for rank in ranks], "ranks")
        evidence.append(f"({among('k.rank', ranks, 'rank')} OR (k.rank IS NULL AND {only} AND {_HAS_RANK}))")
    for name, own, whole, comparison in (
        ("since", f"k.timestamp_ns + {_UNTOLD_NS}", "o.last_ns + 999999999", ">="),
        ("until", "k.timestamp_ns", "o.first_ns", "<="),
    ):
        value = getattr(wanted, name)
        if value is not None:
            parameters[name] = value
            occurrences.append(f"{whole} {comparison} :{name}")
            evidence.append(f"{own} {comparison} :{name}")
    if not occurrences and not evidence:
        return None
    joined = (
        "INNER JOIN main.issue_evidence_keys AS k ON o.occurrence_id = k.occurrence_id " if evidence else ""
    )
    return f"SELECT o.issue_id FROM main.issue_occurrences AS o {joined}WHERE {' AND '.join(occurrences + evidence)}"


def bare_run(run: object) -> str:
    """Return a run as occurrences name it, without the kind of run that may stand before it."""
    kind, _, name = str(run).partition(":")
    return name if kind in ("job", "session") else str(run)


def several(values: Any) -> tuple[Any, ...]:
    """Return the values of a field that takes one or several."""
    if values is None:
        return ()
    return values if isinstance(values, tuple) else (values,)


def _known_severities(connection: sqlite3.Connection, words: Sequence[str]) -> Sequence[str]:
    if not all(word in SEVERITIES for word in words):
        there = {severity for (severity,) in connection.execute("SELECT DISTINCT severity FROM main.issues")}
        require_one_of("severity", words, [*SEVERITIES, *sorted(there.difference(SEVERITIES))])
    return words


def _lower(value: object) -> str | None:
    return None if value is None else str(value).lower()
