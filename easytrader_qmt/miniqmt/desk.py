"""Sends one account's orders: checked, journalled, sent once, and told apart into exactly one outcome each.

Never sends anything twice, never calls an unknown outcome a success or a failure, and never queues an order.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from loguru import logger

from easytrader_qmt.clock import Clock
from easytrader_qmt.doubts import SETTLE_SECONDS
from easytrader_qmt.errors import InvalidOrder, JournalError, NotConnected
from easytrader_qmt.journal_entries import RETRYABLE, Begun, Intent
from easytrader_qmt.journal_memory import AnyJournal, RemarkBook
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded, settled
from easytrader_qmt.miniqmt.doubt_keeper import DoubtKeeper
from easytrader_qmt.miniqmt.inflight import ConnectionLost
from easytrader_qmt.miniqmt.order_watch import OrderWatch
from easytrader_qmt.miniqmt.outcomes import Told, of_entry, of_response
from easytrader_qmt.miniqmt.session import Session
from easytrader_qmt.orders import OrderRequest
from easytrader_qmt.risk import Reservation, Risk

SIDE_NAMES = {"buy": "买入", "sell": "卖出"}
_LOOK_AGAIN = 0.02
"""Seconds between two looks at an order that another thread or process is sending under the same id."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order on its way: what was asked, how it is journalled, and where its answer will come."""

    request: OrderRequest
    client_order_id: str
    begun: Begun
    future: Future[Any]


