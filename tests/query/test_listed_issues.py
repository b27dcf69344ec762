"""Issues of a list: worked out when someone looks, from what was stored in normal form, and then like any other."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import stormlog.issues
import stormlog.query
from stormlog.apps.cli.printing.json_text import json_document
from stormlog.issues import IssueFingerprint
from stormlog.issues.models import StormlogIssue
from stormlog.query import IssueFilter, QueryStore
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.captures import capture_path

#: Texts that share nothing once they are normal, and one that others share.
_CONTEXTS = [
    "High\tFRAGMENTATION: 40%",
    "Größe Ⅷ İ ẞ",
    "\x00\x7f\ud83d\ude00",
    'a "quoted" \\ one',
    *map(str, range(3)),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("listed")
    records = [
        event(
            event_type="warning",
            context=f"{text} {letter}",
            timestamp_ns=START_NS + number,
            session_id=f"s{number % 3}",
        )
        for number, (text, letter) in enumerate((text, letter) for text in _CONTEXTS for letter in "abcdefgh")
    ]
    write_lines(folder / "events.jsonl", *records)
    return folder


@pytest.fixture(scope="module")
def store(folder: Path) -> Iterator[QueryStore]:
    """Each list of its issues is made anew."""
    with stormlog.query.open(folder, cache=False) as opened:
        yield opened


def test_listing_looks_at_no_issue_and_normalises_each_text_once(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[object] = []
    made: list[object] = []
    normalise, check = stormlog.issues.normalize_text_dimension, IssueFingerprint.__post_init__

    def noted(value: object, **options: str) -> str:
        # With a default it is asked about texts of events.
        if not options:
            texts.append(value)
        return normalise(value, **options)

    def noted_check(fingerprint: IssueFingerprint) -> None:
        made.append(fingerprint)
        check(fingerprint)

    monkeypatch.setattr(stormlog.issues, "normalize_text_dimension", noted)
    monkeypatch.setattr(IssueFingerprint, "__post_init__", noted_check)

    with stormlog.query.open(folder, cache=False) as store:
        issues = store.list_issues()

        assert len(issues) > 20
        assert len(texts) == len(set(texts)) > 20
        assert made == []
        texts.clear()
        assert len({issue.fingerprint_id for issue in issues}) == len(issues)
        assert all(issue.as_dict()["evidence"] for issue in issues)
        assert (texts, made) == ([], [])


@pytest.mark.parametrize("scenario", ["v4-cuda-sim", "edge-cases"])
def test_stored_fingerprints_are_those_that_are_worked_out(scenario: str) -> None:
    with stormlog.query.open(capture_path(scenario), cache=False) as opened:
        issues = opened.list_issues()
        assert issues
        for issue in issues:
            again = IssueFingerprint(issue.kind, issue.fingerprint.dimensions)
            assert issue.fingerprint == again
            assert issue.fingerprint_id == again.fingerprint_id
            assert issue.fingerprint.as_dict() == again.as_dict()


def test_fingerprints_of_odd_texts_are_those_that_are_worked_out(store: QueryStore) -> None:
    for issue in store.list_issues():
        again = IssueFingerprint(issue.kind, dict(issue.fingerprint.dimensions))
        assert (issue.fingerprint_id, issue.fingerprint) == (again.fingerprint_id, again)


def test_an_issue_of_a_list_is_an_issue(store: QueryStore) -> None:
    first, second = store.list_issues()[0], store.list_issues()[0]
    assert type(first) is StormlogIssue
    assert first == second
    assert repr(first) == repr(second)
    assert replace(first, state="ignored").state == "ignored"
    assert vars(first).keys() == StormlogIssue.__dataclass_fields__.keys()
    with pytest.raises(AttributeError, match="no attribute 'colour'"):
        _ = first.colour  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="cannot assign"):
        store.list_issues()[0].title = "mine"  # type: ignore[misc]


@pytest.mark.parametrize("name", list(StormlogIssue.__dataclass_fields__))
def test_every_field_is_right_when_it_is_looked_at_first(store: QueryStore, name: str) -> None:
    fingerprint_id = store.list_issues()[3].fingerprint_id
    (known,) = store.list_issues(
        IssueFilter(fingerprint_id=fingerprint_id), state_overrides={fingerprint_id: "ignored"}
    )
    whole = IssueFingerprint(known.kind, dict(known.fingerprint.dimensions))
    wanted = StormlogIssue(
        **{field: getattr(known, field) for field in StormlogIssue.__dataclass_fields__}
        | {"fingerprint": whole}
    )
    issues = store.list_issues(state_overrides={fingerprint_id: "ignored"})
    assert getattr(issues[3], name) == getattr(wanted, name)
    assert wanted.state == "ignored"


def test_copies_of_issues_that_nobody_looked_at_are_whole(store: QueryStore) -> None:
    wanted = [issue.as_dict() for issue in store.list_issues()]
    for copied in (
        [copy.copy(issue) for issue in store.list_issues()],
        [copy.deepcopy(issue) for issue in store.list_issues()],
        pickle.loads(pickle.dumps(store.list_issues())),
    ):
        assert [issue.as_dict() for issue in copied] == wanted


def test_evidence_of_all_issues_takes_few_statements(
    store: QueryStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    read = QueryStore._evidence_rows

    def noted(self: QueryStore, generation: Any, fingerprint_ids: list[str]) -> list[tuple[Any, ...]]:
        asked.append(fingerprint_ids)
        return read(self, generation, fingerprint_ids)

    monkeypatch.setattr(QueryStore, "_evidence_rows", noted)
    issues = store.list_issues()
    assert asked == []
    assert sum(len(list(issue.evidence)) for issue in issues) == sum(issue.hit_count for issue in issues)
    assert [len(ids) for ids in asked] == [1, len(issues) - 1]


@pytest.mark.parametrize(
    "value",
    [
        {},
        [],
        {"b": [1, {"a": None, "c": [], "d": {}}], "a": "é\n\x00\ud800", "f": 1.5, "t": True, "n": -(10**30)},
        {"tuple": (1, 2), "nested": [[[]], [{}]], "e": 1e300, "z": 0.1},
        "text",
    ],
)
def test_json_over_several_lines_is_that_of_the_standard_library(value: object) -> None:
    assert json_document(value) == json.dumps(value, sort_keys=True, indent=2)
    lines = json.dumps([value], sort_keys=True, indent=2).split("\n", 1)[1].rsplit("\n", 1)[0]
    assert "  " + json_document(value, "\n  ") == lines


def test_json_of_what_is_no_plain_value_is_valid() -> None:
    odd = {"n": float("nan"), 1: Path("x"), "b": b"\x01", "i": float("inf")}
    assert json.loads(json_document(odd)) == {"n": None, "1": "x", "b": "01", "i": None}
    deep: object = 1
    for _ in range(400):
        deep = [deep]
    assert json_document(deep) == json.dumps(deep, indent=2)
