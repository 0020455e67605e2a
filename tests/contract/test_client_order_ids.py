"""One client order id is one order: for threads, for a restart, and for a journal that cannot be used."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidOrder, NotConnected, OrderInDoubt
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import clock_of_today
from tests.facade import SOON, Heard, States
from tests.seam import Order, Seam

NewUser = Callable[..., SimTrader]


def in_threads(count: int, call: Callable[[int], Any]) -> list[Any]:
    """What ``count`` threads get that start together; an error is what it returns."""
    start, found = threading.Barrier(count), [None] * count

    def run(at: int) -> None:
        start.wait(SOON)
        try:
            found[at] = call(at)
        except Exception as error:
            found[at] = error  # type: ignore[call-overload]

    threads = [threading.Thread(target=run, args=(at,)) for at in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()
    return found


# --- one order -----------------------------------------------------------------------------------


@pytest.mark.parametrize("journal", [None, False])
def test_threads_with_one_id_place_one_order(journal: Any, new_user: NewUser, terminal: Terminal) -> None:
    user = new_user()
    user.connect(journal=journal)
    for round_ in range(5):
        name = f"id-{round_}"
        found = in_threads(8, lambda at, name=name: user.buy("600036", 35.0, 100, client_order_id=name))
        assert len(terminal.orders()) == round_ + 1
        assert found == [{"entrust_no": terminal.orders()[-1]["order_id"]}] * 8


@pytest.mark.parametrize("journal", [None, False])
def test_an_id_outlives_a_connection(journal: Any, new_user: NewUser, terminal: Terminal) -> None:
    user = new_user()
    user.connect(journal=journal)
    first = user.buy("600036", 35.0, 100, client_order_id="a", remark="中文")
    user.exit()
    user.connect(journal=journal)
    assert user.buy("600036", 35.0, 100, client_order_id="a", remark="中文") == first
    again = new_user()
    again.connect(journal=journal)
    assert again.buy("600036", 35.0, 100, client_order_id="a") == first
    assert len(terminal.orders()) == 1


def test_an_id_of_todays_cancelled_order_is_used_up(user: SimTrader, terminal: Terminal) -> None:
    first = user.buy("600036", 35.0, 100, client_order_id="a")
    user.cancel_entrust(first["entrust_no"])
    assert user.buy("600036", 35.0, 100, client_order_id="a") == first
    assert len(terminal.orders()) == 1


@pytest.mark.parametrize("journal", [None, False])
@pytest.mark.parametrize(
    "other",
    [
        lambda user: user.buy("600036", 35.0, 200, client_order_id="a"),
        lambda user: user.buy("600036", 35.01, 100, client_order_id="a"),
        lambda user: user.buy("600000", 10.5, 100, client_order_id="a"),
        lambda user: user.sell("600036", 35.0, 100, client_order_id="a"),
        lambda user: user.market_buy("600036", 100, client_order_id="a"),
    ],
)
def test_an_id_cannot_mean_another_order(
    other: Callable[[SimTrader], Any], journal: Any, new_user: NewUser, terminal: Terminal
) -> None:
    user = new_user()
    user.connect(journal=journal)
    user.buy("600036", 35.0, 100, client_order_id="a")
    with pytest.raises(InvalidOrder) as caught:
        other(user)
    assert (caught.value.field, caught.value.sent) == ("client_order_id", False)
    assert len(terminal.orders()) == 1


def test_orders_without_an_id_are_all_sent(user: SimTrader, terminal: Terminal) -> None:
    for _ in range(3):
        user.buy("600036", 35.0, 100)
    assert len({order["order_id"] for order in terminal.orders()}) == 3


def test_an_order_that_was_not_sent_leaves_its_id_free(new_user: NewUser, terminal: Terminal) -> None:
    user = new_user()
    user.connect(reconnect_enabled=False)
    states = States(user)
    terminal.faults.disconnect()
    states.wait_for("LOST")
    with pytest.raises(NotConnected):
        user.buy("600036", 35.0, 100, client_order_id="a")
    user.reconnect()
    assert user.wait_ready(SOON)
    assert user.buy("600036", 35.0, 100, client_order_id="a")["entrust_no"] > 0
    assert len(terminal.orders()) == 1


def test_who_asks_while_an_order_is_under_way_gets_its_answer(user: SimTrader, seam: Seam) -> None:
    """The second one waits for the first one's answer instead of sending, or calling it unknown."""
    placed, go_on = threading.Event(), threading.Event()

    def script(order: Order) -> None:
        order.place()
        placed.set()
        go_on.wait(SOON)
        order.respond()

    seam.script = script
    found: list[Any] = []
    buy = lambda: found.append(user.buy("600036", 35.0, 100, client_order_id="a"))  # noqa: E731
    first, second = threading.Thread(target=buy), threading.Thread(target=buy)
    first.start()
    assert placed.wait(SOON)
    second.start()
    go_on.set()
    first.join(SOON)
    second.join(SOON)
    assert len(seam.orders) == 1
    assert len(found) == 2
    assert found[0] == found[1]


