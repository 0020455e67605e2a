"""The simulated exchange's securities and quotes.

No threads, no lock and no clock of its own: whoever owns a market serialises the calls.
Never knows an account.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import Any

from easytrader_qmt.errors import InvalidOrder
from easytrader_qmt.securities import parse
from easytrader_qmt.sim.instruments import WELL_KNOWN, Instrument, kind_of, make_instrument
from easytrader_qmt.sim.ladder import Ladder, around, derived_asks, derived_bids, lowered
from easytrader_qmt.sim.money import whole_mills, yuan
from easytrader_qmt.sim.repricing import Prices, QuoteChange, repriced

__all__ = ["Instrument", "Market", "Quote", "UnknownSecurity"]


class UnknownSecurity(KeyError):
    """The market has no such security, or a bare code fits several."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


@dataclass(frozen=True, slots=True)
class Quote:
    """One security's quote. Prices in yuan (0.0 limits: none), volumes in shares, ``time`` in Unix seconds.

    ``volume`` and ``amount`` are what the simulation itself traded today.
    """

    last: float
    prev_close: float
    upper_limit: float
    lower_limit: float
    bids: tuple[tuple[float, int], ...]
    asks: tuple[tuple[float, int], ...]
    volume: int = 0
    amount: float = 0.0
    time: float = 0.0

    @property
    def bid1(self) -> float:
        """Best bid, 0.0 when nobody bids."""
        return self.bids[0][0] if self.bids else 0.0

    @property
    def bid1_volume(self) -> int:
        """Shares at the best bid."""
        return self.bids[0][1] if self.bids else 0

    @property
    def ask1(self) -> float:
        """Best ask, 0.0 when nobody offers."""
        return self.asks[0][0] if self.asks else 0.0

    @property
    def ask1_volume(self) -> int:
        """Shares at the best ask."""
        return self.asks[0][1] if self.asks else 0


@dataclass(slots=True)
class _Listing:
    instrument: Instrument
    prev_close: int
    ladder: Ladder
    volume: int = 0
    amount: int = 0
    time: float = 0.0


