"""Orders that count as absent or refused and are at the counter after all: found, told, and never placed twice."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from loguru import logger

from easytrader_qmt.errors import JournalError, NotConnected, OrderInDoubt, OrderNotFinal
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.doubtful import NO_MONEY, NewUser, clock, doubtful, outcome_of
from tests.facade import Heard, on_a_thread
from tests.seam import Order, Seam

__all__ = ["clock", "doubtful"]

TIMED_OUT = "请求超时"


@pytest.fixture
def slow(doubtful: SimTrader, seam: Seam, clock: FakeClock) -> Order:
    """An order called absent that is still on its way to the counter."""
    kept: list[Order] = []
    seam.script = kept.append
    with pytest.raises(OrderInDoubt):
        doubtful.buy("600036", 35.0, 100, client_order_id="slow")
    clock.pass_(4)
    assert doubtful.check_in_doubt() == []
    assert outcome_of(doubtful, "slow") == "absent"
    return kept[0]


def again(user: SimTrader) -> dict[str, Any]:
    return user.buy("600036", 35.0, 100, client_order_id="slow")


@pytest.mark.parametrize("how", ["push", "list", "reconnect", "restart"])
def test_an_absent_order_that_arrives_after_all(
    how: str, doubtful: SimTrader, slow: Order, seam: Seam, terminal: Terminal, log: list[str]
) -> None:
    heard = Heard()
    doubtful.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    number = slow.place()
    if how == "push":
        slow.push("order")
    elif how == "reconnect":
        doubtful.reconnect()
        assert doubtful.wait_ready(5)
    elif how == "restart":
        doubtful.exit()
        doubtful.connect(call_timeout=0.3, heartbeat_interval=0)
    if how != "list":
        [event] = heard.wait_for("on_doubt")
        assert (event["outcome"], event["entrust_no"]) == ("accepted", number)
        assert "已报到柜台" in event["message"]
        assert any(line.startswith("ERROR") and "已报到柜台" in line for line in log)
    assert again(doubtful) == {"entrust_no": number}
    assert outcome_of(doubtful, "slow") == "accepted"
    assert len(seam.orders) == len(terminal.orders()) == 1, "placed twice"


def test_nothing_is_sent_again_while_the_counter_cannot_be_asked(
    doubtful: SimTrader, slow: Order, seam: Seam, terminal: Terminal
) -> None:
    terminal.faults.freeze()
    with pytest.raises(NotConnected, match="没能确认") as caught:
        again(doubtful)
    assert caught.value.sent is False
    terminal.faults.thaw()
    assert len(seam.orders) == 1


def test_one_that_never_arrived_goes_out_again(
    doubtful: SimTrader, slow: Order, seam: Seam, terminal: Terminal
) -> None:
    seam.script = None
    answer = again(doubtful)
    assert [order["order_id"] for order in terminal.orders()] == [answer["entrust_no"]]


def test_a_clock_put_forward_proves_nothing(
    doubtful: SimTrader, seam: Seam, terminal: Terminal, clock: FakeClock
) -> None:
    """The system sets its clock by the net while an order is on its way."""
    seam.script = lambda order: None
    with pytest.raises(OrderInDoubt):
        doubtful.buy("600036", 35.0, 100, client_order_id="slow")
    clock.wall += 5
    assert [row["client_order_id"] for row in doubtful.check_in_doubt()] == ["slow"]
    clock.pass_(4)
    assert doubtful.check_in_doubt() == []
    assert outcome_of(doubtful, "slow") == "absent"


@pytest.mark.parametrize("journal", [None, False])
@pytest.mark.parametrize("restart", [False, True])
def test_a_refusal_of_the_terminals_own(
    restart: bool, journal: Any, new_user: NewUser, seam: Seam, terminal: Terminal
) -> None:
    """The terminal gives up on an order that has left: what it says is no refusal of the counter's."""
    heard = Heard()
    user = new_user()
    user.connect(journal=journal)
    user.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    kept: list[Order] = []

    def script(order: Order) -> None:
        order.place()
        order.respond(order_id=-1, error_msg=TIMED_OUT)
        kept.append(order)

    seam.script = script
    assert again(user) == {"entrust_no": -1, "message": TIMED_OUT}
    if restart:
        user.exit()
        user.connect(journal=journal)
    else:
        kept[0].push("order")
    [event] = heard.wait_for("on_doubt")
    assert event["outcome"] == "accepted"
    assert TIMED_OUT in event["message"]
    [order] = terminal.orders()
    assert again(user) == {"entrust_no": order["order_id"]}
    user.exit()
    user.connect(journal=journal)
    [row] = user.today_entrusts
    assert (row["order_status_name"], row["status_msg"]) == ("已报", ""), (
        "shown as refused although it is live"
    )


