"""A reply: the first answer stands, whoever gives it, and everybody who waits gets it."""

from __future__ import annotations

import threading
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any

import pytest

import easytrader_qmt.miniqmt.reply
from easytrader_qmt.miniqmt.reply import Reply

SOON = 20.0


def test_the_first_answer_stands() -> None:
    reply = Reply()
    reply.settle(1)
    reply.settle(2)
    reply.fail(RuntimeError("late"))
    assert (reply.done(), reply.result(), reply.exception()) == (True, 1, None)


def test_a_failure_stands_too() -> None:
    reply = Reply()
    reply.fail(RuntimeError("lost"))
    reply.settle(1)
    with pytest.raises(RuntimeError, match="lost"):
        reply.result()
    assert isinstance(reply.exception(), RuntimeError)


def test_no_answer_in_time() -> None:
    reply = Reply()
    for seconds in (0.0, -5.0, 0.001):
        with pytest.raises(FutureTimeout):
            reply.result(seconds)
    assert not reply.done()
    reply.settle(None)
    assert reply.result(-1.0) is None, "what is there needs no time"


def test_everybody_who_waits_gets_it() -> None:
    reply, found = Reply(), []
    waiters = [threading.Thread(target=lambda: found.append(reply.result(SOON))) for _ in range(5)]
    for one in waiters:
        one.start()
    reply.settle("answer")
    for one in waiters:
        one.join(SOON)
    assert found == ["answer"] * 5


def test_callbacks_before_and_after_the_answer() -> None:
    reply, heard = Reply(), []
    reply.add_done_callback(lambda one: heard.append(("before", one.result())))
    assert heard == []
    reply.settle(7)
    reply.add_done_callback(lambda one: heard.append(("after", one.result())))
    assert heard == [("before", 7), ("after", 7)]


def test_a_callback_that_comes_with_the_answer_runs_once() -> None:
    """Added on one thread while another one settles: never lost, never twice."""
    for number in range(300):
        reply, heard = Reply(), []
        together = threading.Barrier(2)

        def add(reply: Reply = reply, heard: list[Any] = heard, together: Any = together) -> None:
            together.wait(SOON)
            reply.add_done_callback(lambda one: heard.append(one.result()))

        adder = threading.Thread(target=add)
        adder.start()
        together.wait(SOON)
        reply.settle(number)
        adder.join(SOON)
        assert heard == [number]


def test_an_answer_and_a_failure_at_once_leave_one() -> None:
    for _ in range(300):
        reply, told = Reply(), []
        reply.add_done_callback(told.append)
        together = threading.Barrier(2)

        def fail(reply: Reply = reply, together: Any = together) -> None:
            together.wait(SOON)
            reply.fail(RuntimeError("lost"))

        failer = threading.Thread(target=fail)
        failer.start()
        together.wait(SOON)
        reply.settle("answer")
        failer.join(SOON)
        assert told == [reply]
        assert reply.exception() is not None or reply.result() == "answer"


def test_a_long_wait_is_made_of_short_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows hears Ctrl+C only between two of them."""
    monkeypatch.setattr(easytrader_qmt.miniqmt.reply, "_AT_ONCE", 0.001)
    waited = Reply()
    with pytest.raises(FutureTimeout):
        waited.result(0.01)
    threading.Timer(0.05, waited.settle, ("there",)).start()
    assert waited.result(SOON) == "there"
    assert waited.result(SOON) == "there"
