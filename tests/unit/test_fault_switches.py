"""The terminal's faults by themselves: each does what its name says, and nothing to the counter's book."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.faults import DelayLine, Faults, Message
from easytrader_qmt.sim.terminal import STOCK_ACCOUNT
from tests.clocks import FakeClock

SOON = 20.0


class Client:
    """A ClientSide that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int, Any]] = []
        self.drops: list[bool] = []
        self._news = threading.Condition()

    def answer(self, name: str, seq: int, payload: object) -> None:
        with self._news:
            self.told.append((name, seq, payload))
            self._news.notify_all()

    def push(self, kind: str, fields: Any) -> None:
        self.answer(kind, -1, dict(fields))

    def dropped(self, notify: bool) -> None:
        self.drops.append(notify)

    def wait_for(self, count: int) -> None:
        with self._news:
            assert self._news.wait_for(lambda: len(self.told) >= count, SOON)

    def kinds(self) -> list[str]:
        return [name for name, _, _ in self.told]


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def home(clock: FakeClock) -> Iterator[Terminal]:
    made = Terminal(settings=TerminalSettings(session_gap=0.0), clock=clock)
    yield made
    made.close()


@pytest.fixture
def client(home: Terminal) -> Client:
    made = Client()
    assert home.attach(made, 100)
    home.request(made, "subscribe", 1, {"account_id": STOCK_ACCOUNT, "account_type": 2})
    assert made.told == [("subscribe", 1, 0)]
    made.told.clear()
    return made


def ask(home: Terminal, client: Client, seq: int = 2) -> None:
    home.request(client, "queryStockAsset", seq, {"account_id": STOCK_ACCOUNT, "account_type": 2})


def place(home: Terminal, client: Client, seq: int = 3) -> None:
    fields = {
        "account_id": STOCK_ACCOUNT, "account_type": 2, "stock_code": "600036.SH", "order_type": 23,
        "order_volume": 100, "price_type": 11, "price": 35.5, "strategy_name": "", "order_remark": "r",
    }  # fmt: skip
    home.request(client, "orderStock", seq, fields)


def test_disconnect_drops_every_client_and_says_so_or_not(home: Terminal, client: Client) -> None:
    home.faults.disconnect()
    other = Client()
    assert home.attach(other, 100)
    home.faults.disconnect(notify=False)
    assert (client.drops, other.drops) == ([True], [False])
    assert home.clients == 0


def test_the_next_connects_are_refused(home: Terminal) -> None:
    home.faults.refuse_connects(2)
    assert [home.attach(Client(), number) for number in (100, 101, 102)] == [False, False, True]


def test_frozen_calls_are_answered_late_or_never(home: Terminal, client: Client) -> None:
    home.faults.freeze()
    assert home.faults.frozen
    assert not home.attach(Client(), 101)
    ask(home, client)
    place(home, client)
    assert client.told == []
    assert home.orders() == []
    home.faults.thaw()
    assert client.kinds()[:2] == ["queryStockAsset", "orderStock"]
    assert len(home.orders()) == 1
    client.told.clear()
    home.faults.freeze()
    ask(home, client)
    home.faults.thaw(drop=True)
    assert client.told == []


def test_what_a_frozen_terminal_was_asked_dies_with_it(home: Terminal, client: Client) -> None:
    home.faults.freeze()
    place(home, client)
    home.faults.crash()
    home.faults.restart()
    home.faults.thaw()
    assert home.orders() == []
    assert client.drops == [True]


def test_a_crash_keeps_the_book_and_the_counter_goes_on(home: Terminal, client: Client) -> None:
    home.faults.crash(notify=False)
    assert client.drops == [False]
    assert not home.attach(Client(), 101)
    home.order_by_hand("buy", "600036", 35.5, 100)
    home.faults.restart()
    assert home.attach(Client(), 101)
    assert len(home.trades()) == 1


@pytest.mark.parametrize("placed", [True, False])
def test_the_response_of_the_next_order_is_lost(home: Terminal, client: Client, placed: bool) -> None:
    home.faults.lose_responses(1, placed=placed)
    place(home, client, 3)
    assert "orderStock" not in client.kinds()
    assert len(home.orders()) == placed
    place(home, client, 4)
    assert client.kinds().count("orderStock") == 1
    assert len(home.orders()) == placed + 1


def test_the_next_order_is_placed_and_answered_with_a_bare_minus_one(home: Terminal, client: Client) -> None:
    home.faults.deny_orders(1)
    place(home, client, 3)
    assert len(home.orders()) == 1
    assert "order" in client.kinds(), "the counter's push tells the truth"
    place(home, client, 4)
    first, second = (payload for kind, _, payload in client.told if kind == "orderStock")
    assert (first["order_id"], first["error_msg"]) == (-1, "")
    assert second["order_id"] == home.orders()[1]["order_id"]


def test_pushes_are_duplicated_and_answers_are_not(home: Terminal, client: Client) -> None:
    place(home, client)
    plain = client.kinds()
    client.told.clear()
    home.faults.duplicate = 2
    place(home, client, 4)
    doubled = client.kinds()
    assert doubled.count("orderStock") == 1
    assert [doubled.count(kind) for kind in ("order", "trade")] == [
        3 * plain.count(kind) for kind in ("order", "trade")
    ]


