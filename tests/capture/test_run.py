"""`stormlog run` changes nothing for a command, and says of its end what something shows, and no more."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import stormlog.query
from stormlog.capture import Ending
from stormlog.capture.running.endings import ending_of
from stormlog.capture.running.error_output import ErrorOutput
from stormlog.capture.running.kills import GroupKills
from stormlog.capture.running.said_exceptions import last_exceptions
from stormlog.capture.running.secrets import without_private_keys, without_secrets
from tests.capture.test_tracker import records, types

STORMLOG = [sys.executable, "-m", "stormlog"]


def run(tmp_path: Path, code: str, *options: str, **named: Any) -> subprocess.CompletedProcess[str]:
    command = [*STORMLOG, "run", "--sink", str(tmp_path / "sink"), "--interval", "0.02", *options, "--"]
    environment = {**os.environ, "STORMLOG_CODE_VERSION": "1.0", **named.pop("env", {})}
    return subprocess.run(
        [*command, sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        env=environment,
        check=False,
        **named,
    )


def exit_of(tmp_path: Path) -> dict[str, Any]:
    (found,) = [record for record in records(tmp_path / "sink") if record["event_type"] == "exit"]
    return dict(found["metadata"])


def test_a_command_that_ends_well_is_a_completed_session(tmp_path: Path) -> None:
    code = "import sys; print(sys.stdin.read()); print('to stderr', file=sys.stderr)"
    ended = run(tmp_path, code, "--quiet", input="given")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "given\n", "to stderr\n")
    found = types(tmp_path / "sink")
    assert (found[0], found[-2:]) == ("start", ["exit", "stop"])
    assert found.count("sample") >= 1
    (session,) = json.loads((tmp_path / "sink" / "manifest.json").read_text())["sessions"]
    assert (session["status"], session["source"]) == ("completed", "stormlog.run")
    assert {record["schema_version"] for record in records(tmp_path / "sink")} == {4}


def test_options_say_what_records_say(tmp_path: Path) -> None:
    options = "--interval 0.5 --job-id nightly --app lm --code-version 7.7 --environment dev --no-alerts"
    ended = run(tmp_path, "pass", *options.split())
    assert "Run job:nightly, version 7.7" in ended.stderr
    start, *_ = found = records(tmp_path / "sink")
    assert (start["job_id"], start["sampling_interval_ms"]) == ("nightly", 500)
    said = {name: start["metadata"][name] for name in ("app", "code_version", "environment")}
    assert said == {"app": "lm", "code_version": "7.7", "environment": "dev"}
    assert not {record["event_type"] for record in found} & {"warning", "critical"}


def test_a_failure_that_a_tracker_records_elsewhere_is_not_missing_here(tmp_path: Path) -> None:
    code = f"""
from stormlog.capture import MemoryTracker
with MemoryTracker({str(tmp_path / "other")!r}, interval=60):
    raise MemoryError
"""
    run(tmp_path, code, "-q", "--job-id", "nightly", "--app", "lm", "--code-version", "7.7")
    inside, outside = records(tmp_path / "other"), records(tmp_path / "sink")
    # What options say of the command, its trackers say too.
    for start in (inside[0], outside[0]):
        said = (
            start["session_id"],
            start["job_id"],
            start["metadata"]["app"],
            start["metadata"]["code_version"],
        )
        assert said == (outside[0]["session_id"], "nightly", "lm", "7.7")
    for place in ("other", "sink"):
        with stormlog.query.open(tmp_path / place, cache=False) as store:
            assert [issue.kind for issue in store.list_issues()] == ["oom"], place


def test_memory_that_runs_out_is_an_issue_with_the_memory_of_that_time(tmp_path: Path) -> None:
    code = """
