"""Orders checked once: sides, limits of the day, market orders, texts."""

from __future__ import annotations

from typing import Any

import pytest

from easytrader_qmt.errors import InvalidOrder
from easytrader_qmt.orders import OrderRequest, limit_order, market_order
from easytrader_qmt.securities import RULES, parse

MAIN, STAR, CHINEXT, BJ, REPO = "600036", "688981", "300750", "920002", "204001"


def refused(field: str, *args: Any, order: Any = limit_order, **kwargs: Any) -> InvalidOrder:
    with pytest.raises(InvalidOrder) as caught:
        order(*args, **kwargs)
    assert caught.value.field == field
    assert caught.value.sent is False
    assert caught.value.rule
    return caught.value


# --- the request -------------------------------------------------------------------------------


def test_limit_order() -> None:
    order = limit_order("sh600036", "buy", 35.5, 100, strategy_name="网格", remark="r", client_order_id="a-1")
    assert order == OrderRequest(parse("600036"), "buy", 23, 11, 35.5, 100, "网格", "r", "a-1")
    assert (order.stock_code, order.is_market, order.notional) == ("600036.SH", False, 3550.0)


def test_sell_and_margin_order_types() -> None:
    assert limit_order(MAIN, "sell", 35.5, 100).order_type == 24
    assert limit_order(MAIN, "buy", 35.5, 100, order_type=27).order_type == 27
    assert limit_order(MAIN, "sell", 35.5, 100, order_type=31).order_type == 31
    assert limit_order(MAIN, "buy", 35.5, 100, order_type=99).order_type == 99


@pytest.mark.parametrize(
    ("action", "code"), [("buy", 24), ("buy", 28), ("sell", 27), ("buy", "27"), ("buy", True)]
)
def test_order_type_against_the_action(action: Any, code: Any) -> None:
    assert refused("order_type", MAIN, action, 35.5, 100, order_type=code).value is code


@pytest.mark.parametrize("action", ["", "BUY", "买入", None, 23, ["buy"]])
def test_action(action: Any) -> None:
    refused("action", MAIN, action, 35.5, 100)


def test_notional() -> None:
    assert limit_order(REPO, "sell", 1.505, 10).notional == 1000.0
    assert market_order("000001", "buy", 100).notional is None
    assert market_order("000001", "buy", 100, protect_price=10).notional == 1000.0
    for b_share in ("900901", "200002"):
        assert limit_order(b_share, "buy", 0.56, 100).notional is None, "its price is in dollars"


def test_only_shenzhen_knows_no_protect_price() -> None:
    for code, unprotected in (
        (MAIN, False),
        (BJ, False),
        ("000001", True),
        (CHINEXT, True),
        ("200002", True),
    ):
        assert market_order(code, "buy", 200, protect_price=10).is_unprotected is unprotected
        assert limit_order(code, "buy", 10, 200).is_unprotected is False


def test_security_is_checked_and_rules_are_used() -> None:
    refused("security", "777777", "buy", 1.0, 100)
    special = RULES.override("600036", min_buy=1, step=1)
    assert limit_order("600036", "buy", 35.5, 1, rules=special).amount == 1
    assert limit_order(special.parse("600036"), "buy", 35.5, 1).amount == 1
    refused("amount", "600036", "buy", 35.5, 1)


def test_suspended() -> None:
    assert "停牌" in str(refused("security", MAIN, "buy", 35.5, 100, suspended=True))
    refused("security", MAIN, "buy", 100, order=market_order, protect_price=36.0, suspended=True)
    assert limit_order(MAIN, "buy", 35.5, 100, suspended=False).amount == 100


# --- limits of the day -------------------------------------------------------------------------


def test_limits() -> None:
    assert limit_order(MAIN, "buy", 38.5, 100, limits=(31.5, 38.5)).price == 38.5
    assert limit_order(MAIN, "buy", 31.5, 100, limits=(31.5, 38.5)).price == 31.5
    above = refused("price", MAIN, "buy", 38.51, 100, limits=(31.5, 38.5))
    assert (above.nearest, "涨停价" in str(above)) == (38.5, True)
    below = refused("price", MAIN, "sell", 31.49, 100, limits=(31.5, 38.5))
    assert (below.nearest, "跌停价" in str(below)) == (31.5, True)


@pytest.mark.parametrize("unknown", [None, 0, 0.0, float("nan"), float("inf"), 1.7976931348623157e308])
def test_a_limit_that_is_not_known_is_not_checked(unknown: Any) -> None:
    assert limit_order(MAIN, "buy", 99.0, 100, limits=(31.5, unknown)).price == 99.0
    assert limit_order(MAIN, "sell", 1.0, 100, limits=(unknown, 38.5)).price == 1.0
    refused("protect_price", MAIN, "buy", 100, order=market_order, limits=(31.5, unknown))


