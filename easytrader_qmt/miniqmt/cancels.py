"""Sends one account's cancels and answers what is true: taken, refused and why, or already over.

Idempotent: a second cancel, or one of an order that has ended, breaks nothing. Never retries by itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from easytrader_qmt.errors import InvalidOrder, NotConnected, QueryFailed
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded, settled
from easytrader_qmt.miniqmt.inflight import ConnectionLost
from easytrader_qmt.miniqmt.names import FINAL_STATUSES, name_of
from easytrader_qmt.miniqmt.order_watch import OrderWatch
from easytrader_qmt.risk import Risk

_MARKETS = {"SH": 0, "SZ": 1, "BJ": 70}
_CANCELLED = frozenset({53, 54})
_REASON_SECONDS = 0.5
"""How long a refusal's reason, which comes as a push of its own, is waited for."""


class CancelDesk:
    """One account's cancels."""

    def __init__(
        self, connection: Connection, account: Any, risk: Risk, watch: OrderWatch, *, call_timeout: float
    ) -> None:
        self._connection = connection
        self._account = account
        self._risk = risk
        self._watch = watch
        self._call_timeout = call_timeout

    def by_number(self, entrust_no: object) -> dict[str, Any]:
        """Cancel by the number an order verb returned. Raises NotConnected, InvalidOrder."""
        number = entrust_number(entrust_no)
        self._watch.forget_cancel_error(number)
        return self._cancel(
            "cancel_order_stock_async",
            (number,),
            lambda order: order.order_id == number,
            lambda: self._watch.wait_cancel_error(number, _REASON_SECONDS),
        )

    def by_sysid(self, order_sysid: object, market: object) -> dict[str, Any]:
        """Cancel by the counter's number and its market: the only way for an order placed by hand."""
        sysid, code = counter_number(order_sysid), market_number(market)
        return self._cancel(
            "cancel_order_stock_sysid_async",
            (code, sysid),
            lambda order: order.order_sysid == sysid,
            lambda: "",
        )

    def _cancel(
        self, call: str, how: tuple[Any, ...], which: Callable[[Any], bool], reason: Callable[[], str]
    ) -> dict[str, Any]:
        session = self._connection.ready()
        self._risk.check_cancel()
        try:
            future = session.send(call, self._account, *how)
        except ConnectionLost as error:
            raise NotConnected(f"{error}；没有发送撤单请求") from None
        try:
            response = settled(future, self._call_timeout, "撤单")
        except (DeadlineExceeded, ConnectionLost) as error:
            return _answered(
                False, f"撤单结果未知：{error}；请查询委托状态，必要时再撤一次（重复撤单是安全的）"
            )
        if response.cancel_result == 0:
            return _answered(True, "success")
        said = _text(response, "error_msg") or reason()
        return self._why_not(which, said)

    def _why_not(self, which: Callable[[Any], bool], said: str) -> dict[str, Any]:
        """A refused cancel, explained by the order's own status where it can be seen."""
        try:
            orders = self._connection.ask("query_stock_orders", self._account)
        except (NotConnected, QueryFailed):
            return _answered(False, said or "failed")
        order = next((each for each in orders if which(each)), None)
        if order is None:
            return _answered(False, said or "柜台没有这笔委托")
        if order.order_status in _CANCELLED:
            return _answered(True, f"委托已是{name_of('order_status', order.order_status)}，无需再撤")
        if order.order_status in FINAL_STATUSES:
            name = name_of("order_status", order.order_status)
            return _answered(False, f"委托已是{name}，不能撤单" + (f"；柜台：{said}" if said else ""))
        return _answered(False, said or "failed")


def entrust_number(entrust_no: object) -> int:
    """The order number as an int; also from text, because remote clients send text. Raises InvalidOrder."""
    number = entrust_no
    if isinstance(number, str) and number.strip().isdecimal():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 2**31:
        raise InvalidOrder(
            f"entrust_no={entrust_no!r} 无效：应为下单返回的正整数委托编号；没有发送请求",
            field="entrust_no",
            value=entrust_no,
            rule="正整数委托编号",
        )
    return number


def counter_number(order_sysid: object) -> str:
    """The counter's number as text of at most 23 bytes, what the native client keeps. Raises InvalidOrder."""
    if not isinstance(order_sysid, str) or not order_sysid.strip() or len(order_sysid.encode()) > 23:
        raise InvalidOrder(
            f"order_sysid={order_sysid!r} 无效：应为委托列表里的柜台合同编号（字符串，最多 23 字节）；没有发送请求",
            field="order_sysid",
            value=order_sysid,
            rule="柜台合同编号",
        )
    return order_sysid.strip()


def market_number(market: object) -> int:
    """The vendor's number of a market: SH 0, SZ 1, BJ 70, also from these names. Raises InvalidOrder."""
    found = _MARKETS.get(market.strip().upper()) if isinstance(market, str) else market
    if isinstance(found, bool) or found not in _MARKETS.values():
        raise InvalidOrder(
            f"market={market!r} 无效：按合同编号撤单需要市场，可选 SH(0)、SZ(1)、BJ(70)；没有发送请求",
            field="market",
            value=market,
            rule="SH、SZ、BJ",
        )
    return int(str(found))


def _answered(success: bool, message: str) -> dict[str, Any]:
    return {"success": success, "message": message}


def _text(record: Any, name: str) -> str:
    try:
        return str(getattr(record, name, "") or "")
    except UnicodeDecodeError:
        return ""
