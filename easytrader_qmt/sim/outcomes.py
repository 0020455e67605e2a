"""What the simulated counter answers: frozen results and the events a client is told.

Only shapes; no behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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
