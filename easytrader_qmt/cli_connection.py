"""From the command line, the environment and a file to a connected trader.

Never simulates unless ``--sim`` is given, and never prints an account number it was not told to.
"""

from __future__ import annotations

import importlib
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click
from loguru import logger

from easytrader_qmt.clock import SHANGHAI
from easytrader_qmt.errors import EasytraderQmtError, InvalidArgument, InvalidOrder, OrderRejected
from easytrader_qmt.miniqmt import default_callback, order_lines
from easytrader_qmt.miniqmt.options import OPTION_NAMES, backslash_hint

if TYPE_CHECKING:
    from loguru import Record

F = TypeVar("F", bound=Callable[..., Any])

SUCCESS, FAILED, WRONG_USAGE, REFUSED, NOT_SENT, IN_DOUBT = 0, 1, 2, 3, 4, 5
"""Exit status: done; could not be done; to be said differently; refused by the counter; not sent (safe to repeat);
outcome unknown."""

PATH, ACCOUNT, CONFIG = "EASYTRADER_QMT_PATH", "EASYTRADER_QMT_ACCOUNT", "EASYTRADER_QMT_CONFIG"
"""The environment variables."""

_SAID_BY_THE_COMMAND = (default_callback.__name__, order_lines.__name__)
"""Whose log lines tell what became of an order: the command itself says that, or the live screen does."""

path_option = click.option("--path", envvar=PATH, help=f"终端的 userdata_mini 路径 [环境变量 {PATH}]")
config_option = click.option(
    "--config",
    envvar=CONFIG,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help=f"TOML 或 JSON 配置文件，键与 connect 的参数同名 [环境变量 {CONFIG}]",
)

_OPTIONS = (
    path_option,
    click.option("--account", envvar=ACCOUNT, help=f"资金账号 [环境变量 {ACCOUNT}]"),
    click.option("--account-type", default=None, help="账号类型，默认 STOCK"),
    config_option,
    click.option(
        "--sim", "simulated", is_flag=True, help="使用仿真终端；给出 --path 时连接那里的仿真终端进程"
    ),
    click.option("--wait", type=float, default=None, help="终端不在时最多等待的秒数"),
    click.option("--debug", is_flag=True, help="显示日志和完整账号"),
)


def connection_options(command: F) -> F:
    """The options every command that connects takes."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def settings(given: dict[str, Any]) -> dict[str, Any]:
    """``connect``'s arguments: the file's, and over them what the command line or the environment says."""
    found: dict[str, Any] = {}
    if given.get("config") is not None:
        found.update(read_config(given["config"]))
    named = {
        "path": "miniqmt_path",
        "account": "stock_account",
        "account_type": "account_type",
        "wait": "wait",
    }
    found.update({name: given[short] for short, name in named.items() if given.get(short) is not None})
    return found


def read_config(path: Path) -> dict[str, Any]:
    """A TOML or JSON file's settings. Raises InvalidArgument naming the file and what is wrong."""
    try:
        text = path.read_text(encoding="utf-8-sig")
        content = _toml(text) if path.suffix.lower() == ".toml" else json.loads(text)
    except (OSError, ValueError) as error:
        raise InvalidArgument(f"配置文件 {path} 无法读取：{error}{backslash_hint(error)}") from None
    unknown = sorted(set(content) - set(OPTION_NAMES)) if isinstance(content, dict) else []
    if not isinstance(content, dict) or unknown:
        what = f"有不认识的键 {'、'.join(unknown)}" if unknown else "应为键值表"
        raise InvalidArgument(f"配置文件 {path} {what}；可用的键：{'、'.join(OPTION_NAMES)}")
    return content


def _toml(text: str) -> dict[str, Any]:
    # In the standard library since Python 3.11; tomli is the same before.
    reader = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    found: dict[str, Any] = reader.loads(text)
    return found


@contextmanager
def connected(given: dict[str, Any], unsent: int = FAILED) -> Iterator[Any]:
    """A connected trader, closed afterwards; every error of ours ends the command with its exit status.

    ``unsent`` is the status where nothing was sent: a command that trades says so, a query has just failed.
    """
    from easytrader_qmt.api import use

    speak_as_asked(bool(given.get("debug")))
    with ExitStack() as stack:
        try:
            user = use("sim" if given.get("simulated") else "miniqmt", debug=bool(given.get("debug")))
            stack.enter_context(user)
            user.connect(**settings(given))
        except EasytraderQmtError as error:
            fail(error, unsent)
        except KeyboardInterrupt:
            click.echo("已中断", err=True)
            sys.exit(unsent)
        if user.simulated:
            click.echo("【仿真】以下内容来自仿真终端，不是真实账户", err=True)
        try:
            yield user
        except EasytraderQmtError as error:
            fail(error, unsent)


def fail(error: EasytraderQmtError, unsent: int = FAILED) -> NoReturn:
    """Say what went wrong and end with the exit status that says what became of it."""
    click.echo(f"错误：{error}", err=True)
    sys.exit(status_of(error, unsent))


def status_of(error: EasytraderQmtError, unsent: int = FAILED) -> int:
    """The exit status of an error; ``unsent`` where nothing was sent."""
    if isinstance(error, InvalidArgument) or (isinstance(error, InvalidOrder) and error.field != "risk"):
        # Whoever repeats on "may be repeated" would repeat this for ever; what a risk limit stopped may pass later.
        return WRONG_USAGE
    if isinstance(error, OrderRejected):
        return REFUSED
    if error.sent is None:
        return IN_DOUBT
    return FAILED if error.sent else unsent


def speak_as_asked(debug: bool) -> None:
    """A command's own output must not drown in log lines; ``--debug`` shows them. Only for our own command."""

    def write(line: str) -> None:
        # To the stream of the moment: while a live screen is drawn, that is the screen's.
        sys.stderr.write(line)

    logger.remove()
    logger.add(
        write,
        level="DEBUG" if debug else "WARNING",
        format=_log_line,
        filter=None if debug else _not_said_anyway,
    )


def _log_line(record: Record) -> str:
    # In the exchanges' zone as everything else that is shown, wherever the machine stands.
    return f"{record['time'].astimezone(SHANGHAI):%H:%M:%S} {{level}} {{message}}\n{{exception}}"


def _not_said_anyway(record: Record) -> bool:
    return record["name"] not in _SAID_BY_THE_COMMAND
