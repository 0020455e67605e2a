"""What was last known of orders and trades, and what a push or a snapshot adds to it.

Merging is monotone: any interleaving, duplication and reordering of pushes and snapshots ends in the same
state and yields each trade once. Never asks the terminal, never calls a handler, never reads a clock.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, NamedTuple

from easytrader_qmt.clock import day_number
from easytrader_qmt.miniqmt.names import FINAL_STATUSES

# Account number, day, type of account and more. The type: one number may be a stock and a margin account's.
OrderKey = tuple[str, int, int, str]
TradeKey = tuple[str, int, int, str, str]

# How far along each status is among orders with the same traded volume. 51 and 52 wait for a cancel and can
# still fill, so they stand below every final status.
_RANK = {255: 0, 48: 1, 49: 2, 50: 3, 55: 4, 51: 5, 52: 6, 54: 7, 53: 8, 57: 9, 56: 10}


class Progress(NamedTuple):
    """How far an order has come; a greater one is later."""

    final: bool
    traded_volume: int
    rank: int
    status: int
    numbered: bool
    explained: bool


class Change(NamedTuple):
    """One thing that is news: ``kind`` is ``order`` or ``trade``."""

    kind: str
    record: Any


def progress(order: Any) -> Progress:
    """How far the vendor's order object has come."""
    status = number(order, "order_status")
    return Progress(
        final=status in FINAL_STATUSES,
        traded_volume=number(order, "traded_volume"),
        rank=_RANK.get(status, 0),
        status=status,
        numbered=bool(text(order, "order_sysid")),
        explained=bool(text(order, "status_msg")),
    )


def order_key(order: Any, today: int) -> OrderKey:
    """Account, date and number of an order. Terminals start their numbers anew, so the date belongs to it.

    An order placed by hand in the terminal has number 0 and is known by its counter number alone.
    """
    order_id = number(order, "order_id")
    sysid = text(order, "order_sysid")
    if order_id > 0:
        name = f"id:{order_id}"
    elif sysid:
        name = f"sys:{_market(order)}:{sysid}"
    else:
        name = f"hand:{text(order, 'stock_code')}:{order.order_time}:{order.order_volume}:{order.price}"
    return text(order, "account_id"), day_of(order.order_time, today), number(order, "account_type"), name


def trade_key(trade: Any, today: int) -> TradeKey:
    """Account, date, market and number of a trade: what tells a replayed push from a new trade."""
    name = text(trade, "traded_id")
    if not name:
        name = f"{text(trade, 'order_sysid')}:{trade.traded_time}:{trade.traded_price}:{trade.traded_volume}"
    kind = number(trade, "account_type")
    return text(trade, "account_id"), day_of(trade.traded_time, today), kind, _market(trade), name


class Mirror:
    """The last known orders and the trades already told, of all accounts. Used from one thread."""

    def __init__(self) -> None:
        self.orders: dict[OrderKey, tuple[Progress, Any]] = {}
        self.trades: set[TradeKey] = set()
        self._errors: set[tuple[str, int, int, int, str, str]] = set()

    def order(self, order: Any, today: int) -> bool:
        """Take an order; True when it is further than what was known."""
        key = order_key(order, today)
        now = progress(order)
        known = self.orders.get(key)
        if known is not None and now <= known[0]:
            return False
        self.orders[key] = (now, order)
        return True

    def trade(self, trade: Any, today: int) -> bool:
        """Take a trade; True when it was not known."""
        key = trade_key(trade, today)
        if key in self.trades:
            return False
        self.trades.add(key)
        return True

    def error(self, error: Any, today: int) -> bool:
        """Take a refusal; False when the same refusal of the same order was told before on this day."""
        order_id, remark = number(error, "order_id"), text(error, "order_remark")
        if order_id <= 0 and not remark:
            return True  # of an order by hand nothing tells it from the next one
        kind = number(error, "account_type")
        key = (text(error, "account_id"), today, kind, order_id, text(error, "error_msg"), remark)
        if key in self._errors:
            return False
        self._errors.add(key)
        return True

    def snapshot(
        self, orders: Iterable[Any], trades: Iterable[Any], today: int, odd: list[Exception] | None = None
    ) -> list[Change]:
        """Take complete answers; what is news comes back, orders before trades, each by time.

        A record that cannot be read is passed over, and why goes to ``odd``: it must not cost the others.
        """
        changes: list[Change] = []
        for kind, records, take in (
            ("order", _by_time(orders, "order_time"), self.order),
            ("trade", _by_time(trades, "traded_time"), self.trade),
        ):
            for one in records:
                try:
                    if take(one, today):
                        changes.append(Change(kind, one))
                except Exception as error:
                    if odd is not None:
                        odd.append(error)
        return changes

    def forget_before(self, day: int) -> None:
        """Drop what is older than a day number, so that months do not pile up.

        A terminal whose clock stands behind ``day`` loses nothing of its own last days.
        """
        newest = max([key[1] for key in self.orders] + [key[1] for key in self.trades], default=day)
        oldest = min(day, newest)
        self.orders = {key: value for key, value in self.orders.items() if key[1] >= oldest}
        self.trades = {key for key in self.trades if key[1] >= oldest}
        self._errors = {key for key in self._errors if key[1] >= day}


def text(record: Any, name: str) -> str:
    """A string field, ``''`` when absent or when the terminal cut a character in half."""
    try:
        return str(getattr(record, name, "") or "")
    except UnicodeDecodeError:
        return ""


def number(record: Any, name: str) -> int:
    """A whole number field, 0 when absent or no finite number: one odd record must not cost the others."""
    value = getattr(record, name, 0)
    if isinstance(value, float):
        return int(value) if math.isfinite(value) else 0
    return int(value) if isinstance(value, int) else 0


def _market(record: Any) -> str:
    return text(record, "stock_code").rpartition(".")[2]


def _by_time(records: Iterable[Any], field: str) -> list[Any]:
    """Terminals list newest first or last; records without a time stay where they are among equals."""

    def time(record: Any) -> float:
        try:
            value = getattr(record, field, 0)
            return value if isinstance(value, (int, float)) and math.isfinite(value) else 0
        except Exception:  # whoever takes the record finds out what is wrong with it
            return 0

    return sorted(records, key=time)


def day_of(seconds: Any, today: int) -> int:
    """The day of a time in Unix seconds. What cannot be one (0, or a clock reading such as 93000) is today."""
    plausible = isinstance(seconds, (int, float)) and 1e9 <= seconds < 1e11
    return day_number(seconds) if plausible else today
