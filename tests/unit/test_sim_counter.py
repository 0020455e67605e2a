"""The simulated counter: refusals, fills, costs, T+1, cancels, settlement, and exact accounting."""

from __future__ import annotations

import json
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easytrader_qmt.sim.counter import Counter, merged
from easytrader_qmt.sim.fees import FeeSchedule
from easytrader_qmt.sim.market import Market

A = "SIM1"
NOW = 1_736_128_800.0  # Monday 2025-01-06 10:00 in Shanghai
BUY, SELL = 23, 24
STRUCTS = json.loads(
    (Path(__file__).parent.parent / "native" / "structs-by-version.json").read_text(encoding="utf-8")
)["250807.1.2"]


class Desk:
    """A market and a counter with one account, and orders in one line."""

    def __init__(self, cash=1_000_000.0, depth=100_000, **switches):
        self.market = Market(default_volume=depth)
        self.counter = Counter(self.market, **switches)
        self.counter.open_account(A, cash=cash)

    def order(self, side, code, volume, price=0.0, price_type=11, now=NOW, **more):
        return self.counter.place(A, 2, code, side, volume, price_type, price, "s", "r", now, **more)

    def row(self, placed):
        return self.counter.orders(A, order_id=placed.order_id)[0]

    def position(self, code):
        return self.counter.positions(A, code)[0]

    @property
    def asset(self):
        return self.counter.asset(A)


@pytest.fixture
def desk():
    return Desk()


def kinds(events):
    return [event.kind for event in events]


def statuses(events):
    return [event.fields["order_status"] for event in events if event.kind == "order"]


# --- rows ----------------------------------------------------------------------------------------


def test_rows_have_exactly_the_fields_of_the_newest_structs(desk):
    placed = desk.order(BUY, "600036.SH", 100, 35.5)
    cancel = desk.counter.cancel(A, 12345, now=NOW)
    refused = desk.order(BUY, "600036.SH", 1, 35.5)
    by_kind = {event.kind: event.fields for event in (*placed.events, *cancel.events, *refused.events)}
    expected = {
        "order": "XtOrder",
        "trade": "XtTrade",
        "asset": "XtAsset",
        "position": "XtPosition",
        "order_error": "XtOrderError",
        "cancel_error": "XtCancelError",
    }
    for kind, struct in expected.items():
        assert set(by_kind[kind]) == {names[0] for names in STRUCTS[struct]}, kind
    assert set(desk.counter.account_infos()[0]) == {names[0] for names in STRUCTS["XtAccountInfo"]}
    assert set(desk.counter.account_status()[0]) == {names[0] for names in STRUCTS["XtAccountStatus"]}


def test_rows_are_cached_until_the_order_changes(desk):
    placed = desk.order(BUY, "600036.SH", 100, 35.0)
    before = desk.row(placed)
    assert desk.row(placed) is before
    desk.counter.cancel(A, placed.order_id, now=NOW)
    assert before["order_status"] == 50
    assert desk.row(placed)["order_status"] == 54


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("account", "kind", "code", "order_type", "price_type"),
    [
        ("nobody", 2, "600036.SH", 23, 11),
        (A, 3, "600036.SH", 23, 11),
        (A, 2, "600036", 23, 11),
        (A, 2, "600037.SH", 23, 11),
        (A, 2, "600036.SH", 99, 11),
        (A, 2, "600036.SH", 23, 99),
    ],
)
def test_the_terminal_itself_refuses_what_it_does_not_know(desk, account, kind, code, order_type, price_type):
    placed = desk.counter.place(account, kind, code, order_type, 100, price_type, 35.5, "", "", NOW)
    assert (placed.order_id, placed.events) == (-1, ())
    assert placed.error_msg
    assert desk.counter.orders(A) == []


