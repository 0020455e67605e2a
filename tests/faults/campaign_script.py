"""The script of faults of a campaign: drawn from the seed, and carried out on the link and the processes.

Never looks into the strategy, and never changes the counter's book but by moving the market.
"""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from easytrader_qmt.sim.link_home import LinkError
from tests.faults.campaign_intents import BASES, WANDER

KINDS = {
    "disconnect": 10,
    "silent disconnect": 10,
    "disconnect, queries bring None": 3,
    "freeze, answers come late": 6,
    "freeze, answers never come": 6,
    "order placed, response lost": 10,
    "order lost": 6,
    "order placed, answered with -1": 6,
    "everything late": 6,
    "pushes duplicated": 6,
    "pushes reordered": 6,
    "pushes replayed": 5,
    "connects refused": 5,
    "connect hangs": 2,
    "subscribe hangs": 2,
    "stop hangs": 2,
    "terminal killed": 8,
    "strategy killed": 8,
}
if sys.platform != "win32":
    KINDS["terminal stopped"] = 4
if sys.platform == "linux":
    KINDS["disk full under the journal"] = 5

HARMLESS = frozenset(
    {"pushes duplicated", "pushes reordered", "pushes replayed", "order placed, response lost", "order lost"}
    | {"order placed, answered with -1", "stop hangs", "disconnect", "silent disconnect"}
)
"""Faults during which the terminal can be reached, so that they excuse no wait for READY."""

_DISK_BYTES = 8192
_LONGEST = 1.4
_SAY_AGAIN = 0.1
"""Seconds until a terminal that did not hear the end of a fault is told again."""


@dataclass(frozen=True, slots=True)
class Fault:
    """``kind`` is due once ``at`` intents have an outcome, ``after`` seconds after the fault before it.

    It lasts ``seconds``; with ``upon`` it does not wait for the end of the one before it.
    """

    kind: str
    at: int
    seconds: float
    after: float
    upon: bool
    times: int


def drawn(seed: int, orders: int, faults: int) -> list[Fault]:
    """The same script for the same numbers."""
    rng = random.Random(f"faults {seed}")
    places = sorted(rng.randint(1, max(1, int(orders * 0.97))) for _ in range(faults))
    return [
        Fault(
            rng.choices(list(KINDS), list(KINDS.values()))[0],
            at,
            rng.uniform(0.05, _LONGEST),
            rng.uniform(0.0, 0.4),
            rng.random() < 0.35,
            rng.randint(1, 4),
        )
        for at in places
    ]


class Stage(Protocol):
    """What a script acts on: the two processes and the terminal's switches."""

    def control(self) -> Any: ...
    def kill_terminal(self) -> None: ...
    def start_terminal(self) -> None: ...
    def signal_terminal(self, number: int) -> None: ...
    def kill_strategy(self) -> None: ...
    def start_strategy(self) -> None: ...
    def limit_files(self, size: int | None) -> None: ...


