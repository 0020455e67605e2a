"""Repayments and transfers take what the other order verbs take, and refuse what those refuse."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from easytrader_qmt.errors import InvalidArgument, InvalidOrder
from easytrader_qmt.sim.terminal import CREDIT_ACCOUNT
from easytrader_qmt.sim.trader import SimTrader
from tests.seam import Seam
from tests.unit.order_inputs import HOSTILE


@pytest.fixture
def credit(user: SimTrader, seam: Seam) -> Any:
    """A margin account whose counter takes every order as it comes."""
    number: Iterator[int] = iter(range(1, 1_000))
    seam.script = lambda order: order.respond(order_id=next(number))
    return user.add_account(account_type="CREDIT")


def cash(credit: Any, **words: Any) -> Any:
    return credit.direct_cash_repay(100, **words)


def shares(credit: Any, **words: Any) -> Any:
    return credit.direct_secu_repay("600036", 100, **words)


def borrowed(credit: Any, **words: Any) -> Any:
    return credit.fin_buy("600036", 35.5, 100, **words)


VERBS = pytest.mark.parametrize("verb", [cash, shares, borrowed])
Verb = Callable[..., Any]


@VERBS
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("strategy_name", "策" * 8),
        ("strategy_name", 5),
        ("strategy_name", b"x"),
        ("strategy_name", "a\x00"),
        ("remark", "x" * 24),
        ("remark", 5),
        ("remark", "\ud800"),
        ("client_order_id", ""),
        ("client_order_id", 5),
        ("client_order_id", "x" * 100),
    ],
)
def test_a_keyword_that_cannot_be_right(credit: Any, seam: Seam, verb: Verb, field: str, value: Any) -> None:
    with pytest.raises(InvalidOrder) as caught:
        verb(credit, **{field: value})
    assert caught.value.field == field
    assert seam.orders == []
    assert credit.in_doubt == []


@VERBS
def test_none_is_no_text(credit: Any, seam: Seam, verb: Verb) -> None:
    assert verb(credit, strategy_name=None, remark=None, client_order_id=None)["entrust_no"] == 1
    assert [sent["strategy_name"] for sent in seam.orders] == [""]


@VERBS
def test_keywords_arrive(credit: Any, seam: Seam, verb: Verb) -> None:
    words = {"strategy_name": "策略", "remark": "还", "client_order_id": "id-1"}
    assert verb(credit, **words) == verb(credit, **words) == {"entrust_no": 1}
    [sent] = seam.orders
    assert sent["strategy_name"] == "策略"
    assert credit._own().journal.find(CREDIT_ACCOUNT, "id-1").user_remark == "还"


@VERBS
def test_an_unknown_keyword_is_named(credit: Any, log: list[str], verb: Verb) -> None:
    verb(credit, nonsense=1, entrust_prop="limit")
    assert [line for line in log if "nonsense" in line] == ["WARNING 下单参数 nonsense 未被使用，已忽略"]


@pytest.mark.parametrize(
    "amount", [100, 100.0, np.int64(100), np.float64(100), np.float32(100), Decimal(100)]
)
def test_a_whole_number_of_any_type(credit: Any, seam: Seam, amount: Any) -> None:
    for call in (
        lambda: credit.direct_secu_repay("600036", amount),
        lambda: credit.direct_cash_repay(amount),
        lambda: credit.fin_buy("600036", 35.5, amount),
    ):
        assert call()["entrust_no"] > 0
    found = [(sent["order_type"], sent["order_volume"], sent["price"]) for sent in seam.orders]
    assert found == [(30, 100, 0.0), (32, 1, 100.0), (27, 100, 35.5)]
    assert {(type(sent["order_volume"]), type(sent["price"])) for sent in seam.orders} == {(int, float)}


@pytest.mark.parametrize(
    "amount",
    [0, -100, 0.5, 100.5, True, None, "100", np.bool_(True), float("nan"), float("inf"), 2**31, [100]],
)
def test_an_amount_of_shares_that_cannot_be_right(credit: Any, seam: Seam, amount: Any) -> None:
    with pytest.raises(InvalidOrder) as caught:
        credit.direct_secu_repay("600036", amount)
    assert caught.value.field == "amount"
    assert seam.orders == []


@pytest.mark.parametrize(
    ("amount", "sent"),
    [
        (0.01, 0.01),
        (12_345.67, 12_345.67),
        (np.float32(0.1), 0.1),
        (Decimal("1.10"), 1.1),
        (Fraction(1, 4), 0.25),
        (999_999_999_999.99, 999_999_999_999.99),
    ],
)
def test_a_sum_to_the_cent(credit: Any, seam: Seam, amount: Any, sent: float) -> None:
    credit.direct_cash_repay(amount)
    assert [each["price"] for each in seam.orders] == [sent]


@pytest.mark.parametrize(
    ("amount", "nearest"),
    [
        (1.234, 1.23),
        (0.001, 0.01),
        (Decimal("1E-400"), 0.01),
        (Fraction(1, 3), 0.33),
        (1e12, None),
        (10**400, None),
        (Decimal("sNaN"), None),
        (np.bool_(True), None),
        (1 + 0j, None),
    ],
)
def test_a_sum_that_cannot_be_right(credit: Any, seam: Seam, amount: Any, nearest: float | None) -> None:
    with pytest.raises(InvalidOrder, match="还款金额") as caught:
        credit.direct_cash_repay(amount)
    assert (caught.value.field, caught.value.nearest) == ("amount", nearest)
    assert seam.orders == []


@pytest.mark.parametrize("amount", [100, 0.5, np.int64(100), np.float64(0.5), Decimal("0.5"), Fraction(1, 2)])
def test_what_can_be_transferred(user: SimTrader, amount: Any) -> None:
    for direction in (511, np.int64(510)):
        assert user.fund_transfer(direction, amount) == {"success": True, "message": "success"}
    assert user.balance[0]["cash"] == 10_000_000


@pytest.mark.parametrize(
    "amount", [0, -1, True, None, "1", float("nan"), float("inf"), 1e12, 10**400, [1], 1j]
)
def test_what_cannot_be_transferred(user: SimTrader, amount: Any) -> None:
    with pytest.raises(InvalidArgument, match="amount="):
        user.fund_transfer(511, amount)
    assert user.balance[0]["cash"] == 10_000_000


@pytest.mark.parametrize("direction", [0, 514, 510.5, True, None, "510", np.array([510, 511]), [510]])
def test_where_nothing_can_be_transferred(user: SimTrader, direction: Any) -> None:
    with pytest.raises(InvalidArgument, match="direction="):
        user.fund_transfer(direction, 100)


def test_the_special_forms_are_the_margin_accounts(credit: Any, seam: Seam) -> None:
    cash(credit, special=True)
    shares(credit, special=True)
    assert [(each["account_id"], each["order_type"]) for each in seam.orders] == [
        (CREDIT_ACCOUNT, 45),
        (CREDIT_ACCOUNT, 43),
    ]


def test_nothing_hostile_reaches_the_native_client(credit: Any, seam: Seam) -> None:
    for value in HOSTILE:
        for call in (
            lambda value=value: credit.direct_secu_repay("600036", value),
            lambda value=value: credit.direct_secu_repay(value, 100),
            lambda value=value: credit.direct_cash_repay(value),
            lambda value=value: cash(credit, strategy_name=value),
            lambda value=value: cash(credit, remark=value),
            lambda value=value: cash(credit, client_order_id=value),
        ):
            with suppress(InvalidOrder):
                assert call()["entrust_no"] > 0
        with suppress(InvalidArgument):
            assert set(credit.fund_transfer(511, value)) == {"success", "message"}
    for sent in seam.orders:
        assert type(sent["order_volume"]) is int
        assert 0 < sent["order_volume"] < 2**31
        assert type(sent["price"]) is float
        assert 0 <= sent["price"] < 1e12
        assert all(
            type(sent[name]) is str and len(sent[name].encode()) <= 23
            for name in ("strategy_name", "order_remark")
        )


def test_limits_of_trades_do_not_hold_up_a_repayment(new_user: Any, seam: Seam) -> None:
    """It trades nothing; the kill switch and the number of orders hold for it all the same."""
    limits = {"allowed": ["000001"], "max_order_notional": 50, "max_day_notional": 50, "max_day_orders": 3}
    user = new_user()
    user.connect(quotes=False, risk=limits)
    number: Iterator[int] = iter(range(1, 1_000))
    seam.script = lambda order: order.respond(order_id=next(number))
    credit = user.add_account(account_type="CREDIT")
    assert cash(credit)["entrust_no"] == 1
    assert shares(credit)["entrust_no"] == 2
    assert (credit.risk.orders_today, credit.risk.notional_today) == (2, 0.0)
    with pytest.raises(InvalidOrder, match="允许"):
        borrowed(credit)
    assert cash(credit)["entrust_no"] == 3
    with pytest.raises(InvalidOrder) as caught:
        cash(credit)
    assert caught.value.rule == "max_day_orders"
    credit.risk.kill("停")
    with pytest.raises(InvalidOrder) as caught:
        shares(credit)
    assert caught.value.rule == "kill_switch_file"
