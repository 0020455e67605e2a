"""A short session on a simulated terminal, to look at.

Never connects to anything real, and says so in its first and last line.
"""

from __future__ import annotations

from collections.abc import Callable

from loguru import logger

from easytrader_qmt.sim.terminal import Terminal, TerminalSettings
from easytrader_qmt.sim.trader import SimTrader

_WAIT = 5.0
"""Seconds until pushes must have been handled."""


def run_demo(say: Callable[[str], None]) -> None:
    """Connect, buy, a partial fill, a market order, a cancel, a sale, then the tables."""
    say("【仿真演示】下面的终端、行情、资金和成交全部是仿真的，没有连接任何真实柜台\n")
    # The demo is for looking at tables; the log lines between them would be in the way.
    logger.disable("easytrader_qmt")
    try:
        _session(say)
    finally:
        logger.enable("easytrader_qmt")
    say("\n【仿真演示】结束。换成真实终端只需：user = use('miniqmt')，再 user.connect(路径, 资金账号)")


def _session(say: Callable[[str], None]) -> None:
    terminal = Terminal(settings=TerminalSettings(cash=1_000_000.0))
    terminal.hold("600036", 1000, 34.20)
    with SimTrader(terminal=terminal) as user:
        user.connect()
        user.on("trade", lambda trade: say(
            f"  成交推送: {trade['stock_code']} {trade['traded_volume']} 股 @ {trade['traded_price']:.2f}"
        ))  # fmt: skip
        say(f">>> user.connect()\n{user!r}\n\n>>> user.balance\n{user.balance!r}\n")

        terminal.market.set("600000", ask1=10.49, ask1_volume=300)
        say(">>> user.buy('600000', price=10.50, amount=1000)      # 卖一只有 300 股：先部分成交")
        bought = user.buy("600000", price=10.50, amount=1000)
        user.drain(_WAIT)
        say(
            f"{bought}\n\n>>> terminal.market.set('600000', ask1=10.50, ask1_volume=400)   # 行情到价，再成交 400 股"
        )
        terminal.market.set("600000", ask1=10.50, ask1_volume=400)
        user.drain(_WAIT)
        say("\n>>> user.market_buy('000001', amount=500, ttype='最优五档即时成交剩余撤销')")
        market = user.market_buy("000001", amount=500, ttype="最优五档即时成交剩余撤销")
        user.drain(_WAIT)
        say(f"{market}\n\n>>> user.cancel_entrust({bought['entrust_no']})      # 撤掉还没成交的 300 股")
        say(f"{user.cancel_entrust(bought['entrust_no'])}")
        user.drain(_WAIT)
        say("\n>>> user.sell('600036', price=35.40, amount=600)     # 昨日持仓，今天可卖")
        sold = user.sell("600036", price=35.40, amount=600)
        user.drain(_WAIT)
        say(f"{sold}\n\n>>> user.position\n{user.position!r}\n")
        say(
            f">>> user.today_entrusts\n{user.today_entrusts!r}\n\n>>> user.today_trades\n{user.today_trades!r}"
        )