import time
kept = bytearray(200_000_000); kept[::4096] = b"x" * len(kept[::4096])
time.sleep(0.3)
raise MemoryError("Unable to allocate 2.00 GiB")
"""
    ended = run(tmp_path, code)
    assert ended.returncode == 1
    assert "MemoryError: Unable to allocate 2.00 GiB" in ended.stderr
    assert "memory ran out" in ended.stderr
    assert "rank 0 ran out of memory" in ended.stderr
    with stormlog.query.open([tmp_path], cache=False) as store:
        account = store.explain()
        (issue,) = [issue for issue in store.list_issues() if issue.kind == "oom"]
    assert issue.fingerprint.dimensions["reason"] == "message_pattern:memoryerror"
    failure = account.first_failure
    assert failure is not None
    assert failure.requested_bytes == 2 * 1024**3
    assert failure.exception_message == "MemoryError: Unable to allocate 2.00 GiB"
    assert account.memory is not None and account.memory.process_bytes is not None
    assert account.memory.process_bytes > 200_000_000


def test_a_command_that_is_killed_is_lost_with_its_last_memory(tmp_path: Path) -> None:
    code = """
import os, signal, time
kept = bytearray(200_000_000); kept[::4096] = b"x" * len(kept[::4096])
time.sleep(0.3)
os.kill(os.getpid(), signal.SIGKILL)
"""
    ended = run(tmp_path, code)
    assert ended.returncode == -signal.SIGKILL
    assert "killed by SIGKILL, cause unknown" in ended.stderr
    assert types(tmp_path / "sink")[-1] == "exit"
    with stormlog.query.open([tmp_path], cache=False) as store:
        account = store.explain()
        assert [issue.kind for issue in store.list_issues() if issue.kind == "oom"] == []
    assert account.run.ranks_lost == (0,)
    assert [exited.summary for exited in account.exits] == ["Command killed by SIGKILL, cause unknown"]
    assert account.memory is not None and account.memory.process_bytes is not None
    assert account.memory.process_bytes > 200_000_000


def test_another_exception_is_told_and_is_no_issue_of_memory(tmp_path: Path) -> None:
    ended = run(tmp_path, "raise SystemError('api_key=abcdef')", "-q")
    assert ended.returncode == 1
    found = exit_of(tmp_path)
    assert (found["exit_code"], found["exception_type"]) == (1, "SystemError")
    assert "abcdef" not in json.dumps(found)
    assert "SystemError: api_key=***" in found["stderr_tail"]
    assert "error" not in types(tmp_path / "sink")


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_signals_reach_the_command_and_its_status_is_passed_on(name: str, tmp_path: Path) -> None:
    code = f"""
import signal, sys, time
signal.signal(signal.{name}, lambda *arguments: sys.exit(7))
print("ready", flush=True)
time.sleep(60)
"""
    command = [*STORMLOG, "run", "--sink", str(tmp_path / "sink"), "-q", "--", sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True) as job:
        assert job.stdout is not None
        assert job.stdout.readline() == b"ready\n"
        job.send_signal(getattr(signal, name))
        assert job.wait(60) == 7


@pytest.mark.parametrize(("command", "status"), [("no-such-program", 127), ("/", 126)])
def test_a_command_that_cannot_be_run_is_told_as_a_shell_does(
    command: str, status: int, tmp_path: Path
) -> None:
    arguments = [*STORMLOG, "run", "--sink", str(tmp_path / "sink"), "--", command]
    ended = subprocess.run(arguments, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == status
    assert f"cannot run {command}" in ended.stderr


def test_with_too_little_memory_it_says_where_to_look(tmp_path: Path) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (600 * 2**20, 600 * 2**20))

    done = run(tmp_path, "exit(3)", preexec_fn=limit, env={"RANK": "1", "WORLD_SIZE": "4"})
    assert done.returncode == 3
    # All ranks lie below the sink.
    assert done.stderr.endswith(f"elsewhere: stormlog why {tmp_path / 'sink'}\n")


def test_where_nothing_can_be_written_the_command_runs(tmp_path: Path) -> None:
    (tmp_path / "sink").write_text("")
    ended = run(tmp_path, "print(5)")
    assert (ended.returncode, ended.stdout) == (0, "5\n")
    assert "nothing is written" in ended.stderr


def test_processes_that_a_command_starts_are_counted_with_it(tmp_path: Path) -> None:
    child = (
        "kept = bytearray(100_000_000); kept[::4096] = b'x' * len(kept[::4096]); import time; time.sleep(0.5)"
    )
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}], check=True)"
    run(tmp_path, code, "-q")
    samples = [record for record in records(tmp_path / "sink") if record["event_type"] == "sample"]
    most = max(samples, key=lambda record: record["device_used_bytes"] or 0)
    assert most["device_used_bytes"] > 100_000_000
    assert most["metadata"]["process_count"] >= 2


def test_a_command_keeps_its_terminal(tmp_path: Path) -> None:
    pty = pytest.importorskip("pty")
    main, other = pty.openpty()
    code = "import os, sys; print(os.isatty(2)); print('one\\ntwo', file=sys.stderr)"
    command = [*STORMLOG, "run", "--sink", str(tmp_path / "sink"), "-q", "--", sys.executable, "-c", code]
    ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=other, timeout=60, check=False)
    os.close(other)
    assert ended.stdout == b"True\n"
    time.sleep(0.05)
    assert os.read(main, 1000) == b"one\r\ntwo\r\n"
    os.close(main)


ALONE = GroupKills(1, False, True, 64 * 2**20, 3 * 2**29)
SHARED = GroupKills(2, True, True, 64 * 2**20, 3 * 2**29)
WITHIN_LIMIT = GroupKills(1, False, False, None, None)
NONE = GroupKills(0, False, True, None, None)
TRACEBACK = 'Traceback (most recent call last):\n  File "a.py", line 1, in <module>\n'
OF_RANK = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB"
CAUSED = "The above exception was the direct cause of the following exception:"
TORCHRUN = f"""[rank1]: Traceback (most recent call last):
[rank1]:   File "a.py", line 1, in <module>
[rank1]: {OF_RANK}
E1130 10:00:00.000000 1 torch/distributed/elastic/multiprocessing/api.py:869] failed (exitcode: 1) local_rank: 1
{TRACEBACK}a.b.ChildFailedError:
======
a.py FAILED
"""
GROUP = """  + Exception Group Traceback (most recent call last):
  |   File "a.py", line 1, in <module>
  | ExceptionGroup: workers (2 sub-exceptions)
  +-+---------------- 1 ----------------
    | MemoryError
    +---------------- 2 ----------------
    | KeyError: 'b'
    +------------------------------------
