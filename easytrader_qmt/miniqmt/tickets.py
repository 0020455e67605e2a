"""What an order carries on its way: its ticket, and the id of one that nobody named.

Never sends and never waits.
"""

from __future__ import annotations

import itertools
import os
import uuid
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from easytrader_qmt.journal_entries import Begun
from easytrader_qmt.orders import OrderRequest


@dataclass(frozen=True, slots=True)
class Ticket:
    """An order on its way: what was asked, how it is journalled, and where its answer will come."""

    request: OrderRequest
    client_order_id: str
    begun: Begun
    future: Future[Any]

    @property
    def answered(self) -> bool:
        """Whether the answer is there."""
        return self.future.done() and self.future.exception() is None


class NewIds:
    """Client order ids for orders that nobody named: no two alike, in this process or any other."""

    def __init__(self) -> None:
        self._pid = 0
        self._head = ""
        self._numbers = itertools.count(1)

    def __call__(self) -> str:
        """32 hexadecimal digits."""
        pid = os.getpid()
        if pid != self._pid:
            # A forked child must not go on with its parent's.
            self._head, self._pid = uuid.uuid4().hex[:22], pid
        return f"{self._head}{next(self._numbers):010x}"
