"""A cancel that is refused while the order itself cannot be seen."""

from __future__ import annotations

from typing import Any

import pytest

from easytrader_qmt.sim import Terminal
from easytrader_qmt.sim.trader import SimTrader


def test_it_says_that_the_order_could_not_be_looked_at(
    user: SimTrader, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    placed = user.buy("000001", price=10.9, amount=100)["entrust_no"]
    assert user.cancel_entrust(placed)["success"]
    request = terminal.request

    def blind(client: Any, name: str, seq: int, fields: dict[str, Any]) -> None:
        if name == "queryStockOrders":
            client.answer(name, seq, None)
        else:
            request(client, name, seq, fields)

    with monkeypatch.context() as patch:
        patch.setattr(terminal, "request", blind)
        told = user.cancel_entrust(placed)
    assert not told["success"]
    # The counter's own words alone would read as if it had been filled.
    assert "委托已终结" in told["message"]
    assert "未能核对委托状态" in told["message"]
    assert user.cancel_entrust(placed)["success"]
