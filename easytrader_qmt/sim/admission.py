"""Whether the simulated counter takes an order, and what it will then do.

Decides from the market, the account and the day's orders; never moves or tells anything.
"""

from __future__ import annotations

from easytrader_qmt.sim import refusals
from easytrader_qmt.sim.account import Account
from easytrader_qmt.sim.credit import CreditDesk
from easytrader_qmt.sim.daybook import DayBook
from easytrader_qmt.sim.execution import Execution
from easytrader_qmt.sim.hours import CLOSED, CONTINUOUS
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.market import Market
from easytrader_qmt.sim.matching import Plan, plan_order
from easytrader_qmt.sim.new_issues import ISSUES, NO_TAKING_BACK, check_subscription
from easytrader_qmt.sim.order import ISSUE, LIVE, Order
from easytrader_qmt.sim.order_verbs import CASH_BACK, SLO_SELL, Verb
from easytrader_qmt.sim.refusals import OrderTerms, Refusal

MONEY = "money"
"""The ``kind`` of 直接还款 when its placeholder code is no security."""


class Admission:
    """The gate of one counter."""

    def __init__(self, market: Market, day: DayBook, execution: Execution, credit: CreditDesk) -> None:
        self._market = market
        self._day = day
        self._execution = execution
        self._credit = credit

    def named(self, stock_code: str, verb: Verb) -> tuple[str, str] | None:
        """Name and kind of what a code stands for; None when it stands for nothing."""
        instrument = self._market.find(stock_code)
        if instrument is not None:
            return instrument.name, instrument.kind
        if stock_code in ISSUES:
            return ISSUES[stock_code].name, ISSUE
        return ("", MONEY) if verb.deed == CASH_BACK else None

    def subscription(self, account: Account, order: Order, sent: OrderTerms, phase: str) -> Refusal | None:
        """Why a subscription to a new issue is refused, if it is."""
        today = self._day.orders[account.account_id].values()
        on_margin = account.credit is not None
        return check_subscription(ISSUES[order.stock_code], sent, order.order_type, on_margin, today, phase)

    def direct(self, account: Account, order: Order, sent: OrderTerms, phase: str) -> Refusal | int:
        """The mills a direct repayment takes, or why it is refused."""
        if phase == CLOSED:
            return refusals.CLOSED_NOW
        return self._credit.check_direct(account, order, sent)

    @staticmethod
    def cancel(order: Order | None, in_time: bool) -> Order | Refusal:
        """The order that a cancel will end, or why it may not; not ``in_time``: none may now."""
        if order is None:
            return refusals.NO_SUCH_ORDER
        if not order.open:
            return NO_TAKING_BACK if order.status in LIVE else refusals.FINAL_ORDER
        return order if in_time else refusals.NO_CANCEL_NOW

    def trade(
        self,
        account: Account,
        instrument: Instrument,
        order: Order,
        sent: OrderTerms,
        phase: str,
        protect_price_required: bool,
    ) -> Plan | Refusal:
        """What an order at the exchange will do, or why it may not."""
        ladder = self._market.ladder(order.stock_code)
        refusal = refusals.check_order(instrument, ladder, sent, phase, protect_price_required)
        refusal = refusal or self._credit.check_terms(account, instrument, ladder, order, sent)
        if refusal is not None:
            return refusal
        if order.lending and order.buying:
            return refusals.NO_PLEDGE
        if not order.spends and order.verb.deed != SLO_SELL:
            held = account.positions.get(order.stock_code)
            refusal = refusals.check_sale(instrument, order.order_volume, held.can_use_volume if held else 0)
            if refusal is not None:
                return refusal
        price = sent.price_mills(instrument.exchange)
        matched = phase == CONTINUOUS
        plan = plan_order(order.price_type, order.buying, order.order_volume, price, ladder, matched)
        needed = self._execution.needed(order, plan.reserve_price)
        return self._credit.check_means(account, instrument, order, needed) or plan