@pytest.mark.parametrize(
    ("side", "code", "volume", "price", "price_type", "text"),
    [
        (BUY, "600000.SH", 1_000_000, 10.5, 11, "限价买入 [SH600000] [COUNTER] [260200][可用资金不足]"),
        (SELL, "600000.SH", 100, 10.4, 11, "限价卖出 [SH600000] [COUNTER] [251005][证券可用数量不足]"),
        (BUY, "600000.SH", 100, 11.45, 11, "超出涨跌幅限制"),
        (BUY, "600000.SH", 100, 9.35, 11, "超出涨跌幅限制"),
        (BUY, "600000.SH", 100, 10.455, 11, "最小变动单位"),
        (BUY, "600000.SH", 100, float("nan"), 11, "委托价格不合法"),
        (BUY, "600000.SH", 100, 0.0, 11, "委托价格不合法"),
        (BUY, "600000.SH", 150, 10.4, 11, "委托数量不合法"),
        (BUY, "600000.SH", 0, 10.4, 11, "委托数量不合法"),
        (BUY, "600000.SH", -100, 10.4, 11, "委托数量不合法"),
        (BUY, "600000.SH", 1_000_100, 10.4, 11, "超过单笔最大数量"),
        (BUY, "688981.SH", 199, 88.0, 11, "委托数量不合法"),
        (BUY, "688981.SH", 50_001, 88.6, 42, "超过单笔最大数量"),
        (BUY, "131810.SZ", 10, 1.49, 11, "标准券"),
        (BUY, "600000.SH", 100, 0.0, 42, "缺少保护限价"),
        (BUY, "430047.BJ", 100, -1.0, 44, "缺少保护限价"),
        (BUY, "600000.SH", 100, 11.45, 42, "超出涨跌幅限制"),
        (BUY, "000001.SZ", 100, 0.0, 42, "不支持此报价类型"),
        (BUY, "600000.SH", 100, 10.5, 48, "不支持此报价类型"),
    ],
)
def test_the_counter_refuses_with_a_junk_order_and_an_error(
    desk, side, code, volume, price, price_type, text
):
    placed = desk.order(side, code, volume, price, price_type, seq=7)
    assert placed.order_id > 0
    assert (placed.error_id, placed.error_msg) == (0, "")
    assert kinds(placed.events) == ["order", "order_error"]
    order, error = (event.fields for event in placed.events)
    assert (order["order_status"], order["order_sysid"]) == (57, "")
    assert (error["error_id"], error["seq"], error["order_id"]) == (-61, 7, placed.order_id)
    assert text in error["error_msg"]
    assert order["status_msg"] == error["error_msg"]
    json.dumps(desk.counter.state(), allow_nan=False)
    assert (desk.asset["cash"], desk.asset["frozen_cash"]) == (1_000_000.0, 0.0)


def test_suspended_securities_are_refused_and_their_orders_wait(desk):
    resting = desk.order(BUY, "600036.SH", 100, 35.0)
    desk.market.suspend("600036")
    assert "停牌" in desk.order(BUY, "600036.SH", 100, 35.5).events[-1].fields["error_msg"]
    desk.market.set("600036", last=34.5)
    assert desk.counter.match("600036", NOW) == []
    desk.market.resume("600036")
    desk.counter.match("600036.SH", NOW)
    assert desk.row(resting)["order_status"] == 56


def test_no_opposing_quote_refuses_market_orders(desk):
    desk.market.set("600036", last=38.94)
    assert "对手方无报价" in desk.order(BUY, "600036.SH", 100, 38.94, 42).events[-1].fields["error_msg"]
    assert statuses(desk.order(BUY, "600036.SH", 100, 38.94).events) == [50]


def test_own_best_needs_that_side(desk):
    desk.counter.hold(A, "600036", 100, 30.0)
    desk.market.set("600036", last=38.94)
    placed = desk.order(SELL, "600036.SH", 100, 38.0, 45)
    assert "本方无报价" in placed.events[-1].fields["error_msg"]


def test_trading_hours_are_kept_when_switched_on():
    desk = Desk(trading_hours=True)
    night = NOW + 12 * 3600
    text = desk.order(BUY, "162411.SZ", 100, 0.618, now=night).events[-1].fields["error_msg"]
    assert text == "限价买入 [SZ162411] [COUNTER] [12313][当前时间不允许此类证券交易]"
    auction = NOW - 40 * 60
    assert "集合竞价" in desk.order(BUY, "162411.SZ", 100, 0, 46, now=auction).events[-1].fields["error_msg"]
    waiting = desk.order(BUY, "162411.SZ", 100, 0.618, now=auction)
    assert statuses(waiting.events) == [50]
    assert desk.counter.match("162411", auction) == []
    assert kinds(desk.counter.match("162411", NOW))[0] == "trade"
    assert statuses(desk.order(BUY, "162411.SZ", 100, 0.618, now=NOW).events) == [50, 56]


# --- selling -------------------------------------------------------------------------------------


def test_an_odd_remainder_leaves_all_at_once(desk):
    desk.counter.hold(A, "600036", 350, 30.0)
    for volume, fine in ((30, False), (120, False), (250, True), (50, False), (100, True)):
        assert (statuses(desk.order(SELL, "600036.SH", volume, 35.0).events) != [57]) is fine, volume
    assert desk.position("600036.SH")["volume"] == 0


