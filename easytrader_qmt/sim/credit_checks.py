"""Why the simulated counter refuses an order of a margin account: pure checks over its figures.

The numbers are this simulation's own, in the form of a counter's. Never moves anything.
"""

from __future__ import annotations

from easytrader_qmt.sim.account import Account
from easytrader_qmt.sim.credit_compacts import CreditBook
from easytrader_qmt.sim.credit_picture import Picture
from easytrader_qmt.sim.credit_terms import CreditTerms, SecurityTerms, required
from easytrader_qmt.sim.instruments import Instrument
from easytrader_qmt.sim.ladder import Ladder
from easytrader_qmt.sim.matching import LATEST, LIMIT
from easytrader_qmt.sim.money import mills
from easytrader_qmt.sim.order import Order
from easytrader_qmt.sim.order_verbs import BUY_REPAY, FIN_BUY, SELL_REPAY, SHARES_BACK, SLO_SELL
from easytrader_qmt.sim.refusals import CASH_SHORT, NOT_A_PRICE, SHARES_SHORT, WRONG_LOT, OrderTerms, Refusal

FIN_LIMIT_SHORT = Refusal(260210, "融资可用额度不足")
SLO_LIMIT_SHORT = Refusal(260211, "融券可用额度不足")
NOT_FIN_SUBJECT = Refusal(260212, "该证券不是融资标的")
NOT_SLO_SUBJECT = Refusal(260213, "该证券不是融券标的")
LENDABLE_SHORT = Refusal(260214, "可融券数量不足")
MARGIN_SHORT = Refusal(260215, "可用保证金不足")
NO_FIN_DEBT = Refusal(260216, "没有可归还的融资负债")
NO_SLO_DEBT = Refusal(260217, "没有可归还的融券负债")
REPAYS_TOO_MUCH = Refusal(260218, "归还金额超过未还负债")
RETURNS_TOO_MANY = Refusal(260219, "归还数量超过未还融券数量")
NOT_COLLATERAL = Refusal(260220, "该证券不是可充抵保证金证券")
SLO_BELOW_LAST = Refusal(260221, "融券卖出价格不得低于最新成交价")
SLO_BY_LIMIT_ONLY = Refusal(260222, "融券卖出只接受限价委托")
RATIO_LOW = Refusal(260223, "维持担保比例低于平仓线，不允许新开仓")
NOT_A_CREDIT_ACCOUNT = Refusal(260224, "非信用账号不允许此类委托")


def check_kind(
    instrument: Instrument,
    ladder: Ladder,
    order: Order,
    sent: OrderTerms,
    terms: SecurityTerms,
) -> Refusal | None:
    """Whether margin trading allows this deed in this security at this price at all."""
    deed = order.verb.deed
    if deed == FIN_BUY:
        return None if terms.fin else NOT_FIN_SUBJECT
    if deed != SLO_SELL:
        return None if terms.assure_ratio > 0 or deed != "plain" or not order.spends else NOT_COLLATERAL
    if not terms.slo:
        return NOT_SLO_SUBJECT
    if sent.price_type not in (LATEST, LIMIT):
        return SLO_BY_LIMIT_ONLY
    over = sent.volume - instrument.min_volume
    if over < 0 or over % instrument.step:
        return WRONG_LOT
    low = sent.price_type == LIMIT and sent.price_mills(instrument.exchange) < ladder.last
    return SLO_BELOW_LAST if low else None


def check_repayment(instrument: Instrument, order: Order, book: CreditBook, waiting: int) -> Refusal | None:
    """Whether there is so much to repay; ``waiting`` shares are on their way in other 买券还券 orders.

    买券还券 may exceed what is owed by less than a lot, as nothing smaller can be bought.
    """
    special, deed = order.verb.special, order.verb.deed
    if deed == SELL_REPAY:
        return None if book.owed_money(special) else NO_FIN_DEBT
    owed = book.owed_shares(order.stock_code, special)
    if not owed:
        return NO_SLO_DEBT
    most = max(0, owed - waiting)
    if deed == BUY_REPAY and most:
        most = max(-(-most // instrument.step) * instrument.step, instrument.min_volume)
    return RETURNS_TOO_MANY if order.order_volume > most else None


def check_opening(
    order: Order, needed: int, figures: Picture, terms: CreditTerms, security: SecurityTerms, lent: int
) -> Refusal | None:
    """Whether the account may owe ``needed`` mills more; ``lent`` shares of the security it has already."""
    if figures.ratio < terms.closing_ratio:
        return RATIO_LOW
    if order.verb.deed == FIN_BUY:
        if needed > figures.fin_free:
            return FIN_LIMIT_SHORT
        return MARGIN_SHORT if required(needed, security.fin_ratio) > figures.margin else None
    if lent + order.order_volume > security.pool(order.verb.special):
        return LENDABLE_SHORT
    if needed > figures.slo_free:
        return SLO_LIMIT_SHORT
    return MARGIN_SHORT if required(needed, security.slo_ratio) > figures.margin else None


def check_direct(
    account: Account, book: CreditBook, order: Order, sent: OrderTerms, waiting: int
) -> Refusal | int:
    """The mills that 直接还款 repays (0 for 直接还券), or why it may not be."""
    special = order.verb.special
    if order.verb.deed == SHARES_BACK:
        if order.order_volume <= 0:
            return WRONG_LOT
        owed = book.owed_shares(order.stock_code, special)
        if not owed:
            return NO_SLO_DEBT
        if order.order_volume > owed - waiting:
            return RETURNS_TOO_MANY
        held = account.positions.get(order.stock_code)
        return SHARES_SHORT if order.order_volume > (held.can_use_volume if held else 0) else 0
    amount = mills(sent.price)
    if amount is None or amount <= 0:
        return NOT_A_PRICE
    owed = book.owed_money(special)
    if not owed:
        return NO_FIN_DEBT
    if amount > owed:
        return REPAYS_TOO_MUCH
    return CASH_SHORT if amount > account.cash else amount
