"""What a user hears: every push the vendor defines, whatever the callback inherits from; rows for handlers."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.miniqmt import DefaultXtQuantTraderCallback, MiniqmtTrader
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import ENTRUST_KEYS, TRADE_KEYS, Heard, States, vendor_package

KINDS = ("vendor", "ours", "nothing")
NewUser = Callable[..., SimTrader]


def pushes() -> list[str]:
    """Every method of the vendor's callback class."""
    vendors = vendor_package().xttrader.XtQuantTraderCallback
    return [name for name, _ in inspect.getmembers(vendors, callable) if name.startswith("on_")]


def callback_of(kind: str) -> tuple[Any, Heard]:
    """A callback that keeps every push, inheriting from the vendor's class, from ours, or from nothing."""
    heard = Heard()
    bases: dict[str, tuple[type, ...]] = {
        "vendor": (vendor_package().xttrader.XtQuantTraderCallback,),
        "ours": (DefaultXtQuantTraderCallback,),
        "nothing": (),
    }
    body = {name: (lambda self, *args, _name=name: heard.keep(_name, *args)) for name in pushes()}
    return type("Mine", bases[kind], body)(), heard


def test_our_default_has_every_push_of_the_vendors() -> None:
    assert set(pushes()) <= set(dir(DefaultXtQuantTraderCallback))
    assert MiniqmtTrader.broker_type == "miniqmt"


@pytest.mark.parametrize("kind", KINDS)
def test_every_push_the_vendor_defines_arrives(kind: str, new_user: NewUser) -> None:
    """What the vendor's layer calls on the object it was given reaches the user's, by the same name."""
    callback, heard = callback_of(kind)
    user = new_user()
    user.connect(trader_callback=callback)
    called = user.trader.callback
    thing = SimpleNamespace(status=0, account_id="1", account_type=2, seq=1, order_id=1)
    for name in pushes():
        if name in ("on_connected", "on_disconnected"):
            continue
        row = thing
        if name in ("on_stock_order", "on_stock_trade"):
            row = SimpleNamespace(
                order_id=7, order_sysid="1", order_status=50, order_time=1, traded_time=1, traded_id="t",
                traded_volume=0, stock_code="600036.SH", account_id="1", status_msg="",
            )  # fmt: skip
        elif name == "on_order_error":
            row = SimpleNamespace(order_id=7, account_id="1", error_msg="x", order_remark="")
        getattr(called, name)(row)
    user.drain()
    assert heard.methods == set(pushes()) - {"on_disconnected"}
    called.on_disconnected()
    heard.wait_for("on_disconnected")
    heard.wait_for("on_connected", 2)
    assert heard.methods == set(pushes())


@pytest.mark.parametrize("kind", KINDS)
def test_pushes_of_a_day(kind: str, new_user: NewUser, terminal: Terminal) -> None:
    callback, heard = callback_of(kind)
    user = new_user()
    user.connect(trader_callback=callback)
    bought = user.buy("600036", 35.5, 100)["entrust_no"]
    short = user.sell("000001", 11.3, 100)["entrust_no"]
    user.cancel_entrust(bought)
    terminal.push_account_status(6)
    user.drain()
    assert [order.order_status for order in heard.of("on_stock_order") if order.order_id == bought] == [
        50,
        56,
    ]
    [trade] = heard.of("on_stock_trade")
    assert (trade.stock_code, trade.traded_price, trade.m_nTradedVolume) == ("600036.SH", 35.5, 100)
    [error] = heard.of("on_order_error")
    assert (error.order_id, error.error_id) == (short, -61)
    assert error.error_msg == "限价卖出 [SZ000001] [COUNTER] [251005][证券可用数量不足]"
    [cancel] = heard.of("on_cancel_error")
    assert cancel.order_id == bought
    assert "[COUNTER]" in cancel.error_msg
    assert heard.of("on_stock_asset")[-1].cash == user.balance[0]["cash"]
    assert heard.of("on_stock_position")[-1].volume == 100
    assert [status.status for status in heard.of("on_account_status")] == [6]
    assert len(heard.of("on_connected")) == 1
    assert heard.of("on_disconnected") == []


