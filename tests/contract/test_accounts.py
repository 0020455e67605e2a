"""Several accounts on one connection, margin verbs, new issues: the facade on the simulated terminal."""

from __future__ import annotations

from typing import Any

import pytest

from easytrader_qmt.errors import InvalidArgument, InvalidOrder, NotConnected, QueryFailed
from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.terminal import CREDIT_ACCOUNT, STOCK_ACCOUNT
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import States


@pytest.fixture
def credit(user: SimTrader) -> Any:
    return user.add_account(account_type="CREDIT")


def test_the_default_terminal_holds_both_kinds(user: SimTrader) -> None:
    assert [(one.account_id, one.account_type) for one in user.terminal.accounts] == [
        (STOCK_ACCOUNT, 2),
        (CREDIT_ACCOUNT, 3),
    ]
    assert {row["account_id"] for row in user.account_infos} == {STOCK_ACCOUNT, CREDIT_ACCOUNT}
    assert [row["status_name"] for row in user.account_status] == ["正常", "正常"]


def test_each_account_sees_its_own(user: SimTrader, credit: Any) -> None:
    mine: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    user.on("trade", mine.append)
    credit.on("trade", theirs.append)
    assert credit.buy("600036", 35.5, 100)["entrust_no"] > 0
    assert user.buy("600000", 10.5, 200)["entrust_no"] > 0
    assert user.drain()
    assert [row["account_id"] for row in mine] == [STOCK_ACCOUNT]
    assert [row["account_id"] for row in theirs] == [CREDIT_ACCOUNT]
    assert [row["stock_code"] for row in user.position] == ["600000.SH"]
    assert [row["stock_code"] for row in credit.position] == ["600036.SH"]
    assert credit.balance[0]["account_type"] == 3


def test_one_session_serves_both_and_comes_back_for_both(user: SimTrader, credit: Any) -> None:
    assert user.terminal.clients == 1
    assert user.trader is credit.trader
    states = States(credit)
    placed = credit.buy("600036", 33.0, 100)["entrust_no"]
    assert user.drain()
    before = user.trader
    recovered: list[dict[str, Any]] = []
    credit.on("order", recovered.append)
    user.terminal.crash()
    states.wait_for("LOST")
    user.terminal.market.set("600036", last=33.0, ask1=33.0, ask1_volume=500)
    user.terminal.restart()
    user.reconnect()
    states.wait_for("READY")
    assert user.drain()
    assert user.trader is not before
    assert [(row["order_id"], row["recovered"]) for row in recovered if row["order_status"] == 56] == [
        (placed, True)
    ]


def test_an_added_account_ends_alone(user: SimTrader, credit: Any) -> None:
    credit.exit()
    with pytest.raises(NotConnected):
        _ = credit.balance
    assert user.balance[0]["account_id"] == STOCK_ACCOUNT


def test_the_connection_ends_with_all_its_accounts(user: SimTrader, credit: Any) -> None:
    user.exit()
    assert str(credit.state) == "STOPPED"


def test_what_cannot_be_added_is_refused(user: SimTrader, credit: Any) -> None:
    with pytest.raises(InvalidArgument, match="已经"):
        user.add_account(account_type="CREDIT")
    with pytest.raises(InvalidArgument, match="NONSENSE"):
        user.add_account("1", "NONSENSE")
    with pytest.raises(InvalidArgument, match="最初"):
        credit.add_account("2", "STOCK")


def test_an_account_the_terminal_does_not_know_is_not_added() -> None:
    terminal = Terminal(
        settings=TerminalSettings(connect_timeout=0, session_gap=0, open_unknown_accounts=False)
    )
    with SimTrader(terminal=terminal) as user:
        user.connect()
        with pytest.raises(QueryFailed):
            user.add_account("7000000001", "CREDIT")
        assert len(user._live().accounts) == 1
        assert user.balance
    terminal.close()


@pytest.mark.parametrize(
    ("verb", "price", "plain", "special"),
    [
        ("fin_buy", 35.5, 27, 40),
        ("slo_sell", 35.6, 28, 41),
        ("buy_secu_repay", 35.5, 29, 42),
        ("sell_secu_repay", 35.4, 31, 44),
    ],
)
def test_margin_verbs_send_the_vendors_order_types(
    credit: Any, user: SimTrader, verb: str, price: float, plain: int, special: int
) -> None:
    for flag, expected in ((False, plain), (True, special)):
        getattr(credit, verb)("600036", price, 100, special=flag, client_order_id=f"{verb}{flag}")
        user.drain()
        assert user.terminal.orders(CREDIT_ACCOUNT)[-1]["order_type"] == expected


def test_borrowing_and_repaying(credit: Any, user: SimTrader) -> None:
    credit.fin_buy("600036", 35.5, 1000)
    user.drain()
    assert credit.today_entrusts[-1]["order_type_name"] == "融资买入"
    owed = credit.credit_detail[0]["fin_debt"]
    assert owed > 0
    assert credit.compacts[0]["business_vol"] == 1000
    credit.direct_cash_repay(10_000)
    user.drain()
    assert credit.credit_detail[0]["fin_debt"] == pytest.approx(owed - 10_000, abs=100)
    assert "维持担保比例" in repr(credit.credit_detail)


