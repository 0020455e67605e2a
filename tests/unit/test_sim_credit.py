"""Margin accounts at the simulated counter: contracts, margin, refusals, new issues, transfers, exact sums."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from easytrader_qmt.sim.counter import Counter, merged
from easytrader_qmt.sim.credit_terms import CreditTerms
from easytrader_qmt.sim.fees import FeeSchedule
from easytrader_qmt.sim.market import Market

C, S = "SIM2", "SIM1"
NOW = 1_736_128_800.0  # Monday 2025-01-06 10:00 in Shanghai
BUY, SELL, FIN_BUY, SLO_SELL, BUY_REPAY, SHARES_BACK, SELL_REPAY, CASH_BACK = 23, 24, 27, 28, 29, 30, 31, 32
LIMIT = 11
BANK, MAOTAI = "600036.SH", "600519.SH"
FREE = FeeSchedule(0.0, 0.0, 0.0, 0.0, 0.0)
STRUCTS = json.loads(
    (Path(__file__).parent.parent / "native" / "structs-by-version.json").read_text(encoding="utf-8")
)["250807.1.2"]


class Desk:
    """A counter with a margin account and an ordinary one; 招商银行 is at 35.50, bid 35.49."""

    def __init__(self, cash=1_000_000.0, fees=FREE, **terms):
        self.market = Market()
        self.counter = Counter(self.market, fees, credit_terms=CreditTerms(**terms))
        self.counter.open_account(S, 2, cash=cash)
        self.counter.open_account(C, 3, cash=cash)

    def order(self, order_type, code=BANK, volume=1000, price=35.5, price_type=LIMIT, account=C, now=NOW):
        kind = 2 if account == S else 3
        return self.counter.place(
            account, kind, code, order_type, volume, price_type, price, "s", "r", now, seq=7
        )

    def status(self, placed):
        return self.row(placed)["order_status"]

    def row(self, placed, account=C):
        return self.counter.orders(account, order_id=placed.order_id)[0]

    def refused(self, *args, **words):
        """The counter's number and the whole text of an order that is refused."""
        placed = self.order(*args, **words)
        row = self.row(placed, words.get("account", C))
        assert row["order_status"] == 57
        assert [event.kind for event in placed.events] == ["order", "order_error"]
        error = placed.events[1].fields
        assert (error["error_id"], error["error_msg"], error["seq"]) == (-61, row["status_msg"], 7)
        return int(row["status_msg"].split("[COUNTER] [")[1][:6]), row["status_msg"]

    @property
    def detail(self):
        return self.counter.credit.detail(C, NOW)[0]

    @property
    def compacts(self):
        return self.counter.credit.compacts(C)

    @property
    def asset(self):
        return self.counter.asset(C)

    def volume(self, code=BANK):
        rows = self.counter.positions(C, code)
        return rows[0]["volume"] if rows else 0

    def level(self, code=BANK, price=35.5):
        """A book of one price on both sides, deep enough for everything."""
        self.market.set(code, bids=[(price, 10_000_000)], asks=[(price + 0.01, 10_000_000)], last=price)


@pytest.fixture
def desk():
    return Desk()


# --- rows ------------------------------------------------------------------------------------------


def test_rows_have_exactly_the_fields_of_the_native_structs(desk):
    desk.order(FIN_BUY)
    credit = desk.counter.credit
    rows = {
        "XtCreditDetail": credit.detail(C, NOW),
        "StkCompacts": credit.compacts(C),
        "CreditSubjects": credit.subjects(C),
        "CreditSloCode": credit.slo_codes(C),
        "CreditAssure": credit.assures(C),
    }
    for struct, found in rows.items():
        names = {snake or native for snake, native in STRUCTS[struct]}
        assert found, struct
        assert all(set(row) == names for row in found), struct
        assert all((row["account_id"], row["account_type"]) == (C, 3) for row in found)


@pytest.mark.parametrize("account", [S, "nobody"])
def test_others_than_margin_accounts_have_no_credit_rows(desk, account):
    credit = desk.counter.credit
    assert credit.detail(account, NOW) == credit.compacts(account) == credit.subjects(account) == []
    assert credit.slo_codes(account) == credit.assures(account) == []


def test_what_may_be_bought_sold_short_and_pledged(desk):
    desk.counter.credit.terms = desk.counter.credit.terms.with_security(BANK, slo=False, assure_ratio=0.7)
    credit = desk.counter.credit
    subjects = {(row["instrument_id"], row["exchange_id"]): row for row in credit.subjects(C)}
    assert (subjects["600036", 0]["fin_status"], subjects["600036", 0]["slo_status"]) == (48, 50)
    assert (subjects["000001", 1]["fin_status"], subjects["000001", 1]["slo_status"]) == (48, 48)
    assert ("113050", 0) not in subjects
    assures = {row["instrument_id"]: row["assure_ratio"] for row in credit.assures(C)}
    assert (assures["600036"], assures["600519"], "204001" in assures) == (0.7, 0.65, False)
    assert "600036" not in {row["instrument_id"] for row in credit.slo_codes(C)}


