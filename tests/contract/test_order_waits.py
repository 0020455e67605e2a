"""Waiting for an order's end, and the user's own remark wherever the order is shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument, InvalidOrder, OrderNotFinal
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import SOON, Heard
from tests.seam import Seam

NewUser = Callable[..., SimTrader]


# --- waiting for the end ----------------------------------------------------------------------------


def test_wait_returns_the_final_row(user: SimTrader, terminal: Terminal) -> None:
    number = user.buy("600036", 35.0, 100)["entrust_no"]
    done: list[Any] = []
    waiter = threading.Thread(target=lambda: done.append(user.wait(number, timeout=SOON)))
    waiter.start()
    terminal.market.set("600036", last=34.9)
    waiter.join(SOON)
    assert [(row["order_id"], row["order_status_name"]) for row in done] == [(number, "已成")]
    assert user.wait(str(number), timeout=0) == done[0]  # type: ignore[arg-type]


def test_wait_gives_up_with_the_row_as_it_stands(user: SimTrader) -> None:
    number = user.buy("600036", 35.0, 100)["entrust_no"]
    with pytest.raises(OrderNotFinal, match="已报") as caught:
        user.wait(number, timeout=0.01)
    assert caught.value.order is not None
    assert caught.value.sent is True
    assert caught.value.order["order_id"] == number
    with pytest.raises(OrderNotFinal, match="没有这笔委托") as caught:
        user.wait(987654, timeout=0)
    assert (caught.value.order, caught.value.sent) == (None, None)


@pytest.mark.parametrize("timeout", [-1, float("nan"), None, "5", 10**400])
def test_wait_takes_seconds(timeout: Any, user: SimTrader) -> None:
    with pytest.raises(InvalidArgument, match="timeout"):
        user.wait(5, timeout)


@pytest.mark.parametrize("number", [None, "x", -1, 1.5, True])
def test_wait_takes_an_orders_number(number: Any, user: SimTrader) -> None:
    with pytest.raises(InvalidOrder, match="entrust_no"):
        user.wait(number, 0)


def test_wait_inside_a_handler(user: SimTrader, terminal: Terminal) -> None:
    heard = Heard()

    def chase(trade: dict[str, Any]) -> None:
        if trade["stock_code"] == "600036.SH":
            number = user.buy("000001", 11.30, 100)["entrust_no"]
            terminal.market.set("000001", last=11.2)
            heard.keep("on_end", user.wait(number, timeout=SOON))

    user.on("trade", chase)
    user.buy("600036", 35.5, 100)
    [row] = heard.wait_for("on_end")
    assert row["order_status_name"] == "已成"


def test_waiting_does_not_hammer_the_terminal(
    user: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A push may be ahead of the list; then the list is asked again after a while, not in a loop."""
    number = user.buy("600036", 35.0, 100)["entrust_no"]
    asked: list[int] = []
    orders = user._orders
    monkeypatch.setattr(user, "_orders", lambda only: asked.append(1) or orders(only))
    with pytest.raises(OrderNotFinal):
        user.wait(number, timeout=0.3)
    assert len(asked) < 8


# --- remarks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("remark", ["", "grid-3", "a remark of 21 bytes.", "中文备注", "~", "带~号的"])
def test_the_users_remark_is_kept(remark: str, user: SimTrader, seam: Seam, new_user: NewUser) -> None:
    heard = Heard()
    user.on("order", lambda row: heard.keep("on_order", row))
    user.on("trade", lambda row: heard.keep("on_trade", row))
    user.buy("600036", 35.5, 100, remark=remark)
    [sent] = seam.orders
    assert sent["order_remark"].isascii()
    assert len(sent["order_remark"]) <= 23
    assert user.today_entrusts[0]["order_remark"] == remark
    assert user.today_trades[0]["order_remark"] == remark
    assert heard.wait_for("on_trade")[0]["order_remark"] == remark
    assert {row["order_remark"] for row in heard.wait_for("on_order", 2)} == {remark}
    user.exit()
    again = new_user()
    again.connect()
    assert again.today_entrusts[0]["order_remark"] == remark
    assert again.today_trades[0]["order_remark"] == remark
