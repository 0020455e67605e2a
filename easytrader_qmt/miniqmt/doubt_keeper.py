"""Clears up orders whose outcome is unknown: matches them with the counter's list and reports what was found.

Never sends an order again, and never takes an incomplete list for a proof of absence.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from loguru import logger

from easytrader_qmt.clock import Clock
from easytrader_qmt.doubts import provable_from, reconcile
from easytrader_qmt.errors import JournalError, NotConnected, QueryFailed
from easytrader_qmt.journal_entries import Entry
from easytrader_qmt.journal_memory import AnyJournal
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.order_watch import OrderWatch
from easytrader_qmt.miniqmt.outcomes import Told

_FOUND = {
    "accepted": "已在柜台找到",
    "refused": "柜台已拒绝",
    "absent": "柜台没有这笔委托，可用同一编号重新下单",
}


class DoubtKeeper:
    """One account's orders in doubt. ``tell`` gets a row for each one that is cleared up."""

    def __init__(
        self,
        connection: Connection,
        account: Any,
        journal: AnyJournal,
        watch: OrderWatch,
        clock: Clock,
        tell: Callable[[dict[str, Any]], None],
    ) -> None:
        self._connection = connection
        self._account = account
        self._journal = journal
        self._watch = watch
        self._clock = clock
        self._tell = tell
        self._warned: set[int] = set()

    def open(self) -> tuple[Entry, ...]:
        """Orders whose outcome nobody knows."""
        return self._journal.open_doubts(self._account.account_id)

    def note(self) -> None:
        """Before a snapshot: what a dead process left behind counts as in doubt from now on."""
        try:
            self.open()
        except JournalError as error:
            logger.warning("未能读取委托日志中结果未知的委托：{}", error)

    def look_again(self, patience: float = 0.0) -> bool:
        """Ask the counter what became of the orders in doubt; True when none is left.

        An order may still be on its way for some seconds, so that its absence proves nothing yet: up to
        ``patience`` seconds are spent on waiting for the moment from which it does.
        """
        try:
            doubts = self.open()
            if not doubts:
                return True
            self._look()
            doubts = self.open()
            due = (provable_from(doubts) or 0.0) - self._clock.now()
            if doubts and 0 < due <= patience:
                self._clock.sleep(due)
                self._look()
                doubts = self.open()
            return not doubts
        except (JournalError, NotConnected, QueryFailed) as error:
            logger.warning("未能核对结果未知的委托：{}", error)
            return False

    def due_in(self) -> float | None:
        """Seconds until a look at the counter can prove something; None when nothing is in doubt."""
        try:
            due = provable_from(self.open())
        except JournalError:
            return None
        return None if due is None else max(0.0, due - self._clock.now())

    def _look(self) -> None:
        started = self._clock.now()
        self.settle(self._connection.ask("query_stock_orders", self._account), started)

    def settle(self, orders: Sequence[Any], started: float) -> None:
        """Match what is in doubt with a complete list of today's orders, asked for at Unix ``started``."""
        try:
            entries = self.open()
            for found in reconcile(entries, orders, complete=True, snapshot_started=started):
                self._settled(found.entry, found.outcome, found.order_id, found.message)
        except JournalError as error:
            logger.error("未能核对结果未知的委托：{}", error)

    def _settled(self, entry: Entry, outcome: Any, order_id: int, message: str) -> None:
        if outcome in ("in_doubt", "sending"):
            if entry.key not in self._warned:
                self._warned.add(entry.key)
                logger.warning(
                    "委托结果仍然未知: 证券代码={}, 备注={}，不会自动重发", entry.stock_code, entry.remark
                )
            return
        self._journal.finish(entry.key, outcome, order_id=order_id, message=message)
        if order_id > 0:
            self._watch.sent(order_id, entry.token)
        logger.warning(
            "结果未知的委托已核对: 证券代码={}, 备注={}, {}, 委托单号={}",
            entry.stock_code, entry.remark, _FOUND.get(outcome, outcome), order_id or "无",
        )  # fmt: skip
        self._connection.later(self._tell, row_of(entry, outcome, order_id, message))

    def answered_late(self, told: Told) -> None:
        """An answer came after its deadline. Runs on the dispatcher thread."""
        entry = self._journal.find(self._account.account_id, told.client_order_id)
        if entry is not None:
            self._tell(row_of(entry, told.outcome, told.order_id, told.message))


def row_of(entry: Entry, outcome: str, order_id: int, message: str) -> dict[str, Any]:
    """An order in doubt as ``user.in_doubt`` and the event of that name show it."""
    return {
        "client_order_id": entry.client_order_id,
        "outcome": outcome,
        "entrust_no": order_id,
        "message": message,
        "stock_code": entry.stock_code,
        "order_type": entry.order_type,
        "price": entry.price,
        "amount": entry.amount,
        "remark": entry.user_remark,
        "sent_remark": entry.remark,
        "account_id": entry.account_id,
    }
