"""Exact money for the simulated counter: whole mills (0.001 yuan) inside, yuan as floats outside.

Never rounds silently: what is not a whole number of mills is reported as such.
"""

from __future__ import annotations

import math

from easytrader_qmt.errors import shown

MILLS = 1000
"""Mills in a yuan. Every tick of the exchanges is a whole number of mills."""

CENT = 10
"""Mills in a fen (0.01 yuan), the unit fees are rounded to."""

_CENT_BILLION = CENT * 1_000_000_000
_GRID_TOLERANCE = 1e-4
_LARGEST = 1e12


def mills(yuan_amount: float) -> int | None:
    """Yuan as whole mills, or None when it is no finite, whole number of mills (NaN, 10.4567, text)."""
    if not is_number(yuan_amount) or abs(yuan_amount) > _LARGEST:
        return None
    exact = yuan_amount * MILLS
    nearest = round(exact)
    return nearest if abs(exact - nearest) <= _GRID_TOLERANCE else None


def is_number(value: object) -> bool:
    """Whether it is a finite number; whoever plays with a market may pass anything."""
    try:
        return math.isfinite(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        return False


def whole_mills(yuan_amount: float, what: str) -> int:
    """Yuan as whole mills; ValueError naming ``what`` when that is not exact."""
    amount = mills(yuan_amount)
    if amount is None:
        rule = "不是 0.001 元的整数倍" if is_number(yuan_amount) else "无效，应为数字（元）"
        raise ValueError(f"{what} {shown(yuan_amount)} {rule}")
    return amount


def yuan(amount: int) -> float:
    """Mills as yuan."""
    return amount / MILLS


def billionths(rate: float) -> int:
    """A rate as a whole number of billionths, so that products stay exact."""
    return round(rate * 1_000_000_000)


def share_in_cents(amount: int, rate_billionths: int) -> int:
    """``amount`` mills times a rate, rounded half up to 0.01 yuan, in mills."""
    return (2 * amount * rate_billionths + _CENT_BILLION) // (2 * _CENT_BILLION) * CENT
