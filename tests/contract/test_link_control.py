"""The control role of the link: a list of calls, and nothing else. See docs/link.md."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.sim import link_client
from easytrader_qmt.sim.link_client import RemoteTerminal
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.terminal import CREDIT_ACCOUNT
from tests.facade import SOON
from tests.link_peers import ACCOUNT, Served, Told

pytestmark = pytest.mark.usefixtures("no_leaks")


def test_control_calls_do_what_the_terminals_methods_do(served: Served) -> None:
    remote, told = served.client(100)
    with link_client.control(served.directory) as control:
        control.market.set("600000", last=10.5)
        assert control.market.quote("600000")["last"] == 10.5
        assert "600036.SH" in control.market.codes()
        control.market.add("600999.SH", name="测试", prev_close=14.2)
        assert served.terminal.market.quote("600999.SH").prev_close == 14.2
        control.hold("600000.SH", 300, 9.5)
        control.deposit(1.0)
        sysid = control.order_by_hand("buy", "600000.SH", 9.9, 100)
        assert [order["order_sysid"] for order in control.orders()] == [sysid]
        assert control.trades() == []
        control.push_account_status(3)
        assert told.wait_for("push", "account_status")[2]["status"] == 3
        assert control.accounts() == [
            {"account_id": ACCOUNT, "account_type": 2},
            {"account_id": CREDIT_ACCOUNT, "account_type": 3},
        ]
        control.next_day()
        assert (control.orders(), control.state()["days"]) == ([], 1)
        control.faults.refuse_connects(1)
        assert RemoteTerminal(served.directory).attach(Told(), 101) is False
        control.faults.set("delay", 0.5)
        assert control.state()["faults"]["delay"] == 0.5
        control.faults.clear()
        control.crash()
        told.wait_for("dropped", True)
        assert RemoteTerminal(served.directory).attach(Told(), 101) is False
        control.restart()
        assert remote.attach(told, 102)
    remote.detach(told)


@pytest.mark.parametrize(
    ("call", "args"),
    [
        ("close", ()),
        ("__class__", ()),
        ("counter.place", ()),
        ("market._market.set", ()),
        ("faults._terminal.close", ()),
        ("faults.rng.seed", (1,)),
        ("faults.set", ("rng", 1)),
        ("faults.set", ("delay", -1)),
        ("faults.set", ("delay", "1")),
        ("faults.set", ("duplicate", 1.5)),
        ("faults.set", ("answer_while_down", "lies")),
        ("faults.hang", ("orderStock",)),
        ("market.set", ("000000.SH",)),
        ("deposit", (-1e15,)),
        ("orders", (1, 2, 3)),
    ],
)
def test_a_control_call_that_cannot_be_is_an_error_and_changes_nothing(
    served: Served, call: str, args: tuple[Any, ...]
) -> None:
    with link_client.control(served.directory) as control:
        before = control.state()
        with pytest.raises(LinkError):
            control.call(call, *args)
        assert {**control.state(), "now": 0} == {**before, "now": 0}


def test_control_without_a_terminal_says_so(tmp_path: Path) -> None:
    with pytest.raises(LinkError, match="仿真终端"):
        link_client.control(tmp_path)


def test_an_unanswered_control_call_ends_in_time(served: Served) -> None:
    with link_client.control(served.directory, seconds=0.2) as control:
        held, done = threading.Event(), threading.Event()

        def hold_the_lock() -> None:
            with served.terminal._lock:
                held.set()
                done.wait(SOON)

        thread = threading.Thread(target=hold_the_lock)
        thread.start()
        held.wait(SOON)
        with pytest.raises(LinkError, match="没有回答"):
            control.orders()
        done.set()
        thread.join(SOON)
