"""Orders that count as absent or refused although the counter has them: found out, and written down.

A list can be a moment older than an order that was slow on its way, and some refusals are the terminal's own,
such as a timeout. Never sends an order, and never takes an old push for a proof.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from easytrader_qmt.clock import Clock
from easytrader_qmt.doubts import REJECTED, disproved
from easytrader_qmt.journal_entries import Entry
from easytrader_qmt.journal_memory import AnyJournal
from easytrader_qmt.miniqmt.order_watch import OrderWatch
from easytrader_qmt.recent_days import RecentDays
from easytrader_qmt.remarks import token_of

_DAYS, _MOST = 7, 10_000
"""For how many days, and of how many orders, it is remembered that they count as not being at the counter."""


class Disproofs:
    """One account's. ``found(entry, order_id, message)`` is called for an order that is there after all."""

    def __init__(
        self,
        account: Any,
        journal: AnyJournal,
        watch: OrderWatch,
        clock: Clock,
        found: Callable[[Entry, int, str], None],
    ) -> None:
        self._account = account
        self._journal = journal
        self._watch = watch
        self._found = found
        self._lock = threading.Lock()
        self._denied: RecentDays[str, bool] = RecentDays(clock, _DAYS, _MOST)

    def deny(self, token: str) -> int:
        """An order counts as absent or refused from now on, and the journal says so.

        The order's number where a push has shown it already, otherwise 0. Raises JournalError.
        """
        with self._lock:
            self._denied[token] = True
        # Denied first and looked for then, so that a push in between is seen by one of the two.
        live = self._watch.live(token)
        return live[0] if live is not None and self.proves(token, *live) else 0

    def proves(self, token: str, order_id: int, status: int) -> bool:
        """Whether an order of this number and status at the counter proves a verdict wrong; it is then undone.

        Raises JournalError.
        """
        if order_id <= 0 or status == REJECTED or token not in self._denied:
            return False
        entry = self._journal.find_token(self._account.account_id, token)
        if entry is None or not disproved(entry, order_id, status):
            return False
        before = "柜台没有这笔委托" if entry.outcome == "absent" else f"被拒绝（{entry.message}）"
        message = f"此前认为{before}，但它已报到柜台"
        self._journal.found_live(entry.key, order_id, message)
        self._watch.found_live(order_id, token)
        with self._lock:
            self._denied.discard(token)
        self._found(entry, order_id, message)
        return True

    def look(self, orders: Iterable[Any]) -> None:
        """Look in a list of the counter's. Raises JournalError."""
        if not self._denied:
            return
        for order in orders:
            token = token_of(order.order_remark or "")
            if token is not None and token in self._denied:
                self.proves(token, int(order.order_id), int(order.order_status))