# --- financing -------------------------------------------------------------------------------------


def test_buying_on_margin_opens_a_contract_and_leaves_the_cash(desk):
    placed = desk.order(FIN_BUY)
    assert [event.kind for event in placed.events] == ["order", "trade", "order", "asset", "position"]
    assert desk.status(placed) == 56
    assert desk.row(placed)["offset_flag"] == 48
    assert (desk.asset["cash"], desk.asset["total_asset"], desk.volume()) == (1_000_000, 1_035_500, 1000)
    [compact] = desk.compacts
    assert (compact["compact_type"], compact["cashgroup_prop"], compact["exchange_id"]) == (48, 48, 0)
    assert (compact["open_date"], compact["ret_end_date"]) == (20250106, 20250705)
    assert (compact["business_balance"], compact["real_compact_balance"]) == (35_500, 35_500)
    assert (compact["business_vol"], compact["real_compact_vol"], compact["instrument_id"]) == (
        1000,
        1000,
        "600036",
    )
    detail = desk.detail
    assert (detail["fin_debt"], detail["fin_deal_avl"], detail["total_debt"]) == (35_500, 35_500, 35_500)
    assert (detail["fin_max_quota"], detail["fin_enable_quota"], detail["fin_used_quota"]) == (
        5_000_000,
        4_964_500,
        35_500,
    )
    assert detail["enable_bail_balance"] == 964_500
    assert detail["per_assurescale_value"] == pytest.approx(1_035_500 / 35_500)
    assert detail["assure_asset"] == 1_000_000


def test_fees_of_buying_on_margin_are_borrowed_too():
    desk = Desk(fees=FeeSchedule())
    desk.order(FIN_BUY)
    fees = 8.88 + 0.36
    assert desk.compacts[0]["business_balance"] == pytest.approx(35_500 + fees)
    assert desk.asset["cash"] == 1_000_000


def test_the_fills_of_one_order_make_one_contract(desk):
    desk.market.set(BANK, asks=[(35.5, 300), (35.51, 400)])
    placed = desk.order(FIN_BUY, price=35.52)
    assert desk.status(placed) == 55
    assert desk.compacts[0]["business_vol"] == 700
    assert desk.detail["fin_used_quota"] == pytest.approx(300 * 35.5 + 400 * 35.51 + 300 * 35.52)
    desk.counter.cancel(C, placed.order_id, now=NOW)
    assert desk.detail["fin_used_quota"] == desk.detail["fin_debt"] == pytest.approx(300 * 35.5 + 400 * 35.51)
    assert len(desk.compacts) == 1


def test_collateral_counts_at_its_ratio_and_a_loss_in_full(desk):
    desk.counter.hold(C, BANK, 1000, 30.0)
    assert desk.detail["enable_bail_balance"] == 1_000_000 + 35_500 * 0.65
    desk.order(FIN_BUY, MAOTAI, 100, 1462.5)
    before = 1_000_000 + 35_500 * 0.65 - 146_250
    assert desk.detail["enable_bail_balance"] == before
    desk.market.set(MAOTAI, last=1472.5)
    assert desk.detail["enable_bail_balance"] == before + 1000 * 0.65
    desk.market.set(MAOTAI, last=1452.5)
    assert desk.detail["enable_bail_balance"] == before - 1000


def test_interest_is_due_every_day_and_paid_before_principal(desk):
    desk.order(FIN_BUY)
    desk.counter.settle(NOW)
    fare = round(35_500 * 0.0835 / 360, 2)
    assert (desk.compacts[0]["real_compact_fare"], desk.detail["fin_fee"]) == (fare, fare)
    assert desk.detail["fin_debt"] == 35_500 + fare
    desk.order(CASH_BACK, volume=0, price=10.0)
    [compact] = desk.compacts
    assert (compact["repaid_fare"], compact["real_compact_fare"]) == (fare, 0)
    assert compact["repaid_balance"] == pytest.approx(10 - fare)


