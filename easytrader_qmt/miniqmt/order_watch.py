"""What the pushes say of this account's orders: which were refused and why, and that there is news of one.

Written on the dispatcher thread, read from any. Never asks the terminal, never calls a handler, and never takes
one order's refusal for another's: the token in a remark says whose it is, an order number alone does not.
"""

from __future__ import annotations

import threading
from typing import Any, NamedTuple

from easytrader_qmt.clock import Clock, day_number
from easytrader_qmt.doubts import REJECTED, REPORTED
from easytrader_qmt.miniqmt.mirror import text
from easytrader_qmt.recent_days import RecentDays
from easytrader_qmt.remarks import token_of

_KEPT = 20_000
"""How many orders are remembered; a day under the reporting line for programme trading has fewer."""

_REFUSED_DAYS = 7
"""Days for which the reasons of refusals are kept: an order given in the evening may be the next week's."""

JUNK = REJECTED
_NO_REASON = "废单，柜台没有说明原因"

Number = tuple[int, int]
"""Day and order number: a terminal numbers each day's orders anew."""


class Word(NamedTuple):
    """What one push says of an order. ``refusal`` is None unless it says that the order was refused.

    ``status`` is the order's, 0 where the push has none.
    """

    order_id: int
    token: str
    refusal: str | None
    status: int = 0


class OrderWatch:
    """The last word on each order, and a way to wait for the next."""

    def __init__(self, account_id: str, clock: Clock) -> None:
        self._account_id = account_id
        self._clock = clock
        self._news = threading.Condition()
        # By number only today's are asked about.
        self._heard: RecentDays[Number, int] = RecentDays(clock, 1, _KEPT)
        self._tokens: RecentDays[Number, str] = RecentDays(clock, 1, _KEPT)
        self._refused: RecentDays[str, str] = RecentDays(clock, _REFUSED_DAYS, _KEPT)
        self._refused_numbers: RecentDays[Number, str] = RecentDays(clock, 1, _KEPT)
        self._cancel_errors: RecentDays[Number, str] = RecentDays(clock, 1, _KEPT)
        self._live: RecentDays[str, tuple[int, int]] = RecentDays(clock, 1, _KEPT)

    def sent(self, order_id: int, token: str) -> None:
        """An order of ours got its number; ``token`` is how its refusals are told from another's."""
        if order_id > 0:
            with self._news:
                self._tokens[self._number(order_id)] = token

    def refused_before(self, order_id: int, token: str, message: str) -> None:
        """A refusal of an order of today that was heard in an earlier connection."""
        self.sent(order_id, token)
        with self._news:
            self._refused[token] = message

    def heard(self, method: str, record: Any) -> Word | None:
        """Take a push; None when it says nothing of an order of this account."""
        if method not in ("on_stock_order", "on_order_error", "on_cancel_error"):
            return None
        if text(record, "account_id") not in ("", self._account_id):
            return None
        order_id = int(record.order_id)
        with self._news:
            number = self._number(order_id)
            if method == "on_cancel_error":
                word = None
                if order_id > 0:
                    self._cancel_errors[number] = text(record, "error_msg")
            else:
                word = self._take(method, record, number)
            if order_id > 0:
                self._heard[number] = self._heard.get(number, 0) + 1
            self._news.notify_all()
        return word

    def _take(self, method: str, record: Any, number: Number) -> Word:
        token = token_of(text(record, "order_remark")) or ""
        order_id = number[1]
        if method == "on_stock_order":
            if token and order_id > 0:
                self._tokens[number] = token
            status = int(record.order_status)
            if status != JUNK:
                if token and order_id > 0:
                    self._live[token] = order_id, status
                return Word(order_id, token, None, status)
            said = text(record, "status_msg")
        else:
            said = text(record, "error_msg")
        known = self._refused.get(token, "") if token else self._refused_numbers.get(number, "")
        message = said or known or _NO_REASON
        if token:
            self._refused[token] = message
            self._live.discard(token)
        elif order_id > 0:
            self._refused_numbers[number] = message
        return Word(order_id, token, message, JUNK if method == "on_stock_order" else 0)

    def listed(self, order_id: int, token: str, status: int, message: str = "") -> None:
        """What a list says of an order counts as a push would."""
        if order_id <= 0:
            return
        self.sent(order_id, token)
        with self._news:
            if status == JUNK:
                self._refused[token] = message or self._refused.get(token, "") or _NO_REASON
                self._live.discard(token)
            else:
                self._live[token] = order_id, status

    def live(self, token: str) -> tuple[int, int] | None:
        """Number and status of an order of which the last word, if any, was that it is at the counter."""
        return self._live.get(token, None)

    def reported(self, token: str) -> int:
        """The number of an order of which the last word was that it has got to the exchange; otherwise 0."""
        number, status = self._live.get(token, (0, 0))
        return number if status in REPORTED else 0

    def taken_back(self, token: str) -> bool:
        """Whether the order was refused, and has been shown at the exchange since."""
        return token in self._refused and self.reported(token) > 0

    def refusal(self, order_id: int, token: str = "") -> str | None:
        """Why the counter refused an order after taking it; None when it did not.

        Also None where it has shown the order at the exchange since: then it was the terminal that gave up.
        """
        number = self._number(order_id)
        whose = token or self._tokens.get(number, "")
        if whose and self.reported(whose):
            return None
        found = self._refused.get(whose, None) if whose else None
        return found if found is not None else self._refused_numbers.get(number, None)

    @property
    def any_refusals(self) -> bool:
        """Whether there is anything to attach to an order list."""
        return bool(self._refused or self._refused_numbers)

    def mark(self, order_id: int) -> int:
        """How much was heard of an order so far."""
        return self._heard.get(self._number(order_id), 0)

    def wait_for_news(self, order_id: int, mark: int, seconds: float) -> bool:
        """Wait until more was heard of an order than at ``mark``, at most ``seconds``."""
        with self._news:
            return self._news.wait_for(lambda: self.mark(order_id) != mark, seconds)

    def forget_cancel_error(self, order_id: int) -> None:
        """Before a new cancel: an old refusal must not be taken for its answer."""
        self._cancel_errors.discard(self._number(order_id))

    def wait_cancel_error(self, order_id: int, seconds: float) -> str:
        """The counter's reason for refusing a cancel, which comes by itself; ``''`` if it does not come."""
        number = self._number(order_id)
        with self._news:
            self._news.wait_for(lambda: number in self._cancel_errors, seconds)
            return self._cancel_errors.get(number, "")

    def _number(self, order_id: int) -> Number:
        return day_number(self._clock.now()), order_id
