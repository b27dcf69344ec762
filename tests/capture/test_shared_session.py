"""What `stormlog run` and the trackers of its command tell each other, and what becomes of it when that fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from stormlog.capture.shared_session import SharedSession, take_shared_session, tell_of_failure

SECOND = 10**9


@pytest.fixture
def shared(monkeypatch: pytest.MonkeyPatch) -> SharedSession:
    shared = SharedSession(rank=1)
    for name, value in shared.variables.items():
        monkeypatch.setenv(name, value)
    return shared


def test_the_first_tracker_of_the_rank_takes_the_session(shared: SharedSession) -> None:
    assert take_shared_session(rank=0) is None
    assert take_shared_session(rank=1) == shared.session_id
    assert take_shared_session(rank=1) is None


@pytest.mark.parametrize(
    ("after_ns", "is_known"), [(0, True), (30 * SECOND, True), (30 * SECOND + 1, False), (-1, False)]
)
def test_a_failure_is_known_for_half_a_minute(
    after_ns: int, is_known: bool, shared: SharedSession, tmp_path: Path
) -> None:
    assert not shared.has_recorded(5 * SECOND, str(tmp_path))
    tell_of_failure(SECOND, str(tmp_path))
    tell_of_failure(100 * SECOND, str(tmp_path / "a \udc80 name"))
    assert shared.has_recorded(100 * SECOND + after_ns, str(tmp_path)) == is_known


@pytest.mark.parametrize(
    ("sink", "is_known"), [("sinks", True), ("sinks/pid-7", True), ("sinks2", False), (".", False)]
)
def test_what_is_recorded_elsewhere_is_recorded_here_too(
    sink: str, is_known: bool, shared: SharedSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "sinks")
    tell_of_failure(SECOND, sink)
    assert shared.has_recorded(SECOND, "link") == is_known


def test_nothing_is_shared_after_the_end(shared: SharedSession) -> None:
    shared.close()
    assert take_shared_session(rank=1) is None
    tell_of_failure(SECOND, "sink")
    assert not shared.has_recorded(SECOND, ".")
    assert not Path(next(iter(shared.variables.values()))).exists()


def test_without_a_place_to_tell_each_goes_by_itself(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    shared = SharedSession(rank=0)
    assert shared.session_id and shared.variables == {}
    assert not shared.has_recorded(SECOND, ".")
    shared.close()
    monkeypatch.delenv("STORMLOG_RUN_DIR", raising=False)
    assert take_shared_session(rank=0) is None


@pytest.mark.parametrize("content", ["", "x", "5x /", "\0"])
def test_damaged_times_are_no_failures(content: str, shared: SharedSession) -> None:
    (Path(next(iter(shared.variables.values()))) / "failures").write_text(content)
    assert not shared.has_recorded(SECOND, "/")


@pytest.mark.parametrize("content", ["", "one", "a b", "a 0 0", "\0"])
def test_a_damaged_file_is_no_session(content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "session").write_text(content)
    monkeypatch.setenv("STORMLOG_RUN_DIR", str(tmp_path))
    assert take_shared_session(rank=0) is None
