"""What docs/launchers.md says of launchers is true: their variables, commands, scripts and manifests.

Launchers themselves are stood in for by scripts that start ranks with the variables of each. The programs of the page
need their libraries: ``make test-frameworks`` runs them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import stormlog.query
from stormlog.capture import MemoryTracker, find_identity
from stormlog.capture.running.endings import ending_of
from stormlog.capture.running.kills import GroupKills
from stormlog.presenting import brief
from tests.capture.training_libraries import records
from tests.launcher_page import PAGE, launched, programs

ROW = re.compile(r"^\| ([\w ]+?)(?: \(`\w+`\))? \|(.*)\|$", re.MULTILINE)
#: Starts as many ranks as are asked for, with the variables of torchrun.
TORCHRUN = """#!/bin/bash
export TORCHELASTIC_RUN_ID=0f6c WORLD_SIZE=2 LOCAL_RANK RANK
[[ "$1 $2 $3" == "--standalone --nproc-per-node 2" ]] || exit 64
shift 3
if [[ "$1" == --no-python ]]; then shift; else set -- python "$@"; fi
for RANK in 0 1; do LOCAL_RANK=$RANK; "$@" & started+=($!); done
for process in "${started[@]}"; do wait "$process" || exit; done
"""
#: Starts the first and the last of the eight tasks that the script asks for, with the variables of Slurm.
SRUN = """#!/bin/bash
export SLURM_NTASKS=8 SLURM_PROCID SLURM_LOCALID
for SLURM_PROCID in 0 7; do
    SLURM_LOCALID=$((SLURM_PROCID % 4)) "$@" & started+=($!)
done
for process in "${started[@]}"; do wait "$process" || exit; done
"""
#: What the page records from inside, without PyTorch.
INSIDE = """
from stormlog.capture import MemoryTracker
with MemoryTracker("telemetry", interval=3600):
    pass
"""


def rows() -> list[tuple[str, list[str]]]:
    """Return launchers and their variables: of the job, the rank, the rank on its host, and the ranks."""
    found = []
    for name, cells in ROW.findall(PAGE):
        variables = [cell.strip().strip("`") for cell in cells.split("|")]
        if len(variables) == 4 and (variables[0].isupper() or variables[1].isupper()):
            found.append((name, variables))
    return found


@pytest.mark.parametrize(("name", "variables"), rows(), ids=[name for name, _ in rows()])
def test_variables_of_a_launcher_say_who_a_rank_is(name: str, variables: list[str]) -> None:
    job, *ranks = variables
    values = dict(zip(ranks, ("9", "1", "16"), strict=True)) if ranks[0] else {}
    found = find_identity(variables={**values, job: "lm-42"}, code_version="1.0")
    expected = ("lm-42", 9, 1, 16) if values else ("lm-42", 0, 0, 1)
    assert (found.job_id, found.rank, found.local_rank, found.world_size) == expected


def test_all_launchers_are_there() -> None:
    assert [name for name, _ in rows()] == ["torchrun", "Slurm", "Open MPI", "PBS", "LSF"]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"TORCHELASTIC_RUN_ID": "none", "SLURM_JOB_ID": "50132"}, "50132"),
        ({"TORCHELASTIC_RUN_ID": "none", "STORMLOG_JOB_ID": "lm-42"}, "lm-42"),
        ({"TORCHELASTIC_RUN_ID": "lm-1", "SLURM_JOB_ID": "50132"}, "lm-1"),
        # Ranks of one job have one name at least.
        ({"TORCHELASTIC_RUN_ID": "none"}, "none"),
        ({}, None),
    ],
)
def test_a_job_that_torchrun_has_no_name_for_has_that_of_others(
    variables: dict[str, str], expected: str | None
) -> None:
    assert find_identity(variables=variables, code_version="1.0").job_id == expected
    assert find_identity(job_id="given", variables=variables, code_version="1.0").job_id == "given"


@pytest.mark.parametrize("name", [name for name, _ in programs()])
def test_programs_compile(name: str) -> None:
    compile(dict(programs())[name], f"{name}/train.py", "exec")


# ---- commands ----------------------------------------------------------------------------------------------


@pytest.fixture
def workplace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a program to train, and launchers on the path."""
    bin_folder = tmp_path / "bin"
    bin_folder.mkdir()
    for name, script in {"torchrun": TORCHRUN, "srun": SRUN}.items():
        (bin_folder / name).write_text(script)
        (bin_folder / name).chmod(0o755)
    (tmp_path / "train.py").write_text(INSIDE)
    path = [str(bin_folder), str(Path(sys.executable).parent), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    monkeypatch.setenv("STORMLOG_CODE_VERSION", "1.0")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command: list[str], environment: dict[str, str] | None = None) -> None:
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=120, env={**os.environ, **(environment or {})}
    )
    assert ended.returncode == 0, ended.stderr