class OrderDesk:
    """One account's way to the counter.

    ``admit`` lets an order pass the risk limits and counts it, or raises.
    """

    def __init__(
        self,
        connection: Connection,
        account: Any,
        journal: AnyJournal,
        risk: Risk,
        watch: OrderWatch,
        remarks: RemarkBook,
        doubts: DoubtKeeper,
        *,
        call_timeout: float,
        clock: Clock,
        admit: Callable[[OrderRequest], Reservation],
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._connection = connection
        self._account = account
        self._journal = journal
        self._risk = risk
        self._watch = watch
        self._remarks = remarks
        self._doubts = doubts
        self._call_timeout = call_timeout
        self._clock = clock
        self._admit = admit
        self._new_id = new_id

    def place(self, request: OrderRequest) -> Told:
        """Send an order once and wait for its outcome, at most ``call_timeout`` seconds.

        Raises NotConnected, JournalError and InvalidOrder (a risk limit, or an id used for another order):
        nothing was sent.
        """
        found = self.send(request)
        return found if isinstance(found, Told) else self.collect(found)

    def place_all(
        self, requests: Sequence[OrderRequest | Told], progress: Callable[[], object]
    ) -> list[Told]:
        """Send many orders, one after another without waiting in between, then collect their outcomes."""
        sent: list[Ticket | Told] = []
        by_id: dict[str, int] = {}
        try:
            for each in requests:
                if isinstance(each, Told):
                    sent.append(each)
                    continue
                twin = by_id.get(each.client_order_id or "")
                if twin is not None:
                    # The same order again: what became of it must be known first.
                    sent[twin] = self._collected(sent[twin])
                elif each.client_order_id:
                    by_id[each.client_order_id] = len(sent)
                sent.append(self._try_to_send(each))
            deadline = self._clock.monotonic() + self._call_timeout
            for place, ticket in enumerate(sent):
                sent[place] = self._collected(ticket, deadline)
                with contextlib.suppress(Exception):  # a console that went away must not cost an outcome
                    progress()
        except BaseException:
            for ticket in sent:
                if isinstance(ticket, Ticket):
                    self._leave(ticket, "等待应答时被中断")
            raise
        return [each for each in sent if isinstance(each, Told)]

    def _try_to_send(self, request: OrderRequest) -> Ticket | Told:
        try:
            return self.send(request)
        except (NotConnected, JournalError, InvalidOrder) as error:
            return Told("not_sent", 0, str(error), request.client_order_id or "")

    def _collected(self, ticket: Ticket | Told, deadline: float | None = None) -> Told:
        return ticket if isinstance(ticket, Told) else self.collect(ticket, deadline)

    # --- sending -------------------------------------------------------------------------------

    def send(self, request: OrderRequest) -> Ticket | Told:
        """Journal an order and hand it to the vendor's layer; a Told when it was sent before."""
        session = self._connection.ready()
        client_order_id = request.client_order_id or self._new_id()
        intent = Intent.of(request, self._account.account_id, client_order_id, session_id=session.session_id)
        begun: Begun | None = None
        if request.client_order_id is not None and self._was_sent(intent):
            # Told what became of it whatever the limits say now: it is not sent again, so they do not apply.
            known = self._begin(intent)
            if isinstance(known, Told):
                return known
            begun = known
        try:
            reservation = self._admit(request)
        except BaseException:
            if begun is not None:
                self._journal.finish(begun.key, "not_sent", message="风控拒绝")
            raise
        if begun is None:
            try:
                known = self._begin(intent)
            except BaseException:
                self._risk.release(reservation)
                raise
            if isinstance(known, Told):
                self._risk.release(reservation)
                return known
            begun = known
        return self._hand_over(session, request, client_order_id, begun, reservation)

    def _was_sent(self, intent: Intent) -> bool:
        entry = self._journal.find(intent.account_id, intent.client_order_id)
        return entry is not None and entry.outcome not in RETRYABLE

    def _hand_over(
        self,
        session: Session,
        request: OrderRequest,
        client_order_id: str,
        begun: Begun,
        reservation: Reservation,
    ) -> Ticket | Told:
        try:
            logger.info(
                "{}请求: 证券代码={}, 价格={:g}, 数量={}",
                describe(request), request.stock_code, request.price, request.amount,
            )  # fmt: skip
            future = session.send(
                "order_stock_async",
                self._account,
                request.stock_code,
                request.order_type,
                request.amount,
                request.price_type,
                request.price,
                request.strategy_name,
                begun.remark,
            )
        except ConnectionLost as error:
            # Raised before the vendor's layer was called, so nothing can have left.
            self._risk.release(reservation)
            self._journal.finish(begun.key, "not_sent", message=str(error))
            raise NotConnected(f"{error}；没有发送这笔委托，可以重发") from None
        except BaseException as error:
            why = f"xtquant 抛出异常：{error}" if isinstance(error, Exception) else "发送时被中断"
            told = self._written(begun, Told("in_doubt", 0, why, client_order_id, begun.remark), request)
            if not isinstance(error, Exception):
                raise
            logger.opt(exception=error).error("xtquant 下单接口抛出异常")
            return told
        return Ticket(request, client_order_id, begun, future)

    def _begin(self, intent: Intent) -> Begun | Told:
        """The right to send an order, or what became of it when it was sent before."""
        deadline = self._clock.monotonic() + self._call_timeout
        looked = False
        while True:
            begun = self._journal.begin(intent)
            if begun.fresh:
                self._remarks.note(begun.token, intent.user_remark)
                return begun
            told = self._known(begun, deadline)
            if told.outcome in RETRYABLE and self._clock.monotonic() < deadline:
                continue
            if told.outcome == "in_doubt" and not looked:
                # The counter may know by now. Only a proof that it never arrived lets the id go out again.
                looked = True
                self._doubts.look_again(max(self._call_timeout, SETTLE_SECONDS), begun.key)
                continue
            logger.warning(
                "client_order_id={} 的委托已经发送过，返回它的结果，不再发送", intent.client_order_id
            )
            return told

    def _known(self, begun: Begun, deadline: float) -> Told:
        """What is known of an order sent before; one that is being sent right now is waited for."""
        assert begun.known is not None
        entry = begun.known
        while entry.outcome == "sending" and self._clock.monotonic() < deadline:
            self._clock.sleep(_LOOK_AGAIN)
            entry = self._journal.find(self._account.account_id, entry.client_order_id) or entry
        if entry.outcome == "sending":
            return Told("in_doubt", 0, "同一编号的委托正在发送", entry.client_order_id, entry.remark)
        return of_entry(entry)

    # --- answers -------------------------------------------------------------------------------

    def collect(self, ticket: Ticket, deadline: float | None = None) -> Told:
        """Wait for an order's answer, at most until ``deadline``, and write the outcome down."""
        left = self._call_timeout if deadline is None else max(0.0, deadline - self._clock.monotonic())
        try:
            response = settled(ticket.future, left, "下单")
        except (DeadlineExceeded, ConnectionLost) as error:
            return self._leave(ticket, str(error))
        except BaseException:
            # Ctrl+C while an answer is awaited: the order may be live, so it is in doubt and not forgotten.
            self._leave(ticket, "等待应答时被中断")
            raise
        told = of_response(response, ticket.client_order_id, ticket.begun.remark)
        return self._written(ticket.begun, told, ticket.request)

    def _leave(self, ticket: Ticket, why: str) -> Told:
        """Wait no longer: in doubt, until an answer that comes late settles it."""
        told = Told("in_doubt", 0, why, ticket.client_order_id, ticket.begun.remark)
        self._written(ticket.begun, told, ticket.request)
        ticket.future.add_done_callback(lambda late: self._connection.later(self._late, ticket, late))
        return told

    def _late(self, ticket: Ticket, late: Future[Any]) -> None:
        """An answer that came after its deadline settles the doubt. Runs on the dispatcher thread."""
        if late.cancelled() or late.exception() is not None or late.result() is None:
            return
        told = of_response(late.result(), ticket.client_order_id, ticket.begun.remark)
        if told.outcome != "in_doubt":
            self._written(ticket.begun, told, ticket.request)
            self._doubts.answered_late(ticket.begun, ticket.request, told)

    def _written(self, begun: Begun, told: Told, request: OrderRequest) -> Told:
        if told.order_id > 0:
            self._watch.sent(told.order_id, begun.token)
        if not self._journal.finish(begun.key, told.outcome, order_id=told.order_id, message=told.message):
            # The intent is on disk, so the order is found again by its remark whatever happens now.
            logger.error("委托结果没能写入日志，会随下一次写入补上；在此之前它算作结果未知")
        if told.outcome == "in_doubt":
            self._doubts.expect(begun.token)
        _log(told, describe(request), request.stock_code)
        return told


def _log(told: Told, what: str, stock_code: str) -> None:
    if told.outcome == "accepted":
        logger.info("{}委托成功: 证券代码={}, 委托单号={}", what, stock_code, told.order_id)
    elif told.outcome == "refused":
        logger.error("{}委托失败: 证券代码={}, 原因={}", what, stock_code, told.message)
    else:
        logger.error("{}委托结果未知: 证券代码={}, {}, 备注={}", what, stock_code, told.message, told.remark)


def describe(request: OrderRequest) -> str:
    """The kind of order in the log's words."""
    return ("市价" if request.is_market else "限价") + SIDE_NAMES[request.action]
