"""A hundred outages in a row leave everything as before; two traders do not meet."""

from __future__ import annotations

import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from easytrader_qmt.sim import Terminal
from tests.rig import Rig

NewRig = Callable[..., Rig]

pytestmark = pytest.mark.usefixtures("no_leaks")


# --- a hundred in a row -----------------------------------------------------------------------------


def measured(terminal: Terminal) -> dict[str, int]:
    gc.collect()
    home = Path(terminal.home)
    found = {
        "threads": threading.active_count(),
        "queues": len(list(home.glob("*_queue_*"))),
        "ids": len({path.stem for path in (home / "easytrader_qmt").glob("session_*")}),
    }
    if os.path.isdir("/proc/self/fd"):
        found["files"] = len(os.listdir("/proc/self/fd"))
    return found


def test_a_hundred_outages_in_a_row_leave_everything_as_before(rig: Rig) -> None:
    tracemalloc = pytest.importorskip("tracemalloc")
    faults = rig.terminal.faults

    def break_it(number: int) -> Callable[[], object]:
        def silently() -> None:
            faults.disconnect(notify=False)
            rig.user.reconnect()

        def crash() -> None:
            rig.pause.before_wait = lambda seconds: faults.restart()
            faults.crash()

        return [faults.disconnect, silently, crash][number % 3]

    for number in range(25):  # every id of the pool was used once, every cache is filled
        rig.outage(break_it(number))
    before = measured(rig.terminal)
    tracemalloc.start()
    memory = tracemalloc.get_traced_memory()[0]
    kept = len(rig.news.calls) + len(rig.heard.calls)
    for number in range(100):
        rig.terminal.order_by_hand("buy", "600036", 35.5, 100)
        rig.outage(break_it(number))
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - memory
    tracemalloc.stop()
    after = measured(rig.terminal)
    print(
        before,
        after,
        f"{grown / 1024:.0f} KiB, {len(rig.news.calls) + len(rig.heard.calls) - kept} rows kept",
    )
    assert rig.readies == 126, "exactly one READY each"
    assert after == before
    assert after["ids"] <= 20
    # The test itself keeps every row and the counter every order: what is left for us must be small.
    assert grown < 8 * 1024 * 1024
    assert sorted(number for number, _ in rig.trades()) == sorted(rig.counter_trades)


def test_two_traders_side_by_side_do_not_disturb_each_other(new_rig: NewRig, terminal: Terminal) -> None:
    one, two = new_rig().connect(), new_rig().connect()
    assert terminal.clients == 2
    one.user.buy("600036", 35.5, 100)
    two.news.wait_for("trade")
    one.outage()
    two.ready(2)
    one.user.exit()
    assert two.user.balance
    assert terminal.clients == 1
    two.outage()
    assert [number for number, _ in two.trades()] == two.counter_trades