def ranks_of(sink: Path) -> list[tuple[str, str, int, int, int]]:
    found = []
    for folder in sorted(sink.glob("rank-*")):
        first = records(folder)[0]
        found.append((folder.name, first["job_id"], first["rank"], first["local_rank"], first["world_size"]))
    return found


@pytest.mark.slow
@pytest.mark.parametrize("command", launched("torchrun"))
def test_ranks_of_torchrun_record_themselves(command: str, workplace: Path) -> None:
    if "--no-python" in command:
        (workplace / "train.py").write_text("print('unchanged')")
    run(["bash", "-ec", command])
    assert ranks_of(workplace / "telemetry") == [
        ("rank-00000", "0f6c", 0, 0, 2),
        ("rank-00001", "0f6c", 1, 1, 2),
    ]


@pytest.mark.slow
def test_the_script_for_slurm_records_tasks(workplace: Path) -> None:
    (script,) = launched("sbatch")
    (workplace / "job.sbatch").write_text(script)
    (workplace / "train.py").write_text("print('unchanged')")
    # So many tasks the stand-in tells of.
    assert re.search(r"--nodes=2\n.*--ntasks-per-node=4", script)
    run(["bash", "-e", "job.sbatch"], {"SLURM_JOB_ID": "50132"})
    found = ranks_of(workplace / "telemetry" / "50132")
    assert found == [(f"rank-{rank:05d}", "50132", rank, rank % 4, 8) for rank in (0, 7)]
    assert records(workplace / "telemetry")[0]["metadata"]["app"] == "lm-pretrain"


@pytest.mark.slow
def test_the_manifest_for_kubernetes_records_the_pod(workplace: Path) -> None:
    (text,) = launched("kubernetes")
    pod = yaml.safe_load(text)["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    fields = {
        "metadata.name": "lm-pretrain-x7k2p",
        "metadata.labels['batch.kubernetes.io/job-name']": "lm-pretrain",
    }
    environment = {
        each["name"]: each.get("value") or fields[each["valueFrom"]["fieldRef"]["fieldPath"]]
        for each in container["env"]
    }
    (mount,) = container["volumeMounts"]
    assert mount["name"] == pod["volumes"][0]["name"]
    (workplace / "train.py").write_text("print('unchanged')")
    # As a pod has it, but for where the volume lies.
    command = [
        re.sub(r"\$\((\w+)\)", lambda found: environment[found[1]], part).replace(
            mount["mountPath"], str(workplace / "volume")
        )
        for part in container["command"]
    ]
    run(command, environment)
    first = records(workplace / "volume" / "lm-pretrain-x7k2p")[0]
    assert (first["job_id"], first["rank"]) == ("lm-pretrain", 0)
    assert (first["metadata"]["app"], first["metadata"]["code_version"]) == ("lm-pretrain", "1.4.0")


# ---- what one sees -----------------------------------------------------------------------------------------


def test_a_kill_by_the_kernel_is_shown_as_the_page_has_it() -> None:
    kills = GroupKills(
        count=1, is_shared=False, is_limit_hit=True, limit_bytes=512 * 1024**2, peak_bytes=512 * 1024**2
    )
    ending = ending_of(-9, "", kills)
    assert f"OOM detected ({ending.oom_reason})" in PAGE
    assert f"Rank 0: command {ending.sentence}." in " ".join(PAGE.split())


def test_a_container_that_is_killed_as_a_whole_is_told_as_the_page_says(tmp_path: Path) -> None:
    tracker = MemoryTracker(tmp_path / "sink", code_version="1.0").start()
    tracker.flush()
    # What is on the volume in the moment of the kill.
    left = tmp_path / "left"
    left.mkdir()
    for path in (tmp_path / "sink").iterdir():
        if path.is_file():
            (left / path.name).write_bytes(path.read_bytes())
    tracker.stop()
    with stormlog.query.open(left, cache=False) as store:
        said = brief(store.explain())
    (sentence,) = re.findall(r"`No (failure was recorded; .*?)`", PAGE)
    assert sentence in said


def test_numbers_name_the_collectors_that_there_are() -> None:
    from stormlog.capture.collectors import jax_device, nvidia, process, torch_device
    from stormlog.capture.running import process_tree

    page = (Path(__file__).parents[1] / "docs" / "numbers.md").read_text(encoding="utf-8")
    named = set(
        re.findall(r"`(stormlog\.\w+)`", page.partition("## By collector")[2].partition("When one")[0])
    )
    modules: list[Any] = [jax_device, nvidia, process, torch_device, process_tree]
    classes = [value for module in modules for value in vars(module).values() if isinstance(value, type)]
    found = {value.name for value in classes if isinstance(getattr(value, "name", None), str)}
    # One class reads both of these.
    assert named == found | {"stormlog.cuda_tracker", "stormlog.rocm_tracker"}
