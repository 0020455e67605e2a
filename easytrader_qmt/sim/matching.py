"""Crossing one order with the quote it meets: what fills at once, and what becomes of the rest.

Pure: decides and never moves money, shares or liquidity. Prices in mills (0.001 yuan), volumes in shares.
"""

from __future__ import annotations

from dataclasses import dataclass

from easytrader_qmt.sim.ladder import Ladder, Level

LATEST, LIMIT = 5, 11
FIVE_CANCEL, FIVE_LIMIT, PEER, MINE = 42, 43, 44, 45
SZ_REST_CANCEL, SZ_FIVE_CANCEL, SZ_ALL_OR_NONE = 46, 47, 48


@dataclass(frozen=True, slots=True)
class PriceType:
    """One price type: its name, the broker's code shown in rows, and where it exists."""

    name: str
    broker_code: int
    exchanges: tuple[str, ...]


PRICE_TYPES: dict[int, PriceType] = {
    LATEST: PriceType("最新价", 50, ("SH", "SZ", "BJ")),
    LIMIT: PriceType("限价", 50, ("SH", "SZ", "BJ")),
    FIVE_CANCEL: PriceType("最优五档即时成交剩余撤销", 88, ("SH", "BJ")),
    FIVE_LIMIT: PriceType("最优五档即时成交剩转限价", 85, ("SH", "BJ")),
    PEER: PriceType("对手方最优价格", 84, ("SH", "SZ", "BJ")),
    MINE: PriceType("本方最优价格", 86, ("SH", "SZ", "BJ")),
    SZ_REST_CANCEL: PriceType("即时成交剩余撤销", 87, ("SZ",)),
    SZ_FIVE_CANCEL: PriceType("最优五档即时成交剩余撤销", 88, ("SZ",)),
    SZ_ALL_OR_NONE: PriceType("全额成交或撤销", 89, ("SZ",)),
}
"""Price types as sent by a client (vendor's xtconstant), with the code a broker answers."""

MARKET_TYPES = frozenset(PRICE_TYPES) - {LATEST, LIMIT}


@dataclass(frozen=True, slots=True)
class Fill:
    """So many shares at this price."""

    price: int
    volume: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What an order does on arrival.

    ``rest_price`` is the limit at which the rest queues, 0 when the rest is cancelled;
    ``reserve_price`` is the dearest price it can meet, what money is frozen at.
    """

    fills: tuple[Fill, ...]
    rest_price: int
    reserve_price: int


def cross(levels: tuple[Level, ...], buying: bool, volume: int, limit: int) -> tuple[Fill, ...]:
    """Fills level by level at the level's price, up to ``volume``, no worse than ``limit`` (0: any)."""
    fills = []
    for price, there in levels:
        if volume <= 0 or (limit and (price > limit if buying else price < limit)):
            break
        fills.append(Fill(price, min(there, volume)))
        volume -= fills[-1].volume
    return tuple(fills)


def plan_order(
    price_type: int, buying: bool, volume: int, price: int, ladder: Ladder, matched: bool = True
) -> Plan:
    """What an order of ``price_type`` does against ``ladder``.

    ``price`` is the limit, or a market order's protect price (0: none). Not ``matched`` (a call
    auction): nothing fills now. A peer or own best price order needs that side to be there.
    """
    limit = _limit(price_type, buying, price, ladder)
    fills = cross(ladder.opposing(buying), buying, volume, limit) if matched else ()
    filled = sum(fill.volume for fill in fills)
    if price_type in (LATEST, LIMIT):
        return Plan(fills, limit, limit)
    if price_type in (PEER, MINE):
        # Money is frozen before the exchange finds the best price; only then is it known what the rest needs.
        return Plan(fills, limit, price or ladder.upper or limit)
    reserve = (
        limit or ladder.upper or max((level for level, _ in ladder.opposing(buying)), default=ladder.last)
    )
    if price_type == SZ_ALL_OR_NONE and filled < volume:
        return Plan((), 0, reserve)
    rest = (fills[-1].price if fills else limit) if price_type == FIVE_LIMIT else 0
    return Plan(fills, rest, reserve)


def _limit(price_type: int, buying: bool, price: int, ladder: Ladder) -> int:
    """The worst price the order may trade at, in mills; 0 when any will do."""
    if price_type == LATEST:
        return ladder.last
    if price_type not in (PEER, MINE):
        return price
    best = (ladder.opposing(buying) if price_type == PEER else ladder.own(buying))[0][0]
    if not price:
        return best
    return min(best, price) if buying else max(best, price)
