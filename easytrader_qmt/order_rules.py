"""Whether a price and an amount are valid on a board, and the nearest valid one where they are not.

Pure arithmetic on one number and one board: it never sees an account, a quote source or the rest of an order.
Amounts are in shares (units of a fund, pieces of a bond), prices in yuan.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from math import isfinite
from numbers import Integral, Real
from typing import Any, Literal

from easytrader_qmt.boards import Board
from easytrader_qmt.errors import InvalidOrder, shown

__all__ = [
    "MAX_AMOUNT",
    "MAX_MONEY",
    "MAX_PRICE",
    "Action",
    "Limits",
    "PriceRounding",
    "as_written",
    "check_limits",
    "checked_amount",
    "known_limit",
    "price_on_tick",
    "refusal",
    "whole_number",
]

Action = Literal["buy", "sell"]
PriceRounding = Literal["nearest", "strict"]
Limits = tuple[float | None, float | None]
"""The day's lowest and highest price. None, 0 and NaN: not known, so not checked."""

MAX_AMOUNT = 2**31 - 1
"""The vendor sends a volume in 32 bits."""

MAX_PRICE = 1e9
"""No price comes near; below it, yuan and thousandths fit a float exactly."""

MAX_MONEY = 10**12
"""Yuan; no sum that is repaid or moved comes near, and cents below it fit a float."""


def refusal(message: str, field: str, value: object, rule: str, nearest: object = None) -> InvalidOrder:
    """The error to raise for one field of an order."""
    return InvalidOrder(message, field=field, value=value, rule=rule, nearest=nearest)


def price_on_tick(
    price: object, board: Board, price_rounding: PriceRounding = "nearest", field: str = "price"
) -> float:
    """The price brought to the board's tick by exact arithmetic; never moved by more than half a tick.

    What is rounded is the number as it is written: 10.005 is a tie and becomes 10.01, although the float is a
    little less. The result is exactly ``float(str(decimal))``. Raises InvalidOrder.
    """
    if price_rounding not in ("nearest", "strict"):
        rule = "只能是 nearest（取最近的价位）或 strict（不在价位上就拒绝）"
        text = f"price_rounding {rule}，收到 {shown(price_rounding)}"
        raise refusal(text, "price_rounding", price_rounding, rule, "nearest")
    if isinstance(price, float) and 0.0 < price < MAX_PRICE:
        per_yuan = board.ticks_per_yuan
        # A quotient of two whole numbers is rounded correctly, so equality means the float of that very tick.
        if per_yuan and round(price * per_yuan) / per_yuan == price:
            return float(price)
    rule = f"{board.name}的最小价位是 {board.tick} 元"
    exact = _decimal(price, field, board, rule)
    # Whole-number arithmetic: no context, no precision, no thread's settings can move the result.
    over, under = exact.as_integer_ratio()
    tick_over, tick_under = board.tick.as_integer_ratio()
    numerator, denominator = over * tick_under, under * tick_over
    ticks = (2 * numerator + denominator) // (2 * denominator)
    nearest = float(str((ticks or 1) * board.tick))
    if ticks == 0:
        raise refusal(
            f"价格 {shown(price)} 不足一个价位: {rule}，最低 {nearest}", field, price, rule, nearest
        )
    if price_rounding == "strict" and ticks * denominator != numerator:
        raise refusal(
            f"价格 {shown(price)} 不在价位上: {rule}，最近的是 {nearest}", field, price, rule, nearest
        )
    return nearest


def _decimal(price: Any, field: str, board: Board, tick_rule: str) -> Decimal:
    exact = as_written(price)
    if exact is None or exact >= Decimal(MAX_PRICE):
        rule = f"必须是大于 0、小于 {MAX_PRICE:.0f} 的数字"
        raise refusal(f"价格{rule}，收到 {type(price).__name__}: {shown(price)}", field, price, rule)
    # Below that a Decimal's exponent could be made huge on purpose; it is no price anyway.
    if exact <= 0 or exact.adjusted() < -30:
        least, rule = float(str(board.tick)), f"必须大于 0，{tick_rule}"
        text = f"价格 {shown(price)} 无效: {rule}，最近的有效价格是 {least}"
        raise refusal(text, field, price, rule, least)
    return exact


def as_written(number: Any) -> Decimal | None:
    """A finite number of any type, exactly as it is written; None for booleans, text and whatever is none."""
    exact: Decimal | None = None
    if isinstance(number, bool):
        pass
    elif isinstance(number, Decimal):
        exact = number
    elif isinstance(number, Integral):
        exact = Decimal(int(number))
    elif isinstance(number, float):
        exact = Decimal(float.__repr__(number))
    elif isinstance(number, Real):
        exact = _foreign(number)
    return exact if exact is not None and exact.is_finite() else None


def _foreign(price: Any) -> Decimal | None:
    """A number of a foreign type, as it is written; None where it cannot be read."""
    # A single-precision 35.1 says so in its text, and something else as a double.
    for text in (str, lambda number: repr(float(number))):
        try:
            return Decimal(text(price))
        except (ArithmeticError, ValueError, TypeError):
            continue
    return None


def known_limit(limit: float | None) -> float | None:
    """The limit as a float, or None where a quote source does not know it.

    New listings have none, and sources say so with 0, NaN or the largest float.
    """
    if limit is None:
        return None
    yuan = float(limit)
    return yuan if 0 < yuan < MAX_PRICE else None


