"""SimTrader: the same facade on a simulated terminal; what ``use('sim')`` returns.

Never touches a real terminal, and says in its log, its repr and its account number that it is a simulation.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from loguru import logger

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import ConnectError, InvalidArgument, shown
from easytrader_qmt.miniqmt.options import account_type as checked_type
from easytrader_qmt.miniqmt.options import terminal_path
from easytrader_qmt.miniqmt.supervisor import Pause
from easytrader_qmt.miniqmt.trader import MiniqmtTrader
from easytrader_qmt.order_rules import MAX_MONEY, as_written
from easytrader_qmt.sim import link_client, registry
from easytrader_qmt.sim.layer import simulated_vendor
from easytrader_qmt.sim.link_home import LinkError
from easytrader_qmt.sim.terminal import Terminal, TerminalSettings
from easytrader_qmt.sim.terminal_home import CREDIT, STOCK, USUAL_ACCOUNTS

_KINDS = {"STOCK": STOCK, "CREDIT": CREDIT}


class SimTrader(MiniqmtTrader):
    """A trader on a simulated terminal, which runs in this process unless ``connect`` names another's path.

    ``terminal`` is a terminal that already runs; otherwise one is started, its account funded with ``cash``
    yuan.
    """

    broker_type = "sim"

    def __init__(
        self,
        *,
        terminal: Terminal | None = None,
        cash: float | None = None,
        debug: bool = False,
        clock: Clock | None = None,
        pause: Callable[[], Pause] | None = None,
    ) -> None:
        super().__init__(simulated_vendor(), debug=debug, clock=clock, pause=pause)
        link_client.install()
        _check_terminal(terminal)
        if terminal is None:
            settings = TerminalSettings() if cash is None else TerminalSettings(cash=_yuan(cash))
            terminal = Terminal(settings=settings, clock=clock)
        self._home_terminal = terminal
        self._terminal: Any = terminal

    @property
    def terminal(self) -> Any:
        """The simulated terminal this trader is connected to: its market, faults, accounts and next day.

        A ``Terminal``; for a terminal that runs as its own process, a ``ControlClient`` with the same calls.
        """
        return self._terminal

    def connect(
        self,
        miniqmt_path: Any = None,
        stock_account: Any = None,
        trader_callback: Any = None,
        reconnect_enabled: bool = True,
        reconnect_interval: float = 5,
        max_reconnect_attempts: int = 0,
        **more: Any,
    ) -> None:
        """``connect()`` needs no argument here; otherwise as MiniqmtTrader's.

        A ``miniqmt_path`` where a simulated terminal lives, in this process or its own, connects to that one;
        any other existing folder fails as it would with a real terminal.
        """
        if miniqmt_path is not None:
            terminal_path(miniqmt_path, simulated=True)
        if stock_account is None:
            kind = checked_type(more.get("account_type", "STOCK"))
            stock_account = _first_account(self._in_this_process(miniqmt_path), kind)
        super().connect(
            self._home_terminal.home if miniqmt_path is None else miniqmt_path,
            stock_account,
            trader_callback,
            reconnect_enabled,
            reconnect_interval,
            max_reconnect_attempts,
            **more,
        )
        try:
            self._terminal = self._found(miniqmt_path)
        except BaseException as error:
            self.exit()
            if isinstance(error, LinkError):
                raise ConnectError(
                    f"仿真终端刚刚断开：{error}；没有发送任何委托，可以重新 connect"
                ) from error
            raise
        logger.info("当前连接的是仿真终端，所有成交都不是真实的")

    def _default_account(self, account_type: str) -> Any:
        return _first_account(self._terminal, account_type)

    def _in_this_process(self, path: Any) -> Terminal | None:
        if path is None:
            return self._home_terminal
        named = isinstance(path, (str, os.PathLike)) and os.path.isdir(path)
        return registry.at(os.fspath(path)) if named else None

    def _found(self, path: Any) -> Any:
        there = self._in_this_process(path)
        return there if there is not None else link_client.control(path)

    def exit(self) -> None:
        """Close the connection and stop its threads; the terminal itself goes on. A second call does nothing."""
        try:
            super().exit()
        finally:
            # The control connection is the first facade's: an account added to it only borrows it.
            if isinstance(self._terminal, link_client.ControlClient) and not self._shared:
                self._terminal.close()
                self._terminal = self._home_terminal


def _first_account(terminal: Any, kind: str) -> str:
    """The first account of a kind at a terminal; None is one that cannot be asked yet, with the usual accounts.

    Raises InvalidArgument when there is none.
    """
    accounts = USUAL_ACCOUNTS if terminal is None else terminal.accounts
    for account in accounts:
        if account.account_type == _KINDS.get(kind):
            return str(account.account_id)
    raise InvalidArgument(
        f"仿真终端里没有 {kind} 账户，请用 stock_account 指定账号；account_type 可选 STOCK、CREDIT"
    )


def _check_terminal(terminal: object) -> None:
    """Raise InvalidArgument for what is no terminal, such as the path of one."""
    if isinstance(terminal, (str, os.PathLike)):
        path = os.fspath(terminal)
        raise InvalidArgument(
            f"terminal={shown(terminal)} 无效：terminal 是仿真终端对象，不是路径；"
            f"连接独立进程的仿真终端，请用 use('sim') 之后的 user.connect({shown(path)})"
        )
    if terminal is not None and not isinstance(terminal, (Terminal, link_client.ControlClient)):
        raise InvalidArgument(
            f"terminal={shown(terminal)} 无效：应为仿真终端对象 easytrader_qmt.sim.Terminal"
        )


def _yuan(cash: object) -> float:
    amount = as_written(cash)
    if amount is None or not 0 <= amount < MAX_MONEY:
        raise InvalidArgument(f"cash={shown(cash)} 无效：应为 0 到 1 万亿之间的金额（元）")
    return float(amount)
