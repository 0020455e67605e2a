"""Where a connection stands and what was asked of it: the part of the supervisor that every thread may touch.

Never acts: the supervisor's thread does. Nothing here waits, except ``wait_ready``.
"""

from __future__ import annotations

import threading
import time

from easytrader_qmt.clock import Clock
from easytrader_qmt.miniqmt.policy import State, describe_down

_STEP = 1.0
"""Seconds of one wait: a wait without end cannot be interrupted from the keyboard on Windows."""


class Standing:
    """Flags under one lock. ``auto``: whether lost connections are made anew without being asked."""

    def __init__(self, auto: bool, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Condition()
        self._state = State.STOPPED
        self._begun = False  # connect() was called
        self._first_over = False  # and has returned, or is about to
        self._forcing = False  # an attempt that was asked for is under way
        self._generation = 0
        self._down_since: float | None = None
        self.auto = auto
        self.stopping = False
        self.forced = False  # an attempt was asked for and has not begun
        self.lost = ""  # why the session of this generation is dead
        self.next_attempt_at: float | None = None

    # --- asked by anybody ----------------------------------------------------------------------

    @property
    def state(self) -> State:
        """Where the connection stands; LOST from the moment on when the loss is known."""
        # Without the lock, for every order: a loss is noted before the state leaves READY, and forgotten only
        # after it has left, so whoever reads the loss first never sees a lost connection as READY.
        lost, state = self.lost, self._state
        return State.LOST if state is State.READY and lost else state

    @property
    def loss(self) -> str:
        """Why a READY connection is dead; ``''`` when it lives, and when it was not READY anyway."""
        with self._lock:
            return self.lost if self._state is State.READY else ""

    @property
    def generation(self) -> int:
        """Which session is the current one."""
        return self._generation

    def lose(self, why: str, generation: int | None) -> bool:
        """The session is gone; False when that is known, or is said of a session that was replaced."""
        with self._lock:
            if self.lost or (generation is not None and generation != self._generation):
                return False
            self.lost = why
            self._note_down()
            return True

    def halt(self) -> None:
        """No attempt from now on."""
        with self._lock:
            self.stopping = True
            self._lock.notify_all()

    def stop_auto(self) -> None:
        """No automatic attempt from now on."""
        with self._lock:
            self.auto = False

    def force(self) -> None:
        """One attempt is wanted now."""
        with self._lock:
            self.forced = True

    def wait_ready(self, timeout: float | None) -> bool:
        """Wait until READY; False after ``timeout`` seconds, or at once when nothing will ever get there."""
        until = None if timeout is None else time.monotonic() + timeout
        with self._lock:
            while not (self._settled() or self._hopeless()):
                left = _STEP if until is None else min(_STEP, until - time.monotonic())
                if left <= 0:
                    break
                self._lock.wait(left)
            return self._settled()

    def _settled(self) -> bool:
        return self._state is State.READY and not self.lost and not self.forced

    def _hopeless(self) -> bool:
        if self.stopping:
            return True  # also while an attempt that was asked for is still under way
        if self.forced or self._forcing or (self._begun and not self._first_over):
            return False
        return self._state in (State.STOPPED, State.GAVE_UP) or (self._state is State.LOST and not self.auto)

    def describe_down(self) -> str:
        """For how long the connection has been down and when the next attempt is, in Chinese."""
        state, down, due, now = self.state, self._down_since, self.next_attempt_at, self._clock.monotonic()
        return describe_down(
            state,
            self.auto or self.forced or not self._first_over,
            None if down is None else now - down,
            None if due is None else due - now,
        )

    # --- told by the supervisor's thread -------------------------------------------------------

    def begin(self) -> None:
        """The first connect begins."""
        with self._lock:
            self._begun = True
            self._note_down()

    def first_over(self) -> None:
        """The first connect has succeeded or failed."""
        with self._lock:
            self._first_over = True
            self._lock.notify_all()

    def enter(self, state: State) -> State:
        """Take a step; returns the state before."""
        with self._lock:
            previous, self._state = self._state, state
            if state is State.READY:
                self.forced = False
                if not self.lost:
                    self._down_since = None
            elif state is State.STOPPED:
                # Nobody is left who could fulfil the wish for an attempt.
                self.forced = self._forcing = False
            self._lock.notify_all()
            return previous

    def down(self) -> tuple[bool, bool, bool]:
        """The connection counts as down: whether this is fresh, attempts are automatic, one is wanted."""
        with self._lock:
            self._note_down()
            return self._state is State.READY, self.auto, self.forced

    def may_attempt(self) -> bool:
        """Whether a reconnect may begin; a wish for one is then fulfilled by it."""
        with self._lock:
            self._forcing, self.forced = self.forced, False
            return not self.stopping and (self.auto or self._forcing)

    def attempt_over(self) -> None:
        """The attempt that was wanted has ended."""
        with self._lock:
            self._forcing = False

    def next_generation(self) -> int:
        """A new session replaces the old one, whose loss is no longer of interest."""
        with self._lock:
            self._generation += 1
            self.lost = ""
            return self._generation

    def must_stop(self) -> bool:
        """Whether an attempt under way must end."""
        with self._lock:
            return self.stopping or not (self.auto or self._forcing or not self._first_over)

    def must_wake(self) -> bool:
        """Whether the wait for the next attempt is over before its time."""
        with self._lock:
            return self.stopping or self.forced or (self._first_over and not self.auto)

    def quiet(self) -> bool:
        """Whether nothing is known or wanted that a live connection would have to react to."""
        with self._lock:
            return not (self.stopping or self.lost or self.forced)

    def _note_down(self) -> None:
        if self._down_since is None:
            self._down_since = self._clock.monotonic()
