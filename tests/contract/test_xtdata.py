"""``xtquant.xtdata`` over a simulated market: the vendor's shapes, in this process and in a raw script."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from easytrader_qmt.clock import shanghai
from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.bars import midnight
from easytrader_qmt.sim.link_client import control
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.market_view import LocalMarket, RemoteMarket
from easytrader_qmt.sim.quotes_api import NotSimulated, make_xtdata
from easytrader_qmt.sim.spawned import spawn
from tests.clocks import FakeClock
from tests.facade import SOON, on_a_thread, sim_run

pytestmark = pytest.mark.usefixtures("no_leaks")

SAMPLES = Path(__file__).parents[1] / "data"
CODE = "600000.SH"
TICK_KEYS = {
    "time", "lastPrice", "open", "high", "low", "lastClose", "amount", "volume", "pvolume", "stockStatus",
    "openInt", "transactionNum", "lastSettlementPrice", "settlementPrice", "pe", "askPrice", "bidPrice",
    "askVol", "bidVol", "volRatio", "speed1Min", "speed5Min",
}  # fmt: skip
BAR_KEYS = [
    "time", "open", "high", "low", "close", "volume", "amount", "settelementPrice", "openInterest", "preClose",
    "suspendFlag",
]  # fmt: skip
DETAIL_KEYS = [
    "ExchangeID", "InstrumentID", "InstrumentName", "ProductID", "ProductName", "ProductType", "ExchangeCode",
    "UniCode", "CreateDate", "OpenDate", "ExpireDate", "TradingDay", "PreClose", "SettlementPrice", "UpStopPrice",
    "DownStopPrice", "FloatVolume", "TotalVolume", "LongMarginRatio", "ShortMarginRatio", "PriceTick",
    "VolumeMultiple", "MainContract", "LastVolume", "InstrumentStatus", "IsTrading", "IsRecent",
    "ProductTradeQuota", "ContractTradeQuota", "ProductOpenInterestQuota", "ContractOpenInterestQuota",
]  # fmt: skip


class Inbox:
    """A quote callback that keeps what it was told."""

    def __init__(self, fails: bool = False) -> None:
        self.told: list[dict[str, Any]] = []
        self.threads: set[str] = set()
        self._fails = fails
        self._news = threading.Condition()

    def __call__(self, datas: dict[str, Any]) -> None:
        with self._news:
            self.told.append(datas)
            self.threads.add(threading.current_thread().name)
            self._news.notify_all()
        if self._fails:
            raise ValueError("the script's own mistake")

    def wait_until(self, there: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        with self._news:
            assert self._news.wait_for(lambda: there(self.told), SOON), self.told[-3:]
            return list(self.told)

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        return self.wait_until(lambda told: len(told) >= count)


@pytest.fixture
def clock() -> FakeClock:
    made = FakeClock()
    made.wall = midnight(made.now()) + 10 * 3600 + 5
    return made


@pytest.fixture
def terminal(tmp_path: Path, clock: FakeClock) -> Iterator[Terminal]:
    made = Terminal(tmp_path / "userdata_mini", settings=TerminalSettings(session_gap=0.0), clock=clock)
    yield made
    made.close()


@pytest.fixture
def xtdata(terminal: Terminal) -> Any:
    return make_xtdata(lambda: LocalMarket(terminal))


def names(wanted: dict[str, Any]) -> list[tuple[str, float]]:
    return [(code, row["lastPrice"]) for code, row in wanted.items()]


def test_a_full_tick_has_the_vendors_keys_and_units(
    xtdata: Any, terminal: Terminal, clock: FakeClock
) -> None:
    terminal.market.set(CODE, bids=[(10.47, 12_345)], asks=[(10.48, 250), (10.49, 149)])
    terminal.order_by_hand("buy", CODE, 10.48, 200)
    (row,) = xtdata.get_full_tick([CODE, "999999.SH"]).values()
    assert set(row) == TICK_KEYS | {"timetag"}
    assert (row["time"], row["timetag"]) == (round(clock.now() * 1000), "20231115 10:00:05")
    assert (row["lastPrice"], row["open"], row["high"], row["low"], row["lastClose"]) == (
        10.48, 10.48, 10.48, 10.48, 10.40,
    )  # fmt: skip
    assert (row["bidPrice"], row["bidVol"]) == ([10.47, 0.0, 0.0, 0.0, 0.0], [123, 0, 0, 0, 0])
    assert (row["askPrice"][:2], row["askVol"][:2]) == ([10.48, 10.49], [1, 1])
    assert (row["volume"], row["pvolume"], row["transactionNum"]) == (2, 200, 1)
    assert row["amount"] == pytest.approx(2096.0)
    assert row["openInt"] == 13
    json.dumps(row)


def test_a_bonds_hand_is_ten(xtdata: Any, terminal: Terminal) -> None:
    terminal.market.set("113050", ask1=121.350, ask1_volume=70)
    assert xtdata.get_full_tick(["113050.SH"])["113050.SH"]["askVol"][0] == 7


def test_whole_markets_can_be_asked_for(xtdata: Any, terminal: Terminal) -> None:
    asked = set(xtdata.get_full_tick(["SZ", "BJ"]))
    assert asked == {code for code in terminal.market.codes() if code[-2:] in ("SZ", "BJ")}
    assert set(xtdata.get_full_tick(["SH", "000001.SZ"])) == {
        *(code for code in terminal.market.codes() if code.endswith("SH")),
        "000001.SZ",
    }
    with pytest.raises(TypeError, match="列表"):
        xtdata.get_full_tick(CODE)


def test_instrument_detail(xtdata: Any, terminal: Terminal) -> None:
    detail = xtdata.get_instrument_detail(CODE)
    assert list(detail) == DETAIL_KEYS
    assert {name: detail[name] for name in ("ExchangeID", "InstrumentID", "InstrumentName", "TradingDay")} == {
        "ExchangeID": "SH", "InstrumentID": "600000", "InstrumentName": "浦发银行", "TradingDay": "20231115",
    }  # fmt: skip
    prices = [detail[name] for name in ("PreClose", "UpStopPrice", "DownStopPrice", "PriceTick")]
    assert prices == [10.40, 11.44, 9.36, 0.01]
    assert (detail["InstrumentStatus"], detail["IsTrading"]) == (0, True)
    assert all(
        isinstance(detail[name], str) for name in ("CreateDate", "OpenDate", "ExpireDate", "TradingDay")
    )
    terminal.market.suspend(CODE)
    halted = xtdata.get_instrument_detail(CODE)
    assert (halted["InstrumentStatus"] > 0, halted["IsTrading"]) == (True, False)
    assert xtdata.get_full_tick([CODE])[CODE]["openInt"] == 17
    assert xtdata.get_instrument_detail("999999.SH") is None
    star = xtdata.get_instrument_detail("688981.SH", True)
    assert set(DETAIL_KEYS) < set(star)
    assert (star["MinLimitOrderVolume"], star["MaxMarketOrderVolume"], star["OptionType"]) == (
        200,
        50_000,
        -1,
    )


def test_types_and_sectors(xtdata: Any) -> None:
    assert xtdata.get_instrument_type(CODE) == {"stock": True}
    assert xtdata.get_instrument_type("510300.SH") == {"fund": True, "etf": True}
    assert xtdata.get_instrument_type("162411.SZ", ["etf", "fund", "spaceship"]) == {
        "etf": False,
        "fund": True,
    }
    assert xtdata.get_instrument_type("999999.SH") == {}
    sector = xtdata.get_stock_list_in_sector
    assert sector("沪深A股") == sector("上证A股") + sector("深证A股")
    assert {"600000.SH", "688981.SH"} < set(sector("上证A股"))
    assert {"000001.SZ", "300750.SZ"} < set(sector("深证A股"))
    assert set(sector("京市A股")) == {"920819.BJ", "430047.BJ", "920047.BJ"}
    assert set(sector("沪深转债")) == {"113050.SH", "127045.SZ"}
    assert "510300.SH" in sector("沪深ETF")
    assert "162411.SZ" not in sector("沪深ETF")
    assert sector("创业板", "20231115") == ["300750.SZ", "300059.SZ"]
    assert sector("我的自选") == []


def test_trading_dates_are_weekdays_up_to_the_simulated_day(xtdata: Any, terminal: Terminal) -> None:
    def days(*asked: Any, **words: Any) -> list[str]:
        return [
            shanghai(stamp / 1000).strftime("%m%d %H") for stamp in xtdata.get_trading_dates(*asked, **words)
        ]

    assert days("SH", count=4) == ["1110 00", "1113 00", "1114 00", "1115 00"]
    assert days("SZ", "20231109", "20231113") == ["1109 00", "1110 00", "1113 00"]
    assert days("SH", "20231109", "20231113", 1) == ["1113 00"]
    assert days("HK") == []
    for _ in range(3):
        terminal.next_day()
    assert days("SH", count=3) == ["1116 00", "1117 00", "1120 00"]


def test_bars_of_the_day(xtdata: Any, terminal: Terminal) -> None:
    terminal.market.replay(SAMPLES / "minutes.csv", None)
    codes = ["600036.SH", "510300.SH", "999999.SH"]
    tables = xtdata.get_market_data_ex([], codes, "1m")
    assert list(tables) == codes
    table = tables["600036.SH"]
    assert list(table.columns) == BAR_KEYS
    assert {name: str(kind) for name, kind in table.dtypes.items()} == {
        "time": "int64", "open": "float64", "high": "float64", "low": "float64", "close": "float64",
        "volume": "int64", "amount": "float64", "settelementPrice": "float64", "openInterest": "int32",
        "preClose": "float64", "suspendFlag": "int32",
    }  # fmt: skip
    assert table.index[0] == "20231115093100"
    assert table.index[-1] == "20231115150000"
    # Every minute of the sessions, those without a tick filled with the close before.
    assert len(table) == 240
    first, gap = table.iloc[0], table.loc["20231115100000"]
    assert (first["open"], first["high"], first["low"], first["close"]) == (35.50, 35.53, 35.49, 35.52)
    assert (first["volume"], first["preClose"]) == (200, 35.40)
    assert first["time"] == shanghai_ms("09:31")
    assert (gap["open"], gap["close"], gap["volume"], gap["preClose"]) == (gap["preClose"],) * 2 + (
        0, table.loc["20231115095900"]["close"],
    )  # fmt: skip
    assert tables["999999.SH"].empty
    assert list(tables["999999.SH"].columns) == BAR_KEYS
    assert len(xtdata.get_market_data_ex([], ["600036.SH"], "1m", fill_data=False)["600036.SH"]) == 13


def shanghai_ms(text: str) -> int:
    hour, minute = text.split(":")
    return round((midnight(FakeClock().now()) + int(hour) * 3600 + int(minute) * 60) * 1000)


def test_longer_bars_and_the_day(xtdata: Any, terminal: Terminal) -> None:
    terminal.market.replay(SAMPLES / "minutes.csv", None)

    def table(period: str) -> Any:
        return xtdata.get_market_data_ex(["open", "high", "low", "close", "volume"], ["600036.SH"], period)[
            "600036.SH"
        ]

    minutes, five, hour, day = table("1m"), table("5m"), table("1h"), table("1d")
    assert (len(five), len(hour), len(day)) == (48, 4, 1)
    assert list(hour.index) == [f"20231115{end}00" for end in ("1030", "1130", "1400", "1500")]
    assert list(day.index) == ["20231115"]
    for longer in (five, hour, day):
        assert longer["volume"].sum() == minutes["volume"].sum()
        assert longer["high"].max() == minutes["high"].max()
        assert longer["low"].min() == minutes["low"].min()
        assert (longer["open"].iloc[0], longer["close"].iloc[-1]) == (35.50, minutes["close"].iloc[-1])


def test_fields_count_and_times_are_honoured(xtdata: Any, terminal: Terminal) -> None:
    terminal.market.replay(SAMPLES / "minutes.csv", None)

    def index(**words: Any) -> list[str]:
        table = xtdata.get_market_data_ex(["close", "time"], ["600036.SH"], period="1m", **words)["600036.SH"]
        assert list(table.columns) == ["close", "time"]
        return [label[8:12] for label in table.index]

    assert index(start_time="20231115093200", end_time="20231115093400") == ["0932", "0933", "0934"]
    assert index(start_time="20231115093200", end_time="20231115093400", count=2) == ["0933", "0934"]
    assert index(count=1) == ["1500"]
    assert index(count=0) == []
    assert index(end_time="20231114") == []
    assert len(index(start_time="20231115", end_time="20231115")) == 240
    assert index(start_time=shanghai(shanghai_ms("14:59") / 1000)) == ["1459", "1500"]
    assert index(start_time=shanghai(shanghai_ms("15:00") / 1000).replace(tzinfo=None)) == ["1500"]
    assert index(start_time=shanghai_ms("15:00")) == ["1500"]
    day = xtdata.get_market_data_ex([], ["600036.SH"], start_time="20231115093000", count=5)["600036.SH"]
    assert list(day.index) == ["20231115"]


def test_ticks_of_the_day(xtdata: Any, terminal: Terminal) -> None:
    terminal.market.replay(SAMPLES / "ticks.csv", None)
    table = xtdata.get_market_data_ex([], [CODE], "tick")[CODE]
    assert set(table.columns) == TICK_KEYS
    assert (len(table), table.index[0], table.index[-1]) == (15, "20231115093003", "20231115093443")
    assert table["bidPrice"].iloc[0] == [10.47, 0.0, 0.0, 0.0, 0.0]
    assert list(table["volume"]) == sorted(table["volume"])
    some = xtdata.get_market_data_ex(["lastPrice"], [CODE], "tick", end_time="20231115093100", count=2)[CODE]
    assert (list(some.columns), list(some.index)) == (["lastPrice"], ["20231115093023", "20231115093043"])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ({"period": "l2quote"}, "l2quote"),
        ({"period": "1w"}, "1w"),
        ({"field_list": ["closing"]}, "closing"),
        ({"start_time": "2023-11-15"}, "start_time"),
        ({"end_time": "20231399"}, "end_time"),
    ],
)
def test_what_cannot_be_asked_is_named(xtdata: Any, words: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        xtdata.get_market_data_ex(**{"stock_list": [CODE], "period": "1m", **words})


def test_downloads_are_accepted(xtdata: Any) -> None:
    progress = Inbox()
    assert xtdata.download_history_data(CODE, "1m", "20230101", incrementally=True) is None
    xtdata.download_history_data2([CODE, "000001.SZ"], "1d", callback=progress)
    assert progress.told == [
        {"finished": 1, "total": 2, "stockcode": CODE, "message": ""},
        {"finished": 2, "total": 2, "stockcode": "000001.SZ", "message": ""},
    ]


def test_a_tick_subscription_begins_with_the_latest_and_gets_every_tick(
    xtdata: Any, terminal: Terminal
) -> None:
    inbox = Inbox()
    number = xtdata.subscribe_quote(CODE, "tick", callback=inbox)
    assert number > 0
    prices = [round(10.41 + count / 100, 2) for count in range(50)]
    for price in prices:
        terminal.market.set(CODE, last=price)
        terminal.market.set("000001", last=11.40)
    told = inbox.wait_for(51)
    assert all(list(datas) == [CODE] and len(datas[CODE]) == 1 for datas in told)
    assert [datas[CODE][0]["lastPrice"] for datas in told] == [10.48, *prices]
    assert set(told[0][CODE][0]) == TICK_KEYS
    assert inbox.threads == {"sim quotes"}
    xtdata.unsubscribe_quote(number)


def test_a_bar_subscription_gets_the_bar_as_it_grows(
    xtdata: Any, terminal: Terminal, clock: FakeClock
) -> None:
    minutes, days = Inbox(), Inbox()
    numbers = [
        xtdata.subscribe_quote(CODE, "1m", callback=minutes),
        xtdata.subscribe_quote(CODE, callback=days),
    ]
    assert list(minutes.wait_for(1)[0][CODE][0]) == BAR_KEYS
    terminal.market.set(CODE, last=10.60)
    clock.pass_(60)
    terminal.market.set(CODE, last=10.30)

    def both(told: list[dict[str, Any]]) -> bool:
        return any(bar["close"] == 10.30 for datas in told for bar in datas[CODE])

    bars = {bar["time"]: bar for datas in minutes.wait_until(both) for bar in datas[CODE]}
    assert [(bar["open"], bar["high"], bar["close"]) for bar in bars.values()] == [
        (10.48, 10.60, 10.60), (10.30, 10.30, 10.30),
    ]  # fmt: skip
    day = days.wait_until(both)[-1][CODE][-1]
    assert (day["time"], day["high"], day["low"]) == (shanghai_ms("00:00"), 10.60, 10.30)
    for number in numbers:
        xtdata.unsubscribe_quote(number)


def test_a_whole_subscription_begins_with_everything_and_gets_every_tick(
    xtdata: Any, terminal: Terminal
) -> None:
    inbox = Inbox()
    number = xtdata.subscribe_whole_quote(["SZ", CODE], inbox)
    first = inbox.wait_for(1)[0]
    assert set(first) == {CODE, *(code for code in terminal.market.codes() if code.endswith(".SZ"))}
    for code, price in ((CODE, 10.50), ("000001", 11.40), ("600036", 35.60), (CODE, 10.51)):
        terminal.market.set(code, last=price)
    terminal.market.add("002999.SZ", prev_close=10.00)
    told = inbox.wait_until(lambda told: any("002999.SZ" in datas for datas in told[1:]))
    said = [pair for datas in told[1:] for pair in names(datas)]
    assert said == [(CODE, 10.50), ("000001.SZ", 11.40), (CODE, 10.51), ("002999.SZ", 10.00)]
    xtdata.unsubscribe_quote(number)


def test_the_simulations_own_trade_is_pushed(xtdata: Any, terminal: Terminal) -> None:
    inbox = Inbox()
    number = xtdata.subscribe_whole_quote([CODE], inbox)
    terminal.order_by_hand("buy", CODE, 10.49, 300)
    told = inbox.wait_for(2)
    assert (told[1][CODE]["lastPrice"], told[1][CODE]["pvolume"]) == (10.49, 300)
    xtdata.unsubscribe_quote(number)


def test_a_callback_that_raises_stops_nothing(xtdata: Any, terminal: Terminal, log: list[str]) -> None:
    bad, good = Inbox(fails=True), Inbox()
    numbers = [xtdata.subscribe_quote(CODE, "tick", callback=one) for one in (bad, good)]
    terminal.market.set(CODE, last=10.50)
    assert [datas[CODE][0]["lastPrice"] for datas in good.wait_for(2)] == [10.48, 10.50]
    assert len(bad.wait_for(2)) == 2
    assert sum("行情回调" in line and "the script's own mistake" in line for line in log) >= 1
    for number in numbers:
        xtdata.unsubscribe_quote(number)


def test_after_unsubscribing_nothing_comes_and_a_callback_may_unsubscribe(
    xtdata: Any, terminal: Terminal
) -> None:
    once, always = Inbox(), Inbox()

    def one_shot(datas: dict[str, Any]) -> None:
        once(datas)
        xtdata.unsubscribe_quote(number)

    number = xtdata.subscribe_quote(CODE, "tick", callback=one_shot)
    other = xtdata.subscribe_quote(CODE, "tick", callback=always)
    once.wait_for(1)
    for price in (10.50, 10.51):
        terminal.market.set(CODE, last=price)
    always.wait_for(3)
    assert len(once.told) == 1
    xtdata.unsubscribe_quote(other)
    xtdata.unsubscribe_quote(987654)


def test_a_subscription_without_callback_or_to_nothing_known(xtdata: Any, log: list[str]) -> None:
    assert xtdata.subscribe_quote(CODE, "1m") > 0
    assert xtdata.subscribe_quote("999999.SH", "tick", callback=Inbox()) == -1
    assert xtdata.subscribe_whole_quote(["999999.SH"], Inbox()) == -1
    assert sum("订阅失败" in line for line in log) == 2
    with pytest.raises(ValueError, match="l2thousand"):
        xtdata.subscribe_quote(CODE, "l2thousand", callback=Inbox())


def test_subscriptions_end_with_the_terminal_and_run_raises(terminal: Terminal) -> None:
    xtdata: Any = make_xtdata(lambda: LocalMarket(terminal), lambda seconds: terminal.crash())
    inbox = Inbox()
    xtdata.subscribe_quote(CODE, "tick", callback=inbox)
    inbox.wait_for(1)
    with pytest.raises(RuntimeError, match="行情服务连接断开"):
        on_a_thread(xtdata.run)
    with pytest.raises(RuntimeError, match="无法连接行情服务"):
        xtdata.get_full_tick([CODE])
    terminal.restart()
    assert xtdata.get_full_tick([CODE])[CODE]["lastPrice"] == 10.48
    terminal.market.set(CODE, last=10.50)
    assert len(inbox.told) == 1


@pytest.mark.parametrize(
    "name", ["get_market_data", "get_divid_factors", "subscribe_l2thousand", "connect", "typo"]
)
def test_anything_else_raises_an_error_that_names_it(xtdata: Any, name: str) -> None:
    with pytest.raises(NotSimulated, match=f"xtdata.{name}；"):
        getattr(xtdata, name)
    assert not hasattr(xtdata, name)


def test_names_of_the_language_are_left_alone(xtdata: ModuleType) -> None:
    assert xtdata.__name__ == "xtquant.xtdata"
    with pytest.raises(AttributeError, match="__wrapped__") as raised:
        xtdata.__wrapped__  # noqa: B018
    assert not isinstance(raised.value, NotSimulated)


RAW = """
import sys
from xtquant import xtdata
import xtquant.xtdata
from xtquant.xtdata import get_full_tick
from xtquant.xttrader import XtQuantTrader, XtQuantTraderCallback
from xtquant.xttype import StockAccount
from xtquant import xtconstant
import threading

