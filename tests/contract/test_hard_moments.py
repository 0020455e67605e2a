"""Orders in hard moments: an interrupt while the journal waits, a locked file, pushes that say little or too much."""

from __future__ import annotations

import os
import signal
import sqlite3
import threading
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument, InvalidOrder, NotConnected, OrderInDoubt, OrderNotFinal
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.doubtful import NewUser, clock, doubtful, outcome_of
from tests.facade import Heard
from tests.seam import Order, Seam

__all__ = ["clock", "doubtful"]

ORDER = {"action": "buy", "security": "600036", "price": 34.1, "amount": 100}


def again(user: SimTrader, price: float = 35.0) -> dict[str, Any]:
    return user.buy("600036", price, 100, client_order_id="slow")


def in_doubt(user: SimTrader) -> None:
    with pytest.raises(OrderInDoubt):
        again(user)


def silent_order(user: SimTrader, seam: Seam) -> Order:
    """An order that the counter has and nobody has heard of: its response does not come."""
    kept: list[Order] = []

    def script(order: Order) -> None:
        order.place()
        kept.append(order)

    seam.script = script
    in_doubt(user)
    return kept[0]


def absent(user: SimTrader, seam: Seam, clock: FakeClock) -> Order:
    kept: list[Order] = []
    seam.script = kept.append
    in_doubt(user)
    clock.pass_(4)
    assert user.check_in_doubt() == []
    assert outcome_of(user, "slow") == "absent"
    seam.script = None
    return kept[0]


