"""A stand-in for ``xtquant.xtdata`` over a simulated market, for scripts written for raw xtquant.

Has the vendor's names, parameters and result shapes for what it does; every other name of xtdata raises an
error that says so. Knows the simulated day alone, and never asks a real quote service.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from easytrader_qmt.sim.calendar_days import trading_days
from easytrader_qmt.sim.instrument_rows import instrument_detail, instrument_types, sector_rule
from easytrader_qmt.sim.market_view import MarketView
from easytrader_qmt.sim.quote_feed import Payload, QuoteFeed, Subscription, call_back
from easytrader_qmt.sim.subscribed_rows import MarketRows, SecurityRows, bars_of, check_period
from easytrader_qmt.sim.tape import Tick
from easytrader_qmt.sim.tick_rows import bar_table, full_tick_row, tick_table
from easytrader_qmt.sim.vendor_times import milliseconds, window

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

MODULE = "xtdata"
MARKETS = ("SH", "SZ", "BJ")
GONE = "行情服务连接断开"

_CHECK_SECONDS = 0.5
"""How often ``run`` looks whether the terminal is still there."""

_PROVIDED = (
    "subscribe_quote", "subscribe_whole_quote", "unsubscribe_quote", "run", "get_market_data_ex",
    "get_full_tick", "download_history_data", "download_history_data2", "get_instrument_detail",
    "get_instrument_type", "get_trading_dates", "get_stock_list_in_sector",
)  # fmt: skip

Callback = Callable[[Payload], object]


class NotSimulated(AttributeError):
    """The simulated xtdata has no such function."""


def make_xtdata(
    find_market: Callable[[], MarketView], wait: Callable[[float], object] | None = None
) -> ModuleType:
    """The stand-in module. ``find_market`` gives the market when it is first needed, and again once it has
    gone; it raises when there is none. ``wait`` lets seconds pass, for ``run``.
    """
    module = ModuleType(f"xtquant.{MODULE}", __doc__)
    quotes = _Quotes(find_market, wait if wait is not None else threading.Event().wait)
    module.__dict__.update({name: getattr(quotes, name) for name in _PROVIDED})
    module.__dict__.update(
        __all__=list(_PROVIDED), __simulated__=True, __getattr__=_refuse, enable_hello=True, debug_mode=0
    )
    return module


def _refuse(name: str) -> NoReturn:
    if name.startswith("__") and name.endswith("__"):
        raise AttributeError(f"module 'xtquant.{MODULE}' has no attribute {name!r}")
    raise NotSimulated(
        f"仿真行情没有 {MODULE}.{name}；可用的有: {'、'.join(_PROVIDED)}", name=name, obj=MODULE
    )


class _Quotes:
    """The functions of the module, and the market and the subscriptions that they share."""

    def __init__(self, find_market: Callable[[], MarketView], wait: Callable[[float], object]) -> None:
        self._find_market = find_market
        self._wait = wait
        self._lock = threading.Lock()
        self._feed: QuoteFeed | None = None
        self._numbers = 0

    # --- what the vendor's module has ------------------------------------------------------------

    def get_full_tick(self, code_list: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The last tick of securities, or of whole markets (``['SH', 'SZ']``); unknown codes are left out."""
        view = self._market()
        found = {}
        for tick in view.latest(_wanted(view, code_list))[1]:
            listing = view.listing(tick.stock_code)
            if listing is not None:
                found[tick.stock_code] = full_tick_row(tick, listing[0])
        return found

    def get_instrument_detail(self, stock_code: str, iscomplete: bool = False) -> dict[str, Any] | None:
        """What the exchange knows of a security; None when it does not know it."""
        view = self._market()
        listing = view.listing(_code(stock_code))
        return None if listing is None else instrument_detail(*listing, view.time(), bool(iscomplete))

    def get_instrument_type(
        self, stock_code: str, variety_list: Sequence[str] | None = None
    ) -> dict[str, bool]:
        """``{'stock': True}``; of the types that are named, each with whether it is one; unknown code: empty."""
        listing = self._market().listing(_code(stock_code))
        if listing is None:
            return {}
        types = instrument_types(listing[0])
        if not variety_list:
            return {name: one for name, one in types.items() if one}
        return {name: types[name] for name in variety_list if name in types}

    def get_stock_list_in_sector(self, sector_name: str, real_timetag: Any = -1) -> list[str]:
        """The securities of a sector such as ``沪深A股``, as of today; empty for a sector there is not."""
        belongs, view = sector_rule(sector_name), self._market()
        if belongs is None:
            return []
        listings = [view.listing(code) for code in view.codes()]
        return [one[0].stock_code for one in listings if one is not None and belongs(one[0])]

    def get_trading_dates(
        self, market: str, start_time: Any = "", end_time: Any = "", count: int = -1
    ) -> list[int]:
        """Midnights of trading days up to the simulated one, milliseconds.

        Weekdays, for the simulation knows no holidays, and the simulated day itself whatever it is. Without
        ``start_time`` they go back one year.
        """
        if market not in MARKETS:
            return []
        asked = window(start_time, end_time, count, by_day=True)
        days = trading_days(self._market().time(), asked.start)
        return [milliseconds(day) for day in asked.of(days, days)]

    def get_market_data_ex(
        self,
        field_list: Sequence[str] = (),
        stock_list: Sequence[str] = (),
        period: str = "1d",
        start_time: Any = "",
        end_time: Any = "",
        count: int = -1,
        dividend_type: str | None = "none",
        fill_data: bool = True,
    ) -> dict[str, pd.DataFrame]:
        """The simulated day's ticks or bars by security, oldest first; no rows for an unknown security.

        Periods: tick, 1m, 5m, 15m, 30m, 1h, 1d; there are no dividends, so every ``dividend_type`` is the
        same. Raises ValueError for another period or field.
        """
        check_period(period)
        asked = window(start_time, end_time, count, by_day=period == "1d")
        view, tables = self._market(), {}
        for code in _codes(stock_list):
            listing = view.listing(code)
            instrument = None if listing is None else listing[0]
            if period == "tick":
                ticks = [] if instrument is None else view.ticks(code)
                ticks = asked.of(ticks, [tick.time for tick in ticks])
                tables[code] = tick_table(ticks, instrument, field_list or ())
            else:
                bars = [] if instrument is None else bars_of(view, code, period, fill_data)
                bars = asked.of(bars, [bar.time for bar in bars])
                tables[code] = bar_table(bars, instrument, field_list or (), period == "1d")
        return tables

    def download_history_data(
        self,
        stock_code: str,
        period: str,
        start_time: Any = "",
        end_time: Any = "",
        incrementally: bool | None = None,
    ) -> None:
        """Accepted: the simulated day is there already, and there is no other."""
        self._market()

    def download_history_data2(
        self,
        stock_list: Sequence[str] | str,
        period: str,
        start_time: Any = "",
        end_time: Any = "",
        callback: Callback | None = None,
        incrementally: bool | None = None,
    ) -> dict[str, Any]:
        """Accepted; ``callback`` is told of each security that it is done."""
        self._market()
        codes = [stock_list] if isinstance(stock_list, str) else list(stock_list)
        for finished, code in enumerate(codes, 1):
            if callback is not None:
                progress = {"finished": finished, "total": len(codes), "stockcode": code, "message": ""}
                call_back(callback, progress)
        return {}

    def subscribe_quote(
        self,
        stock_code: str,
        period: str = "1d",
        start_time: Any = "",
        end_time: Any = "",
        count: int = 0,
        callback: Callback | None = None,
    ) -> int:
        """Tell ``callback`` of a security's ticks or bars, ``{code: [row]}``; the number of the subscription.

        Begins with the latest row. -1 for an unknown security. Raises ValueError for another period.
        """
        check_period(period)
        feed, code = self._connected(), _code(stock_code)
        listing = feed.view.listing(code)
        if listing is None:
            return _unknown(stock_code)
        rows = SecurityRows(feed.view, listing[0], period)
        return self._subscribe(feed, code.__eq__, [code], rows.payloads, callback)

    def subscribe_whole_quote(self, code_list: Sequence[str], callback: Callback | None = None) -> int:
        """Tell ``callback`` of the ticks of many securities or whole markets, ``{code: row}``.

        Begins with the latest tick of each. -1 when none of them is known.
        """
        feed = self._connected()
        wanted, markets = set(_wanted(feed.view, code_list)), {one for one in code_list if one in MARKETS}
        if not wanted:
            return _unknown(code_list)
        rows = MarketRows(feed.view)
        return self._subscribe(
            feed,
            lambda code: code in wanted or code[-2:] in markets,
            sorted(wanted),
            rows.payloads,
            callback,
        )

    def unsubscribe_quote(self, seq: int) -> None:
        """End a subscription; a number that is none is ignored."""
        feed = self._feed
        if feed is not None:
            feed.remove(seq)

    def run(self) -> NoReturn:
        """Block while callbacks come on their own thread. Raises RuntimeError when the terminal has gone."""
        view = self._market()
        while view.alive():
            self._wait(_CHECK_SECONDS)
        raise RuntimeError(GONE)

    # --- inside ----------------------------------------------------------------------------------

    def _market(self) -> MarketView:
        return self._connected().view

    def _connected(self) -> QuoteFeed:
        """The market and its subscriptions; a new market when the last has gone, and its subscriptions with it."""
        feed = self._feed
        if feed is not None and feed.view.alive():
            return feed
        new = QuoteFeed(self._find_market())
        if not new.view.alive():
            new.close()
            raise RuntimeError("无法连接行情服务：仿真终端没有运行")
        with self._lock:
            mine = self._feed is feed
            if mine:
                self._feed = new
        # Another thread may have been faster: then its market stays and this one is not needed.
        ended = feed if mine else new
        if ended is not None:
            ended.close()
        return new if mine else self._connected()

    def _subscribe(
        self,
        feed: QuoteFeed,
        wants: Callable[[str], bool],
        codes: list[str],
        payloads: Callable[[Sequence[Tick]], list[Payload]],
        callback: Callback | None,
    ) -> int:
        with self._lock:
            self._numbers += 1
            number = self._numbers
        if callback is not None:
            # The first rows are those of now, however late the thread gets to them.
            serial, latest = feed.view.latest(codes)
            feed.add(number, Subscription(wants, payloads, callback, payloads(latest), serial))
        return number


def _code(stock_code: Any) -> str:
    if not isinstance(stock_code, str):
        raise TypeError(f"证券代码 {stock_code!r} 应为字符串，如 '600036.SH'")
    return stock_code


def _codes(code_list: Any) -> list[str]:
    if isinstance(code_list, str) or not isinstance(code_list, Sequence):
        raise TypeError(f"代码列表 {code_list!r} 应为列表，如 ['600036.SH']")
    return [_code(code) for code in code_list]


def _wanted(view: MarketView, code_list: Any) -> list[str]:
    asked = _codes(code_list)
    markets = {code for code in asked if code in MARKETS}
    known = view.codes()
    named = dict.fromkeys([code for code in asked if code not in markets])
    return [code for code in known if code[-2:] in markets or code in named]


def _unknown(asked: Any) -> int:
    from loguru import logger

    logger.warning("仿真行情里没有 {}，订阅失败", asked)
    return -1
