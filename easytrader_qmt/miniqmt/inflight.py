"""What was sent and not yet answered, of one session.

Never waits and never calls a handler with its lock held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import Any


class ConnectionLost(Exception):
    """The connection went away while an answer was awaited. Whether the request arrived is unknown."""


class InFlight:
    """Futures by the vendor's request number.

    The vendor tells the number only when the asynchronous call returns, and the answer may be there
    before: an answer whose number nobody knows yet is kept as long as a call is being issued, and is
    somebody else's (a raw call on ``user.trader``) once none is.
    """

    def __init__(self, foreign: Callable[[str, Any], None]) -> None:
        self._foreign = foreign
        self._lock = threading.Lock()
        self._waiting: dict[int, Future[Any]] = {}
        self._early: dict[int, tuple[str, Any]] = {}
        self._queries: set[Future[Any]] = set()
        self._issuing = 0
        self._failure: ConnectionLost | None = None

    def issue(self, call: Callable[[], int]) -> Future[Any]:
        """Send with ``call``, which returns the request number; the future gets the answer."""
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._issuing += 1
        future: Future[Any] = Future()
        seq: int | None = None
        try:
            seq = call()
        finally:
            answer, strangers = self._issued(seq, future)
        if answer is not None:
            settle(future, answer)
        for method, response in strangers:
            self._foreign(method, response)
        return future

    def _issued(self, seq: int | None, future: Future[Any]) -> tuple[Any, list[tuple[str, Any]]]:
        with self._lock:
            self._issuing -= 1
            answer = None
            if seq is not None:
                early = self._early.pop(seq, None)
                if early is not None:
                    answer = early[1]
                elif self._failure is not None:
                    future.set_exception(self._failure)
                else:
                    self._waiting[seq] = future
            strangers: list[tuple[str, Any]] = []
            if not self._issuing and self._early:
                strangers = list(self._early.values())
                self._early.clear()
        return answer, strangers

    def answered(self, method: str, response: Any) -> None:
        """Take an order's or a cancel's response, in whatever order it comes."""
        if response is None:  # a session that was stopped lets go of those who still wait
            return
        seq = response.seq
        with self._lock:
            future = self._waiting.pop(seq, None)
            if future is None and self._issuing:
                self._early[seq] = (method, response)
                return
        if future is None:
            self._foreign(method, response)
        else:
            settle(future, response)

    def query(self, send: Callable[[Callable[[Any], None]], Any]) -> Future[Any]:
        """Send a query whose answer comes to a callback of its own."""
        future: Future[Any] = Future()
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._queries.add(future)

        def arrived(answer: Any) -> None:
            with self._lock:
                self._queries.discard(future)
            settle(future, answer)

        try:
            send(arrived)
        except BaseException:
            with self._lock:
                self._queries.discard(future)
            raise
        return future

    def abandon(self, future: Future[Any]) -> None:
        """Stop waiting for a query; a late answer goes nowhere."""
        with self._lock:
            self._queries.discard(future)

    def fail(self, why: str) -> None:
        """Fail everything under way, at once, and whatever is issued from now on."""
        failure = ConnectionLost(why)
        with self._lock:
            if self._failure is not None:
                return
            self._failure = failure
            futures = [*self._waiting.values(), *self._queries]
            self._waiting.clear()
            self._queries.clear()
        for future in futures:
            if not future.done():
                future.set_exception(failure)

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting) + len(self._queries)


def settle(future: Future[Any], answer: Any) -> None:
    """Give a future its answer unless it was failed a moment before."""
    try:
        future.set_result(answer)
    except InvalidStateError:
        return
