"""The observed behaviour of callbacks, and of calls from inside them.

Every row really runs the vendor's Python layer on the stand-in; some leave a thread that hangs for ever, so
the rows are meant for a process of their own (`conformance_behaviour`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import partial

from easytrader_qmt.sim.conformance_bench import (
    SHORT,
    SOON,
    Desk,
    Heard,
    Row,
    Seat,
    Wrong,
    blocked,
    expect,
    timely,
)

__all__ = ["ROWS"]

_RESPONSE = {"account_id": "1000001", "order_id": 4321, "strategy_name": "s", "order_remark": "r"}


# --- calls from inside callbacks -------------------------------------------------------------------


class _Inside:
    """A synchronous call made from inside a callback, and whether it came back."""

    def __init__(self, desk: Desk, callback: str, call: Callable[[Seat], object], *, relaxed: bool) -> None:
        self._entered, self._left = threading.Event(), threading.Event()
        self._call = call
        self.seat = desk.seat(heard=Heard(**{callback: lambda argument: self.enter()}))
        self.seat.terminal.answers.update({"orderStock": _RESPONSE, "cancelOrderStock": {"order_id": 4321}})
        self.seat.raw.set_relaxed_response_order_enabled(relaxed)

    def enter(self) -> None:
        self._entered.set()
        self._call(self.seat)
        self._left.set()

    def came_back(self, *, wanted: bool) -> None:
        if not self._entered.wait(SOON):
            raise Wrong("回调没有被调用")
        if self._left.wait(SOON if wanted else SHORT) is not wanted:
            raise Wrong("回调里的同步调用一直阻塞" if wanted else "回调里的同步调用返回了")


def _query(seat: Seat) -> object:
    return seat.raw.query_stock_orders(seat.account)


def _order(seat: Seat) -> object:
    return seat.raw.order_stock(*seat.terms())


def _cancel(seat: Seat) -> object:
    return seat.raw.cancel_order_stock(seat.account, 4321)


def _in_push(call: Callable[[Seat], object], *, relaxed: bool, free: bool) -> Callable[[Desk], None]:
    def check(desk: Desk) -> None:
        inside = _Inside(desk, "on_stock_order", call, relaxed=relaxed)
        inside.seat.terminal.client.push("order", {"order_id": 1})
        inside.came_back(wanted=free)

    return check


def _in_order_response(*, relaxed: bool) -> Callable[[Desk], None]:
    def check(desk: Desk) -> None:
        inside = _Inside(desk, "on_order_stock_async_response", _query, relaxed=relaxed)
        inside.seat.order()
        inside.came_back(wanted=relaxed)

    return check


def _in_query_answer(*, relaxed: bool) -> Callable[[Desk], None]:
    def check(desk: Desk) -> None:
        inside = _Inside(desk, "on_nothing", _query, relaxed=relaxed)
        seat = inside.seat
        seat.raw.query_stock_orders_async(seat.account, lambda orders: inside.enter())
        inside.came_back(wanted=False)

    return check


def _what_a_deadlock_takes_along(desk: Desk) -> None:
    inside = _Inside(desk, "on_stock_order", _query, relaxed=False)
    seat = inside.seat
    seat.terminal.client.push("order", {})
    inside.came_back(wanted=False)
    blocked(("query", partial(_query, seat)), ("order", partial(_order, seat)), ("stop", seat.raw.stop))


def _exception_is_swallowed(desk: Desk) -> None:
    def fail(order: object) -> None:
        raise RuntimeError("raised by a user's callback")

    seat = desk.seat(heard=Heard(on_stock_order=fail))
    for _ in range(2):
        seat.terminal.client.push("order", {})
    seat.expect_heard("on_stock_order", "on_stock_order")
    expect(timely(lambda: seat.raw.subscribe(seat.account)), 0, "之后的 subscribe()")


def _connected_is_never_said(desk: Desk) -> None:
    seat = desk.seat()
    expect(timely(lambda: seat.raw.subscribe(seat.account)), 0, "subscribe()")
    seat.expect_heard()


def _connected_stays_true(desk: Desk) -> None:
    seat = desk.seat()
    seat.terminal.client.dropped(True)
    expect(seat.heard.next()[0], "on_disconnected", "回调")
    expect(seat.raw.connected, True, "trader.connected")


def _status_is_wrapped(desk: Desk) -> None:
    seat = desk.seat()
    seat.terminal.client.push("account_status", {"account_id": "1000001", "account_type": 2, "status": 3})
    (status,) = seat.expect_heard("on_account_status")
    expect(type(status), desk.package.xttype.XtAccountStatus, "类型")
    expect((status.account_id, status.status), ("1000001", 3), "内容")


ROWS: tuple[Row, ...] = (
    Row("callback.query_in_push", "推送回调里同步查询会死锁", _in_push(_query, relaxed=False, free=False)),
    Row("callback.order_in_push", "推送回调里同步下单会死锁", _in_push(_order, relaxed=False, free=False)),
    Row("callback.query_in_response", "异步下单响应的回调里同步查询会死锁", _in_order_response(relaxed=False)),
    Row("callback.query_in_answer", "异步查询的回调里同步查询会死锁", _in_query_answer(relaxed=False)),
    Row("callback.deadlock_spreads", "死锁之后别的同步调用和 stop() 也一直阻塞", _what_a_deadlock_takes_along),
    Row("relaxed.query_in_push", "宽松模式放开推送回调里的同步查询", _in_push(_query, relaxed=True, free=True)),
    Row("relaxed.order_in_push", "宽松模式不放开同步下单", _in_push(_order, relaxed=True, free=False)),
    Row("relaxed.cancel_in_push", "宽松模式不放开同步撤单", _in_push(_cancel, relaxed=True, free=False)),
    Row("relaxed.query_in_answer", "宽松模式不放开异步查询的回调", _in_query_answer(relaxed=True)),
    Row("relaxed.query_in_response", "宽松模式不放开异步响应的回调", _in_order_response(relaxed=True), differs=True),
    Row("callback.exception", "用户回调里的异常被悄悄吞掉", _exception_is_swallowed),
    Row("callback.on_connected", "on_connected 从不触发", _connected_is_never_said),
    Row("callback.connected", "断开后 trader.connected 仍是 True", _connected_stays_true),
    Row("callback.account_status", "账户状态推送换成 xttype 的对象", _status_is_wrapped),
)  # fmt: skip
