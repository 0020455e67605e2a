"""The dispatcher thread and the user's handlers: one event after another, each handler isolated.

Never runs a handler on a vendor's thread, never with a lock held, and never lets one handler's error reach
the next.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from loguru import logger

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.failure_lines import log_failure

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


LARGE_BACKLOG = 10_000
"""Events waiting from which on handlers count as too slow."""


class Dispatcher:
    """One daemon thread, from the first post on, that runs what is posted in the order it was posted."""

    def __init__(self, name: str = "easytrader-qmt events") -> None:
        self._work: queue.SimpleQueue[tuple[Callable[..., object], tuple[Any, ...]] | None] = (
            queue.SimpleQueue()
        )
        self._late = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._starting = threading.RLock()  # whoever starts it may be interrupted by a handler that exits
        self._started = False

    def post(self, call: Callable[..., object], *args: Any) -> None:
        """Queue a call; returns at once."""
        self._work.put((call, args))
        if not self._started:
            with self._starting:
                if not self._started:
                    self._start()

    def _start(self) -> None:
        self._started = True
        try:
            self._thread.start()
        except RuntimeError as error:
            # The system has no thread left: what is queued waits, and the next post tries again.
            self._started = False
            with contextlib.suppress(Exception):
                log_failure("ERROR", "事件线程没能启动，事件先排队，下一个事件到来时再试", error)

    def stop(self, seconds: float) -> bool:
        """End after what is queued. True when the thread has ended or is the caller's own."""
        self._work.put(None)
        with self._starting:  # a thread that is just being started cannot be waited for yet
            started = self._started
        if not started or self._thread.ident is None:
            return True
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
        deadline = time.monotonic() + seconds
        # In steps, so that a dispatcher that was stopped meanwhile is not waited for.
        while not done.wait(min(0.5, max(0.0, deadline - time.monotonic()))):
            if not self._thread.is_alive() or time.monotonic() >= deadline:
                return done.is_set()
        return True

    @property
    def backlog(self) -> int:
        """How many events wait."""
        return self._work.qsize()

    def warn_if_late(self) -> None:
        """Log once when the backlog has grown large, and again only after it had shrunk."""
        waiting = self._work.qsize()
        if waiting < LARGE_BACKLOG:
            self._late = self._late and waiting > LARGE_BACKLOG // 10
        elif not self._late:
            self._late = True
            logger.warning(
                "有 {} 个事件等待处理：事件处理函数太慢或没有返回，请把耗时的工作移到别的线程", waiting
            )

    def _run(self) -> None:
        ran = 0
        while (item := self._work.get()) is not None:
            call, args = item
            # Also SystemExit from a handler that calls sys.exit(): this thread must outlive them all.
            try:
                call(*args)
            except BaseException as error:
                with contextlib.suppress(Exception):
                    log_failure("ERROR", "处理事件时出错，已跳过这一个事件", error)
            # A reference kept until the next event would keep a whole snapshot alive.
            del item, call, args
            ran += 1
            if ran % 1_000 == 0:
                self.warn_if_late()


class Subscription:
    """What ``user.on`` returns: call it, or its ``cancel()``, to stop hearing."""

    def __init__(self, cancel: Callable[[], None]) -> None:
        self._cancel = cancel

    def cancel(self) -> None:
        """Stop hearing. A second call does nothing."""
        self._cancel()

    __call__ = cancel


class _Registration:
    """One ``on``: the same handler may be registered twice, and each is unsubscribed by itself."""

    def __init__(self, handler: Handler) -> None:
        self.handler = handler


class Handlers:
    """The user's handlers by event name."""

    def __init__(self) -> None:
        self._handlers: dict[str, tuple[_Registration, ...]] = dict.fromkeys(EVENTS, ())
        self._lock = threading.Lock()

    def add(self, name: str, handler: Handler) -> Subscription:
        """Register; raises InvalidArgument for an unknown event or something that cannot be called."""
        check_event(name)
        if not callable(handler):
            raise InvalidArgument(f"on({name!r}, …) 的处理函数不可调用：{handler!r}")
        mine = _Registration(handler)
        with self._lock:
            self._handlers[name] = (*self._handlers[name], mine)

        def cancel() -> None:
            with self._lock:
                self._handlers[name] = tuple(one for one in self._handlers[name] if one is not mine)

        return Subscription(cancel)

    def wanted(self, name: str) -> bool:
        """Whether anybody listens, so that rows are not built for nobody."""
        return bool(self._handlers[name])

    def emit(self, name: str, row: Row) -> None:
        """Call each handler with its own copy of the row."""
        for registration in self._handlers[name]:
            isolated(f"on({name!r})", registration.handler, dict(row))


def check_event(name: str) -> None:
    """Raise InvalidArgument, listing what is possible, unless ``name`` is an event."""
    if name not in EVENTS:
        raise InvalidArgument(f"没有名为 {name!r} 的事件，可选：{'、'.join(EVENTS)}")


def isolated(what: str, handler: Callable[..., object], *args: Any) -> None:
    """Call a user's handler; whatever it raises, SystemExit too, is logged and goes no further."""
    try:
        handler(*args)
    except BaseException as error:
        with contextlib.suppress(Exception):  # a sink's trouble must not stop the events either
            log_failure("ERROR", f"{what} 的处理函数抛出异常，已跳过；后面的处理函数照常执行", error)
