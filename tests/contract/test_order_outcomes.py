"""Every order ends in exactly one outcome: accepted, refused, not sent, in doubt; and a refusal in its order."""

from __future__ import annotations

from typing import Any

import pytest

from easytrader_qmt.errors import (
    NotConnected,
    OrderInDoubt,
    OrderNotFinal,
    OrderRejected,
)
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.doubtful import NO_MONEY, NewUser, clock, doubtful, outcome_of
from tests.facade import SOON, Heard
from tests.seam import Order, Seam

__all__ = ["clock", "doubtful"]


# --- refused in the response ---------------------------------------------------------------------


def test_a_refusal_of_the_terminal_with_its_text(user: SimTrader) -> None:
    answer = user.buy("600999", 10.0, 100, client_order_id="r")
    assert list(answer) == ["entrust_no", "message"]
    assert answer["entrust_no"] == -1
    assert "600999.SH" in answer["message"]
    assert user.buy("600999", 10.0, 100, client_order_id="r") == answer
    assert outcome_of(user, "r") == "refused"
    assert user.in_doubt == []


def test_raise_on_reject_brings_the_counters_number(new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    user.connect(raise_on_reject=True)
    seam.script = lambda order: order.respond(order_id=-1, error_msg=NO_MONEY)
    with pytest.raises(OrderRejected, match="可用资金不足") as caught:
        user.buy("600036", 35.0, 100)
    assert (caught.value.code, caught.value.sent) == ("260200", True)
    seam.script = lambda order: order.respond(order_id=-1, error_msg="终端拒绝")
    with pytest.raises(OrderRejected) as caught:
        user.buy("600036", 35.0, 100)
    assert caught.value.code is None


def test_a_bare_minus_one_is_no_refusal(doubtful: SimTrader, seam: Seam, clock: FakeClock) -> None:
    seam.script = lambda order: order.respond(order_id=-1, error_msg="")
    with pytest.raises(OrderInDoubt):
        doubtful.buy("600036", 35.0, 100, client_order_id="x")
    assert [row["client_order_id"] for row in doubtful.in_doubt] == ["x"]
    assert doubtful.check_in_doubt() != [], "an order may still be on its way"
    clock.pass_(4)
    assert doubtful.check_in_doubt() == []
    seam.script = None
    assert doubtful.buy("600036", 35.0, 100, client_order_id="x")["entrust_no"] > 0


# --- refused by the counter, after the number -------------------------------------------------------


def error_before(order: Order) -> None:
    number = order.place()
    order.push_error(number, NO_MONEY)
    order.respond()


def error_after(order: Order) -> None:
    number = order.place()
    order.respond()
    order.push_error(number, NO_MONEY)


def error_without_a_remark(order: Order) -> None:
    number = order.place()
    order.respond()
    order.push_error(number, NO_MONEY, order_remark="", seq=-1)


def list_as(status: int, terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The counter lists every order with this status."""
    orders = terminal.counter.orders
    monkeypatch.setattr(
        terminal.counter,
        "orders",
        lambda *args, **words: [{**row, "order_status": status} for row in orders(*args, **words)],
    )


@pytest.mark.parametrize("script", [error_before, error_after, error_without_a_remark])
def test_what_is_listed_at_the_exchange_has_not_ended(script: Any, user: SimTrader, seam: Seam) -> None:
    """The error may be the terminal's own timeout: an order that can still fill must not look ended."""
    seam.script = script
    number = user.buy("600036", 35.0, 100)["entrust_no"]
    assert user.drain()
    with pytest.raises(OrderNotFinal) as caught:
        user.wait(number, timeout=0)
    assert caught.value.order is not None
    row = user.today_entrusts.where(order_id=number)[0]
    for each in (row, caught.value.order):
        assert (each["order_status_name"], each["status_msg"]) == ("已报", NO_MONEY)
    assert user.cancel_entrust(number)["success"] is True


@pytest.mark.parametrize("script", [error_before, error_after, error_without_a_remark])
def test_a_refusal_that_comes_only_as_an_error(
    script: Any, user: SimTrader, seam: Seam, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    list_as(49, terminal, monkeypatch)
    other = user.buy("600036", 34.9, 100)["entrust_no"]
    errors: list[dict[str, Any]] = []
    user.on("order_error", errors.append)
    seam.script = script
    number = user.buy("600036", 35.0, 100, client_order_id="r", remark="网格第三层")["entrust_no"]
    assert number > 0
    row = user.wait(number, timeout=SOON)
    assert (row["order_status_name"], row["status_msg"]) == ("废单", NO_MONEY)
    assert user.drain()
    assert user.today_entrusts.where(order_id=number)[0]["status_msg"] == NO_MONEY
    assert user.today_entrusts.where(order_id=other)[0]["order_status_name"] == "待报"
    assert [error["order_id"] for error in errors] == [number]
    entry = user._own().journal.find("SIM0000000001", "r")
    assert entry is not None
    assert (entry.outcome, entry.rejected_later) == ("accepted", NO_MONEY)


def test_the_order_of_what_is_said_does_not_matter(user: SimTrader, terminal: Terminal) -> None:
    terminal.faults.reorder = True
    numbers = [user.sell("600036", 35.4, 100)["entrust_no"] for _ in range(20)]
    assert all(number > 0 for number in numbers)
    rows = [user.wait(number, timeout=SOON) for number in numbers]
    assert {row["order_status_name"] for row in rows} == {"废单"}
    assert all("251005" in row["status_msg"] for row in rows)


def test_a_refusal_that_comes_only_as_a_status(user: SimTrader, seam: Seam) -> None:
    def script(order: Order) -> None:
        order.place()
        order.respond()
        order.push("order")

    seam.script = script
    number = user.sell("600036", 35.4, 100, client_order_id="r")["entrust_no"]
    row = user.wait(number, timeout=SOON)
    assert "251005" in row["status_msg"]
    assert user.drain()
    entry = user._own().journal.find("SIM0000000001", "r")
    assert entry is not None
    assert "251005" in entry.rejected_later


def test_a_refusal_is_known_after_a_restart(
    user: SimTrader, seam: Seam, terminal: Terminal, new_user: NewUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unless the list shows the order at the exchange (50): then it was the terminal that gave up."""
    list_as(49, terminal, monkeypatch)
    seam.script = error_after
    number = user.buy("600036", 35.0, 100)["entrust_no"]
    user.wait(number, timeout=SOON)
    user.drain()
    user.exit()
    again = new_user()
    again.connect()
    [row] = again.today_entrusts
    assert (row["order_status_name"], row["status_msg"]) == ("废单", NO_MONEY)


def test_what_has_traded_was_not_refused(user: SimTrader, seam: Seam, terminal: Terminal) -> None:
    terminal.market.set("600036", ask1=35.5, ask1_volume=100)
    seam.script = error_after
    number = user.buy("600036", 35.5, 300)["entrust_no"]
    user.drain()
    row = user.today_entrusts.where(order_id=number)[0]
    assert (row["order_status_name"], row["traded_volume"]) == ("部成", 100)


def test_an_old_orders_error_is_not_the_new_orders(user: SimTrader, seam: Seam) -> None:
    """The vendor's layer keeps an early error by number too, and hands it to a later order with that number."""
    numbers: list[int] = []

    def first(order: Order) -> None:
        numbers.append(order.place())
        order.push_error(numbers[0], NO_MONEY)
        order.respond()

    seam.script = first
    user.buy("600036", 35.0, 100, client_order_id="old")
    user.drain()
    heard = Heard()
    user.on("order_error", lambda row: heard.keep("on_error", row))
    held = user.trader.queuing_order_errors_byid
    assert numbers[0] in held, "the vendor's layer holds no stale error: this test drives nothing"

    def second(order: Order) -> None:
        order.respond(order_id=numbers[0])

    seam.script = second
    assert user.buy("600036", 34.9, 100, client_order_id="new") == {"entrust_no": numbers[0]}
    user.drain()
    assert held == {}, "the vendor's layer did not deliver its stale error"
    assert user._own().watch.refusal(numbers[0]) is None
    entry = user._own().journal.find("SIM0000000001", "new")
    assert entry is not None
    assert (entry.outcome, entry.rejected_later) == ("accepted", "")


# --- not sent ------------------------------------------------------------------------------------


def test_a_connection_lost_before_the_order_leaves(
    new_user: NewUser, seam: Seam, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Heard()
    user = new_user()
    user.connect(trader_callback=heard, reconnect_enabled=False)
    journal = user._own().journal
    begin = journal.begin

    def cut(intent: Any) -> Any:
        begun = begin(intent)
        terminal.faults.disconnect()
        heard.wait_for("on_disconnected")
        return begun

    monkeypatch.setattr(journal, "begin", cut)
    with pytest.raises(NotConnected) as caught:
        user.buy("600036", 35.0, 100, client_order_id="n")
    assert caught.value.sent is False
    assert (seam.orders, outcome_of(user, "n")) == ([], "not_sent")
    monkeypatch.undo()
    user.reconnect()
    assert user.wait_ready(SOON)
    assert user.buy("600036", 35.0, 100, client_order_id="n")["entrust_no"] > 0
