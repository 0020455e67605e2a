"""A trader whose orders end in doubt soon, and what its journal says of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

import pytest

from easytrader_qmt.sim.trader import SimTrader
from tests.clocks import FakeClock, clock_of_today

__all__ = ["NO_MONEY", "NewUser", "clock", "doubtful", "interrupted", "outcome_of"]

NewUser = Callable[..., SimTrader]
NO_MONEY = "限价买入 [SH600036] [COUNTER] [260200][可用资金不足]"


@pytest.fixture
def clock() -> FakeClock:
    return clock_of_today()


@pytest.fixture
def doubtful(new_user: NewUser, clock: FakeClock) -> SimTrader:
    """A trader whose calls end soon, and for whom seconds pass only when told to."""
    user = new_user(clock=clock)
    user.connect(call_timeout=0.3, heartbeat_interval=0)
    return user


def outcome_of(user: SimTrader, client_order_id: str) -> str:
    """What the journal says became of an order."""
    entry = user._own().journal.find("SIM0000000001", client_order_id)
    assert entry is not None
    return entry.outcome


def interrupted(*_: Any) -> NoReturn:
    """In the place of a function during which Ctrl+C is pressed."""
    raise KeyboardInterrupt
