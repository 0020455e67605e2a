"""The simulated exchange: quotes, limits, liquidity and board rules."""

from __future__ import annotations

import json

import pytest

from easytrader_qmt.sim.hours import AUCTION, CLOSED, CONTINUOUS, may_cancel, phase
from easytrader_qmt.sim.instruments import kind_of
from easytrader_qmt.sim.market import Market, UnknownSecurity
from easytrader_qmt.sim.matching import Fill, cross
from easytrader_qmt.sim.money import whole_mills


@pytest.fixture
def market():
    return Market()


def test_well_known_quotes_are_inside_their_limits_and_uncrossed(market):
    assert len(market.codes()) >= 25
    for code in market.codes():
        quote = market.quote(code)
        assert 0 < quote.bid1 < quote.ask1
        assert quote.bid1 <= quote.last <= quote.ask1
        if market.instrument(code).limit_ratio is not None:
            assert quote.lower_limit <= quote.bids[-1][0]
            assert quote.asks[-1][0] <= quote.upper_limit


def test_quote_of_the_documented_securities(market):
    quote = market.quote("600000")
    assert (quote.prev_close, quote.last, quote.bid1, quote.ask1) == (10.40, 10.48, 10.47, 10.49)
    assert (quote.upper_limit, quote.lower_limit) == (11.44, 9.36)
    assert (market.quote("600036.SH").bid1, market.quote("600036.SH").ask1) == (35.49, 35.50)
    assert market.quote("162411").prev_close == 0.615


@pytest.mark.parametrize(
    ("code", "kind", "lot", "step", "tick", "ratio"),
    [
        ("600036.SH", "stock", 100, 100, 0.01, 0.10),
        ("688981.SH", "star", 200, 1, 0.01, 0.20),
        ("300750.SZ", "chinext", 100, 100, 0.01, 0.20),
        ("430047.BJ", "bj", 100, 1, 0.01, 0.30),
        ("510300.SH", "fund", 100, 100, 0.001, 0.10),
        ("588000.SH", "fund", 100, 100, 0.001, 0.20),
        ("113050.SH", "convertible", 10, 10, 0.001, 0.20),
        ("019547.SH", "bond", 10, 10, 0.001, None),
        ("131810.SZ", "repo", 10, 10, 0.005, None),
        ("900901.SH", "b", 100, 100, 0.001, 0.10),
        ("200002.SZ", "b", 100, 100, 0.01, 0.10),
    ],
)
def test_board_rules(market, code, kind, lot, step, tick, ratio):
    instrument = market.instrument(code)
    assert (instrument.kind, instrument.lot, instrument.step) == (kind, lot, step)
    assert (instrument.tick, instrument.limit_ratio) == (tick, ratio)


@pytest.mark.parametrize(
    ("code", "words", "ratio"),
    [
        ("588080.SH", {}, 0.20),
        ("589990.SH", {"kind": "fund"}, 0.20),
        ("588080.SH", {"limit_ratio": 0.10}, 0.10),
        ("588080.SH", {"kind": "stock"}, 0.10),
        ("560050.SH", {}, 0.10),
        ("588080.SZ", {"kind": "fund"}, 0.10),
    ],
)
def test_funds_on_star_shares_move_by_a_fifth(market, code, words, ratio):
    added = market.add(code, prev_close=1.0, **words)
    assert (added.kind, added.limit_ratio) == (words.get("kind", "fund"), ratio)
    assert market.quote(code).upper_limit == pytest.approx(1.0 + ratio)


def test_limits_round_half_up_to_the_tick(market):
    market.add("600999.SH", prev_close=10.05)
    quote = market.quote("600999")
    assert (quote.upper_limit, quote.lower_limit) == (11.06, 9.05)  # 11.055 and 9.045


def test_unknown_kinds_are_errors_not_guesses(market):
    with pytest.raises(ValueError, match="类别"):
        kind_of("999999.SH")
    with pytest.raises(ValueError, match="交易所"):
        market.add("999999", prev_close=1.0)
    assert market.add("601888", prev_close=60.0).stock_code == "601888.SH"
    assert market.add("999999.SH", prev_close=1.0, kind="stock", t0=True).t0


