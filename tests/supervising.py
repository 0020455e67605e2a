"""A supervisor over attempts that fail as often as they are told to; its waits pass at once and are kept."""

from __future__ import annotations

import threading
from collections.abc import Callable

from easytrader_qmt.miniqmt.policy import ReconnectPolicy, State, StateChange
from easytrader_qmt.miniqmt.supervisor import AttemptFailed, Supervisor
from tests.clocks import FakeClock
from tests.facade import SOON
from tests.pauses import FakePause


class Supervised:
    """A supervisor over attempts that fail as often as they are told to."""

    def __init__(self, policy: ReconnectPolicy) -> None:
        self.clock = FakeClock()
        self.pause = FakePause(self.clock)
        self.changes: list[StateChange] = []
        self.attempts: list[tuple[int, int, float]] = []
        self.let_go: list[str] = []
        self.fail = 0
        self.during: Callable[[int], None] = lambda number: None
        self.probe: Callable[[], str] = lambda: ""
        self._news = threading.Condition()
        self.supervisor = Supervisor(
            self._attempt,
            lambda: self.probe(),
            self._changed,
            policy,
            self.clock,
            self.pause,
            let_go=self.let_go.append,
        )
        self.began = self.clock.ticks

    def _attempt(self, number: int, generation: int) -> None:
        self.attempts.append((number, generation, self.clock.ticks - self.began))
        self.during(number)
        if self.fail > 0:
            self.fail -= 1
            raise AttemptFailed("终端不在")
        self.supervisor.syncing()

    def _changed(self, change: StateChange) -> None:
        with self._news:
            self.changes.append(change)
            self._news.notify_all()

    def wait_for(self, state: State, times: int = 1) -> StateChange:
        with self._news:
            assert self._news.wait_for(lambda: self.count(state) >= times, SOON), self.states
            return [change for change in self.changes if change.state is state][times - 1]

    def count(self, state: State) -> int:
        return sum(change.state is state for change in self.changes)

    @property
    def states(self) -> list[str]:
        return [str(change.state) for change in self.changes]

    def lose(self, why: str = "终端断开连接") -> None:
        self.supervisor.report_lost(why)

    def forget(self) -> None:
        """From here on count anew."""
        self.attempts.clear()
        self.changes.clear()
        self.pause.waits.clear()
        self.began = self.clock.ticks

    def ready(self) -> Supervised:
        self.supervisor.start()
        self.forget()
        return self
