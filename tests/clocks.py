"""A clock for tests: time passes only when told to."""

from __future__ import annotations


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
