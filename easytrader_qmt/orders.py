"""An order, checked once and put into the form that is sent.

Pure: it never sends, never asks a quote source, never looks at a clock and never cuts what does not fit.
What the code alone cannot tell comes in as arguments (``holding``, ``limits``, ``suspended``).

Amounts are in shares (units of a fund, pieces of a bond), prices in yuan; a reverse repo's price is its rate.
"""

from __future__ import annotations

import unicodedata
from typing import NamedTuple

from easytrader_qmt.errors import InvalidOrder, shown
from easytrader_qmt.order_rules import (
    Action,
    Limits,
    PriceRounding,
    check_limits,
    checked_amount,
    known_limit,
    price_on_tick,
    refusal,
    whole_number,
)
from easytrader_qmt.price_types import FIX_PRICE, MARKET_PRICE_TYPES, NEEDS_PROTECT_PRICE, market_price_type
from easytrader_qmt.remarks import MAX_REMARK_BYTES, order_token, outgoing_remark, token_of, user_part
from easytrader_qmt.securities import RULES, Rules, Security

__all__ = [
    "Action",
    "Limits",
    "OrderRequest",
    "PriceRounding",
    "limit_order",
    "market_order",
    "order_token",
    "outgoing_remark",
    "plain_order",
    "token_of",
    "user_part",
]

STOCK_BUY = 23
STOCK_SELL = 24
_ORDER_TYPES = {"buy": STOCK_BUY, "sell": STOCK_SELL}
# 融资买入, 买券还券 and their special forms; 融券卖出, 卖券还款 and theirs.
_SIDES = dict.fromkeys((23, 27, 29, 40, 42), "buy") | dict.fromkeys((24, 28, 31, 41, 44), "sell")
_REPAYMENTS = frozenset({30, 32, 43, 45})
"""直接还券, 直接还款 and their special forms: what was borrowed goes back, and nothing is traded."""

MAX_CLIENT_ORDER_ID = 64
# A reverse repo is quoted as a yearly rate; each piece lends this much.
_REPO_FACE_YUAN = 100.0


class OrderRequest(NamedTuple):
    """One order as it will be sent, apart from its remark: that gets a token (see `outgoing_remark`)."""

    security: Security
    action: Action
    order_type: int
    price_type: int
    price: float
    """Yuan, on the tick; 0.0 for a Shenzhen market order without a protect price."""
    amount: int
    strategy_name: str = ""
    remark: str = ""
    """The user's own words."""
    client_order_id: str | None = None

    @property
    def stock_code(self) -> str:
        """The vendor's form of the code."""
        return self.security.stock_code

    @property
    def is_market(self) -> bool:
        """Whether it is a market order."""
        return self.price_type in MARKET_PRICE_TYPES

    @property
    def is_repayment(self) -> bool:
        """Whether it gives back money or securities without a trade."""
        return self.order_type in _REPAYMENTS

    @property
    def notional(self) -> float | None:
        """What the order is worth in yuan at its price; None for a market order that carries no price.

        None for B shares too: their prices are in US or Hong Kong dollars. 0.0 for a repayment: nothing is traded.
        """
        if self.is_repayment:
            return 0.0
        kind = self.security.board.kind
        if kind == "repo":
            return self.amount * _REPO_FACE_YUAN
        return self.price * self.amount if self.price and kind != "b_share" else None

    @property
    def is_unprotected(self) -> bool:
        """Whether it may trade at a worse price than its own: the exchange knows no protect price for it."""
        return self.is_market and self.security.market not in NEEDS_PROTECT_PRICE


def limit_order(
    security: object,
    action: Action,
    price: object,
    amount: object,
    *,
    order_type: int | None = None,
    strategy_name: str | None = "",
    remark: str | None = "",
    client_order_id: str | None = None,
    price_rounding: PriceRounding = "nearest",
    holding: object = None,
    limits: Limits | None = None,
    suspended: bool | None = None,
    rules: Rules = RULES,
) -> OrderRequest:
    """A checked limit order.

    ``price_rounding``: ``nearest`` brings the price to the nearest tick, half a tick upwards as people round;
    ``strict`` refuses a price between two ticks. ``holding`` is how many shares can be sold now; None: not
    known, and then an odd lot is refused. ``order_type`` is for margin orders. A `Security` is taken with
    the rules it brings. Raises InvalidOrder.
    """
    found = security if type(security) is Security else rules.parse(security)
    code = _order_type(action, order_type)
    if suspended:
        raise _suspension(found)
    whole = checked_amount(amount, found.board, action, holding, found.board.max_limit_volume)
    yuan = price_on_tick(price, found.board, price_rounding)
    if limits is not None:
        check_limits(yuan, limits, found.board, "price")
    return OrderRequest(
        found,
        action,
        code,
        FIX_PRICE,
        yuan,
        whole,
        _text(strategy_name, "strategy_name"),
        _text(remark, "remark"),
        _checked_id(client_order_id) if client_order_id is not None else None,
    )


