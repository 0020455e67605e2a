"""The simulated day as it was: every tick by security, and the minutes they make.

Bounded: the oldest ticks go first, a day's minutes stay. No lock and no clock of its own: the terminal's lock
serialises the calls. Never changes a quote.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from easytrader_qmt.sim.bars import Bar, minute_label
from easytrader_qmt.sim.market import Market, Quote
from easytrader_qmt.sim.money import whole_mills, yuan

TICKS_KEPT = 10_000
"""Ticks kept of each security; a real day has some five thousand."""

RECENT_KEPT = 50_000
"""Ticks kept of all securities together, for those who ask what is new."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One change of a security's quote, or one trade. Yuan and shares, ``time`` in Unix seconds.

    ``serial`` counts the ticks of the whole market. ``volume``, ``amount`` and ``trades`` are the day's so far.
    """

    serial: int
    stock_code: str
    time: float
    last: float
    open: float
    high: float
    low: float
    prev_close: float
    volume: int
    amount: float
    trades: int
    bids: tuple[tuple[float, int], ...]
    asks: tuple[tuple[float, int], ...]
    suspended: bool = False


class _Day:
    """One security's day so far."""

    def __init__(self, quote: Quote, kept: int) -> None:
        self.ticks: deque[Tick] = deque(maxlen=kept)
        self.minutes: list[Bar] = []
        self.volume = quote.volume
        self.amount = whole_mills(quote.amount, "成交额")
        self.trades = 0
        self.unseen = [0, 0]
        """Shares and mills that were traded but are in no minute yet."""

    def traded(self, volume: int, price: int) -> None:
        self.volume += volume
        self.amount += volume * price
        self.unseen[0] += volume
        self.unseen[1] += volume * price
        self.trades += volume > 0

    def add(self, tick: Tick) -> None:
        self.ticks.append(tick)
        volume, amount = self.unseen[0], yuan(self.unseen[1])
        self.unseen = [0, 0]
        last, label = tick.last, minute_label(tick.time)
        if not self.minutes or label > self.minutes[-1].time:
            before = self.minutes[-1].close if self.minutes else tick.prev_close
            self.minutes.append(Bar(label, last, last, last, last, volume, amount, before))
            return
        # A clock that was set back must not bring the day's minutes out of order.
        bar = self.minutes[-1]
        self.minutes[-1] = replace(
            bar,
            high=max(bar.high, last),
            low=min(bar.low, last),
            close=last,
            volume=bar.volume + volume,
            amount=round(bar.amount + amount, 3),
        )


class Tape:
    """Records what the market shows. ``market`` is read, never changed."""

    def __init__(
        self, market: Market, now: float, *, ticks_kept: int = TICKS_KEPT, recent_kept: int = RECENT_KEPT
    ) -> None:
        self._market = market
        self._kept = ticks_kept
        self._days: dict[str, _Day] = {}
        self._recent: deque[Tick] = deque(maxlen=recent_kept)
        self._watchers: list[Callable[[], None]] = []
        self._pinned: float | None = None
        self.serial = 0
        self.latest_time = now
        self.begin(now, market.codes())

    def begin(self, now: float, codes: Iterable[str] = ()) -> None:
        """A day begins at Unix seconds ``now``: what was recorded is forgotten, ``codes`` open as they stand."""
        # Each day opens here, not at its first tick: a trade may come before that, and must be counted once.
        self._days = {code: _Day(self._market.quote(code), self._kept) for code in self._market.codes()}
        self._pinned = None
        self.latest_time = now
        for code in codes:
            self.note(code, now)

    def pin(self, time: float) -> None:
        """The exchange's time is ``time`` from now on, whatever the clock says; until the next day."""
        self._pinned = time

    @property
    def pinned(self) -> bool:
        """Whether the exchange's time is not the clock's."""
        return self._pinned is not None

    def time(self, now: float) -> float:
        """The exchange's time when the clock says ``now``."""
        return now if self._pinned is None else self._pinned

    def others_traded(self, code: str, volume: int, price: float) -> None:
        """Others have traded ``volume`` shares at ``price`` yuan; the next tick of the security shows it."""
        self._day(code).traded(volume, whole_mills(price, "成交价"))

    def note(self, code: str, now: float) -> None:
        """The quote of a security (full code) has changed."""
        quote = self._market.quote(code)
        self._add(code, quote, quote.last, now)

    def note_trade(self, fields: Mapping[str, Any], now: float) -> None:
        """The simulation has traded; ``fields`` are those of a trade event."""
        code, price = fields["stock_code"], fields["traded_price"]
        self._day(code).traded(fields["traded_volume"], whole_mills(price, "成交价"))
        self._add(code, self._market.quote(code), price, now)

    def latest(self, code: str) -> Tick | None:
        """The last tick of a security; None when there was none today."""
        day = self._days.get(code)
        return day.ticks[-1] if day is not None and day.ticks else None

    def ticks(self, code: str) -> tuple[Tick, ...]:
        """The day's ticks of a security, oldest first."""
        day = self._days.get(code)
        return tuple(day.ticks) if day is not None else ()

    def minutes(self, code: str) -> tuple[Bar, ...]:
        """The day's minutes of a security in which something happened, oldest first."""
        day = self._days.get(code)
        return tuple(day.minutes) if day is not None else ()

    def after(self, serial: int, limit: int = 1000) -> tuple[Tick, ...]:
        """At most ``limit`` ticks of any security that came after the one numbered ``serial``, oldest first."""
        if not self._recent:
            return ()
        # Serials have no gaps, so the place of the first one wanted is known.
        start = max(0, serial + 1 - self._recent[0].serial)
        return tuple(islice(self._recent, start, start + limit))

    def watch(self, woken: Callable[[], None]) -> None:
        """Call ``woken`` after every tick, under the terminal's lock: it may only take note of it."""
        self._watchers.append(woken)

    def unwatch(self, woken: Callable[[], None]) -> None:
        """Do not call it any more."""
        if woken in self._watchers:
            self._watchers.remove(woken)

    def wake(self) -> None:
        """Let the watchers look, for a reason other than a tick."""
        for woken in tuple(self._watchers):
            woken()

    def _day(self, code: str) -> _Day:
        day = self._days.get(code)
        if day is None:
            day = self._days[code] = _Day(self._market.quote(code), self._kept)
        return day

    def _add(self, code: str, quote: Quote, last: float, now: float) -> None:
        day, time = self._day(code), self.time(now)
        before = day.ticks[-1] if day.ticks else None
        self.serial += 1
        instrument = self._market.find(code)
        tick = Tick(
            self.serial,
            code,
            time,
            last,
            before.open if before else last,
            max(before.high, last) if before else last,
            min(before.low, last) if before else last,
            quote.prev_close,
            day.volume,
            yuan(day.amount),
            day.trades,
            quote.bids,
            quote.asks,
            instrument is not None and instrument.suspended,
        )
        day.add(tick)
        self._recent.append(tick)
        self.latest_time = max(self.latest_time, time)
        self.wake()
