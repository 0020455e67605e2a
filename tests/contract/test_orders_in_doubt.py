"""Orders sent and not answered: in doubt, until the counter, a push or a late answer tells; told once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from loguru import logger

from easytrader_qmt.errors import OrderInDoubt, OrderRejected
from easytrader_qmt.miniqmt import answers, desk
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.doubtful import NO_MONEY, NewUser, clock, doubtful, interrupted, outcome_of
from tests.facade import SOON, Heard
from tests.seam import Order, Seam

__all__ = ["clock", "doubtful"]


def silently(order: Order) -> None:
    """The counter takes the order, and neither its answer nor its pushes come."""
    order.place()


def test_a_lost_response_of_an_order_that_arrived(
    doubtful: SimTrader, terminal: Terminal, seam: Seam
) -> None:
    heard = Heard()
    doubtful.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    seam.script = silently
    with pytest.raises(OrderInDoubt) as caught:
        doubtful.buy("600036", 35.0, 100, client_order_id="d", remark="网格第三层")
    assert (caught.value.sent, caught.value.client_order_id) == (None, "d")
    [order] = terminal.orders()
    assert order["order_remark"] == caught.value.remark
    [row] = doubtful.in_doubt
    assert (row["client_order_id"], row["stock_code"], row["amount"]) == ("d", "600036.SH", 100)
    assert (row["remark"], row["sent_remark"]) == ("网格第三层", caught.value.remark)
    assert doubtful.check_in_doubt() == []
    [event] = heard.wait_for("on_doubt")
    assert (event["outcome"], event["entrust_no"]) == ("accepted", order["order_id"])
    assert doubtful.buy("600036", 35.0, 100, client_order_id="d", remark="网格第三层") == {
        "entrust_no": order["order_id"]
    }
    assert len(terminal.orders()) == 1


def test_a_lost_response_of_an_order_that_did_not_arrive(
    doubtful: SimTrader, terminal: Terminal, clock: FakeClock
) -> None:
    heard = Heard()
    doubtful.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    terminal.faults.lose_responses(1, placed=False)
    with pytest.raises(OrderInDoubt):
        doubtful.buy("600036", 35.0, 100, client_order_id="d")
    answer = doubtful.buy("600036", 35.0, 100, client_order_id="d")
    assert clock.slept[-1] == pytest.approx(3.0, abs=0.1), "absence proves nothing before it can have arrived"
    [order] = terminal.orders()
    assert answer == {"entrust_no": order["order_id"]}
    [event] = heard.wait_for("on_doubt")
    assert event["outcome"] == "absent"


def test_a_bare_minus_one_of_an_order_that_is_live_doubles_nothing(
    doubtful: SimTrader, terminal: Terminal
) -> None:
    terminal.faults.deny_orders(1)
    with pytest.raises(OrderInDoubt) as caught:
        doubtful.buy("600036", 35.0, 100, client_order_id="d")
    assert caught.value.sent is None
    answer = doubtful.buy("600036", 35.0, 100, client_order_id="d")
    [order] = terminal.orders()
    assert answer == {"entrust_no": order["order_id"]}
    assert outcome_of(doubtful, "d") == "accepted"


def test_a_push_settles_a_doubt(doubtful: SimTrader, seam: Seam) -> None:
    heard = Heard()
    doubtful.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    kept: list[Order] = []

    def script(order: Order) -> None:
        order.place()
        kept.append(order)

    seam.script = script
    for verb, price in (("buy", 35.0), ("sell", 35.4)):  # the second is refused: there is nothing to sell
        with pytest.raises(OrderInDoubt):
            getattr(doubtful, verb)("600036", price, 100)
    for order in kept:
        order.push("order")
    first, second = heard.wait_for("on_doubt", 2)
    assert (first["outcome"], first["entrust_no"]) == ("accepted", kept[0].payload["order_id"])
    assert second["outcome"] == "refused"
    assert "251005" in second["message"]
    assert doubtful.in_doubt == []


def test_a_connection_lost_while_an_order_is_under_way(
    new_user: NewUser, seam: Seam, terminal: Terminal
) -> None:
    heard = Heard()
    user = new_user()
    user.connect(reconnect_interval=0)
    user.on("in_doubt", lambda row: heard.keep("on_doubt", {**row, "state": str(user.state)}))

    def script(order: Order) -> None:
        order.place()
        terminal.faults.disconnect()

    seam.script = script
    with pytest.raises(OrderInDoubt):
        user.buy("600036", 35.0, 100)
    [event] = heard.wait_for("on_doubt")
    assert (event["outcome"], event["entrust_no"]) == ("accepted", terminal.orders()[0]["order_id"])
    assert event["state"] == "READY", "a handler's own calls must find a connection"
    assert user.in_doubt == []


@pytest.mark.parametrize(("placed", "outcome"), [(True, "accepted"), (False, "refused")])
def test_a_late_answer_settles_the_doubt(placed: bool, outcome: str, doubtful: SimTrader, seam: Seam) -> None:
    heard = Heard()
    doubtful.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    kept: list[Order] = []
    seam.script = kept.append
    with pytest.raises(OrderInDoubt):
        doubtful.buy("600036", 35.0, 100, client_order_id="d", remark="晚到")
    assert len(doubtful.in_doubt) == 1
    if placed:
        number = kept[0].place()
        kept[0].respond()
    else:
        number = 0
        kept[0].respond(order_id=-1, error_msg=NO_MONEY)
    [event] = heard.wait_for("on_doubt")
    assert (event["outcome"], event["entrust_no"], event["remark"]) == (outcome, number, "晚到")
    assert doubtful.in_doubt == []
    assert doubtful.check_in_doubt() == []
    assert len(heard.of("on_doubt")) == 1, "a doubt is cleared up once"
    assert outcome_of(doubtful, "d") == outcome


def test_an_interrupted_wait_is_a_doubt(
    doubtful: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl+C in a notebook while the answer is awaited: the order is neither lost nor called anything."""
    heard = Heard()
    doubtful.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    kept: list[Order] = []
    seam.script = kept.append

    with monkeypatch.context() as patch:
        patch.setattr(answers, "settled", interrupted)
        with pytest.raises(KeyboardInterrupt):
            doubtful.buy("600036", 35.0, 100, client_order_id="one")
        with pytest.raises(KeyboardInterrupt):
            doubtful.batch([{"action": "buy", "security": "600036", "price": 35.0, "amount": 100}] * 2)
    assert len(doubtful.in_doubt) == 3
    for order in kept:
        order.place()
        order.respond()
    assert {event["outcome"] for event in heard.wait_for("on_doubt", 3)} == {"accepted"}
    assert doubtful.in_doubt == []


