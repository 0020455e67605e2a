"""`Records`: what every query returns. A real list of real dicts that also is a frame and draws itself.

A snapshot: it never asks the counter again, never changes by itself and keeps none of the vendor's objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, SupportsIndex, overload

from easytrader_qmt.drawing import draw_html, draw_text
from easytrader_qmt.errors import InvalidArgument, InvalidOrder, shown
from easytrader_qmt.fields import Table, table_of
from easytrader_qmt.frames import frame_of
from easytrader_qmt.row_builders import Remarks, Row, build_row, build_rows
from easytrader_qmt.securities import parse

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

__all__ = ["Records", "row", "rows"]

_MOST_DIGITS = 10
"""Of a code given as text; none comes near."""


class Records(list[Row]):
    """A list of dicts of one kind: asset, position, order or trade.

    Everything that takes a list of dicts takes it: json, pickle, slices, ``pandas.DataFrame(records)``.
    """

    __slots__ = ("table",)

    table: Table

    def __init__(self, rows: Iterable[Row] = (), kind: str | Table = "order") -> None:
        super().__init__(rows)
        self.table = table_of(kind)

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (list(self), self.table)

    @property
    def kind(self) -> str:
        """asset, position, order or trade."""
        return self.table.kind

    @property
    def df(self) -> pd.DataFrame:
        """A new frame with stable columns and types, also when empty; times in Asia/Shanghai.

        It shows the rows as they stand, edits included.
        """
        return frame_of(self.table, self)

    @property
    def zh(self) -> pd.DataFrame:
        """The same frame with Chinese headings."""
        return frame_of(self.table, self, headings=True)

    def where(self, **conditions: object) -> Records:
        """The rows that meet every condition, as new Records that share the dicts.

        Any key equals a value. ``security`` takes every form of a code; a bare one matches in any market.
        ``status`` is the Chinese name of an order's status or its code, also as text (``'50'``).
        Raises InvalidArgument for a key that this kind of record does not have, for an unreadable code, and
        for a status name that neither the vendor's table nor any row has.
        """
        wanted = [self._condition(key, value) for key, value in conditions.items()]
        return Records((row for row in self if all(row.get(k) == v for k, v in wanted)), self.table)

    def _condition(self, key: str, value: object) -> tuple[str, object]:
        keys = self.table.keys
        if key == "status" and "order_status" in keys:
            return self._status(value)
        if key not in keys:
            raise InvalidArgument(f"{self.kind} 记录没有字段 {key!r}，可用: {'、'.join(keys)}")
        if key != "security":
            return key, value
        code = value.strip() if isinstance(value, str) else ""
        if len(code) == 6 and code.isascii() and code.isdigit():
            return key, code
        try:
            return "stock_code", parse(value).stock_code
        except InvalidOrder:
            raise InvalidArgument(f"证券代码 {value!r} 无法识别") from None

    def _status(self, value: object) -> tuple[str, object]:
        if not isinstance(value, str):
            return "order_status", value
        name = value.strip()
        if name.isascii() and name.isdigit() and len(name) <= _MOST_DIGITS:
            return "order_status", int(name)
        # Not at the top: that package imports this module.
        from easytrader_qmt.miniqmt.names import NAMES

        known = NAMES["order_status"].values()
        # Rows that were made or edited by hand may have names of their own.
        if name not in known and all(row.get("order_status_name") != name for row in self):
            raise InvalidArgument(f"没有委托状态 {shown(value)}，可用: {'、'.join(known)}")
        return "order_status_name", name

    @overload
    def __getitem__(self, index: SupportsIndex, /) -> Row: ...
    @overload
    def __getitem__(self, index: slice, /) -> Records: ...
    def __getitem__(self, index: SupportsIndex | slice, /) -> Row | Records:
        if isinstance(index, slice):
            return Records(super().__getitem__(index), self.table)
        return super().__getitem__(index)

    def copy(self) -> Records:
        """New Records that share the dicts."""
        return Records(self, self.table)

    def __repr__(self) -> str:
        return draw_text(self.table, self)

    def _repr_html_(self) -> str:
        return draw_html(self.table, self)


def rows(kind: str | Table, objects: Iterable[Any], remarks: Remarks | None = None) -> Records:
    """The vendor's objects as Records, in order; a field that is missing or cannot be read is None.

    ``remarks`` gives users' own remarks by order token, for those too long to be sent with the token.
    Raises InvalidArgument for an unknown kind, and for None: a failed query is not an empty one.
    """
    if objects is None:
        raise InvalidArgument("查询结果是 None：查询失败不等于空列表")
    table = table_of(kind)
    return Records(build_rows(table, list(objects), remarks), table)


def row(kind: str | Table, vendor_object: Any, remarks: Mapping[str, str] | None = None) -> Row:
    """One vendor object as the dict that `rows` would hold for it."""
    return build_row(table_of(kind), vendor_object, remarks)
