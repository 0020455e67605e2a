"""An order in doubt as ``user.in_doubt`` and the event of that name show it: plain values, fit for JSON.

It decides nothing.
"""

from __future__ import annotations

from typing import Any

from easytrader_qmt.journal_entries import Begun, Entry
from easytrader_qmt.miniqmt.outcomes import Told
from easytrader_qmt.orders import OrderRequest

__all__ = ["late_row", "row_of"]


def row_of(entry: Entry, outcome: str, order_id: int, message: str) -> dict[str, Any]:
    """An order as the journal has it."""
    return {
        "client_order_id": entry.client_order_id,
        "outcome": outcome,
        "entrust_no": order_id,
        "message": message,
        "stock_code": entry.stock_code,
        "order_type": entry.order_type,
        "price": entry.price,
        "amount": entry.amount,
        "remark": entry.user_remark,
        "sent_remark": entry.remark,
        "account_id": entry.account_id,
    }


def late_row(begun: Begun, request: OrderRequest, told: Told, account_id: str) -> dict[str, Any]:
    """An order whose answer came after its deadline."""
    return {
        "client_order_id": told.client_order_id,
        "outcome": told.outcome,
        "entrust_no": told.order_id,
        "message": told.message,
        "stock_code": request.stock_code,
        "order_type": request.order_type,
        "price": request.price,
        "amount": request.amount,
        "remark": request.remark,
        "sent_remark": begun.remark,
        "account_id": account_id,
    }
