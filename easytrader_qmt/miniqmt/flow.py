"""The stream of events of one connection: what a push or a snapshot adds, told once and in order.

Pushes are taken from the vendor's thread and told on the dispatcher's. They wait while the connection is not
READY, so that a handler's own calls find one. Never talks to the terminal, never builds a row.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

from loguru import logger

from easytrader_qmt.clock import Clock, day_number, shanghai
from easytrader_qmt.events import Dispatcher, isolated
from easytrader_qmt.miniqmt.mirror import Mirror
from easytrader_qmt.miniqmt.policy import State, StateChange
from easytrader_qmt.miniqmt.sync import Snapshot

_KEPT_DAYS = 7
_MOST_EARLY = 100_000
_CLOSED_FROM = 16
"""The hour (Asia/Shanghai) from which on nothing trades any more."""
_CHECKED = frozenset({"on_stock_order", "on_stock_trade", "on_order_error"})
"""Pushes of which the mirror knows whether they are news, however late they come."""
_LASTING = _CHECKED | {"on_cancel_error"}
"""Pushes that no later state outdates: a refused cancel stays refused, and no snapshot tells of it."""


class Listener(Protocol):
    """Who is told what happens; every method runs on the dispatcher thread."""

    def arrived(self, method: str, args: tuple[Any, ...]) -> None:
        """A push came, whether or not it is news and can be told yet."""
        ...

    def heard(self, method: str, args: tuple[Any, ...], recovered: bool) -> None:
        """A push that is news, by the vendor's method name."""
        ...

    def state_changed(self, change: StateChange) -> None:
        """The connection took a step."""
        ...


class _Push(NamedTuple):
    generation: int
    method: str
    args: tuple[Any, ...]


