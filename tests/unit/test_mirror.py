"""What is news: any interleaving, duplication and reordering of pushes and snapshots ends the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from easytrader_qmt.clock import day_number
from easytrader_qmt.miniqmt.mirror import Mirror, progress
from easytrader_qmt.miniqmt.names import FINAL_STATUSES
from tests.vendor_objects import vendor

TODAY_AT = 1_700_000_000
TODAY = day_number(TODAY_AT)
DAY = 86_400


def order(number: int = 7, status: int = 50, traded: int = 0, **more: Any) -> Any:
    words = {"order_time": TODAY_AT, "order_sysid": str(number), "status_msg": "", **more}
    return vendor("order", order_id=number, order_status=status, traded_volume=traded, **words)


def trade(number: str = "t1", **more: Any) -> Any:
    return vendor("trade", **{"traded_id": number, "traded_time": TODAY_AT, **more})


# --- histories -----------------------------------------------------------------------------------

_CANCELS: dict[bool, tuple[int, int, int]] = {False: (51, 54, 54), True: (52, 53, 53)}


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """The order states and the trades of one order, as the counter goes through them."""
    number = draw(st.integers(1, 4))
    more = {
        "account_id": draw(st.sampled_from(["A", "B"])),
        "order_time": TODAY_AT + draw(st.integers(0, 1)) * DAY,
    }
    volume, done = 100 * draw(st.integers(1, 4)), 0
    states = [order(number, 48, order_sysid="", **more), order(number, 50, **more)]
    trades = []
    if draw(st.booleans()):
        states.append(order(number, 57, status_msg="废单", **more))
        return states, trades
    cancelled = draw(st.booleans())
    while done < volume:
        if cancelled and draw(st.booleans()):
            asked, ended, _ = _CANCELS[done > 0]
            states += [order(number, asked, done, **more)]
            if draw(st.booleans()) and done + 100 <= volume:  # filled although a cancel was asked for
                done += 100
                trades.append(
                    trade(f"{number}-{done}", traded_time=more["order_time"], account_id=more["account_id"])
                )
                ended = 53 if done < volume else 56
            states += [order(number, ended, done, **more)]
            break
        done += 100
        states.append(order(number, 56 if done == volume else 55, done, **more))
        trades.append(
            trade(f"{number}-{done}", traded_time=more["order_time"], account_id=more["account_id"])
        )
    return states, trades


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Any], list[Any]]:
    """Several orders' histories; an order number of an account and day occurs once."""
    found = draw(st.lists(histories(), min_size=1, max_size=5))
    seen: dict[Any, tuple[list[Any], list[Any]]] = {}
    for states, trades in found:
        first = states[0]
        seen[first.account_id, first.order_id, first.order_time] = (states, trades)
    return (
        [state for states, _ in seen.values() for state in states],
        [one for _, trades in seen.values() for one in trades],
    )


def final_state(mirror: Mirror) -> tuple[Any, Any]:
    return ({key: (value[0], vars(value[1])) for key, value in mirror.orders.items()}, mirror.trades)


@settings(max_examples=300, deadline=None)
@given(days(), st.data())
def test_any_order_of_pushes_and_snapshots_ends_the_same_and_tells_each_trade_once(
    day: tuple[list[Any], list[Any]], data: st.DataObject
) -> None:
    states, trades = day
    straight = Mirror()
    for state in states:
        straight.order(state, TODAY)
    for one in trades:
        straight.trade(one, TODAY)

    pushes: list[tuple[str, Any]] = [("order", state) for state in states] + [
        ("trade", one) for one in trades
    ]
    times = data.draw(st.lists(st.integers(1, 3), min_size=len(pushes), max_size=len(pushes)), "times")
    said = data.draw(st.permutations([push for push, n in zip(pushes, times, strict=True) for _ in range(n)]))
    cuts = set(data.draw(st.lists(st.integers(0, len(said)), max_size=4), "snapshots"))
    told: list[tuple[str, Any]] = []
    mirror = Mirror()
    for position in range(len(said) + 1):
        if position in cuts:
            # A snapshot: of each kind anything that had come until then, in any order, some of it outdated.
            orders = [record for kind, record in said[:position] if kind == "order"]
            done = [record for kind, record in said[:position] if kind == "trade"]
            shuffled = data.draw(st.permutations(orders)), data.draw(st.permutations(done))
            told += [(change.kind, change.record) for change in mirror.snapshot(*shuffled, TODAY)]
        if position < len(said):
            kind, record = said[position]
            if mirror.order(record, TODAY) if kind == "order" else mirror.trade(record, TODAY):
                told.append((kind, record))
    note([(kind, record.order_id, getattr(record, "order_status", None)) for kind, record in told])

    assert final_state(mirror) == final_state(straight)
    ids = [
        (record.account_id, record.traded_time, record.traded_id) for kind, record in told if kind == "trade"
    ]
    assert sorted(ids) == sorted({(one.account_id, one.traded_time, one.traded_id) for one in trades})
    steps: dict[Any, list[Any]] = {}
    for kind, record in told:
        if kind == "order":
            steps.setdefault((record.account_id, record.order_id, record.order_time), []).append(record)
    for records in steps.values():
        ranks = [progress(record) for record in records]
        assert ranks == sorted(set(ranks)), "an order never goes backwards and no state comes twice"
        assert all(one.order_status not in FINAL_STATUSES or one is records[-1] or
                   records[-1].order_status in FINAL_STATUSES for one in records)  # fmt: skip
        volumes = [record.traded_volume for record in records]
        assert volumes == sorted(volumes)


