"""What is sent as price type: the vendor's numbers, and easytrader's names for market orders.

Rows and one look-up: it never sees a price and never sends anything. What a counter *returns* as price type
is another code (see `easytrader_qmt.miniqmt.names`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from easytrader_qmt.errors import InvalidOrder, shown

__all__ = [
    "COUNTERPARTY_BEST",
    "DEFAULT_TTYPE",
    "FIX_PRICE",
    "LATEST_PRICE",
    "MARKET_PRICE_TYPES",
    "MARKET_TTYPES",
    "NEEDS_PROTECT_PRICE",
    "OWN_SIDE_BEST",
    "SH_BEST_5_CANCEL",
    "SH_BEST_5_LIMIT",
    "SZ_BEST_5_CANCEL",
    "SZ_FILL_OR_KILL",
    "SZ_IMMEDIATE_CANCEL",
    "market_price_type",
]

LATEST_PRICE = 5
FIX_PRICE = 11
SH_BEST_5_CANCEL = 42
SH_BEST_5_LIMIT = 43
COUNTERPARTY_BEST = 44
OWN_SIDE_BEST = 45
SZ_IMMEDIATE_CANCEL = 46
SZ_BEST_5_CANCEL = 47
SZ_FILL_OR_KILL = 48

MARKET_PRICE_TYPES = frozenset(range(SH_BEST_5_CANCEL, SZ_FILL_OR_KILL + 1))
"""The price types that are market orders."""

NEEDS_PROTECT_PRICE = frozenset({"SH", "BJ"})
"""Markets whose market orders carry a worst acceptable price; 0 is refused or unsafe there."""

DEFAULT_TTYPE = "对手方最优价格委托"

_SHANGHAI: Mapping[str, int] = MappingProxyType(
    {
        "对手方最优价格委托": COUNTERPARTY_BEST,
        "最优五档即时成交剩余撤销": SH_BEST_5_CANCEL,
        "最优五档即时成交剩转限价": SH_BEST_5_LIMIT,
        "本方最优价格委托": OWN_SIDE_BEST,
    }
)
_SHENZHEN: Mapping[str, int] = MappingProxyType(
    {
        "对手方最优价格委托": COUNTERPARTY_BEST,
        "本方最优价格委托": OWN_SIDE_BEST,
        "即时成交剩余撤销委托": SZ_IMMEDIATE_CANCEL,
        "最优五档即时成交剩余撤销": SZ_BEST_5_CANCEL,
        "全额成交或撤销委托": SZ_FILL_OR_KILL,
    }
)
MARKET_TTYPES: Mapping[str, Mapping[str, int]] = MappingProxyType(
    {"SH": _SHANGHAI, "SZ": _SHENZHEN, "BJ": _SHANGHAI}
)
"""easytrader's documented ``ttype`` names by market, with the price type each one is sent as."""


def _plain(ttype: str) -> str:
    """One spelling for the several in use: without 委托, and with 剩余转限价 in full."""
    return ttype.strip().removesuffix("委托").replace("剩转限价", "剩余转限价")


_SPELLINGS = {
    market: {spelling: code for name, code in table.items() for spelling in (name, _plain(name))}
    for market, table in MARKET_TTYPES.items()
}


def market_price_type(market: str, ttype: object = None) -> int:
    """The price type to send for a market order; None means 对手方最优价格委托.

    Accepts the documented names with or without 委托, and 剩余转限价 for 剩转限价. Raises InvalidOrder
    (field ``ttype``), listing what the market has, for anything else.
    """
    if ttype is None:
        return COUNTERPARTY_BEST
    known = _SPELLINGS[market]
    if isinstance(ttype, str):
        code = known.get(ttype) or known.get(_plain(ttype))
        if code is not None:
            return code
    possible = "、".join(MARKET_TTYPES[market])
    raise InvalidOrder(
        f"{market} 市场没有市价委托类型 {shown(ttype)}，可选: {possible}",
        field="ttype",
        value=ttype,
        rule=f"可选: {possible}",
        nearest=DEFAULT_TTYPE,
    )
