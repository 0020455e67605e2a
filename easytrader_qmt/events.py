"""The dispatcher thread and the user's handlers: one event after another, each handler isolated.

Never runs a handler on a vendor's thread, never with a lock held, and never lets one handler's error reach
the next.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from loguru import logger

from easytrader_qmt.errors import InvalidArgument

Row = dict[str, Any]
Handler = Callable[[Row], object]

EVENTS = (
    "order",
    "trade",
    "asset",
    "position",
    "order_error",
    "cancel_error",
    "account_status",
    "state",
    "in_doubt",
)
"""What ``user.on`` can be asked for."""


class Dispatcher:
    """One daemon thread that runs what is posted, in the order it was posted."""

    def __init__(self, name: str = "easytrader-qmt events") -> None:
        self._work: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]] | None] = (
            queue.SimpleQueue()
        )
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def post(self, call: Callable[..., object], *args: Any) -> None:
        """Queue a call; returns at once."""
        self._work.put((call, args))

    def stop(self, seconds: float) -> bool:
        """End after what is queued. True when the thread has ended or is the caller's own."""
        self._work.put(None)
        if threading.current_thread() is self._thread:
            return True
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def drain(self, seconds: float) -> bool:
        """Wait until everything queued so far has run; False when it takes longer than ``seconds``."""
        if threading.current_thread() is self._thread:
            return True
        done = threading.Event()
        self.post(done.set)
        return done.wait(seconds)

    @property
    def backlog(self) -> int:
        """How many events wait."""
        return self._work.qsize()

    def _run(self) -> None:
        while True:
            item = self._work.get()
            if item is None:
                return
            call, args = item
            try:
                call(*args)
            except Exception:
                logger.exception("处理事件时出错，已跳过这一个事件")


class Subscription:
    """What ``user.on`` returns: call it, or its ``cancel()``, to stop hearing."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel

    def cancel(self) -> None:
        """Stop hearing. A second call does nothing."""
        self._cancel()

    __call__ = cancel


class Handlers:
    """The user's handlers by event name."""

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[Handler, ...]] = dict.fromkeys(EVENTS, ())
        self._lock = threading.Lock()

    def add(self, name: str, handler: Handler) -> Subscription:
        """Register; raises InvalidArgument for an unknown event or something that cannot be called."""
        check_event(name)
        if not callable(handler):
            raise InvalidArgument(f"on({name!r}, …) 的处理函数不可调用：{handler!r}")
        with self._lock:
            self._handlers[name] = (*self._handlers[name], handler)

        def cancel() -> None:
            with self._lock:
                kept = list(self._handlers[name])
                if handler in kept:
                    kept.remove(handler)
                self._handlers[name] = tuple(kept)

        return Subscription(cancel)

    def wanted(self, name: str) -> bool:
        """Whether anybody listens, so that rows are not built for nobody."""
        return bool(self._handlers[name])

    def emit(self, name: str, row: Row) -> None:
        """Call each handler with its own copy of the row."""
        for handler in self._handlers[name]:
            isolated(f"on({name!r})", handler, dict(row))


def check_event(name: str) -> None:
    """Raise InvalidArgument, listing what is possible, unless ``name`` is an event."""
    if name not in EVENTS:
        raise InvalidArgument(f"没有名为 {name!r} 的事件，可选：{'、'.join(EVENTS)}")


def isolated(what: str, handler: Callable[..., object], *args: Any) -> None:
    """Call a user's handler; whatever it raises is logged and goes no further."""
    try:
        handler(*args)
    except Exception:
        logger.exception("{} 的处理函数抛出异常，已跳过；后面的处理函数照常执行", what)
