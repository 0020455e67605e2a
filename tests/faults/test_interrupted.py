"""What may interrupt a trader at any moment, or break beneath it: signals, finalisers, log sinks, sys.exit()."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from easytrader_qmt.errors import ConnectError, QueryFailed
from easytrader_qmt.miniqmt.policy import State
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import SOON, Heard, child, script
from tests.rig import Rig

NewRig = Callable[..., Rig]
NewUser = Callable[..., SimTrader]

# The signal arrives while the main thread holds a lock that exit() needs too.
AT_THE_WRONG_MOMENT = """
import signal

import easytrader_qmt
from easytrader_qmt.miniqmt.inflight import InFlight

user = easytrader_qmt.use("sim")
user.connect(call_timeout=20)


def bye(*_):
    user.exit()
    print("closed", flush=True)
    raise SystemExit(3)


signal.signal(signal.SIGTERM, bye)
check = InFlight._check


def interrupted(self):
    InFlight._check = check
    signal.raise_signal(signal.SIGTERM)
    check(self)


InFlight._check = interrupted
CALL
"""

AT_THE_VERY_END = """
import easytrader_qmt


class Bot:
    def __init__(self):
        self.user = easytrader_qmt.use("sim")
        self.user.connect()

    def __del__(self):
        self.user.exit()
        print("closed", flush=True)


bot = Bot()
"""


@pytest.mark.parametrize("call", ["user.balance", "user.buy('600036', 35.0, 100)"])
def test_a_signal_handler_may_exit(call: str, tmp_path: Path) -> None:
    ended = child(script(tmp_path, AT_THE_WRONG_MOMENT.replace("CALL", call)), cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (3, "closed\n"), ended.stderr


def test_a_finaliser_may_exit_when_the_interpreter_ends(tmp_path: Path) -> None:
    ended = child(script(tmp_path, AT_THE_VERY_END), cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "closed\n"), ended.stderr
    assert "Error" not in ended.stderr


def test_a_log_sink_that_raises_does_not_end_the_reconnecting(new_rig: NewRig) -> None:
    """``catch=False`` and a full disk: the thread that reconnects must outlive it."""
    rig = new_rig().connect()
    full, failed = threading.Event(), threading.Event()
    full.set()

    def write(message: str) -> None:
        if full.is_set() and threading.current_thread().name == "easytrader-qmt supervisor":
            failed.set()
            raise OSError("disk full")

    sink = logger.add(write, catch=False)
    try:
        rig.terminal.faults.disconnect()
        assert failed.wait(SOON)
        full.clear()
        rig.ready(2)
    finally:
        full.clear()
        logger.remove(sink)


def test_a_first_connect_that_breaks_does_not_seem_to_succeed(new_user: NewUser) -> None:
    def write(message: str) -> None:
        if threading.current_thread().name == "easytrader-qmt supervisor":
            raise OSError("disk full")

    sink = logger.add(write, catch=False)
    user = new_user()
    try:
        with pytest.raises(ConnectError, match="disk full"):
            user.connect()
        assert user.state is State.STOPPED
    finally:
        logger.remove(sink)


@pytest.fixture
def full_disk() -> Iterator[Callable[[str], None]]:
    """A log sink that raises on the threads of this name, as one with ``catch=False`` on a full disk does."""
    sinks: list[int] = []

    def fill(name: str) -> None:
        def write(message: str) -> None:
            if name in threading.current_thread().name:
                raise OSError("disk full")

        sinks.append(logger.add(write, catch=False))

    yield fill
    for sink in sinks:
        logger.remove(sink)


def test_a_log_sink_that_raises_costs_no_order_its_outcome(
    user: SimTrader, terminal: Terminal, full_disk: Callable[[str], None]
) -> None:
    full_disk("MainThread")
    answer = user.buy("600036", 35.0, 100, client_order_id="x")
    assert answer == {"entrust_no": terminal.orders()[0]["order_id"]}
    told = user.batch([{"action": "buy", "security": "600036", "price": 35.0, "amount": 100}] * 3)
    assert [each["outcome"] for each in told] == ["accepted"] * 3
    assert user._own().journal.entries(outcome="sending") == ()


def test_a_log_sink_that_raises_stops_no_events(new_user: NewUser, full_disk: Callable[[str], None]) -> None:
    def breaks(row: dict[str, Any]) -> None:
        raise ValueError("handler")

    heard = Heard()
    user = new_user()
    user.on("state", breaks)
    user.on("order", lambda row: heard.keep("on_order", row))
    full_disk("easytrader-qmt events")
    user.connect()
    user.buy("600036", 35.0, 100)
    heard.wait_for("on_order")


def test_a_layer_that_calls_sys_exit_is_tried_again(new_rig: NewRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker's bridge may end the process where it cannot log in; here it only ends the attempt."""
    rig = new_rig().connect()
    layer = type(rig.user.trader)
    connect, calls = layer.connect, []

    def leaves_once(self: Any) -> Any:
        calls.append(1)
        if len(calls) == 1:
            raise SystemExit("login")
        return connect(self)

    monkeypatch.setattr(layer, "connect", leaves_once)
    rig.outage()
    assert len(calls) == 2


@pytest.mark.parametrize("said", [-1, False, 0, "error", {}, object()])
def test_what_is_no_answer_is_a_failed_query(
    said: Any, user: SimTrader, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A bridge has its own ways of saying no: they are neither rows nor a proof that there are none."""
    user.buy("600036", 35.0, 100)
    trader = user.trader
    with monkeypatch.context() as patch:
        patch.setattr(trader, "query_stock_orders_async", lambda account, told, only=False: told(said))
        with pytest.raises(QueryFailed, match="委托"):
            user.today_entrusts  # noqa: B018
    monkeypatch.setattr(trader, "query_stock_asset_async", lambda account, told: told(said))
    monkeypatch.setattr(trader, "query_stock_orders_async", lambda account, told, only=False: told([]))
    for query in ("today_entrusts", "balance"):
        with pytest.raises(QueryFailed, match="资产"):
            getattr(user, query)
