"""Fixtures for the whole facade on a simulated terminal: nothing here waits, and nothing is left behind."""

from __future__ import annotations

import asyncio
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from loguru import logger

from easytrader_qmt.sim import Terminal, TerminalSettings
from easytrader_qmt.sim.layer import native_module, simulated_vendor
from easytrader_qmt.sim.native import ClientSettings
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import SOON, vendor_package
from tests.seam import Seam

_OURS = ("easytrader-qmt", "xtquant-sim", "sim ")


@pytest.fixture(scope="session", autouse=True)
def _quiet() -> None:
    """No log line reaches the console; a test that reads the log asks for ``log``."""
    logger.remove()
    with warnings.catch_warnings():
        # The vendor's files have escapes that newer Pythons warn about; that is theirs.
        warnings.simplefilter("ignore")
        simulated_vendor()


@pytest.fixture
def log() -> Iterator[list[str]]:
    """Every line that is logged, as ``LEVEL text``."""
    lines: list[str] = []
    sink = logger.add(
        lambda message: lines.append(str(message).rstrip("\n")), format="{level} {message}", level=0
    )
    yield lines
    logger.remove(sink)


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A simulated terminal that neither waits nor lets session ids rest."""
    made = Terminal(
        tmp_path / "QMT" / "userdata_mini", settings=TerminalSettings(connect_timeout=0.0, session_gap=0.0)
    )
    yield made
    made.close()


@pytest.fixture
def new_user(terminal: Terminal) -> Iterator[Callable[..., SimTrader]]:
    """Makes traders on the terminal that are closed at the end; not connected yet."""
    made: list[SimTrader] = []

    def make(**words: Any) -> SimTrader:
        made.append(SimTrader(terminal=terminal, **words))
        return made[-1]

    yield make
    for user in made:
        user.exit()


@pytest.fixture
def user(new_user: Callable[..., SimTrader]) -> SimTrader:
    """A connected trader on the terminal."""
    trader = new_user()
    trader.connect()
    return trader


@pytest.fixture
def seam(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> Seam:
    """What crosses the native seam of the terminal, which a script may answer."""
    return Seam(terminal, monkeypatch)


@pytest.fixture
def xt(terminal: Terminal) -> ModuleType:
    """The vendor's package on the stand-in, under whatever name it was loaded."""
    return vendor_package()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A connect at a path without a terminal fails at once instead of after three seconds."""
    settings = ClientSettings(connect_timeout=0.0, directory_of=lambda path: path or None)
    monkeypatch.setattr(native_module().XtQuantAsyncClient, "_settings", settings)


@pytest.fixture
def no_leaks() -> Iterator[None]:
    """The test leaves no thread of ours or the vendor's, and this thread's event loop as it was."""
    before = set(threading.enumerate())
    policy = asyncio.get_event_loop_policy()
    local = getattr(policy, "_local", None)
    loop = getattr(local, "_loop", None)
    yield
    deadline = time.monotonic() + SOON
    left: list[threading.Thread] = []
    while time.monotonic() < deadline:
        left = [one for one in threading.enumerate() if one not in before and one.is_alive()]
        for one in left:
            one.join(0.05)
        if not left:
            break
    assert left == []
    assert getattr(local, "_loop", None) is loop
