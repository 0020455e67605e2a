"""How an order's life moves money, shares and liquidity, and the events that tell of it.

Acts on what the counter decided: reject, accept, fill, cancel. Never decides whether an order may be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from easytrader_qmt.sim import moves
from easytrader_qmt.sim.account import Account
from easytrader_qmt.sim.daybook import DayBook, Row
from easytrader_qmt.sim.fees import Charges, FeeSchedule
from easytrader_qmt.sim.market import Market
from easytrader_qmt.sim.matching import LATEST, MINE, PEER, Fill, Plan
from easytrader_qmt.sim.money import yuan
from easytrader_qmt.sim.order import (
    CANCELLED,
    FILLED,
    JUNK,
    PARTLY_CANCELLED,
    PARTLY_FILLED,
    Order,
)
from easytrader_qmt.sim.order_verbs import SHARES_BACK
from easytrader_qmt.sim.outcomes import Event, order_error


class Execution:
    """The movements at one counter. Prices in mills; ``fetchable`` tells what may leave an account."""

    def __init__(
        self, market: Market, fees: FeeSchedule, day: DayBook, fetchable: Callable[[Account], int]
    ) -> None:
        self._market = market
        self._fetchable = fetchable
        self._fees = fees
        self._day = day

    def needed(self, order: Order, price: int) -> int:
        """Mills to keep for what is left of an order at ``price``: the money and the fees to come.

        Of 融资买入 and 融券卖出 it is the quota they take.
        """
        if not (order.spends or order.sells_short) or not order.remaining:
            return 0
        worth = order.worth(price, order.remaining)
        if order.sells_short:
            return worth
        return worth + self._fees.charges(order.kind, False, order.amount + worth).total - order.charged

    def reject(self, order: Order, text: str, seq: int) -> list[Event]:
        """The counter refused: the order goes on the books as junk (57), then its order_error follows.

        An order placed by hand has no order_error: that push belongs to clients' orders.
        """
        order.status, order.status_msg = JUNK, text
        self._day.add(order)
        told = [Event(order.account_id, "order", order.row())]
        if order.order_id:
            told.append(order_error(order, text, seq))
        return told

    def report(self, order: Order) -> list[Event]:
        """The counter took a subscription: on the books as reported (50), and nothing moves."""
        self._day.add(order)
        return [Event(order.account_id, "order", order.row())]

    def direct(self, account: Account, order: Order, amount: int) -> list[Event]:
        """A repayment the counter does by itself: reported, then done (56) at once, without a trade."""
        told = self.report(order)
        if order.verb.deed == SHARES_BACK:
            moves.give_back_shares(account, order)
        else:
            moves.pay_back(account, order, amount)
        order.traded_volume, order.status = order.order_volume, FILLED
        self._day.touch_order(order)
        self._day.touch(account)
        return [*told, Event(account.account_id, "order", order.row()), *self._holdings(account, order)]

    def accept(self, account: Account, order: Order, plan: Plan, now: float) -> list[Event]:
        """The exchange took it: reported (50), then its fills; the rest waits or is cancelled as planned."""
        self._day.add(order)
        self._freeze(account, order, plan.reserve_price)
        if order.price_type in (LATEST, PEER, MINE):
            order.price = yuan(plan.rest_price)
        told = [Event(account.account_id, "order", order.row())]
        for fill in plan.fills:
            told += self.fill(account, order, fill, plan.reserve_price, now)
        if not order.remaining:
            return told
        if not plan.rest_price:
            return told + self.cancel(account, order)
        order.limit = plan.rest_price
        frozen = order.reserved, order.reserved_slo
        moves.keep(account, order, self.needed(order, order.limit))
        moved = (order.reserved, order.reserved_slo) != frozen or not plan.fills
        return told + self._holdings(account, order) if moved else told

    def fill(self, account: Account, order: Order, fill: Fill, reserve_price: int, now: float) -> list[Event]:
        """One fill: trade, order, asset and position events, in this order.

        The rest of the order stays frozen at ``reserve_price`` mills.
        """
        instrument = self._market.instrument(order.stock_code)
        charges = self._charge(order, fill)
        order.traded_volume += fill.volume
        order.turnover += fill.price * fill.volume
        order.commission += charges.commission
        order.stamp_duty += charges.stamp_duty
        order.transfer_fee += charges.transfer_fee
        order.status = PARTLY_FILLED if order.remaining else FILLED
        worth, still = order.worth(fill.price, fill.volume), self.needed(order, reserve_price)
        moves.fill(
            account,
            order,
            moves.Moved(fill.price, fill.volume, worth, charges.total, still, instrument.t0, now),
        )
        self._market.consume(order.stock_code, order.buying, fill.price, fill.volume, now)
        trade = order.trade_row(self._day.traded_id(now), now, fill.price, fill.volume, charges.commission)
        self._day.add_trade(trade)
        self._day.touch_order(order)
        self._day.touch(account)
        told = [Event(account.account_id, "trade", trade), Event(account.account_id, "order", order.row())]
        return told + self._holdings(account, order)

    def cancel(self, account: Account, order: Order) -> list[Event]:
        """End what is left of an order and free what was frozen: order, asset and position events."""
        moves.free(account, order)
        order.status = PARTLY_CANCELLED if order.traded_volume else CANCELLED
        self._day.touch_order(order)
        self._day.touch(account)
        return [Event(account.account_id, "order", order.row()), *self._holdings(account, order)]

    def _freeze(self, account: Account, order: Order, price: int) -> None:
        moves.freeze(account, order, self.needed(order, price))
        self._day.touch(account)

    def _holdings(self, account: Account, order: Order) -> list[Event]:
        """Asset and, where the order moves or freezes shares, position as they now stand."""
        told = [self.asset(account)]
        if order.stock_code in account.positions and (order.traded_volume or not order.buying):
            told += self.positions(account, [order.stock_code])
        return told

    def asset(self, account: Account) -> Event:
        """The account's asset event."""
        return Event(account.account_id, "asset", self.asset_row(account))

    def asset_row(self, account: Account) -> Row:
        """The account's XtAsset row."""
        return account.asset_row(self.last, self._fetchable(account))

    def positions(self, account: Account, codes: Iterable[str]) -> list[Event]:
        """The position events of these securities."""
        return [
            Event(
                account.account_id, "position", account.position_row(account.positions[code], self.last(code))
            )
            for code in codes
        ]

    def last(self, stock_code: str) -> int:
        """A security's last price in mills."""
        return self._market.ladder(stock_code).last

    def _charge(self, order: Order, fill: Fill) -> Charges:
        """What this fill owes: the order's fees so far and now, less what was charged already.

        A sale never pays more than it brings, so that a tiny one cannot push cash below nothing; what it
        still owes is taken from the order's next fills.
        """
        selling = not order.spends
        worth = order.worth(fill.price, fill.volume)
        due = self._fees.charges(order.kind, selling, order.amount + worth)
        purse = worth if selling else due.total
        stamp = min(due.stamp_duty - order.stamp_duty, purse)
        transfer = min(due.transfer_fee - order.transfer_fee, purse - stamp)
        commission = min(due.commission - order.commission, purse - stamp - transfer)
        return Charges(commission, stamp, transfer)