def test_answers_to_raw_calls_arrive(new_user: NewUser, terminal: Terminal) -> None:
    heard = Heard()
    user = new_user()
    user.connect(trader_callback=heard)
    seq = user.trader.order_stock_async(user.account, "600036.SH", 23, 100, 11, 35.0, "s", "raw")
    [answer] = heard.wait_for("on_order_stock_async_response")
    assert (answer.seq, answer.order_id) == (seq, terminal.orders()[0]["order_id"])
    seq = user.trader.cancel_order_stock_async(user.account, answer.order_id)
    [cancelled] = heard.wait_for("on_cancel_order_stock_async_response")
    assert (cancelled.seq, cancelled.cancel_result) == (seq, 0)
    user.buy("600036", 35.0, 100)
    user.drain()
    assert len(heard.of("on_order_stock_async_response")) == 1


def test_disconnect_and_reconnect_are_heard_once(new_user: NewUser, terminal: Terminal) -> None:
    heard = Heard()
    user = new_user()
    user.connect(trader_callback=heard)
    for times in (1, 2):
        terminal.faults.disconnect()
        heard.wait_for("on_connected", times + 1)
        assert len(heard.of("on_disconnected")) == times


def test_a_layer_that_says_connected_itself_makes_it_no_second_one(new_user: NewUser) -> None:
    heard = Heard()
    user = new_user()
    user.connect(trader_callback=heard)
    session = user._live().ready()
    session._receiver.on_connected()  # as a bridge may, and the vendor's layer never does
    session._receiver.on_something_new()
    user.drain()
    assert len(heard.of("on_connected")) == 1
    assert len(heard.of("on_something_new")) == 1, "what is not known is passed on"


def test_a_callback_with_one_method(new_user: NewUser) -> None:
    seen: list[int] = []

    class Mine:
        def on_stock_trade(self, trade: Any) -> None:
            seen.append(trade.traded_volume)

    user = new_user()
    user.connect(trader_callback=Mine())
    user.buy("600036", 35.5, 100)
    user.drain()
    assert seen == [100]


def test_a_raising_callback_stops_nothing(new_user: NewUser, log: list[str]) -> None:
    seen: list[str] = []

    class Mine:
        def on_stock_order(self, order: Any) -> None:
            raise RuntimeError("mine")

        def on_stock_trade(self, trade: Any) -> None:
            seen.append("callback")
            raise RuntimeError("mine too")

    user = new_user()
    user.connect(trader_callback=Mine())
    user.on("trade", lambda row: 1 / 0)
    user.on("trade", lambda row: seen.append("handler"))
    user.buy("600036", 35.5, 100)
    user.drain()
    assert seen == ["callback", "handler"]
    assert [line for line in log if line.startswith("ERROR") and "on_stock_trade" in line]


def test_the_default_callback_logs(user: SimTrader, log: list[str]) -> None:
    number = user.buy("600036", 35.5, 100)["entrust_no"]
    user.sell("000001", 11.3, 100)
    user.cancel_entrust(number)
    user.drain()
    assert [line for line in log if "委托回调" in line and "600036.SH" in line]
    assert [line for line in log if "成交回调" in line and "35.5" in line]
    [error] = [line for line in log if "下单失败回调" in line]
    assert "error_id=-61" in error
    assert "error_msg=限价卖出 [SZ000001] [COUNTER] [251005][证券可用数量不足]" in error
    assert [line for line in log if "撤单失败回调" in line]


def test_two_traders_do_not_share_a_default_callback(new_user: NewUser) -> None:
    one, two = new_user(), new_user()
    one.connect()
    two.connect()
    assert one.trader.callback is not two.trader.callback


# --- handlers ------------------------------------------------------------------------------------


