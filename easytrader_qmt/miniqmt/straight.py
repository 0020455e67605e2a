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
from typing import Any

from loguru import logger

__all__ = ["Arrival", "Straight", "lead_straight"]

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

    def submit(self, call: Callable[..., Any], /, *args: Any) -> None:
        """Run a call, now or on the usual worker. Nobody in the layer asks for its result."""
        if not self._is_ours(call):
            self._usual.submit(call, *args)
            return
        # Nobody has seen the native client call from two threads at once, and nobody has promised it never does.
        with self._turn:
            try:
                call(*args)
            except Exception as error:
                logger.opt(exception=error).debug("xtquant 处理应答或推送时抛出异常")

    def _is_ours(self, call: Any) -> bool:
        if type(call) is Arrival:
            return True
        name = getattr(call, "__qualname__", "")
        if name.startswith(_PUSHES):
            # A user who registers a callback object on the bare trader gets the vendor's thread for it.
            return self._trader.callback is self._receiver
        if name.startswith(_WAITED):
            return True
        # Some callbacks are wrapped in a function of the layer's that takes one row out of a list.
        cells = getattr(call, "__closure__", None) or ()
        return any(type(cell.cell_contents) is Arrival for cell in cells)

    def shutdown(self, wait: bool = True) -> None:
        """As the usual one's."""
        self._usual.shutdown(wait=wait)


def lead_straight(trader: Any, receiver: object) -> None:
    """Have a started XtQuantTrader call ``receiver``, its callback object, without a second thread.

    One whose executor is not what it is known to be, of an old copy or another module with its API, keeps it.
    """
    usual: Any = getattr(trader, "executor", None)
    if getattr(trader, "resp_executor", None) is usual and isinstance(usual, Executor):
        trader.executor = trader.resp_executor = Straight(usual, trader, receiver)