@settings(max_examples=100, deadline=None)
@given(days(), st.integers(1, 5))
def test_reconnects_and_replays_without_news_tell_nothing(
    day: tuple[list[Any], list[Any]], times: int
) -> None:
    states, trades = day
    mirror = Mirror()
    for state in states:
        mirror.order(state, TODAY)
    for one in trades:
        mirror.trade(one, TODAY)
    for _ in range(times):
        mirror.forget_before(TODAY - 7)
        assert mirror.snapshot(states, trades, TODAY) == []
        assert not any(mirror.order(state, TODAY) for state in states)
        assert not any(mirror.trade(one, TODAY) for one in trades)


# --- cases ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("waiting", [51, 52])
def test_an_order_that_waits_for_its_cancel_can_still_fill(waiting: int) -> None:
    mirror = Mirror()
    assert mirror.order(order(status=waiting, traded=100), TODAY)
    assert not mirror.order(order(status=55, traded=100), TODAY), "an older state"
    assert mirror.order(order(status=55, traded=200), TODAY) or waiting == 52
    assert mirror.order(order(status=56, traded=300), TODAY)
    assert not mirror.order(order(status=waiting, traded=200), TODAY)


def test_a_number_and_a_reason_that_come_later_are_news() -> None:
    mirror = Mirror()
    assert mirror.order(order(status=57, order_sysid=""), TODAY)
    assert mirror.order(order(status=57, order_sysid="9"), TODAY)
    assert mirror.order(order(status=57, order_sysid="9", status_msg="[251005]可用数量不足"), TODAY)
    assert not mirror.order(order(status=57, order_sysid="9", status_msg="[251005]可用数量不足"), TODAY)


def test_numbers_start_anew_the_next_day() -> None:
    mirror = Mirror()
    assert mirror.order(order(1, 56, 100), TODAY)
    assert mirror.trade(trade("1"), TODAY)
    tomorrow = {"order_time": TODAY_AT + DAY}
    assert mirror.order(order(1, 50, 0, **tomorrow), TODAY + 1)
    assert mirror.trade(trade("1", traded_time=TODAY_AT + DAY), TODAY + 1)
    assert not mirror.order(order(1, 55, 50), TODAY + 1), "yesterday's, replayed"
    assert not mirror.trade(trade("1"), TODAY + 1)


def test_the_same_number_in_another_market_or_account_is_another_trade() -> None:
    mirror = Mirror()
    assert mirror.trade(trade("1", stock_code="600036.SH"), TODAY)
    assert mirror.trade(trade("1", stock_code="000001.SZ"), TODAY)
    assert mirror.trade(trade("1", stock_code="600036.SH", account_id="B"), TODAY)
    assert not mirror.trade(trade("1", stock_code="600519.SH"), TODAY), "numbers are the market's"


def test_orders_by_hand_are_known_by_the_counters_number() -> None:
    mirror = Mirror()
    assert mirror.order(order(0, order_sysid="a"), TODAY)
    assert mirror.order(order(0, order_sysid="b"), TODAY)
    assert not mirror.order(order(0, order_sysid="a"), TODAY)
    assert mirror.order(order(0, status=56, traded=100, order_sysid="a"), TODAY)


def test_a_snapshot_is_told_by_time_however_it_is_listed() -> None:
    orders = [order(number, order_time=TODAY_AT + number) for number in (3, 1, 2)]
    trades = [trade(str(number), traded_time=TODAY_AT + number) for number in (9, 7, 8)]
    changes = Mirror().snapshot(orders, trades, TODAY)
    assert [change.record.order_id for change in changes[:3]] == [1, 2, 3]
    assert [change.record.traded_id for change in changes[3:]] == ["7", "8", "9"]