def test_lists_of_the_margin_account(credit: Any) -> None:
    assert credit.credit_subjects.where(instrument_id="600036")
    assert credit.slo_codes[0]["enable_amount"] > 0
    assert 0 < credit.credit_assure[0]["assure_ratio"] <= 1
    assert list(credit.compacts.df.columns) == list(credit.compacts.table.keys)


def test_margin_verbs_are_for_margin_accounts(user: SimTrader) -> None:
    before = user.terminal.orders()
    for call in (
        lambda: user.fin_buy("600036", 35.5, 100),
        lambda: user.direct_cash_repay(100),
        lambda: user.direct_secu_repay("600036", 100),
        lambda: user.compacts,
    ):
        with pytest.raises(InvalidOrder, match="信用账户"):
            call()
    assert user.terminal.orders() == before


@pytest.mark.parametrize("amount", [0, -1, True, None, "100", float("nan"), 1.234])
def test_a_repayment_is_checked_before_it_leaves(credit: Any, user: SimTrader, amount: Any) -> None:
    with pytest.raises(InvalidOrder):
        credit.direct_cash_repay(amount)
    assert user.terminal.orders(CREDIT_ACCOUNT) == []


def test_auto_ipo_subscribes_once_a_day(user: SimTrader) -> None:
    issues = user.ipo_data
    assert len(issues) >= 2
    limits = user.purchase_limit
    first = user.auto_ipo()
    assert [each["code"] for each in first] == [issue["code"] for issue in issues]
    for answer, issue in zip(first, issues, strict=True):
        assert answer["entrust_no"] > 0
        assert issue["min_purchase"] <= answer["amount"] <= issue["max_purchase"]
        if issue["type"] != "BOND":
            assert answer["amount"] <= max(limits.values())
    assert user.auto_ipo() == first
    assert len(user.terminal.orders()) == len(issues)


def test_auto_ipo_keeps_its_promise_after_a_restart(terminal: Terminal) -> None:
    numbers = []
    for _ in range(2):
        with SimTrader(terminal=terminal) as user:
            user.connect()
            numbers.append([each["entrust_no"] for each in user.auto_ipo()])
    assert numbers[0] == numbers[1]


def test_a_transfer_is_checked_and_answered(user: SimTrader) -> None:
    for wrong in (1, True, "510"):
        with pytest.raises(InvalidArgument):
            user.fund_transfer(wrong, 100)
    with pytest.raises(InvalidArgument):
        user.fund_transfer(510, -5)
    with pytest.raises(InvalidArgument, match="小于 1 万亿"):
        user.fund_transfer(510, 1e12)
    assert set(user.fund_transfer(510, 100.0)) == {"success", "message"}


def answers_transfers(user: SimTrader, monkeypatch: pytest.MonkeyPatch, how: Any) -> None:
    """Let the terminal do ``how`` with the client and the number of each transfer."""
    request = user.terminal.request

    def scripted(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "transfer":
            how(client, seq)
        else:
            request(client, name, seq, fields)

    monkeypatch.setattr(user.terminal, "request", scripted)


@pytest.mark.parametrize(
    ("how", "why"),
    [
        (lambda client, seq: None, "秒内没有返回"),
        (lambda client, seq: client.dropped(True), "断开"),
        (lambda client, seq: client.answer("queryIPOData", seq, []), "xtquant 抛出 AttributeError"),
    ],
    ids=["no answer", "connection lost", "odd answer"],
)
def test_a_transfer_of_unknown_outcome_is_to_be_checked_and_not_to_be_repeated(
    new_user: Any, monkeypatch: pytest.MonkeyPatch, how: Any, why: str
) -> None:
    user = new_user()
    user.connect(call_timeout=0.1, heartbeat_interval=0)
    answers_transfers(user, monkeypatch, how)
    answer = user.fund_transfer(511, 100.0)
    assert answer["success"] is False
    assert answer["message"].startswith("划拨结果未知")
    assert "请先核对" in answer["message"]
    assert why in answer["message"]
    for advice in ("重试", "再试", "查询"):
        assert advice not in answer["message"]


def test_a_logged_out_terminal_refuses_a_transfer(user: SimTrader) -> None:
    user.terminal.faults.log_out()
    answer = user.fund_transfer(511, 100.0)
    assert answer == {"success": False, "message": f"资金账号 {STOCK_ACCOUNT} 未登录"}
    user.terminal.faults.log_in()


def test_what_a_margin_account_may_take_out_is_what_its_debts_leave(user: SimTrader, credit: Any) -> None:
    credit.fin_buy("600036", 35.5, 10_000)
    user.drain()
    [asset] = credit.balance
    if asset["fetch_balance"] is None:
        pytest.skip("this xtquant has no fetch_balance in an asset")
    assert asset["fetch_balance"] == credit.credit_detail[0]["fetch_balance"] < asset["cash"]
