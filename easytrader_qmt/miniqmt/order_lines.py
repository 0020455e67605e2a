"""The log lines of an order, in easytrader's words.

Never decides what became of an order; it says what it is told.
"""

from __future__ import annotations

from loguru import logger

from easytrader_qmt.miniqmt.outcomes import Told
from easytrader_qmt.orders import OrderRequest

SIDE_NAMES = {"buy": "买入", "sell": "卖出"}
_WORDS = {
    (is_market, side): ("市价" if is_market else "限价") + name
    for is_market in (False, True)
    for side, name in SIDE_NAMES.items()
}


def log_request(request: OrderRequest) -> None:
    """One line that says what was asked."""
    logger.info(
        "{}请求: 证券代码={}, 价格={:g}, 数量={}",
        describe(request), request.stock_code, request.price, request.amount,
    )  # fmt: skip


def log_outcome(told: Told, request: OrderRequest, refused_later: str | None = None) -> None:
    """One line that says what became of an order; ``refused_later``: why, if it got a number and then a refusal."""
    what, stock_code = describe(request), request.stock_code
    if refused_later is not None:
        logger.error(
            "{}委托报到后被柜台拒绝: 证券代码={}, 委托单号={}, 原因={}",
            what, stock_code, told.order_id, refused_later,
        )  # fmt: skip
    elif told.outcome == "accepted":
        logger.info("{}委托成功: 证券代码={}, 委托单号={}", what, stock_code, told.order_id)
    elif told.outcome == "refused":
        logger.error("{}委托失败: 证券代码={}, 原因={}", what, stock_code, told.message)
    else:
        logger.error("{}委托结果未知: 证券代码={}, {}, 备注={}", what, stock_code, told.message, told.remark)


def describe(request: OrderRequest) -> str:
    """The kind of order in the log's words."""
    return _WORDS[request.is_market, request.action]