def test_what_the_vendors_layer_raises_is_a_doubt(
    doubtful: SimTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> int:
        raise RuntimeError("native")

    monkeypatch.setattr(doubtful.trader, "order_stock_async", broken)
    with pytest.raises(OrderInDoubt, match="native"):
        doubtful.buy("600036", 35.0, 100)
    assert len(doubtful.in_doubt) == 1


def test_a_doubt_is_told_once(doubtful: SimTrader, seam: Seam) -> None:
    heard = Heard()
    doubtful.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    seam.script = silently
    with pytest.raises(OrderInDoubt):
        doubtful.buy("600036", 35.0, 100)
    lookers = [threading.Thread(target=doubtful.check_in_doubt) for _ in range(8)]
    for looker in lookers:
        looker.start()
    for looker in lookers:
        looker.join(SOON)
    doubtful.drain()
    assert len(heard.of("on_doubt")) == 1


@pytest.mark.parametrize("raises", [False, True])
def test_a_refusal_pushed_before_the_deadline_is_the_answer(
    raises: bool, new_user: NewUser, terminal: Terminal, clock: FakeClock
) -> None:
    """The response is lost, the counter's 废单 is not: nobody is left waiting for a doubt to be cleared up."""
    heard = Heard()
    user = new_user(clock=clock)
    user.connect(call_timeout=0.5, heartbeat_interval=0, raise_on_reject=raises)
    user.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    terminal.faults.lose_responses(1)
    if raises:
        with pytest.raises(OrderRejected) as caught:
            user.sell("600519", 1462.5, 100, client_order_id="k")
        assert caught.value.code == "251005"
    else:
        answer = user.sell("600519", 1462.5, 100, client_order_id="k")
        assert answer["entrust_no"] == -1
        assert "251005" in answer["message"]
        assert user.sell("600519", 1462.5, 100, client_order_id="k") == answer
    assert user.in_doubt == []
    assert outcome_of(user, "k") == "refused"
    assert user.check_in_doubt() == []
    user.drain()
    assert heard.of("on_doubt") == []


def test_a_basket_knows_a_pushed_refusal_too(doubtful: SimTrader, terminal: Terminal) -> None:
    terminal.faults.lose_responses(2)
    told = doubtful.batch(
        [
            {"action": "sell", "security": "600519", "price": 1462.5, "amount": 100},
            {"action": "buy", "security": "600036", "price": 35.0, "amount": 100},
        ]
    )
    assert [each["outcome"] for each in told] == ["refused", "in_doubt"]
    assert "251005" in told[0]["message"]


def test_a_refusal_that_is_pushed_with_a_bare_minus_one(doubtful: SimTrader, seam: Seam) -> None:
    """The vendor's layer lets the error through after the response: the reason may come a moment late."""
    heard = Heard()
    doubtful.on("in_doubt", lambda row: heard.keep("on_doubt", row))

    def script(order: Order) -> None:
        order.push_error(0, "[COUNTER] [251005] [证券可用数量不足]")
        order.respond(order_id=-1, error_msg="")

    seam.script = script
    try:
        answer = doubtful.sell("600519", 1462.5, 100, client_order_id="k")
        assert "251005" in answer["message"]
    except OrderInDoubt:
        [event] = heard.wait_for("on_doubt")
        assert event["outcome"] == "refused"
    doubtful.drain()
    assert outcome_of(doubtful, "k") == "refused"
    assert doubtful.in_doubt == []


def test_why_a_doubt_stays_is_told(
    doubtful: SimTrader, terminal: Terminal, clock: FakeClock, log: list[str]
) -> None:
    terminal.faults.lose_responses(1, placed=False)
    with pytest.raises(OrderInDoubt):
        doubtful.buy("600036", 35.0, 100, client_order_id="a")
    terminal.order_by_hand("buy", "600036", 35.0, 100)
    clock.pass_(10)
    [row] = doubtful.check_in_doubt()
    assert "人工核对" in row["message"]
    assert any("仍然未知" in line and "人工核对" in line for line in log)
    with pytest.raises(OrderInDoubt, match="人工核对"):
        doubtful.buy("600036", 35.0, 100, client_order_id="a")


def test_a_late_response_does_not_unsay_a_refusal(doubtful: SimTrader, seam: Seam) -> None:
    """The 废单 is pushed in time and told; the number that comes after the deadline is no acceptance."""
    heard, kept = Heard(), list[Order]()
    doubtful.on("in_doubt", lambda row: heard.keep("on_doubt", row))

    def script(order: Order) -> None:
        order.place()
        order.push("order")
        kept.append(order)

    seam.script = script
    answer = doubtful.sell("600519", 1462.5, 100, client_order_id="k")
    assert answer["entrust_no"] == -1
    kept[0].respond()
    doubtful.drain()
    assert heard.of("on_doubt") == []
    assert outcome_of(doubtful, "k") == "refused"
    assert doubtful.sell("600519", 1462.5, 100, client_order_id="k") == answer
    assert len(seam.orders) == 1


def test_a_doubt_whose_moment_passed_unseen_is_looked_at_again(
    doubtful: SimTrader, terminal: Terminal, clock: FakeClock
) -> None:
    terminal.faults.lose_responses(1, placed=False)
    with pytest.raises(OrderInDoubt):
        doubtful.buy("600036", 35.0, 100)
    doubts = doubtful._own().doubts
    assert doubts.due_in() == pytest.approx(3.0, abs=0.5)
    clock.pass_(3.2)  # the supervisor was busy elsewhere, or its look failed
    assert doubts.due_in() is not None
    assert doubtful.check_in_doubt() == []
    assert doubts.due_in() is None


def test_an_interrupt_while_the_request_is_logged_loses_no_answer(
    doubtful: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, kept = Heard(), list[Order]()
    doubtful.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    seam.script = kept.append

    with monkeypatch.context() as patch:
        patch.setattr(desk, "log_request", interrupted)
        with pytest.raises(KeyboardInterrupt):
            doubtful.buy("600036", 35.0, 100, client_order_id="k")
    number = kept[0].place()
    kept[0].respond()
    [event] = heard.wait_for("on_doubt")
    assert (event["outcome"], event["entrust_no"]) == ("accepted", number)


def test_a_log_sink_that_raises_costs_no_order(user: SimTrader, terminal: Terminal) -> None:
    def broken(message: object) -> None:
        raise OSError("disk full")

    sink = logger.add(broken, catch=False, level="INFO", filter=lambda record: "请求" in record["message"])
    try:
        assert user.buy("600036", 35.0, 100)["entrust_no"] == terminal.orders()[0]["order_id"]
    finally:
        logger.remove(sink)
    assert user.in_doubt == []
