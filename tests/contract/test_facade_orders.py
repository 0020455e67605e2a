"""buy, sell, market_buy, market_sell, cancel_entrust: fills, rests, T+1, cancels, and what each returns."""

from __future__ import annotations

from typing import Any

import pytest

from easytrader_qmt.errors import InvalidOrder, NotConnected, OrderInDoubt
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import Heard


def statuses(user: SimTrader) -> list[str]:
    return [row["order_status_name"] for row in user.today_entrusts]


def test_buy_returns_the_number_alone(user: SimTrader, terminal: Terminal) -> None:
    answer = user.buy("600036", price=35.5, amount=100)
    assert list(answer) == ["entrust_no"]
    assert type(answer["entrust_no"]) is int
    [order] = terminal.orders()
    assert answer["entrust_no"] == order["order_id"] > 0


def test_buy_by_position(user: SimTrader, terminal: Terminal) -> None:
    user.buy("600036", 35.4, 200)
    user.sell("600036", 36.0, 100)
    first, second = terminal.orders()
    assert (first["order_type"], first["price"], first["order_volume"]) == (23, 35.4, 200)
    assert (second["order_type"], second["price"], second["order_volume"]) == (24, 36.0, 100)


def test_an_order_crosses_the_quote(user: SimTrader) -> None:
    user.buy("600036", price=36.0, amount=100)
    [trade] = user.today_trades
    assert trade["traded_price"] == 35.5
    assert statuses(user) == ["已成"]


def test_a_partial_fill_rests_until_a_quote_reaches_it(user: SimTrader, terminal: Terminal) -> None:
    terminal.market.set("600000", ask1=10.49, ask1_volume=300)
    user.buy("600000", price=10.50, amount=1000)
    assert statuses(user) == ["部成"]
    terminal.market.set("600000", ask1=10.50, ask1_volume=500)
    assert statuses(user) == ["部成"]
    terminal.market.set("600000", ask1=10.50, ask1_volume=5000)
    assert statuses(user) == ["已成"]
    assert [(row["traded_price"], row["traded_volume"]) for row in user.today_trades] == [
        (10.49, 300),
        (10.50, 500),
        (10.50, 200),
    ]
    [order] = user.today_entrusts
    assert order["traded_volume"] == 1000
    assert order["traded_price"] == pytest.approx((300 * 10.49 + 700 * 10.50) / 1000)


def test_a_resting_order_is_filled_by_a_quote(user: SimTrader, terminal: Terminal) -> None:
    heard = Heard()
    user.connect(trader_callback=heard)
    number = user.buy("600036", price=35.0, amount=100)["entrust_no"]
    assert statuses(user) == ["已报"]
    assert user.today_trades == []
    terminal.market.set("600036", last=34.9)
    [trade] = heard.wait_for("on_stock_trade")
    assert (trade.order_id, trade.traded_volume) == (number, 100)
    assert trade.traded_price <= 35.0
    assert statuses(user) == ["已成"]
    assert user.balance[0]["frozen_cash"] == 0


def test_a_cancelled_order_frees_its_cash(user: SimTrader) -> None:
    before = user.balance[0]["cash"]
    number = user.buy("600036", price=35.0, amount=1000)["entrust_no"]
    assert user.balance[0]["cash"] < before - 35_000
    assert user.balance[0]["frozen_cash"] > 35_000
    assert user.cancel_entrust(number) == {"success": True, "message": "success"}
    assert user.balance[0]["cash"] == before
    assert user.balance[0]["frozen_cash"] == 0
    assert statuses(user) == ["已撤"]


def test_the_rest_of_a_partial_fill_is_cancelled(user: SimTrader, terminal: Terminal) -> None:
    terminal.market.set("600036", ask1=35.5, ask1_volume=100)
    number = user.buy("600036", price=35.5, amount=300)["entrust_no"]
    assert user.cancel_entrust(number)["success"] is True
    assert statuses(user) == ["部撤"]
    assert user.position[0]["volume"] == 100


def test_t_plus_one(user: SimTrader, terminal: Terminal) -> None:
    user.buy("600036", 35.5, 200)
    assert user.position[0]["can_use_volume"] == 0
    refused = user.sell("600036", 35.4, 100)["entrust_no"]
    assert user.today_entrusts.where(order_id=refused)[0]["order_status_name"] == "废单"
    resting = user.buy("600036", 35.0, 100)["entrust_no"]
    terminal.next_day()
    assert resting not in [row["order_id"] for row in user.today_entrusts]
    assert user.today_entrusts == []
    assert user.today_trades == []
    [held] = user.position
    assert (held["volume"], held["can_use_volume"], held["yesterday_volume"]) == (200, 200, 200)
    assert user.balance[0]["frozen_cash"] == 0
    user.sell("600036", terminal.market.quote("600036").bid1, 100)
    assert user.position[0]["can_use_volume"] == 100
    assert statuses(user) == ["已成"]


