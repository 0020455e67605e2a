"""A margin account's figures at one moment: debts, margin, maintenance ratio, quotas, and its detail row.

Pure arithmetic over what it is given, after the exchanges' rules for margin trading (保证金可用余额, 维持担保比例).
Never moves anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from easytrader_qmt.sim.account import Account
from easytrader_qmt.sim.credit_compacts import CreditBook
from easytrader_qmt.sim.credit_terms import CreditTerms, SecurityTerms, counted, is_stock, required
from easytrader_qmt.sim.money import whole_mills, yuan
from easytrader_qmt.sim.order import Order
from easytrader_qmt.sim.order_verbs import FIN_BUY, SLO_SELL

NO_DEBT_RATIO = 999.0
"""维持担保比例 of an account that owes nothing: there is no ratio, and no alarm may go off."""


@dataclass(frozen=True, slots=True)
class Security:
    """What the figures need of one security: its kind, last price in mills, and margin terms."""

    kind: str
    last: int
    terms: SecurityTerms


@dataclass(frozen=True, slots=True)
class Picture:
    """The figures, in mills; ``ratio`` is 维持担保比例 as a fraction, ``margin`` 可用保证金 (may be negative)."""

    total: int
    stock_value: int
    fund_value: int
    market_value: int
    cost: int
    fin_principal: int
    fin_fare: int
    slo_value: int
    slo_fare: int
    slo_sold: int
    fin_used: int
    slo_used: int
    fin_max: int
    slo_max: int
    margin: int
    fetchable: int
    slo_cash: int
    slo_frozen: int

    @property
    def debt(self) -> int:
        """Everything owed."""
        return self.fin_principal + self.fin_fare + self.slo_value + self.slo_fare

    @property
    def ratio(self) -> float:
        """维持担保比例; `NO_DEBT_RATIO` when nothing is owed."""
        return self.total / self.debt if self.debt else NO_DEBT_RATIO

    @property
    def fin_free(self) -> int:
        """融资可用额度."""
        return max(0, self.fin_max - self.fin_used)

    @property
    def slo_free(self) -> int:
        """融券可用额度."""
        return max(0, self.slo_max - self.slo_used)

    def row(self, account: Account, now: float) -> dict[str, Any]:
        """The XtCreditDetail row. 冻结额度 is what debts and waiting orders use; interest counts as debt."""
        return {
            "account_type": account.account_type,
            "account_id": account.account_id,
            "status": 0,
            "update_time": int(now),
            "calc_config": 0,
            "frozen_cash": yuan(account.frozen + self.slo_frozen),
            "balance": yuan(self.total),
            "available": yuan(account.cash),
            "position_profit": yuan(self.market_value - self.cost),
            "market_value": yuan(self.market_value),
            "fetch_balance": yuan(self.fetchable),
            "stock_value": yuan(self.stock_value),
            "fund_value": yuan(self.fund_value),
            "total_debt": yuan(self.debt),
            "enable_bail_balance": yuan(self.margin),
            "per_assurescale_value": self.ratio,
            "assure_asset": yuan(self.total - self.debt),
            "fin_debt": yuan(self.fin_principal + self.fin_fare),
            "fin_deal_avl": yuan(self.fin_principal),
            "fin_fee": yuan(self.fin_fare),
            "slo_debt": yuan(self.slo_value + self.slo_fare),
            "slo_market_value": yuan(self.slo_value),
            "slo_fee": yuan(self.slo_fare),
            "other_fare": 0.0,
            "fin_max_quota": yuan(self.fin_max),
            "fin_enable_quota": yuan(self.fin_free),
            "fin_used_quota": yuan(self.fin_used),
            "slo_max_quota": yuan(self.slo_max),
            "slo_enable_quota": yuan(self.slo_free),
            "slo_used_quota": yuan(self.slo_used),
            "slo_sell_balance": yuan(self.slo_cash + self.slo_frozen),
            "used_slo_sell_balance": yuan(self.slo_frozen),
            "surplus_slo_sell_balance": yuan(self.slo_cash),
        }


def picture(
    account: Account,
    book: CreditBook,
    waiting: Iterable[Order],
    terms: CreditTerms,
    look: Callable[[str], Security],
) -> Picture:
    """The figures of an account with ``waiting`` live orders; ``look`` tells of a security by full code."""
    values = {code: held.volume * look(code).last for code, held in account.positions.items()}
    market_value = sum(values.values())
    waiting = list(waiting)
    fin_waiting = [order for order in waiting if order.verb.deed == FIN_BUY]
    slo_waiting = [order for order in waiting if order.verb.deed == SLO_SELL]
    fin = [one for one in book.compacts if not one.slo]
    slo = [one for one in book.compacts if one.slo]
    total = account.cash + account.frozen + account.lent + book.slo_cash + book.slo_frozen + market_value
    slo_value = sum(one.owed * look(one.stock_code).last for one in slo)
    principal, fin_fare = sum(one.amount_left for one in fin), sum(one.fare_left for one in fin)
    slo_sold, slo_fare = sum(one.amount_left for one in slo), sum(one.fare_left for one in slo)
    debt = principal + fin_fare + slo_value + slo_fare
    fetchable = max(0, account.cash - account.proceeds)
    if debt:
        fetchable = max(0, min(fetchable, total - required(debt, terms.fetch_ratio)))
    margin = account.cash + book.slo_cash + book.slo_frozen - slo_sold - fin_fare - slo_fare
    margin += _collateral(account, book, look)
    for one in slo:
        security = look(one.stock_code)
        value = one.owed * security.last
        margin += _result(one.amount_left - value, security) - required(value, security.terms.slo_ratio)
    margin -= sum(required(one.amount_left, look(one.stock_code).terms.fin_ratio) for one in fin)
    margin -= sum(required(order.reserved, look(order.stock_code).terms.fin_ratio) for order in fin_waiting)
    margin -= sum(required(order.reserved, look(order.stock_code).terms.slo_ratio) for order in slo_waiting)
    return Picture(
        total=total,
        stock_value=sum(value for code, value in values.items() if is_stock(look(code).kind)),
        fund_value=sum(value for code, value in values.items() if look(code).kind == "fund"),
        market_value=market_value,
        cost=sum(held.cost for held in account.positions.values()),
        fin_principal=principal,
        fin_fare=fin_fare,
        slo_value=slo_value,
        slo_fare=slo_fare,
        slo_sold=slo_sold,
        fin_used=principal + sum(order.reserved for order in fin_waiting),
        slo_used=slo_sold + sum(order.reserved for order in slo_waiting),
        fin_max=whole_mills(terms.fin_limit, "融资授信额度"),
        slo_max=whole_mills(terms.slo_limit, "融券授信额度"),
        margin=margin,
        fetchable=fetchable,
        slo_cash=book.slo_cash,
        slo_frozen=book.slo_frozen,
    )


def _collateral(account: Account, book: CreditBook, look: Callable[[str], Security]) -> int:
    """What the shares count for: own ones at their ratio, those bought on margin with their profit or loss."""
    financed: dict[str, tuple[int, int]] = {}
    for one in book.compacts:
        if not one.slo:
            volume, principal = financed.get(one.stock_code, (0, 0))
            financed[one.stock_code] = (volume + one.volume_left, principal + one.amount_left)
    worth = 0
    for code in {*account.positions, *financed}:
        held = account.positions.get(code)
        volume, (bought, principal) = held.volume if held else 0, financed.get(code, (0, 0))
        security, still = look(code), min(volume, bought)
        worth += counted((volume - still) * security.last, security.terms.assure_ratio)
        worth += _result(still * security.last - principal, security)
    return worth


def _result(profit: int, security: Security) -> int:
    """A profit counts at the security's ratio, a loss in full."""
    return counted(profit, security.terms.assure_ratio) if profit > 0 else profit
