"""Waiting for an order's end, and orders shown together with refusals that came by another way.

Never changes an order, and never calls an order final that might still fill.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from easytrader_qmt.clock import Clock
from easytrader_qmt.doubts import REPORTED
from easytrader_qmt.errors import OrderNotFinal
from easytrader_qmt.fields import table_of
from easytrader_qmt.miniqmt.cancels import entrust_number
from easytrader_qmt.miniqmt.mirror import text
from easytrader_qmt.miniqmt.names import FINAL_STATUSES, name_of
from easytrader_qmt.miniqmt.order_watch import JUNK, OrderWatch
from easytrader_qmt.miniqmt.policy import seconds
from easytrader_qmt.records import Records
from easytrader_qmt.remarks import token_of

_FIRST_STEP = 0.05
_LONGEST_STEP = 1.0
"""Seconds after which the order is asked for although nothing was pushed: pushes can be lost, and a wait inside
a handler holds them up itself."""


def with_refusals(orders: Records, objects: Sequence[Any], watch: OrderWatch) -> Records:
    """Orders with the refusals that came only as an error push: 废单 with the counter's text.

    ``objects`` are the vendor's, one for each row. An order that has ended otherwise, or has traded, was not
    refused, whatever a push said. One that is listed at the exchange keeps its status and only gets the text:
    the push may be the terminal's own timeout, and an order that can still fill must not look ended.
    """
    if not watch.any_refusals:
        return orders
    for order, each in zip(orders, objects, strict=True):
        number, status = order["order_id"], order["order_status"]
        if not number or order["traded_volume"] or (status in FINAL_STATUSES and status != JUNK):
            continue
        refused = watch.refusal(number, token_of(text(each, "order_remark")) or "")
        if refused is not None:
            order["status_msg"] = order["status_msg"] or refused
            if status not in REPORTED:
                order["order_status"], order["order_status_name"] = JUNK, name_of("order_status", JUNK)
    return orders


def wait_for_end(
    watch: OrderWatch, ask: Callable[[], Records], entrust_no: object, timeout: float, clock: Clock
) -> dict[str, Any]:
    """The order's row once it is final. Raises OrderNotFinal with the row as it stands after ``timeout``."""
    number = entrust_number(entrust_no)
    deadline = clock.monotonic() + seconds("timeout", timeout)
    step = _FIRST_STEP
    while True:
        mark = watch.mark(number)
        row = next((each for each in ask() if each["order_id"] == number), None)
        refused = watch.refusal(number)
        if row is None and refused is not None:
            row = dict.fromkeys(table_of("order").keys)
            row |= {"order_id": number, "order_status": JUNK, "status_msg": refused,
                    "order_status_name": name_of("order_status", JUNK)}  # fmt: skip
        if row is not None and row["order_status"] in FINAL_STATUSES:
            return row
        left = deadline - clock.monotonic()
        if left <= 0:
            state = (
                "柜台今天没有这笔委托，请核对委托单号"
                if row is None
                else f"目前是{row['order_status_name']}；可以继续等待，或者撤单"
            )
            raise OrderNotFinal(f"委托 {number} 在 {timeout:g} 秒内没有结束，{state}", order=row)
        heard = watch.wait_for_news(number, mark, min(left, step))
        step = _FIRST_STEP if heard else min(2 * step, _LONGEST_STEP)
