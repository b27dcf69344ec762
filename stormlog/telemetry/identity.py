"""Who wrote a record inside a distributed job: job, rank, local rank, world size.

Only ``resolve_distributed_identity`` looks at environment variables, and only at the mapping it is handed.

Source: docs/concepts.md#identity.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stormlog.telemetry.checks import require_minimum, require_text
from stormlog.telemetry.errors import TelemetryRecordError

__all__ = ["complete_identity", "resolve_distributed_identity"]

_JOB_ID_VARIABLES = ("TORCHELASTIC_RUN_ID", "SLURM_JOB_ID")
_RANK_VARIABLES = (
    ("RANK", "LOCAL_RANK", "WORLD_SIZE"),
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("SLURM_PROCID", "SLURM_LOCALID", "SLURM_NTASKS"),
)


def complete_identity(
    job_id: object, rank: object, local_rank: object, world_size: object
) -> tuple[str | None, int, int, int]:
    """Fill in defaults for nulls and check the four values against each other.

    Returns:
        ``(job_id, rank, local_rank, world_size)``; a missing local rank becomes the rank.

    Raises:
        TelemetryRecordError: a value has the wrong type or range, or a rank is not below the world size.
    """
    # Nearly every record is this one, and every record passes here.
    if (
        type(rank) is int
        and type(local_rank) is int
        and type(world_size) is int
        and 0 <= rank < world_size
        and 0 <= local_rank < world_size
        and job_id is None
    ):
        return None, rank, local_rank, world_size
    job = None if job_id is None else require_text(job_id, "job_id")
    own_rank = 0 if rank is None else require_minimum(rank, 0, "rank")
    own_local_rank = own_rank if local_rank is None else require_minimum(local_rank, 0, "local_rank")
    size = 1 if world_size is None else require_minimum(world_size, 1, "world_size")
    if own_rank >= size:
        raise TelemetryRecordError(
            "rank_not_below_world_size", f"rank {own_rank} must be below world_size {size}"
        )
    if own_local_rank >= size:
        raise TelemetryRecordError(
            "local_rank_not_below_world_size", f"local_rank {own_local_rank} must be below world_size {size}"
        )
    return job, own_rank, own_local_rank, size


def resolve_distributed_identity(
    *,
    job_id: Any = None,
    rank: Any = None,
    local_rank: Any = None,
    world_size: Any = None,
    metadata: Mapping[str, Any] | None = None,
    env: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Pick each value from the arguments, then ``metadata``, then ``env``; null means not known.

    Args:
        job_id: Text or null.
        rank: Integer from 0, or null.
        local_rank: Integer from 0, or null.
        world_size: Integer from 1, or null.
        metadata: A record's metadata; values must have their final types.
        env: Environment variables of torchrun, Open MPI or Slurm, as text.

    Returns:
        A dict with the keys ``job_id``, ``rank``, ``local_rank``, ``world_size``.

    Raises:
        TelemetryRecordError: a value is unusable, or a rank is not below the world size.

    Source: docs/concepts.md#identity.
    """
    found = {"job_id": job_id, "rank": rank, "local_rank": local_rank, "world_size": world_size}
    if metadata is not None:
        _fill_missing(found, metadata)
    if env is not None:
        if found["rank"] is None or found["local_rank"] is None or found["world_size"] is None:
            _fill_missing(found, _identity_of_environment(env))
        elif found["job_id"] is None:
            found["job_id"] = _job_id_of_environment(env)
    job, own_rank, own_local_rank, size = complete_identity(**found)
    return {"job_id": job, "rank": own_rank, "local_rank": own_local_rank, "world_size": size}


def _fill_missing(found: dict[str, Any], source: Mapping[str, Any]) -> None:
    for field, value in found.items():
        if value is None:
            found[field] = source.get(field)


def _job_id_of_environment(env: Mapping[str, str]) -> str | None:
    for variable in _JOB_ID_VARIABLES:
        text = env.get(variable)
        if text is not None and text.strip():
            return text.strip()
    return None


def _identity_of_environment(env: Mapping[str, str]) -> dict[str, Any]:
    identity: dict[str, Any] = {"job_id": _job_id_of_environment(env)}
    for rank_variable, local_rank_variable, size_variable in _RANK_VARIABLES:
        if rank_variable not in env or size_variable not in env:
            continue
        rank_text = env[rank_variable]
        local_rank_text = env.get(local_rank_variable)
        if local_rank_text is None or not local_rank_text.strip():
            local_rank_text = rank_text
        # All three are parsed before any range is looked at, even if the caller needs only one.
        rank = _parse_variable(rank_text, "rank")
        local_rank = _parse_variable(local_rank_text, "local_rank")
        size = _parse_variable(env[size_variable], "world_size")
        identity["rank"] = require_minimum(rank, 0, "rank")
        identity["local_rank"] = require_minimum(local_rank, 0, "local_rank")
        identity["world_size"] = require_minimum(size, 1, "world_size")
        break
    return identity


def _parse_variable(text: str, field: str) -> int:
    try:
        return int(text.strip())
    except ValueError as error:
        raise TelemetryRecordError(
            f"not_integer:{field}", f"the environment gives {text!r:.60} for {field}, which is no integer"
        ) from error
