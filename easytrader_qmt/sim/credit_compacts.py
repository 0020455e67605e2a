"""A margin account's contracts (负债合约): how they open, cost, and are repaid, exact to 0.001 yuan.

One contract per order. Money repays interest before principal and the oldest contract first; shares return to
the oldest first. Never decides whether an order may be, and knows no price.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

from easytrader_qmt.sim.credit_terms import CreditTerms
from easytrader_qmt.sim.money import CENT, billionths, yuan
from easytrader_qmt.sim.order import MARKET_IDS, Order

FIN_COMPACT, SLO_COMPACT = 48, 49
"""合约类型 of a row: 48 融资, 49 融券."""

ORDINARY_GROUP, SPECIAL_GROUP = 48, 49
"""头寸来源 of a row: 48 普通头寸, 49 专项头寸."""

TERM_DAYS = 180
"""Days until a contract is due; six months is the most the exchanges allow."""

_SHANGHAI = timezone(timedelta(hours=8))
_YEAR_BILLIONTHS = 360 * 1_000_000_000


def date_of(now: float, days: int = 0) -> int:
    """The day in Shanghai as 20250106, ``days`` later."""
    return int(f"{datetime.fromtimestamp(now, _SHANGHAI) + timedelta(days=days):%Y%m%d}")


@dataclass(slots=True)
class Compact:
    """One contract. Money in mills.

    ``amount`` is what a 融资 contract borrowed (fees included) or a 融券 contract sold its shares for,
    ``amount_left`` the part not repaid; ``owed`` the shares a 融券 contract has yet to return.
    """

    compact_id: str
    slo: bool
    special: bool
    stock_code: str
    open_date: int
    end_date: int
    volume: int = 0
    amount: int = 0
    owed: int = 0
    amount_left: int = 0
    fare: int = 0
    fare_left: int = 0

    @property
    def volume_left(self) -> int:
        """Shares not repaid; of a 融资 contract those that what is left of its principal bought."""
        if self.slo:
            return self.owed
        return -(-self.volume * self.amount_left // self.amount) if self.amount else 0

    @property
    def closed(self) -> bool:
        """Whether nothing is owed any more."""
        return not (self.owed or self.amount_left or self.fare_left)

    def row(self, account_type: int, account_id: str) -> dict[str, Any]:
        """The StkCompacts row; the code is bare, the market a number."""
        number, _, exchange = self.stock_code.partition(".")
        return {
            "account_type": account_type,
            "account_id": account_id,
            "compact_type": SLO_COMPACT if self.slo else FIN_COMPACT,
            "cashgroup_prop": SPECIAL_GROUP if self.special else ORDINARY_GROUP,
            "exchange_id": MARKET_IDS[exchange],
            "open_date": self.open_date,
            "business_vol": self.volume,
            "real_compact_vol": self.volume_left,
            "ret_end_date": self.end_date,
            "business_balance": yuan(self.amount),
            "businessFare": yuan(self.fare),
            "real_compact_balance": yuan(self.amount_left),
            "real_compact_fare": yuan(self.fare_left),
            "repaid_fare": yuan(self.fare - self.fare_left),
            "repaid_balance": yuan(self.amount - self.amount_left),
            "instrument_id": number,
            "compact_id": self.compact_id,
            "position_str": self.compact_id,
        }


@dataclass(slots=True)
class CreditBook:
    """What a margin account owes, and the short sales' money, which may only buy shares back.

    ``slo_cash`` is free, ``slo_frozen`` waits in 买券还券 orders.
    """

    slo_cash: int = 0
    slo_frozen: int = 0
    compacts: list[Compact] = field(default_factory=list)

    def opened(self, order: Order, volume: int, amount: int, now: float) -> None:
        """A fill of 融资买入 or 融券卖出 adds to the order's contract."""
        compact_id = f"{date_of(now)}{order.serial:010d}"
        found = next((one for one in self.compacts if one.compact_id == compact_id), None)
        if found is None:
            slo = not order.buying
            found = Compact(
                compact_id, slo, order.verb.special, order.stock_code, date_of(now), date_of(now, TERM_DAYS)
            )
            self.compacts.append(found)
        found.volume += volume
        found.amount += amount
        found.amount_left += amount
        found.owed += volume if found.slo else 0

    def owed_shares(self, stock_code: str, special: bool) -> int:
        """Shares of one security to be returned."""
        return sum(
            one.owed for one in self.compacts if one.stock_code == stock_code and one.special == special
        )

    def owed_money(self, special: bool) -> int:
        """What money can repay: principal and interest of 融资, and the fees of 融券, in mills."""
        owing = (one for one in self.compacts if one.special == special)
        return sum(one.fare_left + (0 if one.slo else one.amount_left) for one in owing)

    def repay(self, money: int, special: bool) -> int:
        """Repay with ``money`` mills, 融资 contracts first; returns what was used."""
        in_turn = sorted(self.compacts, key=lambda one: one.slo)
        return _repay(money, [one for one in in_turn if one.special == special])

    def repay_bought(self, money: int, stock_code: str) -> int:
        """Repay the 融资 contracts that bought a security with ``money`` mills of its sale; what was used."""
        return _repay(money, [one for one in self.compacts if not one.slo and one.stock_code == stock_code])

    def returned(self, stock_code: str, volume: int, special: bool) -> None:
        """``volume`` shares go back to the lender."""
        for one in self.compacts:
            if volume and one.owed and one.stock_code == stock_code and one.special == special:
                back = min(volume, one.owed)
                one.amount_left -= one.amount_left * back // one.owed
                one.owed -= back
                volume -= back

    def pay_slo_fares(self, purse: int) -> int:
        """Pay the fees of 融券 contracts whose shares are all back, from ``purse`` mills; what it took."""
        left = purse
        for one in self.compacts:
            if one.slo and not one.owed:
                paid = min(left, one.fare_left)
                one.fare_left -= paid
                left -= paid
        return purse - left

    def released(self) -> int:
        """The short sales' money that is free because no share is owed any more; it leaves the book."""
        if any(one.owed for one in self.compacts):
            return 0
        free, self.slo_cash = self.slo_cash, 0
        return free

    def settle(self, terms: CreditTerms) -> None:
        """A day passes: interest is due on what is left, closed contracts go."""
        for one in self.compacts:
            fare = _a_day(one.amount_left, terms.slo_rate if one.slo else terms.fin_rate)
            one.fare += fare
            one.fare_left += fare
        self.compacts = [one for one in self.compacts if not one.closed]

    @classmethod
    def restore(cls, state: dict[str, Any]) -> CreditBook:
        """The book that ``dataclasses.asdict`` was taken from."""
        return cls(**{**state, "compacts": [Compact(**one) for one in state["compacts"]]})


def _repay(money: int, compacts: list[Compact]) -> int:
    left = money
    for one in compacts:
        fare = min(left, one.fare_left)
        one.fare_left -= fare
        principal = 0 if one.slo else min(left - fare, one.amount_left)
        one.amount_left -= principal
        left -= fare + principal
    return money - left


def _a_day(amount: int, rate: float) -> int:
    """One day's interest on ``amount`` mills, rounded half up to 0.01 yuan."""
    whole = _YEAR_BILLIONTHS * CENT
    return (2 * amount * billionths(rate) + whole) // (2 * whole) * CENT
