"""What the simulated counter answers: frozen results and the events a client is told.

Only shapes; nothing is decided or moved here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from easytrader_qmt.sim.order import Order
from easytrader_qmt.sim.refusals import COUNTER_ERROR


@dataclass(frozen=True, slots=True)
class Event:
    """One push. ``kind`` is order, trade, asset, position, order_error, cancel_error or account_status.

    ``fields`` is the row; it may be the very row a query returns, so nobody modifies it.
    """

    account_id: str
    kind: str
    fields: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Placed:
    """What became of an order request.

    ``order_id`` is -1 when the terminal itself refused (``error_msg`` says why, no events), 0 for an order
    placed by hand, positive otherwise: also for an order the counter refuses, which the events tell.
    """

    order_id: int
    error_id: int
    error_msg: str
    events: tuple[Event, ...]


@dataclass(frozen=True, slots=True)
class Cancelled:
    """What became of a cancel request: ``result`` 0 or -1; both ids exactly as they were asked with."""

    result: int
    order_id: int
    order_sysid: str
    error_msg: str
    events: tuple[Event, ...]


def order_error(order: Order, text: str, seq: int) -> Event:
    """The push that tells a client its order was refused; ``seq`` is its request number."""
    fields = {
        "account_type": order.account_type,
        "account_id": order.account_id,
        "order_id": order.order_id,
        "error_id": COUNTER_ERROR,
        "error_msg": text,
        "strategy_name": order.strategy_name,
        "order_remark": order.order_remark,
        "seq": seq,
    }
    return Event(order.account_id, "order_error", fields)


def cancel_error(
    account_id: str, account_type: int, order_id: int, order_sysid: str, market: int, text: str
) -> Event:
    """The push that tells a client its cancel was refused, with the ids exactly as it sent them.

    The vendor's layer delivers it only when both match the response.
    """
    fields = {
        "account_type": account_type,
        "account_id": account_id,
        "order_id": order_id,
        "error_id": COUNTER_ERROR,
        "market": market,
        "order_sysid": order_sysid,
        "error_msg": text,
    }
    return Event(account_id, "cancel_error", fields)
