"""Margin, new issues and transfers through the vendor's own XtQuantTrader on a simulated terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from queue import SimpleQueue
from typing import Any

import pytest

from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.terminal import CREDIT_ACCOUNT, STOCK_ACCOUNT
from tests.facade import SOON, Heard, on_a_thread
from tests.raw import Raw

FIN_BUY, SLO_SELL, BUY_REPAY, SHARES_BACK, SELL_REPAY, CASH_BACK = 27, 28, 29, 30, 31, 32
BANK = "600036.SH"


class Desk:
    """One trader on the default terminal, subscribed to both of its accounts."""

    def __init__(self, raw: Raw, terminal: Terminal) -> None:
        self.terminal = terminal
        self.stock = raw.package.xttype.StockAccount(STOCK_ACCOUNT)
        self.credit = raw.package.xttype.StockAccount(CREDIT_ACCOUNT, "CREDIT")
        self.heard = Heard()
        raw.account = self.stock
        self.trader = raw.connected(terminal, callback=self.heard)
        assert self.ask("subscribe", self.credit) == 0

    def ask(self, name: str, *args: Any) -> Any:
        """One synchronous call."""
        if not hasattr(self.trader, name):
            pytest.skip(f"this xtquant has no {name}")
        return on_a_thread(lambda: getattr(self.trader, name)(*args))

    def order(self, order_type: int, volume: int, price: float, code: str = BANK, account: Any = None) -> int:
        chosen = self.credit if account is None else account
        order_id: int = self.ask("order_stock", chosen, code, order_type, volume, 11, price, "s", "r")
        return order_id

    def status(self, order_id: int, account: Any = None) -> tuple[int, str]:
        order = self.ask("query_stock_order", self.credit if account is None else account, order_id)
        return order.order_status, order.status_msg

    @property
    def detail(self) -> Any:
        [detail] = self.ask("query_credit_detail", self.credit)
        return detail

    def level(self) -> None:
        """招商银行 deep at 35.50 on the bid and 35.51 on the ask."""
        self.terminal.market.set(BANK, bids=[(35.5, 100_000)], asks=[(35.51, 100_000)], last=35.5)


@pytest.fixture
def raw(xt: Any) -> Iterator[Raw]:
    made = Raw(xt)
    yield made
    made.close()


@pytest.fixture
def desk(raw: Raw, terminal: Terminal) -> Desk:
    return Desk(raw, terminal)


def test_the_default_terminal_has_an_ordinary_and_a_margin_account(desk: Desk) -> None:
    infos = desk.ask("query_account_infos")
    assert [(one.account_id, one.account_type) for one in infos] == [(STOCK_ACCOUNT, 2), (CREDIT_ACCOUNT, 3)]
    status = desk.ask("query_account_status")
    assert [(one.account_id, one.account_type, one.status) for one in status] == [
        (STOCK_ACCOUNT, 2, 0),
        (CREDIT_ACCOUNT, 3, 0),
    ]
    for account in (desk.stock, desk.credit):
        assert desk.ask("query_stock_asset", account).cash == 10_000_000
    assert (desk.detail.m_dAvailable, desk.detail.m_dTotalDebt) == (10_000_000, 0)
    for query in ("query_credit_detail", "query_stk_compacts", "query_credit_subjects"):
        assert not desk.ask(query, desk.stock)


def test_buying_on_margin_and_repaying(desk: Desk) -> None:
    order_id = desk.order(FIN_BUY, 1000, 35.5)
    assert desk.status(order_id) == (56, "")
    [compact] = desk.ask("query_stk_compacts", desk.credit)
    assert (compact.m_eCompactType, compact.m_nBusinessVol, compact.m_strInstrumentID) == (48, 1000, "600036")
    owed = compact.m_dRealCompactBalance
    assert (desk.detail.m_dFinDebt, desk.detail.m_dFinUsedQuota) == (owed, owed)
    assert desk.detail.m_dPerAssurescaleValue > 100
    assert desk.status(desk.order(CASH_BACK, 0, 5_000.0, "000001.SZ")) == (56, "")
    assert desk.detail.m_dFinDebt == pytest.approx(owed - 5_000)
    number, text = desk.status(desk.order(CASH_BACK, 1, owed))
    assert (number, text) == (57, "直接还款 [SH600036] [COUNTER] [260218][归还金额超过未还负债]")
    [error] = desk.heard.wait_for("on_order_error")
    assert (error.account_id, error.error_id, error.error_msg) == (CREDIT_ACCOUNT, -61, text)
    desk.terminal.next_day()
    assert desk.detail.m_dFinFee > 0
    assert desk.status(desk.order(SELL_REPAY, 1000, 35.4)) == (56, "")
    assert desk.detail.m_dTotalDebt == 0


def test_selling_short_and_giving_back(desk: Desk) -> None:
    desk.level()
    assert desk.status(desk.order(SLO_SELL, 300, 35.5)) == (56, "")
    lendable = {
        (one.m_strInstrumentID, one.m_eCashgroupProp): one.m_nEnableAmount
        for one in desk.ask("query_credit_slo_code", desk.credit)
    }
    assert (lendable["600036", 48], lendable["600036", 49]) == (99_700, 50_000)
    assert desk.detail.m_dSloMarketValue == 10_650
    assert desk.status(desk.order(BUY_REPAY, 200, 35.51)) == (56, "")
    desk.terminal.hold(BANK, 500, 30.0, CREDIT_ACCOUNT)
    assert desk.status(desk.order(SHARES_BACK, 100, 0.0)) == (56, "")
    assert desk.detail.m_dTotalDebt == 0
    assert desk.ask("query_stock_position", desk.credit, BANK).volume == 400
    assert [one.order_type for one in desk.ask("query_stock_trades", desk.credit)] == [SLO_SELL, BUY_REPAY]


def test_pushes_say_whose_they_are(desk: Desk) -> None:
    desk.order(FIN_BUY, 100, 35.5)
    desk.order(23, 200, 35.5, account=desk.stock)
    desk.heard.wait_for("on_stock_position", 2)
    for name in ("on_stock_order", "on_stock_trade", "on_stock_asset", "on_stock_position"):
        said = [(one.account_id, one.account_type) for one in desk.heard.of(name)]
        assert list(dict.fromkeys(said)) == [(CREDIT_ACCOUNT, 3), (STOCK_ACCOUNT, 2)]


def test_an_ordinary_account_cannot_buy_on_margin(desk: Desk) -> None:
    order_id = desk.order(FIN_BUY, 100, 35.5, account=desk.stock)
    status, text = desk.status(order_id, desk.stock)
    assert (status, text) == (57, "限价融资买入 [SH600036] [COUNTER] [260224][非信用账号不允许此类委托]")


def test_subjects_and_collateral(desk: Desk) -> None:
    subjects = {one.m_strInstrumentID: one for one in desk.ask("query_credit_subjects", desk.credit)}
    assert (subjects["600036"].m_eFinStatus, subjects["600036"].m_dFinRatio) == (48, 1.0)
    assures = {one.m_strInstrumentID: one for one in desk.ask("query_credit_assure", desk.credit)}
    assert (assures["600036"].m_dAssureRatio, assures["510300"].m_dAssureRatio) == (0.65, 0.8)


def test_new_issues(desk: Desk) -> None:
    issues, limits = desk.ask("query_ipo_data"), desk.ask("query_new_purchase_limit", desk.stock)
    assert {one["type"] for one in issues.values()} == {"STOCK", "BOND"}
    assert set(limits) == {"KCB", "SH", "SZ"}
    assert desk.ask("query_new_purchase_limit", desk.credit) == {}
    for code, issue in issues.items():
        most = issue["maxPurchaseNum"]
        most = most if issue["type"] == "BOND" else min(most, limits[code[-2:]])
        order_id = desk.order(23, most, issue["issuePrice"], code, desk.stock)
        assert desk.status(order_id, desk.stock) == (50, "")
        again = desk.order(23, most, issue["issuePrice"], code, desk.stock)
        assert "260230" in desk.status(again, desk.stock)[1]
        assert desk.ask("cancel_order_stock", desk.stock, order_id) == -1
    assert desk.ask("query_stock_asset", desk.stock).cash == 10_000_000


def test_transfers(desk: Desk) -> None:
    assert desk.ask("fund_transfer", desk.stock, 511, 1_234.5) == (True, "")
    fund = desk.ask("query_com_fund", desk.stock)
    assert (fund["success"], fund["enableBalance"], fund["currentBalance"]) == (True, 1_234.5, 1_234.5)
    assert desk.ask("query_com_fund", desk.credit)["enableBalance"] == 0
    assert [one.cash for one in desk.heard.wait_for("on_stock_asset")] == [10_000_000 - 1_234.5]
    assert desk.ask("fund_transfer", desk.stock, 510, 1_234.6) == (False, "普通柜台可用资金不足")
    assert desk.ask("fund_transfer", desk.stock, 510, 1_234.5) == (True, "")
    success, text = desk.ask("fund_transfer", desk.stock, 512, 1.0)
    assert (success, "节点" in text) == (False, True)


def test_securities_transfers(desk: Desk) -> None:
    desk.terminal.hold(BANK, 500, 30.0)
    assert desk.ask("secu_transfer", desk.stock, 521, "SH600036", 200, 0) == (True, "")
    assert desk.ask("query_stock_position", desk.stock, BANK).volume == 300
    # The vendor's query_com_position never returns: it binds no callback. The answer itself is there.
    found: SimpleQueue[Any] = SimpleQueue()
    client, module = desk.trader.async_client, sys.modules[type(desk.trader).__mro__[1].__module__]
    client.bindOnQueryComPositionRespCallback(lambda seq, rows: found.put(rows))
    request = module._XTQC_.QueryComPositionReq()
    request.m_strAccountID, request.m_nAccountType = STOCK_ACCOUNT, 2
    client.queryComPositionWithSeq(client.nextSeq(), request)
    [row] = found.get(timeout=SOON)
    assert (row.m_strStockCode, row.m_dTotalAmt, row.m_dCostPrice) == ("600036", 200, 30)


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("query_bank_info", ()),
        ("query_bank_amount", ("A", "1", "pw")),
        ("query_bank_transfer_stream", ("20250101", "20250131")),
    ],
)
def test_there_is_no_bank_to_ask(desk: Desk, name: str, args: tuple[str, ...]) -> None:
    [row] = desk.ask(name, desk.stock, *args)
    assert (row.success, row.error_msg) == (False, "仿真柜台没有银行")


@pytest.mark.parametrize("name", ["bank_transfer_in", "bank_transfer_out"])
def test_there_is_no_bank_to_transfer_from(desk: Desk, name: str) -> None:
    assert desk.ask(name, desk.stock, "A", "1", 10.0) == (False, "仿真柜台没有银行")
    assert desk.ask("query_stock_asset", desk.stock).cash == 10_000_000


def test_the_rest_is_answered_in_shape(desk: Desk) -> None:
    assert desk.ask("query_position_statistics", desk.stock) == []
    registers = desk.ask("query_secu_account", desk.stock)
    assert [one.market for one in registers] == ["SH", "SZ"]
    assert registers[0].secu_account.startswith("A")
    assert (
        desk.ask("export_data", desk.stock, "x.csv", "deal")["error"]["errorMsg"] == "仿真柜台不支持数据导出"
    )
    success, text = desk.ask("ctp_transfer_option_to_future", "1", "2", 1.0)
    assert (success, text) == (False, "仿真柜台没有期货和期权账号")


def test_async_credit_queries(desk: Desk) -> None:
    heard: SimpleQueue[Any] = SimpleQueue()
    ask: Callable[..., int] = desk.trader.query_credit_detail_async
    assert on_a_thread(lambda: ask(desk.credit, heard.put)) > 0
    assert heard.get(timeout=SOON)[0].m_strAccountID == CREDIT_ACCOUNT