class Market:
    """Securities, their quotes and the liquidity that fills consume.

    ``default_volume`` is the shares at each derived level. ``on_change`` is called with the full code
    after a security was listed, a quote was set, a suspension changed or the day rolled; never for the
    simulation's own fills.
    """

    def __init__(self, *, well_known: bool = True, default_volume: int = 100_000) -> None:
        self.on_change: Callable[[str], None] | None = None
        self.default_volume = default_volume
        self._listings: dict[str, _Listing] = {}
        if well_known:
            for code, name, prev_close, last, bid1, ask1, overrides in WELL_KNOWN:
                self.add(code, name=name, prev_close=prev_close, **overrides)
                self._listings[code].ladder = self._opened(code, last, bid1, ask1)

    def add(
        self, code: str, *, name: str = "", prev_close: float, kind: str | None = None, **overrides: Any
    ) -> Instrument:
        """List a security, or replace its listing; its book opens around ``prev_close``.

        ``overrides`` are fields of `Instrument`. Raises ValueError when the kind cannot be told.
        """
        instrument = make_instrument(_full_code(code), name, prev_close, kind, **overrides)
        previous = whole_mills(instrument.prev_close, "昨收价")
        listing = _Listing(instrument, previous, self._rebuilt(instrument, previous))
        self._listings[instrument.stock_code] = listing
        self._changed(instrument.stock_code)
        return instrument

    def codes(self) -> list[str]:
        """Full codes of all securities, in the order they were listed."""
        return list(self._listings)

    def find(self, full_code: str) -> Instrument | None:
        """The instrument of exactly this full code, or None."""
        listing = self._listings.get(full_code)
        return listing.instrument if listing else None

    def instrument(self, code: str) -> Instrument:
        """The instrument, by a code in any form that `securities` takes. Raises `UnknownSecurity`.

        A bare number will do when only one security has it.
        """
        return self._listing(code).instrument

    def quote(self, code: str) -> Quote:
        """The quote as it stands now. Raises `UnknownSecurity`."""
        listing = self._listing(code)
        ladder = listing.ladder
        return Quote(
            yuan(ladder.last),
            yuan(listing.prev_close),
            yuan(ladder.upper),
            yuan(ladder.lower),
            tuple((yuan(price), volume) for price, volume in ladder.bids),
            tuple((yuan(price), volume) for price, volume in ladder.asks),
            listing.volume,
            yuan(listing.amount),
            listing.time,
        )

    def ladder(self, code: str) -> Ladder:
        """The same in mills, for matching. Raises `UnknownSecurity`."""
        return self._listing(code).ladder

    def set(
        self,
        code: str,
        *,
        last: float | None = None,
        bid1: float | None = None,
        ask1: float | None = None,
        bid1_volume: int | None = None,
        ask1_volume: int | None = None,
        bids: Prices | None = None,
        asks: Prices | None = None,
        prev_close: float | None = None,
        upper_limit: float | None = None,
        lower_limit: float | None = None,
        now: float | None = None,
    ) -> Quote:
        """Change a quote; what is given is taken exactly, what is not is derived or kept.

        ``last`` alone rebuilds both sides around it, five levels of the default volume. ``bid1`` or
        ``bids`` make that side exactly those levels (0 or empty: nobody is there), and a side they
        would cross is derived anew. A volume alone changes the best level's volume. A new
        ``prev_close`` brings new limits. Raises `UnknownSecurity`, or ValueError for a price off the
        tick or outside the limits, for crossed sides and for negative volumes; nothing changes then.
        """
        listing = self._listing(code)
        change = QuoteChange(
            last, bid1, ask1, bid1_volume, ask1_volume, bids, asks, prev_close, upper_limit, lower_limit
        )
        instrument = listing.instrument
        previous, ladder = repriced(
            instrument, listing.prev_close, listing.ladder, change, self.default_volume
        )
        listing.prev_close, listing.ladder = previous, ladder
        listing.instrument = replace(instrument, prev_close=yuan(previous))
        listing.time = listing.time if now is None else now
        self._changed(instrument.stock_code)
        return self.quote(instrument.stock_code)

    def suspend(self, code: str) -> None:
        """Stop trading in a security. Raises `UnknownSecurity`."""
        self._suspended(code, True)

    def resume(self, code: str) -> None:
        """Resume trading in a security. Raises `UnknownSecurity`."""
        self._suspended(code, False)

    def take(
        self, code: str, side: str, volume: int, price: float | None = None, now: float | None = None
    ) -> None:
        """A fill consumes liquidity: ``side`` is ``buy`` (takes an ask) or ``sell`` (takes a bid).

        ``price`` in yuan, the best level when not given. The last price becomes the fill's. Raises
        ValueError when the level does not hold ``volume`` shares.
        """
        levels = self._listing(code).ladder.opposing(side == "buy")
        if price is None and not levels:
            raise ValueError(f"{code} 对手方无报价")
        at = levels[0][0] if price is None else whole_mills(price, "成交价")
        self.consume(code, side == "buy", at, volume, now)

    def consume(self, code: str, buying: bool, price: int, volume: int, now: float | None = None) -> None:
        """The same as `take` with the price in mills, for the counter."""
        listing = self._listing(code)
        ladder = listing.ladder
        levels = lowered(ladder.opposing(buying), price, volume)
        listing.ladder = (
            replace(ladder, last=price, asks=levels) if buying else replace(ladder, last=price, bids=levels)
        )
        listing.volume += volume
        listing.amount += price * volume
        listing.time = listing.time if now is None else now

    def roll(self) -> None:
        """The next day: the last price is the previous close, limits and books are made anew."""
        for code, listing in self._listings.items():
            last = listing.ladder.last
            listing.prev_close, listing.volume, listing.amount = last, 0, 0
            listing.instrument = replace(listing.instrument, prev_close=yuan(last))
            listing.ladder = self._rebuilt(listing.instrument, last)
            self._changed(code)

    def state(self) -> dict[str, Any]:
        """Everything but ``on_change``, JSON-able; `Market.restore` makes the same market from it."""
        listings = [
            {
                "instrument": asdict(one.instrument),
                "prev_close": one.prev_close,
                "ladder": asdict(one.ladder),
                "volume": one.volume,
                "amount": one.amount,
                "time": one.time,
            }
            for one in self._listings.values()
        ]
        return {"default_volume": self.default_volume, "listings": listings}

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Market:
        """The market that ``state`` was taken from."""
        market = cls(well_known=False, default_volume=state["default_volume"])
        for one in state["listings"]:
            instrument, ladder = Instrument(**one["instrument"]), dict(one["ladder"])
            ladder["bids"] = tuple((price, volume) for price, volume in ladder["bids"])
            ladder["asks"] = tuple((price, volume) for price, volume in ladder["asks"])
            market._listings[instrument.stock_code] = _Listing(
                instrument, one["prev_close"], Ladder(**ladder), one["volume"], one["amount"], one["time"]
            )
        return market

    def _listing(self, code: str) -> _Listing:
        listing = self._listings.get(code)
        if listing is not None:
            return listing
        wanted = _dotted(code)
        same = [full for full in self._listings if full == wanted or full[:-3] == wanted]
        if len(same) == 1:
            return self._listings[same[0]]
        if same:
            raise UnknownSecurity(f"代码 {code!r} 对应多只证券，请带上交易所后缀: {'、'.join(same)}")
        close = difflib.get_close_matches(wanted, self._listings, 3, 0.6)
        near = "、".join(f"{full} {self._listings[full].instrument.name}" for full in close)
        raise UnknownSecurity(f"仿真行情里没有证券 {code!r}" + (f"，相近的有: {near}" if near else ""))

    def _opened(self, code: str, last: float, bid1: float, ask1: float) -> Ladder:
        listing = self._listings[code]
        tick, ladder = listing.instrument.tick_mills, listing.ladder
        bids = derived_bids(whole_mills(bid1, "买一价"), tick, ladder.lower, self.default_volume)
        asks = derived_asks(whole_mills(ask1, "卖一价"), tick, ladder.upper, self.default_volume)
        return replace(ladder, last=whole_mills(last, "最新价"), bids=bids, asks=asks)

    def _rebuilt(self, instrument: Instrument, last: int) -> Ladder:
        lower, upper = instrument.limits(last) or (0, 0)
        bids, asks = around(last, instrument.tick_mills, lower, upper, self.default_volume)
        return Ladder(last, lower, upper, bids, asks)

    def _suspended(self, code: str, suspended: bool) -> None:
        listing = self._listing(code)
        listing.instrument = replace(listing.instrument, suspended=suspended)
        self._changed(listing.instrument.stock_code)

    def _changed(self, full_code: str) -> None:
        if self.on_change is not None:
            self.on_change(full_code)


def _dotted(code: str) -> str:
    """``sh600036`` and ``600036.XSHG`` as ``600036.SH``; a bare number, and what nobody knows, as it is."""
    wanted = code.strip().upper()
    if wanted.isdigit():
        # What a bare number means is for the securities that are listed here to say.
        return wanted
    try:
        return parse(wanted).stock_code
    except InvalidOrder:
        return wanted


def _full_code(code: str) -> str:
    """``600036`` as ``600036.SH`` where one exchange alone has such numbers; a full code as it is."""
    wanted = _dotted(code)
    if "." in wanted:
        return wanted
    fitting = []
    for exchange in ("SH", "SZ", "BJ"):
        with suppress(ValueError):
            kind_of(f"{wanted}.{exchange}")
            fitting.append(f"{wanted}.{exchange}")
    if len(fitting) != 1:
        raise ValueError(f"无法由 {code!r} 判断交易所，请写全代码，如 600036.SH")
    return fitting[0]
