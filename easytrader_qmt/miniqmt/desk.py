"""Sends one account's orders and cancels, and says what became of each: accepted, refused, not sent, in doubt.

Never sends anything twice, never calls an unknown outcome a success or a failure, and never queues an order.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

from loguru import logger

from easytrader_qmt.errors import InvalidOrder, NotConnected, OrderInDoubt, OrderRejected
from easytrader_qmt.miniqmt.connection import Connection
from easytrader_qmt.miniqmt.deadline import DeadlineExceeded, settled
from easytrader_qmt.miniqmt.inflight import ConnectionLost
from easytrader_qmt.miniqmt.refusals import refusal_code
from easytrader_qmt.orders import OrderRequest
from easytrader_qmt.remarks import order_token, outgoing_remark

SIDE_NAMES = {"buy": "买入", "sell": "卖出"}


@dataclass(frozen=True)
class Answer:
    """What the terminal said to an order: its number, or -1 and the counter's text."""

    order_id: int
    message: str = ""


class OrderDesk:
    """One account's way to the counter."""

    def __init__(
        self,
        connection: Connection,
        account: Any,
        *,
        call_timeout: float,
        raise_on_reject: bool,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._connection = connection
        self._account = account
        self._call_timeout = call_timeout
        self._raise_on_reject = raise_on_reject
        self._new_id = new_id

    def place(self, request: OrderRequest) -> dict[str, Any]:
        """Send an order once.

        Returns ``{'entrust_no': n}``, or ``{'entrust_no': -1, 'message': …}`` when the counter refused it.
        Raises NotConnected (nothing was sent), OrderInDoubt (it may be live), OrderRejected (if asked for).
        """
        client_order_id = request.client_order_id or self._new_id()
        token = order_token(self._account.account_id, client_order_id)
        remark = outgoing_remark(request.remark, token)
        what = _describe(request)
        logger.info(
            "{}请求: 证券代码={}, 价格={:g}, 数量={}", what, request.stock_code, request.price, request.amount
        )
        future = self._send(request, remark)
        try:
            answer = _answer(settled(future, self._call_timeout, "下单"))
        except (DeadlineExceeded, ConnectionLost) as error:
            raise self._doubt(f"{error}", client_order_id, remark) from None
        return self._told(answer, what, request, client_order_id, remark)

    def _send(self, request: OrderRequest, remark: str) -> Future[Any]:
        session = self._connection.ready()
        try:
            return session.send(
                "order_stock_async",
                self._account,
                request.stock_code,
                request.order_type,
                request.amount,
                request.price_type,
                request.price,
                request.strategy_name,
                remark,
            )
        except ConnectionLost as error:
            raise NotConnected(f"{error}；没有发送这笔委托") from None

    def _told(
        self, answer: Answer, what: str, request: OrderRequest, client_order_id: str, remark: str
    ) -> dict[str, Any]:
        if answer.order_id > 0:
            logger.info("{}委托成功: 证券代码={}, 委托单号={}", what, request.stock_code, answer.order_id)
            return {"entrust_no": answer.order_id}
        if not answer.message:
            # -1 without a word is what a dead connection says, and orders have gone live behind it.
            raise self._doubt("终端返回 -1 且没有说明原因", client_order_id, remark)
        logger.error("{}委托失败: 证券代码={}, 原因={}", what, request.stock_code, answer.message)
        if self._raise_on_reject:
            raise OrderRejected(f"柜台拒绝了委托：{answer.message}", code=refusal_code(answer.message))
        return {"entrust_no": -1, "message": answer.message}

    def _doubt(self, why: str, client_order_id: str, remark: str) -> OrderInDoubt:
        return OrderInDoubt(
            f"委托结果未知：{why}。它可能已经报到柜台，请勿重发；可在 today_entrusts 中按备注 {remark} 核对",
            client_order_id=client_order_id,
            remark=remark,
        )

    def cancel(self, entrust_no: object) -> dict[str, Any]:
        """Ask the counter to cancel an order; ``{'success': bool, 'message': str}``.

        ``success`` says that the request was taken, as in easytrader; the order's status says the rest.
        Raises NotConnected; InvalidOrder for something that is no order number.
        """
        number = entrust_number(entrust_no)
        session = self._connection.ready()
        try:
            future = session.send("cancel_order_stock_async", self._account, number)
        except ConnectionLost as error:
            raise NotConnected(f"{error}；没有发送撤单请求") from None
        try:
            response = settled(future, self._call_timeout, "撤单")
        except (DeadlineExceeded, ConnectionLost) as error:
            return {
                "success": False,
                "message": f"撤单结果未知：{error}；请查询委托状态，必要时再撤一次（重复撤单是安全的）",
            }
        if response.cancel_result == 0:
            return {"success": True, "message": "success"}
        return {"success": False, "message": str(getattr(response, "error_msg", "") or "failed")}


def entrust_number(entrust_no: object) -> int:
    """The order number as an int; also from text, because remote clients send text. Raises InvalidOrder."""
    number = entrust_no
    if isinstance(number, str) and number.strip().isdecimal():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 < number < 2**63:
        raise InvalidOrder(
            f"entrust_no={entrust_no!r} 无效：应为下单返回的正整数委托编号；没有发送撤单请求",
            field="entrust_no",
            value=entrust_no,
            rule="正整数委托编号",
        )
    return number


def _answer(response: Any) -> Answer:
    order_id = response.order_id
    return Answer(
        int(order_id) if order_id is not None else -1, str(getattr(response, "error_msg", "") or "")
    )


def _describe(request: OrderRequest) -> str:
    return ("市价" if request.is_market else "限价") + SIDE_NAMES[request.action]
