"""Clears up orders whose outcome is unknown: matches them with the counter's list and reports what was found.

Never sends an order again, and never takes an incomplete list for a proof of absence.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from typing import Any

from loguru import logger

from easytrader_qmt.clock import Clock
from easytrader_qmt.doubts import SETTLE_SECONDS, may_be_there, provable_from, reconcile
from easytrader_qmt.errors import InvalidArgument, JournalError, NotConnected, QueryFailed, shown
from easytrader_qmt.journal_entries import RETRYABLE, Begun, Entry, Outcome
from easytrader_qmt.journal_memory import AnyJournal
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.disproofs import Disproofs
from easytrader_qmt.miniqmt.doubt_rows import late_row, row_of
from easytrader_qmt.miniqmt.listed_orders import ListedOrders
from easytrader_qmt.miniqmt.order_lines import say
from easytrader_qmt.miniqmt.order_watch import JUNK, OrderWatch, Word
from easytrader_qmt.miniqmt.outcomes import Told, of_entry
from easytrader_qmt.orders import OrderRequest
from easytrader_qmt.recent_days import RecentDays

_DAYS, _MOST = 7, 10_000
"""For how many days, and of how many orders, it is remembered what was told; an open doubt for as long as it is."""

_CLOCK_NOISE = 0.1
"""By how many seconds the two clocks may differ over the few that an order may be on its way."""

_LEAST_REST = 1.0
"""Seconds between two looks that are due."""

_FOUND = {
    "accepted": "已在柜台找到",
    "refused": "柜台已拒绝",
    "absent": "柜台没有这笔委托，可用同一编号重新下单",
}


class DoubtKeeper:
    """One account's orders in doubt. ``tell`` gets a row for each one that is cleared up, once.

    ``recount`` is told of one that is not at the counter (-1), and of one that is there after all (1).
    """

    def __init__(
        self,
        connection: Connection,
        account: Any,
        journal: AnyJournal,
        watch: OrderWatch,
        clock: Clock,
        tell: Callable[[dict[str, Any]], None],
        recount: Callable[[Entry, int], None] = lambda entry, orders: None,
    ) -> None:
        self._connection = connection
        self._account = account
        self._journal = journal
        self._watch = watch
        self._clock = clock
        self._tell = tell
        self._recount = recount
        self._lock = threading.RLock()  # whoever holds it may be interrupted by a handler that orders
        self._warned: RecentDays[int, str] = RecentDays(clock, _DAYS, _MOST)
        self._told: RecentDays[int, str] = RecentDays(clock, _DAYS, _MOST)
        self._absent: RecentDays[int, bool] = RecentDays(clock, _DAYS, _MOST)
        self._expected: RecentDays[str, float] = RecentDays(clock, _DAYS, _MOST)  # since when, monotonic
        self._disproofs = Disproofs(
            account.account_id, type_of(account), journal, watch, clock, self._found_live
        )
        self.listed = ListedOrders()
        self._looked = 0.0  # when the last look that brought an answer was begun
        self._asked = 0.0  # when the last list was asked for here, by the monotonic clock

    def open(self) -> tuple[Entry, ...]:
        """Orders whose outcome nobody knows. Raises JournalError."""
        # Of this type: the same number may be another account too, whose orders this one's list does not show.
        found = self._journal.open_doubts(self._account.account_id, type_of(self._account))
        with self._lock:
            for entry in found:
                self._expected[entry.token] = self._expected.get(entry.token, -math.inf)
        return found

    def expect(self, token: str) -> None:
        """The order with this token is in doubt from now on; a push that carries it settles that."""
        with self._lock:
            self._expected[token] = self._clock.monotonic()
        self._connection.look_soon()

    def denied(self, token: str, *, by_push: bool = True) -> int:
        """The journal says from now on that an order was refused: its number if it is at the counter all the same.

        ``by_push``: see ``Disproofs.deny``.
        """
        try:
            return self._disproofs.deny(token, by_push=by_push)
        except JournalError as error:
            say("ERROR", "未能核对柜台上的委托：{}", error)
            return 0

    def ask_once_more(self, absent: Sequence[Entry], since: float) -> Told | None:
        """Before an order that was found absent is sent again: the attempt that the counter has by now, if any.

        Nothing is asked where a whole list was since ``since``, by the monotonic clock. Raises NotConnected or
        JournalError, with nothing sent, when it cannot be found out.
        """
        for entry in absent:
            self._disproofs.deny(entry.token)
        if self._asked <= since:
            try:
                orders = self._connection.ask("query_stock_orders", self._account)
            except QueryFailed as error:
                raise NotConnected(
                    f"没能确认上一次委托确实不在柜台，没有发送，可以稍后重试：{error}"
                ) from None
            self._disproofs.look(orders)
            for entry in absent:
                why = "" if self._watch.live(entry.token) else may_be_there(entry, orders)
                if why:
                    raise NotConnected(f"没能确认上一次委托确实不在柜台，没有发送：{why}")
        return self._turned_up(absent)

    def _turned_up(self, absent: Sequence[Entry]) -> Told | None:
        for entry in absent:
            # What was heard and seen comes first: what it proved may not be in the journal yet.
            live = self._watch.live(entry.token)
            if live is not None:
                return Told("accepted", live[0], "", entry.client_order_id, entry.remark)
            now = self._journal.find_token(entry.account_id, entry.token)
            if now is not None and now.outcome not in RETRYABLE:
                return of_entry(now)
        return None

    def note(self) -> None:
        """Before a snapshot: what a dead process left behind counts as in doubt from now on."""
        try:
            self.open()
        except JournalError as error:
            logger.warning("未能读取委托日志中结果未知的委托：{}", error)

    def look_again(self, patience: float = 0.0, key: int | None = None) -> bool:
        """Ask the counter what became of the orders in doubt; True when none is left.

        An order may still be on its way for some seconds, so that its absence proves nothing yet: up to
        ``patience`` seconds are spent on waiting for the moment from which it does. ``key``: only this order
        matters.
        """
        try:
            if not self._left(key):
                return True
            self._look()
            doubts = self._left(key)
            due = (provable_from(doubts) or 0.0) - self._clock.now()
            if doubts and 0 < due <= patience:
                self._clock.sleep(due)
                self._look()
                doubts = self._left(key)
            return not doubts
        except (JournalError, NotConnected, QueryFailed) as error:
            logger.warning("未能核对结果未知的委托：{}", error)
            return False

    def _left(self, key: int | None) -> list[Entry]:
        return [entry for entry in self.open() if key in (None, entry.key)]

    def settle_by_hand(self, client_order_id: str, order_id: int) -> None:
        """Write what a person found at the counter: the order's number there, or 0 for none.

        Raises InvalidArgument for an order that is not in doubt, and JournalError.
        """
        entry = next((each for each in self.open() if each.client_order_id == client_order_id), None)
        if entry is None:
            raise InvalidArgument(
                f"没有结果未知的委托 client_order_id={shown(client_order_id)}，没有改动任何记录。见 user.in_doubt"
            )
        if not self._settled(entry, "accepted" if order_id else "absent", order_id, "人工核对"):
            raise JournalError("核对结果没能写入委托日志，这笔委托仍算作结果未知。请稍后再记一次")

    def due_in(self) -> float | None:
        """Seconds until a look at the counter can prove something new; None when there is nothing to wait for."""
        try:
            due = provable_from(self.open())
        except JournalError:
            return None
        if due is None or due <= self._looked:
            return (
                None  # what a look could prove is proved; the rest is left to the heartbeat and to the user
            )
        # Not at once where it is due: a look that fails must not be repeated without end.
        return max(due - self._clock.now(), _LEAST_REST)

    def _look(self) -> None:
        started, ticks = self._clock.now(), self._clock.monotonic()
        orders = self._connection.ask("query_stock_orders", self._account)
        self.settle(orders, started)
        self._asked = ticks

    def settle(self, orders: Sequence[Any], started: float) -> None:
        """Match what is in doubt with a complete list of today's orders, asked for at Unix ``started``."""
        self.listed.take(orders)
        try:
            entries = self.open()
            left = False
            for found in reconcile(entries, orders, complete=True, snapshot_started=started):
                if found.outcome == "absent" and self._is_fresh(found.entry.token):
                    # The clock on the wall was put forward: by the other one it may still be on its way.
                    left = True
                    continue
                if found.status:
                    self._watch.listed(found.order_id, found.entry.token, found.status, found.message)
                left = not self._settled(found.entry, found.outcome, found.order_id, found.message) or left
            # What is left over is looked at again as soon as it is due.
            self._looked = self._looked if left else started
            self._disproofs.look(orders)
        except JournalError as error:
            logger.error("未能核对结果未知的委托：{}", error)

    def _is_fresh(self, token: str) -> bool:
        age = self._clock.monotonic() - self._expected.get(token, -math.inf)
        return age < SETTLE_SECONDS - _CLOCK_NOISE

    def heard(self, word: Word) -> bool:
        """A push of an order that was in doubt proves that it is at the counter; True when it did."""
        try:
            if word.refusal is None and self._disproofs.proves(word.token, word.order_id, word.status):
                return True
            if word.status == JUNK:
                self._disproofs.final(word.token)
            with self._lock:
                if word.token not in self._expected:
                    return False
            if word.refusal is None and word.order_id <= 0:
                return False
            entry = next((each for each in self.open() if each.token == word.token), None)
        except JournalError as error:
            logger.error("未能核对结果未知的委托：{}", error)
            return False
        if entry is None:
            with self._lock:
                self._expected.discard(word.token)
            return False
        number = max(0, word.order_id)
        if word.refusal is None:
            self._settled(entry, "accepted", number, "柜台推送了这笔委托")
        else:
            self._settled(entry, "refused", number, word.refusal)
            if word.status != JUNK:
                # It may be the terminal that gave up; a list that shows the order at the exchange says more.
                self.denied(word.token, by_push=False)
        return True

    def _settled(self, entry: Entry, outcome: Outcome, order_id: int, message: str) -> bool:
        """Write down and tell what was found out; False only where that could not be written."""
        if outcome in ("in_doubt", "sending"):
            with self._lock:
                said = self._warned.get(entry.key, "") == message
                self._warned[entry.key] = message  # anew: said once however long the doubt lasts
            if not said:
                logger.warning(
                    "委托结果仍然未知: 证券代码={}, 备注={}, {}。不会自动重发",
                    entry.stock_code, entry.remark, message,
                )  # fmt: skip
            return True
        absent = outcome == "absent"
        written = self._journal.finish(
            entry.key, outcome, order_id=order_id, message=message, keep=not absent
        )
        if absent and not written:
            return False  # in doubt until it is on disk: only then may the id go out again
        if order_id > 0:
            self._watch.sent(order_id, entry.token)
        if absent:
            if self._stands(entry):
                return True
            if entry.key not in self._absent:  # two looks at once find it once
                self._absent[entry.key] = True
                self._recount(entry, -1)
            if self._disproofs.deny(entry.token):
                return True
        if self._is_news(entry.key, entry.token, outcome):
            self._connection.when_ready(self._tell, row_of(entry, outcome, order_id, message))
            say(
                "WARNING", "结果未知的委托已核对: 证券代码={}, 备注={}, {}, 委托单号={}",
                entry.stock_code, entry.remark, _FOUND.get(outcome, outcome), order_id or "无",
            )  # fmt: skip
        return True

    def _found_live(self, entry: Entry, order_id: int, message: str) -> None:
        if entry.outcome == "absent":
            self._recount(entry, 1)
        if self._is_news(entry.key, entry.token, "accepted"):
            self._connection.when_ready(self._tell, row_of(entry, "accepted", order_id, message))
            say("ERROR", "证券代码={}, 委托单号={}: {}", entry.stock_code, order_id, message)

    def _stands(self, entry: Entry) -> bool:
        """Whether an answer came meanwhile, which says more than a list it is not in."""
        now = self._journal.find(entry.account_id, entry.client_order_id)
        return now is not None and now.outcome in ("accepted", "refused")

    def why(self, key: int) -> str:
        """Why the last look at the counter did not settle an order; '' when it was not looked for yet."""
        return self._warned.get(key, "")

    def answered(self, begun: Begun, outcome: Outcome) -> None:
        """The order's own call tells its outcome; nothing is left to report."""
        self._is_news(begun.key, begun.token, outcome)

    def answered_late(self, begun: Begun, request: OrderRequest, told: Told) -> None:
        """An answer came after its deadline. Runs on the dispatcher thread."""
        if not self._is_news(begun.key, begun.token, told.outcome):
            return
        self._tell(late_row(begun, request, told, self._account.account_id))

    def _is_news(self, key: int, token: str, outcome: str) -> bool:
        """Whether nobody was told yet: two looks at once, or a look and a late answer, tell it once."""
        with self._lock:
            self._expected.discard(token)
            if self._told.get(key, None) == outcome:
                return False
            self._told[key] = outcome
            return True


def type_of(account: Any) -> int:
    """The vendor's number of an account's type; 0 where an old copy does not tell."""
    kind = getattr(account, "account_type", 0)
    return kind if isinstance(kind, int) else 0
