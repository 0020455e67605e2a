"""A basket of orders, read and checked before any of them leaves.

Never sends; an order that cannot be right becomes an outcome of its own instead of stopping the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from easytrader_qmt.errors import InvalidOrder
from easytrader_qmt.miniqmt.outcomes import Told
from easytrader_qmt.orders import OrderRequest

_VERBS = ("buy", "sell", "market_buy", "market_sell")
_LONG = 200
"""From how many orders on a basket shows its progress."""


def basket_requests(
    orders: Sequence[Mapping[str, Any]], build: Callable[[str, dict[str, Any]], OrderRequest]
) -> list[OrderRequest | Told]:
    """Each order of a basket as a checked request, or the outcome that it was not sent and why."""
    made: list[OrderRequest | Told] = []
    for order in orders:
        try:
            made.append(_request(order, build))
        except InvalidOrder as error:
            client_order_id = order.get("client_order_id") if isinstance(order, Mapping) else None
            made.append(Told("not_sent", 0, str(error), str(client_order_id or "")))
    return made


def _request(order: object, build: Callable[[str, dict[str, Any]], OrderRequest]) -> OrderRequest:
    if not isinstance(order, Mapping):
        raise InvalidOrder(f"篮子里的委托 {order!r} 无效：应为字典", field="order", value=order, rule="字典")
    words = dict(order)
    verb = words.pop("action", None)
    if verb not in _VERBS:
        raise InvalidOrder(
            f"action={verb!r} 无效，可选：{'、'.join(_VERBS)}",
            field="action",
            value=verb,
            rule="、".join(_VERBS),
        )
    return build(verb, words)


@contextmanager
def with_progress(orders: int) -> Iterator[Callable[[], object]]:
    """A step to call after each order; draws a bar for a long basket on a terminal, else does nothing."""
    if orders < _LONG or not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("下单", total=orders)
        yield lambda: progress.advance(task)
