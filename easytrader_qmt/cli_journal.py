"""``easytrader-qmt journal``: the order journal on the command line.

Only reads the command line and prints; what is shown comes from `journal_view`.
"""

from __future__ import annotations

import click

from easytrader_qmt.errors import EasytraderQmtError


@click.command()
@click.option("--path", default=None, help="日志文件；默认是本机用户目录里的那一份")
@click.option("--account", default=None, help="只看这个资金账号")
@click.option("--day", default=None, help="只看这一天，写作 2025-11-03")
@click.option(
    "--outcome", default=None, help="只看这种结果：accepted/已报到、refused/被拒绝、in_doubt/结果未知 等"
)
@click.option("--security", default=None, help="只看这只证券，代码的任何写法都可以")
@click.option(
    "--limit", type=click.IntRange(min=0), default=None, help="最多几笔（最新的）；列表默认 50，导出默认全部"
)
@click.option("--export", type=click.Choice(["csv", "json"]), default=None, help="导出为 csv 或 json")
def journal(
    path: str | None,
    account: str | None,
    day: str | None,
    outcome: str | None,
    security: str | None,
    limit: int | None,
    export: str | None,
) -> None:
    """查看、筛选、导出委托日志：发过的每一笔委托和它的结果。"""
    from easytrader_qmt.journal_view import journal_text

    most = 50 if limit is None and export is None else limit
    try:
        pieces = journal_text(
            path, account=account, day=day, outcome=outcome, security=security, limit=most, export=export
        )
        for piece in pieces:
            click.echo(piece, nl=export is None)
    except EasytraderQmtError as error:
        raise click.ClickException(str(error)) from None
