"""The callback used when the user gives none, and how pushes reach whatever callback there is.

Never inherits from the vendor's class: a callback only needs methods, and the vendor's module cannot even be
imported where the strategies are written.
"""

from __future__ import annotations

from typing import Any

from loguru import logger

from easytrader_qmt.errors import InvalidArgument, shown
from easytrader_qmt.events import isolated
from easytrader_qmt.miniqmt.names import name_of


class DefaultXtQuantTraderCallback:
    """Logs every push in one line. Inherit from it to hear only some of them yourself.

    All methods run on the dispatcher thread, one after another; any call of ``user`` works inside them.
    """

    def on_connected(self) -> None:
        """The connection is READY; called by this package after each connect, the vendor never does."""

    def on_disconnected(self) -> None:
        """The connection is gone; once for each outage, however it was noticed."""
        logger.info("连接断开")

    def on_account_status(self, status: Any) -> None:
        """An account's status, an XtAccountStatus; already logged, with its meaning, when it came."""

    def on_stock_asset(self, asset: Any) -> None:
        """An account's money changed, an XtAsset."""
        logger.debug("资金变动回调: cash={}, total_asset={}", asset.cash, asset.total_asset)

    def on_stock_order(self, order: Any) -> None:
        """An order went further, an XtOrder."""
        status = name_of("order_status", order.order_status)
        logger.info(
            "委托回调: stock_code={}, order_id={}, order_status={}, order_sysid={}",
            order.stock_code, order.order_id, status, order.order_sysid,
        )  # fmt: skip

    def on_stock_trade(self, trade: Any) -> None:
        """A trade, an XtTrade: its ``traded_volume`` is this trade's alone."""
        logger.info(
            "成交回调: stock_code={}, order_id={}, traded_price={}, traded_volume={}",
            trade.stock_code, trade.order_id, trade.traded_price, trade.traded_volume,
        )  # fmt: skip

    def on_stock_position(self, position: Any) -> None:
        """A position changed, an XtPosition."""
        logger.debug("持仓变动回调: stock_code={}, volume={}", position.stock_code, position.volume)

    def on_order_error(self, order_error: Any) -> None:
        """An order was refused, an XtOrderError."""
        logger.warning(
            "下单失败回调: order_id={}, error_id={}, error_msg={}",
            order_error.order_id, order_error.error_id, order_error.error_msg,
        )  # fmt: skip

    def on_cancel_error(self, cancel_error: Any) -> None:
        """A cancel was refused, an XtCancelError."""
        logger.warning(
            "撤单失败回调: order_id={}, error_id={}, error_msg={}",
            cancel_error.order_id, cancel_error.error_id, cancel_error.error_msg,
        )  # fmt: skip

    def on_order_stock_async_response(self, response: Any) -> None:
        """The answer to a raw ``user.trader.order_stock_async``; the facade's own orders do not come here."""
        logger.info("异步下单回报: order_id={}, seq={}", response.order_id, response.seq)

    def on_cancel_order_stock_async_response(self, response: Any) -> None:
        """The answer to a raw ``user.trader.cancel_order_stock_async``."""
        logger.info("异步撤单回报: order_id={}, seq={}", response.order_id, response.seq)

    def on_smt_appointment_async_response(self, response: Any) -> None:
        """The answer to a raw call of the 约券 family."""
        logger.info("约券异步回报: seq={}", getattr(response, "seq", None))

    def on_bank_transfer_async_response(self, response: Any) -> None:
        """The answer to a raw ``bank_transfer_in_async`` or ``bank_transfer_out_async``."""
        logger.info("银证转账异步回报: seq={}", getattr(response, "seq", None))

    def on_ctp_internal_transfer_async_response(self, response: Any) -> None:
        """The answer to a raw transfer between futures and options."""
        logger.info("资金内转异步回报: seq={}", getattr(response, "seq", None))

    def on_smart_algo_order_async_response(self, response: Any) -> None:
        """The answer to a raw ``smart_algo_order_async``."""
        logger.info("智能算法下单回报: seq={}", getattr(response, "seq", None))

    def on_operate_smart_task_async_response(self, response: Any) -> None:
        """The answer to a raw ``cancel_smart_algo_task_async``."""
        logger.info("智能算法任务回报: seq={}", getattr(response, "seq", None))


_PUSHES = tuple(name for name in vars(DefaultXtQuantTraderCallback) if name.startswith("on_"))


def checked_callback(callback: Any) -> Any:
    """A callback that can hear something, None for the default one or False for none. Raises InvalidArgument.

    A class is refused: its methods would lack ``self``, and every push would be an error in the log.
    """
    if callback is None or callback is False:
        return callback
    if isinstance(callback, type):
        raise InvalidArgument(
            f"trader_callback={shown(callback)} 是类而不是对象，请写成 trader_callback={callback.__name__}()"
        )
    # A __getattr__ answers to names that are not listed; a newer xtquant calls names that are not ours.
    if not any(_answers(callback, name) for name in (*_PUSHES, *_listed(callback))):
        raise InvalidArgument(
            f"trader_callback={shown(callback)} 没有任何 on_... 方法：应为回调对象，例如继承 "
            "DefaultXtQuantTraderCallback 的类的对象；要用函数接收事件请用 user.on(事件名, 函数)"
        )
    return callback


def _listed(callback: Any) -> list[str]:
    try:
        return [name for name in dir(callback) if name.startswith("on_")]
    except Exception:  # a __dir__ of the user's may raise anything
        return []


def _answers(callback: Any, name: str) -> bool:
    try:
        return callable(getattr(callback, name, None))
    except (Exception, SystemExit):
        # Something is there, and what it raises is dealt with when it is called.
        return True


def deliver(callback: Any, method: str, args: tuple[Any, ...]) -> None:
    """Call one method of a user's callback, whatever class it comes from; a missing method is no error."""

    def call() -> None:
        handler = getattr(callback, method, None)
        if callable(handler):
            handler(*args)

    isolated(method, call)