def test_a_lone_odd_remainder_can_be_sold(desk):
    desk.counter.hold(A, "600036", 150, 30.0)
    assert statuses(desk.order(SELL, "600036.SH", 100, 35.0).events)[-1] == 56
    assert statuses(desk.order(SELL, "600036.SH", 20, 35.0).events) == [57]
    assert statuses(desk.order(SELL, "600036.SH", 50, 35.0).events)[-1] == 56


def test_star_below_two_hundred_only_as_the_whole_remainder(desk):
    desk.counter.hold(A, "688981", 450, 80.0)
    assert statuses(desk.order(SELL, "688981.SH", 199, 88.0).events) == [57]
    assert statuses(desk.order(SELL, "688981.SH", 251, 88.0).events)[-1] == 56
    assert statuses(desk.order(SELL, "688981.SH", 100, 88.0).events) == [57]
    assert statuses(desk.order(SELL, "688981.SH", 199, 88.0).events)[-1] == 56


# --- fills and costs -----------------------------------------------------------------------------


def test_a_buy_fills_at_the_quote_with_its_costs_and_is_t_plus_one(desk):
    placed = desk.order(BUY, "600036.SH", 1000, 36.0)
    assert kinds(placed.events) == ["order", "trade", "order", "asset", "position"]
    assert statuses(placed.events) == [50, 56]
    trade, row = desk.counter.trades(A)[0], desk.row(placed)
    assert (trade["traded_price"], trade["traded_amount"], trade["commission"]) == (35.5, 35500.0, 8.88)
    assert (row["price"], row["traded_price"], row["price_type"]) == (36.0, 35.5, 50)
    assert (row["direction"], row["offset_flag"], row["instrument_name"]) == (48, 48, "招商银行")
    assert row["order_time"] == int(NOW)
    assert row["order_sysid"].isdigit()
    assert trade["traded_id"].isdigit()
    held = desk.position("600036.SH")
    assert (held["volume"], held["can_use_volume"], held["on_road_volume"]) == (1000, 0, 1000)
    fees = 8.88 + 0.36  # 35500 x 0.025 %, 0.001 %
    assert held["open_price"] == 35.5
    assert held["avg_price"] == pytest.approx(35.5 + fees / 1000, abs=1e-12)
    assert desk.asset["cash"] == pytest.approx(1_000_000 - 35_500 - fees, abs=1e-9)
    assert desk.asset["frozen_cash"] == 0.0
    assert "证券可用数量不足" in desk.order(SELL, "600036.SH", 100, 35.0).events[-1].fields["error_msg"]


def test_a_sale_pays_stamp_duty_and_its_money_cannot_be_withdrawn_today(desk):
    desk.counter.hold(A, "600036", 1000, 30.0)
    placed = desk.order(SELL, "600036.SH", 1000, 35.0)
    assert desk.row(placed)["offset_flag"] == 49
    net = 35_490 - 8.87 - 17.75 - 0.35  # commission, stamp duty (17.745 half up), transfer fee
    assert desk.asset["cash"] == pytest.approx(1_000_000 + net, abs=1e-9)
    assert desk.asset["fetch_balance"] == 1_000_000.0
    desk.counter.settle(NOW)
    assert desk.asset["fetch_balance"] == desk.asset["cash"]


def test_the_minimum_commission_is_paid_once_per_order(desk):
    desk.market.set("510300", asks=[(4.012, 100), (4.013, 100), (4.014, 100)])
    placed = desk.order(BUY, "510300.SH", 300, 4.02)
    assert statuses(placed.events) == [50, 55, 55, 56]
    assert [trade["commission"] for trade in desk.counter.trades(A)] == [5.0, 0.0, 0.0]
    assert desk.asset["cash"] == pytest.approx(1_000_000 - 1203.9 - 5, abs=1e-9)
    assert desk.row(placed)["traded_price"] == pytest.approx(4.013)


def test_a_sale_in_several_fills_pays_what_one_fill_would():
    desks = [Desk(), Desk()]
    desks[0].market.set("600036", bids=[(35.4, 10_000)])
    desks[1].market.set("600036", bids=[(35.45, 333), (35.4, 9_334), (35.35, 333)])
    for desk in desks:
        desk.counter.hold(A, "600036", 10_000, 30.0)
        desk.order(SELL, "600036.SH", 10_000, 35.0)
    assert desks[0].asset["cash"] == desks[1].asset["cash"]
    assert len(desks[1].counter.trades(A)) == 3


