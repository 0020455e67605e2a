"""What the pushes say of this account's orders: how far each has come, and which were refused and why.

Written on the dispatcher thread, read from any. Never asks the terminal, never calls a handler.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Any

from easytrader_qmt.miniqmt.mirror import text
from easytrader_qmt.miniqmt.names import FINAL_STATUSES
from easytrader_qmt.remarks import token_of

_KEPT = 20_000
"""How many orders are remembered; a day under the reporting line for programme trading has fewer."""

JUNK = 57


class OrderWatch:
    """The last word on each order, and a way to wait for the next."""

    def __init__(self, account_id: str) -> None:
        self._account_id = account_id
        self._news = threading.Condition()
        self._final: OrderedDict[int, None] = OrderedDict()
        self._refused: OrderedDict[int, str] = OrderedDict()
        self._tokens: OrderedDict[int, str] = OrderedDict()
        self._cancel_errors: OrderedDict[int, str] = OrderedDict()

    def sent(self, order_id: int, token: str) -> None:
        """An order of ours got its number; ``token`` is how its refusals are told from another's."""
        with self._news:
            _keep(self._tokens, order_id, token)

    def heard(self, method: str, record: Any) -> tuple[int, str, str] | None:
        """Take a push. A refusal comes back as (order_id, token, text), to be written down."""
        if method not in ("on_stock_order", "on_order_error", "on_cancel_error"):
            return None
        if text(record, "account_id") not in ("", self._account_id):
            return None
        order_id = int(record.order_id)
        with self._news:
            found = self._take(method, record, order_id)
            self._news.notify_all()
        return found

    def _take(self, method: str, record: Any, order_id: int) -> tuple[int, str, str] | None:
        if method == "on_cancel_error":
            _keep(self._cancel_errors, order_id, text(record, "error_msg"))
            return None
        token = token_of(text(record, "order_remark")) or ""
        if method == "on_stock_order":
            if int(record.order_status) in FINAL_STATUSES:
                _keep(self._final, order_id, None)
            if int(record.order_status) != JUNK:
                return None
            message = (
                text(record, "status_msg") or self._refused.get(order_id, "") or "废单，柜台没有说明原因"
            )
        else:
            # The vendor's layer can hand an old order's refusal to a later order with the same number; the
            # token in the remark says whose it is.
            if token and self._tokens.get(order_id, token) != token:
                return order_id, token, text(record, "error_msg")
            message = text(record, "error_msg") or "柜台拒绝，没有说明原因"
        _keep(self._refused, order_id, message)
        return order_id, token, message

    def refusal(self, order_id: int) -> str | None:
        """Why the counter refused an order after taking it; None when it did not."""
        return self._refused.get(order_id)

    @property
    def any_refusals(self) -> bool:
        """Whether there is anything to attach to an order list."""
        return bool(self._refused)

    def is_final(self, order_id: int) -> bool:
        """Whether an order is known to have come to its end."""
        return order_id in self._final or order_id in self._refused

    def wait_final(self, order_id: int, seconds: float) -> bool:
        """Wait until an order's end was pushed, at most ``seconds``."""
        with self._news:
            return self._news.wait_for(lambda: self.is_final(order_id), seconds)

    def forget_cancel_error(self, order_id: int) -> None:
        """Before a new cancel: an old refusal must not be taken for its answer."""
        self._cancel_errors.pop(order_id, None)

    def wait_cancel_error(self, order_id: int, seconds: float) -> str:
        """The counter's reason for refusing a cancel, which comes by itself; ``''`` if it does not come."""
        with self._news:
            self._news.wait_for(lambda: order_id in self._cancel_errors, seconds)
            return self._cancel_errors.get(order_id, "")


def _keep(book: OrderedDict[int, Any], order_id: int, value: Any) -> None:
    if order_id <= 0:
        return
    book[order_id] = value
    if len(book) > _KEPT:
        book.popitem(last=False)
