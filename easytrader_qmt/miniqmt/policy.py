"""How a connection is kept: the states, the waits and when to give up. Decides, never acts.

Never sleeps and never reads a clock; randomness comes from outside.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from easytrader_qmt.errors import InvalidArgument, shown

MAIN_THREAD_GONE = (
    "程序的主线程已经结束，xtquant 收不到应答和推送；没有发送任何请求。"
    "请让主线程等到最后，例如 while thread.is_alive(): thread.join(1)"
)
"""Python stops every executor when the main thread ends. What is not led past xtquant's (see ``straight``) is lost
then: a user's own callbacks, and everything with a copy whose executor is not as known."""


class State(str, Enum):
    """Where a connection stands; compares equal to its name, as in ``user.state == 'READY'``."""

    STOPPED = "STOPPED"
    CONNECTING = "CONNECTING"
    SYNCING = "SYNCING"
    READY = "READY"
    LOST = "LOST"
    GAVE_UP = "GAVE_UP"

    def __str__(self) -> str:
        return self.value


@dataclass(frozen=True)
class StateChange:
    """One step of the state machine. ``attempt`` counts the reconnects of this outage, from 1.

    ``next_attempt_in`` is in seconds: 0 when an attempt follows at once, None when none is due.
    """

    state: State
    previous: State
    reason: str = ""
    attempt: int = 0
    next_attempt_in: float | None = None


_FOR_EVER = 1e9
"""Seconds; whoever asks for more has mistaken the unit."""
LONGEST_WAIT = 2e6
"""Seconds, some 23 days, that any wait takes at most: on Windows twice as much is more than a lock can wait."""
LEAST_WAIT = 0.1
"""Seconds between two attempts at least: with an interval of 0 a missing path would be a busy loop."""


LONGEST_SNAPSHOT = 60.0
"""Seconds that a query of a snapshot may take at most, however often it was given up before."""


@dataclass(frozen=True)
class ReconnectPolicy:
    """When to try again.

    ``interval`` seconds between attempts; with ``backoff`` the wait doubles from ``interval`` up to
    ``backoff`` seconds, with jitter. ``max_attempts`` 0 means for ever. ``heartbeat`` seconds between probes
    of a quiet connection, 0 for none.
    """

    enabled: bool = True
    interval: float = 5.0
    max_attempts: int = 0
    backoff: float | None = None
    heartbeat: float = 30.0
    rng: random.Random = field(default_factory=random.Random, compare=False, repr=False)

    def wait(self, attempt: int) -> float:
        """Seconds to wait after the failed attempt number ``attempt`` (from 1)."""
        if self.backoff is None:
            return max(LEAST_WAIT, self.interval)
        # 2.0 ** 60 seconds is already past any cap; a larger exponent would overflow after a long outage.
        steady = min(self.backoff, self.interval * 2.0 ** min(attempt - 1, 60))
        return max(LEAST_WAIT, steady * self.rng.uniform(0.5, 1.0))

    def describe_limit(self) -> str:
        """The attempt limit as the log shows it."""
        return "无限" if self.max_attempts == 0 else f"{self.max_attempts} 次"


def more_patient(seconds: float) -> float:
    """How long a query of a snapshot may take after one of the attempt before was given up, in seconds.

    A list that the terminal needs longer for than a call may take would otherwise never get READY.
    """
    return max(seconds, min(2 * seconds, LONGEST_SNAPSHOT))


def describe_down(state: State, auto: bool, down_for: float | None, due_in: float | None) -> str:
    """For how long a connection has been down and when the next attempt is, in Chinese; times in seconds."""
    parts = [] if down_for is None else [f"已断开 {down_for:.0f} 秒"]
    if state is State.GAVE_UP:
        parts.append("已停止自动重连，可调用 user.reconnect() 再试")
    elif state in (State.CONNECTING, State.SYNCING):
        parts.append("正在重连")
    elif not auto:
        parts.append("未启用自动重连，可调用 user.reconnect() 重连")
    elif due_in is not None:
        parts.append(f"下一次重连在 {max(0.0, due_in):.0f} 秒后")
    else:
        parts.append("即将重连")
    return "，".join(parts)


def worth_telling(attempt: int) -> bool:
    """Whether an attempt is logged: the first three, then ever fewer, so that ten hours stay a page of log."""
    return attempt <= 3 or attempt & (attempt - 1) == 0 or attempt % 500 == 0


def seconds(name: str, value: Any, *, least: float = 0.0, zero_ok: bool = True) -> float:
    """A number of seconds, LONGEST_WAIT for more, or InvalidArgument naming the argument, the value and the rule."""
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _FOR_EVER
    if not good or value < least or (value == 0 and not zero_ok):
        rule = f"不小于 {least:g}" if zero_ok else "大于 0"
        raise InvalidArgument(f"{name}={shown(value)} 无效：应为{rule}、小于 {_FOR_EVER:.0f} 的秒数")
    return min(float(value), LONGEST_WAIT)


def count(name: str, value: Any) -> int:
    """A whole number that is not negative, or InvalidArgument."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InvalidArgument(f"{name}={shown(value)} 无效：应为不小于 0 的整数（0 表示不限）")
    return value


def flag(name: str, value: Any) -> bool:
    """A bool, or InvalidArgument: a string such as ``"false"`` from a file must not count as true."""
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name}={shown(value)} 无效：应为 True 或 False")
    return value
