"""Vendor calls that may hang: the caller's wait ends, whatever the call does."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from easytrader_qmt.miniqmt.deadline import DeadlineExceeded, settled, within
from easytrader_qmt.miniqmt.reply import Reply

SOON = 20.0


def test_the_result_and_the_error_of_the_call_come_through() -> None:
    assert within(SOON, lambda: 7, "connect()") == 7
    with pytest.raises(KeyError, match="x"):
        within(SOON, lambda: {}["x"], "connect()")


def test_the_call_runs_on_a_daemon_thread_that_is_not_the_callers() -> None:
    threads: list[threading.Thread] = []
    within(SOON, lambda: threads.append(threading.current_thread()), "start()")
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon
    assert threads[0].name != "MainThread"


def test_a_call_that_hangs_is_abandoned_and_cleaned_up_when_it_comes_back() -> None:
    go, cleaned = threading.Event(), threading.Event()
    with pytest.raises(DeadlineExceeded, match=r"stop\(\) 在 0.01 秒内没有返回"):
        within(0.01, lambda: go.wait(SOON), "stop()", late=cleaned.set)
    assert not cleaned.is_set()
    go.set()
    assert cleaned.wait(SOON)


def test_a_call_in_time_is_not_cleaned_up() -> None:
    cleaned = threading.Event()
    within(SOON, lambda: None, "stop()", late=cleaned.set)
    with pytest.raises(ValueError, match="bad"):
        within(SOON, lambda: int("bad"), "stop()", late=cleaned.set)
    assert not cleaned.is_set()


def test_a_timeout_error_of_the_call_itself_is_its_own() -> None:
    def call() -> None:
        raise TimeoutError("vendor")

    with pytest.raises(TimeoutError, match="vendor"):
        within(SOON, call, "connect()")


def test_whoever_holds_the_outcome_can_end_the_wait() -> None:
    go, inside = threading.Event(), threading.Event()
    outcome = Reply()

    def call() -> bool:
        inside.set()
        return go.wait(SOON)

    threading.Thread(target=lambda: (inside.wait(SOON), outcome.fail(ConnectionError("gone")))).start()
    with pytest.raises(ConnectionError, match="gone"):
        within(SOON, call, "connect()", outcome=outcome)
    go.set()


def test_a_keyboard_interrupt_abandons_the_call() -> None:
    go, cleaned = threading.Event(), threading.Event()

    class Interrupted(Reply):
        def result(self, seconds: float = 0.0) -> bool:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        within(SOON, lambda: go.wait(SOON), "stop()", late=cleaned.set, outcome=Interrupted())
    go.set()
    assert cleaned.wait(SOON)


def test_a_deadline_while_the_answer_is_being_given_abandons_the_call() -> None:
    """Neither a bare TimeoutError, nor a call that nobody cleans up after."""
    go, cleaned = threading.Event(), threading.Event()

    class Slow(Reply):
        def settle(self, answer: Any) -> None:
            assert go.wait(SOON)
            super().settle(answer)

    with pytest.raises(DeadlineExceeded):
        within(0.05, lambda: None, "stop()", late=cleaned.set, outcome=Slow())
    go.set()
    assert cleaned.wait(SOON)


def test_an_answer_at_the_very_last_moment_is_an_answer() -> None:
    """It came between the end of the wait and the look at it: neither lost nor a bare TimeoutError."""

    class LastMoment(Reply):
        asked = 0

        def result(self, seconds: float = 0.0) -> Any:
            self.asked += 1
            if self.asked == 1:
                try:
                    return super().result(0)
                finally:
                    self.settle(5)
            return super().result(seconds)

    assert settled(LastMoment(), 0.0, "下单") == 5


def test_late_calls_and_deadlines_race_without_losing_either() -> None:
    """Each call either gave its result or was cleaned up, never both and never neither."""
    for _ in range(300):
        cleaned = threading.Event()
        came = threading.Event()

        def call(came: threading.Event = came) -> int:
            came.wait(0.0001)
            return 3

        try:
            assert within(0.0001, call, "stop()", late=cleaned.set) == 3
        except DeadlineExceeded:
            assert cleaned.wait(SOON)
        else:
            assert not cleaned.is_set()
