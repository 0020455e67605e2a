"""One client order id is one order: for threads, for a restart, and for a journal that cannot be used."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt import journal_schema
from easytrader_qmt.errors import InvalidArgument, InvalidOrder, JournalError, NotConnected, OrderInDoubt
from easytrader_qmt.folders import default_journal, default_kill_switch
from easytrader_qmt.miniqmt.trader import MiniqmtTrader
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.layer import simulated_vendor
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.facade import SOON, Heard
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
    heard = Heard()
    user.on("state", lambda change: heard.keep("on_state", change))
    terminal.faults.disconnect()
    heard.wait_for("on_state")
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
    clock = FakeClock(time.time())
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
    assert (row["outcome"], row["entrust_no"], state) == ("accepted", terminal.orders()[0]["order_id"], "READY")
    assert again.in_doubt == []


def test_what_the_counter_cannot_tell_stays_in_doubt(new_user: NewUser, terminal: Terminal, log: list[str]) -> None:
    clock = FakeClock(time.time())
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


# --- where the journal is ------------------------------------------------------------------------------


def test_a_simulated_journal_lies_beside_its_terminal(user: SimTrader, terminal: Terminal) -> None:
    user.buy("600036", 35.0, 100)
    assert Path(default_journal(terminal.home)).is_file()


def test_a_journal_where_it_was_asked_for(new_user: NewUser, terminal: Terminal, tmp_path: Path) -> None:
    path = tmp_path / "新目录" / "orders.db"
    user = new_user()
    user.connect(journal=path)
    assert not path.exists(), "nothing is made before there is something to write"
    user.buy("600036", 35.0, 100)
    user.exit()
    with sqlite3.connect(path) as file:
        assert file.execute("SELECT count(*) FROM orders").fetchone() == (1,)
        assert file.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    file.close()
    assert not Path(default_journal(terminal.home)).exists()


def test_without_a_journal_nothing_is_written(new_user: NewUser, terminal: Terminal) -> None:
    user = new_user()
    user.connect(journal=False)
    user.buy("600036", 35.0, 100)
    assert not Path(default_journal(terminal.home)).exists()


@pytest.mark.parametrize("variable", ["LOCALAPPDATA", "XDG_DATA_HOME", "HOME"])
def test_the_default_place_is_the_users_own(
    variable: str, terminal: Terminal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LOCALAPPDATA", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, str(tmp_path / "用户"))
    if variable == "HOME":
        monkeypatch.setenv("USERPROFILE", str(tmp_path / "用户"))
    user = MiniqmtTrader(replace(simulated_vendor(), simulated=False))
    try:
        user.connect(terminal.home, "SIM0000000001")
        user.buy("600036", 35.0, 100)
        assert user.risk.kill("停") is True
        folder = tmp_path / "用户" / (".local/share" if variable == "HOME" else "") / "easytrader-qmt"
        assert sorted(os.listdir(folder))[:2] == ["journal.sqlite3", "journal.sqlite3-shm"]
        assert Path(default_journal()) == folder / "journal.sqlite3"
        assert Path(default_kill_switch("SIM0000000001")).parent == folder
        assert Path(default_kill_switch("SIM0000000001")).is_file()
    finally:
        user.exit()


@pytest.mark.parametrize("journal", ["", True, 5, b"x", "a\x00b", []])
def test_what_is_no_journal(journal: Any, new_user: NewUser) -> None:
    with pytest.raises(InvalidArgument, match="journal"):
        new_user().connect(journal=journal)


# --- a journal that cannot be used ---------------------------------------------------------------------


def corrupt(path: Path) -> None:
    path.write_bytes(b"this is no database" * 1000)


def folder_in_its_place(path: Path) -> None:
    path.mkdir()


def file_in_its_folders_place(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


def somebody_elses(path: Path) -> None:
    with sqlite3.connect(path) as file:
        file.execute("CREATE TABLE notes (text)")
    file.close()


@pytest.mark.parametrize("damage", [corrupt, folder_in_its_place, file_in_its_folders_place, somebody_elses])
def test_an_unusable_journal_refuses_orders_before_they_leave(
    damage: Callable[[Path], None], new_user: NewUser, seam: Seam, tmp_path: Path
) -> None:
    path = tmp_path / "日志" / "orders.db"
    path.parent.mkdir()
    damage(path)
    user = new_user()
    user.connect(journal=path)
    for order in (
        lambda: user.buy("600036", 35.0, 100),
        lambda: user.market_sell("000001", 100, client_order_id="a"),
    ):
        with pytest.raises(JournalError, match=r"orders\.db") as caught:
            order()
        assert caught.value.sent is False
    [told] = user.batch([{"action": "buy", "security": "600036", "price": 35.0, "amount": 100}])
    assert (told["outcome"], told["sent"]) == ("not_sent", False)
    assert seam.orders == []
    assert user.today_entrusts == []
    assert user.cancel_all() == []
    user.connect(journal=False)
    assert user.buy("600036", 35.0, 100)["entrust_no"] > 0


def test_a_full_disk_refuses_orders(
    user: SimTrader, seam: Seam, monkeypatch: pytest.MonkeyPatch, new_user: NewUser
) -> None:
    """A journal whose pages may not grow any more says what a full disk says."""
    user.buy("600036", 35.0, 100)
    user.exit()
    opened = journal_schema.open_file

    def small(*args: Any, **words: Any) -> sqlite3.Connection:
        connection = opened(*args, **words)
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
        connection.execute(f"PRAGMA max_page_count={pages}")
        return connection

    monkeypatch.setattr("easytrader_qmt.journal_file.open_file", small)
    again = new_user()
    again.connect()
    sent = len(seam.orders)
    refused = 0
    for _ in range(300):
        try:
            again.buy("600036", 35.0, 100)
            sent += 1
        except JournalError as error:
            assert "磁盘已满" in str(error)
            refused += 1
        assert len(seam.orders) == sent
        if refused == 3:
            break
    assert refused == 3


def test_a_locked_journal_refuses_orders_in_time(new_user: NewUser, seam: Seam, tmp_path: Path) -> None:
    path = tmp_path / "orders.db"
    user = new_user()
    user.connect(journal=path, call_timeout=0.1)
    user.buy("600036", 35.0, 100, remark="长的中文备注")
    other = sqlite3.connect(path, isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(JournalError, match="占用"):
            user.buy("600036", 35.0, 100)
        assert len(seam.orders) == 1
        assert user.today_entrusts[0]["order_remark"] == "长的中文备注"
        other.execute("ROLLBACK")
        user.buy("600036", 35.0, 100)
        assert len(seam.orders) == 2
    finally:
        other.close()


def test_an_outcome_that_cannot_be_written_is_not_lost(
    new_user: NewUser, terminal: Terminal, seam: Seam, tmp_path: Path
) -> None:
    path = tmp_path / "orders.db"
    user = new_user()
    user.connect(journal=path, call_timeout=0.1)
    other = sqlite3.connect(path, isolation_level=None)

    def script(order: Order) -> None:
        order.place()
        other.execute("BEGIN IMMEDIATE")
        order.respond()

    seam.script = script
    number = user.buy("600036", 35.0, 100, client_order_id="a")["entrust_no"]
    assert number > 0
    other.execute("ROLLBACK")
    other.close()
    seam.script = None
    user.buy("600036", 34.0, 100)
    user.exit()
    again = new_user()
    again.connect(journal=path)
    assert again.buy("600036", 35.0, 100, client_order_id="a") == {"entrust_no": number}
    assert len(terminal.orders()) == 2


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