class EventFlow:
    """One connection's events, for one or more accounts."""

    def __init__(self, listener: Listener, clock: Clock) -> None:
        self._listener = listener
        self._clock = clock
        self._mirror = Mirror()
        self._dispatcher = Dispatcher()
        self._early: list[_Push] = []
        self._held: list[tuple[Callable[..., object], tuple[Any, ...]]] = []
        self._dropped = 0
        self._flowing = False
        self._primed: set[tuple[str, Any]] = set()
        self._day = 0
        self._lost_at = clock.now()
        self.watchers: list[Callable[[str, tuple[Any, ...]], None]] = []

    # --- from any thread: only enqueue ---------------------------------------------------------

    def pushed(self, generation: int, method: str, args: tuple[Any, ...]) -> None:
        """The vendor's push thread brings a push."""
        self._dispatcher.post(self._take, _Push(generation, method, args))

    def step(self, change: StateChange, found: tuple[Snapshot, ...] = (), generation: int = 0) -> None:
        """The connection took a step; to READY with what ``generation``'s session found."""
        if change.state is State.READY:
            self._dispatcher.post(self._resume, change, found, generation)
        else:
            self._dispatcher.post(self._suspend, change)

    def added(self, snapshot: Snapshot) -> None:
        """An account was added to a READY connection; what it already has is not news."""
        self._dispatcher.post(self._merge, snapshot)

    def removed(self, account: Any) -> None:
        """An account has left: what it has when it is added again is not news."""
        self._dispatcher.post(self._primed.discard, (account.account_id, account.account_type))

    def later(self, call: Callable[..., object], *args: Any) -> None:
        """Run a call on the dispatcher thread, after the events that came so far."""
        self._dispatcher.post(call, *args)

    def when_ready(self, call: Callable[..., object], *args: Any) -> None:
        """Run a call on the dispatcher thread as soon as pushes are told, so while the connection is READY."""
        self._dispatcher.post(self._hold, call, args)

    def drain(self, seconds: float) -> bool:
        """Wait until the events that came so far have been handled."""
        return self._dispatcher.drain(seconds)

    def warn_if_late(self) -> None:
        """Say once when handlers cannot keep up."""
        self._dispatcher.warn_if_late()

    def stop(self, seconds: float) -> bool:
        """End after what is queued; True when the thread has ended or is the caller's own."""
        return self._dispatcher.stop(seconds)

    # --- on the dispatcher's thread ------------------------------------------------------------

    def _suspend(self, change: StateChange) -> None:
        if self._flowing:
            self._lost_at = self._clock.now()
        self._flowing = False
        isolated("连接状态变化", self._listener.state_changed, change)
        if change.next_attempt_in is None and change.state in (State.LOST, State.GAVE_UP, State.STOPPED):
            # Nobody knows when the next READY will be: what was said must not wait for it.
            self._tell_early(None)

    def _resume(self, change: StateChange, found: tuple[Snapshot, ...], generation: int) -> None:
        """Tell that the connection is READY, what its snapshot adds, then what was pushed meanwhile."""
        isolated("连接状态变化", self._listener.state_changed, change)
        if self._primed and self._missed_a_close():
            logger.warning(
                "断线跨过了收盘和 0 点：柜台只列出当日的委托和成交，其间的成交和委托结果没有补报，请与交割单核对"
            )
        self._forget()
        for snapshot in found:
            isolated("断线期间的变化", self._merge, snapshot)
        self._flowing = True
        self._tell_early(generation)

    def _missed_a_close(self) -> bool:
        """Whether the outage that ends now began on an earlier day, before its close, or lasted for days."""
        days = self._today() - day_number(self._lost_at)
        return days > 1 or (days == 1 and shanghai(self._lost_at).hour < _CLOSED_FROM)

    def _merge(self, snapshot: Snapshot) -> None:
        account = (snapshot.account_id, snapshot.account_type)
        known = account in self._primed
        self._primed.add(account)  # first: whatever goes wrong below, the next snapshot's changes are news
        odd: list[Exception] = []
        changes = self._mirror.snapshot(snapshot.orders, snapshot.trades, self._today(), odd)
        if known:
            for change in changes:
                self._tell(f"on_stock_{change.kind}", (change.record,), True)
        if odd:
            logger.warning("终端返回的委托、成交中有 {} 条无法识别，没有补报：{!r}", len(odd), odd[0])

    def _tell_early(self, generation: int | None) -> None:
        """Tell what was held back; of an older session than ``generation`` only what cannot be outdated."""
        held, self._held = self._held, []
        for call, args in held:
            # Not posted: at the end of a connection nothing that is posted now would still run.
            isolated("等待连接恢复的事件", call, *args)
        early, self._early = self._early, []
        if self._dropped:
            logger.warning("断线期间的推送过多，{} 条资金、持仓类推送没有转达", self._dropped)
            self._dropped = 0
        for push in early:
            if push.method in _LASTING or generation is None or push.generation >= generation:
                isolated(push.method, self._news, push)

    def _hold(self, call: Callable[..., object], args: tuple[Any, ...]) -> None:
        if self._flowing:
            call(*args)
        else:
            self._held.append((call, args))

    def _take(self, push: _Push) -> None:
        isolated(push.method, self._listener.arrived, push.method, push.args)
        if self._flowing:
            self._news(push)
        elif len(self._early) < _MOST_EARLY or push.method in _LASTING:
            self._early.append(push)
        else:
            self._dropped += 1

    def _news(self, push: _Push) -> None:
        if self._is_news(push.method, push.args):
            self._tell(push.method, push.args, False)

    def _tell(self, method: str, args: tuple[Any, ...], recovered: bool) -> None:
        """Each listener by itself: one that fails must not cost another, or a later event, its turn."""
        for watcher in tuple(self.watchers):
            isolated(method, watcher, method, args)
        isolated(method, self._listener.heard, method, args, recovered)

    def _is_news(self, method: str, args: tuple[Any, ...]) -> bool:
        today = self._today()
        if today != self._day:
            self._forget()
        if method == "on_stock_order":
            return self._mirror.order(args[0], today)
        if method == "on_stock_trade":
            return self._mirror.trade(args[0], today)
        if method == "on_order_error":
            return self._mirror.error(args[0], today)
        return True

    def _today(self) -> int:
        return day_number(self._clock.now())

    def _forget(self) -> None:
        self._day = self._today()
        self._mirror.forget_before(self._day - _KEPT_DAYS)
