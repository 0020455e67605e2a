"""What the facades of one connection share: the live session, its supervisor, the mirror and the dispatcher.

Never places an order and never builds a row for the user; it only keeps a session READY and its events in order.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from loguru import logger

from easytrader_qmt.clock import Clock, day_number
from easytrader_qmt.errors import ConnectError, NotConnected, QueryFailed
from easytrader_qmt.events import Dispatcher
from easytrader_qmt.miniqmt import sync
from easytrader_qmt.miniqmt.mirror import Mirror
from easytrader_qmt.miniqmt.policy import ReconnectPolicy, State, StateChange, worth_telling
from easytrader_qmt.miniqmt.session import Deadlines, Session, SessionFailed
from easytrader_qmt.miniqmt.session_ids import Lease, SessionIds
from easytrader_qmt.miniqmt.supervisor import AttemptFailed, Pause, Supervisor
from easytrader_qmt.miniqmt.vendor import Vendor


class Listener(Protocol):
    """Who is told what happens; every method runs on the dispatcher thread."""

    def heard(self, method: str, args: tuple[Any, ...], recovered: bool) -> None:
        """A push that is news, by the vendor's method name."""
        ...

    def state_changed(self, change: StateChange) -> None:
        """The connection took a step."""
        ...


@dataclass(frozen=True)
class Target:
    """Where to connect and as whom."""

    path: str
    accounts: tuple[Any, ...]