def test_convertible_bonds_and_some_funds_are_t_plus_zero(user: SimTrader) -> None:
    for code, price in (("113050", 121.35), ("162411", 0.618)):
        user.buy(code, price, 100)
        assert user.position.where(security=code)[0]["can_use_volume"] == 100
        user.sell(code, price * 0.99, 100)
    assert set(statuses(user)) == {"已成"}


def test_costs(user: SimTrader, terminal: Terminal) -> None:
    terminal.hold("600036", 10_000, 30.0)
    start = user.balance[0]["cash"]
    user.sell("600036", 35.4, 10_000)
    amount = 35.49 * 10_000
    fees = round(amount * 0.000_25, 2) + round(amount * 0.000_5, 2) + round(amount * 0.000_01, 2)
    assert user.balance[0]["cash"] == pytest.approx(start + amount - fees, abs=0.021)
    start = user.balance[0]["cash"]
    user.buy("510300", 4.012, 100)
    assert user.balance[0]["cash"] == pytest.approx(start - 401.2 - 5.0)


def test_market_orders_fill(user: SimTrader, terminal: Terminal) -> None:
    terminal.hold("000001", 500, 10.0)
    assert user.market_buy("600036", amount=100)["entrust_no"] > 0
    assert user.market_sell("000001", amount=500)["entrust_no"] > 0
    assert user.market_buy("000001", 200, "即时成交剩余撤销委托")["entrust_no"] > 0
    assert [row["traded_price"] for row in user.today_trades] == [35.5, 11.35, 11.36]


def test_a_market_order_without_enough_on_the_other_side(user: SimTrader, terminal: Terminal) -> None:
    terminal.market.set("000001", asks=[(11.36, 100), (11.37, 100)])
    user.market_buy("000001", 1000, ttype="全额成交或撤销委托")
    user.market_buy("000001", 1000, ttype="最优五档即时成交剩余撤销")
    first, second = user.today_entrusts
    assert (first["order_status_name"], first["traded_volume"]) == ("已撤", 0)
    assert (second["order_status_name"], second["traded_volume"]) == ("部撤", 200)


def test_a_shanghai_rest_becomes_a_limit_order(user: SimTrader, terminal: Terminal) -> None:
    terminal.market.set("600036", asks=[(35.5, 100), (35.51, 100)])
    user.market_buy("600036", 1000, ttype="最优五档即时成交剩转限价")
    [order] = user.today_entrusts
    assert (order["order_status_name"], order["traded_volume"]) == ("部成", 200)
    terminal.market.set("600036", asks=[(35.51, 5000)])
    assert statuses(user) == ["已成"]


def test_protect_price(user: SimTrader, terminal: Terminal) -> None:
    terminal.market.set("600036", asks=[(35.5, 100), (35.6, 1000)])
    user.market_buy("600036", 500, ttype="最优五档即时成交剩余撤销", protect_price=35.55)
    [order] = user.today_entrusts
    assert (order["order_status_name"], order["traded_volume"]) == ("部撤", 100)


# --- cancel --------------------------------------------------------------------------------------


def test_cancel_takes_the_number_as_text(user: SimTrader) -> None:
    number = user.buy("600036", 35.0, 100)["entrust_no"]
    assert user.cancel_entrust(str(number)) == {"success": True, "message": "success"}  # type: ignore[arg-type]


def test_cancel_of_a_final_or_unknown_order(user: SimTrader) -> None:
    filled = user.buy("600036", 35.5, 100)["entrust_no"]
    for number in (filled, 987654321):
        answer = user.cancel_entrust(number)
        assert list(answer) == ["success", "message"]
        assert answer["success"] is False
        assert isinstance(answer["message"], str)
        assert answer["message"]


@pytest.mark.parametrize("number", [-2, None, "abc", "", 1.5, float("nan"), True, {"entrust_no": 5}])
def test_cancel_of_something_that_is_no_number(number: Any, user: SimTrader) -> None:
    with pytest.raises(InvalidOrder, match="entrust_no") as caught:
        user.cancel_entrust(number)
    assert caught.value.sent is False


# --- refused here, before sending ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "price", "amount", "field"),
    [
        ("600036", 35.5, 0, "amount"),
        ("600036", 35.5, -100, "amount"),
        ("600036", 35.5, 150, "amount"),
        ("600036", 35.5, 100.7, "amount"),
        ("600036", 35.5, "100", "amount"),
        ("600036", 35.5, float("nan"), "amount"),
        ("600036", 35.5, None, "amount"),
        ("688981", 88.6, 100, "amount"),
        ("600036", 35.5, 1_000_100, "amount"),
        ("600036", 0, 100, "price"),
        ("600036", -1.0, 100, "price"),
        ("600036", float("nan"), 100, "price"),
        ("600036", float("inf"), 100, "price"),
        ("600036", "35.5", 100, "price"),
        ("600036", None, 100, "price"),
    ],
)
def test_nothing_is_sent_that_cannot_be(
    code: Any, price: Any, amount: Any, field: str, user: SimTrader, terminal: Terminal
) -> None:
    with pytest.raises(InvalidOrder) as caught:
        user.buy(code, price, amount)
    assert caught.value.field == field
    assert caught.value.sent is False
    assert terminal.orders() == []


