"""What the facades of one connection share: the live session, its supervisor, the mirror and the dispatcher.

Never places an order and never builds a row for the user; it only keeps a session READY and its events in order.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from loguru import logger

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import ConnectError, NotConnected, QueryFailed
from easytrader_qmt.failure_lines import log_failure
from easytrader_qmt.miniqmt import policy, sync
from easytrader_qmt.miniqmt.account_list import AccountList
from easytrader_qmt.miniqmt.flow import EventFlow, Listener
from easytrader_qmt.miniqmt.live_sessions import LiveSessions
from easytrader_qmt.miniqmt.policy import ReconnectPolicy, State, StateChange, more_patient, worth_telling
from easytrader_qmt.miniqmt.session import Deadlines, Session, SessionFailed
from easytrader_qmt.miniqmt.session_ids import SessionIds
from easytrader_qmt.miniqmt.steps import too_many_hang
from easytrader_qmt.miniqmt.succession import Succession
from easytrader_qmt.miniqmt.supervisor import AttemptFailed, Halted, Pause, Supervisor
from easytrader_qmt.miniqmt.vendor import Vendor

_HEARD_FIRST = 0.05
"""Seconds that handlers have to hear of READY before the session that was replaced is stopped."""


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
        self._path = target.path
        self._accounts = AccountList(target.accounts)
        self._deadlines = deadlines
        self._clock = clock
        self._shown = shown
        self._patience = deadlines.call
        self._synced: tuple[sync.Snapshot, ...] = ()
        self.on_connecting: list[Callable[[], None]] = []
        self.on_synced: list[Callable[[tuple[sync.Snapshot, ...], float], None]] = []
        self.on_beat: list[Callable[[], object]] = []
        self.due: list[Callable[[], float | None]] = []
        self._supervisor = Supervisor(
            self._attempt,
            self._probe,
            self._changed,
            policy,
            clock,
            pause,
            let_go=lambda why: self._sessions.drop(why),
            soon=self._next_look,
            replaced=self._replaced,
        )
        self._ids = ids(self._supervisor.pause)
        self._sessions = LiveSessions(self._ids, self._make_session)
        self._flow = EventFlow(listener, clock)
        self._telling = Succession(self._flow)
        self.watchers = self._flow.watchers

    # --- what the facade asks ------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._supervisor.state

    @property
    def accounts(self) -> tuple[Any, ...]:
        """The vendor's account objects, in the order they were added."""
        return self._accounts.all

    def open(self, wait: float) -> None:
        """Connect for the first time. Raises AttemptFailed; the connection must then be closed."""
        self._ids.sweep()
        self._supervisor.start(wait)
        self._sessions.note_queues()

    def ready(self) -> Session:
        """The live session. Raises NotConnected at once when there is none."""
        session = self._sessions.current
        if session is None or self.state is not State.READY:
            raise NotConnected(
                f"未连接到 MiniQMT（{self.state}，{self._supervisor.describe_down()}）；没有发送任何请求"
            )
        if not session.alive:
            raise NotConnected(
                "与 MiniQMT 的连接刚刚断开；没有发送任何请求，可用 user.wait_ready(秒数) 等待重连"
            )
        if not threading.main_thread().is_alive():
            raise NotConnected(policy.MAIN_THREAD_GONE)
        return session

    def ask(self, name: str, account: Any, *args: Any) -> list[Any]:
        """A list query. Raises NotConnected or QueryFailed."""
        return sync.list_of(self.ready(), name, account, *args)

    def asset(self, account: Any, longest: float | None = None) -> Any:
        """The account's asset object, within ``longest`` seconds if that is sooner. Raises NotConnected, QueryFailed."""
        call = self._deadlines.call
        return sync.asset_of(self.ready(), account, call if longest is None else min(call, longest))

    def wait_ready(self, timeout: float | None) -> bool:
        """Wait until READY."""
        return self._supervisor.wait_ready(timeout)

    def stop_reconnect(self) -> None:
        """No automatic reconnect from now on."""
        self._supervisor.stop_reconnect()

    def reconnect(self) -> None:
        """One attempt now."""
        self._supervisor.reconnect()

    def look_soon(self) -> None:
        """Something waits for the next probe, which may be due sooner than the heartbeat."""
        self._supervisor.look_soon()

    def _next_look(self) -> float | None:
        return min((due for ask in tuple(self.due) if (due := ask()) is not None), default=None)

    def later(self, call: Callable[..., object], *args: Any) -> None:
        """Run a call on the dispatcher thread, after the events that came so far."""
        self._flow.later(call, *args)

    def when_ready(self, call: Callable[..., object], *args: Any) -> None:
        """Run a call on the dispatcher thread while the connection is READY, now or later."""
        self._flow.when_ready(call, *args)

    def drain(self, seconds: float) -> bool:
        """Wait until the events that came so far have been handled; inside a handler there is no waiting."""
        return self._telling.drain(seconds)

    def has(self, account: Any) -> bool:
        """Whether the account is one of the connection's."""
        return self._accounts.has(account)

    def add(self, account: Any) -> bool:
        """One more account, from now on and after each reconnect; what it already has is not news.

        False when it is there already, perhaps by another thread a moment ago. Raises NotConnected,
        ConnectionLost, SessionFailed or QueryFailed; the account is then not added.
        """
        session = self.ready()
        # Before it is subscribed: a reconnect that begins now must not leave it out.
        if not self._accounts.add(account):
            return False
        try:
            session.subscribe(account)
            for about_to in tuple(self.on_connecting):
                _isolated("读取委托日志", about_to)
            started = self._clock.now()
            found = sync.snapshot(session, account)
            self._flow.added(found)
            for told in tuple(self.on_synced):
                _isolated("核对以前的委托", told, (found,), started)
        except BaseException:
            self.remove(account)
            raise
        return True

    def remove(self, account: Any) -> None:
        """Without this account from now on and after each reconnect. Never raises, whatever the terminal says."""
        if self._sessions.ended or not self._accounts.remove(account):
            return
        self._flow.removed(account)
        session = self._sessions.current
        if session is not None and session.alive:
            session.unsubscribe(account)

    def follow(self, before: Connection) -> None:
        """Tell nothing before a connection that was closed has told everything: two threads never call at once."""
        self._telling.follow(before._telling)

    def close(self) -> bool:
        """Stop everything; True when every thread has ended. Whatever interrupts one step, the others are done."""
        ended = stopped = told = False
        try:
            self._supervisor.halt()
            # Ends whatever an attempt or a probe is waiting for.
            self._sessions.end("连接已关闭")
            ended = self._supervisor.stop(self._deadlines.connect + self._deadlines.stop)
        finally:
            try:
                stopped = self._sessions.drop("连接已关闭")
            finally:
                told = self._telling.stop(self._deadlines.stop)
        return told and ended and stopped

    # --- attempts, on the supervisor's thread --------------------------------------------------

    def _attempt(self, number: int, generation: int) -> None:
        self._sessions.set_aside()
        try:
            self._connect(number, generation)
        except BaseException:
            self._sessions.drop_old()
            raise

    def _connect(self, number: int, generation: int) -> None:
        path = self._path
        if not os.path.isdir(path):
            # Starting a client there would create the folder, and 72 MiB in it.
            raise AttemptFailed(f"路径不存在：{path}")
        if why := too_many_hang(path):
            raise AttemptFailed(why)
        logged = worth_telling(number)
        if logged and number:
            logger.info("正在连接到 MiniQMT...")
        session = self._new_session(generation)
        if logged:
            logger.info("创建 XtQuantTrader 实例，会话ID: {}", session.session_id)
            logger.info("正在尝试连接...")
        try:
            accounts, found, started = self._synchronise(session)
        except BaseException as error:
            self._sessions.drop(str(error))
            if isinstance(error, (SessionFailed, QueryFailed)):
                raise AttemptFailed(str(error)) from error
            raise
        for told in tuple(self.on_synced):
            _isolated("核对断线期间的委托", told, found, started)
        if not session.alive:
            self._sessions.drop("连接在同步过程中断开")
            raise AttemptFailed("连接在同步过程中断开")
        self._synced, self._patience = found, self._deadlines.call
        self._sessions.none_hangs()
        for account in accounts:
            logger.info("✓ 成功连接到 MiniQMT, 账号: {}", self._shown(account.account_id))
            logger.info("✓ 已订阅账户: {}", self._shown(account.account_id))

    def _synchronise(self, session: Session) -> tuple[tuple[Any, ...], tuple[sync.Snapshot, ...], float]:
        accounts = self.accounts
        session.open(accounts, connected=self._supervisor.syncing)
        for about_to in tuple(self.on_connecting):
            _isolated("读取委托日志", about_to)
        started = self._clock.now()
        try:
            found = tuple(
                sync.named(self._shown, sync.snapshot, session, each, self._patience) for each in accounts
            )
        except QueryFailed:
            if session.overdue:
                self._patience = more_patient(self._patience)
            raise
        return accounts, found, started

    def _new_session(self, generation: int) -> Session:
        try:
            session = self._sessions.new(generation)
        except (ConnectError, OSError) as error:
            raise AttemptFailed(str(error)) from error
        if session is None:
            raise Halted
        return session

    def _make_session(self, session_id: int, generation: int) -> Session:
        return Session(
            self._vendor,
            self._path,
            session_id,
            generation,
            deadlines=self._deadlines,
            push=self._flow.pushed,
            lost=self._lost,
            shown=self._shown,
        )

    def _replaced(self) -> None:
        """READY: whoever waits to hear it comes before the end of the old session, but only for a moment."""
        self._flow.drain(_HEARD_FIRST)
        self._sessions.note_queues()  # not before READY: it reads and writes files
        self._sessions.drop_old()

    def _probe(self) -> str:
        self._flow.warn_if_late()
        session = self._sessions.current
        if session is None or not session.alive:
            return "会话已失效"
        try:
            for account in self.accounts:
                sync.named(self._shown, sync.asset_of, session, account)
        except QueryFailed as error:
            return f"心跳失败：{error}"
        for beat in tuple(self.on_beat):
            _isolated("心跳", beat)
        return ""

    def _changed(self, change: StateChange) -> None:
        found, self._synced = self._synced, ()
        session = self._sessions.current
        self._flow.step(change, found, 0 if session is None else session.generation)

    # --- from the vendor's push thread: only set flags -------------------------------------------

    def _lost(self, generation: int, why: str) -> None:
        self._supervisor.report_lost(why, generation)


def _isolated(what: str, call: Callable[..., object], *args: Any) -> None:
    """Bookkeeping beside the connection: when it fails, the connection must come up all the same."""
    try:
        call(*args)
    except Exception as error:
        log_failure("ERROR", f"{what}时出现意外错误", error)
