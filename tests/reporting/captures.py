"""Captures for reports: a run with many issues, and texts that want to be more than text."""

from __future__ import annotations

from pathlib import Path

from tests.apps.cli.samples import START_NS, event, write_lines

SECOND = 10**9
GIB = 1 << 30
WORDS = [f"{a}{b}{c}" for a in "bcdfghjklm" for b in "aeiou" for c in "nprstvwxyz"]
HOSTILE = (
    "</style></title><script>alert(1)</script><img src=x onerror=alert(1)>\"'&\x00\x1b[31m\u202egnp.exe "
    "[bold]x[/bold] | `a` **b** ![x](http://evil.example/x) @user <!-- \u05e9\u05dc\u05d5\u05dd \ud800"
)


def many_issues(path: Path, count: int) -> Path:
    """Write a run of two ranks with so many issues; each has the memory around it."""
    records = []
    for number in range(count):
        time_ns = START_NS + number * 10 * SECOND
        used = (1 + number % 60) * GIB
        for rank in (0, 1):
            records.append(
                event(
                    session_id=f"s-{rank}",
                    rank=rank,
                    world_size=2,
                    job_id="many",
                    timestamp_ns=time_ns + rank,
                    device_used_bytes=used,
                    device_total_bytes=80 * GIB,
                )
            )
        records.append(
            event(
                session_id=f"s-{number % 2}",
                rank=number % 2,
                world_size=2,
                job_id="many",
                event_type="warning",
                timestamp_ns=time_ns + 5,
                context=f"Trouble with {WORDS[number % 500]} {WORDS[number // 500]}",
            )
        )
    write_lines(path, *records)
    return path


def hostile(folder: Path) -> Path:
    """Write a run whose every text is hostile, under a name that is as well."""
    directory = folder / "odd <b>&'\"`dir\u202e"
    directory.mkdir()
    records = []
    for number in range(4):
        title = HOSTILE + "abcd"[number] * (1_000_000 if number == 0 else 9)
        common = {"session_id": f"s<{number}>{HOSTILE}", "job_id": HOSTILE, "host": HOSTILE, "rank": 0}
        time_ns = START_NS + number * SECOND
        records.append(event(**common, timestamp_ns=time_ns))
        records.append(event(**common, timestamp_ns=time_ns + 1, event_type="warning", context=title))
    records.append(
        event(
            session_id="s-oom",
            job_id=HOSTILE,
            host=HOSTILE,
            timestamp_ns=START_NS + 9 * SECOND,
            event_type="error",
            context=f"CUDA out of memory. {HOSTILE}",
            metadata={"backend": "cuda", "exception_type": HOSTILE, "code_version": HOSTILE},
        )
    )
    write_lines(
        directory / "e <i>v.jsonl", *records, f"{{broken {HOSTILE.encode('ascii', 'replace').decode()}"
    )
    return directory
