"""The simulated day's record: ticks, minutes, longer bars, and what bounds them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from easytrader_qmt.clock import shanghai
from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.bars import PERIODS, Bar, filled, merged, midnight, minute_label, period_label
from easytrader_qmt.sim.market import Market
from easytrader_qmt.sim.tape import Tape
from tests.clocks import FakeClock

MIDNIGHT = midnight(FakeClock().now())
CODE = "600000.SH"


def at(clock_time):
    """Unix seconds of a time of the test's day."""
    hour, minute, second = clock_time.split(":")
    return MIDNIGHT + int(hour) * 3600 + int(minute) * 60 + float(second)


def shown(time):
    return shanghai(time).strftime("%H:%M")


@pytest.fixture
def clock():
    return FakeClock(at("10:00:00"))


@pytest.fixture
def terminal(tmp_path, clock):
    made = Terminal(tmp_path / "userdata_mini", settings=TerminalSettings(session_gap=0.0), clock=clock)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("tick", "one", "five", "hour"),
    [
        ("09:15:00", "09:30", "09:35", "10:30"),
        ("09:25:00", "09:30", "09:35", "10:30"),
        ("09:30:00", "09:31", "09:35", "10:30"),
        ("09:34:59.999", "09:35", "09:35", "10:30"),
        ("09:35:00", "09:36", "09:40", "10:30"),
        ("11:29:59", "11:30", "11:30", "11:30"),
        ("11:30:00", "11:30", "11:30", "11:30"),
        ("13:00:00", "13:01", "13:05", "14:00"),
        ("14:59:59", "15:00", "15:00", "15:00"),
        ("15:00:00", "15:00", "15:00", "15:00"),
        ("22:15:00", "22:16", "22:20", "23:00"),
        ("00:00:00", "00:01", "00:05", "01:00"),
        ("23:59:59", "00:00", "00:00", "00:00"),
    ],
)
def test_which_bar_a_tick_belongs_to(tick, one, five, hour):
    label = minute_label(at(tick))
    assert [shown(label), shown(period_label(label, 5)), shown(period_label(label, 60))] == [one, five, hour]


ticks_of_a_day = st.lists(
    st.tuples(st.integers(0, 86_399), st.integers(-50, 50), st.integers(0, 1000)), min_size=1, max_size=60
)


@settings(max_examples=60, deadline=None, print_blob=True)
@given(ticks_of_a_day)
def test_longer_bars_hold_what_the_minutes_hold(ticks):
    market = Market()
    tape = Tape(market, MIDNIGHT)
    tape.begin(MIDNIGHT)
    prices = []
    for second, move, volume in sorted(ticks):
        price = round(10.40 + move / 100, 2)
        market.set(CODE, last=price)
        tape.others_traded(CODE, volume, price)
        tape.note(CODE, MIDNIGHT + second)
        prices.append(price)
    minutes = tape.minutes(CODE)
    for length in (1, 5, 15, 30, 60):
        bars = merged(minutes, length)
        labels = [bar.time for bar in bars]
        assert labels == sorted(set(labels))
        assert sum(bar.volume for bar in bars) == sum(volume for _, _, volume in ticks)
        assert max(bar.high for bar in bars) == max(prices)
        assert min(bar.low for bar in bars) == min(prices)
        assert (bars[0].open, bars[-1].close) == (prices[0], prices[-1])
        assert [bar.prev_close for bar in bars[1:]] == [bar.close for bar in bars[:-1]]
        assert set(labels) <= {bar.time for bar in filled(bars, length)}
    last = tape.latest(CODE)
    assert (last.open, last.high, last.low) == (prices[0], max(prices), min(prices))
    assert last.amount == pytest.approx(sum(bar.amount for bar in minutes))


def test_a_gap_is_filled_inside_the_sessions_only():
    def bar(clock_time, close):
        return Bar(at(clock_time), 10.0, 10.0, 10.0, close, 500, 5000.0, 9.9)

    bars = filled([bar("11:29:00", 10.0), bar("13:02:00", 10.3)], PERIODS["1m"])
    assert [shown(one.time) for one in bars] == ["11:29", "11:30", "13:01", "13:02"]
    gap = bars[1]
    assert (gap.open, gap.high, gap.low, gap.close, gap.prev_close) == (10.0,) * 5
    assert (gap.volume, gap.amount, bars[0].volume, bars[3].volume) == (0, 0.0, 500, 500)


