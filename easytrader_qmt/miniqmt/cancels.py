"""Sends one account's cancels and answers what is true: taken, refused and why, or already over.

Idempotent: a second cancel, or one of an order that has ended, breaks nothing. Never retries by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import InvalidOrder, NotConnected, QueryFailed, shown
from easytrader_qmt.failure_lines import log_failure
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded, settled
from easytrader_qmt.miniqmt.inflight import ConnectionLost
from easytrader_qmt.miniqmt.mirror import text
from easytrader_qmt.miniqmt.names import FINAL_STATUSES, name_of
from easytrader_qmt.miniqmt.order_watch import OrderWatch
from easytrader_qmt.miniqmt.reply import Reply
from easytrader_qmt.miniqmt.session import says_yes
from easytrader_qmt.risk import Risk
from easytrader_qmt.securities import MARKET_IDS

_CANCELLED = frozenset({53, 54})
_BEING_CANCELLED = frozenset({51, 52})
_REASON_SECONDS = 0.5
"""How long a refusal's reason, which comes as a push of its own, is waited for."""
_PATIENCE = 1.0
"""How long the rate limit may hold one cancel before it is refused."""
_MOST_DIGITS = 10
UNKNOWN_CANCEL = "撤单结果未知"
"""How the message begins when nobody knows whether a cancel arrived."""

_NOTHING_THERE: dict[int | None, str] = {
    -1: "委托编号 -1 表示下单没有被受理，没有可撤的委托；没有发送撤单请求",
    0: "手工在终端里下的委托没有编号（0），请用 user.cancel_sysid(柜台合同编号, 市场)；没有发送撤单请求",
}
"""What is said of the numbers that refused orders, and orders placed by hand, have in a list."""

Answer = dict[str, Any]


@dataclass(frozen=True, slots=True)
class _Asked:
    """A cancel on its way: where its answer will come, whose it is, and where else its reason may come."""

    reply: Reply
    is_it: Callable[[Any], bool]
    reason: Callable[[float], str]


class CancelDesk:
    """One account's cancels."""

    def __init__(
        self,
        connection: Connection,
        account: Any,
        risk: Risk,
        watch: OrderWatch,
        *,
        call_timeout: float,
        clock: Clock,
    ) -> None:
        self._connection = connection
        self._account = account
        self._risk = risk
        self._watch = watch
        self._call_timeout = call_timeout
        self._clock = clock

    def by_number(self, entrust_no: object) -> Answer:
        """Cancel by the number an order verb returned; -1 and 0 are answered. Raises NotConnected, InvalidOrder."""
        nothing = _NOTHING_THERE.get(_number(entrust_no))
        if nothing is not None:
            return _answered(False, nothing)
        return self._one(self._ask_number(entrust_number(entrust_no), _PATIENCE))

    def by_sysid(self, order_sysid: object, market: object) -> Answer:
        """Cancel by the counter's number and its market: the only way for an order placed by hand."""
        return self._one(self._ask_sysid(counter_number(order_sysid), market_number(market), _PATIENCE))

    def all_of(self, orders: Sequence[Mapping[str, Any]]) -> list[Answer]:
        """Cancel many orders, rows of an order list, without waiting in between; an answer for each.

        What stops one of them, such as the rate limit or a lost connection, is its answer.
        """
        asked = [self._try_to_ask(order) for order in orders]
        deadline = self._clock.monotonic() + self._call_timeout
        book = _Once(self._orders)
        return [each if isinstance(each, dict) else self._collect(each, deadline, book) for each in asked]

    def _try_to_ask(self, order: Mapping[str, Any]) -> _Asked | Answer:
        number = order["order_id"]
        try:
            if isinstance(number, int) and number > 0:
                return self._ask_number(number, self._call_timeout)
            market = market_number(str(order["stock_code"]).rpartition(".")[2])
            return self._ask_sysid(counter_number(order["order_sysid"]), market, self._call_timeout)
        except (NotConnected, InvalidOrder) as error:
            return _answered(False, str(error))

    def _ask_number(self, number: int, patience: float) -> _Asked | Answer:
        reply = self._send("cancel_order_stock_async", (number,), patience, number)
        if isinstance(reply, dict):
            return reply
        return _Asked(
            reply,
            lambda order: order.order_id == number,
            lambda seconds: self._watch.wait_cancel_error(number, seconds),
        )

    def _ask_sysid(self, sysid: str, market: int, patience: float) -> _Asked | Answer:
        reply = self._send("cancel_order_stock_sysid_async", (market, sysid), patience)
        if isinstance(reply, dict):
            return reply
        ends = {f".{name}" for name, number in MARKET_IDS.items() if number == market}
        return _Asked(
            reply,
            lambda order: text(order, "order_sysid") == sysid and text(order, "stock_code")[-3:] in ends,
            lambda seconds: "",
        )

    def _send(self, call: str, how: tuple[Any, ...], patience: float, number: int = 0) -> Reply | Answer:
        self._connection.ready()
        self._risk.check_cancel(patience)
        session = self._connection.ready()  # the rate limit may have held it for a while
        self._watch.forget_cancel_error(number)
        try:
            return session.send(call, self._account, *how)
        except ConnectionLost as error:
            raise NotConnected(f"{error}；没有发送撤单请求") from None
        except Exception as error:
            log_failure("ERROR", "xtquant 撤单接口抛出异常", error)
            return _unknown(f"xtquant 抛出异常：{error}")

    def _one(self, asked: _Asked | Answer) -> Answer:
        if isinstance(asked, dict):
            return asked
        return self._collect(asked, self._clock.monotonic() + self._call_timeout, _Once(self._orders))

    def _collect(self, asked: _Asked, deadline: float, book: _Once) -> Answer:
        try:
            response: Any = settled(asked.reply, max(0.0, deadline - self._clock.monotonic()), "撤单")
        except (DeadlineExceeded, ConnectionLost) as error:
            return _unknown(str(error))
        try:
            done = says_yes(response.cancel_result)
        except Exception as error:
            # A bridge that imitates the terminal may say anything; the other cancels' answers must not be lost.
            return _unknown(f"应答无法辨认：{shown(error)}")
        if done:
            return _answered(True, "success")
        left = max(0.0, deadline - self._clock.monotonic())
        said = text(response, "error_msg") or asked.reason(min(_REASON_SECONDS, left))
        return _why_not(next(filter(asked.is_it, book()), None), said, book.failed)

    def _orders(self) -> Sequence[Any]:
        return self._connection.ask("query_stock_orders", self._account)


