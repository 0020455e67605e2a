"""A terminal process killed with SIGKILL again and again: READY each time, every trade told once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from easytrader_qmt.errors import NotConnected
from easytrader_qmt.sim.spawned import SpawnedTerminal, spawn
from easytrader_qmt.sim.trader import SimTrader
from tests.facade import Heard

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "QMT" / "userdata_mini"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def started(home: Path) -> Iterator[Callable[[], SpawnedTerminal]]:
    """Starts the terminal process at ``home``; the last one is ended with the test."""
    running: list[SpawnedTerminal] = []

    def start() -> SpawnedTerminal:
        running.append(spawn(home, connect_timeout=0.0, session_gap=0.0))
        return running[-1]

    yield start
    for terminal in running:
        terminal.__exit__()


@pytest.fixture
def user(home: Path, started: Callable[[], SpawnedTerminal]) -> Iterator[SimTrader]:
    made = SimTrader()
    yield made
    made.exit()
    made.terminal.close()


def test_killed_and_started_again_three_times(
    home: Path, started: Callable[[], SpawnedTerminal], user: SimTrader, log: list[str]
) -> None:
    terminal = started()
    news = Heard()
    user.on("trade", lambda row: news.keep("trade", row))
    user.on("state", lambda row: news.keep(f"{row['state']} after {row['previous']}", row))
    user.connect(home, reconnect_interval=0.1, heartbeat_interval=0, trader_callback=False)
    expected: list[tuple[Any, ...]] = []
    for round_ in range(3):
        resting = user.buy("600000", price=9.60, amount=100 * (round_ + 1))["entrust_no"]
        live = user.buy("600036", price=35.50, amount=100)["entrust_no"]
        expected.append((live, 100, False))
        news.wait_for("trade", len(expected))
        terminal.kill()
        news.wait_for("LOST after READY", round_ + 1)
        with pytest.raises(NotConnected, match="已断开"):
            user.buy("600036", price=35.50, amount=100)
        terminal = started()
        with terminal.control() as control:
            control.market.set("600000", last=9.50)  # the resting order fills, by hand another one
            control.order_by_hand("buy", "000001", 11.40, 300)
            control.market.set("600000", last=10.49)
        expected += [(resting, 100 * (round_ + 1), None), (0, 300, None)]
        news.wait_for("READY after SYNCING", round_ + 2)
        news.wait_for("trade", len(expected))
        with terminal.control() as control:
            control.faults.replay_pushes()
        assert user.drain()
    told = [(row["order_id"], row["traded_volume"]) for row in news.of("trade")]
    assert sorted(told) == sorted((number, volume) for number, volume, _ in expected)
    assert len({row["traded_id"] for row in news.of("trade")}) == len(expected)
    assert len(news.of("READY after SYNCING")) == 4, "exactly one for each time it came up"
    assert sorted(row["traded_id"] for row in user.today_trades) == sorted(
        row["traded_id"] for row in news.of("trade")
    )
    assert sum("连接不上独立进程的仿真终端" in line for line in log) <= 6
