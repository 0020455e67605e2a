"""The vendor's own, unmodified Python layer on the stand-in: what its users see."""

from __future__ import annotations

import importlib
import importlib.machinery
import sys
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from queue import SimpleQueue
from types import ModuleType
from typing import Any

import pytest

from easytrader_qmt.sim.structs import NativeCrash
from tests.native.bench import SOON, WAYS_DOWN, Bench, FakeTerminal, off_main


class Heard:
    """The vendor's callback object: every method puts its name and argument in a queue."""

    def __init__(self) -> None:
        self.queue: SimpleQueue[tuple[str, Any]] = SimpleQueue()

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda argument=None: self.queue.put((name, argument))

    def next(self) -> tuple[str, Any]:
        return self.queue.get(timeout=SOON)


def vendor_layer(native: ModuleType, name: str) -> Any:
    """The installed xtquant's Python layer under a private name, its ``__init__`` not executed."""
    found = importlib.machinery.PathFinder.find_spec("xtquant")
    assert found is not None
    package = ModuleType(name)
    package.__path__ = list(found.submodule_search_locations or ())
    sys.modules[name] = package
    sys.modules[f"{name}.xtpythonclient"] = native
    vars(package)["xtpythonclient"] = native
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trading = importlib.import_module(f"{name}.xttrader")
    # Its finaliser replaces the main thread's event loop.
    del trading.XtQuantTrader.__del__
    return package


class Desk:
    """The vendor's trader on the stand-in."""

    def __init__(self) -> None:
        self.bench = Bench()
        self.name = "_xtquant_of_test_native_client"
        package = vendor_layer(self.bench.module, self.name)
        self.account = package.xttype.StockAccount("1000001")
        self.heard = Heard()
        self.trader: Any = off_main(lambda: package.xttrader.XtQuantTrader("/sim/券商", 100, self.heard))
        self.trader.start()

    @property
    def terminal(self) -> FakeTerminal:
        return self.bench.terminal

    def down(self, how: str) -> Desk:
        if how != "before connect":
            self.terminal.takes = lambda client: how == "dropped"
            assert self.trader.connect() == (0 if how == "dropped" else -1)
            if how == "dropped":
                self.terminal.client.dropped(False)
        return self

    def close(self) -> None:
        self.trader.stop()
        self.trader.loop.close()
        for name in [one for one in sys.modules if one.split(".")[0] == self.name]:
            del sys.modules[name]


@pytest.fixture
def desk() -> Iterator[Desk]:
    made = Desk()
    yield made
    made.close()


@pytest.mark.parametrize("how", WAYS_DOWN)
def test_sync_calls_while_down(desk: Desk, how: str) -> None:
    trader, account = desk.down(how).trader, desk.account
    assert off_main(lambda: trader.subscribe(account)) == -1
    assert off_main(lambda: trader.unsubscribe(account)) == -1
    assert off_main(lambda: trader.query_stock_asset(account)) is None
    assert off_main(lambda: trader.query_stock_order(account, 5)) is None
    assert off_main(lambda: trader.query_stock_position(account, "600036.SH")) is None
    for query in (trader.query_stock_orders, trader.query_stock_trades, trader.query_stock_positions):
        assert off_main(partial(query, account)) == []
    assert off_main(trader.query_account_infos) == []
    assert off_main(trader.query_account_status) == []
    assert off_main(lambda: trader.order_stock(account, "600036.SH", 23, 100, 11, 35.0)) == -1
    assert off_main(lambda: trader.cancel_order_stock(account, 5)) == -1
    assert off_main(lambda: trader.cancel_order_stock_sysid(account, "SH", "9")) == -1
    assert off_main(lambda: trader.fund_transfer(account, 510, 1.0)) == (False, "")
    assert desk.heard.queue.empty()


@pytest.mark.parametrize("how", WAYS_DOWN)
def test_async_calls_while_down(desk: Desk, how: str) -> None:
    trader = desk.down(how).trader
    seq = trader.order_stock_async(desk.account, "600036.SH", 23, 100, 11, 35.0, "s", "r")
    assert seq > 0
    name, response = desk.heard.next()
    assert (name, response.seq) == ("on_order_stock_async_response", seq)
    assert (response.order_id, response.error_msg) == (-1, "")
    seq = trader.cancel_order_stock_async(desk.account, 5)
    assert seq > 0
    name, response = desk.heard.next()
    assert (name, response.seq) == ("on_cancel_order_stock_async_response", seq)
    assert (response.cancel_result, response.order_id) == (-1, 0)
    assert desk.heard.queue.empty()


ORDER_RESPONSE = {
    "account_id": "1000001",
    "account_type": 2,
    "order_id": 4321,
    "strategy_name": "策略",
    "order_remark": "r1",
    "error_id": 0,
    "error_msg": "",
}


