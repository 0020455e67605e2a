"""A client order id that is used again: its first outcome is told, whatever has changed since it left."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidOrder, JournalError, NotConnected, OrderInDoubt
from easytrader_qmt.journal import Journal
from easytrader_qmt.quotes import DayQuote
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.contract.test_client_order_ids import intent_of
from tests.doubtful import NewUser, clock
from tests.facade import SOON
from tests.seam import Seam

__all__ = ["clock"]

BUY = {"action": "buy", "security": "600036", "price": 35.0, "amount": 100}


@dataclass
class Day:
    """A quote source that says what it is told to say."""

    quote: DayQuote | None

    def day_quote(self, stock_code: str) -> DayQuote | None:
        return self.quote


def test_an_odd_lot_that_was_sold(user: SimTrader, terminal: Terminal) -> None:
    terminal.hold("600036", 150, 30.0)
    price = terminal.market.quote("600036").lower_limit
    answer = user.sell("600036", price, 50, client_order_id="x")
    assert [row["can_use_volume"] for row in user.position] == [100]
    assert user.sell("600036", price, 50, client_order_id="x") == answer
    order = {"action": "sell", "security": "600036", "price": price, "amount": 50, "client_order_id": "x"}
    assert user.batch([order])[0]["entrust_no"] == answer["entrust_no"]
    with pytest.raises(InvalidOrder, match="零股"):
        user.sell("600036", price, 50, client_order_id="y")
    for other in (51, -50, "abc", 1.5):
        with pytest.raises(InvalidOrder) as caught:
            user.sell("600036", price, other, client_order_id="x")  # type: ignore[arg-type]
        assert caught.value.field == "amount"
    assert len(terminal.orders()) == 1


@pytest.mark.parametrize("now", [DayQuote(25.0, 38.0, 30.0, False), DayQuote(30.0, 40.0, 35.0, True)])
def test_after_the_limits_moved_or_the_stock_was_suspended(
    now: DayQuote, new_user: NewUser, terminal: Terminal
) -> None:
    day = Day(DayQuote(30.0, 40.0, 35.0, False))
    user = new_user()
    user.connect(quotes=day)
    first = user.buy("600036", 39.0, 100, client_order_id="x")
    market = user.market_buy("600036", 100, client_order_id="m")
    user.exit()
    day.quote = now
    user.connect(quotes=day)
    assert user.buy("600036", 39.0, 100, client_order_id="x") == first
    assert user.market_buy("600036", 100, client_order_id="m") == market
    with pytest.raises(InvalidOrder):
        user.buy("600036", 39.0, 100, client_order_id="y")
    assert len(terminal.orders()) == 2


def test_a_market_order_without_the_quotes_it_had(new_user: NewUser, terminal: Terminal) -> None:
    user = new_user()
    user.connect(quotes=Day(DayQuote(30.0, 40.0, 35.0, False)))
    first = user.market_buy("600036", 100, client_order_id="m")
    user.exit()
    user.connect(quotes=False)
    assert user.market_buy("600036", 100, client_order_id="m") == first
    with pytest.raises(InvalidOrder, match="保护限价"):
        user.market_buy("600036", 100, client_order_id="n")
    assert len(terminal.orders()) == 1


def test_a_twin_in_a_basket_asks_what_the_last_one_became(
    user: SimTrader, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first is not sent, the second is: every further one gets its answer without waiting in vain."""
    send, sent = user._own().desk.send, []

    def failing_once(request: Any) -> Any:
        sent.append(request)
        if len(sent) == 1:
            raise InvalidOrder("太快", field="risk", value=1, rule="rate")
        return send(request)

    monkeypatch.setattr(user._own().desk, "send", failing_once)
    began = time.monotonic()
    told = user.batch([{**BUY, "client_order_id": "a"}] * 6)
    assert time.monotonic() - began < 5
    assert [each["outcome"] for each in told] == ["not_sent"] + ["accepted"] * 5
    assert len(terminal.orders()) == 1


