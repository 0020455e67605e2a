"""What a snapshot proves about orders in doubt, and what it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easytrader_qmt.doubts import Resolution, provable_from, reconcile
from easytrader_qmt.journal_entries import Entry
from easytrader_qmt.remarks import order_token, outgoing_remark

NOON = 1_762_142_400.0  # 2025-11-03 12:00 in Shanghai
ACCOUNT = "1000000365"


@dataclass(frozen=True)
class Order:
    order_id: int
    order_remark: str
    stock_code: str = "600036.SH"
    order_type: int = 23
    order_volume: int = 100
    order_status: int = 50
    status_msg: str = ""
    order_time: int = int(NOON)


def doubt(name: str = "a", key: int = 1, **fields: Any) -> Entry:
    token = order_token(ACCOUNT, name)
    words: dict[str, Any] = {
        "key": key,
        "account_id": ACCOUNT,
        "client_order_id": name,
        "attempt": 0,
        "token": token,
        "remark": outgoing_remark("my", token),
        "user_remark": "my",
        "strategy_name": "",
        "stock_code": "600036.SH",
        "order_type": 23,
        "price_type": 11,
        "price": 35.1,
        "amount": 100,
        "notional": 3510.0,
        "session_id": 0,
        "pid": 1,
        "marker": "",
        "outcome": "in_doubt",
        "order_id": 0,
        "message": "",
        "rejected_later": "",
        "begun_at": NOON,
        "finished_at": NOON + 5,
    }
    return Entry(**{**words, **fields})


def decide(entry: Entry, *orders: Order, complete: bool = True, after: float = 8.0) -> Resolution:
    (resolution,) = reconcile([entry], orders, complete, snapshot_started=NOON + after)
    return resolution


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("after", [-100.0, 8.0, 90_000.0])
def test_an_order_with_the_token_is_accepted_whatever_the_snapshot(complete: bool, after: float) -> None:
    for remark in (doubt().remark, f"~{doubt().token}", f"其他~{doubt().token}"):
        decided = decide(doubt(), Order(7, remark), complete=complete, after=after)
        assert (decided.outcome, decided.order_id) == ("accepted", 7)


@pytest.mark.parametrize("status", [48, 49, 50, 51, 52, 53, 54, 55, 56, 255])
def test_every_status_but_57_is_an_accepted_order(status: int) -> None:
    assert decide(doubt(), Order(7, doubt().remark, order_status=status)).outcome == "accepted"


def test_of_the_evenings_orders_the_evenings_list_tells() -> None:
    evening = {"begun_at": NOON + 5 * 3600, "finished_at": NOON + 5 * 3600}
    assert decide(doubt(**evening), after=5 * 3600.0 + 10).outcome == "absent"
    assert decide(doubt(**evening), after=12 * 3600.0).outcome == "in_doubt", "midnight"


def test_a_refused_order_brings_its_number_and_reason() -> None:
    decided = decide(doubt(), Order(7, doubt().remark, order_status=57, status_msg="[251005]"))
    assert (decided.outcome, decided.order_id, decided.message) == ("refused", 7, "[251005]")
    assert decide(doubt(), Order(0, doubt().remark, order_status=57)).message != ""


def test_an_order_without_a_number_yet_is_still_in_doubt() -> None:
    for number in (0, -1):
        decided = decide(doubt(), Order(number, doubt().remark))
        assert (decided.outcome, decided.order_id) == ("in_doubt", 0)


@pytest.mark.parametrize(
    ("complete", "after", "expected"),
    [
        (True, 8.0, "absent"),
        (False, 8.0, "in_doubt"),
        (True, 7.999, "in_doubt"),
        (True, 3.0, "in_doubt"),
        (True, 4 * 3600.0 - 1, "absent"),
        (True, 4 * 3600.0, "in_doubt"),
        (True, 12 * 3600.0, "in_doubt"),
    ],
)
def test_absent_needs_a_whole_list_begun_long_enough_after_on_the_same_trading_day(
    complete: bool, after: float, expected: str
) -> None:
    other = Order(7, outgoing_remark("", order_token(ACCOUNT, "b")))
    decided = decide(doubt(), other, complete=complete, after=after)
    assert (decided.outcome, decided.order_id) == (expected, 0)
    assert decided.message


def test_an_orphan_counts_from_when_it_was_noticed() -> None:
    assert decide(doubt(finished_at=NOON + 100)).outcome == "in_doubt"
    assert decide(doubt(finished_at=0.0), after=3.0).outcome == "absent"
    assert provable_from([doubt(), doubt("b", finished_at=NOON + 20)]) == NOON + 23
    assert provable_from([]) is None


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order(7, ""), "in_doubt"),
        (Order(7, doubt().remark[:10]), "in_doubt"),
        (Order(7, "", order_time=0), "in_doubt"),
        (Order(7, "", order_time=int(NOON) - 599), "in_doubt"),
        (Order(7, "", order_time=int(NOON) - 601), "absent"),
        (Order(7, "手工"), "absent"),
        (Order(7, "", order_volume=200), "absent"),
        (Order(7, "", order_type=24), "absent"),
        (Order(7, "", stock_code="000001.SZ"), "absent"),
    ],
)
def test_an_order_that_may_have_lost_its_remark_leaves_the_doubt(order: Order, expected: str) -> None:
    assert decide(doubt(), order).outcome == expected


def test_of_rows_with_one_token_the_live_one_decides() -> None:
    rows = [Order(8, doubt().remark, order_status=57), Order(7, doubt().remark)]
    for orders in (rows, rows[::-1]):
        assert (decide(doubt(), *orders).outcome, decide(doubt(), *orders).order_id) == ("accepted", 7)


NAMES = st.sampled_from("abcdef")
ENTRIES = st.lists(
    st.builds(
        lambda name, key, late: doubt(name, key, finished_at=NOON + late),
        NAMES,
        st.integers(1, 50),
        st.sampled_from([0.0, 5.0, 6.0, 60.0]),
    ),
    max_size=6,
    unique_by=lambda entry: entry.key,
)
ORDERS = st.lists(
    st.builds(
        lambda name, cut, **fields: Order(order_remark=doubt(name).remark[:cut], **fields),
        NAMES,
        st.sampled_from([None, None, 4, 0]),
        order_id=st.integers(-1, 3),
        order_status=st.sampled_from([50, 56, 57]),
        status_msg=st.sampled_from(["", "x"]),
        order_volume=st.sampled_from([100, 200]),
        order_time=st.sampled_from([0, int(NOON) - 100, int(NOON)]),
    ),
    max_size=6,
)


@given(ENTRIES, ORDERS, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_orders_and_entries_never_matters(
    entries: list[Entry], orders: list[Order], complete: bool, draw: Any
) -> None:
    def told(some: list[Entry], rows: list[Order]) -> list[tuple[int, str, int]]:
        decided = reconcile(some, rows, complete, snapshot_started=NOON + 8)
        return [(each.entry.key, each.outcome, each.order_id) for each in decided]

    first = told(entries, orders)
    shuffled, rows = list(entries), list(orders)
    draw.shuffle(shuffled)
    draw.shuffle(rows)
    assert told(shuffled, rows) == first
    assert [key for key, _, _ in first] == sorted(entry.key for entry in entries)


@given(ENTRIES, ORDERS, st.booleans())
def test_absent_is_never_said_of_an_order_that_is_listed(
    entries: list[Entry], orders: list[Order], complete: bool
) -> None:
    listed = {order.order_remark for order in orders}
    for decided in reconcile(entries, orders, complete, snapshot_started=NOON + 8):
        if decided.outcome == "absent":
            assert decided.entry.remark not in listed
            assert complete
        if decided.outcome in ("accepted", "refused"):
            assert decided.entry.remark in listed
