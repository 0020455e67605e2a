"""Records as a table on a terminal or in a notebook, with Chinese headings.

Text only: it never reads a vendor object, never imports pandas and never changes a row. A Chinese character
takes two cells, so widths are counted in cells; a long list shows its head and its tail.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from easytrader_qmt.clock import shanghai
from easytrader_qmt.fields import Column, Table

__all__ = ["cell", "cells_wide", "draw_html", "draw_text"]

MAX_ROWS = 60
_EDGE = 20
_GAP = "  "


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


def draw_text(table: Table, rows: Sequence[Mapping[str, Any]]) -> str:
    """An aligned table; the last line counts the rows."""
    columns = [column for column in table.columns if column.shown]
    drawn, left_out = _parts(rows)
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
    """A table for a notebook; everything from outside is escaped."""
    columns = [column for column in table.columns if column.shown]
    drawn, left_out = _parts(rows)
    lines = [_html_row(columns, row) for row in drawn]
    if left_out:
        lines.insert(_EDGE, f'<tr><td colspan="{len(columns)}">…（略去 {left_out} 行）</td></tr>')
    head = "".join(f"<th>{escape(column.heading)}</th>" for column in columns)
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(lines)}</tbody></table>"
        f"<p>{len(rows)} 行；全部字段见 .zh 或 .df</p>"
    )


def _html_row(columns: Sequence[Column], row: Mapping[str, Any]) -> str:
    cells = []
    for column in columns:
        align = ' style="text-align:right"' if _is_number(column) else ""
        cells.append(f"<td{align}>{escape(cell(column, row.get(column.key)))}</td>")
    return f"<tr>{''.join(cells)}</tr>"
