"""A clock for tests: time passes only when told to."""

from __future__ import annotations

import time

_HOUR = 3600
_MINUTE = 60


class FakeClock:
    """Time that passes only when told to; what was slept is kept."""

    def __init__(self, wall: float = 1_700_000_000.0) -> None:
        self.wall = wall
        self.ticks = 50.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.wall

    def monotonic(self) -> float:
        return self.ticks

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.pass_(seconds)

    def pass_(self, seconds: float) -> None:
        self.wall += seconds
        self.ticks += seconds


def clock_of_today() -> FakeClock:
    """Today's time, but not the last minute before an hour: the trading day may not end while a test passes seconds."""
    now = time.time()
    return FakeClock(now if now % _HOUR < _HOUR - _MINUTE else now - 2 * _MINUTE)
