"""What an order must pass before it leaves: kill switch, allowed securities, notional, count, rate.

It decides and counts; it never sends, never asks a quote source, and never stops a cancel for anything but
the rate. No lock is held while it waits or touches a file.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import isfinite
from typing import NamedTuple

from easytrader_qmt import securities
from easytrader_qmt.clock import Clock, day_number
from easytrader_qmt.errors import InvalidArgument, InvalidOrder
from easytrader_qmt.kill_switch import Glance, KillSwitch
from easytrader_qmt.orders import OrderRequest
from easytrader_qmt.risk_limits import RiskLimits
from easytrader_qmt.securities import Security
from easytrader_qmt.token_bucket import EMPTY_SINCE_EVER, take

__all__ = ["Reservation", "Risk", "RiskLimits"]

# Sums of floats may pass a limit by less than any amount of money.
_YUAN_NOISE = 1e-6
_UNKNOWN = "这笔市价委托没有价格，也没有行情可作参考，无法算出金额。请用限价委托，或提供行情"
_UNKNOWN_B = "B 股不以人民币报价，无法算出金额。请去掉这项上限，或用没有这项上限的账户交易 B 股"
_MOST_OPEN = 50_000
"""Reservations that can still be given back."""


class Reservation(NamedTuple):
    """An order's place within the limits; given back with `Risk.release` if nothing was sent."""

    number: int
    day: int
    notional: float
    """Yuan; 0.0 where it is not known."""