class Script:
    """Carries a script out. ``log`` holds each fault's kind, beginning and end in Unix seconds."""

    def __init__(self, faults: list[Fault], stage: Stage) -> None:
        self._left = list(faults)
        self._stage = stage
        self._last = 0.0
        self._running: list[tuple[float, int, Callable[[], object]]] = []
        self.log: list[tuple[str, float, float]] = []

    @property
    def over(self) -> bool:
        """Whether everything was done and undone."""
        return not self._left and not self._running

    @property
    def idle(self) -> bool:
        """Whether no fault is under way."""
        return not self._running

    def step(self, outcomes: int) -> None:
        """Undo what is due, begin what is due."""
        now = time.monotonic()
        for each in [one for one in self._running if one[0] <= now]:
            self._running.remove(each)
            if not self._undone(each[1], each[2]):
                self._running.append((time.monotonic() + _SAY_AGAIN, *each[1:]))
        while self._left and self._is_due(self._left[0], outcomes, time.monotonic()):
            self._begin(self._left.pop(0))

    def _is_due(self, fault: Fault, outcomes: int, now: float) -> bool:
        waits = self._running and not fault.upon
        return outcomes >= fault.at and not waits and now >= self._last + fault.after

    def _begin(self, fault: Fault) -> None:
        number, began = len(self.log), time.time()
        self.log.append((fault.kind, began, began))
        undo = self._ways()[fault.kind](fault)
        self._last = time.monotonic()
        if undo is None:
            self.log[number] = (fault.kind, began, time.time())
        else:
            self._running.append((self._last + fault.seconds, number, undo))

    def _undone(self, number: int, undo: Callable[[], object]) -> bool:
        """End a fault. False when the terminal did not hear it: left as it is, it would stay frozen for good."""
        done = undo() is not False
        kind, began, _ = self.log[number]
        self.log[number] = (kind, began, time.time())
        return done

    # --- each kind: begins it, and returns what ends it ----------------------------------------

    def _ways(self) -> dict[str, Callable[[Fault], Callable[[], object] | None]]:
        say, stage = self._say, self._stage

        def told(call: str, *args: Any) -> None:
            say(call, *args)  # at once, so there is nothing to undo

        def switch(name: str, value: Any, normal: Any) -> Callable[[], object]:
            say("faults.set", name, value)
            return lambda: say("faults.set", name, normal)

        def freeze(drop: bool) -> Callable[[], object]:
            say("faults.freeze")
            return lambda: say("faults.thaw", drop)

        def hang(call: str) -> Callable[[], object]:
            say("faults.hang", call)
            say("faults.disconnect")
            return lambda: say("faults.release", call)

        def without_none() -> Callable[[], object]:
            undo = switch("answer_while_down", "none", "empty")
            say("faults.disconnect", False)
            return undo

        def refuse(times: int) -> None:
            say("faults.refuse_connects", times)
            say("faults.disconnect")

        def processes(begin: Callable[[], None], end: Callable[[], None]) -> Callable[[], None]:
            begin()
            return end

        return {
            "disconnect": lambda fault: told("faults.disconnect"),
            "silent disconnect": lambda fault: told("faults.disconnect", False),
            "disconnect, queries bring None": lambda fault: without_none(),
            "freeze, answers come late": lambda fault: freeze(False),
            "freeze, answers never come": lambda fault: freeze(True),
            "order placed, response lost": lambda fault: told("faults.lose_responses", fault.times),
            "order lost": lambda fault: told("faults.lose_responses", fault.times, False),
            "order placed, answered with -1": lambda fault: told("faults.deny_orders", fault.times),
            "everything late": lambda fault: switch("delay", fault.seconds, 0.0),
            "pushes duplicated": lambda fault: switch("duplicate", fault.times, 0),
            "pushes reordered": lambda fault: switch("reorder", True, False),
            "pushes replayed": lambda fault: told("faults.replay_pushes"),
            "connects refused": lambda fault: refuse(fault.times),
            "connect hangs": lambda fault: hang("connect"),
            "subscribe hangs": lambda fault: hang("subscribe"),
            "stop hangs": lambda fault: hang("stop"),
            "terminal killed": lambda fault: processes(stage.kill_terminal, stage.start_terminal),
            "strategy killed": lambda fault: processes(stage.kill_strategy, stage.start_strategy),
            "terminal stopped": lambda fault: processes(
                lambda: stage.signal_terminal(signal.SIGSTOP), lambda: stage.signal_terminal(signal.SIGCONT)
            ),
            "disk full under the journal": lambda fault: processes(
                lambda: stage.limit_files(_DISK_BYTES), lambda: stage.limit_files(None)
            ),
        }

    def _say(self, call: str, *args: Any) -> bool:
        """Tell the terminal; False when it is dead, stopped by another fault, or too slow to hear it."""
        try:
            with self._stage.control() as control:
                control.call(call, *args)
        except (LinkError, OSError):
            return False
        return True


class Exchange:
    """Moves the market all the time, so that resting orders fill whatever happens to clients."""

    def __init__(self, seed: int, stage: Stage) -> None:
        self._rng = random.Random(f"market {seed}")
        self._stage = stage
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="campaign exchange", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """The market stands still from now on."""
        self._over.set()
        self._thread.join(30.0)

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with self._stage.control() as control:
                    while not self._over.wait(0.03):
                        code = self._rng.choice(list(BASES))
                        fen = BASES[code] + self._rng.randint(-WANDER, WANDER)
                        control.market.set(code, last=fen / 100)
            except (LinkError, OSError):
                self._over.wait(0.1)