def test_paying_back_in_cash(desk):
    desk.order(FIN_BUY)
    placed = desk.order(CASH_BACK, code="000001.SZ", volume=1, price=500.25)
    assert [event.kind for event in placed.events][:2] == ["order", "order"]
    assert [event.fields["order_status"] for event in placed.events[:2]] == [50, 56]
    assert desk.counter.trades(C)[-1]["order_type"] == FIN_BUY
    assert desk.asset["cash"] == 999_499.75
    assert desk.compacts[0]["real_compact_balance"] == 34_999.75
    assert desk.compacts[0]["real_compact_vol"] == 986
    desk.order(CASH_BACK, code="", volume=0, price=34_999.75)
    assert desk.detail["total_debt"] == 0
    assert desk.detail["per_assurescale_value"] == 999
    assert len(desk.compacts) == 1
    desk.counter.settle(NOW)
    assert desk.compacts == []


def test_selling_shares_repays_the_oldest_contract_and_the_rest_is_cash(desk):
    desk.order(FIN_BUY, volume=100)
    desk.order(FIN_BUY, volume=200)
    desk.counter.settle(NOW)
    desk.level()
    owed = desk.detail["fin_debt"]
    placed = desk.order(SELL_REPAY, volume=200)
    assert desk.status(placed) == 56
    assert desk.row(placed)["offset_flag"] == 49
    first, second = desk.compacts
    assert first["real_compact_balance"] == 0
    assert 0 < second["real_compact_balance"] < second["business_balance"]
    assert desk.detail["fin_debt"] == pytest.approx(owed - 7_100)
    assert desk.asset["cash"] == 1_000_000
    desk.order(SELL_REPAY, volume=100)
    assert desk.detail["total_debt"] == pytest.approx(owed - 10_650 if owed > 10_650 else 0)


def test_a_plain_sale_repays_what_bought_that_security_first(desk):
    """Interest before principal, the oldest contract first, ordinary or special; other securities' stay."""
    for order in ((FIN_BUY, MAOTAI, 100, 1462.5), (FIN_BUY, BANK, 100), (FIN_BUY + 13, BANK, 100)):
        assert desk.status(desk.order(*order)) == 56
    desk.counter.hold(C, BANK, 100, 30.0)
    desk.counter.settle(NOW)
    desk.level()
    fare = round(3_550 * 0.0835 / 360, 2)
    others = desk.compacts[0]

    def sell():
        assert desk.status(desk.order(SELL, volume=100)) == 56
        assert desk.compacts[0] == others
        return [(row["real_compact_fare"], row["real_compact_balance"]) for row in desk.compacts[1:]]

    assert sell() == [(0, fare), (fare, 3_550)]
    assert sell() == [(0, 0), (0, pytest.approx(2 * fare))]
    assert desk.asset["cash"] == 1_000_000
    assert sell() == [(0, 0), (0, 0)]
    assert desk.asset["cash"] == pytest.approx(1_000_000 + 3_550 - 2 * fare)
    assert desk.asset["cash"] - desk.detail["total_debt"] == pytest.approx(
        1_003_550 - 2 * fare - others["real_compact_balance"] - others["real_compact_fare"]
    )


# --- lending ---------------------------------------------------------------------------------------


def test_selling_short_locks_the_money_and_opens_a_contract(desk):
    placed = desk.order(SLO_SELL, price=35.5)
    assert desk.status(placed) == 50
    assert (desk.detail["slo_used_quota"], desk.detail["enable_bail_balance"]) == (35_500, 964_500)
    assert desk.counter.positions(C) == []
    desk.level(price=35.5)
    desk.counter.match(BANK, NOW)
    assert desk.status(placed) == 56
    assert desk.asset["cash"] == 1_000_000
    assert desk.asset["total_asset"] == 1_035_500
    detail = desk.detail
    assert (detail["slo_sell_balance"], detail["surplus_slo_sell_balance"]) == (35_500, 35_500)
    assert (detail["slo_market_value"], detail["slo_debt"], detail["assure_asset"]) == (
        35_500,
        35_500,
        1_000_000,
    )
    [compact] = desk.compacts
    assert (compact["compact_type"], compact["real_compact_vol"], compact["business_balance"]) == (
        49,
        1000,
        35_500,
    )
    assert desk.refused(BUY, MAOTAI, 700, 1462.5)[0] == 260200
    desk.market.set(BANK, last=36.5)
    assert desk.detail["slo_debt"] == 36_500
    assert desk.detail["enable_bail_balance"] == 1_000_000 - 1_000 - 36_500


def sold_short(desk, volume=1000, order_type=SLO_SELL):
    desk.level()
    assert desk.status(desk.order(order_type, volume=volume, price=35.5)) == 56