def test_codes_bare_and_full_and_unknown(market):
    assert market.instrument("600036").stock_code == "600036.SH"
    market.add("600036.SZ", prev_close=1.0, kind="stock")
    with pytest.raises(UnknownSecurity, match=r"600036\.SH"):
        market.quote("600036")
    with pytest.raises(KeyError, match="招商银行"):
        market.quote("600037.SH")
    assert str(UnknownSecurity("没有")) == "没有"


@pytest.mark.parametrize("code", ["sh600036", "SH600036", "600036.XSHG", "600036.sse", " 600036.SH "])
def test_codes_in_the_forms_that_the_facade_takes(market, code):
    assert market.instrument(code).stock_code == "600036.SH"
    assert market.set(code, last=35.2).last == 35.2
    market.suspend(code)
    assert market.instrument("600036").suspended
    market.resume(code)
    assert not market.instrument("600036").suspended


@pytest.mark.parametrize("code", ["sh600036", "600036.XSHG"])
def test_a_terminals_verbs_take_those_forms_too(terminal, code):
    terminal.hold(code, 100, 30.0)
    terminal.order_by_hand("sell", code, 35.9, 100)
    [row] = terminal.orders()
    assert (row["stock_code"], row["order_volume"]) == ("600036.SH", 100)
    assert terminal.market.quote(code) == terminal.market.quote("600036.SH")


def test_an_exchange_that_is_written_wins_in_every_form(market):
    assert market.add("sz163402", prev_close=0.9).stock_code == "163402.SZ"
    assert market.add("163402.XSHG", prev_close=100.0).stock_code == "163402.SH"
    assert market.quote("163402.SZSE").prev_close == 0.9
    with pytest.raises(UnknownSecurity, match="多只"):
        market.quote("163402")
    for unknown in ("sz600036", "xx600036", "600036.HK", "招商银行", ""):
        with pytest.raises(UnknownSecurity, match="仿真行情里没有证券"):
            market.quote(unknown)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"last": "x"}, "最新价 'x'"),
        ({"ask1": [35.5]}, "卖盘"),
        ({"prev_close": 10**400}, "昨收价"),
        ({"bid1_volume": "x"}, "买盘数量 'x'"),
        ({"ask1_volume": float("nan")}, "卖盘数量"),
    ],
)
def test_what_is_no_number_is_refused_and_changes_nothing(market, change, said):
    before = market.quote("600036")
    with pytest.raises(ValueError, match=said):
        market.set("600036", **change)
    assert market.quote("600036") == before


def test_money_that_is_no_number():
    for wrong in ("x", None, [1], 10**400, float("inf")):
        with pytest.raises(ValueError, match="应为数字"):
            whole_mills(wrong, "资金")
    with pytest.raises(ValueError, match=r"0\.001 元的整数倍"):
        whole_mills(10.0001, "资金")


def test_last_alone_derives_both_sides(market):
    quote = market.set("600036", last=36.0)
    assert (quote.last, quote.bid1, quote.ask1) == (36.0, 35.99, 36.01)
    assert (quote.bid1_volume, quote.ask1_volume) == (100_000, 100_000)
    assert [price for price, _ in quote.asks] == [36.01, 36.02, 36.03, 36.04, 36.05]


def test_at_the_limits_one_side_is_empty(market):
    up = market.set("600036", last=38.94)
    assert (up.asks, up.bid1) == ((), 38.94)
    down = market.set("600036", last=31.86)
    assert (down.bids, down.ask1) == ((), 31.86)
    near = market.set("600036", last=38.93)
    assert near.asks == ((38.94, 100_000),)


def test_what_is_given_is_taken_exactly(market):
    quote = market.set("600036", ask1=35.60, ask1_volume=300)
    assert quote.asks == ((35.60, 300),)
    assert quote.bid1 == 35.49
    assert market.set("600036", ask1=0).asks == ()
    quote = market.set("600036", bids=[(35.4, 100), (35.3, 200)], asks=[(35.5, 700)])
    assert (quote.bids, quote.asks) == (((35.4, 100), (35.3, 200)), ((35.5, 700),))
    assert market.set("600036", ask1_volume=50).asks == ((35.5, 50),)


def test_a_side_that_would_be_crossed_gives_way(market):
    assert market.set("600036", ask1=35.0).bid1 == 34.99
    assert market.set("600036", bid1=36.0).ask1 == 36.01