class Connection:
    """One connection to one terminal, for one or more accounts."""

    def __init__(
        self,
        vendor: Vendor,
        target: Target,
        ids: Callable[[Callable[[float], object]], SessionIds],
        listener: Listener,
        *,
        policy: ReconnectPolicy,
        deadlines: Deadlines,
        clock: Clock,
        shown: Callable[[str], str],
        pause: Pause | None = None,
    ) -> None:
        self._vendor = vendor
        self._target = target
        self._listener = listener
        self._deadlines = deadlines
        self._clock = clock
        self._shown = shown
        self._mirror = Mirror()
        self._dispatcher = Dispatcher()
        self._lock = threading.Lock()
        self._generation = 0
        self._session: Session | None = None
        self._lease: Lease | None = None
        self._synced: tuple[sync.Snapshot, ...] = ()
        self._early: list[tuple[int, str, tuple[Any, ...]]] = []
        self._flowing = False
        self._primed = False
        self.watchers: list[Callable[[str, tuple[Any, ...]], None]] = []
        self.on_connecting: list[Callable[[], None]] = []
        self.on_synced: list[Callable[[tuple[sync.Snapshot, ...], float], None]] = []
        self.on_beat: list[Callable[[], object]] = []
        self._supervisor = Supervisor(self._attempt, self._probe, self._changed, policy, clock, pause)
        self._ids = ids(self._supervisor.pause)

    # --- what the facade asks ------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._supervisor.state

    @property
    def accounts(self) -> tuple[Any, ...]:
        """The vendor's account objects, in the order they were added."""
        return self._target.accounts

    def open(self, wait: float) -> None:
        """Connect for the first time. Raises AttemptFailed; the connection must then be closed."""
        self._ids.sweep()
        self._supervisor.start(wait)

    def ready(self) -> Session:
        """The live session. Raises NotConnected at once when there is none."""
        session = self._session
        if session is None or self.state is not State.READY:
            raise NotConnected(
                f"未连接到 MiniQMT（{self.state}，{self._supervisor.describe_down()}）；没有发送任何请求"
            )
        if not session.alive:
            raise NotConnected(
                "与 MiniQMT 的连接刚刚断开；没有发送任何请求，可用 user.wait_ready(秒数) 等待重连"
            )
        return session

    def ask(self, name: str, account: Any, *args: Any) -> list[Any]:
        """A list query. Raises NotConnected or QueryFailed."""
        return sync.list_of(self.ready(), name, account, *args)

    def asset(self, account: Any) -> Any:
        """The account's asset object. Raises NotConnected or QueryFailed."""
        return sync.asset_of(self.ready(), account)

    def wait_ready(self, timeout: float | None) -> bool:
        """Wait until READY."""
        return self._supervisor.wait_ready(timeout)

    def stop_reconnect(self) -> None:
        """No automatic reconnect from now on."""
        self._supervisor.stop_reconnect()

    def reconnect(self) -> None:
        """One attempt now."""
        self._supervisor.reconnect()

    def later(self, call: Callable[..., object], *args: Any) -> None:
        """Run a call on the dispatcher thread, after the events that came so far."""
        self._dispatcher.post(call, *args)

    def drain(self, seconds: float) -> bool:
        """Wait until the events that came so far have been handled."""
        return self._dispatcher.drain(seconds)

    def close(self) -> bool:
        """Stop everything; True when every thread has ended."""
        ended = self._supervisor.stop(self._deadlines.connect + self._deadlines.stop)
        stopped = self._drop("连接已关闭")
        return self._dispatcher.stop(self._deadlines.stop) and ended and stopped

    # --- attempts, on the supervisor's thread --------------------------------------------------

    def _attempt(self, number: int) -> None:
        self._drop("正在重连")
        path = self._target.path
        if not os.path.isdir(path):
            # Starting a client there would create the folder, and 72 MiB in it.
            raise AttemptFailed(f"路径不存在：{path}")
        logged = worth_telling(number)
        if logged and number:
            logger.info("正在连接到 MiniQMT...")
        session = self._new_session()
        if logged:
            logger.info("创建 XtQuantTrader 实例，会话ID: {}", session.session_id)
            logger.info("正在尝试连接...")
        try:
            session.open()
            self._supervisor.syncing()
            for account in self._target.accounts:
                session.subscribe(account)
            for about_to in self.on_connecting:
                about_to()
            started = self._clock.now()
            found = tuple(sync.snapshot(session, account) for account in self._target.accounts)
        except (SessionFailed, QueryFailed) as error:
            self._drop(str(error))
            raise AttemptFailed(str(error)) from error
        for told in self.on_synced:
            told(found, started)
        if not session.alive:
            self._drop("连接在同步过程中断开")
            raise AttemptFailed("连接在同步过程中断开")
        self._synced = found
        for account in self._target.accounts:
            logger.info("✓ 成功连接到 MiniQMT, 账号: {}", self._shown(account.account_id))
            logger.info("✓ 已订阅账户: {}", self._shown(account.account_id))

    def _new_session(self) -> Session:
        try:
            lease = self._ids.lease()
        except (ConnectError, OSError) as error:
            raise AttemptFailed(str(error)) from error
        with self._lock:
            self._generation += 1
            session = Session(
                self._vendor,
                self._target.path,
                lease.session_id,
                self._generation,
                deadlines=self._deadlines,
                push=self._pushed,
                lost=self._lost,
            )
            self._session, self._lease = session, lease
        return session

    def _drop(self, why: str) -> bool:
        """Detach and stop the session, if there is one; True unless something was left behind."""
        with self._lock:
            session, lease = self._session, self._lease
            self._session = self._lease = None
        if session is None or lease is None:
            return True
        session.detach(why)
        stopped = session.close(late=lambda: lease.release(True))
        lease.release(stopped)
        if not stopped:
            logger.warning("旧会话 {} 没有在期限内停止，已放弃等待", session.session_id)
        return stopped

    def _probe(self) -> str:
        session = self._session
        if session is None or not session.alive:
            return "会话已失效"
        try:
            for account in self._target.accounts:
                sync.asset_of(session, account)
        except QueryFailed as error:
            return f"心跳失败：{error}"
        for beat in self.on_beat:
            beat()
        return ""

    def _changed(self, change: StateChange) -> None:
        if change.state is State.READY:
            found, self._synced = self._synced, ()
            self._dispatcher.post(self._listener.state_changed, change)
            self._dispatcher.post(self._merge, found)
        else:
            self._dispatcher.post(self._pause_flow, change)

    # --- events, on the dispatcher's thread ----------------------------------------------------

    def _pause_flow(self, change: StateChange) -> None:
        self._flowing = False
        self._listener.state_changed(change)

    def _merge(self, found: tuple[sync.Snapshot, ...]) -> None:
        """Tell what a snapshot adds, then what was pushed while it was taken.

        Pushes wait until READY so that a handler's own calls find a connection.
        """
        today = day_number(self._clock.now())
        self._mirror.forget_before(today - 7)
        for snapshot in found:
            changes = self._mirror.snapshot(snapshot.orders, snapshot.trades, today)
            for change in changes if self._primed else ():
                self._tell(f"on_stock_{change.kind}", (change.record,), True)
        self._primed = True
        self._flowing = True
        early, self._early = self._early, []
        for generation, method, args in early:
            self._heard(generation, method, args)

    def _heard(self, generation: int, method: str, args: tuple[Any, ...]) -> None:
        if not self._flowing:
            if len(self._early) < 100_000:
                self._early.append((generation, method, args))
            return
        if self._is_news(method, args):
            self._tell(method, args, False)

    def _tell(self, method: str, args: tuple[Any, ...], recovered: bool) -> None:
        for watcher in self.watchers:
            watcher(method, args)
        self._listener.heard(method, args, recovered)

    def _is_news(self, method: str, args: tuple[Any, ...]) -> bool:
        today = day_number(self._clock.now())
        if method == "on_stock_order":
            return self._mirror.order(args[0], today)
        if method == "on_stock_trade":
            return self._mirror.trade(args[0], today)
        if method == "on_order_error":
            return self._mirror.error(args[0])
        return True

    # --- from the vendor's push thread: only enqueue and set flags -------------------------------

    def _pushed(self, generation: int, method: str, args: tuple[Any, ...]) -> None:
        self._dispatcher.post(self._heard, generation, method, args)

    def _lost(self, generation: int, why: str) -> None:
        if generation == self._generation:
            self._supervisor.report_lost(why)
