"""What was sent and not yet answered, of one session.

Never waits and never calls a handler with its lock held.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from easytrader_qmt.miniqmt.reply import Reply
from easytrader_qmt.miniqmt.straight import Arrival


class ConnectionLost(Exception):
    """The connection went away while an answer was awaited. Whether the request arrived is unknown."""


class InFlight:
    """Replies by the vendor's request number.

    The vendor tells the number only when the asynchronous call returns, and the answer may be there
    before: an answer whose number nobody knows yet is kept as long as a call is being issued, and is
    somebody else's (a raw call on ``user.trader``) once none is.
    """

    def __init__(self, foreign: Callable[[str, Any], None]) -> None:
        self._foreign = foreign
        # Re-entrant: a signal handler or a finaliser that calls exit() may interrupt whoever holds it.
        self._lock = threading.RLock()
        self._waiting: dict[int, Reply] = {}
        self._early: dict[int, tuple[str, Any]] = {}
        self._expected: set[Reply] = set()
        self._issuing = 0
        self._lost = ""

    def issue(self, call: Callable[..., int], *args: Any) -> Reply:
        """Send with ``call(*args)``, which returns the request number; the reply gets the answer.

        Raises ConnectionLost when the connection was lost before, and then nothing was sent.
        """
        with self._lock:
            self._check()
            self._issuing += 1
        reply = Reply()
        seq: int | None = None
        try:
            seq = call(*args)
        finally:
            strangers: list[tuple[str, Any]] = []
            with self._lock:
                self._issuing -= 1
                early = self._early.pop(seq, None) if self._early and seq is not None else None
                if self._early and not self._issuing:
                    strangers = list(self._early.values())
                    self._early.clear()
                if seq is not None and early is None and not self._lost:
                    self._waiting[seq] = reply
            for method, response in strangers:
                self._foreign(method, response)
        if early is not None:
            reply.settle(early[1])
        elif self._lost:
            reply.fail(ConnectionLost(self._lost))
        return reply

    def answered(self, method: str, response: Any) -> None:
        """Take an order's or a cancel's response, in whatever order it comes."""
        if response is None:  # a session that was stopped lets go of those who still wait
            return
        seq = response.seq
        with self._lock:
            reply = self._waiting.pop(seq, None)
            if reply is None and self._issuing:
                self._early[seq] = (method, response)
                return
        if reply is None:
            self._foreign(method, response)
        else:
            reply.settle(response)

    def expect(self) -> Reply:
        """A reply that a loss of the connection fails. Raises ConnectionLost when it is lost already."""
        reply = Reply()
        with self._lock:
            self._check()
            self._expected.add(reply)
        reply.add_done_callback(self.abandon)
        if self._lost:  # by a handler that came in between
            reply.fail(ConnectionLost(self._lost))
        return reply

    def query(self, send: Callable[[Callable[[Any], None]], Any]) -> Reply:
        """Send a query whose answer comes to a callback of its own."""
        reply = self.expect()
        try:
            send(Arrival(reply.settle))
        except BaseException:
            self.abandon(reply)
            raise
        return reply

    def abandon(self, reply: Reply) -> None:
        """Stop waiting for what was expected; a late answer goes nowhere."""
        with self._lock:
            self._expected.discard(reply)

    def fail(self, why: str) -> None:
        """Fail everything under way, at once, and whatever is issued from now on."""
        with self._lock:
            if self._lost:
                return
            self._lost = why
            replies = [*self._waiting.values(), *self._expected]
            self._waiting.clear()
            self._expected.clear()
        # An error of its own for each: one shared by many threads would gather all their frames.
        for reply in replies:
            reply.fail(ConnectionLost(why))

    def _check(self) -> None:
        if self._lost:
            raise ConnectionLost(self._lost)

    def __len__(self) -> int:
        with self._lock:
            return len(self._waiting) + len(self._expected)