def test_float_noise_in_a_limit_does_not_refuse_the_limit() -> None:
    assert limit_order(MAIN, "buy", 38.5, 100, limits=(31.5, 38.49999999999999)).price == 38.5


# --- market orders -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "ttype", "price_type"),
    [
        (MAIN, None, 44),
        (MAIN, "最优五档即时成交剩余撤销", 42),
        (MAIN, "最优五档即时成交剩转限价", 43),
        (BJ, "本方最优价格委托", 45),
        ("000001", None, 44),
        ("000001", "即时成交剩余撤销委托", 46),
        ("000001", "最优五档即时成交剩余撤销", 47),
        ("000001", "全额成交或撤销委托", 48),
    ],
)
def test_market_order(code: str, ttype: str | None, price_type: int) -> None:
    order = market_order(code, "buy", 200, ttype, limits=(9.0, 11.0))
    assert (order.price_type, order.is_market) == (price_type, True)
    assert order.price == (0.0 if code == "000001" else 11.0)


def test_protect_price() -> None:
    assert market_order(MAIN, "sell", 100, limits=(9.0, 11.0)).price == 9.0
    assert market_order(MAIN, "buy", 100, protect_price=10.004).price == 10.0
    assert market_order(MAIN, "buy", 100, protect_price=10, limits=(9.0, 11.0)).price == 10.0
    assert market_order("000001", "buy", 100, protect_price=10.1).price == 10.1
    assert "protect_price" in str(refused("protect_price", MAIN, "buy", 100, order=market_order))
    refused("protect_price", BJ, "sell", 100, order=market_order, limits=(None, 11.0))
    refused("protect_price", MAIN, "buy", 100, order=market_order, protect_price=0)
    refused("protect_price", "000001", "buy", 100, order=market_order, protect_price=float("nan"))
    outside = refused(
        "protect_price", MAIN, "buy", 100, order=market_order, protect_price=12.0, limits=(9.0, 11.0)
    )
    assert outside.nearest == 11.0
    strict = refused(
        "protect_price", MAIN, "buy", 100, order=market_order, protect_price=10.004, price_rounding="strict"
    )
    assert strict.nearest == 10.0


@pytest.mark.parametrize(("code", "most"), [(STAR, 50_000), (CHINEXT, 150_000), (MAIN, 1_000_000)])
def test_most_in_a_market_order(code: str, most: int) -> None:
    assert market_order(code, "buy", most, protect_price=10.0).amount == most
    assert refused("amount", code, "buy", most + 100, order=market_order, protect_price=10.0).nearest == most


def test_market_order_takes_the_same_texts_and_holding() -> None:
    order = market_order(
        "000001", "sell", 50, holding=150, strategy_name="s", remark="r", client_order_id="c", order_type=31
    )
    assert (order.amount, order.strategy_name, order.remark, order.client_order_id) == (50, "s", "r", "c")
    assert order.order_type == 31
    refused("ttype", "000001", "sell", 100, "市价", order=market_order)


# --- texts -------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["strategy_name", "remark"])
@pytest.mark.parametrize("text", ["", "a" * 23, "网格策略网格策", "策 略~1", "\u3000"])
def test_text(field: str, text: str) -> None:
    assert getattr(limit_order(MAIN, "buy", 5.0, 100, **{field: text}), field) == text  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["strategy_name", "remark"])
def test_no_text_is_empty(field: str) -> None:
    assert getattr(limit_order(MAIN, "buy", 5.0, 100, **{field: None}), field) == ""  # type: ignore[arg-type]


@pytest.mark.parametrize("field", ["strategy_name", "remark"])
@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("a" * 24, "a" * 23),
        ("网格策略网格策略", "网格策略网格策"),
        ("a\nb", None),
        ("\x00", None),
        ("\x7f", None),
        ("\ud800", None),
        ("a\u2028b", None),
        (b"a", None),
        (1, None),
        (0, None),
        (False, None),
        ([], None),
    ],
)
def test_refused_text(field: str, text: Any, nearest: str | None) -> None:
    error = refused(field, MAIN, "buy", 5.0, 100, **{field: text})
    assert error.nearest == nearest
    if nearest is not None:
        assert "24 字节" in str(error)


def test_client_order_id() -> None:
    assert limit_order(MAIN, "buy", 5.0, 100).client_order_id is None
    for good in ("a", "x" * 64, "单号-1"):
        assert limit_order(MAIN, "buy", 5.0, 100, client_order_id=good).client_order_id == good
    bad: Any
    for bad in ("", "x" * 65, "a\tb", "\ud800", 1, b"a"):
        error = refused("client_order_id", MAIN, "buy", 5.0, 100, client_order_id=bad)
        assert error.value is bad
        assert "必须是 1 到 64 个字符的字符串，且不含控制字符，收到 " in str(error)
