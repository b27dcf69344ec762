"""``stormlog run``: a command with its memory recorded."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stormlog.capture import Run

__all__ = ["run"]

#: What a shell answers for a command that is not there, and for one that cannot be run.
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


# What follows the command is the command's, whether it looks like an option of ours or not.
@click.command(context_settings={"allow_interspersed_args": False})
@click.argument(
    "command", nargs=-1, required=True, type=click.UNPROCESSED, metavar="-- COMMAND [ARGUMENT]..."
)
@click.option(
    "--sink",
    metavar="DIR",
    default="telemetry",
    show_default=True,
    envvar="STORMLOG_SINK",
    show_envvar=True,
    help="Write telemetry to DIR; ranks of a job get directories of their own below it.",
)
@click.option(
    "--interval",
    metavar="SECONDS",
    type=click.FloatRange(0.01, 3600),
    default=0.5,
    show_default=True,
    help="Time between samples.",
)
@click.option("--job-id", metavar="ID", help="Name of the job (default: what its launcher says).")
@click.option("--app", metavar="NAME", help="Name of the program (default: STORMLOG_APP).")
@click.option(
    "--code-version",
    metavar="VERSION",
    help="Version of its code (default: STORMLOG_CODE_VERSION, else what git describe says).",
)
@click.option("--environment", metavar="NAME", help="For example dev (default: STORMLOG_ENVIRONMENT).")
@click.option("--no-alerts", is_flag=True, help="Write no alerts when memory gets scarce.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing at the end.")
@click.help_option("-h", "--help")
def run(
    command: tuple[str, ...],
    sink: str,
    interval: float,
    job_id: str | None,
    app: str | None,
    code_version: str | None,
    environment: str | None,
    no_alerts: bool,
    quiet: bool,
) -> None:
    """Run COMMAND unchanged, and record its memory and how it ended.

    Its processes and the NVIDIA devices that it sees are sampled from outside, so that what kills it leaves its last
    numbers and, where something shows it, the cause. Signals are passed on, and its exit status is that of this
    command. At the end, one line on stderr says what 'stormlog why --brief' does.

    \b
    Examples:
      stormlog run -- python train.py
      stormlog run --sink /scratch/telemetry -- torchrun --nproc-per-node 8 train.py
      srun stormlog run -- python train.py
    """
    from stormlog.capture import AlertOptions, find_identity, run_command

    identity = find_identity(
        job_id=job_id, app=app, code_version=code_version, environment=environment, folder=_folder_of(command)
    )
    # Trackers inside the command say the same.
    told = {
        "STORMLOG_JOB_ID": job_id,
        "STORMLOG_APP": app,
        "STORMLOG_CODE_VERSION": code_version,
        "STORMLOG_ENVIRONMENT": environment,
    }
    try:
        ended = run_command(
            command,
            sink=sink,
            interval=interval,
            identity=identity,
            alerts=None if no_alerts else AlertOptions(),
            variables={name: value for name, value in told.items() if value is not None},
        )
    except OSError as error:
        _say(f"cannot run {command[0]}: {error.strerror or error}")
        raise SystemExit(_NOT_FOUND if isinstance(error, FileNotFoundError) else _NOT_EXECUTABLE) from None
    if not quiet:
        for problem in ended.problems:
            _say(problem)
        if not ended.ending.is_success:
            _say(f"command {ended.ending.sentence}")
        _say_why(ended, sink, identity.world_size)
    _end_as(ended.status)


def _folder_of(command: Sequence[str]) -> str:
    """Return where the code of a command lies: beside the first file that it is given, else in this directory."""
    scripts = (argument for argument in command[1:] if os.path.isfile(argument))
    return os.path.dirname(os.path.abspath(next(scripts, "")))


def _say(text: str) -> None:
    from stormlog.apps.cli.printing import diagnostics

    diagnostics.print_message(text)


def _say_why(ended: Run, sink: str, world_size: int) -> None:
    """Say what is known of the run, if anything; never in place of its status."""
    if ended.sink_directory is None:
        return
    is_one_of_ranks = world_size > 1
    shown = ended.sink_directory if not is_one_of_ranks else sink
    if not ended.leaves_room:
        _say(f"too little memory to explain the run here; elsewhere: stormlog why {shown}")
        return
    import stormlog.query
    from stormlog.presenting import brief

    try:
        with stormlog.query.open([ended.sink_directory], cache=False) as store:
            _say(brief(store.explain(session_id=ended.session_id), of_one_rank=is_one_of_ranks))
    except Exception as error:
        _say(f"why it ended is not told: {error}")
    _say(f"telemetry: {ended.sink_directory}")
    if is_one_of_ranks:
        _say(f"all ranks: stormlog why {shown}")


def _end_as(status: int) -> None:
    """End as the command did: with its status, or by the signal that ended it."""
    if status >= 0:
        raise SystemExit(status)
    sys.stdout.flush()
    sys.stderr.flush()
    number = -status
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        # The command has left its core file already.
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    raise SystemExit(128 + number)
