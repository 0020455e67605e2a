"""What tests and the command line may do to a terminal process: a list of calls, nothing else by any name.

Never evaluates what it is sent, and answers with JSON-able values only.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from easytrader_qmt.sim.market_view import view_calls

if TYPE_CHECKING:
    from easytrader_qmt.sim.terminal import Terminal

_ON_TERMINAL = (
    "deposit",
    "hold",
    "next_day",
    "orders",
    "trades",
    "holdings",
    "order_by_hand",
    "push_account_status",
    "crash",
    "restart",
)
_ON_MARKET = ("set", "add", "suspend", "resume", "codes", "stop_replay")
_ON_FAULTS = (
    "disconnect",
    "refuse_connects",
    "freeze",
    "thaw",
    "lose_responses",
    "deny_orders",
    "replay_pushes",
    "log_out",
    "log_in",
    "crash",
    "restart",
    "hang",
    "release",
    "clear",
)
_LONGEST_DELAY = 3600.0
_LONGEST_WAIT = 1.0
_MOST_DUPLICATES = 1000


def control_calls(terminal: Terminal) -> dict[str, Callable[..., Any]]:
    """Every call that the control role has, by name."""
    calls: dict[str, Callable[..., Any]] = {name: getattr(terminal, name) for name in _ON_TERMINAL}
    calls |= {f"market.{name}": getattr(terminal.market, name) for name in _ON_MARKET}
    calls |= {f"faults.{name}": getattr(terminal.faults, name) for name in _ON_FAULTS}
    calls["market.quote"] = lambda code: asdict(terminal.market.quote(code))
    calls["day_quote"] = lambda code: None if (day := terminal.day_quote(code)) is None else asdict(day)
    calls["market.replay"] = lambda file, speed=1.0: (
        terminal.market.replay(file, speed, background=True).total
    )
    calls["market.join_replay"] = lambda seconds: terminal.market.join_replay(min(seconds, _LONGEST_WAIT))
    calls["market.instrument"] = lambda code: asdict(terminal.market.instrument(code))
    calls |= view_calls(terminal)
    calls["set"] = lambda name, value: set_attribute(terminal, name, value)
    calls["faults.set"] = lambda name, value: set_fault(terminal, name, value)
    calls["accounts"] = lambda: [asdict(account) for account in terminal.accounts]
    calls["state"] = lambda: terminal_state(terminal)
    return calls


def set_attribute(terminal: Terminal, name: str, value: Any) -> None:
    """Set ``trading_hours``. Raises ValueError for another name and for anything but True and False."""
    if name != "trading_hours":
        raise ValueError(f"不能设置 {name!r}，可选：trading_hours")
    if not isinstance(value, bool):
        raise ValueError(f"trading_hours 不能设为 {value!r}")
    terminal.trading_hours = value


def set_fault(terminal: Terminal, name: str, value: Any) -> None:
    """Set the fault switch ``name``. Raises ValueError for an unknown switch or a value it cannot take."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    allowed = {
        "delay": number and math.isfinite(value) and 0 <= value <= _LONGEST_DELAY,
        "duplicate": number and isinstance(value, int) and 0 <= value <= _MOST_DUPLICATES,
        "reorder": isinstance(value, bool),
        "answer_while_down": value in ("empty", "none"),
    }
    if name not in allowed:
        raise ValueError(f"没有故障开关 {name!r}，可选：{'、'.join(allowed)}")
    if not allowed[name]:
        raise ValueError(f"故障开关 {name} 不能设为 {value!r}")
    setattr(terminal.faults, name, value)


def terminal_state(terminal: Terminal) -> dict[str, Any]:
    """How the terminal is: its directory, clients, accounts, day and fault switches."""
    faults = terminal.faults
    return {
        "simulated": True,
        "home": terminal.home,
        "clients": terminal.clients,
        "accounts": [account.account_id for account in terminal.accounts],
        "now": terminal.now,
        "days": terminal.days,
        "running": terminal.running,
        "trading_hours": terminal.trading_hours,
        "faults": {
            "frozen": faults.frozen,
            "logged_out": faults.logged_out,
            "delay": faults.delay,
            "duplicate": faults.duplicate,
            "reorder": faults.reorder,
            "answer_while_down": faults.answer_while_down,
        },
    }