class _Once:
    """The counter's orders, asked for when first needed, for all the cancels of one call."""

    def __init__(self, ask: Callable[[], Sequence[Any]]) -> None:
        self._ask = ask
        self._found: Sequence[Any] | None = None
        self.failed = ""

    def __call__(self) -> Sequence[Any]:
        if self._found is None:
            try:
                self._found = self._ask()
            except (NotConnected, QueryFailed) as error:
                self._found, self.failed = (), str(error)
        return self._found


def _unknown(why: str) -> Answer:
    return _answered(False, f"{UNKNOWN_CANCEL}：{why}；请查询委托状态，必要时再撤一次（重复撤单是安全的）")


def _why_not(order: Any, said: str, failed: str) -> Answer:
    """A refused cancel, explained by the order's own status where it can be seen."""
    counter = f"；柜台：{said}" if said else ""
    if order is None and failed and not said:
        # A connection that is dead says the same.
        return _unknown(f"终端没有说明原因，也未能核对委托状态：{failed}")
    if order is None and failed:
        # It may have been cancelled before: what the counter said of this cancel does not tell.
        return _answered(
            False, f"撤单没有成功{counter}；未能核对委托状态：{failed}；必要时再撤一次（重复撤单是安全的）"
        )
    if order is None:
        return _answered(False, said or "柜台没有这笔委托")
    status, name = order.order_status, name_of("order_status", order.order_status)
    if status in _CANCELLED:
        return _answered(True, f"委托已是{name}，无需再撤{counter}")
    if status in _BEING_CANCELLED:
        return _answered(True, f"委托已是{name}，撤单正在处理{counter}")
    if status in FINAL_STATUSES:
        return _answered(False, f"委托已是{name}，不能撤单{counter}")
    return _answered(False, said or "failed")


def entrust_number(entrust_no: object) -> int:
    """The order number as an int; also from text, because remote clients send text. Raises InvalidOrder."""
    number = _number(entrust_no)
    if number is None or not 0 < number < 2**31:
        raise InvalidOrder(
            f"entrust_no={shown(entrust_no)} 无效：应为下单返回的正整数委托编号；没有发送请求",
            field="entrust_no",
            value=entrust_no,
            rule="正整数委托编号",
        )
    return number


def _number(entrust_no: object) -> int | None:
    """What is written there; None for anything that is no whole number. A frame makes floats of its numbers."""
    if isinstance(entrust_no, str):
        digits = entrust_no.strip()
        number = int(digits) if digits.isdecimal() and len(digits) <= _MOST_DIGITS else None
        return -1 if digits == "-1" else number
    if isinstance(entrust_no, float) and entrust_no.is_integer():
        return int(entrust_no)
    return _whole(entrust_no)


def _whole(value: object) -> int | None:
    """A whole number of any type as an int, also of a frame's; None for anything else."""
    return None if isinstance(value, bool) or not isinstance(value, Integral) else int(value)


def counter_number(order_sysid: object) -> str:
    """The counter's number as text of at most 23 bytes, what the native client keeps. Raises InvalidOrder."""
    number = order_sysid.strip() if isinstance(order_sysid, str) else ""
    if not number.isascii() or not number.isprintable() or not 0 < len(number) <= 23:
        raise InvalidOrder(
            f"order_sysid={shown(order_sysid)} 无效：应为委托列表里的柜台合同编号（字符串，最多 23 字节）；没有发送请求",
            field="order_sysid",
            value=order_sysid,
            rule="柜台合同编号，最多 23 个 ASCII 字符",
        )
    return str(number)


def market_number(market: object) -> int:
    """The vendor's number of a market: SH 0, SZ 1, BJ 70, also from these names. Raises InvalidOrder."""
    number = MARKET_IDS.get(market.strip().upper()) if isinstance(market, str) else _whole(market)
    if number is not None and number in MARKET_IDS.values():
        return number
    raise InvalidOrder(
        f"market={shown(market)} 无效：按合同编号撤单需要市场，可选 SH(0)、SZ(1)、BJ(70)；没有发送请求",
        field="market",
        value=market,
        rule="SH、SZ、BJ",
    )


def _answered(success: bool, message: str) -> Answer:
    return {"success": success, "message": message}
