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
from tests.link_peers import ACCOUNT, SUBSCRIBE, Served, Told

pytestmark = pytest.mark.usefixtures("no_leaks")


def test_control_calls_do_what_the_terminals_methods_do(served: Served) -> None:
    remote, told = served.client(100)
    with link_client.control(served.directory) as control:
        control.market.set("600000", last=10.5)
        assert control.market.quote("600000") == served.terminal.market.quote("600000")
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
        assert [one.account_id for one in control.accounts] == [ACCOUNT, CREDIT_ACCOUNT]
        control.next_day()
        assert (control.orders(), control.state()["days"] >= 1) == ([], True)
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
        ("faults.log_out", ("lies",)),
        ("set", ("trading_hours", 1)),
        ("set", ("days", 3)),
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


def test_what_is_read_is_what_the_terminals_own_attributes_are(served: Served) -> None:
    terminal = served.terminal
    terminal.market.set("600000", last=10.5)
    terminal.order_by_hand("buy", "600000", 10.5, 100)
    with link_client.control(served.directory) as control:
        for name in ("accounts", "home", "running", "clients", "days", "trading_hours"):
            assert getattr(control, name) == getattr(terminal, name), name
        for name in ("delay", "duplicate", "reorder", "answer_while_down", "frozen", "logged_out"):
            assert getattr(control.faults, name) == getattr(terminal.faults, name), name
        for name in ("quote", "ticks", "bars", "instrument", "listing"):
            code = "600000.SH"
            assert getattr(control.market, name)(code) == getattr(terminal.market, name)(code), name
        assert control.market.codes() == terminal.market.codes()
        assert control.market.latest(["600000.SH"]) == terminal.market.latest(["600000.SH"])
        assert control.market.after(0) == terminal.market.after(0)
        assert (control.market.listing("999999.SH"), control.day_quote("999999.SH")) == (None, None)
        assert control.day_quote("600000.SH") == terminal.day_quote("600000.SH")
        assert control.now <= terminal.now


def test_what_is_set_is_set_at_the_terminal(served: Served) -> None:
    faults = served.terminal.faults
    with link_client.control(served.directory) as control:
        control.faults.delay = 0.25
        control.faults.duplicate = 2
        control.faults.reorder = True
        control.faults.answer_while_down = "none"
        control.trading_hours = True
        assert (faults.delay, faults.duplicate, faults.reorder, faults.answer_while_down) == (
            0.25,
            2,
            True,
            "none",
        )
        assert served.terminal.trading_hours is True
        control.faults.clear()
        assert (faults.delay, control.faults.duplicate) == (0.0, 0)
        for name, value in (("delay", -1), ("duplicate", 1.5), ("reorder", 1), ("answer_while_down", "lies")):
            with pytest.raises(LinkError, match=name):
                setattr(control.faults, name, value)
        with pytest.raises(LinkError, match="trading_hours"):
            control.trading_hours = "yes"


def test_what_cannot_be_set_over_the_link_is_named(served: Served) -> None:
    with link_client.control(served.directory) as control:
        for part, name in (
            (control, "trading_hour"),
            (control, "days"),
            (control.faults, "rng"),
            (control.faults, "delays"),
            (control.market, "default_volume"),
            (control.counter, "protect_price_required"),
        ):
            with pytest.raises(AttributeError, match=name):
                setattr(part, name, 1)
        with pytest.raises(AttributeError):
            _ = control.market._market
        assert control.trading_hours is False


def test_an_account_is_logged_out_and_the_terminal_crashes_by_the_faults_names(served: Served) -> None:
    remote, told = served.client(100)
    with link_client.control(served.directory) as control:
        control.faults.log_out()
        assert control.faults.logged_out is True
        remote.request(told, "subscribe", 2, SUBSCRIBE)
        assert told.wait_for("answer", "subscribe", 2)[3] == -1
        control.faults.log_in()
        remote.request(told, "subscribe", 3, SUBSCRIBE)
        assert told.wait_for("answer", "subscribe", 3)[3] == 0
        control.faults.crash(notify=False)
        told.wait_for("dropped", False)
        assert (control.running, control.clients) == (False, 0)
        control.faults.restart()
        assert control.running is True
        assert remote.attach(told, 101)
    remote.detach(told)


def test_a_replay_lasts_until_its_end_or_runs_beside(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "day.csv"
    file.write_text("time,code,last\n09:30:03,600000.SH,10.41\n09:30:06,600000.SH,10.42\n", encoding="utf-8")
    with link_client.control(served.directory) as control:
        assert control.market.replay(file, speed=0) == 2
        assert control.market.quote("600000").last == 10.42
        late = file.read_text(encoding="utf-8").replace("09:30", "09:40").replace(":06,", ":59,")
        file.write_text(late, encoding="utf-8")
        assert control.market.replay(file, 0.001, background=True) == 2
        with pytest.raises(LinkError, match="回放"):
            control.market.replay(file, 0)
        control.market.stop_replay()
        with pytest.raises(LinkError):
            control.market.replay(tmp_path / "nothing.csv")


def test_what_breaks_a_replay_off_is_raised(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "day.csv"
    file.write_text("time,code,last\n09:30:03,600000.SH,10.41\n", encoding="utf-8")

    def broken(code: str, **changes: Any) -> None:
        raise ValueError("坏了")

    monkeypatch.setattr(served.terminal._market, "set", broken)
    with link_client.control(served.directory) as control, pytest.raises(LinkError, match="坏了"):
        control.market.replay(file, 0)


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
