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

import copy
import pickle
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

    Errors of this package cross processes (pickle) and are copied with all that they carry.
    """

    sent: bool | None = False

    @property
    def safe_to_resend(self) -> bool:
        """Whether the same call may be repeated without risk of doubling an order."""
        return self.sent is False

    # An exception is made anew from its ``args`` alone, which ours that take keywords cannot be: a process pool
    # that meets such an error loses its worker's answer, or never ends.
    def __reduce__(self) -> tuple[Any, ...]:
        args = tuple(_portable(each) for each in self.args)
        return _restore, (type(self), args), {name: _portable(each) for name, each in _carried(self).items()}

    def __copy__(self) -> EasytraderQmtError:
        return _restored(type(self), self.args, _carried(self))

    def __deepcopy__(self, memo: dict[int, Any]) -> EasytraderQmtError:
        made = memo[id(self)] = _restore(type(self), tuple(_own_copy(each, memo) for each in self.args))
        made.__setstate__({name: _own_copy(each, memo) for name, each in _carried(self).items()})
        return made


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
    """An order had not come to its end when the wait was over.

    ``order`` is its row; None when the counter lists no such order today, and ``sent`` is None then: nobody
    knows what the number was of.
    """

    sent: bool | None = True

    def __init__(self, message: str, *, order: dict[str, Any] | None) -> None:
        super().__init__(message)
        self.order = order
        if order is None:
            self.sent = None


_MOST_SHOWN = 80


def shown(value: object) -> str:
    """A value as it stands in an error's text: its repr, cut at 80 characters; never raises."""
    try:
        text = repr(value)
    except Exception:  # a repr may raise anything; that of a whole number with 5,000 digits does
        text = f"<{type(value).__name__}>"
    return text if len(text) <= _MOST_SHOWN else f"{text[: _MOST_SHOWN - 3]}..."


_PLAIN = (type(None), bool, int, float, str, bytes)
_OF_IMPORTS = ("msg", "name", "path")
"""What an ImportError keeps beside its ``__dict__``."""


def _restore(kind: type[EasytraderQmtError], args: tuple[Any, ...]) -> EasytraderQmtError:
    """An error with nothing but its ``args``, without its class being asked to make it."""
    made: EasytraderQmtError = kind.__new__(kind, *args)
    made.args = args
    return made


def _restored(
    kind: type[EasytraderQmtError], args: tuple[Any, ...], state: dict[str, Any]
) -> EasytraderQmtError:
    made = _restore(kind, args)
    made.__setstate__(state)
    return made


def _carried(error: EasytraderQmtError) -> dict[str, Any]:
    """The attributes an error has beside its ``args``."""
    also = _OF_IMPORTS if isinstance(error, ImportError) else ()
    return {**vars(error), **{name: getattr(error, name) for name in also}}


def _portable(value: Any) -> Any:
    """The value, or what it looks like where it would not survive the way to another process."""
    if type(value) in _PLAIN:
        return value
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:  # what a user passed may raise anything here
        return shown(value)
    return value


def _own_copy(value: Any, memo: dict[int, Any]) -> Any:
    """A deep copy, or the very value where it has none, such as a lock or a generator."""
    try:
        return copy.deepcopy(value, memo)
    except Exception:
        return value
