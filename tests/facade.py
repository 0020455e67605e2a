"""What tests of the whole facade share: the vendor's package, recorders of pushes, and child processes."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from easytrader_qmt.sim.layer import simulated_vendor

SOON = 20.0
"""Seconds after which something that should have happened never will."""

BALANCE_KEYS = ["total_asset", "market_value", "cash", "frozen_cash", "account_type", "account_id"]
POSITION_KEYS = [
    "security", "stock_code", "volume", "can_use_volume", "open_price", "market_value", "frozen_volume",
    "on_road_volume", "yesterday_volume", "avg_price", "direction", "account_type", "account_id",
]  # fmt: skip
ENTRUST_KEYS = [
    "security", "stock_code", "order_id", "order_sysid", "order_time", "order_type", "order_type_name",
    "order_volume", "price_type", "price_type_name", "price", "traded_volume", "traded_price", "order_status",
    "order_status_name", "status_msg", "offset_flag", "offset_flag_name", "strategy_name", "order_remark",
    "direction", "direction_name", "account_type", "account_id",
]  # fmt: skip
TRADE_KEYS = [
    "security", "stock_code", "traded_id", "traded_time", "traded_price", "traded_volume", "traded_amount",
    "order_id", "order_type", "order_type_name", "offset_flag", "offset_flag_name", "account_id",
    "account_type", "order_sysid", "strategy_name", "order_remark",
]  # fmt: skip


def vendor_package() -> ModuleType:
    """The vendor's Python layer on the stand-in; its name depends on whether a real client could load here."""
    name = simulated_vendor().trader_class.__module__.rpartition(".")[0]
    return sys.modules[name]


def on_a_thread(call: Callable[[], Any]) -> Any:
    """Run off the main thread, as the vendor's constructor demands; a call that hangs fails the test."""
    done: list[Any] = []
    failed: list[BaseException] = []

    def run() -> None:
        try:
            done.append(call())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=run, daemon=True, name="test call")
    thread.start()
    thread.join(SOON)
    assert not thread.is_alive(), "the call hangs"
    if failed:
        raise failed[0]
    return done[0]


class Heard:
    """A callback object that inherits from nothing; keeps every call as ``(method, argument)``."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, Any]] = []
        self._news = threading.Condition()

    def __getattr__(self, name: str) -> Callable[..., None]:
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda *args: self.keep(name, *args)

    def keep(self, name: str, *args: Any) -> None:
        """Take one call."""
        with self._news:
            self.calls.append((name, args[0] if args else None))
            self._news.notify_all()

    def of(self, name: str) -> list[Any]:
        """The arguments of every call of one method so far."""
        with self._news:
            return [argument for called, argument in self.calls if called == name]

    def wait_for(self, name: str, times: int = 1) -> list[Any]:
        """The arguments of one method's calls, once there are that many."""
        with self._news:
            there = self._news.wait_for(
                lambda: sum(called == name for called, _ in self.calls) >= times, SOON
            )
            assert there, f"{name} came {len(self.of(name))} times, not {times}"
        return self.of(name)

    @property
    def methods(self) -> set[str]:
        """The methods that were called."""
        return {name for name, _ in self.calls}


class States:
    """The states a trader goes through from now on."""

    def __init__(self, user: Any) -> None:
        self._heard = Heard()
        user.on("state", lambda change: self._heard.keep(change["state"], change))

    def wait_for(self, state: str) -> dict[str, Any]:
        """The first change to this state, once there is one."""
        change: dict[str, Any] = self._heard.wait_for(state)[0]
        return change


def child(
    *args: str | Path, cwd: Path, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``python ARGS`` in a process of its own, from ``cwd``, in UTF-8."""
    return subprocess.run(
        [sys.executable, *map(str, args)],
        cwd=cwd,
        env={**os.environ, "PYTHONUTF8": "1", **(env or {})},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def script(folder: Path, text: str, name: str = "script.py") -> Path:
    """A script file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def sim_run(
    folder: Path, text: str, *options: str, args: Sequence[str] = (), env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """``python -m easytrader_qmt sim run SCRIPT`` with a script of this text."""
    after = ["--", *args] if args else []
    path = script(folder, text)
    return child("-m", "easytrader_qmt", "sim", "run", path, *options, *after, cwd=folder, env=env)