def market_order(
    security: object,
    action: Action,
    amount: object,
    ttype: str | None = None,
    *,
    protect_price: object = None,
    order_type: int | None = None,
    strategy_name: str | None = "",
    remark: str | None = "",
    client_order_id: str | None = None,
    price_rounding: PriceRounding = "nearest",
    holding: object = None,
    limits: Limits | None = None,
    suspended: bool | None = None,
    rules: Rules = RULES,
) -> OrderRequest:
    """A checked market order.

    ``ttype`` is one of easytrader's names for the market (None: 对手方最优价格委托). Shanghai and Beijing
    need a protect price, the worst one to accept: ``protect_price``, or else the day's limit from ``limits``
    (upper for a buy, lower for a sale). Shenzhen sends 0.0 unless one is given, and does not keep to it. The
    rest as in `limit_order`. Raises InvalidOrder.
    """
    found = security if type(security) is Security else rules.parse(security)
    code = _order_type(action, order_type)
    price_type = market_price_type(found.market, ttype)
    if suspended:
        raise _suspension(found)
    whole = checked_amount(amount, found.board, action, holding, found.board.max_market_volume)
    if protect_price is not None:
        yuan = price_on_tick(protect_price, found.board, price_rounding, "protect_price")
        if limits is not None:
            check_limits(yuan, limits, found.board, "protect_price")
    elif found.market in NEEDS_PROTECT_PRICE:
        yuan = _protect_price(found, action, limits)
    else:
        yuan = 0.0
    return OrderRequest(
        found,
        action,
        code,
        price_type,
        yuan,
        whole,
        _text(strategy_name, "strategy_name"),
        _text(remark, "remark"),
        _checked_id(client_order_id) if client_order_id is not None else None,
    )


def plain_order(
    security: Security,
    action: Action,
    order_type: int,
    price: float,
    amount: object,
    *,
    strategy_name: str | None = "",
    remark: str | None = "",
    client_order_id: str | None = None,
) -> OrderRequest:
    """An order that follows no board's lots, ticks and limits: a repayment, or a subscription to a new issue.

    ``price`` is what the caller has checked, 0.0 for none. All else is checked as in `limit_order`. Raises
    InvalidOrder.
    """
    return OrderRequest(
        security,
        action,
        order_type,
        FIX_PRICE,
        price,
        whole_number(amount, "amount", "数量", 1),
        _text(strategy_name, "strategy_name"),
        _text(remark, "remark"),
        _checked_id(client_order_id) if client_order_id is not None else None,
    )


def _protect_price(security: Security, action: Action, limits: Limits | None) -> float:
    lower, upper = limits or (None, None)
    worst = known_limit(upper if action == "buy" else lower)
    if worst is not None:
        return price_on_tick(worst, security.board)
    rule = "沪市和北交所的市价委托必须带保护限价"
    raise refusal(
        f"{security.stock_code}: {rule}（最差可接受的成交价）。请传 protect_price，"
        f"或提供行情以便用{'涨停价' if action == 'buy' else '跌停价'}",
        "protect_price",
        None,
        rule,
    )


def _order_type(action: object, order_type: object) -> int:
    expected = _ORDER_TYPES.get(action) if isinstance(action, str) else None
    if expected is None:
        raise refusal(f"买卖方向只能是 buy 或 sell，收到 {shown(action)}", "action", action, "buy 或 sell")
    if order_type is None:
        return expected
    if not isinstance(order_type, int) or isinstance(order_type, bool):
        raise refusal(
            f"委托类型必须是整数，收到 {shown(order_type)}", "order_type", order_type, "整数", expected
        )
    if _SIDES.get(order_type, action) != action:
        rule = "委托类型与买卖方向一致"
        raise refusal(
            f"委托类型 {order_type} 与方向 {action} 不一致", "order_type", order_type, rule, expected
        )
    return order_type


def _suspension(security: Security) -> InvalidOrder:
    return refusal(
        f"{security.stock_code} 已停牌，不能委托", "security", security.stock_code, "停牌中的证券不能委托"
    )


def _has_control(text: str) -> bool:
    return any(unicodedata.category(letter) in ("Cc", "Cs", "Zl", "Zp") for letter in text)


def _text(text: object, field: str) -> str:
    """Text for one of the vendor's short fields, which cuts silently and crashes on None."""
    if text is None or (type(text) is str and not text):
        return ""
    if not isinstance(text, str):
        raise refusal(
            f"{field} 必须是字符串，收到 {type(text).__name__}: {shown(text)}", field, text, "字符串"
        )
    text = str.__str__(text)  # not str(): a member of a text enumeration would tell its own name
    if text.isascii() and len(text) <= MAX_REMARK_BYTES and text.isprintable():
        return text
    if _has_control(text):
        raise refusal(f"{field} 不能有控制字符: {shown(text)}", field, text, "没有控制字符")
    size = len(text.encode())
    if size > MAX_REMARK_BYTES:
        rule = f"UTF-8 最多 {MAX_REMARK_BYTES} 字节"
        fitting = text.encode()[:MAX_REMARK_BYTES].decode(errors="ignore")
        raise refusal(f"{field} 太长: {size} 字节，{rule}", field, text, rule, fitting)
    return text


def _checked_id(client_order_id: object) -> str:
    rule = f"1 到 {MAX_CLIENT_ORDER_ID} 个字符，没有控制字符"
    text = str.__str__(client_order_id) if isinstance(client_order_id, str) else ""
    if not 0 < len(text) <= MAX_CLIENT_ORDER_ID or (not text.isprintable() and _has_control(text)):
        raise refusal(
            f"client_order_id 必须是 1 到 {MAX_CLIENT_ORDER_ID} 个字符的字符串，且不含控制字符，"
            f"收到 {shown(client_order_id)}",
            "client_order_id",
            client_order_id,
            rule,
        )
    return text