def test_a_tiny_sale_never_costs_more_than_it_brings():
    desk = Desk(cash=0.0)
    desk.counter.hold(A, "600036", 1, 30.0)
    desk.market.set("600036", prev_close=2.0, last=2.0)
    desk.order(SELL, "600036.SH", 1, 1.9)
    assert desk.asset["cash"] == 0.0
    assert desk.position("600036.SH")["volume"] == 0


def test_convertibles_and_t0_funds_can_be_sold_the_same_day(desk):
    for code, volume in (("113050.SH", 10), ("511880.SH", 100)):
        ask = desk.market.quote(code).ask1
        desk.order(BUY, code, volume, ask)
        assert desk.position(code)["can_use_volume"] == volume
        assert statuses(desk.order(SELL, code, volume, desk.market.quote(code).bid1).events)[-1] == 56


def test_cash_is_frozen_while_a_buy_rests_and_shares_while_a_sale_rests(desk):
    placed = desk.order(BUY, "600036.SH", 1000, 35.0)
    assert kinds(placed.events) == ["order", "asset"]
    assert desk.asset["frozen_cash"] == pytest.approx(35_000 + 8.75 + 0.35, abs=1e-9)
    assert desk.asset["total_asset"] == 1_000_000.0
    desk.counter.hold(A, "600036", 500, 30.0)
    desk.order(SELL, "600036.SH", 300, 38.0)
    held = desk.position("600036.SH")
    assert (held["frozen_volume"], held["can_use_volume"]) == (300, 200)


def test_a_resting_order_fills_when_the_quote_reaches_it(desk):
    placed = desk.order(BUY, "600036.SH", 1000, 35.0)
    later = desk.order(BUY, "600036.SH", 1000, 35.0)
    better = desk.order(BUY, "600036.SH", 200, 35.1)
    desk.market.set("600036", ask1=34.9, ask1_volume=700)
    events = desk.counter.match("600036.SH", NOW + 1)
    assert kinds(events)[:2] == ["trade", "order"]
    assert desk.row(better)["order_status"] == 56
    assert (desk.row(placed)["order_status"], desk.row(placed)["traded_volume"]) == (55, 500)
    assert desk.row(later)["order_status"] == 50
    assert desk.counter.match("600036.SH", NOW + 1) == []


# --- price types ---------------------------------------------------------------------------------

ASKS = [(11.36, 100), (11.37, 200), (11.38, 300), (11.39, 400), (11.40, 500)]


@pytest.mark.parametrize(
    ("code", "price_type", "volume", "price", "broker", "filled", "final"),
    [
        ("600036.SH", 42, 400, 11.38, 88, 400, 56),
        ("600036.SH", 42, 2000, 11.38, 88, 600, 53),
        ("600036.SH", 42, 2000, 11.35, 88, 0, 54),
        ("600036.SH", 43, 2000, 11.38, 85, 600, 55),
        ("600036.SH", 44, 400, 11.40, 84, 100, 55),
        ("600036.SH", 45, 400, 11.40, 86, 0, 50),
        ("000001.SZ", 44, 400, 0.0, 84, 100, 55),
        ("000001.SZ", 45, 400, 0.0, 86, 0, 50),
        ("000001.SZ", 46, 2000, 0.0, 87, 1500, 53),
        ("000001.SZ", 47, 2000, -1.0, 88, 1500, 53),
        ("000001.SZ", 48, 1500, 0.0, 89, 1500, 56),
        ("000001.SZ", 48, 1600, 0.0, 89, 0, 54),
        ("000001.SZ", 5, 400, 99.9, 50, 100, 55),
        ("430047.BJ", 42, 2000, 11.40, 88, 1500, 53),
    ],
)
def test_price_types(desk, code, price_type, volume, price, broker, filled, final):
    desk.market.set(code, prev_close=11.3, last=11.36, bids=[(11.35, 100)], asks=ASKS)
    placed = desk.order(BUY, code, volume, price, price_type)
    row = desk.row(placed)
    assert (row["price_type"], row["traded_volume"], row["order_status"]) == (broker, filled, final)
    if final in (53, 54, 56):
        assert desk.asset["frozen_cash"] == 0.0
        assert not desk.counter.orders(A, cancelable=True)
    if price_type == 43:
        desk.market.set(code, ask1=11.38)
        desk.counter.match(code, NOW)
        assert desk.row(placed)["order_status"] == 56
    if price_type in (44, 45, 5):
        assert row["price"] == {44: 11.36, 45: 11.35, 5: 11.36}[price_type]