def test_connect_subscribe_and_query(desk: Desk) -> None:
    trader, account = desk.trader, desk.account
    assert trader.connect() == 0
    assert desk.bench.paths[-1] == "/sim/券商"
    assert off_main(lambda: trader.subscribe(account)) == 0
    desk.terminal.answers |= {
        "queryStockAsset": [{"account_id": "1000001", "cash": 5.5}],
        "queryStockOrders": [{"order_id": 1}, {"order_id": 2}],
        "queryNewPurchaseLimit": [{"new_purchase_limit_key": "SH", "new_purchase_limit_value": 7}],
    }
    asset = off_main(lambda: trader.query_stock_asset(account))
    assert (asset.account_id, asset.m_dCash) == ("1000001", 5.5)
    orders = off_main(lambda: trader.query_stock_orders(account, cancelable_only=True))
    assert [one.m_nOrderID for one in orders] == [1, 2]
    assert off_main(lambda: trader.query_new_purchase_limit(account)) == {"SH": 7}
    assert desk.terminal.asked[2][2] == {
        "account_type": 2,
        "account_id": "1000001",
        "order_id": 0,
        "can_cancel": True,
    }


def test_order_responses(desk: Desk) -> None:
    trader = desk.trader
    trader.connect()
    desk.terminal.answers["orderStock"] = ORDER_RESPONSE
    sent = (desk.account, "600036.SH", 23, 100, 11, 35.0, "策略", "r1")
    assert off_main(lambda: trader.order_stock(*sent)) == 4321
    seq = trader.order_stock_async(*sent)
    name, response = desk.heard.next()
    assert name == "on_order_stock_async_response"
    assert (response.account_id, response.order_id, response.seq) == ("1000001", 4321, seq)
    assert (response.strategy_name, response.order_remark, response.error_msg) == ("策略", "r1", "")
    fields = desk.terminal.asked[-1][2]
    assert (fields["stock_code"], fields["order_type"], fields["order_amount"]) == ("600036.SH", 23, 100.0)


def test_order_error_follows_its_response(desk: Desk) -> None:
    trader = desk.trader
    trader.connect()
    seq = trader.order_stock_async(desk.account, "600036.SH", 23, 100, 11, 35.0)
    error = {"order_id": 4321, "seq": seq, "error_id": -61, "error_msg": "[251005]证券可用数量不足"}
    desk.terminal.client.push("order_error", error)
    desk.terminal.client.answer("orderStock", seq, {**ORDER_RESPONSE, "error_msg": "废单"})
    name, response = desk.heard.next()
    assert (name, response.error_msg) == ("on_order_stock_async_response", "废单")
    name, pushed = desk.heard.next()
    assert (name, pushed.order_id, pushed.error_msg) == ("on_order_error", 4321, "[251005]证券可用数量不足")


def test_cancel_responses_and_error(desk: Desk) -> None:
    trader = desk.trader
    trader.connect()
    desk.terminal.answers["cancelOrderStock"] = {
        "cancel_result": 0,
        "order_id": 4321,
        "account_id": "1000001",
    }
    assert off_main(lambda: trader.cancel_order_stock(desk.account, 4321)) == 0
    desk.terminal.client.push("cancel_error", {"order_id": 4321, "error_msg": "已成交"})
    name, error = desk.heard.next()
    assert (name, error.order_id, error.error_msg) == ("on_cancel_error", 4321, "已成交")
    seq = trader.cancel_order_stock_async(desk.account, 4321)
    name, response = desk.heard.next()
    assert name == "on_cancel_order_stock_async_response"
    assert (response.seq, response.cancel_result, response.order_id) == (seq, 0, 4321)


@pytest.mark.parametrize(
    ("kind", "called"),
    [
        ("order", "on_stock_order"),
        ("trade", "on_stock_trade"),
        ("asset", "on_stock_asset"),
        ("position", "on_stock_position"),
        ("account_status", "on_account_status"),
    ],
)
def test_pushes_reach_the_callback(desk: Desk, kind: str, called: str) -> None:
    desk.trader.connect()
    desk.terminal.client.push(kind, {"account_id": "1000001", "account_type": 2})
    name, pushed = desk.heard.next()
    assert (name, pushed.account_id, pushed.account_type) == (called, "1000001", 2)


def test_disconnect_reaches_the_callback(desk: Desk) -> None:
    desk.trader.connect()
    desk.terminal.client.dropped(True)
    assert desk.heard.next() == ("on_disconnected", None)
    assert desk.trader.connected is True  # the vendor's own defect


def test_none_in_an_order_takes_the_process_down(desk: Desk) -> None:
    desk.trader.connect()
    with pytest.raises(NativeCrash):
        off_main(lambda: desk.trader.order_stock(desk.account, "600036.SH", 23, 100, 11, 35.0, "s", None))
    assert desk.terminal.asked == []


def test_stop_and_start_again(desk: Desk) -> None:
    desk.trader.connect()
    off_main(desk.trader.stop)
    assert len(desk.terminal.detached) == 1
    desk.trader.start()
    assert desk.trader.connect() == 0
    assert off_main(lambda: desk.trader.subscribe(desk.account)) == 0
