"""The only object the vendor calls: it enqueues and returns.

Runs on the vendor's single push thread, so it never queries, never logs and never calls a user's handler:
a synchronous call from here would deadlock the vendor's layer for good.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

RESPONSES = frozenset({"on_order_stock_async_response", "on_cancel_order_stock_async_response"})
"""Answers to requests of ours; everything else the vendor calls is a push."""


class PushReceiver:
    """Takes every method the vendor calls on a callback object, now or in a later version.

    ``push(method, args)`` must only enqueue; ``response(method, response)`` must only settle a reply;
    ``lost()`` must only set flags.
    """

    def __init__(
        self,
        push: Callable[[str, tuple[Any, ...]], None],
        response: Callable[[str, Any], None],
        lost: Callable[[], None],
    ) -> None:
        self._push = push
        self._response = response
        self._lost = lost

    def on_connected(self) -> None:
        """Nothing: READY is told as on_connected. The vendor's layer never calls it; a bridge's that does
        would make the user hear each connection twice."""

    def on_disconnected(self) -> None:
        """The terminal says goodbye."""
        self._lost()

    def on_order_stock_async_response(self, response: Any) -> None:
        """An order was answered."""
        self._response("on_order_stock_async_response", response)

    def on_cancel_order_stock_async_response(self, response: Any) -> None:
        """A cancel was answered."""
        self._response("on_cancel_order_stock_async_response", response)

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("on_"):
            raise AttributeError(name)

        def received(*args: Any) -> None:
            self._push(name, args)

        # Kept on the instance: __getattr__ is then asked once for each kind of push, not for each push.
        self.__dict__[name] = received
        return received
