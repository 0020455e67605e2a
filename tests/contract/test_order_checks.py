"""What an order must be like before it leaves: nothing malformed reaches the counter, and the error helps."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidOrder
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.seam import Seam

NewUser = Callable[..., SimTrader]

# Board by board: a code, a good price, good amounts, then bad amounts with the nearest good one.
BOARDS = [
    ("600036.SH", 35.5, [100, 300, 1_000_000], [(1, 100), (150, 100), (199, 200), (1_000_100, 1_000_000)]),
    ("688981.SH", 88.6, [200, 201, 100_000], [(199, 200), (100, 200), (100_001, 100_000)]),
    ("000001.SZ", 11.36, [100, 1_000_000], [(99, 100), (250, 200), (2_000_000, 1_000_000)]),
    ("300750.SZ", 267.3, [100, 300_000], [(50, 100), (300_100, 300_000)]),
    ("430047.BJ", 14.5, [100, 101, 1_000_000], [(99, 100), (1, 100)]),
    ("920819.BJ", 20.0, [100, 155], [(99, 100)]),
    ("510300.SH", 4.012, [100, 1_000_000], [(10, 100), (101, 100)]),
    ("159915.SZ", 2.1, [100], [(199, 200)]),
    ("588000.SH", 1.05, [100], [(50, 100)]),
    ("113050.SH", 121.35, [10, 100, 1_000_000], [(1, 10), (15, 10), (19, 20)]),
    ("127045.SZ", 118.2, [10], [(5, 10)]),
    ("019547.SH", 98.1, [10], [(11, 10)]),
    ("900901.SH", 0.5, [100], [(50, 100)]),
    ("200002.SZ", 6.5, [100], [(150, 100)]),
]
GOOD = [(code, price, amount) for code, price, amounts, _ in BOARDS for amount in amounts]
BAD = [(code, price, amount, nearest) for code, price, _, pairs in BOARDS for amount, nearest in pairs]


@pytest.fixture
def plain(new_user: NewUser) -> SimTrader:
    """A trader without quotes: only what the code tells is checked."""
    user = new_user()
    user.connect(quotes=False)
    return user


# --- amounts -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "price", "amount"), GOOD)
def test_a_good_amount_leaves_as_it_is(
    code: str, price: float, amount: int, plain: SimTrader, seam: Seam
) -> None:
    plain.buy(code, price, amount)
    [sent] = seam.orders
    assert (sent["stock_code"], sent["order_volume"], sent["price"]) == (code, amount, price)
    assert type(sent["order_volume"]) is int
    assert type(sent["price"]) is float


@pytest.mark.parametrize(("code", "price", "amount", "nearest"), BAD)
def test_a_bad_amount_stays_here(
    code: str, price: float, amount: int, nearest: int, plain: SimTrader, seam: Seam
) -> None:
    with pytest.raises(InvalidOrder) as caught:
        plain.buy(code, price, amount)
    error = caught.value
    assert (error.field, error.value, error.nearest, error.sent) == ("amount", amount, nearest, False)
    assert error.rule
    assert error.rule in str(error)
    assert str(nearest) in str(error)
    assert seam.orders == []
    plain.buy(code, price, nearest)
    assert len(seam.orders) == 1, "the nearest value that an error names is a good one"


@pytest.mark.parametrize(
    ("code", "ttype", "most"),
    [("688981", None, 50_000), ("300750", None, 150_000), ("600036", None, 1_000_000)],
)
def test_a_market_order_has_a_bound_of_its_own(
    code: str, ttype: str | None, most: int, plain: SimTrader, seam: Seam
) -> None:
    with pytest.raises(InvalidOrder) as caught:
        plain.market_buy(code, most + 100, ttype, protect_price=50.0)
    assert (caught.value.field, caught.value.nearest) == ("amount", most)
    plain.market_buy(code, most, ttype, protect_price=50.0)
    assert [order["order_volume"] for order in seam.orders] == [most]


@pytest.mark.parametrize(
    ("code", "held", "good", "bad"),
    [
        ("600036", 150, [50, 100, 150], [30, 51, 149]),
        ("600036", 50, [50], [20, 49]),
        ("688981", 150, [150], [100, 149]),
        ("688981", 350, [200, 201, 350], [100, 150]),
        ("113050", 15, [5, 10, 15], [4, 14]),
    ],
)
def test_odd_lots_leave_whole(
    code: str, held: int, good: list[int], bad: list[int], user: SimTrader, terminal: Terminal, seam: Seam
) -> None:
    terminal.hold(code, held, 10.0)
    price = terminal.market.quote(code).upper_limit
    for amount in bad:
        with pytest.raises(InvalidOrder, match="零股") as caught:
            user.sell(code, price, amount)
        assert (caught.value.field, caught.value.sent) == ("amount", False)
        assert caught.value.nearest in good
    assert seam.orders == []
    for amount in good:
        number = user.sell(code, price, amount)["entrust_no"]
        assert user.today_entrusts.where(order_id=number)[0]["order_status_name"] == "已报"
        assert user.cancel_entrust(number)["success"]


def test_an_odd_lot_while_positions_cannot_be_asked(
    user: SimTrader, terminal: Terminal, seam: Seam, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal.hold("600036", 150, 10.0)
    monkeypatch.setattr(user._own(), "sellable", lambda code: None)
    with pytest.raises(InvalidOrder, match="未知"):
        user.sell("600036", 35.5, 50)
    assert seam.orders == []


# --- prices --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "asked", "sent"),
    [
        ("600036", 35.004, 35.0),
        ("600036", 35.005, 35.01),
        ("600036", 35.015, 35.02),
        ("600036", 0.1 + 0.2, 0.3),
        ("510300", 4.0126, 4.013),
        ("113050", 121.3456, 121.346),
        ("204001", 1.512, 1.51),
        ("204001", 1.5125, 1.515),
        ("900901", 0.1234, 0.123),
        ("600036", Decimal("35.006"), 35.01),
    ],
)
def test_a_price_is_brought_to_the_tick_and_told(
    code: str, asked: Any, sent: float, plain: SimTrader, seam: Seam, log: list[str]
) -> None:
    verb = plain.sell if code == "204001" else plain.buy
    verb(code, asked, 100)
    assert seam.orders[0]["price"] == sent
    assert [line for line in log if line.startswith("INFO") and str(asked) in line and f"{sent:g}" in line]


@pytest.mark.parametrize("asked", [35.5, Decimal("35.5"), 35, Decimal("35.50")])
def test_a_price_on_the_tick_is_not_worth_a_line(asked: Any, plain: SimTrader, log: list[str]) -> None:
    plain.buy("600036", asked, 100)
    assert not [line for line in log if "最小变动价位" in line and "35.50" not in line]


def test_a_protect_price_is_rounded_and_told(plain: SimTrader, seam: Seam, log: list[str]) -> None:
    plain.market_buy("600036", 100, protect_price=36.004)
    assert seam.orders[0]["price"] == 36.0
    assert [line for line in log if "保护限价" in line and "36.004" in line]


def test_strict_refuses_what_is_between_two_ticks(new_user: NewUser, seam: Seam) -> None:
    user = new_user()
    user.connect(price_rounding="strict", quotes=False)
    for order in (
        lambda: user.buy("600036", 35.004, 100),
        lambda: user.market_buy("600036", 100, protect_price=35.004),
    ):
        with pytest.raises(InvalidOrder) as caught:
            order()
        assert caught.value.nearest == 35.0
    user.buy("600036", 35.01, 100)
    assert [order["price"] for order in seam.orders] == [35.01]


@pytest.mark.parametrize(
    "price",
    [
        0,
        -1,
        float("nan"),
        float("inf"),
        None,
        True,
        "35.5",
        [],
        {},
        pytest.param(10**5000, id="huge"),
        Decimal("NaN"),
        1e300,
        1e-300,
    ],
)
def test_what_is_no_price(price: Any, plain: SimTrader, seam: Seam) -> None:
    for order in (
        lambda: plain.buy("600036", price, 100),
        lambda: plain.sell("600036", price, 100),
    ):
        with pytest.raises(InvalidOrder) as caught:
            order()
        assert caught.value.field == "price"
        assert len(str(caught.value)) < 400
    assert seam.orders == []


# --- text ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("field", ["strategy_name", "remark"])
@pytest.mark.parametrize(
    "text",
    [
        "x" * 24,
        "策" * 8,
        "a\x00b",
        "line\nbreak",
        pytest.param("\ud800", id="surrogate"),
        b"bytes",
        5,
        True,
        ["x"],
        object(),
    ],
)
def test_text_that_the_native_client_would_break(field: str, text: Any, plain: SimTrader, seam: Seam) -> None:
    with pytest.raises(InvalidOrder) as caught:
        plain.buy("600036", 35.5, 100, **{field: text})
    assert caught.value.field == field
    assert seam.orders == []


def test_text_that_fits_is_kept(plain: SimTrader, seam: Seam) -> None:
    plain.buy("600036", 35.5, 100, strategy_name="策" * 7, remark=None)
    plain.buy("600036", 35.5, 100, strategy_name=None, remark="x" * 23)
    assert [order["strategy_name"] for order in seam.orders] == ["策" * 7, ""]
    assert all(len(order["order_remark"].encode()) <= 23 for order in seam.orders)


@pytest.mark.parametrize(
    "name", ["", "x" * 65, 5, True, b"x", "a\x00", pytest.param("\ud800", id="surrogate"), ["x"]]
)
def test_client_order_ids_that_cannot_be(name: Any, plain: SimTrader, seam: Seam) -> None:
    with pytest.raises(InvalidOrder) as caught:
        plain.buy("600036", 35.5, 100, client_order_id=name)
    assert caught.value.field == "client_order_id"
    assert seam.orders == []
