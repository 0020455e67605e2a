"""The counter that the contenders are measured on: it answers at once, or after a set time, and keeps no book.

It stands behind the same stand-in for the native client as the simulated terminal does, so the vendor's own
Python layer runs unmodified above it. Lists are made once, as native structs, and handed out again with each
query: what the stand-in pays to build them is nobody's merit and in nobody's number.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from easytrader_qmt.sim.delivery import Answer
from easytrader_qmt.sim.faults import DelayLine, Message
from easytrader_qmt.sim.layer import native_module
from easytrader_qmt.sim.native import ClientSettings, ClientSide
from easytrader_qmt.sim.structs import Struct

ACCOUNT = "1000001"
STOCK = 2
_NO_STRUCTS: Mapping[str, Any] = MappingProxyType({})
_LISTS = {
    "queryStockOrders": "bindOnQueryStockOrdersCallback",
    "queryStockTrades": "bindOnQueryStockTradesCallback",
    "queryStockPositions": "bindOnQueryStockPositionsCallback",
    "queryStockAsset": "bindOnQueryStockAssetCallback",
}
_OPENED_AT = 1_700_000_000


class BenchCounter:
    """One endpoint. ``delay`` seconds between a request and its answer; ``up`` False refuses every connect."""

    def __init__(self, home: str | Path, *, delay: float = 0.0) -> None:
        self.home = str(home)
        Path(self.home).mkdir(parents=True, exist_ok=True)
        self.delay = delay
        self.up = True
        self.orders_taken = 0
        self.clients: list[Any] = []
        self.client_settings = ClientSettings(connect_timeout=0.001, sleep=time.sleep)
        self._numbers = itertools.count(1)
        self._later = DelayLine(_say, time.monotonic)
        self._lists: dict[str, list[Struct]] = {name: [] for name in _LISTS}
        self._lists["queryStockAsset"] = [_struct("XtAsset", _asset())]
        self._lock = threading.Lock()

    def hold(self, orders: int = 0, positions: int = 0, trades: int = 0) -> None:
        """From now on the lists have that many rows."""
        self._lists["queryStockOrders"] = [_struct("XtOrder", order_row(n)) for n in range(orders)]
        self._lists["queryStockPositions"] = [
            _struct("XtPosition", position_row(n)) for n in range(positions)
        ]
        self._lists["queryStockTrades"] = [_struct("XtTrade", trade_row(n)) for n in range(trades)]

    def drop(self) -> None:
        """End every connection and say so to the clients."""
        with self._lock:
            clients, self.clients = self.clients, []
        for client in clients:
            client.dropped(True)

    # --- what the stand-in asks ----------------------------------------------------------------

    def attach(self, client: ClientSide, session: int) -> bool:
        """A client connects."""
        with self._lock:
            if self.up:
                self.clients.append(client)
            return self.up

    def detach(self, client: ClientSide) -> None:
        """A client stops."""
        with self._lock:
            self.clients = [one for one in self.clients if one is not client]

    def request(self, client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        """Answer a request."""
        payload: Any = self._lists.get(name, 0)
        if name == "orderStock":
            self.orders_taken += 1
            payload = {
                "account_id": fields["account_id"],
                "account_type": STOCK,
                "order_id": next(self._numbers),
                "strategy_name": fields["strategy_name"],
                "order_remark": fields["order_remark"],
                "error_msg": "",
            }
        if self.delay > 0:
            self._later.put(self.delay, (Message(client, name, seq, payload),))
        else:
            _say(Message(client, name, seq, payload))

    def push_order(self, number: int) -> None:
        """Push one order to every client, as a native struct made in advance would arrive."""
        for client in self.clients:
            client.push("order", order_row(number))


def _say(message: Message) -> None:
    bind = _LISTS.get(message.name)
    if bind is None:
        message.client.answer(message.name, message.seq, message.payload)
    elif message.client.delivery is not None:
        # Past the row form: the structs are there already, so they pass as they are.
        message.client.delivery.put(Answer(bind, "int", Struct), (message.seq,), message.payload)


def _struct(name: str, row: Mapping[str, Any]) -> Struct:
    made: Struct = getattr(native_module(), name)._of(row)
    return made


def _asset() -> dict[str, Any]:
    return {
        "account_type": STOCK, "account_id": ACCOUNT, "cash": 9e6, "frozen_cash": 0.0,
        "market_value": 1e6, "total_asset": 1e7, "fetch_balance": 9e6,
    }  # fmt: skip


def _code(number: int) -> str:
    return f"{600000 + number % 3000}.SH"


def order_row(number: int) -> dict[str, Any]:
    """One order of the day; orders differ as a day's orders do."""
    return {
        "account_type": STOCK, "account_id": ACCOUNT, "stock_code": _code(number), "order_id": number + 1,
        "order_sysid": f"8{number:09}", "order_time": _OPENED_AT + number, "order_type": 23 + number % 2,
        "order_volume": 100 * (1 + number % 50), "price_type": 50, "price": 10.0 + number % 700 / 100,
        "traded_volume": 100, "traded_price": 10.0 + number % 700 / 100, "order_status": 55,
        "status_msg": "", "strategy_name": "", "order_remark": "", "direction": 48, "offset_flag": 48,
        "secu_account": "A123456789", "instrument_name": f"股票{number % 3000}",
    }  # fmt: skip


def position_row(number: int) -> dict[str, Any]:
    """One position."""
    return {
        "account_type": STOCK, "account_id": ACCOUNT, "stock_code": f"{600000 + number}.SH",
        "volume": 100 * (1 + number % 90), "can_use_volume": 100, "open_price": 9.5 + number % 300 / 100,
        "market_value": 1000.0 + number, "frozen_volume": 0, "on_road_volume": 0, "yesterday_volume": 100,
        "avg_price": 9.5 + number % 300 / 100, "direction": 48, "instrument_name": f"股票{number % 3000}",
        "last_price": 10.0, "profit_rate": 0.01, "float_profit": 12.5, "secu_account": "A123456789",
    }  # fmt: skip


def trade_row(number: int) -> dict[str, Any]:
    """One trade."""
    return {
        "account_type": STOCK, "account_id": ACCOUNT, "stock_code": _code(number), "order_type": 23,
        "traded_id": f"T{number}", "traded_time": _OPENED_AT + number, "traded_price": 10.0,
        "traded_volume": 100, "traded_amount": 1000.0, "order_id": number + 1,
        "order_sysid": f"8{number:09}", "strategy_name": "", "order_remark": "", "direction": 48,
        "offset_flag": 48, "commission": 5.0, "secu_account": "A123456789", "instrument_name": "",
    }  # fmt: skip
