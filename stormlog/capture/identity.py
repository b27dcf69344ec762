"""Who writes: which job, rank, program, version and environment a session belongs to.

Promise: what the job's launcher and the checkout say is found without set-up; what nobody says stays unknown, and
nothing here keeps a job from starting.

Source: docs/capture.md#identity.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import Any

from stormlog._values import frozen_class
from stormlog.telemetry import TelemetryRecordError, resolve_distributed_identity

__all__ = ["Identity", "find_identity"]

_GIT_SECONDS = 2.0
#: Launchers beside those that `resolve_distributed_identity` knows: PBS, LSF, and jobs on Kubernetes that say so.
_JOB_ID_VARIABLES = ("PBS_JOBID", "LSB_JOBID", "STORMLOG_JOB_ID")
#: What torchrun calls a job to which nobody has given an id.
_JOB_WITHOUT_NAME = "none"


@frozen_class
class Identity:
    """Who writes.

    Attributes:
        job_id: Name of the job for its launcher; null if there is none.
        rank: Rank of this process, from 0.
        local_rank: Rank on this host, from 0.
        world_size: Ranks of the job.
        metadata: ``app``, ``code_version`` and ``environment`` as far as they are known, and ``identity_error`` if
            the launcher's variables make no sense.
    """

    job_id: str | None
    rank: int
    local_rank: int
    world_size: int
    metadata: Mapping[str, Any]


def find_identity(
    *,
    job_id: str | None = None,
    rank: int | None = None,
    local_rank: int | None = None,
    world_size: int | None = None,
    app: str | None = None,
    code_version: str | None = None,
    environment: str | None = None,
    folder: str | None = None,
    variables: Mapping[str, str] | None = None,
) -> Identity:
    """Return who writes: what is given, then what the environment says.

    Args:
        job_id: See `Identity`, as for those that follow.
        rank: Likewise.
        local_rank: Likewise.
        world_size: Likewise.
        app: Name of the program. Else ``STORMLOG_APP``.
        code_version: Version of its code. Else ``STORMLOG_CODE_VERSION``, else what ``git describe`` says of the
            folder.
        environment: For example ``production`` or ``dev``. Else ``STORMLOG_ENVIRONMENT``.
        folder: Where the code of the program lies; by default where this process's program does.
        variables: Environment variables; by default those of this process.

    Raises:
        TelemetryRecordError: a given value is wrong. Wrong variables raise nothing.
    """
    found = os.environ if variables is None else variables
    metadata: dict[str, Any] = {}
    given: dict[str, Any] = {
        "job_id": job_id,
        "rank": rank,
        "local_rank": local_rank,
        "world_size": world_size,
    }
    try:
        identity = resolve_distributed_identity(**given, env=found)
    except TelemetryRecordError as error:
        # Given values that are wrong by themselves are the caller's mistake; the rest is the launcher's.
        identity = resolve_distributed_identity(**given)
        metadata["identity_error"] = str(error)
    told = identity["job_id"]
    if job_id is None and told in (None, _JOB_WITHOUT_NAME):
        # Without any name the ranks of a job would not be one run.
        identity["job_id"] = _first_of(found, ("SLURM_JOB_ID", *_JOB_ID_VARIABLES)) or told
    values = {
        "app": app or _first_of(found, ("STORMLOG_APP",)),
        "code_version": code_version or _first_of(found, ("STORMLOG_CODE_VERSION",)) or _git_version(folder),
        "environment": environment or _first_of(found, ("STORMLOG_ENVIRONMENT",)),
    }
    metadata.update({name: value for name, value in values.items() if value is not None})
    return Identity(**identity, metadata=metadata)


def _first_of(variables: Mapping[str, str], names: tuple[str, ...]) -> str | None:
    for name in names:
        text = variables.get(name, "").strip()
        if text:
            return text
    return None


def _git_version(folder: str | None) -> str | None:
    """Return what git calls the checkout that a folder lies in; null without git or a checkout."""
    if folder is None:
        program = getattr(sys.modules.get("__main__"), "__file__", None)
        folder = os.path.dirname(os.path.abspath(program)) if program else os.curdir
    # Late: those who say their version need it not.
    import subprocess

    command = ["git", "-C", folder, "describe", "--always", "--dirty", "--tags"]
    try:
        answer = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_GIT_SECONDS,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
            check=False,
        )
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return answer.stdout.strip() or None if answer.returncode == 0 else None
