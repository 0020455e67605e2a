"""easytrader 0.23.7's own MiniqmtTrader on our terminal: it proves that the terminal is not shaped to our facade."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.facade import BALANCE_KEYS, ENTRUST_KEYS, POSITION_KEYS, TRADE_KEYS, sim_run

pytest.importorskip("easytrader")

PEER = """
import json, threading
import easytrader
from easytrader.miniqmt.miniqmt_trader import DefaultXtQuantTraderCallback, MiniqmtTrader

told = {"orders": [], "trades": [], "errors": []}
refused = threading.Event()
traded = threading.Event()

class Mine(DefaultXtQuantTraderCallback):
    def on_stock_order(self, order):
        told["orders"].append([order.order_id, order.order_status])
    def on_stock_trade(self, trade):
        told["trades"].append([trade.order_id, trade.traded_volume])
        traded.set()
    def on_order_error(self, error):
        told["errors"].append([error.order_id, error.error_id, error.error_msg])
        refused.set()

user = easytrader.use('miniqmt')
told["module"] = type(user).__module__
user.connect(miniqmt_path=r"D:\\国金证券QMT交易端\\userdata_mini", stock_account="1234567890", trader_callback=Mine())
told["balance before"] = user.balance
told["bought"] = user.buy('600036', price=35.5, amount=100)['entrust_no']
told["resting"] = user.buy('000001', price=11.0, amount=200)['entrust_no']
told["short"] = user.sell('000001', price=11.3, amount=100)['entrust_no']
told["market"] = user.market_buy('000001', amount=100)['entrust_no']
told["unprotected"] = user.market_buy('600036', amount=100)['entrust_no']
traded.wait(20)
refused.wait(20)
told["cancelled"] = user.cancel_entrust(told["resting"])
told["cancelled again"] = user.cancel_entrust(told["resting"])
for query in ("balance", "position", "today_entrusts", "today_trades"):
    told[query] = getattr(user, query)
user.trader.stop()
print("TOLD" + json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    done = sim_run(tmp_path_factory.mktemp("peer"), PEER)
    assert done.returncode == 0, done.stderr
    [line] = [line for line in done.stdout.splitlines() if line.startswith("TOLD")]
    answer: dict[str, Any] = json.loads(line.removeprefix("TOLD"))
    return answer


def test_it_is_easytraders_own(told: dict[str, Any]) -> None:
    assert told["module"].startswith("easytrader.miniqmt")


def test_its_orders_are_numbered(told: dict[str, Any]) -> None:
    numbers = [told[name] for name in ("bought", "resting", "short", "market", "unprotected")]
    assert min(numbers) > 0
    assert len(set(numbers)) == 5


def test_its_queries(told: dict[str, Any]) -> None:
    [before], [after] = told["balance before"], told["balance"]
    assert before["cash"] == before["total_asset"] == 10_000_000
    assert after["cash"] < before["cash"]
    assert list(after) == BALANCE_KEYS
    states = {row["order_id"]: row["order_status_name"] for row in told["today_entrusts"]}
    assert [states[told[name]] for name in ("bought", "resting", "short", "market", "unprotected")] == [
        "已成",
        "已撤",
        "废单",
        "已成",
        "废单",
    ]
    assert {row["stock_code"]: row["volume"] for row in told["position"]} == {
        "600036.SH": 100,
        "000001.SZ": 100,
    }
    assert {row["order_id"] for row in told["today_trades"]} == {told["bought"], told["market"]}
    for query, keys in (
        ("position", POSITION_KEYS),
        ("today_entrusts", ENTRUST_KEYS),
        ("today_trades", TRADE_KEYS),
    ):
        # easytrader has another order of stock_code and security in its positions than in its document.
        assert all(set(row) == set(keys) for row in told[query])


def test_its_callbacks(told: dict[str, Any]) -> None:
    assert [told["bought"], 56] in told["orders"]
    assert [told["bought"], 100] in told["trades"]
    errors = {order_id: (error_id, text) for order_id, error_id, text in told["errors"]}
    assert errors[told["short"]] == (-61, "限价卖出 [SZ000001] [COUNTER] [251005][证券可用数量不足]")


def test_its_cancels(told: dict[str, Any]) -> None:
    assert told["cancelled"] == {"success": True, "message": "success"}
    assert told["cancelled again"] == {"success": False, "message": "failed"}
