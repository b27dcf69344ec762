"""A callback for the Trainer of PyTorch Lightning.

Source: docs/launchers.md#pytorch-lightning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from stormlog.capture.frameworks.recording import RecordingCallback, base_class, kept_from_job

__all__ = ["LightningCallback"]

if TYPE_CHECKING:
    _Callback = object
else:
    _Callback = base_class("Callback", "lightning.pytorch", "pytorch_lightning")


class LightningCallback(RecordingCallback, _Callback):
    """Records what a Trainer of Lightning does: a session for each fit, validation, test and prediction.

    Phases are ``train`` for each batch, with ``forward``, ``backward`` and ``optimizer`` inside; ``validate``, ``test``
    and ``predict`` from their start to their end, with ``forward`` for each batch. Where the module optimizes by itself
    (``automatic_optimization = False``) only ``backward`` is told inside ``train``. Epoch and step are attributes of
    the phase.

    Args:
        sink: Directory of the sink; as of `stormlog.capture.MemoryTracker`.
        options: Its other arguments. ``rank``, ``local_rank`` and ``world_size`` are those of the Trainer by default,
            ``app`` is the class of the module.

    Raises:
        TypeError: it has no such argument.
        ValueError: one of them is wrong.

    Source: docs/launchers.md#pytorch-lightning.
    """

    @kept_from_job
    def setup(self, trainer: Any, pl_module: Any, stage: str | None = None) -> None:  # noqa: ARG002
        """Begin a session: ranks are known now."""
        self._recording.start(
            type(pl_module).__name__,
            rank=trainer.global_rank,
            local_rank=trainer.local_rank,
            world_size=trainer.world_size,
        )

    @kept_from_job
    def teardown(self, *_: Any, **__: Any) -> None:
        """End the session of a job that went well."""
        self._recording.stop()

    @kept_from_job
    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:  # noqa: ARG002
        """End the session of a job that failed."""
        self._recording.stop(exception)

    @kept_from_job
    def on_train_batch_start(self, trainer: Any, pl_module: Any, *_: Any, **__: Any) -> None:
        """Begin a training step, which begins with the forward pass."""
        self._recording.begin_phase("train", _where(trainer))
        if pl_module.automatic_optimization:
            self._recording.begin_inner_phase("forward")

    @kept_from_job
    def on_before_backward(self, *_: Any, **__: Any) -> None:
        """Begin the backward pass."""
        self._recording.begin_inner_phase("backward")

    @kept_from_job
    def on_after_backward(self, *_: Any, **__: Any) -> None:
        """End the backward pass."""
        self._recording.end_inner_phase()

    @kept_from_job
    def on_before_optimizer_step(self, trainer: Any, pl_module: Any, *_: Any, **__: Any) -> None:  # noqa: ARG002
        """Begin the step of the optimizer."""
        # Without automatic optimization nobody tells where it ends: the next forward pass would be taken for it.
        if pl_module.automatic_optimization:
            self._recording.begin_inner_phase("optimizer")

    @kept_from_job
    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        """End a training step."""
        self._recording.end_phase()

    @kept_from_job
    def on_validation_start(self, trainer: Any, *_: Any, **__: Any) -> None:
        """Begin a validation."""
        self._recording.begin_phase("validate", _where(trainer))

    @kept_from_job
    def on_test_start(self, trainer: Any, *_: Any, **__: Any) -> None:
        """Begin a test."""
        self._recording.begin_phase("test", _where(trainer))

    @kept_from_job
    def on_predict_start(self, trainer: Any, *_: Any, **__: Any) -> None:
        """Begin a prediction."""
        self._recording.begin_phase("predict", _where(trainer))

    @kept_from_job
    def _begin_batch(self, *_: Any, **__: Any) -> None:
        """Begin a batch of a validation, test or prediction."""
        self._recording.begin_inner_phase("forward")

    @kept_from_job
    def _end_batch(self, *_: Any, **__: Any) -> None:
        """End it."""
        self._recording.end_inner_phase()

    @kept_from_job
    def _end_loop(self, *_: Any, **__: Any) -> None:
        """End a validation, test or prediction."""
        self._recording.end_phase()

    on_validation_batch_start = on_test_batch_start = on_predict_batch_start = _begin_batch
    on_validation_batch_end = on_test_batch_end = on_predict_batch_end = _end_batch
    on_validation_end = on_test_end = on_predict_end = _end_loop


def _where(trainer: Any) -> dict[str, Any]:
    """Return the attributes of a phase: where in the job it is."""
    attributes = {"epoch": int(trainer.current_epoch), "step": int(trainer.global_step)}
    # The few batches that are validated before the training, to see whether that works.
    return {**attributes, "sanity_check": True} if trainer.sanity_checking else attributes
