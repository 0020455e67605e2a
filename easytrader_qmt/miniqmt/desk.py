"""Sends one account's orders: checked, journalled, sent once, and told apart into exactly one outcome each.

Never sends anything twice, never calls an unknown outcome a success or a failure, and never queues an order.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from loguru import logger

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import InvalidOrder, JournalError, NotConnected
from easytrader_qmt.journal_entries import Begun, Intent
from easytrader_qmt.journal_memory import AnyJournal, RemarkBook
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded, settled
from easytrader_qmt.miniqmt.inflight import ConnectionLost
from easytrader_qmt.miniqmt.order_watch import OrderWatch
from easytrader_qmt.miniqmt.outcomes import Told, of_entry, of_response
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
    reservation: Reservation
    future: Future[Any]


class OrderDesk:
    """One account's way to the counter. ``reference_price`` tells what a market order may cost, in yuan."""

    def __init__(
        self,
        connection: Connection,
        account: Any,
        journal: AnyJournal,
        risk: Risk,
        watch: OrderWatch,
        remarks: RemarkBook,
        *,
        call_timeout: float,
        clock: Clock,
        reference_price: Callable[[str], float | None],
        reconcile: Callable[[float], bool],
        settled_late: Callable[[Told], None],
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._connection = connection
        self._account = account
        self._journal = journal
        self._risk = risk
        self._watch = watch
        self._remarks = remarks
        self._call_timeout = call_timeout
        self._clock = clock
        self._reference_price = reference_price
        self._reconcile = reconcile
        self._settled_late = settled_late
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
        sent = [each if isinstance(each, Told) else self._try_to_send(each) for each in requests]
        deadline = self._clock.monotonic() + self._call_timeout
        outcomes = []
        for each in sent:
            outcomes.append(each if isinstance(each, Told) else self.collect(each, deadline))
            progress()
        return outcomes

    def _try_to_send(self, request: OrderRequest) -> Ticket | Told:
        try:
            return self.send(request)
        except (NotConnected, JournalError, InvalidOrder) as error:
            return Told("not_sent", 0, str(error), request.client_order_id or "")

    def send(self, request: OrderRequest) -> Ticket | Told:
        """Journal an order and hand it to the vendor's layer; a Told when it was sent before."""
        session = self._connection.ready()
        client_order_id = request.client_order_id or self._new_id()
        reference = None if request.price else self._reference_price(request.stock_code)
        limits = self._risk.limits
        reconciled = not limits.require_reconciled or self._reconcile(0.0)
        reservation = self._risk.check_order(request, reconciled=reconciled, reference_price=reference)
        try:
            begun = self._begin(request, client_order_id, session.session_id)
            if isinstance(begun, Told):
                self._risk.release(reservation)
                return begun
        except BaseException:
            self._risk.release(reservation)
            raise
        what = describe(request)
        logger.info(
            "{}请求: 证券代码={}, 价格={:g}, 数量={}", what, request.stock_code, request.price, request.amount
        )
        try:
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
        except Exception as error:
            logger.exception("xtquant 下单接口抛出异常")
            told = Told("in_doubt", 0, f"xtquant 抛出异常：{error}", client_order_id, begun.remark)
            return self._written(begun, told)
        return Ticket(request, client_order_id, begun, reservation, future)

    def _begin(self, request: OrderRequest, client_order_id: str, session_id: int) -> Begun | Told:
        intent = Intent.of(request, self._account.account_id, client_order_id, session_id=session_id)
        begun = self._journal.begin(intent)
        if not begun.fresh:
            told = self._known(begun)
            if told.outcome == "in_doubt":
                # The counter may know by now. Only a proof that it never arrived lets the id go out again.
                self._reconcile(self._call_timeout)
                begun = self._journal.begin(intent)
                told = told if begun.fresh else self._known(begun)
            if not begun.fresh:
                logger.warning("client_order_id={} 的委托已经发送过，返回它的结果，不再发送", client_order_id)
                return told
        self._remarks.note(begun.token, request.remark)
        return begun

    def _known(self, begun: Begun) -> Told:
        """What is known of an order sent before; one that is being sent right now is waited for."""
        assert begun.known is not None
        entry = begun.known
        deadline = self._clock.monotonic() + self._call_timeout
        while entry.outcome == "sending" and self._clock.monotonic() < deadline:
            self._clock.sleep(_LOOK_AGAIN)
            entry = self._journal.find(self._account.account_id, entry.client_order_id) or entry
        if entry.outcome == "sending":
            return Told("in_doubt", 0, "同一编号的委托正在发送", entry.client_order_id, entry.remark)
        return of_entry(entry)

    def collect(self, ticket: Ticket, deadline: float | None = None) -> Told:
        """Wait for an order's answer, at most until ``deadline``, and write the outcome down."""
        begun = ticket.begun
        left = self._call_timeout if deadline is None else max(0.0, deadline - self._clock.monotonic())
        try:
            response = settled(ticket.future, left, "下单")
        except (DeadlineExceeded, ConnectionLost) as error:
            told = Told("in_doubt", 0, str(error), ticket.client_order_id, begun.remark)
            ticket.future.add_done_callback(lambda late: self._connection.later(self._late, ticket, late))
        else:
            told = of_response(response, ticket.client_order_id, begun.remark)
        return self._written(begun, told, ticket.request)

    def _late(self, ticket: Ticket, late: Future[Any]) -> None:
        """An answer that came after its deadline settles the doubt. Runs on the dispatcher thread."""
        if late.cancelled() or late.exception() is not None or late.result() is None:
            return
        told = of_response(late.result(), ticket.client_order_id, ticket.begun.remark)
        if told.outcome != "in_doubt":
            self._written(ticket.begun, told, ticket.request)
            self._settled_late(told)

    def _written(self, begun: Begun, told: Told, request: OrderRequest | None = None) -> Told:
        if told.order_id > 0:
            self._watch.sent(told.order_id, begun.token)
        if not self._journal.finish(begun.key, told.outcome, order_id=told.order_id, message=told.message):
            # The intent is on disk, so the order is found again by its remark whatever happens now.
            logger.error("委托结果没能写入日志，会随下一次写入补上；在此之前它算作结果未知")
        if request is not None:
            self._log(told, describe(request), request.stock_code)
        return told

    def _log(self, told: Told, what: str, stock_code: str) -> None:
        if told.outcome == "accepted":
            logger.info("{}委托成功: 证券代码={}, 委托单号={}", what, stock_code, told.order_id)
        elif told.outcome == "refused":
            logger.error("{}委托失败: 证券代码={}, 原因={}", what, stock_code, told.message)
        else:
            logger.error(
                "{}委托结果未知: 证券代码={}, {}, 备注={}", what, stock_code, told.message, told.remark
            )


def describe(request: OrderRequest) -> str:
    """The kind of order in the log's words."""
    return ("市价" if request.is_market else "限价") + SIDE_NAMES[request.action]
