"""balance, position, today_entrusts, today_trades, cancel_entrusts: easytrader's keys, then the newer fields."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from easytrader_qmt.clock import SystemClock
from easytrader_qmt.errors import QueryFailed
from easytrader_qmt.records import Records
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.layer import native_module
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import BALANCE_KEYS, ENTRUST_KEYS, POSITION_KEYS, TRADE_KEYS

# Fields of newer xtquant versions, after the documented ones, and the native struct that may lack them.
NEWER: dict[str, tuple[str, list[str], list[str]]] = {
    "balance": ("XtAsset", BALANCE_KEYS, ["fetch_balance"]),
    "position": (
        "XtPosition",
        POSITION_KEYS,
        ["instrument_name", "last_price", "profit_rate", "float_profit", "secu_account"],
    ),
    "today_entrusts": ("XtOrder", ENTRUST_KEYS, ["instrument_name", "secu_account"]),
    "cancel_entrusts": ("XtOrder", ENTRUST_KEYS, ["instrument_name", "secu_account"]),
    "today_trades": ("XtTrade", TRADE_KEYS, ["commission", "instrument_name", "secu_account"]),
}


def at_version(struct: str, field: str, value: Any) -> Any:
    """What a row shows of a field: None where the installed xtquant's struct lacks it."""
    return value if hasattr(getattr(native_module(), struct), field) else None


@pytest.fixture
def traded(user: SimTrader, terminal: Terminal) -> SimTrader:
    """A trader with a position, a fill, and an order that rests partly filled."""
    terminal.hold("162411", 1000, 0.61)
    terminal.market.set("600036", ask1=35.50, ask1_volume=100)
    user.buy("600036", price=35.5, amount=300, strategy_name="网格", remark="first")
    user.drain()
    return user


@pytest.mark.parametrize("query", NEWER)
def test_keys_never_vary(query: str, traded: SimTrader) -> None:
    struct, documented, newer = NEWER[query]
    records = getattr(traded, query)
    assert isinstance(records, Records)
    assert isinstance(records, list)
    assert len(records) >= 1
    for row in records:
        assert type(row) is dict
        assert list(row) == documented + newer
        for field in newer:
            lacking = not hasattr(getattr(native_module(), struct), field)
            assert (row[field] is None) == lacking, field


@pytest.mark.parametrize("query", NEWER)
def test_answers_survive_json(query: str, traded: SimTrader) -> None:
    records = getattr(traded, query)
    assert json.loads(json.dumps(records)) == records


def test_empty_answers_are_lists(user: SimTrader) -> None:
    for query in ("position", "today_entrusts", "today_trades", "cancel_entrusts"):
        assert getattr(user, query) == []
        assert list(getattr(user, query).df.columns) == NEWER[query][1] + NEWER[query][2]


def test_balance(traded: SimTrader) -> None:
    [row] = traded.balance
    fees = 5.0 + 0.04
    frozen = 200 * 35.5 + 0.07
    cash = 10_000_000 - 100 * 35.5 - fees - frozen
    value = 100 * 35.5 + 1000 * 0.618
    assert row["cash"] == pytest.approx(cash, abs=0.011)
    assert row["frozen_cash"] == pytest.approx(frozen, abs=0.011)
    assert row["market_value"] == pytest.approx(value)
    assert row["total_asset"] == pytest.approx(row["cash"] + row["frozen_cash"] + value)
    assert row["account_type"] == 2
    assert row["account_id"] == "SIM0000000001"
    assert row["fetch_balance"] == at_version("XtAsset", "fetch_balance", row["cash"])


