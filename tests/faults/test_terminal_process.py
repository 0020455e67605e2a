"""The simulated terminal as its own process: killed, restarted, and still right about orders."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import ConnectError
from easytrader_qmt.sim import link_client
from easytrader_qmt.sim.link_client import RemoteTerminal
from easytrader_qmt.sim.link_home import LinkError
from tests import terminal_process
from tests.facade import Heard, States
from tests.link_peers import ACCOUNT, Told
from tests.terminal_process import BUY, CASH, LIMIT, SELL, Start, Trade

home, start, trade = terminal_process.home, terminal_process.start, terminal_process.trade
pytestmark = pytest.mark.usefixtures("no_leaks")


def test_the_vendors_trader_trades_with_a_terminal_in_another_process(start: Start, trade: Trade) -> None:
    child = start()
    assert "仿真" in child.output
    trader = trade(100)
    assert (trader.connected, trader.subscribed) == (0, 0)
    assert trader.ask(trader.xt.query_stock_asset, trader.account).cash == CASH
    bought = trader.order("600000.SH", BUY, 200, 10.49, "买入")
    assert trader.heard.wait_for("on_stock_trade")[0].traded_volume == 200
    assert trader.orders()[bought].order_remark == "买入"
    resting = trader.order("600000.SH", BUY, 100, 9.6)
    assert trader.ask(trader.xt.cancel_order_stock, trader.account, resting) == 0
    assert trader.orders()[resting].order_status == 54
    refused = trader.order("600000.SH", SELL, 100, 10.47)
    assert refused > 0
    assert "可用" in trader.heard.wait_for("on_order_error")[0].error_msg
    assert trader.order("600000.SH", BUY, 100, float("nan")) > 0
    (held,) = trader.ask(trader.xt.query_stock_positions, trader.account)
    assert (held.stock_code, held.volume, held.can_use_volume) == ("600000.SH", 200, 0)


def test_an_order_placed_by_hand_is_cancelled_by_its_sysid(start: Start, trade: Trade) -> None:
    with start().control() as control:
        trader = trade(100)
        sysid = control.order_by_hand("buy", "000001.SZ", 11.0, 100)
        assert trader.heard.wait_for("on_stock_order")[0].order_id == 0
        assert trader.ask(trader.xt.cancel_order_stock_sysid, trader.account, 1, sysid) == 0
        assert control.orders()[0]["order_status"] == 54


def test_several_clients_share_one_counter(start: Start, trade: Trade) -> None:
    start()
    one, two = trade(100), trade(101)
    assert (one.connected, two.connected) == (0, 0)
    order_id = one.order("600000.SH", BUY, 100, 9.6)
    assert two.heard.wait_for("on_stock_order")[0].order_id == order_id
    one.stop()
    assert list(two.orders()) == [order_id]


def test_a_killed_terminal_is_noticed_and_its_state_is_kept(start: Start, trade: Trade) -> None:
    child = start()
    trader = trade(100)
    resting = trader.order("600000.SH", BUY, 300, 9.6, "还在")
    filled = trader.order("600000.SH", BUY, 100, 10.49)
    trader.heard.wait_for("on_stock_trade")
    child.kill()
    trader.heard.wait_for("on_disconnected")
    assert trader.ask(trader.xt.query_stock_asset, trader.account) is None
    assert trader.order("600000.SH", BUY, 100, 9.6) == -1
    assert trader.ask(trader.xt.connect) == -1

    again = start(seed_cash=5.0)
    with again.control() as control:
        control.market.set("600000", last=9.5)
    back = trade(101)
    assert back.connected == 0
    orders = back.orders()
    assert list(orders) == [resting, filled]
    assert (orders[resting].order_status, orders[resting].order_remark) == (56, "还在")
    assert [one.traded_volume for one in back.ask(back.xt.query_stock_trades, back.account)] == [100, 300]
    assert back.order("600000.SH", BUY, 100, 9.45) > filled


def test_the_facade_comes_back_to_a_restarted_terminal_and_tells_what_it_missed(
    start: Start, home: Path, new_user: Callable[..., Any]
) -> None:
    child = start()
    user = new_user()
    states = States(user)
    user.connect(home, reconnect_interval=0.05)
    resting = user.buy("600000", price=9.6, amount=100)["entrust_no"]
    child.kill()
    states.wait_for("LOST")
    back = States(user)
    trades = Heard()
    user.on("trade", lambda row: trades.keep("trade", row))
    with start().control() as control:
        control.market.set("600000", last=9.5)
        back.wait_for("READY")
        assert trades.wait_for("trade")[0]["order_id"] == resting
    assert [row["order_status_name"] for row in user.today_entrusts] == ["已成"]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_was_said_before_a_kill_is_still_true_after_it(start: Start, home: Path, seed: int) -> None:
    print(f"seed {seed}")
    rng = random.Random(seed)
    child = start()
    remote, told = RemoteTerminal(home), Told()
    assert remote.attach(told, 100)
    account = {"account_id": ACCOUNT, "account_type": 2}
    remote.request(told, "subscribe", 0, account)
    last = rng.randrange(5, 60)
    for seq in range(1, 400):
        buy = {"order_type": BUY, "order_volume": 100 * rng.randrange(1, 5), "price_type": LIMIT}
        row = {**account, **buy, "stock_code": "600000.SH", "price": rng.choice([9.6, 10.49, 10.5])}
        remote.request(told, "orderStock", seq, row)
        if seq == last:
            told.wait_for("answer", "orderStock", rng.randrange(1, last))
            child.kill()
    told.wait_for("dropped", True)

    with start().control() as control:
        orders = {row["order_id"]: row for row in control.orders()}
        trades = {row["traded_id"]: row for row in control.trades()}
    for what, *said in told.said:
        if what == "answer" and said[0] == "orderStock" and said[2]["order_id"] > 0:
            assert said[2]["order_id"] in orders
        elif what == "push" and said[0] == "order":
            kept = orders[said[1]["order_id"]]
            assert kept["traded_volume"] >= said[1]["traded_volume"]
        elif what == "push" and said[0] == "trade":
            assert trades[said[1]["traded_id"]] == said[1]
    traded: dict[int, int] = {}
    for row in trades.values():
        traded[row["order_id"]] = traded.get(row["order_id"], 0) + row["traded_volume"]
    assert traded == {
        row["order_id"]: row["traded_volume"] for row in orders.values() if row["traded_volume"]
    }


def test_days_quotes_and_accounts_survive(start: Start) -> None:
    child = start()
    with child.control() as control:
        control.market.add("600999.SH", name="新股", prev_close=20.0)
        control.market.set("600000", last=10.9)
        control.market.suspend("600519")
        control.trading_hours = True
        control.hold("600036.SH", 500, 30.0)
        control.next_day()
        before = control.market.quote("600000")
        assert before.prev_close == 10.9
        now, days = control.state()["now"], control.days
        assert days >= 1
    child.kill()
    with start().control() as control:
        assert control.market.quote("600000") == before
        assert control.market.quote("600999").last == 20.0
        assert control.days == days
        # The record of the day goes on where the terminal is, not where the machine is.
        assert control.market.ticks("600000.SH")[0].time >= now
        assert control.market.time() >= now
        assert control.now >= now
        assert control.trading_hours is True
        control.trading_hours = False
        control.order_by_hand("sell", "600036.SH", 35.4, 500)
        assert [row["traded_volume"] for row in control.trades()] == [500]
        control.order_by_hand("buy", "600519.SH", 1450.0, 100)
        assert control.orders()[-1]["order_status"] == 57


def test_queries_while_the_terminal_is_away_are_answered_as_it_last_wished(start: Start, home: Path) -> None:
    child = start()
    with child.control() as control:
        control.faults.answer_while_down = "none"
    child.kill()
    assert RemoteTerminal(home).client_settings.answer_while_down == "none"


@pytest.mark.parametrize(
    ("raised", "expected"), [(LinkError("没有回答"), ConnectError), (KeyboardInterrupt(), KeyboardInterrupt)]
)
def test_a_terminal_that_goes_right_after_the_connect_leaves_nothing_open(
    start: Start,
    home: Path,
    new_user: Callable[[], Any],
    monkeypatch: pytest.MonkeyPatch,
    raised: BaseException,
    expected: type[BaseException],
) -> None:
    child = start()
    user = new_user()

    def gone(*_: Any) -> None:
        raise raised

    with monkeypatch.context() as patch:
        patch.setattr(link_client, "control", gone)
        with pytest.raises(expected):
            user.connect(str(home))
    with child.control() as control:
        assert control.clients == 0
    user.connect(str(home))
    assert user.balance[0]["cash"] == CASH
