"""Securities of the simulated exchange: board rules and the well-known securities, as data.

Independent of the facade's own rules on purpose: the exchange must be able to refuse what a wrong
rule lets through. Never holds a quote.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from easytrader_qmt.sim.money import MILLS, whole_mills


@dataclass(frozen=True, slots=True)
class Instrument:
    """One security and the rules its orders must meet.

    Volumes are shares (bonds: 张), prices yuan (repos: annual rate in percent). ``limit_ratio`` is the
    day's price limit as a fraction, None where there is none. ``t0``: what is bought today can be sold today.
    """

    stock_code: str
    name: str
    kind: str
    prev_close: float
    lot: int
    step: int
    min_volume: int
    tick: float
    limit_ratio: float | None
    max_limit_volume: int
    max_market_volume: int
    t0: bool = False
    suspended: bool = False

    @property
    def exchange(self) -> str:
        """``SH``, ``SZ`` or ``BJ``."""
        return self.stock_code[-2:]

    @property
    def tick_mills(self) -> int:
        """The tick in mills."""
        return round(self.tick * MILLS)

    def limits(self, prev_close: int) -> tuple[int, int] | None:
        """Lowest and highest price of a day after ``prev_close``, in mills; None without limits.

        Rounded half up to the tick, as the exchanges do.
        """
        if self.limit_ratio is None:
            return None
        thousandths, tick = round(self.limit_ratio * 1000), self.tick_mills
        lower = (2 * prev_close * (1000 - thousandths) + 1000 * tick) // (2000 * tick) * tick
        upper = (2 * prev_close * (1000 + thousandths) + 1000 * tick) // (2000 * tick) * tick
        return max(lower, tick), upper


# kind: (lot, step, tick, limit_ratio, max limit volume, max market volume, t0)
_RULES: dict[str, tuple[int, int, float, float | None, int, int, bool]] = {
    "stock": (100, 100, 0.01, 0.10, 1_000_000, 1_000_000, False),
    "star": (200, 1, 0.01, 0.20, 100_000, 50_000, False),
    "chinext": (100, 100, 0.01, 0.20, 300_000, 150_000, False),
    "bj": (100, 1, 0.01, 0.30, 1_000_000, 1_000_000, False),
    "fund": (100, 100, 0.001, 0.10, 1_000_000, 1_000_000, False),
    "convertible": (10, 10, 0.001, 0.20, 1_000_000, 1_000_000, True),
    "bond": (10, 10, 0.001, None, 1_000_000, 1_000_000, True),
    "repo": (10, 10, 0.005, None, 1_000_000, 1_000_000, True),
    "b": (100, 100, 0.01, 0.10, 1_000_000, 1_000_000, False),
}

_PREFIXES: dict[str, tuple[tuple[str, str], ...]] = {
    "SH": (
        ("stock", "600 601 603 605"),
        ("star", "688 689"),
        ("fund", "50 51 52 53 55 56 58"),
        ("convertible", "110 111 113 118"),
        ("bond", "115 122 136 143 155 163 175 185 188 240 010 018 019 020"),
        ("repo", "204"),
        ("b", "900"),
    ),
    "SZ": (
        ("stock", "000 001 002 003"),
        ("chinext", "300 301 302"),
        ("fund", "15 16 18"),
        ("convertible", "123 127 128"),
        ("repo", "1318"),
        ("b", "200"),
    ),
    "BJ": (("bj", "920 43 83 87 88"),),
}

# What a prefix changes of its kind's rules: the longer prefix says more than the kind's own.
_SPECIAL: dict[tuple[str, str], tuple[tuple[str, dict[str, Any]], ...]] = {
    ("SH", "fund"): (("588 589", {"limit_ratio": 0.20}),),
}


def kind_of(stock_code: str) -> str:
    """The kind of a full code such as ``600036.SH``; ValueError when its prefix is not known."""
    number, _, exchange = stock_code.partition(".")
    for kind, prefixes in _PREFIXES.get(exchange, ()):
        if len(number) == 6 and number.isdigit() and number.startswith(tuple(prefixes.split())):
            return kind
    raise ValueError(f"无法由代码 {stock_code!r} 判断证券类别，请写全代码（如 600036.SH）并给出 kind")


def make_instrument(
    stock_code: str, name: str, prev_close: float, kind: str | None = None, **overrides: Any
) -> Instrument:
    """An instrument with its board's rules; ``overrides`` are fields of `Instrument`.

    Raises ValueError for an unknown kind or a previous close off the tick, TypeError for an unknown field.
    """
    number, dot, exchange = stock_code.partition(".")
    if not number or not dot or exchange not in _PREFIXES:
        raise ValueError(f"证券代码 {stock_code!r} 应带交易所后缀，如 600036.SH")
    kind = kind or kind_of(stock_code)
    if kind not in _RULES:
        raise ValueError(f"未知的证券类别 {kind!r}，可选: {'、'.join(_RULES)}")
    lot, step, tick, ratio, max_limit, max_market, t0 = _RULES[kind]
    if kind == "b" and exchange == "SH":
        tick = 0.001
    instrument = Instrument(
        stock_code,
        name or stock_code,
        kind,
        prev_close,
        lot,
        step,
        lot,
        tick,
        ratio,
        max_limit,
        max_market,
        t0,
    )
    for prefixes, changed in _SPECIAL.get((exchange, kind), ()):
        if number.startswith(tuple(prefixes.split())):
            instrument = replace(instrument, **changed)
    if overrides:
        instrument = replace(instrument, **overrides)
    if instrument.tick_mills <= 0:
        raise ValueError(f"最小变动单位 {instrument.tick!r} 应为正的 0.001 元整数倍")
    previous = whole_mills(instrument.prev_close, "昨收价")
    if previous <= 0 or previous % instrument.tick_mills:
        raise ValueError(f"{stock_code} 昨收价 {prev_close!r} 应为最小变动单位 {instrument.tick} 的正整数倍")
    return instrument


WELL_KNOWN: tuple[tuple[str, str, float, float, float, float, dict[str, Any]], ...] = (
    # code, name, previous close, last, bid1, ask1, overrides
    ("600000.SH", "浦发银行", 10.40, 10.48, 10.47, 10.49, {}),
    ("600036.SH", "招商银行", 35.40, 35.50, 35.49, 35.50, {}),
    ("601318.SH", "中国平安", 52.00, 52.30, 52.29, 52.30, {}),
    ("600519.SH", "贵州茅台", 1450.00, 1462.50, 1462.49, 1462.50, {}),
    ("688981.SH", "中芯国际", 88.00, 88.60, 88.59, 88.60, {}),
    ("688111.SH", "金山办公", 290.00, 292.30, 292.29, 292.30, {}),
    ("000001.SZ", "平安银行", 11.30, 11.36, 11.35, 11.36, {}),
    ("000002.SZ", "万科A", 6.60, 6.58, 6.57, 6.58, {}),
    ("000858.SZ", "五粮液", 120.00, 121.20, 121.19, 121.20, {}),
    ("002594.SZ", "比亚迪", 105.00, 105.80, 105.79, 105.80, {}),
    ("300750.SZ", "宁德时代", 265.00, 267.30, 267.29, 267.30, {}),
    ("300059.SZ", "东方财富", 22.50, 22.68, 22.67, 22.68, {}),
    ("920819.BJ", "颖泰生物", 4.20, 4.23, 4.22, 4.23, {}),
    ("430047.BJ", "诺思兰德", 18.60, 18.72, 18.71, 18.72, {}),
    ("920047.BJ", "诺思兰德", 18.60, 18.72, 18.71, 18.72, {}),
    ("510300.SH", "沪深300ETF", 4.000, 4.012, 4.011, 4.012, {}),
    ("510050.SH", "上证50ETF", 2.780, 2.785, 2.784, 2.785, {}),
    ("588000.SH", "科创50ETF", 1.050, 1.056, 1.055, 1.056, {}),
    ("159915.SZ", "创业板ETF", 2.150, 2.160, 2.159, 2.160, {"limit_ratio": 0.20}),
    ("162411.SZ", "华宝油气", 0.615, 0.618, 0.617, 0.618, {"t0": True}),
    ("511880.SH", "银华日利", 100.800, 100.806, 100.805, 100.806, {"t0": True}),
    ("113050.SH", "南银转债", 121.000, 121.350, 121.349, 121.350, {}),
    ("127045.SZ", "牧原转债", 118.500, 118.720, 118.719, 118.720, {}),
    ("019547.SH", "16国债19", 98.500, 98.560, 98.559, 98.560, {}),
    ("204001.SH", "GC001", 1.500, 1.510, 1.510, 1.515, {}),
    ("131810.SZ", "R-001", 1.480, 1.490, 1.490, 1.495, {}),
    ("900901.SH", "云赛B股", 0.560, 0.562, 0.561, 0.562, {}),
    ("200002.SZ", "万科B", 3.90, 3.92, 3.91, 3.92, {}),
)
"""The securities a market knows from the start, at fixed plausible prices."""
