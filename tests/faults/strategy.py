"""A strategy as a process of its own, which may end itself at an exact step of an order's way.

python strategy.py TERMINAL IDS... ; STAGE in the environment, one line of JSON for each order
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any

from loguru import logger

from easytrader_qmt.errors import OrderInDoubt
from easytrader_qmt.sim.trader import SimTrader

STAGES = ("begun", "sent", "arrived", "answered", "finished")


class SkippingClock:
    """The machine's time, except that a sleep is over at once and everything after it is later."""

    def __init__(self) -> None:
        self._skipped = 0.0

    def now(self) -> float:
        return time.time() + self._skipped

    def monotonic(self) -> float:
        return time.monotonic() + self._skipped

    def sleep(self, seconds: float) -> None:
        # Long enough to let others go on, and to be no busy loop.
        time.sleep(min(seconds, 0.005))
        self._skipped += max(0.0, seconds - 0.005)


def die(*_: Any, **__: Any) -> None:
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))
    threading.Event().wait()


def die_after(owner: Any, name: str) -> None:
    call = getattr(owner, name)

    def last(*args: Any, **words: Any) -> None:
        call(*args, **words)
        die()

    setattr(owner, name, last)


def arrange(user: SimTrader, stage: str) -> None:
    """Let this process end itself at a stage of its next order."""
    side = user._own()
    if stage == "begun":
        die_after(side.journal, "begin")
    elif stage == "sent":
        side.desk.answers.collect = die  # type: ignore[method-assign]
    elif stage == "arrived":
        user.on("order", die)
        side.desk.answers.collect = lambda *_: threading.Event().wait()  # type: ignore[assignment, method-assign]
    elif stage == "answered":
        side.journal.finish = die  # type: ignore[assignment, method-assign]
    elif stage == "finished":
        die_after(side.journal, "finish")


def place(user: SimTrader, name: str) -> dict[str, Any]:
    for _ in range(5):
        try:
            return user.buy("600036", 35.0, 100, client_order_id=name, remark="崩溃测试")
        except OrderInDoubt:
            user.wait_ready(20)
    return {"entrust_no": 0}


def say(line: object) -> None:
    sys.stdout.write(f"{json.dumps(line)}\n")
    sys.stdout.flush()


def main() -> None:
    logger.remove()
    user = SimTrader(clock=SkippingClock())
    user.connect(sys.argv[1], reconnect_interval=0.1, call_timeout=10, heartbeat_interval=0)
    arrange(user, os.environ.get("STAGE", ""))
    if os.environ.get("WAIT"):
        say("ready")
        sys.stdin.readline()
    for name in sys.argv[2:]:
        say({"id": name, **place(user, name)})
    user.exit()


if __name__ == "__main__":
    main()
