"""What freezing, ending and filling an order does to an account, one way per deed.

Called by the counter's execution after everything was decided; never decides, and tells nobody.
"""

from __future__ import annotations

from dataclasses import dataclass

from easytrader_qmt.sim.account import Account
from easytrader_qmt.sim.money import CENT, MILLS
from easytrader_qmt.sim.order import Order
from easytrader_qmt.sim.order_verbs import BUY_REPAY, FIN_BUY, SELL_REPAY, SLO_SELL

_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class Moved:
    """One fill: price and worth in mills, fees in mills, ``still`` mills to keep reserved for the rest."""

    price: int
    volume: int
    worth: int
    fees: int
    still: int
    t0: bool
    now: float


def freeze(account: Account, order: Order, amount: int) -> None:
    """Put aside for what is left of ``order``: ``amount`` mills, or the shares it sells."""
    deed = order.verb.deed
    if deed in (FIN_BUY, SLO_SELL):
        order.reserved = amount
    elif deed == BUY_REPAY:
        _reserve_repayment(account, order, amount)
    elif order.spends:
        account.reserve(order, amount)
    else:
        account.positions[order.stock_code].frozen_volume += order.remaining


def keep(account: Account, order: Order, amount: int) -> None:
    """Put aside exactly ``amount`` mills from now on; shares stay as they are."""
    if order.spends or order.verb.deed == SLO_SELL:
        freeze(account, order, amount)


def free(account: Account, order: Order) -> None:
    """Give back what is put aside: the order ends."""
    if order.spends or order.verb.deed == SLO_SELL:
        freeze(account, order, 0)
    else:
        account.positions[order.stock_code].frozen_volume -= order.remaining
    release(account)


def fill(account: Account, order: Order, moved: Moved) -> None:
    """Money and shares of one fill change hands."""
    deed = order.verb.deed
    if deed == FIN_BUY:
        _financed(account, order, moved)
    elif deed == SLO_SELL:
        _sold_short(account, order, moved)
    elif deed == BUY_REPAY:
        _bought_back(account, order, moved)
    elif order.spends:
        account.pay(order, moved.worth + moved.fees, moved.still)
        if order.lending:
            account.lent += moved.worth
            account.interest += _interest(moved.worth, moved.price)
        else:
            _bought(account, order, moved.volume, moved.worth, moved.fees, moved.t0)
    else:
        account.positions[order.stock_code].sold(moved.volume)
        brought = moved.worth - moved.fees
        book = account.credit
        if book is not None and deed == SELL_REPAY:
            brought -= book.repay(brought, order.verb.special)
        elif book is not None:
            # The exchanges' rule: what a security bought with borrowed money brings repays that money first.
            brought -= book.repay_bought(brought, order.stock_code)
        account.receive(brought)


def give_back_shares(account: Account, order: Order) -> None:
    """直接还券: held shares go to the lender."""
    held = account.positions[order.stock_code]
    held.frozen_volume += order.order_volume
    held.sold(order.order_volume)
    if account.credit is not None:
        account.credit.returned(order.stock_code, order.order_volume, order.verb.special)
    release(account)


def pay_back(account: Account, order: Order, amount: int) -> None:
    """直接还款: ``amount`` mills of free cash repay."""
    if account.credit is not None:
        used = account.credit.repay(amount, order.verb.special)
        account.cash -= used
        account.proceeds -= min(account.proceeds, used)


def release(account: Account) -> None:
    """Fees of returned shorts are paid, and short sales' money is free once no share is owed."""
    book = account.credit
    if book is None:
        return
    book.slo_cash -= book.pay_slo_fares(book.slo_cash)
    account.cash += book.released()
    paid = book.pay_slo_fares(account.cash)
    account.cash -= paid
    account.proceeds -= min(account.proceeds, paid)


def _reserve_repayment(account: Account, order: Order, amount: int) -> None:
    """Short sales' money is put aside first, cash for the rest."""
    book = account.credit
    if book is None:
        return
    book.slo_cash += order.reserved_slo
    book.slo_frozen -= order.reserved_slo
    order.reserved_slo = min(amount, book.slo_cash)
    book.slo_cash -= order.reserved_slo
    book.slo_frozen += order.reserved_slo
    account.reserve(order, amount - order.reserved_slo)


def _financed(account: Account, order: Order, moved: Moved) -> None:
    order.reserved = moved.still
    _bought(account, order, moved.volume, moved.worth, moved.fees, moved.t0)
    if account.credit is not None:
        account.credit.opened(order, moved.volume, moved.worth + moved.fees, moved.now)


def _sold_short(account: Account, order: Order, moved: Moved) -> None:
    order.reserved = moved.still
    if account.credit is not None:
        account.credit.slo_cash += moved.worth - moved.fees
        account.credit.opened(order, moved.volume, moved.worth, moved.now)


def _bought_back(account: Account, order: Order, moved: Moved) -> None:
    book = account.credit
    if book is None:
        return
    due = moved.worth + moved.fees
    _reserve_repayment(account, order, due + moved.still)
    from_slo = min(due, order.reserved_slo)
    book.slo_frozen -= from_slo
    order.reserved_slo -= from_slo
    account.pay(order, due - from_slo, order.reserved - (due - from_slo))
    back = min(moved.volume, book.owed_shares(order.stock_code, order.verb.special))
    book.returned(order.stock_code, back, order.verb.special)
    over = moved.volume - back
    if over:
        worth = moved.worth * over // moved.volume
        _bought(account, order, over, worth, moved.fees * over // moved.volume, moved.t0)
    release(account)


def _bought(account: Account, order: Order, volume: int, worth: int, fees: int, t0: bool) -> None:
    account.position(order.stock_code, order.instrument_name).bought(volume, worth, fees, t0)


def _interest(principal: int, rate: int) -> int:
    """One day's interest on ``principal`` mills at ``rate`` thousandths of a percent a year, to 0.01 yuan."""
    parts = 100 * MILLS * _YEAR_DAYS * CENT
    return (2 * principal * rate + parts) // (2 * parts) * CENT
