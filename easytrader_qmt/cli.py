"""The ``easytrader-qmt`` command, same as ``python -m easytrader_qmt``.

Only reads the command line and prints; what is done lives in the modules it calls.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import click

from easytrader_qmt import cli_doctor, cli_journal, cli_orders, cli_queries
from easytrader_qmt._version import __version__
from easytrader_qmt.cli_chinese import ChineseGroup
from easytrader_qmt.cli_connection import fail


@click.group(cls=ChineseGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    __version__, prog_name="easytrader-qmt", message="%(prog)s %(version)s", help="显示版本号"
)
def main() -> None:
    """easytrader 的接口，迅投 MiniQMT 的柜台。"""
    _speak_utf8()


@main.command()
def demo() -> None:
    """在仿真终端上演示一遍：连接、资金、买入、部分成交、市价、撤单、卖出。"""
    from easytrader_qmt.sim.demo import run_demo

    run_demo(click.echo)


for _command in (*cli_queries.COMMANDS, *cli_orders.COMMANDS, cli_doctor.doctor, cli_journal.journal):
    main.add_command(_command)


@main.group()
def sim() -> None:
    """仿真终端。"""


@sim.command("run", context_settings={"ignore_unknown_options": True})
@click.argument("script", metavar="脚本", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--seconds", type=float, default=None, help="最多运行多少秒，到时结束脚本")
@click.option("--userdata", default=None, help="脚本里的终端路径；不给出时，脚本写什么路径都连到仿真终端")
@click.option("--terminal", "terminal_dir", default=None, help="连接到以独立进程运行的仿真终端所在目录")
@click.argument("args", metavar="[脚本的参数]...", nargs=-1, type=click.UNPROCESSED)
def sim_run(
    script: Path, seconds: float | None, userdata: str | None, terminal_dir: str | None, args: Sequence[str]
) -> None:
    """让脚本（用 xtquant 或本库写的脚本，不用改）在仿真终端上运行。"""
    from easytrader_qmt.sim.run import run_script

    sys.exit(
        run_script(
            script, list(args), click.echo, seconds=seconds, userdata=userdata, terminal_dir=terminal_dir
        )
    )


@sim.command("terminal")
@click.argument("directory", metavar="目录", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed-cash", type=float, default=None, help="新目录里账号的初始资金（元）")
@click.option("--host", default="127.0.0.1", help="监听地址，默认 127.0.0.1；只应是本机")
@click.option("--port", type=int, default=0, help="监听端口，默认任意空闲端口")
@click.option("--connect-timeout", type=float, default=3.0, help="连接失败时要等的秒数，默认 3")
def sim_terminal(
    directory: Path, seed_cash: float | None, host: str, port: int, connect_timeout: float
) -> None:
    """让仿真终端作为独立进程运行在目录里，状态保存在那里，按 Ctrl+C 结束。"""
    from easytrader_qmt.sim.link_home import LinkError
    from easytrader_qmt.sim.process import serve

    try:
        serve(
            directory,
            host=host,
            port=port,
            seed_cash=seed_cash,
            connect_timeout=connect_timeout,
            announce=lambda line: click.echo(line),
        )
    except (LinkError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None


@sim.command("conformance")
@click.option(
    "--data",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=None,
    help="原始观察数据的目录",
)
@click.option("--version", "versions", multiple=True, help="只对照这个 xtquant 版本，可重复；默认全部")
@click.option("--verbose", is_flag=True, help="逐项列出")
@click.option("--json", "as_json", is_flag=True, help="输出 JSON")
def sim_conformance(data: Path | None, versions: Sequence[str], verbose: bool, as_json: bool) -> None:
    """把仿真组件与观察到的真实组件逐项对照；有缺失或不符时退出码为 1。"""
    from easytrader_qmt.errors import EasytraderQmtError
    from easytrader_qmt.sim.conformance import run

    try:
        sys.exit(run(click.echo, data=data, versions=versions, verbose=verbose, as_json=as_json))
    except EasytraderQmtError as error:
        fail(error)


def _speak_utf8() -> None:
    """Chinese output must not fail on a console or a pipe with another encoding."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if (
            reconfigure is not None
            and (getattr(stream, "encoding", "") or "").lower().replace("-", "") != "utf8"
        ):
            reconfigure(encoding="utf-8", errors="replace")