def test_handlers_get_the_rows_of_the_queries(user: SimTrader) -> None:
    rows: dict[str, list[dict[str, Any]]] = {}
    for event in ("order", "trade", "asset", "position"):
        user.on(event, lambda row, event=event: rows.setdefault(event, []).append(row))
    user.buy("600036", 35.5, 100, remark="r1")
    user.drain()
    for event, query in (
        ("order", user.today_entrusts),
        ("trade", user.today_trades),
        ("asset", user.balance),
        ("position", user.position),
    ):
        assert rows[event][-1] == {**query[-1], "recovered": False}, event
    assert list(rows["order"][0])[: len(ENTRUST_KEYS)] == ENTRUST_KEYS
    assert list(rows["trade"][0])[: len(TRADE_KEYS)] == TRADE_KEYS
    assert rows["order"][-1]["order_remark"] == "r1"


def test_handlers_of_refusals(user: SimTrader, terminal: Terminal) -> None:
    rows: list[dict[str, Any]] = []
    for event in ("order_error", "cancel_error", "account_status"):
        user.on(event, rows.append)
    number = user.sell("600036", 35.4, 100)["entrust_no"]
    user.cancel_entrust(number)
    terminal.push_account_status(3)
    user.drain()
    refused, uncancelled, status = rows
    assert (refused["order_id"], refused["error_id"]) == (number, -61)
    assert "251005" in refused["error_msg"]
    assert (uncancelled["order_id"], uncancelled["recovered"]) == (number, False)
    assert status["status"] == 3
    assert isinstance(status["status_name"], str)


def test_handlers_come_and_go(user: SimTrader) -> None:
    seen: list[str] = []
    gone = user.on("trade", lambda row: seen.append("gone"))

    @user.on("trade")
    def _kept(row: dict[str, Any]) -> None:
        seen.append("kept")

    gone()
    gone.cancel()
    user.buy("600036", 35.5, 100)
    user.drain()
    assert seen == ["kept"]
    with pytest.raises(InvalidArgument, match="trade"):
        user.on("trades", seen.append)
    with pytest.raises(InvalidArgument):
        user.on("trade", 5)  # type: ignore[arg-type]


def test_what_happened_during_an_outage_is_told_once(user: SimTrader, terminal: Terminal) -> None:
    rows: list[dict[str, Any]] = []
    user.buy("600036", 35.0, 100)
    user.buy("600036", 35.5, 100)
    user.drain()
    user.on("trade", rows.append)
    states = States(user)
    terminal.faults.refuse_connects(1)
    user.stop_reconnect()
    terminal.faults.disconnect()
    states.wait_for("LOST")
    terminal.market.set("600036", last=34.9)
    terminal.faults.refuse_connects(0)
    user.reconnect()
    assert user.wait_ready(20)
    user.drain()
    terminal.faults.replay_pushes()
    user.drain()
    assert [(row["traded_volume"], row["recovered"]) for row in rows] == [(100, True)]
    assert len(user.today_trades) == 2


# --- several clients -----------------------------------------------------------------------------


def test_each_client_gets_its_own_pushes(new_user: NewUser, terminal: Terminal) -> None:
    heard = {account: Heard() for account in ("1000001", "1000002")}
    users = {account: new_user() for account in heard}
    for account, user in users.items():
        user.connect(stock_account=account, trader_callback=heard[account])
    assert terminal.clients == 2
    for user in users.values():
        user.buy("600036", 35.5, 100)
        user.sell("000001", 11.3, 100)
    for user in users.values():
        user.drain()
    for account, calls in heard.items():
        assert {order.account_id for order in calls.of("on_stock_order")} == {account}
        assert [trade.account_id for trade in calls.of("on_stock_trade")] == [account]
        assert [error.account_id for error in calls.of("on_order_error")] == [account]
        assert {row["account_id"] for row in users[account].today_entrusts} == {account}
    users["1000001"].exit()
    assert users["1000002"].buy("600036", 35.5, 100)["entrust_no"] > 0


def test_two_clients_of_one_account_both_hear(new_user: NewUser) -> None:
    heard = [Heard(), Heard()]
    one, two = new_user(), new_user()
    one.connect(trader_callback=heard[0])
    two.connect(trader_callback=heard[1])
    number = one.buy("600036", 35.5, 100)["entrust_no"]
    one.drain()
    two.drain()
    for calls in heard:
        assert [trade.order_id for trade in calls.of("on_stock_trade")] == [number]
    assert two.today_entrusts == one.today_entrusts
