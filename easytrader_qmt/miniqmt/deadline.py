"""Runs a vendor call that has no asynchronous form in a thread that may be left behind.

Never blocks longer than it was told to, and never keeps the interpreter from ending.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from typing import TypeVar

T = TypeVar("T")


class DeadlineExceeded(Exception):
    """A vendor call did not return in time; it was abandoned and may still be running."""


def within(seconds: float, call: Callable[[], T], what: str, late: Callable[[], None] | None = None) -> T:
    """The result of ``call``, or DeadlineExceeded after ``seconds``.

    The call runs in a daemon thread of its own: the vendor's ``connect``, ``subscribe``, ``start`` and
    ``stop`` are known to hang, and a hung thread must hold up neither the caller nor interpreter exit.
    ``late`` runs in that thread when an abandoned call comes back after all.
    """
    outcome: Future[T] = Future()
    lock = threading.Lock()
    abandoned = False

    def work() -> None:
        try:
            result = call()
        except BaseException as error:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)
        with lock:
            too_late = abandoned
        if too_late and late is not None:
            late()

    threading.Thread(target=work, name=f"easytrader-qmt {what}", daemon=True).start()
    try:
        return settled(outcome, seconds, what)
    except DeadlineExceeded:
        with lock:
            if outcome.done():
                return outcome.result()
            abandoned = True
        raise


def settled(outcome: Future[T], seconds: float, what: str) -> T:
    """The result of a future, or DeadlineExceeded after ``seconds``."""
    try:
        return outcome.result(seconds)
    except FutureTimeout:
        if outcome.done():
            raise
        raise DeadlineExceeded(f"{what} 在 {seconds:g} 秒内没有返回") from None
