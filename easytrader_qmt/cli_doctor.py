"""``easytrader-qmt doctor``: which terminal to look at, and its examination.

Never places an order; a simulated terminal is looked at only where there is one or ``--sim`` asks for one.
"""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from easytrader_qmt.cli_chinese import ChineseCommand
from easytrader_qmt.cli_connection import ACCOUNT, config_option, fail, path_option, settings
from easytrader_qmt.errors import EasytraderQmtError, InvalidArgument
from easytrader_qmt.miniqmt.options import ConnectOptions, check


@click.command(cls=ChineseCommand, short_help="检查 MiniQMT 为什么连不上。")
@click.argument("place", metavar="[路径]", required=False)
@path_option
@click.option(
    "--account", envvar=ACCOUNT, help=f"资金账号；给出后会实际连接、订阅并查看账户状态 [环境变量 {ACCOUNT}]"
)
@click.option("--account-type", default=None, help="账号类型，默认 STOCK；信用账户是 CREDIT")
@config_option
@click.option("--sim", "simulated", is_flag=True, help="检查仿真终端；不给路径时是这里临时的一个")
def doctor(
    place: str | None,
    path: str | None,
    account: str | None,
    account_type: str | None,
    config: Path | None,
    simulated: bool,
) -> None:
    """检查 MiniQMT 为什么连不上。路径是终端的 userdata_mini，也可以来自 --path、环境变量或配置文件。"""
    try:
        found = settings(
            {"path": place or path, "account": account, "account_type": account_type, "config": config}
        )
        options = _checked(found)
    except EasytraderQmtError as error:
        fail(error)
    if simulated:
        sys.exit(0 if _simulated(options) else 1)
    if not options.miniqmt_path:
        raise click.UsageError(
            "请给出终端的路径（参数、--path、环境变量或配置文件），或用 --sim 检查仿真终端"
        )
    sys.exit(0 if _examined(options) else 1)


def _checked(found: dict[str, Any]) -> ConnectOptions:
    """The settings as ``connect`` takes them; path and account are empty where there are none.

    Raises InvalidArgument. The path is not checked: what is wrong with it is for the doctor to say.
    """
    where = found.get("miniqmt_path")
    if where is not None and not isinstance(where, str):
        raise InvalidArgument(f"miniqmt_path={where!r} 无效：应为字符串")
    some = {"stock_account": "-", **found, "miniqmt_path": os.curdir}
    options = replace(check(some), miniqmt_path=where or "")
    return options if found.get("stock_account") is not None else replace(options, stock_account="")


def _simulated(options: ConnectOptions) -> bool:
    from easytrader_qmt.sim import Terminal
    from easytrader_qmt.sim.whereabouts import look

    path = options.miniqmt_path
    if not path:
        terminal = Terminal()
        try:
            return _examined(replace(options, miniqmt_path=terminal.home))
        finally:
            terminal.close()
    there = look(path)
    if not there.lived:
        click.echo(
            f'错误：{path} 没有正在运行的仿真终端；启动：python -m easytrader_qmt sim terminal "{path}"，'
            "或去掉 --sim 按真实终端检查",
            err=True,
        )
        return False
    return _examined(options)


def _examined(options: ConnectOptions) -> bool:
    from easytrader_qmt.miniqmt.examination import examine

    return examine(options, click.echo)
