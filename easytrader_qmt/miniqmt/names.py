"""The vendor's codes by their Chinese names, one table per kind, and the sets of order statuses.

Look-ups only: it never decides about an order and never hides a code it does not know (that shows as itself).
Source: the vendor's public tables of constants.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from easytrader_qmt.errors import InvalidArgument

__all__ = [
    "ACCOUNT_STATUS",
    "ACTIVE_STATUSES",
    "CANCELABLE_STATUSES",
    "FINAL_STATUSES",
    "NAMES",
    "AccountStatus",
    "Health",
    "account_health",
    "name_of",
]

FINAL_STATUSES = frozenset({53, 54, 56, 57})
"""部撤, 已撤, 已成, 废单: nothing will happen to the order any more."""

CANCELABLE_STATUSES = frozenset({48, 49, 50, 55})
"""未报, 待报, 已报, 部成: a cancel makes sense. Not 51 and 52: one is already under way there."""

ACTIVE_STATUSES = frozenset({48, 49, 50, 51, 52, 55, 255})
"""Whatever may still trade: also 51 and 52, which a fill can overtake, and 255, which proves nothing."""

_ORDER_STATUS = {
    48: "未报",
    49: "待报",
    50: "已报",
    51: "已报待撤",
    52: "部成待撤",
    53: "部撤",
    54: "已撤",
    55: "部成",
    56: "已成",
    57: "废单",
    255: "未知",
}
# 23 and 24 mean 担保品买入/卖出 on a margin account; easytrader documents 买入 and 卖出.
_ORDER_TYPE = {
    23: "买入",
    24: "卖出",
    27: "融资买入",
    28: "融券卖出",
    29: "买券还券",
    30: "直接还券",
    31: "卖券还款",
    32: "直接还款",
    40: "专项融资买入",
    41: "专项融券卖出",
    42: "专项买券还券",
    43: "专项直接还券",
    44: "专项卖券还款",
    45: "专项直接还款",
}
# Two families of codes that do not overlap: up to 48 what we send, from 49 what a counter answers.
_PRICE_TYPE = {
    5: "最新价",
    11: "限价",
    42: "最优五档即时成交剩余撤销",
    43: "最优五档即时成交剩余转限价",
    44: "对手方最优价格",
    45: "本方最优价格",
    46: "即时成交剩余撤销",
    47: "最优五档即时成交剩余撤销",
    48: "全额成交或撤销",
    49: "市价",
    50: "限价",
    51: "最优价",
    52: "配股",
    53: "转托",
    54: "申购",
    55: "回购",
    56: "配售",
    57: "指定",
    58: "转股",
    59: "回售",
    60: "股息",
    68: "深圳配售确认",
    69: "配售放弃",
    70: "无冻质押",
    71: "冻结质押",
    72: "无冻解押",
    73: "解冻解押",
    75: "投票",
    77: "预售要约解除",
    78: "基金设红",
    79: "基金申赎",
    80: "跨市转托",
    81: "ETF申购",
    83: "权证行权",
    84: "对手方最优价格",
    85: "最优五档即时成交剩余转限价",
    86: "本方最优价格",
    87: "即时成交剩余撤销",
    88: "最优五档即时成交剩余撤销",
    89: "全额成交并撤单",
    90: "基金拆合",
    91: "债转股",
    92: "港股通竞价限价",
    93: "港股通增强限价",
    94: "港股通零股限价",
    101: "直接还券",
    107: "担保品划转",
}
_OFFSET_FLAG = {
    48: "买入",
    49: "卖出",
    50: "强平",
    51: "平今",
    52: "平昨",
    53: "强减",
    54: "本地强平",
}
_DIRECTION = {48: "多", 49: "空"}
_ACCOUNT_TYPE = {
    1: "期货账号",
    2: "证券账号",
    3: "信用账号",
    5: "期货期权账号",
    6: "股票期权账号",
    7: "沪港通账号",
    8: "美股收益互换账号",
    10: "全国股转账号",
    11: "深港通账号",
    13: "场外理财账号",
    1001: "期货外盘账号",
    1002: "IB账号",
    15001: "场外托管账号",
    15002: "银行间账号",
    15003: "银行账号",
    15005: "场外账号",
}

Health = Literal["good", "coming_up", "bad", "unknown"]


@dataclass(frozen=True, slots=True)
class AccountStatus:
    """What an account status push says: its code, its name, and whether the account can trade."""

    code: int
    name: str
    health: Health


_ACCOUNT_STATUS = (
    AccountStatus(-1, "无效", "bad"),
    AccountStatus(0, "正常", "good"),
    AccountStatus(1, "连接中", "coming_up"),
    AccountStatus(2, "登录中", "coming_up"),
    AccountStatus(3, "失败", "bad"),
    AccountStatus(4, "初始化中", "coming_up"),
    AccountStatus(5, "数据刷新校正中", "coming_up"),
    # After the close is an ordinary evening, not an outage.
    AccountStatus(6, "收盘后", "good"),
    AccountStatus(7, "穿透副链接断开", "bad"),
    AccountStatus(8, "系统停用", "bad"),
    AccountStatus(9, "用户停用", "bad"),
)
ACCOUNT_STATUS: Mapping[int, AccountStatus] = MappingProxyType(
    {status.code: status for status in _ACCOUNT_STATUS}
)
"""Every documented account status by its code."""

NAMES: Mapping[str, Mapping[Any, str]] = MappingProxyType(
    {
        kind: MappingProxyType(table)
        for kind, table in (
            ("order_status", _ORDER_STATUS),
            ("order_type", _ORDER_TYPE),
            ("price_type", _PRICE_TYPE),
            ("offset_flag", _OFFSET_FLAG),
            ("direction", _DIRECTION),
            ("account_type", _ACCOUNT_TYPE),
            ("account_status", {status.code: status.name for status in _ACCOUNT_STATUS}),
        )
    }
)
"""The tables by kind: order_status, order_type, price_type, offset_flag, direction, account_type and
account_status."""


def name_of(kind: str, code: object) -> object:
    """The Chinese name of a code, or the code itself where the table does not know it.

    Raises InvalidArgument for a kind that has no table.
    """
    table = NAMES.get(kind)
    if table is None:
        raise InvalidArgument(f"没有 {kind!r} 的代码表，可用: {'、'.join(NAMES)}")
    try:
        return table.get(code, code)
    except TypeError:
        return code


def account_health(status: object) -> Health:
    """Whether an account with this status can trade: good, coming_up, bad, or unknown for a new code."""
    known = ACCOUNT_STATUS.get(status) if isinstance(status, int) else None
    return "unknown" if known is None else known.health
