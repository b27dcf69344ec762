"""Callbacks record what Lightning and Hugging Face do: sessions, phases, ranks and failures, and never fail a job."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from stormlog.capture import HuggingFaceCallback, LightningCallback
from stormlog.capture.frameworks.recording import base_class
from tests.capture.training_libraries import (
    ACCUMULATED_PHASES,
    HUGGING_FACE_PHASES,
    LIGHTNING_PHASES,
    HuggingFaceTrainer,
    LightningTrainer,
    ended_phases,
    records,
    session_statuses,
)

CALLBACKS = (LightningCallback, HuggingFaceCallback)


@pytest.fixture(autouse=True)
def nobody_says_who_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("RANK", "WORLD_SIZE", "SLURM_PROCID", "STORMLOG_APP"):
        monkeypatch.delenv(variable, raising=False)
    # Asking git takes as long as all the rest.
    monkeypatch.setenv("STORMLOG_CODE_VERSION", "1.0")


def failing(where: str, times: int = 1, after: int = 0) -> Callable[[str], None]:
    """Return work of a job that runs out of memory there, so many times."""
    left = [after + times]

    def during(place: str) -> None:
        if place == where and left[0]:
            left[0] -= 1
            if left[0] < times:
                raise MemoryError("Unable to allocate 4.00 GiB")

    return during


def train(callback: Any, during: Callable[[str], None] = lambda _: None, **options: Any) -> None:
    """Run the job of the library that a callback is for."""
    if isinstance(callback, LightningCallback):
        LightningTrainer(callback, during, **options).fit()
    else:
        HuggingFaceTrainer(callback, during, **options).train()


# ---- phases ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options", "expected"),
    [
        (LightningCallback, {}, LIGHTNING_PHASES),
        (LightningCallback, {"accumulated": 2}, ACCUMULATED_PHASES),
        (HuggingFaceCallback, {}, HUGGING_FACE_PHASES),
    ],
)
def test_phases_are_what_the_library_does(
    kind: Any, options: dict[str, Any], expected: list[str], tmp_path: Path
) -> None:
    callback = kind(tmp_path, interval=3600)
    train(callback, **options)
    assert ended_phases(tmp_path) == expected
    assert session_statuses(tmp_path) == ["completed"]
    assert callback.problems == []


@pytest.mark.parametrize(
    ("kind", "phase", "expected"),
    [
        (LightningCallback, "train", [(0, 0), (0, 1), (1, 2), (1, 3)]),
        (HuggingFaceCallback, "train", [(0, 0), (0, 1), (1, 2), (1, 3)]),
        (HuggingFaceCallback, "evaluate", [(1, 2), (2, 4)]),
    ],
)
def test_phases_say_epoch_and_step(
    kind: Any, phase: str, expected: list[tuple[int, int]], tmp_path: Path
) -> None:
    train(kind(tmp_path, interval=3600))
    scopes = [record["metadata"].get("phase_scope", {}) for record in records(tmp_path)]
    found = [scope["attributes"] for scope in scopes if scope.get("path") == [phase]]
    assert [(each["epoch"], each["step"]) for each in found[::2]] == expected


def test_validation_before_the_training_is_told_apart(tmp_path: Path) -> None:
    train(LightningCallback(tmp_path, interval=3600))
    scopes = [record["metadata"].get("phase_scope", {}) for record in records(tmp_path)]
    validations = [scope["attributes"] for scope in scopes if scope.get("path") == ["validate"]]
    assert [each.get("sanity_check") for each in validations[::2]] == [True, None, None]


def test_a_module_that_optimizes_by_itself_has_no_phases_that_nobody_tells_the_end_of(tmp_path: Path) -> None:
    trainer = LightningTrainer(LightningCallback(tmp_path, interval=3600))
    trainer.module.automatic_optimization = False
    trainer.fit()
    assert [phase for phase in ended_phases(tmp_path) if phase.startswith("train")] == [
        "train/backward",
        "train",
    ] * 4


def test_a_second_data_set_is_evaluated_too(tmp_path: Path) -> None:
    train(HuggingFaceCallback(tmp_path, interval=3600), data_sets=2)
    assert ended_phases(tmp_path).count("evaluate") == 4


@pytest.mark.parametrize("kind", CALLBACKS)
def test_phases_of_the_job_lie_inside_those_of_the_library(kind: Any, tmp_path: Path) -> None:
    callback = kind(tmp_path, interval=3600)
    with callback.phase("before"):
        pass

    def during(place: str) -> None:
        with callback.phase("attention"):
            pass

    train(callback, during)
    inside = {phase for phase in ended_phases(tmp_path) if phase.endswith("/attention")}
    assert inside >= {"train/optimizer/attention"}
    assert "before" not in ended_phases(tmp_path)


# ---- sessions ----------------------------------------------------------------------------------------------


def test_every_stage_of_a_trainer_is_a_session(tmp_path: Path) -> None:
    trainer = LightningTrainer(LightningCallback(tmp_path, interval=3600))
    trainer.fit()
    trainer.test()
    assert session_statuses(tmp_path) == ["completed", "completed"]
    assert ended_phases(tmp_path)[-2:] == ["test/forward", "test"]


@pytest.mark.parametrize("kind", CALLBACKS)
@pytest.mark.parametrize(
    ("options", "variable", "expected"),
    [
        ({}, None, ("rank-00003", 3, 1, 8, "LanguageModel")),
        ({}, "lm-pretrain", ("rank-00003", 3, 1, 8, "lm-pretrain")),
        ({"rank": 5, "app": "lm"}, "lm-pretrain", ("rank-00005", 5, 1, 8, "lm")),
    ],
)
def test_who_writes_is_what_the_library_says_unless_somebody_says_otherwise(
    kind: Any,
    options: dict[str, Any],
    variable: str | None,
    expected: tuple[Any, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if variable is not None:
        monkeypatch.setenv("STORMLOG_APP", variable)
    train(kind(tmp_path, interval=3600, **options), identity=(3, 1, 8))
    first = records(tmp_path)[0]
    (directory,) = tmp_path.iterdir()
    identity = (first["rank"], first["local_rank"], first["world_size"], first["metadata"]["app"])
    assert (directory.name, *identity) == expected


# ---- failures ----------------------------------------------------------------------------------------------


def test_a_failed_fit_is_recorded_in_its_phase(tmp_path: Path) -> None:
    callback = LightningCallback(tmp_path, interval=3600)
    with pytest.raises(MemoryError):
        train(callback, failing("backward", after=2))
    (error,) = [record for record in records(tmp_path) if record["event_type"] == "error"]
    assert error["metadata"]["oom_reason"] == "message_pattern:memoryerror"
    types = [record["event_type"] for record in records(tmp_path)]
    # Recorded before the phases end: train/backward, and train.
    assert types[types.index("error") :] == ["error", "phase_exit", "phase_exit", "stop"]
    assert ended_phases(tmp_path)[-2:] == ["train/backward", "train"]
    assert session_statuses(tmp_path) == ["incomplete"]


@pytest.mark.parametrize(
    ("exception", "status"), [(KeyboardInterrupt, "interrupted"), (ValueError, "incomplete")]
)
def test_a_fit_that_is_ended_otherwise_is_no_failure_of_memory(
    exception: type[BaseException], status: str, tmp_path: Path
) -> None:
    def during(_: str) -> None:
        raise exception

    with pytest.raises(exception):
        train(LightningCallback(tmp_path, interval=3600), during)
    assert session_statuses(tmp_path) == [status]
    assert "error" not in {record["event_type"] for record in records(tmp_path)}


def test_a_training_that_nobody_catches_is_recorded_in_its_phase(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    callback = HuggingFaceCallback(tmp_path, interval=3600)
    with pytest.raises(MemoryError) as raised:
        train(callback, failing("optimizer"))
    # What the interpreter does with it, had the test not caught it.
    sys.excepthook(raised.type, raised.value, raised.tb)
    assert callback.tracker is not None
    callback.tracker._stop_at_exit()
    assert session_statuses(tmp_path) == ["incomplete"]
    types = [record["event_type"] for record in records(tmp_path)]
    assert types == ["start", "phase_enter", "phase_enter", "error", "stop"]


@pytest.mark.parametrize("kind", CALLBACKS)
def test_a_library_that_catches_a_failure_and_tries_again_goes_on_in_the_same_session(
    kind: Any, tmp_path: Path
) -> None:
    callback = kind(tmp_path, interval=3600)
    during = failing("optimizer")
    if kind is LightningCallback:
        # As its search for the largest batch does.
        trainer = LightningTrainer(callback, during)
        trainer.call("setup", stage="fit")
        with pytest.raises(MemoryError):
            trainer.batch(0)
        trainer.batch(0)
        trainer.call("setup", stage="fit")
        trainer.call("teardown", stage="fit")
    else:
        with pytest.raises(MemoryError):
            train(callback, during)
        HuggingFaceTrainer(callback).call("on_train_begin")
        callback.tracker.flush()
        # What is done before the first step belongs to no step.
        assert ended_phases(tmp_path) == ["train/optimizer", "train"]
        train(callback, during)
    assert session_statuses(tmp_path) == ["completed"]
    # No phase of the second try lies inside one that the first has left open.
    assert max(phase.count("/") for phase in ended_phases(tmp_path)) == 1


# ---- never into the job ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CALLBACKS)
def test_wrong_arguments_are_told_where_the_callback_is_made(kind: Any) -> None:
    with pytest.raises(TypeError, match="intervall"):
        kind("telemetry", intervall=1)
    with pytest.raises(ValueError, match="interval must be"):
        kind("telemetry", interval=0)


@pytest.mark.parametrize("kind", CALLBACKS)
def test_a_tracker_that_does_not_start_is_warned_of_and_does_not_fail_the_job(
    kind: Any, tmp_path: Path
) -> None:
    callback = kind(tmp_path, collector="jax")
    with pytest.warns(RuntimeWarning, match="records nothing of this job: jax needs jax"):
        train(callback)
    assert "starting: ValueError: jax needs jax" in callback.problems[0]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", CALLBACKS)
def test_a_sink_that_cannot_be_written_does_not_fail_the_job(kind: Any, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    callback = kind(tmp_path / "file", interval=3600)
    train(callback)
    assert any("nothing is written" in problem for problem in callback.problems)


@pytest.mark.parametrize("kind", CALLBACKS)
def test_hooks_that_are_called_otherwise_than_expected_do_not_fail_the_job(kind: Any, tmp_path: Path) -> None:
    callback = kind(tmp_path, interval=3600)
    train(callback)
    hooks = [name for name in dir(callback) if name.startswith("on_") or name in ("setup", "teardown")]
    for hook in hooks:
        getattr(callback, hook)()
        getattr(callback, hook)(*[object()] * 5)
    assert len(hooks) >= 8
    assert any("TypeError" in problem for problem in callback.problems)
    assert any("AttributeError" in problem for problem in callback.problems)


@pytest.mark.parametrize("kind", CALLBACKS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda callback: pickle.loads(pickle.dumps(callback))])
def test_a_copy_in_another_process_records_for_itself(
    kind: Any, copied: Callable[[Any], Any], tmp_path: Path
) -> None:
    copies = []

    def during(_: str) -> None:
        if not copies:
            copies.append(copied(callback))

    callback = kind(tmp_path, interval=3600)
    train(callback, during)
    (other,) = copies
    assert other.tracker is None
    train(other)
    assert session_statuses(tmp_path) == ["completed", "completed"]


def test_the_base_class_is_that_of_the_library_which_the_job_has_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("installed", "broken"):
        monkeypatch.delitem(sys.modules, f"training_library_{name}", raising=False)
    (tmp_path / "training_library_installed.py").write_text("class Callback: pass")
    (tmp_path / "training_library_broken.py").write_text("raise OSError('no such device')")
    imported = ModuleType("training_library_imported")
    imported.Callback = type("Callback", (), {})  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, imported.__name__, imported)

    names = [f"training_library_{name}" for name in ("missing", "broken", "installed", "imported")]
    assert base_class("Callback", *names) is imported.Callback
    assert base_class("Callback", *names[:3]).__module__ == "training_library_installed"
    assert base_class("Callback", *names[:2]) is object
