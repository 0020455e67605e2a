"""Every error a user of this package can meet, and whether it is safe to send again.

    EasytraderQmtError                 .sent: False nothing left this process, True the counter has it,
    │                                         None unknown: ask the counter before sending again
    ├── InvalidArgument (ValueError)   a bad argument of use/connect/prepare or of a query; nothing was done
    ├── NativeClientMissing (ImportError)  xtquant cannot trade on this machine
    ├── ConnectError                   the terminal could not be reached; carries the findings
    ├── QueryFailed                    the counter gave no believable answer (never shown as "empty")
    └── TradeError                     everything about one order
        ├── InvalidOrder (ValueError)  refused here, before sending: names field, value, rule, nearest
        ├── NotConnected               no connection now; nothing was sent, nothing is queued
        ├── JournalError               the order journal cannot be written; nothing was sent
        ├── OrderRejected              the counter refused (only with raise_on_reject=True)
        ├── OrderInDoubt               sent, and no answer came: it may be live
        └── OrderNotFinal (TimeoutError)   waited for an order's end in vain; carries its row

This module never logs and never imports the rest of the package.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "ConnectError",
    "EasytraderQmtError",
    "InvalidArgument",
    "InvalidOrder",
    "JournalError",
    "NativeClientMissing",
    "NotConnected",
    "OrderInDoubt",
    "OrderNotFinal",
    "OrderRejected",
    "QueryFailed",
    "TradeError",
    "shown",
]


class EasytraderQmtError(Exception):
    """Base of all errors raised by this package.

    ``sent`` answers "may I send it again?": ``False`` nothing left this process, so yes;
    ``True`` the counter has seen it, so sending again is a second order; ``None`` unknown,
    so ask the counter first.
    """

    sent: bool | None = False

    @property
    def safe_to_resend(self) -> bool:
        """Whether the same call may be repeated without risk of doubling an order."""
        return self.sent is False


class InvalidArgument(EasytraderQmtError, ValueError):
    """An argument that cannot be right; nothing was done with it."""


class NativeClientMissing(EasytraderQmtError, ImportError):
    """xtquant's native client cannot be loaded here, so no real terminal can be reached."""


class ConnectError(EasytraderQmtError):
    """The terminal could not be reached. ``findings`` holds what was checked, seen and advised."""

    def __init__(self, message: str, findings: tuple[Any, ...] = ()) -> None:
        super().__init__(message)
        self.findings = findings


class QueryFailed(EasytraderQmtError):
    """A query brought no believable answer. An empty list is never returned in its place."""


class TradeError(EasytraderQmtError):
    """Base of all errors about an order; what easytrader's bots catch as ``exceptions.TradeError``."""


class InvalidOrder(TradeError, ValueError):
    """An order refused before sending.

    ``field`` and ``value`` say what was wrong, ``rule`` which rule it broke, and ``nearest`` is the
    nearest valid value where there is one.
    """

    def __init__(self, message: str, *, field: str, value: object, rule: str, nearest: object = None) -> None:
        super().__init__(message)
        self.field = field
        self.value = value
        self.rule = rule
        self.nearest = nearest


class NotConnected(TradeError):
    """There is no connection at the moment. Nothing was sent and nothing is queued for later."""


class JournalError(TradeError):
    """The order journal cannot be written, so the order was not sent."""


class OrderRejected(TradeError):
    """The counter refused the order. ``code`` is the number in its text, where it has one."""

    sent = True

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        self.code = code


class OrderInDoubt(TradeError):
    """The order was sent and no answer came. It may be live; it is never sent again by itself.

    ``client_order_id`` and ``remark`` are what the counter's order list can be searched for.
    """

    sent = None

    def __init__(self, message: str, *, client_order_id: str = "", remark: str = "") -> None:
        super().__init__(message)
        self.client_order_id = client_order_id
        self.remark = remark


class OrderNotFinal(TradeError, TimeoutError):
    """An order had not come to its end when the wait was over. ``order`` is its row, None if there is none."""

    sent = True

    def __init__(self, message: str, *, order: dict[str, Any] | None) -> None:
        super().__init__(message)
        self.order = order


_MOST_SHOWN = 80


def shown(value: object) -> str:
    """A value as it stands in an error's text: its repr, cut at 80 characters; never raises."""
    try:
        text = repr(value)
    except Exception:  # a repr may raise anything; that of a whole number with 5,000 digits does
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."