def test_buying_back_uses_the_short_sales_money_first(desk):
    sold_short(desk)
    desk.market.set(BANK, last=36.0)
    resting = desk.order(BUY_REPAY, volume=1000, price=35.0)
    assert (desk.detail["used_slo_sell_balance"], desk.detail["surplus_slo_sell_balance"]) == (35_000, 500)
    assert desk.asset["frozen_cash"] == 35_000
    desk.counter.cancel(C, resting.order_id, now=NOW)
    assert desk.detail["surplus_slo_sell_balance"] == 35_500
    assert desk.status(desk.order(BUY_REPAY, volume=400, price=36.01)) == 56
    assert desk.compacts[0]["real_compact_vol"] == 600
    assert desk.volume() == 0
    assert desk.detail["slo_sell_balance"] == pytest.approx(35_500 - 400 * 36.01)
    assert desk.status(desk.order(BUY_REPAY, volume=600, price=36.01)) == 56
    assert desk.detail["total_debt"] == desk.detail["slo_sell_balance"] == 0
    assert desk.asset["cash"] == pytest.approx(1_000_000 + 35_500 - 36_010)


def test_giving_held_shares_back(desk):
    sold_short(desk, 1000)
    desk.counter.hold(C, BANK, 300, 34.0)
    placed = desk.order(SHARES_BACK, volume=250, price=0.0)
    assert desk.row(placed)["traded_volume"] == 250
    assert (desk.volume(), desk.compacts[0]["real_compact_vol"]) == (50, 750)
    assert desk.refused(SHARES_BACK, volume=51, price=0.0)[0] == 251005
    # 700 are waiting to be bought: 50 may still be returned, and a lot may be bought for an odd rest.
    desk.order(BUY_REPAY, volume=700, price=34.0)
    assert desk.refused(SHARES_BACK, volume=51, price=0.0)[0] == 260219
    assert desk.refused(BUY_REPAY, volume=200, price=35.51)[0] == 260219
    assert desk.status(desk.order(BUY_REPAY, volume=100, price=35.51)) == 56
    assert (desk.compacts[0]["real_compact_vol"], desk.volume()) == (650, 50)


def test_an_odd_lot_bought_back_leaves_the_surplus(desk):
    sold_short(desk, 100)
    desk.counter.hold(C, BANK, 70, 34.0)
    desk.order(SHARES_BACK, volume=70, price=0.0)
    assert desk.status(desk.order(BUY_REPAY, volume=100, price=35.51)) == 56
    assert desk.volume() == 70
    assert desk.detail["total_debt"] == desk.detail["slo_sell_balance"] == 0
    assert desk.asset["cash"] == pytest.approx(1_000_000 + 3_550 - 3_551)


def test_a_short_sales_fee_is_taken_when_the_shares_are_back(desk):
    sold_short(desk)
    desk.counter.settle(NOW)
    fare = round(35_500 * 0.1035 / 360, 2)
    assert desk.detail["slo_fee"] == fare
    desk.level()
    desk.order(BUY_REPAY, volume=1000, price=35.51)
    assert desk.detail["total_debt"] == 0
    assert desk.compacts[0]["repaid_fare"] == fare
    assert desk.asset["cash"] == pytest.approx(1_000_000 - 10 - fare)


def test_lendable_shares_shrink_and_come_back(desk):
    def lendable():
        return [
            (row["cashgroup_prop"], row["enable_amount"])
            for row in desk.counter.credit.slo_codes(C)
            if row["instrument_id"] == "600036"
        ]

    assert lendable() == [(48, 100_000), (49, 50_000)]
    sold_short(desk, 1000)
    resting = desk.order(SLO_SELL, volume=500, price=36.0)
    assert lendable() == [(48, 98_500), (49, 50_000)]
    desk.counter.cancel(C, resting.order_id, now=NOW)
    desk.order(BUY_REPAY, volume=1000, price=35.51)
    assert lendable() == [(48, 100_000), (49, 50_000)]


@pytest.mark.parametrize(
    ("opens", "repays"), [(FIN_BUY, SELL_REPAY), (FIN_BUY, CASH_BACK), (SLO_SELL, BUY_REPAY)]
)
def test_special_contracts_are_repaid_by_special_orders_only(desk, opens, repays):
    desk.level()
    desk.counter.hold(C, BANK, 1000, 30.0)
    price = 35.51 if opens == FIN_BUY else 35.5
    assert desk.status(desk.order(opens + 13, price=price)) == 56
    assert desk.compacts[0]["cashgroup_prop"] == 49
    given = {CASH_BACK: {"price": 100.0}, BUY_REPAY: {"price": 35.51}}.get(repays, {"price": 35.5})
    number, _ = desk.refused(repays, **given)
    assert number == (260217 if opens == SLO_SELL else 260216)
    assert desk.status(desk.order(repays + 13, **given)) == 56
    assert desk.compacts[0]["real_compact_balance"] < desk.compacts[0]["business_balance"]


