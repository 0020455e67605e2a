"""Bounds on what the vendor's layer remembers for ever: it keeps an entry for every order and every cancel.

Takes the place of the layer's own sets and dicts of one XtQuantTrader, with the same few operations. Never
changes what the layer decides about anything recent, and never touches the layer's code.
"""

from __future__ import annotations

from typing import Any

__all__ = ["KEPT", "Recent", "bound"]

KEPT = 50_000
"""Entries kept of each kind, far more than a day of orders below the reporting line of programme trading."""

# handled_async_order_stock_order_id: only asked about an error whose request still waits for its response; a
# response takes the request off that list before the number gets here, so an old entry decides nothing.
# queuing_order_errors_by…, queuing_cancel_errors_by…: errors held until a response comes. The second key of one
# that was delivered stays for ever, and so does the error of a cancel somebody else sent; after a terminal has
# begun its numbers anew, such a leftover is even taken for the error of a new order.
# handled_async_cancel_…: an error of a cancel comes within seconds of its response, so only the last ones matter.
_SETS = (
    "handled_async_order_stock_order_id",
    "handled_async_cancel_order_stock_order_id",
    "handled_async_cancel_order_stock_order_sys_id",
)
_DICTS = (
    "queuing_order_errors_byseq",
    "queuing_order_errors_byid",
    "queuing_cancel_errors_by_order_id",
    "queuing_cancel_errors_by_order_sys_id",
)


class Recent(dict[Any, Any]):
    """A dict, or with ``add`` and ``discard`` a set, that forgets what came first beyond ``kept`` entries.

    Used on the vendor's one push thread only.
    """

    def __init__(self, kept: int = KEPT) -> None:
        super().__init__()
        self._kept = kept

    def __setitem__(self, key: Any, value: Any) -> None:
        super().__setitem__(key, value)
        if len(self) > self._kept:
            # The older half at once: deleting the first entry each time would get slower and slower.
            for old in list(self)[: self._kept // 2]:
                del self[old]

    def add(self, key: Any) -> None:
        """Remember a key."""
        self[key] = None

    def discard(self, key: Any) -> None:
        """Forget a key, known or not."""
        self.pop(key, None)


def bound(trader: Any) -> None:
    """Bound the books of a new XtQuantTrader; one that has none, or not of these types, stays as it is."""
    for names, kind in ((_SETS, set), (_DICTS, dict)):
        for name in names:
            if type(getattr(trader, name, None)) is kind:
                setattr(trader, name, Recent())
