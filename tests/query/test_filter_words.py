"""Filters that are typed on one line: what they mean, what is refused, and that they can be written back."""

from __future__ import annotations

from typing import Any

import pytest

from stormlog.query import IssueFilter
from stormlog.query.filter_words import filter_text, parse_filter

GOOD: list[tuple[str, dict[str, Any]]] = [
    ("", {}),
    ("--kind oom", {"kind": ["oom"]}),
    ("kind=oom", {"kind": ["oom"]}),
    ("--kind=oom --kind alert", {"kind": ["oom", "alert"]}),
    ("--kind hidden", {"kind": ["hidden_memory_anomaly"]}),
    ("--session s-1 --job-id 7 --job_id 8", {"session_id": ["s-1"], "job_id": ["7", "8"]}),
    ("--rank 3 rank=0", {"rank": [3, 0]}),
    ("--since 2h --until now --sort hits", {"since": "2h", "until": "now", "sort": "hits"}),
    ("--dev", {"is_dev": True}),
    ("--prod --production", {"is_dev": False}),
    ("--hide-ignored", {"hide_ignored": True}),
    ("high memory", {"search": "high memory"}),
    ("--search 'a b' --host h", {"search": "a b", "host": ["h"]}),
    ("colour=red", {"search": "colour=red"}),
    ("message_pattern:out of memory", {"search": "message_pattern:out of memory"}),
    ('"it\'s"', {"search": "it's"}),
]

BAD = [
    ("--colour red", "there is no filter --colour: choose from --kind"),
    ("--kind", "--kind needs a value"),
    ("--kind ''", "--kind needs a value"),
    ("--rank one", "--rank takes a number, not 'one'"),
    ("--rank -1", "--rank takes a number"),
    ("--dev --prod", "exclude each other"),
    ("--dev=yes", "--dev takes no value"),
    ("--since 1h --since 2h", "--since is there twice"),
    ("word --search other", "two texts"),
    ("'open", "quotation mark"),
]


@pytest.mark.parametrize(("text", "fields"), GOOD)
def test_a_line_means_fields(text: str, fields: dict[str, Any]) -> None:
    assert parse_filter(text) == fields
    assert parse_filter(filter_text(fields)) == fields


@pytest.mark.parametrize(("text", "problem"), BAD)
def test_a_wrong_line_is_refused_with_what_there_is(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_filter(text)


def test_every_option_is_a_field_of_the_filter() -> None:
    from stormlog.query.filter_words import FILTER_OPTIONS

    assert set(FILTER_OPTIONS.values()) | {"is_dev", "hide_ignored", "limit", "page"} == set(
        IssueFilter.__dataclass_fields__
    )
