"""One generation of the vendor's XtQuantTrader: built, started, connected, asked and stopped, each with a deadline.

Never reconnects, never retries and never decides what an answer means; a session that is lost stays lost.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from loguru import logger

from easytrader_qmt.miniqmt import vendor_books
from easytrader_qmt.miniqmt.callback import PushReceiver
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded, settled, within
from easytrader_qmt.miniqmt.inflight import ConnectionLost, InFlight
from easytrader_qmt.miniqmt.privacy import shorten
from easytrader_qmt.miniqmt.reply import Reply
from easytrader_qmt.miniqmt.steps import Step, Steps
from easytrader_qmt.miniqmt.straight import lead_straight
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
        shown: Callable[[str], str] = shorten,
    ) -> None:
        self.path = path
        self.session_id = session_id
        self.generation = generation
        self.trader: Any = None
        self.overdue = False  # a query was given up at its deadline
        self._vendor = vendor
        self._deadlines = deadlines
        self._push = push
        self._lost = lost
        self._shown = shown
        self._inflight = InFlight(foreign=self._stranger)
        self._gone = threading.Event()
        self._detached = False
        self._must_stop = False  # start() was called
        self._started: threading.Event | None = None  # start() came back, or will never be called
        self._over = threading.Event()  # no call of open() is under way any more
        self._receiver = PushReceiver(self._pushed, self._inflight.answered, self._disconnected)

    # --- opening and closing -------------------------------------------------------------------

    def open(self, accounts: Sequence[Any] = (), connected: Callable[[], object] = lambda: None) -> None:
        """Build, start and connect, then subscribe ``accounts``. ``connected`` is called in between.

        Raises SessionFailed; the session must then be closed.
        """
        call, connect = self._deadlines.call, self._deadlines.connect
        started = threading.Event()
        # Off the main thread: the vendor's constructor replaces the main thread's asyncio event loop.
        steps = [
            self._planned("创建 XtQuantTrader", call, self._build),
            self._planned("start()", call, partial(self._start, started)),
            self._planned("connect()", connect, self._connect),
            *(self._subscription(each) for each in accounts),
        ]
        self._started = started

        def over() -> None:
            self._over.set()
            started.set()

        turns = Steps(steps, over, self.path)
        try:
            turns.begin()
        except BaseException:
            over()  # no thread, so nothing that a stop() must wait for
            raise
        try:
            turns.wait(2)
            connected()
            turns.wait(len(steps) - 1)
        except (DeadlineExceeded, ConnectionLost) as error:
            raise SessionFailed(str(error)) from None

    def _planned(self, what: str, seconds: float, call: Callable[[], Any]) -> Step:
        """A step that is given up at its deadline, or as soon as the session is detached."""

        def run() -> Any:
            try:
                return call()
            except SessionFailed:
                raise
            except (
                BaseException
            ) as error:  # also the SystemExit of a bridge: it ends this attempt, and no more
                raise SessionFailed(f"{what} 失败：{error}") from error

        try:
            return Step(what, seconds, run, self._inflight.expect())
        except ConnectionLost as error:
            raise SessionFailed(str(error)) from None

    def _build(self) -> None:
        self.trader = self._vendor.trader_class(self.path, self.session_id, self._receiver)
        vendor_books.bound(self.trader)

    def _start(self, started: threading.Event) -> None:
        self._must_stop = True
        self.trader.start()
        lead_straight(self.trader, self._receiver)
        started.set()

    def _connect(self) -> None:
        result = self.trader.connect()
        if not says_yes(result):
            raise SessionFailed(f"connect() 返回 {result!r}")

    def _subscription(self, account: Any) -> Step:
        # Named, because one account of several that does not answer keeps them all from getting READY.
        which = f"账户 {self._shown(account.account_id)}"

        def subscribe() -> None:
            result = self.trader.subscribe(account)
            if not says_yes(result):
                raise SessionFailed(f"订阅账户失败：subscribe() 返回 {result!r}；{which}")

        return self._planned(f"{which} 的 subscribe()", self._deadlines.call, subscribe)

    def subscribe(self, account: Any) -> None:
        """Subscribe one more account's pushes. Raises SessionFailed unless the terminal says yes."""
        step = self._subscription(account)
        try:
            within(step.seconds, step.call, step.what, outcome=step.outcome)
        except (DeadlineExceeded, ConnectionLost) as error:
            raise SessionFailed(str(error)) from None

    def unsubscribe(self, account: Any) -> None:
        """Ask for no more pushes of an account; best effort, within the deadline of an ending. Never raises."""
        call = getattr(self.trader, "unsubscribe", None)
        if call is None:
            return
        try:
            step = self._planned("unsubscribe()", self._deadlines.stop, partial(call, account))
            within(step.seconds, step.call, step.what, outcome=step.outcome)
        except (SessionFailed, DeadlineExceeded, ConnectionLost) as error:
            logger.debug("退订账户没有成功，已忽略：{}", error)

    def detach(self, why: str) -> None:
        """From now on nothing of this session is heard, and everything it still owes has failed."""
        self._detached = True
        self._gone.set()
        self._inflight.fail(why)

    def close(self, late: Callable[[], None]) -> bool:
        """Stop the vendor's threads. False when ``stop()``, or a call of ``open``, hangs and was left behind.

        ``late`` then runs if it comes back after all.
        """
        self.detach("会话已关闭")
        if self._started is None:
            return True
        self._let_waiters_go()
        try:
            within(self._deadlines.stop, self._finish, "stop()", late)
        except DeadlineExceeded:
            return False
        return True

    def _finish(self) -> None:
        # A constructor or a start() that hangs would bring the client to life after its stop().
        if self._started is not None:
            self._started.wait()
        trader = self.trader
        if trader is None:
            return
        self._stop()
        if not self._over.is_set():
            # Whoever is still inside connect() uses the session id, and may bring the client to life once more.
            while not self._over.wait(1.0):
                self._let_waiters_go()
            self._stop()
        # An event loop is made for each instance and never closed: three open files each.
        loop = getattr(trader, "loop", None)
        if loop is not None:
            with contextlib.suppress(Exception):
                loop.close()

    def _stop(self) -> None:
        if self._must_stop:
            try:
                self.trader.stop()
            except BaseException as error:  # also the SystemExit of a bridge; this thread is ours
                logger.debug("stop() 抛出异常，已忽略：{}", error)
        self._let_waiters_go()

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
    def call_timeout(self) -> float:
        """How many seconds a query may take where nothing else is said."""
        return self._deadlines.call

    @property
    def owed(self) -> int:
        """How many requests have no answer yet."""
        return len(self._inflight)

    # --- asking --------------------------------------------------------------------------------

    def query(self, name: str, *args: Any, timeout: float | None = None) -> Any:
        """One vendor query by the name of its synchronous form, such as ``query_stock_asset``.

        Raises DeadlineExceeded, ConnectionLost, or what the vendor's layer raises.
        """
        return self.ask(name, *args, timeout=timeout)()

    def ask(self, name: str, *args: Any, timeout: float | None = None) -> Callable[[], Any]:
        """Send a query and return at once; what is returned waits ``timeout`` seconds for the answer.

        An old copy's query that has no asynchronous form is sent only when it is waited for. Raises as
        ``query`` does, at either moment.
        """
        seconds = self._deadlines.call if timeout is None else timeout
        inflight, what = self._inflight, f"{name}()"
        send = getattr(self.trader, f"{name}_async", None)
        sent: Reply | None = None
        if send is None:
            plain = getattr(self.trader, name)
        else:
            sent = inflight.query(lambda arrived: send(*_with_callback(name, args, arrived)))

        def answer() -> Any:
            reply = inflight.expect() if sent is None else sent
            try:
                if sent is None:
                    return within(seconds, lambda: plain(*args), what, outcome=reply)
                return settled(reply, seconds, what)
            except BaseException as error:
                inflight.abandon(reply)
                self.overdue = self.overdue or isinstance(error, DeadlineExceeded)
                raise

        return answer

    def send(self, name: str, *args: Any) -> Reply:
        """One order or cancel by the name of its asynchronous form. The reply gets the response.

        Raises ConnectionLost when the session was lost before anything was sent.
        """
        call = getattr(self.trader, name, None)
        if call is None:
            raise ConnectionLost(f"这个版本的 xtquant 没有 {name}")
        return self._inflight.issue(call, *args)

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


def says_yes(result: Any) -> bool:
    """0 is yes in the vendor's layer, True is yes in its oldest documentation; False == 0 must not pass."""
    return result is True or (result == 0 and not isinstance(result, bool))


def _with_callback(name: str, args: tuple[Any, ...], arrived: Callable[[Any], None]) -> tuple[Any, ...]:
    """The vendor puts the callback before the optional arguments: (account, callback, cancelable_only)."""
    if name == "query_stock_orders" and len(args) > 1:
        return (args[0], arrived, *args[1:])
    return (*args, arrived)
