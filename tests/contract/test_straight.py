"""Answers and pushes that end in our own code come without the vendor's worker; a user's callbacks still get it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from loguru import logger

from easytrader_qmt.miniqmt.straight import Arrival, Straight, lead_straight
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import SOON, Heard

NewUser = Callable[..., SimTrader]
WORKER = "ThreadPoolExecutor"


class Registered:
    """A callback object of the user's that notes the thread of each call."""

    def __init__(self) -> None:
        self.heard = Heard()
        self.threads: dict[str, list[str]] = {}

    def __getattr__(self, name: str) -> Callable[..., None]:
        def hear(*args: Any) -> None:
            self.threads.setdefault(name, []).append(threading.current_thread().name)
            self.heard.keep(name, *args)

        return hear


@pytest.fixture
def user(new_user: NewUser) -> SimTrader:
    made = new_user()
    made.connect()
    return made


def test_a_raw_callback_that_takes_its_time_holds_up_neither_answers_nor_pushes(user: SimTrader) -> None:
    """On the vendor's own worker everything behind it would wait: an order would end in doubt."""
    go, inside = threading.Event(), threading.Event()
    threads: list[str] = []
    rows = Heard()
    user.on("order", lambda row: rows.keep("order", row))

    def slow(orders: Any) -> None:
        threads.append(threading.current_thread().name)
        inside.set()
        assert go.wait(SOON)

    user.trader.query_stock_orders_async(user.account, slow)
    assert inside.wait(SOON)
    try:
        number = user.buy("600036", 35.5, 100)["entrust_no"]
        assert [row["order_id"] for row in user.today_entrusts] == [number]
        assert user.balance[0]["cash"] > 0
        assert rows.wait_for("order")[0]["order_id"] == number
    finally:
        go.set()
    assert threads[0].startswith(WORKER), "a user's code never runs on the thread that brings everything"


def test_a_raw_call_that_waits_works_inside_a_raw_callback(user: SimTrader) -> None:
    """With the vendor's own worker it waits for an answer that is queued behind itself, for good."""
    answers: list[Any] = []
    done = threading.Event()

    def ask_more(asset: Any) -> None:
        answers.append(user.trader.query_stock_positions(user.account))
        done.set()

    user.trader.query_stock_asset_async(user.account, ask_more)
    assert done.wait(SOON)
    assert isinstance(answers[0], list)


def test_a_callback_registered_on_the_bare_trader_gets_the_vendors_worker(user: SimTrader) -> None:
    mine, ours = Registered(), user.trader.callback
    user.trader.register_callback(mine)
    user.terminal.order_by_hand("buy", "600036.SH", 35.0, 100)
    mine.heard.wait_for("on_stock_order")
    user.trader.register_callback(ours)
    assert all(name.startswith(WORKER) for name in mine.threads["on_stock_order"])


def test_a_response_goes_to_whoever_was_registered_when_the_request_was_sent(
    user: SimTrader, terminal: Terminal
) -> None:
    mine, ours = Registered(), user.trader.callback
    terminal.faults.freeze()
    user.trader.register_callback(mine)
    user.trader.order_stock_async(user.account, "600036.SH", 23, 100, 11, 35.0, "", "")
    user.trader.register_callback(ours)
    terminal.faults.thaw()
    mine.heard.wait_for("on_order_stock_async_response")
    assert mine.threads["on_order_stock_async_response"][0].startswith(WORKER)


def test_a_raw_callback_over_a_name_that_has_no_value_yet(user: SimTrader) -> None:
    heard = Heard()

    def ask() -> object:
        user.trader.query_stock_orders_async(
            user.account, lambda orders: heard.keep("orders", later if orders is None else orders)
        )
        later = heard.wait_for("orders")
        return later

    assert ask() == [[]]


def test_relaxed_order_of_answers_still_works_on_the_bare_trader(user: SimTrader) -> None:
    user.trader.set_relaxed_response_order_enabled(True)
    assert user.balance[0]["cash"] > 0
    user.trader.set_relaxed_response_order_enabled(False)
    assert user.buy("600036", 35.5, 100)["entrust_no"] > 0


def test_exit_ends_the_vendors_worker(user: SimTrader, terminal: Terminal) -> None:
    inside = threading.Event()
    worker: list[threading.Thread] = []

    def callback(asset: Any) -> None:
        worker.append(threading.current_thread())
        inside.set()

    user.trader.query_stock_asset_async(user.account, callback)
    assert inside.wait(SOON)
    user.exit()
    worker[0].join(SOON)
    assert not worker[0].is_alive()


# --- by itself ---------------------------------------------------------------------------------


@pytest.fixture
def straight() -> Any:
    with ThreadPoolExecutor(max_workers=1) as usual:
        yield Straight(usual, SimpleNamespace(callback=None, cbs={}), object())


def test_an_answer_that_breaks_its_taker_costs_nobody_else(straight: Straight) -> None:
    took: list[int] = []

    def broken(answer: Any) -> None:
        raise ValueError("half a character")

    said: list[tuple[str, str]] = []
    reported = threading.Event()

    def sink(message: Any) -> None:
        said.append((threading.current_thread().name, str(message)))
        reported.set()

    number = logger.add(sink, level="DEBUG", format="{message}")
    try:
        straight.submit(Arrival(broken), 1)
        straight.submit(Arrival(took.append), 2)
        assert took == [2]
        assert reported.wait(SOON)
    finally:
        logger.remove(number)
    thread, text = said[0]
    assert thread.startswith(WORKER), "a user's log sink never runs on the thread that brings everything"
    assert "half a character" in text


def test_a_users_own_call_has_its_future(straight: Straight) -> None:
    assert straight.submit(lambda: 7).result(SOON) == 7


def test_one_at_a_time_whoever_brings_them(straight: Straight) -> None:
    """The layer's own books are not made for two threads at once."""
    inside = 0
    most = 0
    came = 0

    def take(answer: Any) -> None:
        nonlocal inside, most, came
        inside += 1
        most = max(most, inside)
        threading.Event().wait(0.0001)
        came += 1
        inside -= 1

    def bring() -> None:
        for number in range(50):
            straight.submit(Arrival(take), number)

    threads = [threading.Thread(target=bring) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert (most, came) == (1, 200)


def test_a_trader_that_is_not_as_known_keeps_its_own() -> None:
    with ThreadPoolExecutor(max_workers=1) as one, ThreadPoolExecutor(max_workers=1) as two:
        apart = SimpleNamespace(executor=one, resp_executor=two, cbs={})
        strange = SimpleNamespace(executor="loop", resp_executor="loop")
        for trader in (apart, strange, bare := SimpleNamespace()):
            lead_straight(trader, object())
        assert apart.executor is one
        assert apart.resp_executor is two
        assert strange.executor == "loop"
        assert not vars(bare)
