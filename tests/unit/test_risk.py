"""The limits an order keeps to before it leaves."""

from __future__ import annotations

import contextlib
import threading
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from easytrader_qmt.errors import InvalidArgument, InvalidOrder
from easytrader_qmt.orders import OrderRequest, limit_order, market_order
from easytrader_qmt.risk import Risk, RiskLimits
from easytrader_qmt.token_bucket import EMPTY_SINCE_EVER, take
from tests.clocks import FakeClock

NOON = 1_762_142_400.0  # 2025-11-03 12:00 in Shanghai
ORDER = limit_order("600036", "buy", 35.0, 100)
MARKET = market_order("000001", "sell", 100)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOON)


def refused(
    risk: Risk, request: OrderRequest = ORDER, *, reconciled: bool = True, price: float | None = None
) -> InvalidOrder:
    with pytest.raises(InvalidOrder, match="没有发出任何委托") as caught:
        risk.check_order(request, reconciled=reconciled, reference_price=price)
    assert caught.value.field == "risk"
    assert caught.value.rule in str(caught.value)
    return caught.value


def test_everything_is_off_by_default(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(), clock)
    for _ in range(1000):
        risk.check_order(ORDER, reconciled=False)
        risk.check_order(MARKET)
        risk.check_cancel()
    assert (risk.orders_today, risk.notional_today, risk.killed) == (2000, 3_500_000.0, False)


# --- limits -------------------------------------------------------------------------------------------


def test_one_order_may_be_worth_as_much_as_the_limit(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(max_order_notional=3500.0), clock)
    risk.check_order(ORDER)
    error = refused(risk, limit_order("600036", "buy", 35.01, 100))
    assert (error.rule, error.value, error.nearest) == ("max_order_notional", 3501.0, 3500.0)
    assert "3,501.00" in str(error)
    assert "3,500.00" in str(error)


def test_a_market_order_without_a_price_needs_a_reference(clock: FakeClock) -> None:
    for name in ("max_order_notional", "max_day_notional"):
        risk = Risk(RiskLimits.from_mapping({name: 1000.0}), clock)
        for unknown in (None, 0.0, float("nan"), float("inf"), -1.0):
            assert refused(risk, MARKET, price=unknown).rule == name
        assert refused(risk, MARKET, price=10.01).value == pytest.approx(1001.0)
        assert risk.check_order(MARKET, reference_price=10.0).notional == 1000.0
        assert risk.orders_today == 1


def test_a_protect_price_counts_and_a_repo_by_its_face(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(max_order_notional=3500.0), clock)
    assert refused(risk, market_order("600036", "buy", 100, protect_price=35.01), price=1.0).value == 3501.0
    assert risk.check_order(limit_order("204001", "sell", 1.5, 10)).notional == 1000.0


def test_a_protect_price_that_is_not_kept_to_is_not_the_most_an_order_costs(clock: FakeClock) -> None:
    """Shenzhen's market orders may trade at any price, whatever protect price was given."""
    order = market_order("000001", "buy", 100, protect_price=10.0)
    risk = Risk(RiskLimits(max_order_notional=1200.0), clock)
    error = refused(risk, order, price=12.43)
    assert (error.rule, error.value) == ("max_order_notional", pytest.approx(1243.0))
    for reference in (None, float("nan"), 9.0):
        assert risk.check_order(order, reference_price=reference).notional == 1000.0
    assert risk.check_order(market_order("600036", "buy", 100, protect_price=10.0)).notional == 1000.0


@pytest.mark.parametrize("code", ["900901", "200002"])
def test_b_shares_are_worth_no_yuan_that_could_be_reckoned(code: str, clock: FakeClock) -> None:
    order = limit_order(code, "buy", 0.56, 100)
    for name in ("max_order_notional", "max_day_notional"):
        error = refused(Risk(RiskLimits.from_mapping({name: 1e9}), clock), order)
        assert (error.rule, error.value) == (name, None)
        assert "B 股不以人民币报价" in str(error)
        assert "没有价格" not in str(error)
    risk = Risk(RiskLimits(max_day_orders=1), clock)
    assert risk.check_order(order).notional == 0.0
    assert refused(risk, order).rule == "max_day_orders"


def test_a_day_has_a_number_of_orders_and_ends_at_midnight_in_shanghai(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(max_day_orders=2, max_day_notional=1e6), clock)
    risk.check_order(ORDER)
    risk.check_order(ORDER)
    error = refused(risk)
    assert (error.rule, error.value, error.nearest) == ("max_day_orders", 3, 2)
    clock.pass_(12 * 3600 - 1)
    refused(risk)
    clock.pass_(1)
    assert (risk.orders_today, risk.notional_today) == (0, 0.0)
    risk.check_order(ORDER)


def test_a_day_has_an_amount_of_money(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(max_day_notional=0.3 * 100), clock)
    cheap = [limit_order("510300", "buy", price, 100) for price in (0.1, 0.2)]
    for request in cheap:
        risk.check_order(request)
    assert refused(risk, cheap[0]).rule == "max_day_notional"
    assert risk.orders_today == 2