def locked(user: SimTrader) -> sqlite3.Connection:
    """Another program, such as a backup, that holds the journal."""
    other = sqlite3.connect(user._own().journal.path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    return other


def hand_refused(order: Order, kind: str) -> None:
    """The refusal of an order that a person placed at the terminal: without a number, without a remark."""
    if kind == "order_error":
        order.push_error(0, "手工单被拒", order_remark="", seq=0)
        return
    [said] = [event for event in order.events if event.kind == "order"]
    order.client.push(
        "order",
        {**said.fields, "order_id": 0, "order_remark": "", "order_status": 57, "stock_code": "000001.SZ"},
    )


@pytest.mark.parametrize("journal", [None, False])
@pytest.mark.parametrize("kind", ["order", "order_error"])
def test_a_refused_hand_order_is_none_of_ours(
    kind: str, journal: Any, new_user: NewUser, seam: Seam, clock: FakeClock
) -> None:
    user = new_user(clock=clock)
    user.connect(call_timeout=0.3, heartbeat_interval=0, journal=journal)
    order = silent_order(user, seam)
    hand_refused(order, kind)
    assert user.drain()
    assert outcome_of(user, "slow") == "in_doubt"
    clock.pass_(5)
    user.check_in_doubt()
    assert outcome_of(user, "slow") == "accepted"


def test_a_refused_hand_order_while_ours_is_on_its_way(
    doubtful: SimTrader, seam: Seam, terminal: Terminal
) -> None:
    def script(order: Order) -> None:
        order.place()
        hand_refused(order, "order")
        assert doubtful.drain()
        order.respond()

    seam.script = script
    again(doubtful)
    doubtful.exit()
    doubtful.connect(call_timeout=0.3, heartbeat_interval=0)
    assert [row["order_status_name"] for row in doubtful.today_entrusts] == ["已报"]


def test_a_proof_that_cannot_be_written_counts_all_the_same(
    doubtful: SimTrader, seam: Seam, terminal: Terminal, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = absent(doubtful, seam, clock).place()
    connection = doubtful._live()
    ask, held = connection.ask, []

    def asked(name: str, *args: Any) -> Any:
        if name == "query_stock_orders" and not held:
            held.append(locked(doubtful))
        return ask(name, *args)

    monkeypatch.setattr(connection, "ask", asked)
    assert again(doubtful) == {"entrust_no": number}
    held[0].execute("ROLLBACK")
    held[0].close()
    assert len(seam.orders) == len(terminal.orders()) == 1, "placed twice"
    doubtful.buy("600036", 34.0, 100)
    assert outcome_of(doubtful, "slow") == "accepted"


def test_the_kill_switch_turned_on_while_the_counter_is_asked(
    doubtful: SimTrader, seam: Seam, terminal: Terminal, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent(doubtful, seam, clock)
    connection = doubtful._live()
    ask = connection.ask

    def asked(name: str, *args: Any) -> Any:
        doubtful.risk.kill("停")
        return ask(name, *args)

    monkeypatch.setattr(connection, "ask", asked)
    with pytest.raises(InvalidOrder, match="kill_switch"):
        again(doubtful)
    assert terminal.orders() == []
    monkeypatch.undo()
    doubtful.risk.resume()
    assert again(doubtful)["entrust_no"] > 0


def interrupt_while_locked(other: sqlite3.Connection) -> None:
    """Ctrl+C comes while SQLite waits for the file, and the file is free a moment later."""
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start()
    threading.Timer(0.3, other.execute, ("ROLLBACK",)).start()


@pytest.mark.skipif(os.name == "nt", reason="no way to send oneself Ctrl+C alone")
def test_ctrl_c_while_an_intent_waits_for_the_file(new_user: NewUser, seam: Seam, terminal: Terminal) -> None:
    user = new_user()
    user.connect(call_timeout=2, heartbeat_interval=0)
    user.buy("600036", 34.0, 100)
    interrupt_while_locked(locked(user))
    with pytest.raises(KeyboardInterrupt):
        again(user)
    assert len(seam.orders) == 1
    assert again(user)["entrust_no"] > 0
    assert len(terminal.orders()) == 2


@pytest.mark.skipif(os.name == "nt", reason="no way to send oneself Ctrl+C alone")
def test_ctrl_c_while_a_baskets_outcomes_wait_for_the_file(
    new_user: NewUser, seam: Seam, terminal: Terminal
) -> None:
    """What is written after it must not end up in the transaction that was interrupted."""
    user = new_user()
    user.connect(call_timeout=2, heartbeat_interval=0)
    user.buy("600036", 34.0, 100)
    held: list[sqlite3.Connection] = []

    def script(order: Order) -> None:
        order.place()
        if len(seam.orders) == 4:
            held.append(locked(user))
            interrupt_while_locked(held[0])
        order.respond()

    seam.script = script
    with pytest.raises(KeyboardInterrupt):
        user.batch([ORDER, ORDER, ORDER])
    seam.script = None
    first = again(user)
    for_others = held[0].execute("SELECT outcome FROM orders WHERE client_order_id = 'slow'").fetchall()
    held[0].close()
    assert for_others == [("accepted",)]
    assert [one["outcome"] for one in user.batch([ORDER, ORDER])] == ["accepted", "accepted"]
    assert again(user) == first


def test_a_listed_remark_that_cannot_be_read(
    doubtful: SimTrader, seam: Seam, terminal: Terminal, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A foreign order whose remark the broker cut inside a Chinese character keeps no order of ours in doubt."""
    doubtful.buy("600036", 34.0, 100)
    orders = terminal.counter.orders
    cut = {**terminal.orders()[0], "order_id": 0, "order_remark": "网格策略买入一号".encode()[:23]}
    monkeypatch.setattr(terminal.counter, "orders", lambda *args, **words: [cut, *orders(*args, **words)])
    seam.script = lambda order: order.place() and None
    in_doubt(doubtful)
    clock.pass_(5)
    assert doubtful.check_in_doubt() == []
    assert outcome_of(doubtful, "slow") == "accepted"


def test_a_list_undoes_a_refusal_that_was_pushed_after_the_deadline(
    doubtful: SimTrader, seam: Seam, clock: FakeClock
) -> None:
    heard = Heard()
    doubtful.on("in_doubt", lambda row: heard.keep("doubt", row))
    silent_order(doubtful, seam).push_error(0, "请求超时", seq=0)
    assert doubtful.drain()
    assert outcome_of(doubtful, "slow") == "refused"
    doubtful.reconnect()
    assert doubtful.wait_ready(5)
    assert doubtful.drain()
    assert outcome_of(doubtful, "slow") == "accepted"
    assert [row["outcome"] for row in heard.of("doubt")] == ["refused", "accepted"]


def test_a_list_outweighs_an_error_push_after_a_restart(doubtful: SimTrader, seam: Seam) -> None:
    def script(order: Order) -> None:
        order.place()
        order.respond()
        order.push("order")
        order.push_error(0, "请求超时", seq=0)

    seam.script = script
    number = again(doubtful)["entrust_no"]
    assert doubtful.drain()
    doubtful.exit()
    doubtful.connect(call_timeout=0.3, heartbeat_interval=0)
    assert [row["order_status_name"] for row in doubtful.today_entrusts] == ["已报"]
    with pytest.raises(OrderNotFinal):
        doubtful.wait(number, 0.0)


def test_a_response_that_cannot_be_read_leaves_the_order_in_doubt(
    doubtful: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Odd:
        order_id = "A123"

    of_response = "easytrader_qmt.miniqmt.answers.of_response"
    from easytrader_qmt.miniqmt.outcomes import of_response as read

    def script(order: Order) -> None:
        order.place()
        order.respond()

    seam.script = script
    monkeypatch.setattr(of_response, lambda response, *args: read(Odd(), *args))
    with pytest.raises(OrderInDoubt, match="A123"):
        again(doubtful)
    assert [row["client_order_id"] for row in doubtful.in_doubt] == ["slow"]


def test_one_id_for_two_accounts_of_one_number(
    doubtful: SimTrader, seam: Seam, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = terminal.request

    def as_both(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        request(client, name, seq, {**fields, **({"account_type": 2} if "account_type" in fields else {})})

    monkeypatch.setattr(terminal, "request", as_both)
    other = doubtful.add_account(doubtful.account.account_id, "HUGANGTONG")
    again(doubtful)
    with pytest.raises(InvalidOrder, match="另一类账户") as caught:
        again(other)
    assert (caught.value.field, caught.value.sent, len(seam.orders)) == ("client_order_id", False, 1)


@pytest.mark.parametrize("restart", [False, True])
def test_an_absent_order_takes_nothing_of_the_days_limits(
    restart: bool, new_user: NewUser, seam: Seam, terminal: Terminal, clock: FakeClock
) -> None:
    limits = {"max_day_orders": 1, "max_day_notional": 4_000}
    user = new_user(clock=clock)
    user.connect(call_timeout=0.3, heartbeat_interval=0, risk=limits)
    late = absent(user, seam, clock)
    if restart:
        user.exit()
        user.connect(call_timeout=0.3, heartbeat_interval=0, risk=limits)
    assert (user.risk.orders_today, user.risk.notional_today) == (0, 0.0)
    late.place()  # it was only slow
    user.reconnect()
    assert user.wait_ready(5)
    assert user.drain()
    assert (user.risk.orders_today, user.risk.notional_today) == (1, 3500.0)
    with pytest.raises(InvalidOrder, match="max_day_orders"):
        user.buy("600036", 35.0, 100)
    assert len(terminal.orders()) == 1


class TestSettledByHand:
    """What no list can tell any more, a person finds out; until then it may hold back further orders."""

    @pytest.fixture
    def old(self, new_user: NewUser, seam: Seam, clock: FakeClock) -> SimTrader:
        """A trader with an order of yesterday in doubt."""
        user = new_user(clock=clock)
        user.connect(call_timeout=0.3, heartbeat_interval=0, risk={"require_reconciled": True})
        seam.script = lambda order: None
        in_doubt(user)
        seam.script = None
        clock.pass_(86_400)
        [row] = user.check_in_doubt()
        assert "settle_in_doubt" in row["message"]
        with pytest.raises(InvalidOrder, match="settle_in_doubt"):
            user.buy("600036", 35.0, 100)
        return user

    def test_it_was_there(self, old: SimTrader, seam: Seam) -> None:
        old.settle_in_doubt("slow", 1082130999)
        assert old.in_doubt == []
        assert again(old) == {"entrust_no": 1082130999}
        assert len(seam.orders) == 1
        assert old.buy("600036", 35.0, 100)["entrust_no"] > 0

    def test_it_was_not(self, old: SimTrader, terminal: Terminal) -> None:
        old.settle_in_doubt("slow")
        assert [again(old)["entrust_no"]] == [order["order_id"] for order in terminal.orders()]

    @pytest.mark.parametrize("number", [0, -1, True, 1.5, "x"])
    def test_no_number(self, number: Any, old: SimTrader) -> None:
        with pytest.raises(InvalidOrder, match="entrust_no"):
            old.settle_in_doubt("slow", number)
        assert len(old.in_doubt) == 1

    def test_another_id(self, old: SimTrader) -> None:
        with pytest.raises(InvalidArgument, match="in_doubt"):
            old.settle_in_doubt("other")

    def test_before_connect(self, new_user: NewUser) -> None:
        with pytest.raises(NotConnected):
            new_user().settle_in_doubt("slow")
