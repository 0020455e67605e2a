"""What was observed of the real client's connection and threads, through the vendor's own XtQuantTrader."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.native import SESSION_FILE_BYTES, ClientSettings
from tests.clocks import FakeClock
from tests.facade import Heard, on_a_thread, sim_run
from tests.raw import Raw

SETTLED = 0.15
"""Seconds after which a call that has not come back is taken to block; a free one needs a thousandth of it."""


@pytest.fixture
def raw(xt: Any) -> Iterator[Raw]:
    made = Raw(xt)
    yield made
    made.close()


def blocks(call: Callable[[], Any]) -> bool:
    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(SETTLED)
    return thread.is_alive()


def test_start_creates_whatever_path_it_is_given(
    raw: Raw, tmp_path: Path, impatient: None, terminal: Terminal
) -> None:
    nowhere = tmp_path / "没有" / "这个" / "目录"
    trader = raw.trader(nowhere, 105)
    trader.start()
    assert (nowhere / "down_queue_105").stat().st_size == SESSION_FILE_BYTES == 72 << 20
    assert trader.connect() == -1


@pytest.mark.parametrize("where", ["elsewhere", "a file", "not started", "the parent"])
def test_connect_where_no_terminal_is(
    where: str, raw: Raw, tmp_path: Path, terminal: Terminal, impatient: None
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "a file").write_bytes(b"")
    paths = {"not started": Path(terminal.home), "the parent": Path(terminal.home).parent}
    trader = raw.trader(paths.get(where, tmp_path / where))
    if where != "not started":
        trader.start()
        assert trader.connect() == -1
        assert on_a_thread(lambda: trader.subscribe(raw.account)) == -1
    else:
        assert trader.async_client.connect() == -1


def test_a_failed_connect_lasts_three_seconds_or_what_is_set(raw: Raw, tmp_path: Path) -> None:
    assert TerminalSettings().connect_timeout == 3.0
    assert ClientSettings().connect_timeout == 3.0
    clock = FakeClock()
    terminal = Terminal(tmp_path / "home", clock=clock, settings=TerminalSettings(connect_timeout=2.5))
    terminal.faults.refuse_connects(1)
    trader = raw.trader(terminal.home)
    trader.start()
    assert trader.connect() == -1
    assert clock.slept == [2.5]
    assert trader.connect() == 0
    assert clock.slept == [2.5]
    terminal.close()


def test_before_connect_and_after_a_failed_one(raw: Raw, terminal: Terminal) -> None:
    heard = Heard()
    trader = raw.trader(terminal.home, callback=heard)
    trader.start()
    for attempt in range(2):
        assert on_a_thread(lambda: trader.subscribe(raw.account)) == -1
        assert on_a_thread(lambda: trader.query_stock_asset(raw.account)) is None
        assert on_a_thread(lambda: trader.query_stock_order(raw.account, 5)) is None
        assert on_a_thread(lambda: trader.query_stock_position(raw.account, "600036.SH")) is None
        for name in ("query_stock_orders", "query_stock_trades", "query_stock_positions"):
            assert on_a_thread(lambda name=name: getattr(trader, name)(raw.account)) == []
        assert on_a_thread(trader.query_account_infos) == []
        sent = (raw.account, "600036.SH", 23, 100, 11, 35.5, "s", "r")
        assert on_a_thread(lambda sent=sent: trader.order_stock(*sent)) == -1
        assert on_a_thread(lambda: trader.cancel_order_stock(raw.account, 5)) == -1
        seq = trader.order_stock_async(*sent)
        assert seq > 0
        answer = heard.wait_for("on_order_stock_async_response", attempt + 1)[-1]
        assert (answer.seq, answer.order_id, answer.error_msg) == (seq, -1, "")
        seq = trader.cancel_order_stock_async(raw.account, 5)
        assert seq > 0
        answer = heard.wait_for("on_cancel_order_stock_async_response", attempt + 1)[-1]
        assert (answer.seq, answer.cancel_result, answer.order_id) == (seq, -1, 0)
        terminal.faults.refuse_connects(1)
        assert trader.connect() == -1
    assert heard.of("on_order_error") == heard.of("on_cancel_error") == []
    assert terminal.orders("1000001") == []


@pytest.mark.parametrize("when", ["never started", "stopped"])
def test_a_sync_call_without_start_or_after_stop_blocks(when: str, raw: Raw, terminal: Terminal) -> None:
    if when == "stopped":
        trader = raw.connected(terminal)
        on_a_thread(trader.stop)
    else:
        trader = raw.trader(terminal.home)
    assert blocks(lambda: trader.query_stock_asset(raw.account))


def test_stop_and_start_again(raw: Raw, terminal: Terminal) -> None:
    trader = raw.connected(terminal)
    on_a_thread(trader.stop)
    on_a_thread(trader.stop)
    assert terminal.clients == 0
    trader.start()
    assert trader.connect() == 0
    assert on_a_thread(lambda: trader.query_stock_asset(raw.account)).cash == 10_000_000


def test_a_session_id_in_use_or_not_rested(raw: Raw, tmp_path: Path) -> None:
    clock = FakeClock()
    terminal = Terminal(tmp_path / "home", clock=clock, settings=TerminalSettings(connect_timeout=0.0))
    first = raw.connected(terminal, 100)
    second = raw.trader(terminal.home, 100)
    second.start()
    assert second.connect() == -1
    on_a_thread(first.stop)
    assert second.connect() == -1
    clock.pass_(3.1)
    assert second.connect() == 0
    third = raw.trader(terminal.home, 101)
    third.start()
    assert third.connect() == 0
    terminal.close()


DEADLOCK = """
import os, threading
from xtquant.xttrader import XtQuantTrader, XtQuantTraderCallback
from xtquant.xttype import StockAccount

