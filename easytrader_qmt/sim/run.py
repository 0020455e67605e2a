"""Runs a script written for raw xtquant or for this package, unmodified, against a simulated terminal.

The whole process is declared simulated first, and says so: nothing in it can reach a real terminal. Never
changes the script, and writes nothing at the path it names.
"""

from __future__ import annotations

import ntpath
import os
import runpy
import sys
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.miniqmt import policy
from easytrader_qmt.records import rows
from easytrader_qmt.sim import layer, link_client, registry
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.market_view import LocalMarket, MarketView, RemoteMarket
from easytrader_qmt.sim.native import ClientSettings, ClientSide, Endpoint
from easytrader_qmt.sim.script_end import ScriptClock, leave, threads_at_work, wait_for_threads
from easytrader_qmt.sim.terminal import Terminal


class _Nobody:
    """Where no terminal is: a connect is -1 as ever, and no folder appears under the script's path."""

    client_settings = ClientSettings()

    def attach(self, client: ClientSide, session: int) -> bool:
        return False

    def detach(self, client: ClientSide) -> None:
        return None

    def request(self, client: ClientSide, name: str, seq: int, fields: dict[str, Any]) -> None:
        return None


_NOBODY = _Nobody()


def run_script(
    script: Path,
    args: list[str],
    say: Callable[[str], None],
    *,
    seconds: float | None = None,
    userdata: str | None = None,
    terminal_dir: str | None = None,
) -> int:
    """Run ``script`` as ``__main__`` and say what the counter saw; returns its exit status.

    ``userdata`` is the only path at which the terminal is found; None: at whatever path the script names.
    ``seconds`` ends a script that would run for ever, with status 0.
    """
    longest = None if seconds is None else _checked(seconds)
    say(f"【仿真】{script} 运行在仿真终端上，所有委托和成交都不是真实的")
    terminal, endpoint, home = _terminal(terminal_dir)
    terminals: list[Terminal | str] = [terminal if terminal is not None else home]
    named: list[str] = []

    def meant(path: str) -> bool:
        if path != home and path not in named:
            named.append(path)
        return path == home or userdata is None or _same(path, userdata)

    def find(path: str) -> Endpoint:
        own = registry.at(path)
        if own is not None:
            # The script's own use('sim'): it must trade where its user.terminal looks.
            if own not in terminals:
                terminals.append(own)
            return own
        # Likewise a terminal process that lives at the very path the script names.
        there = link_client.find(path) if path != home else None
        if there is not None:
            if path not in terminals:
                terminals.append(path)
            return there
        return endpoint if meant(path) else _NOBODY

    def locate(path: object) -> object:
        lives_there = registry.at(str(path)) is not None or link_client.find(str(path)) is not None
        return path if lives_there or not meant(str(path)) else home

    layer.add_finder(find, first=True)
    layer.declare_process_simulated(locate, lambda: _market(terminal, home))
    clock = ScriptClock(say, lambda: _report(terminals, named, say))
    if longest is not None:
        clock.start(longest)
    try:
        try:
            status = _run(script, args)
            wait_for_threads(say)
        finally:
            clock.script_ended()
    except KeyboardInterrupt:
        # Again, because the interrupt may have come before the first call did anything.
        clock.script_ended()
        if not clock.over.is_set():
            say("脚本被中断")
        status = 130
    if clock.over.is_set():
        status = 0
    _report(terminals, named, say)
    if threads_at_work():
        # They were not waited for, or were interrupted: plain Python would wait for them without end.
        leave(status)
    return status


def _checked(seconds: float) -> float:
    try:
        return policy.seconds("seconds", seconds)
    except InvalidArgument as error:
        raise SystemExit(str(error)) from None


def _terminal(terminal_dir: str | None) -> tuple[Terminal | None, Endpoint, str]:
    if terminal_dir is None:
        terminal = Terminal()
        return terminal, terminal, terminal.home
    endpoint = link_client.find(terminal_dir)
    if endpoint is None:
        raise SystemExit(
            f"{terminal_dir} 没有以独立进程运行的仿真终端；"
            f'先运行 python -m easytrader_qmt sim terminal "{terminal_dir}"'
        )
    return None, endpoint, terminal_dir


def _market(terminal: Terminal | None, home: str) -> MarketView:
    """The market that the script's ``xtdata`` shows."""
    return LocalMarket(terminal) if terminal is not None else RemoteMarket(link_client.control(home))


def _run(script: Path, args: list[str]) -> int:
    before = sys.argv, list(sys.path)
    sys.argv = [str(script), *args]
    sys.path.insert(0, str(script.resolve().parent))
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        sys.stderr.write(f"{end.code}\n")
        return 1
    except Exception as error:
        sys.stdout.flush()
        _show_error(error, str(script))
        return 1
    finally:
        sys.argv, sys.path[:] = before
    return 0


def _show_error(error: BaseException, script: str) -> None:
    """The script's traceback, from its own first line on."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace)


def _report(terminals: list[Terminal | str], named: list[str], say: Callable[[str], None]) -> None:
    """What each counter saw; a terminal that runs as a process of its own is told by its directory."""
    if named:
        say(f"\n【仿真】脚本使用的终端路径: {'、'.join(named)}")
    with ExitStack() as stack:
        reached = []
        for each in terminals:
            try:
                reached.append(
                    stack.enter_context(link_client.control(each)) if isinstance(each, str) else each
                )
            except LinkError as error:
                say(f"【仿真】{error}，不能显示柜台看到的内容")
        try:
            _report_accounts(reached, say)
        except LinkError as error:
            say(f"【仿真】仿真终端没有回答：{error}")


def _report_accounts(terminals: list[Any], say: Callable[[str], None]) -> None:
    traded = [
        (terminal, account.account_id)
        for terminal in terminals
        for account in terminal.accounts
        if terminal.orders(account.account_id)
    ]
    quiet = [(terminal, terminal.accounts[0].account_id) for terminal in terminals[:1]]
    for terminal, account_id in traded or quiet:
        _report_account(terminal, account_id, say)


def _report_account(terminal: Any, account_id: str, say: Callable[[str], None]) -> None:
    orders, trades = terminal.orders(account_id), terminal.trades(account_id)
    holdings = terminal.holdings(account_id)
    say(f"【仿真】柜台看到的账号 {account_id}: 委托 {len(orders)} 笔，成交 {len(trades)} 笔")
    tables = (
        ("资金", "asset", [holdings["asset"]]),
        ("持仓", "position", holdings["positions"]),
        ("委托", "order", orders),
        ("成交", "trade", trades),
    )
    for title, kind, found in tables:
        say(f"{title}:\n{rows(kind, [_object(each) for each in found])!r}")


def _object(fields: Any) -> SimpleNamespace:
    return SimpleNamespace(**fields)


def _same(path: str, other: str) -> bool:
    # A Windows path is compared as Windows does, wherever the script runs.
    rules: Any = ntpath if "\\" in path + other else os.path
    return bool(rules.normcase(rules.normpath(path)) == rules.normcase(rules.normpath(other)))