def test_the_kill_switch_is_looked_at_after_a_wait(
    user: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another caller's order under the id fails; by then the switch is on, so this one must not leave."""
    journal = user._own().journal
    key = journal.begin(intent_of(user, "a")).key
    find, looks = journal.find, [0]
    found: list[Any] = []

    def finish_then_find(account: str, name: str) -> Any:
        looks[0] += 1
        if looks[0] == 1:
            return None  # looked just before the other began
        if not user.risk.killed:
            user.risk.kill("停")
            journal.finish(key, "not_sent", message="连接断开")
        return find(account, name)

    monkeypatch.setattr(journal, "find", finish_then_find)

    def buy() -> None:
        with pytest.raises(InvalidOrder) as caught:
            user.buy("600036", 35.0, 100, client_order_id="a")
        found.append(caught.value.rule)

    buyer = threading.Thread(target=buy)
    buyer.start()
    buyer.join(SOON)
    assert found == ["kill_switch_file"]
    assert seam.orders == []
    assert [entry.outcome for entry in journal.attempts("SIM0000000001", "a")] == ["not_sent", "not_sent"]


def test_positions_are_asked_for_once_for_a_basket(
    new_user: NewUser, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A terminal that does not answer must not cost every odd lot of a basket a deadline of its own."""
    asked: list[str] = []
    request = terminal.request

    def counted(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        asked.append(name)
        request(client, name, seq, fields)

    user = new_user()
    user.connect(call_timeout=0.3, heartbeat_interval=0)
    monkeypatch.setattr(terminal, "request", counted)
    odd = {"action": "sell", "security": "600036", "price": 35.0, "amount": 50}
    terminal.faults.freeze()
    told = user.batch([odd] * 10)
    assert [each["outcome"] for each in told] == ["not_sent"] * 10
    assert asked.count("queryStockPositions") <= 2, "a read may be tried twice"
    terminal.faults.thaw()


def test_an_array_without_a_dimension_is_no_basket(user: SimTrader, seam: Seam) -> None:
    import numpy as np

    from easytrader_qmt.errors import InvalidArgument

    with pytest.raises(InvalidArgument, match="篮子"):
        user.batch(np.array(100))
    assert seam.orders == []


# --- an order that could not leave now is told of, and never sent --------------------------------------


def refused_now(user: SimTrader, clock: FakeClock, day: Day) -> None:
    """The stock is suspended and its limits have moved, and the order in doubt can be proved absent."""
    day.quote = DayQuote(20.0, 30.0, 25.0, True)
    user.exit()
    user.connect(quotes=day, call_timeout=0.3, heartbeat_interval=0)
    clock.pass_(4)


@pytest.mark.parametrize("verb", ["buy", "market_buy", "batch"])
def test_an_order_in_doubt_is_not_sent_past_the_checks(
    verb: str, new_user: NewUser, seam: Seam, clock: FakeClock
) -> None:
    day = Day(DayQuote(30.0, 40.0, 35.0, False))
    user = new_user(clock=clock)
    user.connect(quotes=day, call_timeout=0.3, heartbeat_interval=0)
    calls: dict[str, Any] = {
        "buy": lambda: user.buy("600036", 39.0, 100, client_order_id="x"),
        "market_buy": lambda: user.market_buy("600036", 100, protect_price=40.0, client_order_id="x"),
        "batch": lambda: user.batch([{**BUY, "price": 39.0, "client_order_id": "x"}]),
    }
    seam.script = lambda order: None
    if verb == "batch":
        assert calls[verb]()[0]["outcome"] == "in_doubt"
    else:
        with pytest.raises(OrderInDoubt):
            calls[verb]()
    refused_now(user, clock, day)
    seam.script = None
    if verb == "batch":
        assert calls[verb]()[0]["outcome"] == "in_doubt"
        assert user.check_in_doubt() == []
        assert calls[verb]()[0]["outcome"] == "not_sent"
    else:
        with pytest.raises(OrderInDoubt):
            calls[verb]()
        assert user.check_in_doubt() == []
        with pytest.raises(InvalidOrder, match="停牌"):
            calls[verb]()
    assert len(seam.orders) == 1


def test_an_id_that_is_none_is_refused_as_ever(user: SimTrader, terminal: Terminal) -> None:
    user.buy("600036", 35.0, 100)  # so that there is a journal
    bad = "\ud800"
    for amount in (100, 101):
        with pytest.raises(InvalidOrder):
            user.buy("600036", 35.0, amount, client_order_id=bad)
    told = user.batch([BUY, {**BUY, "client_order_id": bad}, {**BUY, "amount": 101, "client_order_id": bad}])
    assert [each["outcome"] for each in told] == ["accepted", "not_sent", "not_sent"]
    assert len(terminal.orders()) == 2


def test_an_invalid_order_is_invalid_whatever_the_journal_says(
    user: SimTrader, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locked(account: str, name: str) -> Any:
        raise JournalError("被占用")

    monkeypatch.setattr(user._own().journal, "find", locked)
    with pytest.raises(InvalidOrder):
        user.buy("600036", 35.0, 101, client_order_id="q")
    told = user.batch([BUY, {**BUY, "amount": 101, "client_order_id": "q"}])
    assert [each["outcome"] for each in told] == ["accepted", "not_sent"]


def test_another_attempt_counts_with_its_worth(
    new_user: NewUser, seam: Seam, terminal: Terminal, clock: FakeClock
) -> None:
    """A market order in doubt is proved absent by the very call that repeats it."""
    user = new_user(clock=clock)
    user.connect(call_timeout=0.3, heartbeat_interval=0, risk={"max_day_notional": 1e6})
    seam.script = lambda order: None
    with pytest.raises(OrderInDoubt):
        user.market_buy("000001", 100, client_order_id="m")
    clock.pass_(4)
    seam.script = None
    user.market_buy("000001", 100, client_order_id="m")
    entry = user._own().journal.find("SIM0000000001", "m")
    assert entry is not None
    assert (entry.outcome, entry.notional) == ("accepted", pytest.approx(100 * 11.36, rel=0.1))
    assert len(terminal.orders()) == 1


def test_without_a_connection_an_id_that_left_is_not_called_unsent(
    new_user: NewUser, terminal: Terminal, clock: FakeClock
) -> None:
    """ "Not sent, safe to send again" would be true of the call and false of the order."""
    user = new_user(clock=clock)
    user.connect(call_timeout=0.3, heartbeat_interval=0, reconnect_enabled=False)
    first = user.buy("600036", 35.0, 100, client_order_id="x")
    terminal.faults.lose_responses(1)
    with pytest.raises(OrderInDoubt):
        user.buy("600036", 34.0, 100, client_order_id="y")
    terminal.faults.disconnect()
    assert user.drain()
    assert user.buy("600036", 35.0, 100, client_order_id="x") == first
    with pytest.raises(OrderInDoubt) as caught:
        user.buy("600036", 34.0, 100, client_order_id="y")
    assert caught.value.sent is None
    for other in ({}, {"client_order_id": "z"}):
        with pytest.raises(NotConnected) as refused:
            user.buy("600036", 35.0, 100, **other)
        assert refused.value.sent is False
    assert len(terminal.orders()) == 2


class TestTheJournalIsLost:
    """With a power failure, a folder or a computer; the remarks at the counter are still there for the day."""

    @pytest.fixture
    def lost(self, new_user: NewUser, terminal: Terminal) -> SimTrader:
        """A trader whose order "x" the journal does not know, nor "refused"."""
        user = new_user()
        user.connect()
        user.buy("600036", 35.0, 100, client_order_id="x")
        user.market_buy("600036", 100, protect_price=36.0, client_order_id="m")
        user.sell("600519", 1462.5, 100, client_order_id="refused")
        journal = user._own().journal
        assert isinstance(journal, Journal)
        user.exit()
        for left in Path(journal.path).parent.glob("journal.sqlite3*"):
            left.unlink()
        again = new_user()
        again.connect()
        return again

    def test_the_order_is_found_by_its_remark(
        self, lost: SimTrader, terminal: Terminal, log: list[str]
    ) -> None:
        numbers = [row["order_id"] for row in terminal.orders()]
        assert lost.buy("600036", 35.0, 100, client_order_id="x") == {"entrust_no": numbers[0]}
        assert [line for line in log if "不在委托日志里" in line and "'x'" not in line]
        assert lost.market_buy("600036", 100, protect_price=36.0, client_order_id="m") == {
            "entrust_no": numbers[1]
        }
        refused = lost.sell("600519", 1462.5, 100, client_order_id="refused")
        assert refused["entrust_no"] == -1
        assert "251005" in refused["message"]
        log.clear()
        assert lost.buy("600036", 35.0, 100, client_order_id="x") == {"entrust_no": numbers[0]}
        assert not [line for line in log if "不在委托日志里" in line], "the journal knows it now"
        assert len(terminal.orders()) == len(numbers)

    @pytest.mark.parametrize(
        "terms", [("buy", "600036", 34.9, 100), ("buy", "600036", 35.0, 200), ("buy", "000001", 11.0, 100)]
    )
    def test_another_order_under_its_id_is_refused(
        self, terms: tuple[Any, ...], lost: SimTrader, terminal: Terminal
    ) -> None:
        verb, *rest = terms
        before = len(terminal.orders())
        with pytest.raises(InvalidOrder, match="不在委托日志里") as caught:
            getattr(lost, verb)(*rest, client_order_id="x")
        assert (caught.value.field, caught.value.sent) == ("client_order_id", False)
        assert lost.in_doubt == []
        assert lost.buy("600036", 35.0, 100, client_order_id="x")["entrust_no"] > 0
        assert len(terminal.orders()) == before

    def test_a_new_id_is_sent(self, lost: SimTrader, terminal: Terminal) -> None:
        before = len(terminal.orders())
        assert lost.buy("600036", 35.0, 100, client_order_id="new")["entrust_no"] > 0
        assert len(terminal.orders()) == before + 1

    def test_a_list_of_another_day_tells_nothing(
        self, lost: SimTrader, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A terminal that has not started anew yet: whoever uses ids anew each day means another order."""
        orders = terminal.counter.orders

        def of_yesterday(*args: Any, **words: Any) -> list[dict[str, Any]]:
            return [{**row, "order_time": row["order_time"] - 86_400} for row in orders(*args, **words)]

        monkeypatch.setattr(terminal.counter, "orders", of_yesterday)
        lost.reconnect()
        assert lost.wait_ready(SOON)
        before = len(terminal.orders())
        assert lost.buy("600036", 35.0, 100, client_order_id="x")["entrust_no"] > 0
        assert len(terminal.orders()) == before + 1
