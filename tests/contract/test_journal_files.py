"""Where a trader's journal lies, and what becomes of orders when it cannot be used."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt import journal_schema
from easytrader_qmt.errors import InvalidArgument, JournalError
from easytrader_qmt.folders import default_journal, default_kill_switch
from easytrader_qmt.miniqmt.trader import MiniqmtTrader
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.layer import simulated_vendor
from easytrader_qmt.sim.trader import SimTrader
from tests.seam import Order, Seam

NewUser = Callable[..., SimTrader]


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
    said: list[str] = []
    for _ in range(300):
        try:
            again.buy("600036", 35.0, 100)
            sent += 1
        except JournalError as error:
            said.append(str(error))
        assert len(seam.orders) == sent
        if len(said) == 3:
            break
    assert ["磁盘已满" in text for text in said] == [True] * 3


def test_a_locked_journal_refuses_orders_in_time(new_user: NewUser, seam: Seam, tmp_path: Path) -> None:
    path = tmp_path / "orders.db"
    user = new_user()
    user.connect(journal=path, call_timeout=1)
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
    user.connect(journal=path, call_timeout=1)
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
