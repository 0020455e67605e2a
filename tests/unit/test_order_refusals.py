"""What an order that is refused here says: the board's own rule, and the nearest value that would do."""

from __future__ import annotations

import threading
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easytrader_qmt.boards import BOARDS, GENERIC_BOARDS, Board
from easytrader_qmt.errors import InvalidArgument, InvalidOrder
from easytrader_qmt.miniqmt.policy import LONGEST_WAIT, seconds
from easytrader_qmt.order_rules import checked_amount, price_on_tick, whole_number
from easytrader_qmt.orders import limit_order
from easytrader_qmt.securities import RULES

MAIN, STAR, BJ, BOND = RULES["上海主板"], RULES["科创板"], RULES["北交所"], RULES["上海可转债"]
OTHER = GENERIC_BOARDS[0]


def refused(amount: Any, board: Board, action: Any = "buy", holding: Any = None) -> InvalidOrder:
    with pytest.raises(InvalidOrder) as caught:
        checked_amount(amount, board, action, holding, board.max_limit_volume)
    error = caught.value
    assert (error.field, error.sent) == ("amount", False)
    assert error.value is amount
    assert error.rule in str(error)
    assert board.name in error.rule
    assert error.nearest is None or f"最近的有效数量是 {error.nearest}" in str(error)
    return error


AMOUNTS = [
    (100.7, 100),
    (149.9, 100),
    (150.1, 200),
    (Decimal("150.1"), 200),
    (Fraction(301, 2), 200),
    (np.float32(100.5), 100),
    (0.5, 100),
    (0, 100),
    (0.0, 100),
    (-100, 100),
    (-1e300, 100),
    (Decimal("-1e999999"), 100),
    (Decimal("1e-999999"), 100),
    (2**31, 1_000_000),
    (1e300, 1_000_000),
    (10**400, 1_000_000),
    (Decimal("1e999999"), 1_000_000),
    (999_999.5, 1_000_000),
    (1_000_000.5, 1_000_000),
]


@pytest.mark.parametrize(("amount", "nearest"), AMOUNTS)
def test_a_number_that_is_no_amount_has_a_nearest(amount: Any, nearest: int) -> None:
    assert refused(amount, MAIN).nearest == nearest


@pytest.mark.parametrize(
    ("board", "amount", "nearest", "rule"),
    [
        (MAIN, 100.7, 100, "上海主板每笔至少 100 股，按 100 股递增，单笔最多 1000000 股"),
        (MAIN, 2**31, 1_000_000, "上海主板单笔最多 1000000 股"),
        (STAR, 200.7, 201, "科创板每笔至少 200 股，按 1 股递增，单笔最多 100000 股"),
        (STAR, 2**31, 100_000, "科创板单笔最多 100000 股"),
        (BJ, 0, 100, "北交所每笔至少 100 股，按 1 股递增，单笔最多 1000000 股"),
        (BOND, -1, 10, "上海可转债每笔至少 10 张，按 10 张递增，单笔最多 1000000 张"),
        (OTHER, 0, 1, "上海其他每笔至少 1 股，按 1 股递增，单笔最多 2147483647 股"),
        (OTHER, 2**31, 2**31 - 1, "上海其他单笔最多 2147483647 股"),
    ],
)
def test_the_rule_is_the_boards(board: Board, amount: Any, nearest: int, rule: str) -> None:
    error = refused(amount, board)
    assert (error.nearest, error.rule) == (nearest, rule)


@pytest.mark.parametrize(
    ("amount", "holding", "nearest"),
    [(0, None, 100), (0, 250, 50), (-5, 250, 50), (149.5, 250, 150), (2**31, 250, 250), (0.5, 0, None)],
)
def test_a_sale_goes_by_what_is_held(amount: Any, holding: int | None, nearest: int | None) -> None:
    assert refused(amount, MAIN, "sell", holding).nearest == nearest