def test_reorder_shuffles_what_one_request_brings_and_loses_nothing(home: Terminal, client: Client) -> None:
    seed = 3
    print("seed", seed)
    home.faults.rng = random.Random(seed)
    place(home, client)
    straight = client.kinds()
    home.faults.reorder = True
    orders = set()
    for number in range(20):
        client.told.clear()
        place(home, client, 10 + number)
        assert sorted(client.kinds()) == sorted(straight)
        orders.add(tuple(client.kinds()))
    assert len(orders) > 5


def test_replay_says_the_days_orders_and_trades_again(home: Terminal, client: Client) -> None:
    place(home, client)
    client.told.clear()
    home.faults.replay_pushes()
    assert client.kinds() == ["order", "trade"]


@pytest.mark.parametrize(("answer", "payload"), [("empty", []), ("none", None)])
def test_logged_out_queries_bring_nothing_and_orders_are_refused(
    home: Terminal, client: Client, answer: str, payload: Any
) -> None:
    home.faults.log_out(answer)
    ask(home, client)
    place(home, client)
    home.request(client, "subscribe", 5, {"account_id": STOCK_ACCOUNT, "account_type": 2})
    assert client.told == [
        ("queryStockAsset", 2, payload), ("orderStock", 3, {"order_id": -1}), ("subscribe", 5, -1),
    ]  # fmt: skip
    assert home.orders() == []
    home.faults.log_in()
    ask(home, client, 6)
    assert client.told[-1][2] not in ([], None)


def test_what_clients_get_while_down_is_as_switched(home: Terminal) -> None:
    assert home.client_settings.answer_while_down == "empty"
    home.faults.answer_while_down = "none"
    assert home.client_settings.answer_while_down == "none"
    home.faults.clear()
    assert home.client_settings.answer_while_down == "empty"


def test_unknown_switches_are_refused(home: Terminal) -> None:
    with pytest.raises(ValueError, match="connect、subscribe、stop"):
        home.faults.hang("query")
    with pytest.raises(ValueError, match="empty、none"):
        home.faults.log_out("[]")


@pytest.mark.parametrize("call", ["connect", "subscribe", "stop"])
def test_a_call_hangs_until_it_is_let_go(home: Terminal, client: Client, call: str) -> None:
    home.faults.hang(call)
    home.faults.hang(call)
    assert home.faults.hanging(call)
    calls = {
        "connect": lambda: home.attach(Client(), 101),
        "stop": lambda: home.detach(client),
        "subscribe": lambda: home.faults.wait_while_hanging("subscribe"),
    }
    inside = threading.Event()
    thread = threading.Thread(target=lambda: (inside.set(), calls[call]()), daemon=True)
    thread.start()
    assert inside.wait(SOON)
    thread.join(0.02)
    assert thread.is_alive()
    home.faults.release(call)
    thread.join(SOON)
    assert not thread.is_alive()
    assert not home.faults.hanging(call)


def test_a_hung_subscribe_is_never_answered(home: Terminal, client: Client) -> None:
    home.faults.hang("subscribe")
    home.request(client, "subscribe", 5, {"account_id": STOCK_ACCOUNT, "account_type": 2})
    home.faults.release()
    assert client.told == []


def test_clear_switches_everything_off(home: Terminal, client: Client) -> None:
    faults = home.faults
    faults.delay, faults.duplicate, faults.reorder = 60.0, 3, True
    faults.refuse_connects(9)
    faults.lose_responses(9)
    faults.deny_orders(9)
    faults.hang("connect")
    faults.freeze()
    faults.log_out()
    faults.clear()
    assert home.attach(Client(), 101)
    place(home, client)
    assert client.kinds().count("orderStock") == 1
    fresh = Faults()
    assert [getattr(faults, name) for name in ("delay", "duplicate", "reorder", "frozen", "logged_out")] == [
        getattr(fresh, name) for name in ("delay", "duplicate", "reorder", "frozen", "logged_out")
    ]


def test_what_is_delayed_comes_later_in_order_and_nothing_overtakes_it(home: Terminal) -> None:
    """The line's own thread waits for real time, so the delay is a moment here."""
    said: list[Any] = []
    done = threading.Event()

    def say(message: Message) -> None:
        said.append((message.seq, clock.now))
        if len(said) == 4:
            done.set()

    class Moments:
        now = 0.0

    clock = Moments()
    line = DelayLine(say, lambda: clock.now)
    messages = [Message(None, "order", number, {}) for number in range(4)]
    line.put(0.0, messages[:2])
    line.put(0.001, messages[2:3])
    line.put(0.0, messages[3:])
    clock.now = 1.0
    assert done.wait(SOON)
    assert [seq for seq, _ in said] == [0, 1, 2, 3]


def test_everything_is_delayed_answers_too(home: Terminal, client: Client, clock: FakeClock) -> None:
    home.faults.delay = 0.001
    ask(home, client)
    assert client.told == []
    clock.pass_(1.0)
    client.wait_for(1)
    home.faults.delay = 0.0


@pytest.mark.parametrize(("name", "value"), [("dely", 1), ("Delay", 1), ("freeze", True), ("frozen", True)])
def test_a_misspelt_switch_is_an_error_that_lists_them(home: Terminal, name: str, value: object) -> None:
    with pytest.raises(AttributeError, match=rf"faults\.{name}，可设置：delay、duplicate、reorder、answer_"):
        setattr(home.faults, name, value)
