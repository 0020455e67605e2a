"""Terminal processes for tests, and the vendor's own trader connected to them. A module takes the fixtures by name."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from easytrader_qmt.sim import layer, link_client
from easytrader_qmt.sim.spawned import SpawnedTerminal, spawn
from tests.facade import Heard, on_a_thread, vendor_package
from tests.link_peers import ACCOUNT

CASH = 1_000_000.0
BUY, SELL, LIMIT = 23, 24, 11
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "国金QMT" / "userdata_mini"


@pytest.fixture
def start(home: Path) -> Iterator[Callable[..., SpawnedTerminal]]:
    """Starts the terminal at ``home``; whatever still runs at the end is ended."""
    made: list[SpawnedTerminal] = []

    def begin(**options: Any) -> SpawnedTerminal:
        made.append(spawn(home, **{"connect_timeout": 0.2, "session_gap": 0.0, "seed_cash": CASH, **options}))
        return made[-1]

    yield begin
    for child in made:
        child.__exit__()


@pytest.fixture
def trade(home: Path) -> Iterator[Callable[[int], Trader]]:
    """Connects the vendor's own XtQuantTrader under a session id; stopped at the end."""
    made: list[Trader] = []

    def connect(session: int) -> Trader:
        made.append(Trader(home, session))
        return made[-1]

    yield connect
    for trader in made:
        trader.stop()


class Trader:
    """The vendor's own trader on the stand-in, connected to the terminal process."""

    def __init__(self, home: Path, session: int) -> None:
        link_client.install()
        link_client.install()  # twice is once
        package: ModuleType = vendor_package()
        self.heard = Heard()
        self.account = package.xttype.StockAccount(ACCOUNT)
        trader_class = layer.simulated_vendor().trader_class
        self.xt: Any = on_a_thread(lambda: trader_class(str(home), session, self.heard))
        on_a_thread(self.xt.start)
        self.connected = self.ask(self.xt.connect)
        self.subscribed = self.ask(self.xt.subscribe, self.account)
        self._open = True

    def ask(self, call: Callable[..., Any], *args: Any) -> Any:
        return on_a_thread(lambda: call(*args))

    def order(self, code: str, side: int, volume: int, price: float, remark: str = "") -> int:
        sent = (self.account, code, side, volume, LIMIT, price, "策略", remark)
        order_id: int = self.ask(self.xt.order_stock, *sent)
        return order_id

    def orders(self) -> dict[int, Any]:
        return {row.order_id: row for row in self.ask(self.xt.query_stock_orders, self.account)}

    def stop(self) -> None:
        if self._open:
            self._open = False
            on_a_thread(self.xt.stop)
            self.xt.loop.close()


Start = Callable[..., SpawnedTerminal]
Trade = Callable[[int], Trader]
