"""Runs a vendor call that has no asynchronous form in a thread that may be left behind.

Never blocks longer than it was told to, and never keeps the interpreter from ending.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from typing import Any, TypeVar

from easytrader_qmt.miniqmt.reply import Reply

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """A vendor call did not return in time; it was abandoned and may still be running."""


def within(
    seconds: float,
    call: Callable[[], T],
    what: str,
    late: Callable[[], None] | None = None,
    outcome: Reply | None = None,
) -> T:
    """The result of ``call``, or DeadlineExceeded after ``seconds``.

    The call runs in a daemon thread of its own: the vendor's ``connect``, ``subscribe``, ``start`` and
    ``stop`` are known to hang, and a hung thread must hold up neither the caller nor interpreter exit.
    ``late`` runs in that thread when an abandoned call comes back after all. Whoever gives ``outcome`` may
    fail it, which ends the wait at once.
    """
    answer = Reply() if outcome is None else outcome
    lock = threading.Lock()
    abandoned = finished = False

    def work() -> None:
        nonlocal finished
        result: T | None = None
        failure: BaseException | None = None
        try:
            result = call()
        except BaseException as error:
            failure = error
        # Before it counts as finished: whoever sees that it is finished finds the answer there.
        if failure is not None:
            answer.fail(failure)
        else:
            answer.settle(result)
        with lock:
            finished = True
            too_late = abandoned
        if too_late and late is not None:
            late()

    threading.Thread(target=work, name=f"easytrader-qmt {what}", daemon=True).start()
    try:
        done: T = settled(answer, seconds, what)
        return done
    except BaseException as error:
        # A KeyboardInterrupt abandons the call as well as a deadline does.
        with lock:
            came, abandoned = finished, not finished
        if came and isinstance(error, DeadlineExceeded):
            late_result: T = answer.result()
            return late_result
        raise


def countdown(seconds: float) -> Callable[[], float]:
    """For several calls in one deadline: tells, whenever asked, what is left of ``seconds`` that begin now."""
    until = time.monotonic() + seconds
    # Rounded, because it is shown where it was too short.
    return lambda: round(max(0.0, until - time.monotonic()), 2)


def settled(outcome: Reply, seconds: float, what: str) -> Any:
    """The answer of a reply, or DeadlineExceeded after ``seconds``. Raises what it failed with."""
    try:
        return outcome.result(seconds)
    except FutureTimeout:
        if outcome.done():
            # Either it came at the last moment, or the call itself raised a TimeoutError: the same answer.
            return outcome.result()
        raise DeadlineExceeded(f"{what} 在 {seconds:g} 秒内没有返回") from None
