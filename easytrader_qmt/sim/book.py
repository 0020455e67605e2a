"""Resting orders of the simulated exchange by security, in price-time priority.

Never matches anything itself, and never holds money or shares.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from easytrader_qmt.sim.order import Order


class RestingOrders:
    """Who waits at which limit. Best price first, at one price the earlier order first."""

    def __init__(self) -> None:
        self._queues: dict[tuple[str, bool], list[tuple[int, int]]] = {}
        self._orders: dict[int, Order] = {}

    def add(self, order: Order) -> None:
        """Queue an order at its limit."""
        insort(self._queues.setdefault((order.stock_code, order.buying), []), _place(order))
        self._orders[order.serial] = order

    def remove(self, order: Order) -> None:
        """Take an order out; nothing happens when it is not there."""
        if self._orders.pop(order.serial, None) is None:
            return
        queue = self._queues[order.stock_code, order.buying]
        del queue[bisect_left(queue, _place(order))]

    def best(self, stock_code: str, buying: bool) -> Order | None:
        """The order that trades next on this side, or None."""
        queue = self._queues.get((stock_code, buying))
        return self._orders[queue[0][1]] if queue else None


def _place(order: Order) -> tuple[int, int]:
    return (-order.limit if order.buying else order.limit, order.serial)
