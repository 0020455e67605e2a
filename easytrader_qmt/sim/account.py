"""One account at the simulated counter: cash, frozen cash, positions with T+1, and the rows clients see.

Exact integers of 0.001 yuan. Never decides whether an order may be, and knows no price but those it is given.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from easytrader_qmt.sim.credit_compacts import CreditBook
from easytrader_qmt.sim.money import MILLS, yuan
from easytrader_qmt.sim.order import Order

CREDIT_ACCOUNT_TYPE = 3


@dataclass(slots=True)
class Position:
    """Shares of one security. ``cost`` includes buying fees, ``open_cost`` does not; both in mills."""

    stock_code: str
    instrument_name: str
    volume: int = 0
    frozen_volume: int = 0
    on_road_volume: int = 0
    yesterday_volume: int = 0
    cost: int = 0
    open_cost: int = 0

    @property
    def can_use_volume(self) -> int:
        """Shares that can be sold now."""
        return self.volume - self.frozen_volume - self.on_road_volume

    def bought(self, volume: int, amount: int, fees: int, t0: bool) -> None:
        """A purchase arrives; without ``t0`` it can be sold from the next day on."""
        self.volume += volume
        self.on_road_volume += 0 if t0 else volume
        self.open_cost += amount
        self.cost += amount + fees

    def sold(self, volume: int) -> None:
        """Frozen shares leave, and take their part of the cost along."""
        self.cost -= _part(self.cost, volume, self.volume)
        self.open_cost -= _part(self.open_cost, volume, self.volume)
        self.volume -= volume
        self.frozen_volume -= volume

    def settle(self) -> None:
        """The day ends: everything can be sold tomorrow."""
        self.frozen_volume = self.on_road_volume = 0
        self.yesterday_volume = self.volume


@dataclass(slots=True)
class Account:
    """Money in mills. ``lent`` is out in reverse repos and ``interest`` what they will bring.

    ``proceeds`` is today's sale money still here: it buys, but cannot be withdrawn before tomorrow.
    ``credit`` is what a margin account owes, None for others; ``com_cash`` and ``com_positions`` lie at the
    普通柜台, the second counter that transfers reach.
    """

    account_id: str
    account_type: int
    cash: int = 0
    frozen: int = 0
    lent: int = 0
    interest: int = 0
    proceeds: int = 0
    positions: dict[str, Position] = field(default_factory=dict)
    credit: CreditBook | None = None
    com_cash: int = 0
    com_positions: dict[str, Position] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.account_type == CREDIT_ACCOUNT_TYPE and self.credit is None:
            self.credit = CreditBook()

    def reserve(self, order: Order, amount: int) -> None:
        """Freeze exactly ``amount`` mills for ``order``, more or less than before."""
        more = amount - order.reserved
        self.cash -= more
        self.frozen += more
        order.reserved = amount

    def pay(self, order: Order, amount: int, still_reserved: int) -> None:
        """Pay ``amount`` out of what is frozen for ``order``; keep ``still_reserved`` frozen for its rest."""
        self.reserve(order, amount + still_reserved)
        self.frozen -= amount
        order.reserved = still_reserved
        self.proceeds -= min(self.proceeds, amount)

    def receive(self, amount: int) -> None:
        """Money from a sale."""
        self.cash += amount
        self.proceeds += amount

    def position(self, stock_code: str, instrument_name: str) -> Position:
        """The position in a security, an empty one if there was none."""
        held = self.positions.get(stock_code)
        if held is None:
            held = self.positions[stock_code] = Position(stock_code, instrument_name)
        return held

    def settle(self) -> None:
        """The day ends: T+1 shares can be sold, repo money returns with interest, empty positions vanish."""
        for held in self.positions.values():
            held.settle()
        self.positions = {code: held for code, held in self.positions.items() if held.volume}
        self.cash += self.lent + self.interest
        self.lent = self.interest = self.proceeds = 0

    def asset_row(self, last: Callable[[str], int], fetchable: int) -> dict[str, Any]:
        """The XtAsset row; ``last`` gives a security's last price in mills, ``fetchable`` mills may leave."""
        value = sum(held.volume * last(held.stock_code) for held in self.positions.values())
        book = self.credit
        kept = self.frozen + (book.slo_frozen if book else 0)
        money = self.cash + kept + (book.slo_cash if book else 0)
        return {
            "account_type": self.account_type,
            "account_id": self.account_id,
            "cash": yuan(self.cash),
            "frozen_cash": yuan(kept),
            "market_value": yuan(value),
            "total_asset": yuan(money + self.lent + value),
            "fetch_balance": yuan(fetchable),
            "current_balance": yuan(money),
        }

    def position_row(self, held: Position, last: int) -> dict[str, Any]:
        """The XtPosition row at a last price in mills."""
        volume, value = held.volume, held.volume * last
        return {
            "account_type": self.account_type,
            "account_id": self.account_id,
            "stock_code": held.stock_code,
            "volume": volume,
            "can_use_volume": held.can_use_volume,
            "open_price": held.open_cost / (volume * MILLS) if volume else 0.0,
            "market_value": yuan(value),
            "frozen_volume": held.frozen_volume,
            "on_road_volume": held.on_road_volume,
            "yesterday_volume": held.yesterday_volume,
            "avg_price": held.cost / (volume * MILLS) if volume else 0.0,
            "direction": 48,
            "float_profit": yuan(value - held.cost),
            "last_price": yuan(last),
            "profit_rate": (value - held.cost) / held.cost if held.cost else 0.0,
            "secu_account": secu_account(self.account_id, held.stock_code),
            "instrument_name": held.instrument_name,
            "open_date": "",
            "position_profit": 0.0,
        }

    def account_row(self) -> dict[str, Any]:
        """The XtAccountInfo row."""
        return {
            "account_type": self.account_type,
            "account_id": self.account_id,
            "broker_type": self.account_type,
            "platform_id": 0,
            "broker_id": "SIM",
            "product_name": "",
            "product_id": -1,
            "broker_name": "仿真柜台",
            "product_code": "",
            "login_status": 0,
        }

    def status_row(self) -> dict[str, Any]:
        """The XtAccountStatus row; 0 is in order."""
        return {"account_type": self.account_type, "account_id": self.account_id, "status": 0}

    def state(self) -> dict[str, Any]:
        """All of it, JSON-able; `Account.restore` makes the same account."""
        return asdict(self)

    @classmethod
    def restore(cls, state: dict[str, Any]) -> Account:
        """The account that ``state`` was taken from."""
        kept = {
            name: {code: Position(**held) for code, held in state.get(name, {}).items()}
            for name in ("positions", "com_positions")
        }
        book = state.get("credit")
        return cls(**{**state, **kept, "credit": CreditBook.restore(book) if book else None})


def secu_account(account_id: str, stock_code: str) -> str:
    """A shareholder account of the usual shape: ``A`` and nine digits in Shanghai, ten digits elsewhere."""
    number = f"{zlib.crc32(account_id.encode()) % 10**9:09d}"
    return ("A" if stock_code.endswith(".SH") else "0") + number


def _part(cost: int, volume: int, whole: int) -> int:
    return (2 * cost * volume + whole) // (2 * whole)
