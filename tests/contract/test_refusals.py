"""What a counter refuses, through the channels of a real one: the order list, on_order_error, -1, on_cancel_error."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidOrder, OrderRejected
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import Heard, on_a_thread

Act = Callable[[SimTrader], dict[str, Any]]


def raw(code: str, side: int, volume: int, price_type: int, price: float) -> Callable[[SimTrader], int]:
    """An order through the vendor's own call, past this package's checks."""
    return lambda user: on_a_thread(
        lambda: user.trader.order_stock(user.account, code, side, volume, price_type, price, "s", "raw")
    )


REFUSED: list[tuple[str, Callable[[SimTrader], int], str]] = [
    (
        "cash",
        raw("600519.SH", 23, 10_000, 11, 1462.5),
        "限价买入 [SH600519] [COUNTER] [260200][可用资金不足]",
    ),
    (
        "shares",
        raw("000001.SZ", 24, 100, 11, 11.3),
        "限价卖出 [SZ000001] [COUNTER] [251005][证券可用数量不足]",
    ),
    ("too dear", raw("600036.SH", 23, 100, 11, 39.0), "委托价格超出涨跌幅限制"),
    ("too cheap", raw("600036.SH", 23, 100, 11, 31.0), "委托价格超出涨跌幅限制"),
    ("lot", raw("600036.SH", 23, 150, 11, 35.5), "委托数量不合法"),
    ("STAR lot", raw("688981.SH", 23, 100, 11, 88.6), "委托数量不合法"),
    ("bond lot", raw("113050.SH", 23, 5, 11, 121.0), "委托数量不合法"),
    ("negative", raw("600036.SH", 23, -100, 11, 35.5), "委托数量不合法"),
    ("too large", raw("300750.SZ", 23, 300_100, 11, 267.3), "委托数量超过单笔最大数量"),
    ("tick", raw("600036.SH", 23, 100, 11, 35.505), "委托价格不是最小变动单位的整数倍"),
    ("NaN", raw("600036.SH", 23, 100, 11, float("nan")), "委托价格不合法"),
    ("suspended", raw("000002.SZ", 23, 100, 11, 6.58), "证券停牌"),
    ("no protect price", raw("600036.SH", 23, 100, 44, 0.0), "市价委托缺少保护限价"),
    ("wrong exchange", raw("600036.SH", 23, 100, 48, 35.5), "该市场不支持此报价类型"),
    ("nobody offers", raw("300059.SZ", 23, 100, 44, 0.0), "对手方无报价"),
]


@pytest.fixture
def market(terminal: Terminal) -> Terminal:
    terminal.market.suspend("000002")
    terminal.market.set("300059", asks=[])
    return terminal


@pytest.mark.parametrize(("place", "said"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_the_counter_refuses(
    place: Callable[[SimTrader], int], said: str, new_user: Callable[..., SimTrader], market: Terminal
) -> None:
    heard = Heard()
    user = new_user()
    user.connect(trader_callback=heard)
    before = user.balance
    number = place(user)
    assert number > 0
    [error] = heard.wait_for("on_order_error")
    assert (error.order_id, error.error_id, error.order_remark) == (number, -61, "raw")
    assert said in error.error_msg
    assert "[COUNTER]" in error.error_msg
    [row] = user.today_entrusts
    assert (row["order_id"], row["order_status_name"]) == (number, "废单")
    assert row["status_msg"] == error.error_msg
    assert user.balance == before
    assert user.cancel_entrusts == []
    assert heard.of("on_stock_trade") == []


def test_the_facades_own_orders_are_refused_the_same_way(user: SimTrader, terminal: Terminal) -> None:
    errors: list[dict[str, Any]] = []
    user.on("order_error", errors.append)
    short = user.sell("600036", 35.4, 100)
    poor = user.buy("600519", 1462.5, 10_000)
    user.drain()
    assert [error["order_id"] for error in errors] == [short["entrust_no"], poor["entrust_no"]]
    assert ["251005" in errors[0]["error_msg"], "260200" in errors[1]["error_msg"]] == [True, True]


def test_an_unknown_security_is_refused_by_the_terminal(user: SimTrader, terminal: Terminal) -> None:
    answer = user.buy("600999", 10.0, 100)
    assert answer["entrust_no"] == -1
    assert "600999.SH" in answer["message"]
    assert raw("600999.SH", 23, 100, 11, 10.0)(user) == -1
    assert terminal.orders() == []
    assert user.today_entrusts == []


def test_raise_on_reject(new_user: Callable[..., SimTrader]) -> None:
    user = new_user()
    user.connect(raise_on_reject=True)
    with pytest.raises(OrderRejected, match="600999") as caught:
        user.buy("600999", 10.0, 100)
    assert caught.value.sent is True


def test_outside_trading_hours(user: SimTrader, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    errors: list[dict[str, Any]] = []
    user.on("order_error", errors.append)
    assert terminal.counter.trading_hours is False
    terminal.counter.trading_hours = True
    monkeypatch.setattr(type(terminal), "now", property(lambda self: 1_700_150_400.0))  # 2023-11-17 00:00
    number = user.buy("162411", 0.618, 100)["entrust_no"]
    user.drain()
    assert [error["order_id"] for error in errors] == [number]
    assert errors[0]["error_msg"] == "限价买入 [SZ162411] [COUNTER] [12313][当前时间不允许此类证券交易]"
    assert errors[0]["error_id"] == -61
    terminal.counter.trading_hours = False
    assert user.buy("162411", 0.618, 100)["entrust_no"] > 0
    assert user.today_entrusts[-1]["order_status_name"] == "已成"


def test_market_orders_in_the_call_auction(
    user: SimTrader, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.counter.trading_hours = True
    monkeypatch.setattr(type(terminal), "now", property(lambda self: 1_700_184_000.0))  # 09:20, a Friday
    user.market_buy("000001", 100)
    user.buy("000001", 11.36, 100)
    first, second = user.today_entrusts
    assert (first["order_status_name"], "集合竞价" in first["status_msg"]) == ("废单", True)
    assert second["order_status_name"] == "已报"


@pytest.mark.parametrize("how", ["filled", "cancelled", "refused", "unknown"])
def test_a_cancel_is_refused(how: str, new_user: Callable[..., SimTrader]) -> None:
    heard = Heard()
    user = new_user()
    user.connect(trader_callback=heard)
    if how == "unknown":
        number = 999_999_999
    elif how == "refused":
        number = user.sell("600036", 35.4, 100)["entrust_no"]
    else:
        number = user.buy("600036", 35.5 if how == "filled" else 35.0, 100)["entrust_no"]
    if how == "cancelled":
        assert user.cancel_entrust(number)["success"] is True
    answer = user.cancel_entrust(number)
    # To cancel again what is cancelled breaks nothing; the counter refuses it all the same.
    assert answer["success"] is (how == "cancelled")
    assert answer["message"]
    [error] = heard.wait_for("on_cancel_error")
    assert (error.order_id, error.error_id) == (number, -61)
    assert "[COUNTER]" in error.error_msg
    assert on_a_thread(lambda: user.trader.cancel_order_stock(user.account, number)) == -1


def test_a_hand_placed_order_is_cancelled_by_its_sysid(user: SimTrader, terminal: Terminal) -> None:
    sysid = terminal.order_by_hand("buy", "600036", 35.0, 100)
    cancel = user.trader.cancel_order_stock_sysid
    assert on_a_thread(lambda: cancel(user.account, 1, sysid)) == -1  # another market's number
    assert on_a_thread(lambda: cancel(user.account, 0, sysid)) == 0
    assert user.today_entrusts[0]["order_status_name"] == "已撤"


def test_nothing_is_bought_at_an_impossible_price(user: SimTrader, terminal: Terminal) -> None:
    """Whether this package refuses it or the counter does."""
    with contextlib.suppress(InvalidOrder):
        user.buy("600036", 99.0, 100)
    assert [order["order_status"] for order in terminal.orders()] in ([], [57])
    assert user.today_trades == []
