"""A pause for tests: every wait with an end is over at once, and is kept."""

from __future__ import annotations

import threading

from tests.clocks import FakeClock


class FakePause:
    """Waits with an end pass on the fake clock; a wait for ever lasts until it is woken."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.waits: list[float] = []
        self.before_wait = lambda seconds: None
        self._woken = threading.Event()
        self.rested = threading.Event()
        """Set while somebody waits, so whatever the last wake set off is over."""

    def wait(self, seconds: float | None) -> None:
        self.rested.set()
        if seconds is None:
            self._woken.wait()
            self.rested.clear()
            self._woken.clear()
            return
        self.waits.append(seconds)
        self.before_wait(seconds)
        self.rested.clear()
        self._woken.clear()
        self.clock.pass_(seconds)

    def wake(self) -> None:
        self._woken.set()
