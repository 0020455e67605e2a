"""What the order journal holds about one order: the intent, and what became of it.

Frozen rows and the rules of an outcome; it never opens a file and never asks a counter.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any, Literal, NamedTuple

from easytrader_qmt.orders import OrderRequest
from easytrader_qmt.price_types import MARKET_PRICE_TYPES
from easytrader_qmt.remarks import order_token, outgoing_remark

__all__ = ["COLUMNS", "RETRYABLE", "Begun", "Entry", "Intent", "Outcome", "entry_of"]
__all__ += ["sent_of", "terms_of"]

Outcome = Literal["sending", "accepted", "refused", "not_sent", "in_doubt", "absent"]
"""``sending``: begun by a process that may still run. ``absent``: proved not to be at the counter."""

RETRYABLE: frozenset[str] = frozenset({"not_sent", "absent"})
"""Outcomes after which the same client order id may be sent again."""

_FIRMNESS = {"not_sent": 0, "absent": 0, "sending": 1, "in_doubt": 1, "refused": 2, "accepted": 3}


class Intent(NamedTuple):
    """One order about to leave. Amounts in shares, prices and ``notional`` in yuan."""

    account_id: str
    client_order_id: str
    token: str
    """Of attempt 0; the journal makes the later ones."""
    remark: str
    """As it is sent."""
    user_remark: str
    stock_code: str
    order_type: int
    price_type: int
    price: float
    amount: int
    strategy_name: str = ""
    session_id: int = 0
    notional: float | None = None
    """What it is worth, None where that is not known."""
    account_type: int = 0
    """The vendor's number of the account's type, 0 where it is not known."""

    @classmethod
    def of(
        cls,
        request: OrderRequest,
        account_id: str,
        client_order_id: str,
        *,
        session_id: int = 0,
        notional: float | None = None,
        account_type: int = 0,
    ) -> Intent:
        """The intent to send ``request`` under ``client_order_id``, with its token and its remark."""
        token = order_token(account_id, client_order_id)
        return cls(
            account_id,
            client_order_id,
            token,
            outgoing_remark(request.remark, token),
            request.remark,
            request.stock_code,
            request.order_type,
            request.price_type,
            request.price,
            request.amount,
            request.strategy_name,
            session_id,
            request.notional if notional is None else notional,
            account_type,
        )

    @property
    def terms(self) -> tuple[object, ...]:
        """What makes it this order and no other: code, side, price type, amount, price.

        The price of a market order is left out: as a protect price it follows the day's limits.
        """
        return terms_of(self)


@dataclass(frozen=True, slots=True)
class Entry:
    """One attempt to send one order, as the journal knows it. Times are Unix seconds, 0.0 for not yet."""

    key: int
    account_id: str
    client_order_id: str
    attempt: int
    """Counts from 0; only an attempt proved to be nowhere is followed by another."""
    token: str
    remark: str
    user_remark: str
    strategy_name: str
    stock_code: str
    order_type: int
    price_type: int
    price: float
    amount: int
    notional: float | None
    session_id: int
    pid: int
    marker: str
    outcome: Outcome
    order_id: int
    """The counter's number (entrust_no); 0 where there is none."""
    message: str
    rejected_later: str
    """Why the counter refused an order that it had accepted; '' where it did not."""
    begun_at: float
    finished_at: float
    account_type: int = 0
    """See `Intent.account_type`."""

    @property
    def terms(self) -> tuple[object, ...]:
        """See `Intent.terms`."""
        return terms_of(self)

    def stands_for(self, terms: tuple[object, ...], account_type: int) -> bool:
        """Whether this id is that order's: the same terms, of the same account as far as both types are known."""
        same_type = account_type == self.account_type or 0 in (account_type, self.account_type)
        return same_type and self.terms == terms

    @property
    def sent_at(self) -> float:
        """The latest moment at which it may have left this machine, in Unix seconds."""
        return self.finished_at or self.begun_at

    @property
    def firmness(self) -> tuple[int, int]:
        """Of two attempts of one order, the one with the greater firmness says what became of it."""
        return _FIRMNESS[self.outcome], self.attempt


class Begun(NamedTuple):
    """The answer to an intent. Only a ``fresh`` one may be sent, with this ``remark``."""

    fresh: bool
    key: int
    attempt: int
    token: str
    remark: str
    known: Entry | None = None
    """What is known of the order already; None for a fresh one."""


COLUMNS = tuple(column.name for column in fields(Entry))
"""The journal's columns, in the order of an `Entry`."""


def entry_of(row: tuple[Any, ...]) -> Entry:
    """An entry from a row with the columns in the order of `COLUMNS`."""
    return Entry(*row)


def sent_of(entries: Iterable[Entry], account_type: int = 0) -> tuple[int, float]:
    """How many of them may have left, and their yuan as far as known; of one type of account unless 0."""
    types = (0, account_type)
    sent = [
        entry
        for entry in entries
        if entry.outcome not in RETRYABLE and (not account_type or entry.account_type in types)
    ]
    return len(sent), sum(entry.notional or 0.0 for entry in sent)


def terms_of(order: Intent | Entry | OrderRequest) -> tuple[object, ...]:
    """See `Intent.terms`."""
    price = None if order.price_type in MARKET_PRICE_TYPES else order.price
    return order.stock_code, order.order_type, order.price_type, order.amount, price
