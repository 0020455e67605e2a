"""prepare and use: easytrader's other spellings of connect, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import easytrader_qmt as easytrader
from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.miniqmt.options import terminal_path
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader

ACCOUNT = "1234567890"
NewUser = Callable[..., SimTrader]


def test_prepare_takes_keywords(new_user: NewUser, terminal: Terminal) -> None:
    user = new_user()
    assert user.prepare(miniqmt_path=terminal.home, stock_account=ACCOUNT, reconnect_interval=3) is None
    assert user.account.account_id == ACCOUNT


def test_prepare_takes_what_easytraders_server_passes_on(new_user: NewUser, terminal: Terminal) -> None:
    words = {"miniqmt_path": terminal.home, "stock_account": ACCOUNT}
    sent = json.loads(
        json.dumps(
            {
                "config_path": None,
                "user": None,
                "password": None,
                "exe_path": None,
                "comm_password": None,
                "kwargs": words,
            }
        )
    )
    user = new_user()
    user.prepare(**sent)
    assert user.account.account_id == ACCOUNT


def test_prepare_takes_a_json_file(new_user: NewUser, terminal: Terminal, tmp_path: Path) -> None:
    config = tmp_path / "配置.json"
    words = {"miniqmt_path": terminal.home, "stock_account": ACCOUNT, "reconnect_enabled": False}
    for encoding in ("utf-8", "utf-8-sig"):
        config.write_text(json.dumps(words, ensure_ascii=False), encoding=encoding)
        user = new_user()
        user.prepare(str(config))
        assert user.account.account_id == ACCOUNT
        user.exit()
    user = new_user()
    user.prepare(config, stock_account="7654321")
    assert user.account.account_id == "7654321"


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "JSON"), ("[1]", "JSON"), ('{"no_such": 1}', "no_such"), ("\udcff", "JSON")],
)
def test_prepare_refuses_a_bad_file(text: str, said: str, new_user: NewUser, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(InvalidArgument, match=said):
        new_user().prepare(str(config))


@pytest.mark.parametrize("path", ["D:\\国金\\userdata_mini", "D:\\userdata_mini"])
def test_prepare_tells_how_to_write_a_windows_path(path: str, new_user: NewUser, tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text(f'{{"miniqmt_path": "{path}"}}', encoding="utf-8")
    with pytest.raises(InvalidArgument) as caught:
        new_user().prepare(str(config))
    assert r"写成 \\ 或 /" in str(caught.value)


def test_a_path_with_an_escape_that_means_something_else() -> None:
    with pytest.raises(InvalidArgument, match="控制字符"):
        terminal_path("D:\temp\\userdata_mini")


def test_prepare_refuses_what_is_not_there(new_user: NewUser, tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument, match=r"none\.json"):
        new_user().prepare(tmp_path / "none.json")
    with pytest.raises(InvalidArgument, match="config_path"):
        new_user().prepare(5)
    with pytest.raises(InvalidArgument, match="kwargs"):
        new_user().prepare(kwargs=[1])
    with pytest.raises(InvalidArgument, match="no_such_word"):
        new_user().prepare(no_such_word=1)


# --- use -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["ths", "xq", "", "miniqmt2", None, 5])
def test_an_unknown_broker_lists_what_is_possible(name: Any) -> None:
    with pytest.raises(InvalidArgument) as caught:
        easytrader.use(name)
    assert "miniqmt" in str(caught.value)
    assert "sim" in str(caught.value)


def test_use_names_a_word_it_does_not_have(terminal: Terminal) -> None:
    with pytest.raises(InvalidArgument, match="no_such_word"):
        easytrader.use("sim", terminal=terminal, no_such_word=1)
    with pytest.raises(InvalidArgument, match="cash"):
        easytrader.use("sim", cash="a lot")


@pytest.mark.parametrize("path", ["ud", Path("ud")])
def test_the_path_of_a_terminal_is_for_connect(path: Any) -> None:
    with pytest.raises(InvalidArgument, match=r"connect\('ud'\)"):
        easytrader.use("sim", terminal=path)
    with pytest.raises(InvalidArgument, match="terminal=5"):
        easytrader.use("sim", terminal=5)


@pytest.mark.parametrize("cash", [1234.56, np.float64(1234.56), Decimal("1234.56"), np.int64(100)])
def test_cash_of_a_new_terminal(cash: Any) -> None:
    with easytrader.use("SIM", cash=cash) as user:
        user.connect()
        assert user.balance[0]["cash"] == float(cash)
    user.terminal.close()


@pytest.mark.parametrize("cash", ["100", True, -1, 1e12, float("nan"), None.__class__])
def test_cash_that_is_no_sum(cash: Any) -> None:
    with pytest.raises(InvalidArgument, match="cash="):
        easytrader.use("sim", cash=cash)