def test_what_was_not_sent_is_given_back_once(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(max_day_orders=1, rate=0.001, burst=1), clock)
    reservation = risk.check_order(ORDER)
    refused(risk)
    risk.release(reservation)
    assert (risk.orders_today, risk.notional_today) == (0, 0.0)
    risk.check_order(ORDER)
    risk.release(reservation)
    assert risk.orders_today == 1
    refused(risk)


def test_what_is_given_back_after_midnight_changes_nothing(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(), clock)
    reservation = risk.check_order(ORDER)
    clock.pass_(86_400)
    risk.check_order(ORDER)
    risk.release(reservation)
    assert risk.orders_today == 1


def test_a_refused_order_counts_for_nothing(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(max_order_notional=100.0, rate=0.001, burst=1), clock)
    for _ in range(3):
        assert refused(risk).rule == "max_order_notional"
    assert risk.orders_today == 0
    risk.check_order(limit_order("510300", "buy", 0.5, 100))


def test_earlier_orders_of_the_day_count(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(max_day_orders=10, max_day_notional=10_000.0), clock)
    risk.count_earlier(9, 8000.0)
    assert refused(risk).rule == "max_day_notional"
    risk.check_order(limit_order("510300", "buy", 0.5, 100))
    assert refused(risk).rule == "max_day_orders"


def test_only_allowed_securities_in_any_form(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(allowed=["sh600036", "000001.XSHE"]), clock)
    risk.check_order(ORDER)
    risk.check_order(MARKET)
    error = refused(risk, limit_order("600000", "buy", 10.0, 100))
    assert (error.rule, error.value) == ("allowed", "600000.SH")
    with pytest.raises(InvalidArgument, match="allowed"):
        Risk(RiskLimits(allowed=["abc"]), clock)


def test_a_doubt_stops_orders_only_where_that_was_asked_for(clock: FakeClock) -> None:
    Risk(RiskLimits(), clock).check_order(ORDER, reconciled=False)
    risk = Risk(RiskLimits(require_reconciled=True), clock)
    assert refused(risk, reconciled=False).rule == "require_reconciled"
    risk.check_order(ORDER, reconciled=True)


def test_threads_never_pass_a_limit_together(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(max_day_orders=100), clock)
    passed: list[int] = []
    start = threading.Barrier(8)

    def run() -> None:
        start.wait(10)
        for _ in range(50):
            with contextlib.suppress(InvalidOrder):
                passed.append(risk.check_order(ORDER).number)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(passed) == list(range(1, 101))
    assert risk.orders_today == 100


# --- rate ---------------------------------------------------------------------------------------------


def test_orders_and_cancels_share_a_rate(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(rate=10.0, burst=2), clock)
    risk.check_order(ORDER)
    risk.check_cancel()
    assert refused(risk).rule == "rate"
    with pytest.raises(InvalidOrder, match=r"0\.100 秒后") as caught:
        risk.check_cancel()
    assert caught.value.rule == "rate"
    clock.pass_(0.1)
    risk.check_cancel()
    assert refused(risk).rule == "rate"
    assert clock.slept == []


def test_a_patient_cancel_is_held_instead_of_refused(clock: FakeClock) -> None:
    risk = Risk(RiskLimits(rate=10.0, burst=1), clock)
    for _ in range(4):
        risk.check_cancel(patience=1.0)
    assert clock.slept == pytest.approx([0.1] * 3)
    with pytest.raises(InvalidOrder):
        risk.check_cancel(patience=0.05)
    clock.pass_(0.1)
    risk.check_cancel()


def test_nothing_but_the_rate_stops_a_cancel(clock: FakeClock, tmp_path: Path) -> None:
    limits = RiskLimits(
        kill_switch_file=str(tmp_path / "kill"),
        max_day_orders=1,
        max_day_notional=1.0,
        max_order_notional=1.0,
        allowed=["000002"],
        require_reconciled=True,
    )
    risk = Risk(limits, clock)
    risk.kill("test")
    for _ in range(100):
        risk.check_cancel()


@given(
    st.floats(0.1, 1000.0),
    st.integers(1, 20),
    st.lists(st.tuples(st.floats(0.0, 3.0), st.sampled_from([0.0, 0.5, 10.0])), max_size=60),
)
def test_no_stretch_of_time_sees_more_than_burst_and_rate(
    rate: float, burst: int, asked: list[tuple[float, float]]
) -> None:
    state, now = EMPTY_SINCE_EVER, 1000.0
    used: list[float] = []
    for gap, patience in asked:
        now += gap
        before = state
        state, wait, taken = take(state, now, rate, burst, patience)
        if taken:
            assert 0.0 <= wait <= patience
            used.append(now + wait)
        else:
            assert wait > patience
            assert state == before
    for first, start in enumerate(used):
        for last in range(first, len(used)):
            assert last - first + 1 <= burst + rate * (used[last] - start) + 1e-3 * rate


@given(st.floats(0.1, 1000.0), st.integers(1, 20), st.integers(1, 30))
def test_a_bucket_gives_its_burst_and_is_full_again_after_a_while(rate: float, burst: int, more: int) -> None:
    state, now = EMPTY_SINCE_EVER, 50.0
    for _ in range(2):
        for number in range(burst + more):
            state, _, taken = take(state, now, rate, burst)
            assert taken is (number < burst)
        now += burst / rate + 1e-6
