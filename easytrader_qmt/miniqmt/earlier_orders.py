"""What became of an order that left under a client order id before: told, waited for, or looked for.

Never sends an order; an id goes out again only where every earlier attempt is proved to be nowhere.
"""

from __future__ import annotations

from easytrader_qmt.clock import Clock, day_number
from easytrader_qmt.doubts import SETTLE_SECONDS
from easytrader_qmt.journal_entries import RETRYABLE, Begun, Entry, Intent, terms_of
from easytrader_qmt.journal_memory import AnyJournal
from easytrader_qmt.miniqmt.doubt_keeper import DoubtKeeper
from easytrader_qmt.miniqmt.listed_orders import told_of
from easytrader_qmt.miniqmt.order_lines import say
from easytrader_qmt.miniqmt.outcomes import Told, of_entry
from easytrader_qmt.orders import OrderRequest

_LOOK_AGAIN = 0.02
"""Seconds between two looks at an order that another thread or process is sending under the same id."""


class EarlierOrders:
    """One account's."""

    def __init__(
        self,
        account_id: str,
        account_type: int,
        journal: AnyJournal,
        doubts: DoubtKeeper,
        *,
        call_timeout: float,
        clock: Clock,
    ) -> None:
        self._account_id = account_id
        self._type = account_type
        self._journal = journal
        self._doubts = doubts
        self._call_timeout = call_timeout
        self._clock = clock

    def repeated(self, request: OrderRequest) -> Told | None:
        """What is known of the order that left under this request's id; None where none left, or another one.

        Sends nothing, whatever has become of it. Raises JournalError.
        """
        name = request.client_order_id
        entry = None if name is None else self._journal.find(self._account_id, name)
        if entry is None or entry.outcome in RETRYABLE:
            return None
        if not entry.stands_for(terms_of(request), self._type):
            return None
        if entry.outcome in ("sending", "in_doubt"):
            why = self._doubts.why(entry.key) or entry.message or "同一编号的委托正在发送"
            return Told("in_doubt", 0, why, entry.client_order_id, entry.remark)
        return of_entry(entry)

    def told(self, intent: Intent, deadline: float) -> Told | None:
        """What became of the order that left under this id; None where none left, or it is proved to be nowhere.

        Raises InvalidOrder where that is another order, and JournalError.
        """
        entry = self._journal.find(self._account_id, intent.client_order_id)
        return self._unremembered(intent) if entry is None else self.waited_for(intent, entry, deadline)

    def waited_for(self, intent: Intent, entry: Entry | None, deadline: float) -> Told | None:
        """What became of an order that was sent before, ``entry``; None where it is proved to be nowhere."""
        looked = False
        while entry is not None and entry.outcome not in RETRYABLE:
            if not entry.stands_for(intent.terms, intent.account_type):
                self._journal.begin(intent)  # raises: the id stands for another order
            told = self._known(entry, deadline)
            if told.outcome in RETRYABLE:
                break
            if told.outcome == "in_doubt" and not looked:
                # The counter may know by now. Only a proof that it never arrived lets the id go out again.
                looked = True
                self._doubts.look_again(max(self._call_timeout, SETTLE_SECONDS), entry.key)
                entry = self._journal.find(self._account_id, intent.client_order_id)
                continue
            if told.outcome == "in_doubt":
                told = told._replace(message=self._doubts.why(entry.key) or told.message)
            name, day = intent.client_order_id, day_number(entry.begun_at)
            say("WARNING", "client_order_id={} 的委托已经发送过，返回它的结果，不再发送", name)
            if day != day_number(self._clock.now()):
                say(
                    "WARNING",
                    "client_order_id={} 是以前的委托：委托单号只在当天有效，不要用来撤单或等待",
                    name,
                )
            return told
        return None

    def turned_up(self, intent: Intent, begun: Begun, since: float) -> Told | None:
        """Before a further attempt: an earlier one that was called absent, and has turned up at the counter."""
        attempts = self._journal.attempts(intent.account_id, intent.client_order_id)
        absent = [entry for entry in attempts if entry.outcome == "absent"]
        if not absent:
            return None
        try:
            told = self._doubts.ask_once_more(absent, since)
        except BaseException:
            self._journal.finish(begun.key, "not_sent", message="没能确认上一次委托不在柜台")
            raise
        if told is not None:
            self._journal.finish(begun.key, "not_sent", message="上一次委托已在柜台")
        return told

    def _unremembered(self, intent: Intent) -> Told | None:
        """What became of an order that left under this id today, where the journal does not know it.

        Raises InvalidOrder where that is another order, and JournalError.
        """
        today = day_number(self._clock.now())
        order = self._doubts.listed.of_id(intent.account_id, intent.client_order_id, today)
        if order is None:
            return None
        told = told_of(order, intent)
        if told.outcome == "in_doubt":
            return told  # nothing to write yet: it has no number, and may get one
        begun = self._journal.begin(intent)
        if not begun.fresh:
            return None  # another thread was faster
        self._journal.finish(begun.key, told.outcome, order_id=told.order_id, message=told.message)
        what = "client_order_id={} 不在委托日志里，但柜台今天已有这个编号的委托，返回它的结果，不再发送"
        say("WARNING", what, intent.client_order_id)
        return told

    def _known(self, entry: Entry, deadline: float) -> Told:
        """What is known of an order sent before; one that is being sent right now is waited for."""
        while entry.outcome == "sending" and self._clock.monotonic() < deadline:
            self._clock.sleep(_LOOK_AGAIN)
            entry = self._journal.find(self._account_id, entry.client_order_id) or entry
        if entry.outcome == "sending":
            return Told("in_doubt", 0, "同一编号的委托正在发送", entry.client_order_id, entry.remark)
        return of_entry(entry)
