"""What a subscription says of a simulated market's ticks, and the bars of a period, in the vendor's shapes.

Reads a market; never delivers anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from easytrader_qmt.sim.bars import PERIODS, Bar, filled, merged, midnight
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.market_view import MarketView
from easytrader_qmt.sim.quote_feed import Payload
from easytrader_qmt.sim.tape import Tick
from easytrader_qmt.sim.tick_rows import bar_row, tick_row


class SecurityRows:
    """What a subscription to one security says of its ticks."""

    def __init__(self, view: MarketView, instrument: Instrument, period: str) -> None:
        self._view = view
        self._instrument = instrument
        self._period = period

    def payloads(self, ticks: Sequence[Tick]) -> list[Payload]:
        """A payload for each tick, or one with the bars that the ticks are in."""
        code = self._instrument.stock_code
        if self._period == "tick":
            return [{code: [tick_row(tick, self._instrument)]} for tick in ticks]
        bars = bars_of(self._view, code, self._period, False)
        touched = [bar for bar in bars if bar.time > ticks[0].time] if ticks else []
        return [{code: [bar_row(bar, self._instrument) for bar in touched or bars[-1:]]}] if bars else []


class MarketRows:
    """What a subscription to many securities says: each payload has at most one tick of a security."""

    def __init__(self, view: MarketView) -> None:
        self._view = view
        self._instruments: dict[str, Instrument] = {}

    def payloads(self, ticks: Sequence[Tick]) -> list[Payload]:
        """Payloads that hold every tick once, in order."""
        said: list[Payload] = []
        for tick in ticks:
            instrument = self._instrument(tick.stock_code)
            if instrument is None:
                continue
            if not said or tick.stock_code in said[-1]:
                said.append({})
            said[-1][tick.stock_code] = tick_row(tick, instrument)
        return said

    def _instrument(self, code: str) -> Instrument | None:
        if code not in self._instruments:
            listing = self._view.listing(code)
            if listing is None:
                return None
            self._instruments[code] = listing[0]
        return self._instruments[code]


def bars_of(view: MarketView, code: str, period: str, fill: bool) -> list[Bar]:
    """The simulated day's bars of a known security; ``fill``: with those in which nothing happened."""
    if period == "1d":
        latest = view.latest([code])[1]
        return [_day_bar(tick) for tick in latest]
    bars = merged(view.minutes(code), PERIODS[period])
    return filled(bars, PERIODS[period]) if fill else bars


def _day_bar(tick: Tick) -> Bar:
    return Bar(
        midnight(tick.time),
        tick.open,
        tick.high,
        tick.low,
        tick.last,
        tick.volume,
        tick.amount,
        tick.prev_close,
    )


def check_period(period: Any) -> None:
    """Raises ValueError for a period that the simulation does not have."""
    known = ("tick", *PERIODS, "1d")
    if period not in known:
        raise ValueError(f"仿真行情没有周期 {period!r}；可选: {'、'.join(known)}")
