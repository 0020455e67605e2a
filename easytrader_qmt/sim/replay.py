"""Feeds the steps of a recorded day, at the pace of the terminal's clock.

Never reads a file, and never knows a market: what a step does is the caller's.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.sim.replay_rows import Step

_NAP = 0.25
"""The longest sleep, seconds, after which a stop is noticed."""

_BREATH = 1.0
"""Seconds of one wait for the end."""

_INSTANT = 1e-6
"""Less than this is not worth a sleep; a clock of floats might not even move by it."""


def checked_speed(speed: float | None) -> float | None:
    """How many times faster than the file's times; None for as fast as possible. Raises InvalidArgument."""
    if speed is None:
        return None
    if (
        isinstance(speed, bool)
        or not isinstance(speed, (int, float))
        or not math.isfinite(speed)
        or speed < 0
    ):
        raise InvalidArgument(f"speed={speed!r} 无效：应为正数（快多少倍），0 或 None 表示尽可能快")
    return float(speed) or None


class Replay:
    """One replay: ``fed`` of ``total`` ticks so far, ``error`` what ended it early, if anything did."""

    def __init__(
        self, steps: Sequence[Step], feed: Callable[[Step], bool], clock: Clock, speed: float | None
    ) -> None:
        self._steps = steps
        self._feed = feed
        self._clock = clock
        self._speed = speed
        self._stop = threading.Event()
        self._over = threading.Event()
        self._line = 0
        self.total = len(steps)
        self.fed = 0
        self.error: Exception | None = None

    @property
    def running(self) -> bool:
        """Whether it still feeds, or is about to."""
        return not self._over.is_set()

    @property
    def feeding(self) -> bool:
        """Whether the market may still hear from it: it runs, and was not told to stop."""
        return self.running and not self.stopping

    @property
    def stopping(self) -> bool:
        """Whether it was told to stop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Feed no further; `join` waits until it has ended."""
        self._stop.set()

    def join(self, deadline: float | None = None) -> bool:
        """Wait at most ``deadline`` seconds for its end; whether it has ended."""
        if deadline is not None:
            return self._over.wait(deadline)
        while not self._over.wait(_BREATH):
            pass  # on Windows Ctrl+C is heard only between two waits
        return True

    def start(self) -> None:
        """Run on a thread of its own; what goes wrong is logged and kept in ``error``."""
        threading.Thread(target=self._run_logged, name="sim replay", daemon=True).start()

    def run(self) -> None:
        """Feed everything on this thread. Raises what a step raises, such as for a security unlisted since."""
        try:
            self._play()
        except Exception as error:
            self.error = error
            raise
        finally:
            self._end()

    def _run_logged(self) -> None:
        try:
            self._play()
        except Exception as error:
            self.error = error
            from easytrader_qmt.failure_lines import log_failure

            log_failure("ERROR", f"行情回放在第 {self._line} 行中止：{error}", error)
        finally:
            self._end()

    def _end(self) -> None:
        self._steps = ()
        self._over.set()

    def _play(self) -> None:
        began, steps = self._clock.monotonic(), self._steps
        for step in steps:
            self._wait_until(began, step.time - steps[0].time)
            if self.stopping:
                return
            self._line = step.line
            self.fed += self._feed(step)

    def _wait_until(self, began: float, passed: float) -> None:
        """Let the time come at which ``passed`` seconds of the recorded day are over."""
        while self._speed is not None and not self.stopping:
            left = began + passed / self._speed - self._clock.monotonic()
            if left < _INSTANT:
                return
            self._clock.sleep(min(left, _NAP))
