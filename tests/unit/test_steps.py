"""Several vendor calls in one thread: each with its deadline, none after the caller has given up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from easytrader_qmt.miniqmt.deadline import DeadlineExceeded
from easytrader_qmt.miniqmt.reply import Reply
from easytrader_qmt.miniqmt.steps import MOST_HANGING, Step, Steps, too_many_hang
from tests.facade import SOON


def step(call: Callable[[], Any], seconds: float = SOON, what: str = "connect()") -> Step:
    return Step(what, seconds, call, Reply())


def begun(*steps: Step, over: Callable[[], object] = lambda: None) -> Steps:
    made = Steps(steps, over)
    made.begin()
    return made


def test_the_results_come_in_order_from_one_thread() -> None:
    threads: list[threading.Thread] = []

    def call(number: int) -> int:
        threads.append(threading.current_thread())
        return number

    steps = begun(*(step(lambda number=number: call(number)) for number in range(3)))
    assert [steps.wait(number) for number in (0, 1, 2)] == [0, 1, 2]
    assert len(set(threads)) == 1
    assert threads[0] is not threading.current_thread()
    assert threads[0].daemon


def test_an_error_ends_the_steps_and_every_wait() -> None:
    called: list[int] = []
    ended = threading.Event()
    steps = begun(step(lambda: int("bad")), step(lambda: called.append(1)), over=ended.set)
    for number in (0, 1):
        with pytest.raises(ValueError, match="bad"):
            steps.wait(number)
    assert ended.wait(SOON)
    assert called == []


def test_the_step_that_hangs_is_named_and_nothing_follows_it() -> None:
    go, ended, called = threading.Event(), threading.Event(), []
    steps = begun(
        step(lambda: 1, 3600, "start()"),
        step(lambda: go.wait(SOON), 0.02),
        step(lambda: called.append(1), 3600, "subscribe()"),
        over=ended.set,
    )
    with pytest.raises(DeadlineExceeded, match=r"connect\(\) 在 0.02 秒内没有返回"):
        steps.wait(2)
    assert not ended.is_set()
    go.set()
    assert ended.wait(SOON)
    assert called == []


def test_each_step_has_a_deadline_of_its_own() -> None:
    """Together they take longer than any of them may."""
    pause = threading.Event()
    steps = begun(*(step(lambda: pause.wait(0.15), 0.4) for _ in range(4)))
    assert steps.wait(3) is False


def test_an_outcome_that_is_failed_from_outside_ends_the_wait_and_the_steps() -> None:
    go, ended, called = threading.Event(), threading.Event(), []
    last = step(lambda: called.append(1))
    steps = begun(step(lambda: go.wait(SOON)), last, over=ended.set)
    last.outcome.fail(RuntimeError("gone"))
    with pytest.raises(RuntimeError, match="gone"):
        steps.wait(1)
    go.set()
    assert ended.wait(SOON)
    assert called == []


def test_a_timeout_that_the_call_itself_raises_is_its_answer() -> None:
    def call() -> None:
        raise TimeoutError("the vendor's own")

    with pytest.raises(TimeoutError, match="vendor"):
        begun(step(call)).wait(0)


def test_calls_that_were_given_up_are_counted_by_terminal_until_they_end() -> None:
    go = threading.Event()
    ended = [threading.Event() for _ in range(MOST_HANGING)]
    for each in ended:
        assert too_many_hang("here") == ""
        steps = Steps([step(lambda: go.wait(SOON), 0.0)], each.set, "here")
        steps.begin()
        with pytest.raises(DeadlineExceeded):
            steps.wait(0)
    assert str(MOST_HANGING) in too_many_hang("here")
    assert too_many_hang("elsewhere") == ""
    later = time.monotonic() + 60.0
    assert too_many_hang("here", lambda: later) == "", "rarely, but not never"
    go.set()
    assert all(each.wait(SOON) for each in ended)
    assert too_many_hang("here") == ""


def test_a_call_that_fails_does_not_count_as_hanging() -> None:
    for _ in range(MOST_HANGING):
        ended = threading.Event()
        steps = Steps([step(lambda: int("bad"))], ended.set, "failing")
        steps.begin()
        with pytest.raises(ValueError, match="bad"):
            steps.wait(0)
        assert ended.wait(SOON)
    assert too_many_hang("failing") == ""
