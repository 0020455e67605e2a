"""Seconds, callbacks and simultaneous calls: refused before anything is created, or done without a leftover."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from easytrader_qmt.errors import ConnectError, EasytraderQmtError, InvalidArgument
from easytrader_qmt.miniqmt import DefaultXtQuantTraderCallback
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import SOON, Heard, States, on_a_thread, vendor_package

NewUser = Callable[..., SimTrader]

NO_SECONDS = [float("nan"), float("inf"), -float("inf"), 1e12, 10**400, -1, "x", "5", True, b"5", [1]]


@pytest.fixture
def down(new_user: NewUser, terminal: Terminal) -> SimTrader:
    """A trader whose terminal has gone and stays away."""
    user = new_user()
    user.connect(reconnect_interval=0.1)
    states = States(user)
    terminal.crash()
    states.wait_for("LOST")
    return user


# --- seconds -------------------------------------------------------------------------------------


@pytest.mark.parametrize("timeout", NO_SECONDS)
def test_waits_take_seconds_only(timeout: Any, down: SimTrader) -> None:
    for wait in (down.wait_ready, down.drain, lambda each: down.wait(5, each)):
        with pytest.raises(InvalidArgument, match=r"timeout=.*秒数"):
            on_a_thread(lambda wait=wait: wait(timeout))


def test_a_wait_without_end_is_for_ready_alone(down: SimTrader, terminal: Terminal) -> None:
    for wait in (down.drain, lambda each: down.wait(5, each)):
        with pytest.raises(InvalidArgument, match="timeout=None"):
            wait(None)  # type: ignore[arg-type]
    terminal.restart()
    assert on_a_thread(lambda: down.wait_ready(None)) is True
    assert on_a_thread(lambda: down.wait_ready(9e8)) is True
    assert on_a_thread(lambda: down.drain(9e8)) is True


# --- paths ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [r"D:\国金证券QMT交易端\userdata_mini", "", 5])
def test_a_real_looking_path_is_told_that_the_simulation_needs_none(path: Any, new_user: NewUser) -> None:
    with pytest.raises(
        InvalidArgument, match=r"仿真不需要路径，直接 user\.connect\(\).*sim terminal"
    ) as caught:
        new_user().connect(path, "1000000365")
    assert "QMT 安装目录" not in str(caught.value)


# --- seconds before connect ----------------------------------------------------------------------


def test_seconds_are_checked_before_connect_too(new_user: NewUser) -> None:
    user = new_user()
    with pytest.raises(InvalidArgument, match="timeout='x'"):
        user.wait_ready("x")  # type: ignore[arg-type]
    assert user.wait_ready(None) is False


@pytest.mark.parametrize(
    "name",
    [
        "reconnect_interval", "heartbeat_interval", "wait", "call_timeout", "connect_timeout", "stop_timeout",
        "reconnect_backoff",
    ],
)  # fmt: skip
def test_connect_takes_seconds_only(name: str, new_user: NewUser, terminal: Terminal) -> None:
    before, threads = sorted(Path(terminal.home).rglob("*")), threading.active_count()
    for value in NO_SECONDS if name == "reconnect_backoff" else [*NO_SECONDS, None]:
        with pytest.raises(InvalidArgument, match=f"{name}=.*秒数"):
            new_user().connect(**{name: value})
    assert sorted(Path(terminal.home).rglob("*")) == before
    assert threading.active_count() == threads


def test_a_very_long_time_is_taken(new_user: NewUser) -> None:
    user = new_user()
    user.connect(
        reconnect_interval=9e8, reconnect_backoff=9e8, heartbeat_interval=9e8, wait=9e8, call_timeout=9e8,
        connect_timeout=9e8, stop_timeout=9e8,
    )  # fmt: skip
    assert user.buy("600036", 35.5, 100)["entrust_no"] > 0
    user.exit()
    assert user.state == "STOPPED"


# --- callbacks -----------------------------------------------------------------------------------


class Deaf:
    """Has a word that begins like a push, and nothing to call."""

    on_stock_order = "none"

    def handle(self) -> None:
        """Hears nothing."""


class Broken:
    """Raises for every push that it is asked for, and for the list of its names."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("on_"):
            raise SystemExit(name)
        raise AttributeError(name)

    def __dir__(self) -> list[str]:
        raise RuntimeError


