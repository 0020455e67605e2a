"""The columns of every kind of record: key, vendor attribute, Chinese heading, type and look.

Rows only: it never reads a vendor object and never draws. The keys are easytrader's documented ones in
their documented order, then the fields that newer versions of xtquant brought.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from easytrader_qmt.errors import InvalidArgument

__all__ = ["TABLES", "Column", "Derive", "Dtype", "Look", "Table", "table_of"]

Dtype = Literal["int", "float", "str", "time"]
Derive = Literal["", "security", "name", "remark"]
Look = Literal["", "count", "money", "price", "percent"]


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``time`` is Unix seconds. ``derive`` says how the value comes from the attribute:

    ``security`` the first six letters, ``name`` the Chinese name of a code (the attribute is also the kind of
    code), ``remark`` the user's part of a remark; '' as it is. ``shown`` columns appear in a drawn table.
    """

    key: str
    heading: str
    dtype: Dtype
    attribute: str
    derive: Derive = ""
    look: Look = ""
    shown: bool = False


@dataclass(frozen=True, eq=False)
class Table:
    """The columns of one kind of record, in order."""

    kind: str
    columns: tuple[Column, ...]

    def __reduce__(self) -> tuple[object, ...]:
        # By name, so that a pickle stays small and a copy keeps the table's identity.
        if TABLES.get(self.kind) is self:
            return table_of, (self.kind,)
        return Table, (self.kind, self.columns)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys of every row."""
        return tuple(column.key for column in self.columns)


def _same(key: str, heading: str, dtype: Dtype, look: Look = "", shown: bool = False) -> Column:
    return Column(key, heading, dtype, key, look=look, shown=shown)


def _shown(key: str, heading: str, dtype: Dtype, look: Look = "") -> Column:
    return _same(key, heading, dtype, look, True)


def _name(of: str, heading: str, shown: bool = False) -> Column:
    return Column(f"{of}_name", heading, "str", of, "name", shown=shown)


_SECURITY = Column("security", "证券代码", "str", "stock_code", "security")
_STOCK_CODE = _shown("stock_code", "证券全码", "str")
_INSTRUMENT = _shown("instrument_name", "证券名称", "str")
_SECU_ACCOUNT = _same("secu_account", "股东账号", "str")
_ACCOUNT_TYPE = _same("account_type", "账号类型", "int")
_ACCOUNT_ID = _same("account_id", "资金账号", "str")
_ORDER_ID = _shown("order_id", "订单编号", "int")
_ORDER_SYSID = _same("order_sysid", "柜台合同编号", "str")
_ORDER_TYPE = _same("order_type", "委托类型代码", "int")
_OFFSET_FLAG = _same("offset_flag", "交易操作代码", "int")
_STRATEGY_NAME = _shown("strategy_name", "策略名称", "str")
_ORDER_REMARK = Column("order_remark", "委托备注", "str", "order_remark", "remark", shown=True)

_ASSET = Table(
    "asset",
    (
        _shown("total_asset", "总资产", "float", "money"),
        _shown("market_value", "持仓市值", "float", "money"),
        _shown("cash", "可用资金", "float", "money"),
        _shown("frozen_cash", "冻结资金", "float", "money"),
        _ACCOUNT_TYPE,
        _shown("account_id", "资金账号", "str"),
        _shown("fetch_balance", "可取资金", "float", "money"),
    ),
)
_POSITION = Table(
    "position",
    (
        _SECURITY,
        _STOCK_CODE,
        _shown("volume", "持仓数量", "int", "count"),
        _shown("can_use_volume", "可用数量", "int", "count"),
        _same("open_price", "开仓价", "float", "price"),
        _shown("market_value", "市值", "float", "money"),
        _shown("frozen_volume", "冻结数量", "int", "count"),
        _shown("on_road_volume", "在途股份", "int", "count"),
        _same("yesterday_volume", "昨夜拥股", "int", "count"),
        _shown("avg_price", "成本价", "float", "price"),
        _same("direction", "多空方向代码", "int"),
        _ACCOUNT_TYPE,
        _ACCOUNT_ID,
        _INSTRUMENT,
        _shown("last_price", "最新价", "float", "price"),
        _shown("profit_rate", "盈亏比例", "float", "percent"),
        _shown("float_profit", "浮动盈亏", "float", "money"),
        _SECU_ACCOUNT,
    ),
)
_ORDER = Table(
    "order",
    (
        _SECURITY,
        _STOCK_CODE,
        _ORDER_ID,
        _ORDER_SYSID,
        _shown("order_time", "报单时间", "time"),
        _ORDER_TYPE,
        _name("order_type", "委托类型", shown=True),
        _shown("order_volume", "委托数量", "int", "count"),
        _same("price_type", "报价类型代码", "int"),
        _name("price_type", "报价类型", shown=True),
        _shown("price", "委托价格", "float", "price"),
        _shown("traded_volume", "成交数量", "int", "count"),
        _shown("traded_price", "成交均价", "float", "price"),
        _same("order_status", "委托状态代码", "int"),
        _name("order_status", "委托状态", shown=True),
        _shown("status_msg", "状态描述", "str"),
        _OFFSET_FLAG,
        _name("offset_flag", "交易操作"),
        _STRATEGY_NAME,
        _ORDER_REMARK,
        _same("direction", "多空方向代码", "int"),
        _name("direction", "多空方向"),
        _ACCOUNT_TYPE,
        _ACCOUNT_ID,
        _INSTRUMENT,
        _SECU_ACCOUNT,
    ),
)
_TRADE = Table(
    "trade",
    (
        _SECURITY,
        _STOCK_CODE,
        _shown("traded_id", "成交编号", "str"),
        _shown("traded_time", "成交时间", "time"),
        _shown("traded_price", "成交均价", "float", "price"),
        _shown("traded_volume", "成交数量", "int", "count"),
        _shown("traded_amount", "成交金额", "float", "money"),
        _ORDER_ID,
        _ORDER_TYPE,
        _name("order_type", "委托类型", shown=True),
        _OFFSET_FLAG,
        _name("offset_flag", "交易操作"),
        _ACCOUNT_ID,
        _ACCOUNT_TYPE,
        _ORDER_SYSID,
        _STRATEGY_NAME,
        _ORDER_REMARK,
        _shown("commission", "手续费", "float", "money"),
        _INSTRUMENT,
        _SECU_ACCOUNT,
    ),
)

TABLES: Mapping[str, Table] = MappingProxyType(
    {"asset": _ASSET, "balance": _ASSET, "position": _POSITION, "order": _ORDER, "trade": _TRADE}
)
"""The tables by kind; ``balance`` is easytrader's word for ``asset``."""


def table_of(kind: str | Table) -> Table:
    """The table of a kind; a table is itself. Raises InvalidArgument for an unknown kind."""
    if isinstance(kind, Table):
        return kind
    table = TABLES.get(kind)
    if table is None:
        raise InvalidArgument(f"没有 {kind!r} 这种记录，可用: {'、'.join(TABLES)}")
    return table