def test_position(traded: SimTrader) -> None:
    held, bought = sorted(traded.position, key=lambda row: row["security"])
    assert (held["security"], held["stock_code"]) == ("162411", "162411.SZ")
    assert (held["volume"], held["can_use_volume"], held["yesterday_volume"]) == (1000, 1000, 1000)
    assert held["open_price"] == held["avg_price"] == pytest.approx(0.61)
    assert held["market_value"] == pytest.approx(618.0)
    assert (held["frozen_volume"], held["on_road_volume"], held["direction"]) == (0, 0, 48)
    assert (held["account_type"], held["account_id"]) == (2, "SIM0000000001")
    assert held["instrument_name"] == at_version("XtPosition", "instrument_name", "华宝油气")
    assert held["last_price"] == at_version("XtPosition", "last_price", 0.618)
    if held["float_profit"] is not None:
        assert held["float_profit"] == pytest.approx(8.0)
        assert held["profit_rate"] == pytest.approx(8 / 610)
    assert (bought["security"], bought["volume"], bought["can_use_volume"]) == ("600036", 100, 0)
    assert (bought["on_road_volume"], bought["yesterday_volume"]) == (100, 0)
    assert bought["open_price"] == pytest.approx(35.5)
    assert bought["avg_price"] == pytest.approx((3550 + 5.04) / 100)


def test_today_entrusts(traded: SimTrader) -> None:
    [row] = traded.today_entrusts
    assert (row["security"], row["stock_code"]) == ("600036", "600036.SH")
    assert row["order_id"] > 0
    assert re.fullmatch(r"\d+", row["order_sysid"])
    assert abs(row["order_time"] - SystemClock().now()) < 60
    assert (row["order_type"], row["order_type_name"]) == (23, "买入")
    assert (row["price_type"], row["price_type_name"]) == (50, "限价")
    assert (row["order_volume"], row["traded_volume"]) == (300, 100)
    assert (row["price"], row["traded_price"]) == (35.5, 35.5)
    assert (row["order_status"], row["order_status_name"]) == (55, "部成")
    assert row["status_msg"] == ""
    assert (row["offset_flag"], row["offset_flag_name"]) == (48, "买入")
    assert (row["direction"], row["direction_name"]) == (48, "多")
    assert (row["strategy_name"], row["order_remark"]) == ("网格", "first")
    assert traded.cancel_entrusts == [row]


def test_today_trades(traded: SimTrader) -> None:
    [row] = traded.today_trades
    [order] = traded.today_entrusts
    assert (row["security"], row["stock_code"]) == ("600036", "600036.SH")
    assert row["traded_id"]
    assert abs(row["traded_time"] - SystemClock().now()) < 60
    assert (row["traded_price"], row["traded_volume"], row["traded_amount"]) == (35.5, 100, 3550.0)
    for key in ("order_id", "order_sysid", "strategy_name", "order_remark", "account_id", "account_type"):
        assert row[key] == order[key]
    assert (row["order_type_name"], row["offset_flag_name"]) == ("买入", "买入")
    assert row["commission"] == at_version("XtTrade", "commission", 5.0)


def test_a_sale_by_its_names(user: SimTrader, terminal: Terminal) -> None:
    terminal.hold("600036", 200, 30.0)
    user.sell("600036", price=35.4, amount=200)
    [order], [trade] = user.today_entrusts, user.today_trades
    assert (order["order_type"], order["order_type_name"], order["offset_flag_name"]) == (24, "卖出", "卖出")
    assert (trade["order_type"], trade["order_type_name"], trade["offset_flag"]) == (24, "卖出", 49)
    assert trade["traded_price"] == 35.49


def test_cancel_entrusts_are_those_that_can_still_be_cancelled(user: SimTrader) -> None:
    filled = user.buy("600036", 35.5, 100)["entrust_no"]
    resting = user.buy("600036", 35.0, 100)["entrust_no"]
    gone = user.buy("600036", 34.9, 100)["entrust_no"]
    user.cancel_entrust(gone)
    assert {row["order_id"] for row in user.today_entrusts} == {filled, resting, gone}
    assert [row["order_id"] for row in user.cancel_entrusts] == [resting]


