"""The ``easytrader-qmt`` command, same as ``python -m easytrader_qmt``.

Only reads the command line and prints; what is done lives in the modules it calls.
"""

from __future__ import annotations

import errno
import socket
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from easytrader_qmt import cli_doctor, cli_journal, cli_orders, cli_queries
from easytrader_qmt._version import __version__
from easytrader_qmt.cli_chinese import ChineseGroup
from easytrader_qmt.cli_connection import fail, speak_as_asked

_NO_SUCH_HOST = "{!r} 不是本机的地址，不能监听；请用 127.0.0.1，或去掉 --host"
_NOT_HERE = (
    errno.EADDRNOTAVAIL,
    # ``socket.create_server`` makes plain errors of those about a name, which keep nothing but the number.
    socket.EAI_NONAME,
    *(getattr(socket, name, socket.EAI_NONAME) for name in ("EAI_NODATA", "EAI_AGAIN")),
    getattr(errno, "WSAEADDRNOTAVAIL", errno.EADDRNOTAVAIL),
)
_IN_USE = (errno.EADDRINUSE, getattr(errno, "WSAEADDRINUSE", errno.EADDRINUSE))
_REASONS = (
    (PermissionError, "没有权限"),
    (NotADirectoryError, "上级路径是文件，不是目录"),
    (FileExistsError, "那里已有同名的文件"),
    (FileNotFoundError, "路径不存在"),
)


@click.group(cls=ChineseGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(
    __version__, prog_name="easytrader-qmt", message="%(prog)s %(version)s", help="显示版本号"
)
def main() -> None:
    """easytrader 的接口，迅投 MiniQMT 的柜台。"""


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
    """让脚本（用 xtquant 或本库写的脚本，不用改）在仿真终端上运行。

    脚本自己的参数写在 -- 之后，例如 sim run s.py -- --seconds 5。
    """
    from easytrader_qmt.sim.run import run_script

    sys.exit(
        run_script(
            script, list(args), click.echo, seconds=seconds, userdata=userdata, terminal_dir=terminal_dir
        )
    )


def _nameable(ctx: click.Context, param: click.Parameter, host: str) -> str:
    try:
        host.encode("idna")  # which a socket does as well, and says in other ways that it cannot
    except UnicodeError:
        raise click.BadParameter(_NO_SUCH_HOST.format(host), ctx, param) from None
    return host


@sim.command("terminal")
@click.argument("directory", metavar="目录", type=click.Path(file_okay=False, path_type=Path))
@click.option("--seed-cash", type=float, default=None, help="新目录里账号的初始资金（元）")
@click.option("--host", default="127.0.0.1", callback=_nameable, help="监听地址，默认 127.0.0.1；只应是本机")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="监听端口，默认任意空闲端口")
@click.option("--connect-timeout", type=float, default=3.0, help="连接失败时要等的秒数，默认 3")
@click.option("--debug", is_flag=True, help="显示日志")
def sim_terminal(
    directory: Path, seed_cash: float | None, host: str, port: int, connect_timeout: float, debug: bool
) -> None:
    """让仿真终端作为独立进程运行在目录里，状态保存在那里，按 Ctrl+C 结束。"""
    from easytrader_qmt.errors import EasytraderQmtError
    from easytrader_qmt.sim.process import serve

    speak_as_asked(debug)
    try:
        serve(
            directory,
            host=host,
            port=port,
            seed_cash=seed_cash,
            connect_timeout=connect_timeout,
            announce=lambda line: click.echo(line),
        )
    except EasytraderQmtError as error:
        fail(error)
    except OSError as error:
        if error.filename is None and error.errno in _NOT_HERE:
            raise click.BadParameter(_NO_SUCH_HOST.format(host), param_hint="'--host'") from None
        raise click.ClickException(_no_terminal(error, directory, port)) from None
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    click.echo("已停止")


def _no_terminal(error: OSError, directory: Path, port: int) -> str:
    """Why a terminal could not run, and what to do about it."""
    why = next((reason for kind, reason in _REASONS if isinstance(error, kind)), error.strerror or str(error))
    if error.filename is not None:
        return f"仿真终端没有运行：目录 {directory} 不能使用（{why}）；请检查路径和写权限，或换一个目录"
    if error.errno in _IN_USE:
        return f"仿真终端没有运行：端口 {port} 已被占用；请用 --port 换一个，或去掉 --port 用任意空闲端口"
    return (
        f"仿真终端没有运行：端口 {port} 不能监听（{why}）；请用 --port 换一个，或去掉 --port 用任意空闲端口"
    )


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