@pytest.mark.parametrize("price_type", [44, 45])
@pytest.mark.parametrize(
    ("code", "price", "at"),
    [("600036.SH", 11.40, 11.40), ("600036.SH", 0.0, 12.43), ("000001.SZ", 11.40, 12.43)],
)
def test_a_best_price_order_needs_the_money_for_its_worst_price(price_type, code, price, at):
    """Its protect price in Shanghai, else the day's limit; once at the exchange it keeps what its own limit needs."""
    best = {44: 11.36, 45: 11.35}[price_type]
    needed = round(400 * at + 5 + round(400 * at * 1e-5, 2), 2)
    for cash, taken in ((needed - 0.01, False), (needed, True)):
        desk = Desk(cash=round(cash, 2), protect_price_required=False)
        desk.market.set(code, prev_close=11.3, last=11.36, bids=[(11.35, 100)], asks=ASKS)
        placed = desk.order(BUY, code, 400, price, price_type)
        assert (statuses(placed.events)[0] == 50) is taken
        if not taken:
            assert "[260200]" in desk.row(placed)["status_msg"]
            continue
        left = 400 - desk.row(placed)["traded_volume"]
        frozen = desk.asset["frozen_cash"]
        assert left * best <= frozen <= left * best + 5.1
        assert desk.row(placed)["price"] == best
        told = [event.fields["frozen_cash"] for event in placed.events if event.kind == "asset"]
        assert told[-1] == frozen


def test_selling_at_market_takes_the_bids(desk):
    desk.counter.hold(A, "600036", 500, 30.0)
    desk.market.set("600036", bids=[(35.4, 100), (35.3, 100), (35.2, 100)])
    placed = desk.order(SELL, "600036.SH", 500, 35.3, 42)
    row, held = desk.row(placed), desk.position("600036.SH")
    assert (row["order_status"], row["traded_volume"]) == (53, 200)
    assert (held["volume"], held["frozen_volume"]) == (300, 0)


def test_the_protect_price_can_be_made_optional():
    desk = Desk(protect_price_required=False)
    assert statuses(desk.order(BUY, "600036.SH", 100, 0.0, 42).events) == [50, 56]


# --- cancels -------------------------------------------------------------------------------------


def test_a_cancel_goes_through_pending_and_frees_what_was_frozen(desk):
    placed = desk.order(BUY, "600036.SH", 1000, 35.0)
    done = desk.counter.cancel(A, placed.order_id, now=NOW)
    assert (done.result, done.order_id, done.error_msg) == (0, placed.order_id, "")
    assert statuses(done.events) == [51, 54]
    assert (desk.asset["cash"], desk.asset["frozen_cash"]) == (1_000_000.0, 0.0)


def test_no_cancels_at_the_end_of_an_auction_when_hours_are_kept(desk):
    nine_twenty = NOW - 40 * 60
    placed = desk.order(BUY, "600036.SH", 100, 35.0)
    desk.counter.trading_hours = True
    before = desk.counter.state()
    done = desk.counter.cancel(A, placed.order_id, now=nine_twenty)
    assert (done.result, done.order_id, kinds(done.events)) == (-1, placed.order_id, ["cancel_error"])
    assert done.error_msg == "撤单 [SH600036] [COUNTER] [12317][当前时间不允许撤单]"
    error = done.events[0].fields
    assert (error["error_id"], error["error_msg"]) == (-61, done.error_msg)
    assert desk.counter.state() == before
    assert "未找到该委托" in desk.counter.cancel(A, 1, now=nine_twenty).error_msg
    assert desk.counter.cancel(A, placed.order_id, now=nine_twenty - 1).result == 0
    assert "委托已终结" in desk.counter.cancel(A, placed.order_id, now=nine_twenty).error_msg
    again = desk.order(BUY, "600036.SH", 100, 35.0, now=nine_twenty)
    desk.counter.trading_hours = False
    assert desk.counter.cancel(A, again.order_id, now=nine_twenty).result == 0


def test_a_partly_filled_order_is_partly_cancelled(desk):
    desk.market.set("600036", ask1=35.5, ask1_volume=300)
    placed = desk.order(BUY, "600036.SH", 1000, 35.5)
    done = desk.counter.cancel(A, placed.order_id, now=NOW)
    assert statuses(done.events) == [52, 53]
    assert desk.asset["frozen_cash"] == 0.0


def test_cancelling_twice_breaks_nothing(desk):
    placed = desk.order(BUY, "600036.SH", 1000, 35.0)
    desk.counter.cancel(A, placed.order_id, now=NOW)
    before = desk.counter.state()
    again = desk.counter.cancel(A, placed.order_id, now=NOW)
    assert (again.result, kinds(again.events)) == (-1, ["cancel_error"])
    assert again.events[0].fields["order_id"] == placed.order_id
    assert desk.counter.state() == before


