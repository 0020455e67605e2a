"""Every call from every handler under every fault ends, and so does the interpreter."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import EasytraderQmtError
from easytrader_qmt.events import EVENTS
from easytrader_qmt.sim import Terminal
from tests.facade import SOON, Heard, child, script
from tests.rig import GatedPause, Rig

NewRig = Callable[..., Rig]

pytestmark = pytest.mark.usefixtures("no_leaks")

DEADLINE = 0.3
"""Seconds of every vendor call here."""
MOST = 4 * DEADLINE + 2.0
"""Seconds that one facade call may take: a query asked twice and its proof, and room for a busy machine."""

CALLS: dict[str, Callable[[Any], Any]] = {
    "buy": lambda user: user.buy("600036", 35.5, 100),
    "sell": lambda user: user.sell("600036", 35.5, 100),
    "market_buy": lambda user: user.market_buy("000001", 100),
    "cancel_entrust": lambda user: user.cancel_entrust(1),
    "balance": lambda user: user.balance,
    "position": lambda user: user.position,
    "today_entrusts": lambda user: user.today_entrusts,
    "today_trades": lambda user: user.today_trades,
    "cancel_entrusts": lambda user: user.cancel_entrusts,
    "drain": lambda user: user.drain(DEADLINE),
    "wait_ready": lambda user: user.wait_ready(0.0),
    "reconnect": lambda user: user.reconnect(),
    "state": lambda user: user.state,
    "trader": lambda user: user.trader,
}

FAULTS: dict[str, Callable[[Terminal], Any]] = {
    "none": lambda terminal: None,
    "frozen": lambda terminal: terminal.faults.freeze(),
    "dropped silently": lambda terminal: terminal.faults.disconnect(notify=False),
    "dropped": lambda terminal: terminal.faults.crash(),
    "logged out": lambda terminal: terminal.faults.log_out("none"),
    "responses lost": lambda terminal: terminal.faults.lose_responses(5),
    "stop hangs": lambda terminal: (terminal.faults.hang("stop"), terminal.faults.crash()),
    "connect hangs": lambda terminal: (terminal.faults.hang("connect"), terminal.faults.disconnect()),
    "subscribe hangs": lambda terminal: (terminal.faults.hang("subscribe"), terminal.faults.disconnect()),
}

PUSHES = ("order", "trade", "asset", "position", "order_error", "cancel_error", "account_status")


def bring_about(rig: Rig, event: str) -> None:
    """Make one event of this kind happen."""
    terminal = rig.terminal
    if event in ("order", "trade", "asset", "position"):
        terminal.order_by_hand("buy", "600036", 35.5, 100)
    elif event == "order_error":
        rig.user.sell("000001", 11.3, 100)
    elif event == "cancel_error":
        rig.user.cancel_entrust(123_456)
    elif event == "account_status":
        terminal.push_account_status(0)
    else:
        rig.user.reconnect()


def tried(call: Callable[[], Any]) -> Any:
    """The call's answer or its error; both are an end."""
    try:
        return call()
    except EasytraderQmtError as error:
        return error


@pytest.mark.parametrize("event", [*PUSHES, "state"])
def test_every_call_works_inside_every_handler(new_rig: NewRig, event: str) -> None:
    rig = new_rig().connect(call_timeout=5)
    done: dict[str, Any] = {}
    finished = threading.Event()

    def handler(row: dict[str, Any]) -> None:
        if finished.is_set() or (event == "state" and row["state"] != "READY"):
            return
        assert threading.current_thread().name == "easytrader-qmt events"
        for name, call in CALLS.items():
            if name != "reconnect":
                done[name] = tried(lambda call=call: call(rig.user))
        finished.set()

    rig.user.on(event, handler)
    bring_about(rig, event)
    assert finished.wait(SOON)
    failed = {name: answer for name, answer in done.items() if isinstance(answer, Exception)}
    assert failed == {}
    assert done["buy"]["entrust_no"] > 0
    assert done["balance"]


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("where", ["on", "callback"])
def test_every_call_inside_a_handler_ends_under_every_fault(new_rig: NewRig, fault: str, where: str) -> None:
    rig = new_rig(gated=True)
    took: dict[str, float] = {}
    finished = threading.Event()

    def handler(_: Any) -> None:
        FAULTS[fault](rig.terminal)
        for name, call in CALLS.items():
            began = time.perf_counter()
            tried(lambda call=call: call(rig.user))
            took[name] = time.perf_counter() - began
        finished.set()

    class Callback:
        def on_account_status(self, status: Any) -> None:
            handler(status)

    short = {"call_timeout": DEADLINE, "connect_timeout": DEADLINE, "stop_timeout": DEADLINE}
    rig.connect(**short, **({"trader_callback": Callback()} if where == "callback" else {}))
    if where == "on":
        rig.user.on("account_status", handler)
    rig.terminal.push_account_status(0)
    assert finished.wait(len(CALLS) * MOST), took
    assert {name: seconds for name, seconds in took.items() if seconds > MOST} == {}
    # And nothing is left that keeps it from coming back.
    rig.terminal.faults.clear()
    rig.terminal.faults.restart()
    assert isinstance(rig.pause, GatedPause)
    rig.pause.let_go(1_000)
    rig.user.reconnect()
    assert rig.user.wait_ready(SOON)
    assert rig.user.balance


