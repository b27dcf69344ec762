"""Digests that arrive in another order than they were written, and issues at the very moment of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from stormlog.tracking.actors import Actor
from stormlog.tracking.digest import outbox
from tests.tracking.digest.digests import HOUR_NS, Clock, open_tracker, rows, run
from tests.tracking.evidence import see

WHO = Actor("user", "u", "u")


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_an_earlier_digest_that_arrives_late_sets_nothing_back(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    clock = Clock()
    with open_tracker(tmp_path, clock) as tracker:
        notices = []
        for session in ("s1", "s2"):
            see(tracker, session=session)
            run(tracker)
            with tracker.reading() as connection:
                ids = [project_id for (project_id,) in connection.execute("SELECT project_id FROM projects")]
                # The later digest takes the place of the earlier one, which somebody is sending just then.
                notices.append(outbox.waiting(connection, ids)[0])
            clock.pass_by(HOUR_NS)
        assert notices[0].digest_sequence < notices[1].digest_sequence
        with tracker.writing() as connection:
            for place in order:
                outbox.mark(connection, WHO, notices[place], now_ns=clock())
        told = rows(tracker, "SELECT last_notified_ns, notified_sequence FROM issues")
    assert told == [(notices[1].digest.digest_ns, notices[1].digest_sequence)]
