"""How a requested change becomes a security's new prices: pure rules for `Market.set`.

Never touches a market; a change that cannot be is refused with ValueError before anything moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from easytrader_qmt.errors import shown
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.ladder import Ladder, Level, around, derived_asks, derived_bids
from easytrader_qmt.sim.money import is_number, mills, yuan

Prices = Sequence[tuple[float, int]]


@dataclass(frozen=True, slots=True)
class QuoteChange:
    """What is asked to change; None leaves it to be kept or derived. Yuan and shares."""

    last: float | None = None
    bid1: float | None = None
    ask1: float | None = None
    bid1_volume: int | None = None
    ask1_volume: int | None = None
    bids: Prices | None = None
    asks: Prices | None = None
    prev_close: float | None = None
    upper_limit: float | None = None
    lower_limit: float | None = None


def repriced(
    instrument: Instrument, previous: int, old: Ladder, change: QuoteChange, default_volume: int
) -> tuple[int, Ladder]:
    """The previous close (mills) and the ladder after ``change``."""
    tick = instrument.tick_mills
    lower, upper = old.lower, old.upper
    if change.prev_close is not None:
        previous = _on_tick(change.prev_close, tick, "昨收价")
        lower, upper = instrument.limits(previous) or (0, 0)
    lower = lower if change.lower_limit is None else _on_tick(change.lower_limit, tick, "跌停价")
    upper = upper if change.upper_limit is None else _on_tick(change.upper_limit, tick, "涨停价")
    if upper and lower > upper:
        raise ValueError(f"跌停价 {yuan(lower)} 高于涨停价 {yuan(upper)}")
    last = old.last if change.last is None else _on_tick(change.last, tick, "最新价")
    limits_moved = (lower, upper) != (old.lower, old.upper)
    if change.last is None and limits_moved and not _inside(last, lower, upper):
        last = min(max(last, lower), upper or last)
    ladder = Ladder(last, lower, upper, old.bids, old.asks)
    _require_inside(last, ladder, "最新价")
    if change.last is not None or limits_moved:
        bids, asks = around(last, tick, lower, upper, default_volume)
        ladder = Ladder(last, lower, upper, bids, asks)
    new_bids = _side(
        ladder, ladder.bids, change.bid1, change.bid1_volume, change.bids, tick, default_volume, True
    )
    new_asks = _side(
        ladder, ladder.asks, change.ask1, change.ask1_volume, change.asks, tick, default_volume, False
    )
    return previous, _uncrossed(ladder, new_bids, new_asks, tick, default_volume)


def _side(
    ladder: Ladder,
    kept: tuple[Level, ...],
    best: float | None,
    best_volume: int | None,
    levels: Prices | None,
    tick: int,
    default_volume: int,
    buying: bool,
) -> tuple[Level, ...] | None:
    """One side as asked for, or None when nothing was asked of it."""
    what = "买盘" if buying else "卖盘"
    if levels is not None:
        if best is not None or best_volume is not None:
            raise ValueError(f"{what}请只给出整个盘口或只给出一档，不要同时给出")
        asked = [(_on_tick(price, tick, what), _shares(volume, what)) for price, volume in levels]
    elif best is not None:
        volume = default_volume if best_volume is None else _shares(best_volume, what)
        asked = [] if best == 0 else [(_on_tick(best, tick, what), volume)]
    elif best_volume is not None:
        if not kept:
            raise ValueError(f"{what}没有报价，请同时给出价格")
        asked = [(kept[0][0], _shares(best_volume, what)), *kept[1:]]
    else:
        return None
    prices = [price for price, _ in asked]
    if prices != sorted(set(prices), reverse=buying):
        raise ValueError(f"{what}应从最优价排起，价格不重复: {[yuan(price) for price in prices]}")
    for price in prices:
        _require_inside(price, ladder, what)
    return tuple((price, volume) for price, volume in asked if volume)


def _uncrossed(
    ladder: Ladder, bids: tuple[Level, ...] | None, asks: tuple[Level, ...] | None, tick: int, volume: int
) -> Ladder:
    """The ladder with the sides asked for; a side that was not asked for gives way when crossed."""
    last, lower, upper = ladder.last, ladder.lower, ladder.upper
    best_bid = bids[0][0] if bids else 0
    best_ask = asks[0][0] if asks else 0
    if best_bid and best_ask and best_bid >= best_ask:
        raise ValueError(f"买一价 {yuan(best_bid)} 不低于卖一价 {yuan(best_ask)}")
    if bids is None:
        bids = ladder.bids
        if best_ask and bids and bids[0][0] >= best_ask:
            bids = derived_bids(best_ask - tick, tick, lower, volume)
    if asks is None:
        asks = ladder.asks
        if best_bid and asks and asks[0][0] <= best_bid:
            asks = derived_asks(best_bid + tick, tick, upper, volume)
    return Ladder(last, lower, upper, bids[:5], asks[:5])


def _on_tick(price: float, tick: int, what: str) -> int:
    amount = mills(price)
    if amount is None or amount <= 0 or amount % tick:
        raise ValueError(f"{what} {shown(price)} 应为最小变动单位 {yuan(tick)} 的正整数倍")
    return amount


def _shares(volume: int, what: str) -> int:
    if isinstance(volume, bool) or not is_number(volume) or volume != int(volume) or volume < 0:
        raise ValueError(f"{what}数量 {shown(volume)} 应为非负整数")
    return int(volume)


def _inside(price: int, lower: int, upper: int) -> bool:
    return price >= lower and (not upper or price <= upper)


def _require_inside(price: int, ladder: Ladder, what: str) -> None:
    if not _inside(price, ladder.lower, ladder.upper):
        raise ValueError(
            f"{what} {yuan(price)} 超出涨跌停价 {yuan(ladder.lower)}–{yuan(ladder.upper)}，"
            "如需更大变动请同时给出 prev_close"
        )