def test_a_refused_order_stays_refused(user: SimTrader, seam: Seam, terminal: Terminal) -> None:
    """Some counters show an order before they refuse it; that is no proof that it is live."""
    kept: list[Order] = []

    def script(order: Order) -> None:
        order.place()
        order.respond(order_id=-1, error_msg="柜台不收")
        kept.append(order)

    seam.script = script
    assert again(user)["entrust_no"] == -1
    [said] = [event for event in kept[0].events if event.kind == "order"]
    for status in (48, 49, 57):
        kept[0].client.push("order", {**said.fields, "order_status": status})
    assert user.drain()
    assert outcome_of(user, "slow") == "refused"


def test_a_number_of_two_types_is_two_accounts(
    doubtful: SimTrader, seam: Seam, terminal: Terminal, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One 资金账号 may be a 普通 and a 港股通 account: the list of one proves nothing of the other's orders."""
    request = terminal.request

    def as_both(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if fields.get("account_type") == 7 and name.startswith("query") and name != "queryStockAsset":
            client.answer(name, seq, [])
        else:
            changes = {"account_type": 2} if "account_type" in fields else {}
            request(client, name, seq, {**fields, **changes})

    monkeypatch.setattr(terminal, "request", as_both)
    seam.script = lambda order: order.place() and None
    other = doubtful.add_account(doubtful.account.account_id, "HUGANGTONG")
    with pytest.raises(OrderInDoubt):
        doubtful.buy("600036", 35.0, 100, client_order_id="slow")
    clock.pass_(4)
    assert other.in_doubt == other.check_in_doubt() == []
    assert outcome_of(doubtful, "slow") == "in_doubt"
    assert doubtful.check_in_doubt() == []
    assert outcome_of(doubtful, "slow") == "accepted"
    assert len(terminal.orders()) == 1


def unanswered(user: SimTrader, seam: Seam) -> Order:
    """An order in doubt: the counter has taken it, and neither its answer nor its pushes come."""
    kept: list[Order] = []

    def script(order: Order) -> None:
        order.place()
        kept.append(order)

    seam.script = script
    with pytest.raises(OrderInDoubt):
        again(user)
    return kept[0]


# --- the order in which things are heard -----------------------------------------------------------


def heard_by(user: SimTrader) -> Heard:
    heard = Heard()
    user.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    return heard


def test_a_push_before_the_terminals_refusal(user: SimTrader, seam: Seam, terminal: Terminal) -> None:
    """The usual order of a timeout: the order is reported, and the terminal gives up a moment later."""

    def script(order: Order) -> None:
        order.place()
        order.push("order")
        assert user.drain()
        order.respond(order_id=-1, error_msg=TIMED_OUT)

    seam.script = script
    answer = on_a_thread(lambda: again(user))
    [order] = terminal.orders()
    assert answer == {"entrust_no": order["order_id"]}
    assert outcome_of(user, "slow") == "accepted"
    assert again(user) == answer
    assert len(terminal.orders()) == 1


@pytest.mark.parametrize("response", [False, True])
def test_an_error_push_of_the_terminals_own(
    response: bool, doubtful: SimTrader, seam: Seam, terminal: Terminal
) -> None:
    heard, kept = heard_by(doubtful), []

    def script(order: Order) -> None:
        order.place()
        if response:
            order.respond(order_id=-1, error_msg=TIMED_OUT)
        # By its own number the vendor's layer would keep it until the response comes.
        order.push_error(0, TIMED_OUT, seq=0)
        kept.append(order)

    seam.script = script
    assert again(doubtful) == {"entrust_no": -1, "message": TIMED_OUT}
    assert doubtful.drain()
    kept[0].push("order")
    if not response:
        # What a push refused, a push does not undo: they may come late or again. A list does.
        assert doubtful.drain()
        assert heard.of("on_doubt") == []
        doubtful.reconnect()
        assert doubtful.wait_ready(5)
    [event] = heard.wait_for("on_doubt")
    assert event["outcome"] == "accepted"
    [row] = doubtful.today_entrusts
    assert (row["order_status_name"], row["status_msg"]) == ("已报", "")
    with pytest.raises(OrderNotFinal):
        doubtful.wait(row["order_id"], 0.0)


def test_an_error_push_and_the_order_before_the_deadline(
    doubtful: SimTrader, seam: Seam, terminal: Terminal
) -> None:
    """Two pushes that say opposite things, and no response: the later one shows the order at the exchange."""

    def script(order: Order) -> None:
        order.place()
        order.push_error(0, TIMED_OUT, seq=0)
        order.push("order")

    seam.script = script
    answer = again(doubtful)
    assert answer == {"entrust_no": terminal.orders()[0]["order_id"]}
    assert outcome_of(doubtful, "slow") == "accepted"


def test_a_late_refusal_does_not_undo_a_proof(doubtful: SimTrader, seam: Seam) -> None:
    heard, order = heard_by(doubtful), unanswered(doubtful, seam)
    order.push("order")
    heard.wait_for("on_doubt")
    order.respond(order_id=-1, error_msg=TIMED_OUT)
    assert doubtful.drain()
    assert [event["outcome"] for event in heard.of("on_doubt")] == ["accepted"]
    doubtful.exit()
    doubtful.connect(call_timeout=0.3, heartbeat_interval=0)
    assert [row["order_status_name"] for row in doubtful.today_entrusts] == ["已报"]


def test_a_push_while_the_verdict_is_written(
    doubtful: SimTrader, seam: Seam, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: list[Order] = []
    seam.script = kept.append
    with pytest.raises(OrderInDoubt):
        again(doubtful)
    clock.pass_(4)
    find = doubtful._own().journal.find

    def arrives(account: str, name: str) -> Any:
        if not kept[0].payload:
            kept[0].place()
            kept[0].push("order")
            assert doubtful.drain()
        return find(account, name)

    with monkeypatch.context() as patch:
        patch.setattr(doubtful._own().journal, "find", arrives)
        doubtful.check_in_doubt()
    assert outcome_of(doubtful, "slow") == "accepted"


def while_locked(user: SimTrader) -> Callable[..., bool]:
    """The journal's ``finish`` while another program, such as a backup, holds the file."""
    journal: Any = user._own().journal
    finish = journal.finish

    def locked(*args: Any, **words: Any) -> bool:
        other = sqlite3.connect(journal.path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            return bool(finish(*args, **words))
        finally:
            other.execute("ROLLBACK")
            other.close()

    return locked


@pytest.mark.parametrize("push", [False, True])
def test_a_verdict_that_cannot_be_written_is_none(
    push: bool,
    doubtful: SimTrader,
    seam: Seam,
    terminal: Terminal,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A backup holds the file for a moment: an order may not go out again for what only this process believes."""
    heard, kept = heard_by(doubtful), []
    seam.script = kept.append
    with pytest.raises(OrderInDoubt):
        again(doubtful)
    clock.pass_(4)
    with monkeypatch.context() as patch:
        patch.setattr(doubtful._own().journal, "finish", while_locked(doubtful))
        doubtful.check_in_doubt()
    assert outcome_of(doubtful, "slow") == "in_doubt"
    assert heard.of("on_doubt") == []
    number = kept[0].place()
    if push:
        kept[0].push("order")
        assert doubtful.drain()
    seam.script = None
    assert again(doubtful) == {"entrust_no": number}
    assert len(terminal.orders()) == 1


def test_a_journal_that_cannot_be_asked_sends_nothing_again(
    doubtful: SimTrader, slow: Order, seam: Seam, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = slow.place()
    seam.script = None

    def locked(account: str, token: str) -> Any:
        raise JournalError("被占用")

    with monkeypatch.context() as patch:
        patch.setattr(doubtful._own().journal, "find_token", locked)
        with pytest.raises(JournalError):
            again(doubtful)
    assert again(doubtful) == {"entrust_no": number}
    assert len(terminal.orders()) == 1


def test_a_clock_put_forward_keeps_the_next_look_due(
    doubtful: SimTrader, seam: Seam, clock: FakeClock
) -> None:
    seam.script = lambda order: None
    with pytest.raises(OrderInDoubt):
        again(doubtful)
    clock.wall += 5
    assert len(doubtful.check_in_doubt()) == 1
    assert doubtful._own().doubts.due_in() is not None, "nobody would look again by himself"


# --- 废单 is the last word ----------------------------------------------------------------------------


def list_as(terminal: Terminal, patch: pytest.MonkeyPatch, **changes: Any) -> None:
    """The counter's list has these fields in every row from now on; nobody is told."""
    request = terminal.request

    def changed(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "queryStockOrders":
            client.answer(name, seq, [{**row, **changes} for row in terminal.orders()])
        else:
            request(client, name, seq, fields)

    patch.setattr(terminal, "request", changed)


@pytest.mark.parametrize("journal", [None, False])
def test_a_listed_junk_order_outweighs_an_older_push(
    journal: Any,
    new_user: NewUser,
    seam: Seam,
    terminal: Terminal,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The order was shown at the exchange, which refused it; the push that says so was lost."""
    user = new_user(clock=clock)
    user.connect(call_timeout=0.3, heartbeat_interval=0, journal=journal)
    heard = heard_by(user)

    def script(order: Order) -> None:
        order.place()
        order.push("order")
        assert user.drain()

    seam.script = script
    with pytest.raises(OrderInDoubt):
        on_a_thread(lambda: again(user))
    list_as(terminal, monkeypatch, order_status=57, status_msg="交易所拒绝")
    user.check_in_doubt()
    user.drain()
    assert heard.of("on_doubt")[-1]["outcome"] == "refused"
    assert again(user) == {"entrust_no": -1, "message": "交易所拒绝"}
    entry = user._own().journal.find("SIM0000000001", "slow")
    assert entry is not None
    assert entry.outcome == "refused"


def test_a_junk_push_outweighs_pushes_that_come_again(user: SimTrader, seam: Seam) -> None:
    """Pushes may come late, twice, or all once more after a reconnect."""
    kept: list[Order] = []

    def script(order: Order) -> None:
        order.place()
        order.respond(order_id=-1, error_msg="柜台不收")
        kept.append(order)

    seam.script = script
    assert again(user)["entrust_no"] == -1
    [said] = [event for event in kept[0].events if event.kind == "order"]
    for status in (57, 50, 57, 50):
        kept[0].client.push("order", {**said.fields, "order_status": status})
    assert user.drain()
    assert outcome_of(user, "slow") == "refused"
    assert again(user)["entrust_no"] == -1


def test_a_late_refusal_of_an_order_that_was_only_shown_as_pending(doubtful: SimTrader, seam: Seam) -> None:
    """待报 is no proof: some counters show an order before they refuse it."""
    heard, order = heard_by(doubtful), unanswered(doubtful, seam)
    [said] = [event for event in order.events if event.kind == "order"]
    order.client.push("order", {**said.fields, "order_status": 49})
    heard.wait_for("on_doubt")
    order.respond(order_id=-1, error_msg=NO_MONEY)
    first, second = heard.wait_for("on_doubt", 2)
    assert (first["outcome"], second["outcome"]) == ("accepted", "refused")


def test_a_late_refusal_of_an_order_that_a_list_has_shown(doubtful: SimTrader, seam: Seam) -> None:
    heard, order = heard_by(doubtful), unanswered(doubtful, seam)
    assert doubtful.check_in_doubt() == []
    heard.wait_for("on_doubt")
    order.respond(order_id=-1, error_msg=TIMED_OUT)
    doubtful.drain()
    assert [event["outcome"] for event in heard.of("on_doubt")] == ["accepted"]
    doubtful.exit()
    doubtful.connect(call_timeout=0.3, heartbeat_interval=0)
    assert [row["order_status_name"] for row in doubtful.today_entrusts] == ["已报"]


@pytest.mark.parametrize("changes", [{"order_id": 0}, {"order_remark": ""}])
def test_what_may_be_the_absent_order_keeps_its_id_from_going_out(
    changes: dict[str, Any],
    doubtful: SimTrader,
    slow: Order,
    seam: Seam,
    terminal: Terminal,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is listed without a number yet, or with its remark cut: neither proved there nor absent."""
    slow.place()
    seam.script = None
    with monkeypatch.context() as patch:
        list_as(terminal, patch, **changes)
        with pytest.raises(NotConnected, match="没能确认"):
            again(doubtful)
    assert len(terminal.orders()) == 1


def test_a_full_disk_costs_no_outcome(
    doubtful: SimTrader, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The journal cannot be written, and neither can the log, whose sink raises."""

    def full(message: str) -> None:
        raise OSError("No space left on device")

    sink = logger.add(full, catch=False, level="WARNING")
    try:
        with monkeypatch.context() as patch:
            patch.setattr(doubtful._own().journal, "finish", while_locked(doubtful))
            answer = again(doubtful)
        assert answer["entrust_no"] == terminal.orders()[0]["order_id"]
        assert again(doubtful) == answer
    finally:
        logger.remove(sink)
