"""Issues are immutable values; their evidence may be read late without anyone noticing."""

from __future__ import annotations

import pickle
import threading
import time
from collections.abc import Sequence
from typing import Any

import pytest

from stormlog.issues import IssueEvidenceLink, IssueFingerprint, LazyEvidence, StormlogIssue

LINKS = tuple(IssueEvidenceLink(session_id=f"s{number}", timestamp_ns=number) for number in range(3))


def issue(**overrides: Any) -> StormlogIssue:
    fields: dict[str, Any] = {
        "fingerprint": IssueFingerprint("oom", {"backend": "cuda"}),
        "title": "OOM telemetry event",
        "severity": "critical",
        "hit_count": 3,
        "first_seen_ns": 0,
        "last_seen_ns": 2,
        "affected_sessions": ["s2", "s0", "", "s0", "s1"],
        "representative_evidence": LINKS[0],
        "evidence": list(LINKS),
    }
    return StormlogIssue(**{**fields, **overrides})


def test_construction_normalises_sessions_evidence_and_state() -> None:
    made = issue(state=" Resolved ")
    assert made.affected_sessions == ("s0", "s1", "s2")
    assert made.evidence == LINKS
    assert isinstance(made.evidence, tuple)
    assert made.state == "resolved"
    assert made.kind == "oom"
    assert made.fingerprint_id == made.fingerprint.fingerprint_id


@pytest.mark.parametrize("overrides", [{"hit_count": 0}, {"state": "closed"}, {"state": None}])
def test_bad_fields_are_refused(overrides: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"hit_count must be >= 1|unsupported issue state"):
        issue(**overrides)


def test_as_dict_has_its_keys_in_order() -> None:
    made = issue(details={"reason": None}).as_dict()
    assert list(made) == [
        "fingerprint_id",
        "fingerprint",
        "kind",
        "state",
        "severity",
        "title",
        "hit_count",
        "first_seen_ns",
        "last_seen_ns",
        "affected_sessions",
        "representative_evidence",
        "evidence",
        "details",
    ]
    assert made["affected_sessions"] == ["s0", "s1", "s2"]
    assert made["details"] == {"reason": None}
    assert list(made["evidence"][1]) == [
        "session_id",
        "timestamp_ns",
        "rank",
        "source_path",
        "source_kind",
        "event_type",
        "bundle_path",
        "metadata",
    ]
    assert made["evidence"][1]["session_id"] == "s1"


def test_lazy_evidence_is_not_read_until_an_item_is_asked_for() -> None:
    loads: list[int] = []

    def load() -> Sequence[IssueEvidenceLink]:
        loads.append(1)
        return list(LINKS)

    lazy = LazyEvidence(3, load)
    made = issue(evidence=lazy)
    assert made.evidence is lazy
    assert len(made.evidence) == 3
    assert bool(made.evidence)
    assert lazy != LINKS[:2]
    assert repr(lazy) == "<3 pieces of evidence, not loaded>"
    assert not loads
    assert not lazy.is_loaded

    assert made.evidence[-1] == LINKS[2]
    assert made.evidence[1:] == LINKS[1:]
    assert list(reversed(lazy)) == list(reversed(LINKS))
    assert LINKS[1] in lazy
    assert lazy.index(LINKS[1]) == 1
    assert lazy.is_loaded
    assert loads == [1]
    assert repr(lazy) == "[" + ",\n ".join(map(repr, LINKS)) + "]"


def test_lazy_evidence_equals_the_tuple_it_stands_for() -> None:
    lazy = LazyEvidence(3, lambda: LINKS)
    assert lazy == LINKS
    assert LINKS == lazy  # noqa: SIM300 - the tuple leaves the answer to the sequence
    assert lazy == LazyEvidence(3, lambda: list(LINKS))
    assert lazy != (*LINKS[:2], LINKS[0])
    assert lazy != list(LINKS)
    assert issue(evidence=lazy) == issue(evidence=LINKS)
    assert issue(evidence=lazy).as_dict() == issue().as_dict()
    assert hash(LazyEvidence(0, tuple)) == hash(())
    with pytest.raises(TypeError):
        hash(lazy)  # as hash(LINKS): links hold mappings


def test_lazy_evidence_is_immutable_and_pickles_as_its_items() -> None:
    lazy = LazyEvidence(3, lambda: LINKS)
    with pytest.raises(TypeError):
        lazy[0] = LINKS[1]  # type: ignore[index]
    assert pickle.loads(pickle.dumps(lazy)) == LINKS


def test_lazy_evidence_tries_again_after_a_failed_load() -> None:
    answers: list[Any] = [OSError("gone for a moment"), LINKS]

    def load() -> Sequence[IssueEvidenceLink]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    lazy = LazyEvidence(3, load)
    with pytest.raises(OSError, match="gone"):
        lazy[0]
    assert tuple(lazy) == LINKS


def test_lazy_evidence_refuses_another_number_of_items() -> None:
    with pytest.raises(ValueError, match="expected 2 pieces of evidence, loaded 3"):
        LazyEvidence(2, lambda: LINKS)[0]
    with pytest.raises(ValueError, match="negative"):
        LazyEvidence(-1, lambda: LINKS)


def test_lazy_evidence_loads_once_for_many_threads() -> None:
    loads: list[int] = []

    def load() -> Sequence[IssueEvidenceLink]:
        loads.append(1)
        time.sleep(0.02)
        return LINKS

    lazy = LazyEvidence(3, load)
    seen: list[tuple[IssueEvidenceLink, ...]] = []
    threads = [threading.Thread(target=lambda: seen.append(tuple(lazy))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert loads == [1]
    assert seen == [LINKS] * 8
