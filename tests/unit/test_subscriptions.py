"""What the terminal tells of a new issue, and whether an attempt at it still stands at the counter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from easytrader_qmt.errors import InvalidOrder
from easytrader_qmt.journal_entries import Entry
from easytrader_qmt.miniqmt.ipo import offer_of
from easytrader_qmt.miniqmt.subscriptions import still_there, was_refused
from easytrader_qmt.remarks import order_token, outgoing_remark
from easytrader_qmt.securities import RULES
from tests.clocks import FakeClock

CODE = "301888.SZ"
LIMITS = {"SH": 10_000, "SZ": 8_000, "KCB": 5_500}
CLOCKS_DAY = "20231115"


def issue(**fields: Any) -> dict[str, Any]:
    return {
        "code": CODE, "name": "x", "type": "STOCK", "issue_price": 38.2, "min_purchase": 500,
        "max_purchase": 16_500, "purchase_date": "20251103", **fields,
    }  # fmt: skip


@dataclass(frozen=True)
class Order:
    order_id: int
    order_status: int
    order_remark: str = ""
    stock_code: str = CODE


def attempt(name: str, outcome: Any, rejected_later: str = "") -> Entry:
    token = order_token("1", name)
    return Entry(
        1, "1", name, 0, token, outgoing_remark("", token), "", "", CODE, 23, 11, 38.2, 8000, None, 0, 1, "",
        outcome, 7, "", rejected_later, 0.0, 0.0,
    )  # fmt: skip


# --- the offer -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "day"),
    [
        ("20251103", "20251103"),
        (20251103, "20251103"),
        ("2025-11-03", "20251103"),
        ("2025-11-03 00:00:00", "20251103"),
        ("2025-1-3", CLOCKS_DAY),
        ("20251332", CLOCKS_DAY),
        ("19700101", CLOCKS_DAY),
        ("２０２５１１０３", CLOCKS_DAY),
        ("", CLOCKS_DAY),
        ("0", CLOCKS_DAY),
        (0, CLOCKS_DAY),
        (None, CLOCKS_DAY),
    ],
)
def test_the_day_of_an_issue(given: Any, day: str) -> None:
    offer = offer_of(issue(purchase_date=given), LIMITS, RULES, FakeClock())
    assert offer.client_order_id == f"ipo:{day}:{CODE}"


@pytest.mark.parametrize(
    ("fields", "amount"),
    [
        ({}, 8_000),
        ({"max_purchase": 7_777}, 7_500),
        ({"max_purchase": 16_500.0}, 8_000),
        ({"max_purchase": 400}, 0),
        ({"max_purchase": -1}, 0),
        ({"min_purchase": 0, "max_purchase": 333}, 333),
        ({"code": "787888.SH"}, 5_500),
        ({"code": "920888.BJ"}, 0),
        ({"type": "BOND"}, 16_500),
    ],
)
def test_how_much_of_an_issue(fields: dict[str, Any], amount: int) -> None:
    offer = offer_of(issue(**fields), LIMITS, RULES, FakeClock())
    assert (offer.amount, type(offer.amount)) == (amount, int)
    assert (offer.price, type(offer.price)) == (38.2, float)


@pytest.mark.parametrize(
    "fields",
    [
        {"issue_price": None},
        {"issue_price": float("nan")},
        {"issue_price": -1.0},
        {"issue_price": "38.2"},
        {"max_purchase": None},
        {"max_purchase": float("inf")},
        {"min_purchase": "500"},
        {"code": None},
        {"code": "999999"},
    ],
)
def test_an_issue_that_cannot_be_right(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidOrder):
        offer_of(issue(**fields), LIMITS, RULES, FakeClock())


# --- what stands ---------------------------------------------------------------------------------


def test_what_counts_as_refused() -> None:
    accepted = attempt("a", "accepted")
    junk, live = Order(7, 57, accepted.remark), Order(7, 50, accepted.remark)
    assert was_refused(attempt("a", "refused"), [])
    assert was_refused(attempt("a", "accepted", "资金不足"), [live])
    assert was_refused(accepted, [junk])
    assert not was_refused(accepted, [live])
    assert not was_refused(accepted, [Order(7, 57)])
    assert not was_refused(accepted, [])
    for outcome in ("sending", "in_doubt", "not_sent", "absent"):
        assert not was_refused(attempt("a", outcome), [junk])


def test_what_stands_at_the_counter() -> None:
    first, second = attempt("a", "refused"), attempt("b", "in_doubt")
    both = [first, second]
    assert still_there([], CODE, both) == []
    assert still_there([Order(7, 57, first.remark), Order(8, 57)], CODE, both) == []
    assert still_there([Order(9, 50, "", "600036.SH")], CODE, both) == []
    assert still_there([Order(7, 50, first.remark)], CODE, both) == [(7, first)]
    # A subscription is known by its remark even where the counter lists it under another code.
    assert still_there([Order(0, 48, second.remark, "300888.SZ")], CODE, both) == [(0, second)]


@pytest.mark.parametrize("status", [48, 49, 50, 51, 54, 55, 56, 255])
def test_an_order_of_nobody_blocks(status: int) -> None:
    first = attempt("a", "refused")
    for remark in ("", "by hand", attempt("c", "accepted").remark):
        assert still_there([Order(7, 50, first.remark), Order(9, status, remark)], CODE, [first]) is None
