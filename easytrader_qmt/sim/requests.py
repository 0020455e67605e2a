"""What a simulated terminal answers to each request of the native client.

Decides and returns; never says anything to a client itself. An answer is a number, a row, a list of rows, or
None.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from easytrader_qmt.sim.account_requests import ANSWERS, Answer, Asked, account_of

if TYPE_CHECKING:
    from easytrader_qmt.sim.terminal import Terminal

__all__ = ["Answer", "Asked", "answer_to"]


def answer_to(terminal: Terminal, asked: Asked) -> Answer:
    """The payload of the answer, and the events it brings about."""
    return _ANSWERS.get(asked.name, _nothing)(terminal, asked)


def _subscribe(terminal: Terminal, asked: Asked) -> Answer:
    account_id = account_of(terminal, asked)
    if not account_id:
        return -1, ()
    asked.subscribed.add(account_id)
    return 0, ()


def _unsubscribe(terminal: Terminal, asked: Asked) -> Answer:
    account_id = account_of(terminal, asked)
    if account_id not in asked.subscribed:
        return -1, ()
    asked.subscribed.discard(account_id)
    return 0, ()


def _order(terminal: Terminal, asked: Asked) -> Answer:
    sent = asked.fields
    account_of(terminal, asked)
    placed = terminal.counter.place(
        sent["account_id"],
        sent["account_type"],
        sent["stock_code"],
        sent["order_type"],
        sent["order_volume"],
        sent["price_type"],
        sent["price"],
        sent["strategy_name"],
        sent["order_remark"],
        terminal.exchange_time,
        seq=asked.seq,
    )
    response = {
        "account_id": sent["account_id"],
        "account_type": sent["account_type"],
        "order_id": placed.order_id,
        "strategy_name": sent["strategy_name"],
        "order_remark": sent["order_remark"],
        "error_id": placed.error_id,
        "error_msg": placed.error_msg,
    }
    return response, tuple(placed.events)


def _cancel(terminal: Terminal, asked: Asked) -> Answer:
    sent = asked.fields
    done = terminal.counter.cancel(
        account_of(terminal, asked),
        order_id=sent["order_id"],
        order_sysid=sent["order_sysid"],
        market=sent["market"],
        now=terminal.exchange_time,
    )
    response = {
        "account_id": sent["account_id"],
        "account_type": sent["account_type"],
        "cancel_result": done.result,
        "order_id": sent["order_id"],
        "order_sysid": sent["order_sysid"],
        "error_msg": done.error_msg,
    }
    return response, tuple(done.events)


def _asset(terminal: Terminal, asked: Asked) -> Answer:
    asset = terminal.counter.asset(account_of(terminal, asked))
    return ([] if asset is None else [asset]), ()


def _orders(terminal: Terminal, asked: Asked) -> Answer:
    sent = asked.fields
    rows = terminal.counter.orders(
        account_of(terminal, asked), cancelable=bool(sent["can_cancel"]), order_id=sent["order_id"]
    )
    return list(rows), ()


def _trades(terminal: Terminal, asked: Asked) -> Answer:
    return list(terminal.counter.trades(account_of(terminal, asked))), ()


def _positions(terminal: Terminal, asked: Asked) -> Answer:
    wanted = asked.fields.get("stock_code", "")
    return list(terminal.counter.positions(account_of(terminal, asked), wanted)), ()


def _account_infos(terminal: Terminal, asked: Asked) -> Answer:
    return list(terminal.counter.account_infos()), ()


def _account_status(terminal: Terminal, asked: Asked) -> Answer:
    return list(terminal.counter.account_status()), ()


def _nothing(terminal: Terminal, asked: Asked) -> Answer:
    return [], ()


_ANSWERS: dict[str, Callable[[Terminal, Asked], Answer]] = {
    "subscribe": _subscribe,
    "unsubscribe": _unsubscribe,
    "orderStock": _order,
    "cancelOrderStock": _cancel,
    "queryStockAsset": _asset,
    "queryStockOrders": _orders,
    "queryStockTrades": _trades,
    "queryStockPositions": _positions,
    "queryAccountInfos": _account_infos,
    "queryAccountStatus": _account_status,
    **ANSWERS,
}
