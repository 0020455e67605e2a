"""An account that was added and has ended: nothing asks or hears of it any more, and it may come back."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument, NotConnected, QueryFailed
from easytrader_qmt.sim.terminal import CREDIT_ACCOUNT, STOCK_ACCOUNT
from tests.facade import SOON, Heard
from tests.rig import Rig


class Asked:
    """Every request that reaches the terminal, by name and account; ``refused`` subscriptions are."""

    def __init__(self, rig: Rig) -> None:
        self.said: list[tuple[str, Any]] = []
        self.refused: set[str] = set()
        self.silent: set[str] = set()
        request = rig.terminal.request

        def keep(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
            self.said.append((name, fields.get("account_id")))
            if name in self.silent:
                return
            if name == "subscribe" and fields["account_id"] in self.refused:
                client.answer(name, seq, -1)
                return
            request(client, name, seq, fields)

        rig.terminal.request = keep  # type: ignore[method-assign]

    def of(self, account: str) -> list[str]:
        """The names of the requests about an account; forgets all that was asked."""
        said, self.said = self.said, []
        return [name for name, asked in said if asked == account]


def test_nothing_asks_for_it_any_more(rig: Rig) -> None:
    credit = rig.user.add_account(account_type="CREDIT")
    asked = Asked(rig)
    credit.exit()
    credit.exit()
    assert asked.of(CREDIT_ACCOUNT) == ["unsubscribe"]
    rig.outage()
    assert asked.of(CREDIT_ACCOUNT) == []
    asked.refused.add(CREDIT_ACCOUNT)
    rig.outage()
    assert rig.user.state == "READY"
    assert "subscribe" in asked.of(STOCK_ACCOUNT)
    with pytest.raises(NotConnected):
        _ = credit.balance


def test_nobody_hears_of_it_any_more(rig: Rig) -> None:
    credit = rig.user.add_account(account_type="CREDIT")
    mine = Heard()
    for event in ("order", "trade", "asset", "state"):
        credit.on(event, lambda row, event=event: mine.keep(event, row))
    credit.exit()
    rig.terminal.order_by_hand("buy", "600036", 35.5, 100, CREDIT_ACCOUNT)
    rig.terminal.deposit(1.0, CREDIT_ACCOUNT)
    rig.outage()
    assert mine.calls == []
    assert rig.heard.of("on_stock_trade") == [], "the terminal does not even push it"


def test_it_may_be_added_again_and_is_heard_once(rig: Rig) -> None:
    for _ in range(3):
        rig.user.add_account(account_type="CREDIT").exit()
    rig.terminal.order_by_hand("buy", "600036", 35.5, 100, CREDIT_ACCOUNT)
    credit = rig.user.add_account(account_type="CREDIT")
    told: list[tuple[str, bool]] = []
    credit.on("trade", lambda row: told.append((row["stock_code"], row["recovered"])))
    assert rig.user.drain(SOON)
    assert told == [], "what it already had is not news"
    credit.buy("600000", 10.5, 100)
    assert rig.user.drain(SOON)
    assert told == [("600000.SH", False)]
    rig.outage(lambda: missed(rig))
    assert told == [("600000.SH", False), ("601318.SH", True)]
    assert [row["account_id"] for row in rig.news.of("trade")] == []


def missed(rig: Rig) -> None:
    """A trade of the margin account that nobody is connected to hear of."""
    rig.terminal.faults.crash()
    price = rig.terminal.market.quote("601318").ask1
    rig.terminal.order_by_hand("buy", "601318", price, 100, CREDIT_ACCOUNT)
    rig.terminal.faults.restart()


def test_what_it_hooked_is_let_go(rig: Rig) -> None:
    connection = rig.user._live()
    hooks = (
        connection.watchers, connection.on_connecting, connection.on_synced, connection.on_beat, connection.due
    )  # fmt: skip
    before = [list(each) for each in hooks]
    for _ in range(3):
        rig.user.add_account(account_type="CREDIT").exit()
    assert [list(each) for each in hooks] == before
    assert rig.user._added == []


def test_an_account_that_could_not_be_added_leaves_nothing(rig: Rig) -> None:
    asked = Asked(rig)
    asked.refused.add("7000000001")
    with pytest.raises(QueryFailed):
        rig.user.add_account("7000000001")
    asked.of("")
    rig.outage()
    assert asked.of("7000000001") == []
    asked.refused.clear()
    assert rig.user.add_account("7000000001").balance


def test_threads_that_add_one_account_at_once_add_it_once(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = rig.user._live()
    ready, meet = connection.ready, threading.Barrier(3)

    def together() -> Any:
        meet.wait(SOON)  # each has found that the account is not there yet
        return ready()

    def add() -> None:
        try:
            made.append(rig.user.add_account(account_type="CREDIT"))
        except InvalidArgument as error:
            refused.append(str(error))

    made: list[Any] = []
    refused: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(connection, "ready", together)
        threads = [threading.Thread(target=add) for _ in range(3)]
        for each in threads:
            each.start()
        for each in threads:
            each.join(SOON)
    assert len(connection.accounts) == 2
    assert len(refused) == 2
    assert all("已经在这个连接上" in each for each in refused)
    [credit] = made
    told: list[str] = []
    credit.on("trade", lambda row: told.append(row["stock_code"]))
    credit.buy("600000", 10.5, 100)
    assert rig.user.drain(SOON)
    assert told == ["600000.SH"], "those that were refused took nothing from it"


def test_it_ends_inside_its_own_handler(rig: Rig) -> None:
    credit = rig.user.add_account(account_type="CREDIT")
    told: list[dict[str, Any]] = []

    def leave(row: dict[str, Any]) -> None:
        told.append(row)
        credit.exit()

    credit.on("trade", leave)
    for _ in range(2):
        rig.terminal.order_by_hand("buy", "600036", 35.5, 100, CREDIT_ACCOUNT)
    assert rig.user.drain(SOON)
    assert len(told) == 1
    assert rig.user.balance


@pytest.mark.usefixtures("no_leaks")
def test_a_terminal_that_does_not_answer_holds_nothing_up(new_rig: Any) -> None:
    rig: Rig = new_rig().connect(stop_timeout=0.2)
    credit = rig.user.add_account(account_type="CREDIT")
    asked = Asked(rig)
    asked.silent.add("unsubscribe")
    began = time.monotonic()
    credit.exit()
    assert time.monotonic() - began < SOON / 2
    assert len(rig.user._live().accounts) == 1
    assert rig.user.balance
    rig.leave()


def test_it_ends_while_the_connection_is_down(new_rig: Any) -> None:
    rig: Rig = new_rig(gated=True).connect()
    credit = rig.user.add_account(account_type="CREDIT")
    asked = Asked(rig)
    rig.terminal.faults.crash()
    rig.pause.until_waiting()  # type: ignore[attr-defined]
    credit.exit()
    rig.terminal.faults.restart()
    rig.user.reconnect()
    assert rig.user.wait_ready(SOON)
    assert asked.of(CREDIT_ACCOUNT) == []