assert sys.modules["xtquant.xtdata"] is xtdata is xtquant.xtdata
seen, bought = [], threading.Event()

def on_quote(datas):
    for code in datas:
        seen.append(datas[code][-1]["lastPrice"])
        if datas[code][-1]["transactionNum"]:
            bought.set()

xtdata.download_history_data("600000.SH", "1m")
xtdata.subscribe_quote("600000.SH", period="tick", count=-1, callback=on_quote)
tick = get_full_tick(["600000.SH"])["600000.SH"]
limit = xtdata.get_instrument_detail("600000.SH")["UpStopPrice"]
trader = XtQuantTrader(r"D:\\\\QMT\\\\userdata_mini", 7)
account = StockAccount("1000000365")
trader.start()
assert trader.connect() == 0 and trader.subscribe(account) == 0
order = trader.order_stock(
    account, "600000.SH", xtconstant.STOCK_BUY, 200, xtconstant.FIX_PRICE, tick["askPrice"][0], "raw", "1"
)
assert bought.wait(20)
bars = xtdata.get_market_data_ex(["close", "volume"], ["600000.SH"], period="1d", count=1)["600000.SH"]
print("LIMIT", limit, "SEEN", seen[0], seen[-1], "DAY", bars["close"].iloc[-1], bars["volume"].iloc[-1])
try:
    xtdata.get_financial_data(["600000.SH"])
