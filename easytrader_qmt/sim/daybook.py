"""What the simulated counter has on its books: accounts, today's orders and trades, running numbers.

Remembers what changed since it was last asked, so that a store writes only that. Never decides anything.
"""

from __future__ import annotations

from typing import Any

from easytrader_qmt.sim.account import Account
from easytrader_qmt.sim.hours import seconds_of_day
from easytrader_qmt.sim.order import LIVE, Order

Row = dict[str, Any]
_FIRST_SYSID = 1_100_000_000


class DayBook:
    """Accounts, orders and trades. Rows handed out are shared: readers never modify them."""

    def __init__(self, first_order_id: int) -> None:
        self.accounts: dict[str, Account] = {}
        self.orders: dict[str, dict[int, Order]] = {}
        self.live: dict[str, dict[int, Order]] = {}
        self.trades: dict[str, list[Row]] = {}
        self.day = 0
        self._next_order_id = first_order_id
        self._next_serial = 1
        self._next_trade = 1
        self._by_order_id: dict[int, Order] = {}
        self._by_sysid: dict[tuple[int, str], Order] = {}
        self._changed_accounts: dict[str, Account] = {}
        self._changed_orders: dict[int, Order] = {}
        self._new_trades: list[Row] = []

    def open(self, account: Account) -> None:
        """Put an account on the books."""
        self.accounts[account.account_id] = account
        self.orders.setdefault(account.account_id, {})
        self.live.setdefault(account.account_id, {})
        self.trades.setdefault(account.account_id, [])
        self.touch(account)

    def serial(self) -> int:
        """The next order's own number."""
        self._next_serial += 1
        return self._next_serial - 1

    def order_id(self) -> int:
        """The next order id."""
        self._next_order_id += 1
        return self._next_order_id - 1

    def traded_id(self, now: float) -> str:
        """The next trade's number: the time of day and a running number, never the same twice."""
        second = seconds_of_day(now)
        clock = f"{second // 3600:02d}{second // 60 % 60:02d}{second % 60:02d}"
        self._next_trade += 1
        return f"{clock}{self._next_trade - 1:010d}"

    def add(self, order: Order) -> None:
        """Put an order on the books; one the exchange took gets its order_sysid."""
        if order.status in LIVE:
            order.order_sysid = str(_FIRST_SYSID + order.serial)
        self._index(order)
        self.touch_order(order)

    def touch_order(self, order: Order) -> None:
        """An order changed."""
        order.changed()
        self._changed_orders[order.serial] = order
        if not order.open:
            self.live[order.account_id].pop(order.serial, None)

    def touch(self, account: Account) -> None:
        """An account or its positions changed."""
        self._changed_accounts[account.account_id] = account

    def add_trade(self, row: Row) -> None:
        """Put a trade on the books."""
        self.trades[row["account_id"]].append(row)
        self._new_trades.append(row)

    def find(
        self, account_id: str, order_id: int = 0, order_sysid: str = "", market: int = -1
    ) -> Order | None:
        """An account's order by its id, or by market and order_sysid."""
        by_sysid = self._by_sysid.get((market, order_sysid))
        order = self._by_order_id.get(order_id) if order_id else by_sysid
        return order if order is not None and order.account_id == account_id else None

    def next_day(self) -> None:
        """Today's orders and trades leave the books; the numbers run on."""
        for account_id in self.accounts:
            self.orders[account_id], self.live[account_id], self.trades[account_id] = {}, {}, []
        self._by_order_id, self._by_sysid = {}, {}
        self._changed_orders, self._new_trades = {}, []
        self.day += 1

    def state(self) -> Row:
        """Everything, JSON-able; `restore` makes the same books from it."""
        return {
            **self._numbers(),
            "accounts": [account.state() for account in self.accounts.values()],
            "orders": [order.state() for orders in self.orders.values() for order in orders.values()],
            "trades": [row for trades in self.trades.values() for row in trades],
        }

    def changes(self) -> Row:
        """The same form with only what changed since the last call; see `merged`."""
        changed = {
            **self._numbers(),
            "accounts": [account.state() for account in self._changed_accounts.values()],
            "orders": [order.state() for order in self._changed_orders.values()],
            "trades": self._new_trades,
        }
        self._changed_accounts, self._changed_orders, self._new_trades = {}, {}, []
        return changed

    @classmethod
    def restore(cls, state: Row) -> DayBook:
        """The books that ``state`` was taken from, with nothing counted as changed."""
        numbers = state["numbers"]
        book = cls(numbers["order_id"])
        book.day, book._next_serial, book._next_trade = state["day"], numbers["serial"], numbers["trade"]
        for kept in state["accounts"]:
            book.open(Account.restore(kept))
        for kept in state["orders"]:
            book._index(Order(**kept))
        for row in state["trades"]:
            book.trades[row["account_id"]].append(row)
        book._changed_accounts = {}
        return book

    def _numbers(self) -> Row:
        numbers = {"order_id": self._next_order_id, "serial": self._next_serial, "trade": self._next_trade}
        return {"day": self.day, "numbers": numbers}

    def _index(self, order: Order) -> None:
        self.orders[order.account_id][order.serial] = order
        if order.open:
            self.live[order.account_id][order.serial] = order
        if order.order_id:
            self._by_order_id[order.order_id] = order
        if order.order_sysid:
            self._by_sysid[order.market_id, order.order_sysid] = order


def merged(state: Row, changes: Row) -> Row:
    """``state`` brought up to date with what `DayBook.changes` (or ``Counter.changes``) returned after it.

    Accounts go by ``account_id``, orders by ``serial``, trades are appended; when ``day`` moved on, the
    orders and trades of the day before are dropped first.
    """
    same_day = state["day"] == changes["day"]
    accounts = {kept["account_id"]: kept for kept in [*state["accounts"], *changes["accounts"]]}
    earlier = state["orders"] if same_day else []
    orders = {kept["serial"]: kept for kept in [*earlier, *changes["orders"]]}
    trades = [*(state["trades"] if same_day else []), *changes["trades"]]
    together = {"accounts": list(accounts.values()), "orders": list(orders.values()), "trades": trades}
    return {**state, **changes, **together}
