"""easytrader's verbs on 迅投 MiniQMT: ``user = use('miniqmt')``, or ``use('sim')`` where no terminal exists.

Importing this package does nothing: no network, no files, no log sinks, no threads, and no pandas.
"""

from __future__ import annotations

from easytrader_qmt import exceptions
from easytrader_qmt._version import __version__
from easytrader_qmt.api import use
from easytrader_qmt.errors import (
    ConnectError,
    EasytraderQmtError,
    InvalidArgument,
    InvalidOrder,
    JournalError,
    NativeClientMissing,
    NotConnected,
    OrderInDoubt,
    OrderNotFinal,
    OrderRejected,
    QueryFailed,
    TradeError,
)
from easytrader_qmt.records import Records

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
    "Records",
    "TradeError",
    "__version__",
    "exceptions",
    "use",
]