def test_a_quote_that_was_set_is_a_tick_with_the_day_so_far(terminal, clock):
    opening = terminal.market.ticks(CODE)
    assert [(tick.last, tick.time) for tick in opening] == [(10.48, at("10:00:00"))]
    for second, last in ((5, 10.60), (10, 10.30), (65, 10.50)):
        clock.wall = at("10:00:00") + second
        terminal.market.set("600000", last=last)
    tick = terminal.market.ticks("600000")[-1]
    assert (tick.open, tick.high, tick.low, tick.last, tick.prev_close) == (10.48, 10.60, 10.30, 10.50, 10.40)
    assert (tick.bids[0], tick.asks[0]) == ((10.49, 100_000), (10.51, 100_000))
    minutes = terminal.market.bars(CODE)
    assert [(shown(bar.time), bar.open, bar.high, bar.low, bar.close) for bar in minutes] == [
        ("10:01", 10.48, 10.60, 10.30, 10.30),
        ("10:02", 10.50, 10.50, 10.50, 10.50),
    ]


def test_the_simulations_own_trades_are_ticks_with_volume(terminal):
    terminal.market.set(CODE, asks=[(10.50, 300), (10.51, 1000)])
    before = terminal.market.ticks(CODE)[-1]
    terminal.order_by_hand("buy", CODE, 10.51, 500)
    new = terminal.market.ticks(CODE)[len(terminal.market.ticks(CODE)) - 2 :]
    assert before.volume == 0
    assert [(tick.last, tick.volume, tick.trades) for tick in new] == [(10.50, 300, 1), (10.51, 500, 2)]
    assert new[-1].amount == pytest.approx(300 * 10.50 + 200 * 10.51)
    assert new[-1].asks == ((10.51, 800),)
    quote = terminal.market.quote(CODE)
    assert (quote.volume, quote.amount) == (new[-1].volume, new[-1].amount)
    assert terminal.market.bars(CODE)[-1].volume == 500


def test_a_tick_that_fills_an_order_comes_before_the_fill(terminal):
    terminal.order_by_hand("buy", CODE, 10.40, 100)
    terminal.market.set(CODE, ask1=10.40, ask1_volume=100)
    moved, filled_ = terminal.market.ticks(CODE)[-2:]
    assert (moved.asks, moved.volume) == (((10.40, 100),), 0)
    assert (filled_.last, filled_.volume, filled_.asks) == (10.40, 100, ())


def test_the_next_day_starts_an_empty_record_at_the_new_prices(terminal, clock):
    terminal.market.set(CODE, last=10.90)
    terminal.next_day()
    (tick,) = terminal.market.ticks(CODE)
    assert (tick.last, tick.open, tick.high, tick.prev_close, tick.volume) == (10.90, 10.90, 10.90, 10.90, 0)
    assert tick.time == clock.now() + 86_400
    assert len(terminal.market.bars(CODE)) == 1


def test_what_is_kept_is_bounded_and_the_minutes_stay():
    market = Market()
    tape = Tape(market, at("09:30:00"), ticks_kept=10, recent_kept=20)
    for count in range(200):
        market.set(CODE, last=(1000 + count // 2) / 100)
        tape.note(CODE, at("09:30:00") + count * 3)
    assert len(tape.ticks(CODE)) == 10
    assert len(tape.after(0)) == 20
    assert len(tape.minutes(CODE)) == 10
    assert tape.minutes(CODE)[0].open == 10.48
    assert (tape.latest(CODE).low, tape.latest(CODE).high) == (10.0, 10.99)


def test_news_are_every_tick_once_in_order(terminal):
    serial = terminal.market.latest([CODE])[0]
    for code, last in ((CODE, 10.50), ("000001", 11.40), (CODE, 10.51)):
        terminal.market.set(code, last=last)
    news = terminal.market.after(serial)
    assert [(tick.stock_code, tick.last) for tick in news] == [
        (CODE, 10.50), ("000001.SZ", 11.40), (CODE, 10.51),
    ]  # fmt: skip
    assert [tick.serial for tick in news] == [serial + 1, serial + 2, serial + 3]
    assert terminal.market.after(serial, 1) == news[:1]
    assert terminal.market.after(news[-1].serial) == ()
    assert terminal.market.after(10**9) == ()


def test_a_clock_set_back_does_not_disorder_the_minutes(terminal, clock):
    clock.wall = at("09:59:00")
    terminal.market.set(CODE, last=10.70)
    (bar,) = terminal.market.bars(CODE)
    assert (shown(bar.time), bar.high) == ("10:01", 10.70)


def test_a_security_listed_or_suspended_today_is_on_the_tape(terminal):
    terminal.market.add("600999.SH", name="招商证券", prev_close=14.20)
    terminal.market.suspend("600999.SH")
    ticks = terminal.market.ticks("600999.SH")
    assert [(tick.last, tick.suspended) for tick in ticks] == [(14.20, False), (14.20, True)]


def test_an_unknown_period_is_named(terminal):
    with pytest.raises(ValueError, match="3m"):
        terminal.market.bars(CODE, "3m")
