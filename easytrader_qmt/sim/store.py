"""A terminal's counter and market on disk, written before anything is said about them.

One SQLite file (WAL): a process killed at any point leaves everything that any client was told. Never decides
anything, and has no lock of its own: the terminal's lock serialises the calls.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from easytrader_qmt.sim.counter import Counter
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.market import Market

FORMAT = 1
_TABLES = """
CREATE TABLE IF NOT EXISTS single (name TEXT PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS accounts (place INTEGER PRIMARY KEY, name TEXT UNIQUE, value TEXT);
CREATE TABLE IF NOT EXISTS listings (place INTEGER PRIMARY KEY, name TEXT UNIQUE, value TEXT);
CREATE TABLE IF NOT EXISTS orders (place INTEGER PRIMARY KEY, value TEXT);
CREATE TABLE IF NOT EXISTS trades (place INTEGER PRIMARY KEY, value TEXT);
"""
# A row that changes keeps its place: accounts and securities come back in the order they came.
_KEEP = "INSERT INTO {} (name, value) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value"
_LISTS = ("accounts", "orders", "trades")


class Store:
    """The state file of one terminal. Raises LinkError when it cannot be opened or is not ours."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = os.fspath(path)
        self._singles: dict[str, str] = {}
        self._seen: dict[str, tuple[object, object]] = {}
        self._failed = False
        try:
            self._db = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None, timeout=1.0)
        except sqlite3.Error as error:
            raise LinkError(f"打不开仿真终端的状态文件 {self._path}：{error}") from None
        try:
            self._prepare()
        except BaseException:
            self._db.close()
            raise

    def load(self) -> tuple[Counter, Market, int] | None:
        """The counter, its market and the days that ``next_day`` has moved on; None for a new file."""
        try:
            self._singles = dict(self._db.execute("SELECT name, value FROM single"))
            if "numbers" not in self._singles:
                return None
            single = {name: json.loads(value) for name, value in self._singles.items()}
            market = Market.restore({**single["market"], "listings": self._rows("listings")})
            kept = {name: single[name] for name in ("settings", "day", "numbers")}
            rows = {name: self._rows(name) for name in _LISTS}
            counter = Counter.restore({**kept, **rows}, market)
        except (sqlite3.Error, ValueError, KeyError, TypeError) as error:
            raise LinkError(
                f"仿真终端的状态文件 {self._path} 不可用：{error!r}；可以移走它重新开始"
            ) from None
        self._seen = _fingerprint(market)
        return counter, market, int(single["days"])

    def save(self, counter: Counter, market: Market, days: int) -> None:
        """Write what has changed since the last time, whole at the first time; back only when it is kept.

        Raises LinkError when it cannot be written, and from then on always: nothing may be said any more.
        """
        if self._failed:
            raise LinkError(f"仿真终端的状态已写不进 {self._path}")
        first = "numbers" not in self._singles
        changes = counter.changes()
        state = counter.state() if first else changes
        seen = _fingerprint(market)
        moved = {code for code, mark in seen.items() if not _same(self._seen.get(code), mark)}
        listed = market.state() if moved or first else {}
        singles = {name: _json(value) for name, value in state.items() if name not in _LISTS}
        singles["days"] = _json(days)
        if listed:
            singles["market"] = _json({key: value for key, value in listed.items() if key != "listings"})
        new = {name: value for name, value in singles.items() if self._singles.get(name) != value}
        if not (new or moved or any(state[name] for name in _LISTS)):
            return
        listings = [one for one in listed.get("listings", ()) if one["instrument"]["stock_code"] in moved]
        try:
            with self._transaction():
                self._write(state, new, listings)
        except sqlite3.Error as error:
            self._failed = True
            raise LinkError(f"仿真终端的状态写不进 {self._path}：{error}") from None
        self._singles.update(new)
        self._seen = seen

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _prepare(self) -> None:
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            # A killed process loses nothing with NORMAL; only a machine losing power could.
            self._db.execute("PRAGMA synchronous=NORMAL")
            (found,) = self._db.execute("PRAGMA user_version").fetchone()
            if found not in (0, FORMAT):
                raise LinkError(f"{self._path} 的格式是 {found}，本程序只支持 {FORMAT}")
            self._db.executescript(_TABLES)
            self._db.execute(f"PRAGMA user_version={FORMAT}")
        except sqlite3.Error as error:
            raise LinkError(f"{self._path} 不是仿真终端的状态文件：{error}") from None

    def _rows(self, table: str) -> list[Any]:
        return [
            json.loads(value) for (value,) in self._db.execute(f"SELECT value FROM {table} ORDER BY place")
        ]

    def _write(self, state: Mapping[str, Any], singles: Mapping[str, str], listings: list[Any]) -> None:
        execute, many = self._db.execute, self._db.executemany
        if "day" in singles:
            # Yesterday's orders and trades left the books, as in ``daybook.merged``.
            execute("DELETE FROM orders")
            execute("DELETE FROM trades")
        many("INSERT OR REPLACE INTO single VALUES (?, ?)", singles.items())
        many(_KEEP.format("accounts"), ((one["account_id"], _json(one)) for one in state["accounts"]))
        many(
            "INSERT OR REPLACE INTO orders VALUES (?, ?)",
            ((one["serial"], _json(one)) for one in state["orders"]),
        )
        many("INSERT INTO trades (value) VALUES (?)", ((_json(one),) for one in state["trades"]))
        many(_KEEP.format("listings"), ((one["instrument"]["stock_code"], _json(one)) for one in listings))

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise


def _fingerprint(market: Market) -> dict[str, tuple[object, object]]:
    """Which objects a market is made of: both are frozen and replaced by every change."""
    return {code: (market.instrument(code), market.ladder(code)) for code in market.codes()}


def _same(one: tuple[object, object] | None, other: tuple[object, object]) -> bool:
    return one is not None and one[0] is other[0] and one[1] is other[1]


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))
