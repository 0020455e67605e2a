"""The simulated broker's counter: takes, refuses, fills and cancels orders, with costs and T+1.

A state machine without threads, files or a clock: Unix seconds come with every call that needs them. Money
is exact (0.001 yuan); rows carry yuan as floats. Resting orders meet the market's quote, never each other.
"""

from __future__ import annotations

import math
from dataclasses import asdict
from numbers import Real
from typing import Any

from easytrader_qmt.sim import refusals
from easytrader_qmt.sim.account import Account, secu_account
from easytrader_qmt.sim.admission import Admission
from easytrader_qmt.sim.book import RestingOrders
from easytrader_qmt.sim.credit import CreditDesk
from easytrader_qmt.sim.credit_terms import CreditTerms
from easytrader_qmt.sim.daybook import DayBook, Row, merged
from easytrader_qmt.sim.execution import Execution
from easytrader_qmt.sim.fees import FeeSchedule
from easytrader_qmt.sim.hours import CONTINUOUS, may_cancel, phase
from easytrader_qmt.sim.market import Market
from easytrader_qmt.sim.matching import PRICE_TYPES, cross
from easytrader_qmt.sim.money import whole_mills
from easytrader_qmt.sim.order import PARTLY_CANCEL, REPORTED_CANCEL, Order
from easytrader_qmt.sim.order_verbs import VERBS, spoken
from easytrader_qmt.sim.outcomes import Cancelled, Event, Placed, cancel_error
from easytrader_qmt.sim.refusals import OrderTerms, Refusal
from easytrader_qmt.sim.transfers import TransferDesk

__all__ = ["Cancelled", "Counter", "Event", "Placed", "merged"]

STOCK_ACCOUNT_TYPE = 2