@pytest.mark.parametrize(
    "callback",
    [5, 0, True, "x", "", [], {}, object(), Deaf(), print, Heard, Deaf, SimpleNamespace()],
)
def test_a_callback_that_hears_nothing_is_refused(
    callback: Any, new_user: NewUser, terminal: Terminal
) -> None:
    before, threads = sorted(Path(terminal.home).rglob("*")), threading.active_count()
    user = new_user()
    with pytest.raises(InvalidArgument, match="trader_callback="):
        user.connect(trader_callback=callback)
    assert (user.state, terminal.clients) == ("STOPPED", 0)
    assert sorted(Path(terminal.home).rglob("*")) == before
    assert threading.active_count() == threads


def test_a_class_is_named_with_what_to_write() -> None:
    user = SimTrader()
    with pytest.raises(InvalidArgument, match=r"trader_callback=DefaultXtQuantTraderCallback\(\)"):
        user.connect(trader_callback=DefaultXtQuantTraderCallback)
    user.terminal.close()


class OneAlone:
    """Hears a push that only a later xtquant would have."""

    def on_something_new(self, thing: object) -> None:
        """Never called here."""


def test_callbacks_of_every_make_are_taken(new_user: NewUser) -> None:
    vendors = vendor_package().xttrader.XtQuantTraderCallback()
    fitting = [None, False, vendors, DefaultXtQuantTraderCallback(), OneAlone(), Heard(), Broken()]
    for callback in (*fitting, SimpleNamespace(on_stock_order=print)):
        user = new_user()
        user.connect(trader_callback=callback)
        assert user.state == "READY"
        user.exit()


def test_a_callback_that_only_answers_to_names_hears(new_user: NewUser) -> None:
    heard = Heard()
    assert not [name for name in dir(heard) if name.startswith("on_")]
    user = new_user()
    user.connect(trader_callback=heard)
    user.buy("600036", 35.5, 100)
    user.drain()
    assert len(heard.of("on_stock_trade")) == 1


# --- at the same time ------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_leaks")
def test_four_threads_that_connect_leave_one_connection(terminal: Terminal) -> None:
    user = SimTrader(terminal=terminal)
    together = threading.Barrier(4)
    ended: list[EasytraderQmtError | None] = []

    def connect() -> None:
        together.wait(SOON)
        try:
            user.connect()
            ended.append(None)
        except EasytraderQmtError as error:
            ended.append(error)

    threads = [threading.Thread(target=connect, daemon=True) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert len(ended) == 4
    assert None in ended
    assert {type(error) for error in ended if error is not None} <= {InvalidArgument}
    assert (user.state, terminal.clients) == ("READY", 1)
    assert user.buy("600036", 35.5, 100)["entrust_no"] > 0
    user.exit()
    assert terminal.clients == 0


@pytest.mark.usefixtures("no_leaks")
def test_a_connect_under_way_is_alone_until_it_ends(terminal: Terminal) -> None:
    user = SimTrader(terminal=terminal)
    states, ended = States(user), []
    terminal.faults.refuse_connects(1_000_000)

    def connect() -> None:
        try:
            user.connect(wait=600, reconnect_interval=0.1)
        except ConnectError as error:
            ended.append(error)

    thread = threading.Thread(target=connect, daemon=True)
    thread.start()
    states.wait_for("CONNECTING")
    with pytest.raises(InvalidArgument, match="别的线程"):
        user.connect()
    user.exit()
    thread.join(SOON)
    assert len(ended) == 1
    terminal.faults.refuse_connects(0)
    user.connect()
    assert (user.state, terminal.clients) == ("READY", 1)
    user.exit()


@pytest.mark.usefixtures("no_leaks")
def test_threads_that_connect_and_exit_leave_nothing(terminal: Terminal) -> None:
    user = SimTrader(terminal=terminal)
    together = threading.Barrier(4)

    def turn(call: Callable[[], None]) -> None:
        together.wait(SOON)
        for _ in range(5):
            try:
                call()
            except (ConnectError, InvalidArgument):
                continue

    calls = (user.connect, user.exit, user.connect, user.exit)
    threads = [threading.Thread(target=turn, args=(call,), daemon=True) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(3 * SOON)
        assert not thread.is_alive()
    user.exit()
    assert (user.state, terminal.clients) == ("STOPPED", 0)


def test_an_added_account_does_not_connect(user: SimTrader, terminal: Terminal) -> None:
    added = user.add_account(account_type="CREDIT")
    with pytest.raises(InvalidArgument, match="添加出来的账户"):
        added.connect(stock_account="SIM0000000002", account_type="CREDIT")
    assert terminal.clients == 1
    assert added.balance
