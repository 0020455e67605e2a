"""What can go wrong between a terminal and its clients, to be switched on by a test or a curious user.

Never breaks anything by itself: every fault is asked for. Never touches the counter's book; only what is said
about it.
"""

from __future__ import annotations

import random
import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from easytrader_qmt.sim.account_requests import Asked
from easytrader_qmt.sim.logged_out import refused

HANGING = ("connect", "subscribe", "stop")
SWITCHES = ("delay", "duplicate", "reorder", "answer_while_down")
"""What is switched by setting it; everything else is a call."""
Fate = Literal["unanswered", "lost", "denied"]
"""Of an order: placed without a response, arrived nowhere, or placed and answered with a bare -1."""


@dataclass(frozen=True)
class Message:
    """One thing a terminal says to one client: an answer (``seq`` >= 0) or a push."""

    client: Any
    name: str
    seq: int
    payload: Any

    @property
    def is_push(self) -> bool:
        """Whether nobody asked for it."""
        return self.seq < 0

    def say(self) -> None:
        """Hand it to the client, which only enqueues it."""
        if self.is_push:
            self.client.push(self.name, self.payload)
        else:
            self.client.answer(self.name, self.seq, self.payload)


@dataclass
class Faults:
    """The switches of one terminal. Set attributes or call methods at any time, from any thread.

    ``delay`` seconds hold back everything the terminal says; ``duplicate`` pushes are said that many times
    more; ``reorder`` shuffles what one request brings about, pushes before the response included;
    ``answer_while_down`` is ``'empty'`` or ``'none'``: what queries get while the client is not connected.
    Setting anything else raises AttributeError.
    """

    delay: float = 0.0
    duplicate: int = 0
    reorder: bool = False
    answer_while_down: str = "empty"
    rng: random.Random = field(default_factory=lambda: random.Random(0))
    _refuse: int = 0
    _frozen: bool = False
    _logged_out: str = ""
    _fates: deque[Fate] = field(default_factory=deque)
    _hang: dict[str, threading.Event] = field(default_factory=dict)
    _terminal: Any = None

    def __setattr__(self, name: str, value: Any) -> None:
        # A misspelt switch would leave the test that sets it without its fault, and passing.
        known = name in _FIELDS or (callable(value) and hasattr(type(self), name))
        if not known:
            raise AttributeError(f"仿真终端不能设置 faults.{name}，可设置：{'、'.join(SWITCHES)}")
        object.__setattr__(self, name, value)

    # --- switched by the user ------------------------------------------------------------------

    def disconnect(self, notify: bool = True) -> None:
        """Drop every client; without ``notify`` nobody is told, as terminals sometimes do."""
        self._terminal.drop_clients(notify)

    def refuse_connects(self, times: int) -> None:
        """Let the next ``times`` connects fail with -1."""
        self._refuse = times

    def freeze(self) -> None:
        """Accept every call and answer none, until ``thaw``."""
        self._frozen = True

    def thaw(self, drop: bool = False) -> None:
        """Work through what was asked while frozen, late; with ``drop`` forget it."""
        # Under the terminal's lock, or another's new request could come before what was asked earlier.
        self._terminal.work_off(drop, self._melt)

    def log_out(self, answer: str = "empty") -> None:
        """The account is logged out at the broker: connects succeed, but subscriptions, orders, transfers and
        the like are refused, and queries bring an ``'empty'`` list or ``'none'``, until ``log_in``.
        """
        if answer not in ("empty", "none"):
            raise ValueError(f"answer={answer!r} 无效，可选：empty、none")
        self._logged_out = answer

    def log_in(self) -> None:
        """The account is logged in again."""
        self._logged_out = ""

    def crash(self, notify: bool = True) -> None:
        """The terminal dies; the counter goes on and keeps its book. ``notify``: clients notice it."""
        self._terminal.crash(notify)

    def restart(self) -> None:
        """Start the terminal again, its state kept."""
        self._terminal.restart()

    def lose_responses(self, orders: int, placed: bool = True) -> None:
        """Lose the response of the next ``orders`` orders; without ``placed`` they do not arrive either."""
        self._fates.extend(["unanswered" if placed else "lost"] * orders)

    def deny_orders(self, orders: int) -> None:
        """Answer the next ``orders`` orders with -1 and no reason, although each is placed if it is in order."""
        self._fates.extend(["denied"] * orders)

    def replay_pushes(self) -> None:
        """Say every order and trade push of the day again, to every client."""
        self._terminal.replay()

    def hang(self, call: str) -> None:
        """Let ``connect``, ``subscribe`` or ``stop`` never come back, until ``release``."""
        if call not in HANGING:
            raise ValueError(f"不能挂起 {call!r}，可选：{'、'.join(HANGING)}")
        self._hang.setdefault(call, threading.Event())

    def release(self, call: str | None = None) -> None:
        """Let hung calls go on; all of them without a name."""
        for name in HANGING if call is None else (call,):
            waiting = self._hang.pop(name, None)
            if waiting is not None:
                waiting.set()

    def clear(self) -> None:
        """Switch everything off and let go of what was held."""
        self.release()
        self.delay, self.duplicate, self.reorder, self.answer_while_down = 0.0, 0, False, "empty"
        self._refuse, self._logged_out = 0, ""
        self._fates.clear()
        if self._frozen:
            self.thaw()

    def _melt(self) -> None:
        self._frozen = False

    # --- asked by the terminal -----------------------------------------------------------------

    @property
    def frozen(self) -> bool:
        """Whether calls are accepted and not answered."""
        return self._frozen

    @property
    def logged_out(self) -> bool:
        """Whether the account is logged out at the broker."""
        return bool(self._logged_out)

    def answer_logged_out(self, asked: Asked) -> Any:
        """What a request brings while the account is logged out."""
        return refused(asked, self._logged_out)

    def hanging(self, call: str) -> bool:
        """Whether ``call`` must not come back."""
        return call in self._hang

    def wait_while_hanging(self, call: str) -> None:
        """Stay here as long as ``call`` hangs. Called without any lock held."""
        waiting = self._hang.get(call)
        if waiting is not None:
            waiting.wait()

    def refuses_connect(self) -> bool:
        """Whether this connect fails; counts down."""
        if self._refuse <= 0:
            return False
        self._refuse -= 1
        return True

    def next_order(self) -> Fate | None:
        """What happens to this order; None: nothing special."""
        return self._fates.popleft() if self._fates else None

    def distort(self, messages: Sequence[Message]) -> list[Message]:
        """The same messages, duplicated and reordered as switched on."""
        said: list[Message] = []
        for message in messages:
            said.extend([message] * (1 + self.duplicate if message.is_push else 1))
        if self.reorder:
            self.rng.shuffle(said)
        return said


_FIELDS = frozenset(each.name for each in fields(Faults))


class DelayLine:
    """Says things later, in order, on a thread that exists only while there is something to say."""

    def __init__(self, say: Callable[[Message], None], monotonic: Callable[[], float]) -> None:
        self._say = say
        self._monotonic = monotonic
        self._due: deque[tuple[float, Message]] = deque()
        self._lock = threading.Condition()
        self._running = False

    def put(self, delay: float, messages: Sequence[Message]) -> None:
        """Say ``messages`` after ``delay`` seconds."""
        due = self._monotonic() + delay
        with self._lock:
            self._due.extend((due, message) for message in messages)
            if not self._running:
                self._running = True
                threading.Thread(target=self._run, name="sim delay", daemon=True).start()

    @property
    def empty(self) -> bool:
        """Whether nothing is held back."""
        return not self._due

    def _run(self) -> None:
        while True:
            with self._lock:
                if not self._due:
                    self._running = False
                    return
                due, message = self._due[0]
                left = due - self._monotonic()
                if left > 0:
                    self._lock.wait(left)
                    continue
                self._due.popleft()
            self._say(message)