# --- refusals --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "order", "number", "text"),
    [
        ({"fin_limit": 35_000.0}, (FIN_BUY,), 260210, "限价融资买入 [SH600036] [COUNTER] [260210][融资可用额度不足]"),
        ({"slo_limit": 35_000.0}, (SLO_SELL,), 260211, "限价融券卖出 [SH600036] [COUNTER] [260211][融券可用额度不足]"),
        ({}, (FIN_BUY, "113050.SH", 10, 121.35), 260212, "[该证券不是融资标的]"),
        ({}, (SLO_SELL, "113050.SH", 10, 121.35), 260213, "[该证券不是融券标的]"),
        ({"lendable": 900}, (SLO_SELL,), 260214, "[可融券数量不足]"),
        ({"lendable_special": 900}, (41,), 260214, "限价专项融券卖出 "),
        ({"fin_ratio": 30.0}, (FIN_BUY,), 260215, "[可用保证金不足]"),
        ({"slo_ratio": 30.0}, (SLO_SELL,), 260215, "[可用保证金不足]"),
        ({}, (SELL_REPAY,), 260216, "限价卖券还款 "),
        ({}, (CASH_BACK,), 260216, "直接还款 [SH600036] [COUNTER] [260216][没有可归还的融资负债]"),
        ({}, (BUY_REPAY,), 260217, "限价买券还券 "),
        ({}, (SHARES_BACK,), 260217, "直接还券 "),
        ({}, (BUY, "900901.SH", 100, 0.56), 260220, "限价担保品买入 [SH900901] [COUNTER] [260220]"),
        ({}, (SELL, "204001.SH", 10, 1.5), 260220, "[该证券不是可充抵保证金证券]"),
        ({}, (SLO_SELL, BANK, 1000, 35.49), 260221, "[融券卖出价格不得低于最新成交价]"),
        ({}, (SLO_SELL, BANK, 1000, 35.5, 42), 260222, "[融券卖出只接受限价委托]"),
        ({}, (SLO_SELL, BANK, 150, 35.5), 251013, "[委托数量不合法"),
        ({}, (SELL,), 251005, "限价担保品卖出 [SH600036] [COUNTER] [251005][证券可用数量不足]"),
        ({}, (BUY, MAOTAI, 1000, 1462.5), 260200, "[可用资金不足]"),
    ],
)  # fmt: skip
def test_refusals_of_a_margin_account(terms, order, number, text):
    desk = Desk(**terms)
    found, said = desk.refused(*order)
    assert found == number
    assert text in said
    assert (desk.asset["cash"], desk.compacts) == (1_000_000, [])


@pytest.mark.parametrize("order_type", [27, 28, 29, 30, 31, 32, 40, 41, 42, 43, 44, 45])
def test_an_ordinary_account_cannot_use_margin_orders(desk, order_type):
    number, text = desk.refused(order_type, account=S)
    assert number == 260224
    assert "[非信用账号不允许此类委托]" in text


def test_repaying_more_than_is_owed_or_there(desk):
    desk.order(FIN_BUY)
    assert desk.refused(CASH_BACK, volume=0, price=35_500.01)[0] == 260218
    assert desk.refused(CASH_BACK, volume=0, price=float("nan"))[0] == 251010
    assert desk.refused(CASH_BACK, volume=0, price=0.0)[0] == 251010
    sold_short(desk, 100)
    assert desk.refused(BUY_REPAY, volume=200, price=35.5)[0] == 260219
    desk.counter.deposit(C, -999_000.0, NOW)
    assert desk.refused(CASH_BACK, volume=0, price=1_000.01)[0] == 260200


def test_nothing_new_below_the_closing_line():
    desk = Desk(cash=11_000.0, fin_ratio=0.5)
    desk.level(price=35.49)
    assert desk.status(desk.order(FIN_BUY, volume=600, price=35.5)) == 56
    desk.market.set(BANK, prev_close=30.0, last=27.0)
    assert desk.detail["per_assurescale_value"] < 1.3
    assert desk.refused(FIN_BUY, volume=100, price=27.0)[0] == 260223
    assert desk.refused(SLO_SELL, volume=100, price=27.0)[0] == 260223


def test_unknown_types_are_refused_by_the_terminal(desk):
    placed = desk.order(33)
    assert (placed.order_id, placed.error_msg) == (-1, "不支持的委托类型 33")
    assert desk.order(FIN_BUY, code="600999.SH").order_id == -1