def test_whole_amounts_of_other_types_are_taken(user: SimTrader, terminal: Terminal) -> None:
    user.buy("600036", 35.0, 100.0)  # type: ignore[arg-type]
    [order] = terminal.orders()
    assert (type(order["order_volume"]), order["order_volume"]) == (int, 100)


def test_prices_are_brought_to_the_tick(user: SimTrader, terminal: Terminal, new_user: Any) -> None:
    user.buy("600036", 35.004, 100)
    user.buy("510300", 3.9996, 100)
    assert [order["price"] for order in terminal.orders()] == [35.0, 4.0]
    strict = new_user()
    strict.connect(price_rounding="strict")
    with pytest.raises(InvalidOrder, match=r"35\.0"):
        strict.buy("600036", 35.004, 100)


def test_an_odd_lot_is_sold_whole(user: SimTrader, terminal: Terminal) -> None:
    terminal.hold("600036", 150, 30.0)
    with pytest.raises(InvalidOrder) as caught:
        user.sell("600036", 35.4, 30)
    assert caught.value.nearest is not None
    assert terminal.orders() == []
    assert user.sell("600036", 35.4, 50)["entrust_no"] > 0
    assert user.position[0]["volume"] == 100


# --- keywords --------------------------------------------------------------------------------------


def test_strategy_and_remark_reach_the_counter(user: SimTrader, terminal: Terminal) -> None:
    user.buy("600036", 35.0, 100, strategy_name="网格", remark="lot-1")
    [order] = terminal.orders()
    assert order["strategy_name"] == "网格"
    assert order["order_remark"].startswith("lot-1~")
    assert len(order["order_remark"].encode()) <= 23
    assert user.today_entrusts[0]["order_remark"] == "lot-1"


def test_every_order_leaves_with_its_own_remark(user: SimTrader, terminal: Terminal) -> None:
    for _ in range(20):
        user.buy("600036", 35.0, 100)
    remarks = [order["order_remark"] for order in terminal.orders()]
    assert len(set(remarks)) == 20
    assert all(remark.isascii() and 0 < len(remark) <= 23 for remark in remarks)
    assert {row["order_remark"] for row in user.today_entrusts} == {""}


def test_entrust_prop_is_taken_silently(user: SimTrader, log: list[str]) -> None:
    assert user.buy("600036", price=35.0, amount=100, entrust_prop="limit")["entrust_no"] > 0
    assert user.sell("600036", price=36.0, amount=100, entrust_prop="limit")["entrust_no"] > 0
    assert not [line for line in log if "entrust_prop" in line]


@pytest.mark.parametrize("verb", ["buy", "sell", "market_buy", "market_sell"])
def test_an_unknown_keyword_is_named(verb: str, user: SimTrader, log: list[str]) -> None:
    words = {} if verb.startswith("market") else {"price": 35.5}
    assert getattr(user, verb)("600036", amount=100, no_such_word=1, **words)["entrust_no"] > 0
    assert [line for line in log if line.startswith("WARNING") and "no_such_word" in line]


# --- the connection ----------------------------------------------------------------------------------


def test_an_order_while_the_connection_is_down(user: SimTrader, terminal: Terminal) -> None:
    heard = Heard()
    user.connect(trader_callback=heard, reconnect_enabled=False)
    terminal.faults.disconnect()
    heard.wait_for("on_disconnected")
    for order in (lambda: user.buy("600036", 35.5, 100), lambda: user.cancel_entrust(5)):
        with pytest.raises(NotConnected) as caught:
            order()
        assert caught.value.sent is False
    user.reconnect()
    assert user.wait_ready(20)
    assert terminal.orders() == []


def test_an_order_without_an_answer_is_in_doubt(new_user: Any, terminal: Terminal) -> None:
    user = new_user()
    user.connect(call_timeout=0.3)
    terminal.faults.lose_responses(1, placed=True)
    with pytest.raises(OrderInDoubt) as caught:
        user.buy("600036", 35.0, 100)
    assert caught.value.sent is None
    [order] = terminal.orders()
    assert order["order_remark"] == caught.value.remark


def test_orders_and_queries_from_inside_a_handler(user: SimTrader, terminal: Terminal) -> None:
    seen: list[Any] = []

    def chase(trade: dict[str, Any]) -> None:
        if len(seen) < 3:
            seen.append(user.balance[0]["cash"])
            seen.append(user.buy("000001", 11.36, 100)["entrust_no"])

    user.on("trade", chase)
    user.buy("600036", 35.5, 100)
    for _ in range(4):
        assert user.drain()
    assert len(terminal.orders()) == 3
    assert all(value > 0 for value in seen)
