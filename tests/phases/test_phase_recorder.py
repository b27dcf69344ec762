"""The recorder gives each accepted boundary its number, parent and path, on any thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import pytest

from stormlog.phases import (
    PhaseBoundary,
    PhaseHandle,
    PhaseProtocolError,
    PhaseRecorder,
    PhaseReplayIndex,
    PhaseToken,
)
from tests.vectors.harness import Case, load_cases


class Worker:
    """A named thread that runs one call after another."""

    def __init__(self, name: str) -> None:
        self._calls: queue.Queue[Callable[[], Any] | None] = queue.Queue()
        self._results: queue.Queue[tuple[bool, Any]] = queue.Queue()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while (call := self._calls.get()) is not None:
            try:
                self._results.put((True, call()))
            except Exception as error:
                self._results.put((False, error))

    def call(self, function: Callable[[], Any]) -> Any:
        self._calls.put(function)
        succeeded, result = self._results.get(timeout=10)
        if not succeeded:
            raise result
        return result

    def stop(self) -> None:
        self._calls.put(None)
        self.thread.join(timeout=10)


def shown(value: Any, threads: dict[int, str]) -> Any:
    """Return a result as the cases write it: lists for tuples, names for thread ids."""
    if isinstance(value, dict):
        return {
            key: f"<thread {threads[item]}>" if key == "thread_id" else shown(item, threads)
            for key, item in value.items()
        }
    return [shown(item, threads) for item in value] if isinstance(value, (list, tuple)) else value


@pytest.mark.parametrize("case", load_cases("phase_recorder"), ids=str)
def test_recorder_cases(case: Case) -> None:
    recorder = PhaseRecorder()
    workers = {"A": Worker("alpha"), "B": Worker("beta")}
    threads = {worker.thread.ident or 0: name for name, worker in workers.items()}
    tokens: dict[str, PhaseToken] = {}

    def perform(op: dict[str, Any]) -> Any:
        session_id, rank = op.get("session", "s"), op.get("rank", 0)
        if op["op"] == "reset":
            return recorder.reset()
        if op["op"] == "enter":
            token, boundary = recorder.enter(
                session_id=session_id, rank=rank, name=op["name"], attrs=op.get("attrs")
            )
            tokens[op.get("as", op["name"])] = token
            return {"token": asdict(token), "boundary": asdict(boundary)}
        if op["op"] == "exit":
            return {"boundary": asdict(recorder.exit(tokens[op["token"]]))}
        boundary = recorder.exit_phase(
            session_id=session_id,
            rank=rank,
            scope_id=op["scope_id"],
            thread_id=workers[op["on_thread"]].thread.ident or 0,
        )
        return {"boundary": asdict(boundary)}

    try:
        for op, expected in zip(case.input["ops"], case.expected, strict=True):
            worker = workers[op.get("thread", "A")]
            if expected is None or "error" not in expected:
                assert shown(worker.call(lambda op=op: perform(op)), threads) == expected
                continue
            kind = {"ValueError": ValueError, "PhaseProtocolError": PhaseProtocolError}[expected["error"]]
            with pytest.raises(kind) as caught:
                worker.call(lambda op=op: perform(op))
            if isinstance(caught.value, PhaseProtocolError):
                assert expected["reason"].split(":")[0] == caught.value.code
            else:
                assert "blank" in str(caught.value)
    finally:
        for worker in workers.values():
            worker.stop()


def test_protocol_error_is_a_runtime_error_with_a_code() -> None:
    with pytest.raises(RuntimeError) as caught:
        PhaseRecorder().exit_phase(session_id="s", rank=0, scope_id="s:1", thread_id=1)
    assert isinstance(caught.value, PhaseProtocolError)
    assert caught.value.code == "phase_exit_no_stack"


def test_attributes_are_copied_on_enter() -> None:
    recorder = PhaseRecorder()
    attributes = {"epoch": 1}
    token, _ = recorder.enter(session_id="s", rank=0, name="train", attrs=attributes)
    attributes["epoch"] = 2
    assert recorder.exit(token).metadata["phase_scope"]["attributes"] == {"epoch": 1}


def test_rejected_exit_changes_nothing() -> None:
    recorder = PhaseRecorder()
    outer, _ = recorder.enter(session_id="s", rank=0, name="outer")
    inner, _ = recorder.enter(session_id="s", rank=0, name="inner")
    with pytest.raises(PhaseProtocolError):
        recorder.exit(outer)
    assert recorder.exit(inner).metadata["phase_scope"]["sequence"] == 3
    assert recorder.exit(outer).metadata["phase_scope"]["sequence"] == 4


def test_threads_share_one_counter_and_keep_their_own_stacks() -> None:
    recorder = PhaseRecorder()
    boundaries: list[PhaseBoundary] = []
    start = threading.Barrier(8)

    def work(number: int) -> None:
        start.wait()
        for step in range(50):
            outer, first = recorder.enter(session_id="s", rank=0, name=f"w{number}")
            inner, second = recorder.enter(session_id="s", rank=0, name=f"step{step}")
            boundaries.extend((first, second, recorder.exit(inner), recorder.exit(outer)))

    workers = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()

    scopes = [boundary.metadata["phase_scope"] for boundary in boundaries]
    assert sorted(scope["sequence"] for scope in scopes) == list(range(1, 8 * 50 * 4 + 1))
    events = [
        {
            "event_type": boundary.event_type,
            "session_id": "s",
            "rank": 0,
            "timestamp_ns": boundary.metadata["phase_scope"]["sequence"],
            "metadata": boundary.metadata,
        }
        for boundary in boundaries
    ]
    spans = PhaseReplayIndex.from_events(events).spans_for(session_id="s")
    assert len(spans) == 8 * 50 * 2
    assert not any(span.synthetic_end for span in spans)
    assert all(span.path[0].startswith("w") and span.depth <= 2 for span in spans)


def make_handle(callback: Callable[[], Any]) -> PhaseHandle:
    return PhaseHandle(scope_id="s:1", name="fwd", path=("train", "fwd"), close_callback=callback)


def test_handle_closes_once_and_returns_what_the_callback_returns() -> None:
    calls: list[int] = []
    handle = make_handle(lambda: calls.append(1) or "boundary")
    assert handle.phase_path == "train / fwd"
    assert not handle.closed
    assert handle.close() == "boundary"
    assert handle.closed
    assert handle.close() is None
    assert calls == [1]


def test_handle_stays_open_when_the_callback_raises() -> None:
    answers: list[Any] = [PhaseProtocolError("not now", code="phase_exit_not_lifo"), "boundary"]

    def callback() -> Any:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    handle = make_handle(callback)
    with pytest.raises(PhaseProtocolError):
        handle.close()
    assert not handle.closed
    assert handle.close() == "boundary"


def test_handle_as_context_manager_closes_and_lets_errors_through() -> None:
    calls: list[int] = []
    handle = make_handle(lambda: calls.append(1))
    with pytest.raises(KeyError), handle as entered:
        assert entered is handle
        raise KeyError("body")
    assert calls == [1]
    assert handle.closed


def test_handle_may_be_closed_again_by_its_own_callback() -> None:
    handles: list[PhaseHandle] = []
    handles.append(make_handle(lambda: handles[0].close()))
    assert handles[0].close() is None
    assert handles[0].closed
