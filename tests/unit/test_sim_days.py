"""The simulated day: which one comes next, and the time that the counter goes by."""

from __future__ import annotations

from datetime import datetime

import pytest

from easytrader_qmt.clock import SHANGHAI, shanghai
from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.calendar_days import days_to_next
from easytrader_qmt.sim.process import _terminal
from easytrader_qmt.sim.store import Store
from easytrader_qmt.sim.terminal import CREDIT_ACCOUNT
from tests.clocks import FakeClock

CODE = "600036.SH"


def at(text):
    """Unix seconds of a time in Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).timestamp()


def told(time):
    return f"{shanghai(time):%Y-%m-%d %H:%M:%S}"


@pytest.fixture
def clock():
    return FakeClock(at("2025-01-08 20:00:00"))  # a Wednesday evening


@pytest.fixture
def terminal(tmp_path, clock):
    made = Terminal(tmp_path / "userdata_mini", settings=TerminalSettings(session_gap=0.0), clock=clock)
    yield made
    made.close()


@pytest.fixture
def play(terminal, tmp_path):
    """Plays ticks of 招商银行, each a time and a price."""

    def replay(*ticks, code=CODE):
        lines = [f"{time},{code},{last},35.40" for time, last in ticks]
        path = tmp_path / "day.csv"
        path.write_text("\n".join(["time,code,last,prev_close", *lines, ""]), encoding="utf-8")
        return terminal.market.replay(path, 0)

    return replay


def placed(terminal, price=35.6, amount=100):
    """An order by hand as the counter keeps it."""
    terminal.order_by_hand("buy", CODE, price, amount)
    return terminal.orders()[-1]


# --- the next day --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "following"),
    [
        ("2025-01-06", "2025-01-07"),
        ("2025-01-09", "2025-01-10"),
        ("2025-01-10", "2025-01-13"),
        ("2025-01-11", "2025-01-13"),
        ("2025-01-12", "2025-01-13"),
    ],
)
@pytest.mark.parametrize("time", ["00:30:00", "23:30:00"])
def test_the_next_day_is_a_weekday(terminal, clock, day, following, time):
    clock.wall = at(f"{day} {time}")
    terminal.trading_hours = True
    terminal.next_day()
    assert told(terminal.now) == f"{following} {time}"
    assert terminal.days == days_to_next(clock.now())
    clock.pass_(at("2025-01-06 10:00:00") - at(f"2025-01-06 {time}"))
    assert placed(terminal)["order_status"] == 56


def test_a_weekend_costs_a_days_interest(terminal, clock):
    interest = []
    for day in ("2025-01-09 20:00:00", "2025-01-10 20:00:00"):
        clock.wall, terminal.days = at(day), 0
        if not interest:
            terminal.counter.place(
                CREDIT_ACCOUNT, 3, CODE, 27, 10_000, 11, 35.5, "", "", terminal.exchange_time
            )
        before = terminal.counter.credit.detail(CREDIT_ACCOUNT, clock.now())[0]["fin_fee"]
        terminal.next_day()
        interest.append(terminal.counter.credit.detail(CREDIT_ACCOUNT, clock.now())[0]["fin_fee"] - before)
    assert interest[0] > 0
    assert interest[1] == pytest.approx(interest[0])


def test_a_terminal_goes_on_at_its_own_day(terminal, tmp_path, clock):
    store, failures = Store(tmp_path / "state.sqlite3"), []
    first = _terminal(tmp_path / "one", TerminalSettings(), store, failures, None)
    for _ in range(3):
        first.next_day()
    days = first.days
    first.close()
    again = _terminal(tmp_path / "two", TerminalSettings(), store, failures, None)
    assert (again.days, failures) == (days, [])
    assert again.market.ticks(CODE)[0].time == pytest.approx(again.now, abs=3600)
    assert again.market.bars(CODE)[0].time == pytest.approx(again.now, abs=3600)
    again.close()
    store.close()


# --- the counter's time --------------------------------------------------------------------------


def test_a_trade_has_the_time_of_the_tick_that_made_it(terminal, play):
    placed(terminal, 35.0)
    play(("09:30:03", 35.50), ("14:50:06", 34.90))
    [trade] = terminal.trades()
    assert told(trade["traded_time"]) == "2025-01-08 14:50:06"
    assert trade["traded_id"].startswith("145006")
    assert [tick.time for tick in terminal.market.ticks(CODE)][-1] == trade["traded_time"]


def test_hours_are_the_recorded_ones_until_the_next_day(terminal, play, clock):
    terminal.trading_hours = True
    assert placed(terminal)["order_status"] == 57
    play(("09:30:03", 35.50), ("09:31:06", 35.10))
    order = placed(terminal)
    assert (order["order_status"], told(order["order_time"])) == (56, "2025-01-08 09:31:06")
    play(("11:45:00", 35.20))
    assert placed(terminal)["order_status"] == 57
    terminal.next_day()
    assert placed(terminal)["order_status"] == 57
    assert told(terminal.exchange_time) == "2025-01-09 20:00:00"


def test_nothing_is_filled_in_a_recorded_auction(terminal, play):
    terminal.trading_hours = True
    play(("09:20:00", 35.50))
    order = placed(terminal, 35.0)
    play(("09:24:00", 34.90))
    assert (order["order_status"], terminal.trades()) == (50, [])
    play(("09:30:01", 34.90))
    assert [told(trade["traded_time"])[11:] for trade in terminal.trades()] == ["09:30:01"]


def test_a_recorded_day_is_the_terminals_whatever_its_date_and_bought_shares_wait(terminal, play):
    play(("2020-06-01 10:00:00", 35.50))
    assert told(placed(terminal)["order_time"]) == "2025-01-08 10:00:00"
    assert terminal.holdings()["positions"][0]["can_use_volume"] == 0
    terminal.next_day()
    assert terminal.holdings()["positions"][0]["can_use_volume"] == 100


def test_on_a_weekend_the_exchange_is_closed_whatever_is_played(terminal, play, clock):
    clock.wall = at("2025-01-11 12:00:00")
    terminal.trading_hours = True
    play(("10:00:00", 35.50))
    assert placed(terminal)["order_status"] == 57
    terminal.next_day()
    play(("10:00:00", 35.50))
    assert placed(terminal)["order_status"] == 56


def test_a_clock_that_passes_midnight_does_not_change_the_day_that_is_played(terminal, play, clock):
    play(("10:00:00", 35.50))
    clock.wall = at("2025-01-09 00:10:00")
    play(("10:30:00", 35.50))
    assert told(terminal.market.time()) == "2025-01-08 10:30:00"
    terminal.next_day()
    assert told(terminal.market.time()) == "2025-01-10 00:10:00"


def test_a_clients_orders_cancels_and_details_have_the_recorded_time(user, tmp_path):
    path = tmp_path / "day.csv"
    path.write_text("time,code,last\n10:00:00,600036,35.50\n", encoding="utf-8")
    user.terminal.market.replay(path, 0)
    user.buy("600036", 35.0, 100)
    assert user.drain()
    assert told(user.today_entrusts[0]["order_time"])[11:] == "10:00:00"
    credit = user.add_account(account_type="CREDIT")
    assert told(credit.credit_detail[0]["update_time"])[11:] == "10:00:00"
