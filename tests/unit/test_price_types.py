"""easytrader's ttype names, per market, as the vendor's price types."""

from __future__ import annotations

import pytest

from easytrader_qmt.errors import InvalidOrder
from easytrader_qmt.price_types import (
    DEFAULT_TTYPE,
    FIX_PRICE,
    LATEST_PRICE,
    MARKET_PRICE_TYPES,
    MARKET_TTYPES,
    market_price_type,
)

SHANGHAI = [
    ("对手方最优价格委托", 44),
    ("最优五档即时成交剩余撤销", 42),
    ("最优五档即时成交剩转限价", 43),
    ("本方最优价格委托", 45),
]
SHENZHEN = [
    ("对手方最优价格委托", 44),
    ("本方最优价格委托", 45),
    ("即时成交剩余撤销委托", 46),
    ("最优五档即时成交剩余撤销", 47),
    ("全额成交或撤销委托", 48),
]
ALL = (
    [("SH", *row) for row in SHANGHAI]
    + [("BJ", *row) for row in SHANGHAI]
    + [("SZ", *row) for row in SHENZHEN]
)


@pytest.mark.parametrize(("market", "ttype", "code"), ALL)
def test_documented_name(market: str, ttype: str, code: int) -> None:
    assert market_price_type(market, ttype) == code
    assert market_price_type(market, f" {ttype.removesuffix('委托')} ") == code
    assert market_price_type(market, ttype.removesuffix("委托") + "委托") == code
    assert market_price_type(market, ttype.replace("剩转限价", "剩余转限价")) == code
    assert code in MARKET_PRICE_TYPES


def test_the_document_names_nothing_else() -> None:
    assert [(market, *row) for market in ("SH", "BJ", "SZ") for row in MARKET_TTYPES[market].items()] == ALL


@pytest.mark.parametrize("market", ["SH", "SZ", "BJ"])
def test_default(market: str) -> None:
    assert market_price_type(market) == market_price_type(market, DEFAULT_TTYPE) == 44


@pytest.mark.parametrize(
    ("market", "ttype"),
    [
        ("SH", "全额成交或撤销委托"),
        ("SH", "即时成交剩余撤销委托"),
        ("BJ", "即时成交剩余撤销"),
        ("SZ", "最优五档即时成交剩转限价"),
        ("SZ", ""),
        ("SZ", "委托"),
        ("SH", "市价"),
        ("SH", 44),
        ("SH", ["对手方最优价格委托"]),
    ],
)
def test_refused_with_what_is_possible(market: str, ttype: object) -> None:
    with pytest.raises(InvalidOrder) as caught:
        market_price_type(market, ttype)
    assert caught.value.field == "ttype"
    assert all(name in str(caught.value) for name in MARKET_TTYPES[market])


def test_limit_price_types_are_no_market_orders() -> None:
    assert (LATEST_PRICE, FIX_PRICE) == (5, 11)
    assert not {LATEST_PRICE, FIX_PRICE} & MARKET_PRICE_TYPES
