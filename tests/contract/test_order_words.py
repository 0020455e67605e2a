"""The words that bots pass along with an order and that change nothing: taken, or taken with a warning."""

from __future__ import annotations

from typing import Any

import pytest

from easytrader_qmt.sim.trader import SimTrader


def said(log: list[str]) -> list[str]:
    return [line for line in log if "entrust_prop" in line]


@pytest.mark.parametrize("prop", ["limit", "LIMIT", None])
def test_a_limit_order_is_what_buy_and_sell_place(prop: Any, user: SimTrader, log: list[str]) -> None:
    assert user.buy("600036", 35.0, 100, entrust_prop=prop)["entrust_no"] > 0
    user.sell("600036", 36.0, 100, entrust_prop=prop)
    assert said(log) == []


@pytest.mark.parametrize("prop", ["market", "MARKET", "", "x", 1, False, "很长" * 100])
def test_anything_else_is_warned_of_each_time(prop: Any, user: SimTrader, log: list[str]) -> None:
    for _ in range(2):
        assert user.buy("600036", 35.0, 100, entrust_prop=prop)["entrust_no"] > 0
    assert [row["price_type_name"] for row in user.today_entrusts] == ["限价", "限价"]
    lines = said(log)
    assert len(lines) == 2
    assert all(line.startswith("WARNING") and "market_buy" in line for line in lines)
    assert max(map(len, lines)) < 300


def test_a_market_verb_says_what_it_places(user: SimTrader, log: list[str]) -> None:
    user.market_buy("000001", 100, entrust_prop="market")
    assert said(log) == []
    user.market_buy("000001", 100, entrust_prop="limit")
    [line] = said(log)
    assert "市价委托" in line


def test_the_words_of_a_batch_are_looked_at_too(user: SimTrader, log: list[str]) -> None:
    order = {"action": "buy", "security": "600036", "price": 35.0, "amount": 100, "entrust_prop": "market"}
    assert user.batch([order])[0]["outcome"] == "accepted"
    assert len(said(log)) == 1