@pytest.mark.parametrize(("code", "market"), [("600036.SH", 0), ("000001.SZ", 1), ("430047.BJ", 70)])
def test_cancel_by_sysid_needs_the_right_market(desk, code, market):
    price = desk.market.quote(code).lower_limit
    sysid = desk.row(desk.order(BUY, code, 100, price))["order_sysid"]
    wrong = desk.counter.cancel(A, order_sysid=sysid, market=5, now=NOW)
    fields = wrong.events[0].fields
    assert (wrong.result, fields["order_sysid"], fields["order_id"], fields["market"]) == (-1, sysid, 0, 5)
    assert desk.counter.cancel(A, order_sysid=sysid, market=market, now=NOW).result == 0


def test_nobody_cancels_another_accounts_order(desk):
    desk.counter.open_account("SIM2", cash=1.0)
    placed = desk.order(BUY, "600036.SH", 100, 35.0)
    assert desk.counter.cancel("SIM2", placed.order_id, now=NOW).result == -1
    assert desk.counter.orders("SIM2", order_id=placed.order_id) == []
    assert desk.counter.cancel("nobody", 0, now=NOW).result == -1


def test_orders_by_hand_have_only_a_sysid(desk):
    placed = desk.order(BUY, "600036.SH", 100, 35.0, by_hand=True)
    row = desk.counter.orders(A)[0]
    assert (placed.order_id, row["order_id"], row["order_remark"], row["strategy_name"]) == (0, 0, "", "")
    assert desk.counter.cancel(A, 0, now=NOW).result == -1
    assert desk.counter.cancel(A, order_sysid=row["order_sysid"], market=0, now=NOW).result == 0
    assert kinds(desk.order(BUY, "600036.SH", 1, 35.0, by_hand=True).events) == ["order"]


# --- settlement, repo, money ---------------------------------------------------------------------


def test_settlement_starts_a_new_day(desk):
    desk.order(BUY, "600036.SH", 1000, 35.5)
    resting = desk.order(BUY, "600036.SH", 1000, 35.0)
    desk.counter.hold(A, "600000", 100, 10.0)
    desk.order(SELL, "600000.SH", 100, 10.0)
    assert desk.position("600000.SH")["volume"] == 0
    events = desk.counter.settle(NOW)
    assert (events[0].fields["order_id"], events[0].fields["order_status"]) == (resting.order_id, 54)
    assert (desk.counter.orders(A), desk.counter.trades(A)) == ([], [])
    assert [row["stock_code"] for row in desk.counter.positions(A)] == ["600036.SH"]
    held = desk.position("600036.SH")
    assert (held["can_use_volume"], held["yesterday_volume"], held["on_road_volume"]) == (1000, 1000, 0)
    assert desk.asset["frozen_cash"] == 0.0
    assert desk.market.quote("600036").prev_close == 35.5
    again = desk.order(SELL, "600036.SH", 1000, 35.0)
    assert again.order_id > resting.order_id


def test_reverse_repo_lends_and_returns_with_interest(desk):
    placed = desk.order(SELL, "204001.SH", 1000, 1.5)
    assert kinds(placed.events) == ["order", "trade", "order", "asset"]
    trade = desk.counter.trades(A)[0]
    assert (trade["traded_price"], trade["traded_amount"], trade["commission"]) == (1.51, 100_000.0, 1.0)
    assert desk.asset["cash"] == pytest.approx(899_999.0)
    assert desk.asset["total_asset"] == pytest.approx(999_999.0)
    desk.counter.settle(NOW)
    assert desk.asset["cash"] == pytest.approx(1_000_000 - 1 + 4.14)  # 100000 x 1.51 % / 365
    resting = desk.order(SELL, "131810.SZ", 10, 2.0)
    assert desk.asset["frozen_cash"] == pytest.approx(1000.01)
    assert desk.row(resting)["order_status"] == 50


def test_deposits_and_holdings_are_checked(desk):
    desk.counter.deposit(A, -1_000_000, NOW)
    assert desk.asset["cash"] == 0.0
    for wrong in (-0.01, float("nan"), 0.0001):
        with pytest.raises(ValueError, match=r"[\u4e00-\u9fff]"):
            desk.counter.deposit(A, wrong, NOW)
    with pytest.raises(ValueError, match="不存在"):
        desk.counter.deposit("nobody", 1.0, NOW)
    with pytest.raises(ValueError, match="已存在"):
        desk.counter.open_account(A)
    with pytest.raises(KeyError):
        desk.counter.hold(A, "600037", 100, 1.0)
    for wrong in (0, -100, 100.5, True, float("nan"), float("inf"), "100", None):
        with pytest.raises(ValueError, match="数量"):
            desk.counter.hold(A, "600036", wrong, 1.0)
    with pytest.raises(ValueError, match="成本价"):
        desk.counter.hold(A, "600036", 100, -1.0)
    assert desk.counter.positions(A) == []
    desk.counter.hold(A, "600036", 100.0, 1.0)
    assert type(desk.position("600036.SH")["volume"]) is int


