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
    "MAX_PRICE",
    "Action",
    "Limits",
    "PriceRounding",
    "check_limits",
    "checked_amount",
    "known_limit",
    "price_on_tick",
    "refusal",
]

Action = Literal["buy", "sell"]
PriceRounding = Literal["nearest", "strict"]
Limits = tuple[float | None, float | None]
"""The day's lowest and highest price. None, 0 and NaN: not known, so not checked."""

MAX_AMOUNT = 2**31 - 1
"""The vendor sends a volume in 32 bits."""

MAX_PRICE = 1e9
"""No price comes near; below it, yuan and thousandths fit a float exactly."""


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
    exact = _decimal(price, field)
    # Whole-number arithmetic: no context, no precision, no thread's settings can move the result.
    over, under = exact.as_integer_ratio()
    tick_over, tick_under = board.tick.as_integer_ratio()
    numerator, denominator = over * tick_under, under * tick_over
    ticks = (2 * numerator + denominator) // (2 * denominator)
    nearest = float(str((ticks or 1) * board.tick))
    rule = f"{board.name}的最小价位是 {board.tick} 元"
    if ticks == 0:
        raise refusal(
            f"价格 {shown(price)} 不足一个价位: {rule}，最低 {nearest}", field, price, rule, nearest
        )
    if price_rounding == "strict" and ticks * denominator != numerator:
        raise refusal(
            f"价格 {shown(price)} 不在价位上: {rule}，最近的是 {nearest}", field, price, rule, nearest
        )
    return nearest


def _decimal(price: Any, field: str) -> Decimal:
    rule = f"必须是大于 0、小于 {MAX_PRICE:.0f} 的数字"
    exact: Decimal | None = None
    if isinstance(price, bool):
        pass
    elif isinstance(price, Decimal):
        exact = price
    elif isinstance(price, Integral):
        exact = Decimal(int(price))
    elif isinstance(price, float):
        exact = Decimal(float.__repr__(price))
    elif isinstance(price, Real):
        exact = _foreign(price)
    if exact is None:
        raise refusal(f"价格{rule}，收到 {type(price).__name__}: {shown(price)}", field, price, rule)
    # Below that a Decimal's exponent could be made huge on purpose; it is no price anyway.
    if not exact.is_finite() or not 0 < exact < Decimal(MAX_PRICE) or exact.adjusted() < -30:
        raise refusal(f"价格{rule}，收到 {shown(price)}", field, price, rule)
    return exact


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
                raise refusal(f"价格 {yuan} {side}{rule}", field, yuan, rule, nearest)


def _is_finite(number: Any) -> bool:
    if isinstance(number, Decimal):
        return number.is_finite()
    return isinstance(number, Integral) or (isinstance(number, Real) and isfinite(number))


def _whole(number: Any, field: str, word: str, least: int) -> int:
    """A whole number of shares. Text, booleans, fractions, NaN and infinity are refused, never converted."""
    with suppress(ArithmeticError, ValueError, TypeError):  # what a foreign type may raise
        if type(number) is not bool and _is_finite(number) and least <= number <= MAX_AMOUNT:
            whole = int(number)
            if whole == number:
                return whole
    rule = f"必须是 {least} 到 {MAX_AMOUNT} 的整数"
    raise refusal(f"{word}{rule}，收到 {type(number).__name__}: {shown(number)}", field, number, rule)


def checked_amount(amount: object, board: Board, action: Action, holding: object, most: int | None) -> int:
    """The amount as an int, if it is valid on the board. Raises InvalidOrder with the nearest valid one.

    ``most`` bounds one order; ``holding`` is how many shares can be sold now, None: not known. A whole lot
    above ``holding`` is the counter's to refuse: it knows better what is free by now.
    """
    if type(amount) is not int or not 0 < amount <= MAX_AMOUNT:
        amount = _whole(amount, "amount", "数量", 1)
    over = most is not None and amount > most
    if not over and amount >= board.min_buy and not (amount - board.min_buy) % board.step:
        return amount
    held: int | None = None
    if action == "sell" and board.odd_lot_sale:
        held = None if holding is None else _whole(holding, "holding", "可卖数量", 0)
        if not over and held is not None and _is_odd_rest(amount, held, board):
            return amount
    nearest = _nearest_amount(amount, board, held, most)
    hint = "" if nearest is None else f"，最近的有效数量是 {nearest}"
    unit = board.unit
    if over:
        rule = f"{board.name}单笔最多 {most} {unit}"
    elif action == "buy" or not board.odd_lot_sale:
        rule = f"{board.name}每笔至少 {board.min_buy} {unit}，按 {board.step} {unit}递增"
    elif held is None:
        lot = max(board.min_buy, board.step)
        rule = f"{board.name}不足 {lot} {unit}的零股只能一次性卖出，可卖数量未知时不能判断是不是全部零股"
    else:
        rule = f"{board.name}的零股只能一次性卖出（可卖 {held} {unit}）"
    raise refusal(f"数量 {amount} 无效: {rule}{hint}", "amount", amount, rule, nearest)


def _is_odd_rest(amount: int, held: int, board: Board) -> bool:
    """Whether this sale takes the whole odd part of what is held."""
    if amount > held:
        return False
    if board.step == 1:
        return amount == held
    return amount % board.step == held % board.step


def _nearest_amount(amount: int, board: Board, held: int | None, most: int | None) -> int | None:
    """The valid amount next to this one, the lower of two equally near; None where there is none."""
    low, step = board.min_buy, board.step
    top = min(number for number in (MAX_AMOUNT, most, held) if number is not None)
    below = low + max(0, (min(amount, top) - low) // step) * step
    candidates = {below, below + step}
    if held is not None:
        odd = held if step == 1 else held % step
        base = min(amount, top) // step * step
        if step == 1:
            candidates.add(odd)
        elif odd:
            candidates |= {base - step + odd, base + odd}
    fitting = [number for number in candidates if 0 < number <= top]
    return min(fitting, key=lambda number: (abs(number - amount), number), default=None)
