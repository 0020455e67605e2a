"""Many orders at once: one outcome each, in order, whatever becomes of the others."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument, NotConnected
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import clock_of_today
from tests.facade import SOON, Heard, States
from tests.seam import Order, Seam

NewUser = Callable[..., SimTrader]
BUY = {"action": "buy", "security": "600036", "price": 35.0, "amount": 100}
KEYS = ["entrust_no", "outcome", "message", "sent", "client_order_id"]


def outcomes(told: list[dict[str, Any]]) -> list[str]:
    return [each["outcome"] for each in told]


def test_one_refusal_does_not_stop_the_rest(user: SimTrader, terminal: Terminal) -> None:
    told = user.batch(
        [
            BUY,
            {**BUY, "security": "600999"},
            {**BUY, "amount": 150},
            {"action": "sell", "security": "600036", "price": 35.4, "amount": 100},
            {"action": "market_buy", "security": "000001", "amount": 200, "ttype": "对手方最优价格委托"},
            {"action": "market_sell", "security": "600036", "amount": 100},
            {**BUY, "client_order_id": "mine", "remark": "备注", "strategy_name": "网格"},
        ]
    )
    assert outcomes(told) == [
        "accepted",
        "refused",
        "not_sent",
        "accepted",
        "accepted",
        "accepted",
        "accepted",
    ]
    assert [list(each) for each in told] == [KEYS] * 7
    assert [each["sent"] for each in told] == [True, True, False, True, True, True, True]
    assert [each["entrust_no"] > 0 for each in told] == [True, False, False, True, True, True, True]
    assert "600999" in told[1]["message"]
    assert "100" in told[2]["message"]
    assert told[-1]["client_order_id"] == "mine"
    assert [order["order_id"] for order in terminal.orders()] == [
        each["entrust_no"] for each in told if each["entrust_no"] > 0
    ]
    last = user.today_entrusts[-1]
    assert (last["order_remark"], last["strategy_name"]) == ("备注", "网格")
    json.dumps(told)


def test_orders_leave_before_any_answer_is_waited_for(user: SimTrader, seam: Seam) -> None:
    kept: list[Order] = []
    all_here = threading.Event()

    def script(order: Order) -> None:
        kept.append(order)
        if len(kept) == 50:
            all_here.set()

    seam.script = script
    found: list[Any] = []
    sender = threading.Thread(target=lambda: found.extend(user.batch([BUY] * 50)))
    sender.start()
    assert all_here.wait(SOON), "an order waited for another one's answer"
    for order in reversed(kept):
        order.place()
        order.respond()
    sender.join(SOON)
    assert outcomes(found) == ["accepted"] * 50
    assert [each["entrust_no"] for each in found] == [order.payload["order_id"] for order in kept]


def test_a_large_basket(user: SimTrader, terminal: Terminal) -> None:
    told = user.batch([{**BUY, "client_order_id": f"b{at}"} for at in range(1000)])
    assert outcomes(told) == ["accepted"] * 1000
    assert len({each["entrust_no"] for each in told}) == 1000
    assert user.batch([{**BUY, "client_order_id": f"b{at}"} for at in range(1000)]) == told
    assert len(terminal.orders()) == 1000


def test_the_same_id_twice_in_a_basket_is_one_order(user: SimTrader, terminal: Terminal) -> None:
    one = {**BUY, "client_order_id": "a"}
    began = time.monotonic()
    told = user.batch([one, BUY, one, {**one, "amount": 200}, one])
    assert time.monotonic() - began < 5, "it waited for an answer that it had to collect itself"
    assert outcomes(told) == ["accepted", "accepted", "accepted", "not_sent", "accepted"]
    assert told[0] == told[2] == told[4]
    assert len(terminal.orders()) == 2


def test_one_deadline_for_all(new_user: NewUser, seam: Seam, terminal: Terminal) -> None:
    clock = clock_of_today()
    heard = Heard()
    user = new_user(clock=clock)
    user.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    user.connect(call_timeout=1, heartbeat_interval=0)

    def script(order: Order) -> None:
        order.place()
        if len(seam.orders) > 10:
            order.respond()

    seam.script = script
    clock.monotonic = time.monotonic  # type: ignore[method-assign]
    began = time.monotonic()
    told = user.batch([BUY] * 12)
    assert time.monotonic() - began < 8, "each was waited for in turn"
    assert outcomes(told) == ["in_doubt"] * 10 + ["accepted"] * 2
    assert [each["sent"] for each in told[:10]] == [None] * 10
    # Whoever looks first, the supervisor or the line below: they are at the counter, and none stays in doubt.
    assert user.check_in_doubt() == []
    cleared = {row["client_order_id"]: row for row in heard.wait_for("on_doubt", 10)}
    assert [cleared[each["client_order_id"]]["outcome"] for each in told[:10]] == ["accepted"] * 10
    numbers = [cleared[each["client_order_id"]]["entrust_no"] for each in told[:10]]
    assert numbers == [each["order_id"] for each in terminal.orders()[:10]]


def test_a_connection_lost_half_way(new_user: NewUser, terminal: Terminal, seam: Seam) -> None:
    user = new_user()
    user.connect(reconnect_enabled=False)

    def script(order: Order) -> None:
        order.place()
        if len(seam.orders) == 3:
            terminal.faults.disconnect()
            states.wait_for("LOST")
        else:
            order.respond()

    states = States(user)
    seam.script = script
    told = user.batch([BUY] * 6)
    assert outcomes(told)[2:] == ["in_doubt", "not_sent", "not_sent", "not_sent"]
    assert len(terminal.orders()) == 3
    assert all(each["sent"] is False for each in told[3:])


@pytest.mark.parametrize(
    "order",
    [
        None, 5, "buy", [], {}, {"action": "hold"}, {"action": None}, {"action": ["buy"]}, {**BUY, "price": None},
        {**BUY, "amount": "100"}, {**BUY, "security": None}, {"action": "buy"}, {**BUY, "client_order_id": 5},
        {"action": "market_buy", "security": "600036", "amount": 100, "ttype": 5}, {1: 2, **BUY, "amount": 0},
    ],
)  # fmt: skip
def test_what_is_no_order(order: Any, user: SimTrader, terminal: Terminal) -> None:
    bad, good = user.batch([order, BUY])
    assert (bad["outcome"], bad["sent"], bad["entrust_no"]) == ("not_sent", False, -1)
    assert bad["message"]
    assert good["outcome"] == "accepted"
    assert len(terminal.orders()) == 1


@pytest.mark.parametrize("orders", [None, 5, "buy", b"", BUY, True])
def test_what_is_no_basket(orders: Any, user: SimTrader, terminal: Terminal) -> None:
    with pytest.raises(InvalidArgument):
        user.batch(orders)
    assert terminal.orders() == []


def test_other_kinds_of_lists(user: SimTrader, terminal: Terminal) -> None:
    assert user.batch([]) == []
    assert outcomes(user.batch((BUY,))) == ["accepted"]
    assert outcomes(user.batch(dict(BUY) for _ in range(2))) == ["accepted"] * 2  # type: ignore[arg-type]
    assert len(terminal.orders()) == 3
    assert BUY == {"action": "buy", "security": "600036", "price": 35.0, "amount": 100}


def test_without_a_connection(new_user: NewUser) -> None:
    with pytest.raises(NotConnected):
        new_user().batch([BUY])


def test_refusals_are_outcomes_even_where_they_are_raised(new_user: NewUser) -> None:
    user = new_user()
    user.connect(raise_on_reject=True)
    assert outcomes(user.batch([{**BUY, "security": "600999"}, BUY])) == ["refused", "accepted"]


def test_limits_apply_to_each(new_user: NewUser) -> None:
    user = new_user()
    user.connect(risk={"max_day_orders": 2})
    told = user.batch([BUY] * 4)
    assert outcomes(told) == ["accepted", "accepted", "not_sent", "not_sent"]
    assert "max_day_orders" in told[2]["message"]


# --- progress ------------------------------------------------------------------------------------


class Screen:
    """A terminal that keeps what is drawn on it, or goes away."""

    encoding = "utf-8"

    def __init__(self, gone: bool = False) -> None:
        self.drawn = ""
        self._gone = gone

    def isatty(self) -> bool:
        return True

    def write(self, text: str) -> int:
        if self._gone:
            raise BrokenPipeError
        self.drawn += text
        return len(text)

    def flush(self) -> None:
        if self._gone:
            raise BrokenPipeError

    def fileno(self) -> int:
        raise OSError


@pytest.mark.parametrize(("orders", "drawn"), [(300, True), (20, False)])
def test_progress_of_a_long_basket(
    orders: int, drawn: bool, user: SimTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Screen()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen)
    assert outcomes(user.batch([BUY] * orders)) == ["accepted"] * orders
    assert ("下单" in screen.drawn) is drawn


@pytest.mark.parametrize("screen", [None, Screen(gone=True)])
def test_a_console_that_is_not_there_costs_nothing(
    screen: Any, user: SimTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", screen)
    assert outcomes(user.batch([BUY] * 250)) == ["accepted"] * 250


@pytest.mark.parametrize("by", ["this process", "another process"])
def test_the_kill_switch_stops_a_basket_that_is_leaving(
    by: str, new_user: NewUser, terminal: Terminal, seam: Seam, tmp_path: Path
) -> None:
    clock, file = clock_of_today(), tmp_path / "kill"
    user = new_user(clock=clock)
    user.connect(risk={"kill_switch_file": str(file)})

    def script(order: Order) -> None:
        order.place()
        order.respond()
        if len(seam.orders) == 3:
            if by == "this process":
                user.risk.kill("够了")
            else:
                file.write_text("", encoding="utf-8")
                clock.pass_(0.1)

    seam.script = script
    told = user.batch([BUY] * 6)
    assert outcomes(told) == ["accepted"] * 3 + ["not_sent"] * 3
    assert len(terminal.orders()) == 3
    assert all("总开关" in each["message"] for each in told[3:])
    assert user.in_doubt == []
    user.risk.resume()
    assert outcomes(user.batch([BUY])) == ["accepted"]