def test_market_orders_may_buy_on_margin(desk):
    placed = desk.order(FIN_BUY, price_type=42, price=35.6)
    assert desk.status(placed) == 56
    assert desk.compacts[0]["business_balance"] == 35_500


# --- new issues ------------------------------------------------------------------------------------

ISSUE = {"code": "780888.SH", "volume": 1000, "price": 15.6, "account": S}


def test_a_subscription_stays_reported_and_freezes_nothing(desk):
    placed = desk.order(BUY, **ISSUE)
    row = desk.row(placed, S)
    assert (row["order_status"], row["instrument_name"], row["order_volume"]) == (50, "仿真股份", 1000)
    assert desk.counter.asset(S)["cash"] == 1_000_000
    assert desk.counter.orders(S, cancelable=True) == []
    cancelled = desk.counter.cancel(S, placed.order_id, now=NOW)
    assert cancelled.result == -1
    assert "[260236][申购委托不允许撤单]" in cancelled.error_msg
    events = desk.counter.settle(NOW)
    assert "order" not in [event.kind for event in events]
    assert desk.counter.orders(S) == []


@pytest.mark.parametrize(
    ("changed", "number"),
    [
        ({"account": C}, 260234),
        ({"price": 15.61}, 260231),
        ({"volume": 1001}, 260232),
        ({"volume": 0}, 260232),
        ({"volume": 10_500}, 260233),
        ({"code": "783888.SH", "price": 100.0, "volume": 10_010}, 260233),
        ({"price_type": 5}, 260235),
    ],
)
def test_refused_subscriptions(desk, changed, number):
    assert desk.refused(BUY, **{**ISSUE, **changed})[0] == number


def test_one_subscription_a_day_and_issue(desk):
    assert desk.refused(BUY, **{**ISSUE, "price": 1.0})[0] == 260231
    assert desk.row(desk.order(BUY, **ISSUE), S)["order_status"] == 50
    assert desk.refused(BUY, **ISSUE)[0] == 260230
    assert desk.refused(SELL, **{**ISSUE, "code": "783888.SH"})[0] == 260235
    bond = {**ISSUE, "code": "783888.SH", "volume": 10_000, "price": 100.0}
    assert desk.row(desk.order(BUY, **bond), S)["order_status"] == 50
    desk.counter.settle(NOW)
    assert desk.row(desk.order(BUY, **ISSUE), S)["order_status"] == 50


# --- transfers -------------------------------------------------------------------------------------


def test_money_goes_to_the_second_counter_and_back(desk):
    move = desk.counter.transfers.move
    gone = move(S, 511, 400_000.5)
    assert (gone.success, [event.kind for event in gone.events]) == (True, ["asset"])
    assert desk.counter.asset(S)["cash"] == 599_999.5
    assert desk.counter.transfers.fund(S)[0]["m_dEnableBalance"] == 400_000.5
    assert move(S, 510, 500_000.0).text == "普通柜台可用资金不足"
    assert move(S, 510, 400_000.5).success
    assert desk.counter.asset(S)["cash"] == 1_000_000
    assert move(S, 511, 1_000_000.01).text == "极速柜台可取资金不足"
    for direction in (512, 513):
        assert "节点" in move(S, direction, 1.0).text
    assert move(S, 511, float("nan")).text == move(S, 511, -1.0).text == "划拨金额不合法"
    assert move(S, 7, 1.0).text == "不支持的划拨方向 7"
    assert move("nobody", 511, 1.0).success is False


def test_shares_go_to_the_second_counter_and_back(desk):
    move = desk.counter.transfers.move
    desk.counter.hold(S, BANK, 1000, 30.0)
    assert move(S, 521, 0.0, "SH600036", 400).success
    [there] = desk.counter.transfers.positions(S)
    assert (there["m_strStockCode1"], there["m_dTotalAmt"], there["m_dCostPrice"]) == (BANK, 400, 30)
    assert desk.counter.positions(S)[0]["can_use_volume"] == 600
    assert move(S, 520, 0.0, BANK, 401).text == "普通柜台证券可用数量不足"
    assert move(S, 521, 0.0, BANK, 601).text == "极速柜台证券可用数量不足"
    assert move(S, 520, 0.0, BANK, 400).success
    assert (desk.counter.transfers.positions(S), desk.counter.positions(S)[0]["volume"]) == ([], 1000)
    assert desk.counter.positions(S)[0]["avg_price"] == 30


def test_debts_keep_money_and_shares_in(desk):
    desk.level(price=35.49)
    desk.order(FIN_BUY, volume=10_000, price=35.5)
    total, debt = desk.asset["total_asset"], desk.detail["total_debt"]
    most = total - 3 * debt
    assert desk.detail["fetch_balance"] == pytest.approx(most)
    move = desk.counter.transfers.move
    assert not move(C, 511, round(most + 0.01, 2)).success
    assert move(C, 511, round(most, 2)).success
    desk.counter.settle(NOW)
    assert "负债" in move(C, 521, 0.0, BANK, 100).text


