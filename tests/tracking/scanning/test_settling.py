"""When a session without an end counts as over: by what scans saw, whatever the clocks of files and hosts say."""

from __future__ import annotations

import os
from pathlib import Path

from stormlog.tracking import Tracker
from tests.query.sinks import write_lines
from tests.tracking.people import STANDING_NS as NOW_NS
from tests.tracking.people import StandingClock as Clock
from tests.tracking.sessionless import drift, start
from tests.tracking.shared_stores import one_store_of

S = 10**9
MINUTE = 60 * S
DAY = 24 * 60 * MINUTE


def write(folder: Path, count: int, modified_ns: int, *, host: str = "h") -> Path:
    """Write a session without an end; a start describes it, so that no other store is opened to find who does."""
    path = write_lines(
        folder / f"{host}.jsonl", [start(-1, host=host), *drift(0, 400, host=host)[: count - 1]]
    )
    os.utime(path, ns=(modified_ns, modified_ns))
    return path


def found(tracker: Tracker, path: Path, **options: int) -> int:
    return tracker.scan([path], cache=False, **options).evidence_new


def hosts_found(tracker: Tracker, path: Path) -> set[str]:
    """Scan, and return the hosts whose sessions have settled until now."""
    tracker.scan([path], cache=False)
    with tracker.reading() as connection:
        return {host for (host,) in connection.execute("SELECT host FROM issue_occurrences")}


def test_a_file_time_in_the_future_settles_like_any_other(
    tmp_path: Path, tracker: Tracker, clock: Clock
) -> None:
    hosts = {"an instant": 1, "a day": DAY, "sixty years": 60 * 365 * DAY}
    for host, ahead in hosts.items():
        write(tmp_path, 200, NOW_NS + ahead, host=host)
    with one_store_of(tmp_path):
        assert hosts_found(tracker, tmp_path) == set()
        clock.now_ns += 10 * MINUTE - 1
        assert hosts_found(tracker, tmp_path) == set()
        clock.now_ns += 1
        assert hosts_found(tracker, tmp_path) == set(hosts)


def test_a_file_time_in_the_future_settles_at_once_if_that_is_asked_for(
    tmp_path: Path, tracker: Tracker
) -> None:
    assert found(tracker, write(tmp_path, 200, NOW_NS + DAY), settle_ns=0) > 0


def test_a_file_with_a_time_in_the_future_that_grows_waits_again(
    tmp_path: Path, tracker: Tracker, clock: Clock
) -> None:
    found(tracker, write(tmp_path, 150, NOW_NS + DAY))
    clock.now_ns += 9 * MINUTE
    path = write(tmp_path, 200, NOW_NS + DAY)
    with one_store_of(path):
        assert found(tracker, path) == 0
        clock.now_ns += 9 * MINUTE
        assert found(tracker, path) == 0
        clock.now_ns += MINUTE
        assert found(tracker, path) > 0


def test_touching_a_file_does_not_make_it_young(tmp_path: Path, tracker: Tracker, clock: Clock) -> None:
    found(tracker, write(tmp_path, 200, NOW_NS))
    clock.now_ns += 10 * MINUTE
    assert found(tracker, write(tmp_path, 200, clock.now_ns)) > 0


def test_an_old_file_has_settled_when_it_is_first_seen(tmp_path: Path, tracker: Tracker) -> None:
    write(tmp_path, 200, 0, host="ancient")
    write(tmp_path, 200, NOW_NS - DAY, host="of yesterday")
    assert hosts_found(tracker, tmp_path) == {"ancient", "of yesterday"}


def test_what_grew_between_two_scans_is_young_whatever_its_time_says(
    tmp_path: Path, tracker: Tracker, clock: Clock
) -> None:
    found(tracker, write(tmp_path, 3, 0))
    clock.now_ns += MINUTE
    path = write(tmp_path, 200, 0)
    with one_store_of(path):
        assert found(tracker, path) == 0
        clock.now_ns += 9 * MINUTE
        assert found(tracker, path) > 0


def test_a_clock_that_was_set_back_delays_nothing(tmp_path: Path, tracker: Tracker, clock: Clock) -> None:
    write(tmp_path, 200, NOW_NS, host="of now")
    write(tmp_path, 200, NOW_NS + DAY, host="of tomorrow")
    with one_store_of(tmp_path):
        assert hosts_found(tracker, tmp_path) == set()
        clock.now_ns -= 2 * DAY
        assert hosts_found(tracker, tmp_path) == set()
        clock.now_ns += 10 * MINUTE
        assert hosts_found(tracker, tmp_path) == {"of now", "of tomorrow"}


def test_a_scan_that_finds_nothing_to_do_writes_nothing(
    tmp_path: Path, tracker: Tracker, clock: Clock
) -> None:
    path = write(tmp_path, 200, NOW_NS + DAY)
    found(tracker, path)
    clock.now_ns += MINUTE
    report = tracker.scan([path], cache=False)
    assert report.sources_read == 0
