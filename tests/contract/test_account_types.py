"""An account is a number of a type: which one is meant when none is named, and what the wrong type brings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from loguru import logger

from easytrader_qmt.cli import main
from easytrader_qmt.errors import ConnectError, InvalidArgument, OrderInDoubt
from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.counter import Counter
from easytrader_qmt.sim.market import Market
from easytrader_qmt.sim.process import spawn
from easytrader_qmt.sim.terminal import CREDIT_ACCOUNT, STOCK_ACCOUNT
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import Heard, on_a_thread
from tests.raw import Raw

NewUser = Callable[..., SimTrader]


@pytest.fixture
def raw(xt: Any) -> Iterator[Raw]:
    made = Raw(xt)
    yield made
    made.close()


# --- the account that is meant when none is named ---------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "meant"),
    [("STOCK", (STOCK_ACCOUNT, 2)), ("CREDIT", (CREDIT_ACCOUNT, 3)), ("credit", (CREDIT_ACCOUNT, 3))],
)
def test_connect_takes_the_terminals_account_of_the_type(
    kind: str, meant: tuple[str, int], new_user: NewUser
) -> None:
    user = new_user()
    user.connect(account_type=kind)
    assert (user.account.account_id, user.account.account_type) == meant
    assert user.balance[0]["account_type"] == meant[1]
    if meant[1] == 3:
        assert len(user.credit_detail) == 1


def test_prepare_takes_it_too(new_user: NewUser, tmp_path: Path) -> None:
    config = tmp_path / "account.json"
    config.write_text(json.dumps({"account_type": "CREDIT"}), encoding="utf-8")
    user = new_user()
    user.prepare(str(config))
    assert user.account.account_id == CREDIT_ACCOUNT


def test_the_command_line_takes_it_too() -> None:
    found = CliRunner().invoke(main, ["balance", "--sim", "--account-type", "CREDIT", "--json"])
    logger.remove()
    assert found.exit_code == 0, found.output
    assert [row["account_id"] for row in json.loads(found.stdout)] == [CREDIT_ACCOUNT]


def test_a_terminals_own_accounts_come_first(tmp_path: Path) -> None:
    counter = Counter(Market())
    counter.open_account("7000000003", 3, cash=1.0)
    settings = TerminalSettings(connect_timeout=0, session_gap=0)
    terminal = Terminal(tmp_path / "own", settings=settings, counter=counter)
    for words in ({}, {"miniqmt_path": terminal.home}):
        with SimTrader(terminal=terminal) as user:
            user.connect(account_type="CREDIT", **words)
            assert user.account.account_id == "7000000003"
    with SimTrader(terminal=terminal) as user, pytest.raises(InvalidArgument, match="没有 STOCK 账户"):
        user.connect()
    terminal.close()


@pytest.mark.parametrize("kind", ["FUTURE", "NONSENSE"])
def test_a_type_without_an_account_is_refused_before_anything_is_done(
    kind: str, new_user: NewUser, terminal: Terminal
) -> None:
    user = new_user()
    with pytest.raises(InvalidArgument, match=kind):
        user.connect(account_type=kind)
    assert (user.state, terminal.clients) == ("STOPPED", 0)
    user.connect()
    with pytest.raises(InvalidArgument, match=kind):
        user.add_account(account_type=kind)


@pytest.mark.usefixtures("no_leaks")
def test_the_accounts_of_a_terminal_in_another_process(tmp_path: Path) -> None:
    home = tmp_path / "userdata_mini"
    with spawn(home, connect_timeout=0.2, session_gap=0.0), SimTrader() as user:
        user.connect(home, account_type="CREDIT")
        assert user.account.account_id == CREDIT_ACCOUNT
        user.connect(home)
        assert user.account.account_id == STOCK_ACCOUNT
        credit = user.add_account(account_type="CREDIT")
        assert credit.credit_detail[0]["account_id"] == CREDIT_ACCOUNT
        credit.exit()
        assert user.terminal.accounts[1].account_id == CREDIT_ACCOUNT
    user.terminal.close()


# --- a number under the wrong type -------------------------------------------------------------------


def test_connect_with_the_wrong_type_fails(new_user: NewUser, terminal: Terminal) -> None:
    for number, kind in ((STOCK_ACCOUNT, "CREDIT"), (CREDIT_ACCOUNT, "STOCK")):
        user = new_user()
        with pytest.raises(ConnectError, match="订阅"):
            user.connect(stock_account=number, account_type=kind)
    assert terminal.clients == 0


def asked(trader: Any, account: Any) -> dict[str, Any]:
    """What the vendor's trader is told of an account, by call."""
    calls: dict[str, tuple[Any, ...]] = {
        "subscribe": (),
        "query_stock_asset": (),
        "query_stock_orders": (),
        "query_stock_trades": (),
        "query_stock_positions": (),
        "query_credit_detail": (),
        "query_stk_compacts": (),
        "query_credit_subjects": (),
        "query_credit_slo_code": (),
        "query_credit_assure": (),
        "query_new_purchase_limit": (),
        "query_com_fund": (),
        "fund_transfer": (511, 1.0),
        "order_stock": ("600036.SH", 23, 100, 11, 35.5, "s", "r"),
        "cancel_order_stock": (1,),
        "unsubscribe": (),
    }
    return {
        name: on_a_thread(lambda n=name, a=args: getattr(trader, n)(account, *a))
        for name, args in calls.items()
    }