account, asking, answered = StockAccount("1000001"), threading.Event(), threading.Event()

class Asking(XtQuantTraderCallback):
    def on_stock_order(self, order):
        asking.set()
        trader.query_stock_asset(account)
        answered.set()

trader = XtQuantTrader("anywhere", 100, Asking())
trader.start()
print(trader.connect(), trader.subscribe(account))
trader.order_stock_async(account, "600036.SH", 23, 100, 11, 35.0)
asking.wait(20)
later = [threading.Thread(target=one, daemon=True) for one in (lambda: trader.query_stock_asset(account), trader.stop)]
for one in later:
    one.start()
print("answered", answered.wait(0.3), "later calls hang", all(one.is_alive() for one in later), flush=True)
os._exit(0)
"""


def test_a_sync_call_inside_a_callback_deadlocks(tmp_path: Path) -> None:
    """In a process of its own, because nothing brings such a trader to its end."""
    done = sim_run(tmp_path, DEADLOCK)
    assert "0 0\nanswered False later calls hang True\n" in done.stdout, done.stderr


def test_relaxed_mode_frees_a_query_inside_a_push(raw: Raw, terminal: Terminal) -> None:
    heard = Heard()
    made: list[Any] = []

    class Asking:
        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *args: heard.keep(name, *args)

        def on_stock_order(self, order: Any) -> None:
            heard.keep("answered", made[0].query_stock_asset(raw.account))

    trader = raw.trader(terminal.home, callback=Asking())
    made.append(trader)
    trader.set_relaxed_response_order_enabled(True)
    trader.start()
    assert trader.connect() == 0
    assert on_a_thread(lambda: trader.subscribe(raw.account)) == 0
    trader.order_stock_async(raw.account, "600036.SH", 23, 100, 11, 35.0)
    assert heard.wait_for("answered")[0].account_id == "1000001"


def test_an_exception_in_a_callback_is_swallowed(raw: Raw, terminal: Terminal) -> None:
    heard = Heard()

    class Raising:
        def __getattr__(self, name: str) -> Callable[..., None]:
            return lambda *args: heard.keep(name, *args)

        def on_stock_order(self, order: Any) -> None:
            raise RuntimeError("mine")

    trader = raw.connected(terminal, callback=Raising())
    trader.order_stock_async(raw.account, "600036.SH", 23, 100, 11, 35.5)
    heard.wait_for("on_stock_trade")
    heard.wait_for("on_stock_position")


def test_on_connected_never_fires_and_connected_lies(raw: Raw, terminal: Terminal) -> None:
    heard = Heard()
    trader = raw.connected(terminal, callback=heard)
    terminal.faults.disconnect()
    heard.wait_for("on_disconnected")
    assert heard.of("on_connected") == []
    assert trader.connected is True
    assert on_a_thread(lambda: trader.query_stock_asset(raw.account)) is None
    assert on_a_thread(lambda: trader.query_stock_orders(raw.account)) == []


def test_a_lost_connection_that_nobody_tells(raw: Raw, terminal: Terminal) -> None:
    heard = Heard()
    trader = raw.connected(terminal, callback=heard)
    terminal.faults.disconnect(notify=False)
    assert on_a_thread(lambda: trader.query_stock_asset(raw.account)) is None
    assert heard.of("on_disconnected") == []


def test_run_forever_does_not_return(raw: Raw, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    import time

    class Enough(Exception):
        pass

    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) > 1000:
            raise Enough

    trader = raw.connected(terminal)
    with monkeypatch.context() as patch:
        patch.setattr(time, "sleep", sleep)
        with pytest.raises(Enough):
            trader.run_forever()


LOOPS = """
import asyncio
from xtquant.xttrader import XtQuantTrader
from xtquant.xttype import StockAccount

mine = asyncio.new_event_loop()
asyncio.set_event_loop(mine)
first = XtQuantTrader("anywhere", 100)
print("replaced", asyncio.get_event_loop_policy().get_event_loop() is first.loop is not mine)
asyncio.run(asyncio.sleep(0))
try:
    XtQuantTrader("anywhere", 101)
except RuntimeError as error:
    print("RuntimeError")
"""


def test_building_on_the_main_thread_replaces_its_event_loop(tmp_path: Path) -> None:
    done = sim_run(tmp_path, LOOPS)
    assert "replaced True\nRuntimeError\n" in done.stdout, done.stderr


@pytest.mark.filterwarnings("ignore:There is no current event loop:DeprecationWarning")
def test_the_facade_leaves_the_threads_event_loop_alone(new_user: Any) -> None:
    import asyncio

    mine = asyncio.new_event_loop()
    asyncio.set_event_loop(mine)
    try:
        user = new_user()
        user.connect()
        user.connect()
        user.exit()
        gc.collect()
        assert asyncio.get_event_loop_policy().get_event_loop() is mine
    finally:
        asyncio.set_event_loop(None)
        mine.close()
