"""The events of one connection after those of the one before it, so that two threads never call the same handlers.

Never tells anything itself, and never waits for a handler that waits for its caller.
"""

from __future__ import annotations

import threading

from loguru import logger

from easytrader_qmt.miniqmt.flow import EventFlow

_LONG_HANDLER = 10.0
"""Seconds after which it is said that a handler keeps the next connection's events waiting."""


class Succession:
    """A connection's place in the row of those of one facade."""

    def __init__(self, flow: EventFlow) -> None:
        self._flow = flow
        self._held_by: threading.Thread | None = None  # the handler inside which this connection was made

    def follow(self, before: Succession) -> None:
        """Tell nothing before a connection that was closed has told everything."""
        # Inside its handler, and only there, there is nothing to wait for: no event comes before that one returns.
        self._held_by = threading.current_thread() if before.drain(0.0) else None
        self._flow.later(before._tell_all)

    def _tell_all(self) -> None:
        """Wait until everything was told; on the dispatcher thread of the connection that follows this one."""
        said = False
        while not self._flow.stop(_LONG_HANDLER):
            if not said:
                logger.warning("上一个连接的事件处理函数还没有返回，新连接的事件等它返回后再通知")
            said = True

    def drain(self, seconds: float) -> bool:
        """Wait until the events that came so far have been handled; True at once inside a handler."""
        return self._held() or self._flow.drain(seconds)

    def stop(self, seconds: float) -> bool:
        """End after what is queued; False when that takes longer, or waits for the caller's own handler."""
        return self._flow.stop(0.0 if self._held() else seconds)

    def _held(self) -> bool:
        return threading.current_thread() is self._held_by
