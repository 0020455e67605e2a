"""What a quote source knows of a security's day: limits, last price, whether it trades at all.

Optional everywhere: without one, price limits are not checked and Shanghai and Beijing market orders need a
protect price of the user's. Never keeps an order waiting for a source that has just failed.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from loguru import logger

from easytrader_qmt.clock import Clock, SystemClock, day_begins, day_number, shanghai
from easytrader_qmt.errors import InvalidArgument, shown


@dataclass(frozen=True, slots=True)
class DayQuote:
    """A security's day, in yuan; None where the source does not know.

    ``suspended`` True: it does not trade today.
    """

    lower_limit: float | None = None
    upper_limit: float | None = None
    last: float | None = None
    suspended: bool | None = None


_LIMITS_STAND = 9.25 * 3600
"""Seconds after midnight from which a day's limits are taken as its own: terminals restart between 07:40 and
09:00, and what is asked before may be the day before's."""


@runtime_checkable
class QuoteSource(Protocol):
    """What ``connect(quotes=...)`` takes: any object with this one method.

    It is called on a thread of its own and given up after a few seconds, so that an order never waits for it.
    """

    def day_quote(self, stock_code: str) -> DayQuote | None:
        """The day of a security such as ``600036.SH``; None when it is not known. May raise."""
        ...


class CautiousQuotes:
    """Another source's word, kept for the day from 09:15 on, and not asked again for a while after it failed.

    ``within`` asks with a deadline; ``keep`` False asks anew for each order.
    """

    def __init__(
        self,
        source: QuoteSource,
        clock: Clock,
        rest: float = 60.0,
        *,
        within: Callable[[Callable[[], Any]], Any] = lambda ask: ask(),
        keep: bool = True,
    ) -> None:
        self._source = source
        self._clock = clock
        self._rest = rest
        self._within = within
        self._keep = keep
        self._kept: dict[str, tuple[int, DayQuote]] = {}
        self._failed_at: float | None = None

    def day_quote(self, stock_code: str) -> DayQuote | None:
        """The day of a security, or None; never raises."""
        asked_at = self._clock.now()
        today = day_number(asked_at)
        kept = self._kept.get(stock_code)
        if kept is not None and kept[0] == today:
            return kept[1]
        if self._failed_at is not None and self._clock.monotonic() - self._failed_at < self._rest:
            return None
        try:
            found = _readable(self._within(lambda: self._source.day_quote(stock_code)))
        except Exception as error:
            self._failed_at = self._clock.monotonic()
            logger.warning(
                "行情源没有可用的应答（{}），{:g} 秒内不再询问；期间不检查涨跌停价", error, self._rest
            )
            return None
        self._failed_at = None
        # A suspension can end within the day, the limits do not change.
        stands = self._keep and asked_at - day_begins(today) >= _LIMITS_STAND
        if stands and found is not None and not found.suspended and found.upper_limit is not None:
            self._kept[stock_code] = (today, found)
        return found


_PARTS = ("lower_limit", "upper_limit", "last", "suspended")


def _readable(found: Any) -> DayQuote | None:
    """What a source said with prices that are prices. Raises TypeError for something else than a DayQuote."""
    if found is None:
        return None
    if not all(hasattr(found, part) for part in _PARTS):
        raise TypeError(f"应返回 DayQuote 或 None，得到 {shown(found)}")
    suspended = found.suspended
    return DayQuote(
        lower_limit=price(found.lower_limit),
        upper_limit=price(found.upper_limit),
        last=price(found.last),
        suspended=None if suspended is None else bool(suspended),
    )


class XtdataQuotes:
    """The terminal's own quotes through the vendor's xtdata; ``load`` imports it when first needed."""

    def __init__(
        self,
        load: Callable[[], Any],
        within: Callable[[Callable[[], Any]], Any],
        now: Callable[[], float] = SystemClock.now,
    ) -> None:
        self._load = load
        self._within = within
        self._now = now
        self._xtdata: Any = None

    def day_quote(self, stock_code: str) -> DayQuote | None:
        """The day of a security. Raises what xtdata raises, or DeadlineExceeded."""
        return self._within(lambda: self._ask(stock_code))  # type: ignore[no-any-return]

    def _ask(self, stock_code: str) -> DayQuote | None:
        if self._xtdata is None:
            self._xtdata = self._load()
        detail = self._xtdata.get_instrument_detail(stock_code)
        return of_detail(detail, self._now()) if detail else None


def of_detail(detail: dict[str, Any], now: float) -> DayQuote:
    """A DayQuote from xtdata's instrument detail, at Unix seconds ``now``; one of an earlier day says nothing.

    ``InstrumentStatus`` counts days of suspension: 0 and less is trading; ``TradingDay`` is a date such as
    ``20251103`` (vendor documentation). A terminal that has not been restarted shows the day before's.
    """
    day = str(detail.get("TradingDay", ""))
    if len(day) == 8 and day.isdigit() and day < shanghai(now).strftime("%Y%m%d"):
        return DayQuote()
    status = detail.get("InstrumentStatus")
    return DayQuote(
        lower_limit=price(detail.get("DownStopPrice")),
        upper_limit=price(detail.get("UpStopPrice")),
        last=price(detail.get("PreClose")),
        suspended=status > 0 if isinstance(status, int) else None,
    )


def price(value: Any) -> float | None:
    """A positive finite price, or None: sources say 0, NaN or the largest double for "not known"."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) and 0 < number < 1e8 else None


def checked_source(source: Any) -> QuoteSource:
    """A user's quote source. Raises InvalidArgument unless it has a ``day_quote`` method."""
    if not callable(getattr(source, "day_quote", None)):
        raise InvalidArgument(
            f"quotes={shown(source)} 无效：行情源需要有方法 day_quote(stock_code) -> DayQuote | None"
        )
    found: QuoteSource = source
    return found
