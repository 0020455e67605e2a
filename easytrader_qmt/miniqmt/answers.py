"""Waits for what becomes of the orders that were sent, and writes it down: one outcome for each.

Never sends anything, never waits past its deadline, and never lets a late answer go unheard.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from easytrader_qmt.clock import Clock
from easytrader_qmt.journal_entries import Begun
from easytrader_qmt.journal_memory import AnyJournal
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded, settled
from easytrader_qmt.miniqmt.doubt_keeper import DoubtKeeper
from easytrader_qmt.miniqmt.inflight import ConnectionLost
from easytrader_qmt.miniqmt.order_lines import log_outcome, say
from easytrader_qmt.miniqmt.order_watch import OrderWatch
from easytrader_qmt.miniqmt.outcomes import Told, of_response
from easytrader_qmt.miniqmt.reply import Reply
from easytrader_qmt.miniqmt.tickets import Ticket
from easytrader_qmt.orders import OrderRequest


class Answers:
    """What the counter says of one account's orders."""

    def __init__(
        self,
        connection: Connection,
        account: Any,
        journal: AnyJournal,
        watch: OrderWatch,
        doubts: DoubtKeeper,
        *,
        call_timeout: float,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._account = account
        self._journal = journal
        self._watch = watch
        self._doubts = doubts
        self._call_timeout = call_timeout
        self._clock = clock

    def deadline(self) -> float:
        """Until when answers are waited for from now on, by the clock's monotonic seconds."""
        return self._clock.monotonic() + self._call_timeout

    def collect(self, ticket: Ticket, deadline: float | None = None) -> Told:
        """Wait for an order's answer, at most until ``deadline``, and write the outcome down."""
        left = self._call_timeout if deadline is None else max(0.0, deadline - self._clock.monotonic())
        try:
            response: Any = settled(ticket.reply, left, "下单")
        except DeadlineExceeded:
            # Not what was left of a basket's one deadline.
            return self.leave(ticket, f"下单在 {self._call_timeout:g} 秒内没有应答")
        except ConnectionLost as error:
            return self.leave(ticket, str(error))
        except BaseException:
            # Ctrl+C while an answer is awaited: the order may be live, so it is in doubt and not forgotten.
            self.leave(ticket, "等待应答时被中断")
            raise
        return self.written(ticket.begun, self._said(ticket, response), ticket.request)

    def collect_answered(self, tickets: Sequence[Ticket]) -> list[Told]:
        """The outcomes of orders whose answers are there, written down together."""
        if not tickets:
            return []
        found = [(one, self._said(one, one.reply.result())) for one in tickets]
        for one, told in found:
            self._watch.sent(told.order_id, one.begun.token)
        self._note(
            self._journal.finish_all(
                [(one.begun.key, told.outcome, told.order_id, told.message) for one, told in found]
            )
        )
        return [self._finished(one.begun, told, one.request) for one, told in found]

    def _said(self, ticket: Ticket, response: Any) -> Told:
        """What a response says; accepted where it refuses an order that was shown at the exchange before.

        Such a refusal is the terminal's own timeout.
        """
        told = of_response(response, ticket.client_order_id, ticket.begun.remark)
        return _there(told, self._watch.reported(ticket.begun.token)) if told.outcome == "refused" else told

    def leave(self, ticket: Ticket, why: str) -> Told:
        """Wait no longer: in doubt, until an answer that comes late settles it."""
        doubt = Told("in_doubt", 0, why, ticket.client_order_id, ticket.begun.remark)
        told = self.written(ticket.begun, doubt, ticket.request)
        ticket.reply.add_done_callback(lambda late: self._connection.later(self._late, ticket, late))
        return told

    def _late(self, ticket: Ticket, late: Reply) -> None:
        """An answer that came after its deadline settles the doubt. Runs on the dispatcher thread."""
        if late.exception() is not None or late.result() is None:
            return
        begun = ticket.begun
        told = self._said(ticket, late.result())
        if told.outcome == "in_doubt":
            return
        refusal = self._watch.refusal(told.order_id, begun.token) if told.outcome == "accepted" else None
        if refusal is None:
            told = self.written(begun, told, ticket.request)
        else:
            # It got a number, but its refusal is known, and was told: that is the last word.
            self._watch.sent(told.order_id, begun.token)
            self._note(self._journal.finish(begun.key, "refused", order_id=told.order_id, message=refusal))
            told = told._replace(outcome="refused", message=refusal)
        self._doubts.answered_late(begun, ticket.request, told)

    def written(self, begun: Begun, told: Told, request: OrderRequest) -> Told:
        """Write an outcome down, and say it in the log; the outcome, which may have got firmer by then."""
        self._watch.sent(told.order_id, begun.token)
        self._note(
            self._journal.finish(begun.key, told.outcome, order_id=told.order_id, message=told.message)
        )
        return self._finished(begun, told, request)

    def _finished(self, begun: Begun, told: Told, request: OrderRequest) -> Told:
        """What is left to do with an outcome that the journal has."""
        later = self._attached(begun, told) if told.outcome == "accepted" else None
        if told.outcome == "in_doubt":
            told = self._doubted(begun, told)
        elif told.outcome == "refused":
            told = _there(told, self._doubts.denied(begun.token))
        with suppress(Exception):  # a sink's trouble is not the order's
            log_outcome(told, request, later)
        return told

    def _doubted(self, begun: Begun, told: Told) -> Told:
        """In doubt from now on, unless the counter's refusal was pushed already: it came before the deadline.

        Expected first and looked at then, so that a push in between is seen by one of the two.
        """
        self._doubts.expect(begun.token)
        refusal = self._watch.refusal(0, begun.token)
        if refusal is None:
            # Where the refusal was taken back by a later word, the order is known to be there.
            return _there(
                told, self._doubts.denied(begun.token) if self._watch.taken_back(begun.token) else 0
            )
        self._note(self._journal.finish(begun.key, "refused", message=refusal))
        self._doubts.answered(begun, "refused")
        self._doubts.denied(begun.token, by_push=False)
        return told._replace(outcome="refused", message=refusal)

    def _attached(self, begun: Begun, told: Told) -> str | None:
        """The refusal of an order that got a number, if one was heard; written now, as the journal has the number."""
        refusal = self._watch.refusal(told.order_id, begun.token) if self._watch.any_refusals else None
        if refusal is not None:
            self._journal.attach_refusal(self._account.account_id, begun.token, refusal)
        return refusal

    @staticmethod
    def _note(written: bool) -> None:
        if not written:
            # The intent is on disk, so the order is found again by its remark whatever happens now.
            say("ERROR", "委托结果没能写入日志，会随下一次写入补上；在此之前它算作结果未知")


def _there(told: Told, number: int) -> Told:
    """Accepted under this number, if there is one: the counter has the order, whatever was said."""
    return told if not number else told._replace(outcome="accepted", order_id=number, message="")
