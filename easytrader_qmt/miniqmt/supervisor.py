"""The reconnect thread and its state machine: keeps a connection READY whenever the terminal is there.

    STOPPED → CONNECTING → SYNCING → READY → LOST → CONNECTING …      GAVE_UP after the last attempt

Never touches the vendor itself (``attempt`` and ``probe`` do), never runs more than one attempt at a time,
and never waits in a way that ``stop`` could not end at once. tenacity holds the policy.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable

from loguru import logger
from tenacity import RetryCallState, Retrying, retry_if_exception_type

from easytrader_qmt.clock import Clock
from easytrader_qmt.failure_lines import log_failure
from easytrader_qmt.miniqmt.pause import EventPause, Pause
from easytrader_qmt.miniqmt.policy import LEAST_WAIT, ReconnectPolicy, State, StateChange, worth_telling
from easytrader_qmt.miniqmt.standing import Standing

__all__ = ["AttemptFailed", "EventPause", "Halted", "Pause", "Supervisor"]

_BY_HAND = "手动重连"


class AttemptFailed(Exception):
    """One attempt to connect did not succeed; the text says why."""


class Halted(Exception):
    """The supervisor was told to stop while an attempt was due."""


class Supervisor:
    """Runs ``attempt(number, generation)`` until it succeeds, then watches with ``probe()``.

    ``attempt`` raises AttemptFailed and calls ``syncing()`` on the way; ``probe`` returns why the connection
    is dead, or ``''``. ``changed`` is told every state change and must not block. ``let_go(why)`` ends a dead
    session that no attempt will replace; ``replaced()`` ends what is left of one that an attempt has replaced.
    """

    def __init__(
        self,
        attempt: Callable[[int, int], None],
        probe: Callable[[], str],
        changed: Callable[[StateChange], None],
        policy: ReconnectPolicy,
        clock: Clock,
        pause: Pause | None = None,
        let_go: Callable[[str], object] = lambda why: None,
        soon: Callable[[], float | None] = lambda: None,
        replaced: Callable[[], object] = lambda: None,
    ) -> None:
        self._attempt_once = attempt
        self._probe = probe
        self._changed = changed
        self._let_go = let_go
        self._soon = soon
        self._replaced = replaced
        self._policy = policy
        self._clock = clock
        self._pause = pause if pause is not None else EventPause()
        self._standing = Standing(policy.enabled, clock)
        self._number = 0
        self._first_error: AttemptFailed | None = None
        self._first_done = threading.Event()
        self._thread: threading.Thread | None = None
        self._starting = threading.RLock()  # whoever starts it may be interrupted by a handler that exits

    # --- what other threads ask ----------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the connection stands; LOST from the moment on when the loss is known."""
        return self._standing.state

    def start(self, wait: float = 0.0) -> None:
        """Connect for the first time; returns when READY. Raises AttemptFailed with the last reason.

        ``wait`` seconds are spent on further attempts, one each ``interval`` and a last one at their end;
        with 0 there is just one.
        """
        self._standing.begin()
        thread = threading.Thread(
            target=self._run, args=(wait,), name="easytrader-qmt supervisor", daemon=True
        )
        with self._starting:  # whoever stops it finds it started, or not there yet and told to end at once
            thread.start()
            self._thread = thread
        # In steps, because a wait without end cannot be interrupted from the keyboard on Windows.
        while not self._first_done.wait(1.0):
            pass
        if self._first_error is not None:
            raise self._first_error

    def halt(self) -> None:
        """Begin to end: no further attempt, and any wait is over."""
        self._standing.halt()
        self._pause.wake()

    def stop(self, seconds: float) -> bool:
        """End the thread. True when it has ended, or is the caller's own and will."""
        self.halt()
        with self._starting:
            thread = self._thread
        if thread is None or threading.current_thread() is thread:
            return True
        thread.join(seconds)
        return not thread.is_alive()

    def stop_reconnect(self) -> None:
        """No automatic reconnect from now on; a wait under way ends at once."""
        self._standing.stop_auto()
        self._pause.wake()

    def reconnect(self) -> None:
        """Make one attempt now, whatever the state and whatever the policy says."""
        self._standing.force()
        self._pause.wake()

    def report_lost(self, why: str, generation: int | None = None) -> None:
        """The live session is gone. Several reports of one outage count once.

        A report about another ``generation`` than the current one is about a session that was replaced.
        """
        if self._standing.lose(why, generation):
            self._pause.wake()

    def syncing(self) -> None:
        """An attempt has connected and begins to ask for the state."""
        self._enter(State.SYNCING, attempt=self._number)

    def wait_ready(self, timeout: float | None) -> bool:
        """Wait until READY; False after ``timeout`` seconds, or at once when nothing will ever get there."""
        return self._standing.wait_ready(timeout)

    def describe_down(self) -> str:
        """For how long the connection has been down and when the next attempt is, in Chinese."""
        return self._standing.describe_down()

    # --- the thread ----------------------------------------------------------------------------

    def _run(self, wait: float) -> None:
        reason = ""
        try:
            self._first(wait)
            self._keep()
        except Halted:
            if not self._first_done.is_set():
                self._first_error = AttemptFailed("连接过程中被停止")
        except AttemptFailed as error:
            self._first_error, reason = error, str(error)
        except BaseException as error:
            # A log sink that raises, a bridge that calls sys.exit(): connect() must not seem to have succeeded.
            reason = f"意外错误：{error!r}"
            if not self._first_done.is_set():
                self._first_error = AttemptFailed(reason)
        finally:
            try:
                self._enter(State.STOPPED, reason)
            finally:
                self._end_first()

    def _first(self, wait: float) -> None:
        deadline = self._clock.monotonic() + wait

        def left() -> float:
            return deadline - self._clock.monotonic()

        def step(call: RetryCallState) -> float:
            return max(LEAST_WAIT, min(self._policy.interval, left()))

        self._number = -1  # the first attempt is no reconnect and has the number 0
        self._retrying(lambda call: left() <= 0, step)(self._attempt)
        self._enter(State.READY, "首次连接成功", self._number)
        self._end_first()

    def _end_first(self) -> None:
        self._standing.first_over()
        self._first_done.set()

    def _keep(self) -> None:
        """From the first READY to the end."""
        why = ""
        while True:
            try:
                outage, why = why or self._watch(), ""
                self._outage(outage)
            except Halted:
                raise
            except BaseException as error:
                # Whatever went wrong here, a bot must not be left without anybody who reconnects it: not by a
                # log sink that raises either.
                with contextlib.suppress(Exception):
                    log_failure("ERROR", "重连线程出现意外错误，将继续重连", error)
                why = f"意外错误：{error}"
                self._sleep(self._policy.wait(1))

    def _watch(self) -> str:
        """Sit beside a connection until it is lost or to be made anew; the reason. Raises Halted."""
        standing, beat = self._standing, self._policy.heartbeat or None
        while True:
            if standing.stopping:
                raise Halted
            if standing.forced:
                return _BY_HAND
            if standing.loss:
                return standing.loss
            # READY, or at rest: LOST without automatic reconnects, or GAVE_UP.
            live = standing.state is State.READY
            rest = self._rest(beat) if live else None
            self._pause.wait(rest)
            if rest is not None and standing.quiet():
                self._beat()

    def _rest(self, beat: float | None) -> float | None:
        """Seconds until the next probe: the heartbeat's, or sooner where something waits to be looked at."""
        soon = self._soon()
        return min((each for each in (beat, soon) if each is not None), default=None)

    def look_soon(self) -> None:
        """Something waits to be looked at: reckon anew when the next probe is due."""
        self._pause.wake()

    def _beat(self) -> None:
        try:
            why = self._probe()
        except Exception as error:
            log_failure("ERROR", "心跳出现意外错误", error)
            why = f"心跳失败：{error}"
        if why:
            self.report_lost(why, self._standing.generation)

    def _outage(self, why: str) -> None:
        """From the loss of a connection to READY again, or to the end of the attempts."""
        fresh, auto, forced = self._standing.down()
        if fresh:
            if why != _BY_HAND:
                logger.warning("MiniQMT 连接已断开")
            self._enter(State.LOST, why, next_in=0.0 if auto or forced else None)
        if not (auto or forced):
            logger.warning("未启用自动重连，连接保持断开：{}", why)
            self._let_go(why)
            return
        if auto:
            logger.info("准备触发自动重连...")
        self._number = 0
        try:
            self._retrying(self._give_up, self._next_wait)(self._attempt)
        except AttemptFailed as error:
            reason = "已达到最大重连次数" if self._standing.auto else "自动重连未启用或已停止"
            logger.error("{}，不再重连；最后一次失败的原因：{}", reason, error)
            self._surrender(f"{reason}：{error}")
        except Halted:
            if self._standing.stopping:
                raise
            logger.warning("自动重连已停止")
            self._surrender("自动重连已停止")
        else:
            self._enter(State.READY, "重连成功", self._number)
            logger.info("重连成功！")
            try:
                self._replaced()
            except BaseException as error:  # a log sink, say: the new connection is none the worse for it
                with contextlib.suppress(Exception):
                    log_failure("ERROR", "结束旧会话时出现意外错误", error)

    def _surrender(self, reason: str) -> None:
        self._let_go(reason)
        self._enter(State.GAVE_UP, reason, self._number)

    def _retrying(
        self, stop: Callable[[RetryCallState], bool], wait: Callable[[RetryCallState], float]
    ) -> Retrying:
        return Retrying(
            sleep=self._sleep,
            stop=stop,
            wait=wait,
            retry=retry_if_exception_type(AttemptFailed),
            before_sleep=self._failed,
            reraise=True,
        )

    def _give_up(self, call: RetryCallState) -> bool:
        limit = self._policy.max_attempts
        return not self._standing.auto or (limit > 0 and call.attempt_number >= limit)

    def _next_wait(self, call: RetryCallState) -> float:
        return self._policy.wait(call.attempt_number)

    def _failed(self, call: RetryCallState) -> None:
        """Between a failed attempt and the wait for the next one."""
        wait = call.next_action.sleep if call.next_action is not None else 0.0
        error = call.outcome.exception() if call.outcome is not None else None
        self._standing.next_attempt_at = self._clock.monotonic() + wait
        self._enter(State.LOST, str(error), self._number, wait)

    def pause(self, seconds: float) -> None:
        """Let ``seconds`` pass inside an attempt. Raises Halted as soon as the supervisor must stop."""
        if not self._let_pass(seconds, self._standing.must_stop):
            raise Halted

    def _sleep(self, seconds: float) -> None:
        """Wait for the next attempt; a stop, ``stop_reconnect`` or ``reconnect`` ends it at once."""
        self._let_pass(seconds, self._standing.must_wake)
        self._standing.next_attempt_at = None

    def _let_pass(self, seconds: float, over: Callable[[], bool]) -> bool:
        """True once ``seconds`` have passed, False as soon as ``over()``. Other wakes are slept through."""
        until = self._clock.monotonic() + seconds
        while (left := until - self._clock.monotonic()) > 0:
            if over():
                return False
            self._pause.wait(left)
        return True

    def _attempt(self) -> None:
        first = not self._first_done.is_set()
        if not self._standing.may_attempt() and (self._standing.stopping or not first):
            raise Halted
        if not first and worth_telling(self._number + 1):
            logger.warning("第 {} 次重连尝试 (间隔 {:g} 秒)...", self._number + 1, self._policy.interval)
        try:
            self._attempt_now()
        finally:
            self._standing.attempt_over()

    def _attempt_now(self) -> None:
        self._number += 1
        told = worth_telling(self._number)
        generation = self._standing.next_generation()
        self._enter(State.CONNECTING, attempt=self._number)
        try:
            self._attempt_once(self._number, generation)
            if self._standing.lost:
                raise AttemptFailed(self._standing.lost)
        except AttemptFailed as error:
            if self._standing.stopping:
                raise Halted from None
            if told:
                logger.warning("连接 MiniQMT 失败：{}", error)
            raise
        except Halted:
            raise
        except BaseException as error:
            if told:
                log_failure("ERROR", "连接过程中出现意外错误", error)
            raise AttemptFailed(f"意外错误：{error}") from error

    def _enter(self, state: State, reason: str = "", attempt: int = 0, next_in: float | None = None) -> None:
        previous = self._standing.enter(state)
        if previous is not state:
            self._changed(StateChange(state, previous, reason, attempt, next_in))