except AttributeError as error:
    print("REFUSED", error)
trader.stop()
"""


def test_a_raw_script_reads_quotes_and_trades(tmp_path: Path) -> None:
    done = sim_run(tmp_path, RAW)
    assert done.returncode == 0, done.stderr
    assert "LIMIT 11.44 SEEN 10.48 10.49 DAY 10.49 2" in done.stdout
    assert "REFUSED 仿真行情没有 xtdata.get_financial_data；" in done.stdout


def test_run_blocks_until_the_script_is_ended(tmp_path: Path) -> None:
    text = "from xtquant import xtdata\nprint('RUNS', flush=True)\nxtdata.run()\nprint('CAME BACK')\n"
    done = sim_run(tmp_path, text, "--seconds", "1")
    assert done.returncode == 0, done.stderr
    assert "RUNS" in done.stdout
    assert "CAME BACK" not in done.stdout


REMOTE = """
from xtquant import xtdata
import threading
there = threading.Event()

def on_quote(datas):
    there.set()
    print("TOLD", sorted(datas), flush=True)

xtdata.subscribe_whole_quote(["600000.SH"], on_quote)
assert there.wait(20)
print("LAST", xtdata.get_full_tick(["600000.SH"])["600000.SH"]["lastPrice"])
print("BARS", len(xtdata.get_market_data_ex([], ["600000.SH"], "1m", fill_data=False)["600000.SH"]))
"""


def test_the_market_of_a_terminal_in_another_process(tmp_path: Path) -> None:
    with spawn(tmp_path / "terminal"):
        home = tmp_path / "terminal"
        xtdata: Any = make_xtdata(lambda: RemoteMarket(control(home)))
        inbox = Inbox()
        number = xtdata.subscribe_quote(CODE, "tick", callback=inbox)
        with control(home) as user:
            user.market.set(CODE, last=10.70)
            assert user.market.replay(str(SAMPLES / "minutes.csv"), 0) == 26 * 4
        inbox.wait_until(lambda told: any(datas[CODE][0]["lastPrice"] == 10.70 for datas in told))
        assert xtdata.get_instrument_detail(CODE)["UpStopPrice"] == 11.44
        assert "600036.SH" in xtdata.get_stock_list_in_sector("沪深A股")
        assert xtdata.get_full_tick([CODE])[CODE]["bidPrice"][0] == 10.69
        assert not xtdata.get_market_data_ex([], [CODE], "tick")[CODE].empty
        xtdata.unsubscribe_quote(number)
        done = sim_run(tmp_path, REMOTE, "--terminal", str(home))
        assert done.returncode == 0, done.stderr
        assert "TOLD ['600000.SH']" in done.stdout
        assert "LAST 10.7\nBARS 1" in done.stdout
    with pytest.raises(LinkError, match="仿真终端"):
        xtdata.get_full_tick([CODE])
