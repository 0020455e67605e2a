"""What a user says in an order verb: its keywords and its security.

Only takes apart and warns; whether a value is valid is for ``orders`` to say.
"""

from __future__ import annotations

from typing import Any

from loguru import logger

from easytrader_qmt.errors import shown
from easytrader_qmt.miniqmt.counterside import AccountSide
from easytrader_qmt.securities import Security

_TERMS = ("strategy_name", "remark", "client_order_id")
_PLACED = {
    "limit": "这里下的是限价委托，市价委托请用 market_buy、market_sell",
    "market": "这里下的是市价委托，限价委托请用 buy、sell",
}
_warned_prefixes: set[str] = set()


def order_terms(words: dict[str, Any], prop: str = "limit") -> dict[str, Any]:
    """The keywords every order verb takes. An unknown one is named in a warning: bots pass extra ones.

    ``prop`` is what the verb places, ``limit`` or ``market``: an ``entrust_prop`` that asks for something else
    is warned of too.
    """
    if not words:
        return words
    terms = {name: words.pop(name) for name in _TERMS if name in words}
    asked = words.pop("entrust_prop", None)  # easytrader's followers say 'limit' here; the verb already does
    if asked is not None and not (isinstance(asked, str) and asked.lower() == prop):
        logger.warning("entrust_prop={} 没有作用：{}", shown(asked), _PLACED[prop])
    if words:
        logger.warning("下单参数 {} 未被使用，已忽略", "、".join(sorted(words)))
    return terms


def parsed(side: AccountSide, security: Any) -> Security:
    """The security a code means; a code that could mean another one is named in a warning, once."""
    found = side.rules.parse(security)
    other = side.rules.shared_prefix(security)
    if other is not None and found.stock_code not in _warned_prefixes:
        _warned_prefixes.add(found.stock_code)
        logger.warning("代码 {} 按 {} 处理；若是 {}，请写明交易所", security, found.stock_code, other)
    return found