"""


@pytest.mark.parametrize(
    ("status", "text", "kills", "expected"),
    [
        (0, "MemoryError", ALONE, ("ended with status 0", None)),
        (3, "", NONE, ("ended with status 3, cause unknown", None)),
        (
            1,
            "MemoryError",
            NONE,
            ("ended with status 1; memory ran out: MemoryError", "message_pattern:memoryerror"),
        ),
        (
            1,
            "[rank3]: torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB",
            None,
            (None, "torch.cuda.OutOfMemoryError"),
        ),
        (
            1,
            "RuntimeError: [enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried",
            ALONE,
            (None, "message_pattern:failed to allocate"),
        ),
        (
            1,
            "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying",
            NONE,
            (None, "message_pattern:out of memory"),
        ),
        (
            -6,
            "terminate called after throwing an instance of 'std::bad_alloc'",
            NONE,
            (None, "message_pattern:std::bad_alloc"),
        ),
        (-9, "", NONE, ("killed by SIGKILL, cause unknown", None)),
        (137, "", NONE, ("killed by SIGKILL, cause unknown", None)),
        (-9, "", None, ("killed by SIGKILL, cause unknown", None)),
        (
            -9,
            "",
            ALONE,
            (
                "killed by SIGKILL; the kernel killed it because the control group was out of memory "
                "(limit 64.0 MiB, peak 1.50 GiB)",
                "cgroup:oom_kill",
            ),
        ),
        (
            137,
            "",
            SHARED,
            (
                "killed by SIGKILL; the kernel killed a process of its control group, which other programs share, "
                "because the control group was out of memory (limit 64.0 MiB, peak 1.50 GiB)",
                "cgroup:oom_kill",
            ),
        ),
        (
            -9,
            "",
            WITHIN_LIMIT,
            (
                "killed by SIGKILL; the kernel killed it to get memory, within the limits of the control group",
                "cgroup:oom_kill",
            ),
        ),
        (1, "ValueError: x", ALONE, (None, "cgroup:oom_kill")),
        (
            1,
            "RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.",
            SHARED,
            (None, "cgroup:oom_kill"),
        ),
        (
            1,
            "Signal 9 (SIGKILL) received by PID 7\ntorch.elastic.ChildFailedError: ",
            SHARED,
            (None, "cgroup:oom_kill"),
        ),
        (
            -15,
            "",
            SHARED,
            (
                "killed by SIGTERM, cause unknown; the kernel killed a process of its control group, which other "
                "programs share, because the control group was out of memory (limit 64.0 MiB, peak 1.50 GiB)",
                None,
            ),
        ),
        (1, "ValueError: x", NONE, ("ended with status 1; last exception: ValueError: x", None)),
        (-15, "", NONE, ("killed by SIGTERM, cause unknown", None)),
        (1, "MemoryError\nDuring handling\nKeyError: 'x'", NONE, (None, None)),
        (
            1,
            f"MemoryError\n{CAUSED}\nRuntimeError: step 7",
            NONE,
            ("ended with status 1; memory ran out: MemoryError", "message_pattern:memoryerror"),
        ),
        (
            255,
            "MemoryError",
            NONE,
            ("ended with status 255; memory ran out: MemoryError", "message_pattern:memoryerror"),
        ),
        # Handled: it went on.
        (
            1,
            "MemoryError\nsmaller batch\nstep 9",
            NONE,
            (
                "ended with status 1, cause unknown; memory ran out earlier: MemoryError",
                "message_pattern:memoryerror",
            ),
        ),
        (
            -15,
            "MemoryError",
            SHARED,
            (
                "killed by SIGTERM, cause unknown; memory ran out earlier: MemoryError; the kernel killed a process of "
                "its control group, which other programs share, because the control group was out of memory "
                "(limit 64.0 MiB, peak 1.50 GiB)",
                "message_pattern:memoryerror",
            ),
        ),
        (-9, "MemoryError\nsmaller batch", ALONE, (None, "cgroup:oom_kill")),
        # What is said by others while it ends is no sign that it went on.
        (
            1,
            "MemoryError\nwandb: synced\nsrun: error: n1: task 0: Exited with exit code 1",
            NONE,
            ("ended with status 1; memory ran out: MemoryError", "message_pattern:memoryerror"),
        ),
        (
            -6,
            "terminate called after throwing an instance of 'c10::Error'\n  what():  CUDA error: out of memory\n#0",
            NONE,
            (
                "killed by SIGABRT; memory ran out: c10::Error: CUDA error: out of memory",
                "message_pattern:out of memory",
            ),
        ),
        (
            1,
            TORCHRUN,
            NONE,
            (f"ended with status 1; memory ran out: [rank1]: {OF_RANK}", "torch.cuda.OutOfMemoryError"),
        ),
        (
            1,
            GROUP,
            NONE,
            ("ended with status 1; memory ran out: MemoryError", "message_pattern:memoryerror"),
        ),
    ],
)
def test_the_cause_is_the_first_that_something_shows(
    status: int, text: str, kills: GroupKills | None, expected: tuple[str | None, str | None]
) -> None:
    ending = ending_of(status, text, kills)
    sentence, reason = expected
    assert ending.oom_reason == reason
    assert sentence in (None, ending.sentence)
    assert isinstance(ending, Ending)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("all is well\nError rate 5", []),
        ("  ValueError: inside", []),
        ("ValueError: a\nbye", [("ValueError", "", "ValueError: a", False)]),
        ("a.b.C_Error", [("C_Error", "a.b", "a.b.C_Error", True)]),
        ("KeyboardInterrupt", [("KeyboardInterrupt", "", "KeyboardInterrupt", True)]),
        (f"{TRACEBACK}a.Boom: x", [("Boom", "a", "a.Boom: x", True)]),
        ("Boom: x", []),
        (
            f"KeyError: 1\nException ignored in: f\n{TRACEBACK}TypeError: x",
            [("KeyError", "", "KeyError: 1", True)],
        ),
        (
            f"[rank0]: {TRACEBACK}[rank1]: {TRACEBACK}[rank0]: Boom: x\n[rank1]: Bang: y",
            [("Bang", "", "[rank1]: Bang: y", True)],
        ),
        (
            TORCHRUN.replace("[rank1]: ", "").replace("E1130", "step"),
            [("ChildFailedError", "a.b", None, False)],
        ),
        (
            f"{TRACEBACK}MemoryError\n\n{CAUSED}\n\n{TRACEBACK}OSError: b\n\n{CAUSED}\n\n{TRACEBACK}Boom: c",
            [
                ("Boom", "", "Boom: c", True),
                ("OSError", "", "OSError: b", True),
                ("MemoryError", "", "MemoryError", True),
            ],
        ),
        (
            f"MemoryError\nsmaller batch\n{CAUSED}\n{TRACEBACK}Boom: c\nbye",
            [("Boom", "", "Boom: c", False), ("MemoryError", "", "MemoryError", False)],
        ),
        (
            f"[rank0]: KeyError: a\n[rank1]: OSError: b\n[rank0]: {CAUSED}\n[rank1]: bye\n[rank0]: TypeError: c",
            [
                ("TypeError", "", "[rank0]: TypeError: c", True),
                ("KeyError", "", "[rank0]: KeyError: a", True),
            ],
        ),
        (
            f"  + Exception Group {TRACEBACK}  | ExceptionGroup: g\n  +-+---- 1 ----\n    | MemoryError: a\n"
            f"    | \n    | {CAUSED}\n    | \n    | RuntimeError: b\n    +----------",
            [
                ("ExceptionGroup", "", "ExceptionGroup: g", True),
                ("MemoryError", "", "MemoryError: a", True),
                ("RuntimeError", "", "RuntimeError: b", True),
            ],
        ),
        (f"{CAUSED}\nKeyError: a", [("KeyError", "", "KeyError: a", True)]),
        (
            f"KeyError: a\n{CAUSED}\nsubprocess.CalledProcessError: c",
            [
                ("CalledProcessError", "subprocess", "subprocess.CalledProcessError: c", True),
                ("KeyError", "", "KeyError: a", True),
            ],
        ),
    ],
)
def test_the_last_exception_is_found(text: str, expected: list[tuple[str, str, str | None, bool]]) -> None:
    found = [(said.name, said.module, said.line, said.is_last_word) for said in last_exceptions(text)]
    assert found == [
        (name, module, line or "a.b.ChildFailedError", last) for name, module, line, last in expected
    ]


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("WANDB_API_KEY=0123456789abcdef", "WANDB_API_KEY=***"),
        ('"password": "a b", "x": 1', '"password": ***, "x": 1'),
        ("--api-key abc --lr 0.1", "--api-key *** --lr 0.1"),
        ("redis://:pw@host", "redis://***@host"),
        ("Authorization: Bearer abc.def-123456", "Authorization: ***"),
        ("https://me:secret1@host/x", "https://***@host/x"),
        ("token hf_abcdefghijklmnopqrst", "token ***"),
        ("AKIAABCDEFGHIJKLMNOP used", "*** used"),
        ("tokens per second: 512", "tokens per second: 512"),
        ("CUDA out of memory at step 7", "CUDA out of memory at step 7"),
    ],
)
def test_secrets_are_left_out(text: str, kept: str) -> None:
    assert without_secrets(text) == kept


def test_private_keys_are_left_out() -> None:
    key = "-----BEGIN RSA PRIVATE KEY-----"
    assert without_private_keys(f"a\n{key}\nMIIa\n-----END RSA PRIVATE KEY-----\nb\n{key}\nMII") == (
        f"a\n{key}***\nb\n{key}***"
    )


def test_the_time_of_a_failure_of_memory_is_not_that_of_later_text(tmp_path: Path) -> None:
    moments = iter((1, 2))
    opened = len(os.listdir("/proc/self/fd"))
    with open(tmp_path / "passed-on", "wb") as target:
        output = ErrorOutput(target.fileno(), lambda: next(moments))
        write_to = os.dup(output.writer)
        output.begin()
        for text in (b"MemoryError\n", b"ValueError: Error rate 5\n"):
            os.write(write_to, text)
            time.sleep(0.05)
        os.close(write_to)
        output.end()
    assert len(os.listdir("/proc/self/fd")) == opened
    assert output.memory_ns == 1
    assert output.text == "MemoryError\nValueError: Error rate 5\n"
    assert (tmp_path / "passed-on").read_text() == output.text


@pytest.mark.parametrize("piece", ["x", "token", "token: ", "a.b", "x://a:", '"', "Traceback: ", "[a]: "])
def test_what_a_command_says_is_read_in_time_that_grows_with_its_length(piece: str) -> None:
    text = piece * (65536 // len(piece))
    began = time.process_time()
    without_secrets(text)
    last_exceptions(text)
    assert time.process_time() - began < 2
