"""``easytrader-qmt journal``: the order journal on the command line.

Only reads the command line and prints; what is shown comes from `journal_view`.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from easytrader_qmt.cli_chinese import ChineseCommand
from easytrader_qmt.cli_connection import PATH, config_option, fail, read_config
from easytrader_qmt.cli_queries import Form, output_options
from easytrader_qmt.errors import EasytraderQmtError, InvalidArgument
from easytrader_qmt.folders import default_journal


@click.command(cls=ChineseCommand)
@click.option(
    "--path", default=None, help="日志文件，与 --sim 一起也可以是终端目录；默认是本机用户目录里的那一份"
)
@click.option(
    "--sim", "simulated", is_flag=True, help=f"看仿真终端的日志；终端目录来自 --path、{PATH} 或配置文件"
)
@config_option
@click.option("--account", default=None, help="只看这个资金账号；默认是配置文件里的，没有则全部")
@click.option("--day", default=None, help="只看这一天，写作 2025-11-03")
@click.option(
    "--outcome",
    default=None,
    help="只看这种结果：accepted/已报到、refused/被拒绝（含已报到后被拒绝的）、in_doubt/结果未知 等",
)
@click.option("--security", default=None, help="只看这只证券，代码的任何写法都可以")
@click.option(
    "--limit", type=click.IntRange(min=0), default=None, help="最多几笔（最新的）；列表默认 50，导出默认全部"
)
@click.option("--export", type=click.Choice(["csv", "json"]), default=None, help="与 --csv、--json 相同")
@output_options
def journal(
    path: str | None,
    simulated: bool,
    config: Path | None,
    account: str | None,
    day: str | None,
    outcome: str | None,
    security: str | None,
    limit: int | None,
    export: str | None,
    form: Form,
) -> None:
    """查看、筛选、导出委托日志：发过的每一笔委托和它的结果。"""
    from easytrader_qmt.journal_view import journal_text

    if export is not None and form not in (None, export):
        raise click.UsageError(f"--export {export} 和 --{form} 只能给一个")
    wanted = export or form
    try:
        named = {} if config is None else read_config(config)
        pieces = journal_text(
            _file(path, simulated, named),
            account=account if account is not None else named.get("stock_account"),
            day=day,
            outcome=outcome,
            security=security,
            limit=50 if limit is None and wanted is None else limit,
            export=wanted,
        )
        for piece in pieces:
            click.echo(piece, nl=wanted is None)
    except EasytraderQmtError as error:
        fail(error)


def _file(path: str | None, simulated: bool, named: dict[str, object]) -> str | None:
    """The journal's file; None is this user's own. ``named`` is what a configuration file says."""
    if path is None and (kept := named.get("journal")) is not None:
        if not isinstance(kept, str):
            raise InvalidArgument(
                f"配置文件里 journal 是 {kept!r}，没有日志文件；请用 --path 指出要看的那一份"
            )
        return kept
    if not simulated:
        return path
    place = path or os.environ.get(PATH) or named.get("miniqmt_path")
    if place is None:
        raise InvalidArgument("命令里临时的仿真终端不留日志：请用 --path 指出仿真终端的目录")
    return default_journal(str(place)) if os.path.isdir(str(place)) else str(place)
