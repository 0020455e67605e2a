"""Amounts and prices on every board: what is valid, what is refused, and what would be the nearest."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easytrader_qmt.boards import BOARDS, GENERIC_BOARDS, Board
from easytrader_qmt.errors import InvalidOrder
from easytrader_qmt.order_rules import checked_amount, price_on_tick
from easytrader_qmt.orders import limit_order
from easytrader_qmt.securities import RULES

MAIN, STAR, CHINEXT, BJ, ETF, BOND, REPO = (
    "600036",
    "688981",
    "300750",
    "920002",
    "510300",
    "113050",
    "204001",
)


def refused(field: str, *args: Any, **kwargs: Any) -> InvalidOrder:
    with pytest.raises(InvalidOrder) as caught:
        limit_order(*args, **kwargs)
    assert caught.value.field == field
    assert caught.value.sent is False
    assert caught.value.rule
    return caught.value


# --- amounts -----------------------------------------------------------------------------------

VALID = [
    (MAIN, "buy", 100, None),
    (MAIN, "buy", 1_000_000, None),
    (MAIN, "sell", 300, None),
    (MAIN, "sell", 50, 250),
    (MAIN, "sell", 150, 250),
    (MAIN, "sell", 250, 250),
    (MAIN, "sell", 200, 250),
    (MAIN, "sell", 7, 7),
    (STAR, "buy", 200, None),
    (STAR, "buy", 201, None),
    (STAR, "buy", 100_000, None),
    (STAR, "sell", 200, None),
    (STAR, "sell", 333, None),
    (STAR, "sell", 199, 199),
    (STAR, "sell", 1, 1),
    (CHINEXT, "buy", 300_000, None),
    (BJ, "buy", 100, None),
    (BJ, "buy", 101, None),
    (BJ, "sell", 99, 99),
    (ETF, "buy", 100, None),
    (BOND, "buy", 10, None),
    (BOND, "sell", 3, 13),
    (REPO, "sell", 10, None),
    ("700001.SH", "buy", 1, None),
    ("700001.SH", "sell", 2**31 - 1, None),
]


@pytest.mark.parametrize(("code", "action", "amount", "holding"), VALID)
def test_valid_amount(code: str, action: Any, amount: int, holding: int | None) -> None:
    order = limit_order(code, action, 5.0, amount, holding=holding)
    assert order.amount == amount
    assert type(order.amount) is int


INVALID = [
    (MAIN, "buy", 99, None, 100),
    (MAIN, "buy", 1, None, 100),
    (MAIN, "buy", 150, None, 100),
    (MAIN, "buy", 151, None, 200),
    (MAIN, "buy", 1_000_100, None, 1_000_000),
    (MAIN, "sell", 50, None, 100),
    (MAIN, "sell", 150, None, 100),
    (MAIN, "sell", 150, 300, 100),
    (MAIN, "sell", 60, 250, 50),
    (MAIN, "sell", 149, 250, 150),
    (MAIN, "sell", 350, 250, 250),
    (MAIN, "sell", 50, 0, None),
    (MAIN, "sell", 8, 7, 7),
    (STAR, "buy", 199, None, 200),
    (STAR, "buy", 100_001, None, 100_000),
    (STAR, "sell", 199, None, 200),
    (STAR, "sell", 50, 250, 200),
    (STAR, "sell", 100, 150, 150),
    (STAR, "sell", 199, 198, 198),
    (CHINEXT, "buy", 300_100, None, 300_000),
    (BJ, "buy", 99, None, 100),
    (BJ, "sell", 99, 100, 100),
    (ETF, "buy", 110, None, 100),
    (BOND, "buy", 15, None, 10),
    (BOND, "buy", 16, None, 20),
    (REPO, "sell", 15, 15, 10),
]


@pytest.mark.parametrize(("code", "action", "amount", "holding", "nearest"), INVALID)
def test_invalid_amount(
    code: str, action: Any, amount: int, holding: int | None, nearest: int | None
) -> None:
    error = refused("amount", code, action, 5.0, amount, holding=holding)
    assert (error.value, error.nearest) == (amount, nearest)
    assert str(amount) in str(error)


def test_unknown_holding_is_said() -> None:
    assert "可卖数量未知" in str(refused("amount", MAIN, "sell", 5.0, 50))
    assert "可卖数量未知" not in str(refused("amount", MAIN, "sell", 5.0, 50, holding=300))


def test_a_buy_does_not_look_at_the_holding() -> None:
    refused("amount", MAIN, "buy", 5.0, 50, holding=50)


@pytest.mark.parametrize(
    "amount", [100.0, np.int64(100), np.int32(100), np.float64(100), Decimal(100), Fraction(100)]
)
def test_whole_numbers_of_other_types(amount: Any) -> None:
    order = limit_order(MAIN, "buy", 5.0, amount)
    assert type(order.amount) is int
    assert order.amount == 100


NO_AMOUNTS = [
    True,
    np.bool_(True),
    None,
    "100",
    b"100",
    [100],
    100.5,
    0,
    -100,
    0.0,
    float("nan"),
    float("inf"),
    np.float64("nan"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("100.5"),
    Decimal("1e999999"),
    2**31,
    10**400,
    1e300,
    100j,
]


@pytest.mark.parametrize("amount", NO_AMOUNTS)
def test_no_amount(amount: Any) -> None:
    assert refused("amount", MAIN, "buy", 5.0, amount).value is amount
    refused("amount", "700001.SH", "sell", 5.0, amount)


@pytest.mark.parametrize("holding", [True, "50", 50.5, -1, float("nan")])
def test_no_holding(holding: Any) -> None:
    refused("holding", MAIN, "sell", 5.0, 50, holding=holding)


@settings(print_blob=True)
@given(
    st.sampled_from(BOARDS + GENERIC_BOARDS),
    st.sampled_from(["buy", "sell"]),
    st.integers(1, 1_200_000) | st.integers(1, 500),
    st.none() | st.integers(0, 1000) | st.integers(0, 2_000_000),
)
def test_the_nearest_amount_is_valid_and_no_other_is_nearer(
    board: Board, action: Any, amount: int, holding: int | None
) -> None:
    most = board.max_limit_volume
    try:
        assert checked_amount(amount, board, action, holding, most) == amount
    except InvalidOrder as error:
        nearest = error.nearest
        if nearest is None:
            assert action == "sell"
            return
        assert isinstance(nearest, int)
        assert checked_amount(nearest, board, action, holding, most) == nearest
        distance = min(abs(amount - nearest), 300)
        for other in range(max(1, amount - distance + 1), amount + distance):
            if holding is None or action == "buy" or other <= holding:
                with pytest.raises(InvalidOrder):
                    checked_amount(other, board, action, holding, most)


# --- prices ------------------------------------------------------------------------------------

ROUNDED = [
    (MAIN, 35.5, 35.5),
    (MAIN, 35, 35.0),
    (MAIN, 35.503, 35.5),
    (MAIN, 35.507, 35.51),
    (MAIN, 35.505, 35.51),
    (MAIN, 10.005, 10.01),
    (MAIN, 1.115, 1.12),
    (MAIN, 0.1 + 0.2, 0.3),
    (MAIN, 35.49999999999999, 35.5),
    (MAIN, 0.005, 0.01),
    (MAIN, Decimal("35.505"), 35.51),
    (MAIN, Decimal("35.50499999999999999999999999999999999"), 35.5),
    (MAIN, np.float64(35.5), 35.5),
    (MAIN, np.float64(35.507), 35.51),
    (MAIN, np.float32(35.1), 35.1),
    (MAIN, np.int64(35), 35.0),
    (MAIN, Fraction(71, 2), 35.5),
    (MAIN, Fraction(1, 3), 0.33),
    (MAIN, 123456789.015, 123456789.02),
    (ETF, 0.6185, 0.619),
    (ETF, 3.999, 3.999),
    (BOND, 123.4564, 123.456),
    (REPO, 1.503, 1.505),
    (REPO, 1.5025, 1.505),
    (REPO, 1.502, 1.5),
    ("900901", 0.5126, 0.513),
]


@pytest.mark.parametrize(("code", "price", "sent"), ROUNDED)
def test_nearest_price(code: str, price: Any, sent: float) -> None:
    order = limit_order(code, "sell", price, 100)
    assert order.price == sent
    assert type(order.price) is float


@pytest.mark.parametrize(("code", "price", "sent"), ROUNDED)
def test_strict_price(code: str, price: Any, sent: float) -> None:
    if float(str(price)) == sent if not isinstance(price, Fraction) else price == Fraction(str(sent)):
        assert limit_order(code, "sell", price, 100, price_rounding="strict").price == sent
    else:
        error = refused("price", code, "sell", price, 100, price_rounding="strict")
        assert (error.value, error.nearest) == (price, sent)


NO_PRICES = [
    True,
    np.bool_(True),
    None,
    "35.5",
    [35.5],
    0,
    0.0,
    -0.0,
    -35.5,
    float("nan"),
    float("inf"),
    float("-inf"),
    np.float32("nan"),
    np.float64("inf"),
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("Infinity"),
    Decimal("1e999999"),
    Decimal("1e-999999"),
    Decimal(0),
    10**400,
    1e9,
    5e-324,
    35j,
]


@pytest.mark.parametrize("rounding", ["nearest", "strict"])
@pytest.mark.parametrize("price", NO_PRICES)
def test_no_price(price: Any, rounding: Any) -> None:
    assert refused("price", MAIN, "buy", price, 100, price_rounding=rounding).value is price


def test_a_price_below_half_a_tick() -> None:
    assert refused("price", MAIN, "buy", 0.0049, 100).nearest == 0.01


@pytest.mark.parametrize("price", [35.5, 35.503])
def test_unknown_rounding(price: float) -> None:
    refused("price_rounding", MAIN, "buy", price, 100, price_rounding="up")


def test_a_tick_that_is_no_part_of_a_yuan() -> None:
    special = RULES.override("600036", tick="0.03")
    assert limit_order("600036", "buy", 0.05, 100, rules=special).price == 0.06
    assert limit_order("600036", "buy", 0.06, 100, rules=special, price_rounding="strict").price == 0.06


every_board = st.sampled_from(BOARDS + GENERIC_BOARDS)
prices = st.one_of(
    st.floats(0.001, 5000),
    st.floats(0.001, 999_999_999),
    st.decimals("0.001", "99999", places=5),
    st.integers(1, 9999),
)


@settings(print_blob=True)
@given(every_board, prices)
def test_a_price_is_moved_to_a_tick_by_half_of_one_at_most(board: Board, price: Any) -> None:
    asked = Decimal(str(price))
    if asked < board.tick / 2:
        with pytest.raises(InvalidOrder) as caught:
            price_on_tick(price, board)
        assert caught.value.nearest == float(board.tick)
        return
    sent = price_on_tick(price, board)
    exact = Decimal(str(sent))
    assert exact % board.tick == 0
    assert abs(exact - asked) * 2 <= board.tick
    assert float(str(exact)) == sent
    # What was sent is its own nearest, and strict agrees.
    assert price_on_tick(sent, board, "strict") == sent


@settings(print_blob=True)
@given(every_board, st.integers(1, 10_000_000))
def test_every_tick_is_sent_exactly(board: Board, ticks: int) -> None:
    exact = ticks * board.tick
    assert price_on_tick(float(str(exact)), board, "strict") == float(str(exact))
    assert price_on_tick(exact, board, "strict") == float(str(exact))
