"""One order at the simulated counter: its live state and the row a client sees.

Never decides anything; the counter does.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

from easytrader_qmt.sim.matching import PRICE_TYPES
from easytrader_qmt.sim.money import MILLS, yuan
from easytrader_qmt.sim.order_verbs import SLO_SELL, VERBS, Verb

BUY, SELL = 23, 24
REPORTED, REPORTED_CANCEL, PARTLY_CANCEL, PARTLY_CANCELLED, CANCELLED = 50, 51, 52, 53, 54
PARTLY_FILLED, FILLED, JUNK = 55, 56, 57
LIVE = frozenset({REPORTED, PARTLY_FILLED})

ISSUE = "issue"
"""The ``kind`` of a subscription to a new issue, which nothing but the end of the day ends."""

MARKET_IDS = {"SH": 0, "SZ": 1, "BJ": 70}
"""Exchange to the vendor's market id, for cancels by order_sysid."""

REPO_UNIT = 100 * MILLS
"""What one unit of a reverse repo lends, in mills."""


@dataclass(slots=True)
class Order:
    """Live state of an order. Money in mills (0.001 yuan), volumes in shares, time in Unix seconds.

    ``serial`` is the counter's own number, unique also where ``order_id`` is 0. ``turnover`` is the sum
    of price times volume of the fills, ``reserved`` what is kept for the rest: frozen cash, or the quota of a
    融资买入 or 融券卖出; ``reserved_slo`` the short sales' money frozen for a 买券还券.
    """

    serial: int
    account_id: str
    account_type: int
    stock_code: str
    instrument_name: str
    secu_account: str
    kind: str
    order_id: int
    order_time: int
    order_type: int
    order_volume: int
    price_type: int
    price: float
    strategy_name: str = ""
    order_remark: str = ""
    order_sysid: str = ""
    status: int = REPORTED
    status_msg: str = ""
    limit: int = 0
    traded_volume: int = 0
    turnover: int = 0
    reserved: int = 0
    reserved_slo: int = 0
    commission: int = 0
    stamp_duty: int = 0
    transfer_fee: int = 0
    _row: dict[str, Any] | None = field(default=None, repr=False, compare=False)

    @property
    def verb(self) -> Verb:
        """What its order type asks for."""
        return VERBS[self.order_type]

    @property
    def open(self) -> bool:
        """Whether it may still fill or be cancelled."""
        return self.status in LIVE and self.kind != ISSUE

    @property
    def buying(self) -> bool:
        """Whether it takes asks; a reverse repo, which lends money, is a sale."""
        return VERBS[self.order_type].buying

    @property
    def lending(self) -> bool:
        """Whether it is a reverse repo: needs money and no holding."""
        return self.kind == "repo"

    @property
    def spends(self) -> bool:
        """Whether it needs money rather than shares."""
        return self.buying or self.lending

    @property
    def sells_short(self) -> bool:
        """Whether it sells borrowed shares: it needs neither money nor a holding."""
        return VERBS[self.order_type].deed == SLO_SELL

    @property
    def remaining(self) -> int:
        """Shares not yet filled."""
        return self.order_volume - self.traded_volume

    @property
    def market_id(self) -> int:
        """The vendor's market id: SH 0, SZ 1, BJ 70; -1 for a placeholder code of 直接还款."""
        return MARKET_IDS.get(self.stock_code[-2:], -1)

    @property
    def charged(self) -> int:
        """All fees charged so far."""
        return self.commission + self.stamp_duty + self.transfer_fee

    @property
    def amount(self) -> int:
        """The money its fills moved, without fees."""
        return self.traded_volume * REPO_UNIT if self.lending else self.turnover

    def worth(self, price: int, volume: int) -> int:
        """The money ``volume`` shares at ``price`` move."""
        return volume * REPO_UNIT if self.lending else price * volume

    def changed(self) -> None:
        """Its row must be made anew."""
        self._row = None

    def row(self) -> dict[str, Any]:
        """The XtOrder row; the same object until the order changes, never to be modified by a reader."""
        if self._row is None:
            self._row = self._made_row()
        return self._row

    def _made_row(self) -> dict[str, Any]:
        traded = self.traded_volume
        return {
            "account_type": self.account_type,
            "account_id": self.account_id,
            "stock_code": self.stock_code,
            "order_id": self.order_id,
            "order_time": self.order_time,
            "order_type": self.order_type,
            "order_volume": self.order_volume,
            "price_type": PRICE_TYPES[self.price_type].broker_code,
            "price": self.price,
            "traded_volume": traded,
            "traded_price": self.turnover / (traded * MILLS) if traded else 0.0,
            "order_status": self.status,
            "order_sysid": self.order_sysid,
            "status_msg": self.status_msg,
            "strategy_name": self.strategy_name,
            "order_remark": self.order_remark,
            "direction": 48,
            "offset_flag": 48 if self.buying else 49,
            "secu_account": self.secu_account,
            "instrument_name": self.instrument_name,
        }

    def trade_row(
        self, traded_id: str, now: float, price: int, volume: int, commission: int
    ) -> dict[str, Any]:
        """The XtTrade row of one fill; ``commission`` in mills is the commission alone, no taxes."""
        return {
            "account_type": self.account_type,
            "account_id": self.account_id,
            "stock_code": self.stock_code,
            "traded_id": traded_id,
            "traded_time": int(now),
            "traded_price": yuan(price),
            "traded_volume": volume,
            "traded_amount": yuan(self.worth(price, volume)),
            "order_id": self.order_id,
            "order_type": self.order_type,
            "order_sysid": self.order_sysid,
            "strategy_name": self.strategy_name,
            "order_remark": self.order_remark,
            "direction": 48,
            "offset_flag": 48 if self.buying else 49,
            "commission": yuan(commission),
            "secu_account": self.secu_account,
            "instrument_name": self.instrument_name,
        }

    def state(self) -> dict[str, Any]:
        """All of it, JSON-able; ``Order(**state)`` is the same order."""
        return {name: getattr(self, name) for name in _KEPT}


_KEPT = tuple(one.name for one in fields(Order) if one.name != "_row")
