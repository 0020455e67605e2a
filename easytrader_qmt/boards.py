"""The exchanges' trading rules by board, as plain rows: lots, steps, ticks, limits.

Rows only: it never reads a code, never asks a quote source and never decides about an order. What the code
alone cannot tell (ST, new listings, price cages, the 20 % funds of Shenzhen) is not here; it comes from a
quote source, or from a user's own row (see `easytrader_qmt.securities.Rules`).

Source: the trading rules of the Shanghai, Shenzhen and Beijing stock exchanges.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Literal

from easytrader_qmt.errors import InvalidArgument

__all__ = ["BOARDS", "GENERIC_BOARDS", "MARKET_IDS", "Board", "Kind", "Market"]

Market = Literal["SH", "SZ", "BJ"]
Kind = Literal["stock", "fund", "convertible", "bond", "repo", "b_share", "other"]

MARKET_IDS: MappingProxyType[str, int] = MappingProxyType({"SH": 0, "SZ": 1, "BJ": 70})
"""The vendor's numbers of the markets, as needed to cancel by the counter's own order number."""

_UNITS = {"fund": "份", "convertible": "张", "bond": "张", "repo": "张"}


@dataclass(frozen=True, slots=True)
class Board:
    """The rules that a code's prefix decides. Volumes are in shares (units, pieces), prices in yuan.

    ``min_buy`` and ``step``: a buy is ``min_buy`` plus whole steps. ``day_limit`` is a ratio of the last
    close; None: none, or not known from the code. ``max_limit_volume`` and ``max_market_volume`` bound one
    order; None: no bound. ``odd_lot_sale``: what is left below a lot may be sold, all at once.

    Raises InvalidArgument for a row that cannot be right.
    """

    name: str
    kind: Kind
    market: Market
    prefixes: tuple[str, ...]
    min_buy: int = 100
    step: int = 100
    tick: Decimal = Decimal("0.01")
    day_limit: Decimal | None = Decimal("0.1")
    max_limit_volume: int | None = 1_000_000
    max_market_volume: int | None = 1_000_000
    t0: bool = False
    odd_lot_sale: bool = True
    ticks_per_yuan: int = field(init=False, repr=False, compare=False)
    """How many ticks make one yuan; 0 where that is no whole number."""

    def __post_init__(self) -> None:
        if self.market not in MARKET_IDS:
            raise InvalidArgument(f"板块 {self.name}: 市场只能是 SH、SZ、BJ，收到 {self.market!r}")
        for key, number in (("min_buy", self.min_buy), ("step", self.step)):
            if type(number) is not int or number < 1:
                raise InvalidArgument(f"板块 {self.name}: {key} 必须是正整数，收到 {number!r}")
        for key, most in (
            ("max_limit_volume", self.max_limit_volume),
            ("max_market_volume", self.max_market_volume),
        ):
            if most is not None and (type(most) is not int or most < self.min_buy):
                raise InvalidArgument(f"板块 {self.name}: {key} 必须是不小于 min_buy 的整数，收到 {most!r}")
        if not isinstance(self.tick, Decimal) or not self.tick.is_finite() or self.tick <= 0:
            raise InvalidArgument(f"板块 {self.name}: tick 必须是正的 Decimal，收到 {self.tick!r}")
        numerator, denominator = self.tick.as_integer_ratio()
        object.__setattr__(self, "ticks_per_yuan", denominator if numerator == 1 else 0)

    @property
    def unit(self) -> str:
        """The Chinese word for one of it: 股, 份 or 张."""
        return _UNITS.get(self.kind, "股")


_MILLE = Decimal("0.001")
_TWENTY_PERCENT = Decimal("0.2")

BOARDS: tuple[Board, ...] = (
    Board("上海主板", "stock", "SH", ("600", "601", "603", "605")),
    Board(
        "科创板",
        "stock",
        "SH",
        ("688", "689"),
        min_buy=200,
        step=1,
        day_limit=_TWENTY_PERCENT,
        max_limit_volume=100_000,
        max_market_volume=50_000,
    ),
    Board("深圳主板", "stock", "SZ", ("000", "001", "002", "003")),
    Board(
        "创业板",
        "stock",
        "SZ",
        ("300", "301", "302"),
        day_limit=_TWENTY_PERCENT,
        max_limit_volume=300_000,
        max_market_volume=150_000,
    ),
    # 43, 83, 87 and 88 are the numbers from before October 2025; history still shows them.
    Board("北交所", "stock", "BJ", ("920", "43", "83", "87", "88"), step=1, day_limit=Decimal("0.3")),
    Board("上海基金", "fund", "SH", ("50", "51", "52", "53", "55", "56", "58"), tick=_MILLE),
    # Bond and money funds, cross-border funds, gold: the segments that may be sold on the day of purchase.
    Board("上海T+0基金", "fund", "SH", ("511", "513", "518"), tick=_MILLE, t0=True),
    Board("科创板基金", "fund", "SH", ("588", "589"), tick=_MILLE, day_limit=_TWENTY_PERCENT),
    # Shenzhen mixes 10 % and 20 % funds, T+1 and T+0, under 159: the common case stands here.
    Board("深圳基金", "fund", "SZ", ("15", "16", "18"), tick=_MILLE),
    Board(
        "上海可转债",
        "convertible",
        "SH",
        ("110", "111", "113", "118"),
        min_buy=10,
        step=10,
        tick=_MILLE,
        day_limit=_TWENTY_PERCENT,
        t0=True,
    ),
    Board(
        "深圳可转债",
        "convertible",
        "SZ",
        ("123", "127", "128"),
        min_buy=10,
        step=10,
        tick=_MILLE,
        day_limit=_TWENTY_PERCENT,
        t0=True,
    ),
    # 163 is shared: Shanghai's corporate bonds and Shenzhen's listed open funds (163402) both begin with it.
    # Bare it means Shanghai; `securities.shared_prefix` lets a caller warn.
    Board(
        "上海债券",
        "bond",
        "SH",
        ("115", "122", "136", "143", "155", "163", "175", "185", "188", "240", "010", "018", "019", "020"),
        min_buy=10,
        step=10,
        tick=_MILLE,
        day_limit=None,
        t0=True,
    ),
    Board(
        "上海国债逆回购",
        "repo",
        "SH",
        ("204",),
        min_buy=10,
        step=10,
        tick=Decimal("0.005"),
        day_limit=None,
        odd_lot_sale=False,
    ),
    Board(
        "深圳国债逆回购",
        "repo",
        "SZ",
        ("1318",),
        min_buy=10,
        step=10,
        tick=Decimal("0.005"),
        day_limit=None,
        odd_lot_sale=False,
    ),
    Board("上海B股", "b_share", "SH", ("900",), tick=_MILLE),
    Board("深圳B股", "b_share", "SZ", ("200",)),
)
"""The default rows. Rules change: `Rules.replace` and `Rules.override` put other ones in their place."""


def _generic(name: str, market: Market) -> Board:
    return Board(
        name,
        "other",
        market,
        ("",),
        min_buy=1,
        step=1,
        tick=_MILLE,
        day_limit=None,
        max_limit_volume=None,
        max_market_volume=None,
        t0=True,
    )


GENERIC_BOARDS: tuple[Board, ...] = (
    _generic("上海其他", "SH"),
    _generic("深圳其他", "SZ"),
    _generic("北京其他", "BJ"),
)
"""For a code whose exchange was named but whose prefix no row knows: the counter judges it, not we."""
