"""The dispatcher and the handlers: in order, isolated, and never dead."""

from __future__ import annotations

import gc
import sys
import threading
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from easytrader_qmt import events
from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.events import EVENTS, Dispatcher, Handlers

SOON = 20.0


@pytest.fixture
def dispatcher() -> Iterator[Dispatcher]:
    made = Dispatcher()
    yield made
    assert made.stop(SOON)


def test_events_run_in_order_on_one_thread_that_is_not_ours(dispatcher: Dispatcher) -> None:
    seen: list[tuple[int, str]] = []
    for number in range(100):
        dispatcher.post(lambda n=number: seen.append((n, threading.current_thread().name)))
    assert dispatcher.drain(SOON)
    assert [number for number, _ in seen] == list(range(100))
    assert {name for _, name in seen} == {"easytrader-qmt events"}


@pytest.mark.parametrize("error", [ValueError("x"), SystemExit(1), KeyboardInterrupt(), GeneratorExit()])
def test_nothing_that_an_event_raises_ends_the_thread(
    dispatcher: Dispatcher, error: BaseException, log: list[str]
) -> None:
    def broken() -> None:
        raise error

    dispatcher.post(broken)
    assert dispatcher.drain(SOON)
    assert len([line for line in log if line.startswith("ERROR")]) == 1


def test_a_handler_may_drain_stop_and_post(dispatcher: Dispatcher) -> None:
    done = threading.Event()

    def inside() -> None:
        assert dispatcher.drain(SOON)
        dispatcher.post(done.set)
        assert dispatcher.stop(SOON)

    dispatcher.post(inside)
    assert done.wait(SOON), "what was posted before the stop still runs"


def test_drain_does_not_wait_for_a_dispatcher_that_has_ended() -> None:
    ended = Dispatcher()
    assert ended.stop(SOON)
    assert not ended.drain(SOON)


def test_drain_and_stop_give_up_on_a_handler_that_hangs() -> None:
    go, hangs = threading.Event(), Dispatcher()
    hangs.post(go.wait, SOON)
    assert not hangs.drain(0.01)
    assert not hangs.stop(0.01)
    go.set()
    assert hangs.stop(SOON)


def test_an_event_is_let_go_once_it_was_handled(dispatcher: Dispatcher) -> None:
    class Snapshot:
        pass

    big = Snapshot()
    gone = weakref.ref(big)
    dispatcher.post(lambda snapshot: None, big)
    del big
    assert dispatcher.drain(SOON)
    assert dispatcher.drain(SOON)
    gc.collect()
    assert gone() is None


def test_a_large_backlog_is_said_once_until_it_has_shrunk(
    dispatcher: Dispatcher, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LARGE_BACKLOG", 50)
    for _ in range(2):
        inside, go = threading.Event(), threading.Event()
        dispatcher.post(lambda inside=inside, go=go: (inside.set(), go.wait(SOON)))
        assert inside.wait(SOON)
        for _ in range(60):
            dispatcher.post(lambda: None)
        for _ in range(3):
            dispatcher.warn_if_late()
        go.set()
        assert dispatcher.drain(SOON)
        dispatcher.warn_if_late()
    said = [line for line in log if "个事件等待处理" in line]
    assert len(said) == 2
    assert "事件处理函数太慢或没有返回" in said[0]


def test_the_dispatcher_itself_notices_a_backlog(
    dispatcher: Dispatcher, log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "LARGE_BACKLOG", 500)
    go = threading.Event()
    dispatcher.post(go.wait, SOON)
    for _ in range(2_500):
        dispatcher.post(lambda: None)
    go.set()
    assert dispatcher.drain(SOON)
    assert len([line for line in log if "个事件等待处理" in line]) == 1


# --- handlers ------------------------------------------------------------------------------------


def test_each_handler_gets_its_own_copy_and_the_others_survive_one_that_raises(log: list[str]) -> None:
    handlers, seen = Handlers(), []

    def spoil(row: dict[str, Any]) -> None:
        row["price"] = 0
        raise ValueError("mine")

    handlers.add("trade", spoil)
    handlers.add("trade", lambda row: sys.exit(1))
    handlers.add("trade", seen.append)
    handlers.emit("trade", {"price": 35.5})
    assert seen == [{"price": 35.5}]
    assert len([line for line in log if line.startswith("ERROR")]) == 2


def test_unsubscribing_takes_one_registration_and_twice_is_once() -> None:
    handlers, seen = Handlers(), []
    first = handlers.add("order", seen.append)
    handlers.add("order", seen.append)
    first()
    first.cancel()
    handlers.emit("order", {"n": 1})
    assert seen == [{"n": 1}]


def test_a_handler_may_unsubscribe_itself_while_it_is_called() -> None:
    handlers, seen = Handlers(), []

    def once(row: dict[str, Any]) -> None:
        seen.append(row)
        subscription.cancel()

    subscription = handlers.add("order", once)
    handlers.add("order", seen.append)
    handlers.emit("order", {"n": 1})
    handlers.emit("order", {"n": 2})
    assert seen == [{"n": 1}, {"n": 1}, {"n": 2}]
    assert handlers.wanted("order")
    assert not handlers.wanted("trade")


def test_unknown_events_and_handlers_that_cannot_be_called_are_refused() -> None:
    handlers = Handlers()
    with pytest.raises(InvalidArgument) as caught:
        handlers.add("trades", print)
    assert all(name in str(caught.value) for name in EVENTS)
    with pytest.raises(InvalidArgument, match="不可调用"):
        handlers.add("trade", None)  # type: ignore[arg-type]