def test_what_may_leave_is_the_same_in_every_row(desk):
    desk.level(price=35.49)
    told = desk.order(FIN_BUY, volume=10_000, price=35.5).events
    may_leave = desk.detail["fetch_balance"]
    assert 0 < may_leave < desk.asset["cash"]
    assert desk.asset["fetch_balance"] == may_leave
    assert [event.fields["fetch_balance"] for event in told if event.kind == "asset"][-1] == may_leave
    desk.counter.hold(S, BANK, 100, 30.0)
    desk.order(SELL, volume=100, price=35.0, account=S)
    row = desk.counter.asset(S)
    assert row["fetch_balance"] < row["cash"], "today's proceeds stay"


def test_shares_may_leave_once_all_is_repaid(desk):
    desk.counter.hold(C, MAOTAI, 100, 1400.0)
    desk.order(FIN_BUY, volume=100)
    move = desk.counter.transfers.move
    debt = desk.detail["total_debt"]
    desk.order(CASH_BACK, volume=1, price=debt - 1)
    assert "负债" in move(C, 521, 0.0, MAOTAI, 100).text
    desk.order(CASH_BACK, volume=1, price=1.0)
    assert desk.detail["total_debt"] == 0
    assert len(desk.counter.credit.compacts(C)) == 1, "it is listed until the day ends"
    assert move(C, 521, 0.0, MAOTAI, 100).success


# --- kept between runs -----------------------------------------------------------------------------


def test_state_changes_and_restore_carry_margin_and_transfers(desk):
    state = json.loads(json.dumps(desk.counter.state()))
    desk.counter.changes()
    desk.order(FIN_BUY)
    sold_short(desk, 200)
    desk.order(BUY_REPAY, volume=100, price=34.0)
    desk.order(BUY, **ISSUE)
    desk.counter.transfers.move(S, 511, 5.0)
    desk.counter.credit.terms = desk.counter.credit.terms.with_security(MAOTAI, fin=False)
    state = merged(state, json.loads(json.dumps(desk.counter.changes())))
    again = Counter.restore(json.loads(json.dumps(state)), Market.restore(desk.market.state()))
    assert again.state() == desk.counter.state()
    assert again.credit.detail(C, NOW) == desk.counter.credit.detail(C, NOW)
    assert again.credit.compacts(C) == desk.compacts
    assert again.transfers.fund(S) == desk.counter.transfers.fund(S)
    order = again.place(C, 3, MAOTAI, FIN_BUY, 100, LIMIT, 1462.5, "", "", NOW)
    assert "[260212]" in again.orders(C, order_id=order.order_id)[0]["status_msg"]
    events = again.settle(NOW)
    assert [event.fields["order_status"] for event in events if event.kind == "order"] == [54]


def test_states_from_before_margin_are_taken():
    counter = Counter(Market())
    counter.open_account(C, 3, cash=100.0)
    state = counter.state()
    del state["settings"]["credit_terms"]
    for name in ("credit", "com_cash", "com_positions"):
        del state["accounts"][0][name]
    again = Counter.restore(state, Market())
    assert again.credit.detail(C, NOW)[0]["available"] == 100


# --- everything is conserved -----------------------------------------------------------------------

CODES = (BANK, "000001.SZ")
STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([23, 24, 27, 27, 28, 28, 29, 29, 30, 31, 32, 40, 41, 42, 43, 44, 45]),
            st.sampled_from(CODES),
            st.integers(1, 30),
            st.integers(-2, 3),
        ),
        st.tuples(st.just("cancel"), st.integers(0, 5)),
        st.tuples(st.just("quote"), st.sampled_from(CODES), st.integers(-6, 6)),
        st.just(("settle",)),
        st.just(("restore",)),
    ),
    max_size=40,
)


class Book:
    """What a margin account must have, from its trades, contracts and repayments alone; money in mills."""

    def __init__(self, desk):
        self.desk = desk
        self.cash = 1_000_000_000
        self.shares = dict.fromkeys(CODES, 2_000)
        self.trades = 0

    def day_over(self):
        self.trades = 0

    def take_trades(self, fees):
        new = self.desk.counter.trades(C)[self.trades :]
        self.trades += len(new)
        for trade in new:
            sign = 1 if trade["offset_flag"] == 48 else -1
            amount = round(trade["traded_amount"] * 1000)
            self.cash -= sign * amount
            self.shares[trade["stock_code"]] += sign * trade["traded_volume"]
        paid = sum(
            order["commission"] + order["stamp_duty"] + order["transfer_fee"]
            for order in self.desk.counter.state()["orders"]
        )
        self.cash -= paid - fees
        return paid


