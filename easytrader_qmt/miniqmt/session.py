"""One generation of the vendor's XtQuantTrader: built, started, connected, asked and stopped, each with a deadline.

Never reconnects, never retries and never decides what an answer means; a session that is lost stays lost.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from loguru import logger

from easytrader_qmt.miniqmt import vendor_books
from easytrader_qmt.miniqmt.callback import PushReceiver
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded, settled, within
from easytrader_qmt.miniqmt.inflight import ConnectionLost, InFlight
from easytrader_qmt.miniqmt.vendor import Vendor


class SessionFailed(Exception):
    """The session could not be opened; the text says at which step and why."""


@dataclass(frozen=True)
class Deadlines:
    """How long each kind of vendor call may take, in seconds."""

    call: float = 10.0
    connect: float = 15.0
    stop: float = 5.0


class Session:
    """One XtQuantTrader with one session id.

    ``push(generation, method, args)`` is called for every push and must only enqueue;
    ``lost(generation, why)`` is called once when the terminal says goodbye, and must only set flags.
    """

    def __init__(
        self,
        vendor: Vendor,
        path: str,
        session_id: int,
        generation: int,
        *,
        deadlines: Deadlines,
        push: Callable[[int, str, tuple[Any, ...]], None],
        lost: Callable[[int, str], None],
    ) -> None:
        self.path = path
        self.session_id = session_id
        self.generation = generation
        self.trader: Any = None
        self._vendor = vendor
        self._deadlines = deadlines
        self._push = push
        self._lost = lost
        self._inflight = InFlight(foreign=self._stranger)
        self._gone = threading.Event()
        self._detached = False
        self._started = False
        self._must_return: list[threading.Event] = []
        self._receiver = PushReceiver(self._pushed, self._inflight.answered, self._disconnected)

    # --- opening and closing -------------------------------------------------------------------

    def open(self) -> None:
        """Build, start and connect. Raises SessionFailed; the session must then be closed."""
        # Off the main thread: the vendor's constructor replaces the main thread's asyncio event loop.
        self._step("创建 XtQuantTrader", self._deadlines.call, self._build, must_return=True)
        self._step("start()", self._deadlines.call, self._start, must_return=True)
        result = self._step("connect()", self._deadlines.connect, self.trader.connect)
        if result != 0:
            raise SessionFailed(f"connect() 返回 {result!r}")

    def _build(self) -> None:
        self.trader = self._vendor.trader_class(self.path, self.session_id, self._receiver)
        vendor_books.bound(self.trader)

    def _start(self) -> None:
        self._started = True
        self.trader.start()

    def _step(self, what: str, seconds: float, call: Callable[[], Any], *, must_return: bool = False) -> Any:
        """A vendor call of its own thread, given up at its deadline or as soon as the session is detached.

        ``must_return``: ``stop()`` makes no sense before this call has come back.
        """
        try:
            outcome = self._inflight.expect()
            run = self._noted(call) if must_return else call
            return within(seconds, run, what, outcome=outcome)
        except (DeadlineExceeded, ConnectionLost) as error:
            raise SessionFailed(str(error)) from None
        except Exception as error:
            raise SessionFailed(f"{what} 失败：{error}") from error

    def _noted(self, call: Callable[[], Any]) -> Callable[[], Any]:
        returned = threading.Event()
        self._must_return.append(returned)

        def run() -> Any:
            try:
                return call()
            finally:
                returned.set()

        return run

    def subscribe(self, account: Any) -> None:
        """Subscribe an account's pushes. Raises SessionFailed unless the terminal says yes."""
        result = self._step("subscribe()", self._deadlines.call, lambda: self.trader.subscribe(account))
        # 0 is yes in the vendor's layer, True is yes in its oldest documentation; False == 0 must not pass.
        if result is True or (result == 0 and not isinstance(result, bool)):
            return
        raise SessionFailed(f"订阅账户失败：subscribe() 返回 {result!r}")

    def detach(self, why: str) -> None:
        """From now on nothing of this session is heard, and everything it still owes has failed."""
        self._detached = True
        self._gone.set()
        self._inflight.fail(why)

    def close(self, late: Callable[[], None]) -> bool:
        """Stop the vendor's threads. False when ``stop()`` hangs and was left behind.

        ``late`` then runs if it comes back after all.
        """
        self.detach("会话已关闭")
        if not self._must_return:
            return True
        self._let_waiters_go()
        try:
            within(self._deadlines.stop, self._finish, "stop()", late)
        except DeadlineExceeded:
            return False
        return True

    def _finish(self) -> None:
        # A constructor or a start() that hangs would bring the client to life after its stop().
        for returned in self._must_return:
            returned.wait()
        trader = self.trader
        if trader is None:
            return
        if self._started:
            try:
                trader.stop()
            except Exception as error:
                logger.debug("stop() 抛出异常，已忽略：{}", error)
        self._let_waiters_go()
        # An event loop is made for each instance and never closed: three open files each.
        loop = getattr(trader, "loop", None)
        if loop is not None:
            with contextlib.suppress(Exception):
                loop.close()

    def _let_waiters_go(self) -> None:
        """End the vendor's synchronous calls whose answer never came: they wait for good, even after stop().

        Only those: a user's callback of a raw asynchronous call must not run on our thread.
        """
        for waiter in list(getattr(self.trader, "cbs", {}).values()):
            if "common_op_sync" in getattr(waiter, "__qualname__", ""):
                with contextlib.suppress(Exception):
                    waiter(None)

    @property
    def alive(self) -> bool:
        """Whether nothing has yet said that the connection is gone."""
        return not self._gone.is_set()

    @property
    def owed(self) -> int:
        """How many requests have no answer yet."""
        return len(self._inflight)

    # --- asking --------------------------------------------------------------------------------

    def query(self, name: str, *args: Any, timeout: float | None = None) -> Any:
        """One vendor query by the name of its synchronous form, such as ``query_stock_asset``.

        Raises DeadlineExceeded, ConnectionLost, or what the vendor's layer raises.
        """
        seconds = self._deadlines.call if timeout is None else timeout
        ask = getattr(self.trader, f"{name}_async", None)
        if ask is None:
            plain = getattr(self.trader, name)
            return within(seconds, lambda: plain(*args), f"{name}()", outcome=self._inflight.expect())
        future = self._inflight.query(lambda arrived: ask(*_with_callback(name, args, arrived)))
        try:
            return settled(future, seconds, f"{name}()")
        except BaseException:
            self._inflight.abandon(future)
            raise

    def send(self, name: str, *args: Any) -> Future[Any]:
        """One order or cancel by the name of its asynchronous form. The future gets the response.

        Raises ConnectionLost when the session was lost before anything was sent.
        """
        issue = getattr(self.trader, name)
        return self._inflight.issue(lambda: issue(*args))

    # --- what the vendor's threads call --------------------------------------------------------

    def _pushed(self, method: str, args: tuple[Any, ...]) -> None:
        if not self._detached:
            self._push(self.generation, method, args)

    def _stranger(self, method: str, response: Any) -> None:
        self._pushed(method, (response,))

    def _disconnected(self) -> None:
        if self._gone.is_set():
            return
        self._gone.set()
        self._inflight.fail("连接已断开")
        if not self._detached:
            self._lost(self.generation, "终端断开连接")


def _with_callback(name: str, args: tuple[Any, ...], arrived: Callable[[Any], None]) -> tuple[Any, ...]:
    """The vendor puts the callback before the optional arguments: (account, callback, cancelable_only)."""
    if name == "query_stock_orders" and len(args) > 1:
        return (args[0], arrived, *args[1:])
    return (*args, arrived)
