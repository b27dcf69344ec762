"""Stand-ins for the Trainers of Lightning and Hugging Face: they call the hooks of a callback in the order of the
libraries.

`real_frameworks.py` has the libraries themselves do the same jobs, and compares with the same lists.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

STEP = ("train/forward", "train/backward", "train/optimizer", "train")
#: Phases of a job in the order in which they end: two epochs of two batches, a batch of validation after each and one
#: before the first.
LIGHTNING_PHASES = [*("validate/forward", "validate"), *(*STEP, *STEP, "validate/forward", "validate") * 2]
#: The same, where the optimizer takes a step for every two batches.
ACCUMULATED_PHASES = [
    *("validate/forward", "validate"),
    *("train/forward", "train/backward", "train", *STEP, "validate/forward", "validate") * 2,
]
HUGGING_FACE_PHASES = [*("train/optimizer", "train", "train/optimizer", "train", "evaluate") * 2]


class LanguageModel:
    """Stands for a module or a model."""

    automatic_optimization = True


class LightningTrainer:
    """Calls hooks as ``lightning.pytorch.Trainer`` does.

    Args:
        callback: Whose hooks are called.
        during: Called with the name of what the job does then: ``forward``, ``backward``, ``optimizer``.
        accumulated: Batches for each step of the optimizer.
        identity: Rank, local rank, and number of ranks.
    """

    def __init__(
        self,
        callback: Any,
        during: Callable[[str], None] = lambda _: None,
        *,
        accumulated: int = 1,
        identity: tuple[int, int, int] = (0, 0, 1),
    ) -> None:
        self._callback = callback
        self._during = during
        self._accumulated = accumulated
        self.global_rank, self.local_rank, self.world_size = identity
        self.current_epoch = self.global_step = 0
        self.sanity_checking = False
        self.module = LanguageModel()

    def call(self, hook: str, *arguments: Any, **named: Any) -> None:
        # The base class of the library has a hook for all that a callback leaves out.
        found = getattr(self._callback, hook, None)
        if found is not None:
            found(self, self.module, *arguments, **named)

    def fit(self) -> None:
        self._run("fit", self._fit)

    def test(self) -> None:
        self._run("test", lambda: self._evaluate("test"))

    def _run(self, stage: str, work: Callable[[], None]) -> None:
        try:
            self.call("setup", stage=stage)
            work()
            self.call("teardown", stage=stage)
        except BaseException as exception:
            self.call("on_exception", exception)
            raise

    def _fit(self) -> None:
        self.call("on_fit_start")
        self.sanity_checking = True
        self.call("on_sanity_check_start")
        self._evaluate("validation")
        self.call("on_sanity_check_end")
        self.sanity_checking = False
        self.call("on_train_start")
        for self.current_epoch in range(2):
            self.call("on_train_epoch_start")
            for index in range(2):
                self.batch(index)
            self._evaluate("validation")
            self.call("on_train_epoch_end")
        self.call("on_train_end")
        self.call("on_fit_end")

    def batch(self, index: int) -> None:
        self.call("on_train_batch_start", "batch", index)
        if self.module.automatic_optimization:
            self._during("forward")
            if index % self._accumulated == 0:
                self.call("on_before_zero_grad", "optimizer")
        self.call("on_before_backward", "loss")
        self._during("backward")
        self.call("on_after_backward")
        if (index + 1) % self._accumulated == 0:
            self.call("on_before_optimizer_step", "optimizer")
            self._during("optimizer")
            self.global_step += 1
        self.call("on_train_batch_end", "outputs", "batch", index)

    def _evaluate(self, stage: str) -> None:
        self.call(f"on_{stage}_start")
        self.call(f"on_{stage}_epoch_start")
        self.call(f"on_{stage}_batch_start", "batch", 0)
        self._during(f"{stage} forward")
        self.call(f"on_{stage}_batch_end", "outputs", "batch", 0)
        self.call(f"on_{stage}_epoch_end")
        self.call(f"on_{stage}_end")


class HuggingFaceTrainer:
    """Calls hooks as ``transformers.Trainer`` does: two epochs of two steps with two batches each, an evaluation after
    each epoch.

    Args:
        callback: Whose hooks are called.
        during: Called with the name of what the job does then.
        data_sets: How many an evaluation goes through.
        identity: Rank, local rank, and number of ranks.
    """

    def __init__(
        self,
        callback: Any,
        during: Callable[[str], None] = lambda _: None,
        *,
        data_sets: int = 1,
        identity: tuple[int, int, int] = (0, 0, 1),
    ) -> None:
        self._callback = callback
        self._during = during
        self._data_sets = data_sets
        rank, local_rank, world_size = identity
        self._args = SimpleNamespace(
            process_index=rank, local_process_index=local_rank, world_size=world_size
        )
        self._state = SimpleNamespace(epoch=None, global_step=0)
        self._control = SimpleNamespace(should_evaluate=False)
        self.call("on_init_end")

    def call(self, hook: str, **named: Any) -> None:
        found = getattr(self._callback, hook, None)
        if found is not None:
            found(self._args, self._state, self._control, model=LanguageModel(), optimizer=None, **named)

    def train(self) -> None:
        self._state.global_step = 0
        self.call("on_train_begin")
        for epoch in range(2):
            self._state.epoch = float(epoch)
            self.call("on_epoch_begin")
            for step in range(2):
                self._control.should_evaluate = False
                self.call("on_step_begin")
                self._during("forward and backward")
                self.call("on_substep_end")
                self._during("forward and backward")
                self.call("on_pre_optimizer_step")
                self._during("optimizer")
                self.call("on_optimizer_step")
                self._state.global_step += 1
                self._state.epoch = epoch + (step + 1) / 2
                self.call("on_step_end")
            # What the library's own callback, which is called before all others, decides.
            self._control.should_evaluate = True
            self.call("on_epoch_end")
            self.call("on_log", logs={})
            self.evaluate()
        self.call("on_log", logs={})
        self.call("on_train_end")

    def evaluate(self) -> None:
        for _ in range(self._data_sets):
            self._during("evaluate")
            self.call("on_prediction_step")
            self.call("on_log", logs={})
            self._control.should_evaluate = False
            self.call("on_evaluate", metrics={})


def records(directory: Path) -> list[dict[str, Any]]:
    """Return all that was recorded below a directory, in order."""
    return [
        json.loads(line)
        for path in sorted(directory.rglob("segment-*.jsonl"))
        for line in path.read_text().splitlines()
    ]


def ended_phases(directory: Path) -> list[str]:
    """Return the paths of phases in the order in which they ended."""
    return [
        "/".join(record["metadata"]["phase_scope"]["path"])
        for record in records(directory)
        if record["event_type"] == "phase_exit"
    ]


def session_statuses(directory: Path) -> list[str]:
    """Return how the sessions of a sink ended."""
    return [
        session["status"] for session in json.loads((directory / "manifest.json").read_text())["sessions"]
    ]
