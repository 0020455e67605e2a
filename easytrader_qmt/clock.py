"""Time as the package sees it: injected, so that tests never sleep.

Never reads the clock at import.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta, timezone
from typing import Protocol

SHANGHAI = timezone(timedelta(hours=8), "Asia/Shanghai")
"""The exchanges' zone. A fixed offset is exact here: China has had no summer time since 1991."""


class Clock(Protocol):
    """What the package needs of time."""

    def now(self) -> float:
        """Unix seconds, for what is shown or written."""
        ...

    def monotonic(self) -> float:
        """Seconds that never jump, for deadlines and gaps."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""
        ...


class SystemClock:
    """The machine's own time: the standard library's functions themselves, because every order asks for it often."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(time.sleep)


def shanghai(seconds: float) -> datetime:
    """Unix seconds as wall time in Asia/Shanghai."""
    return datetime.fromtimestamp(seconds, SHANGHAI)


def day_number(seconds: float) -> int:
    """The number of the day in Asia/Shanghai that Unix ``seconds`` fall on; consecutive days count up by one."""
    return int((seconds + 28_800) // 86_400)


def day_begins(day: int) -> float:
    """The Unix seconds at which the day of this number begins in Asia/Shanghai."""
    return day * 86_400.0 - 28_800.0