@pytest.mark.parametrize("fault", list(FAULTS))
def test_exit_inside_a_handler_ends_under_every_fault(new_rig: NewRig, fault: str) -> None:
    rig = new_rig(gated=True)
    rig.connect(call_timeout=DEADLINE, connect_timeout=3600, stop_timeout=DEADLINE)
    left: list[float] = []
    finished = threading.Event()

    def handler(_: Any) -> None:
        FAULTS[fault](rig.terminal)
        began = time.perf_counter()
        rig.user.exit()
        left.append(time.perf_counter() - began)
        finished.set()

    rig.user.on("account_status", handler)
    rig.terminal.push_account_status(0)
    assert finished.wait(SOON)
    assert left[0] < MOST, "an attempt that hangs for an hour is not waited for"
    assert rig.user.state == "STOPPED"
    rig.terminal.faults.clear()


@pytest.mark.parametrize("fault", list(FAULTS))
def test_exit_ends_while_a_heartbeat_or_an_attempt_hangs(new_rig: NewRig, fault: str) -> None:
    rig = new_rig(gated=True)
    assert isinstance(rig.pause, GatedPause)
    rig.connect(heartbeat_interval=30, call_timeout=3600, connect_timeout=3600, stop_timeout=DEADLINE)
    rig.pause.until_waiting()
    FAULTS[fault](rig.terminal)
    rig.pause.let_go()
    began = time.perf_counter()
    rig.user.exit()
    assert time.perf_counter() - began < MOST
    rig.terminal.faults.clear()


def test_exit_from_several_handlers_and_threads_at_once(new_rig: NewRig) -> None:
    rig = new_rig().connect()
    outcome = Heard()
    rig.user.on("account_status", lambda row: outcome.keep("inside", rig.user.exit()))
    rig.terminal.push_account_status(0)
    threads = [
        threading.Thread(target=lambda: outcome.keep("outside", rig.user.exit()), daemon=True)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    outcome.wait_for("outside", 4)
    assert rig.user.state == "STOPPED"


def test_a_handler_may_connect_anew(new_rig: NewRig) -> None:
    rig = new_rig().connect()
    done = Heard()

    def again(row: dict[str, Any]) -> None:
        rig.user.connect(heartbeat_interval=0)
        done.keep("again", rig.user.balance)

    subscription = rig.user.on("account_status", again)
    rig.terminal.push_account_status(0)
    assert done.wait_for("again")[0]
    subscription.cancel()
    assert rig.user.state == "READY"
    rig.user.exit()


def test_a_handler_that_raises_or_exits_costs_nobody_else_an_event(new_rig: NewRig, log: list[str]) -> None:
    rig = new_rig()

    class Broken:
        def __getattr__(self, name: str) -> Any:
            if name.startswith("on_"):
                raise SystemExit(1)
            raise AttributeError(name)

    for name in EVENTS:
        rig.user.on(name, lambda row: 1 / 0)
    rig.connect(trader_callback=Broken())
    rig.terminal.order_by_hand("buy", "600036", 35.5, 100)
    rig.news.wait_for("trade")
    rig.outage()
    assert rig.user.balance


def test_a_slow_handler_delays_no_call_and_no_reconnect(new_rig: NewRig) -> None:
    rig = new_rig().connect()
    inside, go = threading.Event(), threading.Event()
    rig.user.on("account_status", lambda row: (inside.set(), go.wait(SOON)))
    rig.terminal.push_account_status(0)
    assert inside.wait(SOON)
    assert rig.user.buy("600036", 35.5, 100)["entrust_no"] > 0
    rig.terminal.faults.disconnect()
    rig.user.reconnect()
    assert rig.user.wait_ready(SOON)
    assert rig.user.position
    assert rig.readies == 1, "it is READY although nobody could be told yet"
    go.set()
    rig.news.wait_for("state READY", 2)


# --- the interpreter ends ------------------------------------------------------------------------------

_SCRIPT = """
import easytrader_qmt as easytrader

user = easytrader.use('sim')
user.connect(call_timeout=0.2, connect_timeout=0.2, stop_timeout=0.2, heartbeat_interval=0)
faults = user.terminal.faults
{body}
print('end')
"""
_BODIES = {
    "no exit": "user.buy('600036', 35.5, 100)",
    "connect hangs": "faults.hang('connect'); faults.disconnect()",
    "subscribe hangs": "faults.hang('subscribe'); user.reconnect(); user.wait_ready(1)",
    "stop hangs": "faults.hang('stop'); user.exit()",
    "stop hangs, twice": "faults.hang('stop'); user.reconnect(); user.wait_ready(1); user.exit()",
    "frozen": "faults.freeze(); user.reconnect()",
    "a raw call that never returns": (
        "import threading; trader = user.trader; faults.freeze(); "
        "threading.Thread(target=trader.query_stock_asset, args=(user.account,), daemon=True).start()"
    ),
    "a handler that never returns": (
        "import threading; user.on('account_status', lambda row: threading.Event().wait()); "
        "user.terminal.push_account_status(0)"
    ),
}


@pytest.mark.parametrize("what", list(_BODIES))
def test_the_interpreter_exits(what: str, tmp_path: Path) -> None:
    path = script(tmp_path, _SCRIPT.format(body=_BODIES[what]))
    began = time.perf_counter()
    ended = child(path, cwd=tmp_path)
    assert (ended.returncode, ended.stdout.strip().splitlines()[-1]) == (0, "end"), ended.stderr
    assert time.perf_counter() - began < SOON
    assert "Traceback" not in ended.stderr
