"""The commands that ask: balance, position, orders, trades, and the live screen.

Never sends an order.
"""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import click

from easytrader_qmt.cli_connection import connected, connection_options
from easytrader_qmt.records import Records


def _output_options(command: Any) -> Any:
    command = click.option("--json", "as_json", is_flag=True, help="以 JSON 输出")(command)
    return click.option("--csv", "as_csv", is_flag=True, help="以 CSV 输出")(command)


def show(records: Records, as_json: bool, as_csv: bool) -> None:
    """Print records as asked: a table with Chinese headings, JSON, or CSV."""
    if as_json:
        click.echo(json.dumps(records, ensure_ascii=False, indent=2))
    elif as_csv:
        out = io.StringIO()
        names = [column.key for column in records.table.columns]
        writer = csv.DictWriter(out, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows(records)
        click.echo(out.getvalue(), nl=False)
    else:
        click.echo(repr(records))


@click.command()
@connection_options
@_output_options
def balance(as_json: bool, as_csv: bool, **given: Any) -> None:
    """查询资金。"""
    with connected(given) as user:
        show(user.balance, as_json, as_csv)


@click.command()
@connection_options
@_output_options
def position(as_json: bool, as_csv: bool, **given: Any) -> None:
    """查询持仓。"""
    with connected(given) as user:
        show(user.position, as_json, as_csv)


@click.command()
@click.option("--open", "open_only", is_flag=True, help="只看还能撤的委托")
@click.option("--security", default=None, help="只看这个证券")
@click.option("--status", default=None, help="只看这个状态，例如 已报")
@connection_options
@_output_options
def orders(
    open_only: bool, security: str | None, status: str | None, as_json: bool, as_csv: bool, **given: Any
) -> None:
    """查询当日委托。"""
    with connected(given) as user:
        found = user.cancel_entrusts if open_only else user.today_entrusts
        conditions = {"security": security, "status": status}
        wanted = {name: value for name, value in conditions.items() if value is not None}
        show(found.where(**wanted) if wanted else found, as_json, as_csv)


@click.command()
@click.option("--security", default=None, help="只看这个证券")
@connection_options
@_output_options
def trades(security: str | None, as_json: bool, as_csv: bool, **given: Any) -> None:
    """查询当日成交。"""
    with connected(given) as user:
        found = user.today_trades
        show(found.where(security=security) if security is not None else found, as_json, as_csv)


@click.command()
@click.option("--seconds", type=float, default=None, help="多少秒后结束；默认直到按 Ctrl+C")
@connection_options
def watch(seconds: float | None, **given: Any) -> None:
    """实时画面：连接状态、资金、持仓、委托和最近的事件。"""
    from easytrader_qmt.watch import watch_screen

    with connected(given) as user:
        watch_screen(user, seconds)


COMMANDS = (balance, position, orders, trades, watch)
