"""What happened while the connection was down: told once, marked, in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.terminal import STOCK_ACCOUNT
from tests.rig import Rig

NewRig = Callable[..., Rig]

pytestmark = pytest.mark.usefixtures("no_leaks")


# --- what happened meanwhile ------------------------------------------------------------------------


def test_what_happened_while_down_is_told_once_marked_and_in_order(new_rig: NewRig) -> None:
    rig = new_rig(gated=True).connect()
    market = rig.terminal.market
    filled = rig.user.buy("600036", 35.0, 100)["entrust_no"]
    cancelled = rig.user.buy("000001", 11.0, 200)["entrust_no"]
    rig.user.drain()
    before = len(rig.orders())
    order_events = len(rig.heard.of("on_stock_order"))
    rig.terminal.faults.crash()
    rig.pause.until_waiting()  # type: ignore[attr-defined]
    market.set("600036", last=34.9)  # the resting order fills while we are away
    sysid = rig.terminal.order_by_hand("buy", "600000", 10.5, 300)
    other = next(row for row in rig.terminal.orders() if row["order_id"] == cancelled)
    assert other["order_status"] == 50
    rig.terminal.faults.restart()
    rig.pause.let_go()  # type: ignore[attr-defined]
    rig.ready(2)

    trades = rig.news.of("trade")
    assert [(row["order_sysid"] == sysid, row["recovered"]) for row in trades] == [
        (False, True),
        (True, True),
    ]
    assert [row["traded_id"] for row in trades] == rig.counter_trades
    news = rig.news.of("order")[before:]
    assert {(row["order_id"], row["order_status"]) for row in news} == {(filled, 56), (0, 56)}
    assert all(row["recovered"] for row in news)
    assert [row["order_time"] for row in news] == sorted(row["order_time"] for row in news)
    # The callback got the vendor's own objects, as often.
    assert [one.traded_id for one in rig.heard.of("on_stock_trade")] == rig.counter_trades
    assert len(rig.heard.of("on_stock_order")) - order_events == 2
    kinds = [name for name, _ in rig.news.calls if name in ("order", "trade", "state READY")]
    assert kinds[-5:] == ["state READY", "order", "order", "trade", "trade"]


def test_a_cancel_while_down_is_told_once(rig: Rig) -> None:
    number = rig.user.buy("600036", 30.0 + 3, 100)["entrust_no"]
    rig.user.drain()
    told = len(rig.orders())

    def cancel_at_the_counter(seconds: float) -> None:
        with rig.terminal._lock:
            rig.terminal.counter.cancel(STOCK_ACCOUNT, number, now=rig.terminal.now)
        rig.terminal.faults.restart()

    rig.pause.before_wait = cancel_at_the_counter
    rig.outage(rig.terminal.faults.crash)
    assert rig.orders()[told:] == [(number, 54, True)]
    for _ in range(3):
        rig.outage()
        rig.terminal.faults.replay_pushes()
    rig.user.drain()
    assert rig.orders()[told:] == [(number, 54, True)]


def test_nothing_is_told_twice_over_many_reconnects_and_replays(rig: Rig) -> None:
    faults = rig.terminal.faults
    faults.duplicate, faults.reorder = 2, True
    expected = 0
    for round_ in range(12):
        rig.user.buy("600036", 35.5, 100)
        expected += 1
        if round_ % 3 == 0:
            faults.disconnect(notify=False)
            rig.terminal.order_by_hand("buy", "000001", 11.4, 100)
            expected += 1
            rig.outage(rig.user.reconnect)
        else:
            rig.outage()
        faults.replay_pushes()
    rig.user.drain()
    told = [number for number, _ in rig.trades()]
    assert sorted(told) == sorted(rig.counter_trades)
    assert len(told) == expected
    steps: dict[Any, list[int]] = {}
    for row in rig.news.of("order"):
        steps.setdefault((row["order_id"], row["order_sysid"] if not row["order_id"] else ""), []).append(
            row["traded_volume"]
        )
    assert all(volumes == sorted(volumes) for volumes in steps.values())
    assert all(len(volumes) <= 3 for volumes in steps.values())


def test_pushes_that_come_before_ready_wait_for_it(rig: Rig) -> None:
    """A trade is pushed between the subscription and the snapshot's last answer: told once, after READY."""
    request = rig.terminal.request

    def trade_while_asked(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        request(client, name, seq, fields)
        if name == "queryStockTrades":
            rig.terminal.order_by_hand("buy", "600036", 35.5, 100)

    rig.terminal.request = trade_while_asked  # type: ignore[method-assign]
    seen: list[str] = []
    rig.user.on("trade", lambda row: seen.append(str(rig.user.state)))
    rig.outage()
    rig.news.wait_for("trade")
    rig.user.drain()
    assert [number for number, _ in rig.trades()] == rig.counter_trades
    assert seen == ["READY"]


def test_the_first_connect_tells_nothing_of_what_was_there(terminal: Terminal, new_rig: NewRig) -> None:
    terminal.order_by_hand("buy", "600036", 35.5, 100)
    rig = new_rig().connect()
    assert rig.trades() == []
    rig.outage()
    terminal.faults.replay_pushes()
    rig.user.drain()
    assert (rig.trades(), rig.orders()) == ([], [])


def test_what_was_pushed_before_it_gave_up_is_told_all_the_same(rig: Rig) -> None:
    """A terminal that takes subscriptions, pushes, and never answers the queries."""
    rig.user.exit()
    rig.connect(max_reconnect_attempts=1, call_timeout=0.1)
    request = rig.terminal.request

    def push_and_swallow(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "queryStockOrders":
            rig.terminal.order_by_hand("buy", "600036", 35.5, 100)
            return
        request(client, name, seq, fields)

    rig.terminal.request = push_and_swallow  # type: ignore[method-assign]
    rig.terminal.faults.disconnect()
    rig.wait_state("GAVE_UP")
    rig.news.wait_for("trade")
    rig.terminal.request = request  # type: ignore[method-assign]
    rig.user.reconnect()
    rig.news.wait_for("state READY", 3)
    rig.user.drain()
    assert [number for number, _ in rig.trades()] == rig.counter_trades


def test_an_account_added_later_is_primed_by_itself(rig: Rig) -> None:
    terminal, connection = rig.terminal, rig.user._connection
    assert connection is not None
    terminal.counter.open_account("SIM0000000077", 2, cash=1e6)
    terminal.order_by_hand("buy", "600036", 35.5, 100, account_id="SIM0000000077")
    added = rig.user.add_account("SIM0000000077")
    rows: list[dict[str, Any]] = []
    rig.user.on("trade", rows.append)
    added.on("trade", rows.append)
    rig.user.drain()
    assert rows == [], "what it already had is not news"
    terminal.order_by_hand("buy", "600036", 35.5, 200, account_id="SIM0000000077")
    added.drain()

    def meanwhile(seconds: float) -> None:
        terminal.order_by_hand("buy", "600036", 35.5, 300, account_id="SIM0000000077")
        terminal.order_by_hand("buy", "600036", 35.5, 400)
        terminal.faults.restart()

    rig.pause.before_wait = meanwhile
    rig.outage(terminal.faults.crash)
    assert [(row["account_id"], row["traded_volume"], row["recovered"]) for row in rows] == [
        ("SIM0000000077", 200, False), (STOCK_ACCOUNT, 400, True), ("SIM0000000077", 300, True),
    ]  # fmt: skip
    terminal.settings.open_unknown_accounts = False
    with pytest.raises(Exception, match="订阅账户失败"):
        rig.user.add_account("9999")
    assert [account.account_id for account in connection.accounts] == [STOCK_ACCOUNT, "SIM0000000077"]
