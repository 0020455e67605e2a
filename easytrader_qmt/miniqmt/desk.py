"""Sends one account's orders: checked, journalled, sent once, and told apart into exactly one outcome each.

Never sends anything twice, never calls an unknown outcome a success or a failure, and never queues an order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import InvalidOrder, JournalError, NotConnected
from easytrader_qmt.failure_lines import log_failure
from easytrader_qmt.journal_entries import Begun, Intent
from easytrader_qmt.journal_memory import AnyJournal, RemarkBook
from easytrader_qmt.kill_switch import Glance
from easytrader_qmt.miniqmt.answers import Answers
from easytrader_qmt.miniqmt.basket_desk import place_all, try_to_send
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.doubt_keeper import DoubtKeeper, type_of
from easytrader_qmt.miniqmt.earlier_orders import EarlierOrders
from easytrader_qmt.miniqmt.inflight import ConnectionLost
from easytrader_qmt.miniqmt.order_lines import log_request
from easytrader_qmt.miniqmt.order_watch import OrderWatch
from easytrader_qmt.miniqmt.outcomes import Told
from easytrader_qmt.miniqmt.session import Session
from easytrader_qmt.miniqmt.tickets import NewIds, Ticket
from easytrader_qmt.orders import OrderRequest
from easytrader_qmt.risk import Reservation, Risk


class OrderDesk:
    """One account's way to the counter.

    ``admit`` lets an order pass the risk limits and counts it, or raises; its second argument is what the kill
    switch has just said, None to look.
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
        admit: Callable[[OrderRequest, bool | None], Reservation],
        new_id: Callable[[], str] | None = None,
    ) -> None:
        self._connection = connection
        self._account = account
        self._type = type_of(account)
        self._journal = journal
        self._risk = risk
        self._remarks = remarks
        self._clock = clock
        self._admit = admit
        self._new_id = new_id if new_id is not None else NewIds()
        self.earlier = EarlierOrders(
            account.account_id, self._type, journal, doubts, call_timeout=call_timeout, clock=clock
        )
        self.answers = Answers(
            connection, account, journal, watch, doubts, call_timeout=call_timeout, clock=clock
        )

    def place(self, request: OrderRequest) -> Told:
        """Send an order once and wait for its outcome, at most ``call_timeout`` seconds.

        Raises NotConnected, JournalError and InvalidOrder (a risk limit, or an id used for another order):
        nothing was sent.
        """
        found = self.send(request)
        return found if isinstance(found, Told) else self.answers.collect(found)

    def place_all(
        self, requests: Sequence[OrderRequest | Told], progress: Callable[[], object] | None
    ) -> list[Told]:
        """Send many orders, one after another without waiting in between, then collect their outcomes."""
        return place_all(self, requests, progress)

    # --- sending -------------------------------------------------------------------------------

    def send(self, request: OrderRequest) -> Ticket | Told:
        """Journal an order and hand it to the vendor's layer; a Told when it was sent before."""
        try:
            session = self._connection.ready()
        except NotConnected:
            # "Not sent" would be true of this call and false of the order.
            told = self.earlier.repeated(request)
            if told is None:
                raise
            return told
        client_order_id = request.client_order_id or self._new_id()
        intent = self._intent(request, client_order_id, session)
        since = self._clock.monotonic() if request.client_order_id is not None else 0.0
        if request.client_order_id is not None:
            # Told what became of it whatever the limits say now: it is not sent again, so they do not apply.
            told = self.earlier.told(intent, self.answers.deadline())
            if told is not None:
                return told
        reservation = self._admit(request, None)
        if reservation.notional and reservation.notional != intent.notional:
            # What the limits reckoned a market order at; after a restart the day counts on.
            intent = intent._replace(notional=reservation.notional)
        try:
            begun = self._begin(intent, since)
        except BaseException:
            self._risk.release(reservation)
            raise
        if isinstance(begun, Told):
            self._risk.release(reservation)
            return begun
        return self._hand_over(session, request, client_order_id, begun, reservation)

    def send_unnamed(self, requests: Sequence[OrderRequest], sent: list[Ticket | Told]) -> None:
        """Send orders that have no client order id: one write of the journal, then each to the vendor's layer.

        What came of each is appended to ``sent`` as it happens, so that an interrupt leaves none unheard.
        """
        found: list[Told | None] = []
        passed: list[tuple[OrderRequest, str, Reservation]] = []
        handed = 0
        begun: list[Begun] | None = None
        try:
            session = self._connection.ready()
            kill_switch = self._risk.glance()
            for request in requests:
                try:
                    passed.append((request, self._new_id(), self._admit(request, kill_switch.on())))
                    found.append(None)
                except (NotConnected, JournalError, InvalidOrder) as error:
                    found.append(Told("not_sent", 0, str(error)))
            intents = [
                self._intent(request, name, session, reservation.notional or None)
                for request, name, reservation in passed
            ]
            begun = self._journal.begin_all(intents) if intents else []
            if begun is not None:
                for told in found:
                    if told is None:
                        handed += 1
                        order = (*passed[handed - 1], begun[handed - 1])
                        sent.append(self._handed(session, kill_switch, *order))
                    else:
                        sent.append(told)
                return
        except (NotConnected, JournalError) as error:
            self._give_back(passed)
            sent += [Told("not_sent", 0, str(error)) if each is None else each for each in found]
            sent += [Told("not_sent", 0, str(error))] * (len(requests) - len(found))
            return
        except BaseException:
            self._give_back(passed[handed:])
            rest = begun[handed:] if begun is not None else []
            self._journal.finish_all([(each.key, "not_sent", 0, "发送前被中断") for each in rest])
            raise
        # An id or a token of many that was known already: one by one, each by its own rules.
        self._give_back(passed)
        sent += [try_to_send(self, each) for each in requests]

    def _give_back(self, passed: Sequence[tuple[OrderRequest, str, Reservation]]) -> None:
        for _request, _name, reservation in passed:
            self._risk.release(reservation)

    def _handed(
        self,
        session: Session,
        kill_switch: Glance,
        request: OrderRequest,
        name: str,
        reservation: Reservation,
        begun: Begun,
    ) -> Ticket | Told:
        self._remarks.note(begun.token, request.remark)
        if kill_switch.on():
            # Turned on since this order was let pass, while those before it were sent.
            self._risk.release(reservation)
            self._journal.finish(begun.key, "not_sent", message="风控拒绝")
            return Told("not_sent", 0, str(self._risk.kill_refusal()), name)
        try:
            return self._hand_over(session, request, name, begun, reservation)
        except NotConnected as error:
            return Told("not_sent", 0, str(error), name)

    def _intent(
        self, request: OrderRequest, client_order_id: str, session: Session, notional: float | None = None
    ) -> Intent:
        return Intent.of(
            request,
            self._account.account_id,
            client_order_id,
            session_id=session.session_id,
            notional=notional,
            account_type=self._type,
        )

    def _hand_over(
        self,
        session: Session,
        request: OrderRequest,
        client_order_id: str,
        begun: Begun,
        reservation: Reservation,
    ) -> Ticket | Told:
        try:
            reply = session.send(
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
            told = self.answers.written(
                begun, Told("in_doubt", 0, why, client_order_id, begun.remark), request
            )
            if not isinstance(error, Exception):
                raise
            with suppress(Exception):
                log_failure("ERROR", "xtquant 下单接口抛出异常", error)
            return told
        ticket = Ticket(request, client_order_id, begun, reply)
        try:
            # After it has left: the line is written while the answer is on its way.
            log_request(request)
        except Exception:
            pass  # a sink's trouble is not the order's; to say so would trouble it again
        except BaseException:
            self.answers.leave(ticket, "发送后被中断")
            raise
        return ticket

    def _begin(self, intent: Intent, since: float) -> Begun | Told:
        """The right to send an order, or what became of it when it was sent before.

        ``since``: when the call that wants to send it began, by the monotonic clock.
        """
        deadline: float | None = None
        while True:
            begun = self._journal.begin(intent)
            if begun.fresh:
                if begun.attempt:
                    told = self.earlier.turned_up(intent, begun, since)
                    if told is not None:
                        return told
                if (begun.attempt or deadline is not None) and self._risk.killed:
                    # Turned on while this waited for what became of an earlier attempt.
                    self._journal.finish(begun.key, "not_sent", message="风控拒绝")
                    raise self._risk.kill_refusal()
                self._remarks.note(begun.token, intent.user_remark)
                return begun
            if deadline is None:
                deadline = self.answers.deadline()
            told = self.earlier.waited_for(intent, begun.known, deadline)
            if told is not None:
                return told
            if self._clock.monotonic() >= deadline:
                why = "同一编号的委托正由别处发送，请稍后用同一编号再试"
                return Told("not_sent", 0, why, intent.client_order_id)
