"""A recorded day played into the simulated market: what is fed, at what pace, and what is refused first."""

from __future__ import annotations

import csv
import threading
from pathlib import Path

import pytest

from easytrader_qmt.clock import shanghai
from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.sim import Terminal, TerminalSettings
from tests.clocks import FakeClock
from tests.facade import SOON

SAMPLES = Path(__file__).parents[1] / "data"
TICKS, MINUTES = SAMPLES / "ticks.csv", SAMPLES / "minutes.csv"


class GateClock(FakeClock):
    """Sleeps only while the gate is open; says when somebody wants to sleep."""

    def __init__(self):
        super().__init__()
        self.asleep, self.gate = threading.Event(), threading.Event()

    def sleep(self, seconds):
        self.asleep.set()
        assert self.gate.wait(SOON)
        super().sleep(seconds)


def made(folder, clock):
    return Terminal(folder / "userdata_mini", settings=TerminalSettings(session_gap=0.0), clock=clock)


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def terminal(tmp_path, clock):
    one = made(tmp_path, clock)
    yield one
    one.close()


@pytest.fixture
def gated(tmp_path, no_leaks):
    one = made(tmp_path, GateClock())
    yield one
    one.clock.gate.set()
    one.close()


def rows(path):
    with path.open(encoding="utf-8", newline="") as text:
        return list(csv.DictReader(text))


def wall(time):
    return shanghai(time).strftime("%H:%M:%S")


def write(folder, text, name="day.csv"):
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_every_tick_of_the_sample_day_is_in_the_market(terminal):
    replay = terminal.market.replay(TICKS, None)
    assert (replay.fed, replay.total, replay.running, replay.error) == (30, 30, False, None)
    for code in ("600000.SH", "000001.SZ"):
        wanted = [row for row in rows(TICKS) if row["code"] == code]
        ticks = terminal.market.ticks(code)
        assert [wall(tick.time) for tick in ticks] == [row["time"].split()[1] for row in wanted]
        assert [tick.last for tick in ticks] == [float(row["last"]) for row in wanted]
        assert [tick.volume for tick in ticks] == [int(row["volume"]) for row in wanted]
        assert [tick.bids for tick in ticks] == [
            ((float(row["bid1"]), int(row["bid1_volume"])),) for row in wanted
        ]
        assert terminal.market.quote(code).ask1_volume == int(wanted[-1]["ask1_volume"])


def test_every_minute_of_the_sample_day_is_a_bar_again(terminal):
    terminal.market.replay(MINUTES, 0)
    for code in ("600036.SH", "510300.SH"):
        bars = terminal.market.bars(code)
        assert [(wall(bar.time), bar.open, bar.high, bar.low, bar.close, bar.volume) for bar in bars] == [
            (row["time"].split()[1], *(float(row[name]) for name in ("open", "high", "low", "close")),
             int(row["volume"]))
            for row in rows(MINUTES) if row["code"] == code
        ]  # fmt: skip


def test_the_day_played_is_the_terminals_own(terminal, clock):
    terminal.market.replay(MINUTES, 0)
    today = shanghai(clock.now()).date()
    assert {shanghai(tick.time).date() for tick in terminal.market.ticks("600036")} == {today}
    assert wall(terminal.market.time()) == "14:59:59"
    untouched = terminal.market.ticks("601318")
    assert [wall(tick.time) for tick in untouched] == ["09:30:00"]


@pytest.mark.parametrize("speed", [1, 60, 0.5])
def test_the_pace_is_the_clocks_times_the_speed(terminal, clock, speed):
    terminal.market.replay(TICKS, speed)
    assert sum(clock.slept) == pytest.approx(14 * 20 / speed)


@pytest.mark.parametrize("speed", [None, 0])
def test_as_fast_as_possible_never_sleeps(terminal, clock, speed):
    terminal.market.replay(TICKS, speed)
    assert clock.slept == []


@pytest.mark.parametrize("speed", [-1, float("nan"), float("inf"), "2", True])
def test_a_speed_that_cannot_be_is_refused(terminal, speed):
    with pytest.raises(InvalidArgument, match="speed"):
        terminal.market.replay(TICKS, speed)


def test_a_resting_order_is_filled_when_the_recorded_price_reaches_it(terminal):
    terminal.market.set("600000", last=10.80)
    terminal.order_by_hand("buy", "600000", 10.46, 300)
    assert terminal.orders()[0]["traded_volume"] == 0
    terminal.market.replay(TICKS, 0)
    assert terminal.orders()[0]["traded_volume"] == 300
    assert terminal.trades()[0]["traded_price"] <= 10.46
    own = [tick for tick in terminal.market.ticks("600000") if tick.trades]
    assert terminal.market.ticks("600000")[-1].volume == int(rows(TICKS)[-2]["volume"]) + 300
    assert own


