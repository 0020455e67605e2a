"""Runs a vendor call that has no asynchronous form in a thread that may be left behind.

Never blocks longer than it was told to, and never keeps the interpreter from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
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
    outcome: Future[T] | None = None,
) -> T:
    """The result of ``call``, or DeadlineExceeded after ``seconds``.

    The call runs in a daemon thread of its own: the vendor's ``connect``, ``subscribe``, ``start`` and
    ``stop`` are known to hang, and a hung thread must hold up neither the caller nor interpreter exit.
    ``late`` runs in that thread when an abandoned call comes back after all. Whoever gives ``outcome`` may
    fail it, which ends the wait at once.
    """
    answer: Future[T] = Future() if outcome is None else outcome
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
        with lock:
            finished = True
            too_late = abandoned
        if failure is not None:
            fail(answer, failure)
        else:
            settle(answer, result)
        if too_late and late is not None:
            late()

    threading.Thread(target=work, name=f"easytrader-qmt {what}", daemon=True).start()
    try:
        return settled(answer, seconds, what)
    except BaseException as error:
        # A KeyboardInterrupt abandons the call as well as a deadline does.
        with lock:
            came, abandoned = finished, not finished
        if came and isinstance(error, DeadlineExceeded):
            return answer.result()
        raise


def settled(outcome: Future[T] | Reply, seconds: float, what: str) -> T:
    """The result of a future or a reply, or DeadlineExceeded after ``seconds``."""
    try:
        result: T = outcome.result(seconds)
        return result
    except FutureTimeout:
        if outcome.done():
            # Either it came at the last moment, or the call itself raised a TimeoutError: the same answer.
            late: T = outcome.result()
            return late
        raise DeadlineExceeded(f"{what} 在 {seconds:g} 秒内没有返回") from None


def settle(future: Future[Any], answer: Any) -> None:
    """Give a future its answer unless it has one."""
    try:
        future.set_result(answer)
    except InvalidStateError:
        return


def fail(future: Future[Any], error: BaseException) -> None:
    """Fail a future unless it has an answer."""
    try:
        future.set_exception(error)
    except InvalidStateError:
        return
