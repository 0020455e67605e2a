"""Objects with the fields of xtquant 250807's structs, for tests that need no native layer."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

ORDER: dict[str, Any] = {
    "account_type": 2,
    "account_id": "1111111111",
    "stock_code": "162411.SZ",
    "order_id": 3456,
    "order_sysid": "1111",
    "order_time": 1634278451,
    "order_type": 23,
    "order_volume": 100,
    "price_type": 50,
    "price": 0.62,
    "traded_volume": 100,
    "traded_price": 0.613,
    "order_status": 56,
    "status_msg": "",
    "offset_flag": 48,
    "strategy_name": "",
    "order_remark": "",
    "direction": 48,
    "instrument_name": "华宝油气",
    "secu_account": "A1",
}
TRADE: dict[str, Any] = {
    "account_id": "1111111111",
    "account_type": 2,
    "stock_code": "162411.SZ",
    "traded_id": "0303222200422222",
    "traded_time": 1634278451,
    "traded_price": 0.613,
    "traded_volume": 100,
    "traded_amount": 61.3,
    "order_id": 1111,
    "order_type": 23,
    "offset_flag": 48,
    "order_sysid": "1111",
    "strategy_name": "",
    "order_remark": "",
    "commission": 0.1,
    "instrument_name": "华宝油气",
    "secu_account": "A1",
}
POSITION: dict[str, Any] = {
    "account_id": "1111111111",
    "account_type": 2,
    "stock_code": "162411.SZ",
    "volume": 100,
    "can_use_volume": 100,
    "open_price": 0.618,
    "market_value": 63.8,
    "frozen_volume": 0,
    "on_road_volume": 0,
    "yesterday_volume": 100,
    "avg_price": 0.618,
    "direction": 48,
    "instrument_name": "华宝油气",
    "last_price": 0.638,
    "profit_rate": 0.0324,
    "float_profit": 2.0,
    "secu_account": "A1",
}
ASSET: dict[str, Any] = {
    "total_asset": 1000000.0,
    "market_value": 400000.0,
    "cash": 600000.0,
    "frozen_cash": 0.0,
    "account_type": 2,
    "account_id": "1111111111",
    "fetch_balance": 600000.0,
}
FIELDS = {"asset": ASSET, "position": POSITION, "order": ORDER, "trade": TRADE}
KINDS = list(FIELDS)


def vendor(kind: str, **changes: Any) -> SimpleNamespace:
    return SimpleNamespace(**{**FIELDS[kind], **changes})
