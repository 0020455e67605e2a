"""A terminal that needs longer for its lists than a call may take: each attempt waits longer than the one before."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from easytrader_qmt.miniqmt.policy import LONGEST_SNAPSHOT, more_patient
from easytrader_qmt.sim import Terminal
from tests.rig import Rig

pytestmark = pytest.mark.usefixtures("no_leaks")


@pytest.fixture
def rig(terminal: Terminal) -> Iterator[Rig]:
    made = Rig(terminal).connect(call_timeout=0.3)
    yield made
    made.leave()


class Withheld:
    """The next ``times`` order lists never come."""

    def __init__(self, terminal: Terminal) -> None:
        self.times = 0
        self._request = terminal.request
        terminal.request = self._ask  # type: ignore[method-assign]

    def _ask(self, client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "queryStockOrders" and self.times > 0:
            self.times -= 1
            return
        self._request(client, name, seq, fields)


def waited(rig: Rig) -> list[str]:
    """How long each order list was waited for in vain, as the state says."""
    reasons = [row["reason"] for row in rig.news.of("state LOST")]
    found = (re.search(r"query_stock_orders\(\) 在 (\S+) 秒内没有返回", reason) for reason in reasons)
    return [match[1] for match in found if match]


def test_each_attempt_waits_longer_until_ready_and_then_as_before(rig: Rig) -> None:
    withheld = Withheld(rig.terminal)
    withheld.times = 2
    rig.outage()
    assert waited(rig) == ["0.3", "0.6"]
    assert rig.user.today_entrusts == []
    withheld.times = 1
    rig.outage()
    assert waited(rig) == ["0.3", "0.6", "0.3"]


def test_an_attempt_that_failed_otherwise_waits_no_longer(rig: Rig) -> None:
    withheld = Withheld(rig.terminal)
    withheld.times = 1

    def fault() -> None:
        rig.terminal.faults.refuse_connects(3)
        rig.terminal.faults.disconnect()

    rig.outage(fault)
    assert waited(rig) == ["0.3"]


def test_the_patience_has_an_end() -> None:
    seconds = [10.0]
    for _ in range(5):
        seconds.append(more_patient(seconds[-1]))
    assert seconds == [10.0, 20.0, 40.0, LONGEST_SNAPSHOT, LONGEST_SNAPSHOT, LONGEST_SNAPSHOT]
    assert more_patient(90.0) == 90.0, "what the user allows every call is never cut"