TICK_HEAD = "time,code,last,bid1,ask1,bid1_volume,ask1_volume,volume\n"
GOOD = "09:30:00,600000.SH,10.48,10.47,10.49,100,100,500\n"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("09:30:03,600000.SH,,,,,,", "没有 last"),
        ("09:30:03,600000.SH,ten,,,,,", "last"),
        ("09:30:03,600000.SH,nan,,,,,", "last"),
        ("09:30:03,600000.SH,-1,,,,,", "last"),
        ("09:30:03,600000.SH,10.485,,,,,", "最小变动单位"),
        ("09:30:03,600000.SH,12.00,,,,,", "涨跌停"),
        ("09:30:03,600000.SH,10.48,10.50,10.49,1,1,600", "买一价"),
        ("09:30:03,600000.SH,10.48,,,100,,600", "bid1_volume"),
        ("09:30:03,600000.SH,10.48,,,,,400", "累计"),
        ("09:30:03,600000.SH,10.48,10.47,,1.5,,600", "bid1_volume"),
        ("09:30:03,600999.SH,14.20,,,,,", "600999"),
        ("09:30:03,,10.48,,,,,", "code"),
        ("09:29:00,600000.SH,10.48,,,,,", "早于"),
        ("2025-01-03 09:30:03,600000.SH,10.48,,,,,", "同一天"),
        ("25:00:00,600000.SH,10.48,,,,,", "时间"),
        ("soon,600000.SH,10.48,,,,,", "时间"),
        ("09:30:03,600000.SH,10.48", "列数"),
        ("09:30:03,600000.SH,10.48,,,,,,,", "列数"),
    ],
)
def test_a_bad_row_is_refused_with_its_line_before_anything_is_fed(terminal, tmp_path, row, why):
    before = terminal.market.quote("600000"), terminal.market.ticks("600000"), terminal.market.time()
    path = write(tmp_path, TICK_HEAD + GOOD + row + "\n")
    with pytest.raises(InvalidArgument, match=f"day.csv.*第 3 行：.*{why}"):
        terminal.market.replay(path, 0)
    assert (
        terminal.market.quote("600000"),
        terminal.market.ticks("600000"),
        terminal.market.time(),
    ) == before


BAR_HEAD = "time,code,open,high,low,close,volume\n"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("09:31:00,600000.SH,10.48,10.47,10.40,10.45,1", "最高价"),
        ("09:31:00,600000.SH,10.48,10.50,10.49,10.50,1", "最低价"),
        ("09:31:30,600000.SH,10.48,10.50,10.40,10.45,1", "整分钟"),
        ("09:31:00,600000.SH,10.48,10.50,10.40,,1", "没有 close"),
        ("09:30:00,600000.SH,10.48,10.48,10.48,10.48,1", "已经有了"),
    ],
)
def test_a_bad_bar_is_refused_with_its_line(terminal, tmp_path, row, why):
    path = write(tmp_path, BAR_HEAD + "09:30:00,600000.SH,10.48,10.48,10.48,10.48,100\n" + row + "\n")
    with pytest.raises(InvalidArgument, match=f"第 3 行：.*{why}"):
        terminal.market.replay(path, 0)
    assert len(terminal.market.ticks("600000")) == 1


@pytest.mark.parametrize(
    ("head", "why"),
    [
        ("time,last\n", "code"),
        ("time,code\n", "last"),
        ("time,code,last,open,high,low,close\n", "混用"),
        ("time,code,open,high\n", "混用"),
        ("time,code,last,price\n", "price"),
        ("time,code,last,last\n", "last"),
        ("time,code,open,high,low,close,bid1\n", "bid1"),
        ("", "time"),
        (TICK_HEAD, "没有行情"),
    ],
)
def test_columns_that_cannot_be_are_refused(terminal, tmp_path, head, why):
    with pytest.raises(InvalidArgument, match=why):
        terminal.market.replay(write(tmp_path, head), 0)


@pytest.mark.parametrize("name", ["nofile.csv", "nofile.parquet"])
def test_a_file_that_is_not_there(terminal, tmp_path, name):
    with pytest.raises(FileNotFoundError, match=f"没有这个行情文件.*{name}"):
        terminal.market.replay(tmp_path / name, 0)


def test_many_bad_rows_are_counted_and_the_first_few_named(terminal, tmp_path):
    path = write(tmp_path, TICK_HEAD + "09:30:00,600000.SH,0,,,,,\n" * 9)
    with pytest.raises(InvalidArgument) as refused:
        terminal.market.replay(path, 0)
    assert "第 2 行" in str(refused.value)
    assert "第 7 行" not in str(refused.value)
    assert "共 9 处" in str(refused.value)


@pytest.mark.parametrize(
    "time",
    [
        "09:30:05",
        "9:30:05",
        "2025-01-02 09:30:05",
        "2025-01-02T09:30:05.000",
        "20250102093005",
        "1735781405000",
    ],
)
def test_the_forms_of_a_time(terminal, tmp_path, time):
    terminal.market.replay(write(tmp_path, f"time,code,last\n{time},600000,10.50\n"), 0)
    assert wall(terminal.market.ticks("600000")[-1].time) == "09:30:05"


