"""The reconnect thread and its state machine: keeps a connection READY whenever the terminal is there.

    STOPPED → CONNECTING → SYNCING → READY → LOST → CONNECTING …      GAVE_UP after the last attempt

Never touches the vendor itself (``attempt`` and ``probe`` do), never runs more than one attempt at a time,
and never waits in a way that ``stop`` could not end at once. tenacity holds the policy.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from loguru import logger
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from easytrader_qmt.clock import Clock
from easytrader_qmt.miniqmt.policy import ReconnectPolicy, State, StateChange, worth_telling


class AttemptFailed(Exception):
    """One attempt to connect did not succeed; the text says why."""


class Halted(Exception):
    """The supervisor was told to stop while an attempt was due."""


class Pause(Protocol):
    """A wait that can be ended from another thread."""

    def wait(self, seconds: float | None) -> None:
        """Let ``seconds`` pass (None: for ever), or less when woken."""
        ...

    def wake(self) -> None:
        """End the wait, or the next one if none is under way."""
        ...


class EventPause:
    """A Pause on a threading.Event."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def wait(self, seconds: float | None) -> None:
        """Let ``seconds`` pass, or less when woken."""
        self._event.wait(seconds)
        self._event.clear()

    def wake(self) -> None:
        """End the wait."""
        self._event.set()