class Counter:
    """Accounts and their orders against a `Market`.

    ``trading_hours`` refuses orders outside the sessions of Asia/Shanghai, market orders in the auctions, and
    cancels where the exchanges do; ``protect_price_required`` refuses Shanghai and Beijing market orders
    without a protect price. Both may be switched at any time. ``credit`` knows the margin accounts (type 3),
    ``transfers`` the way to the 普通柜台. Rows and events are shared: readers never modify them.
    """

    def __init__(
        self,
        market: Market,
        fees: FeeSchedule | None = None,
        first_order_id: int = 1_082_130_433,
        *,
        trading_hours: bool = False,
        protect_price_required: bool = True,
        credit_terms: CreditTerms | None = None,
    ) -> None:
        self.trading_hours = trading_hours
        self.protect_price_required = protect_price_required
        self._fees = fees if fees is not None else FeeSchedule()
        self._market = market
        self._credit_terms = credit_terms if credit_terms is not None else CreditTerms()
        self._keep_books(DayBook(first_order_id))

    # --- accounts ------------------------------------------------------------------------------

    def open_account(
        self, account_id: str, account_type: int = STOCK_ACCOUNT_TYPE, cash: float = 0.0
    ) -> None:
        """Open an account with ``cash`` yuan. ValueError when it exists or the amount cannot be."""
        if not account_id or account_id in self._day.accounts:
            raise ValueError(f"资金账号 {account_id!r} 为空或已存在")
        amount = whole_mills(cash, "资金")
        if amount < 0:
            raise ValueError(f"资金 {cash!r} 不能为负")
        self._day.open(Account(account_id, account_type, amount))

    def deposit(self, account_id: str, yuan: float, now: float) -> list[Event]:
        """Bring in ``yuan``, or take it out with a negative amount. ValueError when that is not there."""
        account, amount = self._account(account_id), whole_mills(yuan, "资金")
        if account.cash + amount < 0:
            raise ValueError(f"资金账号 {account_id} 可用资金不足，不能转出 {-yuan!r} 元")
        account.cash += amount
        self._day.touch(account)
        return [self._execution.asset(account)]

    def hold(self, account_id: str, code: str, volume: int, price: float) -> list[Event]:
        """Give a position from yesterday, ``volume`` shares at ``price`` yuan, that can be sold at once.

        Raises `market.UnknownSecurity`, or ValueError for an unknown account, volume or price that cannot be.
        """
        account, instrument = self._account(account_id), self._market.instrument(code)
        shares = _shares(volume)
        cost = whole_mills(price, "成本价") * shares
        if cost < 0:
            raise ValueError(f"成本价 {price!r} 不能为负")
        held = account.position(instrument.stock_code, instrument.name)
        held.bought(shares, cost, 0, t0=True)
        held.yesterday_volume += shares
        self._day.touch(account)
        return [self._execution.asset(account), *self._execution.positions(account, [held.stock_code])]

    # --- orders --------------------------------------------------------------------------------

    def place(
        self,
        account_id: str,
        account_type: int,
        stock_code: str,
        order_type: int,
        volume: int,
        price_type: int,
        price: float,
        strategy_name: str,
        order_remark: str,
        now: float,
        seq: int = -1,
        by_hand: bool = False,
    ) -> Placed:
        """Take an order (types as in `order_verbs.VERBS`, price types as in `matching.PRICE_TYPES`) or refuse it.

        A good order is reported (50) and meets the quote at once. See `Placed` for the two ways of refusing.
        ``by_hand``: placed at the terminal itself, so without order_id, strategy and remark. 直接还款 takes its
        yuan from ``price`` and any placeholder for code and volume, 直接还券 only code and volume. A new issue
        is subscribed to by buying its code at its price: the order stays reported until the day ends.
        """
        account, verb = self._day.accounts.get(account_id), VERBS.get(order_type)
        if account is None or account.account_type != account_type:
            return _refused_by_terminal(f"资金账号 {account_id} 未登录或账号类型不符")
        if verb is None:
            return _refused_by_terminal(f"不支持的委托类型 {order_type}")
        named = self._admission.named(stock_code, verb)
        if named is None:
            return _refused_by_terminal(f"证券代码 {stock_code} 不存在")
        if price_type not in PRICE_TYPES:
            return _refused_by_terminal(f"不支持的报价类型 {price_type}")
        order = Order(
            serial=self._day.serial(),
            account_id=account_id,
            account_type=account_type,
            stock_code=stock_code,
            instrument_name=named[0],
            secu_account=secu_account(account_id, stock_code),
            kind=named[1],
            order_id=0 if by_hand else self._day.order_id(),
            order_time=int(now),
            order_type=order_type,
            order_volume=volume,
            price_type=price_type,
            price=price if math.isfinite(price) and price > 0 else 0.0,
            strategy_name="" if by_hand else strategy_name,
            order_remark="" if by_hand else order_remark,
        )
        terms = OrderTerms(order.buying, volume, price_type, price, spoken(verb, account.credit is not None))
        return Placed(order.order_id, 0, "", tuple(self._take(account, order, terms, now, seq)))

    def cancel(
        self, account_id: str, order_id: int = 0, order_sysid: str = "", market: int = -1, *, now: float
    ) -> Cancelled:
        """Cancel by ``order_id``, or by ``order_sysid`` and ``market`` (SH 0, SZ 1, BJ 70).

        An order that is unknown or final, or may not be cancelled at this time: result -1 and a cancel_error
        event. Nothing else happens then.
        """
        found = self._day.find(account_id, order_id, order_sysid, market)
        order = self._admission.cancel(found, not self.trading_hours or may_cancel(now))
        if isinstance(order, Refusal):
            text = refusals.cancel_text(found.stock_code if found else "", order)
            account = self._day.accounts.get(account_id)
            account_type = account.account_type if account else STOCK_ACCOUNT_TYPE
            error = cancel_error(account_id, account_type, order_id, order_sysid, market, text)
            return Cancelled(-1, order_id, order_sysid, text, (error,))
        self._resting.remove(order)
        order.status = PARTLY_CANCEL if order.traded_volume else REPORTED_CANCEL
        order.changed()
        asked = Event(account_id, "order", order.row())
        ended = self._execution.cancel(self._day.accounts[account_id], order)
        return Cancelled(0, order_id, order_sysid, "", (asked, *ended))

    def match(self, stock_code: str, now: float) -> list[Event]:
        """Fill resting orders that the quote now reaches, in price-time priority."""
        instrument = self._market.instrument(stock_code)
        if instrument.suspended or (self.trading_hours and phase(now) != CONTINUOUS):
            return []
        events: list[Event] = []
        for buying in (True, False):
            while (order := self._resting.best(instrument.stock_code, buying)) is not None:
                levels = self._market.ladder(instrument.stock_code).opposing(buying)
                fills = cross(levels, buying, order.remaining, order.limit)
                if not fills:
                    break
                account = self._day.accounts[order.account_id]
                for fill in fills:
                    events += self._execution.fill(account, order, fill, order.limit, now)
                if not order.remaining:
                    self._resting.remove(order)
        return events

    def settle(self, now: float) -> list[Event]:
        """End the day.

        What rests is cancelled, T+1 shares become available, repo money returns with interest, margin
        debts cost a day's interest, empty positions vanish, today's orders and trades leave the books, and
        the market rolls.
        """
        events: list[Event] = []
        for account in self._day.accounts.values():
            for order in list(self._day.live[account.account_id].values()):
                self._resting.remove(order)
                events += self._execution.cancel(account, order)
        self._day.next_day()
        self._market.roll()
        for account in self._day.accounts.values():
            account.settle()
            self.credit.settle(account)
            self._day.touch(account)
            events.append(self._execution.asset(account))
            events += self._execution.positions(account, account.positions)
        return events

    # --- queries -------------------------------------------------------------------------------

    def orders(self, account_id: str, cancelable: bool = False, order_id: int = 0) -> list[Row]:
        """Today's orders, oldest first; only those that can be cancelled, or the one with ``order_id``."""
        if order_id:
            order = self._day.find(account_id, order_id)
            return [order.row()] if order is not None else []
        orders = (self._day.live if cancelable else self._day.orders).get(account_id, {})
        return [order.row() for order in orders.values()]

    def trades(self, account_id: str) -> list[Row]:
        """Today's trades, oldest first."""
        return list(self._day.trades.get(account_id, ()))

    def positions(self, account_id: str, stock_code: str = "") -> list[Row]:
        """The positions, or the one in ``stock_code``; what was sold out today stays with volume 0."""
        account = self._day.accounts.get(account_id)
        if account is None:
            return []
        codes = [code for code in account.positions if not stock_code or code == stock_code]
        return [account.position_row(account.positions[code], self._execution.last(code)) for code in codes]

    def asset(self, account_id: str) -> Row | None:
        """The account's asset row, None for an unknown account."""
        account = self._day.accounts.get(account_id)
        return self._execution.asset_row(account) if account else None

    def account_infos(self) -> list[Row]:
        """The accounts."""
        return [account.account_row() for account in self._day.accounts.values()]

    def account_status(self) -> list[Row]:
        """The accounts' states; every simulated account is in order."""
        return [account.status_row() for account in self._day.accounts.values()]

    # --- kept between runs ---------------------------------------------------------------------

    def state(self) -> Row:
        """Everything but the market, JSON-able; `Counter.restore` makes the same counter from it."""
        return {"settings": self._settings(), **self._day.state()}

    def changes(self) -> Row:
        """What changed since the last call, in the form of `state`; `merged` brings a state up to date.

        A changed account comes whole with its positions, an order whole; trades are new ones.
        """
        return {"settings": self._settings(), **self._day.changes()}

    @classmethod
    def restore(cls, state: Row, market: Market) -> Counter:
        """The counter that ``state`` was taken from, on a market that lists its securities."""
        settings = dict(state["settings"])
        fees, terms = FeeSchedule(**settings.pop("fees")), CreditTerms(**settings.pop("credit_terms", {}))
        counter = cls(market, fees, credit_terms=terms, **settings)
        counter._keep_books(DayBook.restore(state))
        return counter

    # --- inside --------------------------------------------------------------------------------

    def _keep_books(self, day: DayBook) -> None:
        self._day = day
        self.credit = CreditDesk(self._market, day, self._credit_terms)
        self._execution = Execution(self._market, self._fees, day, self.credit.fetchable)
        self.transfers = TransferDesk(day, self._execution, self.credit)
        self._admission = Admission(self._market, day, self._execution, self.credit)
        self._resting = RestingOrders()
        for live in day.live.values():
            for order in live.values():
                self._resting.add(order)

    def _settings(self) -> Row:
        return {
            "fees": asdict(self._fees),
            "trading_hours": self.trading_hours,
            "protect_price_required": self.protect_price_required,
            "credit_terms": self.credit.terms.state(),
        }

    def _account(self, account_id: str) -> Account:
        account = self._day.accounts.get(account_id)
        if account is None:
            raise ValueError(f"资金账号 {account_id!r} 不存在")
        return account

    def _take(self, account: Account, order: Order, terms: OrderTerms, now: float, seq: int) -> list[Event]:
        """Decide on an order and do what follows."""
        session = phase(now) if self.trading_hours else CONTINUOUS
        instrument = self._market.find(order.stock_code)
        refusal: Refusal | None
        if order.verb.direct:
            amount = self._admission.direct(account, order, terms, session)
            if not isinstance(amount, Refusal):
                return self._execution.direct(account, order, amount)
            refusal = amount
        elif instrument is None:
            refusal = self._admission.subscription(account, order, terms, session)
            if refusal is None:
                return self._execution.report(order)
        else:
            protect = self.protect_price_required
            plan = self._admission.trade(account, instrument, order, terms, session, protect)
            if not isinstance(plan, Refusal):
                events = self._execution.accept(account, order, plan, now)
                if order.open:
                    self._resting.add(order)
                return events
            refusal = plan
        spoken_of = refusals.direct_text if order.verb.direct else refusals.refusal_text
        return self._execution.reject(order, spoken_of(terms, order.stock_code, refusal), seq)


def _shares(volume: Any) -> int:
    """A number of shares, whole and positive. ValueError for anything else, True included."""
    number = isinstance(volume, Real) and not isinstance(volume, bool)
    if not number or not math.isfinite(volume) or volume <= 0 or volume != int(volume):
        raise ValueError(f"持仓数量 {volume!r} 应为正整数（股）")
    return int(volume)


def _refused_by_terminal(text: str) -> Placed:
    return Placed(-1, -1, text, ())