def test_a_previous_close_sets_the_limits_and_lists_what_is_not_known(terminal, tmp_path):
    text = "time,code,last,prev_close\n09:30:00,600000,20.10,20.00\n09:30:00,600999.SH,14.30,14.20\n"
    terminal.market.replay(write(tmp_path, text), 0)
    assert terminal.market.quote("600000").upper_limit == 22.00
    assert [tick.last for tick in terminal.market.ticks("600999")][-1] == 14.30


def test_nobody_there_is_a_zero(terminal, tmp_path):
    terminal.market.replay(write(tmp_path, "time,code,last,bid1,ask1\n09:30:00,600000,11.44,11.44,0\n"), 0)
    assert terminal.market.quote("600000").asks == ()


def test_a_file_played_again_starts_the_day_anew_and_a_later_one_goes_on(terminal, tmp_path):
    terminal.market.replay(TICKS, 0)
    terminal.market.replay(TICKS, 0)
    assert len(terminal.market.ticks("600000")) == 15
    later = write(tmp_path, "time,code,last\n13:00:00,600000,10.60\n")
    terminal.market.replay(later, 0)
    assert len(terminal.market.ticks("600000")) == 16
    assert terminal.market.ticks("600000")[-1].open == 10.48


def test_in_the_background_it_can_be_stopped(gated):
    replay = gated.market.replay(TICKS, 1, background=True)
    assert gated.clock.asleep.wait(SOON)
    assert replay.running
    with pytest.raises(RuntimeError, match="已有行情在回放"):
        gated.market.replay(TICKS, 1)
    gated.market.stop_replay()
    gated.clock.gate.set()
    assert replay.join(SOON)
    assert (replay.fed, replay.error) == (2, None)
    assert gated.market.replay(TICKS, 0).fed == 30


def test_the_next_day_ends_a_replay(gated):
    replay = gated.market.replay(TICKS, 1, background=True)
    assert gated.clock.asleep.wait(SOON)
    gated.next_day()
    gated.clock.gate.set()
    assert replay.join(SOON)
    assert replay.fed == 2
    assert gated.market.time() == gated.now


@pytest.mark.parametrize("end", ["stop", "next day"])
def test_another_may_follow_at_once(gated, end):
    first = gated.market.replay(TICKS, 1, background=True)
    assert gated.clock.asleep.wait(SOON)
    if end == "stop":
        gated.market.stop_replay()
    else:
        gated.next_day()
    # The first one still sleeps.
    assert first.running
    assert gated.market.replay(TICKS, 0).fed == 30
    gated.clock.gate.set()
    assert first.join(SOON)
    assert first.fed == 2
    assert wall(gated.market.ticks("600000")[-1].time) == rows(TICKS)[-1]["time"].split()[1]


def test_a_trade_before_the_first_tick_is_counted_once(gated, tmp_path):
    text = "time,code,last\n09:30:03,600036,35.50\n09:40:00,000001,11.40\n"
    replay = gated.market.replay(write(tmp_path, text), 1, background=True)
    assert gated.clock.asleep.wait(SOON)
    gated.order_by_hand("buy", "000001", 11.50, 300)
    assert [trade["traded_volume"] for trade in gated.trades()] == [300]
    quote = gated.market.quote("000001")
    [tick] = gated.market.ticks("000001")
    assert (tick.volume, tick.amount, tick.trades) == (300, quote.amount, 1)
    assert [bar.volume for bar in gated.market.bars("000001")] == [300]
    gated.clock.gate.set()
    assert replay.join(SOON)
    assert gated.market.ticks("000001")[-1].volume == 300


def test_closing_the_terminal_ends_a_replay(gated):
    replay = gated.market.replay(TICKS, 1, background=True)
    assert gated.clock.asleep.wait(SOON)
    gated.close()
    gated.clock.gate.set()
    assert replay.join(SOON)


def test_what_goes_wrong_in_the_background_is_logged_and_kept(gated, log):
    replay = gated.market.replay(TICKS, 1, background=True)
    assert gated.clock.asleep.wait(SOON)
    # New limits: the recorded prices do not fit any more.
    gated.market.set("600000", prev_close=30.00, last=30.00)
    gated.clock.gate.set()
    assert replay.join(SOON)
    assert isinstance(replay.error, ValueError)
    assert any(line.startswith("ERROR") and "第 4 行" in line for line in log)


def test_a_table_is_read_like_the_csv():
    import pandas as pd

    from easytrader_qmt.sim.replay_rows import read_steps, steps_of, table_rows

    table = pd.read_csv(TICKS, parse_dates=["time"])
    table.loc[3, "bid1"] = None
    table.loc[3, "bid1_volume"] = None
    columns, numbered = table_rows(table)
    steps = steps_of("day.parquet", columns, numbered)
    wanted = read_steps(TICKS)
    assert [(one.time, one.code, one.price, one.volume) for one in steps] == [
        (one.time, one.code, one.price, one.volume) for one in wanted
    ]
    assert "bid1" not in steps[3].changes
    assert steps[0].changes == wanted[0].changes
