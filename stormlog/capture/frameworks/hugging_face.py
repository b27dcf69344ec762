"""A callback for the Trainer of Hugging Face.

Source: docs/launchers.md#hugging-face-trainer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stormlog.capture.frameworks.recording import RecordingCallback, base_class, kept_from_job

__all__ = ["HuggingFaceCallback"]

if TYPE_CHECKING:
    _Callback = object
else:
    _Callback = base_class("TrainerCallback", "transformers")


class HuggingFaceCallback(RecordingCallback, _Callback):
    """Records what a Trainer of Hugging Face does: a session from the begin of a training to its end.

    Phases are ``train`` for each step, which is forward and backward passes (the Trainer does not tell them apart),
    with ``optimizer`` inside; and ``evaluate``. Epoch and step are attributes of the phase. An exception that nobody
    catches is recorded with the phase that it happened in.

    Args:
        sink: Directory of the sink; as of `stormlog.capture.MemoryTracker`.
        options: Its other arguments. ``rank``, ``local_rank`` and ``world_size`` are those of the Trainer by default,
            ``app`` is the class of the model.

    Raises:
        TypeError: it has no such argument.
        ValueError: one of them is wrong.

    Source: docs/launchers.md#hugging-face-trainer.
    """

    @kept_from_job
    def on_train_begin(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:  # noqa: ARG002
        """Begin a session."""
        self._recording.start(
            "Trainer" if model is None else type(model).__name__,
            rank=args.process_index,
            local_rank=args.local_process_index,
            world_size=args.world_size,
        )

    @kept_from_job
    def on_train_end(self, *_: Any, **__: Any) -> None:
        """End the session of a job that went well."""
        self._recording.stop()

    @kept_from_job
    def on_step_begin(self, args: Any, state: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002
        """Begin a training step."""
        self._recording.begin_phase("train", _where(state))

    @kept_from_job
    def on_pre_optimizer_step(self, *_: Any, **__: Any) -> None:
        """Begin the step of the optimizer."""
        self._recording.begin_inner_phase("optimizer")

    @kept_from_job
    def on_optimizer_step(self, *_: Any, **__: Any) -> None:
        """End the step of the optimizer."""
        self._recording.end_inner_phase()

    @kept_from_job
    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:  # noqa: ARG002
        """End a training step, and begin the evaluation that follows it."""
        self._recording.end_phase()
        # The Trainer does not say when it begins an evaluation, but has decided by now whether to.
        if control.should_evaluate:
            self._recording.begin_phase("evaluate", _where(state))

    on_epoch_end = on_step_end

    @kept_from_job
    def on_prediction_step(self, args: Any, state: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002
        """Begin an evaluation that nothing announced, such as that of a second data set: after its first batch."""
        if self._recording.is_running and not self._recording.has_phase:
            self._recording.begin_phase("evaluate", _where(state))

    @kept_from_job
    def on_evaluate(self, *_: Any, **__: Any) -> None:
        """End an evaluation."""
        self._recording.end_phase()

    on_predict = on_evaluate


def _where(state: Any) -> dict[str, Any]:
    """Return the attributes of a phase: where in the job it is. Of the epoch the Trainer counts parts, too."""
    attributes = {"step": int(state.global_step)}
    return attributes if state.epoch is None else {"epoch": int(state.epoch), **attributes}