@pytest.mark.parametrize(
    "amount", [True, None, "100", [100], float("nan"), float("inf"), Decimal("sNaN"), 1j]
)
def test_what_is_no_number_has_no_nearest(amount: Any) -> None:
    error = refused(amount, MAIN)
    assert error.nearest is None
    assert error.rule.startswith("必须是整数，上海主板每笔至少 100 股")
    assert type(amount).__name__ in str(error)


@settings(print_blob=True)
@given(
    st.sampled_from(BOARDS + GENERIC_BOARDS),
    st.sampled_from(["buy", "sell"]),
    st.floats(-1e12, 1e12) | st.floats(-10, 2_000_000) | st.integers(-(10**12), 10**12),
    st.none() | st.integers(0, 1000),
)
def test_a_nearest_amount_is_valid(board: Board, action: Any, amount: float, holding: int | None) -> None:
    most = board.max_limit_volume
    nearest: Any = None
    try:
        assert checked_amount(amount, board, action, holding, most) == amount
        return
    except InvalidOrder as error:
        nearest = error.nearest
    if nearest is None:
        assert (action, holding is None) == ("sell", False)
    else:
        assert type(nearest) is int
        assert checked_amount(nearest, board, action, holding, most) == nearest


@pytest.mark.parametrize(("number", "nearest"), [(0, 1), (2.5, 2), (-7, 1), (2**31, 2**31 - 1), ("5", None)])
def test_a_whole_number_of_no_board(number: Any, nearest: int | None) -> None:
    with pytest.raises(InvalidOrder) as caught:
        whole_number(number, "amount", "数量", 1)
    assert (caught.value.nearest, caught.value.value) == (nearest, number)


# --- prices --------------------------------------------------------------------------------------


@pytest.mark.parametrize("rounding", ["nearest", "strict"])
@pytest.mark.parametrize(
    "price",
    [0, 0.0, -0.0, -35.5, -(10**400), 5e-324, Decimal("1e-999999"), Decimal("-1e999999"), Fraction(-1, 3)],
)
@pytest.mark.parametrize("board", [MAIN, BOND])
def test_a_price_that_is_not_above_zero(price: Any, rounding: Any, board: Board) -> None:
    with pytest.raises(InvalidOrder) as caught:
        price_on_tick(price, board, rounding)
    error, tick = caught.value, float(board.tick)
    assert (error.field, error.nearest, error.sent) == ("price", tick, False)
    assert error.value is price
    assert error.rule == f"必须大于 0，{board.name}的最小价位是 {board.tick} 元"
    assert error.rule in str(error)
    assert f"最近的有效价格是 {tick}" in str(error)
    assert price_on_tick(error.nearest, board, rounding) == tick


@pytest.mark.parametrize("price", [1e9, 10**400, float("nan"), float("inf"), "35.5", True, None])
def test_a_price_without_a_nearest(price: Any) -> None:
    with pytest.raises(InvalidOrder) as caught:
        price_on_tick(price, MAIN)
    assert caught.value.nearest is None


@pytest.mark.parametrize(
    ("price", "nearest", "side"), [(38.51, 38.5, "高于涨停价"), (31.0, 31.5, "低于跌停价")]
)
def test_a_price_outside_the_days_limits_says_what_to_do(price: float, nearest: float, side: str) -> None:
    with pytest.raises(InvalidOrder) as caught:
        limit_order("600036", "buy", price, 100, limits=(31.5, 38.5))
    text = str(caught.value)
    assert caught.value.nearest == nearest
    for piece in (side, f"最近的有效价格是 {nearest}", "没有发送", "重新下单"):
        assert piece in text


# --- seconds -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), 1e9, 1e12, 10**400, -0.001, "x", True, None, 1j]
)
def test_no_seconds(value: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"x=.*秒数"):
        seconds("x", value)


def test_seconds_never_overflow_a_wait() -> None:
    assert (seconds("x", 0), seconds("x", 2.5), seconds("x", 999_999_999)) == (0.0, 2.5, LONGEST_WAIT)
    # A lock on Windows waits for 2 ** 32 milliseconds at most, and two waits may be added up.
    assert min(threading.TIMEOUT_MAX, 2**32 / 1000) > 2 * LONGEST_WAIT
