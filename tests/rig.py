"""A trader on a simulated terminal whose reconnect waits pass at once, and everything it is told."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from easytrader_qmt.events import EVENTS
from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock
from tests.facade import SOON, Heard
from tests.pauses import FakePause


class GatedPause(FakePause):
    """Each wait with an end lasts until it is let go or woken; a wait for ever as it does always."""

    def __init__(self, clock: FakeClock) -> None:
        super().__init__(clock)
        self._news = threading.Condition()
        self._let_go = 0
        self.waiting: float | None = None

    def wait(self, seconds: float | None) -> None:
        if seconds is None:
            return super().wait(None)
        self.rested.set()
        with self._news:
            self.waits.append(seconds)
            self.waiting = seconds
            self._news.notify_all()
            self._news.wait_for(lambda: self._let_go > 0 or self._woken.is_set())
            self.rested.clear()
            passed = self._let_go > 0
            self._let_go -= passed
            self._woken.clear()
            self.waiting = None
        if passed:
            self.clock.pass_(seconds)
        return None

    def wake(self) -> None:
        super().wake()
        with self._news:
            self._news.notify_all()

    def let_go(self, times: int = 1) -> None:
        """Let a wait, or the next one, pass."""
        with self._news:
            self._let_go += times
            self._news.notify_all()

    def until_waiting(self) -> float:
        """How long the wait is that is under way, once one is."""
        with self._news:
            assert self._news.wait_for(lambda: self.waiting is not None, SOON)
            assert self.waiting is not None
            return self.waiting


class Rig:
    """``user`` on ``terminal``; ``heard`` is its callback, ``news`` what its ``on`` handlers were given."""

    def __init__(self, terminal: Terminal, *, gated: bool = False) -> None:
        self.terminal = terminal
        self.clock = FakeClock(wall=terminal.clock.now())
        self.pause = GatedPause(self.clock) if gated else FakePause(self.clock)
        self.heard = Heard()
        self.news = Heard()
        self.user = SimTrader(terminal=terminal, clock=self.clock, pause=lambda: self.pause)
        for name in EVENTS:
            self.user.on(name, lambda row, name=name: self._keep(name, row))

    def _keep(self, name: str, row: dict[str, Any]) -> None:
        self.news.keep(name, row)
        if name == "state":
            self.news.keep(f"state {row['state']}", row)

    def connect(self, **words: Any) -> Rig:
        """Connect with no heartbeat, deadlines of a moment, and the callback that listens."""
        settings: dict[str, Any] = {
            "heartbeat_interval": 0,
            "call_timeout": 5,
            "connect_timeout": 5,
            "stop_timeout": 5,
            "trader_callback": self.heard,
            **words,
        }
        self.user.connect(**settings)
        self.ready(1)
        return self

    def ready(self, times: int) -> dict[str, Any]:
        """The state row of the READY of this number, once all it brought was told and the old session stopped."""
        row: dict[str, Any] = self.news.wait_for("state READY", times)[times - 1]
        assert self.pause.rested.wait(SOON)
        assert self.user.drain(SOON)
        return row

    @property
    def readies(self) -> int:
        """How many times it got READY."""
        return len(self.news.of("state READY"))

    def wait_state(self, state: str, times: int = 1) -> dict[str, Any]:
        """The state row of this number, once it has come."""
        row: dict[str, Any] = self.news.wait_for(f"state {state}", times)[times - 1]
        return row

    def outage(self, fault: Callable[[], object] | None = None) -> dict[str, Any]:
        """Break the connection and wait until it is READY again."""
        before = self.readies
        if fault is None:
            self.terminal.faults.disconnect()
        else:
            fault()
        return self.ready(before + 1)

    @property
    def states(self) -> list[str]:
        """Every state it went through."""
        return [row["state"] for row in self.news.of("state")]

    @property
    def counter_trades(self) -> list[str]:
        """The counter's own trades, by number."""
        return [row["traded_id"] for row in self.terminal.trades()]

    def trades(self) -> list[tuple[str, bool]]:
        """Each trade that was told: its number and whether it was recovered."""
        return [(row["traded_id"], row["recovered"]) for row in self.news.of("trade")]

    def orders(self) -> list[tuple[int, int, bool]]:
        """Each order event: number, status, whether it was recovered."""
        return [(row["order_id"], row["order_status"], row["recovered"]) for row in self.news.of("order")]

    def leave(self) -> None:
        """Let go of whatever a fault holds, and close."""
        self.terminal.faults.clear()
        if isinstance(self.pause, GatedPause):
            self.pause.let_go(1_000_000)
        self.user.exit()
