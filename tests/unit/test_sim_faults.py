"""A logged-out terminal answers everything it is asked, and a thawed one in the order it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from easytrader_qmt.sim import Terminal
from tests.native.bench import Bench, answers
from tests.unit.test_fault_switches import Client, ask


@pytest.fixture
def bench(terminal: Terminal) -> Iterator[Any]:
    """A client of the stand-in on a real terminal."""
    made: Any = Bench()
    made.terminal = terminal
    yield made
    made.close()


@pytest.mark.parametrize(("lists", "empty"), [("empty", []), ("none", None)])
def test_every_request_is_answered_while_logged_out(
    terminal: Terminal, bench: Any, lists: str, empty: list[Any] | None
) -> None:
    client = bench.connected()
    terminal.faults.log_out(lists)
    for seq, (name, bind, types) in enumerate(answers(), 1):
        getattr(client, f"{name}WithSeq")(seq, *bench.request(name))
        heard, heard_seq, payload = bench.next()
        assert (heard, heard_seq) == (bind, seq)
        if types[1].startswith("list["):
            assert payload == empty
        elif types[1] == "int":
            assert payload == -1
        elif types[1] == "str":
            assert "未登录" in json.loads(payload)["error"]["msg"]
        else:
            assert type(payload) is getattr(bench.module, types[1])
            assert getattr(payload, "m_bSuccess", getattr(payload, "success", False)) is False
            said = getattr(payload, "m_strMsg", "") or getattr(payload, "error_msg", "")
            # A refused order says no more than -1, as without a connection.
            assert name in ("orderStock", "cancelOrderStock") or "未登录" in said
    assert bench.heard.empty()
    assert terminal.orders() == []


def test_the_account_that_is_logged_out_is_named(terminal: Terminal, bench: Any) -> None:
    client = bench.connected()
    terminal.faults.log_out()
    request = bench.module.TransferParam()
    request.m_strAccountID, request.m_nAccountType = "SIM0000000001", 2
    request.m_nOrderType, request.m_dPrice = 511, 100.0
    client.transferWithSeq(1, request)
    _, _, transfer = bench.next()
    assert (transfer.m_bSuccess, transfer.m_strMsg) == (False, "资金账号 SIM0000000001 未登录")
    assert terminal.holdings()["asset"]["cash"] == 10_000_000


def test_what_is_said_while_logged_out_is_delayed_like_all_else(terminal: Terminal) -> None:
    client = Client()
    assert terminal.attach(client, 100)
    terminal.faults.log_out()
    terminal.faults.delay = 0.001
    ask(terminal, client)
    assert client.told == []
    client.wait_for(1)
    terminal.faults.delay = 0.0


class Overtaking:
    """A terminal's lock, which somebody else's request always reaches first."""

    def __init__(self, lock: Any) -> None:
        self._lock = lock
        self.first: Any = None

    def __enter__(self) -> None:
        first, self.first = self.first, None
        if first is not None:
            first()
        self._lock.acquire()

    def __exit__(self, *raised: object) -> None:
        self._lock.release()


def test_nothing_new_is_answered_before_what_was_asked_while_frozen(terminal: Terminal) -> None:
    client = Client()
    assert terminal.attach(client, 100)
    terminal.faults.freeze()
    ask(terminal, client, 2)
    lock: Any = Overtaking(threading.RLock())
    terminal._lock = lock
    lock.first = lambda: ask(terminal, client, 3)
    terminal.faults.thaw()
    ask(terminal, client, 4)
    assert [seq for _, seq, _ in client.told] == [2, 3, 4]
