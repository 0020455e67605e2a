"""The log lines of an order, in easytrader's words.

Never decides what became of an order; it says what it is told.
"""

from __future__ import annotations

from contextlib import suppress

from loguru import logger

from easytrader_qmt.miniqmt.names import NAMES
from easytrader_qmt.miniqmt.outcomes import Told
from easytrader_qmt.orders import STOCK_BUY, STOCK_SELL, OrderRequest

_PLAIN = {STOCK_BUY: "买入", STOCK_SELL: "卖出"}
# A margin order goes by its own name: 限价买入 would hide that the money is borrowed.
_WORDS = {
    (is_market, code): ("市价" if is_market else "限价") + _PLAIN[code] if code in _PLAIN else name
    for is_market in (False, True)
    for code, name in NAMES["order_type"].items()
}
# 15 digits are what a decimal number keeps in a float; of fewer, the last of 3618.188 would be lost.
_WITH_PRICE = {
    False: "{}请求: 证券代码={}, 价格={:.15g}, 数量={}",
    True: "{}请求: 证券代码={}, 保护价={:.15g}, 数量={}",
}


def log_request(request: OrderRequest) -> None:
    """One line that says what was asked; the price as it is sent, nothing where none is.

    A second one warns of a protect price that the exchange will not keep to.
    """
    is_market, price = request.is_market, request.price
    what = _WORDS.get((is_market, request.order_type), request.action)
    if price:
        logger.info(_WITH_PRICE[is_market], what, request.stock_code, price, request.amount)
        if request.is_unprotected:
            logger.warning(
                "{}: 深交所的市价委托不受保护价 {:.15g} 约束，可能以更差的价格成交；要限定价格请用限价委托",
                request.stock_code, price,
            )  # fmt: skip
    else:
        logger.info("{}请求: 证券代码={}, 数量={}", what, request.stock_code, request.amount)


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


def say(level: str, text: str, *values: object) -> None:
    """A line about an order that has left: a sink's trouble with it is not the order's."""
    with suppress(Exception):
        logger.opt(depth=1).log(level, text, *values)


def describe(request: OrderRequest) -> str:
    """The kind of order in the log's words."""
    return _WORDS.get((request.is_market, request.order_type), request.action)