@pytest.mark.parametrize("odd", [0, None, 93_000, 20_231_114, 93_000_500])
def test_a_time_that_is_no_unix_time_means_today(odd: Any) -> None:
    """Some brokers send a clock reading; such an order must not be forgotten and told again each time."""
    mirror = Mirror()
    assert mirror.order(order(order_time=odd), TODAY)
    assert mirror.trade(trade(traded_time=odd), TODAY)
    mirror.forget_before(TODAY - 7)
    assert not mirror.order(order(order_time=odd), TODAY)
    assert not mirror.trade(trade(traded_time=odd), TODAY)


def test_old_days_are_forgotten_but_never_what_a_slow_clock_calls_today() -> None:
    mirror = Mirror()
    for back in range(30):
        mirror.order(order(1, order_time=TODAY_AT - back * DAY), TODAY)
        mirror.trade(trade("1", traded_time=TODAY_AT - back * DAY), TODAY)
    mirror.forget_before(TODAY - 7)
    assert (len(mirror.orders), len(mirror.trades)) == (8, 8)
    # The machine's clock is a year ahead of the terminal's: the terminal's last day stays.
    mirror.forget_before(TODAY + 365 - 7)
    assert not mirror.trade(trade("1"), TODAY + 365)


def test_a_half_cut_character_is_no_reason_to_lose_an_order() -> None:
    class Cut(SimpleNamespace):
        @property
        def status_msg(self) -> str:
            raise UnicodeDecodeError("utf-8", b"\xd6", 0, 1, "unexpected end of data")

    fields = {key: value for key, value in vars(order()).items() if key != "status_msg"}
    mirror = Mirror()
    assert mirror.order(Cut(**fields), TODAY)
    assert not mirror.order(Cut(**fields), TODAY)


def test_one_odd_record_costs_no_other() -> None:
    odd = order(None, None, None)  # type: ignore[arg-type]
    assert [change.record.order_id for change in Mirror().snapshot([odd, order(3)], [], TODAY)] == [None, 3]


@pytest.mark.parametrize(
    "fields",
    [
        {"traded_volume": float("nan")}, {"order_status": float("inf")}, {"order_time": "09:30:00"},
        {"order_time": float("nan")}, {"account_type": []}, {"order_volume": None, "price": "x"},
    ],
    ids=str,
)  # fmt: skip
def test_a_field_that_is_no_number_costs_neither_its_order_nor_another(fields: dict[str, Any]) -> None:
    odd = order(9)
    vars(odd).update(fields)
    mirror = Mirror()
    changes = mirror.snapshot([order(1), odd, order(2)], [trade()], TODAY)
    assert sorted(change.record.order_id for change in changes if change.kind == "order") == [1, 2, 9]
    assert [change.kind for change in changes][-1] == "trade"
    assert mirror.snapshot([order(1), odd, order(2)], [trade()], TODAY) == []


def test_a_record_that_cannot_be_read_at_all_is_passed_over_and_said() -> None:
    odd: list[Exception] = []
    changes = Mirror().snapshot([SimpleNamespace(), order(1)], [SimpleNamespace(), trade()], TODAY, odd)
    assert [change.kind for change in changes] == ["order", "trade"]
    assert len(odd) == 2


def test_one_number_as_two_types_is_two_accounts() -> None:
    def refused(kind: int) -> Any:
        return SimpleNamespace(
            account_id="A", account_type=kind, order_id=7, error_msg="可用资金不足", order_remark=""
        )

    mirror = Mirror()
    assert mirror.order(order(7, 56, 100, account_type=2), TODAY)
    assert mirror.order(order(7, 50, 0, account_type=3), TODAY), "the final order is the stock account's"
    assert mirror.trade(trade("1", account_type=2), TODAY)
    assert mirror.trade(trade("1", account_type=3), TODAY)
    assert mirror.error(refused(2), TODAY)
    assert mirror.error(refused(3), TODAY)
    for kind in (2, 3):
        assert not mirror.order(order(7, 50, 0, account_type=kind), TODAY)
        assert not mirror.trade(trade("1", account_type=kind), TODAY)
        assert not mirror.error(refused(kind), TODAY)


def test_refusals_are_told_once_a_day_but_never_confused() -> None:
    def refused(number: int, remark: str = "", message: str = "[260200]可用资金不足") -> Any:
        return SimpleNamespace(account_id="A", order_id=number, error_msg=message, order_remark=remark)

    mirror = Mirror()
    assert mirror.error(refused(7, "r"), TODAY)
    assert not mirror.error(refused(7, "r"), TODAY)
    assert mirror.error(refused(7, "s"), TODAY)
    assert mirror.error(refused(7, "r"), TODAY + 1)
    assert mirror.error(refused(0), TODAY)
    assert mirror.error(refused(0), TODAY), "by hand: nothing tells them apart"
