"""Endings: interrupted ones, ones that come while connect() prepares, and what follows a connection that was closed."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import ConnectError
from easytrader_qmt.miniqmt.session_ids import usage
from easytrader_qmt.miniqmt.steps import MOST_HANGING, too_many_hang
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import SOON, Heard, child, on_a_thread, script
from tests.rig import Rig

NewRig = Callable[..., Rig]
NewUser = Callable[..., SimTrader]

pytestmark = pytest.mark.usefixtures("no_leaks")

# The signal arrives while the main thread decides whose a session id is, at the end of another user.
WHILE_A_LEASE_ENDS = """
import signal

import easytrader_qmt
from easytrader_qmt.miniqmt import session_leases

one, other = easytrader_qmt.use("sim"), easytrader_qmt.use("sim")
one.connect()
other.connect()


class Interrupted(type(session_leases._hung)):
    def pop(self, *args):
        session_leases._hung = plain
        signal.raise_signal(signal.SIGTERM)
        return plain.pop(*args)


def bye(*_):
    other.exit()
    print("closed", flush=True)


signal.signal(signal.SIGTERM, bye)
plain = session_leases._hung
session_leases._hung = Interrupted(plain)
one.exit()
print("both", flush=True)
"""

A_CHILD_THAT_ENDS = """
import os
import sys

import easytrader_qmt

user = easytrader_qmt.use("sim")
home = user.terminal.home
if os.fork() == 0:
    sys.exit(0)
os.wait()
print(os.path.isdir(home), flush=True)
"""


def held(terminal: Terminal) -> list[int]:
    """The session ids that are held."""
    return [each.session_id for each in usage(terminal.home, 100, 119) if each.held]


@pytest.mark.parametrize("step", ["_supervisor.stop", "_sessions.drop", "_telling.stop"])
def test_what_interrupts_one_step_of_an_exit_leaves_nothing_behind(
    step: str, rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``no_leaks`` looks for threads."""
    connection = rig.user._connection
    assert connection is not None
    part, name = step.split(".")
    plain = getattr(getattr(connection, part), name)

    def interrupted(*args: Any) -> Any:
        plain(*args) if part != "_supervisor" else None
        raise KeyboardInterrupt

    monkeypatch.setattr(getattr(connection, part), name, interrupted)
    with pytest.raises(KeyboardInterrupt):
        rig.user.exit()
    assert held(rig.terminal) == []
    assert connection.watchers == []
    assert rig.user.state == "STOPPED"


def test_a_signal_handler_may_exit_another_user_while_a_lease_ends(tmp_path: Path) -> None:
    ended = child(script(tmp_path, WHILE_A_LEASE_ENDS), cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "closed\nboth\n"), ended.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_that_ends_leaves_its_parents_terminal(tmp_path: Path) -> None:
    ended = child(script(tmp_path, A_CHILD_THAT_ENDS), cwd=tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "True\n"), ended.stderr


def test_a_layer_whose_stop_leaves_settles_after_one_outage(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = type(rig.user.trader)
    stop = layer.stop

    def leaves(self: Any) -> None:
        stop(self)
        raise SystemExit("bridge")

    monkeypatch.setattr(layer, "stop", leaves)
    rig.outage()
    assert rig.readies == 2
    rig.user.exit()
    assert rig.states.count("LOST") == 1
    assert held(rig.terminal) == []


def test_an_exit_while_connect_prepares_is_not_lost(
    new_user: NewUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = new_user()
    with monkeypatch.context() as patch:
        patch.setattr(user, "_announce", lambda options: on_a_thread(user.exit))
        with pytest.raises(ConnectError, match="停止"):
            user.connect()
    assert user.state == "STOPPED"
    user.connect()
    assert user.state == "READY"


# --- one connection after another ----------------------------------------------------------------------


def test_a_handler_that_connects_is_told_one_thing_after_another(
    new_user: NewUser, terminal: Terminal
) -> None:
    user, heard, inside = new_user(), Heard(), threading.Lock()
    drained: list[bool] = []

    def state(row: dict[str, Any]) -> None:
        assert inside.acquire(blocking=False), "two threads at once"
        try:
            if row["state"] == "LOST" and not drained:
                user.connect(reconnect_interval=1)
                assert user.state == "READY"
                drained.append(user.drain(SOON))
            heard.keep("state", row["state"])
            heard.keep(row["state"])
        finally:
            inside.release()

    user.on("state", state)
    user.connect(reconnect_interval=1)
    terminal.faults.disconnect()
    heard.wait_for("READY", 2)
    assert drained == [True], "inside a handler nothing is waited for"
    assert heard.of("state")[-4:] == ["STOPPED", "CONNECTING", "SYNCING", "READY"]
    assert heard.of("state").count("STOPPED") == 1


def test_a_handler_that_outlasts_exit_keeps_its_turn(new_user: NewUser) -> None:
    user, heard = new_user(), Heard()
    go, busy = threading.Event(), threading.Event()
    inside = threading.Lock()

    def order(row: dict[str, Any]) -> None:
        assert inside.acquire(blocking=False), "two threads at once"
        busy.set()
        assert go.wait(SOON)
        heard.keep("order", row["order_id"])
        inside.release()

    user.on("order", order)
    user.connect(stop_timeout=0.2)
    first = user.buy("600036", 35.0, 100)["entrust_no"]
    assert busy.wait(SOON)
    user.exit()
    user.connect()
    second = user.buy("600036", 35.0, 100)["entrust_no"]
    assert user.drain(0.0) is False
    assert heard.of("order") == []
    go.set()
    assert user.drain(SOON)
    told = heard.of("order")
    assert first in told
    assert second in told
    assert told == sorted(told, key=[first, second].index), "what the first connection had to say comes first"


# --- a terminal whose calls never return -----------------------------------------------------------------


def test_connections_that_hang_do_not_pile_up(new_rig: NewRig, terminal: Terminal) -> None:
    rig = new_rig().connect(call_timeout=0.5, connect_timeout=0.5, stop_timeout=0.05, wait=SOON)
    full = threading.Event()
    waits_while_full: list[int] = []

    def wait(seconds: float) -> None:
        if too_many_hang(terminal.home):
            waits_while_full.append(threading.active_count())
        if len(waits_while_full) == 20:
            full.set()
            terminal.faults.release()

    rig.pause.before_wait = wait
    terminal.faults.hang("connect")
    terminal.faults.disconnect()
    assert full.wait(SOON)
    assert full.wait(SOON)
    assert max(waits_while_full) == waits_while_full[0], "not one thread more"
    rig.ready(2)
    assert rig.user.drain()
    reasons = [str(each["reason"]) for each in rig.news.of("state LOST")]
    assert any(f"已有 {MOST_HANGING} 次连接卡在" in each for each in reasons)
    assert len(held(terminal)) >= 1


def test_an_id_is_free_only_when_connect_has_come_back_too(new_rig: NewRig, terminal: Terminal) -> None:
    rig = new_rig()
    terminal.faults.hang("connect")
    with pytest.raises(ConnectError):
        rig.user.connect(heartbeat_interval=0, call_timeout=0.5, connect_timeout=0.5, stop_timeout=0.05)
    assert held(terminal) == [100], "whoever hangs in connect() still uses the id"
    stopping = [each for each in threading.enumerate() if each.name == "easytrader-qmt stop()"]
    terminal.faults.release()
    for each in stopping:
        each.join(SOON)
    assert held(terminal) == []
    assert not list(Path(terminal.home).glob("down_queue_*"))
