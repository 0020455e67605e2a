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
from easytrader_qmt.remarks import remark_of, token_of

_DAYS, _MOST = 7, 10_000
"""For how many days, and of how many orders, it is remembered that they count as not being at the counter."""


class Disproofs:
    """One account's. ``found(entry, order_id, message)`` is called for an order that is there after all."""

    def __init__(
        self,
        account_id: str,
        account_type: int,
        journal: AnyJournal,
        watch: OrderWatch,
        clock: Clock,
        found: Callable[[Entry, int, str], None],
    ) -> None:
        self._account_id = account_id
        self._types = (0, account_type)
        self._journal = journal
        self._watch = watch
        self._found = found
        self._lock = threading.RLock()  # whoever holds it may be interrupted by a handler that orders
        self._denied: RecentDays[str, bool] = RecentDays(clock, _DAYS, _MOST)

    def deny(self, token: str, *, by_push: bool = True) -> int:
        """An order counts as absent or refused from now on, and the journal says so.

        ``by_push``: whether a push that shows it proves otherwise. Not for what was refused by a push, because
        pushes may come late or again: there only a list of the counter's does. The order's number where a push
        has proved it already, otherwise 0. Raises JournalError.
        """
        with self._lock:
            self._denied[token] = by_push or self._denied.get(token, False)
        # Denied first and looked for then, so that a push in between is seen by one of the two.
        live = self._watch.live(token) if by_push else None
        if live is None:
            return 0
        if self.proves(token, *live):
            return live[0]
        entry = self._journal.find_token(self._account_id, token)
        if entry is None or entry.outcome != "accepted" or entry.rejected_later:
            return 0
        return entry.order_id  # the push was first

    def final(self, token: str) -> None:
        """The counter says 废单, which is the last word: no push that is older, or comes again, undoes it."""
        with self._lock:
            self._denied.discard(token)

    def proves(self, token: str, order_id: int, status: int, *, listed: bool = False) -> bool:
        """Whether an order of this number and status at the counter proves a verdict wrong; it is then undone.

        ``listed``: a list says so, not a push. Raises JournalError.
        """
        if order_id <= 0 or status == REJECTED:
            return False
        with self._lock:
            by_push = self._denied.get(token, None)
            if by_push is None or not (listed or by_push):
                return False
            self._denied.discard(token)  # one of two threads takes it up
        still_denied = True
        try:
            entry = self._journal.find_token(self._account_id, token)
            if entry is None or entry.account_type not in self._types:
                still_denied = False
                return False
            undone = self._undone(entry, order_id, status)
            still_denied = not undone and entry.outcome in ("absent", "refused")
            return undone
        finally:
            if still_denied:
                with self._lock:
                    self._denied[token] = by_push

    def _undone(self, entry: Entry, order_id: int, status: int) -> bool:
        if not disproved(entry, order_id, status):
            return False
        before = "柜台没有这笔委托" if entry.outcome == "absent" else f"被拒绝（{entry.message}）"
        message = f"此前认为{before}，但它已报到柜台，请按已报处理，不要再下"
        self._journal.found_live(entry.key, order_id, message)
        self._watch.sent(order_id, entry.token)
        refusal = self._watch.refusal(order_id, entry.token)
        if refusal is not None:  # heard in between
            self._journal.attach_refusal(self._account_id, entry.token, refusal)
        else:
            self._found(entry, order_id, message)
        return True

    def look(self, orders: Iterable[Any]) -> None:
        """Look in a list of the counter's for orders that it proves to be there. Raises JournalError."""
        if not self._denied:
            return
        for order in orders:
            token = token_of(remark_of(order) or "")
            if token is None or token not in self._denied:
                continue
            number, status = int(order.order_id), int(order.order_status)
            if status == REJECTED:
                self.final(token)
                continue
            self._watch.listed(number, token, status)
            self.proves(token, number, status, listed=True)
