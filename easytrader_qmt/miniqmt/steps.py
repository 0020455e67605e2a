"""Runs vendor calls that follow one another in one thread that may be left behind.

A thread for each call would cost its start and two thread switches every time. Each call still has a deadline
of its own, and none begins once the caller has given up. Never blocks longer than it was told to, and never
keeps the interpreter from ending.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import dataclass
from typing import Any

from easytrader_qmt.miniqmt.deadline import DeadlineExceeded
from easytrader_qmt.miniqmt.reply import Reply

MOST_HANGING = 5
"""Connections to one terminal that may hang at once; with as many, further ones are tried more and more rarely."""
_RARELY, _MOST_RARELY = 60.0, 600.0
"""Seconds between further ones: for each above the most, and at the most."""

_left: dict[str, set[Steps]] = {}
_left_at: dict[str, float] = {}  # when the last one was given up, by the monotonic clock
# The threads that were given up and have not ended, by terminal. Of the whole process: a second connect() must not
# begin to count anew.
_leaving = threading.RLock()


def too_many_hang(where: str, now: Callable[[], float] = time.monotonic) -> str:
    """Why no further connection to this terminal is to be tried just now, in Chinese; or ''.

    Each may leave one more thread behind. Not never, though: calls that never return must not keep a bot from a
    terminal that was started anew.
    """
    with _leaving:
        number = len(_left.get(where, ()))
        if number < MOST_HANGING:
            return ""
        pause = min(_MOST_RARELY, _RARELY * (number - MOST_HANGING + 1))
        left = pause - (now() - _left_at.get(where, -pause))
    if left <= 0:
        return ""
    return (
        f"终端没有响应：已有 {number} 次连接卡在 xtquant 的调用里没有返回，"
        f"其中之一返回之前，{left:.0f} 秒后才再发起新的连接；请重启终端，仍不恢复再重启本程序"
    )


@dataclass(frozen=True)
class Step:
    """One call: its name, how long it may take in seconds, and where its result goes.

    Whoever fails ``outcome`` ends the wait for it, and no later step begins.
    """

    what: str
    seconds: float
    call: Callable[[], Any]
    outcome: Reply


class Steps:
    """``over`` runs in the steps' thread when it will make no further call, whatever the reason.

    ``where`` is the terminal that is called.
    """

    def __init__(
        self, steps: Sequence[Step], over: Callable[[], object] = lambda: None, where: str = ""
    ) -> None:
        self._steps = tuple(steps)
        self._over = over
        self._where = where
        self._ended = False
        self._lock = threading.Lock()
        self._given_up = False
        self._at = 0
        self._due = 0.0

    def begin(self) -> None:
        """Start the thread."""
        self._due = time.monotonic() + self._steps[0].seconds
        threading.Thread(target=self._run, name="easytrader-qmt steps", daemon=True).start()

    def wait(self, number: int) -> Any:
        """The result of a step. Raises DeadlineExceeded when a call on the way there takes too long.

        Raises what that call, or one before it, raised. Whatever is raised, no further step begins.
        """
        outcome = self._steps[number].outcome
        try:
            while True:
                at, left = self._at, max(0.0, self._due - time.monotonic())
                try:
                    return outcome.result(left)
                except FutureTimeout:
                    if outcome.done():
                        # It came at the last moment, or the call itself raised a TimeoutError.
                        return outcome.result()
                    if self._give_up(at):
                        late = self._steps[at]
                        raise DeadlineExceeded(f"{late.what} 在 {late.seconds:g} 秒内没有返回") from None
        except BaseException:
            # A KeyboardInterrupt gives up as well as a deadline does.
            self._give_up()
            raise

    def _give_up(self, at: int | None = None) -> bool:
        """No further step; with ``at`` only if that one is still under way. True when given up."""
        with self._lock:
            self._given_up = self._given_up or at in (None, self._at)
            with _leaving:
                if self._given_up and not self._ended:
                    _left.setdefault(self._where, set()).add(self)
                    _left_at[self._where] = time.monotonic()
            return self._given_up

    def _run(self) -> None:
        try:
            while self._make():
                pass
        finally:
            with _leaving:
                self._ended = True
                _left.get(self._where, set()).discard(self)
            self._over()

    def _make(self) -> bool:
        """Make the call that is due; False when it was the last one."""
        step = self._steps[self._at]
        try:
            result = step.call()
        except BaseException as error:
            for each in self._steps[self._at :]:
                each.outcome.fail(error)
            return False
        more = self._go_on()
        step.outcome.settle(result)
        return more

    def _go_on(self) -> bool:
        with self._lock:
            if self._given_up or self._at + 1 == len(self._steps):
                return False
            self._due = time.monotonic() + self._steps[self._at + 1].seconds
            self._at += 1
            return True
