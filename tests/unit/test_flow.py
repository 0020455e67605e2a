"""What a connection's flow of events tells of pushes that came before a reconnect, and when."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any

import pytest

from easytrader_qmt.events import Dispatcher
from easytrader_qmt.miniqmt.flow import EventFlow
from easytrader_qmt.miniqmt.policy import State, StateChange
from easytrader_qmt.miniqmt.sync import Snapshot
from tests.clocks import FakeClock
from tests.facade import SOON
from tests.vendor_objects import vendor


class Told:
    """A listener that keeps what is news."""

    def __init__(self) -> None:
        self.heard_names: list[str] = []

    def arrived(self, method: str, args: tuple[Any, ...]) -> None:
        """Nothing to do."""

    def heard(self, method: str, args: tuple[Any, ...], recovered: bool) -> None:
        self.heard_names.append(method)

    def state_changed(self, change: StateChange) -> None:
        """Nothing to do."""


def change(state: State, previous: State, next_in: float | None = None) -> StateChange:
    return StateChange(state, previous, "", 1, next_in)


def test_what_a_later_state_outdates_is_dropped_and_a_refused_cancel_is_not() -> None:
    told = Told()
    flow = EventFlow(told, FakeClock())
    flow.step(change(State.LOST, State.READY, 0.0))
    for method in ("on_stock_asset", "on_cancel_error", "on_stock_position"):
        flow.pushed(1, method, (SimpleNamespace(),))
    flow.pushed(2, "on_stock_asset", (SimpleNamespace(),))
    flow.step(change(State.READY, State.SYNCING), (), 2)
    assert flow.drain(SOON)
    assert told.heard_names == ["on_cancel_error", "on_stock_asset"]
    assert flow.stop(SOON)


def test_odd_records_of_a_snapshot_cost_no_other_and_are_said_once(log: list[str]) -> None:
    told = Told()
    flow = EventFlow(told, FakeClock())
    odd = SimpleNamespace()

    def ready(*orders: Any) -> None:
        found = Snapshot("A", None, (), (odd, *orders, odd), (), 2)
        flow.step(change(State.READY, State.SYNCING), (found,), 1)
        assert flow.drain(SOON)

    ready(vendor("order", order_id=1))
    assert told.heard_names == [], "what was there first is not news"
    log.clear()
    ready(vendor("order", order_id=1), vendor("order", order_id=2))
    assert told.heard_names == ["on_stock_order"], "the account was known, whatever its first snapshot held"
    [line] = [line for line in log if "无法识别" in line]
    assert line.startswith("WARNING")
    assert " 2 条" in line
    assert flow.stop(SOON)


def test_a_thread_that_cannot_start_costs_no_event(monkeypatch: pytest.MonkeyPatch, log: list[str]) -> None:
    """The system may have no thread left for a moment: what was posted is run once there is one."""
    ran: list[int] = []
    dispatcher = Dispatcher()

    def none_left(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", none_left)
        dispatcher.post(ran.append, 1)
    assert any("事件线程没能启动" in line for line in log)
    dispatcher.post(ran.append, 2)
    assert dispatcher.drain(SOON)
    assert ran == [1, 2]
    assert dispatcher.stop(SOON)


DAY = 86_400.0
MORNING = 1_762_138_800.0  # 2025-11-03 11:00 in Shanghai


@pytest.mark.parametrize(
    ("lost_at", "back_at", "said"),
    [
        (MORNING, MORNING + 3_600, False),
        (MORNING, MORNING + DAY, True),
        (MORNING + 12 * 3_600, MORNING + DAY, False),  # lost in the night, back in the morning
        (MORNING + 12 * 3_600, MORNING + 2 * DAY, True),  # a whole day between
    ],
)
def test_an_outage_over_a_close_says_what_cannot_be_told(
    lost_at: float, back_at: float, said: bool, log: list[str]
) -> None:
    clock = FakeClock(MORNING - 5 * DAY)
    flow = EventFlow(Told(), clock)
    nothing = Snapshot("A", None, (), (), (), 2)
    flow.step(change(State.READY, State.SYNCING), (nothing,), 1)
    assert flow.drain(SOON)
    clock.wall = lost_at
    flow.step(change(State.LOST, State.READY, 1.0))
    assert flow.drain(SOON)
    flow.step(change(State.CONNECTING, State.LOST))
    clock.wall = back_at
    flow.step(change(State.READY, State.SYNCING), (nothing,), 2)
    assert flow.drain(SOON)
    assert bool([line for line in log if "没有补报" in line]) is said
    assert flow.stop(SOON)
