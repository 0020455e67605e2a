"""A basket of orders, read and checked before any of them leaves.

Never sends; an order that cannot be right becomes an outcome of its own instead of stopping the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from easytrader_qmt.errors import InvalidArgument, InvalidOrder, JournalError, shown
from easytrader_qmt.miniqmt.outcomes import Told
from easytrader_qmt.orders import OrderRequest

_VERBS = ("buy", "sell", "market_buy", "market_sell")
_LONG = 200
"""From how many orders on a basket shows its progress."""


def basket_requests(
    orders: Iterable[Mapping[str, Any]], build: Callable[[str, dict[str, Any]], OrderRequest | Told]
) -> list[OrderRequest | Told]:
    """Each order of a basket as a checked request, or the outcome that it was not sent and why.

    Raises InvalidArgument for something that is no list of orders.
    """
    try:
        every = None if isinstance(orders, (str, bytes, Mapping)) else iter(orders)
    except TypeError:  # an array without a dimension has __iter__ and cannot be iterated
        every = None
    if every is None:
        raise InvalidArgument(f"篮子 {shown(orders)} 无效：应为委托字典的列表；没有发送任何委托")
    made: list[OrderRequest | Told] = []
    for order in every:
        try:
            made.append(_request(order, build))
        except (InvalidOrder, JournalError) as error:
            given = order.get("client_order_id") if isinstance(order, Mapping) else None
            made.append(Told("not_sent", 0, str(error), given if isinstance(given, str) else ""))
    return made


def _request(
    order: object, build: Callable[[str, dict[str, Any]], OrderRequest | Told]
) -> OrderRequest | Told:
    if not isinstance(order, Mapping):
        raise InvalidOrder(
            f"篮子里的委托 {shown(order)} 无效：应为字典", field="order", value=order, rule="字典"
        )
    words = {str(name): value for name, value in order.items()}
    verb = words.pop("action", None)
    if not isinstance(verb, str) or verb not in _VERBS:
        raise InvalidOrder(
            f"action={shown(verb)} 无效，可选：{'、'.join(_VERBS)}",
            field="action",
            value=verb,
            rule="、".join(_VERBS),
        )
    return build(verb, words)


@contextmanager
def with_progress(orders: int) -> Iterator[Callable[[], object] | None]:
    """A step to call after each order, which draws a bar for a long basket on a terminal; otherwise None."""
    # Without a console, as under pythonw, there is no stderr at all.
    if orders < _LONG or sys.stderr is None or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            # rich would end the process here, in the middle of sending orders.
            self.quiet = True

    progress = Progress(console=Screen(stderr=True), transient=True)
    task = progress.add_task("下单", total=orders)
    with suppress(OSError):
        progress.start()
    try:
        yield lambda: progress.advance(task)
    finally:
        with suppress(OSError):
            progress.stop()
