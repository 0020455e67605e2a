"""``easytrader-qmt doctor``: which terminal to look at, and its examination.

Never places an order; a simulated terminal is looked at only where there is one or ``--sim`` asks for one.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from easytrader_qmt.cli_chinese import ChineseCommand
from easytrader_qmt.cli_connection import ACCOUNT, config_option, fail, path_option, settings
from easytrader_qmt.errors import EasytraderQmtError


@click.command(cls=ChineseCommand, short_help="检查 MiniQMT 为什么连不上。")
@click.argument("place", metavar="[路径]", required=False)
@path_option
@click.option(
    "--account", envvar=ACCOUNT, help=f"资金账号；给出后会实际连接、订阅并查看账户状态 [环境变量 {ACCOUNT}]"
)
@config_option
@click.option("--sim", "simulated", is_flag=True, help="检查仿真终端；不给路径时是这里临时的一个")
def doctor(
    place: str | None, path: str | None, account: str | None, config: Path | None, simulated: bool
) -> None:
    """检查 MiniQMT 为什么连不上。路径是终端的 userdata_mini，也可以来自 --path、环境变量或配置文件。"""
    try:
        found = settings({"path": place or path, "account": account, "config": config})
    except EasytraderQmtError as error:
        fail(error)
    where, who = found.get("miniqmt_path"), found.get("stock_account")
    if simulated:
        sys.exit(0 if _simulated(where, who) else 1)
    if where is None:
        raise click.UsageError(
            "请给出终端的路径（参数、--path、环境变量或配置文件），或用 --sim 检查仿真终端"
        )
    sys.exit(0 if _examined(where, who) else 1)


def _simulated(path: str | None, account: str | None) -> bool:
    from easytrader_qmt.sim import Terminal, layer, link_client

    if path is None:
        terminal = Terminal()
        try:
            return _examined(terminal.home, account)
        finally:
            terminal.close()
    link_client.install()
    if layer.find_endpoint(path) is None:
        click.echo(f"错误：{path} 没有正在运行的仿真终端；去掉 --sim 按真实终端检查", err=True)
        return False
    return _examined(path, account)


def _examined(path: str, account: str | None) -> bool:
    from easytrader_qmt.miniqmt.examination import examine

    return examine(path, account, click.echo)
