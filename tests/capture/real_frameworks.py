"""Callbacks in the libraries themselves: ``make test-frameworks`` runs this, in an environment that has them.

The stand-ins of `training_libraries.py` are held against the libraries here: the same jobs have the same phases.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lightning.pytorch
import pytest
import torch
import transformers
from lightning.pytorch.demos.boring_classes import BoringModel

import stormlog.query
from stormlog.capture import HuggingFaceCallback, LightningCallback
from tests.capture.training_libraries import (
    ACCUMULATED_PHASES,
    HUGGING_FACE_PHASES,
    LIGHTNING_PHASES,
    ended_phases,
    records,
    session_statuses,
)
from tests.launcher_page import launched, programs


@pytest.fixture(autouse=True)
def one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORMLOG_CODE_VERSION", "1.0")
    monkeypatch.delenv("STORMLOG_APP", raising=False)


def do_nothing() -> None:
    pass


def run_out_of_memory() -> None:
    raise MemoryError("Unable to allocate 4.00 GiB")


# ---- Lightning ---------------------------------------------------------------------------------------------


class Module(BoringModel):  # type: ignore[misc]
    def __init__(self, during_second_epoch: Callable[[], None] = do_nothing) -> None:
        super().__init__()
        self._during_second_epoch = during_second_epoch

    def training_step(self, batch: Any, batch_idx: int) -> Any:
        if self.current_epoch == 1:
            self._during_second_epoch()
        return super().training_step(batch, batch_idx)


class ModuleThatOptimizes(Module):
    def __init__(self) -> None:
        super().__init__()
        self.automatic_optimization = False

    def training_step(self, batch: Any, batch_idx: int) -> None:
        loss = super().training_step(batch, batch_idx)["loss"]
        self.optimizers().zero_grad()
        self.manual_backward(loss)
        self.optimizers().step()


def fit(callbacks: Any, module: Module, folder: Path, **options: Any) -> lightning.pytorch.Trainer:
    trainer = lightning.pytorch.Trainer(
        max_epochs=2,
        limit_train_batches=2,
        limit_val_batches=1,
        limit_test_batches=1,
        num_sanity_val_steps=1,
        callbacks=callbacks,
        accelerator="cpu",
        default_root_dir=folder,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        **options,
    )
    trainer.fit(module)
    return trainer


@pytest.mark.parametrize(
    ("options", "expected"), [({}, LIGHTNING_PHASES), ({"accumulate_grad_batches": 2}, ACCUMULATED_PHASES)]
)
def test_phases_of_lightning(options: dict[str, Any], expected: list[str], tmp_path: Path) -> None:
    callback = LightningCallback(tmp_path / "sink", interval=3600)
    # Alone, not in a list: for that Lightning insists on its base class. Checkpoints are written meanwhile.
    fit(callback, Module(), tmp_path, **options).test(Module())
    assert ended_phases(tmp_path / "sink") == [*expected, "test/forward", "test"]
    assert session_statuses(tmp_path / "sink") == ["completed", "completed"]
    first = records(tmp_path / "sink")[0]
    assert (first["rank"], first["world_size"], first["metadata"]["app"]) == (0, 1, "Module")
    assert callback.problems == []


def test_a_module_of_lightning_that_optimizes_by_itself(tmp_path: Path) -> None:
    fit([LightningCallback(tmp_path / "sink", interval=3600)], ModuleThatOptimizes(), tmp_path)
    found = [phase for phase in ended_phases(tmp_path / "sink") if phase.startswith("train")]
    assert found == ["train/backward", "train"] * 4


def test_a_failed_fit_is_explained(tmp_path: Path) -> None:
    callback = LightningCallback(tmp_path / "sink")
    with pytest.raises(MemoryError):
        fit([callback], Module(run_out_of_memory), tmp_path)
    assert explained_phase(tmp_path / "sink") == "train / forward"
    assert session_statuses(tmp_path / "sink") == ["incomplete"]


def test_ranks_that_lightning_starts_record_for_themselves(tmp_path: Path) -> None:
    callback = LightningCallback(tmp_path / "sink", interval=3600)
    fit([callback], Module(), tmp_path, strategy="ddp_spawn", devices=2)
    for rank in (0, 1):
        first = records(tmp_path / "sink" / f"rank-{rank:05d}")[0]
        assert (first["rank"], first["local_rank"], first["world_size"]) == (rank, rank, 2)


# ---- Hugging Face ------------------------------------------------------------------------------------------


class Model(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, during_second_epoch: Callable[[], None] = do_nothing) -> None:
        super().__init__()
        self._layer = torch.nn.Linear(8, 1)
        self._batches = 0
        self._during_second_epoch = during_second_epoch

    def forward(self, x: Any, labels: Any) -> dict[str, Any]:
        self._batches += self.training
        if self._batches > 4:
            self._during_second_epoch()
        answer = self._layer(x)
        return {"loss": ((answer - labels) ** 2).mean(), "logits": answer}


class Examples(torch.utils.data.Dataset):  # type: ignore[misc,type-arg]
    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> dict[str, Any]:
        return {"x": torch.ones(8), "labels": torch.ones(1)}


def hugging_face(callback: Any, model: Model, folder: Path) -> transformers.Trainer:
    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        num_train_epochs=2,
        per_device_train_batch_size=4,
        per_device_eval_batch_size=16,
        gradient_accumulation_steps=2,
        eval_strategy="epoch",
        report_to=[],
        use_cpu=True,
        disable_tqdm=True,
    )
    return transformers.Trainer(
        model, arguments, train_dataset=Examples(), eval_dataset=Examples(), callbacks=[callback]
    )


def test_phases_of_hugging_face(tmp_path: Path) -> None:
    callback = HuggingFaceCallback(tmp_path / "sink", interval=3600)
    hugging_face(callback, Model(), tmp_path).train()
    assert ended_phases(tmp_path / "sink") == HUGGING_FACE_PHASES
    assert session_statuses(tmp_path / "sink") == ["completed"]
    assert records(tmp_path / "sink")[0]["metadata"]["app"] == "Model"
    assert callback.problems == []


def test_a_failed_training_is_explained(tmp_path: Path) -> None:
    callback = HuggingFaceCallback(tmp_path / "sink")
    with pytest.raises(MemoryError) as raised:
        hugging_face(callback, Model(run_out_of_memory), tmp_path).train()
    # What the interpreter does with it, had the test not caught it.
    sys.excepthook(raised.type, raised.value, raised.tb)
    assert callback.tracker is not None
    callback.tracker._stop_at_exit()
    assert explained_phase(tmp_path / "sink") == "train"
    assert session_statuses(tmp_path / "sink") == ["incomplete"]


# ---- both --------------------------------------------------------------------------------------------------


def explained_phase(sink: Path) -> str | None:
    with stormlog.query.open(sink, cache=False) as store:
        failure = store.explain().first_failure
    assert failure is not None
    return failure.phase


@pytest.mark.parametrize(
    ("name", "loaded"), [("MemoryTracker", set()), ("HuggingFaceCallback", {"transformers", "torch"})]
)
def test_libraries_are_imported_for_their_callbacks_alone(name: str, loaded: set[str]) -> None:
    code = f"from stormlog.capture import {name}; import sys; print(*sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert {"lightning", "transformers", "torch"} & set(answer.stdout.split()) == loaded


# ---- docs/launchers.md -------------------------------------------------------------------------------------

#: A phase that each program of the page must have recorded.
PROGRAM_PHASES = {
    "pytorch": "train / optimizer",
    "lightning": "validate / forward",
    "hugging_face": "evaluate",
    "jax": "train",
}


def run_program(command: list[str], folder: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # The programs take a device if there is one; what is looked at here is the same on the processor.
    environment = {**os.environ, "PATH": path, "CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    ended = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr


@pytest.mark.parametrize(("name", "program"), programs())
def test_a_program_of_the_page_records_phases(name: str, program: str, tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(program)
    run_program([sys.executable, "train.py"], tmp_path)
    with stormlog.query.open(tmp_path / "telemetry", cache=False) as store:
        phases = {row[0] for row in store.sql("SELECT phase_path FROM phase_peaks(NULL)").rows}
        (session,) = store.list_sessions()
    assert PROGRAM_PHASES[name] in phases
    assert session.status == "completed"


def test_torchrun_records_every_rank_of_one_job(tmp_path: Path) -> None:
    inside, outside = launched("torchrun")
    (tmp_path / "train.py").write_text(dict(programs())["pytorch"])
    for command, sessions in ((inside, 2), (outside, 4)):
        if command == outside:
            # What is recorded from outside is not recorded from inside, too.
            (tmp_path / "train.py").write_text("print('unchanged')")
        run_program(["bash", "-ec", command], tmp_path)
        with stormlog.query.open(tmp_path / "telemetry", cache=False) as store:
            found = store.list_sessions()
        assert len(found) == sessions
        assert {row.world_size for row in found} == {2}
    # Each start is a run of its own.
    assert len({row.job_id for row in found}) == 2
