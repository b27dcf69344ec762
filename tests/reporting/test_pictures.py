"""The picture of a run: its lines, what stands out, and the one of the documentation."""

from __future__ import annotations

from pathlib import Path

import stormlog.query
from stormlog.reporting import collect_report, report_picture, run_picture
from tests.apps.cli.samples import START_NS, event, write_lines
from tests.reporting.conftest import Reported

CHECKOUT = Path(__file__).resolve().parents[2]


def test_picture_of_the_documentation_is_up_to_date(of_job: Reported) -> None:
    found = report_picture(of_job.report)
    assert (CHECKOUT / "docs" / "report.svg").read_text(encoding="utf-8") == found, (
        "run stormlog report examples/job --format svg -o docs/report.svg --force"
    )


def test_rank_of_the_account_stands_out_among_few(of_job: Reported) -> None:
    report = of_job.report
    picture = run_picture(report.explanation, report.history)
    assert [line.label for line in picture.lines] == [f"rank {rank}" for rank in range(8)]
    assert [line.label for line in picture.lines if line.is_shown] == ["rank 5"]
    assert picture.band is None and picture.phases
    peak = picture.peak
    assert peak is not None and peak[2] == "rank 5"


def test_many_ranks_are_a_band_with_the_failed_one(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    common = {"world_size": 12, "job_id": "j", "device_total_bytes": 1 << 36}
    records = [
        event(
            **common,
            session_id=f"s-{rank}",
            rank=rank,
            timestamp_ns=START_NS + second * 10**9,
            device_used_bytes=(rank + 1) << 32,
        )
        for rank in range(12)
        for second in range(5)
    ]
    failure = {"event_type": "error", "context": "CUDA out of memory. Tried to allocate 1.00 GiB"}
    records.append(event(**common, session_id="s-4", rank=4, timestamp_ns=START_NS + 6 * 10**9, **failure))
    write_lines(path, *records)
    with stormlog.query.open(str(path)) as store:
        report = collect_report(store)
    picture = run_picture(report.explanation, report.history)
    assert [(line.label, line.is_shown) for line in picture.lines] == [("rank 4", True)]
    assert picture.band is not None and picture.band.label == "least to most of 12 devices"
    assert max(point.max_bytes for point in picture.band.points) == 12 << 32


def test_devices_of_a_rank_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    write_lines(
        path,
        *(event(device_id=device, timestamp_ns=START_NS + device + n) for device in (0, 1) for n in range(3)),
    )
    with stormlog.query.open(str(path)) as store:
        report = collect_report(store)
    picture = run_picture(report.explanation, report.history)
    assert [line.label for line in picture.lines] == ["rank 0, device 0", "rank 0, device 1"]
