"""The commands that ask: balance, position, orders, trades, and the live screen.

Never sends an order.
"""

from __future__ import annotations

import csv
import io
import json
import shutil
import sys
from dataclasses import replace
from functools import wraps
from typing import Any, Literal

import click

from easytrader_qmt.cli_chinese import ChineseCommand
from easytrader_qmt.cli_connection import connected, connection_options
from easytrader_qmt.drawing import MOST_WANTED, cells_wide, draw_text
from easytrader_qmt.fields import Column, Table
from easytrader_qmt.records import Records

Form = Literal["json", "csv"] | None


def output_options(command: Any) -> Any:
    """``--json`` and ``--csv``; the command gets ``form``: one of them, or None for a table to read."""

    @wraps(command)
    def checked(*args: Any, as_json: bool, as_csv: bool, **given: Any) -> Any:
        if as_json and as_csv:
            raise click.UsageError("--json 和 --csv 只能给一个")
        return command(*args, form="json" if as_json else "csv" if as_csv else None, **given)

    checked = click.option("--json", "as_json", is_flag=True, help="以 JSON 输出")(checked)
    return click.option("--csv", "as_csv", is_flag=True, help="以 CSV 输出")(checked)


def show(records: Records, form: Form) -> None:
    """Print records as asked: a table with Chinese headings, JSON, or CSV."""
    if form == "json":
        click.echo(json.dumps(records, ensure_ascii=False, indent=2))
    elif form == "csv":
        out = io.StringIO()
        names = [column.key for column in records.table.columns]
        writer = csv.DictWriter(out, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        click.echo(out.getvalue(), nl=False)
    elif sys.stdout.isatty():
        click.echo(fitting(records, shutil.get_terminal_size().columns))
    else:
        click.echo(repr(records))


def fitting(records: Records, width: int) -> str:
    """The table with as many columns as a terminal of ``width`` cells has room for, and which are left out.

    A row that wraps cannot be read by its columns.
    """
    whole = repr(records)
    if _cells(whole) <= width:
        return whole
    columns = records.table.columns
    first = MOST_WANTED.get(records.kind, ())
    kept: list[Column] = []
    for column in sorted(
        (one for one in columns if one.shown),
        key=lambda one: first.index(one.key) if one.key in first else len(first),
    ):
        if not kept or _cells(_drawn(records, [*kept, column])) <= width:
            kept.append(column)
    left_out = [column.heading for column in columns if column.shown and column not in kept]
    note = f"（终端宽 {width} 列，没有显示：{'、'.join(left_out)}；--csv、--json 有全部字段）"
    return f"{_drawn(records, kept)}\n{note}"


def _drawn(records: Records, kept: list[Column]) -> str:
    table = records.table
    columns = tuple(replace(column, shown=column in kept) for column in table.columns)
    return draw_text(Table(table.kind, columns), records)


def _cells(text: str) -> int:
    return max(map(cells_wide, text.splitlines()))


@click.command(cls=ChineseCommand)
@connection_options
@output_options
def balance(form: Form, **given: Any) -> None:
    """查询资金。"""
    with connected(given) as user:
        show(user.balance, form)


@click.command(cls=ChineseCommand)
@connection_options
@output_options
def position(form: Form, **given: Any) -> None:
    """查询持仓。"""
    with connected(given) as user:
        show(user.position, form)


@click.command(cls=ChineseCommand)
@click.option("--open", "open_only", is_flag=True, help="只看还能撤的委托")
@click.option("--security", default=None, help="只看这个证券")
@click.option("--status", default=None, help="只看这个状态，例如 已报")
@connection_options
@output_options
def orders(open_only: bool, security: str | None, status: str | None, form: Form, **given: Any) -> None:
    """查询当日委托。"""
    with connected(given) as user:
        found = user.cancel_entrusts if open_only else user.today_entrusts
        conditions = {"security": security, "status": status}
        wanted = {name: value for name, value in conditions.items() if value is not None}
        show(found.where(**wanted) if wanted else found, form)


@click.command(cls=ChineseCommand)
@click.option("--security", default=None, help="只看这个证券")
@connection_options
@output_options
def trades(security: str | None, form: Form, **given: Any) -> None:
    """查询当日成交。"""
    with connected(given) as user:
        found = user.today_trades
        show(found.where(security=security) if security is not None else found, form)


@click.command(cls=ChineseCommand)
@click.option("--seconds", type=float, default=None, help="多少秒后结束；默认直到按 Ctrl+C")
@connection_options
def watch(seconds: float | None, **given: Any) -> None:
    """实时画面：连接状态、资金、持仓、委托和最近的事件。"""
    from easytrader_qmt.watch import watch_screen

    with connected(given) as user:
        watch_screen(user, seconds)


COMMANDS = (balance, position, orders, trades, watch)
