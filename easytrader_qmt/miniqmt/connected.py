"""The life of a facade: connecting, being told, waiting, leaving. The verbs are in ``trader``.

Never talks to the vendor's layer itself, and creates nothing before its arguments are checked.
"""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

from loguru import logger

from easytrader_qmt.clock import Clock, SystemClock
from easytrader_qmt.errors import InvalidArgument, NotConnected, QueryFailed
from easytrader_qmt.events import Handler, Handlers, check_event
from easytrader_qmt.miniqmt import diagnosis
from easytrader_qmt.miniqmt.connection import Connection, Target
from easytrader_qmt.miniqmt.counterside import AccountSide
from easytrader_qmt.miniqmt.hearing import Hearing, Hearings
from easytrader_qmt.miniqmt.options import ConnectOptions, check, prepared
from easytrader_qmt.miniqmt.policy import State, seconds
from easytrader_qmt.miniqmt.privacy import shorten
from easytrader_qmt.miniqmt.session_ids import SessionIds
from easytrader_qmt.miniqmt.supervisor import AttemptFailed, Pause
from easytrader_qmt.miniqmt.vendor import Vendor

Self = TypeVar("Self", bound="ConnectedTrader")


class ConnectedTrader:
    """A facade's connection to a terminal. Nothing happens before ``connect``."""

    def __init__(
        self,
        vendor: Vendor,
        *,
        debug: bool = False,
        clock: Clock | None = None,
        pause: Callable[[], Pause] | None = None,
    ) -> None:
        self._vendor = vendor
        self._debug = debug
        self._clock: Clock = clock if clock is not None else SystemClock()
        self._new_pause = pause
        # While a connection changes hands; nothing is called under it. Re-entrant, as a signal handler may exit().
        self._holding = threading.RLock()
        self._opening = False
        self._exits = 0  # calls of exit() since connect() began, its own included
        self._handlers = Handlers()
        self._connection: Connection | None = None
        # The one closed last, which may still be telling its last events.
        self._before: Connection | None = None
        self._options: ConnectOptions | None = None
        self._account: Any = None
        self._side: AccountSide | None = None
        self._hearings: Hearings | None = None
        self._added: list[ConnectedTrader] = []
        self._shared = False
        self._leave: Callable[[], None] = lambda: None

    def connect(
        self,
        miniqmt_path: Any = None,
        stock_account: Any = None,
        trader_callback: Any = None,
        reconnect_enabled: bool = True,
        reconnect_interval: float = 5,
        max_reconnect_attempts: int = 0,
        **more: Any,
    ) -> None:
        """Connect to the terminal whose ``userdata_mini`` is ``miniqmt_path``, as ``stock_account``.

        ``trader_callback`` gets every push of the vendor; None logs them. ``reconnect_interval`` seconds between
        attempts, ``max_reconnect_attempts`` 0 for ever. More keywords: ``account_type``, ``wait`` (seconds to
        keep trying now), ``call_timeout``, ``connect_timeout``, ``stop_timeout``, ``heartbeat_interval``,
        ``reconnect_backoff`` (cap in seconds), ``session_id``, ``session_ids``, ``raise_on_reject``,
        ``price_rounding``, ``quotes`` (a quote source, False for none), ``journal`` (a path, False for none),
        ``risk`` (limits by name), ``rules`` (board rules).

        Raises InvalidArgument before anything is created, ConnectError with a diagnosis when the terminal
        is not there. A connection that is already open is closed first; while another thread is still in
        ``connect``, and on an account that was added, InvalidArgument is raised.
        """
        given = {
            "miniqmt_path": self._vendor.locate(miniqmt_path),
            "stock_account": stock_account,
            "trader_callback": trader_callback,
            "reconnect_enabled": reconnect_enabled,
            "reconnect_interval": reconnect_interval,
            "max_reconnect_attempts": max_reconnect_attempts,
            **more,
        }
        self._open(check(given))

    def prepare(self, config_path: Any = None, **kwargs: Any) -> None:
        """``connect`` with easytrader's other spelling: keywords, keywords under ``kwargs``, or a JSON file.

        Raises what ``connect`` raises, and InvalidArgument for a file that cannot be read.
        """
        self.connect(**prepared(config_path, kwargs))

    def _open(self, options: ConnectOptions) -> None:
        account = self._vendor_account(options.stock_account, options.account_type)
        with self._alone():
            self._open_as(account, options)

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else opens a connection meanwhile. Raises InvalidArgument where somebody does already."""
        if self._shared:
            raise InvalidArgument("connect 请在最初 connect 的对象上调用，而不是在添加出来的账户对象上")
        with self._holding:
            if self._opening:
                raise InvalidArgument(
                    "这个对象正在别的线程里 connect，没有再建立连接；请等它结束，或者另用一个对象"
                )
            self._opening, self._exits = True, 0
        try:
            yield
        finally:
            self._opening = False

    def _open_as(self, account: Any, options: ConnectOptions) -> None:
        self.exit()
        self._announce(options)
        hearing = Hearing(self._handlers, options.trader_callback, self._shown, account)
        self._hearings = hearings = Hearings(hearing)
        first, last = options.session_ids
        connection = Connection(
            self._vendor,
            Target(options.miniqmt_path, (account,)),
            lambda wait: SessionIds(
                options.miniqmt_path, first, last, fixed=options.session_id, clock=self._clock, wait=wait
            ),
            hearings,
            policy=options.policy,
            deadlines=options.deadlines,
            clock=self._clock,
            shown=self._shown,
            pause=self._new_pause() if self._new_pause is not None else None,
        )
        if self._before is not None:
            connection.follow(self._before)
        try:
            self._take(connection, options, account, hearing)
            connection.open(options.wait)
        except BaseException as error:
            self.exit()
            if isinstance(error, AttemptFailed):
                raise diagnosis.connect_error(str(error), options, self._vendor) from error
            raise

    def _take(self, connection: Connection, options: ConnectOptions, account: Any, hearing: Hearing) -> None:
        """Make this facade the account's on a connection."""
        side = AccountSide(
            connection,
            account,
            options,
            self._clock,
            quotes=self._vendor.quotes(options.miniqmt_path),
            simulated=self._vendor.simulated,
            tell=hearing.tell_doubt,
        )
        hearing.remarks = lambda: side.remarks
        with self._holding:
            self._connection, self._options, self._account, self._side = connection, options, account, side
            if self._opening and not self._shared and self._exits > 1:
                # Not only connect()'s own: another thread, or a signal handler, called it while all this was made.
                raise AttemptFailed("连接过程中被停止")

    def _vendor_account(self, account_id: str, account_type: str) -> Any:
        """The vendor's account object. Raises InvalidArgument where the vendor refuses, in whatever way."""
        try:
            account = self._vendor.account_class(account_id, account_type)
        except Exception as error:
            raise InvalidArgument(
                f"account_type={account_type!r} 无效：{error}；可选 STOCK（股票）、CREDIT（信用）等 xtquant 支持的类型"
            ) from None
        if isinstance(account, str):
            # The vendor's class returns its complaint instead of raising it.
            raise InvalidArgument(f"stock_account 无效：{account}")
        return account

    def _announce(self, options: ConnectOptions) -> None:
        logger.info("正在连接到 MiniQMT{}...", "（仿真终端，不是真实交易）" if self._vendor.simulated else "")
        logger.info("MiniQMT 路径: {}", options.miniqmt_path)
        logger.info("资金账号: {}", self._shown(options.stock_account))
        logger.info("自动重连: {}", "启用" if options.reconnect_enabled else "禁用")
        logger.info("重连间隔: {:g} 秒", options.reconnect_interval)
        logger.info("最大重连次数: {}", options.policy.describe_limit())

    def stop_reconnect(self) -> None:
        """No automatic reconnect from now on; a wait for the next attempt ends at once."""
        if self._connection is not None:
            self._connection.stop_reconnect()
            logger.info("已停止自动重连")

    def reconnect(self) -> None:
        """Make one attempt now, whatever the waits and limits say. Returns at once; see ``wait_ready``."""
        self._live().reconnect()

    def wait_ready(self, timeout: float | None = 60.0) -> bool:
        """Wait up to ``timeout`` seconds until READY; False otherwise, at once when nothing will get there.

        None waits without end. Raises InvalidArgument for what is no number of seconds.
        """
        longest = None if timeout is None else seconds("timeout", timeout)
        connection = self._connection
        return connection is not None and connection.wait_ready(longest)

    def drain(self, timeout: float = 10.0) -> bool:
        """Wait until everything the terminal has said so far was handled; False after ``timeout`` seconds.

        Raises InvalidArgument for what is no number of seconds.
        """
        longest = seconds("timeout", timeout)
        connection = self._connection
        if connection is None:
            return True
        until = self._clock.monotonic() + longest
        with contextlib.suppress(NotConnected, QueryFailed):
            # Answers queue behind pushes in the vendor's layer: once this one is here, so are those.
            connection.asset(self._account, longest)
        return connection.drain(max(0.0, until - self._clock.monotonic()))

    def exit(self) -> None:
        """Close the connection and stop its threads, together with the accounts added to it.

        On an account that was added, only this account ends: it is unsubscribed, and may be added again. A
        second call does nothing.
        """
        if sys.is_finalizing():
            return  # in a __del__ at the very end: no thread runs any more that could stop anything
        with self._holding:
            self._exits += 1
            added, self._added = self._added, []
            connection, self._connection = self._connection, None
            side, self._side = self._side, None
            self._before = connection or self._before
        with contextlib.ExitStack() as others:  # done in any case: nobody could end them after an interrupt
            if side is not None:
                others.callback(side.close)
            for each in reversed(added):
                others.callback(each.exit)
            if connection is not None and self._shared:
                others.callback(self._leave)
                connection.remove(self._account)
            elif connection is not None:
                connection.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.exit()

    @property
    def state(self) -> State:
        """STOPPED, CONNECTING, SYNCING, READY, LOST or GAVE_UP; equal to these names as text."""
        return self._connection.state if self._connection is not None else State.STOPPED

    @property
    def trader(self) -> Any:
        """The live XtQuantTrader of this moment, for calls of the vendor's API. Raises NotConnected."""
        return self._live().ready().trader

    @property
    def account(self) -> Any:
        """The vendor's StockAccount; None before ``connect``."""
        return self._account

    @property
    def simulated(self) -> bool:
        """Whether the terminal is simulated."""
        return self._vendor.simulated

    def __repr__(self) -> str:
        account = self._shown(self._options.stock_account) if self._options is not None else "未连接"
        kind = "仿真，不是真实交易 " if self.simulated else ""
        return f"<{type(self).__name__} {kind}账号={account} 状态={self.state}>"

    def on(self, event: str, handler: Handler | None = None) -> Any:
        """Hear an event: ``order``, ``trade``, ``asset``, ``position``, ``order_error``, ``cancel_error``,
        ``account_status``, ``state`` or ``in_doubt``.

        ``user.on('trade', f)`` returns what unsubscribes; ``@user.on('trade')`` decorates. ``f`` gets the row
        that the matching query would return, plus ``recovered``: True when it happened during an outage.
        It runs on the dispatcher thread; any call of ``user`` works inside it.
        """
        if handler is not None:
            return self._handlers.add(event, handler)
        check_event(event)

        def decorate(function: Handler) -> Handler:
            self._handlers.add(event, function)
            return function

        return decorate

    def _live(self) -> Connection:
        if self._connection is None:
            raise NotConnected("尚未连接，请先调用 user.connect(...)；没有发送任何请求")
        return self._connection

    def _own(self) -> AccountSide:
        side = self._side
        if side is None:
            raise NotConnected("尚未连接，请先调用 user.connect(...)；没有发送任何请求")
        return side

    def _shown(self, account_id: str) -> str:
        # A simulated account's number is no secret, and says that it is simulated.
        return account_id if self._debug or account_id.startswith("SIM") else shorten(account_id)