@pytest.mark.parametrize(("number", "kind"), [(CREDIT_ACCOUNT, "STOCK"), (STOCK_ACCOUNT, "CREDIT")])
def test_a_number_under_the_wrong_type_is_an_unknown_account(
    raw: Raw, terminal: Terminal, number: str, kind: str
) -> None:
    terminal.hold("600036", 100, 30.0, number)
    trader = raw.connected(terminal)
    terminal.settings.open_unknown_accounts = False
    account_of = raw.package.xttype.StockAccount
    unknown = asked(trader, account_of("7000000009", kind))
    wrong = asked(trader, account_of(number, kind))
    for name in ("fund_transfer", "query_com_fund"):
        # The number is in the text.
        assert str(wrong.pop(name)).replace(number, "7000000009") == str(unknown.pop(name))
    assert wrong == unknown
    assert (wrong["subscribe"], wrong["query_stock_asset"], wrong["query_stock_positions"]) == (-1, None, [])
    assert terminal.orders(number) == []


def test_a_raw_script_must_say_that_an_account_is_a_margin_account(raw: Raw, terminal: Terminal) -> None:
    """The vendor's ``StockAccount(number)`` is of type STOCK."""
    heard = Heard()
    trader = raw.connected(terminal, callback=heard)
    plain = raw.package.xttype.StockAccount(CREDIT_ACCOUNT)
    margin = raw.package.xttype.StockAccount(CREDIT_ACCOUNT, "CREDIT")
    assert on_a_thread(lambda: trader.subscribe(plain)) == -1
    terminal.deposit(1.0, CREDIT_ACCOUNT)
    assert on_a_thread(lambda: trader.subscribe(margin)) == 0
    cash = on_a_thread(lambda: trader.query_stock_asset(margin)).cash
    assert heard.of("on_stock_asset") == []
    terminal.deposit(1.0, CREDIT_ACCOUNT)
    [asset] = heard.wait_for("on_stock_asset")
    assert (asset.account_type, asset.cash) == (3, cash + 1.0)


def test_an_unknown_account_is_opened_under_the_type_it_is_first_named_by(
    raw: Raw, terminal: Terminal
) -> None:
    trader = raw.connected(terminal)
    account_of = raw.package.xttype.StockAccount
    assert on_a_thread(lambda: trader.subscribe(account_of("7000000009", "CREDIT"))) == 0
    assert on_a_thread(lambda: trader.query_stock_asset(account_of("7000000009", "CREDIT"))).account_type == 3
    assert on_a_thread(lambda: trader.query_stock_asset(account_of("7000000009"))) is None


def test_an_added_account_clears_up_what_an_earlier_connection_left(
    new_user: NewUser, terminal: Terminal
) -> None:
    user = new_user()
    user.connect(call_timeout=0.3)
    added = user.add_account(account_type="CREDIT")
    terminal.faults.lose_responses(1)
    with pytest.raises(OrderInDoubt):
        added.buy("600036", 35.0, 100, client_order_id="a")
    user.exit()
    again = new_user()
    again.connect()
    added = again.add_account(account_type="CREDIT")
    assert added.in_doubt == [], "it was not looked for before the next reconnect"
    assert added.buy("600036", 35.0, 100, client_order_id="a") == {
        "entrust_no": terminal.orders(CREDIT_ACCOUNT)[0]["order_id"]
    }
