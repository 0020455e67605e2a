"""One answer that somebody waits for: what an order needs of a Future, at a third of its price.

Every order pays for this one, twice: when it is made, and while the vendor's thread hands the answer over.
Never waits without a deadline and never runs a callback twice.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from concurrent.futures import TimeoutError as FutureTimeout
from threading import Lock
from typing import Any

__all__ = ["Reply"]

_AT_ONCE = 0.5 if sys.platform == "win32" else threading.TIMEOUT_MAX
"""Seconds of one wait: on Windows Ctrl+C is heard only between two of them."""


class Reply:
    """An answer or an error, the first one that comes; any thread may give it, any may wait for it."""

    __slots__ = ("_answer", "_callbacks", "_error", "_first", "_gate", "_given")

    def __init__(self) -> None:
        self._first = Lock()  # taken by whoever gives the answer, and never given back
        self._gate = Lock()  # closed until the answer is there
        self._gate.acquire()
        self._given = False
        self._answer: Any = None
        self._error: BaseException | None = None
        self._callbacks: list[Callable[[Reply], object]] = []

    def settle(self, answer: Any) -> None:
        """Give the answer unless there is one."""
        if self._first.acquire(blocking=False):
            self._answer = answer
            self._give()

    def fail(self, error: BaseException) -> None:
        """Fail it unless there is an answer."""
        if self._first.acquire(blocking=False):
            self._error = error
            self._give()

    def _give(self) -> None:
        self._given = True
        self._gate.release()
        if self._callbacks:
            self._call_back()

    def done(self) -> bool:
        """Whether an answer or an error is there."""
        return self._given

    def exception(self) -> BaseException | None:
        """The error it failed with; None when it did not, or not yet."""
        return self._error

    def result(self, seconds: float = 0.0) -> Any:
        """The answer, waited for at most ``seconds``. Raises the error it failed with, or TimeoutError."""
        left = max(0.0, seconds)
        while not self._given:
            if self._gate.acquire(timeout=min(left, _AT_ONCE)):
                self._gate.release()  # for whoever else waits
                break
            left -= _AT_ONCE
            if left <= 0:
                break
        if not self._given:
            raise FutureTimeout
        if self._error is not None:
            raise self._error
        return self._answer

    def add_done_callback(self, call: Callable[[Reply], object]) -> None:
        """Run ``call(self)`` once the answer is there: on the thread that gives it, or here if it is."""
        self._callbacks.append(call)
        if self._given:
            self._call_back()

    def _call_back(self) -> None:
        # Two threads may be here at once; taking one from a list is a single step, so each is run by one.
        while self._callbacks:
            try:
                call = self._callbacks.pop()
            except IndexError:
                return
            call(self)
