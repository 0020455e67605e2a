"""Sends a basket: orders leave one after another without waiting in between, then their outcomes are collected.

Never sends what is not journalled, and never lets one order's refusal stop the rest. Several orders share one
write of the journal; each still has its own intent there before it leaves.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from easytrader_qmt.errors import InvalidOrder, JournalError, NotConnected
from easytrader_qmt.miniqmt.outcomes import Told
from easytrader_qmt.orders import OrderRequest

if TYPE_CHECKING:
    from easytrader_qmt.miniqmt.desk import OrderDesk
    from easytrader_qmt.miniqmt.tickets import Ticket

__all__ = ["place_all"]

_TOGETHER = 128
"""Orders that share one write. More would save little and let the first one wait longer."""


def place_all(
    desk: OrderDesk, requests: Sequence[OrderRequest | Told], progress: Callable[[], object] | None
) -> list[Told]:
    """Send many orders and collect one outcome for each, in order; ``progress``, if any, is called for each."""
    sent: list[Ticket | Told] = []
    try:
        _send(desk, requests, sent)
        _collect(desk, sent, progress)
    except BaseException:
        for each in sent:
            if not isinstance(each, Told):
                desk.answers.leave(each, "等待应答时被中断")
        raise
    return [each for each in sent if isinstance(each, Told)]


def _send(desk: OrderDesk, requests: Sequence[OrderRequest | Told], sent: list[Ticket | Told]) -> None:
    by_id: dict[str, int] = {}
    unnamed: list[OrderRequest] = []

    def send_unnamed() -> None:
        together, unnamed[:] = unnamed[:], []
        if together:
            desk.send_unnamed(together, sent)

    for each in requests:
        if isinstance(each, OrderRequest) and each.client_order_id is None:
            unnamed.append(each)
            if len(unnamed) >= _TOGETHER:
                send_unnamed()
            continue
        send_unnamed()
        if isinstance(each, Told):
            sent.append(each)
            continue
        twin = by_id.get(each.client_order_id or "")
        if twin is not None:
            # The same order again: what became of it must be known first.
            sent[twin] = _collected(desk, sent[twin])
        if each.client_order_id:
            # The latest one: an earlier one that was not sent says nothing of what this one became.
            by_id[each.client_order_id] = len(sent)
        sent.append(try_to_send(desk, each))
    send_unnamed()


def try_to_send(desk: OrderDesk, request: OrderRequest) -> Ticket | Told:
    """Send an order; an outcome where it could not be sent."""
    try:
        return desk.send(request)
    except (NotConnected, JournalError, InvalidOrder) as error:
        return Told("not_sent", 0, str(error), request.client_order_id or "")


def _collect(desk: OrderDesk, sent: list[Ticket | Told], progress: Callable[[], object] | None) -> None:
    deadline = desk.answers.deadline()
    answered: list[int] = []

    def write() -> None:
        places, answered[:] = answered[:], []
        tickets = [each for place in places if not isinstance(each := sent[place], Told)]
        for place, told in zip(places, desk.answers.collect_answered(tickets), strict=True):
            sent[place] = told

    for place, each in enumerate(sent):
        if not isinstance(each, Told):
            if each.answered:
                answered.append(place)
                if len(answered) >= _TOGETHER:
                    write()
            else:
                write()
                sent[place] = desk.answers.collect(each, deadline)
        if progress is not None:
            with contextlib.suppress(Exception):  # a console that went away must not cost an outcome
                progress()
    write()


def _collected(desk: OrderDesk, each: Ticket | Told) -> Told:
    return each if isinstance(each, Told) else desk.answers.collect(each)