class Risk:
    """The limits of one trader and what of them is used. Thread safe.

    Counts are this process's own and start at 0; `count_earlier` adds what a journal remembers of today.
    Raises InvalidArgument for an unreadable code among the allowed ones.
    """

    def __init__(
        self, limits: RiskLimits, clock: Clock, parse: Callable[[object], Security] = securities.parse
    ) -> None:
        self.limits = limits
        """The limits in force."""
        self._clock = clock
        self._switch = KillSwitch(limits.kill_switch_file, clock)
        self._allowed: frozenset[str] | None = None
        if limits.allowed is not None:
            try:
                self._allowed = frozenset(parse(code).stock_code for code in limits.allowed)
            except InvalidOrder as error:
                raise InvalidArgument(f"风控参数 allowed：{error}") from None
        self._day_limited = limits.max_day_orders is not None or limits.max_day_notional is not None
        self._lock = threading.RLock()  # whoever holds it may be interrupted by a handler that cancels
        self._day = day_number(clock.now())
        self._orders = 0
        self._notional = 0.0
        self._open: set[int] = set()
        self._numbers = 0
        self._filled_at = EMPTY_SINCE_EVER

    @property
    def killed(self) -> bool:
        """Whether the kill switch is on; asks the file each time, so other processes count."""
        return self._switch.on()

    def glance(self) -> Glance:
        """The kill switch for many orders that leave together."""
        return Glance(self._switch, self._clock)

    @property
    def kill_reason(self) -> str:
        """Why the kill switch is on, as far as it was written; '' otherwise."""
        return self._switch.reason() if self._switch.on() else ""

    @property
    def orders_today(self) -> int:
        """How many orders count for today (Asia/Shanghai)."""
        with self._lock:
            self._roll()
            return self._orders

    @property
    def notional_today(self) -> float:
        """What they are worth, in yuan."""
        with self._lock:
            self._roll()
            return self._notional

    def kill(self, reason: object = "") -> bool:
        """Stop all orders, here and in every process with the same kill switch file; cancels still work.

        ``reason`` is text, or whatever tells it when written as text, such as an exception.

        False: the file could not be written, so orders stop in this process only, until `resume`.
        """
        return self._switch.turn_on(reason)

    def resume(self) -> None:
        """Let orders through again, everywhere. Raises InvalidArgument if the file cannot be removed."""
        self._switch.turn_off()

    def count_earlier(self, orders: int, notional: float) -> None:
        """Count orders of today that left before this object was made (``Journal.sent_on``), in yuan.

        Negative numbers take back what was counted and has turned out not to be at the counter.
        """
        with self._lock:
            self._roll()
            self._orders = max(0, self._orders + orders)
            self._notional = max(0.0, self._notional + notional) if self._orders else 0.0

    def check_order(
        self,
        request: OrderRequest,
        *,
        reconciled: bool = True,
        reference_price: float | None = None,
        killed: bool | None = None,
    ) -> Reservation:
        """Let an order pass and count it, or raise InvalidOrder (field ``risk``, rule the limit's name).

        ``reconciled``: no earlier order is in doubt. ``reference_price``: yuan, for an order without a
        price or one that is not kept to it.
        ``killed``: what `killed` has just said; None looks itself.
        Call `release` with the answer if nothing was sent after all.
        """
        limits = self.limits
        code = request.stock_code
        if self._switch.on() if killed is None else killed:
            raise self.kill_refusal()
        if self._allowed is not None and code not in self._allowed and not request.is_repayment:
            raise _over("allowed", code, f"{code} 不在允许交易的证券之内。请换证券，或把它加入 allowed")
        if limits.require_reconciled and not reconciled:
            raise _over(
                "require_reconciled",
                False,
                "还有委托结果未知，设置要求先核对清楚。请等下一次完整查询，"
                "或人工核对柜台委托，再用 user.settle_in_doubt 记下结果",
            )
        notional = self._notional_of(request, reference_price)
        with self._lock:
            self._roll()
            if self._day_limited:
                self._check_day(notional)
            if limits.rate is not None:
                self._take_token(0.0, "委托")
            self._orders += 1
            self._notional += notional
            self._numbers += 1
            self._open.add(self._numbers)
            if len(self._open) > _MOST_OPEN:
                # Sent long ago: nobody gives those back any more.
                self._open = {number for number in self._open if number > self._numbers - _MOST_OPEN // 2}
            return Reservation(self._numbers, self._day, notional)

    def release(self, reservation: Reservation) -> None:
        """Give back what an order took that was never sent. A second time does nothing."""
        with self._lock:
            self._roll()
            if reservation.number not in self._open:
                return
            self._open.discard(reservation.number)
            self._orders -= 1
            # What is left of many sums and differences may be a hair below nothing.
            self._notional = max(0.0, self._notional - reservation.notional) if self._orders else 0.0
            if self.limits.rate is not None:
                self._filled_at -= 1.0 / self.limits.rate

    def check_cancel(self, patience: float = 0.0) -> None:
        """Let a cancel pass, holding it for at most ``patience`` seconds if the rate asks for that.

        Nothing but the rate can refuse it: InvalidOrder (field ``risk``, rule ``rate``), with nothing taken.
        """
        with self._lock:
            wait = self._take_token(patience, "撤单")
        if wait > 0:
            self._clock.sleep(wait)

    def _roll(self) -> None:
        day = day_number(self._clock.now())
        if day != self._day:
            self._day, self._orders, self._notional = day, 0, 0.0
            self._open.clear()

    def _notional_of(self, request: OrderRequest, reference_price: float | None) -> float:
        notional = request.notional
        if notional is None or request.is_unprotected:
            reckoned = _reckoned(request.amount, reference_price)
            notional = max((each for each in (notional, reckoned) if each is not None), default=None)
        if notional is None:
            for name in ("max_order_notional", "max_day_notional"):
                if getattr(self.limits, name) is not None:
                    raise _over(name, None, _UNKNOWN_B if _is_b_share(request) else _UNKNOWN)
            return 0.0
        most = self.limits.max_order_notional
        if most is not None and notional > most + _YUAN_NOISE:
            raise _over(
                "max_order_notional",
                notional,
                f"单笔金额 {notional:,.2f} 元超过上限 {most:,.2f} 元。请减少数量，或调高上限",
                most,
            )
        return notional

    def _check_day(self, notional: float) -> None:
        most = self.limits.max_day_orders
        if most is not None and self._orders >= most:
            raise _over(
                "max_day_orders",
                self._orders + 1,
                f"今天已有 {self._orders} 笔委托，上限 {most} 笔。请明天再下单，或调高上限",
                most,
            )
        total = self._notional + notional
        day_most = self.limits.max_day_notional
        if day_most is not None and total > day_most + _YUAN_NOISE:
            raise _over(
                "max_day_notional",
                total,
                f"今天的委托金额将达 {total:,.2f} 元，超过上限 {day_most:,.2f} 元。"
                "请减少数量、明天再下单，或调高上限",
                day_most,
            )

    def _take_token(self, patience: float, what: str) -> float:
        rate, burst = self.limits.rate, self.limits.largest_burst
        if rate is None:
            return 0.0
        self._filled_at, wait, taken = take(self._filled_at, self._clock.monotonic(), rate, burst, patience)
        if not taken:
            raise _over(
                "rate",
                rate,
                f"{what}太快：上限每秒 {rate:g} 笔、连续 {burst} 笔（委托和撤单合计）。"
                f"请 {wait:.3f} 秒后再试，或调高上限",
                rate,
            )
        return wait

    def kill_refusal(self) -> InvalidOrder:
        """The error of an order that the kill switch stops: why, and how to go on."""
        reason = self._switch.reason()
        where = "调用 user.risk.resume()" + (f"，或删除 {self._switch.path}" if self._switch.path else "")
        return _over(
            "kill_switch_file",
            self._switch.path,
            f"总开关已关闭下单{f'，原因：{reason}' if reason else ''}。确认可以恢复后，请{where}",
        )


def _reckoned(amount: int, price: float | None) -> float | None:
    return price * amount if price is not None and isfinite(price) and price > 0 else None


def _is_b_share(request: OrderRequest) -> bool:
    return request.security.board.kind == "b_share"


def _over(limit: str, value: object, text: str, nearest: object = None) -> InvalidOrder:
    return InvalidOrder(
        f"风控拒绝（{limit}），没有发出任何委托：{text}",
        field="risk",
        value=value,
        rule=limit,
        nearest=nearest,
    )
