"""One account's orders as the counter listed them last, by the tokens in their remarks.

For client order ids that the journal does not know: a journal can be lost, with a power failure or a folder, but
the remark of an order stays at the counter for the day. Never asks the counter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from easytrader_qmt.doubts import by_token, shown_by
from easytrader_qmt.errors import InvalidOrder
from easytrader_qmt.journal_entries import Intent
from easytrader_qmt.miniqmt.mirror import day_of, number, text
from easytrader_qmt.miniqmt.outcomes import Told
from easytrader_qmt.price_types import MARKET_PRICE_TYPES
from easytrader_qmt.remarks import order_token

_ATTEMPTS = 4
"""An id goes out again only where an attempt was proved to be nowhere; more than a few never happened."""
_HALF_A_TICK = 0.0005


class ListedOrders:
    """The last complete list. Thread safe: a list is taken whole."""

    def __init__(self) -> None:
        self._listed: Sequence[Any] = ()
        self._indexed: tuple[Sequence[Any], Mapping[str, Any]] = ((), {})

    def take(self, orders: Sequence[Any]) -> None:
        """A complete list of today's orders; read only once somebody asks."""
        self._listed = orders

    def of_id(self, account_id: str, client_order_id: str, today: int) -> Any:
        """The order that left under this id today, or None.

        Before a terminal has started anew it may still list the orders of another day.
        """
        listed, (read, found) = self._listed, self._indexed
        if read is not listed:
            found = by_token(listed)
            self._indexed = listed, found
        if not found:
            return None
        tokens = (order_token(account_id, client_order_id, attempt) for attempt in range(_ATTEMPTS))
        order = next((found[token] for token in tokens if token in found), None)
        return order if order is None or day_of(order.order_time, today) == today else None


def told_of(order: Any, intent: Intent) -> Told:
    """What became of the order that left under an intent's id. Raises InvalidOrder where it is another order."""
    outcome, entrust_no, message = shown_by(order)
    if not _is_same(intent, order):
        rule = "一个 client_order_id 永远只代表一笔委托"
        raise InvalidOrder(
            f"client_order_id {intent.client_order_id!r} 不在委托日志里，但柜台今天已有用它下的另一笔委托"
            f"（编号 {entrust_no}，{order.stock_code} 委托类型 {order.order_type} 价格 {order.price} "
            f"数量 {order.order_volume}），{rule}，没有发出任何委托。新的委托请用新的编号",
            field="client_order_id",
            value=intent.client_order_id,
            rule=rule,
        )
    return Told(outcome, entrust_no, message, intent.client_order_id, text(order, "order_remark"))


def _is_same(intent: Intent, order: Any) -> bool:
    """Whether a listed order has an intent's terms, as far as a list shows them.

    Counters name price types in their own way, and a market order's price may be anything.
    """
    price = order.price if isinstance(order.price, (int, float)) else 0.0
    same_price = intent.price_type in MARKET_PRICE_TYPES or abs(price - intent.price) < _HALF_A_TICK
    terms = text(order, "stock_code"), number(order, "order_type"), number(order, "order_volume")
    return terms == (intent.stock_code, intent.order_type, intent.amount) and same_price
