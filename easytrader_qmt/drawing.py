"""Records as a table on a terminal or in a notebook, with Chinese headings.

Text only: it never reads a vendor object, never imports pandas and never changes a row. A Chinese character
takes two cells, so widths are counted in cells; a long list shows its head and its tail. A text column that
is empty in every drawn row is left out; an empty list shows all headings.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from easytrader_qmt.clock import shanghai
from easytrader_qmt.fields import Column, Table

__all__ = ["MOST_WANTED", "cell", "cells_wide", "draw_html", "draw_text"]

MAX_ROWS = 60
_EDGE = 20
_GAP = "  "
_FIRST = {"stock_code": -2, "instrument_name": -1}
"""Columns that are drawn before the others: a code is read together with its name."""
MOST_WANTED: Mapping[str, tuple[str, ...]] = {
    "asset": ("account_id", "total_asset", "cash", "frozen_cash", "market_value"),
    "position": (
        "stock_code", "instrument_name", "volume", "can_use_volume", "avg_price", "last_price",
        "float_profit", "market_value",
    ),
    "order": (
        "stock_code", "order_id", "order_type_name", "price", "order_volume", "traded_volume",
        "order_status_name", "status_msg", "instrument_name",
    ),
    "trade": (
        "stock_code", "order_id", "order_type_name", "traded_price", "traded_volume", "traded_amount",
        "traded_time",
    ),
}  # fmt: skip
"""What to show by kind where there is no room for every column, the most wanted first."""


def cells_wide(text: str) -> int:
    """How many cells of a terminal a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in "WF" else 1
        for letter in text
    )


def cell(column: Column, value: object) -> str:
    """One value as it is shown: thousands separators, percentages, times; a missing one is a dash."""
    if value is None or value != value:
        return "-"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return "".join(letter if letter.isprintable() else " " for letter in str(value))
    if column.dtype == "time":
        return _time(value)
    if column.look == "count":
        return f"{value:,}"
    if column.look == "money":
        return f"{value:,.2f}"
    if column.look == "percent":
        return f"{value:.2%}"
    if column.look == "price":
        return f"{value:,.3f}".removesuffix("0")
    return str(value)


def _time(seconds: float) -> str:
    if not 0 < seconds < 2**33:
        return "-"
    return shanghai(seconds).strftime("%Y-%m-%d %H:%M:%S")


def _is_number(column: Column) -> bool:
    return column.dtype == "float" or column.look == "count"


def _parts(rows: Sequence[Mapping[str, Any]]) -> tuple[Sequence[Mapping[str, Any]], int]:
    """The rows that are drawn, and how many are left out after the first ones; 0 when all are drawn."""
    if len(rows) <= MAX_ROWS:
        return rows, 0
    return [*rows[:_EDGE], *rows[-_EDGE:]], len(rows) - 2 * _EDGE


def _drawn_columns(table: Table, drawn: Sequence[Mapping[str, Any]]) -> list[Column]:
    columns = [
        column
        for column in table.columns
        if column.shown
        and (
            column.dtype != "str" or not drawn or any(row.get(column.key) not in (None, "") for row in drawn)
        )
    ]
    return sorted(columns, key=lambda column: _FIRST.get(column.key, 0))


def draw_text(table: Table, rows: Sequence[Mapping[str, Any]]) -> str:
    """An aligned table; the last line counts the rows."""
    drawn, left_out = _parts(rows)
    columns = _drawn_columns(table, drawn)
    lines = [[column.heading for column in columns]]
    lines += [[cell(column, row.get(column.key)) for column in columns] for row in drawn]
    if left_out:
        lines.insert(1 + _EDGE, ["…"] * len(columns))
    widths = [max(cells_wide(line[at]) for line in lines) for at in range(len(columns))]
    text = [_line(columns, line, widths) for line in lines]
    return "\n".join([*text, f"{len(rows)} 行"])


def _line(columns: Sequence[Column], texts: Sequence[str], widths: Sequence[int]) -> str:
    padded = []
    for column, text, width in zip(columns, texts, widths, strict=True):
        blank = " " * (width - cells_wide(text))
        padded.append(blank + text if _is_number(column) else text + blank)
    return _GAP.join(padded).rstrip()


def draw_html(table: Table, rows: Sequence[Mapping[str, Any]]) -> str:
    """A table for a notebook; everything from outside is escaped. A wide one scrolls instead of folding."""
    drawn, left_out = _parts(rows)
    columns = _drawn_columns(table, drawn)
    lines = [
        _html_row("td", columns, [cell(column, row.get(column.key)) for column in columns]) for row in drawn
    ]
    if left_out:
        lines.insert(_EDGE, f'<tr><td colspan="{len(columns)}">…（略去 {left_out} 行）</td></tr>')
    head = _html_row("th", columns, [column.heading for column in columns])
    return (
        f'<div style="overflow-x:auto"><table><thead>{head}</thead><tbody>{"".join(lines)}</tbody></table></div>'
        f"<p>{len(rows)} 行；全部字段见 .zh 或 .df</p>"
    )


def _html_row(tag: str, columns: Sequence[Column], texts: Sequence[str]) -> str:
    # Notebooks and sites differ in how they align cells by themselves.
    cells = [
        f'<{tag} style="white-space:nowrap;text-align:{"right" if _is_number(column) else "left"}">'
        f"{escape(text)}</{tag}>"
        for column, text in zip(columns, texts, strict=True)
    ]
    return f"<tr>{''.join(cells)}</tr>"