def test_profit_follows_the_quote(desk):
    desk.counter.hold(A, "162411", 1000, 0.5)
    desk.market.set("162411", last=0.62)
    held = desk.position("162411.SZ")
    assert (held["market_value"], held["float_profit"], held["last_price"]) == (620.0, 120.0, 0.62)
    assert held["profit_rate"] == pytest.approx(0.24)
    assert desk.asset["market_value"] == 620.0


def test_ids_are_unique_and_rise():
    desk = Desk()
    rows = [desk.row(desk.order(BUY, "600000.SH", 100, 10.5)) for _ in range(20)]
    trades = desk.counter.trades(A)
    assert [row["order_id"] for row in rows] == list(range(1_082_130_433, 1_082_130_453))
    assert len({row["order_sysid"] for row in rows}) == len({trade["traded_id"] for trade in trades}) == 20


# --- kept between runs ---------------------------------------------------------------------------


def test_state_round_trips_and_goes_on_exactly(desk):
    desk.counter.hold(A, "600000", 500, 10.0)
    desk.market.set("600036", ask1=35.5, ask1_volume=300)
    desk.order(BUY, "600036.SH", 1000, 35.5)
    desk.order(SELL, "600000.SH", 100, 11.0, by_hand=True)
    desk.order(BUY, "600036.SH", 1, 35.5)
    state = json.loads(json.dumps(desk.counter.state()))
    again = Counter.restore(state, Market.restore(desk.market.state()))
    assert again.state() == desk.counter.state()
    assert again.changes()["orders"] == []
    desk.market.set("600036", last=35.0)
    again._market.set("600036", last=35.0)
    assert again.match("600036", NOW) == desk.counter.match("600036", NOW)
    assert again.settle(NOW) == desk.counter.settle(NOW)
    assert again.state() == desk.counter.state()


def test_changes_bring_a_stored_state_up_to_date(desk):
    stored = desk.counter.state()
    desk.counter.changes()

    def keep():
        nonlocal stored
        stored = merged(stored, json.loads(json.dumps(desk.counter.changes())))
        assert stored == desk.counter.state()

    placed = desk.order(BUY, "600036.SH", 1000, 35.0)
    keep()
    desk.order(BUY, "600036.SH", 100, 35.5)
    keep()
    desk.counter.open_account("SIM2", cash=5.0)
    desk.counter.cancel(A, placed.order_id, now=NOW)
    desk.counter.trading_hours = True
    keep()
    desk.counter.settle(NOW)
    desk.order(BUY, "600036.SH", 100, 35.5)
    keep()
    unchanged = desk.counter.changes()
    assert (unchanged["accounts"], unchanged["orders"], unchanged["trades"]) == ([], [], [])


# --- exact accounting ----------------------------------------------------------------------------

CODES = ("600036.SH", "688981.SH", "162411.SZ", "113050.SH", "000001.SZ", "204001.SH")
ACTIONS = st.one_of(
    st.tuples(
        st.just("order"),
        st.sampled_from(CODES),
        st.sampled_from([BUY, SELL]),
        st.sampled_from([5, 11, 11, 11, 42, 43, 44, 45, 46, 48]),
        st.sampled_from([1, 10, 100, 150, 200, 300, 1000]),
        st.integers(-3, 3),
    ),
    st.tuples(st.just("move"), st.sampled_from(CODES), st.integers(-5, 5), st.integers(1, 400)),
    st.tuples(st.just("cancel"), st.integers(0, 30)),
    st.tuples(st.just("settle")),
)


def cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)