def test_an_order_that_failed_here_is_sent_by_whoever_waited_for_it(
    user: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not sent is not in doubt: the next one with the id sends it."""
    journal = user._own().journal
    begun = journal.begin
    key = begun(intent_of(user, "a")).key
    looks: list[int] = []
    find = journal.find

    def finish_then_find(account: str, name: str) -> Any:
        looks.append(1)
        if len(looks) == 3:
            journal.finish(key, "not_sent", message="连接断开")
        return find(account, name)

    monkeypatch.setattr(journal, "find", finish_then_find)
    assert user.buy("600036", 35.0, 100, client_order_id="a")["entrust_no"] > 0
    assert len(seam.orders) == 1


def intent_of(user: SimTrader, client_order_id: str) -> Any:
    from easytrader_qmt.journal import Intent
    from easytrader_qmt.orders import limit_order

    return Intent.of(limit_order("600036", "buy", 35.0, 100), "SIM0000000001", client_order_id)


# --- in doubt ------------------------------------------------------------------------------------


def test_an_id_in_doubt_is_not_sent_again_unless_proved_absent(new_user: NewUser, terminal: Terminal) -> None:
    clock = clock_of_today()
    user = new_user(clock=clock)
    user.connect(call_timeout=0.3, heartbeat_interval=0)
    heard = Heard()
    user.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    terminal.faults.lose_responses(1)
    with pytest.raises(OrderInDoubt):
        user.buy("600036", 35.0, 100, client_order_id="a")
    found = in_threads(6, lambda at: user.buy("600036", 35.0, 100, client_order_id="a"))
    assert found == [{"entrust_no": terminal.orders()[0]["order_id"]}] * 6
    assert len(terminal.orders()) == 1
    user.drain()
    assert len(heard.of("on_doubt")) == 1


def test_a_doubt_is_found_again_by_the_next_process(new_user: NewUser, terminal: Terminal) -> None:
    """Here the next connection: it reads the journal, looks at the counter, and tells when it is READY."""
    user = new_user()
    user.connect(call_timeout=0.3)
    terminal.faults.lose_responses(1)
    with pytest.raises(OrderInDoubt):
        user.buy("600036", 35.0, 100, client_order_id="a")
    user.exit()
    again, heard = new_user(), Heard()
    again.on("in_doubt", lambda row: heard.keep("on_doubt", (row, str(again.state))))
    again.connect()
    [(row, state)] = heard.wait_for("on_doubt")
    assert (row["outcome"], row["entrust_no"], state) == (
        "accepted",
        terminal.orders()[0]["order_id"],
        "READY",
    )
    assert again.in_doubt == []


def test_what_the_counter_cannot_tell_stays_in_doubt(
    new_user: NewUser, terminal: Terminal, log: list[str]
) -> None:
    clock = clock_of_today()
    user = new_user(clock=clock)
    user.connect(call_timeout=0.3, heartbeat_interval=0)
    terminal.faults.lose_responses(1, placed=False)
    with pytest.raises(OrderInDoubt):
        user.buy("600036", 35.0, 100, client_order_id="a")
    clock.pass_(2 * 86_400)  # the counter lists one day's orders
    with pytest.raises(OrderInDoubt):
        user.buy("600036", 35.0, 100, client_order_id="a")
    assert [row["client_order_id"] for row in user.in_doubt] == ["a"]
    assert terminal.orders() == []
    assert len([line for line in log if "仍然未知" in line]) == 1


def test_the_event_can_be_sent_over_a_wire(new_user: NewUser, terminal: Terminal) -> None:
    user = new_user()
    user.connect(call_timeout=0.3)
    heard = Heard()
    user.on("in_doubt", lambda row: heard.keep("on_doubt", row))
    terminal.faults.lose_responses(1)
    with pytest.raises(OrderInDoubt):
        user.buy("600036", 35.0, 100)
    json.dumps(user.in_doubt)
    user.check_in_doubt()
    [row] = heard.wait_for("on_doubt")
    assert json.loads(json.dumps(row))["recovered"] is False
