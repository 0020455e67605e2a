"""The terminal's state on disk."""

from __future__ import annotations

import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from easytrader_qmt.sim.counter import Counter
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.market import Market
from easytrader_qmt.sim.store import Store
from tests.terminal_process import BUY, CASH, LIMIT

pytestmark = pytest.mark.usefixtures("no_leaks")


def test_every_state_along_the_way_is_whole(tmp_path: Path) -> None:
    """A copy of the file after each save, as a kill right then would leave it, restores the same books."""
    seed = 20_250_807
    print(f"seed {seed}")
    rng = random.Random(seed)
    market = Market()
    counter = Counter(market)
    counter.open_account("A", 2, cash=CASH)
    store = Store(tmp_path / "state.sqlite3")
    store.save(counter, market, 0)
    try:
        for step in range(60):
            now = 1_754_530_000.0 + step
            action = rng.randrange(6)
            if action < 3:
                price = rng.choice([9.6, 10.49, 10.5])
                counter.place(
                    "A", 2, "600000.SH", BUY, 100 * rng.randrange(1, 9), LIMIT, price, "s", "r", now
                )
            elif action == 3 and counter.orders("A", cancelable=True):
                counter.cancel("A", order_id=counter.orders("A", cancelable=True)[0]["order_id"], now=now)
            elif action == 4:
                market.set("600000.SH", last=rng.choice([10.4, 10.5, 10.6]))
                counter.match("600000.SH", now)
            elif step % 9 == 0:
                counter.settle(now)
            store.save(counter, market, step)
            copy = tmp_path / f"copy{step}"
            copy.mkdir()
            for name in ("state.sqlite3", "state.sqlite3-wal"):
                shutil.copy(tmp_path / name, copy / name)
            restored = Store(copy / "state.sqlite3")
            try:
                kept = restored.load()
            finally:
                restored.close()
            assert kept is not None
            assert kept[0].state() == counter.state()
            assert kept[1].state() == market.state()
            assert kept[2] == step
    finally:
        store.close()


def test_nothing_is_written_when_nothing_changed(tmp_path: Path) -> None:
    market = Market()
    counter = Counter(market)
    counter.open_account("A", 2, cash=CASH)
    store = Store(tmp_path / "state.sqlite3")
    try:
        store.save(counter, market, 0)
        watcher = sqlite3.connect(tmp_path / "state.sqlite3")
        before = watcher.execute("PRAGMA data_version").fetchone()
        store.save(counter, market, 0)
        assert watcher.execute("PRAGMA data_version").fetchone() == before
        counter.deposit("A", 1.0, 0.0)
        store.save(counter, market, 0)
        assert watcher.execute("PRAGMA data_version").fetchone() != before
        watcher.close()
    finally:
        store.close()


def test_after_a_failed_write_nothing_is_kept_any_more(tmp_path: Path) -> None:
    """The failed change is lost to ``Counter.changes``, so a later success would keep books that are not whole."""
    market = Market()
    counter = Counter(market)
    counter.open_account("A", 2, cash=CASH)
    store = Store(tmp_path / "state.sqlite3")
    saboteur = sqlite3.connect(tmp_path / "state.sqlite3", isolation_level=None)
    try:
        store.save(counter, market, 0)
        saboteur.execute("ALTER TABLE accounts RENAME TO away")
        counter.deposit("A", 1.0, 0.0)
        with pytest.raises(LinkError, match="写不进"):
            store.save(counter, market, 0)
        saboteur.execute("ALTER TABLE away RENAME TO accounts")
        with pytest.raises(LinkError, match="写不进"):
            store.save(counter, market, 1)
    finally:
        saboteur.close()
        store.close()


def test_a_file_of_a_later_format_is_left_alone(tmp_path: Path) -> None:
    later = sqlite3.connect(tmp_path / "state.sqlite3")
    later.execute("PRAGMA user_version=99")
    later.close()
    with pytest.raises(LinkError, match="99"):
        Store(tmp_path / "state.sqlite3")