class Supervisor:
    """Runs ``attempt(number)`` until it succeeds, then watches with ``probe()``.

    ``attempt`` raises AttemptFailed and calls ``syncing()`` on the way; ``probe`` returns why the connection
    is dead, or ``''``. ``changed`` is told every state change and must not block.
    """

    def __init__(
        self,
        attempt: Callable[[int], None],
        probe: Callable[[], str],
        changed: Callable[[StateChange], None],
        policy: ReconnectPolicy,
        clock: Clock,
        pause: Pause | None = None,
    ) -> None:
        self._attempt_once = attempt
        self._probe = probe
        self._changed = changed
        self._policy = policy
        self._clock = clock
        self._pause = pause if pause is not None else EventPause()
        self._lock = threading.Condition()
        self._state = State.STOPPED
        self._auto = policy.enabled
        self._stopping = False
        self._forced = False
        self._forcing = False
        self._lost = ""
        self._first_error: AttemptFailed | None = None
        self._first_done = threading.Event()
        self._down_since: float | None = None
        self._next_attempt_at: float | None = None
        self._thread: threading.Thread | None = None

    # --- what other threads ask ----------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the connection stands."""
        return self._state

    def start(self, wait: float = 0.0) -> None:
        """Connect for the first time; returns when READY. Raises AttemptFailed with the last reason.

        ``wait`` seconds are spent on further attempts, one each ``interval``; with 0 there is just one.
        """
        self._thread = threading.Thread(
            target=self._run, args=(wait,), name="easytrader-qmt supervisor", daemon=True
        )
        self._thread.start()
        # In steps, because a wait without end cannot be interrupted from the keyboard on Windows.
        while not self._first_done.wait(1.0):
            pass
        if self._first_error is not None:
            raise self._first_error

    def stop(self, seconds: float) -> bool:
        """End the thread. True when it has ended, or is the caller's own and will."""
        with self._lock:
            self._stopping = True
        self._pause.wake()
        thread = self._thread
        if thread is None or threading.current_thread() is thread:
            return True
        thread.join(seconds)
        return not thread.is_alive()

    def stop_reconnect(self) -> None:
        """No automatic reconnect from now on; a wait under way ends at once."""
        with self._lock:
            self._auto = False
        self._pause.wake()

    def reconnect(self) -> None:
        """Make one attempt now, whatever the state and whatever the policy says."""
        with self._lock:
            self._forced = True
        self._pause.wake()

    def report_lost(self, why: str) -> None:
        """The live session is gone. Several reports of one outage count once."""
        with self._lock:
            if self._lost:
                return
            self._lost = why
        self._pause.wake()

    def syncing(self) -> None:
        """An attempt has connected and begins to ask for the state."""
        self._enter(State.SYNCING)

    def wait_ready(self, timeout: float | None) -> bool:
        """Wait until READY; False after ``timeout`` seconds, or at once when nothing will ever get there."""
        with self._lock:
            self._lock.wait_for(lambda: self._state is State.READY or self._hopeless(), timeout)
            return self._state is State.READY

    def _hopeless(self) -> bool:
        if self._forced:
            return False
        resting = self._state is State.LOST and not self._auto
        return resting or self._state in (State.GAVE_UP, State.STOPPED)

    def describe_down(self) -> str:
        """For how long the connection has been down and when the next attempt is, in Chinese."""
        down, due = self._down_since, self._next_attempt_at
        parts = []
        if down is not None:
            parts.append(f"已断开 {self._clock.monotonic() - down:.0f} 秒")
        if self._state is State.GAVE_UP:
            parts.append("已停止自动重连，可调用 user.reconnect() 再试")
        elif not self._auto:
            parts.append("未启用自动重连，可调用 user.reconnect() 重连")
        elif due is not None:
            parts.append(f"下一次重连在 {max(0.0, due - self._clock.monotonic()):.0f} 秒后")
        else:
            parts.append("正在重连")
        return "，".join(parts)

    # --- the thread ----------------------------------------------------------------------------

    def _run(self, wait: float) -> None:
        try:
            self._first(wait)
            while not self._stopping:
                why = self._watch()
                if why:
                    self._outage(why)
        except Halted:
            if not self._first_done.is_set():
                self._first_error = AttemptFailed("连接过程中被停止")
        except AttemptFailed as error:
            self._first_error = error
        finally:
            self._enter(State.STOPPED)
            self._first_done.set()

    def _first(self, wait: float) -> None:
        deadline = self._clock.monotonic() + wait
        step = self._policy.interval

        def over(call: RetryCallState) -> bool:
            return wait <= 0 or self._clock.monotonic() + step > deadline

        self._down_since = self._clock.monotonic()
        self._retrying(over, lambda call: step)(self._attempt, 0)
        self._ready("首次连接成功", 0)
        self._first_done.set()

    def _watch(self) -> str:
        """Sit beside a live connection until it is lost, forced anew, or the thread must end."""
        beat = self._policy.heartbeat or None
        while True:
            with self._lock:
                if self._stopping:
                    return ""
                if self._lost:
                    return self._lost
                if self._forced:
                    return "手动重连"
            if self._state is not State.READY:
                self._pause.wait(None)
                continue
            self._pause.wait(beat)
            with self._lock:
                quiet = not (self._stopping or self._lost or self._forced)
            if quiet and beat is not None:
                why = self._probe()
                if why:
                    self.report_lost(why)

    def _outage(self, why: str) -> None:
        """From the loss of a connection to READY again, or to the end of the attempts."""
        with self._lock:
            self._lost = ""
            auto, forced = self._auto, self._forced
        if self._down_since is None:
            self._down_since = self._clock.monotonic()
            if why != "手动重连":
                logger.warning("MiniQMT 连接已断开")
            self._enter(State.LOST, why)
        if not auto and not forced:
            logger.warning("未启用自动重连，连接保持断开：{}", why)
            self._enter(State.LOST, why)
            return
        if auto:
            logger.info("准备触发自动重连...")
        attempts = iter(range(1, 1 << 62))
        try:
            self._retrying(self._give_up, self._next_wait)(lambda: self._reattempt(next(attempts)))
        except AttemptFailed as error:
            reason = "已达到最大重连次数" if self._auto else "自动重连已停止"
            logger.error("{}，不再重连；最后一次失败的原因：{}", reason, error)
            self._enter(State.GAVE_UP, f"{reason}：{error}")
            return
        except Halted:
            if self._stopping:
                raise
            logger.warning("自动重连已停止")
            self._enter(State.GAVE_UP, "自动重连已停止")
            return
        self._ready("重连成功", next(attempts) - 1)
        logger.info("重连成功！")

    def _retrying(
        self, stop: Callable[[RetryCallState], bool], wait: Callable[[RetryCallState], float]
    ) -> Retrying:
        return Retrying(
            sleep=self._sleep,
            stop=stop,
            wait=wait,
            retry=retry_if_exception_type(AttemptFailed),
            reraise=True,
        )

    def _give_up(self, call: RetryCallState) -> bool:
        limit = self._policy.max_attempts
        return not self._auto or (limit > 0 and call.attempt_number >= limit)

    def _next_wait(self, call: RetryCallState) -> float:
        return self._policy.wait(call.attempt_number)

    def pause(self, seconds: float) -> None:
        """Let ``seconds`` pass inside an attempt. Raises Halted as soon as the supervisor must stop."""
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            with self._lock:
                if self._stopping or not (self._auto or self._forcing or not self._first_done.is_set()):
                    raise Halted
            self._pause.wait(left)

    def _sleep(self, seconds: float) -> None:
        with self._lock:
            if self._stopping or self._forced:
                return
        self._next_attempt_at = self._clock.monotonic() + seconds
        self._pause.wait(seconds)
        self._next_attempt_at = None

    def _reattempt(self, number: int) -> None:
        with self._lock:
            forced, self._forced = self._forced, False
            self._forcing = forced
            if self._stopping or not (self._auto or forced):
                raise Halted
        if worth_telling(number):
            logger.warning("第 {} 次重连尝试 (间隔 {:g} 秒)...", number, self._policy.interval)
        self._attempt(number)

    def _attempt(self, number: int) -> None:
        with self._lock:
            if self._stopping:
                raise Halted
            self._lost = ""
        self._enter(State.CONNECTING, attempt=number)
        try:
            self._attempt_once(number)
        except Halted:
            raise
        except AttemptFailed as error:
            if worth_telling(number):
                logger.warning("连接 MiniQMT 失败：{}", error)
            self._enter(State.LOST, str(error), number)
            raise
        except Exception as error:
            logger.exception("连接过程中出现意外错误")
            self._enter(State.LOST, str(error), number)
            raise AttemptFailed(f"意外错误：{error}") from error

    def _ready(self, reason: str, attempt: int) -> None:
        self._down_since = None
        with self._lock:
            self._forced = False
        self._enter(State.READY, reason, attempt)

    def _enter(self, state: State, reason: str = "", attempt: int = 0) -> None:
        with self._lock:
            previous, self._state = self._state, state
            self._lock.notify_all()
        if previous is not state:
            self._changed(StateChange(state, previous, reason, attempt))
