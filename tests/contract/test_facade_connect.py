"""connect and exit: what they take, what they refuse before anything is created, and what they leave."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import easytrader_qmt as easytrader
from easytrader_qmt.errors import ConnectError, InvalidArgument, NotConnected
from easytrader_qmt.miniqmt.trader import MiniqmtTrader
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.layer import simulated_vendor
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import States

ACCOUNT = "1234567890"
NewUser = Callable[..., SimTrader]


def everything_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.mark.usefixtures("no_leaks")
def test_connect_needs_no_argument_in_the_simulation() -> None:
    user = easytrader.use("sim")
    try:
        assert user.connect() is None
        assert user.state == "READY"
        assert user.simulated
        assert user.balance[0]["account_id"].startswith("SIM")
        assert "仿真" in repr(user)
        assert user.broker_type == "sim"
    finally:
        user.exit()
        user.terminal.close()


@pytest.mark.usefixtures("no_leaks")
def test_with_statement_closes(terminal: Terminal) -> None:
    with easytrader.use("sim", terminal=terminal) as user:
        user.connect()
        assert terminal.clients == 1
        assert user.state == "READY"
    assert terminal.clients == 0
    assert user.state == "STOPPED"
    with pytest.raises(NotConnected):
        _ = user.balance


def test_with_statement_closes_after_an_error(terminal: Terminal) -> None:
    def strategy() -> None:
        with easytrader.use("sim", terminal=terminal) as user:
            user.connect()
            raise KeyError

    with pytest.raises(KeyError):
        strategy()
    assert terminal.clients == 0


@pytest.mark.usefixtures("no_leaks")
def test_exit_twice_and_without_connect(terminal: Terminal) -> None:
    SimTrader(terminal=terminal).exit()
    user = SimTrader(terminal=terminal)
    user.connect()
    user.exit()
    user.exit()
    assert terminal.clients == 0


@pytest.mark.usefixtures("no_leaks")
def test_connect_twice_closes_the_first(terminal: Terminal) -> None:
    user = SimTrader(terminal=terminal)
    user.connect()
    first = user.trader
    user.connect()
    assert user.trader is not first
    assert terminal.clients == 1
    assert user.buy("600036", 35.5, 100)["entrust_no"] > 0
    user.exit()


def test_connect_again_after_exit(user: SimTrader, terminal: Terminal) -> None:
    user.exit()
    user.connect()
    assert user.state == "READY"
    assert terminal.clients == 1


def test_connect_takes_easytraders_arguments_in_order(new_user: NewUser, terminal: Terminal) -> None:
    user = new_user()
    user.connect(terminal.home, ACCOUNT, None, True, 5, 0)
    assert user.account.account_id == ACCOUNT
    assert user.balance[0]["account_id"] == ACCOUNT


def test_trader_and_account_are_the_vendors(user: SimTrader, xt: Any) -> None:
    assert isinstance(user.trader, xt.xttrader.XtQuantTrader)
    assert type(user.account).__name__ == "StockAccount"
    assert user.trader.query_stock_asset(user.account).cash == user.balance[0]["cash"]


def test_before_connect(new_user: NewUser) -> None:
    user = new_user()
    assert user.account is None
    assert user.state == "STOPPED"
    assert user.wait_ready(0) is False
    user.stop_reconnect()
    asks: list[Callable[[], Any]] = [
        lambda: user.trader,
        lambda: user.balance,
        lambda: user.position,
        lambda: user.today_entrusts,
        lambda: user.today_trades,
        lambda: user.cancel_entrusts,
        lambda: user.buy("600036", 35.5, 100),
        lambda: user.sell("600036", 35.5, 100),
        lambda: user.market_buy("000001", 100),
        lambda: user.market_sell("000001", 100),
        lambda: user.cancel_entrust(5),
        user.reconnect,
    ]
    for ask in asks:
        with pytest.raises(NotConnected) as caught:
            ask()
        assert caught.value.sent is False


# --- refused before anything is created --------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["missing", "missing/deeper/userdata_mini", "a file", "", "   ", None, 5, b"x"]
)
def test_a_path_that_cannot_be(path: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a file").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    before, threads = everything_in(tmp_path), threading.active_count()
    user = MiniqmtTrader(simulated_vendor())
    with pytest.raises(InvalidArgument, match="miniqmt_path"):
        user.connect(path, ACCOUNT)
    assert everything_in(tmp_path) == before
    assert threading.active_count() == threads
    assert user.state == "STOPPED"


@pytest.mark.parametrize(
    "account", [1234567890, b"1234567890", "", "  ", ["1"], 1.5, "1" * 24, "券" * 8, "1\n2"]
)
def test_an_account_that_cannot_be(account: Any, terminal: Terminal, new_user: NewUser) -> None:
    home = Path(terminal.home)
    before = everything_in(home)
    user = new_user()
    with pytest.raises(InvalidArgument, match="stock_account") as caught:
        user.connect(terminal.home, account)
    assert "资金账号" in str(caught.value) or "字节" in str(caught.value)
    assert everything_in(home) == before
    assert terminal.clients == 0


def test_a_real_trader_needs_an_account(terminal: Terminal) -> None:
    user = MiniqmtTrader(simulated_vendor())
    with pytest.raises(InvalidArgument, match="资金账号"):
        user.connect(terminal.home)


def test_an_account_type_the_vendor_does_not_know(new_user: NewUser, terminal: Terminal) -> None:
    before = everything_in(Path(terminal.home))
    user = new_user()
    with pytest.raises(InvalidArgument, match="NONSENSE"):
        user.connect(account_type="nonsense")
    assert everything_in(Path(terminal.home)) == before


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ({"reconnect_interval": -1}, "reconnect_interval"),
        ({"reconnect_interval": "5"}, "reconnect_interval"),
        ({"max_reconnect_attempts": -1}, "max_reconnect_attempts"),
        ({"max_reconnect_attempts": 1.5}, "max_reconnect_attempts"),
        ({"reconnect_enabled": "yes"}, "reconnect_enabled"),
        ({"price_rounding": "up"}, "price_rounding"),
        ({"session_id": 0}, "session_id"),
        ({"session_ids": (9, 1)}, "session_ids"),
        ({"call_timeout": 0}, "call_timeout"),
        ({"no_such_word": 1}, "no_such_word"),
    ],
)
def test_other_arguments_that_cannot_be(words: dict[str, Any], named: str, new_user: NewUser) -> None:
    with pytest.raises(InvalidArgument, match=named):
        new_user().connect(**words)


# --- layers that answer otherwise ------------------------------------------------------------------


@pytest.mark.parametrize("says", [True, False])
def test_a_layer_may_say_yes_and_no_in_words_of_its_own(new_user: NewUser, says: bool) -> None:
    user = new_user()
    real = user._vendor.trader_class

    class Bridge(real):  # type: ignore[misc, valid-type]
        def connect(self) -> bool:
            super().connect()
            return says

    user._vendor = replace(user._vendor, trader_class=Bridge)
    if says:
        user.connect()
        assert user.balance
    else:
        with pytest.raises(ConnectError, match=r"connect\(\) 返回 False"):
            user.connect()


# --- elsewhere -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("impatient", "no_leaks")
def test_a_folder_without_a_terminal(tmp_path: Path, terminal: Terminal, log: list[str]) -> None:
    elsewhere = tmp_path / "elsewhere" / "userdata_mini"
    elsewhere.mkdir(parents=True)
    user = SimTrader(terminal=terminal)
    with pytest.raises(ConnectError) as caught:
        user.connect(elsewhere, ACCOUNT)
    assert caught.value.findings
    assert {finding.level for finding in caught.value.findings} <= {"ok", "warn", "bad", "unknown"}
    assert "connect() 返回 -1" in str(caught.value)
    assert "doctor" in str(caught.value)
    assert ACCOUNT not in str(caught.value)
    assert user.state == "STOPPED"
    assert terminal.clients == 0
    assert not any(ACCOUNT in line for line in log)


def test_a_trader_goes_on_after_a_failed_connect(user: SimTrader, terminal: Terminal) -> None:
    terminal.faults.refuse_connects(1)
    with pytest.raises(ConnectError):
        user.connect()
    user.connect()
    assert user.state == "READY"


def test_wait_keeps_trying(new_user: NewUser, terminal: Terminal) -> None:
    terminal.faults.refuse_connects(2)
    user = new_user()
    user.connect(wait=10, reconnect_interval=0)
    assert user.state == "READY"


def test_a_path_like_and_a_path_of_another_terminal(new_user: NewUser, tmp_path: Path) -> None:
    other = Terminal(tmp_path / "另一个终端" / "userdata_mini")
    user = new_user()
    user.connect(Path(other.home), ACCOUNT)
    assert user.terminal is other
    assert other.clients == 1
    user.exit()
    other.close()


# --- the log -------------------------------------------------------------------------------------


def test_log_lines_of_a_connect(new_user: NewUser, terminal: Terminal, log: list[str]) -> None:
    new_user().connect(stock_account=ACCOUNT, reconnect_interval=5, max_reconnect_attempts=0)
    expected = [
        "INFO 正在连接到 MiniQMT",
        f"INFO MiniQMT 路径: {terminal.home}",
        "INFO 资金账号: 12******90",
        "INFO 自动重连: 启用",
        "INFO 重连间隔: 5 秒",
        "INFO 最大重连次数: 无限",
        "INFO 创建 XtQuantTrader 实例，会话ID: ",
        "INFO 正在尝试连接...",
        "INFO ✓ 成功连接到 MiniQMT, 账号: 12******90",
        "INFO ✓ 已订阅账户: 12******90",
    ]
    found = [next((line for line in log if line.startswith(start)), None) for start in expected]
    assert None not in found, list(zip(expected, found, strict=True))
    assert [log.index(line) for line in found if line] == sorted(log.index(line) for line in found if line)
    assert any("仿真" in line for line in log)


def test_account_numbers_are_shortened(new_user: NewUser, terminal: Terminal, log: list[str]) -> None:
    user = new_user()
    user.connect(stock_account=ACCOUNT)
    user.buy("600036", 35.5, 100)
    user.buy("600036", 35.5, 10_000_000 // 100 * 10)
    user.cancel_entrust(5)
    terminal.push_account_status(3, ACCOUNT)
    user.drain()
    states = States(user)
    terminal.faults.disconnect()
    states.wait_for("READY")
    user.drain()
    assert not [line for line in log if ACCOUNT in line]
    assert ACCOUNT not in repr(user)


def test_debug_shows_whole_account_numbers(new_user: NewUser, log: list[str]) -> None:
    user = new_user(debug=True)
    user.connect(stock_account=ACCOUNT)
    assert any(ACCOUNT in line for line in log)
    assert ACCOUNT in repr(user)


def test_stop_reconnect(user: SimTrader, terminal: Terminal) -> None:
    states = States(user)
    user.stop_reconnect()
    terminal.faults.disconnect()
    states.wait_for("LOST")
    assert user.wait_ready(20) is False
    with pytest.raises(NotConnected):
        _ = user.balance
    user.reconnect()
    assert user.wait_ready(20) is True
