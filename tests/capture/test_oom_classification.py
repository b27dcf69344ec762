"""Exceptions that mean that memory ran out are told from others as stormlog 0.3.9 told them."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from stormlog.capture import OomClassification, classify_oom, classify_oom_text
from tests.vectors.harness import Case, load_cases


@pytest.mark.parametrize("case", load_cases("oom_classification"), ids=str)
def test_classes_and_messages_give_the_recorded_reason(case: Case) -> None:
    expected = OomClassification(**case.expected)
    assert classify_oom_text(**case.input) == expected
    kind = type(case.input["class_name"], (Exception,), {"__module__": case.input["module"]})
    assert classify_oom(kind(case.input["message"])) == expected


def test_the_class_of_pytorch_is_known_by_any_name(monkeypatch: pytest.MonkeyPatch) -> None:
    class Renamed(RuntimeError):
        pass

    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=SimpleNamespace(OutOfMemoryError=Renamed)))
    assert classify_oom(Renamed("x")) == OomClassification(True, "torch.cuda.OutOfMemoryError")
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace())
    assert classify_oom(Renamed("x")) == OomClassification(False, None)


def test_an_exception_without_a_text_is_classified_by_its_class() -> None:
    class Silent(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert classify_oom(Silent()) == OomClassification(False, None)