def sized(desk, order_type, code, lots, ticks):
    """The step's order; every third repayment is of any size, the others are a part of what is owed."""
    special, volume = order_type >= 40, lots * 100
    price = round(desk.market.quote(code).last + ticks * 0.01, 2)
    account = next(one for one in desk.counter.state()["accounts"] if one["account_id"] == C)
    mine = [one for one in account["credit"]["compacts"] if one["special"] == special]
    owed = sum(one["owed"] for one in mine if one["stock_code"] == code)
    money = sum(one["fare_left"] + (0 if one["slo"] else one["amount_left"]) for one in mine)
    if order_type in (32, 45):
        price = lots * 1234.567 if lots % 3 == 0 else money * lots // 30 / 1000
    elif lots % 3 and order_type in (29, 42):
        volume = -(-owed * lots // 3000) * 100
    elif lots % 3 and order_type in (30, 43):
        volume = owed * lots // 30
    return order_type, code, volume, price


@settings(max_examples=80, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow])
@given(steps=STEPS)
def test_debts_cash_and_shares_are_conserved(steps):
    desk = Desk(fees=FeeSchedule())
    for code in CODES:
        desk.counter.hold(C, code, 2_000, 10.0)
        desk.level(code, desk.market.quote(code).last)
    book, fees = Book(desk), 0
    opening = [(kind, code, 9, 1 if kind in (27, 40) else 0) for code in CODES for kind in (28, 41, 27, 40)]
    seen_fares: dict[str, int] = {}
    for step in [*opening, *steps]:
        if step[0] == "quote":
            ladder = desk.market.ladder(step[1])
            price = min(max(ladder.last + step[2] * 50, ladder.lower), ladder.upper - 10)
            desk.level(step[1], round(price / 1000, 2))
            desk.counter.match(step[1], NOW)
        elif step[0] == "cancel":
            orders = desk.counter.orders(C, cancelable=True)
            if orders:
                chosen = orders[step[1] % len(orders)]
                assert desk.counter.cancel(C, chosen["order_id"], now=NOW).result == 0
        elif step[0] == "restore":
            state = json.loads(json.dumps(desk.counter.state()))
            desk.market = Market.restore(desk.market.state())
            desk.counter = Counter.restore(state, desk.market)
        elif step[0] != "settle":
            desk.order(*sized(desk, *step))
        fees = book.take_trades(fees)
        if step[0] == "settle":
            desk.counter.settle(NOW)
            book.day_over()
            fees = 0

        account = next(one for one in desk.counter.state()["accounts"] if one["account_id"] == C)
        credit = account["credit"]
        for one in credit["compacts"]:
            seen_fares[one["compact_id"]] = one["fare"] - one["fare_left"]
        # A contract is dropped only when nothing of it is left, so the last sight of it counts.
        paid_fares = sum(seen_fares.values())
        assert all(
            min(one["fare_left"], one["amount_left"], one["owed"], one["fare"]) >= 0
            for one in credit["compacts"]
        )
        principal = sum(one["amount_left"] for one in credit["compacts"] if not one["slo"])
        owed = {
            code: sum(one["owed"] for one in credit["compacts"] if one["stock_code"] == code)
            for code in CODES
        }
        purses = [account["cash"], account["frozen"], credit["slo_cash"], credit["slo_frozen"]]
        assert min(purses) >= 0
        assert sum(purses) - principal == book.cash - paid_fares, step
        for code in CODES:
            held = account["positions"].get(code, {"volume": 0, "frozen_volume": 0})
            assert held["volume"] - owed[code] == book.shares[code]
            assert 0 <= held["frozen_volume"] <= held["volume"]
        live = [order for order in desk.counter.state()["orders"] if order["status"] in (50, 55)]
        cash_frozen = sum(o["reserved"] for o in live if o["order_type"] in (23, 29, 42))
        assert account["frozen"] == cash_frozen
        assert credit["slo_frozen"] == sum(o["reserved_slo"] for o in live)
        if not any(owed.values()):
            assert credit["slo_cash"] == 0
        detail = desk.detail
        total = sum(purses) + sum(
            one["volume"] * desk.market.ladder(code).last for code, one in account["positions"].items()
        )
        assert detail["balance"] == total / 1000 == desk.asset["total_asset"]
        assert detail["assure_asset"] == pytest.approx(detail["balance"] - detail["total_debt"])