def fees_of(code: str, selling: bool, amount: Decimal) -> Decimal:
    """The costs of one order by the book, counted anew."""
    if code.startswith("204"):
        return cents(amount * Decimal("0.00001"))
    fees = max(cents(amount * Decimal("0.00025")), Decimal(5))
    if code[0] in "06":
        fees += cents(amount * Decimal("0.00001"))
        fees += cents(amount * Decimal("0.0005")) if selling else 0
    return fees


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(cash=st.integers(0, 400_000), actions=st.lists(ACTIONS, min_size=8, max_size=40))
def test_money_and_shares_are_conserved(cash, actions):
    desk = Desk(cash=float(cash), depth=130)
    for code in ("600036", "688981", "162411"):
        desk.counter.hold(A, code, 1050, 1.0)
    expected = Decimal(cash)
    shares = {"600036.SH": 1050, "688981.SH": 1050, "162411.SZ": 1050}
    trades: list[dict] = []
    for action in actions:
        if action[0] == "order":
            _, code, side, price_type, volume, ticks = action
            quote, tick = desk.market.quote(code), desk.market.instrument(code).tick
            desk.order(side, code, volume, round(quote.last + ticks * tick, 3), price_type)
        elif action[0] == "move":
            _, code, ticks, volume = action
            tick, last = desk.market.instrument(code).tick, desk.market.quote(code).last
            quote = desk.market.set(code, last=round(last + ticks * tick, 3))
            desk.market.set(code, asks=[(price, volume) for price, _ in quote.asks])
            desk.market.set(code, bids=[(price, volume) for price, _ in quote.bids])
            desk.counter.match(code, NOW)
        elif action[0] == "cancel":
            desk.counter.cancel(A, 1_082_130_433 + action[1], now=NOW)
        else:
            trades, expected = [], settled(desk, expected)
            continue
        new = desk.counter.trades(A)[len(trades) :]
        trades += new
        for trade in new:
            sign = 1 if trade["order_type"] == BUY else -1
            shares[trade["stock_code"]] = shares.get(trade["stock_code"], 0) + sign * trade["traded_volume"]
        check(desk, trades, expected, shares)


def flows(trades: list[dict]) -> Decimal:
    """What today's trades left in cash, fees included, counted from the trade rows alone."""
    orders: dict[int, Decimal] = {}
    for trade in trades:
        amount = Decimal(str(trade["traded_amount"]))
        orders[trade["order_id"]] = orders.get(trade["order_id"], Decimal(0)) + amount
    flow = Decimal(0)
    for order_id, amount in orders.items():
        trade = next(trade for trade in trades if trade["order_id"] == order_id)
        selling = trade["order_type"] == SELL and not trade["stock_code"].startswith("204")
        fees = fees_of(trade["stock_code"], selling, amount)
        flow += max(amount - fees, Decimal(0)) if selling else -amount - fees
    return flow


def check(desk: Desk, trades: list[dict], opening: Decimal, shares: dict[str, int]) -> None:
    """Cash and frozen cash are exactly what came in less what trades took; nothing is below zero."""
    asset = desk.asset
    cash, frozen = Decimal(str(asset["cash"])), Decimal(str(asset["frozen_cash"]))
    assert cash >= 0
    assert frozen >= 0
    assert cash + frozen == opening + flows(trades)
    if not desk.counter.orders(A, cancelable=True):
        assert frozen == 0
    for held in desk.counter.positions(A):
        assert held["volume"] == shares[held["stock_code"]]
        assert min(held["volume"], held["can_use_volume"], held["frozen_volume"], held["on_road_volume"]) >= 0
        assert held["can_use_volume"] + held["frozen_volume"] + held["on_road_volume"] == held["volume"]
    for row in desk.counter.orders(A):
        assert 0 <= row["traded_volume"] <= max(row["order_volume"], 0)
    restored = Counter.restore(json.loads(json.dumps(desk.counter.state())), desk.market)
    assert restored.state() == desk.counter.state()


def settled(desk: Desk, opening: Decimal) -> Decimal:
    """Settle, and what cash must be then: as before, with lent money and interest back."""
    trades = desk.counter.trades(A)
    expected = opening + flows(trades)
    for trade in trades:
        if trade["stock_code"].startswith("204"):
            amount, rate = Decimal(str(trade["traded_amount"])), Decimal(str(trade["traded_price"]))
            expected += amount + cents(amount * rate / 36_500)
    desk.counter.settle(NOW)
    assert Decimal(str(desk.asset["cash"])) == expected
    assert desk.asset["frozen_cash"] == 0.0
    assert all(row["volume"] == row["can_use_volume"] > 0 for row in desk.counter.positions(A))
    return expected


def test_fees_are_rounded_half_up_to_the_cent():
    schedule = FeeSchedule()
    assert schedule.charges("stock", True, 35_490_000).stamp_duty == 17_750  # 17.745
    assert schedule.charges("stock", False, 1).commission == 5_000
    assert schedule.charges("fund", True, 100_000_000).total == 25_000
    assert schedule.charges("stock", False, 0).total == 0
