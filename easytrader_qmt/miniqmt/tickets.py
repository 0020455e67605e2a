"""What an order carries on its way: its ticket, and the id of one that nobody named.

Never sends and never waits.
"""

from __future__ import annotations

import itertools
import os
import uuid
from typing import NamedTuple

from easytrader_qmt.journal_entries import Begun
from easytrader_qmt.miniqmt.reply import Reply
from easytrader_qmt.orders import OrderRequest


class Ticket(NamedTuple):
    """An order on its way: what was asked, how it is journalled, and where its answer will come."""

    request: OrderRequest
    client_order_id: str
    begun: Begun
    reply: Reply

    @property
    def answered(self) -> bool:
        """Whether the answer is there."""
        return self.reply.done() and self.reply.exception() is None


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
