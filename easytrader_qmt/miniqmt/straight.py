"""What the vendor's layer hears, handed on by the native thread that brings it, without a second thread.

The layer passes every answer and push to an executor with one worker, so that a user's callback may take its time.
Ours only enqueues or settles: there the hop buys nothing, and costs every order and query a thread switch. This
takes the place of the executor of one XtQuantTrader, runs what ends in our own code at once and one at a time, as
the worker would, and leaves all else to the executor it stands for. It never runs a user's code, never lets an
exception out, and never touches the layer's own code.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress
from typing import Any

from easytrader_qmt.failure_lines import log_failure

__all__ = ["Arrival", "Straight", "lead_straight"]

_LAYER = "XtQuantTrader."
_PUSHES = "XtQuantTrader.__init__.<locals>.on_push_"
"""How the layer names what it does with a push or an order's response before it calls its callback object."""
_WAITED = "XtQuantTrader.common_op_sync_with_seq.<locals>."
"""How it names what it does with an answer that somebody waits for: it settles that wait and nothing else."""


class Arrival:
    """Where the answer to a query of ours goes; its type tells it from a user's own callback."""

    __slots__ = ("_take",)

    def __init__(self, take: Callable[[Any], object]) -> None:
        self._take = take

    def __call__(self, answer: Any) -> None:
        """The answer came."""
        self._take(answer)


class Straight:
    """An executor, as far as the vendor's layer uses one."""

    def __init__(self, usual: Executor, trader: Any, receiver: object) -> None:
        self._usual = usual
        self._trader = trader
        self._receiver = receiver
        self._turn = threading.Lock()

    def submit(self, call: Callable[..., Any], /, *args: Any) -> Any:
        """Run a call, now or on the usual worker; its future, or None where it has run. The layer asks for neither."""
        if not self._is_ours(call, args):
            return self._usual.submit(call, *args)
        # Nobody has seen the native client call from two threads at once, and nobody has promised it never does.
        with self._turn:
            try:
                call(*args)
                return None
            except Exception as error:
                failed = error
        # A user's log sink must not run here; without the worker the layer's own executor would say nothing either.
        with suppress(RuntimeError):
            self._usual.submit(_report, failed)
        return None

    def _is_ours(self, call: Any, args: tuple[Any, ...]) -> bool:
        if type(call) is Arrival:
            return True
        name = getattr(call, "__qualname__", "")
        if name.startswith(_PUSHES):
            # A user who registers a callback object on the bare trader gets the vendor's thread for it, also for
            # the response to what was sent while it was registered: who hears that is noted when it is sent.
            hears = self._trader.cbs.get(args[0]) if len(args) == 2 else None
            if hears is not None and getattr(hears, "__self__", None) is not self._receiver:
                return False
            return self._trader.callback is self._receiver
        if name.startswith(_WAITED):
            return True
        # Some callbacks are wrapped in a function of the layer's that takes one row out of a list.
        return name.startswith(_LAYER) and any(_is_arrival(cell) for cell in call.__closure__ or ())

    def shutdown(self, wait: bool = True) -> None:
        """As the usual one's."""
        self._usual.shutdown(wait=wait)


def _is_arrival(cell: Any) -> bool:
    try:
        return type(cell.cell_contents) is Arrival
    except ValueError:  # nothing in it yet
        return False


def _report(error: Exception) -> None:
    log_failure("DEBUG", "xtquant 处理应答或推送时抛出异常", error)


def lead_straight(trader: Any, receiver: object) -> None:
    """Have a started XtQuantTrader call ``receiver``, its callback object, without a second thread.

    One whose executor is not what it is known to be, of an old copy or another module with its API, keeps it.
    """
    usual: Any = getattr(trader, "executor", None)
    known = isinstance(getattr(trader, "cbs", None), dict) and getattr(trader, "resp_executor", None) is usual
    if known and isinstance(usual, Executor):
        trader.executor = trader.resp_executor = Straight(usual, trader, receiver)