def test_statuses_by_name(user: SimTrader) -> None:
    filled = user.buy("600036", 35.5, 100)["entrust_no"]
    resting = user.buy("600036", 35.0, 100)["entrust_no"]
    gone = user.buy("600036", 34.9, 100)["entrust_no"]
    user.cancel_entrust(gone)
    junk = user.buy("600036", 35.5, 100_000_0)["entrust_no"]
    names = {row["order_id"]: row["order_status_name"] for row in user.today_entrusts}
    assert names == {filled: "已成", resting: "已报", gone: "已撤", junk: "废单"}


def test_an_unknown_code_shows_as_itself(user: SimTrader, terminal: Terminal, monkeypatch: Any) -> None:
    user.buy("600036", 35.0, 100)
    row = dict(terminal.orders()[0], order_status=99, price_type=1234, order_type=777)
    row.update(offset_flag=3, direction=7)
    monkeypatch.setattr(terminal.counter, "orders", lambda *args, **words: [row])
    [shown] = user.today_entrusts
    for name, code in (("order_status", 99), ("price_type", 1234), ("order_type", 777)):
        assert shown[name] == shown[f"{name}_name"] == code
    assert (shown["offset_flag_name"], shown["direction_name"]) == (3, 7)


def test_an_order_placed_by_hand(user: SimTrader, terminal: Terminal) -> None:
    sysid = terminal.order_by_hand("buy", "600036", 35.0, 100)
    [row] = user.today_entrusts
    assert (row["order_id"], row["order_sysid"], row["order_remark"]) == (0, sysid, "")


def test_none_is_not_empty(user: SimTrader, terminal: Terminal, monkeypatch: Any) -> None:
    user.buy("600036", 35.5, 100)
    for name, query in (
        ("positions", "position"),
        ("orders", "today_entrusts"),
        ("trades", "today_trades"),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(terminal.counter, name, lambda *args, **words: [])
            patch.setattr(terminal.counter, "asset", lambda *args: None)
            with pytest.raises(QueryFailed):
                getattr(user, query)
        assert len(getattr(user, query)) == 1
    with monkeypatch.context() as patch:
        patch.setattr(terminal.counter, "asset", lambda *args: None)
        with pytest.raises(QueryFailed):
            _ = user.balance


@pytest.mark.parametrize("query", ["position", "today_entrusts", "today_trades"])
def test_a_login_that_comes_after_an_empty_list_does_not_prove_it(
    user: SimTrader, terminal: Terminal, monkeypatch: Any, query: str
) -> None:
    user.buy("600036", 35.5, 100)
    terminal.faults.log_out()
    request = terminal.request

    def login_first(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "queryStockAsset":
            terminal.faults.log_in()
        request(client, name, seq, fields)

    monkeypatch.setattr(terminal, "request", login_first)
    assert len(getattr(user, query)) == 1


def test_a_frozen_terminal_is_not_waited_for(new_user: Any, terminal: Terminal) -> None:
    user = new_user()
    user.connect(call_timeout=0.3)
    terminal.faults.freeze()
    for query in ("balance", "position", "today_entrusts"):
        with pytest.raises(QueryFailed):
            getattr(user, query)
    terminal.faults.thaw()
    assert user.balance[0]["cash"] == 10_000_000


def test_frames_and_tables(traded: SimTrader) -> None:
    frame = traded.today_entrusts.df
    assert str(frame["order_time"].dt.tz) == "Asia/Shanghai"
    assert list(traded.today_trades.zh.columns)[:3] == ["证券代码", "证券全码", "成交编号"]
    assert "600036.SH" in repr(traded.position)
    assert traded.today_entrusts.where(security="sh600036", status="部成")


def test_drain_keeps_its_timeout_while_the_terminal_is_silent(user: SimTrader, terminal: Terminal) -> None:
    terminal.faults.freeze()
    began = time.monotonic()
    user.drain(0.2)
    assert time.monotonic() - began < 5, "a query's own deadline, ten seconds, came on top of it"
    terminal.faults.thaw()
