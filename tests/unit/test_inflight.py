"""Requests under way: answers in any order, failing at once, and nobody else's answers taken."""

from __future__ import annotations

import random
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from easytrader_qmt.miniqmt.inflight import ConnectionLost, InFlight
from easytrader_qmt.miniqmt.reply import Reply

SOON = 20.0
ORDER = "on_order_stock_async_response"


def answer(seq: int) -> Any:
    return SimpleNamespace(seq=seq)


@pytest.fixture
def strangers() -> list[int]:
    return []


@pytest.fixture
def inflight(strangers: list[int]) -> InFlight:
    return InFlight(lambda method, response: strangers.append(response.seq))


def test_an_answer_after_the_number_is_known(inflight: InFlight) -> None:
    future = inflight.issue(lambda: 5)
    assert len(inflight) == 1
    inflight.answered(ORDER, answer(5))
    assert future.result(0).seq == 5
    assert len(inflight) == 0


def test_an_answer_before_the_number_is_known(inflight: InFlight, strangers: list[int]) -> None:
    def call() -> int:
        inflight.answered(ORDER, answer(5))
        return 5

    assert inflight.issue(call).result(0).seq == 5
    assert strangers == []
    assert len(inflight) == 0


def test_a_foreign_answer_is_handed_on_also_while_a_call_is_issued(
    inflight: InFlight, strangers: list[int]
) -> None:
    inflight.answered(ORDER, answer(1))

    def call() -> int:
        inflight.answered(ORDER, answer(2))
        assert strangers == [1], "it may still be this call's own"
        return 3

    future = inflight.issue(call)
    assert strangers == [1, 2]
    assert not future.done()


def test_a_call_that_raises_is_not_under_way_and_keeps_no_answer(
    inflight: InFlight, strangers: list[int]
) -> None:
    def call() -> int:
        inflight.answered(ORDER, answer(9))
        raise TypeError("volume")

    with pytest.raises(TypeError):
        inflight.issue(call)
    assert strangers == [9]
    assert len(inflight) == 0


def test_a_loss_fails_everything_at_once_each_with_its_own_error(inflight: InFlight) -> None:
    order, query, step = inflight.issue(lambda: 5), inflight.query(lambda arrived: None), inflight.expect()
    inflight.fail("连接已断开")
    errors = [order.exception(), query.exception(), step.exception()]
    assert all(isinstance(error, ConnectionLost) and str(error) == "连接已断开" for error in errors)
    assert len({id(error) for error in errors}) == 3
    assert len(inflight) == 0
    inflight.fail("会话已关闭")  # the first reason stands


def test_after_a_loss_nothing_is_sent(inflight: InFlight) -> None:
    inflight.fail("连接已断开")
    sent: list[int] = []

    def send(*_: Any) -> int:
        sent.append(1)
        return 1

    for ask in (lambda: inflight.issue(send), lambda: inflight.query(send), inflight.expect):
        with pytest.raises(ConnectionLost, match="连接已断开"):
            ask()
    assert sent == []


def test_a_loss_while_a_call_is_issued_fails_it_unless_its_answer_was_there(inflight: InFlight) -> None:
    def lost() -> int:
        inflight.fail("连接已断开")
        return 5

    assert isinstance(inflight.issue(lost).exception(), ConnectionLost)
    other = InFlight(lambda method, response: None)

    def answered_then_lost() -> int:
        other.answered(ORDER, answer(6))
        other.fail("连接已断开")
        return 6

    assert other.issue(answered_then_lost).result(0).seq == 6


def test_late_answers_go_nowhere(inflight: InFlight, strangers: list[int]) -> None:
    callbacks: list[Any] = []
    query = inflight.query(callbacks.append)
    inflight.abandon(query)
    assert len(inflight) == 0
    callbacks[0]([1])
    lost = inflight.query(callbacks.append)
    inflight.fail("连接已断开")
    callbacks[1]([1])
    assert isinstance(lost.exception(), ConnectionLost)
    inflight.answered(ORDER, None)
    assert strangers == []


def test_a_query_that_cannot_be_sent_is_not_under_way(inflight: InFlight) -> None:
    def send(arrived: Any) -> None:
        raise AttributeError("old xtquant")

    with pytest.raises(AttributeError):
        inflight.query(send)
    assert len(inflight) == 0


def test_an_answer_and_a_loss_at_the_same_moment_never_leave_anything_unsettled() -> None:
    """An answer between the look at a future and its failing used to end the failing of all the others."""
    for _ in range(200):
        inflight = InFlight(lambda method, response: None)
        callbacks: list[Any] = []
        futures = [inflight.query(callbacks.append) for _ in range(20)]
        start = threading.Barrier(2)

        def answering(start: threading.Barrier = start, callbacks: list[Any] = callbacks) -> None:
            start.wait(SOON)
            for callback in callbacks:
                callback("asset")

        thread = threading.Thread(target=answering)
        thread.start()
        start.wait(SOON)
        inflight.fail("连接已断开")
        assert all(future.done() for future in futures), "fail() settles at once what is not answered"
        thread.join(SOON)


def test_threads_get_their_own_answers() -> None:
    seed = 20_250_807
    print("seed", seed)
    rng = random.Random(seed)
    strangers: list[int] = []
    inflight = InFlight(lambda method, response: strangers.append(response.seq))
    numbers = iter(range(1, 10_000))
    numbering = threading.Lock()
    asked: list[int] = []
    news = threading.Condition()

    def call() -> int:
        with numbering:
            number = next(numbers)
        with news:
            asked.append(number)
            news.notify()
        return number

    def answering() -> None:
        done = 0
        while done < 2_000:
            with news:
                assert news.wait_for(lambda: asked, SOON)
                number = asked.pop(rng.randrange(len(asked)))
            if number % 10 == 0:
                inflight.answered(ORDER, answer(-number))  # somebody else's, in between
            inflight.answered(ORDER, answer(number))
            done += 1

    results: list[Reply] = []
    mine: dict[int, Reply] = {}

    def asking() -> None:
        for _ in range(250):
            seqs: list[int] = []
            future = inflight.issue(lambda seqs=seqs: seqs.append(call()) or seqs[0])  # type: ignore[misc]
            mine[seqs[0]] = future
            results.append(future)

    threads = [threading.Thread(target=asking) for _ in range(8)]
    answerer = threading.Thread(target=answering)
    for thread in (*threads, answerer):
        thread.start()
    for thread in (*threads, answerer):
        thread.join(SOON)
    assert len(mine) == 2_000
    assert all(future.result(SOON).seq == seq for seq, future in mine.items())
    assert sorted(strangers) == sorted(-number for number in range(1, 2_001) if number % 10 == 0)
    assert len(inflight) == 0