@pytest.mark.parametrize(
    "change",
    [
        {"last": 50.0},
        {"last": 35.505},
        {"last": float("nan")},
        {"bid1": 35.6, "ask1": 35.5},
        {"bids": [(35.1, 100), (35.2, 100)]},
        {"ask1_volume": -1},
        {"ask1": 35.5, "asks": [(35.5, 1)]},
        {"lower_limit": 40.0, "upper_limit": 30.0},
    ],
)
def test_impossible_quotes_are_refused_and_change_nothing(market, change):
    before = market.state()
    with pytest.raises(ValueError, match=r"[\u4e00-\u9fff]"):
        market.set("600036", **change)
    assert market.state() == before


def test_a_new_previous_close_brings_new_limits(market):
    quote = market.set("600036", prev_close=50.0, last=51.0)
    assert (quote.upper_limit, quote.lower_limit, quote.last) == (55.0, 45.0, 51.0)
    assert market.instrument("600036").prev_close == 50.0
    assert market.set("600036", prev_close=30.0).last == 33.0


def test_liquidity_is_consumed_and_a_used_up_level_is_gone(market):
    market.set("600036", asks=[(35.5, 300), (35.6, 200)])
    market.take("600036", "buy", 100, now=1.0)
    assert market.quote("600036").asks == ((35.5, 200), (35.6, 200))
    market.take("600036", "buy", 200)
    quote = market.quote("600036")
    assert (quote.asks, quote.last) == (((35.6, 200),), 35.5)
    assert (quote.volume, quote.amount, quote.time) == (300, 10650.0, 1.0)
    with pytest.raises(ValueError, match="盘口"):
        market.take("600036", "buy", 201)
    market.set("600036", last=35.5)
    assert market.quote("600036").ask1_volume == 100_000


def test_roll_makes_the_next_day(market):
    market.set("600036", last=36.0)
    market.take("600036", "buy", 1000)
    market.roll()
    quote = market.quote("600036")
    assert (quote.prev_close, quote.upper_limit, quote.volume) == (36.01, 39.61, 0)
    assert quote.asks == tuple((price, 100_000) for price in (36.02, 36.03, 36.04, 36.05, 36.06))


def test_the_listener_hears_changes_but_not_fills(market):
    heard = []
    market.on_change = heard.append
    market.set("600036", last=36.0)
    market.suspend("600036")
    market.take("600036", "buy", 100)
    market.resume("600036")
    assert heard == ["600036.SH"] * 3


def test_state_round_trips_through_json(market):
    market.set("600036", asks=[(35.5, 300)], now=12.5)
    market.suspend("000001")
    state = json.loads(json.dumps(market.state()))
    again = Market.restore(state)
    assert again.state() == market.state()
    assert again.quote("600036") == market.quote("600036")
    assert again.instrument("000001") == market.instrument("000001")


def test_cross_stops_at_the_limit_and_at_the_volume():
    levels = ((100, 5), (101, 5), (103, 5))
    assert cross(levels, True, 7, 101) == (Fill(100, 5), Fill(101, 2))
    assert cross(levels, True, 50, 102) == (Fill(100, 5), Fill(101, 5))
    assert cross(((103, 5), (100, 5)), False, 9, 101) == (Fill(103, 5),)


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ((9, 14), CLOSED),
        ((9, 15), AUCTION),
        ((9, 25), CLOSED),
        ((9, 30), CONTINUOUS),
        ((11, 30), CLOSED),
        ((13, 0), CONTINUOUS),
        ((14, 57), AUCTION),
        ((15, 0), CLOSED),
    ],
)
def test_trading_phases(clock, expected):
    monday = 1_736_092_800  # 2025-01-06 00:00 in Shanghai
    hour, minute = clock
    assert phase(monday + hour * 3600 + minute * 60) == expected
    assert phase(monday - 86_400 + hour * 3600 + minute * 60) == CLOSED


@pytest.mark.parametrize(
    ("begins", "ends"), [((9, 20), (9, 25)), ((14, 57), (15, 0))], ids=["opening auction", "closing auction"]
)
def test_the_auctions_end_without_cancels(begins, ends):
    monday = 1_736_092_800
    begin, end = (monday + hour * 3600 + minute * 60 for hour, minute in (begins, ends))
    assert [may_cancel(now) for now in (begin - 1, begin, end - 1, end)] == [True, False, False, True]
    assert may_cancel(begin - 86_400), "a Sunday"
