"""What a connection keeps of earlier days: so much and no more, however long it stays up."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

import easytrader_qmt
from easytrader_qmt import sim
from easytrader_qmt.errors import OrderInDoubt
from tests.facade import SOON
from tests.faults.growth_sites import GrowthSites, top
from tests.faults.soak import WARM_UP
from tests.rig import Rig

DAY = 86_400.0
ORDERS = 40
WATCHED = 14


def a_day(rig: Rig) -> None:
    """Orders of every fate: filled, cancelled, refused by the counter, left resting, in doubt; and two outages."""
    user, terminal = rig.user, rig.terminal
    terminal.deposit(1_000_000.0)
    for number in range(ORDERS // 4):
        user.buy("600036", price=35.5, amount=100)
        placed = user.buy("600036", price=35.4, amount=100)
        user.cancel_entrust(placed["entrust_no"])
        user.sell("600000", price=10.48, amount=100, raise_on_reject=False)
        user.buy("600036", price=35.4, amount=100, remark=f"第 {number} 笔")
    assert len(user.today_entrusts) >= ORDERS
    in_doubt(rig)
    terminal.replay()
    assert user.drain(5)
    rig.outage()
    days = terminal.days
    terminal.next_day()
    terminal.days = days  # the clock passes the night by itself
    rig.clock.pass_(DAY)
    assert user.drain(5)


def in_doubt(rig: Rig) -> None:
    """An outage while an order's answer is awaited, which then never comes."""
    counted = threading.Event()
    rig.terminal.faults.lose_responses(1)
    rig.terminal.on_mutation = counted.set

    def order() -> None:
        with contextlib.suppress(OrderInDoubt):
            rig.user.buy("600036", price=35.4, amount=100)

    waiting = threading.Thread(target=order, name="test order")
    waiting.start()
    assert counted.wait(SOON)
    rig.terminal.on_mutation = None
    rig.outage()
    waiting.join(SOON)
    assert rig.news.of("in_doubt"), "found again by the snapshot"


def forget_rows(rig: Rig) -> None:
    """The rig itself keeps every row and every wait."""
    rig.news.calls.clear()
    rig.pause.waits.clear()


def test_days_leave_nothing_of_theirs_in_the_package(new_rig: Callable[..., Rig]) -> None:
    rig = new_rig()
    rig.terminal.clock = rig.clock
    rig.connect(trader_callback=False)
    package, simulated = os.path.dirname(easytrader_qmt.__file__), os.path.dirname(sim.__file__)
    with GrowthSites(package, apart=[simulated]) as sites:
        for _ in range(WARM_UP):
            a_day(rig)
        forget_rows(rig)
        sites.begin()
        for _ in range(WATCHED):
            a_day(rig)
        forget_rows(rig)
        grown = sites.grown()
    print(*top(grown, WATCHED), sep="\n")
    left = sum(site.count_diff for site in grown)
    # The interpreter's own caches hold some hundred objects, and no more after any number of days.
    assert left < ORDERS * WATCHED, "an object for each order"
