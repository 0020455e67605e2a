"""Delivers a simulated market's ticks to callbacks: one thread, one callback after another.

A callback that raises is logged and the next one runs. Never calls back with a lock held, and ends with the
terminal or with the last subscription.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from easytrader_qmt.sim.market_view import MarketView
from easytrader_qmt.sim.tape import Tick

Payload = dict[str, Any]


@dataclass(eq=False)
class Subscription:
    """One subscription: which securities, what to say of their ticks, whom to tell.

    ``first`` is said before any tick; ``since`` is the serial up to which it was told.
    """

    wants: Callable[[str], bool]
    payloads: Callable[[Sequence[Tick]], list[Payload]]
    callback: Callable[[Payload], object]
    first: list[Payload] = field(default_factory=list)
    since: int = 0


def call_back(callback: Callable[[Payload], object], payload: Payload) -> None:
    """Tell a user's callback; what it raises is logged."""
    try:
        callback(payload)
    except Exception as error:
        from easytrader_qmt.failure_lines import log_failure

        log_failure("ERROR", f"行情回调 {callback!r} 出错：{error}", error)


class QuoteFeed:
    """A market, which it owns, and the subscriptions to it."""

    def __init__(self, view: MarketView) -> None:
        self.view = view
        self._lock = threading.Lock()
        self._subscriptions: dict[int, Subscription] = {}
        self._thread: threading.Thread | None = None

    def add(self, number: int, subscription: Subscription) -> None:
        """Deliver to ``subscription`` from now on."""
        with self._lock:
            self._subscriptions[number] = subscription
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="sim quotes", daemon=True)
                self._thread.start()
        self.view.interrupt()

    def remove(self, number: int) -> bool:
        """End a subscription; whether there was one. A callback that runs already is not waited for."""
        with self._lock:
            there = self._subscriptions.pop(number, None) is not None
        self.view.interrupt()
        return there

    def close(self) -> None:
        """End every subscription, and leave the market."""
        with self._lock:
            self._subscriptions.clear()
        self.view.close()

    def _run(self) -> None:
        try:
            while (serial := self._next()) is not None:
                ticks = self.view.news(serial)
                for number, subscription in self._current():
                    self._deliver(number, subscription, ticks)
                if ticks:
                    # There may be more than one answer holds.
                    self.view.interrupt()
        except Exception as error:
            from loguru import logger

            logger.error("行情推送中止：{}", error)
            self._ended()

    def _next(self) -> int | None:
        """The serial to ask from; None when the thread may end."""
        if not self.view.alive():
            from loguru import logger

            if self._current():
                logger.warning("仿真终端已断开，行情订阅结束")
            self._ended()
        with self._lock:
            if not self._subscriptions:
                self._thread = None
                return None
            return min(one.since for one in self._subscriptions.values())

    def _ended(self) -> None:
        with self._lock:
            self._subscriptions.clear()
            self._thread = None

    def _current(self) -> list[tuple[int, Subscription]]:
        with self._lock:
            return list(self._subscriptions.items())

    def _deliver(self, number: int, subscription: Subscription, ticks: Sequence[Tick]) -> None:
        first, subscription.first = subscription.first, []
        new = [
            tick for tick in ticks if tick.serial > subscription.since and subscription.wants(tick.stock_code)
        ]
        if ticks:
            subscription.since = max(subscription.since, ticks[-1].serial)
        for payload in [*first, *(subscription.payloads(new) if new else [])]:
            with self._lock:
                if number not in self._subscriptions:
                    return
            call_back(subscription.callback, payload)
