"""SimTrader: the same facade on a simulated terminal; what ``use('sim')`` returns.

Never touches a real terminal, and says in its log, its repr and its account number that it is a simulation.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from loguru import logger

from easytrader_qmt.clock import Clock
from easytrader_qmt.errors import InvalidArgument
from easytrader_qmt.miniqmt.supervisor import Pause
from easytrader_qmt.miniqmt.trader import MiniqmtTrader
from easytrader_qmt.sim import registry
from easytrader_qmt.sim.layer import simulated_vendor
from easytrader_qmt.sim.terminal import STOCK_ACCOUNT, Terminal, TerminalSettings


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
        self._owns_terminal = terminal is None
        if terminal is None:
            settings = TerminalSettings() if cash is None else TerminalSettings(cash=_yuan(cash))
            terminal = Terminal(settings=settings, clock=clock)
        self.terminal = terminal
        """The simulated terminal: its market, its faults, its accounts, its next day."""

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

        A ``miniqmt_path`` where a simulated terminal lives connects to that one; any other existing folder
        fails as it would with a real terminal.
        """
        if miniqmt_path is None:
            miniqmt_path = self.terminal.home
        else:
            there = (
                registry.at(os.fspath(miniqmt_path)) if isinstance(miniqmt_path, (str, os.PathLike)) else None
            )
            self.terminal = there if there is not None else self.terminal
        super().connect(
            miniqmt_path,
            STOCK_ACCOUNT if stock_account is None else stock_account,
            trader_callback,
            reconnect_enabled,
            reconnect_interval,
            max_reconnect_attempts,
            **more,
        )
        logger.info("当前连接的是仿真终端，所有成交都不是真实的")

    def _day_limits(self, security: str) -> tuple[float | None, float | None] | None:
        code = self._parsed(security)
        if code not in self.terminal.market.codes():
            return None
        quote = self.terminal.market.quote(code)
        return quote.lower_limit, quote.upper_limit


def _yuan(cash: object) -> float:
    if not isinstance(cash, (int, float)) or isinstance(cash, bool) or not 0 <= cash < 1e12:
        raise InvalidArgument(f"cash={cash!r} 无效：应为 0 到 1 万亿之间的金额（元）")
    return float(cash)