def check_limits(yuan: float, limits: Limits, board: Board, field: str = "price") -> None:
    """Raise InvalidOrder for a price outside the day's limits, with the limit as the nearest."""
    for limit, word, outside in ((limits[1], "涨停价", 1), (limits[0], "跌停价", -1)):
        bound = known_limit(limit)
        if bound is not None and (yuan - bound) * outside > 0:
            # Compared on the tick: a quote source may carry float noise.
            nearest = price_on_tick(bound, board)
            if (yuan - nearest) * outside > 0:
                rule = f"{word} {nearest}"
                side = "高于" if outside > 0 else "低于"
                raise refusal(
                    f"价格 {yuan} {side}{rule}，最近的有效价格是 {nearest}；没有发送委托，请改价后重新下单",
                    field, yuan, rule, nearest,
                )  # fmt: skip


def _is_finite(number: Any) -> bool:
    if isinstance(number, Decimal):
        return number.is_finite()
    return isinstance(number, Integral) or (isinstance(number, Real) and isfinite(number))


def whole_number(number: Any, field: str, word: str, least: int) -> int:
    """A whole number of shares. Text, booleans, fractions, NaN and infinity are refused, never converted.

    ``word`` names it in the error. Raises InvalidOrder.
    """
    whole = _whole(number, least)
    if whole is not None:
        return whole
    rule, finite = f"必须是 {least} 到 {MAX_AMOUNT} 的整数", _finite(number)
    nearest = None if finite is None else min(max(least, round(finite)), MAX_AMOUNT)
    text = f"{word}{rule}，收到 {type(number).__name__}: {shown(number)}"
    raise refusal(text, field, number, rule, nearest)


def _whole(number: Any, least: int) -> int | None:
    """The number as an int, None unless it is a whole one from ``least`` to MAX_AMOUNT."""
    with suppress(ArithmeticError, ValueError, TypeError):  # what a foreign type may raise
        if type(number) is not bool and _is_finite(number) and least <= number <= MAX_AMOUNT:
            whole = int(number)
            if whole == number:
                return whole
    return None


def _finite(number: Any) -> float | None:
    """A finite number brought into 0 to MAX_AMOUNT + 1, beyond which the nearest amount is the same; or None."""
    with suppress(ArithmeticError, ValueError, TypeError):
        if type(number) is not bool and _is_finite(number):
            return 0.0 if number < 0 else float(min(number, MAX_AMOUNT + 1))
    return None


def checked_amount(amount: object, board: Board, action: Action, holding: object, most: int | None) -> int:
    """The amount as an int, if it is valid on the board. Raises InvalidOrder with the nearest valid one.

    ``most`` bounds one order; ``holding`` is how many shares can be sold now, None: not known. A whole lot
    above ``holding`` is the counter's to refuse: it knows better what is free by now.
    """
    whole = amount if type(amount) is int and 0 < amount <= MAX_AMOUNT else _whole(amount, 1)
    if whole is not None and (most is None or whole <= most):
        least = board.min_buy
        if whole >= least and not (whole - least) % board.step:
            return whole
    held: int | None = None
    if action == "sell" and board.odd_lot_sale and holding is not None:
        held = whole_number(holding, "holding", "可卖数量", 0)
        if whole is not None and (most is None or whole <= most) and _is_odd_rest(whole, held, board):
            return whole
    raise _bad_amount(amount, whole, board, action, held, most)


def _bad_amount(
    amount: object, whole: int | None, board: Board, action: Action, held: int | None, most: int | None
) -> InvalidOrder:
    """Why an amount is refused; ``whole`` is its value where it is a whole number of shares."""
    number = whole if whole is not None else _finite(amount)
    nearest = None if number is None else _nearest_amount(number, board, held, most)
    unit, top = board.unit, MAX_AMOUNT if most is None else most
    lots = f"{board.name}每笔至少 {board.min_buy} {unit}，按 {board.step} {unit}递增"
    if number is not None and number > top:
        rule = f"{board.name}单笔最多 {top} {unit}"
    elif whole is None:
        rule = f"{lots}，单笔最多 {top} {unit}"
    elif action == "buy" or not board.odd_lot_sale:
        rule = lots
    elif held is None:
        lot = max(board.min_buy, board.step)
        rule = f"{board.name}不足 {lot} {unit}的零股只能一次性卖出，可卖数量未知时不能判断是不是全部零股"
    else:
        rule = f"{board.name}的零股只能一次性卖出（可卖 {held} {unit}）"
    if number is None:
        rule = f"必须是整数，{rule}"
    what = "" if number is not None else f"（{type(amount).__name__}）"
    hint = "" if nearest is None else f"，最近的有效数量是 {nearest}"
    return refusal(f"数量 {shown(amount)}{what} 无效: {rule}{hint}", "amount", amount, rule, nearest)


def _is_odd_rest(amount: int, held: int, board: Board) -> bool:
    """Whether this sale takes the whole odd part of what is held."""
    if amount > held:
        return False
    if board.step == 1:
        return amount == held
    return amount % board.step == held % board.step


def _nearest_amount(number: float, board: Board, held: int | None, most: int | None) -> int | None:
    """The valid amount next to a number, the lower of two equally near; None where there is none."""
    low, step = board.min_buy, board.step
    top = min(bound for bound in (MAX_AMOUNT, most, held) if bound is not None)
    reached = int(min(number, top))
    below = low + max(0, (reached - low) // step) * step
    candidates = {below, below + step}
    if held is not None:
        odd = held if step == 1 else held % step
        base = reached // step * step
        if step == 1:
            candidates.add(odd)
        elif odd:
            candidates |= {base - step + odd, base + odd}
    fitting = [each for each in candidates if 0 < each <= top]
    return min(fitting, key=lambda each: (abs(each - number), each), default=None)
