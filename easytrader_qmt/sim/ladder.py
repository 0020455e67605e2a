"""The two sides of one security's order book as whole mills, and how a side is derived from a price.

Pure; never knows a market, an account or the time.
"""

from __future__ import annotations

from dataclasses import dataclass

Level = tuple[int, int]
"""Price in mills and volume in shares."""

DEPTH = 5
"""How many levels of each side the exchanges show."""


@dataclass(frozen=True, slots=True)
class Ladder:
    """What an order meets: last price, limits (0: none) and both sides best first, in mills."""

    last: int
    lower: int
    upper: int
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()

    def opposing(self, buying: bool) -> tuple[Level, ...]:
        """The side an order trades against."""
        return self.asks if buying else self.bids

    def own(self, buying: bool) -> tuple[Level, ...]:
        """The side an order would queue on."""
        return self.bids if buying else self.asks


def derived_bids(best: int, tick: int, lower: int, volume: int) -> tuple[Level, ...]:
    """Five levels of ``volume`` shares downward from ``best``, none below ``lower`` (0: no limit)."""
    floor = max(lower, tick)
    return tuple((price, volume) for price in range(best, best - DEPTH * tick, -tick) if price >= floor)


def derived_asks(best: int, tick: int, upper: int, volume: int) -> tuple[Level, ...]:
    """Five levels of ``volume`` shares upward from ``best``, none above ``upper`` (0: no limit)."""
    return tuple(
        (price, volume) for price in range(best, best + DEPTH * tick, tick) if not upper or price <= upper
    )


def around(
    last: int, tick: int, lower: int, upper: int, volume: int
) -> tuple[tuple[Level, ...], tuple[Level, ...]]:
    """Both sides one tick around ``last``.

    At the upper limit there is no ask and the buyers queue at the limit itself; at the lower limit
    the mirror image.
    """
    if upper and last >= upper:
        return derived_bids(upper, tick, lower, volume), ()
    if lower and last <= lower:
        return (), derived_asks(lower, tick, upper, volume)
    return derived_bids(last - tick, tick, lower, volume), derived_asks(last + tick, tick, upper, volume)


def lowered(levels: tuple[Level, ...], price: int, volume: int) -> tuple[Level, ...]:
    """``levels`` after ``volume`` shares traded at ``price``; a level with nothing left is gone.

    Raises ValueError when the level does not hold that much.
    """
    for place, (level_price, there) in enumerate(levels):
        if level_price == price and there >= volume > 0:
            rest: tuple[Level, ...] = ((price, there - volume),) if there > volume else ()
            return levels[:place] + rest + levels[place + 1 :]
    raise ValueError(f"盘口 {price} 厘处没有 {volume} 股")
