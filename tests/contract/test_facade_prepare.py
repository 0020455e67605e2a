"""prepare and use: easytrader's other spellings of connect, and what they refuse."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import easytrader_qmt as easytrader
from easytrader_qmt.errors import InvalidArgument
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


def test_cash_of_a_new_terminal() -> None:
    with easytrader.use("SIM", cash=1234.56) as user:
        user.connect()
        assert user.balance[0]["cash"] == 1234.56
    user.terminal.close()
